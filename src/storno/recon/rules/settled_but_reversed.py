"""Money that came although we undid the transaction.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, undone

RULE = Rule(
    name="settled_but_reversed",
    leg=Leg.NETWORK,
    order=50,
    when=(
        "b_there AND b_position = 'none' AND b_state IN ('reversed', 'closed') AND o_effect * b_amount > 0"
    ),
    money="o_effect - b_effect",
    whose=Whose.ACQUIRER,
    days=2,
    title=("settled although reversed", "已冲正却被清算"),
    what=(
        (
            "Our reversal was acknowledged, yet the transaction was cleared: the cardholder paid for a sale that "
            "the terminal called failed."
        ),
        "冲正已获确认，交易却仍被清算：终端显示失败而持卡人已付款，为长款。",
    ),
    next_step=(
        (
            "Settlement clerk: return the money by a credit adjustment (贷记调整), with the reversal's answer as "
            "evidence."
        ),
        "清算人员：以冲正应答为凭证做贷记调整，将款项退回持卡人。",
    ),
    not_do=(
        "Do not keep the money, and do not tell the shop to hand over goods for it.",
        "不要留用该款，也不要让商户据此交货。",
    ),
)
EXAMPLE = Example(books=(undone(),), network=(line(),))
COUNTER_EXAMPLE = Example(books=(undone(),), network=(line(), line(kind="reversal", amount_minor=-10_000)))
