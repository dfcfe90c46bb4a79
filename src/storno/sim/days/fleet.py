"""The shops, their terminals, the people at them and the cards in the city, drawn once for a run.

Rule: a terminal's hidden trouble (bad signal, worn reader, …) is part of the truth; what can be seen of it is its
model, version, carrier, site and age. All columns run over terminals or merchants by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from storno.sim.days.draw import Draws, Ints
from storno.sim.days.tables import CARRIERS, MODELS, ODD_VERSION, OLD_VERSION, TRADES, VERSIONS, weights

OPERATORS = 4
CARDS_PER_TERMINAL = 60


class Trouble(IntEnum):
    """What is wrong with a terminal all the time, though nobody has noticed."""

    NONE = 0
    SIGNAL = 1
    SETTINGS = 2
    READER = 3
    DEVICE = 4
    OLD = 5
    ODD = 6
    KEYS = 7
    STAFF = 8


@dataclass(frozen=True, slots=True)
class Fleet:
    """Who trades with whom."""

    trade: Ints
    """Trade of each merchant."""
    weight: Ints
    """Size of each merchant."""
    merchant: Ints
    """Merchant of each terminal."""
    carrier: Ints
    model: Ints
    version: Ints
    age_days: Ints
    site: Ints
    rssi_dbm: Ints
    trouble: Ints
    cards: int

    @property
    def terminals(self) -> int:
        """Give their number."""
        return len(self.merchant)

    def mcc_fee_bp(self) -> Ints:
        """Give each merchant's fee in 1/100 %."""
        return np.array([one.fee_bp for one in TRADES], dtype=np.int64)[self.trade]

    def busyness(self, weekday: int) -> Ints:
        """Give each terminal's share of a day's sales."""
        week = np.array([one.week[weekday] for one in TRADES], dtype=np.int64)
        held = np.bincount(self.merchant, minlength=len(self.trade))
        size = self.weight * week[self.trade] * 100 // np.maximum(1, held)
        shares: Ints = np.maximum(1, size)[self.merchant]
        return shares


def tid(number: int) -> str:
    """Write a TID."""
    return f"{10_000_001 + number:08d}"


def mid(number: int, trade: int) -> str:
    """Write a MID: 898, a region, the MCC and a number."""
    return f"8983100{TRADES[trade].mcc}{number + 1:04d}"


def draw_fleet(seed: int, merchants: int, terminals: int) -> Fleet:
    """Draw the fleet; the largest merchants are about a hundred times the median."""
    draws = Draws(seed, "fleet")
    trade = draws.pick(np.array([one.weight for one in TRADES], dtype=np.int64), merchants)
    size = np.array([[*range(4, 40, 2), 44, 56, 80, 130, 240, 480]], dtype=np.int64)
    weight = draws.curve(size, merchants)
    merchant = np.concatenate([np.arange(merchants), _shares(draws, trade, weight, terminals - merchants)])
    count = len(merchant)
    version = draws.pick(weights(VERSIONS), count)
    trouble = _troubles(draws, version, count)
    rssi = draws.between(-88, -60, count)
    weak = trouble == Trouble.SIGNAL
    rssi[weak] = draws.between(-112, -94, int(weak.sum()))
    age = draws.between(40, 2600, count)
    worn = trouble == Trouble.READER
    age[worn] = draws.between(1700, 3200, int(worn.sum()))
    return Fleet(
        trade, weight, merchant.astype(np.int64), draws.pick(weights(CARRIERS), count),
        draws.pick(weights(MODELS), count), version, age, merchant * 3 + draws.below(2, count), rssi, trouble,
        max(500, count * CARDS_PER_TERMINAL),
    )  # fmt: skip


def _shares(draws: Draws, trade: Ints, weight: Ints, count: int) -> Ints:
    """Give further terminals to merchants by size and by what their trade uses."""
    most = np.array([one.terminals for one in TRADES], dtype=np.int64)[trade]
    return draws.pick(weight * (most - 1) + 1, count)


def _troubles(draws: Draws, version: Ints, count: int) -> Ints:
    shares = np.array([820, 50, 6, 30, 28, 0, 0, 10, 56], dtype=np.int64)
    trouble = draws.pick(shares, count)
    trouble[version == OLD_VERSION] = Trouble.OLD
    trouble[version == ODD_VERSION] = Trouble.ODD
    return trouble
