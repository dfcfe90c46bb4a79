"""Days: which day a transaction is cleared on, and when the bank pays it out.

Rule: the network's day ends at 23:00, a wallet's at midnight; money comes on the next working day. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

CUT_OFF_S = 23 * 3600
UTC_OFFSET_S = 8 * 3600
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a run, counted from 0, with the holidays on which no bank works."""

    first: date
    holidays: frozenset[date]

    def day(self, number: int) -> date:
        """Give the date of a day's number."""
        return self.first + timedelta(days=number)

    def text(self, number: int) -> str:
        """Write the date as YYYYMMDD."""
        return self.day(number).strftime("%Y%m%d")

    def start_ms(self, number: int) -> int:
        """Give the moment the local day begins, in milliseconds since 1970 UTC."""
        return ((self.day(number) - EPOCH).days * 86_400 - UTC_OFFSET_S) * 1000

    def works(self, number: int) -> bool:
        """Say whether banks work on that day."""
        day = self.day(number)
        return day.weekday() < 5 and day not in self.holidays

    def paid_on(self, cleared: int) -> int:
        """Give the number of the day on which a cleared day is paid out."""
        number = cleared + 1
        while not self.works(number):
            number += 1
        return number

    def later(self, number: int, working_days: int) -> int:
        """Give the number of the day that comes so many working days after a day."""
        while working_days:
            number += 1
            working_days -= self.works(number)
        return number
