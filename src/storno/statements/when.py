"""Days and times as files write them, turned into YYYYMMDD and YYYYMMDDhhmmss of the books' time zone.

A time that carries a zone is turned into the books' zone; one without is taken as it stands. A day that does not exist
is a WhenError. Pure: years come from the file, never from a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from storno.statements.mask import mask_text

_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})日?|(\d{2})(\d{2}))")
_EUROPEAN = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")
_MINGUO = re.compile(
    r"(?:民[國国])?(1[0-4]\d)(?:[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)|年(\d{1,2})月(\d{1,2})日)"
)
"""Taiwan's years, counted from 1912: 115/11/02."""
_TIME = re.compile(
    r"(\d{1,2})(?::(\d{2})(?::(\d{2}))?|(\d{2})(\d{2})?|[时点](\d{1,2})分(?:(\d{1,2})秒)?)"
    r"(?:[.,]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)  # fmt: skip
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")
_WIDE = str.maketrans("０１２３４５６７８９：－／　", "0123456789:-/ ")


class WhenError(ValueError):
    """A text that is no day or no time; says why in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


class NoSuchDayError(WhenError):
    """A day that is written as days are, and is in no calendar: 29 February 2026."""


def _no_day(text: str) -> WhenError:
    if not text.strip():
        return WhenError("the date is empty", "日期为空")
    quoted = repr(mask_text(text.strip())[:24])
    return WhenError(f"{quoted} is no date", f"{quoted} 不是日期")


def _no_such_day(text: str) -> NoSuchDayError:
    quoted = repr(mask_text(text.strip())[:24])
    return NoSuchDayError(f"{quoted}: there is no such day in the calendar", f"{quoted}：日历上没有这一天")


def _no_time(text: str) -> WhenError:
    quoted = repr(mask_text(text.strip())[:32])
    return WhenError(f"{quoted} is no time", f"{quoted} 不是时间")


def _exact(year: str | int, month: str | int, day_: str | int, text: str) -> date:
    try:
        return date(int(year), int(month), int(day_))
    except ValueError:
        raise _no_such_day(text) from None


def _split_day(text: str) -> tuple[date, str]:
    """Take the day off the front of a text."""
    bare = text.translate(_WIDE).strip(" \t`'\"\xa0")
    if found := _DAY.match(bare):
        parts = [one for one in found.groups() if one is not None]
        return _exact(parts[0], parts[1], parts[2], text), bare[found.end() :]
    if found := _EUROPEAN.match(bare):
        # Only where the order shows: 31/12/2026 is a day, 05/06/2026 could be two.
        first, second, year = found.groups()
        if "." in found[0] or int(first) > 12 or first == second:
            return _exact(year, second, first, text), bare[found.end() :]
    if found := _MINGUO.match(bare):
        parts = [one for one in found.groups() if one is not None]
        return _exact(int(parts[0]) + 1911, parts[1], parts[2], text), bare[found.end() :]
    raise _no_day(text)


def day(text: str) -> str:
    """Give YYYYMMDD of `2026-01-31`, `2026/1/31`, `20260131`, `2026年1月31日`, `31.01.2026`; a time behind is ignored.

    Raises:
        WhenError: no such day, or an order of day and month that could be either.

    """
    found, rest = _split_day(text)
    if rest and rest[0] not in " \tT" and not _TIME.fullmatch(rest):
        raise _no_day(text)
    return found.strftime("%Y%m%d").rjust(8, "0")


@lru_cache(maxsize=4096)
def _day_or_none(text: str) -> str | None:
    try:
        return day(text)
    except WhenError:
        return None


def moment(text: str, utc_offset_min: int = 480) -> str:
    """Give YYYYMMDDhhmmss of a day with a time behind it; a zone, where there is one, is turned into the books'.

    A day without a time is a WhenError: ask `day`. Minutes without seconds get `00`.
    """
    if _STAMP.fullmatch(text) and (
        plain := _day_or_none(text[:10])
    ):  # nearly every time of nearly every file
        return plain + text[11:].replace(":", "")
    found, rest = _split_day(text)
    rest = rest.lstrip(" \tT").strip()
    time = _TIME.fullmatch(rest)
    if time is None:
        raise _no_time(text)
    a, b1, c1, b2, c2, b3, c3, zone = time.groups()
    try:
        local = datetime(
            found.year, found.month, found.day, int(a), int(b1 or b2 or b3), int(c1 or c2 or c3 or 0),
            tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise _no_time(text) from None
    if zone:
        local = _to_books(local, zone, utc_offset_min, text)
    return f"{local.year:04d}" + local.strftime("%m%d%H%M%S")


def _to_books(local: datetime, zone: str, utc_offset_min: int, text: str) -> datetime:
    digits = zone.replace(":", "")
    minutes = 0 if zone[0].isalpha() else int(digits[1:3]) * 60 + int(digits[3:5])
    if minutes >= 24 * 60:
        raise _no_time(text)
    behind = timedelta(minutes=-minutes if zone[0] == "-" else minutes)
    try:
        return (local - behind).replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=utc_offset_min)))
    except OverflowError:
        raise _no_time(text) from None


def plain_day(text: str) -> str:
    """Give an eight-digit day that exists. Raises WhenError."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise _no_day(text)
    _exact(text[:4], text[4:6], text[6:], text)
    return text


def plain_moment(text: str) -> str:
    """Give fourteen digits of a time that exists. Raises WhenError."""
    if len(text) != 14 or not (text.isascii() and text.isdigit()):
        raise _no_time(text)
    plain_day(text[:8])
    if text[8:10] > "23" or text[10:12] > "59" or text[12:] > "59":
        raise _no_time(text)
    return text


def with_year(mmdd: str, anchor: str, days_after: int = 1) -> str:
    """Give the YYYYMMDD of a MMDD that lies nearest before a known day (YYYYMMDD).

    `days_after`: it may lie that many days after it, since a sale of the new day can be cleared with the old one.

    Raises:
        WhenError: no such day in any of the years around.

    """
    known = _exact(anchor[:4], anchor[4:6], anchor[6:], anchor)
    if len(mmdd) != 4 or not (mmdd.isascii() and mmdd.isdigit()):
        raise _no_day(mmdd)
    latest = known + timedelta(days=days_after)
    for year in range(latest.year, latest.year - 9, -1):  # 29 February comes every four or eight years
        try:
            found = date(year, int(mmdd[:2]), int(mmdd[2:]))
        except ValueError:
            continue
        if found <= latest:
            return f"{found.year:04d}{mmdd}"
    raise _no_such_day(mmdd)


def shift_day(yyyymmdd: str, days: int) -> str:
    """Give the day that many days later (earlier if negative)."""
    moved = _exact(yyyymmdd[:4], yyyymmdd[4:6], yyyymmdd[6:], yyyymmdd) + timedelta(days=days)
    return f"{moved.year:04d}" + moved.strftime("%m%d")


_OWN_NAME = re.compile(r"IN[A-Z](\d{6})\d{2}(?!\d)")
_LONG_DAY = re.compile(r"(?<!\d)(20\d{2})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)")
_SHORT_DAY = re.compile(r"(?<!\d)(\d{6})(?!\d)")


def day_in_name(name: str) -> str:
    """Give the day a file name carries (`IND26112300ACOM`, `…20261123…`, `…261123…`); empty if none."""
    for found in (
        [f"20{one}" for one in _OWN_NAME.findall(name)],
        ["".join(one) for one in _LONG_DAY.findall(name)],
        [f"20{one}" for one in _SHORT_DAY.findall(name)],
    ):
        for one in found:
            try:
                return plain_day(one)
            except WhenError:
                continue
    return ""
