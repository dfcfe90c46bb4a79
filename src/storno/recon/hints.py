"""Hints for a deposit that differs: which lines, left out or paid twice, would explain it, if only one set would.

Rule: a hint is shown only where no other set of the same size fits: one line of up to 5,000, two of up to 200, any
of up to 16. Beyond that sets that fit by chance are the rule, not the exception. A hint decides nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

ONE_OF, TWO_OF, ANY_OF = 5_000, 200, 16
MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Hint:
    """Lines that would explain a difference."""

    name: str
    lines: tuple[str, ...]


def explain(delta_minor: int, lines: Sequence[tuple[str, int]]) -> Hint | None:
    """Find the only lines `(id, net_minor)` whose leaving out, or (one line) paying twice, gives the difference."""
    if not delta_minor or len(lines) > ONE_OF:
        return None
    left_out = [name for name, net in lines if net == -delta_minor]
    twice = [name for name, net in lines if net == delta_minor]
    if len(left_out) + len(twice) == 1:
        return Hint("left_out" if left_out else "paid_twice", tuple(left_out or twice))
    if left_out or twice:
        return None
    found = _two(-delta_minor, lines) if len(lines) <= TWO_OF else []
    if not found and len(lines) <= ANY_OF:
        found = _any(-delta_minor, lines)
    return Hint("left_out", found[0]) if len(found) == 1 else None


def _two(target: int, lines: Sequence[tuple[str, int]]) -> list[tuple[str, ...]]:
    return [(a, b) for (a, one), (b, two) in combinations(lines, 2) if one + two == target]


def _any(target: int, lines: Sequence[tuple[str, int]]) -> list[tuple[str, ...]]:
    """Search sets of three and more; the first size that has any ends it."""
    for size in range(3, min(MOST_LINES, len(lines) - 1) + 1):
        found = [
            tuple(name for name, _ in some)
            for some in combinations(lines, size)
            if sum(net for _, net in some) == target
        ]
        if found:
            return found
    return []
