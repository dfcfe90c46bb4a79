"""Entries and postings.

A posting is a set of entries in one currency that sums to zero, with a key that makes doing it twice impossible.
Must not import anything but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Posting:
    """Entries `(account, amount_minor)` that belong together; debit positive, credit negative."""

    key: str
    currency: str
    entries: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        left = 0
        for _, amount in self.entries:
            left += amount
        if left:
            raise AssertionError(f"posting {self.key} does not sum to zero")


def net(*parts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Add entries account by account and drop what cancels out; the order is by account, so it is reproducible."""
    sums: dict[str, int] = {}
    for part in parts:
        for account, amount in part:
            sums[account] = sums.get(account, 0) + amount
    return tuple(sorted([entry for entry in sums.items() if entry[1]]))


def opposite(entries: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Turn every entry round: what undoes them."""
    return tuple((account, -amount) for account, amount in entries)
