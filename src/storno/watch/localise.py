"""Localisation: which attribute values explain a rise of failures (one carrier, one version with one model, …)?

Method: for each combination of values up to `order_max`, how much likelier do the counts become if the odds of failure
rose inside it, cell by cell, by a common factor that may vary a little (log-normal, `spread`)? Cells that did not rise
speak against a set that is too wide, cells left out against one too narrow. Ratios are never split up: failures and
totals enter as counts. Pure; see bench/localise.py for how well it does on labelled cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from storno.watch._likelihood import beta_binomial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from storno.watch._likelihood import Floats

_RATE_MIN, _RATE_MAX = 1e-5, 0.995
_FACTORS = np.linspace(np.log(0.5), np.log(80.0), 30)
_MEANS = np.linspace(np.log(1.3), np.log(60.0), 14)


class Cell(NamedTuple):
    """Counts of one combination of all attributes; totals include the failures. Weighted counts may be fractions."""

    values: tuple[str, ...]
    failed_before: float
    total_before: float
    failed: float
    total: float


@dataclass(frozen=True, slots=True)
class LocaliseOptions:
    """Parameters; the defaults were chosen by cross-validation on 65 labelled drops and are flat around there."""

    order_max: int = 3
    """Attributes in a set at most."""
    rho: float = 0.005
    """Correlation of failures within a cell."""
    spread: float = 0.35
    """Standard deviation of the log of the factor between the cells of one cause."""
    shrink: float = 20.0
    """Requests that the expected rate of a cell counts for, beside what it did before."""
    sure: float = 6.0
    """Log-likelihood a further cause must gain."""
    external: float = 0.35
    """Share of the explained rise under which the cause lies outside these attributes."""
    ranked: int = 5


@dataclass(frozen=True, slots=True)
class Suspect:
    """One set of attribute values, with how much of the rise lies in it."""

    values: tuple[tuple[str, str], ...]
    gain: float
    """Log-likelihood gained by it; 10 is a lot."""
    failed: float
    expected: float
    """Failures that were to be expected in it."""
    total: float
    share: float
    """Part of the whole rise that lies in it."""


@dataclass(frozen=True, slots=True)
class Localisation:
    """The answer. `causes` is the smallest set of suspects that explains the rise together; empty when external."""

    causes: tuple[Suspect, ...]
    ranking: tuple[Suspect, ...]
    """Single suspects, best first."""
    external: bool
    """True when failures rose everywhere alike: the cause is in none of these attributes."""
    rose: bool
    """False when there is no rise to explain."""
    failed: float
    expected: float
    total: float


class _Groups(NamedTuple):
    dims: tuple[int, ...]
    first: NDArray[np.intp]
    of_cell: NDArray[np.intp]


def localise(
    dims: Sequence[str], cells: Sequence[Cell], options: LocaliseOptions | None = None
) -> Localisation:
    """Name what explains a rise of failures.

    Raises:
        ValueError: no attribute, a cell with another number of values, or counts that cannot be.

    """
    options = options or LocaliseOptions()
    _check(dims, cells)
    kept = [cell for cell in cells if cell.total > 0]
    if not kept:
        return Localisation((), (), external=False, rose=False, failed=0.0, expected=0.0, total=0.0)
    work = _Work(tuple(dims), kept, options)
    return work.answer()


def _check(dims: Sequence[str], cells: Sequence[Cell]) -> None:
    if not dims:
        raise ValueError("no attributes to compare / 没有可比较的维度")
    for cell in cells:
        if len(cell.values) != len(dims):
            raise ValueError(f"{cell.values} has not the {len(dims)} attributes {tuple(dims)} / 维度数量不符")
        for failed, total in ((cell.failed_before, cell.total_before), (cell.failed, cell.total)):
            if not 0 <= failed <= total or total == float("inf"):
                raise ValueError(
                    f"{cell.values}: {failed:g} failed of {total:g} cannot be / 失败数与总数矛盾"
                )


class _Work:
    """The arrays of one question."""

    def __init__(self, dims: tuple[str, ...], cells: list[Cell], options: LocaliseOptions) -> None:
        self.dims = dims
        self.options = options
        self.values = [cell.values for cell in cells]
        counts = np.array([cell[1:] for cell in cells], dtype=np.float64)
        self.failed_before, self.total_before, self.failed, self.total = counts.T
        self.codes = [
            np.unique(np.array([values[dim] for values in self.values]), return_inverse=True)[1]
            for dim in range(len(dims))
        ]
        self.groups = list(self._all_groups())
        self.rate = self._expected_rate()
        self.expected = self.rate * self.total

    def _expected_rate(self) -> Floats:
        """Give each cell's rate before: its own counts, drawn to what its single attributes let expect."""
        overall = (self.failed_before.sum() + 0.5) / (self.total_before.sum() + 1.0)
        ratio = np.ones(len(self.values))
        for codes in self.codes:
            failed = np.bincount(codes, self.failed_before) + overall * 50
            total = np.bincount(codes, self.total_before) + 50
            ratio *= (failed / total / overall)[codes] ** 0.8
        prior = np.clip(overall * ratio, overall / 20, 0.9)
        shrink = self.options.shrink
        rate = (self.failed_before + prior * shrink) / (self.total_before + shrink)
        clipped: Floats = np.clip(rate, _RATE_MIN, 0.98)
        return clipped

    def _all_groups(self) -> Iterator[_Groups]:
        for order in range(1, min(self.options.order_max, len(self.dims)) + 1):
            for dims in combinations(range(len(self.dims)), order):
                code = self.codes[dims[0]].astype(np.int64)
                for dim in dims[1:]:
                    width = int(self.codes[dim].max()) + 1
                    code = np.unique(code * width + self.codes[dim], return_inverse=True)[1]
                _, first, of_cell = np.unique(code, return_index=True, return_inverse=True)
                yield _Groups(dims, first, of_cell)

    def _gains(self, rate: Floats) -> Floats:
        """Give, for each mean factor and cell, the log-likelihood gained if the cell's odds rose by about that."""
        rho = self.options.rho
        base = beta_binomial(self.failed, self.total, rate, rho)
        gains = np.array([
            beta_binomial(self.failed, self.total, _raised(rate, factor), rho) - base for factor in np.exp(_FACTORS)
        ])  # fmt: skip
        weights = np.exp(-0.5 * ((_MEANS[:, None] - _FACTORS[None, :]) / self.options.spread) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        top = gains.max(axis=0)
        mixed: Floats = np.log(np.maximum(weights @ np.exp(gains - top), 1e-300)) + top
        return mixed

    def _best(self, gains: Floats) -> list[tuple[float, int, int, int]]:
        """Give (gain, place of the groups, place of the set, place of the factor) of every set, best first."""
        found: list[tuple[float, int, int, int]] = []
        for place, groups in enumerate(self.groups):
            sums = np.array([np.bincount(groups.of_cell, row) for row in gains])
            factor = sums.argmax(axis=0)
            best = sums.max(axis=0)
            found += [
                (float(gain), place, number, int(factor[number]))
                for number, gain in enumerate(best)
                if gain > 0
            ]
        found.sort(key=lambda one: (-one[0], len(self.groups[one[1]].dims), one[1], one[2]))
        return found

    def _suspect(self, found: tuple[float, int, int, int], rise: float, rate: Floats) -> Suspect:
        gain, place, number, _ = found
        groups = self.groups[place]
        inside = groups.of_cell == number
        values = self.values[int(groups.first[number])]
        failed, expected = float(self.failed[inside].sum()), float((rate * self.total)[inside].sum())
        return Suspect(
            tuple((self.dims[dim], values[dim]) for dim in groups.dims),
            gain,
            failed,
            expected,
            float(self.total[inside].sum()),
            max(0.0, min(1.0, (failed - expected) / rise)) if rise > 0 else 0.0,
        )

    def answer(self) -> Localisation:
        """Rank the single sets, then add causes as long as one more explains what is left."""
        options = self.options
        failed, expected, total = (
            float(self.failed.sum()),
            float(self.expected.sum()),
            float(self.total.sum()),
        )
        gains = self._gains(self.rate)
        ranked = self._best(gains)
        rise = failed - expected
        if not ranked or ranked[0][0] < options.sure:
            return Localisation(
                (), (), external=False, rose=False, failed=failed, expected=expected, total=total
            )
        ranking = tuple(self._suspect(one, rise, self.rate) for one in ranked[: options.ranked])
        everywhere = float(gains.sum(axis=1).max())
        external = everywhere >= ranked[0][0] or self._scattered(ranked[0])
        causes = () if external else self._causes(ranked, rise)
        return Localisation(
            causes, ranking, external, rose=True, failed=failed, expected=expected, total=total
        )

    def _scattered(self, best: tuple[float, int, int, int]) -> bool:
        """Say whether outside the best set the failures rose by nearly as much as inside."""
        inside = self.groups[best[1]].of_cell == best[2]
        out_failed, out_expected = self.failed[~inside].sum(), self.expected[~inside].sum()
        in_failed, in_expected = self.failed[inside].sum(), self.expected[inside].sum()
        if out_expected < 1 or in_expected <= 0:
            return False
        outside = np.log(max(out_failed, 0.5) / out_expected)
        within = np.log(max(in_failed, 0.5) / in_expected)
        return bool(outside > (1 - self.options.external) * within and outside > np.log(1.3))

    def _causes(self, ranked: list[tuple[float, int, int, int]], rise: float) -> tuple[Suspect, ...]:
        causes: list[Suspect] = []
        rate = self.rate
        while ranked and ranked[0][0] >= self.options.sure and len(causes) < self.options.order_max:
            best = ranked[0]
            suspect = self._suspect(best, rise, rate)
            if causes and (suspect.share < 0.1 or suspect.gain < 0.1 * causes[0].gain):
                break
            causes.append(suspect)
            inside = self.groups[best[1]].of_cell == best[2]
            rate = np.where(inside, _raised(rate, float(np.exp(_MEANS[best[3]]))), rate)
            ranked = self._best(self._gains(rate))
        return tuple(causes)


def _raised(rate: Floats, factor: float) -> Floats:
    """Multiply the odds."""
    raised: Floats = np.clip(rate * factor / (1.0 - rate + rate * factor), _RATE_MIN, _RATE_MAX)
    return raised
