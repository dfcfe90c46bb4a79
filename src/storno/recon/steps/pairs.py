"""Pairs and what they mean: lines gathered under their transaction, judged by the rules, held or found.

Rule: every line that goes on is in exactly one pair, every transaction of ours in exactly one per leg. The first rule
that holds names the pair. A one-sided pair that is not due yet is held, one outside the period is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill, text
from storno.statements.digest import key_hash

if TYPE_CHECKING:
    from storno.recon.finding import Rule
    from storno.recon.steps.sides import Shaping

WAITS = frozenset({
    "approved_not_settled", "booked_not_settled", "settled_not_booked", "refund_without_sale", "terminal_not_booked",
    "booked_not_on_terminal", "deposit_short", "deposit_over",
})  # fmt: skip
"""Rules whose one-sided pairs wait in the holding pool first: the other side may only be late."""

# A second line of a settled transaction whose RRN was damaged: the first one took the transaction out of sight.
_TWIN_BITS = (1 << 20) - 1
_TWIN_KEYS = """
SELECT DISTINCT $key AS b FROM alone_n AS l JOIN days AS d ON l.at_n = d.n
WHERE l.stan <> '' AND l.tid <> '' AND l.live = 1
"""
_TWINS = """
SELECT row_id, min(key) AS key FROM (
    SELECT l.row_id, b.tid || '/' || b.mid || '/' || b.batch || '/' || b.stan || '/' || b.day AS key
    FROM alone_n AS l JOIN days AS d ON l.at_n = d.n
        JOIN twin_books AS b ON l.tid = b.tid AND l.stan = b.stan AND d.day = b.day AND l.amount = b.effect
            AND l.klass = b.klass AND l.currency = b.currency
    WHERE l.stan <> '' AND l.tid <> '' AND l.live = 1
) AS t ANTI JOIN (
    SELECT tid || '/' || mid || '/' || batch || '/' || stan || '/' || day AS key FROM free_n_0
) AS f ON t.key = f.key
GROUP BY row_id HAVING count(*) = 1
"""
_NO_TWINS = "SELECT row_id, '' AS key FROM alone_t WHERE FALSE"
_KEYED = """
SELECT l.*, coalesce(t.key, '') AS twin, CASE WHEN t.key IS NOT NULL THEN t.key WHEN rrn <> '' THEN rrn
    WHEN tid <> '' AND stan <> '' THEN tid || '/' || mid || '/' || batch || '/' || stan || '/' || day
    WHEN reference <> '' THEN reference ELSE l.row_id END AS key
FROM alone_$s AS l LEFT JOIN twins_$s AS t ON l.row_id = t.row_id
"""
_GROUPED = """
SELECT k.tx_id, '' AS key, '' AS twin, k.rank, b.klass AS own, b.mid AS b_mid, b.tid AS b_tid, $columns
FROM lines_$s AS l JOIN links_$s AS k ON l.row_id = k.row_id JOIN matchable_$s AS b ON k.tx_id = b.tx_id
WHERE k.rank > 0
UNION ALL
SELECT '' AS tx_id, l.key, l.twin, 0 AS rank, g.own, l.mid AS b_mid, l.tid AS b_tid, $columns
FROM keyed_$s AS l JOIN (
    SELECT key, currency, CASE min(CASE klass WHEN 'pay' THEN 1 WHEN 'ref' THEN 2 WHEN 'void' THEN 3 ELSE 4 END)
        WHEN 1 THEN 'pay' WHEN 2 THEN 'ref' WHEN 3 THEN 'void' ELSE 'rev' END AS own
    FROM keyed_$s GROUP BY key, currency
) AS g ON l.key = g.key AND l.currency = g.currency
"""
_COLUMNS = (
    "l.row_id, l.klass, l.live, l.amount, l.currency, l.paid_fee, l.due_fee, l.learned_from, l.mid, l.tid, l.rrn, "
    "l.day, l.day_n"
)
_GATHERED = """
SELECT tx_id, key, currency, max(twin) AS twin, max(own) AS own, max(rank) AS rank, count(*) AS o_lines,
    CAST(sum(CASE WHEN klass = own THEN 1 ELSE 0 END) AS BIGINT) AS o_pay,
    CAST(sum(CASE WHEN klass = 'rev' AND own <> 'rev' THEN 1 ELSE 0 END) AS BIGINT) AS o_rev,
    CAST(sum(CASE WHEN klass = 'void' AND own = 'pay' THEN 1 ELSE 0 END) AS BIGINT) AS o_void,
    CAST(sum(CASE WHEN live = 1 THEN amount ELSE 0 END) AS BIGINT) AS live_sum,
    CAST(sum(paid_fee) AS BIGINT) AS o_fee,
    CASE WHEN sum(CASE WHEN paid_fee <> 0 AND due_fee IS NULL THEN 1 ELSE 0 END) = 0 THEN CAST(sum(due_fee) AS BIGINT)
        END AS o_fee_due, CAST(max(learned_from) AS BIGINT) AS o_fee_learned,
    max(CASE WHEN klass = own AND mid <> b_mid THEN mid ELSE '' END) AS odd_mid,
    max(CASE WHEN klass = own AND tid <> b_tid THEN tid ELSE '' END) AS odd_tid,
    max(mid) AS any_mid, max(tid) AS any_tid, max(rrn) AS any_rrn, max(live) AS live,
    min(day) AS first_day, max(CASE WHEN klass = own THEN day_n END) AS day_n
FROM grouped_$s GROUP BY tx_id, key, currency
"""
_PAIRS = """
SELECT '$leg' AS leg, b.tx_id AS pair_id, TRUE AS b_there, b.tx_id, b.klass, b.state AS b_state,
    b.position AS b_position, b.told AS b_told, b.amount AS b_amount, b.asked AS b_asked, b.effect AS b_effect,
    b.mid AS b_mid, b.tid AS b_tid, b.orig_state = 'reversed' AS b_undone, p.tx_id IS NOT NULL AS b_pairs_off,
    g.tx_id IS NOT NULL AS o_there, FALSE AS o_twin, coalesce(g.live, 0) = 1 AS o_live,
    coalesce(g.o_lines, 0) AS o_lines,
    coalesce(g.o_pay, 0) AS o_pay,
    coalesce(g.o_rev, 0) AS o_rev, coalesce(g.o_void, 0) AS o_void,
    coalesce(g.live_sum, 0) AS o_effect,
    coalesce(g.o_fee, 0) AS o_fee, g.o_fee_due, coalesce(g.o_fee_learned, 0) AS o_fee_learned,
    coalesce(CASE WHEN g.odd_mid <> '' THEN g.odd_mid ELSE g.any_mid END, '') AS o_mid,
    coalesce(CASE WHEN g.odd_tid <> '' THEN g.odd_tid ELSE g.any_tid END, '') AS o_tid,
    coalesce(g.live = 1 AND g.o_pay > 0 AND g.o_rev = 0, FALSE) AS o_approved,
    coalesce(g.day_n - b.day_n > $hold OR g.day_n - b.day_n < -1, FALSE) AS o_late, $covered AS covered, b.currency,
    b.tid || '/' || b.mid || '/' || b.batch || '/' || b.stan || '/' || b.day AS key, b.day AS date,
    coalesce(g.first_day, '') AS settled_on, CASE WHEN b.rrn <> '' THEN b.rrn ELSE coalesce(g.any_rrn, '') END AS rrn,
    coalesce(g.rank, -1) AS rank, b.day AS about, b.due_n
FROM free_${s}_0 AS b LEFT JOIN gathered_$s AS g ON b.tx_id = g.tx_id
    LEFT JOIN pairs_off_$s AS p ON b.tx_id = p.tx_id $coverage
UNION ALL
SELECT '$leg' AS leg, 'line ' || g.key || ' ' || g.currency AS pair_id, FALSE AS b_there, '' AS tx_id,
    g.own AS klass,
    '' AS b_state, 'none' AS b_position, '' AS b_told, 0 AS b_amount, 0 AS b_asked, 0 AS b_effect, '' AS b_mid,
    '' AS b_tid, FALSE AS b_undone, FALSE AS b_pairs_off, TRUE AS o_there, g.twin <> '' AS o_twin,
    g.live = 1 AS o_live, g.o_lines,
    g.o_pay, g.o_rev, g.o_void,
    g.live_sum AS o_effect, g.o_fee, g.o_fee_due, g.o_fee_learned, g.any_mid AS o_mid,
    g.any_tid AS o_tid, g.live = 1 AND g.o_pay > 0 AND g.o_rev = 0 AS o_approved, FALSE AS o_late, TRUE AS covered,
    g.currency, g.key, '' AS date, g.first_day AS settled_on, g.any_rrn AS rrn, -1 AS rank, g.first_day AS about,
    d.due_n
FROM gathered_$s AS g LEFT JOIN days AS d ON g.first_day = d.day WHERE g.tx_id = ''
"""
_PAIRS_OFF = """
SELECT x.tx_id FROM (
    SELECT v.tx_id, v.original FROM bare_$s AS v JOIN bare_$s AS o ON v.original = o.tx_id
    WHERE v.klass = 'void' AND o.klass = 'pay' AND v.effect + o.effect = 0
) AS x UNION SELECT y.original FROM (
    SELECT v.tx_id, v.original FROM bare_$s AS v JOIN bare_$s AS o ON v.original = o.tx_id
    WHERE v.klass = 'void' AND o.klass = 'pay' AND v.effect + o.effect = 0
) AS y
"""
_BARE = """
SELECT b.tx_id, b.original, b.klass, b.effect FROM free_${s}_0 AS b ANTI JOIN gathered_$s AS g ON b.tx_id = g.tx_id
WHERE b.position = 'effect'
"""
_LACKING = """
SELECT DISTINCT b.tid, b.day FROM free_t_0 AS b ANTI JOIN gathered_t AS g ON b.tx_id = g.tx_id
"""
# Most terminals show their day by a line that goes on; only for the others all lines are asked.
_SILENT = "SELECT b.* FROM lacking AS b ANTI JOIN lines_t AS l ON b.tid = l.tid AND b.day = l.day"
_TERM_DAYS = """
SELECT b.tid, b.day FROM lacking AS b SEMI JOIN lines_t AS l ON b.tid = l.tid AND b.day = l.day
UNION ALL
SELECT DISTINCT t.tid, t.day FROM (SELECT tid, day FROM term WHERE tid IN (SELECT tid FROM silent)) AS t
    SEMI JOIN silent AS b ON t.tid = b.tid AND t.day = b.day
"""
# Transactions whose terminal has no line of that day at all: nothing can be compared, so they are named by themselves.
_ABSENT = """
SELECT date AS day, b_tid AS tid, currency, count(*) AS rows_, CAST(sum(b_effect) AS BIGINT) AS effect,
    max(CASE WHEN due_n > $as_of_n THEN 1 ELSE 0 END) AS waits
FROM judged_t WHERE what = 'uncovered' GROUP BY date, b_tid, currency
"""
_JUDGED = """
SELECT p.*, CASE WHEN rule <> '' AND NOT ($inside) THEN 'outside'
    WHEN rule IN ($waits) AND NOT (b_there AND o_there) AND coalesce(due_n > $as_of_n, FALSE) THEN 'held'
    WHEN rule <> '' THEN 'finding'
    WHEN NOT covered AND NOT o_there AND b_effect <> 0 AND NOT b_pairs_off THEN 'uncovered'
    WHEN NOT b_there OR b_pairs_off THEN 'cancelled'
    WHEN o_live OR (b_effect <> 0 AND $told) THEN 'matched'
    ELSE 'no_effect' END AS what
FROM (SELECT p.*, $rule AS rule FROM pairs_$s AS p) AS p
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """How pairs are judged."""

    rules: tuple[Rule, ...]
    inside: str
    """The period, as a condition on `about`."""
    hold_days: int
    as_of_n: int
    """Day number (since 1970) up to which this leg's files are in."""
    covered: bool
    """False: this leg has no files, so nothing can be missing."""

    def of(self, leg: str) -> tuple[Rule, ...]:
        """Give the rules of one leg in their order."""
        return tuple(one for one in self.rules if one.leg.value == leg)


def pairs(s: str, leg: str, terms: Terms, shaping: Shaping) -> tuple[Step, ...]:
    """Give the steps that make `pairs_<s>` and judge them as `judged_<s>`."""
    by_day = s == "t"
    steps = [
        *((Step("twins_t", _NO_TWINS),) if by_day else _twins(shaping)),
        Step(f"keyed_{s}", fill(_KEYED, s=s)),
        Step(f"grouped_{s}", fill(_GROUPED, s=s, columns=_COLUMNS)),
        Step(f"gathered_{s}", fill(_GATHERED, s=s)),
        Step(f"bare_{s}", fill(_BARE, s=s)),
        Step(f"pairs_off_{s}", fill(_PAIRS_OFF, s=s)),
    ]
    if by_day:
        steps += [Step("lacking", _LACKING), Step("silent", _SILENT), Step("term_days", _TERM_DAYS)]
    return (
        *steps,
        Step(f"pairs_{s}", fill(
            _PAIRS, s=s, leg=leg, hold=terms.hold_days,
            covered="c.tid IS NOT NULL" if by_day else "TRUE" if terms.covered else "FALSE",
            coverage="LEFT JOIN term_days AS c ON b.tid = c.tid AND b.day = c.day" if by_day else "",
        ), keep=False),
        judged(s, leg, terms),
        *((Step("absent_t", fill(_ABSENT, as_of_n=terms.as_of_n)),) if by_day else ()),
    )  # fmt: skip


def _twins(shaping: Shaping) -> tuple[Step, ...]:
    key, theirs = key_hash("l.tid, l.stan, d.day"), key_hash('tid, stan, "date"')
    keys: tuple[Step, ...]
    if "books" in shaping.hashed:
        # A Bloom filter lets one row in some hundreds pass by mistake; two of them, asked at once, none.
        ours = (
            "SELECT DISTINCT key_hash_t AS b, key_hash_n AS n FROM books_src "
            "WHERE key_hash_t IN (SELECT b FROM twin_keys)"
        )
        keys = (Step("twin_keys", fill(_TWIN_KEYS, key=key)), Step("twin_keys_there", ours))
        among = (
            "key_hash_t IN (SELECT b FROM twin_keys_there) AND key_hash_n IN (SELECT n FROM twin_keys_there)"
        )
    else:
        sought = fill(_TWIN_KEYS, key=f"CAST({key} & {_TWIN_BITS} AS INT)")
        keys = (Step("twin_keys", sought, below=_TWIN_BITS + 1),)
        among = f"in_set(CAST({theirs} & {_TWIN_BITS} AS INT), 'twin_keys')"
    picked = shaping.books(f"position = 'effect' AND {among}")
    few = f"SELECT tid, mid, batch, stan, day, effect, klass, currency FROM ({picked}) AS b"  # noqa: S608 - our own text
    return (*keys, Step("twin_books", few), Step("twins_n", _TWINS))


def judged(s: str, leg: str, terms: Terms) -> Step:
    """Give the step that names each pair by the first rule that holds, and says what becomes of it."""
    named = " ".join(f"WHEN {one.when} THEN {text(one.name)}" for one in terms.of(leg))
    waits = ", ".join(text(one) for one in sorted(WAITS))
    rule = f"CASE {named} ELSE '' END"
    return Step(
        f"judged_{s}",
        fill(
            _JUDGED,
            s=s,
            rule=rule,
            inside=terms.inside,
            waits=waits,
            as_of_n=terms.as_of_n,
            told="b_told = 'approved'" if s == "t" else "TRUE",
        ),
    )


_RESULT = """
SELECT left(sha256(leg || '\n' || key || '\n' || currency), 16) AS finding_id, what, rule, leg, key,
    CAST($money AS BIGINT) AS amount_minor, currency, $sure AS sure, settled_on, date,
    CASE WHEN b_there THEN b_mid ELSE o_mid END AS mid, CASE WHEN b_there THEN b_tid ELSE o_tid END AS tid, rrn, tx_id,
    coalesce(t.lines, '') AS lines, $passes || $hint AS matched_by, CAST(b_effect AS BIGINT) AS expected_minor,
    CAST(o_effect AS BIGINT) AS found_minor, CAST($learned AS BIGINT) AS learned_from
FROM judged_$s AS p LEFT JOIN named_lines_$s AS t ON p.pair_id = t.pair_id
WHERE what IN ('finding', 'held')
"""
_NAMED_LINES = """
SELECT n.pair_id, array_to_string(list_sort(list(n.row_id)), ' ') AS lines
FROM ($tied) AS n SEMI JOIN (SELECT pair_id FROM judged_$s WHERE what IN ('finding', 'held')) AS j
    ON n.pair_id = j.pair_id
GROUP BY n.pair_id
"""
_TIED_LINES = """
SELECT CASE WHEN tx_id <> '' THEN tx_id ELSE 'line ' || key || ' ' || currency END AS pair_id, row_id FROM grouped_$s
"""
_TIED_DEPOSITS = """
SELECT head AS pair_id, row_id FROM headed UNION ALL SELECT row_id AS pair_id, row_id FROM left_deposits
"""
_ACCOUNT = """
SELECT what, currency, count(*) AS pairs, CAST(sum(CASE WHEN b_there THEN 1 ELSE 0 END) AS BIGINT) AS books_,
    CAST(sum(o_lines) AS BIGINT) AS lines_, CAST(sum(b_effect) AS BIGINT) AS b_effect,
    CAST(sum(o_effect) AS BIGINT) AS o_effect
FROM judged_$s GROUP BY what, currency
"""


def results(
    s: str, leg: str, terms: Terms, passes: tuple[str, ...], likely: tuple[int, ...]
) -> tuple[Step, ...]:
    """Give the steps that write down what was found and held, and count the pairs: `result_<s>`, `account_<s>`.

    `passes` are the names by rank, `likely` the ranks of those that are not certain.
    """
    money = (
        "CASE rule "
        + " ".join(f"WHEN {text(one.name)} THEN {one.money}" for one in terms.of(leg))
        + " ELSE 0 END"
    )
    names = (
        "CASE rank "
        + " ".join(f"WHEN {n} THEN {text(name)}" for n, name in enumerate(passes))
        + " ELSE '' END"
    )
    weak = {
        f"rule = {text(one.name)} AND {one.weak.when}": one.weak.hint for one in terms.of(leg) if one.weak
    }
    loose = " OR ".join((f"rank IN ({', '.join(map(str, likely))})", *weak))
    sure = f"CASE WHEN {loose} THEN 'likely' ELSE 'certain' END"
    hints = " ".join(f"WHEN {when} THEN {text(f' ({hint})')}" for when, hint in weak.items())
    hint = f"CASE {hints} ELSE '' END" if hints else "''"
    learned = "0" if s == "b" else "o_fee_learned"
    result = fill(_RESULT, s=s, money=money, passes=names, sure=sure, hint=hint, learned=learned)
    tied = _TIED_DEPOSITS if s == "b" else fill(_TIED_LINES, s=s)
    return (
        Step(f"named_lines_{s}", fill(_NAMED_LINES, s=s, tied=tied)),
        Step(f"result_{s}", result),
        Step(f"account_{s}", fill(_ACCOUNT, s=s)),
    )
