"""A day's trade: sales by the clock, and what people do about them: voids, refunds, completions, second tries.

Rule: plain draws over whole columns; a transaction that belongs to another one names its row. Planting differences and
clearing come later and change none of this.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from storno.sim.days.causes import CAUSE_OF
from storno.sim.days.day import ALIPAY, CARD, NONE, WECHAT, Day, blank
from storno.sim.days.draw import MILLION, Draws, Flags, Ints
from storno.sim.days.fates import COMPLETION, FATE_OF, PREAUTH, REFUND, SALE, VOID
from storno.sim.days.fleet import OPERATORS, Fleet
from storno.sim.days.tables import (
    CODE_OF,
    ENTRIES,
    SCANNED,
    TRADES,
    amount_quantiles,
    hour_quantiles,
    weights,
)

_VOIDED, _REFUNDED, _PARTIAL, _REFUND_LATER = 9_000, 3_000, 1_200, 50_000
"""Shares per million of approved sales; the last of those kept for the next day."""
_HOLDS = 400_000
"""Share of sales that begin as a pre-authorisation, where the trade does that."""
_AGAIN = {"request_lost": 700_000, "answer_lost": 700_000, "terminal_fault": 750_000, "cancelled": 600_000,
          "bad_mac": 600_000, "terminal_mac": 600_000, "reversal_repeated": 600_000, "not_sent": 500_000}  # fmt: skip
_AGAIN_DECLINED = {"wrong_pin": 600_000, "wrong_card_data": 400_000, "keys_out_of_step": 300_000}
_LATEST_S = 86_000
KEPT_FOR_REFUND = 400
WALLET_SHARES = {"wechat": (WECHAT, 260_000), "alipay": (ALIPAY, 180_000)}


@dataclass(slots=True)
class Memory:
    """What one day leaves to the next: STANs, and sales that may be brought back."""

    stan: Ints
    sold: list[Day] = field(default_factory=list)
    sold_on: list[int] = field(default_factory=list)


def draw_sales(draws: Draws, fleet: Fleet, sales: int, weekday: int, wallets: tuple[str, ...]) -> Day:
    """Draw the day's sales, all approved, in the order of time."""
    day = blank(sales)
    trade_rows = fleet.trade[fleet.merchant]
    terminal = draws.pick(fleet.busyness(weekday), sales)
    trade = trade_rows[terminal]
    second = draws.curve(hour_quantiles(), sales, trade)
    order = np.argsort(second, kind="stable")
    day.second, day.terminal, trade = second[order], terminal[order], trade[order]
    day.amount = _habits(draws, draws.curve(amount_quantiles(), sales, trade), trade)
    day.approved = day.amount.copy()
    regular = draws.below(fleet.cards, sales)
    near = (day.terminal * 53 + draws.below(40, sales)) % fleet.cards
    day.card = np.where(draws.hits(450_000, sales), near, regular)
    day.entry = draws.pick(weights(ENTRIES), sales)
    day.operator = (day.second // 28_800 + draws.below(2, sales)) % OPERATORS
    _scan(day, draws, wallets)
    return day


def _scan(day: Day, draws: Draws, wallets: tuple[str, ...]) -> None:
    """Turn a share of the sales into wallet sales."""
    spot = draws.below(MILLION, day.size)
    edge = 0
    for name in wallets:
        channel, share = WALLET_SHARES[name]
        hit = (spot >= edge) & (spot < edge + share)
        day.channel[hit], day.card[hit], day.entry[hit] = channel, NONE, SCANNED
        edge += share


def _habits(draws: Draws, amount: Ints, trade: Ints) -> Ints:
    """Round amounts as prices are: whole yuan, tens, .50 and .90, or to the jiao."""
    size = len(amount)
    whole = np.array([one.whole for one in TRADES], dtype=np.int64)[trade] * 10_000
    spot = draws.below(MILLION, size)
    yuan = np.maximum(100, amount // 100 * 100)
    tens = np.maximum(1000, amount // 1000 * 1000)
    rest = spot - whole
    priced = np.select(
        [spot * 4 < whole, spot < whole, rest * 6 < MILLION - whole, rest * 3 < MILLION - whole],
        [tens, yuan, yuan + 50, yuan + 90],
        amount,
    )
    return priced.astype(np.int64)


def live_on(day: Day, draws: Draws, fleet: Fleet, memory: Memory) -> None:
    """Add what follows from the day's sales: pre-authorisations, completions, voids, refunds, second tries."""
    _hold(day, draws, fleet)
    _correct(day, draws)
    _undo(day, draws)
    _give_back(day, draws, memory)
    _try_again(day, draws)
    part = draws.hits(_PARTIAL, day.size) & _plain(day) & (day.amount > 2_000)
    day.approved[part] = day.amount[part] * 6 // 10
    day.code[part] = CODE_OF["10"]


def _plain(day: Day) -> Flags:
    """Say which rows are approved card sales that nothing else belongs to."""
    good: Flags = (day.fate == FATE_OF["approved"]) & (day.kind == SALE) & (day.channel == CARD)
    good &= (day.undone_by == NONE) & (day.plant == NONE) & (day.parent == NONE) & (day.code == 0)
    return good


def plain_rows(day: Day) -> Ints:
    """Give the rows of approved card sales that nothing else belongs to."""
    return np.flatnonzero(_plain(day) & (day.cause == 0) & (day.retry_of == NONE))


def _append(day: Day, more: Day, parents: Ints, kind: int, fate: str) -> None:
    more.kind[:] = kind
    more.parent = parents.copy()
    day.undone_by[parents] = day.size + np.arange(len(parents))
    day.fate[parents] = FATE_OF[fate]
    day.add(more)


def _hold(day: Day, draws: Draws, fleet: Fleet) -> None:
    keeps = np.array([one.keeps for one in TRADES])[fleet.trade[fleet.merchant[day.terminal]]]
    usual = keeps & _plain(day) & (day.second < _LATEST_S - 14_400)
    rows = np.flatnonzero(usual & draws.hits(_HOLDS, day.size))
    day.kind[rows] = PREAUTH
    done = day.follow(rows, draws.between(1_800, 14_000, len(rows)))
    done.amount = np.maximum(100, done.amount * draws.between(60, 100, len(rows)) // 100)
    done.approved = done.amount.copy()
    _append(day, done, rows, COMPLETION, "completed")


def _correct(day: Day, draws: Draws) -> None:
    """Undo what was keyed wrong, then sell again with the right amount (x10, x100, two digits swapped)."""
    wrong = (day.cause == CAUSE_OF["wrong_amount"]) | (day.cause == CAUSE_OF["operator_mistake"])
    early = day.second < _LATEST_S - 400
    rows = np.flatnonzero(wrong & (day.fate == FATE_OF["approved"]) & (day.kind == SALE) & early)
    after = draws.between(20, 150, len(rows))
    void = day.follow(rows, after)
    again = day.follow(rows, after + draws.between(15, 90, len(rows)))
    again.retry_of = rows.copy()
    slip = draws.below(3, len(rows))
    mistyped = day.cause[rows] == CAUSE_OF["wrong_amount"]
    lesser, hundredth = np.maximum(100, again.amount // 10), np.maximum(100, again.amount // 100)
    swapped = _swap(again.amount)
    right = np.select([slip == 0, slip == 1], [lesser, hundredth], swapped)
    again.amount = np.where(mistyped, right, again.amount).astype(np.int64)
    again.approved = again.amount.copy()
    _append(day, void, rows, VOID, "voided")
    day.add(again)


def _swap(amount: Ints) -> Ints:
    """Swap the tens and hundreds of yuan: what fingers do."""
    low, high = amount // 1_000 % 10, amount // 10_000 % 10
    return amount + (low - high) * 9_000


def _undo(day: Day, draws: Draws) -> None:
    early = _plain(day) & (day.second < _LATEST_S - 4_000) & (day.retry_of == NONE)
    rows = np.flatnonzero(draws.hits(_VOIDED, day.size) & early)
    void = day.follow(rows, draws.between(60, 3_600, len(rows)))
    _append(day, void, rows, VOID, "voided")
    lost = day.size - len(rows) + np.flatnonzero(draws.hits(60_000, len(rows)))
    day.fate[lost] = FATE_OF["answer_lost"]
    day.cause[lost] = CAUSE_OF["unstable_network"]
    day.fate[day.parent[lost]] = FATE_OF["approved"]


def _give_back(day: Day, draws: Draws, memory: Memory) -> None:
    """Refund sales of today, and some of earlier days."""
    fit = (day.fate == FATE_OF["approved"]) & (day.kind == SALE) & (day.second < _LATEST_S - 8_000)
    fit &= (day.retry_of == NONE) & (day.undone_by == NONE)
    rows = np.flatnonzero(draws.hits(_REFUNDED, day.size) & fit)
    back = day.follow(rows, draws.between(600, 7_000, len(rows)))
    _in_part(back, draws)
    back.parent = rows.copy()
    back.kind[:] = REFUND
    day.undone_by[rows] = day.size + np.arange(len(rows))
    day.add(back)
    for sold, on in zip(memory.sold, memory.sold_on, strict=True):
        some = np.flatnonzero(draws.hits(_REFUND_LATER, sold.size))
        late = sold.follow(some, draws.between(-3_600, 3_600, len(some)))
        late.second = np.maximum(late.second, 60)
        _in_part(late, draws)
        late.kind[:] = REFUND
        late.origin_day[:] = on
        for name in ("serial", "stan", "second"):
            setattr(late, f"origin_{name}", getattr(sold, name)[some])
        day.add(late)


def _in_part(refunds: Day, draws: Draws) -> None:
    """Give back part of the amount in a third of the cases."""
    part = draws.hits(330_000, refunds.size) & (refunds.amount > 2_000)
    refunds.amount = np.where(part, refunds.amount * 4 // 10, refunds.amount)
    refunds.approved = refunds.amount.copy()


def _try_again(day: Day, draws: Draws) -> None:
    """Let the cashier try once more after a failure."""
    chance = np.zeros(day.size, dtype=np.int64)
    for name, share in _AGAIN.items():
        chance[day.fate == FATE_OF[name]] = share
    refused = np.isin(day.fate, (FATE_OF["declined"], FATE_OF["declined_zero"]))
    for name, share in _AGAIN_DECLINED.items():
        chance[refused & (day.cause == CAUSE_OF[name])] = share
    fit = (day.kind == SALE) & (day.second < _LATEST_S - 400)
    rows = np.flatnonzero(draws.hits(chance, day.size) & fit)
    again = day.follow(rows, draws.between(75, 240, len(rows)))
    again.retry_of = rows.copy()
    day.add(again)


def number_rows(day: Day, draws: Draws, memory: Memory, number: int) -> None:
    """Give each row its place in the day, STAN, batch, RRN and authorisation code."""
    size = day.size
    order = np.argsort(day.second, kind="stable")
    day.serial[order] = np.arange(size)
    by_terminal = np.argsort(day.terminal * 100_000_000 + day.serial, kind="stable")
    counts = np.bincount(day.terminal, minlength=len(memory.stan))
    starts = np.cumsum(counts) - counts
    place = np.empty(size, dtype=np.int64)
    place[by_terminal] = np.arange(size) - np.repeat(starts, counts)
    day.stan = (memory.stan[day.terminal] + place) % 999_999 + 1
    memory.stan = (memory.stan + counts) % 999_999
    day.batch = np.full(size, number + 1, dtype=np.int64)
    day.rrn = _spread(day.serial, draws)
    day.auth = draws.between(1, 999_999, size)
    own = np.flatnonzero(day.parent != NONE)
    parents = day.parent[own]
    day.origin_day[own] = number
    for name in ("serial", "stan", "second"):
        getattr(day, f"origin_{name}")[own] = getattr(day, name)[parents]


def _spread(serial: Ints, draws: Draws) -> Ints:
    """Spread eight digits of a reference number, so that a misread one seldom meets another: one to one."""
    return (serial * 61_803_399 + draws.one(100_000_000)) % 100_000_000


def remember(day: Day, draws: Draws, memory: Memory, number: int) -> None:
    """Keep some sales that may be brought back on the next day."""
    fit = plain_rows(day)
    memory.sold = [day.take(draws.some(fit, KEPT_FOR_REFUND))]
    memory.sold_on = [number]
