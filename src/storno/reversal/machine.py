"""Apply the table: `begin`, `step` and `fold`.

A record and an input give the next record, the effects and the posting. Pure and total on the table's cells; an input
the table does not have for the state raises `ContractBroken`, which must stop whoever caused it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from storno.ledger.entry import Posting
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import FIRST_STATES, IN_FLIGHT, TABLE, Effect, Input, State, Step
from storno.reversal.postings import Position, movement
from storno.reversal.record import NO_DETAIL, Detail, Fact, Opening, Record, Told, Trigger, with_changes

if TYPE_CHECKING:
    from collections.abc import Iterable


class ContractBroken(AssertionError):  # noqa: N818 it names what happened
    """We broke our own contract: a cell that does not exist, or a journal that does not fold to what it says."""


class Outcome(NamedTuple):
    """What a step gives: the record after it, the fact to journal, what to do then, and how the money moves."""

    record: Record
    fact: Fact
    effects: tuple[Effect, ...]
    posting: Posting | None


POSITIONS = {
    Effect.POST_EFFECT: Position.EFFECT,
    Effect.POST_SUSPENSE: Position.SUSPENSE,
    Effect.POST_RELEASE: Position.NONE,
}
_AMOUNT_TAKERS = frozenset({Effect.POST_EFFECT, Effect.POST_SUSPENSE})
_ANSWERS = frozenset(
    {
        Input.RESPONSE_APPROVED,
        Input.RESPONSE_DECLINED,
        Input.RESPONSE_DOUBTFUL,
        Input.RESPONSE_INVALID,
        Input.CONTRADICTED,
    }
)


def begin(tx_id: str, at_ms: int, opening: Opening, detail: Detail = NO_DETAIL) -> Outcome:
    """Open a record: a request about to be sent, or a reversal whose original was never seen."""
    if opening.first_state not in FIRST_STATES:
        raise ContractBroken(f"no record begins as {opening.first_state.name}")
    if opening.tombstone is not (opening.first_state is State.REVERSING):
        raise ContractBroken("a record begins REVERSING exactly when its original was never seen")
    record = Record(
        tx_id,
        opening,
        opening.first_state,
        opened_ms=at_ms,
        updated_ms=at_ms,
        trigger=opening.trigger,
        reason=opening.reason,
        due_ms=detail.due_ms,
        deadline_ms=detail.deadline_ms,
        undoing_ms=at_ms if opening.tombstone else 0,
    )
    effects = (Effect.QUEUE_REVERSAL, Effect.ACK_CANCEL) if opening.tombstone else ()
    return Outcome(record, Fact(tx_id, at_ms, None, opening.first_state, opening, detail), effects, None)


def takes(record: Record, what: Input) -> bool:
    """Say whether `step` has a row for it: the table, and what is never done to this kind or after this history."""
    return not _refusal(record, what, TABLE.get((record.state, what)))


def _refusal(record: Record, what: Input, row: Step | None) -> str:
    if row is None:
        return f"{record.state.name} cannot take {what.name}"
    if row.state is State.REVERSING and not record.kind.reversible:
        return f"a {record.kind.value} is never reversed"
    if row.state is State.NOT_SENT and record.position is not Position.NONE:
        return "what was sent before cannot become NOT_SENT"
    return ""


def step(record: Record, what: Input, at_ms: int, detail: Detail = NO_DETAIL) -> Outcome:
    """Apply one input.

    Raises:
        ContractBroken: the table has no such cell, an irreversible kind would be reversed, or a second sending that
            failed would make the first one undone.

    """
    row = TABLE.get((record.state, what))
    why = _refusal(record, what, row)
    if row is None or why:
        raise ContractBroken(f"{record.tx_id}: {why}")
    effects = row.effects
    marks = bool(record.opening.original) and not record.marked and record.kind is not Kind.REFUND
    if not marks:  # a refund gives back beside its sale, in parts if need be
        effects = _without(effects, Effect.MARK_ORIGINAL)
    if not record.marked:
        effects = _without(effects, Effect.RESTORE_ORIGINAL)
    changes = _learn(record, what, row, detail)
    changes["state"] = row.state
    changes["updated_ms"] = at_ms
    _apply(record, effects, detail, changes)
    if row.case is not None:
        changes["case"] = row.case
    posting = _move(record, effects, changes)
    after = with_changes(record, changes)
    return Outcome(after, Fact(record.tx_id, at_ms, what, row.state, None, detail), effects, posting)


@cache
def _without(effects: tuple[Effect, ...], one: Effect) -> tuple[Effect, ...]:
    """Leave an effect out of a row's; there are as many answers as rows."""
    return tuple(effect for effect in effects if effect is not one)


def _learn(record: Record, what: Input, row: Step, detail: Detail) -> dict[str, object]:
    """Take over what the input tells; an answer that comes late is noted but changes nothing else.

    Once the reversal was sent, nothing that stands in it changes any more: a repeat is the same message.
    """
    changes: dict[str, object] = {}
    if detail.amount_minor is not None and not _AMOUNT_TAKERS.isdisjoint(row.effects):
        changes["approved_minor"] = detail.amount_minor
    if what in _ANSWERS:
        if record.state in IN_FLIGHT:
            changes["response"] = detail.code
            changes["answer_fields"] = detail.fields
        else:
            changes["late_code"] = detail.code
            if what is Input.RESPONSE_APPROVED and record.state in (
                State.REVERSED,
                State.DECLINED,
                State.NOT_SENT,
            ):
                changes["trigger"] = Trigger.LATE_APPROVAL
        if what is not Input.RESPONSE_INVALID:
            if detail.rrn and not record.rrn:
                changes["rrn"] = detail.rrn
            if detail.auth_code and not record.auth_code and not record.sent:
                changes["auth_code"] = detail.auth_code
    if what is Input.DELIVERY_FAILED:
        changes["told"] = Told.NOTHING
    if what in (Input.UNDONE, Input.CONSUMED) and not record.undone_by:
        changes["undone_by"] = detail.note
    if row.state is not record.state:
        if what is Input.RESTORED:
            changes["undone_by"] = ""
        if detail.trigger is not None:
            changes["trigger"] = detail.trigger
        if detail.reason and not record.sent:
            changes["reason"] = detail.reason
    return changes


def _apply(record: Record, effects: tuple[Effect, ...], detail: Detail, changes: dict[str, object]) -> None:
    """Fold the effects that belong to the record itself."""
    for effect in effects:
        if effect in POSITIONS:
            continue  # that is the money's
        if effect is Effect.REPLY_ANSWER:
            changes["told"] = Told.APPROVED if changes["state"] is State.APPROVED else Told.DECLINED
        elif effect is Effect.REPLY_UNKNOWN:
            changes["told"] = Told.UNKNOWN
        elif effect is Effect.REPLY_NOT_SENT:
            changes["told"] = Told.DECLINED
        elif effect is Effect.ACK_CANCEL:
            changes["told"] = Told.CANCELLED
        elif effect is Effect.QUEUE_REVERSAL:
            changes["attempts"] = 0
            changes["undoing_ms"] = record.undoing_ms or changes["updated_ms"]
            changes["due_ms"] = detail.due_ms
            changes["deadline_ms"] = detail.deadline_ms
        elif effect is Effect.SEND_REVERSAL:
            changes["attempts"] = record.attempts + 1
            changes["sent"] = record.sent + 1
            changes["due_ms"] = detail.due_ms
        elif effect is Effect.UNCOUNT:
            changes["attempts"] = max(0, record.attempts - 1)
            changes["sent"] = max(0, record.sent - 1)
        elif effect is Effect.MARK_ORIGINAL:
            changes["marked"] = True
        elif effect is Effect.RESTORE_ORIGINAL:
            changes["marked"] = False
        elif effect is Effect.CLOSE_CASE and not _stays_open(record, changes):
            changes["case"] = None


def _stays_open(record: Record, changes: dict[str, object]) -> bool:
    """Say whether a reversal has just succeeded that is not the end of the exception: a person closes it.

    Its terminal was told approved and never heard otherwise, or what undoes or completes it was approved as well.
    """
    reversed_now = changes["state"] is State.REVERSED and record.state is not State.REVERSED
    return reversed_now and (record.told is Told.APPROVED or bool(record.undone_by))


def _move(record: Record, effects: tuple[Effect, ...], changes: dict[str, object]) -> Posting | None:
    """Move the money to the position an effect names; no effect, or nothing to move, no posting."""
    for effect in effects:
        position = POSITIONS.get(effect)
        if position is not None:
            break
    else:
        return None
    approved = changes.get("approved_minor", record.approved_minor)
    after_minor = approved if isinstance(approved, int) else record.opening.amount_minor
    amounts = (record.amount_minor, after_minor)
    mid, hold = record.key.mid, record.opening.hold_minor
    entries = movement(record.kind, record.position, position, mid, amounts, hold)
    changes["position"] = position
    if not entries:
        return None
    changes["postings"] = number = record.postings + 1
    return Posting(f"{record.tx_id}/{number}", record.opening.currency, entries)


def fold(facts: Iterable[Fact]) -> Record:
    """Rebuild a record from its facts, checking each step against what the journal says came of it.

    Raises:
        ContractBroken: no opening, or a state that does not follow.

    """
    record: Record | None = None
    for fact in facts:
        if fact.opening is not None:
            if record is not None:
                raise ContractBroken(f"{fact.tx_id} opens twice")
            record = begin(fact.tx_id, fact.at_ms, fact.opening, fact.detail).record
        elif record is None or fact.input is None:
            raise ContractBroken(f"{fact.tx_id} has no opening")
        else:
            record = step(record, fact.input, fact.at_ms, fact.detail).record
        if record.state is not fact.state:
            raise ContractBroken(
                f"{fact.tx_id} folds to {record.state.name}, the journal says {fact.state.name}"
            )
    if record is None:
        raise ContractBroken("nothing to fold")
    return record
