"""Terminal and books tell two stories of one transaction.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale, undone

RULE = Rule(
    name="terminal_says_otherwise",
    leg=Leg.TERMINAL,
    order=10,
    when=(
        "b_there AND o_there AND ((o_approved AND b_position <> 'effect') OR (o_approved AND o_effect <> "
        "b_effect) OR (o_pay > 0 AND NOT o_approved AND b_position = 'effect' AND b_told = 'approved'))"
    ),
    money="b_effect - o_effect",
    whose=Whose.SHOP,
    days=2,
    title=("the terminal says otherwise", "终端记录与账目不符"),
    what=(
        "Terminal and books have the same transaction with another outcome or another amount.",
        "同一笔交易，终端记录的结果或金额与本方账目不一致。",
    ),
    next_step=(
        (
            "Shop: compare the slip with this page; operations: find out with `storno explain` what the terminal "
            "was told last."
        ),
        "商户：用签购单与本页核对；运维：用 `storno explain` 查看终端最后收到的应答。",
    ),
    not_do=("Do not trust the terminal's screen alone.", "不要只凭终端屏幕显示判断。"),
)
EXAMPLE = Example(
    books=(sale(),),
    terminal=(line(batch="000001", mark="declined"),),
    network=(line(),),
)
COUNTER_EXAMPLE = Example(
    books=(undone(),),
    terminal=(line(batch="000001", rrn="", auth_code="", mark="reversed"),),
)
