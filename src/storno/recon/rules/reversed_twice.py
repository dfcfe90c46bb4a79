"""A transaction whose money was taken back more than once.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, undone

RULE = Rule(
    name="reversed_twice",
    leg=Leg.NETWORK,
    order=10,
    when="b_there AND o_rev >= 2 AND o_effect * b_amount < 0",
    money="o_effect - b_effect",
    whose=Whose.NETWORK,
    days=3,
    title=("reversed twice", "重复冲正"),
    what=(
        (
            "One transaction of ours has two or more reversal lines, and their sum takes more money back than "
            "there was."
        ),
        "本方一笔交易在清算文件中有两条或以上冲正记录，退回金额超过原交易金额，形成短款。",
    ),
    next_step=(
        "Settlement clerk: send both reversal lines to the network and claim the second one back (请款).",
        "清算人员：将两条冲正记录一并提交清算机构，对多冲部分发起请款。",
    ),
    not_do=("Do not charge the cardholder again at the terminal.", "不要在终端上让持卡人重新刷卡补收。"),
)
EXAMPLE = Example(
    books=(undone(),),
    network=(
        line(),
        line(kind="reversal", amount_minor=-10_000),
        line(kind="reversal", amount_minor=-10_000),
    ),
)
COUNTER_EXAMPLE = Example(books=(undone(),), network=(line(), line(kind="reversal", amount_minor=-10_000)))
