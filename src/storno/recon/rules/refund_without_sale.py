"""A refund that nobody of ours made.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="refund_without_sale",
    leg=Leg.NETWORK,
    order=110,
    when="NOT b_there AND klass = 'ref' AND o_effect <> 0",
    money="o_effect",
    whose=Whose.ACQUIRER,
    days=3,
    title=("refund without a record", "无本方记录的退货"),
    what=(
        "A refund was cleared that our books do not have: money left without a transaction of ours.",
        "清算文件中有一笔退货，本方没有任何记录：款项已流出，为短款。",
    ),
    next_step=(
        (
            "Settlement clerk: ask the shop whether it refunded by another way; if not, dispute the line with "
            "the acquirer."
        ),
        "清算人员：向商户核实是否通过其他渠道退货；若否，向收单机构提出异议。",
    ),
    not_do=("Do not refund the cardholder a second time.", "不要再次给持卡人退款。"),
)
EXAMPLE = Example(
    network=(line(kind="refund", amount_minor=-10_000),),
    books=(sale(2),),
    finds=(("approved_not_settled", -10_000),),
)
COUNTER_EXAMPLE = Example(books=(sale(kind="refund"),), network=(line(kind="refund", amount_minor=-10_000),))
