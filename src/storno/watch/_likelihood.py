"""Beta-binomial log-likelihoods on arrays, without SciPy.

Counts of failures vary more than a binomial says, for requests of one minute share their fate; `rho` is the correlation
within a cell. Pure.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_SHIFT = 8


def log_gamma(x: Floats) -> Floats:
    """Give log Γ(x) for x > 0 by Stirling's series after eight steps of the recurrence; relative error under 1e-12."""
    steps = np.ones_like(x)
    for step in range(_SHIFT):
        steps = steps * (x + step)
    z = x + _SHIFT
    inverse = 1.0 / z
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    result: Floats = (z - 0.5) * np.log(z) - z + 0.9189385332046727 + series - np.log(steps)
    return result


def log_beta(a: Floats, b: Floats) -> Floats:
    """Give log B(a, b)."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def beta_binomial(failed: Floats, total: Floats, rate: Floats, rho: float) -> Floats:
    """Give the log-likelihood of `failed` of `total` at a mean `rate`, up to what does not depend on the rate."""
    size = (1.0 - rho) / rho
    return log_beta(failed + rate * size, total - failed + (1.0 - rate) * size) - log_beta(
        rate * size, (1.0 - rate) * size
    )
