"""Alipay payments through a bank's aggregator (兴业银行 layout): back-ticked values, totals at the end.

Refunds are rows with positive amounts and 业务类型 退款; they become negative lines with the payment they undo. All six
declared totals are compared with the rows; a bill without them was cut off and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from storno.statements.amount import AmountError
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._alipay import NEEDED, AlipayRows
from storno.statements.formats._row import (
    Columns,
    RowError,
    bare,
    header_of,
    no_header,
    reject,
    ticked_cells,
)
from storno.statements.line import FileRefused, Frame, Part, Role, Total
from storno.statements.lines import TextLine, broken, text_lines
from storno.statements.when import WhenError

_TOTALS = ("总交易单数", "总交易实收额", "交易手续费总金额", "总退款笔数", "总退款金额", "退款手续费总金额")


def recognise(head: Head) -> int:
    """Know the bill by its header."""
    first = (head.text or "").lstrip("\ufeff \r\n").partition("\n")[0]
    return 97 if first.startswith("商户ID") and "支付宝交易号" in first and "业务类型" in first else 0


class _Bill:
    """One bill being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._rows = AlipayRows(options.currency, options.utc_offset_min)
        self._columns: Columns | None = None
        self._declared: Columns | None = None
        self._done = False

    def take(self, line: TextLine) -> Iterator[Part]:
        """Read one line."""
        if line.blank:
            yield Frame(line.no, "blank")
        elif self._columns is None:
            yield self._header(line)
        elif self._done:
            yield reject(line, RowError("after_total", "a line after the totals", "汇总行之后还有内容"))
        elif self._declared is not None:
            yield from self._totals(line, self._declared)
        elif bare(line.text).startswith("总交易单数"):
            self._declared = header_of(line)
            if self._declared.missing(*_TOTALS):
                raise _bad_totals(line.no, "a column is missing", "缺少列")
            yield Frame(line.no, "totals header")
        else:
            yield self._row(line, self._columns)

    def end(self) -> None:
        """Refuse a bill without its totals."""
        if self._columns is None:
            raise FileRefused("empty", "the bill is empty", "账单为空")
        if not self._done:
            raise FileRefused(
                "truncated",
                "the bill ends before its totals: fetch it again",
                "账单在汇总行之前结束，请重新下载",
            )

    def _header(self, line: TextLine) -> Frame:
        columns = header_of(line)
        if missing := columns.missing(*NEEDED):
            raise no_header(line, ", ".join(missing))
        self._columns = columns
        return Frame(line.no, "header")

    def _row(self, line: TextLine, columns: Columns) -> Part:
        if bad := broken(line):
            return bad
        try:
            return self._rows.line(line.no, columns.row(ticked_cells(line.text), columns.at("商品名称")))
        except (RowError, AmountError, WhenError) as error:
            return reject(line, error)

    def _totals(self, line: TextLine, declared: Columns) -> Iterator[Part]:
        try:
            row = declared.row(ticked_cells(line.text))
            paid, received, fees, back, refunded, fees_back = (
                row.units(name, places=0 if name in ("总交易单数", "总退款笔数") else 2, needed=True)
                for name in _TOTALS
            )
        except (RowError, AmountError) as error:
            raise _bad_totals(line.no, error.english, error.chinese) from None
        self._done = True
        payments, refunds = self._rows.payments, self._rows.refunds
        yield Frame(line.no, "totals")
        yield Total("payment_lines", paid, payments.lines, line.no)
        yield Total("payments", received, payments.received, line.no)
        yield Total("fees", -fees, payments.fees, line.no)
        yield Total("refund_lines", back, refunds.lines, line.no)
        yield Total("refunds", -refunded, refunds.received, line.no)
        yield Total("refund_fees", abs(fees_back), refunds.fees, line.no)


def _bad_totals(no: int, english: str, chinese: str) -> FileRefused:
    return FileRefused(
        "totals",
        f"line {no}: the totals cannot be read: {english}",
        f"第 {no} 行：汇总无法读取：{chinese}",
        no,
    )


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line."""
    bill = _Bill(options)
    for line in text_lines(source):
        yield from bill.take(line)
    bill.end()


FORMAT = Format(
    "alipay_aggregator", Role.NETWORK, "Alipay bill of a bank's aggregator", "银行聚合支付的支付宝账单",
    "bill rows seen in public code", recognise, read, (".csv", ".txt"),
)  # fmt: skip
