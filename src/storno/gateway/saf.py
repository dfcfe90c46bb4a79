"""Store and forward: which reversal may go now.

Strictly in order within a terminal, in parallel across terminals, never more than a bound in flight. It holds no truth:
it is rebuilt from the records being reversed, and a reversal leaves it only when its record is no longer REVERSING.
"""

from __future__ import annotations

import heapq
from collections import deque

Terminal = tuple[str, str]


class Saf:
    """Reversals waiting, by terminal."""

    def __init__(self, in_flight_max: int) -> None:
        self._max = in_flight_max
        self._queues: dict[Terminal, deque[str]] = {}
        self._where: dict[str, Terminal] = {}
        self._due: list[tuple[int, int, str]] = []
        self._due_of: dict[str, int] = {}
        self._flying: set[str] = set()
        self._pausing: set[str] = set()
        """Sent before and waiting out a pause, which a link that comes up does not shorten."""
        self._no_room: deque[str] = deque()
        """Due, but more may not fly now; in the order they became due."""
        self._count = 0

    def __len__(self) -> int:
        return len(self._where)

    def add(self, tx_id: str, terminal: Terminal, due_ms: int) -> None:
        """Queue a reversal behind the others of its terminal."""
        if tx_id in self._where:
            self.again_at(tx_id, due_ms)
            return
        self._where[tx_id] = terminal
        self._queues.setdefault(terminal, deque()).append(tx_id)
        self.again_at(tx_id, due_ms)

    def again_at(self, tx_id: str, due_ms: int) -> None:
        """Set when a reversal is looked at next; it is no longer in flight."""
        self._flying.discard(tx_id)
        self._pausing.discard(tx_id)
        self._set_due(tx_id, due_ms)

    def pause(self, tx_id: str, due_ms: int) -> None:
        """Set when a reversal goes once more after a sending that counted; it is no longer in flight."""
        self.again_at(tx_id, due_ms)
        self._pausing.add(tx_id)

    def sent(self, tx_id: str, look_again_ms: int) -> None:
        """Note that a reversal is on the wire; without an answer it is looked at again then."""
        self._flying.add(tx_id)
        self._pausing.discard(tx_id)
        self._set_due(tx_id, look_again_ms)

    def _set_due(self, tx_id: str, due_ms: int) -> None:
        self._count += 1
        self._due_of[tx_id] = due_ms
        heapq.heappush(self._due, (due_ms, self._count, tx_id))

    def waits(self, terminal: Terminal) -> bool:
        """Say whether a terminal has reversals here."""
        return terminal in self._queues

    def remove(self, tx_id: str, now_ms: int) -> bool:
        """Take out a reversal that is settled or given up; the next of its terminal moves to the head.

        True when it was the last of its terminal.
        """
        terminal = self._where.pop(tx_id, None)
        if terminal is None:
            return False
        self._flying.discard(tx_id)
        self._pausing.discard(tx_id)
        self._due_of.pop(tx_id, None)
        queue = self._queues[terminal]
        was_head = queue[0] == tx_id
        queue.remove(tx_id)
        if not queue:
            del self._queues[terminal]
            return True
        if was_head:
            head = queue[0]
            self._set_due(head, max(now_ms, self._due_of.get(head, now_ms)))
        return False

    def in_flight(self, tx_id: str) -> bool:
        """Say whether a reversal is on the wire."""
        return tx_id in self._flying

    def is_head(self, tx_id: str) -> bool:
        """Say whether a reversal is the first of its terminal."""
        terminal = self._where.get(tx_id)
        return terminal is not None and self._queues[terminal][0] == tx_id

    def take_due(self, now_ms: int) -> list[str]:
        """Give the heads that are due, as many as may still be in flight; they must be sent, postponed or removed."""
        ready: dict[str, None] = {}
        while self._due and self._due[0][0] <= now_ms:
            due_ms, _, tx_id = heapq.heappop(self._due)
            if self._due_of.get(tx_id) != due_ms or not self.is_head(tx_id):
                continue
            if tx_id in self._flying:
                ready[tx_id] = None
            else:
                self._no_room.append(tx_id)
        room = self._max - len(self._flying)
        while self._no_room and room > 0:
            tx_id = self._no_room.popleft()
            due_ms = self._due_of.get(tx_id, now_ms)
            if due_ms > now_ms:  # set aside or postponed before its time: back into the order of time
                self._set_due(tx_id, due_ms)
            elif tx_id not in ready and self._may_go(tx_id, now_ms):
                ready[tx_id] = None
                room -= 1
        return list(ready)

    def _may_go(self, tx_id: str, now_ms: int) -> bool:
        """Say whether a reversal that waited for room is still due, at the head and not in flight."""
        due_ms = self._due_of.get(tx_id)
        return due_ms is not None and due_ms <= now_ms and self.is_head(tx_id) and tx_id not in self._flying

    def next_due_ms(self) -> int | None:
        """Give when something is to be looked at next; None when nothing waits.

        While no more may fly, that is when the first one in flight is looked at again.
        """
        if self._no_room and len(self._flying) < self._max:
            return self._due_of.get(self._no_room[0], 0)
        while self._due:
            due_ms, _, tx_id = self._due[0]
            if self._due_of.get(tx_id) == due_ms and self.is_head(tx_id):
                if tx_id in self._flying or len(self._flying) < self._max:
                    return due_ms
                self._no_room.append(tx_id)
            heapq.heappop(self._due)
        return None

    def wake_all(self, now_ms: int) -> None:
        """Look at every head that only waited for it now: a link came up. Or a flapping one used up all attempts."""
        for queue in self._queues.values():
            if queue[0] not in self._flying and queue[0] not in self._pausing:
                self._set_due(queue[0], now_ms)
