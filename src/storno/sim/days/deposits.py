"""What the bank pays: one net amount for each merchant, channel and cleared day, on the next working day.

Rule: net is gross - refunds - fees of exactly the lines that were cleared; a planted shortage or surplus is the only
difference there is. Nothing to pay, nothing booked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storno.sim.days.clearing import Lines
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD
from storno.sim.days.draw import Draws
from storno.sim.days.fleet import Fleet
from storno.sim.days.write_terminal import mids

CHANNELS = ("POS", "WX", "ALI")
_CHANNEL_TEXTS = ("POS清算", "微信支付清算", "支付宝清算")


@dataclass(frozen=True, slots=True)
class Deposit:
    """One booking. Amounts in minor units; `rule` names a planted difference."""

    mid: str
    channel: int
    cleared: str
    """Cleared day, YYYYMMDD."""
    booked: str
    due_minor: int
    paid_minor: int
    rule: str = ""

    @property
    def reference(self) -> str:
        """Give the bank's reference: channel, MID, cleared day."""
        return f"{CHANNELS[self.channel]}-{self.mid}-{self.cleared}"

    @property
    def text(self) -> str:
        """Give the narrative."""
        return f"{_CHANNEL_TEXTS[self.channel]} 商户{self.mid} 清算日{self.cleared}"


def deposits(lines: Lines, number: int, calendar: Calendar, fleet: Fleet) -> list[Deposit]:
    """Give what is due for a cleared day, merchant by merchant."""
    names = mids(fleet)
    key = lines.merchant * len(CHANNELS) + lines.channel
    net = np.zeros(len(names) * len(CHANNELS), dtype=np.int64)
    np.add.at(net, key, lines.amount + lines.fee)
    booked = calendar.text(calendar.paid_on(number))
    return [
        Deposit(names[place // len(CHANNELS)], place % len(CHANNELS), calendar.text(number), booked, int(net[place]),
                int(net[place]))
        for place in np.flatnonzero(net).tolist()
    ]  # fmt: skip


def plant_deposits(due: list[Deposit], rules: list[str], count: int, draws: Draws) -> list[Deposit]:
    """Bend some of the deposits: too little, or too much."""
    fit = [at for at, one in enumerate(due) if one.channel == CARD and one.due_minor > 10_000]
    order = np.argsort(draws.words(len(fit)), kind="stable").tolist()
    count = min(count, len(fit) // (2 * max(1, len(rules))))
    out = list(due)
    for place, rule in enumerate(rules):
        for spot in order[place * count : (place + 1) * count]:
            one = due[fit[spot]]
            by = 100 + draws.one(min(50_000, one.due_minor // 2))
            paid = one.due_minor + (by if rule == "deposit_over" else -by)
            out[fit[spot]] = Deposit(one.mid, one.channel, one.cleared, one.booked, one.due_minor, paid, rule)
    return out
