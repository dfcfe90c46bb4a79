"""A line that carries another merchant's number.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="wrong_merchant",
    leg=Leg.NETWORK,
    order=70,
    when="b_there AND o_pay > 0 AND b_mid <> '' AND o_mid <> '' AND o_mid <> b_mid",
    money="o_effect",
    whose=Whose.ACQUIRER,
    days=3,
    title=("settled to another merchant", "清算到其他商户"),
    what=(
        "The line of this transaction carries another merchant number, so its money goes to another shop.",
        "清算记录中的商户号与本方账目不一致，款项会付给其他商户。",
    ),
    next_step=(
        (
            "Acquirer: correct the merchant number at the network and move the money; check the terminal's "
            "settings."
        ),
        "收单机构：向清算机构更正商户号并调回款项；检查终端的商户号设置。",
    ),
    not_do=("Do not pay the shop from its own next deposit.", "不要从商户的下一次入账中自行垫付或抵扣。"),
)
EXAMPLE = Example(books=(sale(),), network=(line(mid="000000000000002"),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(mid=""),))
