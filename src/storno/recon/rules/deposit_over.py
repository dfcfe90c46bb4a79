"""A day that was paid out with too much.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, deposit, line, sale

RULE = Rule(
    name="deposit_over",
    leg=Leg.BANK,
    order=20,
    when="o_effect > b_effect AND (o_there OR covered)",
    money="o_effect - b_effect",
    whose=Whose.BANK,
    days=3,
    title=("deposit too large", "入账超额"),
    what=(
        (
            "The bank paid more for a merchant's day than was cleared after refunds and fees, or money that no "
            "day explains."
        ),
        "银行为该商户该日的入账多于清算净额，或有一笔入账找不到对应的清算日，为长款。",
    ),
    next_step=(
        "Settlement clerk: ask the acquirer what the surplus is for and keep it apart until the answer.",
        "清算人员：向收单机构查询多付原因，答复前单独挂账。",
    ),
    not_do=("Do not pass the surplus on to the shop.", "不要把多出的款项转付商户。"),
)
EXAMPLE = Example(books=(sale(),), network=(line(),), bank=(deposit(10_100),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(),), bank=(deposit(10_000),))
