"""Many at once: does one issuer, carrier, site, model, version, terminal or the host explain what failed?

A pure function over counts: the verdict names the slice whose failures are least likely by chance and whose rest is
well, and may override what a single transaction's signals say. It fetches no counts by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

SURE = 8.0
"""Log likelihood ratio from which a common cause overrides the verdict on one transaction."""
_FAILED_MIN = 4
_REST_MIN = 10
_LIFT_MIN = 4.0
_REST_LIFT_MAX = 4.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were seen and how many of them failed."""

    seen: int
    failed: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The tally of one value of one dimension within the same minutes."""

    dimension: str
    """issuer, carrier, site, model, version, terminal or operator."""
    value: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class CommonCause:
    """A slice that explains what failed. `strength` is a log likelihood ratio (natural)."""

    cause: str
    dimension: str
    """Empty for the host: everything fails."""
    value: str
    inside: Tally
    rest: Tally
    strength: float

    @property
    def sure(self) -> bool:
        """Say whether it overrides the verdict on one transaction."""
        return self.strength >= SURE


_CAUSE_OF = {
    "issuer": "issuer_failure", "carrier": "unstable_network", "site": "unstable_network",
    "model": "terminal_fault", "version": "old_software", "operator": "operator_mistake",
    "terminal": "terminal_fault",
}  # fmt: skip


def excess(tally: Tally, usual: float) -> float:
    """Give the chance of at least so many failures if the usual rate held (binomial tail)."""
    if not 0 < usual < 1:
        raise ValueError(f"a rate lies between 0 and 1, not {usual}")
    if tally.failed <= 0:
        return 1.0
    below = 0.0
    for count in range(tally.failed):
        below += exp(
            _log_choose(tally.seen, count) + count * log(usual) + (tally.seen - count) * log(1 - usual)
        )
        if below >= 1:
            return 0.0
    return max(0.0, 1 - below)


def _log_choose(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def common_cause(slices: Sequence[Slice], total: Tally, usual: float) -> CommonCause | None:
    """Find what explains the failures of some minutes; None when nothing does.

    `slices` has every value of each dimension, `total` is all of it, `usual` the rate on other days. A slice explains
    when it is far over the usual rate and what is outside it is not; if several dimensions and the rest fail alike, it
    is the host.
    """
    best: CommonCause | None = None
    for one in slices:
        rest = Tally(total.seen - one.tally.seen, total.failed - one.tally.failed)
        if rest.seen < 0 or rest.failed < 0:
            raise ValueError(f"{one.dimension} {one.value}: more than there is in all")
        found = _weigh(_CAUSE_OF[one.dimension], one.dimension, one.value, one.tally, rest, usual)
        if found is not None and (best is None or found.strength > best.strength):
            best = found
    host = _weigh("host_failure", "", "", total, Tally(0, 0), usual)
    if host is None:
        return best
    spread = {
        one.dimension for one in slices if _rate(one.tally) >= _LIFT_MIN * usual and one.tally.failed > 1
    }
    wide = _values_hit(slices, "issuer", usual) and _values_hit(slices, "carrier", usual)
    if best is None and wide and {"issuer", "carrier"} <= spread:
        return host
    return best


def _values_hit(slices: Sequence[Slice], dimension: str, usual: float) -> bool:
    """Say whether most values of a dimension fail more than usual."""
    mine = [
        one for one in slices if one.dimension == dimension and one.tally.seen >= 1 / max(usual * 20, 0.01)
    ]
    hit = [one for one in mine if _rate(one.tally) >= _LIFT_MIN / 2 * usual and one.tally.failed]
    return bool(mine) and len(hit) * 2 > len(mine) and len(hit) > 1


def _weigh(
    cause: str, dimension: str, value: str, inside: Tally, rest: Tally, usual: float
) -> CommonCause | None:
    if inside.failed < _FAILED_MIN or _rate(inside) < _LIFT_MIN * usual:
        return None
    if dimension and rest.seen < max(_REST_MIN, inside.seen // 10):
        return None  # nearly everybody has this value: there is nothing to compare it with
    if rest.seen and _rate(rest) > _REST_LIFT_MAX * usual and _rate(inside) < 5 * _rate(rest):
        return None
    return CommonCause(cause, dimension, value, inside, rest, _ratio(inside, usual))


def _ratio(tally: Tally, usual: float) -> float:
    """Give the log likelihood ratio of the observed rate against the usual one."""
    rate = min(max(_rate(tally), 1e-9), 1 - 1e-9)
    good = tally.seen - tally.failed
    return tally.failed * log(rate / usual) + good * log((1 - rate) / (1 - usual))


def _rate(tally: Tally) -> float:
    return tally.failed / tally.seen if tally.seen else 0.0
