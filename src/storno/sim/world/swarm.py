"""One seed draws everything: how many, how fast, which rules, which faults and how often.

Rule: each kind of fault is switched on or off by itself and then given its own strength, so that rare mixtures come up
and a calm day with one kind of trouble does too. The same seed gives the same swarm on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from storno.gateway.options import NodeOptions
from storno.iso8583.dialects import dialect
from storno.iso8583.profile import CrossDay, OriginalData, Profile, WhenExhausted
from storno.sim.books import BooksOptions
from storno.sim.faults import Chance, Fault, FaultKind, Target
from storno.sim.world.disk import DiskFaults
from storno.sim.world.network import Weather
from storno.terminal.operation import Operation

MORNING_MS = 1_767_578_400_000  # 2026-01-05 10:00 in China
TO_MIDNIGHT_MS = 13 * 3_600_000 + 50 * 60_000
_MIX = {
    Operation.SALE: 60,
    Operation.VOID: 14,
    Operation.PREAUTH: 10,
    Operation.COMPLETION: 7,
    Operation.PREAUTH_VOID: 4,
    Operation.COMPLETION_VOID: 4,
    Operation.REFUND: 5,
    Operation.SETTLE: 2,
    Operation.SIGN_IN: 2,
    Operation.BALANCE: 2,
    Operation.ECHO: 1,
}


@dataclass(slots=True)
class TillFaults:
    """What goes wrong in shops. Shares from 0 to 1 (cuts: for each step of a conversation)."""

    power_cut: float = 0.0
    for_good: float = 0.0
    store_fails: float = 0.0
    print_fails: float = 0.0

    def calm(self) -> None:
        """Let the faults stop."""
        self.power_cut = self.for_good = self.store_fails = self.print_fails = 0.0


@dataclass(slots=True)
class Mishap:
    """Something that happens at a moment and lasts: a crash or a partition. Times in milliseconds from the start."""

    what: str
    at_ms: int
    lasts_ms: int
    harsh: bool = False
    """A crash that loses power (nobody is told) or memory; a partition that breaks what is open."""


@dataclass(slots=True)
class Swarm:
    """One world before it begins."""

    seed: int
    start_ms: int = MORNING_MS
    gateways: int = 1
    links: int = 1
    terminals: int = 4
    orders: int = 12
    think_ms: int = 60_000
    mix: dict[Operation, int] = field(default_factory=lambda: dict(_MIX))
    rogues: int = 0
    """Terminals that repeat, confuse and cheat instead of keeping to the rules."""
    profile: Profile = field(default_factory=Profile)
    node: NodeOptions = field(default_factory=NodeOptions)
    books: BooksOptions = field(default_factory=BooksOptions)
    pos: Weather = field(default_factory=Weather)
    host: Weather = field(default_factory=Weather)
    disk: DiskFaults = field(default_factory=DiskFaults)
    till: TillFaults = field(default_factory=TillFaults)
    chances: tuple[Chance, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    crash: float = 0.0
    """Share of a gateway's commands before which its process dies."""
    stalls: float = 0.0
    """Share of a gateway's sendings that find the way out full: not a byte leaves."""
    babble: float = 0.0
    """Share of a host's answers that are followed by another one with another code."""
    answer_ms: int = 60_000
    """The terminals' own timer."""
    keep_open: bool = False
    first_stan: int = 0
    retries: float = 0.0
    """Share of given-up reversals an operator orders again during the day."""
    hasty: bool = False
    """An operator who adjusts from what the host says at the moment, while messages are still under way."""

    @property
    def trusted(self) -> bool:
        """Say whether the host keeps what the gateway may rely on: its books, and what it reversed unseen."""
        forgets = any(one.fault.kind is FaultKind.RESTART_WITHOUT_MEMORY for one in self.chances) or any(
            one.what == "host" and one.harsh for one in self.mishaps
        )
        return self.books.tombstones and not forgets and not self.hasty

    @property
    def length_ms(self) -> int:
        """How long the shops are open."""
        return max(60_000, self.orders * self.think_ms)

    def calm(self) -> None:
        """Let every fault stop."""
        for one in (self.pos, self.host, self.disk, self.till):
            one.calm()
        self.crash = self.stalls = self.babble = 0.0


def draw(seed: int, *, small: bool = False) -> Swarm:
    """Draw a world from a seed; a small one has few terminals and orders, so that many fit into a minute."""
    rng = Random(f"storno/{seed}/swarm")
    swarm = Swarm(seed)
    swarm.gateways = 2 if rng.random() < 0.1 else 1
    swarm.links = rng.choice((1, 1, 2, 3))
    swarm.terminals = rng.choice((1, 2, 4, 6, 8, 12))
    swarm.orders = rng.choice((6, 12, 24, 40))
    if small:
        swarm.terminals, swarm.orders = min(swarm.terminals, 2), 6
    swarm.think_ms = rng.choice((0, 1_000, 10_000, 60_000, 300_000))
    swarm.rogues = rng.choice((0, 0, 0, 1, 2))
    if rng.random() < 0.15:
        swarm.start_ms += TO_MIDNIGHT_MS
    if rng.random() < 0.25:
        swarm.first_stan = rng.randint(999_980, 999_998)
    for operation in (*swarm.mix,):
        if operation is not Operation.SALE and rng.random() < 0.25:
            swarm.mix[operation] = rng.choice((0, 20, 40))
    swarm.books = BooksOptions(
        tombstones=rng.random() < 0.75,
        unknown_reversal=rng.choice(("25", "00")),
        declined_reversal=rng.choice(("12", "00")),
        duplicate_code=rng.choice((None, None, "94")),
    )
    swarm.profile = _profile(rng)
    swarm.node = _options(rng)
    swarm.answer_ms = rng.choice((15_000, 30_000, 60_000, 70_000))
    swarm.keep_open = rng.random() < 0.3
    swarm.retries = rng.choice((0.0, 0.3, 1.0))
    swarm.hasty = rng.random() < 0.06
    swarm.pos, swarm.host = _weather(rng), _weather(rng)
    swarm.pos.double_from = (1,)  # a terminal's request twice would be two requests: no TCP does that
    swarm.host.keeps_alive = (0,)  # as the gateway does with its host links
    swarm.disk = DiskFaults(
        sync_ms=rng.choice((1, 2, 5, 20)),
        slow=_share(rng, 0.05),
        slow_ms=rng.choice((500, 5_000, 40_000)),
        full=_share(rng, 0.004),
    )
    swarm.till = TillFaults(
        power_cut=_share(rng, 0.02),
        for_good=rng.choice((0.0, 0.0, 0.2)),
        store_fails=_share(rng, 0.01),
        print_fails=_share(rng, 0.05),
    )
    swarm.crash = _share(rng, 0.01)
    swarm.stalls = _share(rng, 0.03)
    swarm.babble = 0.0 if swarm.host.datagrams else _share(rng, 0.1)
    swarm.chances = _chances(rng, swarm.profile)
    swarm.mishaps = _mishaps(rng, swarm)
    return swarm


def _share(rng: Random, most: float) -> float:
    """Switch a fault off, or on at some strength up to `most`."""
    on, strength = rng.random() < 0.4, rng.random()
    return most * strength if on else 0.0


def _profile(rng: Random) -> Profile:
    mac = "cup_ecb" if rng.random() < 0.25 else "none"
    return replace(
        dialect("cup_pos").profile,
        mac=mac,
        mac_on_declines=rng.random() < 0.2,
        mac_on_reversal_answers=rng.random() < 0.8,
        reverse_on=rng.choice((frozenset(), frozenset(), frozenset({"98"}))),
        repeat_marked=rng.random() < 0.3,
        original_data=rng.choice((OriginalData.KEEP, OriginalData.OWN)),
        answer_timeout_ms=rng.choice((20_000, 45_000, 60_000)),
        reversal_timeout_ms=rng.choice((10_000, 30_000, 60_000)),
        attempts_max=rng.choice((1, 3, 6, 19)),
        backoff_first_ms=rng.choice((1_000, 5_000)),
        backoff_max_ms=rng.choice((20_000, 300_000)),
        deadline_ms=rng.choice((600_000, 3_600_000, 24 * 3_600_000, 24 * 3_600_000)),
        cross_day=rng.choice((CrossDay.SEND, CrossDay.SEND, CrossDay.CASE)),
        undeliverable_reverses=rng.random() < 0.8,
        terminal_resends_max=rng.choice((1, 3)),
        when_exhausted=rng.choice((WhenExhausted.ALARM, WhenExhausted.BLOCK)),
        mismatch_reverses=rng.random() < 0.9,
    )


def _options(rng: Random) -> NodeOptions:
    return NodeOptions(
        reversals_in_flight_max=rng.choice((1, 2, 256)),
        records_in_memory_max=rng.choice((1, 8, 20_000)),
        echo_ms=rng.choice((0, 0, 0, 0, 0, 60_000, 300_000, 300_000)),
        terminal_open_max=rng.choice((2, 16)),
        sign_on=rng.random() < 0.2,
    )


def _weather(rng: Random) -> Weather:
    weather = Weather(
        delay_ms=rng.choice((1, 5, 40)),
        jitter_ms=rng.choice((2, 20, 200)),
        slow=_share(rng, 0.1),
        slow_ms=rng.choice((2_000, 30_000, 150_000)),
        cut=_share(rng, 0.1),
        silent=rng.choice((0.0, 0.3, 1.0)),
        give_up_ms=rng.choice((5_000, 60_000, 900_000)),
        split=_share(rng, 0.05),
        connect_fails=_share(rng, 0.2),
    )
    if rng.random() < 0.15:
        weather.datagrams = True
        weather.loss, weather.double = _share(rng, 0.15), _share(rng, 0.15)
        weather.slow = max(weather.slow, 0.05)
    return weather


_REQUEST_FAULTS = {
    FaultKind.REQUEST_LOST: 0.1, FaultKind.RESET_BEFORE_EFFECT: 0.05, FaultKind.RESTART_BEFORE_EFFECT: 0.02,
    FaultKind.DECLINE: 0.15, FaultKind.DOUBTFUL: 0.05, FaultKind.DOUBTFUL_POSTED: 0.05,
    FaultKind.PARTIAL_APPROVAL: 0.1, FaultKind.ANSWER_LOST: 0.1, FaultKind.LATE: 0.1,
    FaultKind.DUPLICATE_ANSWER: 0.1, FaultKind.WRONG_STAN: 0.05, FaultKind.WRONG_AMOUNT: 0.05,
    FaultKind.BAD_MAC: 0.1, FaultKind.PARTIAL_FRAME: 0.05, FaultKind.RESET_AFTER_APPROVAL: 0.05,
    FaultKind.RESTART_WITH_MEMORY: 0.02, FaultKind.RESTART_WITHOUT_MEMORY: 0.002, FaultKind.SLOW_DRIP: 0.03,
    FaultKind.HOST_REVERSAL: 0.05,
}  # fmt: skip
_REVERSAL_FAULTS = {
    FaultKind.REVERSAL_LOST: 0.3, FaultKind.REVERSAL_REFUSED: 0.2, FaultKind.REVERSAL_ANSWER_LOST: 0.3,
    FaultKind.LATE: 0.2, FaultKind.DUPLICATE_ANSWER: 0.2, FaultKind.BAD_MAC: 0.1, FaultKind.RESTART_WITH_MEMORY: 0.02,
}  # fmt: skip
_NETWORK_FAULTS = {FaultKind.REQUEST_LOST: 0.1, FaultKind.LATE: 0.1, FaultKind.DECLINE: 0.05}
_SELDOM = frozenset({FaultKind.RESTART_WITHOUT_MEMORY})


def _chances(rng: Random, profile: Profile) -> tuple[Chance, ...]:
    chances: list[Chance] = []
    for target, table in (
        (Target.REQUEST, _REQUEST_FAULTS),
        (Target.REVERSAL, _REVERSAL_FAULTS),
        (Target.NETWORK, _NETWORK_FAULTS),
    ):
        left = 0.9
        for kind, most in table.items():
            strength = min(left, _share(rng, most))
            fault = _fault(rng, kind, target, profile)
            if kind in _SELDOM and rng.random() < 0.7:
                strength = 0.0
            if strength:
                left -= strength
                chances.append(Chance(strength, fault, target))
    return tuple(chances)


def _fault(rng: Random, kind: FaultKind, target: Target, profile: Profile) -> Fault:
    if kind is FaultKind.LATE:
        return Fault(kind, value=rng.choice((3_000, profile.answer_timeout_ms + 5_000, 400_000)))
    if kind is FaultKind.HOST_REVERSAL:
        return Fault(kind, value=rng.choice((10, 5_000, 300_000)))
    if kind is FaultKind.SLOW_DRIP:
        return Fault(kind, value=rng.choice((5, 500)))
    if kind is FaultKind.DECLINE:
        return Fault(kind, code="96" if target is Target.NETWORK else rng.choice(("51", "05", "A0")))
    if kind is FaultKind.REVERSAL_REFUSED:
        return Fault(kind, code=rng.choice(("96", "40", "61")))
    if kind in (FaultKind.DOUBTFUL, FaultKind.DOUBTFUL_POSTED):
        return Fault(kind, code=rng.choice(("96", "98")))
    return Fault(kind)


def _mishaps(rng: Random, swarm: Swarm) -> tuple[Mishap, ...]:
    mishaps: list[Mishap] = []
    length = swarm.length_ms
    for what, chance, longest in (
        ("gateway", 0.35, 120_000),
        ("host", 0.25, 300_000),
        ("pos", 0.25, 600_000),
        ("lines", 0.25, 600_000),
    ):
        if rng.random() >= chance:
            continue
        for _ in range(rng.randint(1, 3)):
            harsh = rng.random() < (0.1 if what == "host" else 0.5)
            mishaps.append(
                Mishap(what, int(rng.random() * length), int(rng.random() ** 2 * longest) + 100, harsh)
            )
    return tuple(mishaps)
