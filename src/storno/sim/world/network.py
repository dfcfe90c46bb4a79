"""The lines between terminals, gateways and host: connections that carry bytes in order until they break.

Rule: within a connection bytes stay in order and are lost only when it breaks; an end learns of a break late, or only
by writing into it (half-open). `Hostile.datagrams` drops that rule and loses, doubles and reorders single messages, to
try the matching alone. Knows no message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from storno.sim.world.clock import Clock

KEEP_ALIVE_MS = 120_000
"""How long it takes a system that probes idle lines to find out: `gateway/links.py`."""


@dataclass(slots=True)
class Weather:
    """How bad the lines of one zone are. Shares from 0 to 1, times in milliseconds; all zero is a calm day."""

    delay_ms: int = 2
    jitter_ms: int = 6
    slow: float = 0.0
    slow_ms: int = 0
    cut: float = 0.0
    """Share of messages on which the connection breaks, before or after they arrive."""
    silent: float = 0.0
    """Share of breaks that nobody is told of: half-open until somebody writes and waits long enough."""
    give_up_ms: int = 60_000
    """How long a sender into a dead line waits until its system reports it."""
    split: float = 0.0
    datagrams: bool = False
    loss: float = 0.0
    double: float = 0.0
    double_from: tuple[int, ...] = (0, 1)
    """Which sides' messages may come twice."""
    connect_fails: float = 0.0
    keeps_alive: tuple[int, ...] = ()
    """Sides whose system probes an idle line (TCP keep-alive): they learn of a silent break all the same."""
    stalled_until_ms: int = 0
    """A partition: until then nothing arrives and nobody can connect."""

    def calm(self) -> None:
        """Let the faults stop; what is already broken stays so until it is noticed."""
        self.slow = self.cut = self.silent = self.loss = self.double = self.connect_fails = self.split = 0.0
        self.stalled_until_ms = 0
        self.datagrams = False


class End(Protocol):
    """What stands at one end of a line."""

    def heard(self, line: Line, data: bytes) -> None:
        """Take bytes."""

    def closed(self, line: Line) -> None:
        """Learn that the line is gone."""


class Line:
    """One connection. Side 0 opened it, side 1 accepted it."""

    __slots__ = (
        "_clock",
        "_last_ms",
        "_latest_ms",
        "_note",
        "_rng",
        "_weather",
        "broken",
        "ends",
        "open",
        "tag",
    )

    def __init__(
        self,
        clock: Clock,
        rng: Random,
        weather: Weather,
        ends: tuple[End, End],
        note: Callable[[str, bytes], None],
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._weather = weather
        self._note = note
        self._last_ms = [0, 0]
        self._latest_ms = [0, 0]
        self.ends = ends
        self.open = [True, True]
        self.broken = False
        self.tag: tuple[int, int | str] = (0, 0)
        """What each side calls it."""

    def send(self, side: int, data: bytes) -> bool:
        """Write bytes; False when this side already knows that nothing can leave."""
        if not self.open[side]:
            return False
        weather, rng, clock = self._weather, self._rng, self._clock
        if self.broken:
            clock.after(weather.give_up_ms, self._learn, side)
            return True
        when = clock.now_ms + weather.delay_ms
        if weather.jitter_ms:
            when += int(rng.random() * weather.jitter_ms)
        if weather.slow and rng.random() < weather.slow:
            self._note("net_slow", data)
            when += int(rng.random() * weather.slow_ms)
        if weather.stalled_until_ms > when:
            when = weather.stalled_until_ms + weather.delay_ms
        if weather.datagrams:
            self._throw(side, data, when)
            return True
        if weather.cut and rng.random() < weather.cut:
            self._cut(side, data, when)
            return True
        when = self._last_ms[side] = max(when, self._last_ms[side])
        if weather.split and len(data) > 4 and rng.random() < weather.split:
            self._note("net_split", b"")  # harms nobody: it strikes no transaction
            at = rng.randrange(1, len(data))
            clock.at(when, self._arrive, side, data[:at])
            data = data[at:]
        clock.at(when, self._arrive, side, data)
        return True

    def _throw(self, side: int, data: bytes, when: int) -> None:
        weather, rng = self._weather, self._rng
        if weather.loss and rng.random() < weather.loss:
            self._note("net_lost", data)
            return
        if when < self._latest_ms[side]:
            self._note("net_reordered", data)
        self._latest_ms[side] = max(when, self._latest_ms[side])
        self._clock.at(when, self._arrive, side, data)
        if weather.double and side in weather.double_from and rng.random() < weather.double:
            self._note("net_doubled", data)
            self._clock.at(when + int(rng.random() * weather.slow_ms), self._arrive, side, data)

    def _cut(self, side: int, data: bytes, when: int) -> None:
        """Break with this message: it is lost, half of it arrives, or all of it does."""
        how = self._rng.randrange(3)
        self._note(("net_cut_before", "net_cut_within", "net_cut_after")[how], data)
        when = max(when, self._last_ms[side])
        if how:
            self._clock.at(when, self._arrive, side, data if how == 2 else data[: len(data) // 2])
        self._clock.at(when, self.cut)

    def cut(self) -> None:
        """Break the line now: bytes under way are lost, and each end learns of it in its own time, or never."""
        if self.broken:
            return
        self.broken = True
        weather, rng = self._weather, self._rng
        for side in (0, 1):
            if weather.silent and rng.random() < weather.silent:
                self._note("net_half_open", b"")
                self._probe(side)
            else:
                self._clock.after(int(rng.random() * 200), self._learn, side)

    def close(self, side: int) -> None:
        """Close in order: what was written before still arrives, then the other end learns of it."""
        if not self.open[side]:
            return
        self.open[side] = False
        if not self.broken:
            weather = self._weather
            when = max(self._clock.now_ms + weather.delay_ms, self._last_ms[side], weather.stalled_until_ms)
            if weather.datagrams:
                when += weather.slow_ms
            self._clock.at(when, self._learn, 1 - side)

    def abort(self, side: int) -> None:
        """Reset: bytes under way are lost, the other end learns of it soon."""
        self.open[side] = False
        if not self.broken:
            self.broken = True
            when = max(self._clock.now_ms + self._weather.delay_ms, self._weather.stalled_until_ms)
            self._clock.at(when, self._learn, 1 - side)

    def vanish(self, side: int) -> None:
        """Lose the machine at one end: nothing is said, the other end finds out by writing."""
        self.open[side] = False
        self.broken = True
        self._probe(1 - side)

    def _probe(self, side: int) -> None:
        if side in self._weather.keeps_alive:
            self._clock.after(KEEP_ALIVE_MS, self._learn, side)

    def _arrive(self, side: int, data: bytes) -> None:
        other = 1 - side
        if self.open[other] and not self.broken:
            self.ends[other].heard(self, data)

    def _learn(self, side: int) -> None:
        if self.open[side]:
            self.open[side] = False
            self.broken = True
            self.ends[side].closed(self)
