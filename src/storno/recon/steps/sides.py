"""The sides in one shape, and what they add up to: the first steps of every run.

Rule: a row's `effect` is decided here and nowhere else. Sources are the tables `books_src`, `network_src`,
`terminal_src` and `bank_src` that the engine makes from files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.recon.sides import Options

MONEY = "('payment', 'refund', 'void', 'reversal')"
"""Kinds of line that belong to one transaction; fees, chargebacks and the like only count in deposits."""

_BOOKS = """
SELECT tx_id, tid, mid, batch, stan, day, kind, state, position, told, currency, rrn, auth_code, original, card, klass,
    opened_ms // 1000 + $offset_s AS at_s,
    sign * coalesce(approved_minor, amount_minor) AS amount,
    sign * amount_minor AS asked,
    CASE WHEN position = 'effect' THEN sign * coalesce(approved_minor, amount_minor) ELSE 0 END AS effect
FROM (
    SELECT tx_id, tid, mid, batch, stan, "date" AS day, kind, state, position, told, currency, rrn, auth_code, original,
        pan_masked AS card, opened_ms, amount_minor, approved_minor,
        CASE WHEN kind IN ('sale', 'completion', 'completion_advice') THEN 'pay'
             WHEN kind = 'refund' THEN 'ref'
             WHEN kind IN ('void', 'completion_void') THEN 'void'
             ELSE 'hold' END AS klass,
        CASE WHEN kind IN ('sale', 'completion', 'completion_advice') THEN 1
             WHEN kind IN ('refund', 'void', 'completion_void') THEN -1
             ELSE 0 END AS sign
    FROM books_src
) AS b
WHERE $period
"""

_LINES = """
SELECT file_id || ':' || CAST(line_no AS VARCHAR) AS row_id, kind, klass, mark, currency, amount_minor AS amount,
    fee_minor AS fee, net_minor AS net, day, "at", tid, mid, batch, stan, rrn, auth_code, reference,
    "order" AS order_no, original, card, account, note, klass <> 'rest' AND amount_minor <> 0 AS moves,
    CASE WHEN mark IN ($live) THEN 1 ELSE 0 END AS live
FROM (
    SELECT file_id, line_no, kind, mark, currency, amount_minor, fee_minor, net_minor, "at", tid, mid, batch, stan,
        rrn, auth_code, reference, "order", original, card, account, text AS note,
        CASE WHEN settled_on = '' THEN substr("at", 1, 8) ELSE settled_on END AS day,
        CASE WHEN kind = 'payment' THEN 'pay' WHEN kind = 'refund' THEN 'ref' WHEN kind = 'void' THEN 'void'
             WHEN kind = 'reversal' THEN 'rev' ELSE 'rest' END AS klass
    FROM $source
) AS l
WHERE $period
"""
# A payment that its file marks as undone counts all the same where the undoing is a line of its own: both are summed.
_MARKED = "SELECT * FROM $raw WHERE mark <> 'none'"
_UNDOING = """
SELECT CASE WHEN kind = 'void' THEN 'voided' ELSE 'reversed' END AS mark, currency, -amount AS amount, tid, rrn,
    reference, order_no, original, card, day
FROM $raw WHERE kind IN ('void', 'reversal') AND moves AND mark NOT IN ('declined', 'unknown')
"""
_PAIRED = (
    "m.rrn = u.rrn AND m.rrn <> ''",
    "m.tid = u.tid AND m.stan = u.original AND u.original <> ''",
    "m.rrn = u.original AND u.original <> ''",
    "m.reference = u.original AND u.original <> ''",
    "m.order_no = u.original AND u.original <> ''",
    "m.order_no = u.order_no AND m.order_no <> ''",
    "m.tid = u.tid AND m.tid <> '' AND m.card = u.card AND m.card <> '' AND m.day = u.day",
)
_COUNTED = """
SELECT * FROM $raw WHERE mark = 'none'
UNION ALL SELECT m.* EXCLUDE (live), CASE WHEN m.live = 1 OR c.row_id IS NOT NULL THEN 1 ELSE 0 END AS live
FROM ${name}_marked AS m LEFT JOIN ${name}_counts AS c ON m.row_id = c.row_id
"""

_TOTALS = """
SELECT kind, mark, live, moves, currency, day, count(*) AS rows_, CAST(sum(amount) AS BIGINT) AS amount
FROM $lines GROUP BY kind, mark, live, moves, currency, day
"""

_BOOKS_TOTALS = """
SELECT klass, position, state, told, currency, day, count(*) AS rows_, CAST(sum(effect) AS BIGINT) AS effect
FROM books GROUP BY klass, position, state, told, currency, day
"""

LINES = {"network": "net", "terminal": "term", "bank": "bank"}


def period(options: Options, margin: tuple[str, str], day: str = "day") -> str:
    """Give the condition that a row's day is near the period; TRUE without one. Rows without a day are kept."""
    first, last = margin
    parts = [f"({day} >= '{first}' OR {day} = '')"] if options.first else []
    parts += [f"{day} <= '{last}'"] if options.last else []
    return " AND ".join(parts) or "TRUE"


def sides(options: Options, margin: tuple[str, str], marked: frozenset[str]) -> tuple[Step, ...]:
    """Give the steps that bring every side into shape.

    `margin` is the period with its neighbourhood; `marked` names the sides with lines that are marked as undone.
    """
    near = period(options, margin)
    live = {"network": "'none'", "bank": "'none'", "terminal": "'none', 'voided'"}
    steps = [Step("books", fill(_BOOKS, offset_s=options.utc_offset_min * 60, period=near), keep=False)]
    for role, name in LINES.items():
        raw = f"{name}_raw" if role in marked else name
        steps.append(Step(raw, fill(_LINES, source=f"{role}_src", live=live[role], period=near), keep=False))
        if role in marked:
            steps += _counted(name, raw)
    return tuple(steps)


def _counted(name: str, raw: str) -> Iterable[Step]:
    pairs = (
        f"SELECT m.row_id FROM {name}_marked AS m JOIN {name}_undoing AS u "  # noqa: S608 - our own text
        f"ON m.moves AND m.kind IN ('payment', 'void') AND m.mark = u.mark AND m.currency = u.currency AND m.amount = u.amount AND {on}"
        for on in _PAIRED
    )
    return (
        Step(f"{name}_marked", fill(_MARKED, raw=raw)),
        Step(f"{name}_undoing", fill(_UNDOING, raw=raw)),
        Step(f"{name}_counts", " UNION ".join(pairs)),
        Step(name, fill(_COUNTED, raw=raw, name=name), keep=False),
    )


def totals() -> tuple[Step, ...]:
    """Give the steps that add up every side by itself: what the bridge and the conservation are held against."""
    return (
        Step("books_totals", _BOOKS_TOTALS),
        *(Step(f"{name}_totals", fill(_TOTALS, lines=name)) for name in LINES.values()),
    )

