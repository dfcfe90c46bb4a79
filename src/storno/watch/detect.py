"""Detect that a small rate has risen: one failure in two hundred has become one in fifty.

A Beta-Binomial with forgetting: counts fade with each transaction (not each minute), the expected rate counts as
`prior` transactions, and the score is how much likelier the faded counts are at their own rate than at the expected
one. Pure; bench/detectors.py compares it with EWMA, CUSUM and a rolling rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

_DISTANCE_AT_2 = 14_000.0
_DECADES_A_POINT = 0.8
"""Simulated for rates of 0.2 to 10 %, scores of 1.2 to 5: distance = 14,000 · 10^(0.8 (score − 2)), within a half."""
RATE_MIN, RATE_MAX = 1e-6, 0.999


class Faded(NamedTuple):
    """Counts in which the last transaction weighs 1 and the ones before ever less."""

    failed: float = 0.0
    total: float = 0.0


NOTHING = Faded()


@dataclass(frozen=True, slots=True)
class Detector:
    """Parameters of one level (terminal, carrier, …)."""

    memory: float = 300.0
    """Transactions after which one weighs 1/e."""
    prior: float = 60.0
    """Transactions that the expected rate counts for."""
    threshold: float = 2.2
    """Score from which it is an alarm; see `threshold_for`."""

    def after(self, state: Faded, failed: int, total: int = 1) -> Faded:
        """Take in `failed` of `total` transactions; within one call their order does not count.

        Raises:
            ValueError: counts that cannot be.

        """
        if not 0 <= failed <= total:
            raise ValueError(f"{failed} failed of {total} cannot be / 失败数与总数矛盾")
        if total == 1:
            keep = 1.0 - 1.0 / self.memory
            return Faded(state.failed * keep + failed, state.total * keep + 1.0)
        keep = (1.0 - 1.0 / self.memory) ** total
        weight = self.memory * (1.0 - keep) / total if total else 0.0
        return Faded(state.failed * keep + failed * weight, state.total * keep + total * weight)

    def rate(self, state: Faded, expected: float) -> float:
        """Give the rate as it looks now: the faded counts drawn to the expected rate."""
        return (state.failed + self.prior * expected) / (state.total + self.prior)

    def score(self, state: Faded, expected: float) -> float:
        """Give how strongly the rate seems to have risen above `expected`; 0 when it has not."""
        base = min(max(expected, RATE_MIN), 0.9)
        rate = min(self.rate(state, base), RATE_MAX)
        if rate <= base:
            return 0.0
        gain = rate * math.log(rate / base) + (1.0 - rate) * math.log((1.0 - rate) / (1.0 - base))
        return (state.total + self.prior) * gain

    def alarmed(self, state: Faded, expected: float) -> bool:
        """Say whether the score has reached the threshold."""
        return self.score(state, expected) >= self.threshold


def threshold_for(distance: float) -> float:
    """Give the threshold with about one false alarm in `distance` transactions (1,000 and more)."""
    if distance < 1_000:
        raise ValueError(
            "a false alarm more often than every 1,000 transactions is none / 误报间隔须不少于 1000 笔"
        )
    return 2.0 + math.log10(distance / _DISTANCE_AT_2) / _DECADES_A_POINT


def distance_of(score: float) -> float:
    """Give about how many transactions lie between two moments at which chance alone reaches this score.

    Extrapolated above a score of 5 (three million transactions), where simulation ends.
    """
    decades = _DECADES_A_POINT * (score - 2.0)
    return _DISTANCE_AT_2 * math.exp(decades * math.log(10.0))


def chance_of(score: float) -> float:
    """Give about how often a score is at least this high at a random moment when nothing has changed.

    Half the tail of chi-square with one degree of freedom at twice the score; for ranking and false discovery control.
    """
    return 0.5 * math.erfc(math.sqrt(max(score, 0.0)))
