"""WeChat Pay merchant bills: the trade bill in all its types and ages (ALL, SUCCESS, REFUND; 24 or 27 columns).

Each value has a back-tick in front, the last two lines are the totals and their header. Columns go by name. A refund
and a revocation are lines of their own, away from the shop, with the payment as what they undo.
Every declared total is compared with the sum of its column; a file without totals was cut off and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from storno.money import CURRENCIES
from storno.statements.amount import scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._row import Columns, Row, RowError, to_fen
from storno.statements.formats._ticked import TickedBill, first_line, read_bill
from storno.statements.line import LineKind, Mark, Part, Role, StatementLine, Total
from storno.statements.mask import mask_id, mask_text

_NEEDED = ("交易时间", "微信订单号", "商户订单号", "交易状态", "货币种类", "手续费")
_ORDER = ("订单金额", "总金额", "应结订单金额")
_SETTLED = ("应结订单金额", "总金额")
_REFUND = ("退款金额",)
_REQUESTED = ("申请退款金额", "退款金额")
_COUPON = ("充值券退款金额", "代金券或立减优惠退款金额", "企业红包退款金额")
_PLACES = 5
"""Fees are written with five decimals."""

# Declared total -> (name, its column, our sign)
_TOTALS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "应结订单总金额": ("settled", _SETTLED, 1),
    "总交易额": ("settled", _SETTLED, 1),
    "退款总金额": ("refunds", _REFUND, -1),
    "总退款金额": ("refunds", _REFUND, -1),
    "充值券退款总金额": ("coupon_refunds", _COUPON, -1),
    "总代金券或立减优惠退款金额": ("coupon_refunds", _COUPON, -1),
    "企业红包退款总金额": ("coupon_refunds", _COUPON, -1),
    "总企业红包退款金额": ("coupon_refunds", _COUPON, -1),
    "手续费总金额": ("fees", ("手续费",), -1),
    "订单总金额": ("payments", ("订单金额", "总金额"), 1),
    "申请退款总金额": ("requested_refunds", ("申请退款金额",), -1),
}
_SUMMED = tuple(dict.fromkeys(names for _, names, _ in _TOTALS.values()))
_PAID = {"SUCCESS", "支付成功", "买家已支付"}
_GIVEN_BACK = {"REFUND": LineKind.REFUND, "转入退款": LineKind.REFUND, "全额退款": LineKind.REFUND,
               "部分退款": LineKind.REFUND, "REVOKED": LineKind.VOID, "已撤销": LineKind.VOID,
               "已撤销(刷卡)": LineKind.VOID}  # fmt: skip
_REFUND_FAILED = {"FAIL", "退款失败", "失败"}


def recognise(head: Head) -> int:
    """Know the bill by its header."""
    first = first_line(head.text)
    if "微信订单号" in first and "商户订单号" in first and "交易状态" in first:
        return 97
    return 0


class _Bill(TickedBill):
    """One bill being read."""

    free_text = "商品名称"
    totals_from = ("总交易单数", "总交易笔数")

    def __init__(self, options: ReadOptions) -> None:
        super().__init__()
        self._options = options
        self._lines = 0
        self._currency = ""
        """One bill's totals are in one currency."""
        self._sums: dict[tuple[str, ...], int] = {}
        self._paid_sums: dict[tuple[str, ...], int] = {}

    def missing(self, columns: Columns) -> list[str]:
        return columns.missing(*_NEEDED) or (["订单金额"] if columns.at(*_ORDER) < 0 else [])

    def line(self, no: int, row: Row) -> StatementLine:
        found = self._line(no, row)
        self._count(row, paid=row.text("交易状态") in _PAID)
        return found

    def _count(self, row: Row, *, paid: bool) -> None:
        read = [row.units(*names, places=_PLACES) for names in _SUMMED]  # all or none: a reject is in no sum
        for names, units in zip(_SUMMED, read, strict=True):
            if units:
                self._sums[names] = self._sums.get(names, 0) + units
                if paid:
                    self._paid_sums[names] = self._paid_sums.get(names, 0) + units
        self._lines += 1
        self._currency = row.text("货币种类")

    def _line(self, no: int, row: Row) -> StatementLine:
        state, fee = row.text("交易状态"), -row.units("手续费", places=_PLACES)
        currency = _check(row)
        if currency != (self._currency or currency):
            raise RowError(
                "currency",
                f"{currency} in a bill in {self._currency}",
                f"账单币种为 {self._currency}，该行为 {currency}",
            )
        if state in _PAID:
            kind, amount = LineKind.PAYMENT, row.units(*_ORDER, needed=True)
            settled = row.units(*_SETTLED) if row.columns.at(*_SETTLED) >= 0 else amount
        elif state in _GIVEN_BACK:
            kind = _GIVEN_BACK[state]
            amount = -(row.units(*_REQUESTED) or row.units(*_REFUND))
            settled = -row.units(*_REFUND) if row.columns.at(*_REFUND) >= 0 else amount
            if kind is LineKind.VOID and not amount:
                amount = settled = -row.units(*_ORDER)
        else:
            raise RowError("status", f"unknown 交易状态 {state[:24]!r}", f"未知的交易状态 {state[:24]!r}")
        failed = kind is LineKind.REFUND and row.text("退款状态") in _REFUND_FAILED
        if failed:
            amount = settled = fee = 0
        at = row.moment(
            *(("退款申请时间", "交易时间") if kind is LineKind.REFUND else ("交易时间",)),
            utc_offset_min=self._options.utc_offset_min,
        )
        undone = kind is not LineKind.PAYMENT
        payment = row.text("微信订单号")
        return StatementLine(
            no, kind, amount, currency, fee_minor=to_fen(fee, _PLACES),
            net_minor=settled + to_fen(fee, _PLACES), settled_on=at[:8], at=at,
            mark=Mark.DECLINED if failed else Mark.NONE, tid=mask_id(row.text("设备号")),
            mid=_nonzero(row.text("特约商户号", "子商户号")) or row.text("商户号"),
            reference=mask_id((_nonzero(row.text("微信退款单号")) if undone else "") or payment),
            order=mask_id(row.text("商户订单号")), original=mask_id(payment) if undone else "",
            account=row.text("商户号"), code=f"{row.text('交易类型')}/{state}",
            text=mask_text(" ".join(filter(None, (row.text("商品名称"), _nonzero(row.text("商户退款单号")))))),
        )  # fmt: skip

    def totals(self, no: int, row: Row) -> Iterator[Part]:
        yield Total("lines", scaled(row.cells[0], 0), self._lines, no)
        for name, text in zip(row.columns.names[1:], row.cells[1:], strict=True):
            yield self._total(name, text, no)

    def _total(self, name: str, text: str, line_no: int) -> Total:
        """Compare one total, rounded to the decimals it is written with: fees are rounded once, in the total."""
        if name not in _TOTALS:
            raise RowError("totals", f"unknown total {name[:24]!r}", f"未知的汇总项 {name[:24]!r}")
        what, names, sign = _TOTALS[name]
        declared = scaled(text, _PLACES)
        counted = self._sums.get(names, 0)
        decimals = max(2, len(text.partition(".")[2].strip()))
        if what in ("settled", "payments") and declared == self._paid_sums.get(names, 0):
            counted = declared  # some bills repeat the order's amount in the row of its refund
        counted = _rounded(counted, decimals)
        if declared % 1000 or counted % 1000:
            return Total(f"{what}_e5", sign * declared, sign * counted, line_no)
        return Total(what, sign * declared // 1000, sign * counted // 1000, line_no)


def _rounded(units: int, decimals: int) -> int:
    scale: int = 10 ** max(0, _PLACES - decimals)
    whole, rest = divmod(abs(units), scale)
    whole = (whole + (2 * rest >= scale)) * scale
    return -whole if units < 0 else whole


def _nonzero(text: str) -> str:
    return "" if text.strip("0") == "" else text


def _check(row: Row) -> str:
    """Give the currency; refuse a row whose cells have moved: currency and rate have shapes of their own."""
    currency, rate = row.text("货币种类"), row.text("费率")
    if currency not in CURRENCIES:
        raise RowError("currency", f"{currency[:24]!r} is no known currency", f"未知的币种 {currency[:24]!r}")
    if rate and not (rate.endswith("%") and rate[:-1].replace(".", "", 1).isdecimal()):
        raise RowError("rate", f"{rate[:24]!r} is no rate", f"{rate[:24]!r} 不是费率")
    return currency


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a bill line by line."""
    return read_bill(source, _Bill(options))


FORMAT = Format(
    "wechat_bill", Role.NETWORK, "WeChat Pay trade bill", "微信支付交易账单",
    "pay.weixin.qq.com: 交易账单格式 (format-trade)", recognise, read, (".csv", ".txt"),
)  # fmt: skip
