"""A void that was approved although its sale had been reversed.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale, undone

RULE = Rule(
    name="void_of_reversed",
    leg=Leg.NETWORK,
    order=20,
    when="klass = 'void' AND b_undone AND b_position = 'effect'",
    money="CASE WHEN o_there THEN o_effect ELSE b_effect END",
    whose=Whose.ACQUIRER,
    days=3,
    title=("void of a reversed sale", "对已冲正消费的撤销"),
    what=(
        "The sale had been reversed, so its money was back already; the void gave it back a second time.",
        "原消费已冲正、资金已退回，之后的撤销又退了一次，形成短款。",
    ),
    next_step=(
        (
            "Settlement clerk: show both the reversal's answer and the void to the acquirer and claim the void's "
            "amount back (请款)."
        ),
        "清算人员：凭冲正应答与撤销记录向收单机构说明，就撤销金额发起请款。",
    ),
    not_do=("Do not void or refund this sale once more.", "不要对该笔消费再次撤销或退货。"),
)
EXAMPLE = Example(
    books=(
        undone(rrn="600000000001"),
        sale(2, kind="void", original="1-000001", rrn="600000000002"),
    ),
    network=(line(2, kind="void", amount_minor=-10_000),),
)
COUNTER_EXAMPLE = Example(
    books=(sale(state="voided"), sale(2, kind="void", original="1-000001")),
    network=(line(), line(2, kind="void", amount_minor=-10_000)),
)
