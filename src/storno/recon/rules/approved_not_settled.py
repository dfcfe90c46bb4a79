"""The terminal said approved, and the money never came.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="approved_not_settled",
    leg=Leg.NETWORK,
    order=100,
    when=(
        "b_there AND b_position = 'effect' AND b_effect <> 0 AND o_effect = 0 AND covered AND NOT "
        "b_pairs_off AND b_told = 'approved'"
    ),
    money="-b_effect",
    whose=Whose.NETWORK,
    days=5,
    title=("approved but not settled", "已批准未清算"),
    what=(
        (
            'The terminal was told "approved" and the goods are gone, but no line came within the days a line '
            "may wait."
        ),
        "终端已显示成功、货已交付，但在等待期内没有收到清算，为短款。",
    ),
    next_step=(
        "Settlement clerk: send slip and authorisation code to the acquirer and claim the money (请款).",
        "清算人员：向收单机构提供签购单与授权码，发起请款。",
    ),
    not_do=(
        "Do not ask the cardholder to pay again before the acquirer has answered.",
        "收单机构答复之前，不要让持卡人重复付款。",
    ),
)
EXAMPLE = Example(books=(sale(),), network=(line(2),), finds=(("settled_not_booked", 10_000),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(),))
