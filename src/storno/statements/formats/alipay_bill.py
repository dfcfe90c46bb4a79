"""Alipay merchant bill 业务明细: GBK CSV under `#` comment lines, padded values, an end line and totals behind it.

Refunds are rows of their own with negative amounts. The totals (`#交易合计`, `#退款合计`) are compared with the rows;
a bill whose list does not end was cut off and is refused. The second file of the zip, 业务明细(汇总), is no list
of transactions: it is recognised and read as frames only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from storno.statements.amount import AmountError, scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._alipay import NEEDED, AlipayRows
from storno.statements.formats._row import Columns, RowError, bare, header_of, no_header, quoted_cells, reject
from storno.statements.line import FileRefused, Frame, Part, Role, StatementLine, Total
from storno.statements.lines import TextLine, broken, text_lines
from storno.statements.when import WhenError, day

_BEGIN = re.compile(r"^#-+\s*业务明细列表\s*-*\s*$")
_END = re.compile(r"^#-+\s*业务明细列表结束")
_PAID = re.compile(
    r"^#?交易合计[:：]\s*(\d+)\s*笔[,，]\s*商家实收共\s*([-\d.]+)\s*元(?:[,，]\s*商家优惠共\s*([-\d.]+)\s*元)?"
)
_BACK = re.compile(
    r"^#?退款合计[:：]\s*(\d+)\s*笔[,，]\s*商家实收退款共\s*([-\d.]+)\s*元(?:[,，]\s*商家优惠退款共\s*([-\d.]+)\s*元)?"
)
_ACCOUNT = re.compile(r"^#账号[:：]\s*\[([^\]]*)\]")
_FROM = re.compile(r"^#起始日期[:：]\s*\[([^\]]*)\]")


def _is_summary(text: str) -> bool:
    return "业务汇总" in text or ("交易订单总笔数" in text and "支付宝交易号" not in text)


def recognise(head: Head) -> int:
    """Know the bill by its opening comment or its header."""
    text = (head.text or "").lstrip("\ufeff \r\n")[:4000]
    if text.startswith("#支付宝业务明细") or (text.startswith("#支付宝") and _is_summary(text)):
        return 97
    header = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if header.startswith(("支付宝交易号", "门店编号")) and ("业务类型" in header or _is_summary(header)):
        return 95
    return 0


class _Bill:
    """One bill being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._rows = AlipayRows(options.currency, options.utc_offset_min)
        self._columns: Columns | None = None
        self._began = False
        self._ended = False
        self._any = False

    def take(self, line: TextLine) -> Iterator[Part]:
        """Read one line."""
        if line.blank:
            yield Frame(line.no, "blank")
            return
        self._any = True
        text = line.text.strip(" \t\r\ufeff")
        if text.startswith("#") or (self._ended and text.startswith(("交易合计", "退款合计", "导出时间"))):
            yield from self._comment(line, text)
        elif self._columns is None:
            yield self._header(line)
        elif self._ended:
            yield reject(
                line, RowError("after_end", "a row after the end of the list", "列表结束之后还有内容")
            )
        else:
            yield self._row(line, self._columns)

    def end(self) -> None:
        """Refuse a bill whose list does not end."""
        if not self._any:
            raise FileRefused("empty", "the bill is empty", "账单为空")
        if self._columns is None or (self._began and not self._ended):
            raise FileRefused(
                "truncated",
                "the bill ends before its list does: fetch it again",
                "账单在明细列表结束之前中断，请重新下载",
            )

    def _comment(self, line: TextLine, text: str) -> Iterator[Part]:
        what = "comment"
        if _BEGIN.match(text):
            self._began, what = True, "list begins"
        elif _END.match(text):
            self._ended, what = True, "list ends"
        elif found := _ACCOUNT.match(text):
            self._rows.account = found[1].strip()
        elif found := _FROM.match(text):
            try:
                self._rows.day = day(found[1])
            except WhenError as error:
                raise FileRefused(
                    "date", f"line {line.no}: {error.english}", f"第 {line.no} 行：{error.chinese}", line.no
                ) from None
        elif "合计" in text:
            if not self._ended:  # before the end line it is a line cut out of its place
                self._began = True
            yield Frame(line.no, "totals")
            yield from self._totals(line.no, text)
            return
        elif self._columns is not None and not self._ended:
            yield reject(line, RowError("comment", "a comment among the rows", "明细行之间出现注释行"))
            return
        yield Frame(line.no, what)

    def _header(self, line: TextLine) -> Frame:
        columns = header_of(line)
        if missing := columns.missing(*NEEDED):
            raise no_header(line, ", ".join(missing))
        self._columns = columns
        return Frame(line.no, "header")

    def _row(self, line: TextLine, columns: Columns) -> Part:
        if bad := broken(line):
            return bad
        first: Part | None = None
        for text_at in {
            columns.at("商品名称"): 0,
            columns.at("备注"): 0,
        }:  # an unquoted comma may stand in either
            found = self._try(line, columns, text_at)
            if isinstance(found, StatementLine):
                return found
            first = first or found
        assert first is not None
        return first

    def _try(self, line: TextLine, columns: Columns, text_at: int) -> Part:
        try:
            cells = [bare(cell) for cell in quoted_cells(line.text)]
            return self._rows.line(line.no, columns.row(cells, text_at))
        except (RowError, AmountError, WhenError) as error:
            return reject(line, error)

    def _totals(self, no: int, text: str) -> Iterator[Total]:
        paid, back = _PAID.match(text), _BACK.match(text)
        found, sums = (paid, self._rows.payments) if paid else (back, self._rows.refunds)
        try:
            lines, received, discount = _counted(found)
        except AmountError as error:
            raise FileRefused(
                "totals", f"line {no}: the totals cannot be read: {error.english}",
                f"第 {no} 行：合计无法读取：{error.chinese}", no,
            ) from None  # fmt: skip
        if paid:
            yield Total("payment_lines", lines, sums.lines, no)
            yield Total("payments", received, sums.received, no)
            yield Total("discounts", discount, sums.discount, no)
        else:
            yield Total("refund_lines", lines, sums.lines, no)
            yield Total("refunds", -abs(received), sums.received, no)
            yield Total("refund_discounts", -abs(discount), sums.discount, no)


def _counted(found: re.Match[str] | None) -> tuple[int, int, int]:
    if found is None:
        raise AmountError("no count and sum in it", "其中没有笔数和金额")
    return int(found[1][:18]), scaled(found[2]), scaled(found[3] or "0")


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line; a summary gives frames only."""
    bill: _Bill | None = None
    held: list[TextLine] = []
    summary = False
    for line in text_lines(source):
        if bill is None and not summary:
            held.append(line)
            if line.text.lstrip("\ufeff ").startswith("#") and not _is_summary(line.text) and len(held) < 20:
                continue
            if not line.blank or len(held) >= 20:
                summary = any(_is_summary(one.text) for one in held)
                bill = None if summary else _Bill(options)
                for one in held:
                    yield from _summary_part(one) if bill is None else bill.take(one)
        else:
            yield from _summary_part(line) if bill is None else bill.take(line)
    if bill is None and not summary:
        bill = _Bill(options)
        for one in held:
            yield from bill.take(one)
    if bill is not None:
        bill.end()


def _summary_part(line: TextLine) -> Iterator[Part]:
    yield Frame(line.no, "summary, no transactions")


FORMAT = Format(
    "alipay_bill", Role.NETWORK, "Alipay merchant bill", "支付宝商户业务明细",
    "alipay.data.dataservice.bill.downloadurl.query: trade", recognise, read, (".csv",),
    skip_members=("*业务明细(汇总)*", "*业务明细（汇总）*"),
)  # fmt: skip
