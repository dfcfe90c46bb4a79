"""Deadlines in a heap.

An answer that comes leaves its deadline to run out unheeded: the looker decides whether it still matters.
"""

from __future__ import annotations

import heapq


class Timers:
    """When to look at what."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, str]] = []
        self._count = 0

    def set(self, at_ms: int, what: str, name: str) -> None:
        """Ask for a look at `name` at a time; the looker decides whether it still matters."""
        self._count += 1
        heapq.heappush(self._heap, (at_ms, self._count, what, name))

    def take(self, now_ms: int) -> list[tuple[str, str]]:
        """Take everything that is due, in order."""
        due: list[tuple[str, str]] = []
        while self._heap and self._heap[0][0] <= now_ms:
            _, _, what, name = heapq.heappop(self._heap)
            due.append((what, name))
        return due

    def next_ms(self) -> int | None:
        """Give the time of the next deadline."""
        return self._heap[0][0] if self._heap else None
