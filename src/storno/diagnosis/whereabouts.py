"""Where the money is, asked of four ledgers: the terminal, our books, the host as far as known, and clearing.

Each says yes, no or unknown, with the time and the source it rests on; from the four comes how certain the whole is.
Only clearing proves. What clearing says arrives as an argument: reconciliation is not known here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from storno.diagnosis import codes
from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import (
    Acknowledged,
    Answer,
    Clearing,
    Diagnosis,
    Point,
    Request,
    Reversal,
    diagnoses,
    diagnosis,
)
from storno.diagnosis.turned import turned
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Told, Trigger

if TYPE_CHECKING:
    from storno.diagnosis.path import Moment, Path


class Ledger(Enum):
    """Whose books."""

    TERMINAL = "terminal"
    BOOKS = "books"
    HOST = "host"
    CLEARING = "clearing"

    def title(self, lang: str) -> str:
        """Name it."""
        return _LEDGERS[self].say(lang)


_LEDGERS = {
    Ledger.TERMINAL: Text("Terminal", "终端"), Ledger.BOOKS: Text("Our books", "我方账务"),
    Ledger.HOST: Text("Host and card's bank", "主机与发卡行"), Ledger.CLEARING: Text("Clearing", "清算"),
}  # fmt: skip


class Stand(Enum):
    """Whether the transaction counts there."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def title(self, lang: str) -> str:
        """Name it."""
        return _STANDS[self].say(lang)


_STANDS = {Stand.YES: Text("yes", "是"), Stand.NO: Text("no", "否"), Stand.UNKNOWN: Text("unknown", "未知")}


@dataclass(frozen=True, slots=True)
class Says:
    """What one ledger says: whether the transaction counts, since when (0: no time), and what that rests on."""

    ledger: Ledger
    stand: Stand
    at_ms: int
    source: Text


class Certainty(Enum):
    """How certain the whole is."""

    PROVEN = "proven"
    AGREED = "agreed"
    OPEN = "open"
    CONFLICT = "conflict"
    SETTLED = "settled"

    def say(self, lang: str) -> str:
        """Say it in words."""
        return _CERTAINTY[self].say(lang)


_CERTAINTY = {
    Certainty.PROVEN: Text("proven", "已证实"),
    Certainty.AGREED: Text("as good as certain: nobody says otherwise, clearing is still to prove it",
                           "基本确定：各方说法一致，待清算证实"),
    Certainty.OPEN: Text("open: nobody can know yet", "未定：目前尚无法确知"),
    Certainty.CONFLICT: Text("contradictory: the ledgers disagree, clearing counts",
                             "说法不一：各方账务矛盾，以清算为准"),
    Certainty.SETTLED: Text("settled by a person or by the clearing file", "已由人工或清算文件核定"),
}  # fmt: skip


_NOTHING_SHOWN = Text("no clearing information of it yet", "尚无该笔的清算信息")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the outside showed of the transaction: clearing's word, when it was found, and where it stands."""

    clearing: Clearing = Clearing.UNKNOWN
    at_ms: int = 0
    source: Text = _NOTHING_SHOWN


NOT_SHOWN = Shown()


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The four ledgers, the combination they make and its one diagnosis."""

    says: tuple[Says, ...]
    point: Point
    diagnosis: Diagnosis
    certainty: Certainty


def whereabouts(path: Path, shown: Shown = NOT_SHOWN) -> Whereabouts:
    """Ask the four ledgers about a transaction."""
    point = point_of(path, shown.clearing)
    says = (_terminal(path), _books(path), _host(path, point), _clearing(shown))
    later = _afterwards(path, shown.clearing)
    found = turned(diagnoses()[later] if later else diagnosis(point), path.record.kind)
    settled = later.startswith("settled")
    return Whereabouts(says, point, found, Certainty.SETTLED if settled else _certainty(says, found))


def _afterwards(path: Path, clearing: Clearing) -> str:
    """Name what became of it by another transaction or a person; empty where nothing did, or clearing says more."""
    state = path.record.state
    if clearing not in (Clearing.UNKNOWN, Clearing.CHARGED):
        return ""
    if state is State.CLOSED and clearing is Clearing.UNKNOWN:
        took = path.sums.charged_minor or path.sums.held_minor
        return "settled_counts" if took else "settled_counts_not"
    return {State.VOIDED: "voided", State.COMPLETED: "completed"}.get(state, "")


def point_of(path: Path, clearing: Clearing = Clearing.UNKNOWN) -> Point:
    """Find the combination of outcomes a transaction stands in."""
    record = path.record
    request = Request.SENT
    if record.opening.tombstone:
        request = Request.NONE
    elif record.state is State.NOT_SENT:
        request = Request.NOT_SENT
    undoing = (
        any(one.after.state is State.REVERSING for one in path.moments) or record.state is State.REVERSED
    )
    reversal = Reversal.NONE
    if undoing:
        reversal = Reversal.SENT if record.sent or record.state is State.REVERSED else Reversal.QUEUED
    answer = Answer.NONE if request is not Request.SENT else _answer(path, undoing=undoing)
    return Point(request, answer, reversal, _acknowledged(path, reversal), clearing)


def _answer(path: Path, *, undoing: bool) -> Answer:
    record = path.record
    found = Answer.NONE
    for one in path.moments:
        what = one.fact.input
        if what is Input.RESPONSE_APPROVED:
            late = one.before is not None and one.before.state not in (State.AUTHORIZING, State.ADVISING)
            part = record.approved_minor not in (None, record.opening.amount_minor)
            if not late:
                found = Answer.PARTIAL if part else Answer.APPROVED
            elif found not in (Answer.APPROVED, Answer.PARTIAL):
                found = Answer.LATE_APPROVED
        elif found is Answer.NONE and what in _ANSWERS:
            found = _ANSWERS[what]
    return Answer.LATE_APPROVED if found is Answer.DECLINED and undoing else found


_ANSWERS: dict[Input | None, Answer] = {
    Input.RESPONSE_DECLINED: Answer.DECLINED, Input.RESPONSE_DOUBTFUL: Answer.DOUBTFUL,
    Input.RESPONSE_INVALID: Answer.INVALID,
}  # fmt: skip


def _acknowledged(path: Path, reversal: Reversal) -> Acknowledged:
    if reversal is Reversal.NONE:
        return Acknowledged.NONE
    last = _last(path, frozenset({Input.REVERSAL_ACCEPTED, Input.REVERSAL_REFUSED, Input.REVERSAL_EXHAUSTED,
                                  Input.HOST_REVERSED, Input.RETRY_ORDERED}))  # fmt: skip
    if last is None or last.fact.input is Input.RETRY_ORDERED:
        return Acknowledged.NONE
    if last.fact.input is Input.HOST_REVERSED:
        return Acknowledged.TAKEN
    if last.fact.input is Input.REVERSAL_EXHAUSTED:
        return Acknowledged.GIVEN_UP
    if last.fact.input is Input.REVERSAL_REFUSED:
        return Acknowledged.REFUSED
    fact = codes.answer_fact(last.fact.detail.code)
    return _ACCEPTED.get(fact.then if fact else "taken", Acknowledged.TAKEN)


_ACCEPTED = {"nothing_to_undo": Acknowledged.NOTHING_TO_UNDO, "reconcile": Acknowledged.NOT_FOUND}


def _last(path: Path, inputs: frozenset[Input]) -> Moment | None:
    return next((one for one in reversed(path.moments) if one.fact.input in inputs), None)


def _terminal(path: Path) -> Says:
    told = path.record.told
    stand = {Told.APPROVED: Stand.YES, Told.DECLINED: Stand.NO, Told.CANCELLED: Stand.NO}.get(
        told, Stand.UNKNOWN
    )
    since = path.moments[0].fact.at_ms
    for one in path.moments:
        if one.before is None or one.before.told is not one.after.told:
            since = one.fact.at_ms
    words = {
        Told.APPROVED: Text("it was told: approved", "终端收到：成功"),
        Told.DECLINED: Text("it was told: failed", "终端收到：失败"),
        Told.CANCELLED: Text("its own reversal was taken over", "终端的冲正已受理"),
        Told.UNKNOWN: Text("it was told: outcome unknown", "终端收到：结果未知"),
        Told.NOTHING: Text("it was told nothing that we know of", "终端未收到可确认的结果"),
    }[told]
    return Says(Ledger.TERMINAL, stand, since, words)


def _books(path: Path) -> Says:
    sums = path.sums
    if sums.any_doubt:
        stand, words = Stand.UNKNOWN, Text("held in suspense", "挂账待定")
    elif sums.charged_minor or sums.held_minor:
        stand, words = Stand.YES, Text("booked", "已入账")
    else:
        stand, words = Stand.NO, Text("nothing stands in the ledger", "账上无余额")
    moved = [one.fact.at_ms for one in path.moments if one.sums_before != one.sums]
    return Says(Ledger.BOOKS, stand, moved[-1] if moved else 0, words)


def _host(path: Path, point: Point) -> Says:
    record = path.record
    reply = _last(path, frozenset({Input.REVERSAL_ACCEPTED, Input.REVERSAL_REFUSED, Input.HOST_REVERSED}))
    if reply is not None and point.acknowledged is not Acknowledged.NONE:
        code = reply.fact.detail.code
        stand = Stand.UNKNOWN
        if point.acknowledged in (Acknowledged.TAKEN, Acknowledged.NOTHING_TO_UNDO):
            stand = Stand.NO
        english = "it answered the reversal: " + codes.reversal_answer(code, "en")
        chinese = "对冲正的应答：" + codes.reversal_answer(code, "zh")
        if reply.fact.input is Input.HOST_REVERSED:
            english, chinese = "it reversed it by itself", "主机主动冲正"
        return Says(Ledger.HOST, stand, reply.fact.at_ms, Text(english, chinese))
    if point.request is Request.NOT_SENT:
        return Says(
            Ledger.HOST, Stand.NO, record.opened_ms, Text("the request never reached it", "请求未到达主机")
        )
    heard = _last(
        path, frozenset({Input.RESPONSE_APPROVED, Input.RESPONSE_DECLINED, Input.RESPONSE_DOUBTFUL})
    )
    if heard is None:
        return Says(Ledger.HOST, Stand.UNKNOWN, 0, Text("no usable answer came", "未收到可用应答"))
    code = heard.fact.detail.code
    words = Text("it answered: " + codes.meaning(code, "en"), "应答：" + codes.meaning(code, "zh"))
    stand = {Input.RESPONSE_APPROVED: Stand.YES, Input.RESPONSE_DECLINED: Stand.NO}.get(
        heard.fact.input or Input.RESPONSE_DOUBTFUL, Stand.UNKNOWN
    )
    if point.reversal is not Reversal.NONE and stand is Stand.YES:
        stand = Stand.UNKNOWN
    return Says(Ledger.HOST, stand, heard.fact.at_ms, words)


def _clearing(shown: Shown) -> Says:
    stand = {
        Clearing.CHARGED: Stand.YES, Clearing.CHARGED_TWICE: Stand.YES, Clearing.NO_LINE: Stand.NO,
        Clearing.CHARGED_AND_UNDONE: Stand.NO, Clearing.UNDONE_TWICE: Stand.NO,
    }.get(shown.clearing, Stand.UNKNOWN)  # fmt: skip
    return Says(Ledger.CLEARING, stand, shown.at_ms, shown.source)


def _certainty(says: tuple[Says, ...], found: Diagnosis) -> Certainty:
    if found.name == "contradiction":
        return Certainty.CONFLICT
    stands = {one.stand for one in says if one.ledger is not Ledger.TERMINAL}
    if found.proven:
        wrong = {Stand.YES, Stand.NO} <= stands
        return Certainty.CONFLICT if wrong else Certainty.PROVEN
    if {Stand.YES, Stand.NO} <= stands:
        return Certainty.CONFLICT
    by = {one.ledger: one.stand for one in says}
    open_ = Stand.UNKNOWN in (by[Ledger.BOOKS], by[Ledger.HOST]) or found.money.value == "unknown"
    return Certainty.OPEN if open_ else Certainty.AGREED


def local_condition(path: Path) -> str:
    """Give the condition (L01 to L07) the journal shows; empty where it shows none."""
    record = path.record
    if record.state is State.NOT_SENT:
        return "L01"
    if any(one.fact.input is Input.RESPONSE_APPROVED and one.before is not None
           and one.before.state in (State.REVERSING, State.REVERSED) for one in path.moments):  # fmt: skip
        return "L07"
    if record.trigger is Trigger.TERMINAL:
        return {"96": "L04", "A0": "L03", "98": "L02"}.get(record.reason, "")
    return "" if record.trigger is None else _TRIGGERED.get(record.trigger, "")


_TRIGGERED: dict[Trigger, str] = {Trigger.TIMEOUT: "L02", Trigger.LINK_LOST: "L02", Trigger.BAD_MAC: "L03"}
