"""Virtual time: one heap of things to do, and a queue of those that are due at once.

Rule: what is due at the same moment is done in the order in which it was asked for, so a run can be repeated to the
byte. Imports nothing that acts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Call = Callable[..., None]


class Clock:
    """Milliseconds since 1970 (UTC), and what happens when."""

    __slots__ = ("_count", "_heap", "_soon", "now_ms")

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._heap: list[tuple[int, int, Call, tuple[Any, ...]]] = []
        self._soon: deque[tuple[Call, tuple[Any, ...]]] = deque()
        self._count = 0

    def at(self, when_ms: int, call: Call, *args: Any) -> None:
        """Do something at a moment; a moment that has passed means now, after what is already due."""
        self._count += 1
        if when_ms > self.now_ms:
            heappush(self._heap, (when_ms, self._count, call, args))
        else:
            self._soon.append((call, args))

    def after(self, wait_ms: int, call: Call, *args: Any) -> None:
        """Do something so many milliseconds from now."""
        self._count += 1
        if wait_ms > 0:
            heappush(self._heap, (self.now_ms + wait_ms, self._count, call, args))
        else:
            self._soon.append((call, args))

    def run(self, until_ms: int) -> None:
        """Do everything that is due up to and at a moment."""
        heap, soon = self._heap, self._soon
        while True:
            while soon:  # asked for at this moment, so after everything the heap had for it
                call, args = soon.popleft()
                call(*args)
            if not heap or heap[0][0] > until_ms:
                break
            moment_ms = self.now_ms = heap[0][0]
            while heap and heap[0][0] == moment_ms:
                _, _, call, args = heappop(heap)
                call(*args)
        self.now_ms = max(self.now_ms, until_ms)

    @property
    def done(self) -> int:
        """How many things were asked for so far: a measure of work, and of sameness."""
        return self._count
