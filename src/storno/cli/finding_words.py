"""How sure a finding is, in words: the passes that bring lines to transactions, and its day.

Must not read files or the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.cli.text import t
from storno.recon.finding import SURENESS, Sureness
from storno.recon.rules import RULES

if TYPE_CHECKING:
    from storno.journal.exception_fact import About

PASSES = {
    "exact": ("equal in everything", "全部要素一致"),
    "rrn": ("RRN", "检索参考号"),
    "rrn_stan": ("RRN and STAN, other terminal", "检索参考号与流水号，终端不同"),
    "terminal_key": ("terminal, STAN, day and batch", "终端号、流水号、日期、批次"),
    "terminal_key_near": ("terminal and STAN, a day beside", "终端号、流水号，日期相邻"),
    "terminal_key_other_amount": ("terminal, STAN and day, another amount", "终端号、流水号、日期，金额不同"),
    "rrn_only": ("RRN alone", "仅检索参考号"),
    "reference": ("reference of the wallet", "钱包交易号"),
    "order": ("order number", "订单号"),
    "order_id": ("our transaction as order number", "以本方交易号为订单号"),
    "void_by_original": ("the void's original RRN", "撤销所指的原检索参考号"),
    "void_by_original_stan": ("the void's original STAN", "撤销所指的原流水号"),
    "original_rrn": ("original RRN", "原检索参考号"),
    "original_shared_rrn": ("RRN shared with the original", "与原交易相同的检索参考号"),
    "original_stan": ("original STAN", "原流水号"),
    "stan_near_day": ("STAN within four days", "四天内的流水号"),
    "auth_code": ("authorisation code at the merchant", "商户与授权码"),
    "card": ("card at the terminal", "终端与卡号"),
    "card_at_merchant": ("card at the merchant", "商户与卡号"),
    "auth_code_and_card": ("authorisation code and card", "授权码与卡号"),
    "net_of_fee": ("amount net of fee", "扣除手续费后的净额"),
    "time": ("terminal and amount within ten minutes", "同终端同金额、十分钟内"),
    "card_and_time": ("terminal and card within two minutes", "同终端同卡号、两分钟内"),
    "deposit_named": ("the deposit names its day", "入账注明清算日"),
    "deposit_on_its_day": ("equal, on the day it was due", "应付当日金额相等"),
    "deposit_equal": ("the only day it equals", "唯一金额相等的清算日"),
    "deposit_of_lines": ("equal, all lines of the day together", "当日各笔合计相等"),
    "deposit_of_days": ("equal to several days", "等于多日之和"),
    "deposit_without_name": ("equal, names no merchant", "金额相等，未注明商户"),
    "deposit_due": ("booked on the day it was due", "应付当日入账"),
    "deposit_of_all": ("equal to all that was due", "等于当日应付总额"),
    "deposit_rest": ("the rest of a part payment", "分次付款的余款"),
    "deposit_of_all_due": ("the only deposit of the day", "当日唯一入账"),
    "deposit_named_today": ("names its own day", "注明当日"),
    "deposit_carried": ("the rest came with a later deposit", "余款随后一次付款付来"),
}
"""Every pass by its name; a test holds this to the passes there are."""
_HINTS = {"left_out": ("left out?", "漏付？"), "paid_twice": ("paid twice?", "重付？")}


def how_sure(about: About) -> str:
    """Say how sure a finding is and what brought the sides together."""
    if about.sure == Sureness.CERTAIN.value and not (about.lines and about.matched_by):
        return t("certain: nothing on the other side fits it", "确定：对方没有任何相符记录")
    rule = RULES.get(about.rule)
    weak = rule and rule.weakened(about.matched_by)
    said = t(*(weak.how_sure if weak else SURENESS[Sureness(about.sure)]))
    name, _, hint = about.matched_by.partition(" (")
    by = [t(*PASSES[name]) if name in PASSES else name] if name else []
    hint = "" if weak else hint.rstrip(")").rstrip("?")
    by += [t(*_HINTS[hint]) if hint in _HINTS else hint] if hint else []
    return said + (t(f" ({', '.join(by)})", f"（{'，'.join(by)}）") if by else "")


def day_of(about: About) -> str:
    """Give the business day of a finding, else the outside's."""
    day = about.date or about.settled_on
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdecimal() else day
