"""What a gateway counts while it works: names, moves of transactions, and times in buckets.

Numerators and denominators only, never a ratio; nothing about one card, terminal or transaction. A count costs one
entry of a dict or a list, so that counting is never a reason not to; what reads it (`metrics`) pays for the reading.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TypeAlias

from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Trigger

Move: TypeAlias = tuple[Kind, State | None, Input | None, State, Trigger | None]
"""Kind, state before (None: it began), what happened, state after, why it is undone (if it is)."""

HOST_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
JOURNAL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Buckets:
    """A histogram: how many values fell at or below each bound but above the one before; the last is for the rest."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0
        """Sum of all values."""

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class Counts:
    """What a node has done since it started."""

    values: dict[str, int] = field(default_factory=dict)
    moves: dict[Move, int] = field(default_factory=dict)
    """How often each row of the life cycle was taken, by kind and by reason; as many entries as there are rows."""
    host_ms: Buckets = field(default_factory=lambda: Buckets(HOST_MS))
    """From taking a request until its host's answer is read; what is not answered in time is not in here."""

    def add(self, name: str, by: int = 1) -> None:
        """Count something."""
        self.values[name] = self.values.get(name, 0) + by
