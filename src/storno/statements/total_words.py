"""A total that a file does not keep, in words: which one, what the file says, what was read.

Rule: an amount is told in its own currency, or the file's where it has one only, else in minor units; a count is told
as a count. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.statements.amount import decimals_of
from storno.statements.line import Total
from storno.statements.table import COUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable

_COUNTED = ("_lines", "_count", "_records", "_accounts", "_groups")
_FINER = "_e5"
"""Ends the names of totals in units of 10^-5, as bills of fees have them."""
_STRUCTURE = {
    "statements": (
        "{declared} opening balances (:60F:) but {counted} closing ones (:62F:): a statement is cut off",
        "期初余额（:60F:）{declared} 个，期末余额（:62F:）{counted} 个：有对账单被截断",
    ),
    "final_balances": (
        "the last page closes with an interim balance (:62M:): the page with the final one (:62F:) is missing",
        "末页以中间余额（:62M:）结束：缺少含最终余额（:62F:）的一页",
    ),
    "sums": (
        "nothing shows that a statement is whole: no closing balance, no sums (:90:), no hyphen at its end",
        "无法证明对账单完整：没有期末余额、没有合计（:90:）、结尾没有连字符",
    ),
    "lines_outside_statements": (
        "{counted} entries stand behind the closing balance of their statement",
        "期末余额之后还有 {counted} 笔明细",
    ),
    "other_currencies": (
        "entries in {counted} other currencies than the balances'",
        "有 {counted} 种与余额不同的币种的明细",
    ),
}
_NAMES = {
    "closing_balance": ("closing balance", "期末余额"),
    "page_balance": ("opening balance of the next page", "下一页的期初余额"),
    "balance": ("running balance", "逐笔余额"),
    "lines": ("lines", "笔数"),
    "amount": ("amount", "金额合计"),
    "net": ("net", "净额合计"),
    "entries": ("entries", "全部明细金额"),
    "entries_lines": ("entries, number", "全部明细笔数"),
    "entries_net": ("entries, net", "全部明细净额"),
    "credits_lines": ("credits, number", "贷方笔数"),
    "credits_net": ("credits, net", "贷方净额"),
    "debits_lines": ("debits, number", "借方笔数"),
    "debits_net": ("debits, net", "借方净额"),
    "payment_lines": ("payments, number", "支付笔数"),
    "refund_lines": ("refunds, number", "退款笔数"),
    "credit_lines": ("credits, number", "贷方笔数"),
    "debit_lines": ("debits, number", "借方笔数"),
    "payments_count": ("payments, number", "支付笔数"),
    "refunds_count": ("refunds, number", "退款笔数"),
    "credits_count": ("credits, number", "贷方笔数"),
    "debits_count": ("debits, number", "借方笔数"),
    "payments": ("payments", "支付金额"),
    "refunds": ("refunds", "退款金额"),
    "credits": ("credits", "贷方金额"),
    "debits": ("debits", "借方金额"),
    "settled": ("orders to be settled", "应结订单金额"),
    "income": ("income", "收入金额"),
    "outgo": ("outgo", "支出金额"),
    "income_lines": ("income, number", "收入笔数"),
    "outgo_lines": ("outgo, number", "支出笔数"),
    "coupon_refunds": ("coupons given back", "充值券或红包退款"),
    "requested_refunds": ("refunds asked for", "申请退款金额"),
    "neutral": ("neither income nor outgo", "不计收支金额"),
    "neutral_lines": ("neither income nor outgo, number", "不计收支笔数"),
    "fees": ("fees", "手续费"),
    "discounts": ("discounts", "优惠"),
    "refund_fees": ("fees given back", "退还手续费"),
    "refund_discounts": ("discounts given back", "退回优惠"),
    "statements": ("statements that close", "有期末余额的对账单数"),
    "lines_outside_statements": ("entries behind their statement", "对账单之外的明细笔数"),
    "other_currencies": ("other currencies", "其他币种数"),
    "account_control": ("control total of the account", "账户控制总额"),
    "account_records": ("records of the account", "账户记录数"),
    "group_control": ("control total of the group", "组控制总额"),
    "group_accounts": ("accounts of the group", "组内账户数"),
    "group_records": ("records of the group", "组记录数"),
    "file_control": ("control total of the file", "文件控制总额"),
    "file_groups": ("groups of the file", "文件内组数"),
    "file_records": ("records of the file", "文件记录数"),
}


def currency_of_all(currencies: Iterable[str]) -> str:
    """Give the one currency that totals are told in; empty where there are several or none."""
    found = set(currencies)
    return found.pop() if len(found) == 1 else ""


def currency_of(total: Total, currency: str) -> str:
    """Give the currency a total is told in, `currency` being the file's; empty for counts and for several."""
    if _is_count(total.name):
        return ""
    return currency if total.currency is None else total.currency


def said(total: Total, currency: str) -> tuple[str, str]:
    """Tell a total that is not met, in English and Chinese; the currency is empty where there are several."""
    english, chinese = _STRUCTURE.get(total.name, ("", ""))
    if english:
        values = {"declared": total.declared, "counted": total.counted}
        english, chinese = english.format(**values), chinese.format(**values)
    else:
        name, named = name_of(total)
        declared, counted = (shown(total, one, currency) for one in (total.declared, total.counted))
        english = f"{name}: declared {declared[0]}, counted {counted[0]}"
        chinese = f"{named}：申报 {declared[1]}，实计 {counted[1]}"
    if total.where:
        return f"{english} (line {total.where})", f"{chinese}（第 {total.where} 行）"
    return english, chinese


def told(total: Total, currency: str) -> tuple[str, str]:
    """Tell any total, whether it is met and where it stands."""
    if not total.met:
        english, chinese = said(total, currency)
        return f"NOT met: {english}", f"不符：{chinese}"
    (name, named), (english, chinese) = name_of(total), shown(total, total.declared, currency)
    where, where_zh = (f" (line {total.where})", f"（第 {total.where} 行）") if total.where else ("", "")
    return f"met: {name} {english}{where}", f"相符：{named} {chinese}{where_zh}"


def name_of(total: Total) -> tuple[str, str]:
    """Name a total."""
    bare = total.name.removesuffix(_FINER)
    return _NAMES.get(bare, (bare, bare))


def shown(total: Total, value: int, currency: str) -> tuple[str, str]:
    """Give a count as it is, an amount in its currency; without one in minor units, and say so."""
    finer = total.name.endswith(_FINER)
    if _is_count(total.name):
        return str(value), str(value)
    currency = currency_of(total, currency)
    if not (currency or finer):
        return f"{value} in minor units", f"{value}（最小货币单位）"
    places = 5 if finer else decimals_of(currency)
    whole, rest = divmod(abs(value), 10**places)
    digits = f"{whole}.{rest:0{places}d}" if places else str(whole)
    text = f"{'-' if value < 0 else ''}{digits} {currency}".strip()
    return text, text


def _is_count(name: str) -> bool:
    return name in COUNTS or name in _STRUCTURE or name.endswith(_COUNTED)
