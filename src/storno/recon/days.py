"""The days of a run as a small table: each day's number, the working day money comes on, and the day it is due.

Rule: holding is counted in working days of the calendar that was given; there is no clock in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storno.recon.ageing import Calendar

EPOCH = date(1970, 1, 1)
MARGIN_DAYS = 40
SPAN_MAX_DAYS = 4_000
COLUMNS = {"day": "text", "n": "int", "pay_n": "int", "due_n": "int"}


def parse(text: str) -> date | None:
    """Read a YYYYMMDD; None where it is no day."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def number(day: date) -> int:
    """Count the days since 1970."""
    return (day - EPOCH).days


def shifted(text: str, days: int) -> str:
    """Give the day so many calendar days away."""
    day = parse(text)
    assert day is not None, f"{text!r} is no day"
    return (day + timedelta(days)).strftime("%Y%m%d")


def known(texts: Iterable[str]) -> list[date]:
    """Give the days among texts, sorted, without those absurdly far from the most of them."""
    days = sorted(day for day in map(parse, texts) if day is not None)
    if not days:
        return []
    middle = days[len(days) // 2]
    return [day for day in days if abs((day - middle).days) <= SPAN_MAX_DAYS]


def table(texts: Iterable[str], calendar: Calendar, hold_days: int) -> Iterator[tuple[str, int, int, int]]:
    """Give the rows of the table `days` around the days that occur."""
    days = known(texts)
    if not days:
        return
    day, end = days[0] - timedelta(MARGIN_DAYS), days[-1] + timedelta(MARGIN_DAYS)
    while day <= end:
        pay, due = calendar.after(day, 1), calendar.after(day, hold_days)
        yield day.strftime("%Y%m%d"), number(day), number(pay), number(due)
        day += timedelta(1)
