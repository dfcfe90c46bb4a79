"""A small world over real sockets: host, gateway and shops, faults, a kill -9 half-way, then the books compared.

Rule: it plays the operator, never an accountant: it starts, kills, restarts, waits, and leaves judging to `compare`.
What it does next is fixed by the plan; when things happen is decided by the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from storno.sim import three_books
from storno.sim.compare import Comparison, compare
from storno.sim.day_end import DayEnd, close_day
from storno.sim.gauge import FaultTail, Gauge
from storno.sim.shop import Post, Shop
from storno.sim.supervisor import FAULTS, Supervisor, Timing
from storno.sim.workload import mid_of, mids_of, tid_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storno.sim.gauge import OpenCase

DRAIN_MAX_S = 30.0
_LATE_S = 1.2
"""How long the host may still send late answers before its faults are switched off."""
_STEP_S = 0.1
_DOWN_S = 0.8


class Stage(Enum):
    """Where a run is."""

    STARTING = "starting"
    WORKING = "working"
    KILLED = "killed"
    """The gateway was killed and is not back yet."""
    SETTLING = "settling"
    COMPARING = "comparing"
    CLOSING = "closing"
    """The day's end: clearing file and bank statement, imported and reconciled."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play. `seconds` is the time with load and faults; the drain comes on top."""

    home: Path
    seconds: float = 18.0
    terminals: int = 6
    seed: int = 1
    faults: str = FAULTS
    timing: Timing = field(default_factory=Timing)
    kill: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """How it ended."""

    plan: Plan
    comparison: Comparison
    gauge: Gauge
    faults: dict[str, int]
    told: dict[str, int]
    kills: int
    power_cuts: int
    example: str
    """A transaction worth explaining; empty when nothing was reversed."""
    pending: int
    """Reversals that were still under way when the drain ended."""
    cases: tuple[OpenCase, ...] = ()
    day_end: DayEnd | None = None
    """None when the host cleared nothing."""

    @property
    def verdict(self) -> str:
        """Say agree, explained or disagree; a day end that finds other differences than there are disagrees."""
        if self.day_end is not None and not self.day_end.agrees:
            return "disagree"
        return self.comparison.verdict


class World:
    """One run. `tell` is called with an event's name when something is done to the world."""

    def __init__(self, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> None:
        self.plan = plan
        self.stage = Stage.STARTING
        self.shops: list[Shop] = []
        self.supervisor = Supervisor(plan.home, faults=plan.faults, seed=plan.seed, timing=plan.timing)
        self.gauge = Gauge(plan.home)
        self.tail = FaultTail(self.supervisor.host_notes)
        self.kills = 0
        self.power_cuts = 0
        self.started_s = 0.0
        self._tell = tell
        self._stop = asyncio.Event()
        self._jobs: list[asyncio.Task[None]] = []

    def stop(self) -> None:
        """End the load now and go on with drain and comparison."""
        self._stop.set()

    @property
    def elapsed_s(self) -> float:
        """Give the seconds since the load began."""
        return time.monotonic() - self.started_s if self.started_s else 0.0

    @property
    def progress(self) -> float:
        """Give the share of the load's time that is over, from 0 to 1."""
        return min(1.0, self.elapsed_s / self.plan.seconds) if self.plan.seconds else 1.0

    async def run(self) -> Report:
        """Play it. ProcessTrouble when host or gateway does not come up."""
        try:
            await self._start()
            await self._work()
            await self._settle()
            return await self._close_day(self._compare())
        finally:
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            for shop in self.shops:
                with contextlib.suppress(Exception):
                    await shop.close()
            self.supervisor.close()
            self.gauge.close()

    async def _start(self) -> None:
        await self.supervisor.start_host()
        await self.supervisor.start_gateway()
        plan = self.plan
        for number in range(1, plan.terminals + 1):
            post = Post(
                plan.home, tid_of(number), mid_of(number), self.supervisor.gateway_port, plan.seed,
                plan.timing.terminal_ms,
            )  # fmt: skip
            self.shops.append(Shop(post))
        self._jobs = [asyncio.create_task(shop.run()) for shop in self.shops]
        self.started_s = time.monotonic()
        self.stage = Stage.WORKING
        self._tell("working")

    async def _work(self) -> None:
        """Let the shops work; kill the gateway half-way, cut a terminal's power before and after."""
        script = sorted(
            [(0.3, self._cut_power), (0.5, self._kill_gateway), (0.8, self._cut_power)]
            if self.plan.kill
            else [],
            key=lambda one: one[0],
        )
        for share, act in script:
            if await self._until(share * self.plan.seconds):
                return
            await act()
        await self._until(self.plan.seconds)

    async def _until(self, elapsed_s: float) -> bool:
        """Wait for a moment of the load; True when it was ended early. A shop that broke stops everything."""
        while self.elapsed_s < elapsed_s and not self._stop.is_set():
            await asyncio.sleep(_STEP_S)
            self._watch()
        return self._stop.is_set()

    def _watch(self) -> None:
        for job in self._jobs:
            if job.done() and not job.cancelled() and (error := job.exception()) is not None:
                raise error

    async def _cut_power(self) -> None:
        """Cut the power of the first shop that is in the middle of something; wait a moment for one."""
        for _ in range(20):
            for shop in self.shops[self.power_cuts :] + self.shops[: self.power_cuts]:
                if shop.cut_power():
                    self.power_cuts += 1
                    self._tell(f"power_cut:{shop.post.tid}")
                    return
            await asyncio.sleep(_STEP_S)

    async def _kill_gateway(self) -> None:
        self.stage = Stage.KILLED
        self.kills += self.supervisor.gateway.kill(group=True)
        self._tell("killed")
        await asyncio.sleep(_DOWN_S)
        await self.supervisor.start_gateway()
        self.stage = Stage.WORKING
        self._tell("restarted")

    async def _settle(self) -> None:
        """Stop the shops, switch the faults off, and wait until nothing is under way any more."""
        self.stage = Stage.SETTLING
        self._tell("settling")
        for shop in self.shops:
            shop.stop()
        await asyncio.gather(*self._jobs)
        await asyncio.sleep(_LATE_S)
        await self.supervisor.host.stop()
        await self.supervisor.start_host(faults=False)
        self._tell("faults_off")
        deadline = time.monotonic() + DRAIN_MAX_S
        waiting = list(self.shops)
        while time.monotonic() < deadline:
            done = await asyncio.gather(*(shop.drain() for shop in waiting))
            waiting = [shop for shop, clear in zip(waiting, done, strict=True) if not clear]
            if not waiting and not self.gauge.in_flight():
                break
            await asyncio.sleep(2 * _STEP_S)
        for shop in self.shops:
            await shop.close()
        await self.supervisor.stop()

    def _compare(self) -> Report:
        self.stage = Stage.COMPARING
        self._tell("comparing")
        self.gauge.look()
        told: dict[str, int] = {}
        for shop in self.shops:
            for outcome, count in shop.face.told.items():
                told[outcome] = told.get(outcome, 0) + count
        comparison = compare(three_books.read(self.plan.home, mids_of(self.plan.terminals)))
        if faults := self.supervisor.faults_of_ours():
            comparison = replace(comparison, broken=(*comparison.broken, *faults))
        return Report(
            self.plan,
            comparison,
            self.gauge,
            dict(self.tail.look().most_common()),
            told,
            self.kills,
            self.power_cuts,
            self.gauge.most_telling(),
            self.gauge.in_flight(),
            self.gauge.cases(),
        )

    async def _close_day(self, report: Report) -> Report:
        """Let the host send its files, and find what was planted in them."""
        self.stage = Stage.CLOSING
        self._tell("closing")
        named = frozenset(one.key for one in report.comparison.findings)
        day_end = await asyncio.to_thread(close_day, self.plan.home, named, self.plan.seed)
        self.stage = Stage.DONE
        return replace(report, day_end=day_end)
