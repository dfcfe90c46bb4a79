"""A reversal that still waits for its answer.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, undone

RULE = Rule(
    name="reversal_unanswered",
    leg=Leg.NETWORK,
    order=32,
    when="b_state = 'reversing'",
    money="CASE WHEN o_there THEN o_effect ELSE b_amount END",
    whose=Whose.OPERATIONS,
    days=1,
    title=("reversal without an answer", "冲正未获应答"),
    what=(
        "The reversal is under way: it was sent and no answer came yet. The money is in doubt until then.",
        "冲正已发出但尚无应答，在此之前资金未定。",
    ),
    next_step=(
        "Operations: see with `storno explain` why the host does not answer; Storno goes on sending by itself.",
        "运维：用 `storno explain` 查看主机未应答的原因；系统会继续自动重发。",
    ),
    not_do=("Do not send a second, different reversal by hand.", "不要手工另发一笔冲正。"),
)
EXAMPLE = Example(books=(undone(state="reversing", position="suspense", told="unknown", attempts=4),))
COUNTER_EXAMPLE = Example(books=(undone(attempts=4),))
