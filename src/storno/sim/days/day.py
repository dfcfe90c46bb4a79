"""One day as columns: every transaction a terminal began, and what became of it.

Rule: a row is a transaction, a column one property of all; links between rows are row numbers, which never change once
given. Overrides (`line_*`, `late_days`) are how a planted difference bends what the network clears.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from storno.sim.days.draw import Ints
from storno.sim.days.fates import FATE_OF, SALE

NONE = -1
CARD, WECHAT, ALIPAY = 0, 1, 2


@dataclass(slots=True)
class Day:
    """The columns. All are int64; amounts in minor units."""

    second: Ints
    terminal: Ints
    card: Ints
    channel: Ints
    kind: Ints
    amount: Ints
    approved: Ints
    """What the host approved; the same as `amount` but for partial approvals."""
    entry: Ints
    operator: Ints
    fate: Ints
    code: Ints
    """Place of the host's F39 in `tables.CODES`."""
    cause: Ints
    second_cause: Ints
    parent: Ints
    """Row of what this one voids or completes, NONE without."""
    retry_of: Ints
    """Row of the attempt this one repeats."""
    undone_by: Ints
    """Row of what voids or completes this one."""
    plant: Ints
    """Place in RULE_NAMES of the difference planted on it."""
    line_amount: Ints
    """What the network clears instead of the approved amount; NONE: the same."""
    line_fee: Ints
    """Minor units the network charges beyond the agreed fee."""
    line_merchant: Ints
    line_terminal: Ints
    late_days: Ints
    serial: Ints
    """Place in the day by time: part of the transaction's id."""
    stan: Ints
    batch: Ints
    rrn: Ints
    auth: Ints
    origin_day: Ints
    """Day, serial, STAN, second and batch of the original, where it is of this or an earlier day."""
    origin_serial: Ints
    origin_stan: Ints
    origin_second: Ints

    @property
    def size(self) -> int:
        """Give the number of rows."""
        return len(self.second)

    def take(self, rows: Ints) -> Day:
        """Give a day of these rows (a copy)."""
        return Day(*(getattr(self, one.name)[rows] for one in fields(self)))

    def add(self, more: Day) -> None:
        """Put rows at the end."""
        for one in fields(self):
            setattr(self, one.name, np.concatenate([getattr(self, one.name), getattr(more, one.name)]))

    def follow(self, rows: Ints, after_s: Ints) -> Day:
        """Give new transactions at the same terminal with the same card and amount, so much later."""
        more = self.take(rows)
        fresh = blank(len(rows))
        for name in ("terminal", "card", "channel", "amount", "approved", "entry", "operator"):
            setattr(fresh, name, getattr(more, name))
        fresh.second = np.minimum(more.second + after_s, 86_399)
        return fresh


def blank(size: int) -> Day:
    """Give a day of plain approved sales with nothing filled in."""
    columns = {one.name: np.full(size, NONE, dtype=np.int64) for one in fields(Day)}
    for name in ("second", "terminal", "amount", "approved", "channel", "operator", "entry", "code", "cause",
                 "second_cause", "line_fee", "late_days"):  # fmt: skip
        columns[name][:] = 0
    columns["kind"][:] = SALE
    columns["fate"][:] = FATE_OF["approved"]
    return Day(**columns)
