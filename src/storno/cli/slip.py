"""The slip a terminal command prints: what happened, where the money is now, what to do and what not.

Rule: the card is masked before it gets here; amounts are shown with their currency. Texts in zh and en.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from enum import Enum

from storno.cli.text import language, t
from storno.money import Money
from storno.terminal.memory import Remembered
from storno.terminal.outcome import Advice, Cause, Outcome, Result
from storno.terminal.state import Entry, Exhausted, Pending

_RULE = "-" * 56
_NOTHING = "—"
_LOG_SHOWN = 10


def lines(result: Result, slips: list[Exhausted]) -> list[str]:
    """Give the slip of a result; `slips` are the reversals given up on the way."""
    lang = language().value
    rows = [_RULE, f"  STORNO   {t('terminal', '终端')} {result.tid}   {result.operation.title(lang)}", _RULE]
    rows += [f"  {label:<14}{text}" for label, text in _facts(result) if text]
    words = [
        (t("result", "结果"), result.advice(Advice.HAPPENED, lang)),
        (t("reason", "原因"), result.cause.title(lang) if result.cause is not Cause.ANSWERED else ""),
        (t("money now", "资金"), result.advice(Advice.MONEY, lang)),
        (t("do", "请做"), result.advice(Advice.DO, lang)),
        (t("do not", "勿做"), result.advice(Advice.DO_NOT, lang)),
    ]
    rows += [_RULE, *(f"  {label}: {text}" for label, text in words if text and text != _NOTHING)]
    for stan in result.reversed_stans:
        rows.append("  " + t(f"before that, trace {stan} was reversed", f"在此之前已完成流水 {stan} 的冲正"))
    rows += ["  " + one.slip(lang) for one in slips]
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
        f"reversal pending: {what}, sent {pending.attempts} times, reason {pending.reason.value}",
        f"待冲正：{what}，已发送 {pending.attempts} 次，原因 {pending.reason.value}",
    )


def entry_line(entry: Entry) -> str:
    """Describe one transaction as the cashier was told it."""
    lang = language().value
    tail = f" → {entry.undone_by}" if entry.undone_by else ""
    reversal = "" if entry.reversal.value == "none" else f" [{t('reversal', '冲正')}: {entry.reversal.value}]"
    return (
        f"{entry.batch}/{entry.stan} {entry.operation.title(lang)} {Money(entry.amount_minor)} {entry.card} "
        f"{entry.outcome.value} {entry.code} {entry.rrn}{reversal}{tail}"
    ).replace("  ", " ")


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
    members = {one.name: getattr(value, one.name) for one in fields(value)}
    return {name: member.value if isinstance(member, Enum) else member for name, member in members.items()}
