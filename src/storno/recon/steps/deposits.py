"""The bank's leg: one deposit for many transactions, held against what was cleared for a merchant's day.

Rule: groups first (merchant and clearing day: gross - refunds - fees); a deposit goes to the group it names, else to
the only one it equals, else to a run of days it equals, else to the one that was due that day; one without a name to
all that was due; the rest of a part payment to what it completes. Never a free choice of rows that add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps.pairs import Terms, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

LAG_DAYS = 12
"""Calendar days a deposit may come after the clearing day: a weekend and a long holiday."""
RUN_DAYS = 10
"""Clearing days one deposit may cover."""

# A wallet's line may name its terminal only: then the merchant is the one our books have for it.
_OWNERS = """
SELECT tid, min(mid) AS mid FROM books WHERE tid IN (SELECT tid FROM net WHERE mid = '' AND tid <> '')
GROUP BY tid HAVING count(DISTINCT mid) = 1
"""
_GROUPS = """
SELECT g.mid, g.day, g.currency, d.n AS day_n, d.pay_n, d.due_n, CAST(sum(net) AS BIGINT) AS expected,
    CAST(sum(rows_) AS BIGINT) AS rows_, g.mid || '/' || g.day || '/' || g.currency AS group_id
FROM (
    SELECT mid, day, currency, sum(coalesce(net, amount + fee)) AS net, count(*) AS rows_
    FROM net WHERE live = 1 AND kind NOT IN ('preauth', 'deposit', 'other') AND mid <> '' GROUP BY mid, day, currency
    UNION ALL
    SELECT coalesce(o.mid, '') AS mid, n.day, n.currency, sum(coalesce(n.net, n.amount + n.fee)) AS net,
        count(*) AS rows_
    FROM net AS n LEFT JOIN owners AS o ON n.tid = o.tid
    WHERE n.live = 1 AND n.kind NOT IN ('preauth', 'deposit', 'other') AND n.mid = ''
    GROUP BY coalesce(o.mid, ''), n.day, n.currency
) AS g LEFT JOIN days AS d ON g.day = d.day
GROUP BY g.mid, g.day, g.currency, d.n, d.pay_n, d.due_n
"""
# Fifteen digits that happen to pass for a card number come masked: then the merchant is who alone has such a number.
_MASKS = """
SELECT masked, min(mid) AS mid FROM (
    SELECT DISTINCT mid, substr(mid, 1, 6) || '*****' || right(mid, 4) AS masked FROM groups WHERE length(mid) = 15
) AS m GROUP BY masked HAVING count(*) = 1
"""
_SAID = """
SELECT row_id, kind, amount, fee, currency, day, mid,
    coalesce(regexp_extract(said, '(^|[^0-9])([0-9]{15})(20[0-9]{6})?([^0-9]|$)', 2), '') AS said_mid,
    coalesce(regexp_extract(said, '(^|[^0-9])([0-9]{15})?(20[0-9]{6})([^0-9]|$)', 3), '') AS said_day,
    coalesce(regexp_extract(said, '([0-9]{6}[*]{5}[0-9]{4})', 1), '') AS masked
FROM (SELECT *, note || ' ' || reference || ' ' || order_no AS said FROM bank) AS s
WHERE amount <> 0 AND live = 1 AND kind <> 'preauth'
"""
_DEPOSITS = """
SELECT b.row_id, b.kind, b.amount + b.fee AS amount, b.currency, b.day, d.n AS day_n, b.owner AS mid,
    CASE WHEN b.said_day < b.day THEN b.said_day ELSE '' END AS said_day, b.said_day = b.day AS said_today
FROM (
    SELECT s.*, CASE WHEN s.mid <> '' THEN s.mid WHEN s.said_mid <> '' THEN s.said_mid
        ELSE coalesce(m.mid, '') END AS owner
    FROM bank_said AS s LEFT JOIN masks AS m ON s.masked = m.masked AND s.masked <> ''
) AS b LEFT JOIN days AS d ON b.day = d.day
WHERE b.kind = 'deposit' OR b.owner IN (SELECT mid FROM groups WHERE mid <> '')
"""
_NAMED = """
SELECT d.row_id, g.group_id FROM deposits AS d JOIN groups AS g
    ON d.mid = g.mid AND d.currency = g.currency AND d.said_day = g.day AND d.said_day <> ''
"""
# Its own day in a deposit's text is mostly the day of booking; only where nothing else fits is it the cleared one.
_NAMED_TODAY = """
SELECT d.row_id, g.group_id FROM $deposits AS d JOIN $groups AS g
    ON d.mid = g.mid AND d.mid <> '' AND d.currency = g.currency AND d.said_today AND d.day = g.day
"""
_OPEN_DEPOSITS = "SELECT d.* FROM $before AS d ANTI JOIN $taken AS t ON d.row_id = t.row_id"
_OPEN_GROUPS = "SELECT g.* FROM $before AS g ANTI JOIN $taken AS t ON g.group_id = t.group_id"
_UNIQUE = """
SELECT row_id, group_id FROM (
    SELECT row_id, group_id, count(*) OVER (PARTITION BY row_id) AS of_deposit,
        count(*) OVER (PARTITION BY group_id) AS of_group
    FROM (SELECT d.row_id, g.group_id FROM $deposits AS d JOIN $groups AS g ON d.currency = g.currency AND $on) AS c
) AS u WHERE of_deposit = 1 AND of_group = 1
"""
_LAG = f"d.day_n - g.day_n BETWEEN 0 AND {LAG_DAYS}"
_EQUAL = f"d.mid = g.mid AND d.mid <> '' AND d.amount = g.expected AND {_LAG}"
_ON_ITS_DAY = "d.mid = g.mid AND d.mid <> '' AND d.amount = g.expected AND d.day_n = g.pay_n"
_DUE = "d.mid = g.mid AND d.mid <> '' AND d.day_n = g.pay_n"
_NO_NAME = f"d.mid = '' AND d.amount = g.expected AND {_LAG}"
_RUNS = """
SELECT row_id, first_n, last_n, mid, currency FROM (
    SELECT d.row_id, d.mid, d.currency, a.day_n AS first_n, z.day_n AS last_n,
        count(*) OVER (PARTITION BY d.row_id) AS of_deposit
    FROM $deposits AS d
        JOIN $sums AS z ON d.mid = z.mid AND d.currency = z.currency AND d.day_n - z.day_n BETWEEN 0 AND $lag
        JOIN $sums AS a ON d.mid = a.mid AND d.currency = a.currency AND z.place - a.place BETWEEN 1 AND $days
            AND z.up_to - a.up_to + a.expected = d.amount
) AS r WHERE of_deposit = 1
"""
_SUMS = """
SELECT mid, currency, day_n, expected, group_id, row_number() OVER (PARTITION BY mid, currency ORDER BY day_n) AS place,
    CAST(sum(expected) OVER (PARTITION BY mid, currency ORDER BY day_n) AS BIGINT) AS up_to
FROM $groups WHERE day_n IS NOT NULL
"""
_RUN_GROUPS = """
SELECT r.row_id, g.group_id, count(*) OVER (PARTITION BY g.group_id) AS of_group FROM $runs AS r JOIN $groups AS g
    ON r.mid = g.mid AND r.currency = g.currency AND g.day_n BETWEEN r.first_n AND r.last_n
"""
_RUN_LINKS = """
SELECT r.row_id, r.group_id FROM run_groups AS r
    ANTI JOIN (SELECT row_id FROM run_groups WHERE of_group > 1) AS o ON r.row_id = o.row_id
"""
# What was booked for a merchant on the day its money was due, taken together: gross and fee, a payout and a chargeback.
_OF_LINES = """
SELECT d.row_id, g.group_id FROM $deposits AS d JOIN (
    SELECT mid, currency, day_n, CAST(sum(amount) AS BIGINT) AS amount FROM $deposits WHERE mid <> ''
    GROUP BY mid, currency, day_n HAVING count(*) > 1
) AS s ON d.mid = s.mid AND d.currency = s.currency AND d.day_n = s.day_n JOIN (
    SELECT mid, currency, pay_n, min(group_id) AS group_id, CAST(sum(expected) AS BIGINT) AS expected
    FROM $groups GROUP BY mid, currency, pay_n HAVING count(*) = 1
) AS g ON g.mid = s.mid AND g.currency = s.currency AND g.pay_n = s.day_n AND g.expected = s.amount
"""
# One deposit for everybody's money: equal to all that was due that day, and the only one that is.
_OF_ALL = """
SELECT d.row_id, g.group_id FROM (
    SELECT row_id, currency, day_n, amount, count(*) OVER (PARTITION BY currency, day_n, amount) AS alike
    FROM $deposits WHERE mid = ''
) AS d JOIN (
    SELECT currency, pay_n, CAST(sum(expected) AS BIGINT) AS expected FROM $groups GROUP BY currency, pay_n
) AS s ON d.currency = s.currency AND d.day_n = s.pay_n AND d.amount = s.expected AND d.alike = 1
    JOIN $groups AS g ON g.currency = s.currency AND g.pay_n = s.pay_n
"""
# The same with another amount, where the bank never names a merchant and paid once that day.
_OF_ALL_DUE = """
SELECT d.row_id, g.group_id FROM (
    SELECT row_id, currency, day_n, count(*) OVER (PARTITION BY currency, day_n) AS alike FROM $deposits
) AS d JOIN $groups AS g ON d.currency = g.currency AND d.day_n = g.pay_n AND d.alike = 1
WHERE NOT EXISTS (SELECT 1 FROM deposits WHERE mid <> '')
"""
_BALANCES = """
SELECT g.group_id, g.mid, g.currency, g.day_n, g.pay_n, CAST(sum(d.amount) AS BIGINT) - g.expected AS balance,
    g.expected - CAST(sum(d.amount) AS BIGINT) AS expected, min(d.row_id) AS row_id
FROM groups AS g JOIN ($ties) AS t ON g.group_id = t.group_id JOIN deposits AS d ON t.row_id = d.row_id
GROUP BY g.group_id, g.mid, g.currency, g.day_n, g.pay_n, g.expected
"""
_REST = """
d.mid = g.mid AND d.mid <> '' AND g.expected > 0 AND d.amount = g.expected AND d.day_n - g.pay_n BETWEEN 0 AND $lag
"""
# A day paid too little and a later one too much by the same: the rest came with the next payout.
_CARRIED = """
SELECT row_id, short_id, over_id FROM (
    SELECT o.row_id, s.group_id AS short_id, o.group_id AS over_id,
        count(*) OVER (PARTITION BY s.group_id) AS of_short, count(*) OVER (PARTITION BY o.group_id) AS of_over
    FROM $balances AS s JOIN $balances AS o ON s.mid = o.mid AND s.currency = o.currency AND s.balance < 0
        AND s.balance + o.balance = 0 AND o.day_n - s.day_n BETWEEN 1 AND $lag
) AS c WHERE of_short = 1 AND of_over = 1
"""
_CARRIED_LINKS = """
SELECT row_id, short_id AS group_id FROM carried UNION ALL SELECT row_id, over_id AS group_id FROM carried
"""
_TIES = """
SELECT row_id, group_id, min(rank) AS rank FROM ($links) AS l GROUP BY row_id, group_id
"""
# Several groups tied to one deposit are one thing to pay, named by the last of them.
_HEADS = """
SELECT t.group_id, coalesce(min(h.head), t.group_id) AS head FROM (SELECT DISTINCT group_id FROM ties) AS t
    LEFT JOIN (
        SELECT x.group_id, y.head FROM ($shared) AS x JOIN (
            SELECT row_id, max(group_id) AS head FROM ($shared) AS z GROUP BY row_id
        ) AS y ON x.row_id = y.row_id
    ) AS h ON t.group_id = h.group_id
GROUP BY t.group_id
"""
_PAID = """
SELECT t.head, CAST(sum(d.amount) AS BIGINT) AS paid, count(*) AS lines_, min(d.day) AS day, max(t.rank) AS rank
FROM headed AS t JOIN deposits AS d ON t.row_id = d.row_id GROUP BY t.head
"""
_HEADED = """
SELECT h.head, t.row_id, max(t.rank) AS rank FROM ties AS t JOIN heads AS h ON t.group_id = h.group_id
GROUP BY h.head, t.row_id
"""
_OWED = """
SELECT coalesce(h.head, g.group_id) AS head, CASE WHEN min(g.mid) = max(g.mid) THEN min(g.mid) ELSE '' END AS mid,
    g.currency, max(g.day) AS day, max(g.due_n) AS due_n,
    CAST(sum(g.expected) AS BIGINT) AS expected
FROM groups AS g LEFT JOIN heads AS h ON g.group_id = h.group_id
GROUP BY coalesce(h.head, g.group_id), g.currency
"""
_PAIRS = """
SELECT 'bank' AS leg, o.head AS pair_id, TRUE AS b_there, '' AS tx_id, o.expected AS b_effect, o.mid AS b_mid,
    '' AS b_tid, p.head IS NOT NULL AS o_there, p.head IS NOT NULL AS o_live, coalesce(p.lines_, 0) AS o_lines,
    coalesce(p.paid, 0) AS o_effect,
    o.mid AS o_mid, '' AS o_tid, s.mid IS NOT NULL OR u.unnamed > 0 AS covered, FALSE AS b_pairs_off, o.currency,
    'deposit/' || o.mid || '/' || o.day AS key, o.day AS date, coalesce(p.day, '') AS settled_on, '' AS rrn,
    coalesce(p.rank, -1) AS rank, o.day AS about, o.due_n
FROM owed AS o LEFT JOIN paid AS p ON o.head = p.head
    LEFT JOIN (SELECT DISTINCT mid FROM deposits) AS s ON o.mid = s.mid
    CROSS JOIN (SELECT count(*) AS unnamed FROM deposits WHERE mid = '') AS u
UNION ALL
SELECT 'bank' AS leg, d.row_id AS pair_id, FALSE AS b_there, '' AS tx_id, 0 AS b_effect, '' AS b_mid, '' AS b_tid,
    TRUE AS o_there, TRUE AS o_live, 1 AS o_lines, d.amount AS o_effect, d.mid AS o_mid, '' AS o_tid, TRUE AS covered,
    FALSE AS b_pairs_off, d.currency, 'deposit/' || d.mid || '/' || d.day || '/' || d.row_id AS key, '' AS date,
    d.day AS settled_on, '' AS rrn, -1 AS rank, d.day AS about, n.due_n
FROM left_deposits AS d LEFT JOIN days AS n ON d.day = n.day
"""
PASSES = (
    "deposit_named", "deposit_on_its_day", "deposit_equal", "deposit_of_lines", "deposit_of_days",
    "deposit_without_name", "deposit_due", "deposit_of_all", "deposit_rest", "deposit_of_all_due",
    "deposit_named_today", "deposit_carried",
)  # fmt: skip
LIKELY = tuple(range(3, len(PASSES)))
"""Passes that are tolerant."""
_AT = {name: at for at, name in enumerate(PASSES)}
_SHARED = ("deposit_of_days", "deposit_of_all", "deposit_of_all_due", "deposit_carried")
"""Passes that tie several groups to one deposit."""


def deposits(terms: Terms) -> tuple[Step, ...]:
    """Give the steps of the bank's leg up to `judged_b` and `account_b`."""
    steps = [
        Step("owners", _OWNERS),
        Step("groups", _GROUPS),
        Step("masks", _MASKS),
        Step("bank_said", _SAID),
        Step("deposits", _DEPOSITS),
        Step("tie_0", _NAMED),
    ]
    mine, theirs = "deposits", "groups"
    for at in range(1, len(PASSES)):
        steps += [
            Step(f"deposits_{at}", fill(_OPEN_DEPOSITS, before=mine, taken=f"tie_{at - 1}")),
            Step(f"groups_{at}", fill(_OPEN_GROUPS, before=theirs, taken=f"tie_{at - 1}")),
        ]
        mine, theirs = f"deposits_{at}", f"groups_{at}"
        steps += _tie(at, mine, theirs)
    last = len(PASSES) - 1
    steps.append(Step("left_deposits", fill(_OPEN_DEPOSITS, before=mine, taken=f"tie_{last}")))
    return (
        *steps,
        Step("ties", fill(_TIES, links=_links("row_id, group_id, $n AS rank", *PASSES))),
        Step("heads", fill(_HEADS, shared=_links("row_id, group_id", *_SHARED))),
        Step("headed", _HEADED),
        Step("paid", _PAID),
        Step("owed", _OWED),
        Step("pairs_b", _PAIRS),
        judged("b", "bank", terms),
    )


def _links(columns: str, *names: str) -> str:
    """Put the ties of some passes together."""
    one = f"SELECT {columns} FROM tie_$n"  # noqa: S608 - our own names
    return " UNION ALL ".join(fill(one, n=_AT[name]) for name in names)


def _tie(at: int, mine: str, theirs: str) -> Iterable[Step]:
    name, tie = PASSES[at], f"tie_{at}"
    if name == "deposit_of_days":
        return (
            Step("group_sums", fill(_SUMS, groups=theirs)),
            Step("runs", fill(_RUNS, deposits=mine, sums="group_sums", lag=LAG_DAYS, days=RUN_DAYS - 1)),
            Step("run_groups", fill(_RUN_GROUPS, runs="runs", groups=theirs)),
            Step(tie, _RUN_LINKS),
        )
    if name == "deposit_rest":
        ties = _links("row_id, group_id", "deposit_named", "deposit_due")
        return (
            Step("balances", fill(_BALANCES, ties=ties)),
            Step(tie, fill(_UNIQUE, deposits=mine, groups="balances", on=fill(_REST, lag=LAG_DAYS))),
        )
    if name == "deposit_carried":
        ties = _links(
            "row_id, group_id", "deposit_named", "deposit_due", "deposit_rest", "deposit_named_today"
        )
        return (
            Step("balances_after", fill(_BALANCES, ties=ties)),
            Step("carried", fill(_CARRIED, balances="balances_after", lag=LAG_DAYS)),
            Step(tie, _CARRIED_LINKS),
        )
    whole = {
        "deposit_of_lines": _OF_LINES,
        "deposit_of_all": _OF_ALL,
        "deposit_of_all_due": _OF_ALL_DUE,
        "deposit_named_today": _NAMED_TODAY,
    }
    if name in whole:
        return (Step(tie, fill(whole[name], deposits=mine, groups=theirs)),)
    on = {
        "deposit_on_its_day": _ON_ITS_DAY, "deposit_equal": _EQUAL, "deposit_without_name": _NO_NAME,
        "deposit_due": _DUE,
    }[name]  # fmt: skip
    return (Step(tie, fill(_UNIQUE, deposits=mine, groups=theirs, on=on)),)
