"""A reversal that was never answered until its tries ran out.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, undone

RULE = Rule(
    name="reversal_exhausted",
    leg=Leg.NETWORK,
    order=31,
    when="b_state = 'exhausted'",
    money="CASE WHEN o_there THEN o_effect ELSE b_amount END",
    whose=Whose.OPERATIONS,
    days=1,
    title=("reversal given up", "冲正次数用尽"),
    what=(
        (
            "The reversal was sent as often as the rules allow and never answered. Nobody knows whether the "
            "cardholder was charged."
        ),
        "冲正已按规则重发至上限，始终没有应答，不知道持卡人是否已扣款，可能为长款。",
    ),
    next_step=(
        (
            "Operations: bring the link back and order `storno cases retry`; settlement clerk: look for the line "
            "in the next clearing file."
        ),
        "运维：恢复链路后用 `storno cases retry` 再次发起；清算人员：在下一清算文件中查找该笔。",
    ),
    not_do=(
        "Do not close it because the queue is empty: the money is still in doubt.",
        "不要因为队列为空就关闭：资金仍未确定。",
    ),
)
EXAMPLE = Example(books=(undone(state="exhausted", position="suspense", told="unknown", attempts=19),))
COUNTER_EXAMPLE = Example(books=(undone(attempts=19),))
