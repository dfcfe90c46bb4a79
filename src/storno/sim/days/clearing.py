"""What the network and the wallets clear: the lines of a day, when each comes, and how keys get damaged on the way.

Rule: lines follow from the transactions' fates alone; a line's money is from the acquirer's view, its fee the agreed
one plus what was planted. Lines of a cleared day wait until their file is written.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from storno.sim.days.dates import CUT_OFF_S
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.draw import Draws, Flags, Ints
from storno.sim.days.fates import COMPLETION, FATES, PREAUTH, REFUND, SALE, VOID
from storno.sim.days.fleet import Fleet

PAYMENT, REVERSAL, ZERO = 0, 1, 2
_SLOTS = 3
_WHAT = {"P": PAYMENT, "R": REVERSAL, "Z": ZERO}
_SIGNS = {SALE: 1, VOID: -1, PREAUTH: 0, COMPLETION: 1, REFUND: -1}
RRN_BLANK, RRN_OFF, STAN_NONE = 1, 2, 3


@dataclass(slots=True)
class Lines:
    """Lines of clearing as columns, all int64; amounts in minor units."""

    cleared: Ints
    """Number of the day whose file has it."""
    day: Ints
    """Number of the day of the transaction."""
    serial: Ints
    what: Ints
    kind: Ints
    amount: Ints
    """Signed: positive towards us."""
    requested: Ints
    """What the terminal asked for; more than the amount where the host approved a part."""
    fee: Ints
    """Signed the same way: a fee we pay is negative."""
    merchant: Ints
    terminal: Ints
    second: Ints
    stan: Ints
    rrn: Ints
    auth: Ints
    card: Ints
    channel: Ints
    entry: Ints
    batch: Ints
    code: Ints
    origin_day: Ints
    origin_serial: Ints
    origin_stan: Ints
    origin_second: Ints
    plant: Ints
    damage: Ints
    """0: whole; else RRN_BLANK, RRN_OFF, STAN_NONE."""

    @property
    def size(self) -> int:
        """Give the number of lines."""
        return len(self.day)

    def take(self, rows: Ints | Flags) -> Lines:
        """Give these lines (a copy)."""
        return Lines(*(getattr(self, one.name)[rows] for one in fields(self)))

    def of(self, channel: int) -> Lines:
        """Give the lines of one channel."""
        mine = self.channel == channel
        return self if mine.all() else self.take(mine)


def join(parts: list[Lines]) -> Lines:
    """Put lines together."""
    return Lines(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Lines)))


def fee_of(amount: Ints, fee_bp: Ints) -> Ints:
    """Give the agreed fee of signed amounts, to the nearest fen, half up: negative where the amount is positive."""
    size = (np.abs(amount) * fee_bp + 5_000) // 10_000
    return np.where(amount > 0, -size, size)


def clear(day: Day, number: int, fleet: Fleet) -> Lines:
    """Give the lines that the day's transactions lead to, whenever they come."""
    slots = np.array(
        [[_WHAT[one] for one in fate.lines] + [NONE] * (_SLOTS - len(fate.lines)) for fate in FATES],
        dtype=np.int64,
    )
    mine = slots[day.fate]
    mine[day.kind == PREAUTH] = NONE
    rows, slot = np.nonzero(mine != NONE)
    what = mine[rows, slot]
    some = day.take(rows)
    sign = np.array([_SIGNS[kind] for kind in range(len(_SIGNS))], dtype=np.int64)[some.kind]
    gross = np.where(some.line_amount != NONE, some.line_amount, some.approved)
    amount = sign * gross * np.select([what == PAYMENT, what == REVERSAL], [1, -1], 0)
    own = fleet.merchant[some.terminal]
    merchant = np.where(some.line_merchant != NONE, some.line_merchant, own)
    fee = fee_of(amount, fleet.mcc_fee_bp()[own]) - np.where(what == PAYMENT, some.line_fee, 0)
    wallet = some.channel != CARD
    second = np.minimum(some.second + np.where(what == REVERSAL, 62, 0), 86_399)
    late = np.where((some.second >= CUT_OFF_S) & ~wallet, 1, 0) + some.late_days
    size = len(rows)
    reversal = what == REVERSAL
    return Lines(
        number + late, np.full(size, number, dtype=np.int64), some.serial, what, some.kind, amount, some.amount, fee,
        merchant,
        np.where(some.line_terminal != NONE, some.line_terminal, some.terminal), second, some.stan, some.rrn,
        some.auth, some.card, some.channel, some.entry, some.batch, some.code,
        np.where(reversal, number, some.origin_day), np.where(reversal, some.serial, some.origin_serial),
        np.where(reversal, some.stan, some.origin_stan), np.where(reversal, some.second, some.origin_second),
        some.plant, np.zeros(size, dtype=np.int64),
    )  # fmt: skip


def damage(lines: Lines, share: float, draws: Draws) -> None:
    """Damage one key in a share of the cards' lines: RRN blank, one digit of it wrong, or STAN missing."""
    hit = draws.hits(int(share * 1_000_000), lines.size) & (lines.channel == CARD) & (lines.what == PAYMENT)
    how = draws.between(RRN_BLANK, STAN_NONE, lines.size)
    lines.damage = np.where(hit, how, 0)
    place = 10 ** draws.below(8, lines.size)
    digit = lines.rrn // place % 10
    off = lines.damage == RRN_OFF
    lines.rrn = np.where(
        off, lines.rrn + ((digit + draws.between(1, 9, lines.size)) % 10 - digit) * place, lines.rrn
    )
