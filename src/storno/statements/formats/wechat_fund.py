"""WeChat Pay fund-flow bill (资金账单): every movement of the merchant's balance, signed by 收支类型.

Values have a back-tick in front, the last two lines are the totals and their header; columns go by name. Counts and
sums of income and outgo are compared with the rows; a file without totals was cut off and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    reject,
    ticked_cells,
)
from storno.statements.line import FileRefused, Frame, LineKind, Part, Role, StatementLine, Total
from storno.statements.lines import TextLine, broken, text_lines
from storno.statements.mask import mask_id, mask_text
from storno.statements.when import WhenError

_NEEDED = ("记账时间", "资金流水单号", "收支类型", "收支金额")
_TOTALS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
_DIRECTIONS = {"收入": 1, "支出": -1}
_KINDS = {
    "交易": LineKind.PAYMENT, "退款": LineKind.REFUND, "扣除交易手续费": LineKind.FEE,
    "交易手续费": LineKind.FEE, "退还交易手续费": LineKind.FEE, "手续费": LineKind.FEE, "投诉赔付": LineKind.CHARGEBACK,
}  # fmt: skip


def recognise(head: Head) -> int:
    """Know the bill by its header."""
    first = (head.text or "").lstrip("\ufeff \r\n").partition("\n")[0]
    return 97 if "记账时间" in first and "资金流水单号" in first and "收支类型" in first else 0


class _Flow:
    """One bill being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._columns: Columns | None = None
        self._declared: Columns | None = None
        self._done = False
        self._counts = {1: 0, -1: 0}
        self._sums = {1: 0, -1: 0}

    def take(self, line: TextLine) -> Iterator[Part]:
        """Read one line."""
        if line.blank:
            yield Frame(line.no, "blank")
        elif self._columns is None:
            yield self._header(line)
        elif self._done:
            yield reject(line, RowError("after_total", "a line after the totals", "汇总行之后还有内容"))
        elif self._declared is not None:
            yield from self._totals(line)
        elif bare(line.text).startswith("资金流水总笔数"):
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
        if missing := columns.missing(*_NEEDED):
            raise no_header(line, ", ".join(missing))
        self._columns = columns
        return Frame(line.no, "header")

    def _row(self, line: TextLine, columns: Columns) -> Part:
        if bad := broken(line):
            return bad
        try:
            return self._line(
                line.no,
                columns.row(ticked_cells(line.text), columns.at("备注")),
            )
        except (RowError, AmountError, WhenError) as error:
            return reject(line, error)

    def _line(self, no: int, row: Row) -> StatementLine:
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

    def _totals(self, line: TextLine) -> Iterator[Part]:
        assert self._declared is not None
        try:
            row = self._declared.row(ticked_cells(line.text))
            declared = [row.units(name, places=0 if "笔数" in name else 2, needed=True) for name in _TOTALS]
            scaled(row.cells[0], 0)
        except (RowError, AmountError) as error:
            raise _bad_totals(line.no, error.english, error.chinese) from None
        self._done = True
        counted = (
            sum(self._counts.values()),
            self._counts[1],
            self._sums[1],
            self._counts[-1],
            self._sums[-1],
        )
        signs = (1, 1, 1, 1, -1)
        names = ("lines", "income_lines", "income", "outgo_lines", "outgo")
        yield Frame(line.no, "totals")
        for name, said, seen, sign in zip(names, declared, counted, signs, strict=True):
            yield Total(name, sign * said, sign * seen, line.no)


def _bad_totals(no: int, english: str, chinese: str) -> FileRefused:
    return FileRefused(
        "totals",
        f"line {no}: the totals cannot be read: {english}",
        f"第 {no} 行：汇总无法读取：{chinese}",
        no,
    )


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line."""
    flow = _Flow(options)
    for line in text_lines(source):
        yield from flow.take(line)
    flow.end()


FORMAT = Format(
    "wechat_fund", Role.BANK, "WeChat Pay fund-flow bill", "微信支付资金账单",
    "pay.weixin.qq.com: 资金账单格式 (format-fund)", recognise, read, (".csv", ".txt"),
)  # fmt: skip
