"""The same transaction with two amounts.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="amount_mismatch",
    leg=Leg.NETWORK,
    order=80,
    when="b_there AND b_position = 'effect' AND o_effect <> 0 AND o_effect <> b_effect",
    money="o_effect - b_effect",
    whose=Whose.ACQUIRER,
    days=3,
    title=("amount differs", "金额不符"),
    what=(
        "Our books and the clearing have the same transaction with different amounts.",
        "同一笔交易，本方账目与清算金额不一致：多出的为长款，少了的为短款。",
    ),
    next_step=(
        (
            "Settlement clerk: compare with the slip; a surplus goes back by a credit adjustment (贷记调整), a "
            "shortfall is claimed (请款)."
        ),
        "清算人员：与签购单核对；多清的做贷记调整，少清的发起请款。",
    ),
    not_do=(
        "Do not change the amount in our books without the slip.",
        "没有签购单为凭，不要改动本方账目金额。",
    ),
)
EXAMPLE = Example(books=(sale(),), network=(line(amount_minor=9_900),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(),))
