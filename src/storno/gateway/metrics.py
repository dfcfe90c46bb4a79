"""A gateway's counts as Prometheus text: read when somebody asks, never written while a transaction is on its way.

Everything comes from the node's counts, its records in memory and, for exceptions, the journal (read in a thread). What
is asked again within a second gets the same text, later still if making it took long. The metrics: `metric_table`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, TypeAlias

from storno import __version__
from storno.gateway.metric_table import METRICS, PREFIX, Metric, MetricKind
from storno.journal.base import JournalError
from storno.journal.fact import TX_COLUMNS
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import IN_FLIGHT, TABLE, Case, Input, State
from storno.reversal.postings import Position
from storno.reversal.record import Record, Trigger

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client.core import Metric as Family

    from storno.gateway.counts import Buckets, Counts
    from storno.gateway.serve import Gateway
    from storno.journal.fact import TxRow

FRESH_S = 1.0
SHARE_MAX = 0.05
"""Part of the loop's time that answering may take, however often somebody asks: after that the last text is told."""
SLICE = 2_000
"""Records looked at before the loop goes on."""
CASES_FRESH_S = 15.0
CASES_WAIT_S = 2.0
"""How long an answer waits for the journal to be read; after that it tells what was read before."""
HOME_CURRENCY = "CNY"

COUNTED: dict[str, tuple[str, str]] = {
    "requests": ("requests_total", ""),
    "terminal_reversals": ("terminal_reversals_total", ""),
    "reversals_sent": ("reversals_sent_total", "first"),
    "reversals_repeated": ("reversals_sent_total", "repeat"),
    "reversal_accepted": ("reversal_answers_total", "accepted"),
    "reversal_refused": ("reversal_answers_total", "refused"),
    "repeated": ("repeats_total", "request"),
    "advices_resent": ("repeats_total", "advice"),
    "late_answers": ("late_answers_total", ""),
    "stray_answers": ("stray_answers_total", ""),
    "bad_answers": ("bad_answers_total", ""),
    "terminal_bad_mac": ("mac_failures_total", "terminal"),
    "host_bad_mac": ("mac_failures_total", "host"),
    "timeouts": ("timeouts_total", ""),
    "no_link": ("unreachable_total", "before"),
    "not_sent": ("unreachable_total", "sending"),
    "unknown_terminal": ("refused_total", "unknown_terminal"),
    "number_reused": ("refused_total", "number_reused"),
    "refused_full": ("refused_total", "full"),
    "refused_original": ("refused_total", "original"),
    "unreadable": ("unreadable_total", "terminal"),
    "host_unreadable": ("unreadable_total", "host"),
    "unexpected": ("unexpected_total", ""),
    "tombstones": ("tombstones_total", ""),
    "tombstone_hits": ("tombstone_hits_total", ""),
    "undelivered": ("undelivered_total", ""),
    "host_reversals": ("host_reversals_total", ""),
    "moved": ("terminal_moves_total", ""),
    "passing_timeouts": ("passed_on_timeouts_total", ""),
    "settlements_held": ("settlements_held_total", ""),
    "sign_ins": ("sign_ins_total", ""),
    "key_trouble": ("key_trouble_total", ""),
    "cases_opened": ("cases_opened_total", ""),
}
"""Each count of the node: its metric, and the value of its only label."""
TOLD_ELSEWHERE = frozenset({"reversals_exhausted", "bad_requests"})
"""Counts that other metrics hold: an end with the state `exhausted`, a wrong MAC of the host."""
RESULTS = {
    Input.RESPONSE_APPROVED: "approved",
    Input.RESPONSE_DECLINED: "declined",
    Input.RESPONSE_DOUBTFUL: "doubtful",
    Input.RESPONSE_INVALID: "bad_answer",
    Input.RESPONSE_TIMEOUT: "timeout",
    Input.SEND_FAILED: "not_sent",
    Input.CANCEL_REQUESTED: "cancelled",
    Input.HOST_REVERSED: "host_reversed",
    Input.RECOVERED: "recovered",
}
"""What ends the waiting for the host, as a result."""
ENDS = tuple(
    dict.fromkeys(
        step.state
        for (state, _), step in TABLE.items()
        if state is State.REVERSING and step.state is not State.REVERSING
    )
)
Sample: TypeAlias = tuple[str, tuple[str, ...], float]
"""Name without prefix, the labels' values, the value."""
_CASE, _POSITION, _AMOUNT, _APPROVED, _CURRENCY, _PENDING = (
    TX_COLUMNS.index(name)
    for name in ("case_kind", "position", "amount_minor", "approved_minor", "currency", "pending")
)


class CaseSource(Protocol):
    """A journal that lists what waits for a person; closed after each reading."""

    def rows(self, *, cases_only: bool = ..., limit: int = ...) -> tuple[TxRow, ...]:
        """List transactions, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@dataclass(frozen=True, slots=True)
class CaseSums:
    """What waits for a person, at a time (seconds since 1970)."""

    at_s: float
    count: tuple[tuple[str, int], ...]
    money: tuple[tuple[str, int], ...]
    """Currency and minor units of unknown outcome."""


EVERY = 1_000_000_000


def read_cases(path: Path, source: Callable[[Path], CaseSource], now_s: float) -> CaseSums:
    """Sum what waits for a person in a journal."""
    count: dict[str, int] = {}
    money: dict[str, int] = {}
    journal = source(path)
    try:
        for row in journal.rows(cases_only=True, limit=EVERY):
            count[row[_CASE]] = count.get(row[_CASE], 0) + 1
            if row[_POSITION] == Position.SUSPENSE.value and not row[_PENDING]:
                minor = row[_AMOUNT] if row[_APPROVED] is None else row[_APPROVED]
                money[row[_CURRENCY]] = money.get(row[_CURRENCY], 0) + minor
    finally:
        journal.close()
    return CaseSums(now_s, tuple(sorted(count.items())), tuple(sorted(money.items())))


# -------------------------------------------------------------------- what is told
def _from_counts(counts: Counts) -> Iterator[Sample]:
    for name, (metric, label) in COUNTED.items():
        yield metric, (label,) if label else (), counts.values.get(name, 0)
    opened = dict.fromkeys(((kind.value,) for kind in Kind), 0)
    decided = {(kind.value, result): 0 for kind in Kind for result in RESULTS.values()}
    begun = dict.fromkeys(((reason.value,) for reason in Trigger), 0)
    ended = {(reason.value, state.value): 0 for reason in Trigger for state in ENDS}
    for (kind, before, what, after, trigger), times in tuple(counts.moves.items()):
        reason = "" if trigger is None else trigger.value
        if before is None and after in IN_FLIGHT:
            opened[kind.value,] += times
        if before in IN_FLIGHT and what in RESULTS:
            decided[kind.value, RESULTS[what]] += times
        if after is State.REVERSING and before is not after:
            begun[reason,] = begun.get((reason,), 0) + times
        if before is State.REVERSING and after is not before:
            ended[reason, after.value] = ended.get((reason, after.value), 0) + times
    for metric, sums in (
        ("transactions_opened_total", opened),
        ("transactions_total", decided),
        ("reversals_begun_total", begun),
        ("reversals_ended_total", ended),
    ):
        for labels, value in sums.items():
            yield metric, labels, value


@dataclass(slots=True)
class _Held:
    """What a gateway has in hand: how much, since when, and the money of unknown outcome by currency."""

    in_flight: int = 0
    reversing: int = 0
    oldest_ms: int | None = None
    money: dict[str, int] = field(default_factory=lambda: {HOME_CURRENCY: 0})

    def look(self, records: tuple[Record, ...]) -> None:
        """Sum up some more records; they are values, so what happens to their transactions meanwhile does no harm."""
        for record in records:
            if record.state is not State.REVERSING:
                self.in_flight += 1
            else:
                self.reversing += 1
                if self.oldest_ms is None or record.opened_ms < self.oldest_ms:
                    self.oldest_ms = record.opened_ms
            if record.position is Position.SUSPENSE:
                currency = record.opening.currency
                self.money[currency] = self.money.get(currency, 0) + record.amount_minor


def _from_held(held: _Held, now_ms: int) -> Iterator[Sample]:
    oldest_ms = now_ms if held.oldest_ms is None else held.oldest_ms
    yield "reversals_open", (), held.reversing
    yield "reversal_oldest_open_seconds", (), max(0, now_ms - oldest_ms) / 1000
    yield "requests_in_flight", (), held.in_flight
    for currency, minor in held.money.items():
        yield "unknown_money_minor", (currency, "in_hand"), minor


def _from_gateway(gateway: Gateway, started_s: float) -> Iterator[Sample]:
    node = gateway.node
    yield "links_up", (), len(node.links.names_up())
    yield "links_wanted", (), len(gateway.options.hosts) * gateway.options.links_per_host
    yield "terminal_connections", (), gateway.connections
    yield "halted", (), bool(node.halted)
    yield "draining", (), node.draining
    yield "start_time_seconds", (), started_s
    yield "build_info", (__version__, node.dialect.name), 1


def _from_cases(cases: CaseSums) -> Iterator[Sample]:
    count = dict.fromkeys((case.value for case in Case), 0) | dict(cases.count)
    for case, number in count.items():
        yield "cases_open", (case,), number
    for currency, minor in ({HOME_CURRENCY: 0} | dict(cases.money)).items():
        yield "unknown_money_minor", (currency, "case"), minor
    yield "cases_read_timestamp_seconds", (), cases.at_s


class Exposition:
    """What a gateway shows to Prometheus."""

    def __init__(self, gateway: Gateway, journal: Path, source: Callable[[Path], CaseSource]) -> None:
        self._gateway = gateway
        self._journal = journal
        self._source = source
        self._started_s = time.time()
        self._cases: CaseSums | None = None
        self._opened = 0
        """How many exceptions had been opened when they were last read: one more, and they are read again."""
        self._reading: asyncio.Task[None] | None = None
        self._text = b""
        self._good_until_s = float("-inf")
        self._making = asyncio.Lock()
        import_module("prometheus_client")  # now, not when the first question comes between two transactions

    async def text(self) -> bytes:
        """Give the metrics in Prometheus' text format; what was made a moment ago is told again."""
        async with self._making:
            if time.monotonic() >= self._good_until_s:
                await self._look_at_cases()
                began_s = time.monotonic()
                self._text = self.render(await self._look_at_held())
                ended_s = time.monotonic()
                self._good_until_s = ended_s + max(FRESH_S, (ended_s - began_s) / SHARE_MAX)
        return self._text

    async def _look_at_held(self) -> _Held:
        """Sum up what is in hand, letting transactions pass between: after a long outage there is much of it."""
        held, records = _Held(), self._gateway.node.registry.held()
        for at in range(0, len(records), SLICE):
            held.look(records[at : at + SLICE])
            await asyncio.sleep(0)
        return held

    async def _look_at_cases(self) -> None:
        opened = self._gateway.node.counts.values.get("cases_opened", 0)
        old = self._cases is None or time.time() - self._cases.at_s >= CASES_FRESH_S
        if self._reading is None and (old or opened != self._opened):
            self._opened = opened
            self._reading = asyncio.create_task(self._read_cases())
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=CASES_WAIT_S)

    async def _read_cases(self) -> None:
        try:
            self._cases = await asyncio.to_thread(read_cases, self._journal, self._source, time.time())
        except JournalError:
            pass  # the time of the last reading stands still, and an alert watches it
        finally:
            self._reading = None

    def render(self, held: _Held) -> bytes:
        """Write everything as text."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(list(self._families(held))))
        return generate_latest(registry)

    def _families(self, held: _Held) -> Iterator[Family]:
        samples: dict[str, list[tuple[tuple[str, ...], float]]] = {}
        found = [
            *_from_counts(self._gateway.node.counts),
            *_from_held(held, self._gateway.clock.now_ms()),
            *_from_gateway(self._gateway, self._started_s),
            *(() if self._cases is None else _from_cases(self._cases)),
        ]
        for name, labels, value in found:
            samples.setdefault(PREFIX + name, []).append((labels, value))
        times = {
            "storno_host_response_seconds": (self._gateway.node.counts.host_ms, 1000),
            "storno_journal_group_seconds": (self._gateway.journal_s, 1),
        }
        for metric in METRICS:
            if metric.kind is MetricKind.HISTOGRAM:
                yield _histogram(metric, *times[metric.name])
            else:
                yield _family(metric, samples.pop(metric.name, []))
        if samples:
            raise AssertionError(f"not in the table of metrics: {', '.join(samples)}")


class _Collected:
    """What a registry asks for families."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Family]:
        return self._families


def _family(metric: Metric, samples: list[tuple[tuple[str, ...], float]]) -> Family:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    make = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family = make(metric.name, metric.en, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, buckets: Buckets, per_second: int) -> Family:
    from prometheus_client.core import HistogramMetricFamily

    bounds = [f"{bound / per_second:g}" for bound in buckets.bounds] + ["+Inf"]
    family = HistogramMetricFamily(metric.name, metric.en)
    rows = list(zip(bounds, accumulate(buckets.counts), strict=True))
    family.add_metric([], rows, sum_value=buckets.total / per_second)
    return family
