"""A merchant's usual amounts: median and spread of their logarithm, kept as three numbers, and which amount is none.

Both move by small steps towards what comes (a stochastic quantile), so that a state stays small and single odd amounts
do not count. Pure.
"""

from __future__ import annotations

import math
from typing import Any

FAR = 5.0
"""Robust standard deviations from the median that make an amount unusual."""
_KNOWN = 100
_STEP_MIN, _SPREAD_MIN = 0.01, 0.15


class Amounts:
    """All merchants' habits."""

    def __init__(self) -> None:
        self._of: dict[str, list[float]] = {}

    def unusual(self, mid: str, amount_minor: int) -> bool:
        """Say whether an amount is unusual for its merchant, and learn it; never in the first hundred."""
        if amount_minor <= 0:
            return False
        value = math.log(amount_minor)
        habit = self._of.setdefault(mid, [value, 1.0, 0.0])
        middle, spread, seen = habit
        far = seen >= _KNOWN and abs(value - middle) > FAR * 1.4826 * max(spread, _SPREAD_MIN)
        step = max(1.0 / (1.0 + seen / 4.0), _STEP_MIN) * max(spread, _SPREAD_MIN)
        habit[0] = middle + math.copysign(min(step, abs(value - middle)), value - middle)
        habit[1] = max(spread + step * (0.5 if abs(value - middle) > spread else -0.5), _SPREAD_MIN / 2)
        habit[2] = min(seen + 1.0, 1e6)
        return far

    def as_data(self) -> dict[str, Any]:
        """Write it down."""
        return dict(self._of)

    def read(self, data: dict[str, Any]) -> None:
        """Take over what `as_data` wrote."""
        self._of = {mid: list(habit) for mid, habit in data.items()}
