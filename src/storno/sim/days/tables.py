"""What a city's card business looks like, as tables: trades, hours, issuers, carriers, machines, refusals.

Rule: weights are whole numbers, and made up within what public figures allow (amounts log-normal; business declines
2-3 %, technical ones 0.3-1 %, wrong PIN 0.2 %); nothing here is any company's data. Pure data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from storno.sim.days.draw import Ints

AMOUNT_POINTS, HOUR_POINTS = 512, 24
_SPREAD = 3.2
"""How many standard deviations of the amounts' logarithm are drawn."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One kind of merchant. `median_minor` and `sigma` are of its log-normal amounts; fee in 1/100 %."""

    mcc: str
    english: str
    chinese: str
    weight: int
    median_minor: int
    sigma: float
    fee_bp: int
    hours: str
    """24 digits: how busy each hour is."""
    week: tuple[int, ...]
    """Busyness Monday to Sunday, in per cent."""
    whole: int
    """Share of whole yuan, in per cent; of the rest a third ends in .50 or .90."""
    terminals: int
    """Terminals of a shop of this trade, at most."""
    keeps: bool = False
    """True where pre-authorisations are usual."""


_FLAT = (100, 100, 100, 100, 105, 110, 105)
_LEISURE = (80, 80, 85, 90, 120, 150, 140)
_OFFICE = (115, 115, 110, 110, 110, 60, 40)
TRADES: tuple[Trade, ...] = (
    Trade("5411", "supermarket", "超市", 26, 68_40, 0.95, 38, "000000259754346899742000", _FLAT, 12, 12),
    Trade("5812", "restaurant", "餐饮", 20, 132_00, 0.80, 60, "000000121128962224998310", _LEISURE, 55, 3),
    Trade("5814", "fast food", "快餐", 12, 32_50, 0.55, 60, "000001486459963457764210", _FLAT, 25, 3),
    Trade("5499", "convenience store", "便利店", 12, 21_80, 0.75, 38, "111112578655556678876432", _FLAT, 10, 2),
    Trade("5541", "petrol station", "加油站", 6, 280_00, 0.45, 38, "111113687655556788653221", _FLAT, 70, 4),
    Trade("5912", "pharmacy", "药店", 6, 74_30, 0.85, 38, "000000037886456787530000", _FLAT, 15, 2),
    Trade("5651", "clothes shop", "服装店", 7, 368_00, 0.90, 60, "000000000368756789974000", _LEISURE, 75, 3),
    Trade("5732", "electronics shop", "数码家电", 3, 1_899_00, 1.10, 60, "000000000478656788741000",
          _LEISURE, 80, 3),
    Trade("7011", "hotel", "酒店", 3, 468_00, 0.70, 60, "210000135996545679987643", _LEISURE, 80, 3, keeps=True),
    Trade("8062", "hospital", "医院", 3, 245_00, 1.05, 0, "000000289986567762110000", _OFFICE, 15, 10),
    Trade("5311", "department store", "百货商场", 2, 425_00, 1.00, 60, "000000000259867789985000", _LEISURE, 65, 20),
)  # fmt: skip

ISSUERS: tuple[tuple[str, str, int], ...] = (
    ("Alpha Bank", "甲银行", 24), ("Beta Bank", "乙银行", 20), ("Gamma Bank", "丙银行", 17),
    ("Delta Bank", "丁银行", 13), ("Epsilon Bank", "戊银行", 9), ("Zeta City Bank", "己城商行", 7),
    ("Eta Rural Bank", "庚农商行", 6), ("Theta Savings", "辛邮储", 4),
)  # fmt: skip
"""Issuers that do not exist: English, Chinese, share. Their cards are 620000 + two digits of the issuer."""

CARRIERS: tuple[tuple[str, int], ...] = (
    ("carrier-a", 46),
    ("carrier-b", 28),
    ("carrier-c", 16),
    ("wired", 10),
)
MODELS: tuple[tuple[str, int], ...] = (("M100", 22), ("M200", 38), ("S90", 26), ("K9", 14))
VERSIONS: tuple[tuple[str, int], ...] = (
    ("3.2.1", 62),
    ("3.2.0", 24),
    ("3.1.7", 9),
    ("2.9.4", 4),
    ("3.2.1-x", 1),
)
"""Software; 2.9.4 is too old, 3.2.1-x is nobody's release."""
OLD_VERSION, ODD_VERSION = 3, 4

ENTRIES: tuple[tuple[str, int], ...] = (
    ("071", 24), ("072", 38), ("051", 26), ("052", 5), ("021", 4), ("022", 1), ("012", 1), ("801", 1),
)  # fmt: skip
"""F22 with its share: contactless, chip, stripe, keyed, fallback; 1 with PIN, 2 without."""
FALLBACK, KEYED = 7, 6
SCANNED = len(ENTRIES)
ENTRY_TEXTS = (*(text for text, _ in ENTRIES), "032")

CODES = ("00", "10", "51", "61", "65", "57", "62", "55", "75", "38", "14", "54", "33", "91", "96", "92", "A0",
         "99", "77", "13", "64", "30", "63", "40", "25", "98", "41", "43")  # fmt: skip
CODE_OF = {code: at for at, code in enumerate(CODES)}

DECLINES: tuple[tuple[str, str, int], ...] = (
    ("51", "business_decline", 150), ("61", "business_decline", 18), ("65", "business_decline", 10),
    ("57", "business_decline", 8), ("62", "business_decline", 9), ("55", "wrong_pin", 24),
    ("75", "wrong_pin", 2), ("38", "wrong_pin", 2), ("14", "wrong_card_data", 4), ("54", "card_expired", 5),
    ("33", "card_expired", 1), ("41", "business_decline", 1), ("43", "business_decline", 1),
    ("13", "wrong_amount", 2),
)  # fmt: skip
"""What an issuer refuses on an ordinary day: F39, true cause, share."""


def amount_quantiles() -> Ints:
    """Give the amounts of each trade as quantiles, in minor units, at least one yuan."""
    normal = NormalDist()
    edge = normal.cdf(-_SPREAD)
    points = [edge + (1 - 2 * edge) * at / AMOUNT_POINTS for at in range(AMOUNT_POINTS + 1)]
    scores = [normal.inv_cdf(point) for point in points]
    return np.array(
        [
            [max(100, round(one.median_minor * math.exp(one.sigma * score))) for score in scores]
            for one in TRADES
        ],
        dtype=np.int64,
    )


def hour_quantiles() -> Ints:
    """Give the second of the day of each trade as quantiles: even within an hour, hours by their busyness."""
    rows = []
    for one in TRADES:
        points = [(hour, int(digit) * HOUR_POINTS) for hour, digit in enumerate(one.hours)]
        row = [hour * 3600 + at * 3600 // count for hour, count in points for at in range(count)]
        rows.append([*row, row[-1] // 3600 * 3600 + 3599])
    longest = max(map(len, rows))
    return np.array([_stretch(row, longest) for row in rows], dtype=np.int64)


def _stretch(row: list[int], length: int) -> list[int]:
    """Give the row with as many points as the longest one has."""
    last = len(row) - 1
    return [row[at * last // (length - 1)] for at in range(length)]


def weights(rows: tuple[tuple[str, int], ...]) -> Ints:
    """Give the shares of a table of names."""
    return np.array([share for _, share in rows], dtype=np.int64)
