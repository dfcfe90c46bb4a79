"""Deadlines: a heap of seldom ones, and a queue of answers that are waited for.

Every answer is waited for equally long, so the queue is in order by itself and an answer that comes takes its deadline
away; nothing is left behind to be looked at when it no longer matters. The looker decides what a deadline means.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict

ANSWER = "answer"


class Timers:
    """When to look at what."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, str]] = []
        self._answers: OrderedDict[str, int] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap) + len(self._answers)

    def set(self, at_ms: int, what: str, name: str) -> None:
        """Ask for a look at `name` at a time."""
        self._count += 1
        heapq.heappush(self._heap, (at_ms, self._count, what, name))

    def expect(self, at_ms: int, tx_id: str) -> None:
        """Ask for a look (`ANSWER`) unless the answer comes before; a second call counts anew."""
        if tx_id in self._answers:  # what is new stands at the end anyway
            self._answers.move_to_end(tx_id)
        self._answers[tx_id] = at_ms

    def answered(self, tx_id: str) -> None:
        """Take the deadline of an answer away."""
        self._answers.pop(tx_id, None)

    def take(self, now_ms: int) -> list[tuple[str, str]]:
        """Take everything that is due: what is seldom first, then answers in the order they were asked for."""
        due: list[tuple[str, str]] = []
        while self._heap and self._heap[0][0] <= now_ms:
            _, _, what, name = heapq.heappop(self._heap)
            due.append((what, name))
        answers = self._answers
        while answers and next(iter(answers.values())) <= now_ms:
            due.append((ANSWER, answers.popitem(last=False)[0]))
        return due

    def next_ms(self) -> int | None:
        """Give the time of the next deadline."""
        if not self._answers:
            return self._heap[0][0] if self._heap else None
        first = next(iter(self._answers.values()))
        return min(first, self._heap[0][0]) if self._heap else first
