"""A line that carries another terminal's number.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="wrong_terminal",
    leg=Leg.NETWORK,
    order=75,
    when=("b_there AND o_pay > 0 AND b_tid <> '' AND o_tid <> '' AND o_tid <> b_tid AND o_effect = b_effect"),
    money="0",
    whose=Whose.ACQUIRER,
    days=5,
    title=("settled under another terminal", "清算终端号不符"),
    what=(
        (
            "The line of this transaction carries another terminal number. No money is missing, but the shop's "
            "own comparison will not agree."
        ),
        "清算记录中的终端号与本方账目不一致。资金不受影响，但商户自行对账会对不上。",
    ),
    next_step=(
        "Operations: check that no two terminals share a number, and correct the parameters.",
        "运维：检查是否有终端号重复使用，并更正参数。",
    ),
    not_do=("Do not adjust any money for it.", "不要因此调整资金。"),
)
EXAMPLE = Example(books=(sale(),), network=(line(tid="00000002"),))
COUNTER_EXAMPLE = Example(books=(sale(),), network=(line(tid=""),))
