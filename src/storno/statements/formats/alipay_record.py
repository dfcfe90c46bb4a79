"""Alipay personal export (支付宝交易明细): a preamble with counts and sums, a header, one row per transaction.

Signs come from 收/支; a refund stands under 不计收支 and is money back; what neither came nor went (closed orders,
moves between own pots) is a line of zero. The preamble's counts and sums are compared with all rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from storno.statements.amount import AmountError, scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._row import (
    Columns,
    Row,
    RowError,
    bare,
    header_of,
    no_header,
    quoted_cells,
    reject,
)
from storno.statements.line import FileRefused, Frame, LineKind, Mark, Part, Role, StatementLine, Total
from storno.statements.lines import TextLine, broken, text_lines
from storno.statements.mask import mask_id, mask_text
from storno.statements.when import WhenError

_NEEDED = ("交易时间", "交易对方", "收/支", "金额", "交易状态", "交易订单号")
_COUNT = re.compile(r"^#?共\s*(\d+)\s*笔记录")
_SUM = re.compile(r"^#?(收入|支出|不计收支)[:：]\s*(\d+)\s*笔\s*([\d.,]+)\s*元")
_ACCOUNT = re.compile(r"^#?支付宝(?:账户|账号)[:：]\s*(\S+)")
_NAMES = {"收入": "income", "支出": "outgo", "不计收支": "neutral"}
_SAME = {"": "不计收支", "/": "不计收支", "其他": "不计收支", "中性交易": "不计收支"}
PREAMBLE_LINES_MAX = 200


def recognise(head: Head) -> int:
    """Know the export by its header below the preamble."""
    for line in (head.text or "")[:16_000].splitlines():
        names = [name.strip("\ufeff \t") for name in line.split(",")]
        if names[0] == "交易时间" and "收/支" in names:
            return 96 if {*_NEEDED, "交易分类"} <= set(names) else 0
    return 0


@dataclass(frozen=True, slots=True)
class _Declared:
    what: str
    lines: int
    units: int
    line_no: int


class _Export:
    """One export being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._columns: Columns | None = None
        self._account = ""
        self._declared: list[_Declared] = []
        self._lines = dict.fromkeys(_NAMES, 0)
        self._units = dict.fromkeys(_NAMES, 0)

    def take(self, line: TextLine) -> Part:
        """Read one line."""
        if line.blank:
            return Frame(line.no, "blank")
        if self._columns is None:
            return self._preamble(line)
        text = line.text.strip()
        if text.startswith("-----"):
            return Frame(line.no, "rule")
        if _COUNT.match(text) or _SUM.match(text):
            return self._preamble(line)
        return self._row(line, self._columns)

    def _preamble(self, line: TextLine) -> Frame:
        text = line.text.strip().strip(",").strip()
        if text.startswith("交易时间"):
            columns = header_of(line)
            if missing := columns.missing(*_NEEDED):
                raise no_header(line, ", ".join(missing))
            self._columns = columns
            return Frame(line.no, "header")
        if line.no > PREAMBLE_LINES_MAX:
            raise self._no_header(line.no)
        if found := _ACCOUNT.match(text):
            self._account = mask_id(found[1])
        elif found := _COUNT.match(text):
            self._declared.append(_Declared("", int(found[1][:18]), 0, line.no))
        elif found := _SUM.match(text):
            try:
                units = scaled(found[3])
            except AmountError as error:
                raise FileRefused(
                    "totals", f"line {line.no}: {error.english}", f"第 {line.no} 行：{error.chinese}", line.no
                ) from None
            self._declared.append(_Declared(found[1], int(found[2][:18]), units, line.no))
        return Frame(line.no, "preamble")

    @staticmethod
    def _no_header(no: int) -> FileRefused:
        return FileRefused(
            "header", "the file has no header 交易时间,交易分类,…", "文件中没有表头“交易时间,交易分类,…”", no
        )

    def _row(self, line: TextLine, columns: Columns) -> Part:
        if bad := broken(line):
            return bad
        found: Part | None = None
        for text_at in {columns.at("商品说明"): 0, columns.at("交易对方"): 0, columns.at("备注"): 0}:
            try:
                cells = [bare(cell) for cell in quoted_cells(line.text)]
                return self._line(line.no, columns.row(cells, text_at))
            except (RowError, AmountError, WhenError) as error:
                found = found or reject(line, error)
        assert found is not None
        return found

    def _line(self, no: int, row: Row) -> StatementLine:
        side = _SAME.get(row.text("收/支"), row.text("收/支"))
        if side not in _NAMES:
            raise RowError("direction", f"unknown 收/支 {side[:24]!r}", f"无法识别的收/支 {side[:24]!r}")
        units = row.units("金额", needed=True)
        if units < 0:
            raise RowError("amount", "金额 is negative beside its direction", "金额为负，与收/支矛盾")
        state = row.text("交易状态")
        refund, closed = "退款" in state or row.text("交易分类") == "退款", "关闭" in state
        sign = {"收入": 1, "支出": -1}.get(side, 1 if refund and "成功" in state else 0)
        at = row.moment("交易时间", utc_offset_min=self._options.utc_offset_min)
        kind = LineKind.REFUND if refund else LineKind.PAYMENT if sign > 0 else LineKind.OTHER
        trade = row.text("交易订单号")
        if not trade:
            raise RowError("reference", "the row has no 交易订单号", "该行没有交易订单号")
        self._lines[side] += 1
        self._units[side] += units
        return StatementLine(
            no, kind, sign * units, self._options.currency, settled_on=at[:8], at=at,
            mark=Mark.VOIDED if closed and not sign else Mark.NONE, reference=mask_id(trade),
            order=mask_id(row.text("商家订单号")), account=self._account, code=f"{side}/{state}",
            text=mask_text(" ".join(filter(None, (row.text("商品说明"), row.text("备注"))))),
        )  # fmt: skip

    def end(self) -> Iterator[Part]:
        """Compare the preamble with the rows."""
        if self._columns is None:
            raise self._no_header(0)
        for one in self._declared:
            if one.what:
                sign = -1 if one.what == "支出" else 1
                name = _NAMES[one.what]
                yield Total(f"{name}_lines", one.lines, self._lines[one.what], one.line_no)
                yield Total(name, sign * one.units, sign * self._units[one.what], one.line_no)
            else:
                yield Total("lines", one.lines, sum(self._lines.values()), one.line_no)


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read an export line by line."""
    export = _Export(options)
    for line in text_lines(source):
        yield export.take(line)
    yield from export.end()


FORMAT = Format(
    "alipay_record", Role.BANK, "Alipay personal export", "支付宝个人交易明细",
    "export of the Alipay app: 交易明细", recognise, read, (".csv",),
)  # fmt: skip
