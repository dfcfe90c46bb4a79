"""When two lines are the same: the key by which files are held against each other, and the print of a whole line.

A transaction keeps its key when a corrected file changes its amount; a bank booking without a number of its own has
nothing but what it says. Stable across processes and machines. Pure.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter

from storno.statements.line import Role, StatementLine

_ALL = attrgetter(
    "kind._value_", "amount_minor", "currency", "fee_minor", "net_minor", "settled_on", "at", "mark._value_", "tid",
    "mid", "batch", "stan", "rrn", "auth_code", "reference", "order", "original", "original_at", "card", "account",
    "code", "text",
)  # fmt: skip
_TRANSACTION = attrgetter(
    "kind._value_", "currency", "at", "tid", "mid", "batch", "stan", "rrn", "reference", "order", "account"
)
_BOOKING = attrgetter(
    "kind._value_",
    "currency",
    "amount_minor",
    "settled_on",
    "at",
    "reference",
    "order",
    "account",
    "code",
    "text",
)


def numbered(line: StatementLine) -> bool:
    """Say whether the line has a number of its own, so that saying it twice means the same transaction twice."""
    return bool(
        line.rrn or line.stan or (line.reference and line.reference.upper() not in ("NONREF", "NOTPROVIDED"))
    )


def key_of(line: StatementLine, role: Role) -> int:
    """Give a line's identity, a signed 64-bit integer."""
    by_number = role is not Role.BANK and numbered(line)
    return _digest(_TRANSACTION(line) if by_number else _BOOKING(line))


def print_of(line: StatementLine) -> int:
    """Give the print of everything a line says but its place, a signed 64-bit integer."""
    return _digest(_ALL(line))


def _digest(values: tuple[object, ...]) -> int:
    text = "\x1f".join(map(str, values)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
