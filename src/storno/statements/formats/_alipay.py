"""What the Alipay bills share: one row of 交易 or 退款 turned into a line, and the sums kept beside it.

A refund is negative whatever sign the file writes; a payment with a negative amount is a RowError. Fees count against a
payment and for a refund. What the order cost and what the shop got may differ by the shop's own discounts only.
"""

from __future__ import annotations

from dataclasses import dataclass

from storno.statements.formats._row import Row, RowError
from storno.statements.line import LineKind, StatementLine
from storno.statements.mask import mask_id, mask_text
from storno.statements.when import WhenError

_KINDS = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
_FEES = ("服务费", "手续费", "分润")
_DISCOUNTS = ("商家优惠", "券核销金额", "商家红包消费金额")
NEEDED = ("支付宝交易号", "商户订单号", "业务类型", "订单金额")


@dataclass(slots=True)
class Sums:
    """What was read of one kind."""

    lines: int = 0
    received: int = 0
    discount: int = 0
    fees: int = 0


class AlipayRows:
    """Turns rows into lines and counts them."""

    def __init__(self, currency: str, utc_offset_min: int) -> None:
        self.account = ""
        self.day = ""
        """Where rows carry no time: the day of the bill."""
        self.payments = Sums()
        self.refunds = Sums()
        self._currency = currency
        self._utc_offset_min = utc_offset_min

    def line(self, no: int, row: Row) -> StatementLine:
        """Give a row's line. Raises RowError, AmountError, WhenError."""
        said = row.text("业务类型")
        kind = _KINDS.get(said)
        if kind is None:
            raise RowError("type", f"unknown 业务类型 {said[:24]!r}", f"未知的业务类型 {said[:24]!r}")
        refund = kind is LineKind.REFUND
        amount = _signed(row.units("订单金额", needed=True), "订单金额", refund=refund)
        has_received = row.columns.at("商家实收") >= 0
        received = _signed(row.units("商家实收"), "商家实收", refund=refund) if has_received else amount
        _explained(row, abs(amount) - abs(received))
        fee = sum(abs(row.units(name)) for name in _FEES) * (1 if refund else -1)
        at = self._at(row)
        trade = row.text("支付宝交易号")
        if not trade:
            raise RowError("reference", "the row has no 支付宝交易号", "该行没有支付宝交易号")
        found = StatementLine(
            no, kind, amount, self._currency, fee_minor=fee, net_minor=received + fee,
            settled_on=at[:8] or self.day, at=at, tid=mask_id(row.text("终端号")), mid=row.text("商户ID", "门店编号"),
            reference=mask_id((row.text("退款批次号/请求号", "退款批次号") if refund else "") or trade),
            order=mask_id(row.text("商户订单号")), original=mask_id(trade) if refund else "",
            account=self.account or row.text("商户ID"), code=said,
            text=mask_text(" ".join(filter(None, (row.text("商品名称"), row.text("备注"))))),
        )  # fmt: skip
        discount = row.units("商家优惠")
        sums = self.refunds if refund else self.payments
        sums.lines += 1
        sums.received += received
        sums.discount += -abs(discount) if refund else discount
        sums.fees += fee
        return found

    def _at(self, row: Row) -> str:
        done = next((name for name in ("完成时间", "创建时间") if row.text(name)), "")
        if done:
            return row.moment(done, utc_offset_min=self._utc_offset_min)
        if row.columns.at("完成时间", "创建时间") >= 0:
            raise WhenError("完成时间: the date is empty", "完成时间：日期为空")
        return ""


def _explained(row: Row, difference: int) -> None:
    """Refuse an order amount that differs from what the shop got by more than the discounts beside it."""
    if not 0 <= difference <= sum(abs(row.units(name)) for name in _DISCOUNTS):
        raise RowError(
            "discount",
            "订单金额 and 商家实收 differ by more than the shop's discounts",
            "订单金额与商家实收之差超过商家承担的优惠",
        )


def _signed(units: int, name: str, *, refund: bool) -> int:
    if refund:
        return -abs(units)
    if units < 0:
        raise RowError("amount", f"{name} of a payment is negative", f"交易的{name}为负数")
    return units
