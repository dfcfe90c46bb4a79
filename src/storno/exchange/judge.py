"""Weigh an answer: which input of the life cycle is it?

Response codes mean what the acquirer's profile says. A reversal's F39 is a reason and its answer's F39 is a result: the
two never mix. Only answers with an approving code are refused for a bad MAC (Q/CUP 009.1: the MAC of successful
transactions is checked), for a decline moves no money whoever says it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from storno.exchange.classify import amount_of
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input
from storno.reversal.record import Detail, Trigger

if TYPE_CHECKING:
    from storno.iso8583.message import Message
    from storno.iso8583.profile import Profile
    from storno.reversal.record import Record

ANSWER_FIELDS = (12, 13, 15, 32, 37, 38, 39, 44, 54)
"""What of an answer is kept, so that a repeated request gets the same answer again; no card data (F14 neither)."""


class ReversalVerdict(Enum):
    """What an answer to a reversal says."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TRY_AGAIN = "try_again"


def judge_answer(record: Record, answer: Message, profile: Profile, *, mac_ok: bool) -> tuple[Input, Detail]:
    """Classify the answer to a money movement whose identity already matches."""
    fields = answer.fields
    code = fields.get(39, "")
    if not is_code(code):
        note = "F39 is no code" if code else "F39 missing"
        return Input.RESPONSE_INVALID, Detail(trigger=Trigger.BAD_ANSWER, note=note)
    if code in profile.approved:
        return _judge_approval(record, answer, code, profile, mac_ok=mac_ok)
    if profile.mac_on_declines and not mac_ok:
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.BAD_MAC)
    note = _meant_for_another(record, answer)
    if note:
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.BAD_ANSWER, note=note)
    if code in profile.reverse_on and record.kind.reversible:
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.DOUBTFUL_CODE)
    if code in profile.doubtful:
        return Input.RESPONSE_DOUBTFUL, _told(fields, code)
    return Input.RESPONSE_DECLINED, _told(fields, code)


def _told(fields: dict[int, str], code: str, amount_minor: int | None = None) -> Detail:
    """Take over what an answer tells."""
    kept = tuple([(number, fields[number]) for number in ANSWER_FIELDS if number in fields])
    rrn, auth_code = fields.get(37, "").strip(), fields.get(38, "").strip()
    return Detail(code, rrn, auth_code, amount_minor, fields=kept)


def is_code(text: str) -> bool:
    """Say whether F39 holds a response code at all: digits and capitals. What is blank declines nothing."""
    return text.isascii() and text.isalnum() and text == text.upper()


def _judge_approval(
    record: Record, answer: Message, code: str, profile: Profile, *, mac_ok: bool
) -> tuple[Input, Detail]:
    if not mac_ok:
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.BAD_MAC)
    if not _same(record, answer):
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.BAD_ANSWER, note="F3 differs")
    requested = record.opening.amount_minor
    amount = amount_of(answer)
    approved = requested if amount is None else amount
    partial = code in profile.partial
    whole = (
        not partial or record.kind.undoes or record.kind is Kind.REFUND
    )  # what gives back is never done in part
    if approved > requested or (approved != requested and whole) or (partial and amount is None):
        return Input.RESPONSE_INVALID, Detail(code=code, trigger=Trigger.BAD_ANSWER, note="F4 differs")
    return Input.RESPONSE_APPROVED, _told(answer.fields, code, approved if partial else None)


def _meant_for_another(record: Record, answer: Message) -> str:
    """Say what shows that a refusal is an old one, to a number since used again; believed, it would hide an approval.

    F4 may be absent or zero in a refusal; another amount is another transaction's.
    """
    if not _same(record, answer):
        return "F3 differs"
    amount = amount_of(answer)
    return "F4 differs" if amount and amount != record.opening.amount_minor else ""


def _same(record: Record, answer: Message) -> bool:
    """Check F3; F11, F41 and F42 already matched, or the answer would not be here."""
    given = answer.fields.get(3)
    if given is not None:
        for number, asked in record.opening.fields:
            if number == 3:
                return asked[:2] == given[:2]
    return True


def judge_reversal(answer: Message, profile: Profile) -> ReversalVerdict:
    """Classify the answer to a reversal by the profile's sets; what is in none of them is a refusal."""
    code = answer.fields.get(39, "")
    if code in profile.reversal_accepted:
        return ReversalVerdict.ACCEPTED
    if not is_code(code) or code in profile.reversal_retry:
        return ReversalVerdict.TRY_AGAIN
    return ReversalVerdict.REFUSED
