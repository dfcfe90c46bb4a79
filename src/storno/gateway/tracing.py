"""Spans of a node's transactions: what it did, when each stage ended; the tracer behind it is anybody's.

`TracedNode` is used in place of `Node` only where traces are wanted, so nobody else pays for them. A span is told once
it is complete. It holds our transaction id and no card data, no STAN, no terminal. Reads no clock, sends nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from storno.gateway import events as ev
from storno.gateway.node import Node
from storno.reversal.lifecycle import IN_FLIGHT, State

if TYPE_CHECKING:
    from storno.reversal.machine import Outcome

OPEN_MAX = 50_000
"""Spans that may be open at one time; what begins beyond that is not traced, and counted."""
TRANSACTION, REVERSAL = "storno.transaction", "storno.reversal"
_WELL = frozenset({State.APPROVED, State.DECLINED, State.REVERSED})
Value: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that is over; times in milliseconds since 1970, UTC."""

    name: str
    start_ms: int
    end_ms: int
    attributes: tuple[tuple[str, Value], ...]
    failed: bool
    """True when its outcome is in doubt or nothing could be sent."""


class Tracer(Protocol):
    """Where complete spans go; must take them without waiting."""

    def span(self, span: Span) -> None:
        """Take a span."""
        ...


@dataclass(slots=True)
class _Open:
    start_ms: int
    sent_ms: int = 0
    decided_ms: int = 0


class Follower:
    """Makes spans of what a node journals, sends and is told to be durable."""

    def __init__(self, tracer: Tracer, open_max: int = OPEN_MAX) -> None:
        self._tracer = tracer
        self._max = open_max
        self._open: dict[tuple[str, str], _Open] = {}
        self._decided: deque[tuple[int, str, _Open, Outcome]] = deque()
        """Decided, but the fact that says so is not durable: the terminal is not told yet."""
        self.left_out = 0

    def moved(self, outcome: Outcome, before: State | None, token: int) -> None:
        """Note a step of the life cycle; `token` is the batch that makes it durable."""
        record = outcome.record
        for name, states in ((TRANSACTION, IN_FLIGHT), (REVERSAL, (State.REVERSING,))):
            was, is_ = before in states, record.state in states
            if is_ and not was:
                self._begin((name, record.tx_id), record.updated_ms)
            elif was and not is_:
                open_ = self._open.pop((name, record.tx_id), None)
                if open_ is not None:
                    open_.decided_ms = record.updated_ms
                    self._decided.append((token, name, open_, outcome))

    def _begin(self, key: tuple[str, str], now_ms: int) -> None:
        if len(self._open) >= self._max:
            self.left_out += 1
        else:
            self._open[key] = _Open(now_ms)

    def sent(self, tx_id: str, now_ms: int, *, reversal: bool) -> None:
        """Note that a message may leave for the host; its first sending counts."""
        open_ = self._open.get((REVERSAL if reversal else TRANSACTION, tx_id))
        if open_ is not None and not open_.sent_ms:
            open_.sent_ms = now_ms

    def durable(self, token: int, now_ms: int) -> None:
        """Complete every span whose end is on the medium."""
        while self._decided and self._decided[0][0] <= token:
            _, name, open_, outcome = self._decided.popleft()
            self._tracer.span(_span(name, open_, outcome, now_ms))


def _span(name: str, open_: _Open, outcome: Outcome, now_ms: int) -> Span:
    record, fact = outcome.record, outcome.fact
    told: list[tuple[str, Value]] = [
        ("storno.tx_id", record.tx_id),
        ("storno.kind", record.kind.value),
        ("storno.dialect", record.opening.dialect),
        ("storno.state", record.state.value),
        ("storno.ended_by", "" if fact.input is None else fact.input.value),
    ]
    if name == TRANSACTION:
        told.append(("storno.response_code", record.response))
    if record.trigger is not None:
        told.append(("storno.reason", record.trigger.value))
    if name == REVERSAL:
        told.append(("storno.sendings", record.sent))
    if open_.sent_ms:
        told += [
            ("storno.before_sending_ms", open_.sent_ms - open_.start_ms),
            ("storno.host_ms", open_.decided_ms - open_.sent_ms),
        ]
    told.append(("storno.journal_ms", now_ms - open_.decided_ms))
    return Span(name, open_.start_ms, now_ms, tuple(told), record.state not in _WELL)


class TracedNode(Node):
    """A node that tells a tracer what it does; it decides exactly as any other."""

    def __init__(self, *parts: Any, tracer: Tracer) -> None:
        super().__init__(*parts)
        self._follower = Follower(tracer)

    def step(self, now_ms: int, event: ev.Event) -> list[ev.Command]:
        """Take one event as a node does, and note what leaves for the host and what is durable."""
        commands = super().step(now_ms, event)
        for command in commands:
            if isinstance(command, ev.SendHost) and command.tx_id:
                self._follower.sent(command.tx_id, now_ms, reversal=command.reversal)
        if isinstance(event, ev.Durable):
            self._follower.durable(event.token, now_ms)
        return commands

    def _journal(self, outcome: Outcome, card: bytes | None, before: State | None) -> None:
        super()._journal(outcome, card, before)
        self._follower.moved(outcome, before, self._batch.token)
