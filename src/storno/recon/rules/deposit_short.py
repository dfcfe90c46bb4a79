"""A day that was paid out with too little.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, deposit, line, sale

RULE = Rule(
    name="deposit_short",
    leg=Leg.BANK,
    order=10,
    when="covered AND o_effect < b_effect",
    money="o_effect - b_effect",
    whose=Whose.BANK,
    days=3,
    title=("deposit too small", "入账不足"),
    what=(
        "The bank paid less for a merchant's day than was cleared after refunds and fees, or nothing at all.",
        "银行为该商户该日的入账少于清算净额（交易减退货减手续费），或完全没有入账，为短款。",
    ),
    next_step=(
        (
            "Settlement clerk: ask the acquirer for the payout list of that day; look for withheld amounts and "
            "chargebacks."
        ),
        "清算人员：向收单机构索取该日付款明细，核查是否有扣留款项或退单。",
    ),
    not_do=(
        "Do not pick single sales that happen to add up to the difference.",
        "不要随意挑选恰好凑成差额的交易来解释。",
    ),
)
EXAMPLE = Example(
    books=(sale(), sale(2, amount_minor=5_000)),
    network=(line(), line(2, amount_minor=5_000)),
    bank=(deposit(14_000),),
)
COUNTER_EXAMPLE = Example(
    books=(sale(), sale(2, amount_minor=5_000)),
    network=(line(), line(2, amount_minor=5_000)),
    bank=(deposit(15_000),),
)
