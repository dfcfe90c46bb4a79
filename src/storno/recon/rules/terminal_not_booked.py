"""A sale that only the terminal knows.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, line, sale

RULE = Rule(
    name="terminal_not_booked",
    leg=Leg.TERMINAL,
    order=20,
    when="NOT b_there AND o_approved AND o_effect <> 0",
    money="-o_effect",
    whose=Whose.SHOP,
    days=2,
    title=("on the terminal, not in the books", "终端有、本方无"),
    what=(
        "The terminal has an approved transaction that never reached our books: the shop thinks it was paid.",
        "终端记录为成功，本方账上没有：商户以为已收款，实为短款。",
    ),
    next_step=(
        "Shop: look for the slip; operations: find out which host answered this terminal.",
        "商户：找出签购单；运维：查明该终端当时由哪台主机应答。",
    ),
    not_do=("Do not book it on the terminal's word alone.", "不要仅凭终端记录补记入账。"),
)
EXAMPLE = Example(
    books=(sale(2),), terminal=(line(batch="000001"), line(2, batch="000001")), network=(line(2),)
)
COUNTER_EXAMPLE = Example(books=(sale(),), terminal=(line(batch="000001"),), network=(line(),))
