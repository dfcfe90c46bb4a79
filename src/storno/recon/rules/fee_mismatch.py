"""A fee that is not the merchant's own.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Weak, Whose, Words
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
        "The fee is higher than the rate agreed with this merchant makes it.",
        "手续费高于按该商户约定费率计算的金额。",
    ),
    next_step=(
        "Settlement clerk: compare with the contract and claim what was taken too much.",
        "清算人员：对照协议费率核对，多收的向收单机构要求退还。",
    ),
    not_do=("Do not take the difference from the shop.", "不要让商户承担差额。"),
    over=Words(
        (
            "The fee is lower than the rate agreed with this merchant makes it.",
            "手续费低于按该商户约定费率计算的金额。",
        ),
        (
            (
                "Settlement clerk: compare with the contract, tell the acquirer that too little was taken, and set the "
                "difference aside: it may be taken later."
            ),
            "清算人员：对照协议费率核对，将少收告知收单机构，并预留差额：日后可能补扣。",
        ),
        ("Do not book the difference as income.", "不要将差额记作收入。"),
    ),
    weak=Weak(
        when="o_fee_learned > 0",
        hint="rate_learned",
        how_sure=(
            "likely: the merchant's fee rate was not given but learned from its lines",
            "很可能：该商户的费率未给出，由其交易推断",
        ),
        words=Words(
            (
                (
                    "The fee is not at the rate that at least four fifths of this merchant's lines keep to. That rate "
                    "was learned from the lines; what was agreed is not known."
                ),
                "手续费与该商户至少五分之四的交易所用费率不符；该费率由交易推断得出，协议费率未知。",
            ),
            (
                (
                    "Settlement clerk: give the agreed rates with --fees FILE (or as fees.csv in the home folder) and "
                    "reconcile again; judge what still differs by the contract."
                ),
                "清算人员：用 --fees 文件（或数据目录中的 fees.csv）给出协议费率后重新对账；仍不符的按协议处理。",
            ),
            ("Do not demand or pay anything on a learned rate.", "不要仅凭推断的费率要求退还或付款。"),
        ),
    ),
)
EXAMPLE = Example(
    books=tuple(sale(n) for n in range(1, 7)),
    network=(*(line(n, fee_minor=-60) for n in range(1, 6)), line(6, fee_minor=-90)),
)
COUNTER_EXAMPLE = Example(
    books=tuple(sale(n) for n in range(1, 7)), network=tuple(line(n, fee_minor=-60) for n in range(1, 7))
)
