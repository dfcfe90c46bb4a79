"""Plain words, in English and Chinese, for everything a transaction can be, meet or be told.

Written for the person at the till or in the back office, so no field numbers and no state names. A test holds the
tables against the enums: a new member without words is a red test. Pure.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.record import Told, Trigger

Word: TypeAlias = State | Input | Case | Trigger | Told

STATES: dict[State, tuple[str, str]] = {
    State.AUTHORIZING: ("waiting for the bank's answer", "等待银行应答"),
    State.ADVISING: ("being reported to the bank", "正在通知银行"),
    State.NOT_SENT: ("never left us: no money moved", "未发出，资金未动"),
    State.APPROVED: ("approved", "已批准"),
    State.DECLINED: ("declined: no money moved", "被拒绝，资金未动"),
    State.UNKNOWN: (
        "outcome unknown: a person or the clearing file decides",
        "结果未知，待人工或清算文件确认",
    ),
    State.VOIDED: ("undone by a void", "已撤销"),
    State.COMPLETED: ("pre-authorisation completed", "预授权已完成"),
    State.REVERSING: ("being reversed", "冲正中"),
    State.REVERSED: ("reversed: the bank acknowledged it", "已冲正，银行已确认"),
    State.REFUSED: ("the bank refused the reversal: money in doubt", "冲正被银行拒绝，资金待定"),
    State.EXHAUSTED: ("the reversal got no answer in time: money in doubt", "冲正多次无应答，资金待定"),
    State.CLOSED: ("settled by hand or by the clearing file", "已由人工或清算文件了结"),
}

INPUTS: dict[Input, tuple[str, str]] = {
    Input.SEND_FAILED: ("the request could not be sent", "请求未能发出"),
    Input.RESPONSE_APPROVED: ("the bank approved", "银行应答：批准"),
    Input.RESPONSE_DECLINED: ("the bank declined", "银行应答：拒绝"),
    Input.RESPONSE_DOUBTFUL: ("the bank's answer leaves the outcome open", "银行应答：结果不确定"),
    Input.RESPONSE_INVALID: ("an answer came that cannot be trusted", "收到无法采信的应答"),
    Input.RESPONSE_TIMEOUT: ("no answer in time", "等待应答超时"),
    Input.DELIVERY_FAILED: ("the answer could not be delivered to the terminal", "应答未能送达终端"),
    Input.CANCEL_REQUESTED: ("the terminal asked for a reversal", "终端请求冲正"),
    Input.HOST_REVERSED: ("the bank reversed it on its own", "银行主动冲正"),
    Input.UNDONE: ("a void undid it", "被撤销交易撤销"),
    Input.CONSUMED: ("a completion charged it", "被预授权完成扣款"),
    Input.RESTORED: ("what had undone it was undone itself: it stands again", "撤销它的交易被冲正，恢复有效"),
    Input.REVERSAL_DUE: ("the reversal was sent", "发出冲正"),
    Input.REVERSAL_ACCEPTED: ("the bank accepted the reversal", "银行接受冲正"),
    Input.REVERSAL_REFUSED: ("the bank refused the reversal", "银行拒绝冲正"),
    Input.REVERSAL_EXHAUSTED: ("the reversal was given up after its last attempt", "冲正次数用尽，停止重发"),
    Input.RECOVERED: ("found open after a restart", "重启后发现未了结"),
    Input.RETRY_ORDERED: ("an operator ordered the reversal again", "操作员要求重新冲正"),
    Input.ADJUSTED_CHARGED: ("settled: it took effect", "核定：该交易已生效"),
    Input.ADJUSTED_UNCHARGED: ("settled: it took no effect", "核定：该交易未生效"),
    Input.CASE_CLOSED: ("the exception was looked at and closed", "差错已核查并关闭"),
    Input.LATE_REQUEST: (
        "the request arrived after its own reversal and was declined",
        "请求晚于其冲正到达，已拒绝",
    ),
    Input.RESENT: ("sent to the bank once more", "再次发送给银行"),
    Input.CONTRADICTED: (
        "the bank's later approval contradicts what was told",
        "银行后到的批准与已告知的结果矛盾",
    ),
}

OPENED: tuple[str, str] = ("the terminal's request was taken in", "受理终端请求")
"""The first fact of a transaction has no input."""

CASES: dict[Case, tuple[str, str]] = {
    Case.EXHAUSTED: ("reversal without an answer", "冲正无应答"),
    Case.REFUSED: ("reversal refused", "冲正被拒"),
    Case.DOUBTFUL: ("outcome unknown", "结果不明"),
    Case.CONTRADICTION: ("the bank contradicts itself or us", "银行应答前后矛盾"),
    Case.HOST_REVERSED: ("reversed by the bank without our asking", "银行主动冲正"),
    Case.PAID_AFTER_CLOSE: ("money moved after it was closed", "了结后资金又有变动"),
}

TRIGGERS: dict[Trigger, tuple[str, str]] = {
    Trigger.TIMEOUT: ("no answer in time", "应答超时"),
    Trigger.LINK_LOST: ("the line to the bank broke", "与银行的连接中断"),
    Trigger.BAD_MAC: ("the answer's seal (MAC) is wrong", "应答 MAC 校验失败"),
    Trigger.BAD_ANSWER: ("the answer does not fit the request", "应答与请求不符"),
    Trigger.DOUBTFUL_CODE: ("the answer leaves the outcome open", "应答码表示结果不确定"),
    Trigger.RECOVERED: ("open when the gateway restarted", "网关重启时尚未了结"),
    Trigger.UNDELIVERABLE: ("the terminal could not be told", "无法通知终端"),
    Trigger.TERMINAL: ("the terminal asked for it", "终端要求"),
    Trigger.LATE_APPROVAL: ("the approval came too late", "批准来得太迟"),
    Trigger.OPERATOR: ("an operator ordered it", "操作员要求"),
}

TOLD: dict[Told, tuple[str, str]] = {
    Told.NOTHING: ("nothing yet", "尚未通知"),
    Told.APPROVED: ("approved", "成功"),
    Told.DECLINED: ("declined", "失败"),
    Told.UNKNOWN: ("outcome unknown", "结果未知"),
    Told.CANCELLED: ("its reversal was taken over", "冲正已受理"),
}


_WORDS: dict[Any, tuple[str, str]] = {**STATES, **INPUTS, **CASES, **TRIGGERS, **TOLD}


def title(word: Word, lang: str) -> str:
    """Say in words what a state, input, case, trigger or told answer means (`lang` is zh or en)."""
    english, chinese = _WORDS[word]
    return chinese if lang == "zh" else english


def happened(what: Input | None, lang: str) -> str:
    """Say in words what a fact tells; None is the opening."""
    if what is None:
        return OPENED[1] if lang == "zh" else OPENED[0]
    return title(what, lang)
