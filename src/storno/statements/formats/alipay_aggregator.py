"""Alipay payments through a bank's aggregator (兴业银行 layout): back-ticked values, totals at the end.

Refunds are rows with positive amounts and 业务类型 退款; they become negative lines with the payment they undo. All six
declared totals are compared with the rows; a bill without them was cut off and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._alipay import NEEDED, AlipayRows
from storno.statements.formats._row import Columns, Row
from storno.statements.formats._ticked import TickedBill, first_line, read_bill
from storno.statements.line import Part, Role, StatementLine, Total

_TOTALS = ("总交易单数", "总交易实收额", "交易手续费总金额", "总退款笔数", "总退款金额", "退款手续费总金额")


def recognise(head: Head) -> int:
    """Know the bill by its header."""
    first = first_line(head.text)
    return 97 if first.startswith("商户ID") and "支付宝交易号" in first and "业务类型" in first else 0


class _Bill(TickedBill):
    """One bill being read."""

    free_text = "商品名称"
    totals_from = ("总交易单数",)

    def __init__(self, options: ReadOptions) -> None:
        super().__init__()
        self._rows = AlipayRows(options.currency, options.utc_offset_min)

    def missing(self, columns: Columns) -> list[str]:
        return columns.missing(*NEEDED)

    def missing_totals(self, columns: Columns) -> list[str]:
        return columns.missing(*_TOTALS)

    def line(self, no: int, row: Row) -> StatementLine:
        return self._rows.line(no, row)

    def totals(self, no: int, row: Row) -> Iterator[Part]:
        paid, received, fees, back, refunded, fees_back = (
            row.units(name, places=0 if name in ("总交易单数", "总退款笔数") else 2, needed=True)
            for name in _TOTALS
        )
        payments, refunds = self._rows.payments, self._rows.refunds
        yield Total("payment_lines", paid, payments.lines, no)
        yield Total("payments", received, payments.received, no)
        yield Total("fees", -fees, payments.fees, no)
        yield Total("refund_lines", back, refunds.lines, no)
        yield Total("refunds", -refunded, refunds.received, no)
        yield Total("refund_fees", abs(fees_back), refunds.fees, no)


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line."""
    return read_bill(source, _Bill(options))


FORMAT = Format(
    "alipay_aggregator", Role.NETWORK, "Alipay bill of a bank's aggregator", "银行聚合支付的支付宝账单",
    "bill rows seen in public code", recognise, read, (".csv", ".txt"),
)  # fmt: skip
