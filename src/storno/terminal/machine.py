"""The POS rules as conversations: what is saved, sent, awaited and told, in which order.

Rule: the reversal record is durable before the first byte of its request leaves, and it is cleared only when nothing
left, a decline came, the approval is durably stored, or the host accepted the reversal. One record at a time; it goes
out before anything else does. Pure: time arrives as an argument, everything else is a step (see `steps`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence

from storno.iso8583.cipher import CryptoError
from storno.iso8583.codec import Codec
from storno.iso8583.keys import unwrap_working_keys
from storno.iso8583.message import Message
from storno.iso8583.profile import Reason
from storno.terminal import pending as reversals
from storno.terminal import request as build
from storno.terminal.card import mask
from storno.terminal.clearing import Cleared, clear, set_aside
from storno.terminal.judge import Verdict, Word, judge, judge_service
from storno.terminal.memory import CannotSave, Memory, Remembered
from storno.terminal.operation import RULES, Operation
from storno.terminal.outcome import Cause, Outcome, Result
from storno.terminal.request import Order, Wire
from storno.terminal.settling import settle
from storno.terminal.setup import Setup
from storno.terminal.state import (
    Change,
    ClearPending,
    DropEntry,
    Entry,
    KeepCard,
    Numbers,
    Pending,
    PutEntry,
    Reversal,
    SetNumbers,
    SetPending,
)
from storno.terminal.steps import Complete, Connect, HangUp, Happened, Reply, Step, Talk

_OUTCOMES = {
    Word.APPROVED: Outcome.APPROVED,
    Word.PARTIAL: Outcome.PARTIAL,
    Word.DECLINED: Outcome.DECLINED,
    Word.DOUBTFUL: Outcome.DOUBTFUL,
    Word.FORGET: Outcome.DOUBTFUL,
}
_APPROVALS = (Word.APPROVED, Word.PARTIAL)


class TerminalCore:
    """One terminal's rules. Every method gives a conversation; run one at a time, to its end or not at all.

    After a conversation that was broken off, or a `Save` whose fate is unknown, build a new core from the store.
    """

    def __init__(self, setup: Setup, remembered: Remembered, codec: Codec | None = None) -> None:
        self._memory = Memory(setup, remembered, codec)

    @property
    def numbers(self) -> Numbers:
        """Give the counters."""
        return self._memory.numbers

    @property
    def pending(self) -> Pending | None:
        """Give the reversal record, None when nothing waits."""
        return self._memory.pending

    @property
    def signed_in(self) -> bool:
        """Say whether financial messages can be sealed."""
        return self._memory.wire.ready

    def transact(self, order: Order, now_ms: int) -> Talk:
        """Clear a pending reversal, then carry out a financial order (or a balance enquiry)."""
        memory = self._memory
        card = order.card.masked if order.card is not None else mask(order.pan) if order.pan else ""
        result = self._result(order.operation, amount_minor=order.amount_minor, card=card)
        if not memory.wire.ready:
            return result._replace(cause=Cause.NOT_SIGNED_IN)
        if memory.numbers.settling:
            return result._replace(cause=Cause.SETTLING)
        return (yield from self._behind(result, lambda: self._transact(order, result, now_ms), now_ms))

    def sign_in(self, now_ms: int) -> Talk:
        """Fetch new working keys; a pending reversal waits and will be sealed with the new MAK."""
        result = yield from self._sign_in(now_ms)
        yield HangUp()
        return result

    def echo(self, now_ms: int) -> Talk:
        """Test the line."""
        result = yield from self._service(Operation.ECHO, now_ms)
        yield HangUp()
        return result

    def sign_off(self, now_ms: int) -> Talk:
        """Clear a pending reversal, then say goodbye."""
        result = self._result(Operation.SIGN_OFF)
        return (yield from self._behind(result, lambda: self._service(Operation.SIGN_OFF, now_ms), now_ms))

    def drain(self, now_ms: int) -> Talk:
        """Clear a pending reversal now; an exhausted one that blocks the terminal is tried again."""
        pending = self._memory.pending
        result = self._result(Operation.DRAIN)
        if pending is None:
            return result._replace(outcome=Outcome.APPROVED, cause=Cause.NOTHING_PENDING)
        result = result._replace(
            batch=pending.batch,
            stan=pending.stan,
            amount_minor=pending.amount_minor,
            card=pending.card,
        )
        cleared = yield from clear(self._memory, lambda: self._sign_in(now_ms), now_ms, insist=True)
        yield HangUp()
        result = self._with(result, cleared)
        if cleared.hindrance is not None:
            return result._replace(outcome=Outcome.UNKNOWN, cause=cleared.hindrance)
        if cleared.set_aside:
            return result._replace(outcome=Outcome.DOUBTFUL, cause=Cause.EXHAUSTED)
        return result._replace(outcome=Outcome.APPROVED, cause=Cause.ANSWERED)

    def set_aside(self, now_ms: int) -> Talk:
        """Move the pending reversal to the exceptions on the operator's order."""
        pending = self._memory.pending
        result = self._result(Operation.DRAIN)
        if pending is None:
            return result._replace(outcome=Outcome.APPROVED, cause=Cause.NOTHING_PENDING)
        try:
            cleared = yield from set_aside(self._memory, pending, Cause.BLOCKED, now_ms)
        except CannotSave:
            return result._replace(outcome=Outcome.UNKNOWN, cause=Cause.OWN_FAULT)
        return self._with(result, cleared)._replace(outcome=Outcome.DOUBTFUL, cause=Cause.BLOCKED)

    def settle(self, batch: int, entries: Sequence[Entry], cards: Mapping[str, str], now_ms: int) -> Talk:
        """Clear a pending reversal, then settle a batch whose rows are `entries`."""
        result = self._result(Operation.SETTLE)
        return (
            yield from self._behind(
                result, lambda: settle(self._memory, batch, entries, cards, now_ms), now_ms
            )
        )

    def _behind(self, result: Result, then: Callable[[], Talk], now_ms: int) -> Talk:
        """Do something after the pending reversal is out of the way; not at all when it stays in the way."""
        cleared = yield from clear(self._memory, lambda: self._sign_in(now_ms), now_ms)
        if cleared.hindrance is not None:
            result = result._replace(outcome=Outcome.NOT_SENT, cause=cleared.hindrance, code=cleared.code)
        else:
            result = yield from then()
        yield HangUp()
        return self._with(result, cleared)

    def _with(self, result: Result, cleared: Cleared) -> Result:
        waits = self._memory.pending is not None
        done = cleared.reversed_stans, cleared.set_aside, waits
        if done == (result.reversed_stans, result.set_aside, result.reversal_pending):
            return result
        return result._replace(reversed_stans=done[0], set_aside=done[1], reversal_pending=waits)

    def _result(self, operation: Operation, *, amount_minor: int = 0, card: str = "") -> Result:
        memory = self._memory
        return Result(
            operation,
            Outcome.NOT_SENT,
            Cause.UNREACHABLE,
            memory.setup.tid,
            batch=f"{memory.numbers.batch:06d}",
            amount_minor=amount_minor,
            card=card,
            reversal_pending=memory.pending is not None,
        )

    def _transact(self, order: Order, result: Result, now_ms: int) -> Talk:
        memory, rule = self._memory, RULES[order.operation]
        reply = yield Connect()
        if reply.happened is not Happened.DONE:
            return result
        numbers = memory.next_numbers()
        request = build.financial(memory.setup, memory.wire.keys, order, numbers.batch, numbers.stan, now_ms)
        result = result._replace(stan=request.fields[11], batch=f"{numbers.batch:06d}")
        changes: list[Change] = [SetNumbers(numbers)]
        if order.operation.moves_money:
            changes.append(PutEntry(_begun(result, order, now_ms, reversible=rule.reversible)))
        if rule.reversible:
            changes.append(SetPending(reversals.record(memory.setup, order.operation, request, now_ms)))
        data_saved = False
        try:
            yield from memory.save(*changes)
            data_saved = True
            verdict = yield from memory.exchange(request, judge, mac=rule.mac)
            if verdict is None:
                yield from memory.save(*self._forget(result))
                return result
            return (yield from self._conclude(order, result, verdict))
        except CannotSave:
            if not data_saved:
                return result._replace(cause=Cause.OWN_FAULT)
            return (yield from self._at_fault(result))

    def _forget(self, result: Result) -> list[Change]:
        """Give the changes after which nothing is left of a transaction that never left."""
        changes: list[Change] = []
        if self._memory.pending is not None:
            changes.append(ClearPending())
        entry = self._memory.entry
        if result.operation.moves_money and entry is not None:
            changes.append(DropEntry(entry.batch, entry.stan, entry.at_ms))
        return changes

    def _conclude(self, order: Order, result: Result, verdict: Verdict) -> Talk:
        """Turn a verdict into what is stored and told. Raises CannotSave."""
        memory = self._memory
        result = _answered(result, order, verdict)
        if verdict.word is Word.REVERSE:
            return (yield from self._doubt(result, verdict.cause, verdict.reason))
        if verdict.word in _APPROVALS:
            reply = yield Complete(result)
            if reply.happened is not Happened.DONE:
                if memory.pending is not None:
                    return (yield from self._doubt(result, Cause.OWN_FAULT, Reason.TERMINAL_FAULT))
                # A refund is never reversed: the host has it, only the slip is missing.
                result = result._replace(cause=Cause.OWN_FAULT)
        yield from memory.save(*self._ended(order, result))
        return result._replace(reversal_pending=False) if result.reversal_pending else result

    def _ended(self, order: Order, result: Result) -> list[Change]:
        """Give the changes that store an outcome which needs no reversal."""
        memory = self._memory
        changes: list[Change] = []
        if order.operation.moves_money:
            assert memory.entry is not None, "an outcome without its row"
            approved = result.outcome in (Outcome.APPROVED, Outcome.PARTIAL)
            if approved and order.undone is not None:
                changes.append(PutEntry(order.undone._replace(undone_by=result.stan)))
            changes.append(PutEntry(_row(memory.entry, result, Reversal.NONE)))
            pan = order.card.pan if order.card is not None else order.pan
            if approved and pan:
                changes.append(KeepCard(result.batch, result.stan, pan))
        if memory.pending is not None:
            changes.append(ClearPending())
        return changes

    def _doubt(self, result: Result, cause: Cause, reason: Reason) -> Talk:
        """Keep the record with its reason, or, for what is never reversed, say so. Raises CannotSave."""
        memory = self._memory
        if not result.operation.moves_money:
            return result._replace(outcome=Outcome.NO_ANSWER, cause=cause)
        assert memory.entry is not None, "a doubt without its row"
        if memory.pending is None:
            result = result._replace(outcome=Outcome.DOUBTFUL, cause=cause, approved_minor=0)
            yield from memory.save(PutEntry(_row(memory.entry, result, Reversal.NONE)))
            return result
        result = result._replace(
            outcome=Outcome.UNKNOWN, cause=cause, approved_minor=0, reversal_pending=True
        )
        yield from memory.save(
            SetPending(memory.pending._replace(reason=reason)),
            PutEntry(_row(memory.entry, result, Reversal.PENDING)),
        )
        return result

    def _at_fault(self, result: Result) -> Talk:
        """Tell what holds when the store failed after the request had left: its record is still there."""
        try:
            return (yield from self._doubt(result, Cause.OWN_FAULT, Reason.TERMINAL_FAULT))
        except CannotSave:
            outcome = Outcome.DOUBTFUL if self._memory.pending is None else Outcome.UNKNOWN
            return result._replace(outcome=outcome, cause=Cause.OWN_FAULT, approved_minor=0)

    def _service(self, operation: Operation, now_ms: int) -> Talk:
        """Exchange a message without money."""
        return (yield from self._managed(operation, now_ms))[0]

    def _managed(
        self, operation: Operation, now_ms: int
    ) -> Generator[Step, Reply, tuple[Result, Verdict | None]]:
        memory = self._memory
        result = self._result(operation)
        reply = yield Connect()
        if reply.happened is not Happened.DONE:
            return result, None
        numbers = memory.next_numbers()
        request = build.management(memory.setup, operation, numbers.batch, numbers.stan, now_ms)
        result = result._replace(stan=request.fields[11])
        try:
            yield from memory.save(SetNumbers(numbers))
        except CannotSave:
            return result._replace(cause=Cause.OWN_FAULT), None
        verdict = yield from memory.exchange(request, judge_service)
        if verdict is None:
            return result, None
        if verdict.message is None:
            return result._replace(outcome=Outcome.NO_ANSWER, cause=verdict.cause), None
        outcome = Outcome.APPROVED if verdict.word is Word.APPROVED else Outcome.DECLINED
        return result._replace(outcome=outcome, cause=Cause.ANSWERED, code=verdict.code), verdict

    def _sign_in(self, now_ms: int) -> Talk:
        memory = self._memory
        result, verdict = yield from self._managed(Operation.SIGN_IN, now_ms)
        if verdict is None or result.outcome is not Outcome.APPROVED:
            return result
        code = memory.setup.sign_in_code
        block = _key_block(verdict.message)
        try:
            keys = unwrap_working_keys(memory.setup.tmk, bytes.fromhex(block), code)
            Wire(memory.setup).use(keys)
        except CryptoError:
            return result._replace(outcome=Outcome.DECLINED, cause=Cause.BAD_KEYS)
        numbers = memory.numbers._replace(key_block=block, sign_in_code=code, batch=self._batch(verdict))
        try:
            yield from memory.save(SetNumbers(numbers))
        except CannotSave:
            return result._replace(outcome=Outcome.NO_ANSWER, cause=Cause.OWN_FAULT)
        memory.wire.use(keys)
        return result._replace(batch=f"{numbers.batch:06d}")

    def _batch(self, verdict: Verdict) -> int:
        """Take the batch number the host gives in F60.2 of the sign-in answer; ours when it gives none."""
        given = verdict.text(60)[2:8]
        return (
            int(given) if len(given) == 6 and given.isdigit() and int(given) else self._memory.numbers.batch
        )


def _key_block(answer: Message | None) -> str:
    text = "" if answer is None else answer.get(62) or ""
    try:
        bytes.fromhex(text)
    except ValueError:
        return ""
    return text


def _begun(result: Result, order: Order, now_ms: int, *, reversible: bool) -> Entry:
    """Make the row that already tells the truth should the terminal stop here."""
    return Entry(
        batch=result.batch,
        stan=result.stan,
        operation=order.operation,
        outcome=Outcome.UNKNOWN if reversible else Outcome.DOUBTFUL,
        cause=Cause.RECOVERED,
        amount_minor=order.amount_minor,
        approved_minor=0,
        card=result.card,
        at_ms=now_ms,
        reversal=Reversal.PENDING if reversible else Reversal.NONE,
        original=order.undone.stan if order.undone is not None else "",
    )


def _answered(result: Result, order: Order, verdict: Verdict) -> Result:
    """Take over what the answer says."""
    outcome = _OUTCOMES.get(verdict.word, Outcome.UNKNOWN)
    approved = 0
    if verdict.word is Word.APPROVED:
        approved = order.amount_minor
    elif verdict.word is Word.PARTIAL:
        approved = int(verdict.text(4))
    return result._replace(
        outcome=outcome,
        cause=verdict.cause,
        code=verdict.code,
        approved_minor=approved,
        rrn=verdict.text(37),
        auth_code=verdict.text(38),
        date=verdict.text(13) or verdict.text(15),
        balance_minor=_balance(verdict.text(54)),
    )


def _balance(field54: str) -> int | None:
    """Read the first balance of F54: account 2, kind 2, currency 3, sign C or D, amount 12."""
    amount = field54[8:20]
    if len(amount) != 12 or not amount.isdigit():
        return None
    return -int(amount) if field54[7] == "D" else int(amount)


def _row(entry: Entry, result: Result, reversal: Reversal) -> Entry:
    return entry._replace(
        outcome=result.outcome,
        cause=result.cause,
        approved_minor=result.approved_minor,
        code=result.code,
        rrn=result.rrn,
        auth_code=result.auth_code,
        date=result.date,
        reversal=reversal,
    )
