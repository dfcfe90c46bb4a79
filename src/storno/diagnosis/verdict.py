"""The verdict on one transaction: decision list, then signals, then what failed for many at once; and honestly unknown.

(a) `decide` settles what codes settle; (b) `noisy_or` weighs the rest; (c) `fleet` may override (b) when one issuer,
carrier, site, version or the host explains many failures of the same minutes. Pure: everything arrives as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storno.diagnosis.decide import Decision, decide
from storno.diagnosis.fleet import CommonCause, Slice, Tally, common_cause
from storno.diagnosis.knowledge import NOTHING, read_data
from storno.diagnosis.noisy_or import Evidence, Model, Turn, evidence, turns, weigh
from storno.diagnosis.signals import ALONE, Software, symptoms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.diagnosis.codebook import Codebook
    from storno.diagnosis.signals import Around, Signals

KNOWN_FROM = 0.5
"""Below this chance the verdict is "unknown", and the likeliest causes are only named."""
SHOWN_FROM = 0.3
"""Evidence weaker than this (log 10 of the likelihood ratio) is not worth a line."""
_FLEET_CHANCE = 0.97


SETTLED = frozenset({"business_decline", "wrong_pin", "card_expired", "wrong_card_data", "acquirer_setup"})
"""Causes that only a code shows: where no rule found one, they are not weighed."""


class Basis(Enum):
    """What a verdict rests on."""

    RULE = "rule"
    SIGNALS = "signals"
    MANY = "many"
    """Many failed at once."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why it went as it did, and how sure that is."""

    basis: Basis
    cause: str
    """The likeliest cause; empty: nothing went wrong. When the basis is UNKNOWN it is only the first of several."""
    chance: float
    ranked: tuple[tuple[str, float], ...]
    """The three likeliest causes with their chances (more than one may hold)."""
    together: tuple[str, ...]
    """The likeliest set, when it has more than one member."""
    speaks_for: tuple[Evidence, ...]
    speaks_against: tuple[Evidence, ...]
    would_change: tuple[Turn, ...]
    decision: Decision | None
    common: CommonCause | None

    @property
    def known(self) -> bool:
        """Say whether the cause is more than a guess."""
        return self.basis is not Basis.UNKNOWN


@dataclass(frozen=True, slots=True)
class Figures:
    """The fitted model, and how often each kind of rule was right."""

    model: Model
    rule_chance: float


@cache
def figures() -> Figures:
    """Read the figures of the package (data/model.toml)."""
    return figures_of(read_data("model.toml"))


def figures_of(data: dict[str, Any]) -> Figures:
    """Read figures as bench/diagnosis.py writes them."""
    names = tuple(data["causes"])
    model = Model(
        names, tuple(data["symptoms"]), tuple(data["sorts"]), np.array(data["prior"]),
        np.array([data["shows"][name or "nothing"] for name in names]), np.array(data["leak"]),
        np.array([data["ends"][name or "nothing"] for name in names]), float(data["joint"]), float(data["temper"]),
    )  # fmt: skip
    return Figures(model, float(data["rule_chance"]))


def diagnose(
    me: Signals, around: Around = ALONE, book: Codebook | None = None, fitted: Figures | None = None
) -> Verdict:
    """Say why a transaction went as it did."""
    given = fitted or figures()
    decision = decide(me, around, book)
    if decision is not None and decision.cause:
        return Verdict(
            Basis.RULE, decision.cause, given.rule_chance, ((decision.cause, given.rule_chance),), (), (), (), (),
            decision, None,
        )  # fmt: skip
    model, seen, common = given.model, symptoms(me, around), shared(me, around.near)
    among = (
        frozenset(decision.among if decision else ()) & frozenset(model.causes)
        or frozenset(model.causes) - SETTLED
    )
    weighed = weigh(model, me.sort, seen, among)
    cause, chance = weighed.chances[0]
    ranked = weighed.chances[:3]
    basis = Basis.SIGNALS if chance >= KNOWN_FROM else Basis.UNKNOWN
    if common is not None and common.sure and common.cause in among:
        basis, cause, chance = Basis.MANY, common.cause, max(_FLEET_CHANCE, weighed.of(common.cause))
        ranked = ((cause, chance), *(one for one in ranked if one[0] != cause))[:3]
    lines = [one for one in evidence(model, cause, me.sort, seen, among) if abs(one.weight) >= SHOWN_FROM]
    best = weighed.sets[0][0]
    return Verdict(
        basis, cause, min(1.0, chance), tuple(ranked), best if len(best) > 1 and cause in best else (),
        tuple(one for one in lines if one.weight > 0), tuple(one for one in lines if one.weight < 0),
        turns(model, me.sort, seen, among), decision, common if basis is Basis.MANY else None,
    )  # fmt: skip


def nothing_wrong(verdict: Verdict) -> bool:
    """Say whether the verdict is that nothing went wrong."""
    return verdict.known and verdict.cause == NOTHING


_TOGETHER: tuple[tuple[frozenset[str], tuple[str, ...], float], ...] = (
    (
        frozenset({"reversed 98", "silent", "local L01", "answer 91", "answer 92", "answer 96", "answer 98",
                   "answer 68", "answer A7"}),
        ("issuer", "carrier", "site"), 0.012,
    ),
    (
        frozenset({"reversed 96", "reversed A0", "answer A0", "answer 30", "answer 63", "answer 99"}),
        ("version", "model"), 0.008,
    ),
)  # fmt: skip
"""What fails together: on the way or at the other side, and in the terminal itself; by which dimensions; how often
anyhow."""


def shared(me: Signals, near: Sequence[Signals]) -> CommonCause | None:
    """Find what explains the failures of the same minutes, if this transaction is one of them."""
    together = next((one for one in _TOGETHER if me.sort in one[0]), None)
    if together is None or not near:
        return None
    sorts, dimensions, usual = together
    counts: dict[tuple[str, str], list[int]] = {}
    total = [0, 0]
    for one in near:
        if one.tx_id == me.tx_id:
            continue
        bad = one.sort in sorts
        for tally in (total, *_tallies(counts, one, dimensions)):
            tally[0] += 1
            tally[1] += bad
    slices = [Slice(dimension, value, Tally(*tally)) for (dimension, value), tally in counts.items()]
    found = common_cause(slices, Tally(*total), usual)
    if found is None or (found.dimension and getattr(me, found.dimension) != found.value):
        return None
    if found.dimension == "version" and me.software is Software.UNOFFICIAL:
        return replace(found, cause="unofficial_software")
    return found


def _tallies(
    counts: dict[tuple[str, str], list[int]], one: Signals, dimensions: tuple[str, ...]
) -> list[list[int]]:
    return [
        counts.setdefault((dimension, value), [0, 0])
        for dimension in dimensions
        if (value := getattr(one, dimension))
    ]
