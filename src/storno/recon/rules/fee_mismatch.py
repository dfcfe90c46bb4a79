"""A fee that is not the merchant's own.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="fee_mismatch",
    leg=Leg.NETWORK,
    order=85,
    when="b_there AND o_effect = b_effect AND o_fee_due IS NOT NULL AND o_fee <> o_fee_due",
    money="o_fee - o_fee_due",
    whose=Whose.ACQUIRER,
    days=5,
    title=("fee differs", "手续费不符"),
    what=(
        (
            "The fee is not what this merchant pays: not the agreed rate, or not the rate nearly all its other "
            "lines have."
        ),
        "手续费与约定费率不符，或与该商户其余绝大多数交易的费率不一致。",
    ),
    next_step=(
        "Settlement clerk: compare with the contract and claim what was taken too much.",
        "清算人员：对照协议费率核对，多收的向收单机构要求退还。",
    ),
    not_do=("Do not take the difference from the shop.", "不要让商户承担差额。"),
)
EXAMPLE = Example(
    books=tuple(sale(n) for n in range(1, 7)),
    network=(*(line(n, fee_minor=-60) for n in range(1, 6)), line(6, fee_minor=-90)),
)
COUNTER_EXAMPLE = Example(
    books=tuple(sale(n) for n in range(1, 7)), network=tuple(line(n, fee_minor=-60) for n in range(1, 7))
)
