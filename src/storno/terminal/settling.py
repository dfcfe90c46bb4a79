"""The settlement conversation: 0500, and the batch upload when the host's totals differ.

Rule: from the moment the 0500 leaves until the batch is closed no transaction is made; a packet without an answer is
sent again after the round, as often as the profile allows. Pure.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from storno.terminal import request as build
from storno.terminal.judge import Word, judge_service
from storno.terminal.memory import CannotSave, Memory
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome, Result
from storno.terminal.settlement import balanced, counted, packets, totals, totals_field
from storno.terminal.state import CloseBatch, Entry, SetNumbers, following
from storno.terminal.steps import Connect, Happened, Reply, Step

_DETAILS, _END_UNBALANCED = "201", "202"


def settle(
    memory: Memory, batch: int, entries: Sequence[Entry], cards: Mapping[str, str], now_ms: int
) -> Generator[Step, Reply, Result]:
    """Settle one batch; `cards` gives the card number behind a STAN for the upload."""
    summed = totals(entries)
    result = Result(
        Operation.SETTLE,
        Outcome.NOT_SENT,
        Cause.UNREACHABLE,
        memory.setup.tid,
        batch=f"{batch:06d}",
        amount_minor=summed.debit_minor - summed.credit_minor,
        totals=summed,
    )
    reply = yield Connect()
    if reply.happened is not Happened.DONE:
        return result
    was_settling = memory.numbers.settling
    try:
        yield from memory.save(SetNumbers(memory.next_numbers()._replace(settling=True)))
        request = build.settlement(memory.setup, batch, memory.numbers.stan, totals_field(summed), now_ms)
        result = result._replace(stan=request.fields[11])
        verdict = yield from memory.exchange(request, judge_service)
        if verdict is None:
            yield from memory.save(SetNumbers(memory.numbers._replace(settling=was_settling)))
            return result
        if verdict.message is None:
            return result._replace(outcome=Outcome.NO_ANSWER, cause=verdict.cause)
        result = result._replace(code=verdict.code)
        agrees = balanced(verdict.text(48))
        if verdict.word is not Word.APPROVED and verdict.code:
            yield from memory.save(SetNumbers(memory.numbers._replace(settling=False)))
            return result._replace(outcome=Outcome.DECLINED, cause=Cause.ANSWERED)
        if not agrees and not (yield from _upload(memory, batch, counted(entries), cards, now_ms)):
            return result._replace(outcome=Outcome.NO_ANSWER, cause=Cause.SILENCE)
        # Only the current batch moves on; an older one that was left behind is merely closed.
        after = following(memory.numbers.batch) if batch == memory.numbers.batch else memory.numbers.batch
        yield from memory.save(
            CloseBatch(f"{batch:06d}"), SetNumbers(memory.numbers._replace(batch=after, settling=False))
        )
    except CannotSave:
        return result._replace(outcome=Outcome.NO_ANSWER, cause=Cause.OWN_FAULT)
    cause = Cause.ANSWERED if agrees else Cause.NOT_BALANCED
    return result._replace(outcome=Outcome.APPROVED, cause=cause, approved_minor=result.amount_minor)


def _upload(
    memory: Memory, batch: int, entries: Sequence[Entry], cards: Mapping[str, str], now_ms: int
) -> Generator[Step, Reply, bool]:
    """Send all details, then the end mark; say whether every packet was answered."""
    waiting = list(packets(entries, cards))
    for _ in range(memory.setup.profile.terminal_resends_max + 1):
        unanswered: list[str] = []
        for details in waiting:
            answered = yield from _packet(memory, batch, details, _DETAILS, now_ms)
            unanswered += [] if answered else [details]
        waiting = unanswered
        if not waiting and (
            yield from _packet(memory, batch, f"{len(entries):04d}", _END_UNBALANCED, now_ms)
        ):
            return True
    return False


def _packet(memory: Memory, batch: int, details: str, code: str, now_ms: int) -> Generator[Step, Reply, bool]:
    reply = yield Connect()
    if reply.happened is not Happened.DONE:
        return False
    yield from memory.save(SetNumbers(memory.next_numbers()))
    request = build.upload(memory.setup, batch, memory.numbers.stan, details, code, now_ms)
    verdict = yield from memory.exchange(request, judge_service)
    return verdict is not None and verdict.message is not None
