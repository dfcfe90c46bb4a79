"""One world from its seed to the evening's comparison.

Rule: safety first (everything goes wrong that the swarm allows), then the faults stop and everything must come to rest,
then the books are compared, the people close what is open, and the books are compared again. Every piece of chance
comes from the seed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from storno.exchange import classify
from storno.iso8583.dialects import dialect
from storno.iso8583.errors import DecodeError
from storno.sim.compare import Comparison, compare
from storno.sim.host_keys import TEST_TMK
from storno.sim.workload import mid_of, tid_of
from storno.sim.world import checkers
from storno.sim.world.auditor import Auditor
from storno.sim.world.clock import Clock
from storno.sim.world.gateway_driver import GatewayDriver
from storno.sim.world.host_driver import HostDriver
from storno.sim.world.network import End, Line, Weather
from storno.sim.world.orders import Cashier
from storno.sim.world.people import BackOffice
from storno.sim.world.reading import read
from storno.sim.world.readings import readings_of
from storno.sim.world.rogue import Rogue
from storno.sim.world.swarm import Mishap, Swarm
from storno.sim.world.till import Till, setup_of

if TYPE_CHECKING:
    from storno.sim.world.story import Story

PREFIX = 2
LOOK_MS = 600_000
REST_MS = 20 * 60_000
PATIENCE = 400
"""How many times ten minutes everything may take to come to rest: more than the longest deadline."""

ROUNDS = 4
PROOF_EVERY = 4
"""In how many worlds the whole journal is verified as well: it costs as much as living through the day."""


class World:
    """Everything there is."""

    def __init__(self, swarm: Swarm, story: Story | None = None) -> None:
        self.swarm = swarm
        self.profile = swarm.profile
        self.dialect = dialect("cup_pos")
        self.clock = Clock(swarm.start_ms)
        self.story = story
        self.faults: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        """What a day is made of that is no fault: sign-ins, settled batches, wrapped STANs, orders of people."""
        self.touched: set[tuple[str, str]] = set()
        self.codec = readings_of(self.dialect)
        self._net = self.stream("net")
        self._lines: dict[str, list[Line]] = {"pos": [], "lines": []}
        self.auditor = Auditor(self)
        self.host = HostDriver(self)
        tids = [tid_of(number) for number in range(1, swarm.terminals + swarm.rogues + 1)]
        self.gateways = [
            GatewayDriver(self, number, tids[number :: swarm.gateways], TEST_TMK)
            for number in range(swarm.gateways)
        ]
        self.tills = [
            Till(self, self.gateway_of(tid), setup_of(self, tid, mid_of(number)), self._cashier(tid))
            for number, tid in enumerate(tids[: swarm.terminals], 1)
        ]
        self.rogues = [
            Rogue(self, self.gateway_of(tid), tid, mid_of(number))
            for number, tid in enumerate(tids[swarm.terminals :], swarm.terminals + 1)
        ]
        self.shops: list[Till | Rogue] = [*self.tills, *self.rogues]
        self.people = BackOffice(self)
        self.first: Comparison | None = None
        self.last: Comparison | None = None

    def stream(self, name: str) -> Random:
        """Give a stream of chance of its own, so that one part drawing more does not change another."""
        return Random(f"storno/{self.swarm.seed}/{name}")

    def _cashier(self, tid: str) -> Cashier:
        mix = self.swarm.mix
        return Cashier(self.stream(f"cashier{tid}"), tuple(mix), tuple(accumulate(mix.values())))

    def gateway_of(self, tid: str) -> GatewayDriver:
        """Give the gateway a terminal is connected to."""
        return self.gateways[(int(tid) - 1) % len(self.gateways)]

    # ------------------------------------------------------------------ the day

    def run(self, until_ms: int | None = None) -> None:
        """Live through the day; `until_ms` after its start it ends without an evening.

        Raises:
            Violation: a promise was broken.
            AssertionError: the production code stopped itself.

        """
        swarm, clock = self.swarm, self.clock
        for gateway in self.gateways:
            gateway.start()
        for shop in self.shops:
            shop.open_shop()
        for mishap in swarm.mishaps:
            clock.at(swarm.start_ms + mishap.at_ms, self._mishap, mishap)
        for look in range(1, 5):
            clock.at(swarm.start_ms + look * swarm.length_ms // 4, self.people.look)
        end_ms = swarm.start_ms + swarm.length_ms + LOOK_MS
        if until_ms is not None:
            clock.run(swarm.start_ms + until_ms)
            return
        clock.run(end_ms)
        self._evening()

    def _evening(self) -> None:
        self.swarm.calm()
        self.host.calm()
        for gateway in self.gateways:
            gateway.start()
        for shop in self.shops:
            shop.close_shop()
        self._come_to_rest()
        checkers.undelivered_is_undone(self)
        self.people.retry_all()
        self._come_to_rest()
        self.first = compare(read(self))
        if self.swarm.trusted:
            checkers.books_agree(self.first, self.host.disputes)
            checkers.undone_here_is_undone_there(self)
        self.last = self.first
        for _ in range(ROUNDS):  # a void that is closed gives its sale back, which may differ in its turn
            changed = self.people.close_the_day(self.last)
            self._come_to_rest()
            self.last = compare(read(self))
            if not changed:
                break
        self.happened["evenings"] += 1
        checkers.books_agree(self.last)
        checkers.doubt_has_a_case(self)
        checkers.money_is_where_the_state_says(self)
        if self.swarm.seed % PROOF_EVERY == 0:
            checkers.journal_proves_itself(self)
        for gateway in self.gateways:
            checkers.memory_is_the_fold(gateway)

    def _come_to_rest(self) -> None:
        """Let time pass until nothing is open and nothing is under way any more."""
        rested = False
        for _ in range(PATIENCE):
            quiet = self._quiet()
            if quiet and rested:
                return
            rested = quiet
            self.clock.run(self.clock.now_ms + (REST_MS if quiet else LOOK_MS))
        checkers.nothing_is_open(self)

    def _quiet(self) -> bool:
        return (
            all(till.settled for till in self.tills)
            and self.host.quiet
            and not any(gateway.journal.rows(pending_only=True, limit=1) for gateway in self.gateways)
        )

    def _mishap(self, mishap: Mishap) -> None:
        if mishap.what == "gateway":
            self._net.choice(self.gateways).crash_for(mishap.lasts_ms, power=mishap.harsh)
        elif mishap.what == "host":
            self.host.crash_for(mishap.lasts_ms, with_memory=not mishap.harsh)
        else:
            self.fault(f"partition_{mishap.what}")
            self._weather(mishap.what).stalled_until_ms = self.clock.now_ms + mishap.lasts_ms
            if mishap.harsh:
                for line in self._lines[mishap.what]:
                    line.cut()

    def _weather(self, zone: str) -> Weather:
        return self.swarm.pos if zone == "pos" else self.swarm.host

    # ------------------------------------------------------------------ lines

    def dial_gateway(self, till: Till | Rogue) -> Line | None:
        """Connect a terminal; None when nobody takes it."""
        return self._dial("pos", till, till.gateway)

    def dial_host(self, gateway: GatewayDriver) -> Line | None:
        """Connect a gateway to the host; None when nobody takes it."""
        return self._dial("lines", gateway, self.host)

    def _dial(self, zone: str, caller: End, listener: GatewayDriver | HostDriver) -> Line | None:
        weather = self._weather(zone)
        if weather.stalled_until_ms > self.clock.now_ms:
            return None
        if weather.connect_fails and self._net.random() < weather.connect_fails:
            self.fault("net_refused")
            return None
        line = Line(self.clock, self._net, weather, (caller, listener), self.fault_on_line)
        if not listener.accept(line):
            return None
        lines = self._lines[zone]
        if len(lines) > 64:
            lines[:] = [one for one in lines if not one.broken]
        lines.append(line)
        return line

    # ------------------------------------------------------------------ what is noted

    def fault(self, kind: str, keys: Iterable[tuple[str, str]] = ()) -> None:
        """Count a fault, and the transactions (TID, STAN) it touched."""
        self.faults[kind] += 1
        names = tuple(keys)
        self.touched.update(names)
        if self.story is not None:
            self.story.fault(self.clock.now_ms, kind, names)

    def fault_on_line(self, kind: str, data: bytes) -> None:
        """Count a fault of a line, and whose message it struck."""
        keys: tuple[tuple[str, str], ...] = ()
        if data:
            try:
                key = classify.identity(self.codec.look(data[PREFIX:]))
            except DecodeError:  # half a message, or one byte of it
                pass
            else:
                keys = ((key.tid, key.stan),)
        self.fault(kind, keys)

    def digest(self) -> str:
        """Give a hash over all journals and the work done: two runs of one seed must have the same."""
        total = hashlib.sha256(str(self.clock.done).encode())
        for gateway in self.gateways:
            total.update(gateway.journal.head().digest)
        return total.hexdigest()
