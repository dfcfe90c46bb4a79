"""Facts become outcomes: each transaction counts once, with what went wrong; what shows later counts as one more.

Business declines are outcomes without fault. An approval waits half a minute, for the terminal may still take it back.
The clock is the facts' own. Must not read a journal: facts arrive, and openings of settled transactions are looked up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import IntFlag
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from storno.diagnosis.codes import response
from storno.journal.exception_fact import is_item
from storno.journal.fact import read_fact
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storno.journal.fact import FactRow
    from storno.reversal.record import Fact, Opening

GRACE_MS = 30_000
OPEN_MAX = 200_000
"""Transactions kept in mind; beyond it the oldest approved ones are taken for settled at once."""


class Bad(IntFlag):
    """What can be wrong with a transaction; several at once."""

    NONE = 0
    REVERSAL = 1
    TIMEOUT = 2
    TECHNICAL = 4
    """A technical decline; never a business decline."""
    NOT_SENT = 8
    MAC = 16
    DEVICE = 32
    """The terminal took an approval back because it could not finish (reason 96)."""
    FALLBACK = 64
    REPEAT = 128
    AMOUNT = 256
    TROUBLE = 512
    """Any of time-out, technical decline, not sent, MAC, device: what the error budget counts."""


MEASURES: tuple[Bad, ...] = tuple(one for one in Bad if one)
_TROUBLES = Bad.TIMEOUT | Bad.TECHNICAL | Bad.NOT_SENT | Bad.MAC | Bad.DEVICE
_BY_REASON = {"98": Bad.TIMEOUT, "96": Bad.DEVICE, "A0": Bad.MAC}
_BY_TRIGGER = {
    Trigger.TIMEOUT: Bad.TIMEOUT,
    Trigger.LINK_LOST: Bad.TIMEOUT,
    Trigger.BAD_MAC: Bad.MAC,
}
_MAC_CODE = "A0"
IN_DOUBT = frozenset({State.UNKNOWN, State.REVERSING, State.REFUSED, State.EXHAUSTED})
"""States in which nobody here can say where the money is."""
_WAITING = frozenset({State.AUTHORIZING, State.ADVISING})


class Outcome(NamedTuple):
    """One trial: what became of a transaction. `issuer` is the BIN (first six digits)."""

    at_ms: int
    tx_id: str
    tid: str
    mid: str
    issuer: str
    amount_minor: int
    bad: Bad
    again: bool = False
    """True: the transaction was counted before; this is what showed later."""


@dataclass(frozen=True, slots=True)
class Held:
    """A transaction that is not settled."""

    tid: str
    mid: str
    issuer: str
    amount_minor: int
    currency: str
    opened_ms: int
    state: str
    bad: int = 0
    approved_ms: int = 0
    """When it was approved, while it waits for what the terminal says; 0 otherwise."""
    counted: bool = False
    sendings: int = 0


class Outcomes:
    """Takes in facts and gives outcomes; remembers what is open."""

    def __init__(
        self, opening_of: Callable[[str], Opening | None], held: dict[str, Held] | None = None
    ) -> None:
        self._opening_of = opening_of
        self.held = held or {}
        self._grace: dict[str, int] = {
            key: one.approved_ms for key, one in self.held.items() if one.approved_ms
        }

    # ------------------------------------------------------------ in
    def take(self, row: FactRow) -> Iterator[Outcome]:
        """Take in a fact; exceptions' facts are none of ours."""
        if is_item(row[0]):
            return
        fact = read_fact(row)
        yield from self.settle(fact.at_ms)
        if fact.opening is not None:
            yield from self._opened(fact, fact.opening)
        elif fact.input is not None:
            yield from self._happened(fact, fact.input)

    def settle(self, now_ms: int) -> Iterator[Outcome]:
        """Give the approvals that nobody took back in time."""
        while self._grace:
            tx_id, approved_ms = next(iter(self._grace.items()))
            if approved_ms + GRACE_MS > now_ms and len(self.held) <= OPEN_MAX:
                return
            del self._grace[tx_id]
            yield self._outcome(tx_id, self.held.pop(tx_id), approved_ms)

    def _opened(self, fact: Fact, opening: Opening) -> Iterator[Outcome]:
        one = _held(opening, fact.at_ms, fact.state)
        if fact.state is not State.REVERSING:
            self.held[fact.tx_id] = one
            return
        bad = Bad.REVERSAL | _BY_REASON.get(opening.reason, Bad.NONE) | Bad(one.bad)
        one = replace(one, bad=int(bad), counted=True)
        self.held[fact.tx_id] = one
        yield self._outcome(fact.tx_id, one, fact.at_ms)

    def _happened(self, fact: Fact, what: Input) -> Iterator[Outcome]:
        one = self.held.get(fact.tx_id)
        if one is None:
            one = self._again(fact, what)
            if one is None:
                return
        before, one = one, replace(one, state=fact.state.value)
        if what is Input.REVERSAL_DUE:
            one = replace(one, sendings=one.sendings + 1)
        bad = _judge(fact, what, before)
        decided = fact.state not in _WAITING and not before.counted
        if what is Input.RESPONSE_APPROVED and fact.state is State.APPROVED and decided:
            self.held[fact.tx_id] = replace(one, approved_ms=fact.at_ms)
            self._grace[fact.tx_id] = fact.at_ms
            return
        if before.approved_ms and not bad:
            self._keep(fact, one)
            return
        self._grace.pop(fact.tx_id, None)
        if decided:
            one = replace(one, bad=int(bad | Bad(before.bad)), counted=True, approved_ms=0)
            yield self._outcome(fact.tx_id, one, fact.at_ms)
        elif bad & ~Bad(before.bad):
            new = bad & ~Bad(before.bad)
            one = replace(one, bad=int(bad | Bad(before.bad)))
            if before.counted:
                yield self._outcome(fact.tx_id, replace(one, bad=int(new)), fact.at_ms, again=True)
        self._keep(fact, one)

    def _again(self, fact: Fact, what: Input) -> Held | None:
        """Look up a settled transaction, if this input can say something of it."""
        if fact.state not in IN_DOUBT and what not in (Input.RESENT, Input.LATE_REQUEST):
            return None
        opening = self._opening_of(fact.tx_id)
        if opening is None:
            return None
        return replace(_held(opening, fact.at_ms, State.APPROVED), counted=True)

    def _keep(self, fact: Fact, one: Held) -> None:
        if fact.state in IN_DOUBT or fact.state in _WAITING or fact.tx_id in self._grace:
            self.held[fact.tx_id] = one
        else:
            self.held.pop(fact.tx_id, None)

    def _outcome(self, tx_id: str, one: Held, at_ms: int, *, again: bool = False) -> Outcome:
        bad = Bad(one.bad)
        if bad & _TROUBLES:
            bad |= Bad.TROUBLE
        return Outcome(at_ms, tx_id, one.tid, one.mid, one.issuer, one.amount_minor, bad, again)

    # ------------------------------------------------------------ what is open
    def in_doubt(self) -> Iterator[tuple[str, Held]]:
        """Give the transactions whose money nobody can place, oldest first."""
        yield from ((tx_id, one) for tx_id, one in self.held.items() if State(one.state) in IN_DOUBT)

    def as_data(self) -> dict[str, Any]:
        """Write what is held down."""
        return {tx_id: list(asdict(one).values()) for tx_id, one in self.held.items()}


def read_held(data: dict[str, Any]) -> dict[str, Held]:
    """Read it back."""
    return {tx_id: Held(*values) for tx_id, values in data.items()}


def _held(opening: Opening, at_ms: int, state: State) -> Held:
    entry = next((text for number, text in opening.fields if number == 22), "")
    issuer = opening.pan_masked[:6] if opening.pan_masked[:6].isdigit() else ""
    key = opening.key
    bad = Bad.FALLBACK if entry[:2] == "80" else Bad.NONE
    return Held(
        key.tid, key.mid, issuer, opening.amount_minor, opening.currency, at_ms, state.value, int(bad)
    )


def _judge(fact: Fact, what: Input, before: Held) -> Bad:
    """Say what is wrong about this input."""
    detail, bad = fact.detail, Bad.NONE
    if what is Input.SEND_FAILED and fact.state is State.NOT_SENT:
        return Bad.NOT_SENT
    if what in (Input.RESPONSE_DECLINED, Input.RESPONSE_DOUBTFUL) and before.state in _WAITING_TEXTS:
        bad |= Bad.MAC if detail.code == _MAC_CODE else Bad.NONE
        return bad | (Bad.TECHNICAL if _technical(detail.code) else Bad.NONE)
    if (what is Input.REVERSAL_DUE and before.sendings) or what in (Input.RESENT, Input.LATE_REQUEST):
        return Bad.REPEAT
    orders = (Input.RETRY_ORDERED, Input.REVERSAL_DUE)
    if fact.state is State.REVERSING and before.state not in _DOUBT_TEXTS and what not in orders:
        bad = Bad.REVERSAL | _BY_REASON.get(detail.reason, Bad.NONE)
        if detail.trigger is not None:
            bad |= _BY_TRIGGER.get(detail.trigger, Bad.NONE)
        if what is Input.RESPONSE_TIMEOUT:
            bad |= Bad.TIMEOUT
    return bad


_WAITING_TEXTS = frozenset(one.value for one in _WAITING)
_DOUBT_TEXTS = frozenset(one.value for one in IN_DOUBT)


@lru_cache(maxsize=512)
def _technical(code: str) -> bool:
    found = response(code)
    return found is not None and found.derived is not None and found.derived.technical
