"""What is worked out of lines while they are written down: hashes for the reconciliation's filter, and their sums.

Rule: SQL texts only, each written once for whoever stores hashes and whoever works them out; must not import an
engine. A hash only says which rows need no second look: what differs is always compared by its texts, and the sums
are held against the differences found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES = 3
"""Number of the rules here: another one where a hash would come out otherwise."""
KEY_BITS = 31
"""Bits of a key's hash that are kept: more than there will be buckets."""

LINE_DAY = """CASE WHEN settled_on = '' THEN substr("at", 1, 8) ELSE settled_on END"""
"""A line's day: when it was cleared or booked, else when it was done."""
LINE_KLASS = """CASE WHEN kind = 'payment' THEN 'pay' WHEN kind = 'refund' THEN 'ref' WHEN kind = 'void' THEN 'void'
    WHEN kind = 'reversal' THEN 'rev' ELSE 'rest' END"""
"""What a line is for: a refund and a void may be alike in all else."""
LINE_STAN = "CASE WHEN stan = '000000' THEN '' ELSE stan END"
MOVES = "kind IN ('payment', 'refund', 'void', 'reversal') AND amount_minor <> 0"
"""Lines that belong to one transaction and have money."""
LIVE_MARKS = {
    Role.NETWORK: ("none",),
    Role.BANK: ("none",),
    Role.TERMINAL: ("none", "voided"),  # a terminal's voided sale counts: its void is a line of its own
}
"""The marks of lines that count."""
LIVE = {role: ", ".join(f"'{mark}'" for mark in marks) for role, marks in LIVE_MARKS.items()}
"""The same as a list in SQL."""
NETWORK_VALUES = ("mid", "tid", "stan")
TERMINAL_VALUES = ("mid", "batch")
"""Columns that stored hashes of lines cover, beyond key, amount, currency and what counts."""


UNLIKE = "CASE WHEN tid = '' OR stan = '' THEN 1 ELSE 0 END"
"""Added to our side's `row_hash` in the terminal's leg: a row without terminal or STAN agrees with no line."""


def key_hash(key: str) -> str:
    """Write the hash of a key as it is stored."""
    return f"CAST(hash({key}) & {(1 << KEY_BITS) - 1} AS INT)"


def row_hash(key: str, values: Iterable[str]) -> str:
    """Write the hash of a row: mixed twice, so that sums of them are digests, and short, so that sums stay numbers."""
    return f"CAST(hash(hash({', '.join((key, *values))})) >> 20 AS BIGINT)"


def hashes_of_lines(role: Role) -> dict[str, str]:
    """Give the columns that are stored beside the lines of a role; a row that agrees with nothing has no `row_hash`."""
    live = f"CASE WHEN mark IN ({LIVE[role]}) THEN 1 ELSE 0 END"
    if role is Role.NETWORK:
        values = (LINE_KLASS, "amount_minor", "currency", LINE_DAY, live, "mid", "tid", LINE_STAN)
        return {
            "key_hash": f"CASE WHEN rrn = '' THEN -1 ELSE {key_hash('rrn')} END",
            "row_hash": f"CASE WHEN rrn <> '' AND {MOVES} THEN {row_hash('rrn', values)} END",
        }
    if role is Role.TERMINAL:
        key = f"tid, {LINE_STAN}, {LINE_DAY}"
        hashed = row_hash(key, (LINE_KLASS, "amount_minor", "currency", *TERMINAL_VALUES))
        return {
            "key_hash": key_hash(key),
            "row_hash": f"CASE WHEN {live} = 1 AND {MOVES} THEN {hashed} END",
        }
    return {}


FEE_VOTE = "(abs(fee) * 20000 + abs(amount)) // (2 * abs(amount))"
"""The rate of one line's fee in basis points, rounded."""


def fee_due(amount: str, basis_points: str) -> str:
    """Write the fee of an amount at a rate, rounded half up, with the sign a fee has: against the money."""
    return (
        f"CASE WHEN {amount} > 0 THEN -(({amount} * {basis_points} + 5000) // 10000) "
        f"ELSE (-{amount} * {basis_points} + 5000) // 10000 END"
    )


TOTALS_OF_LINES = f"""
SELECT kind, mark, {MOVES} AS moves, currency, {LINE_DAY} AS day, count(*), CAST(sum(amount_minor) AS BIGINT)
FROM written GROUP BY ALL
"""  # noqa: S608 - our own text
"""What the lines of a file add up to: kind, mark, moves, currency, day, rows, amount."""
