"""We count money that the terminal never showed and nobody cleared.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="booked_not_settled",
    leg=Leg.NETWORK,
    order=101,
    when=(
        "b_there AND b_position = 'effect' AND b_effect <> 0 AND o_effect = 0 AND covered AND NOT "
        "b_pairs_off AND b_told <> 'approved'"
    ),
    money="-b_effect",
    whose=Whose.OPERATIONS,
    days=5,
    title=("booked but not settled", "我方有账未清算"),
    what=(
        (
            'Our books hold the money, the terminal was not told "approved", and no line came: probably it was '
            "never charged."
        ),
        "本方记为已收款，但终端未显示成功，清算文件中也没有该笔：很可能并未扣款，为短款。",
    ),
    next_step=(
        (
            "Settlement clerk: ask the acquirer by STAN; if it was not charged, take it out of our books with "
            "`storno cases settle --not-charged`."
        ),
        "清算人员：凭流水号向收单机构查询；未扣款的用 `storno cases settle --not-charged` 从账上冲回。",
    ),
    not_do=(
        "Do not claim the money (请款) from a cardholder who was never charged.",
        "持卡人未被扣款的，不要发起请款。",
    ),
)
EXAMPLE = Example(
    books=(sale(state="closed", told="unknown"),), network=(line(2),), finds=(("settled_not_booked", 10_000),)
)
COUNTER_EXAMPLE = Example(books=(sale(state="closed", told="unknown"),), network=(line(),))
