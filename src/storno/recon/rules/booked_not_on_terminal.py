"""A sale that the terminal has lost.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="booked_not_on_terminal",
    leg=Leg.TERMINAL,
    order=30,
    when=(
        "b_there AND NOT o_there AND covered AND b_position = 'effect' AND b_effect <> 0 AND b_told = "
        "'approved' AND NOT b_pairs_off"
    ),
    money="b_effect",
    whose=Whose.SHOP,
    days=2,
    title=("in the books, not on the terminal", "本方有、终端无"),
    what=(
        "The customer paid, but the terminal's journal of that day has no such transaction.",
        "本方已收款，但终端当日流水中没有该笔：顾客已付款而商户不知道，为长款。",
    ),
    next_step=(
        "Shop: look for the slip; hand over the goods or give the money back by a refund.",
        "商户：查找签购单，确认已交货；否则办理退货退款。",
    ),
    not_do=("Do not ask the customer to pay again.", "不要让顾客再次付款。"),
)
EXAMPLE = Example(books=(sale(), sale(2)), terminal=(line(2, batch="000001"),), network=(line(), line(2)))
COUNTER_EXAMPLE = Example(books=(sale(),), terminal=(line(batch="000001"),), network=(line(),))
