"""Judging what came back: is it the answer to this request, and what does it say?

Rule: an answer is ours by MTI, F11, F41 and F42, never by the order of arrival; then F3 and F4 must agree (a partial
approval may lower F4); then F39 speaks; the MAC is checked only where F39 says approved. Pure.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from storno.iso8583 import mti
from storno.iso8583.errors import CodecError
from storno.iso8583.message import Message
from storno.iso8583.profile import Reason
from storno.terminal.outcome import Cause
from storno.terminal.request import Wire
from storno.terminal.setup import Setup


class Word(Enum):
    """What an answer amounts to."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    STRAY = "stray"
    """Not the answer to this request: wait on."""
    APPROVED = "approved"
    PARTIAL = "partial"
    DECLINED = "declined"
    DOUBTFUL = "doubtful"
    REVERSE = "reverse"
    """No valid result: what may have been booked must be undone."""
    FORGET = "forget"
    """A mismatch that this acquirer does not want reversed."""


class Verdict(NamedTuple):
    """The judgement, with its cause and, for REVERSE, the reason the reversal will carry."""

    word: Word
    cause: Cause
    reason: Reason = Reason.OTHER
    code: str = ""
    message: Message | None = None

    def text(self, number: int) -> str:
        """Give a field of the answer, empty when it is absent."""
        return "" if self.message is None else self.message.get(number) or ""


SILENCE = Verdict(Word.REVERSE, Cause.SILENCE, Reason.TIMEOUT)
LOST = Verdict(Word.REVERSE, Cause.CONNECTION_LOST, Reason.TIMEOUT)
_UNREADABLE = Verdict(Word.REVERSE, Cause.UNREADABLE, Reason.OTHER)
_GIVES_BACK = "20"
"""F3 of voids and refunds: they are done whole or not at all, so a partial approval is no answer to them."""
_STRAY = Verdict(Word.STRAY, Cause.MISMATCH)


def judge(setup: Setup, wire: Wire, request: Message, frame: bytes) -> Verdict:
    """Judge an answer to a request that is not a reversal."""
    profile = setup.profile
    try:
        answer = wire.codec.decode(frame)
    except CodecError:
        return _UNREADABLE
    if not _ours(setup, request, answer):
        return _STRAY
    code = answer.get(39) or ""
    if not code or _differs(setup, request, answer, code):
        word = Word.REVERSE if profile.mismatch_reverses else Word.FORGET
        return Verdict(word, Cause.MISMATCH, Reason.OTHER, code, answer)
    if code in profile.approved:
        if not wire.mac_holds(frame, answer):
            return Verdict(Word.REVERSE, Cause.BAD_MAC, Reason.MAC_ERROR, code, answer)
        word = Word.PARTIAL if code in profile.partial else Word.APPROVED
        return Verdict(word, Cause.ANSWERED, code=code, message=answer)
    if code in profile.reverse_on:
        return Verdict(Word.REVERSE, Cause.ANSWERED, Reason.OTHER, code, answer)
    word = Word.DOUBTFUL if code in profile.doubtful else Word.DECLINED
    return Verdict(word, Cause.ANSWERED, code=code, message=answer)


def judge_service(setup: Setup, wire: Wire, request: Message, frame: bytes) -> Verdict:
    """Judge an answer to a message without money: no amounts, no MAC."""
    try:
        answer = wire.codec.decode(frame)
    except CodecError:
        return _UNREADABLE
    if not _same_identity(request, answer):
        return _STRAY
    code = answer.get(39) or ""
    word = Word.APPROVED if code in setup.profile.approved else Word.DECLINED
    return Verdict(word, Cause.ANSWERED, code=code, message=answer)


def judge_reversal(setup: Setup, wire: Wire, request: Message, frame: bytes) -> Verdict:
    """Judge an answer to a reversal: APPROVED ends it, anything else but a STRAY is a failed attempt."""
    try:
        answer = wire.codec.decode(frame)
    except CodecError:
        return _UNREADABLE
    if not _same_identity(request, answer) or _unlike(request, answer, (3, 4)):
        return _STRAY
    code = answer.get(39) or ""
    if code not in setup.profile.reversal_accepted:
        return Verdict(Word.DECLINED, Cause.ANSWERED, code=code, message=answer)
    # A success must prove itself; "nothing to undo" (25, 12) may come without a MAC, but not with a wrong one.
    proves_itself = code in setup.profile.approved or wire.carries_mac(answer)
    if proves_itself and not wire.mac_holds(frame, answer):
        return Verdict(Word.DECLINED, Cause.BAD_MAC, Reason.MAC_ERROR, code, answer)
    return Verdict(Word.APPROVED, Cause.ANSWERED, code=code, message=answer)


def _ours(setup: Setup, request: Message, answer: Message) -> bool:
    if answer.mti != mti.response(request.mti):
        return False
    if setup.keep_open or setup.profile.mismatch_reverses:
        return _same_identity(request, answer)
    # One connection for one transaction and "a mismatch is not reversed" (BCTC): what arrives is the answer, wrong.
    return True


def _same_identity(request: Message, answer: Message) -> bool:
    if answer.mti != mti.response(request.mti):
        return False
    theirs, ours = answer.fields.get, request.fields.get
    return theirs(11) == ours(11) and theirs(41) == ours(41) and theirs(42) == ours(42)


def _differs(setup: Setup, request: Message, answer: Message, code: str) -> bool:
    if not _same_identity(request, answer):
        return True
    if code in setup.profile.approved:
        fields, answered = request.fields, answer.fields
        if (3 in fields and 3 not in answered) or (4 in fields and 4 not in answered):
            return True
    if code in setup.profile.partial:
        given = answer.get(4) or ""
        lower = given.isdigit() and 0 < int(given) <= int(request.get(4) or "0")
        gives_back = (request.get(3) or "").startswith(_GIVES_BACK)
        return not lower or _unlike(request, answer, (3, 4) if gives_back else (3,))
    return _unlike(request, answer, (3, 4))


def _unlike(request: Message, answer: Message, numbers: tuple[int, ...]) -> bool:
    """Say whether a field that the answer carries differs from the request's."""
    theirs, ours = answer.fields, request.fields
    return any(number in ours and number in theirs and theirs[number] != ours[number] for number in numbers)
