"""Unusual counts: how many transactions came in an hour, against the same hours of the weeks before.

What is expected is the mean of the same slot (and its neighbours) in earlier periods, by the level of late; spread is
negative binomial, from what the history itself shows. Earlier outbreaks weigh little, and two odd points in a row
count together. Pure; bench/detectors.py compares it in a published simulation design.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.watch._likelihood import Floats

HOURS_A_WEEK = 168
_ODD = 2.6
"""Standard deviations from which a value of the history loses weight: Farrington's bound."""
_ODD_ENOUGH = 1.0
"""Standard deviations from which a point may count together with the one before it."""


@dataclass(frozen=True, slots=True)
class CountOptions:
    """How a series is looked at; the defaults are for hours and their weeks."""

    period: int = HOURS_A_WEEK
    periods_max: int = 8
    periods_min: int = 2
    """Below this nothing is said: there is no expectation yet."""
    beside: int = 0
    """Neighbours on each side of the slot that count too."""
    recent: int = HOURS_A_WEEK
    """Points that tell the level of late."""
    gap: int = 2
    """Points before the present that do not: an outbreak would hide itself."""
    level_worth: float = 40.0
    """Expected count that no change of level counts for."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a point should be: mean, variance over mean of one point, and the mean's own variance."""

    mean: float
    dispersion: float
    doubt: float

    def deviation(self, count: float) -> float:
        """Give how far a count lies from the mean, in standard deviations, on the 2/3 power scale."""
        mean = max(self.mean, 0.05)
        spread = self.dispersion + self.doubt / mean
        distance: float = max(count, 0.0) ** (2 / 3) - mean ** (2 / 3)
        return distance / math.sqrt(4 / 9 * mean ** (1 / 3) * spread)


def expect(history: Sequence[float], options: CountOptions | None = None) -> Expected | None:
    """Give what the point after `history` should be; None while the history is too short."""
    return _expect(np.asarray(history, dtype=np.float64), options or CountOptions())


def unusual(history: Sequence[float], options: CountOptions | None = None) -> float | None:
    """Give how unusual the last point is, in standard deviations: positive for too many, negative for too few.

    Two points in a row that are odd in the same direction count together.
    """
    options = options or CountOptions()
    values = np.asarray(history, dtype=np.float64)
    if not len(values):
        return None
    now = _deviation(values, options)
    if now is None or abs(now) < _ODD_ENOUGH or len(values) < 2:
        return now
    before = _deviation(values[:-1], options)
    together = now if before is None else (now + before) / math.sqrt(2.0)
    return max(now, together) if now > 0 else min(now, together)


def _deviation(values: Floats, options: CountOptions) -> float | None:
    one = _expect(values[:-1], options)
    return None if one is None else one.deviation(float(values[-1]))


def _expect(values: Floats, options: CountOptions) -> Expected | None:
    at, period = len(values), options.period
    periods = min(options.periods_max, (at - options.beside) // period)
    if periods < options.periods_min:
        return None
    slots = [
        at - back * period + aside
        for back in range(1, periods + 1)
        for aside in range(-options.beside, options.beside + 1)
    ]
    slots = [one for one in slots if one < at - options.gap]
    base = values[slots]
    levels = _levels(values, at, periods, options)
    level_of = np.array([levels[(at - one + options.beside) // period] for one in slots])
    scaled = base / np.maximum(level_of, 1e-3)
    return _robust(scaled * levels[0])


def _levels(values: Floats, at: int, periods: int, options: CountOptions) -> list[float]:
    """Give the level around the present and around the same slot of each earlier period, 1 on the mean of them all."""
    sums = []
    for back in range(periods + 1):
        end = at - back * options.period - (options.gap if back == 0 else 0)
        start = max(0, at - back * options.period - options.recent - (options.gap if back == 0 else 0))
        window = values[start:end]
        sums.append(float(window.mean()) if len(window) else float("nan"))
    known = [one for one in sums if one == one]  # noqa: PLR0124 - not a number is unequal to itself
    middle = sum(known) / len(known) if known else 0.0
    worth = options.level_worth / options.recent
    return [1.0 if one != one else (one + worth) / (middle + worth) for one in sums]  # noqa: PLR0124


def _robust(values: Floats) -> Expected:
    """Give weighted mean and dispersion; what lies far above the rest was an outbreak and weighs little."""
    mean = max(float(np.median(values)), 0.05)
    spread = 1.4826 * float(np.median(np.abs(values - mean)))
    dispersion = max(1.0, spread * spread / mean)
    weights = np.ones(len(values))
    for _ in range(3):
        odd = (values ** (2 / 3) - mean ** (2 / 3)) / math.sqrt(4 / 9 * mean ** (1 / 3) * dispersion)
        weights = np.where(odd > _ODD, (_ODD / np.maximum(odd, _ODD)) ** 2, 1.0)
        mean = max(float((weights * values).sum() / weights.sum()), 0.05)
        bounded = np.minimum(values - mean, _ODD * math.sqrt(mean * dispersion))
        freedom = max(len(values) - 1.0, 1.0)
        squares = float((bounded**2).sum()) / mean / freedom
        # few points say little about their spread: six points' worth of "as Poisson has it, and a fifth more"
        dispersion = max(1.0, (squares * freedom + 1.2 * 6.0) / (freedom + 6.0))
    return Expected(mean, dispersion, dispersion * mean / max(float(weights.sum()), 1.0))
