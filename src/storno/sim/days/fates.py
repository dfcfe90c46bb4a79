"""Fates: what can become of a transaction, told once for all books.

Each fate says what our journal lived through (inputs of the life cycle), what the terminal's journal says, and which
lines the network clears. Rule: our books' columns are not invented here: the machine itself is run once for each fate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from storno.journal.fact import tx_row
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Detail, Opening, Record, Trigger

CODE = "*"
"""Stands in a beat for the transaction's own response code."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One input in the life of a transaction in our books, so many milliseconds after it began."""

    input: Input
    after_ms: int
    code: str = ""
    trigger: Trigger | None = None
    reason: str = ""
    answers: bool = False
    """True: the host's RRN comes with it; its authorisation code as well, when it approves."""
    note: str = ""
    due_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a transaction. `lines`: P the payment itself, R its reversal, Z a line without money."""

    name: str
    beats: tuple[Beat, ...] | None
    """None: our books have no record at all."""
    terminal: str
    """What the terminal's journal says; empty: it has no row."""
    lines: str = ""
    knows: bool = False
    """True: the terminal got the host's answer, with RRN and authorisation code."""
    rule: str = ""
    """The difference it is, if it is one by itself."""


_OK = Beat(Input.RESPONSE_APPROVED, 1_400, CODE, answers=True)
_NO = Beat(Input.RESPONSE_DECLINED, 1_300, CODE, answers=True)
_TIMEOUT = Beat(Input.RESPONSE_TIMEOUT, 60_000, trigger=Trigger.TIMEOUT, reason="98", due_after_ms=60_001)
_CANCEL = Beat(Input.CANCEL_REQUESTED, 60_900)
_MAX_SENDINGS = 19


def _due(*after_ms: int) -> tuple[Beat, ...]:
    return tuple(Beat(Input.REVERSAL_DUE, at, due_after_ms=at + 61_000) for at in after_ms)


def _accepted(after_ms: int, code: str = "00") -> Beat:
    return Beat(Input.REVERSAL_ACCEPTED, after_ms, code)


def _fault(reason: str, after_ms: int) -> tuple[Beat, ...]:
    """Let the terminal take an approval back: 96 could not finish, 06 anything else, A0 our MAC was wrong for it."""
    cancel = Beat(
        Input.CANCEL_REQUESTED, after_ms, trigger=Trigger.TERMINAL, reason=reason, due_after_ms=after_ms + 1
    )
    return (_OK, cancel, *_due(after_ms + 5))


_LOST = (_TIMEOUT, *_due(60_010), _CANCEL)
_BAD_MAC = Beat(Input.RESPONSE_INVALID, 1_400, "00", trigger=Trigger.BAD_MAC, reason="A0", due_after_ms=1_401)
_LATE = Beat(Input.RESPONSE_APPROVED, 74_000, "00", answers=True)
_DOUBT = Beat(Input.RESPONSE_DOUBTFUL, 31_000, CODE, answers=True)
_UNDONE = Beat(Input.UNDONE, 0, note="undone")
_CONSUMED = Beat(Input.CONSUMED, 0, note="completed")
_HOUR_MS = 3_600_000
_SAY_NO = Beat(Input.ADJUSTED_UNCHARGED, 2 * _HOUR_MS, note="asked the acquirer: not charged")
_SAY_YES = Beat(Input.ADJUSTED_CHARGED, 2 * _HOUR_MS, note="asked the acquirer: charged")
_SENDINGS = tuple(
    60_010 + sum(60_000 + min(1000 << k, 300_000) for k in range(n)) for n in range(_MAX_SENDINGS)
)

FATES: tuple[Fate, ...] = (
    Fate("approved", (_OK,), "approved", "P", knows=True),
    Fate("declined", (_NO,), "declined", knows=True),
    Fate("declined_zero", (_NO,), "declined", "Z", knows=True),
    Fate("not_sent", None, ""),
    Fate("doubt_uncharged", (_DOUBT, _SAY_NO), "unknown"),
    Fate("voided", (_OK, _UNDONE), "voided", "P", knows=True),
    Fate("completed", (_OK, _CONSUMED), "approved", "P", knows=True),
    # undone by a reversal, and everybody knows it
    Fate("request_lost", (*_LOST, _accepted(61_200, "25")), "reversed"),
    Fate("answer_lost", (*_LOST, _accepted(61_200)), "reversed", "PR"),
    Fate("answer_lost_unlisted", (*_LOST, _accepted(61_200)), "reversed"),
    Fate("late_answer", (*_LOST, _LATE, _accepted(75_000)), "reversed", "PR"),
    Fate("reversal_repeated", (*_LOST, *_due(122_100, 184_300), _accepted(185_100)), "reversed", "PR"),
    Fate("bad_mac", (_BAD_MAC, *_due(1_410), Beat(Input.CANCEL_REQUESTED, 2_000), _accepted(2_400)), "reversed", "PR"),
    Fate("terminal_fault", (*_fault("96", 4_000), _accepted(5_000)), "reversed", "PR", knows=True),
    Fate("terminal_mac", (*_fault("A0", 2_000), _accepted(3_000)), "reversed", "PR"),
    Fate("cancelled", (*_fault("06", 6_000), _accepted(7_000)), "reversed", "PR", knows=True),
    # differences
    Fate("not_settled", (_OK,), "approved", "", knows=True, rule="approved_not_settled"),
    Fate("doubt_charged", (_DOUBT, _SAY_YES), "unknown", "", rule="booked_not_settled"),
    Fate("unbooked", None, "", "P", rule="settled_not_booked"),
    Fate("refund_alone", None, "", "P", rule="refund_without_sale"),
    Fate("not_undone", (*_LOST, _accepted(61_200)), "reversed", "P", rule="settled_but_reversed"),
    Fate("undone_twice", (*_LOST, _accepted(61_200)), "reversed", "PRR", rule="reversed_twice"),
    Fate("unanswered", (_TIMEOUT, *_due(*_SENDINGS[:4])), "unknown", "", rule="reversal_unanswered"),
    Fate("refused", (_TIMEOUT, *_due(60_010), Beat(Input.REVERSAL_REFUSED, 61_000, "40")), "unknown", "",
         rule="reversal_refused"),
    Fate("exhausted", (_TIMEOUT, *_due(*_SENDINGS), Beat(Input.REVERSAL_EXHAUSTED, _SENDINGS[-1] + 60_000)),
         "unknown", "", rule="reversal_exhausted"),
    Fate("unanswered_charged", (_TIMEOUT, *_due(*_SENDINGS[:2])), "unknown", "P", rule="reversal_unanswered"),
    Fate("refused_charged", (_TIMEOUT, *_due(60_010), Beat(Input.REVERSAL_REFUSED, 61_000, "40")), "unknown", "P",
         rule="reversal_refused"),
    Fate("exhausted_charged", (_TIMEOUT, *_due(*_SENDINGS), Beat(Input.REVERSAL_EXHAUSTED, _SENDINGS[-1] + 60_000)),
         "unknown", "P", rule="reversal_exhausted"),
    Fate("void_on_reversed", (*_fault("96", 4_000), _accepted(5_000), _UNDONE), "reversed", "PR", knows=True),
    Fate("settled_twice", (_OK,), "approved", "PP", knows=True, rule="duplicate_settlement"),
    Fate("only_on_terminal", None, "approved", "", knows=True, rule="terminal_not_booked"),
    Fate("only_in_books", (_OK,), "", "P", rule="booked_not_on_terminal"),
    Fate("terminal_denies", (_OK,), "declined", "P", rule="terminal_says_otherwise"),
    Fate("terminal_undid", (_OK,), "reversed", "P", knows=True, rule="terminal_says_otherwise"),
)  # fmt: skip
FATE_OF = {fate.name: at for at, fate in enumerate(FATES)}
KINDS: tuple[Kind, ...] = (Kind.SALE, Kind.VOID, Kind.PREAUTH, Kind.COMPLETION, Kind.REFUND)
SALE, VOID, PREAUTH, COMPLETION, REFUND = range(5)
ADVISED = frozenset({Kind.REFUND})


def opening(kind: Kind, key: TxKey, amount_minor: int, date: str, card: str = "") -> Opening:
    """Give the opening of a request of this kind."""
    first = State.ADVISING if kind in ADVISED else State.AUTHORIZING
    return Opening(key, kind, first, amount_minor, "CNY", "cup_pos", date, card)


def detail_of(beat: Beat, at_ms: int, code: str, rrn: str = "", auth: str = "") -> Detail:
    """Give what comes with a beat of a transaction that began at `at_ms`."""
    approved = beat.input is Input.RESPONSE_APPROVED
    return Detail(
        code=code if beat.code == CODE else beat.code,
        rrn=rrn if beat.answers else "",
        auth_code=auth if beat.answers and approved else "",
        trigger=beat.trigger,
        reason=beat.reason,
        due_ms=at_ms + beat.due_after_ms if beat.due_after_ms else 0,
        deadline_ms=at_ms + 24 * _HOUR_MS if beat.trigger is not None else 0,
        operator="zhang" if beat.input in _ORDERS else "",
        note=beat.note,
    )


_ORDERS = (Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED)


@cache
def ending(fate: int, declines: bool = False) -> Record:  # noqa: FBT001, FBT002 - part of the cache's key
    """Give the record a fate ends with, for a sale that began at 0 ms; RRN and code are marked where known."""
    beats = FATES[fate].beats
    assert beats is not None, f"{FATES[fate].name} leaves no record"
    record = begin("x", 0, opening(Kind.SALE, TxKey("t", "m", "b", "s"), 1, "d")).record
    for beat in beats:
        detail = detail_of(beat, 0, "51" if declines else "00", "rrn", "auth")
        record = step(record, beat.input, beat.after_ms, detail).record
    return record


def ending_row(fate: int) -> tuple[object, ...]:
    """Give that record as the row a journal keeps."""
    return tx_row(ending(fate))
