"""Sending the pending reversal until the host accepts it, the line fails, or its attempts are used up.

Rule: an attempt is counted durably before it is sent; a connection that fails is not an attempt and keeps the record;
what is exhausted becomes a visible exception or blocks the terminal, as the profile says, and is never just deleted.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import NamedTuple

from storno.iso8583.profile import CrossDay, WhenExhausted
from storno.terminal import pending as reversals
from storno.terminal.judge import Word, judge_reversal
from storno.terminal.memory import CannotSave, Memory
from storno.terminal.outcome import Cause, Result
from storno.terminal.state import (
    ClearPending,
    Entry,
    Exhausted,
    Pending,
    PutEntry,
    PutException,
    Reversal,
    SetPending,
)
from storno.terminal.steps import Connect, HangUp, Happened, Reply, Step

SIGN_IN_CODES = frozenset({"77", "99", "A0"})
SignIn = Callable[[], Generator[Step, Reply, Result]]


class Cleared(NamedTuple):
    """How clearing ended. `hindrance` is why the way is not free; `code` is the last F39 received."""

    hindrance: Cause | None = None
    reversed_stans: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    code: str = ""


def clear(
    memory: Memory, sign_in: SignIn, now_ms: int, *, insist: bool = False
) -> Generator[Step, Reply, Cleared]:
    """Free the way for the next transaction; `insist` gives an exhausted record a new budget."""
    try:
        return (yield from _clear(memory, sign_in, now_ms, insist=insist))
    except CannotSave:
        return Cleared(Cause.OWN_FAULT)


def set_aside(
    memory: Memory, pending: Pending, cause: Cause, now_ms: int, code: str = ""
) -> Generator[Step, Reply, Cleared]:
    """Move the record to the list of exceptions. Raises CannotSave."""
    exception = Exhausted(
        batch=pending.batch,
        stan=pending.stan,
        operation=pending.operation,
        amount_minor=pending.amount_minor,
        card=pending.card,
        at_ms=now_ms,
        attempts=pending.attempts,
        reason=pending.reason,
        cause=cause,
        last_code=code,
    )
    yield from memory.save(
        PutException(exception), ClearPending(), *_row(memory, pending, Reversal.SET_ASIDE)
    )
    return Cleared(set_aside=(pending.stan,), code=code)


def _clear(memory: Memory, sign_in: SignIn, now_ms: int, *, insist: bool) -> Generator[Step, Reply, Cleared]:
    profile = memory.setup.profile
    pending = memory.pending
    if pending is None:
        return Cleared()
    if not memory.wire.ready:
        return Cleared(Cause.NOT_SIGNED_IN)
    if profile.cross_day is CrossDay.CASE and not reversals.same_day(memory.setup, pending, now_ms):
        return (yield from set_aside(memory, pending, Cause.CROSS_DAY, now_ms))
    budget = profile.terminal_resends_max + 1
    if insist and pending.attempts >= budget:
        yield from memory.save(SetPending(pending._replace(attempts=0)))
    failures, signed_in, code = 0, False, ""
    while memory.pending is not None and memory.pending.attempts < budget:
        attempt = yield from _attempt(memory)
        if attempt.outcome is _Outcome.ACCEPTED:
            return Cleared(reversed_stans=(pending.stan,), code=attempt.code)
        if attempt.outcome is _Outcome.NOT_SENT:
            failures += 1
            if failures >= profile.terminal_connect_failures_max:
                return Cleared(Cause.REVERSAL_FIRST, code=code)
            continue
        code = attempt.code or code
        if attempt.code in SIGN_IN_CODES and not signed_in:
            signed_in = True
            yield from sign_in()
    assert memory.pending is not None, "the record went away without an accepting answer"
    if profile.when_exhausted is WhenExhausted.BLOCK:
        return Cleared(Cause.BLOCKED, code=code)
    return (yield from set_aside(memory, memory.pending, Cause.EXHAUSTED, now_ms, code))


class _Outcome(Enum):
    """What one sending came to."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    FAILED = "failed"


class _Attempt(NamedTuple):
    outcome: _Outcome
    code: str = ""


def _attempt(memory: Memory) -> Generator[Step, Reply, _Attempt]:
    before = memory.pending
    assert before is not None, "an attempt without a record"
    not_sent = before._replace(connect_failures=before.connect_failures + 1)
    reply = yield Connect()
    if reply.happened is not Happened.DONE:
        yield from memory.save(SetPending(not_sent))
        return _Attempt(_Outcome.NOT_SENT)
    now = before._replace(attempts=before.attempts + 1, connect_failures=0)
    yield from memory.save(SetPending(now))
    message = reversals.message(memory.setup, now)
    timeout_ms = memory.setup.reversal_ms
    verdict = yield from memory.exchange(message, judge_reversal, mac=True, timeout_ms=timeout_ms)
    if verdict is None:
        yield from memory.save(SetPending(not_sent))
        yield HangUp()
        return _Attempt(_Outcome.NOT_SENT)
    if verdict.word is Word.APPROVED:
        yield from memory.save(ClearPending(), *_row(memory, now, Reversal.ACCEPTED))
        return _Attempt(_Outcome.ACCEPTED, verdict.code)
    yield HangUp()
    return _Attempt(_Outcome.FAILED, verdict.code)


def _row(memory: Memory, pending: Pending, reversal: Reversal) -> tuple[PutEntry, ...]:
    entry: Entry | None = memory.entry
    if entry is None or (entry.batch, entry.stan) != (pending.batch, pending.stan):
        return ()
    return (PutEntry(entry._replace(reversal=reversal)),)
