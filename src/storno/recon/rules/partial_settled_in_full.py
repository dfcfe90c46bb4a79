"""A part was approved, the whole was cleared.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="partial_settled_in_full",
    leg=Leg.NETWORK,
    order=60,
    when="b_there AND b_position = 'effect' AND b_asked <> b_amount AND o_effect = b_asked",
    money="o_effect - b_effect",
    whose=Whose.ACQUIRER,
    days=3,
    title=("partial approval settled in full", "部分批准按全额清算"),
    what=(
        "The issuer approved a part of the amount, and the whole amount was cleared.",
        "发卡机构只批准了部分金额，清算却按申请全额入账，差额为长款。",
    ),
    next_step=(
        (
            "Settlement clerk: return the difference by a credit adjustment (贷记调整); check whether the shop was "
            "paid the rest in cash."
        ),
        "清算人员：对差额做贷记调整；并向商户核实余款是否已用现金收取。",
    ),
    not_do=(
        "Do not treat the full amount as agreed by the cardholder.",
        "不要认为全额已获持卡人同意。",
    ),
)
EXAMPLE = Example(books=(sale(approved_minor=6_000),), network=(line(),))
COUNTER_EXAMPLE = Example(books=(sale(approved_minor=6_000),), network=(line(amount_minor=6_000),))
