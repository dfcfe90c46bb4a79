"""The lattice of outcomes: what is known of 0200, 0210, 0400, 0410 and clearing, and the one diagnosis each meets.

Every combination maps to exactly one diagnosis with words in both languages; first rule that holds wins, and the last
one holds always. Combinations that cannot be (an answer to what was never sent) are a diagnosis too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product
from typing import Any

from storno.diagnosis.knowledge import Text, read_data


class Request(Enum):
    """What became of the 0200 (or 0100)."""

    NONE = "none"
    """We have no record of it."""
    NOT_SENT = "not_sent"
    SENT = "sent"


class Answer(Enum):
    """What came back: the 0210."""

    NONE = "none"
    APPROVED = "approved"
    PARTIAL = "partial"
    DECLINED = "declined"
    DOUBTFUL = "doubtful"
    INVALID = "invalid"
    """It cannot be trusted: wrong MAC or not fitting."""
    LATE_APPROVED = "late_approved"
    """An approval, after the time was up."""


class Reversal(Enum):
    """Whether a 0400 undoes it."""

    NONE = "none"
    QUEUED = "queued"
    SENT = "sent"


class Acknowledged(Enum):
    """What the 0410 said."""

    NONE = "none"
    TAKEN = "taken"
    NOTHING_TO_UNDO = "nothing_to_undo"
    NOT_FOUND = "not_found"
    """25: four reasons hide in it."""
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    """No usable answer after the last try."""


class Clearing(Enum):
    """What the clearing file or the statement shows."""

    UNKNOWN = "unknown"
    """It has not come, or nobody compared it."""
    NO_LINE = "no_line"
    """It has come and has no line of it."""
    CHARGED = "charged"
    CHARGED_AND_UNDONE = "charged_and_undone"
    CHARGED_TWICE = "charged_twice"
    UNDONE_TWICE = "undone_twice"


class Money(Enum):
    """Where the cardholder's money is, as far as it can be known."""

    NOT_TAKEN = "not_taken"
    TAKEN = "taken"
    GIVEN_BACK = "given_back"
    UNKNOWN = "unknown"
    TAKEN_TWICE = "taken_twice"
    GIVEN_BACK_TWICE = "given_back_twice"


@dataclass(frozen=True, slots=True)
class Point:
    """One combination."""

    request: Request
    answer: Answer
    reversal: Reversal
    acknowledged: Acknowledged
    clearing: Clearing


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a combination means, in words; five of the six parts of advice (who acts is the cause's)."""

    name: str
    money: Money
    proven: bool
    """True: clearing or the refusal itself proves it; False: it is what the messages say."""
    happened: Text
    where: Text
    when: Text
    tell: Text
    dont: Text


AFTERWARDS = frozenset({"voided", "completed", "settled_counts", "settled_counts_not"})
"""Diagnoses of what another transaction or a person did later: no combination of messages leads there."""


def points() -> Iterator[Point]:
    """Walk every combination."""
    for one in product(Request, Answer, Reversal, Acknowledged, Clearing):
        yield Point(*one)


def diagnosis(point: Point) -> Diagnosis:
    """Give the one diagnosis of a combination."""
    return diagnoses()[name_of(point)]


def diagnoses() -> dict[str, Diagnosis]:
    """Give all diagnoses by name."""
    return _read()


def name_of(p: Point) -> str:
    """Name the diagnosis of a combination."""
    if _impossible(p):
        return "contradiction"
    if p.clearing is Clearing.CHARGED_TWICE:
        return "charged_twice"
    if p.clearing is Clearing.UNDONE_TWICE:
        return "undone_twice"
    if p.request is Request.NONE:
        return _UNRECORDED[p.clearing]
    if p.request is Request.NOT_SENT:
        return "not_sent" if p.clearing in _SILENT else _SENT_AFTER_ALL[p.clearing]
    if p.reversal is not Reversal.NONE:
        return _undoing(p)
    return _STANDING[p.answer][p.clearing]


_SILENT = frozenset({Clearing.UNKNOWN, Clearing.NO_LINE})


def _impossible(p: Point) -> bool:
    """Say whether the messages contradict each other."""
    if p.acknowledged is not Acknowledged.NONE:
        given_up = p.acknowledged is Acknowledged.GIVEN_UP and p.reversal is Reversal.QUEUED
        if p.reversal is not Reversal.SENT and not given_up:
            return True
    if p.request is Request.NOT_SENT:
        return p.answer is not Answer.NONE or p.reversal is not Reversal.NONE
    if p.request is Request.NONE:
        return p.answer is not Answer.NONE
    return p.answer is Answer.DECLINED and p.reversal is not Reversal.NONE


_UNRECORDED = {
    Clearing.UNKNOWN: "unrecorded", Clearing.NO_LINE: "unrecorded", Clearing.CHARGED: "unrecorded_charged",
    Clearing.CHARGED_AND_UNDONE: "unrecorded_undone",
}  # fmt: skip
_SENT_AFTER_ALL = {Clearing.CHARGED: "charged_unsent", Clearing.CHARGED_AND_UNDONE: "undone_proven"}


def _rows(unknown: str, no_line: str, charged: str, undone: str) -> dict[Clearing, str]:
    return {
        Clearing.UNKNOWN: unknown, Clearing.NO_LINE: no_line, Clearing.CHARGED: charged,
        Clearing.CHARGED_AND_UNDONE: undone,
    }  # fmt: skip


_DOUBT = _rows("doubt", "doubt_not_charged", "doubt_charged", "undone_proven")
_STANDING: dict[Answer, dict[Clearing, str]] = {
    Answer.APPROVED: _rows("approved", "approved_not_cleared", "approved_cleared", "undone_unasked"),
    Answer.PARTIAL: _rows("approved_part", "approved_not_cleared", "approved_part_cleared", "undone_unasked"),
    Answer.DECLINED: _rows("declined", "declined", "declined_charged", "undone_proven"),
    Answer.DOUBTFUL: _DOUBT,
    Answer.INVALID: _DOUBT,
    Answer.NONE: _rows("no_answer", "doubt_not_charged", "doubt_charged", "undone_proven"),
    Answer.LATE_APPROVED: _DOUBT,
}


def _undoing(p: Point) -> str:
    """Name what is being undone, or was."""
    if p.clearing is Clearing.CHARGED_AND_UNDONE:
        return "undone_proven"
    if p.clearing is Clearing.NO_LINE:
        return "undone_no_line" if p.acknowledged in _SETTLES else "open_no_line"
    if p.clearing is Clearing.CHARGED:
        return "not_undone_charged" if p.acknowledged in _SETTLES else "open_charged"
    if p.acknowledged is Acknowledged.NONE:
        return "reversal_waiting" if p.reversal is Reversal.QUEUED else "reversal_unanswered"
    if p.acknowledged is Acknowledged.TAKEN:
        return "undone_late_approval" if p.answer is Answer.LATE_APPROVED else "undone"
    if p.acknowledged is Acknowledged.NOTHING_TO_UNDO and p.answer in (Answer.APPROVED, Answer.PARTIAL):
        return "nothing_to_undo_after_approval"
    return {
        Acknowledged.NOTHING_TO_UNDO: "nothing_to_undo", Acknowledged.NOT_FOUND: "original_not_found",
        Acknowledged.REFUSED: "reversal_refused", Acknowledged.GIVEN_UP: "reversal_given_up",
    }[p.acknowledged]  # fmt: skip


_SETTLES = frozenset({Acknowledged.TAKEN, Acknowledged.NOTHING_TO_UNDO, Acknowledged.NOT_FOUND})


@cache
def _read() -> dict[str, Diagnosis]:
    found = {}
    for name, row in read_data("lattice.toml").items():
        texts: dict[str, Any] = {
            key: Text(*row[key]) for key in ("happened", "where", "when", "tell", "dont")
        }
        found[name] = Diagnosis(name, Money(row["money"]), row["proven"], **texts)
    return found
