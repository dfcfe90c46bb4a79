"""WeChat Pay fund-flow bill (资金账单): every movement of the merchant's balance, signed by 收支类型.

Values have a back-tick in front, the last two lines are the totals and their header; columns go by name. Counts and
sums of income and outgo are compared with the rows; a file without totals was cut off and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._row import Columns, Row, RowError
from storno.statements.formats._ticked import TickedBill, first_line, read_bill
from storno.statements.line import LineKind, Part, Role, StatementLine, Total
from storno.statements.mask import mask_id, mask_text

_NEEDED = ("记账时间", "资金流水单号", "收支类型", "收支金额")
_TOTALS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
_DIRECTIONS = {"收入": 1, "支出": -1}
_KINDS = {
    "交易": LineKind.PAYMENT, "退款": LineKind.REFUND, "扣除交易手续费": LineKind.FEE,
    "交易手续费": LineKind.FEE, "退还交易手续费": LineKind.FEE, "手续费": LineKind.FEE, "投诉赔付": LineKind.CHARGEBACK,
}  # fmt: skip


def recognise(head: Head) -> int:
    """Know the bill by its header."""
    first = first_line(head.text)
    return 97 if "记账时间" in first and "资金流水单号" in first and "收支类型" in first else 0


class _Flow(TickedBill):
    """One bill being read."""

    free_text = "备注"
    totals_from = ("资金流水总笔数",)

    def __init__(self, options: ReadOptions) -> None:
        super().__init__()
        self._options = options
        self._counts = {1: 0, -1: 0}
        self._sums = {1: 0, -1: 0}

    def missing(self, columns: Columns) -> list[str]:
        return columns.missing(*_NEEDED)

    def missing_totals(self, columns: Columns) -> list[str]:
        return columns.missing(*_TOTALS)

    def line(self, no: int, row: Row) -> StatementLine:
        sign = _DIRECTIONS.get(row.text("收支类型"), 0)
        if not sign:
            what = row.text("收支类型")[:24]
            raise RowError(
                "direction", f"收支类型 {what!r} is neither 收入 nor 支出", f"收支类型 {what!r} 无法识别"
            )
        units = row.units("收支金额", needed=True)
        if units < 0:
            raise RowError(
                "amount", "收支金额 is negative beside its direction", "收支金额为负，与收支类型矛盾"
            )
        row.units("账户结余")
        at = row.moment("记账时间", utc_offset_min=self._options.utc_offset_min)
        self._counts[sign] += 1
        self._sums[sign] += units
        kind = _KINDS.get(row.text("业务类型"), LineKind.OTHER)
        return StatementLine(
            no, kind, sign * units, self._options.currency, settled_on=at[:8], at=at,
            reference=mask_id(row.text("资金流水单号")), order=mask_id(row.text("业务凭证号")),
            original=mask_id(row.text("微信支付业务单号")) if kind is not LineKind.PAYMENT else "",
            code=row.text("业务类型"),
            text=mask_text(" ".join(filter(None, (row.text("业务名称"), row.text("备注"))))),
        )  # fmt: skip

    def totals(self, no: int, row: Row) -> Iterator[Part]:
        declared = [row.units(name, places=0 if "笔数" in name else 2, needed=True) for name in _TOTALS]
        counted = (
            sum(self._counts.values()),
            self._counts[1],
            self._sums[1],
            self._counts[-1],
            self._sums[-1],
        )
        signs = (1, 1, 1, 1, -1)
        names = ("lines", "income_lines", "income", "outgo_lines", "outgo")
        for name, said, seen, sign in zip(names, declared, counted, signs, strict=True):
            yield Total(name, sign * said, sign * seen, no)


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line."""
    return read_bill(source, _Flow(options))


FORMAT = Format(
    "wechat_fund", Role.BANK, "WeChat Pay fund-flow bill", "微信支付资金账单",
    "pay.weixin.qq.com: 资金账单格式 (format-fund)", recognise, read, (".csv", ".txt"),
)  # fmt: skip
