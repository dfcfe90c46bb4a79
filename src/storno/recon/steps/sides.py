"""The sides in one shape, and what they add up to: the first steps of every run.

Rule: a row's `effect` is decided here and nowhere else. Sources are the tables `books_src`, `network_src`,
`terminal_src` and `bank_src` that the engine makes from files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill

if TYPE_CHECKING:
    from storno.recon.sides import Options

MONEY = "('payment', 'refund', 'void', 'reversal')"
"""Kinds of line that belong to one transaction; fees, chargebacks and the like only count in deposits."""

_BOOKS = """
SELECT tx_id, tid, mid, batch, stan, day, state, position, told, currency, rrn, auth_code, original, card, klass,
    attempts, opened_ms // 1000 + $offset_s AS at_s,
    sign * coalesce(approved_minor, amount_minor) AS amount,
    sign * amount_minor AS asked,
    CASE WHEN position = 'effect' THEN sign * coalesce(approved_minor, amount_minor) ELSE 0 END AS effect
FROM (
    SELECT tx_id, tid, mid, batch, stan, "date" AS day, state, position, told, currency, rrn, auth_code, original,
        pan_masked AS card, attempts, opened_ms, amount_minor, approved_minor,
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
    "order" AS order_no, original, card, account, note,
    klass <> 'rest' AND amount_minor <> 0 AS moves,
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

_TOTALS = """
SELECT kind, mark, live, moves, currency, count(*) AS rows_, CAST(sum(amount) AS BIGINT) AS amount,
    CAST(sum(fee) AS BIGINT) AS fee, min(day) AS first, max(day) AS last
FROM $lines GROUP BY kind, mark, live, moves, currency
"""

_BOOKS_TOTALS = """
SELECT klass, position, state, told, currency, count(*) AS rows_, CAST(sum(effect) AS BIGINT) AS effect,
    min(day) AS first, max(day) AS last
FROM books GROUP BY klass, position, state, told, currency
"""

LINES = {"network": "net", "terminal": "term", "bank": "bank"}


def period(options: Options, margin: tuple[str, str], day: str = "day") -> str:
    """Give the condition that a row's day is near the period; TRUE without one. Rows without a day are kept."""
    first, last = margin
    parts = [f"({day} >= '{first}' OR {day} = '')"] if options.first else []
    parts += [f"{day} <= '{last}'"] if options.last else []
    return " AND ".join(parts) or "TRUE"


def sides(options: Options, margin: tuple[str, str]) -> tuple[Step, ...]:
    """Give the steps that bring every side into shape. `margin` is the period with its neighbourhood."""
    near = period(options, margin)
    live = {"network": "'none'", "bank": "'none'", "terminal": "'none', 'voided'"}
    return (
        Step("books", fill(_BOOKS, offset_s=options.utc_offset_min * 60, period=near), keep=False),
        *(
            Step(name, fill(_LINES, source=f"{role}_src", live=live[role], period=near), keep=False)
            for role, name in LINES.items()
        ),
    )


def totals() -> tuple[Step, ...]:
    """Give the steps that add up every side by itself: what the bridge and the conservation are held against."""
    return (
        Step("books_totals", _BOOKS_TOTALS),
        *(Step(f"{name}_totals", fill(_TOTALS, lines=name)) for name in LINES.values()),
    )


_DAYS = """
SELECT day, CAST(sum(lines_) AS BIGINT) AS lines_, CAST(sum(booked) AS BIGINT) AS booked
FROM (
    SELECT day, count(*) AS lines_, 0 AS booked FROM net WHERE moves GROUP BY day
    UNION ALL
    SELECT day, 0 AS lines_, count(*) AS booked FROM books WHERE position = 'effect' AND klass <> 'hold' GROUP BY day
) AS d GROUP BY day
"""


def day_counts() -> Step:
    """Give the step that counts lines and booked transactions by day: a day without lines is a missing file."""
    return Step("day_counts", _DAYS)
