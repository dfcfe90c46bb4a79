"""The summary of a transaction for the people in it: what failed, who acts next and by when, what not to do.

Every state, told answer and open exception has a text; what a text says of money comes from `standing`. The reader is
a shopkeeper or a back office: no field numbers, no state names. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from storno.diagnosis import codes, orders
from storno.diagnosis.words import title
from storno.iso8583.mask import scrub
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Told, Trigger

if TYPE_CHECKING:
    from storno.diagnosis.path import Moment, Path


class Actor(Enum):
    """Who is meant."""

    SHOP = "shop"
    STORNO = "storno"
    BANK = "bank"
    OFFICE = "office"
    NOBODY = "nobody"

    def title(self, lang: str) -> str:
        """Name them."""
        english, chinese = _ACTORS[self]
        return chinese if lang == "zh" else english


_ACTORS = {
    Actor.SHOP: ("the shop", "商户"),
    Actor.STORNO: ("Storno", "Storno"),
    Actor.BANK: ("the bank side", "银行侧"),
    Actor.OFFICE: ("the back office", "后台人员"),
    Actor.NOBODY: ("nobody", "无需任何人处理"),
}


@dataclass(frozen=True, slots=True)
class NextStep:
    """Who acts next, what they do, and by when (0: no fixed time); `commands` are the orders that fit."""

    actor: Actor
    what: str
    due_ms: int = 0
    deadline_ms: int = 0
    commands: tuple[str, ...] = ()


CHARGES = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_ADVICE})
RETURNS = frozenset({Kind.VOID, Kind.COMPLETION_VOID, Kind.REFUND})
VOIDS = frozenset({Kind.VOID, Kind.PREAUTH_VOID, Kind.COMPLETION_VOID})
OPEN = orders.OPEN
FLYING = frozenset({State.AUTHORIZING, State.ADVISING})
UNDONE = frozenset({State.VOIDED, State.COMPLETED})

_HEADLINES: dict[State, tuple[str, str]] = {
    State.AUTHORIZING: (
        "Under way: the {kind} is with the bank side, its answer is awaited.",
        "进行中：{kind}已提交银行侧，等待应答。",
    ),
    State.ADVISING: (
        "Under way: the {kind} is being reported to the bank side, its answer is awaited.",
        "进行中：{kind}正在通知银行侧，等待应答。",
    ),
    State.NOT_SENT: (
        "Failed: the {kind} could not be sent; nothing reached the bank side.",
        "失败：{kind}未能发出，银行侧未收到。",
    ),
    State.APPROVED: ("Approved: the {kind} stands.", "成功：{kind}有效。"),
    State.DECLINED: ("Declined by the bank side: {code}.", "被银行侧拒绝：{code}。"),
    State.UNKNOWN: ("Outcome unknown: {cause}.", "结果不明：{cause}。"),
    State.VOIDED: (
        "The {kind} was approved and undone later by a void of its own.",
        "{kind}曾获批准，之后已由另一笔撤销交易撤销。",
    ),
    State.COMPLETED: (
        "The {kind} was approved and later completed: the completion took the money.",
        "{kind}曾获批准，之后已由预授权完成扣款。",
    ),
    State.REVERSING: ("Being undone ({cause}); {tries}.", "冲正中（{cause}）；{tries}。"),
    State.REVERSED: (
        "Undone: {cause}. The bank side has acknowledged it; the clearing file is the proof.",
        "已冲正：{cause}。银行侧已确认，最终以清算文件为准。",
    ),
    State.REFUSED: (
        "Not undone: {cause}, and the bank side refused the reversal: {code}.",
        "未能冲正：{cause}，且银行侧拒绝冲正：{code}。",
    ),
    State.EXHAUSTED: ("Not undone for certain: {cause}, and {tries}.", "冲正结果不明：{cause}，且{tries}。"),
    State.CLOSED: ("Settled {by}: {effect}.", "已{by}了结：{effect}。"),
}
_BY_HOST = (
    "Undone: the bank side reversed it on its own account; the clearing file is the proof.",
    "已冲正：银行侧主动冲正，最终以清算文件为准。",
)


def headline(path: Path, lang: str) -> str:
    """Say in a sentence or two what became of the transaction and why."""
    record, entry = path.record, path.entry()
    zh = lang == "zh"
    english, chinese = _HEADLINES[record.state]
    if record.state is State.REVERSED and entry.fact.input is Input.HOST_REVERSED:
        english, chinese = _BY_HOST
    if record.state is State.REFUSED:
        code = codes.reversal_answer(entry.fact.detail.code, lang)
    else:
        code = codes.meaning(record.response, lang)
    text = (chinese if zh else english).format(
        kind=record.kind.title(lang),
        code=code,
        cause=cause(path, lang),
        tries=_tries(path, lang),
        by=_settler(entry, lang),
        effect=_effect(path, lang),
    )
    if record.state is State.APPROVED and record.approved_minor not in (None, record.opening.amount_minor):
        text += "只批准了部分金额。" if zh else " Only a part of the amount was approved."
    if record.case is not None:
        text += (
            f"差错未关闭：{title(record.case, lang)}。"
            if zh
            else f" Exception open: {title(record.case, lang)}."
        )
    return text


def cause(path: Path, lang: str) -> str:
    """Say why the money came into doubt or was undone."""
    moment = path.cause()
    if moment is None:
        return "原因未记录" if lang == "zh" else "no cause on record"
    detail, what = moment.fact.detail, moment.fact.input
    trigger = moment.after.trigger if moment.before is None else detail.trigger
    code = detail.code or (moment.after.reason if moment.before is None else "")
    if what is Input.HOST_REVERSED or trigger is None:
        words = title(what, lang) if what is not None else title(Trigger.TERMINAL, lang)
        return words + _bracket(
            codes.meaning(code, lang) if code and what is not Input.HOST_REVERSED else "", lang
        )
    if trigger is Trigger.TERMINAL:
        return title(trigger, lang) + _bracket(codes.reason(code, lang) if code else "", lang)
    return title(trigger, lang)


def _bracket(text: str, lang: str) -> str:
    if not text:
        return ""
    return f"，{text}" if lang == "zh" else f", {text}"


def _tries(path: Path, lang: str) -> str:
    zh = lang == "zh"
    sent = path.record.sent
    if path.record.state is State.EXHAUSTED and not sent:
        return "冲正未曾发出即已停止" if zh else "the reversal was given up before it was ever sent"
    if path.record.state is State.EXHAUSTED:
        if zh:
            return f"冲正已发 {sent} 次，未得到可用应答"
        return f"the reversal was given up after {_times(sent)} without a usable answer"
    if not sent:
        return "冲正尚未发出" if zh else "the reversal has not been sent yet"
    return f"冲正已发 {sent} 次" if zh else f"the reversal was sent {_times(sent)}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _settler(entry: Moment, lang: str) -> str:
    who = scrub(entry.fact.detail.operator)
    if lang == "zh":
        return f"由 {who} " if who else ""
    return f"by {who}" if who else "from evidence"


def _effect(path: Path, lang: str) -> str:
    """Say what a settlement decided, read from the books."""
    sums, kind = path.sums, path.record.kind
    zh = lang == "zh"
    took = bool(sums.charged_minor or sums.held_minor)
    if kind in CHARGES:
        return ("已向持卡人扣款" if took else "未向持卡人扣款") if zh else (
            "the card was charged" if took else "the card was not charged"
        )  # fmt: skip
    if kind in RETURNS:
        return ("已退回持卡人" if took else "未退回持卡人") if zh else (
            "the money was given back" if took else "the money was not given back"
        )  # fmt: skip
    if kind is Kind.PREAUTH:
        return (
            ("冻结有效" if took else "未冻结") if zh else ("the hold stands" if took else "there is no hold")
        )
    return ("冻结已解除" if took else "冻结未解除") if zh else (
        "the hold was released" if took else "the hold was not released"
    )  # fmt: skip


# -------------------------------------------------------------------- what the terminal was told
_TOLD: dict[Told, tuple[str, str]] = {
    Told.NOTHING: ("The terminal was told nothing that we know of.", "终端未收到可确认的结果。"),
    Told.APPROVED: ("The terminal was told: approved.", "终端收到的结果：成功。"),
    Told.DECLINED: ("The terminal was told: failed.", "终端收到的结果：失败。"),
    Told.UNKNOWN: ("The terminal was told: outcome unknown.", "终端收到的结果：结果未知。"),
    Told.CANCELLED: (
        "The terminal was told: its reversal has been taken over.",
        "终端收到的结果：冲正请求已受理。",
    ),
}


def told(path: Path, lang: str) -> str:
    """Say what the terminal knows, and where that differs from the books."""
    record, sums = path.record, path.sums
    english, chinese = _TOLD[record.told]
    text = chinese if lang == "zh" else english
    took = bool(sums.charged_minor or sums.held_minor)
    if record.state in FLYING or record.state in UNDONE:
        return text
    if sums.any_doubt:
        gap = ("", "") if record.told in (Told.UNKNOWN, Told.CANCELLED) else _GAP_DOUBT
    elif record.told is Told.APPROVED and not took and record.amount_minor:
        gap = _GAP_UNDONE
    elif record.told is not Told.APPROVED and took:
        gap = _GAP_BOOKED
    else:
        gap = ("", "")
    return text + (gap[1] if lang == "zh" else gap[0])


_GAP_DOUBT = (
    " Do not rely on it: the bank side may have booked it or not.",
    "请勿据此判断：银行侧可能已入账，也可能未入账。",
)
_GAP_UNDONE = (
    " That is no longer true: it has been undone, nothing of it counts.",
    "但该结果已不成立：交易已冲回，不再有效。",
)
_GAP_BOOKED = (" All the same it counts: the books hold it as done.", "但交易实际有效：账上已按成功记账。")


# -------------------------------------------------------------------- who acts next
_CHECK = (
    "finds out whether the bank side booked it (acquirer, or clearing file of {date}), and settles it accordingly",
    "向收单机构查询，或在 {date} 的清算文件到达后核对银行侧是否入账，再据实了结",
)
_STEPS: dict[State, tuple[Actor, str, str]] = {
    State.AUTHORIZING: (
        Actor.BANK,
        "answers; if it does not in time, Storno undoes the {kind} by itself",
        "应答；若超时未答，Storno 自动冲正该{kind}",
    ),
    State.ADVISING: (
        Actor.BANK,
        "answers; if it does not in time, the back office finds out",
        "应答；若超时未答，由后台人员查清",
    ),
    State.NOT_SENT: (Actor.SHOP, "may try again", "可以重新交易"),
    State.APPROVED: (Actor.NOBODY, "nothing is left to do", "已完成"),
    State.UNKNOWN: (Actor.OFFICE, *_CHECK),
    State.VOIDED: (
        Actor.NOBODY,
        "nothing is left to do; the void has a story of its own",
        "已完成；撤销交易另有记录",
    ),
    State.COMPLETED: (
        Actor.NOBODY,
        "nothing is left to do; the completion has a story of its own",
        "已完成；预授权完成另有记录",
    ),
    State.REVERSING: (
        Actor.STORNO,
        "sends the reversal until the bank side acknowledges it, and calls the back office if it cannot",
        "持续发送冲正直至银行侧确认；若不成功，转后台人员处理",
    ),
    State.REFUSED: (
        Actor.OFFICE,
        _CHECK[0] + "; or orders the reversal once more when the reason is mended",
        _CHECK[1] + "；若原因已排除，也可再次发起冲正",
    ),
    State.EXHAUSTED: (
        Actor.OFFICE,
        _CHECK[0] + "; or orders the reversal once more when the bank side can be reached again",
        _CHECK[1] + "；若银行侧已恢复，也可再次发起冲正",
    ),
    State.CLOSED: (Actor.NOBODY, "nothing is left to do", "已了结"),
}
_AFTER_UNDONE: dict[str, tuple[str, str]] = {
    "charge": ("may take the payment anew if the customer still wants it", "如顾客仍需支付，可重新收款"),
    "hold": ("may ask for a new pre-authorisation if it is still needed", "如仍需要，可重新做预授权"),
    "void": (
        "may void anew if it is still wanted: the original stands",
        "如仍需撤销，可重新办理：原交易仍有效",
    ),
    "refund": ("may refund anew if it is still wanted", "如仍需退货，可重新办理"),
}
_LOOK = (
    "looks at the exception, compares it with the clearing file of {date}, and closes or settles it",
    "核查该差错，与 {date} 的清算文件核对后关闭或了结",
)


def next_step(path: Path, lang: str) -> NextStep:
    """Say who acts next, what they do and by when."""
    record = path.record
    if record.case is not None and record.state not in OPEN | FLYING | {State.REVERSING}:
        actor, english, chinese = Actor.OFFICE, *_LOOK
    elif record.state is State.REVERSED:
        actor, (english, chinese) = Actor.SHOP, _AFTER_UNDONE[_group(record.kind)]
    elif record.state is State.DECLINED:
        actor = Actor.SHOP
        english = codes.advice(record.response, "en") or "Take another card, or ask the acquirer."
        chinese = codes.advice(record.response, "zh") or "请换卡，或联系收单机构。"
    else:
        actor, english, chinese = _STEPS[record.state]
    what = (chinese if lang == "zh" else english).format(
        kind=record.kind.title(lang), date=_day(record.opening.date)
    )
    waiting = record.state is State.REVERSING
    commands: tuple[str, ...] = ()
    if record.case is not None or record.state in OPEN:
        commands = tuple(orders.command(record.tx_id, order) for order in orders.allowed(record))
    return NextStep(
        actor, what, record.due_ms if waiting else 0, record.deadline_ms if waiting else 0, commands
    )


def _group(kind: Kind) -> str:
    if kind in CHARGES:
        return "charge"
    return "void" if kind in VOIDS else "hold" if kind is Kind.PREAUTH else "refund"


def _day(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == len("20260101") else date


# -------------------------------------------------------------------- what not to do
_NOT_AGAIN = {
    "charge": ("Do not swipe the card again for this.", "请勿再次刷卡收取此款。"),
    "hold": ("Do not ask for another pre-authorisation for this.", "请勿为此再做预授权。"),
    "void": ("Do not void the original again and do not refund it.", "请勿再次撤销原交易，也不要退货。"),
    "refund": ("Do not refund it again, neither to the card nor in cash.", "请勿重复退货，也不要退现金。"),
}
_NO_REFUND_RUNNING = (
    "Do not refund or void it by hand while the reversal runs.",
    "冲正进行期间，请勿手工退款或撤销。",
)
_NO_REFUND_OPEN = ("Do not refund it by hand before it is settled.", "了结之前，请勿手工退款。")
_NO_GOODS = ("Do not hand over goods on it.", "请勿凭此交易交付商品。")
_NO_REFUND_NONE = ("Do not refund it: nothing was taken in the end.", "请勿退款：最终并未扣款。")


def do_not(path: Path, lang: str) -> tuple[str, ...]:
    """List what nobody should do now."""
    record, sums = path.record, path.sums
    group = _group(record.kind)
    took = bool(sums.charged_minor or sums.held_minor)
    list_: list[tuple[str, str]] = []
    if record.state in OPEN | FLYING or record.state is State.REVERSING:
        list_.append(_NOT_AGAIN[group])
        if record.state is State.REVERSING:
            list_.append(_NO_REFUND_RUNNING)
        elif record.state in OPEN and group == "charge":
            list_.append(_NO_REFUND_OPEN)
    elif took and record.told is not Told.APPROVED and record.state not in UNDONE:
        list_.append(_NOT_AGAIN[group])
    if record.kind is Kind.SALE and not took:
        list_.append(_NO_GOODS)
    if group == "charge" and not took and record.state in (State.REVERSED, State.CLOSED):
        list_.append(_NO_REFUND_NONE)
    return tuple(chinese if lang == "zh" else english for english, chinese in list_)
