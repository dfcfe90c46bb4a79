"""Balances: the fold of postings, and the proof that they sum to zero.

A posting key is used once. Must not import anything but its own package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storno.ledger.entry import Posting


@dataclass(slots=True)
class Balances:
    """Running balances per currency and account, in minor units."""

    sums: dict[tuple[str, str], int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def post(self, posting: Posting) -> None:
        """Add one posting; a key used twice is a broken contract."""
        if posting.key in self.keys:
            raise AssertionError(f"posting {posting.key} done twice")
        self.keys.add(posting.key)
        for account, amount in posting.entries:
            spot = (posting.currency, account)
            self.sums[spot] = self.sums.get(spot, 0) + amount

    def total(self, currency: str) -> int:
        """Sum all accounts of a currency; anything but zero is an error in the books."""
        return sum(amount for (held, _), amount in self.sums.items() if held == currency)

    def of(self, account: str, currency: str = "CNY") -> int:
        """Give one account's balance in minor units."""
        return self.sums.get((currency, account), 0)
