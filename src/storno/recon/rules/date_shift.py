"""A line on a day that is too late, or too early.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="date_shift",
    leg=Leg.NETWORK,
    order=90,
    when="b_there AND o_pay > 0 AND o_effect = b_effect AND o_late",
    money="0",
    whose=Whose.NETWORK,
    days=5,
    title=("settled on an odd day", "清算日期偏移"),
    what=(
        (
            "The transaction was cleared later than the days a line may wait, or before it took place. The "
            "amount is right."
        ),
        "交易清算日晚于允许的等待天数，或早于交易日；金额无误。",
    ),
    next_step=(
        "Settlement clerk: note it; if a whole day's lines are late, ask the network for the missing file.",
        "清算人员：登记备查；若整日记录均延迟，向清算机构索要缺失的文件。",
    ),
    not_do=("Do not book it a second time on the other day.", "不要在另一日重复入账。"),
)
EXAMPLE = Example(books=(sale(),), network=(line(settled_on="20261107"),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(settled_on="20261103"),))
