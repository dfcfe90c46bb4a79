"""One fact in words: who did what, what follows from it, and what it means for the money.

The consequences are read from the effects the life cycle gave, so that nothing is told that was not ordered. Free text
of people is shown with card numbers masked. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.diagnosis import codes, standing
from storno.diagnosis.advice import CHARGES, Actor
from storno.diagnosis.words import happened, title
from storno.iso8583.mask import scrub
from storno.money import Money
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Effect, Input, State
from storno.reversal.record import Told, Trigger

if TYPE_CHECKING:
    from storno.diagnosis.path import Moment
    from storno.diagnosis.standing import Sums

_WHO: dict[Input | None, Actor] = {
    None: Actor.SHOP,
    Input.SEND_FAILED: Actor.STORNO,
    Input.RESPONSE_APPROVED: Actor.BANK,
    Input.RESPONSE_DECLINED: Actor.BANK,
    Input.RESPONSE_DOUBTFUL: Actor.BANK,
    Input.RESPONSE_INVALID: Actor.BANK,
    Input.RESPONSE_TIMEOUT: Actor.STORNO,
    Input.DELIVERY_FAILED: Actor.STORNO,
    Input.CANCEL_REQUESTED: Actor.SHOP,
    Input.HOST_REVERSED: Actor.BANK,
    Input.UNDONE: Actor.STORNO,
    Input.CONSUMED: Actor.STORNO,
    Input.RESTORED: Actor.STORNO,
    Input.REVERSAL_DUE: Actor.STORNO,
    Input.REVERSAL_ACCEPTED: Actor.BANK,
    Input.REVERSAL_REFUSED: Actor.BANK,
    Input.REVERSAL_EXHAUSTED: Actor.STORNO,
    Input.RECOVERED: Actor.STORNO,
    Input.RETRY_ORDERED: Actor.OFFICE,
    Input.ADJUSTED_CHARGED: Actor.OFFICE,
    Input.ADJUSTED_UNCHARGED: Actor.OFFICE,
    Input.CASE_CLOSED: Actor.OFFICE,
    Input.LATE_REQUEST: Actor.SHOP,
    Input.RESENT: Actor.SHOP,
    Input.CONTRADICTED: Actor.BANK,
}
_RESPONSES = frozenset({
    Input.RESPONSE_APPROVED, Input.RESPONSE_DECLINED, Input.RESPONSE_DOUBTFUL, Input.RESPONSE_INVALID,
    Input.CONTRADICTED,
})  # fmt: skip
_REVERSAL_ANSWERS = frozenset({Input.REVERSAL_ACCEPTED, Input.REVERSAL_REFUSED})
_LINKED = frozenset({Input.UNDONE, Input.CONSUMED, Input.RESTORED})
_EXPLAINED = frozenset({Input.RESPONSE_TIMEOUT, Input.RESPONSE_INVALID})
_ORDERS = frozenset(
    {Input.RETRY_ORDERED, Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED, Input.CASE_CLOSED}
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact for people; `local` is its time where the shop is."""

    at_ms: int
    local: str
    who: Actor
    what: str
    follows: tuple[str, ...]
    """What came of it, in order: what the terminal was told, what was queued or sent, exceptions opened or closed."""
    money: str
    sums: Sums
    """Where the money stood after it."""
    code: str
    """The code that came with it, raw; empty when there was none."""
    state: State


def event(moment: Moment, local: str, lang: str) -> Event:
    """Tell one fact; `local` is its time as people write it."""
    fact = moment.fact
    return Event(
        at_ms=fact.at_ms,
        local=local,
        who=_WHO[fact.input],
        what=_what(moment, lang),
        follows=tuple(_follows(moment, lang)),
        money=standing.moved(moment.sums_before, moment.sums, lang),
        sums=moment.sums,
        code=fact.detail.code,
        state=fact.state,
    )


def _what(moment: Moment, lang: str) -> str:
    fact = moment.fact
    detail, what = fact.detail, fact.input
    parts = [_first(moment, lang)]
    if what in _RESPONSES and detail.code:
        parts.append(codes.meaning(detail.code, lang))
    elif what in _REVERSAL_ANSWERS and detail.code:
        parts.append(codes.reversal_answer(detail.code, lang))
    elif what in (Input.CANCEL_REQUESTED, Input.HOST_REVERSED) and detail.code:
        parts.append(codes.reason(detail.code, lang))
    elif what is None and moment.after.opening.tombstone and moment.after.reason:
        parts.append(codes.reason(moment.after.reason, lang))
    if what in _EXPLAINED and detail.trigger is not None and detail.trigger is not Trigger.TIMEOUT:
        parts.append(title(detail.trigger, lang))
    if detail.rrn:
        parts.append(f"参考号 {detail.rrn}" if lang == "zh" else f"RRN {detail.rrn}")
    if what is Input.RESPONSE_APPROVED and detail.amount_minor is not None:
        amount = Money(detail.amount_minor, moment.after.opening.currency)
        parts.append(f"批准金额 {amount}" if lang == "zh" else f"approved amount {amount}")
    if what in _LINKED and detail.note:
        parts.append(detail.note)
    if what in _ORDERS:
        parts.extend(_by(moment, lang))
    return _joined(list(dict.fromkeys(parts)), lang)


def _first(moment: Moment, lang: str) -> str:
    """Say what happened; the words of a settlement depend on what was settled."""
    fact, kind = moment.fact, moment.after.kind
    zh = lang == "zh"
    if fact.opening is not None:
        amount = Money(fact.opening.amount_minor, fact.opening.currency)
        name = kind.title(lang)
        if fact.opening.tombstone:
            return f"终端请求冲正一笔我方未见过的{name} {amount}" if zh else (
                f"the terminal asked to undo a {name} of {amount} that never came by here"
            )  # fmt: skip
        return (
            f"受理终端的{name}请求 {amount}"
            if zh
            else f"the terminal's request was taken in: {name}, {amount}"
        )
    if fact.input in (Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED) and kind not in CHARGES:
        done = fact.input is Input.ADJUSTED_CHARGED
        words = _SETTLED_HOLD if kind is Kind.PREAUTH else _SETTLED_RETURN
        return words[done][zh]
    if fact.input is Input.SEND_FAILED and fact.state is State.REVERSING:
        return "冲正未能发出" if zh else "the reversal could not be sent"
    return happened(fact.input, lang)


_SETTLED_HOLD = (
    ("settled: nothing is held on the card", "核定：卡上未冻结"),
    ("settled: the amount is held on the card", "核定：卡上已冻结"),
)
_SETTLED_RETURN = (
    ("settled: it did not take effect", "核定：该笔未生效"),
    ("settled: it took effect", "核定：该笔已生效"),
)


def _by(moment: Moment, lang: str) -> list[str]:
    detail = moment.fact.detail
    parts = []
    if detail.operator:
        parts.append(
            f"操作员 {scrub(detail.operator)}" if lang == "zh" else f"operator {scrub(detail.operator)}"
        )
    if detail.note:
        parts.append(f"“{scrub(detail.note)}”" if lang == "zh" else f'"{scrub(detail.note)}"')
    return parts


def _joined(parts: list[str], lang: str) -> str:
    return ("；" if lang == "zh" else "; ").join(parts)


_EFFECTS: dict[Effect, tuple[str, str]] = {
    Effect.REPLY_UNKNOWN: ("the terminal is told: outcome unknown", "告知终端：结果未知"),
    Effect.REPLY_NOT_SENT: ("the terminal is told: failed, nothing was sent", "告知终端：失败，未发出"),
    Effect.REPLY_TOMBSTONE: (
        "the terminal is told: declined; the request is not sent on",
        "告知终端：拒绝；该请求不再转发",
    ),
    Effect.ACK_CANCEL: (
        "the terminal is told: its reversal has been taken over",
        "告知终端：冲正请求已受理",
    ),
    Effect.NOTE_LATE: ("it came late and is kept as evidence", "到达太迟，仅留存备查"),
    Effect.UNCOUNT: ("that sending does not count", "该次发送不计次数"),
    Effect.RESTORE_ORIGINAL: ("the original transaction stands again", "原交易恢复有效"),
}


def _follows(moment: Moment, lang: str) -> list[str]:
    zh = lang == "zh"
    after = moment.after
    said: list[str] = []
    for effect in moment.effects:
        if effect in _EFFECTS:
            said.append(_EFFECTS[effect][zh])
        elif effect is Effect.REPLY_ANSWER:
            said.append(_answered(after.told, zh=zh))
        elif effect is Effect.QUEUE_REVERSAL:
            said.append("Storno 将发送冲正" if zh else "Storno will send a reversal")
        elif effect is Effect.SEND_REVERSAL:
            said.append(f"第 {after.sent} 次发送" if zh else f"sending number {after.sent}")
        elif effect is Effect.MARK_ORIGINAL:
            said.append(_marked(after.kind, zh=zh))
    if after.case is not None and (moment.before is None or moment.before.case is not after.case):
        name = title(after.case, lang)
        said.append(f"产生差错：{name}，需人工处理" if zh else f"an exception is open for a person: {name}")
    if moment.before is not None and moment.before.case is not None and after.case is None:
        name = title(moment.before.case, lang)
        said.append(f"差错已关闭：{name}" if zh else f"the exception is closed: {name}")
    return said


def _answered(told: Told, *, zh: bool) -> str:
    if told is Told.APPROVED:
        return "银行应答转给终端：成功" if zh else "the terminal is given the bank's answer: approved"
    return "银行应答转给终端：失败" if zh else "the terminal is given the bank's answer: failed"


def _marked(kind: Kind, *, zh: bool) -> str:
    if kind.completes:
        return "原预授权记为已完成" if zh else "the pre-authorisation is shown as completed"
    if kind is Kind.REFUND:
        return "原交易记为已退货" if zh else "the original transaction is shown as given back"
    return "原交易记为已撤销" if zh else "the original transaction is shown as undone"
