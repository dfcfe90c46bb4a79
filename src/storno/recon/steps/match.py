"""Bringing lines and transactions together: exact keys first, then tolerant passes.

Rule: an exact pass gives a line to the one transaction that fits best, and leaves it where two fit equally; several
lines may belong to one transaction (its reversal, a second settlement). A tolerant pass takes a pair only if it is the
only one on both sides. Each pass sees only what the passes before it left over.
"""

from __future__ import annotations

from dataclasses import dataclass

from storno.recon.plan import Step, fill
from storno.recon.steps.filter import books_open
from storno.statements.digest import fee_due

OWN = "l.klass = b.klass AND sign(l.amount) = sign(b.amount)"
UNDOES = "l.klass = 'rev' AND sign(l.amount) = -sign(b.amount)"
VOIDS = "l.klass = 'void' AND b.klass = 'pay' AND sign(l.amount) = -sign(b.amount)"
_EITHER = f"(({OWN}) OR ({UNDOES}))"
_UNDONE = f"(({UNDOES}) OR ({VOIDS}))"
_RRN = "l.rrn = b.rrn AND l.rrn <> ''"
_TID = "l.tid = b.tid AND l.tid <> ''"
_STAN = f"{_TID} AND l.stan = b.stan AND l.stan <> ''"
_BATCH = "(l.batch = '' OR b.batch = '' OR l.batch = b.batch)"
_SAME = "l.amount = b.amount"
_SAME_SIZE = "abs(l.amount) = abs(b.amount)"
_SAME_DAY = "l.at_n = b.day_n"
_NEXT_DAY = "l.at_n - b.day_n BETWEEN -1 AND 1"
_NEAR = "l.at_n - b.day_n BETWEEN -31 AND 31"
_CARD = "l.card4 = b.card4 AND l.card4 <> ''"
_OTHER_CARD = "l.card4 <> '' AND l.card4 <> b.card4"
_AUTH = "l.auth_code = b.auth_code AND l.auth_code <> ''"
_TEN_MINUTES = (
    f"{_TID} AND {_SAME} AND {_SAME_DAY} AND l.at_s - b.at_s BETWEEN -600 AND 600 "
    "AND (l.card4 = '' OR b.card4 = '' OR l.card4 = b.card4)"
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One way of finding a line's transaction."""

    name: str
    on: str
    exact: bool = True


def _exact(name: str, *conditions: str) -> Pass:
    return Pass(name, " AND ".join(conditions))


def _tolerant(name: str, *conditions: str) -> Pass:
    return Pass(name, " AND ".join((*conditions, OWN)), exact=False)


NETWORK = (
    _exact("rrn", _RRN, "(l.stan = '' OR l.stan = b.stan) AND (l.tid = '' OR l.tid = b.tid)", _NEAR, _EITHER),
    _exact("rrn_stan", _RRN, "l.stan = b.stan", _NEAR, _EITHER),
    _exact("terminal_key", _STAN, _SAME_DAY, _BATCH, _SAME_SIZE, _EITHER),
    _exact("terminal_key_other_amount", _STAN, _SAME_DAY, _BATCH,
           f"(({_CARD}) OR ({_AUTH}) OR ((l.rrn = '' OR b.rrn = '') AND NOT ({_OTHER_CARD})))", _EITHER),
    _exact("rrn_only", _RRN, _NEAR, f"({_SAME_SIZE} OR ({_AUTH}) OR ({_CARD}))", _EITHER),
    _exact("reference", "l.reference = b.rrn AND l.reference <> ''", _NEAR, _EITHER),
    _exact("order", "l.order_no = b.rrn AND l.order_no <> ''", _NEAR, _EITHER),
    _exact("order_id", "l.order_no = b.tx_id AND l.order_no <> ''", _EITHER),
    _exact("void_by_original", "l.klass = 'void' AND b.klass = 'void' AND l.rrn = b.orig_rrn AND l.rrn <> ''", _NEAR),
    _exact("void_by_original_stan", "l.klass = 'void' AND b.klass = 'void' AND l.original = b.orig_stan", _TID,
           "l.original <> ''", _SAME_DAY, _SAME_SIZE),
    _exact("original_rrn", "l.original = b.rrn AND l.original <> ''", _NEAR, _UNDONE),
    _exact("original_shared_rrn", _RRN, _NEAR, VOIDS),
    _exact("original_stan", _TID, "l.original = b.stan AND l.original <> ''", _SAME_DAY, _SAME_SIZE, _UNDONE),
    _tolerant("stan_near_day", _STAN, "l.at_n - b.day_n BETWEEN -4 AND 4", _SAME),
    _tolerant("auth_code", "l.mid = b.mid", _AUTH, _SAME, _NEXT_DAY),
    _tolerant("card", _TID, _CARD, _SAME, _SAME_DAY),
    _tolerant("card_at_merchant", "l.mid = b.mid AND l.mid <> ''", _CARD, _SAME, _SAME_DAY),
    _tolerant("auth_code_and_card", _AUTH, _CARD, _SAME, _SAME_DAY),
    _tolerant("net_of_fee", _AUTH, "(l.mid = '' OR l.mid = b.mid)", "l.amount - l.fee = b.amount AND l.fee <> 0",
              _SAME_DAY),
    _tolerant("time", _TEN_MINUTES),
    # Another amount is believed only of a line that has no RRN: a card may be used twice in two minutes.
    _tolerant("card_and_time", _TID, _CARD, "l.rrn = ''", "l.at_s - b.at_s BETWEEN -120 AND 120"),
)  # fmt: skip

TERMINAL = (
    _exact("terminal_key", _STAN, "l.day = b.day", _BATCH, _EITHER),
    _exact("terminal_key_near", _STAN, _NEXT_DAY, f"(l.batch = b.batch OR {_SAME_SIZE})", _BATCH, _EITHER),
    _exact("rrn", _RRN, _NEAR, _EITHER),
    _tolerant("auth_code", _TID, _AUTH, _SAME, _NEXT_DAY),
    _tolerant("card", _TID, _CARD, _SAME, _SAME_DAY),
    _tolerant("time", _TEN_MINUTES),
)  # fmt: skip

PASSES = {"n": NETWORK, "t": TERMINAL}


CLEAN = "exact"
"""The pass of pairs that agree in everything; the filter's equal buckets are of the same kind, and so are counted pairs
that a later pass had to bring together because others have their key."""


def names_of(s: str) -> tuple[str, ...]:
    """Give the names of a leg's passes by rank."""
    return (CLEAN, *(one.name for one in PASSES[s]))


def tolerant(s: str) -> tuple[int, ...]:
    """Give the ranks of a leg's tolerant passes."""
    return tuple(n for n, one in enumerate(PASSES[s], 1) if not one.exact)


_LINES = """
SELECT l.row_id, l.klass, l.kind, l.mark, l.live, l.amount, l.currency, l.fee, l.day, l.tid, l.mid, l.batch, l.stan,
    l.rrn, l.auth_code, l.reference, l.order_no, l.original, right(l.card, 4) AS card4, s.n AS day_n,
    coalesce(a.n, s.n) AS at_n,
    coalesce(a.n, s.n) * 86400 + coalesce(TRY_CAST(substr(l."at", 9, 2) AS INT) * 3600
        + TRY_CAST(substr(l."at", 11, 2) AS INT) * 60 + TRY_CAST(substr(l."at", 13, 2) AS INT), -86400000) AS at_s,
    CASE WHEN l.kind = 'payment' AND l.live = 1 THEN l.fee ELSE 0 END AS paid_fee,
    CASE WHEN l.kind = 'payment' AND l.live = 1 THEN $due END AS due_fee,
    CASE WHEN l.kind = 'payment' AND l.live = 1 THEN $learned ELSE 0 END AS learned_from
FROM $lines AS l LEFT JOIN days AS s ON l.day = s.day LEFT JOIN days AS a ON substr(l."at", 1, 8) = a.day $rates
"""
_BOOKS = """
SELECT b.*, d.n AS day_n, d.due_n, right(b.card, 4) AS card4, coalesce(o.rrn, '') AS orig_rrn,
    coalesce(o.stan, '') AS orig_stan,
    coalesce(o.state, '') AS orig_state
FROM $books AS b LEFT JOIN days AS d ON b.day = d.day
    LEFT JOIN originals_$s AS o ON b.original = o.tx_id AND b.original <> ''
"""
_ORIGINALS = """
SELECT tx_id, rrn, stan, state FROM books
WHERE tx_id IN (SELECT original FROM $books WHERE original <> '' AND klass = 'void')
"""
_LONE_LINES = "SELECT $key FROM lines_$s WHERE $whole GROUP BY $key HAVING count(*) = 1"
_LONE_BOOKS = "SELECT $key FROM matchable_$s WHERE $whole GROUP BY $key HAVING count(*) = 1"
_RIGHT_FEE = "(l.due_fee IS NULL OR l.due_fee = l.fee)"
_MAY_AGREE = {"n": "NOT (b.klass = 'void' AND b.orig_state = 'reversed')", "t": "b.told = 'approved'"}
"""What our booked transactions need, to agree with a line of each leg."""
_AGREES_N = f"""l.live = 1 AND b.position = 'effect' AND l.klass = b.klass AND l.amount = b.effect
    AND l.currency = b.currency AND l.day = b.day AND (l.mid = '' OR l.mid = b.mid) AND (l.tid = '' OR l.tid = b.tid)
    AND (l.stan = '' OR l.stan = b.stan) AND {_RIGHT_FEE} AND {_MAY_AGREE["n"]}"""
_AGREES_T = f"""l.live = 1 AND b.position = 'effect' AND {_MAY_AGREE["t"]} AND l.klass = b.klass
    AND l.amount = b.effect AND l.currency = b.currency AND (l.mid = '' OR l.mid = b.mid)
    AND (l.batch = '' OR l.batch = b.batch)"""
_CLEAN_N = f"""
SELECT l.row_id, b.tx_id, 'exact' AS pass, 0 AS rank, 1 AS own
FROM lines_n AS l JOIN lone_lines_n AS x ON l.rrn = x.rrn
    JOIN matchable_n AS b ON l.rrn = b.rrn JOIN lone_books_n AS y ON b.rrn = y.rrn
WHERE {_AGREES_N}
"""  # noqa: S608 - our own text
_CLEAN_T = f"""
SELECT l.row_id, b.tx_id, 'exact' AS pass, 0 AS rank, 1 AS own
FROM lines_t AS l JOIN lone_lines_t AS x ON l.tid = x.tid AND l.stan = x.stan AND l.day = x.day
    JOIN matchable_t AS b ON l.tid = b.tid AND l.stan = b.stan AND l.day = b.day
    JOIN lone_books_t AS y ON b.tid = y.tid AND b.stan = y.stan AND b.day = y.day
WHERE {_AGREES_T}
"""  # noqa: S608 - our own text
# Sales that share all there is, and as many lines that do: which line is whose makes no difference, so they go in turn.
_SHARED_LINES = """
SELECT $key, l.klass, l.amount, l.currency, count(*) AS of_, $least
FROM lines_$s AS l ANTI JOIN lone_lines_$s AS x ON $on
WHERE $whole AND l.live = 1 AND $right_fee
GROUP BY $key, l.klass, l.amount, l.currency HAVING count(*) > 1 AND $one
"""
_EVEN = """
SELECT $key, l.klass, l.amount, l.currency FROM shared_lines_$s AS l JOIN (
    SELECT $books_key, b.klass, b.effect, b.currency, count(*) AS of_, $range FROM matchable_$s AS b
    WHERE b.position = 'effect' AND $counts GROUP BY $books_key, b.klass, b.effect, b.currency
) AS b ON $same AND l.klass = b.klass AND l.amount = b.effect AND l.currency = b.currency AND l.of_ = b.of_ AND $fits
"""
_IN_TURN = """
UNION ALL
SELECT l.row_id, b.tx_id, 'exact' AS pass, 0 AS rank, 1 AS own FROM (
    SELECT l.*, row_number() OVER (PARTITION BY $key, l.klass, l.amount, l.currency ORDER BY l.row_id) AS turn
    FROM lines_$s AS l WHERE l.live = 1 AND $right_fee
        AND ($key, l.klass, l.amount, l.currency) IN (SELECT $bare, klass, amount, currency FROM even_$s)
) AS l JOIN (
    SELECT b.*, row_number() OVER (PARTITION BY $books_key, b.klass, b.effect, b.currency ORDER BY b.tx_id) AS turn
    FROM matchable_$s AS b WHERE b.position = 'effect' AND $counts
        AND ($books_key, b.klass, b.effect, b.currency) IN (SELECT $bare, klass, amount, currency FROM even_$s)
) AS b ON $same AND l.klass = b.klass AND l.amount = b.effect AND l.currency = b.currency AND l.turn = b.turn
"""
_LEFT_LINES = "SELECT l.* FROM $before AS l ANTI JOIN $taken AS k ON l.row_id = k.row_id"
_FREE_BOOKS = """
SELECT b.tx_id, b.klass, b.currency, b.amount, b.tid, b.mid, b.stan, b.auth_code, b.card4, b.day_n, b.at_s
FROM $before AS b ANTI JOIN $taken AS k ON b.tx_id = k.tx_id
"""
"""Only what the tolerant passes ask for."""
_LEFT_BOOKS = "SELECT b.* FROM $before AS b ANTI JOIN $taken AS k ON b.tx_id = k.tx_id"
_EXACT = """
SELECT row_id, min(tx_id) AS tx_id, '$name' AS pass, $rank AS rank, min(own) AS own
FROM (
    SELECT row_id, tx_id, own, odd, min(odd) OVER (PARTITION BY row_id) AS least
    FROM (
        SELECT l.row_id, b.tx_id, CASE WHEN l.klass = b.klass THEN 1 ELSE 0 END AS own,
            CASE WHEN abs(l.amount) = abs(b.amount) THEN 0 ELSE 1000 END + coalesce(abs(l.at_n - b.day_n), 0) AS odd
        FROM $lines AS l JOIN $books AS b ON l.currency = b.currency AND $on
    ) AS c
) AS d WHERE odd = least GROUP BY row_id HAVING count(*) = 1
"""
_TOLERANT = """
SELECT row_id, tx_id, '$name' AS pass, $rank AS rank, 1 AS own
FROM (
    SELECT row_id, tx_id, count(*) OVER (PARTITION BY row_id) AS of_line, count(*) OVER (PARTITION BY tx_id) AS of_tx
    FROM (
        SELECT l.row_id, b.tx_id FROM $lines AS l JOIN $books AS b ON l.currency = b.currency AND $on WHERE l.live = 1
    ) AS c
) AS d WHERE of_line = 1 AND of_tx = 1
"""
# It depends on the filter's buckets how many lines go on that do not count, or that agree in everything but share their
# key: the former are left out, the latter are counted with those that the filter left alone, whatever pass they met.
_PASSES = """
SELECT pass, count(*) AS rows_ FROM (
    SELECT pass FROM link_${s}_0
    UNION ALL SELECT CASE WHEN $agrees THEN 'exact' ELSE k.pass END AS pass
    FROM links_$s AS k JOIN lines_$s AS l ON k.row_id = l.row_id JOIN matchable_$s AS b ON k.tx_id = b.tx_id
    WHERE k.rank > 0 AND l.live = 1
) AS p GROUP BY pass
"""


def _on(key: tuple[str, ...], rest: tuple[str, ...], lone: tuple[str, ...], counts: str) -> dict[str, str]:
    """Write by what sales and lines share all there is: `key` on both sides, `rest` where lines have it."""
    return {
        "right_fee": _RIGHT_FEE,
        "key": ", ".join(f"l.{one}" for one in key),
        "books_key": ", ".join(f"b.{one}" for one in key),
        "bare": ", ".join(key),
        "on": " AND ".join(f"l.{one} = x.{one}" for one in lone),
        "same": " AND ".join(f"l.{one} = b.{one}" for one in key),
        "whole": " AND ".join(f"l.{one} <> ''" for one in lone if one != "day"),
        "least": ", ".join(f"min(l.{one}) AS {one}" for one in rest),
        "one": " AND ".join(f"min(l.{one}) = max(l.{one})" for one in rest),
        "range": ", ".join(f"min(b.{one}) AS least_{one}, max(b.{one}) AS most_{one}" for one in rest),
        "fits": " AND ".join(f"(l.{one} = '' OR (l.{one} = b.least_{one} AND l.{one} = b.most_{one}))" for one in rest),
        "counts": counts,
    }  # fmt: skip


_EVEN_ON = {
    "n": _on(("rrn", "day"), ("mid", "tid", "stan"), ("rrn",), _MAY_AGREE["n"]),
    "t": _on(("tid", "stan", "day"), ("mid", "batch"), ("tid", "stan", "day"), _MAY_AGREE["t"]),
}


def _even(s: str) -> tuple[Step, ...]:
    return (
        Step(f"shared_lines_{s}", fill(_SHARED_LINES, s=s, **_EVEN_ON[s])),
        Step(f"even_{s}", fill(_EVEN, s=s, **_EVEN_ON[s])),
    )


def match(s: str, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps of one leg, `n` (network) or `t` (terminal), up to `links_<s>` and `alone_<s>`."""
    lines, books = "net_open" if s == "n" else "term_open", f"books_open_{s}"
    rated = fees and s == "n"
    due = fee_due("l.amount", "r.basis_points") if rated else "NULL"
    key, whole = ("rrn", "rrn <> ''") if s == "n" else ("tid, stan, day", "stan <> '' AND tid <> ''")
    steps = [
        Step(f"lines_{s}", fill(_LINES, lines=lines, due=f"CAST({due} AS BIGINT)",
                                learned="coalesce(r.learned_from, 0)" if rated else "0",
                                rates="LEFT JOIN rates AS r ON l.mid = r.mid" if rated else "")),
        books_open(s),
        Step(f"originals_{s}", fill(_ORIGINALS, books=books)),
        Step(f"matchable_{s}", fill(_BOOKS, books=books, s=s)),
        Step(f"lone_lines_{s}", fill(_LONE_LINES, s=s, key=key, whole=whole)),
        Step(f"lone_books_{s}", fill(_LONE_BOOKS, s=s, key=key, whole=whole)),
        *_even(s),
        Step(f"link_{s}_0", (_CLEAN_N if s == "n" else _CLEAN_T) + fill(_IN_TURN, s=s, **_EVEN_ON[s])),
        Step(f"left_{s}_0", fill(_LEFT_LINES, before=f"lines_{s}", taken=f"link_{s}_0"), keep=False),
        Step(f"free_{s}_0", fill(_LEFT_BOOKS, before=f"matchable_{s}", taken=f"link_{s}_0")),
    ]  # fmt: skip
    free, tolerant_yet = f"free_{s}_0", False
    for at, one in enumerate(PASSES[s], 1):
        before = f"left_{s}_{at - 1}"
        if not one.exact:
            taken = f"link_{s}_{at - 1}"
            if not tolerant_yet:
                taken, tolerant_yet = f"served_{s}", True
                served = (f"SELECT tx_id FROM link_{s}_{n} WHERE own = 1" for n in range(1, at))  # noqa: S608
                steps.append(Step(taken, " UNION ".join(served)))
            # The first one is read again by the pairs.
            spares = (taken, free, "tx_id") if free != f"free_{s}_0" else None
            steps.append(Step(f"free_{s}_{at}", fill(_FREE_BOOKS, before=free, taken=taken), spares=spares))
            free = f"free_{s}_{at}"
        sql = _EXACT if one.exact else _TOLERANT
        steps += [
            Step(f"link_{s}_{at}", fill(sql, name=one.name, rank=at, lines=before, books=free, on=one.on)),
            Step(f"left_{s}_{at}", fill(_LEFT_LINES, before=before, taken=f"link_{s}_{at}"),
                 spares=(f"link_{s}_{at}", before, "row_id") if at > 1 else None),
        ]  # fmt: skip
    last = len(PASSES[s])
    agrees = f"{_RRN} AND {_AGREES_N}" if s == "n" else f"{_STAN} AND l.day = b.day AND {_AGREES_T}"
    links = (f"SELECT row_id, tx_id, pass, rank, own FROM link_{s}_{n}" for n in range(last + 1))  # noqa: S608
    return (
        *steps,
        Step(f"links_{s}", " UNION ALL ".join(links)),
        Step(f"alone_{s}", f"SELECT * FROM left_{s}_{last}"),  # noqa: S608 - our own text
        Step(f"passes_{s}", fill(_PASSES, s=s, agrees=agrees)),
    )
