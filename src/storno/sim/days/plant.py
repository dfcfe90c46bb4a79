"""Plant differences: bend some transactions so that the sides disagree in a known way, one rule each.

Rule: only plain approved sales are bent, each once, and what was bent is written into the truth with its money: `delta`
is what the outside's total exceeds the books' by, `stake` is what is in question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from storno.recon.finding import RULE_NAMES
from storno.recon.sides import HOLD_DAYS
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.draw import Draws, Ints
from storno.sim.days.fates import FATE_OF, FATES, REFUND, VOID
from storno.sim.days.fleet import Fleet
from storno.sim.days.plan import Plan
from storno.sim.days.tables import CODE_OF
from storno.sim.days.trading import plain_rows

RULE_OF = {name: at for at, name in enumerate(RULE_NAMES)}
LOST = "booked_not_on_terminal"
AT_BANK = frozenset({"deposit_short", "deposit_over"})
"""Planted on deposits, not on transactions."""
_BY_FATE: dict[str, tuple[int, ...]] = {
    rule: tuple(at for at, fate in enumerate(FATES) if fate.rule == rule) for rule in RULE_NAMES
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a bender works on."""

    day: Day
    rows: Ints
    fleet: Fleet
    draws: Draws
    calendar: Calendar
    number: int


def plant(day: Day, plan: Plan, fleet: Fleet, calendar: Calendar, number: int, draws: Draws) -> None:
    """Plant every asked-for difference that lives on transactions."""
    wanted = [rule for rule in plan.planted if rule not in AT_BANK]
    free = plain_rows(day)
    free = draws.some(
        free[(day.amount[free] >= 1_000) & (day.second[free] < 80_000)], plan.per_rule * len(wanted)
    )
    if len(free) < plan.per_rule * len(wanted):
        raise AssertionError(f"only {len(free)} plain sales to plant {plan.per_rule} of each rule in")
    if LOST in wanted:
        free = _seen_elsewhere(day, free, wanted.index(LOST) * plan.per_rule, plan.per_rule, fleet)
    for place, rule in enumerate(wanted):
        rows = np.sort(free[place * plan.per_rule : (place + 1) * plan.per_rule])
        day.plant[rows] = RULE_OF[rule]
        _BENDERS.get(rule, _by_fate)(Chosen(day, rows, fleet, draws, calendar, number), rule)


def _seen_elsewhere(day: Day, free: Ints, first: int, count: int, fleet: Fleet) -> Ints:
    """Exchange rows so that a sale is lost only by terminals that keep another: a journal without a line shows nothing.

    Raises:
        AssertionError: too few terminals keep another sale.

    """
    kept = np.array([bool(fate.terminal) for fate in FATES])[day.fate]
    kept[free] = False
    seen = np.zeros(fleet.terminals, dtype=bool)
    seen[day.terminal[np.flatnonzero(kept)]] = True
    good = seen[day.terminal[free]]
    mine = np.arange(first, first + count)
    bad = mine[~good[mine]]
    others = np.flatnonzero(good & ((np.arange(len(free)) < first) | (np.arange(len(free)) >= first + count)))
    if len(others) < len(bad):
        raise AssertionError(f"no terminal keeps another sale beside those of {LOST}")
    out = free.copy()
    out[bad], out[others[: len(bad)]] = free[others[: len(bad)]], free[bad]
    return out


def _by_fate(on: Chosen, rule: str) -> None:
    """Give the rows the fates that are this difference, in turn."""
    ways = _BY_FATE[rule]
    assert ways, f"no way to plant {rule}"
    on.day.fate[on.rows] = np.array(ways, dtype=np.int64)[np.arange(len(on.rows)) % len(ways)]
    doubt = on.rows[on.day.fate[on.rows] == FATE_OF["doubt_charged"]]
    on.day.code[doubt] = CODE_OF["98"]


def _refund_alone(on: Chosen, rule: str) -> None:
    _by_fate(on, rule)
    on.day.kind[on.rows] = REFUND


def _amount(on: Chosen, rule: str) -> None:  # noqa: ARG001 - one shape for all benders
    size = len(on.rows)
    approved = on.day.approved[on.rows]
    slip = on.draws.below(3, size)
    more = np.select(
        [slip == 0, slip == 1], [approved + on.draws.between(1, 99, size), approved * 10], approved - 100
    )
    on.day.line_amount[on.rows] = more


def _fee(on: Chosen, rule: str) -> None:  # noqa: ARG001
    on.day.line_fee[on.rows] = on.draws.between(30, 250, len(on.rows))


def _partial(on: Chosen, rule: str) -> None:  # noqa: ARG001
    on.day.line_amount[on.rows] = on.day.amount[on.rows]
    on.day.approved[on.rows] = on.day.amount[on.rows] * 6 // 10
    on.day.code[on.rows] = CODE_OF["10"]


def _merchant(on: Chosen, rule: str) -> None:  # noqa: ARG001
    own = on.fleet.merchant[on.day.terminal[on.rows]]
    count = len(on.fleet.trade)
    on.day.line_merchant[on.rows] = (own + 1 + on.draws.below(max(1, count - 1), len(on.rows))) % count


def _terminal(on: Chosen, rule: str) -> None:  # noqa: ARG001
    own = on.day.terminal[on.rows]
    on.day.line_terminal[on.rows] = (
        own + 1 + on.draws.below(max(1, on.fleet.terminals - 1), len(own))
    ) % max(2, on.fleet.terminals)


def _late(on: Chosen, rule: str) -> None:  # noqa: ARG001
    """Clear it so late that it was a difference before: more working days later than a line may wait."""
    ways = [on.calendar.later(on.number, HOLD_DAYS + more) - on.number for more in (1, 2)]
    on.day.late_days[on.rows] = np.array(ways, dtype=np.int64)[on.draws.below(2, len(on.rows))]


def _void_of_reversed(on: Chosen, rule: str) -> None:
    """Void a sale that was reversed already: the cardholder gets the money twice."""
    day, rows = on.day, on.rows
    void = day.follow(rows, on.draws.between(120, 900, len(rows)))
    void.kind[:] = VOID
    void.parent = rows.copy()
    void.plant[:] = RULE_OF[rule]
    day.plant[rows] = NONE
    day.fate[rows] = FATE_OF["void_on_reversed"]
    day.undone_by[rows] = day.size + np.arange(len(rows))
    day.add(void)


_BENDERS: dict[str, Callable[[Chosen, str], None]] = {
    "refund_without_sale": _refund_alone, "amount_mismatch": _amount, "fee_mismatch": _fee,
    "partial_settled_in_full": _partial, "wrong_merchant": _merchant, "wrong_terminal": _terminal,
    "date_shift": _late, "void_of_reversed": _void_of_reversed,
}  # fmt: skip


def harmless_rows(day: Day) -> Ints:
    """Give the card rows without a planted difference."""
    return np.flatnonzero((day.plant == NONE) & (day.channel == CARD))
