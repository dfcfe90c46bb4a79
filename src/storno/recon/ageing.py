"""How old an exception is, how severe, and until when somebody must have acted: in working days.

Weekends are off and holidays and shifted workdays come from a TOML file, because every country and year has its own.
Bounds are parameters. The day is given; there is no clock in here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path

DAY_MS = 86_400_000
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class CalendarError(ValueError):
    """A calendar file that cannot be used; says what and where in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are working days."""

    weekend: frozenset[int] = frozenset({5, 6})
    """Weekdays that are off; 0 is Monday."""
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    """Days of a weekend on which people work (调休)."""

    def works(self, day: date) -> bool:
        """Say whether people work on a day."""
        return day in self.workdays or not (day.weekday() in self.weekend or day in self.holidays)

    def age_days(self, since: date, today: date) -> int:
        """Count the working days after `since` up to and with `today`; 0 when today is not later."""
        span = (today - since).days
        return sum(self.works(since + timedelta(n)) for n in range(1, span + 1))

    def after(self, since: date, days: int) -> date:
        """Give the day on which so many working days have passed; the calendar must leave some."""
        day = since
        while days > 0:
            day += timedelta(1)
            days -= self.works(day)
        return day


def read_calendar(path: Path) -> Calendar:
    """Read a calendar file: `weekend`, `holidays` and `workdays`, as in examples/holidays-cn-2026.toml.

    Raises:
        CalendarError: it cannot be read, or says something else.

    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CalendarError(f"{path} cannot be read: {why}", f"{path} 无法读取：{why}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalendarError(f"{path} is not TOML: {error}", f"{path} 不是合法的 TOML：{error}") from None
    unknown = set(tables) - {"weekend", "holidays", "workdays"}
    if unknown:
        name = min(unknown)
        raise CalendarError(
            f"{path}: {name!r} is none of weekend, holidays, workdays",
            f"{path}：{name!r} 不是 weekend、holidays、workdays 之一",
        )
    weekend = tables.get("weekend", ["saturday", "sunday"])
    if (
        not isinstance(weekend, list)
        or not all(one in _WEEKDAYS for one in weekend)
        or len(set(weekend)) == 7
    ):
        names = ", ".join(_WEEKDAYS)
        raise CalendarError(
            f"{path}: weekend is a list of some of {names}", f"{path}：weekend 应为列表，可用：{names}"
        )
    off = frozenset(_WEEKDAYS.index(one) for one in weekend)
    return Calendar(off, _days(tables, "holidays", path), _days(tables, "workdays", path))


def _days(tables: dict[str, object], name: str, path: Path) -> frozenset[date]:
    days = tables.get(name, [])
    if not isinstance(days, list) or not all(type(one) is date for one in days):
        raise CalendarError(
            f"{path}: {name} is a list of days like 2026-10-01",
            f"{path}：{name} 应为 2026-10-01 形式的日期列表",
        )
    return frozenset(days)


class Severity(Enum):
    """How much an exception matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class ExceptionOptions:
    """Bounds of the exception queue: amounts in minor units of whatever currency, times in working days."""

    critical_minor: int = 10_000_000
    high_minor: int = 1_000_000
    medium_minor: int = 100_000
    critical_age_days: int = 5
    high_age_days: int = 3
    medium_age_days: int = 1
    critical_due_days: int = 1
    high_due_days: int = 3
    medium_due_days: int = 5
    low_due_days: int = 7
    confirm_above_minor: int = 100_000
    """Above this a resolution for which no money moves needs a second person."""
    calendar: str = ""
    """A TOML file of holidays; empty: weekends only."""


@dataclass(frozen=True, slots=True)
class Age:
    """An exception in time."""

    days: int
    due: date
    overdue: bool
    severity: Severity


def local_day(at_ms: int, utc_offset_min: int) -> date:
    """Give the books' day of a moment."""
    return datetime.fromtimestamp(at_ms / 1000 + utc_offset_min * 60, UTC).date()


def by_money(options: ExceptionOptions, amount_minor: int) -> Severity:
    """Give the severity of an amount, signed or not."""
    amount = abs(amount_minor)
    for severity, bound in (
        (Severity.CRITICAL, options.critical_minor),
        (Severity.HIGH, options.high_minor),
        (Severity.MEDIUM, options.medium_minor),
    ):
        if amount >= bound:
            return severity
    return Severity.LOW


def by_age(options: ExceptionOptions, days: int) -> Severity:
    """Give the severity of an age in working days."""
    for severity, bound in (
        (Severity.CRITICAL, options.critical_age_days),
        (Severity.HIGH, options.high_age_days),
        (Severity.MEDIUM, options.medium_age_days),
    ):
        if days >= bound:
            return severity
    return Severity.LOW


def due_days(options: ExceptionOptions, severity: Severity) -> int:
    """Give the working days a severity leaves."""
    return {
        Severity.CRITICAL: options.critical_due_days,
        Severity.HIGH: options.high_due_days,
        Severity.MEDIUM: options.medium_due_days,
        Severity.LOW: options.low_due_days,
    }[severity]


def age(
    options: ExceptionOptions,
    calendar: Calendar,
    amount_minor: int,
    since: date,
    today: date,
    rule_days: int | None = None,
) -> Age:
    """Say how an exception stands in time.

    Money decides until when; age only makes it more severe, else an old one would be due before it was found.

    Args:
        options: the bounds.
        calendar: the working days.
        amount_minor: the money at stake, signed or not.
        since: the day it was found.
        today: the day of the question.
        rule_days: working days its rule leaves, where it has one; the shorter of both counts.

    """
    money = by_money(options, amount_minor)
    left = due_days(options, money)
    due = calendar.after(since, left if rule_days is None else min(left, rule_days))
    days = calendar.age_days(since, today)
    severity = min(money, by_age(options, days), key=ORDER.index)
    return Age(days, due, today > due, severity)
