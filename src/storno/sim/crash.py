"""The crash proof: load over real sockets, kill -9, spoilt lines, bad disks; restart, drain, compare the three books.

Rule: victims and moments are drawn from a seed; everything that is killed is a real process that shares nothing with us
but files and sockets. Whether money is right is left to `compare`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from random import Random
from typing import TYPE_CHECKING

from storno.sim import three_books
from storno.sim.bad_disk import DiskFault
from storno.sim.compare import Comparison, compare
from storno.sim.disk_trial import DiskTrials, try_disk
from storno.sim.gauge import FaultTail, Figures, Gauge
from storno.sim.proxy import FaultProxy, LineWeather, NetFault
from storno.sim.supervisor import FAULTS, Child, Supervisor, Timing
from storno.sim.workload import mid_of, mids_of, tid_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_UP_LEAST_S = 0.1
_DOWN_S = (0.0, 0.6)
_BOTH = 0.2
"""How often a second process dies while the first is down."""
_EXIT_S = 5.0
_LATE_S = 1.5
_DRAIN_S = 45.0
_POLL_S = 0.1


class Victim(Enum):
    """What is killed."""

    GATEWAY = "gateway"
    """The gateway alone: its journal writer finishes what it has read."""
    GATEWAY_AND_WRITER = "gateway+writer"
    WRITER = "writer"
    """The journal writer alone: the gateway must stop, for it may promise nothing any more."""
    HOST = "host"
    TERMINALS = "terminals"


_WEIGHTS = {
    Victim.GATEWAY: 3,
    Victim.GATEWAY_AND_WRITER: 3,
    Victim.WRITER: 1,
    Victim.HOST: 3,
    Victim.TERMINALS: 4,
}


POS_LINES = LineWeather(
    {
        NetFault.DELAY: 0.03,
        NetFault.STALL: 0.006,
        NetFault.CUT_BEFORE: 0.006,
        NetFault.CUT_WITHIN: 0.008,
        NetFault.CUT_AFTER: 0.008,
        NetFault.RESET: 0.008,
        NetFault.DRIBBLE: 0.02,
        NetFault.ONE_WAY: 0.006,
        NetFault.DUPLICATE: 0.02,
    },
    calm_s=(4.0, 20.0),
)
"""Between terminals and gateway."""
HOST_LINES = LineWeather(
    {
        NetFault.DELAY: 0.006,
        NetFault.STALL: 0.001,
        NetFault.CUT_BEFORE: 0.002,
        NetFault.CUT_WITHIN: 0.003,
        NetFault.CUT_AFTER: 0.002,
        NetFault.RESET: 0.003,
        NetFault.DRIBBLE: 0.01,
        NetFault.ONE_WAY: 0.001,
        NetFault.DUPLICATE: 0.01,
    },
    delay_s=(0.02, 2.5),
    calm_s=(5.0, 20.0),
)
"""Between gateway and host: one line that everybody shares, so each fault of it meets everybody."""
_QUIET_MS = 1_600


@dataclass(frozen=True, slots=True)
class CrashPlan:
    """What to do. `workers` are processes with `per_worker` terminals each."""

    home: Path
    kills: int = 60
    seed: int = 1
    workers: int = 2
    per_worker: int = 4
    faults: str = FAULTS
    pause_s: float = 0.1
    up_s: float = 1.3
    """The longest time between everything being up again and the next kill."""
    timing: Timing = field(default_factory=Timing)
    network: bool = False
    """Spoil the lines."""
    disks: int = 0
    """How often the gateway's disk fails."""

    @property
    def terminals(self) -> int:
        """Give how many terminals there are."""
        return self.workers * self.per_worker


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What came of it."""

    plan: CrashPlan
    comparison: Comparison
    figures: Figures
    kills: dict[str, int]
    faults: dict[str, int]
    cases: dict[str, int]
    left: int
    """Transactions still under way when the time for the drain was over."""
    seconds: float
    network: dict[str, dict[str, int]] = field(default_factory=dict)
    """Faults of each line by kind."""
    disks: DiskTrials = field(default_factory=DiskTrials)


class CrashRun:
    """One run."""

    def __init__(self, plan: CrashPlan, tell: Callable[[str], None] = lambda _: None) -> None:
        self.plan = plan
        timing = replace(plan.timing, echo_ms=_QUIET_MS) if plan.network else plan.timing
        self.supervisor = Supervisor(
            plan.home, faults=plan.faults, seed=plan.seed, timing=timing, lines=plan.network
        )
        self.gauge = Gauge(plan.home)
        self.kills: Counter[str] = Counter()
        self._rng = Random(plan.seed)
        self._tell = tell
        self._workers = [self._worker(number) for number in range(plan.workers)]
        self.disks = DiskTrials()
        self._disk_faults = self._draw_disks()
        self.lines = self._lines() if plan.network else {}

    def _draw_disks(self) -> list[DiskFault]:
        """Draw the disk's faults: each kind once before one comes again."""
        drawn: list[DiskFault] = []
        while len(drawn) < self.plan.disks:
            drawn += self._rng.sample(list(DiskFault), len(DiskFault))
        return drawn[: self.plan.disks]

    def _lines(self) -> dict[str, FaultProxy]:
        ports, seed = self.supervisor, self.plan.seed
        return {
            "pos": FaultProxy("pos", ports.gateway_line_port, ports.gateway_port, seed, POS_LINES),
            "host": FaultProxy("host", ports.host_line_port, ports.host_port, seed, HOST_LINES),
        }

    def _worker(self, number: int) -> Child:
        child = self.supervisor.child(f"terminals{number + 1}", [])
        self.supervisor.adopt(child)
        return child

    def _command(self, number: int, *, drain: bool = False) -> list[str]:
        """Give a worker's command line; each start has its own seed, so no two days are the same."""
        plan, first = self.plan, number * self.plan.per_worker + 1
        starts = self._workers[number].starts
        return [
            sys.executable, "-m", "storno.sim.worker", "--home", str(plan.home),
            "--port", str(self.supervisor.gateway_line_port), "--seed", str(plan.seed * 1_000 + starts),
            "--answer-ms", str(plan.timing.terminal_ms), "--pause-s", str(plan.pause_s),
            *(["--drain"] if drain else []),
            *(f"{tid_of(n)}={mid_of(n)}" for n in range(first, first + plan.per_worker)),
        ]  # fmt: skip

    def _start_worker(self, number: int) -> None:
        self._workers[number].command = self._command(number)
        self._workers[number].start()

    async def run(self) -> CrashReport:
        """Do it. ProcessTrouble when a process does not come up again."""
        began = time.monotonic()
        try:
            for line in self.lines.values():
                await line.start()
            await self.supervisor.start_host()
            await self.supervisor.start_gateway()
            for number in range(self.plan.workers):
                self._start_worker(number)
            await asyncio.sleep(1.0)
            while self._kills_due() or self._disk_faults:
                await asyncio.sleep(self._rng.uniform(_UP_LEAST_S, self.plan.up_s))
                if self._rng.randrange(self._kills_due() + len(self._disk_faults)) < self._kills_due():
                    await self._strike()
                else:
                    await self._fail_disk()
            left = await self._settle()
            return self._report(left, time.monotonic() - began)
        finally:
            self.supervisor.close()
            self.gauge.close()
            for line in self.lines.values():
                await line.close()

    # -- killing

    def _kills_due(self) -> int:
        return max(0, self.plan.kills - 1 - sum(self.kills.values()))  # the last one comes with the drain

    def _draw(self) -> Victim:
        return self._rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]

    async def _strike(self) -> None:
        """Kill one, sometimes another while it is down, then bring everything back."""
        number = self._rng.randrange(self.plan.workers)
        await self._kill(self._draw(), number)
        if self._rng.random() < _BOTH and self._kills_due():
            await asyncio.sleep(self._rng.uniform(0, 0.3))
            await self._kill(self._draw(), self._rng.randrange(self.plan.workers))
        await asyncio.sleep(self._rng.uniform(*_DOWN_S))
        await self._revive()

    async def _fail_disk(self) -> None:
        """Let the gateway's disk fail; what nobody noticed, because nothing was written, is tried again."""
        fault = self._disk_faults.pop()
        self._tell(f"disk: {fault.value}")
        if not await try_disk(self.supervisor, self._rng, fault, self.disks):
            if self.disks.unnoticed > self.plan.disks:
                raise AssertionError("the disk failed again and again, and nothing was ever written")
            self._disk_faults.append(fault)
        await self._revive()

    async def _kill(self, victim: Victim, number: int) -> None:
        gateway = self.supervisor.gateway
        if victim is Victim.HOST:
            done = self.supervisor.host.kill()
        elif victim is Victim.TERMINALS:
            done = self._workers[number].kill()
        elif victim is Victim.WRITER:
            done = await self._kill_writer()
        else:
            done = gateway.kill(group=victim is Victim.GATEWAY_AND_WRITER)
        if done:
            self.kills[victim.value] += 1
            self._tell(f"{sum(self.kills.values())}/{self.plan.kills} {victim.value}")

    async def _kill_writer(self) -> bool:
        """Kill the journal writer; the gateway must end by itself."""
        gateway = self.supervisor.gateway
        children = gateway.children() if gateway.alive else ()
        if not children:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(children[0], signal.SIGKILL)
        if not await gateway.wait(_EXIT_S):
            raise AssertionError("the gateway went on without its journal writer")
        return True

    async def _revive(self) -> None:
        if not self.supervisor.host.alive:
            await self.supervisor.start_host()
        await self._revive_gateway()
        for number, worker in enumerate(self._workers):
            if not worker.alive:
                self._start_worker(number)

    async def _revive_gateway(self) -> None:
        if not self.supervisor.gateway.alive:
            await self.supervisor.start_gateway()

    # -- the end

    async def _settle(self) -> int:
        """Close the shops, kill the gateway while it reverses, switch the faults off, drain; give what is left."""
        self._tell("settling")
        for worker in self._workers:
            await worker.stop(self.plan.timing.terminal_ms / 1000 * 6)
        await self._kill(Victim.GATEWAY_AND_WRITER, 0)
        await self._revive_gateway()
        await asyncio.sleep(_LATE_S)
        await self.supervisor.host.stop()
        await self.supervisor.start_host(faults=False)
        for line in self.lines.values():
            line.calm()
        deadline = time.monotonic() + _DRAIN_S
        for number, worker in enumerate(self._workers):
            worker.command = self._command(number, drain=True)
            worker.start()
        for worker in self._workers:
            await worker.wait(_DRAIN_S)
            worker.kill()
        while self.gauge.in_flight() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(_POLL_S)
        left = self.gauge.in_flight()
        await self.supervisor.stop()
        return left

    def _report(self, left: int, seconds: float) -> CrashReport:
        comparison = compare(three_books.read(self.plan.home, mids_of(self.plan.terminals)))
        if faults := self.supervisor.faults_of_ours():
            comparison = replace(comparison, broken=(*comparison.broken, *faults))
        return CrashReport(
            self.plan,
            comparison,
            self.gauge.look(),
            dict(self.kills),
            dict(FaultTail(self.supervisor.host_notes).look()),
            dict(Counter(case.case.value for case in self.gauge.cases())),
            left,
            seconds,
            {
                name: {one.value: count for one, count in line.faults.items()}
                for name, line in self.lines.items()
            },
            self.disks,
        )
