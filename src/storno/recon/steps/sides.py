"""The sides in one shape, and what they add up to: the first steps of every run.

Rule: a row's `effect` is decided here and nowhere else. Sources are the tables `books_src`, `network_src`,
`terminal_src` and `bank_src` that the engine makes from files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.statements.digest import LINE_DAY, LINE_KLASS, LINE_STAN, LIVE, MOVES
from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

MONEY = "('payment', 'refund', 'void', 'reversal')"
"""Kinds of line that belong to one transaction; fees, chargebacks and the like only count in deposits."""

BOOKS_KLASS = """CASE WHEN kind IN ('sale', 'completion', 'completion_advice') THEN 'pay'
    WHEN kind = 'refund' THEN 'ref' WHEN kind IN ('void', 'completion_void') THEN 'void' ELSE 'hold' END"""
"""What a transaction is for, in the words of `LINE_KLASS`."""
_BOOKS = """
SELECT tx_id, tid, mid, batch, stan, day, kind, state, position, told, currency, rrn, auth_code, original, card, klass,
    key_hash_n, row_hash_n, key_hash_t, row_hash_t, opened_ms // 1000 + $offset_s AS at_s,
    sign * coalesce(approved_minor, amount_minor) AS amount,
    sign * amount_minor AS asked,
    CASE WHEN position = 'effect' THEN sign * coalesce(approved_minor, amount_minor) ELSE 0 END AS effect
FROM (
    SELECT tx_id, tid, mid, batch, stan, "date" AS day, kind, state, position, told, currency, rrn, auth_code, original,
        pan_masked AS card, opened_ms, amount_minor, approved_minor, key_hash_n, row_hash_n, key_hash_t, row_hash_t,
        $klass AS klass,
        CASE WHEN kind IN ('sale', 'completion', 'completion_advice') THEN 1
             WHEN kind IN ('refund', 'void', 'completion_void') THEN -1
             ELSE 0 END AS sign
    FROM $source
) AS b
"""

_LINES = """
SELECT file_id || ':' || CAST(line_no AS VARCHAR)$turn AS row_id, kind, klass, mark, currency, amount_minor AS amount,
    fee_minor AS fee, net_minor AS net, day, "at", tid, mid, batch, stan, rrn, auth_code, reference,
    "order" AS order_no, original, card, account, note, key_hash, row_hash, $moves AS moves,
    CASE WHEN mark IN ($live) THEN 1 ELSE 0 END AS live
FROM (
    SELECT file_id, line_no, kind, mark, currency, amount_minor, fee_minor, net_minor, "at", tid, mid, batch,
        $stan AS stan, rrn, auth_code, reference, "order", original, card, account, text AS note, $day AS day, key_hash,
        row_hash,
        $klass AS klass
    FROM $source
) AS l
"""
# A bank's entry may hold several transactions, all of one number.
_TURN = """ || CASE WHEN count(*) OVER (PARTITION BY file_id, line_no) = 1 THEN '' ELSE '/' || CAST(row_number() OVER (
    PARTITION BY file_id, line_no ORDER BY reference, "order", amount_minor, note) AS VARCHAR) END"""
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
SELECT * FROM $raw AS r WHERE mark = 'none'
UNION ALL SELECT m.* EXCLUDE (live), CASE WHEN m.live = 1 OR c.row_id IS NOT NULL THEN 1 ELSE 0 END AS live
FROM ${name}_marked AS m LEFT JOIN ${name}_counts AS c ON m.row_id = c.row_id WHERE $where
"""

TOTALS = {"kind": "text", "mark": "text", "live": "int", "moves": "flag", "currency": "text", "day": "text",
          "rows_": "int", "amount": "int"}  # fmt: skip
"""Columns of the sums of outside lines."""
BOOKS_TOTALS = {"klass": "text", "position": "text", "told": "text", "currency": "text", "day": "text",
                "rows_": "int", "effect": "int"}  # fmt: skip
_TOTALS = """
SELECT kind, mark, live, moves, currency, day, count(*) AS rows_, CAST(sum(amount) AS BIGINT) AS amount
FROM $lines GROUP BY kind, mark, live, moves, currency, day
"""

_BOOKS_TOTALS = """
SELECT klass, position, told, currency, day, count(*) AS rows_, CAST(sum(effect) AS BIGINT) AS effect
FROM books GROUP BY klass, position, told, currency, day
"""

LINES_AS = {"network": "net", "terminal": "term", "bank": "bank"}


@dataclass(frozen=True, slots=True)
class Shaping:
    """How raw rows become the columns that everything else reads."""

    first: str
    """The period with its neighbourhood, YYYYMMDD; empty: open."""
    last: str
    offset_s: int
    marked: frozenset[str]
    """Roles with lines that are marked as undone while the undoing is a line of its own."""
    hashed: frozenset[str] = frozenset()
    """Sides (`books` and roles) whose rows all have their hashes stored with them."""

    def is_near(self, day: str) -> bool:
        """Say what `near` asks."""
        return (not self.first or day >= self.first or not day) and (not self.last or day <= self.last)

    def near(self, day: str) -> str:
        """Give the condition that a row's day is near the period. Rows without a day are kept."""
        parts = [f"({day} >= '{self.first}' OR {day} = '')"] if self.first else []
        parts += [f"{day} <= '{self.last}'"] if self.last else []
        return " AND ".join(parts) or "TRUE"

    def books(self, where: str = "TRUE") -> str:
        """Give our books, of raw rows that a condition chooses: what it leaves out costs no more than reading."""
        near = self.near('"date"')
        source = fill("(SELECT * FROM books_src WHERE $near AND $where) AS r", near=near, where=where)
        return shaped_books(source, self.offset_s)

    def lines(self, role: str, where: str = "TRUE", shaped: str = "TRUE") -> str:
        """Give a role's lines, of raw rows that a condition chooses; `shaped` is the same over the shaped columns."""
        source = f"(SELECT * FROM {role}_src WHERE {self.near(LINE_DAY)} AND {where}) AS r"  # noqa: S608 - our own text
        plain = fill(
            _LINES,
            source=source,
            live=LIVE[Role(role)],
            day=LINE_DAY,
            stan=LINE_STAN,
            moves=MOVES,
            klass=LINE_KLASS,
            turn=_TURN if role == Role.BANK.value else "",
        )
        if role not in self.marked:
            return plain
        return fill(_COUNTED, raw=f"({plain})", name=LINES_AS[role], where=shaped)


def shaped_books(source: str, offset_s: int = 0) -> str:
    """Give our books in shape, of a table with the journal's columns and the hashes."""
    return fill(_BOOKS, offset_s=offset_s, source=source, klass=BOOKS_KLASS)


def sides(shaping: Shaping) -> tuple[Step, ...]:
    """Give the steps that bring every side into shape."""
    steps = [Step("books", shaping.books(), keep=False)]
    for role, name in LINES_AS.items():
        if role in shaping.marked:
            steps += _undone(name, replace(shaping, marked=frozenset()).lines(role))
        steps.append(Step(name, shaping.lines(role), keep=False))
    return tuple(steps)


def _undone(name: str, raw: str) -> Iterable[Step]:
    pairs = (
        f"SELECT m.row_id FROM {name}_marked AS m JOIN {name}_undoing AS u "  # noqa: S608 - our own text
        f"ON m.moves AND m.kind IN ('payment', 'void') AND m.mark = u.mark AND m.currency = u.currency "
        f"AND m.amount = u.amount AND {on}"
        for on in _PAIRED
    )
    return (
        Step(f"{name}_marked", fill(_MARKED, raw=f"({raw}) AS r")),
        Step(f"{name}_undoing", fill(_UNDOING, raw=f"({raw}) AS r")),
        Step(f"{name}_counts", " UNION ".join(pairs)),
    )


def totals(said: Container[str] = ()) -> tuple[Step, ...]:
    """Give the steps that add up every side by itself: what the bridge and the conservation are held against.

    `said` are the sides (`books`, `net`, …) whose files carry their sums.
    """
    steps = (
        Step("books_totals", _BOOKS_TOTALS),
        *(Step(f"{name}_totals", fill(_TOTALS, lines=name)) for name in LINES_AS.values()),
    )
    return tuple(one for one in steps if one.name.removesuffix("_totals") not in said)
