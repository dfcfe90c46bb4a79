"""ABN AMRO's TAB export (`TXT<time>.TAB`): eight columns between tabs, no header, of several accounts in one file.

Every row carries the balances before and after it: they must differ by its amount, and rows of one account must follow
each other, in whichever order. A row missing between two others, or changed, shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from storno.money import LETTERS
from storno.statements.amount import AmountError, decimals_of, scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._narrative import narrative, opened
from storno.statements.formats._row import RowError, reject
from storno.statements.line import FileRefused, Frame, LineKind, Part, Reject, Role, StatementLine
from storno.statements.lines import TextLine, broken, raw_lines
from storno.statements.mask import mask_id
from storno.statements.tally import Chain
from storno.statements.when import WhenError, plain_day

_ROW = re.compile(
    r"[A-Z0-9]{5,34}\t[A-Z]{3}\t\d{8}\t[+-]?\d{1,15},\d\d?\d?\t[+-]?\d{1,15},\d\d?\d?\t\d{8}\t[+-]?\d{1,15},\d\d?\d?\t"
)
_ACCOUNT = re.compile(r"[A-Z0-9]{5,34}")
_SLASHED = re.compile(r"/EREF/([^/]*)")
_NAMED = re.compile(r"Kenmerk: (.{1,35}?)(?= {2}|$)")
COLUMNS = 8
ACCOUNTS_MAX = 100_000


def recognise(head: Head) -> int:
    """Know the file by the eight columns of its first row."""
    text = head.text or head.data.decode("latin-1")  # a row or two of Western letters may look like no text
    first = next((line for line in text.lstrip("\ufeff").splitlines() if line.strip()), "")
    return 96 if _ROW.match(first) and first.count("\t") == COLUMNS - 1 else 0


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:  # noqa: ARG001 part of the door
    """Read a file row by row."""
    stream, decoder = opened(source)
    chains: dict[tuple[str, str], Chain] = {}
    rows = 0
    for raw in raw_lines(stream):
        line = TextLine(raw.no, decoder.decode(raw.data), 0, raw.too_long)
        if line.blank and not line.too_long:
            yield Frame(line.no, "blank")
            continue
        rows += 1
        part, balance = _part(line)
        yield part
        if isinstance(part, StatementLine):
            key = (part.account, part.currency)
            if key not in chains and len(chains) >= ACCOUNTS_MAX:
                raise FileRefused("balance", "more accounts than one file may hold", "一个文件中的账户过多")
            chain = chains.setdefault(key, Chain(currency=part.currency))
            if (total := chain.add(part.amount_minor, balance, line.no)) is not None:
                yield total
    if not rows:
        raise FileRefused("empty", "there is no row in the file", "文件中没有明细行")
    for chain in chains.values():
        if (total := chain.closing()) is not None:
            yield total


def _part(line: TextLine) -> tuple[StatementLine | Reject, int]:
    """Give a row and the balance behind it."""
    damaged = broken(line)
    if damaged is not None:
        return damaged, 0
    try:
        return _line(line)
    except (RowError, AmountError, WhenError) as error:
        return reject(line, error), 0


def _line(line: TextLine) -> tuple[StatementLine, int]:
    cells = line.text.split("\t")
    if len(cells) != COLUMNS:
        count = len(cells)
        raise RowError(
            "columns",
            f"{count} columns where such a file has {COLUMNS}",
            f"该行 {count} 列，应为 {COLUMNS} 列",
        )
    account, currency, booked, before, after, value, amount, text = (cell.strip() for cell in cells)
    if not _ACCOUNT.fullmatch(account):
        raise RowError("account", f"{account[:24]!r} is no account number", f"{account[:24]!r} 不是账号")
    if currency not in LETTERS:
        raise RowError("currency", f"{currency[:8]!r} is no currency", f"{currency[:8]!r} 不是币种")
    places = decimals_of(currency)
    opening, closing, units = (scaled(one, places, decimal_mark=",") for one in (before, after, amount))
    if opening + units != closing:
        raise RowError(
            "balance",
            f"the balance before, {before}, and the amount, {amount}, do not give the balance after, {after}",
            f"交易前余额 {before} 加金额 {amount} 不等于交易后余额 {after}",
        )
    plain_day(value)
    found = _SLASHED.search(text) or _NAMED.search(text)
    return StatementLine(
        line.no, LineKind.DEPOSIT if units >= 0 else LineKind.OTHER, units, currency, settled_on=plain_day(booked),
        order=mask_id(found[1].strip()[:35]) if found else "", account=mask_id(account), text=narrative(text),
    ), closing  # fmt: skip


FORMAT = Format(
    "abn_amro_tab", Role.BANK, "ABN AMRO TAB export", "荷兰银行（ABN AMRO）TAB 导出文件",
    "abnamro.nl: Download transactions, TXT", recognise, read, (".tab", ".txt"),
)  # fmt: skip
