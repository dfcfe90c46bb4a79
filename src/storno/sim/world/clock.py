"""Virtual time: one heap of things to do.

Rule: what is due at the same moment is done in the order in which it was asked for, so a run can be repeated to the
byte. Imports nothing that acts.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Call = Callable[..., None]


class Clock:
    """Milliseconds since 1970 (UTC), and what happens when."""

    __slots__ = ("_count", "_heap", "now_ms")

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._heap: list[tuple[int, int, Call, tuple[Any, ...]]] = []
        self._count = 0

    def at(self, when_ms: int, call: Call, *args: Any) -> None:
        """Do something at a moment; a moment that has passed means now, after what is already due."""
        self._count += 1
        heappush(self._heap, (max(when_ms, self.now_ms), self._count, call, args))

    def after(self, wait_ms: int, call: Call, *args: Any) -> None:
        """Do something so many milliseconds from now."""
        self._count += 1
        heappush(self._heap, (self.now_ms + wait_ms, self._count, call, args))

    def run(self, until_ms: int) -> None:
        """Do everything that is due up to and at a moment."""
        heap = self._heap
        while heap and heap[0][0] <= until_ms:
            self.now_ms, _, call, args = heappop(heap)
            call(*args)
        self.now_ms = max(self.now_ms, until_ms)

    @property
    def done(self) -> int:
        """How many things were asked for so far: a measure of work, and of sameness."""
        return self._count
