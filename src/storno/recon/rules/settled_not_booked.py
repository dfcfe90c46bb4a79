"""Money for which our books have nothing.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="settled_not_booked",
    leg=Leg.NETWORK,
    order=120,
    when="o_effect <> 0 AND (NOT b_there OR b_position <> 'effect')",
    money="o_effect",
    whose=Whose.OPERATIONS,
    days=3,
    title=("settled but not booked", "清算有、本方无"),
    what=(
        (
            "A line was cleared for which our books hold no money: no transaction, or one that we have as "
            "declined, not sent or in doubt."
        ),
        "清算文件中有该笔，本方账上没有对应款项：无记录，或记为被拒、未发送、待定，为长款。",
    ),
    next_step=(
        (
            "Settlement clerk: look for the sale at the shop; book it if goods were handed over, else return it "
            "(贷记调整)."
        ),
        "清算人员：向商户核实交易；已交货的补记入账，否则做贷记调整退回。",
    ),
    not_do=("Do not keep it as income.", "不要直接记为收入。"),
)
EXAMPLE = Example(books=(sale(2),), network=(line(), line(2)))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(),))
