"""Small days that show a rule: what our books hold and what the outside says, as plain rows.

Rule: an example is run through the whole plan by a test; the rows carry only what differs from an ordinary sale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
DAY = "20261102"
"""A Monday."""


@dataclass(frozen=True, slots=True)
class Example:
    """What each side has. The run's `as_of` is eight days later, so everything is due."""

    books: tuple[Row, ...] = ()
    terminal: tuple[Row, ...] = ()
    network: tuple[Row, ...] = ()
    bank: tuple[Row, ...] = ()
    finds: tuple[tuple[str, int], ...] = field(default=())
    """Rules found with their money, apart from the rule's own (which a counter-example must not find)."""


def sale(number: int = 1, amount_minor: int = 10_000, **more: object) -> Row:
    """Give a sale in our books, approved and told so."""
    row: Row = {
        "tx_id": f"1-{number:06d}", "tid": "00000001", "mid": "000000000000001", "batch": "000001",
        "stan": f"{number:06d}", "date": DAY, "kind": "sale", "state": "approved", "position": "effect",
        "told": "approved", "amount_minor": amount_minor, "approved_minor": amount_minor, "currency": "CNY",
        "response": "00", "rrn": f"6000000{number:05d}", "auth_code": f"A{number:05d}",
        "pan_masked": f"622588******{number:04d}", "attempts": 0, "original": "", "opened_ms": 1_793_580_000_000,
    }  # fmt: skip
    return row | more


def line(number: int = 1, amount_minor: int = 10_000, **more: object) -> Row:
    """Give the network's line of that sale."""
    row: Row = {
        "kind": "payment", "amount_minor": amount_minor, "currency": "CNY", "fee_minor": 0, "settled_on": DAY,
        "at": f"{DAY}090000", "mark": "none", "tid": "00000001", "mid": "000000000000001", "stan": f"{number:06d}",
        "rrn": f"6000000{number:05d}", "auth_code": f"A{number:05d}", "card": f"622588******{number:04d}",
    }  # fmt: skip
    return row | more


def undone(number: int = 1, amount_minor: int = 10_000, **more: object) -> Row:
    """Give a sale in our books that was reversed: without an answer there is no RRN."""
    return sale(
        number, amount_minor, state="reversed", position="none", told="cancelled", approved_minor=None, rrn="",
        auth_code="", attempts=1,
    ) | more  # fmt: skip


def deposit(amount_minor: int, day: str = "20261103", **more: object) -> Row:
    """Give the bank's booking of a day's money."""
    row: Row = {
        "kind": "deposit", "amount_minor": amount_minor, "currency": "CNY", "settled_on": day,
        "mid": "000000000000001", "reference": f"D{day}",
    }  # fmt: skip
    return row | more
