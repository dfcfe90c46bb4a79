"""Noisy-OR over signals, exact: every set of up to three causes is weighed against what was seen.

Each cause present may show each symptom by itself, a leak shows it without any; what became of the transaction is the
work of one of the causes present. Missing signals weigh nothing. The figures are data (model.toml), fitted by
bench/diagnosis.py; chances come out tempered so that they mean what they say. numpy only, no chance, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import log

import numpy as np
from numpy.typing import NDArray

JOINT_MAX = 3
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """The figures. `shows[c][s]`: chance that cause c alone shows symptom s; `ends[c][k]`: that it ends so."""

    causes: tuple[str, ...]
    """The last one may be empty: nothing was wrong."""
    symptoms: tuple[str, ...]
    sorts: tuple[str, ...]
    """What can become of a transaction; one that is not listed weighs nothing."""
    prior: Floats
    shows: Floats
    leak: Floats
    ends: Floats
    joint: float
    """How likely a further cause is, against its prior."""
    temper: float
    """Exponent that makes the chances honest: below 1 they are moved together."""

    @cached_property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """Every set of one to three causes; "nothing was wrong" stands alone."""
        real = [at for at, name in enumerate(self.causes) if name]
        alone = [(at,) for at, name in enumerate(self.causes) if not name]
        return (*alone, *(one for size in range(1, JOINT_MAX + 1) for one in combinations(real, size)))

    @cached_property
    def tables(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Give log prior, log present, log absent (sets x symptoms) and log ends (sets x sorts)."""
        log_prior = np.log(self.prior)
        prior = np.array(
            [sum(log_prior[at] for at in one) + (len(one) - 1) * log(self.joint) for one in self.sets]
        )
        silent = np.array([np.prod(1 - self.shows[list(one)], axis=0) for one in self.sets]) * (1 - self.leak)
        silent = np.clip(silent, 1e-6, 1 - 1e-6)
        ends = np.array([self.ends[list(one)].mean(axis=0) for one in self.sets])
        return prior, np.log1p(-silent), np.log(silent), np.log(np.clip(ends, 1e-6, None))

    @cached_property
    def member(self) -> Floats:
        """Say which cause is in which set (sets x causes)."""
        found = np.zeros((len(self.sets), len(self.causes)))
        for row, one in enumerate(self.sets):
            found[row, list(one)] = 1
        return found


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the signals say: the chance of each cause, and of each set."""

    chances: tuple[tuple[str, float], ...]
    """Cause and chance that it took part, likeliest first."""
    sets: tuple[tuple[tuple[str, ...], float], ...]
    """The five likeliest sets."""

    def of(self, cause: str) -> float:
        """Give the chance of one cause."""
        return next((chance for name, chance in self.chances if name == cause), 0.0)


def weigh(
    model: Model, sort: str, symptoms: Mapping[str, bool], only: frozenset[str] = frozenset()
) -> Weighed:
    """Weigh every set of causes; `only` keeps to some causes (empty: all)."""
    score = _scores(model, sort, symptoms)
    if only:
        barred = np.array([name not in only for name in model.causes], dtype=float)
        score = np.where(model.member @ barred > 0, -np.inf, score)
    if not np.isfinite(score).any():
        raise ValueError("no set of causes is left to weigh")
    chance = np.exp(model.temper * (score - score.max()))
    chance /= chance.sum()
    marginal = chance @ model.member
    order = np.argsort(-marginal, kind="stable")
    best = np.argsort(-chance, kind="stable")[:5]
    return Weighed(
        tuple((model.causes[at], float(marginal[at])) for at in order if marginal[at] > 0),
        tuple((tuple(model.causes[at] for at in model.sets[row]), float(chance[row])) for row in best),
    )


def _scores(model: Model, sort: str, symptoms: Mapping[str, bool]) -> Floats:
    prior, present, absent, ends = model.tables
    score = prior.copy()
    for at, name in enumerate(model.symptoms):
        seen = symptoms.get(name)
        if seen is not None:
            score += present[:, at] if seen else absent[:, at]
    if sort in model.sorts:
        score += ends[:, model.sorts.index(sort)]
    return score


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing seen and how much it speaks for a cause. `weight`: log (base 10) likelihood ratio; below 0: against."""

    name: str
    """A symptom, or `sort` for what became of it."""
    present: bool
    weight: float


def evidence(
    model: Model, cause: str, sort: str, symptoms: Mapping[str, bool], only: frozenset[str] = frozenset()
) -> tuple[Evidence, ...]:
    """Give what speaks for and against a cause alone, against the others of `only` by their priors; strongest first."""
    at = model.causes.index(cause)
    others = np.array(
        [one for one, name in enumerate(model.causes) if one != at and (not only or name in only)]
    )
    if not len(others):
        return ()
    share = model.prior[others] / model.prior[others].sum()
    found = []
    for column, name in enumerate(model.symptoms):
        seen = symptoms.get(name)
        if seen is None:
            continue
        shows = 1 - (1 - model.shows[:, column]) * (1 - model.leak[column])
        chance = np.clip(shows if seen else 1 - shows, 1e-6, 1)
        found.append(Evidence(name, seen, float(np.log10(chance[at] / (chance[others] @ share)))))
    if sort in model.sorts:
        chance = np.clip(model.ends[:, model.sorts.index(sort)], 1e-6, 1)
        found.append(
            Evidence("sort", present=True, weight=float(np.log10(chance[at] / (chance[others] @ share))))
        )
    return tuple(sorted(found, key=lambda one: -abs(one.weight)))


@dataclass(frozen=True, slots=True)
class Turn:
    """A signal not seen yet that would change the verdict: if it were `present`, `cause` would lead with `chance`."""

    symptom: str
    present: bool
    cause: str
    chance: float


def turns(
    model: Model, sort: str, symptoms: Mapping[str, bool], only: frozenset[str] = frozenset(), most: int = 3
) -> tuple[Turn, ...]:
    """Say what would change the verdict: signals that are missing and would bring another cause to the front."""
    leader = weigh(model, sort, symptoms, only).chances[0][0]
    found = []
    for name in model.symptoms:
        if name in symptoms:
            continue
        for seen in (True, False):
            first, chance = weigh(model, sort, {**symptoms, name: seen}, only).chances[0]
            if first != leader:
                found.append(Turn(name, seen, first, chance))
    return tuple(sorted(found, key=lambda one: -one.chance)[:most])
