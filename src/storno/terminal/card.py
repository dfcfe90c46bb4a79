"""The card in front of the terminal: what the request needs of it, hidden in every repr.

Rule: the full number is in memory only while a conversation runs; people see the first six and the last four.
Pure data: imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

TRACK2_MAX = 37
_PAN_MIN, _PAN_MAX = 13, 19
# A chip's answer as a terminal packs it into F55; test values, EMV layout.
_TEST_ICC = (
    "9F260846FD62985CAAE7589F2701809F101307011703A00000010A0100000500001EF41C469F37049536C9B8"
    "9F36020C66950500000000009A032208249C01009F02060000000011115F2A02015682027C009F1A020156"
)


class EntryMode(Enum):
    """How the card was read; F22 without its last digit."""

    MANUAL = "01"
    SWIPE = "02"
    CHIP = "05"
    CONTACTLESS = "07"


class CardError(ValueError):
    """What was given is no card; the text carries no digit of it."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True, slots=True)
class Card:
    """One reading of a card. `expiry` is YYMM, `pin` clear digits or None, `icc` F55 as hex."""

    pan: str = field(repr=False)
    expiry: str = field(default="3012", repr=False)
    entry: EntryMode = EntryMode.CHIP
    sequence: str = "001"
    pin: str | None = field(default=None, repr=False)
    icc: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not (self.pan.isascii() and self.pan.isdigit() and _PAN_MIN <= len(self.pan) <= _PAN_MAX):
            raise CardError("a card number has 13 to 19 digits", "卡号应为 13 至 19 位数字")
        if not luhn_holds(self.pan):
            raise CardError("the card number's check digit is wrong", "卡号校验位不正确")

    @property
    def masked(self) -> str:
        """Give the number as people may see it."""
        return mask(self.pan)

    @property
    def track2(self) -> str | None:
        """Give F35 as read from the stripe or the chip; None when the number was typed."""
        if self.entry is EntryMode.MANUAL:
            return None
        return f"{self.pan}D{self.expiry}2010000000000"[:TRACK2_MAX]

    @property
    def chip_data(self) -> str | None:
        """Give F55; None when no chip was read."""
        if self.entry not in (EntryMode.CHIP, EntryMode.CONTACTLESS):
            return None
        return self.icc or _TEST_ICC


def mask(pan: str) -> str:
    """Show the first six and the last four digits only."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}" if len(pan) >= _PAN_MIN else "*" * len(pan)


def luhn_holds(pan: str) -> bool:
    """Check the last digit (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(pan)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
