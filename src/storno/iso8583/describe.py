"""A message for people: names, sub-fields and money in words, in Chinese or English, masked unless asked.

Rule: never fails, whatever the fields hold; a sub-field that does not parse is shown as it is. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storno.iso8583 import mti as message_type
from storno.iso8583.errors import SubfieldError
from storno.iso8583.mask import holds_keys, mask_pan, masked_fields
from storno.iso8583.message import Message
from storno.iso8583.spec import Dialect, Head
from storno.iso8583.subfields import (
    F60,
    F61,
    NetworkF60,
    OriginalElements,
    SettlementTotals,
    key_layout,
    parse_f54,
)
from storno.iso8583.tlv import Tlv, parse_tlv

__all__ = ["Row", "describe", "describe_rows", "mask_pan", "masked_fields"]

_MINOR_DIGITS = {"156": 2, "344": 2, "446": 2, "840": 2, "978": 2, "392": 0, "410": 0}
_F60_NAMES = (
    ("kind", "60.1 交易类型", "60.1 transaction type"),
    ("batch", "60.2 批次号", "60.2 batch"),
    ("network_code", "60.3 网络管理信息码", "60.3 network management code"),
    ("capability", "60.4 终端读取能力", "60.4 terminal capability"),
    ("ic_condition", "60.5 IC卡条件代码", "60.5 IC condition"),
    ("partial_approval", "60.6 部分金额批准", "60.6 partial approval"),
    ("account_type", "60.7 账户类型", "60.7 account type"),
)
_F61_NAMES = (
    ("batch", "61.1 原批次号", "61.1 original batch"),
    ("stan", "61.2 原流水号", "61.2 original STAN"),
    ("date", "61.3 原交易日期", "61.3 original date"),
    ("auth_mode", "61.4 原授权方式", "61.4 original authorization mode"),
    ("auth_institution", "61.5 原授权机构", "61.5 original authorizer"),
)
_F90_NAMES = (
    ("mti", "90.1 原报文类型", "90.1 original MTI"),
    ("stan", "90.2 原系统跟踪号", "90.2 original STAN"),
    ("transmission", "90.3 原传输时间", "90.3 original transmission time"),
    ("acquirer", "90.4 原受理机构", "90.4 original acquirer"),
    ("forwarder", "90.5 原发送机构", "90.5 original forwarder"),
)
_VERDICTS = {"1": ("对账平", "balanced"), "2": ("对账不平", "not balanced"), "3": ("对账出错", "error")}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a description: depth 0 is a field, deeper ones are its parts."""

    depth: int
    label: str
    name: str
    value: str


def _named(value: object, names: tuple[tuple[str, str, str], ...], zh: bool) -> Iterator[Row]:  # noqa: FBT001
    for attribute, chinese, english in names:
        text = getattr(value, attribute)
        if text:
            label, _, name = (chinese if zh else english).partition(" ")
            yield Row(1, label, name, text)


def _money(minor: int, currency: str) -> str:
    places = _MINOR_DIGITS.get(currency)
    if places is None:
        return f"{minor} ({currency})"
    return f"{minor / 10**places:,.{places}f}" if places == 0 else f"{minor // 100:,}.{minor % 100:02d}"


def _amount(message: Message, text: str, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    if text.isascii() and text.isdecimal():
        currency = message.fields.get(49, "156")
        yield Row(1, "", "金额" if zh else "in words", f"{_money(int(text), currency)} {currency}")


def _f60(message: Message, dialect: Dialect, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    text = message.fields[60]
    if dialect.head is Head.BCD:
        yield from _named(F60.parse(text), _F60_NAMES, zh)
    elif dialect.profile.reason_field == 60:
        one = NetworkF60.parse(text)
        yield Row(1, "60.1", "报文原因代码" if zh else "message reason", one.reason)
        if one.detail:
            yield Row(1, "60.2+", "服务点附加信息" if zh else "service point details", one.detail)


def _f54(message: Message, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    for number, one in enumerate(parse_f54(message.fields[54]), 1):
        name = "余额" if zh else "balance"
        kind = f"{one.account_type}/{one.amount_type}"
        sign = "-" if one.sign == "D" else ""
        yield Row(
            1,
            f"54.{number}",
            f"{name} {kind}",
            f"{sign}{_money(one.amount_minor, one.currency)} {one.currency}",
        )


def _f48(message: Message, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    if message.mti[:2] != "05":
        return
    totals = SettlementTotals.parse(message.fields[48])
    for label, name, side in (
        ("48.1", "内卡" if zh else "domestic", totals.domestic),
        ("48.2", "外卡" if zh else "foreign", totals.foreign),
    ):
        debit, credit = ("借记", "贷记") if zh else ("debit", "credit")
        verdict = _VERDICTS.get(side.result, (side.result, side.result))[0 if zh else 1]
        money = f"{debit} {side.debit_count}: {_money(side.debit_minor, '156')}, "
        money += f"{credit} {side.credit_count}: {_money(side.credit_minor, '156')}, {verdict}"
        yield Row(1, label, name, money)


def _tlv_rows(items: tuple[Tlv, ...], hidden: str | None, depth: int, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    for item in items:
        value = item.value
        if hidden is not None and value and value not in hidden:
            value = "*" * len(value)
        shown = "" if item.children else value
        yield Row(depth, item.tag, item.name("zh" if zh else "en"), shown)
        yield from _tlv_rows(item.children, hidden, depth + 1, zh)


def _f62(message: Message, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    layout = key_layout(message.fields[62]) if holds_keys(message.mti, 62, message.fields[62]) else None
    for name, size in layout.parts if layout else ():
        yield Row(
            1, "", name.replace("check", "校验值") if zh else name, f"{size} 字节" if zh else f"{size} bytes"
        )


def _parts(message: Message, dialect: Dialect, number: int, shown: str, zh: bool) -> Iterator[Row]:  # noqa: FBT001
    """Give the readable parts of a field; SubfieldError when it does not follow its layout."""
    text = message.fields[number]
    readers: dict[int, Callable[[], Iterator[Row]]] = {
        4: lambda: _amount(message, text, zh),
        48: lambda: _f48(message, zh),
        54: lambda: _f54(message, zh),
        55: lambda: _tlv_rows(parse_tlv(text), None if shown == text else shown, 1, zh),
        60: lambda: _f60(message, dialect, zh),
        61: lambda: _named(F61.parse(text), _F61_NAMES, zh) if dialect.head is Head.BCD else iter(()),
        62: lambda: _f62(message, zh),
        90: lambda: _named(OriginalElements.parse(text), _F90_NAMES, zh),
    }
    reader = readers.get(number)
    if reader is not None:
        yield from reader()


def describe_rows(msg: Message, dialect: Dialect, lang: str = "en", *, unmask: bool = False) -> list[Row]:
    """List the fields with their names and parts; masked unless `unmask`."""
    zh = lang == "zh"
    shown = dict(sorted(msg.fields.items())) if unmask else masked_fields(msg, dialect)
    rows = []
    for number, value in shown.items():
        field = dialect.field(number)
        rows.append(Row(0, f"F{number}", field.name(lang) if field else "", value))
        try:
            parts = list(_parts(msg, dialect, number, value, zh))
        except SubfieldError:
            parts = []
        if not unmask and value != msg.fields[number] and number not in (55, 62):
            parts = []
        rows += parts
    return rows


def describe(msg: Message, dialect: Dialect, lang: str = "en", *, unmask: bool = False) -> str:
    """Say a message in lines of text; masked unless `unmask`."""
    head = f"{msg.mti} {message_type.title(msg.mti, lang)} ({dialect.title(lang)})"
    lines = [head]
    lines += [f"TPDU {msg.tpdu}"] if msg.tpdu else []
    lines += [f"{'报文头' if lang == 'zh' else 'header'} {msg.header}"] if msg.header else []
    for row in describe_rows(msg, dialect, lang, unmask=unmask):
        indent = "  " * row.depth
        lines.append(f"{indent}{row.label} {row.name}: {row.value}".replace("  :", ":"))
    return "\n".join(lines)
