"""A transaction that was cleared more than once.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="duplicate_settlement",
    leg=Leg.NETWORK,
    order=40,
    when="(b_there AND b_position = 'effect' AND o_pay >= 2 AND abs(o_effect) > abs(b_effect)) OR o_twin",
    money="o_effect - b_effect",
    whose=Whose.NETWORK,
    days=3,
    title=("settled twice", "重复清算"),
    what=(
        "One transaction of ours was cleared more than once; the cardholder may have paid twice.",
        "本方一笔交易被清算多次，持卡人可能被重复扣款，形成长款。",
    ),
    next_step=(
        (
            "Settlement clerk: confirm that the lines are of one sale (same RRN or STAN), then return the "
            "surplus by a credit adjustment (贷记调整)."
        ),
        "清算人员：核实多条记录属同一笔交易（检索参考号或流水号相同），对多清部分做贷记调整。",
    ),
    not_do=("Do not book the second line as another sale.", "不要把多出的记录补记为另一笔消费。"),
)
EXAMPLE = Example(books=(sale(),), network=(line(), line()))
COUNTER_EXAMPLE = Example(books=(sale(), sale(2)), network=(line(), line(2)))
