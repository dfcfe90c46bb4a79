"""The slip a terminal command prints: what happened, where the money is now, what to do and what not.

Rule: the card is masked before it gets here; amounts are shown with their currency. Texts in zh and en.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from storno.cli.text import language, t
from storno.cli.width import pad, wrap
from storno.iso8583.profile import Reason
from storno.money import Money
from storno.terminal.memory import Remembered
from storno.terminal.outcome import Advice, Cause, Outcome, Result
from storno.terminal.state import Entry, Exhausted, Pending, Reversal

_WIDTH = 56
_RULE = "-" * _WIDTH
_LABEL = 14
_NOTHING = "—"
_LOG_SHOWN = 10

_OUTCOMES = {
    Outcome.APPROVED: ("approved", "成功"),
    Outcome.PARTIAL: ("approved in part", "部分批准"),
    Outcome.DECLINED: ("declined", "被拒"),
    Outcome.DOUBTFUL: ("doubtful", "存疑"),
    Outcome.NOT_SENT: ("not sent", "未发出"),
    Outcome.UNKNOWN: ("unknown", "结果不明"),
    Outcome.NO_ANSWER: ("no answer", "无应答"),
}
_REVERSALS = {
    Reversal.NONE: ("", ""),
    Reversal.PENDING: ("reversal pending", "待冲正"),
    Reversal.ACCEPTED: ("reversed", "已冲正"),
    Reversal.SET_ASIDE: ("reversal given up: see below", "冲正未成，见下方差错"),
}
_REASONS = {
    Reason.TIMEOUT: ("no answer in time", "超时未收到应答"),
    Reason.MAC_ERROR: ("the answer's MAC is wrong", "应答 MAC 校验错"),
    Reason.TERMINAL_FAULT: ("the terminal failed after the approval", "批准后终端自身故障"),
    Reason.UNDELIVERABLE: ("the answer could not be delivered", "应答无法送达"),
    Reason.LATE_ANSWER: ("the answer came too late", "应答到达太迟"),
    Reason.RECOVERED: ("the terminal stopped in the middle", "交易中途终端掉电或退出"),
    Reason.OTHER: ("the answer cannot be used", "应答不可用"),
}


def lines(result: Result, slips: list[Exhausted], address: str = "") -> list[str]:
    """Give the slip of a result; `slips` are the reversals given up on the way, `address` is who was called."""
    lang = language().value
    rows = [_RULE, f"  STORNO   {t('terminal', '终端')} {result.tid}   {result.operation.title(lang)}", _RULE]
    facts = [f"  {pad(label, _LABEL)}{text}" for label, text in _facts(result) if text]
    rows += [*facts, _RULE] if facts else []
    reason = result.cause.title(lang) if result.cause is not Cause.ANSWERED else ""
    if result.cause is Cause.UNREACHABLE and address:
        reason += t(f" ({address})", f"（{address}）")
    words = [
        (t("result", "结果"), result.advice(Advice.HAPPENED, lang)),
        (t("reason", "原因"), reason),
        (t("money now", "资金"), result.advice(Advice.MONEY, lang)),
        (t("do", "请做"), result.advice(Advice.DO, lang)),
        (t("beware", "注意"), result.advice(Advice.DO_NOT, lang)),
    ]
    for label, text in words:
        if text and text != _NOTHING:
            rows += wrap(f"  {label}{t(': ', '：')}{text}", _WIDTH, "    ")
    for stan in result.reversed_stans:
        rows.append("  " + t(f"before that, trace {stan} was reversed", f"在此之前已完成流水 {stan} 的冲正"))
    for one in slips:
        rows += wrap("  " + one.slip(lang), _WIDTH, "    ")
    if result.reversal_pending and result.outcome is not Outcome.UNKNOWN:
        rows.append("  " + t("a reversal is still pending", "仍有待冲正交易"))
    return [*rows, _RULE]


def _facts(result: Result) -> list[tuple[str, str]]:
    facts = [
        (t("batch/trace", "批次/流水"), f"{result.batch} / {result.stan}" if result.stan else ""),
        (t("card", "卡号"), result.card),
        (t("amount", "金额"), str(Money(result.amount_minor)) if result.operation.moves_money else ""),
        (
            t("approved", "批准金额"),
            str(Money(result.approved_minor)) if result.outcome is Outcome.PARTIAL else "",
        ),
        (t("RRN", "参考号"), result.rrn),
        (t("auth code", "授权码"), result.auth_code),
        (t("date", "日期"), result.date),
        (t("answer code", "应答码"), result.code),
    ]
    if result.balance_minor is not None:
        facts.append((t("balance", "余额"), str(Money(result.balance_minor))))
    if result.totals is not None:
        debit, credit = Money(result.totals.debit_minor), Money(result.totals.credit_minor)
        facts += [
            (t("debit", "借记"), f"{result.totals.debit_count} × {debit}"),
            (t("credit", "贷记"), f"{result.totals.credit_count} × {credit}"),
            (t("net", "净额"), str(debit - credit)),
        ]
    return facts


def as_json(result: Result) -> dict[str, object]:
    """Give a result as plain values; amounts in minor units."""
    lang = language().value
    return {
        "operation": result.operation.value,
        "outcome": result.outcome.value,
        "cause": result.cause.value,
        "tid": result.tid,
        "batch": result.batch,
        "stan": result.stan,
        "amount_minor": result.amount_minor,
        "approved_minor": result.approved_minor,
        "code": result.code,
        "rrn": result.rrn,
        "auth_code": result.auth_code,
        "date": result.date,
        "card": result.card,
        "balance_minor": result.balance_minor,
        "debit_count": result.totals.debit_count if result.totals else None,
        "debit_minor": result.totals.debit_minor if result.totals else None,
        "credit_count": result.totals.credit_count if result.totals else None,
        "credit_minor": result.totals.credit_minor if result.totals else None,
        "reversal_pending": result.reversal_pending,
        "reversed_stans": list(result.reversed_stans),
        "set_aside": list(result.set_aside),
        "happened": result.advice(Advice.HAPPENED, lang),
        "money": result.advice(Advice.MONEY, lang),
        "do": result.advice(Advice.DO, lang),
        "do_not": result.advice(Advice.DO_NOT, lang),
    }


def pending_line(pending: Pending) -> str:
    """Describe the reversal that waits."""
    lang = language().value
    name, amount = pending.operation.title(lang), Money(pending.amount_minor)
    what = f"{name} {pending.batch}/{pending.stan} {amount} {pending.card}"
    return t(
        f"reversal pending: {what}, sent {pending.attempts} times; reason: {_REASONS[pending.reason][0]}",
        f"待冲正：{what}，已发送 {pending.attempts} 次；原因：{_REASONS[pending.reason][1]}",
    )


def entry_line(entry: Entry) -> str:
    """Describe one transaction as the cashier was told it."""
    lang = language().value
    parts = [
        f"{entry.batch}/{entry.stan}",
        f"{entry.operation.title(lang)} {Money(entry.amount_minor)}",
        entry.card,
        f"{t(*_OUTCOMES[entry.outcome])} {entry.code}".rstrip(),
        t(f"RRN {entry.rrn}", f"参考号 {entry.rrn}") if entry.rrn else "",
        t(*_REVERSALS[entry.reversal]),
        t(f"undone by {entry.undone_by}", f"已由 {entry.undone_by} 撤销") if entry.undone_by else "",
    ]
    return "  ".join(part for part in parts if part)


def status_lines(
    tid: str, loaded: Remembered, rows: Sequence[Entry], exceptions: Sequence[Exhausted]
) -> list[str]:
    """Describe what a terminal remembers: counters, the reversal that waits, the last rows, every exception."""
    numbers, lang = loaded.numbers, language().value
    signed = t("signed in", "已签到") if numbers.key_block else t("not signed in", "未签到")
    head = f"{t('terminal', '终端')} {tid}  {t('batch', '批次')} {numbers.batch:06d}  "
    shown = [f"{head}{t('trace', '流水')} {numbers.stan:06d}  {signed}"]
    if numbers.settling:
        shown.append(t("a settlement was begun: finish it first", "结算未完成，请继续结算"))
    shown.append(
        pending_line(loaded.pending) if loaded.pending else t("no reversal is pending", "没有待冲正交易")
    )
    shown += ["  " + entry_line(row) for row in rows[-_LOG_SHOWN:]]
    return shown + ["! " + one.slip(lang) for one in exceptions]


def status_json(
    tid: str, loaded: Remembered, rows: Sequence[Entry], exceptions: Sequence[Exhausted]
) -> dict[str, object]:
    """Give what a terminal remembers as plain values; cards masked, amounts in minor units."""
    pending, numbers = loaded.pending, loaded.numbers
    waiting = None
    if pending is not None:
        hidden = {"mti", "fields"}
        waiting = {name: value for name, value in _plain(pending).items() if name not in hidden}
    return {
        "tid": tid,
        "batch": f"{numbers.batch:06d}",
        "stan": f"{numbers.stan:06d}",
        "signed_in": bool(numbers.key_block),
        "settling": numbers.settling,
        "pending": waiting,
        "log": [_plain(row) for row in rows],
        "exceptions": [_plain(one) | {"slip": one.slip(language().value)} for one in exceptions],
    }


def _plain(value: Entry | Exhausted | Pending) -> dict[str, object]:
    members = value._asdict().items()
    return {name: member.value if isinstance(member, Enum) else member for name, member in members}
