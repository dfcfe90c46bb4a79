"""False discovery control: of many terminals looked at, which stand out more than chance lets some stand out?

Benjamini and Hochberg 1995. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from storno.watch.detect import distance_of

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def discoveries(chances: Iterable[tuple[float, T]], looked_at: int, share: float) -> list[tuple[float, T]]:
    """Give those that stand out, least likely first; on average at most `share` of them do so by chance.

    Args:
        chances: how likely each is by chance; those that are surely ordinary may be left out.
        looked_at: how many were looked at, with those left out.
        share: false ones among the discoveries, 0 to 1.

    """
    ordered = sorted(chances, key=lambda one: one[0])
    last = 0
    for rank, (chance, _) in enumerate(ordered, 1):
        if chance <= share * rank / max(looked_at, 1):
            last = rank
    return ordered[:last]


def chance_in(score: float, transactions: float) -> float:
    """Give how likely a score this high comes up by chance at some time during so many transactions."""
    return -math.expm1(-max(transactions, 1.0) / distance_of(score))
