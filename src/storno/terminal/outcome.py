"""How an operation ended, why, and what the cashier does now, in zh and en.

Rule: "not sent", "unknown", "declined" and "approved" are different answers with different advice, and each says where
the money is. Pure data: imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from storno.terminal.operation import Operation


class Outcome(Enum):
    """What the cashier is told."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    APPROVED = "approved"
    PARTIAL = "partial"
    DECLINED = "declined"
    DOUBTFUL = "doubtful"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    NO_ANSWER = "no_answer"


class Cause(Enum):
    """Why it ended so."""

    ANSWERED = "answered"
    SILENCE = "silence"
    CONNECTION_LOST = "connection_lost"
    BAD_MAC = "bad_mac"
    UNREADABLE = "unreadable"
    MISMATCH = "mismatch"
    OWN_FAULT = "own_fault"
    UNREACHABLE = "unreachable"
    REVERSAL_FIRST = "reversal_first"
    BLOCKED = "blocked"
    SETTLING = "settling"
    NOT_SIGNED_IN = "not_signed_in"
    BAD_KEYS = "bad_keys"
    NOT_BALANCED = "not_balanced"
    NOTHING_PENDING = "nothing_pending"
    RECOVERED = "recovered"
    EXHAUSTED = "exhausted"
    CROSS_DAY = "cross_day"

    def title(self, lang: str) -> str:
        """Say the cause in words."""
        english, chinese = _CAUSES[self]
        return chinese if lang == "zh" else english


class Advice(Enum):
    """The four lines a cashier reads."""

    HAPPENED = 0
    MONEY = 1
    DO = 2
    DO_NOT = 3


@dataclass(frozen=True, slots=True)
class Totals:
    """A batch added up: debit is what was taken from cards, credit what was given back. Minor units."""

    debit_count: int
    debit_minor: int
    credit_count: int
    credit_minor: int


class Result(NamedTuple):
    """One operation as it ended. Amounts in minor units; `code` is F39 as received; `reversed_stans` and `set_aside`
    are the earlier transactions whose reversal was completed, or given up as an exception, on the way.
    """

    operation: Operation
    outcome: Outcome
    cause: Cause
    tid: str
    batch: str = ""
    stan: str = ""
    amount_minor: int = 0
    approved_minor: int = 0
    code: str = ""
    rrn: str = ""
    auth_code: str = ""
    date: str = ""
    card: str = ""
    balance_minor: int | None = None
    totals: Totals | None = None
    reversal_pending: bool = False
    reversed_stans: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()

    def advice(self, line: Advice, lang: str) -> str:
        """Give one of the four lines in words."""
        pick = 1 if lang == "zh" else 0
        return _table(self)[line.value][pick]


_CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.ANSWERED: ("the host answered", "主机已应答"),
    Cause.SILENCE: ("no answer in time", "超时未收到应答"),
    Cause.CONNECTION_LOST: ("the connection broke after sending", "发送后连接中断"),
    Cause.BAD_MAC: ("the answer's MAC is wrong", "应答 MAC 校验错"),
    Cause.UNREADABLE: ("the answer could not be read", "应答报文无法解析"),
    Cause.MISMATCH: ("the answer does not fit the request", "应答与请求不符"),
    Cause.OWN_FAULT: ("the terminal failed after the approval", "批准后终端自身故障（打印、芯片或存储）"),
    Cause.UNREACHABLE: ("no connection; nothing was sent", "连接失败，未发出任何数据"),
    Cause.REVERSAL_FIRST: (
        "an earlier reversal must be sent first and cannot be",
        "有待冲正交易，须先冲正但暂时发不出去",
    ),
    Cause.BLOCKED: ("an exhausted reversal blocks this terminal", "冲正次数用尽，终端已锁定"),
    Cause.SETTLING: ("the settlement was begun and must be finished first", "结算未完成，须先完成结算"),
    Cause.NOT_SIGNED_IN: ("the terminal has not signed in", "终端未签到"),
    Cause.BAD_KEYS: ("the working keys' check value is wrong", "工作密钥校验值不符"),
    Cause.NOT_BALANCED: ("the host's totals differ; details were uploaded", "对账不平，明细已上送"),
    Cause.NOTHING_PENDING: ("no reversal is pending", "没有待冲正交易"),
    Cause.RECOVERED: ("the terminal stopped in the middle", "交易中途终端掉电或退出"),
    Cause.EXHAUSTED: ("the reversal's attempts are used up", "冲正次数已用尽"),
    Cause.CROSS_DAY: ("the original belongs to an earlier day", "原交易不在当日"),
}

_Pair = tuple[str, str]
_Table = tuple[_Pair, _Pair, _Pair, _Pair]
_NOTHING: _Pair = ("—", "—")
_UNMOVED: _Pair = ("no money moved", "资金未变动")

_MONEY: dict[Outcome, _Table] = {
    Outcome.APPROVED: (
        ("approved", "交易成功"),
        ("the amount is booked at the issuer", "发卡行已记账"),
        ("hand over the slip", "将签购单交持卡人"),
        ("do not repeat it", "请勿重复刷卡"),
    ),
    Outcome.PARTIAL: (
        ("approved in part", "部分金额批准"),
        ("only the approved amount is booked", "仅批准金额已记账"),
        ("collect the rest another way, or void this sale", "请以其他方式收取余额，或撤销本笔"),
        ("do not treat it as paid in full", "请勿按全额收讫处理"),
    ),
    Outcome.DECLINED: (
        ("declined", "交易被拒绝"),
        _UNMOVED,
        ("tell the cardholder; another card or amount may do", "告知持卡人，可换卡或更改金额"),
        ("do not hand over the goods", "请勿交付商品"),
    ),
    Outcome.DOUBTFUL: (
        ("the result is doubtful", "结果存疑"),
        (
            "it may or may not be booked; this terminal sends no reversal, gateway or acquirer clear it up",
            "可能已记账也可能未记账；本机不发冲正，由网关或收单机构处理",
        ),
        (
            "note the trace number; ask with `storno explain TID/STAN`, or ask the acquirer",
            "记下流水号，用 storno explain 终端号/流水号 查询，或联系收单机构查账",
        ),
        ("do not charge again before that is clear", "查清之前请勿重复收款"),
    ),
    Outcome.NOT_SENT: (
        ("not sent", "未发出"),
        _UNMOVED,
        ("see the reason, then try again", "查明原因后重试"),
        ("do not hand over the goods", "请勿交付商品"),
    ),
    Outcome.UNKNOWN: (
        ("no valid result; a reversal is pending", "未得到有效结果，已登记冲正"),
        ("whatever was booked will be undone by the reversal", "若已记账，将由冲正退回"),
        (
            "treat it as not paid; the reversal goes out before the next transaction (or: storno terminal drain)",
            "按未成功处理；冲正将在下一笔交易前自动发送（或执行 storno terminal drain）",
        ),
        ("do not hand over the goods; do not delete the terminal's data", "请勿交付商品，请勿清除终端数据"),
    ),
}
_MONEY[Outcome.NO_ANSWER] = _MONEY[Outcome.DOUBTFUL]

_UNDOING: dict[Outcome, _Table] = {
    Outcome.APPROVED: (
        ("void approved", "撤销成功"),
        ("the original is undone at the issuer", "原交易已撤销，款项退回持卡人"),
        ("hand over the void slip", "将撤销单交持卡人"),
        ("do not refund it in addition", "请勿再次退款"),
    ),
    Outcome.DECLINED: (
        ("void declined", "撤销被拒绝"),
        ("the original stands as it was", "原交易仍然有效"),
        ("check the trace number; after settlement use a refund", "核对原流水号；已结算的请做退货"),
        ("do not give cash back", "请勿退现金"),
    ),
    Outcome.UNKNOWN: (
        ("no valid result of the void; its reversal is pending", "撤销未得到有效结果，已登记冲正"),
        ("the reversal restores the original", "冲正后原交易恢复有效"),
        ("void again after the reversal is through", "冲正完成后再次撤销"),
        ("do not give cash back", "请勿退现金"),
    ),
}

_HELD: _Table = (
    ("approved", "预授权成功"),
    ("the amount is held on the card, not yet taken", "金额已冻结，尚未扣款"),
    ("keep the auth code for the completion", "保存授权码，以便预授权完成"),
    ("do not treat it as paid", "请勿视为已收款"),
)
_GIVEN_BACK: _Table = (
    ("refund approved", "退货成功"),
    ("the amount goes back to the card", "款项将退回持卡人账户"),
    ("hand over the refund slip", "将退货单交持卡人"),
    ("do not give cash back in addition", "请勿另退现金"),
)

_SERVICE: dict[Outcome, _Table] = {
    Outcome.APPROVED: (("done", "成功"), _UNMOVED, _NOTHING, _NOTHING),
    Outcome.DECLINED: (
        ("refused by the host", "主机拒绝"),
        _UNMOVED,
        ("see the code", "请看应答码"),
        _NOTHING,
    ),
    Outcome.NOT_SENT: (
        ("not sent", "未发出"),
        _UNMOVED,
        ("see the reason, then try again", "查明原因后重试"),
        _NOTHING,
    ),
    Outcome.NO_ANSWER: (("no usable answer", "未得到有效应答"), _UNMOVED, ("try again", "请重试"), _NOTHING),
}
_SERVICE[Outcome.PARTIAL] = _SERVICE[Outcome.APPROVED]
_SERVICE[Outcome.DOUBTFUL] = _SERVICE[Outcome.NO_ANSWER]
_SERVICE[Outcome.UNKNOWN] = (
    ("an earlier reversal is still pending", "仍有待冲正交易"),
    ("whatever was booked is not yet undone", "若已记账，尚未退回"),
    ("try again: storno terminal drain", "稍后重试：storno terminal drain"),
    ("do not delete the terminal's data", "请勿清除终端数据"),
)

_SETTLE: dict[Outcome, _Table] = {
    Outcome.APPROVED: (
        ("batch settled", "结算完成"),
        ("the merchant is paid the net total by the acquirer", "收单机构将按净额入账"),
        ("keep the settlement slip", "保存结算单"),
        _NOTHING,
    ),
    Outcome.NO_ANSWER: (
        ("settlement not finished", "结算未完成"),
        ("nothing is lost; the batch stays open", "数据未丢失，批次仍保留"),
        ("settle again", "请再次结算"),
        ("do not sell before the settlement is finished", "结算完成前请勿交易"),
    ),
}

_DRAIN: dict[Outcome, _Table] = {
    Outcome.APPROVED: (
        ("the pending transaction is reversed", "待冲正交易已冲正"),
        ("nothing of it is booked any more", "该笔已不再记账"),
        _NOTHING,
        _NOTHING,
    ),
    Outcome.DOUBTFUL: (
        ("the reversal was given up and is listed as an exception", "冲正未成功，已转入差错清单"),
        ("the amount may still be booked", "款项可能仍处于记账状态"),
        ("call the acquirer with this slip", "凭此单联系收单机构查账"),
        ("do not charge again before that is clear", "查清之前请勿重复收款"),
    ),
    Outcome.UNKNOWN: _SERVICE[Outcome.UNKNOWN],
}

_AHEAD: _Pair = ("sign in: storno terminal sign-in", "请先签到：storno terminal sign-in")
_DO_INSTEAD: dict[Cause, _Pair] = {
    Cause.UNREACHABLE: (
        "check that the gateway runs and the line is up, then try again",
        "确认网关已启动、线路正常，然后重试",
    ),
    Cause.NOT_SIGNED_IN: _AHEAD,
    Cause.SETTLING: ("settle first: storno terminal settle", "请先结算：storno terminal settle"),
    Cause.BLOCKED: (
        "call the acquirer, then: storno terminal drain (try again) or drain --set-aside",
        "请联系收单机构，之后执行 storno terminal drain（重试）或 drain --set-aside（转入差错）",
    ),
    Cause.REVERSAL_FIRST: (
        "check the line, then try again; the earlier reversal is kept",
        "检查线路后重试；待冲正记录已保留",
    ),
}
_SIGN_IN_CODES = frozenset({"77", "99", "A0"})


def _table(result: Result) -> _Table:
    operation = result.operation
    if operation is Operation.SETTLE and result.outcome in _SETTLE:
        table = _SETTLE[result.outcome]
    elif operation is Operation.DRAIN and result.cause is not Cause.NOTHING_PENDING:
        table = _DRAIN[result.outcome]
    elif not operation.moves_money:
        table = _SERVICE[result.outcome]
    elif operation is Operation.PREAUTH and result.outcome is Outcome.APPROVED:
        table = _HELD
    elif operation is Operation.REFUND and result.outcome is Outcome.APPROVED:
        table = _GIVEN_BACK
    elif operation in (Operation.VOID, Operation.PREAUTH_VOID, Operation.COMPLETION_VOID):
        table = _UNDOING.get(result.outcome, _MONEY[result.outcome])
    else:
        table = _MONEY[result.outcome]
    instead = _DO_INSTEAD.get(result.cause)
    if result.outcome is Outcome.DECLINED and result.code in _SIGN_IN_CODES:
        instead = _AHEAD
    return table if instead is None else (table[0], table[1], instead, table[3])
