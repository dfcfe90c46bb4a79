"""A bad day as a journal: a carrier fails for 20 minutes, a software version has a MAC fault, one reader is dirty.

Every transaction lives through the real life cycle, and facts stand in the order of time, as a gateway writes them. The
same seed gives the same facts; with no faults it is a quiet day. Made for the watch: tests, bench, training.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from storno.journal.fact import Change, fact_row, tx_row
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.machine import Outcome, begin, step
from storno.sim.days.fates import FATE_OF, FATES, Beat, detail_of, opening
from storno.sim.days.tables import CARRIERS, DECLINES, ENTRIES, ISSUERS, MODELS, VERSIONS

START_MS = 1_795_132_800_000
"""20 November 2026, 00:00 UTC."""
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
_OPEN_H, _CLOSE_H = 8, 22
_BUSY = (4, 5, 6, 8, 11, 10, 7, 6, 7, 9, 12, 10, 7, 4)
"""How busy each hour from eight to ten is."""
_USUAL = (
    ("declined", 0.026), ("request_lost", 0.0012), ("answer_lost", 0.001), ("reversal_repeated", 0.0002),
    ("cancelled", 0.001), ("terminal_fault", 0.0004), ("technical", 0.0025), ("terminal_mac", 0.0001),
)  # fmt: skip
_FALLBACK = "801"


class Terminal(NamedTuple):
    """A terminal and what is known of it."""

    tid: str
    mid: str
    carrier: str
    model: str
    version: str
    site: str
    weight: int


class Fault(NamedTuple):
    """Something that is wrong for a time at the terminals with this attribute: what then happens to this share."""

    name: str
    attribute: str
    value: str
    from_ms: int
    to_ms: int
    share: float
    fates: tuple[str, ...]
    fallback: float = 0.0


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What kind of day."""

    seed: int = 1
    terminals: int = 120
    transactions: int = 20_000
    days: int = 1
    faults: tuple[Fault, ...] = ()
    fleet: tuple[Terminal, ...] = field(default=())


class Sale(NamedTuple):
    """One transaction to be."""

    at_ms: int
    terminal: Terminal
    card: str
    amount_minor: int
    entry: str
    fate: str
    code: str


def draw_terminals(seed: int, count: int) -> tuple[Terminal, ...]:
    """Draw a fleet; three terminals a merchant."""
    chance = random.Random(f"{seed}/fleet")

    def pick(table: tuple[tuple[str, int], ...]) -> str:
        return chance.choices([name for name, _ in table], [share for _, share in table])[0]

    return tuple(
        Terminal(
            f"{20_000_001 + number:08d}", f"8983100{5411 + number // 3 % 3:04d}{number // 3 + 1:04d}", pick(CARRIERS),
            pick(MODELS), pick(VERSIONS[:3]), f"site-{number // 6 + 1}", chance.choice((1, 1, 2, 2, 3, 5)),
        )
        for number in range(count)
    )  # fmt: skip


def bad_day(seed: int = 1, terminals: int = 120, transactions: int = 20_000) -> DayPlan:
    """Give the day with all three faults."""
    fleet = draw_terminals(seed, terminals)
    busiest = max(fleet, key=lambda one: (one.weight, one.tid))
    at = START_MS
    return DayPlan(
        seed, terminals, transactions, 1,
        (
            Fault("carrier", "carrier", "carrier-b", at + 10 * HOUR_MS + 40 * MINUTE_MS, at + 11 * HOUR_MS, 0.9,
                  ("request_lost", "answer_lost", "reversal_repeated")),
            Fault("version", "version", "3.1.7", at + 14 * HOUR_MS, at + 16 * HOUR_MS, 0.7,
                  ("mac_declined", "terminal_mac")),
            Fault("reader", "tid", busiest.tid, at + 9 * HOUR_MS, at + 22 * HOUR_MS, 0.06, ("terminal_fault",), 0.4),
        ),
        fleet,
    )  # fmt: skip


def quiet_day(seed: int = 1, terminals: int = 120, transactions: int = 20_000, days: int = 1) -> DayPlan:
    """Give a day on which only the usual goes wrong."""
    return DayPlan(seed, terminals, transactions, days, (), draw_terminals(seed, terminals))


def changes(plan: DayPlan) -> list[Change]:
    """Give the day's changes in the order of time."""
    fleet = plan.fleet or draw_terminals(plan.seed, plan.terminals)
    chance = random.Random(f"{plan.seed}/day")
    told: list[Change] = []
    stans: dict[str, int] = {}
    for number in range(plan.days):
        for place, sale in enumerate(sorted(_sales(plan, fleet, chance, number)), 1):
            stans[sale.terminal.tid] = stans.get(sale.terminal.tid, 0) + 1
            told += _life(sale, stans[sale.terminal.tid], f"{number + 1}-{place}")
    return sorted(told, key=lambda one: one[0][1])


def _sales(plan: DayPlan, fleet: tuple[Terminal, ...], chance: random.Random, number: int) -> Iterator[Sale]:
    weights = list(itertools.accumulate(one.weight for one in fleet))
    hours = list(itertools.accumulate(_BUSY))
    start = START_MS + number * 24 * HOUR_MS
    for _ in range(plan.transactions):
        hour = chance.choices(range(_OPEN_H, _CLOSE_H), cum_weights=hours)[0]
        at_ms = start + hour * HOUR_MS + chance.randrange(HOUR_MS)
        terminal = chance.choices(fleet, cum_weights=weights)[0]
        yield _sale(plan, terminal, at_ms, chance)


def _sale(plan: DayPlan, terminal: Terminal, at_ms: int, chance: random.Random) -> Sale:
    issuer = chance.choices(range(len(ISSUERS)), [share for _, _, share in ISSUERS])[0]
    card = f"6200{issuer:02d}******{chance.randrange(10_000):04d}"
    entry = chance.choices([text for text, _ in ENTRIES], [share for _, share in ENTRIES])[0]
    amount = max(100, round(chance.lognormvariate(8.9, 0.95)))
    fate = _usual(chance)
    for fault in plan.faults:
        if not fault.from_ms <= at_ms < fault.to_ms or getattr(terminal, fault.attribute) != fault.value:
            continue
        if chance.random() < fault.fallback:
            entry = _FALLBACK
        if chance.random() < fault.share:
            fate = chance.choice(fault.fates)
    return Sale(at_ms, terminal, card, amount, entry, *_coded(fate, chance))


def _usual(chance: random.Random) -> str:
    spot = chance.random()
    for name, share in _USUAL:
        if spot < share:
            return name
        spot -= share
    return "approved"


def _coded(fate: str, chance: random.Random) -> tuple[str, str]:
    """Give the fate's own name, and F39 of the answer."""
    match fate:
        case "declined":
            codes = [code for code, _, _ in DECLINES]
            return fate, chance.choices(codes, [share for _, _, share in DECLINES])[0]
        case "technical":
            return "declined", chance.choice(("92", "06", "30", "91"))
        case "mac_declined":
            return "declined", "A0"
        case _:
            return fate, "00"


def _life(sale: Sale, stan: int, tx_id: str) -> Iterator[Change]:
    fate = FATES[FATE_OF[sale.fate]]
    assert fate.beats is not None, f"{fate.name} leaves no record"
    key = TxKey(sale.terminal.tid, sale.terminal.mid, "000001", f"{stan % 1_000_000:06d}")
    first = opening(Kind.SALE, key, sale.amount_minor, "20261120", sale.card)
    outcome = begin(tx_id, sale.at_ms, first._replace(fields=((22, sale.entry),)))
    yield _change(outcome)
    for beat in fate.beats:
        outcome = _beat(outcome, beat, sale)
        yield _change(outcome)


def _beat(outcome: Outcome, beat: Beat, sale: Sale) -> Outcome:
    detail = detail_of(beat, sale.at_ms, sale.code, f"{sale.at_ms % 10**12:012d}", "123456")
    return step(outcome.record, beat.input, sale.at_ms + beat.after_ms, detail)


def _change(outcome: Outcome) -> Change:
    posting = outcome.posting
    row = None if posting is None else (posting.key, outcome.record.tx_id, posting.currency, posting.entries)
    return (fact_row(outcome.fact), tx_row(outcome.record), row, None)
