"""One cell of a table turned into text, an amount, a day or a time; or a CellError that says why not.

Knows what spreadsheets do to numbers: a cell that was a number carries the class `Number`, and a long number that Excel
rounded is refused, never used. Pure.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from storno.statements import when
from storno.statements.amount import AmountError, currency_beside, scaled

_EDGES = " \t\r\n\x0b\x0c\u3000\xa0\ufeff`"
_WRAPPED = ("=", "'")
_PLAIN = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,6}))?")
_DESTROYED = re.compile(r"[+-]?\d(?:\.\d+)?E\+?\d{1,3}", re.IGNORECASE)
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3])(?::[0-5][0-9]:[0-5][0-9]|[0-5][0-9][0-5][0-9])")
_HALF_DAY = re.compile(r"(\d{1,2})((?::\d{2}){1,2})\s?([AaPp])\.?[Mm]\.?")
_EXCEL_DAY_0 = datetime(1899, 12, 30, tzinfo=UTC)
_TOKENS = {
    "YYYY": r"(?P<Y>\d{4})", "YY": r"(?P<y>\d{2})", "MON": r"(?P<b>[A-Za-z]{3})[a-z]*", "MM": r"(?P<M>\d{1,2})",
    "DD": r"(?P<D>\d{1,2})", "hh": r"(?P<h>\d{1,2})", "mm": r"(?P<m>\d{2})", "ss": r"(?P<s>\d{2})",
    "AM": r"(?P<p>[AaPp])\.?[Mm]\.?",
}  # fmt: skip
_TOKEN = re.compile("|".join(_TOKENS))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BLANKS = re.compile(r"[\xa0\u2009\u202f]")
"""Blanks that programs write between a time and its half of the day, or between a day and its time."""
YEARS = ("1990", "2099")
DIGITS_KEPT = 15
"""Digits of a number that a spreadsheet keeps exactly."""


class Number(str):
    """A spreadsheet cell that is a number: its digits are what is left of what was typed."""

    __slots__ = ()


class CellError(ValueError):
    """A cell that cannot be used; code and reason are those of the Reject."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


class TellingError(CellError):
    """A date that one format could read and that still is none: says more than that other formats do not fit."""


class NoSuchDayError(TellingError):
    """A date that is written as it should be, of a day that does not exist."""

    def __init__(self, text: str, form: str = "") -> None:
        read, read_zh = (f", read as {form}", f"（按 {form} 读取）") if form else ("", "")
        super().__init__(
            "date",
            f"{text[:24]!r}: there is no such day in the calendar{read}",
            f"{text[:24]!r}：日历上没有这一天{read_zh}",
        )


def clean(cell: str) -> str:
    """Take off what senders put around a value: blanks, tabs, back-ticks, Excel's ="…" and apostrophe."""
    text = cell.strip(_EDGES)
    if not (text[:1] in _WRAPPED or "\n" in text):
        return text
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1].strip(_EDGES)
    return " ".join(text.split()) if "\n" in text else text.removeprefix("'")


def identifier(cell: str) -> str:
    """Give a number that names something (order, RRN, card). Raises CellError where Excel destroyed it."""
    text = clean(cell)
    if isinstance(cell, Number):
        digits = sum(sign.isdigit() for sign in text)
        if digits <= DIGITS_KEPT and "E" not in text.upper():
            return text
    elif not destroyed(text):
        return text
    raise CellError(
        "destroyed",
        f"Excel destroyed this number ({text[:24]}): it keeps {DIGITS_KEPT} digits; export it again as text",
        f"该号码已被 Excel 破坏（{text[:24]}）：Excel 只保留 {DIGITS_KEPT} 位；请将该列设为文本后重新导出",
    )


def destroyed(text: str) -> bool:
    """Say whether a text that should be a number is what a spreadsheet made of a long one: `6.22E+18`."""
    return ("E" in text or "e" in text) and _DESTROYED.fullmatch(text) is not None


def money(cell: str, places: int, decimal_mark: str = ".", currency: str = "") -> int:
    """Give an amount in units of 10^-places. A spreadsheet's number must be such a unit but for binary noise.

    `currency`: what the line's is, where it is known; an amount that says another is a CellError and never converted.
    """
    text = clean(cell)
    if isinstance(cell, Number):
        return _float_units(text, places)
    plain = _PLAIN.fullmatch(text) if decimal_mark == "." else None
    if plain is not None and len(plain[3] or "") <= places:
        return int(plain[1] + plain[2] + (plain[3] or "").ljust(places, "0"))
    if _DESTROYED.fullmatch(text):
        raise CellError("destroyed", f"{text!r} was rounded by a spreadsheet", f"{text!r} 已被电子表格取整")
    try:
        value = scaled(text, places, decimal_mark=decimal_mark)
    except AmountError as error:
        raise CellError("amount", error.english, error.chinese) from None
    said = currency_beside(text) if currency else ""
    if said and said != currency:
        raise CellError(
            "currency",
            f"{text[:24]!r} is in {said}, the line in {currency}: name the currency in the mapping or with --currency",
            f"{text[:24]!r} 的币种为 {said}，该行为 {currency}：请在映射中或用 --currency 指明币种",
        )
    return value


def _float_units(text: str, places: int) -> int:
    value = float(text)
    units = Decimal(repr(value)).scaleb(places)
    if not units.is_finite() or abs(units) >= 10**15:
        raise CellError(
            "amount",
            f"{text[:24]} is too large for a spreadsheet to keep exactly",
            f"{text[:24]} 超出电子表格的精确范围",
        )
    whole = int(units.to_integral_value())
    noise = max(1e-6, 2 * math.ulp(value) * 10**places)
    if abs(units - whole) > Decimal(noise):
        raise CellError(
            "amount",
            f"{text[:24]} is no whole number of minor units",
            f"{text[:24]} 不是最小货币单位的整数倍",
        )
    return whole


def day(cell: str, formats: tuple[str, ...], year: int = 0) -> str:
    """Give YYYYMMDD. `year` is that of formats without one. Raises CellError."""
    return _day(clean(cell), isinstance(cell, Number), formats, year)


def moment(cell: str, formats: tuple[str, ...], year: int, utc_offset_min: int) -> str:
    """Give YYYYMMDDhhmmss of a cell that holds day and time. Raises CellError."""
    text = clean(cell)
    if isinstance(cell, Number) and (serial := _serial(text)) is not None:
        return _checked_year(serial)
    if formats == ("auto",) and len(text) == 19 and _CLOCK.fullmatch(text, 11) and text[10] in " T":
        return _day(text[:10], False, formats, year) + text[11:].replace(":", "")
    error: CellError | None = None
    for one in formats:
        try:
            if one == "auto":
                digits = text if not (len(text) == 14 and text.isdigit()) else f"{text[:8]} {text[8:]}"
                return _checked_year(when.moment(digits, utc_offset_min))
            if one == "excel":
                return _checked_year(_serial(text) or _no(text, "time", "时间"))
            return _checked_year(_by_format(text, one, year))
        except (CellError, when.WhenError) as failed:
            error = _worse(error, failed, text)
    raise _in_none(error, formats, text)


def moment_of(day8: str, cell: str, utc_offset_min: int) -> str:
    """Give YYYYMMDDhhmmss of a known day and a cell that holds the time only. Raises CellError."""
    text = clean(cell)
    if _CLOCK.fullmatch(text) and not isinstance(cell, Number):
        return day8 + text.replace(":", "")
    if (found := _HALF_DAY.fullmatch(text)) and (hour := _hour(int(found[1]), found[3])) is not None:
        text = f"{hour}{found[2]}"
    if text.startswith("1899-12-3"):  # a spreadsheet's time without a day
        text = text[11:]
    elif isinstance(cell, Number) and "." in text and 0 <= float(text) < 1:
        text = (_EXCEL_DAY_0 + timedelta(seconds=round(float(text) * 86_400))).strftime("%H%M%S")
    elif isinstance(cell, Number) or (len(text) < 6 and text.isdigit()):
        text = text.zfill(6)  # a number loses the zero of 09:05:07
    try:
        return when.moment(f"{day8} {text}", utc_offset_min)
    except when.WhenError as error:
        raise CellError("date", error.english, error.chinese) from None


@lru_cache(maxsize=4096)
def _day(text: str, number: bool, formats: tuple[str, ...], year: int) -> str:  # noqa: FBT001 - part of the cache's key
    if number and (serial := _serial(text)) is not None:
        return _checked_year(serial[:8])
    error: CellError | None = None
    for one in formats:
        try:
            if one == "auto":
                return _checked_year(when.day(text))
            if one == "excel":
                return _checked_year((_serial(text) or _no(text, "date", "日期"))[:8])
            return _checked_year(_by_format(text, one, year)[:8])
        except (CellError, when.WhenError) as failed:
            error = _worse(error, failed, text)
    raise _in_none(error, formats, text)


def _worse(before: CellError | None, failed: CellError | when.WhenError, text: str) -> CellError:
    """Give the reason that says more."""
    if isinstance(before, TellingError):
        return before
    if isinstance(failed, when.NoSuchDayError):
        return NoSuchDayError(text)
    return failed if isinstance(failed, CellError) else CellError("date", failed.english, failed.chinese)


def _in_none(error: CellError | None, formats: tuple[str, ...], text: str) -> CellError:
    """Give the reason to tell; where no format fits, not that the last one does not."""
    assert error is not None, "a rule has at least one format"
    if isinstance(error, TellingError) or len(formats) == 1 or not text:
        return error
    tried = ", ".join(formats)
    return CellError(
        "date", f"{text[:24]!r} is written as none of {tried}", f"{text[:24]!r} 不符合任一格式：{tried}"
    )


def _serial(text: str) -> str | None:
    """Read a spreadsheet's count of days since 1899-12-30; None where the number cannot be one."""
    try:
        days = float(text)
    except ValueError:
        return None
    if not 20_000 <= days < 80_000:
        return None
    found = _EXCEL_DAY_0 + timedelta(seconds=round(days * 86_400))
    return found.strftime("%Y%m%d%H%M%S")


def _hour(hour: int, half: str) -> int | None:
    """Give the hour of the day of one before or after noon; None where there is none such: 13 PM."""
    if not half:
        return hour
    return hour % 12 + (12 if half in "Pp" else 0) if 1 <= hour <= 12 else None


def _by_format(text: str, form: str, year: int) -> str:
    found = _pattern(form).fullmatch(text if text.isascii() else _BLANKS.sub(" ", text))
    if found is None:
        raise CellError("date", f"{text[:24]!r} is not written as {form}", f"{text[:24]!r} 不符合格式 {form}")
    parts = found.groupdict()
    full = parts.get("Y") or ("20" + parts["y"] if parts.get("y") else f"{year:04d}")
    named, hour = parts.get("b"), _hour(int(parts.get("h") or 0), parts.get("p") or "")
    if hour is None:
        return _no(text, "time", "时间")
    try:
        month = _MONTHS.index(named.lower()) + 1 if named else int(parts["M"])
        whole = datetime(
            int(full), month, int(parts["D"]), hour,
            int(parts.get("m") or 0), int(parts.get("s") or 0), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        if named and named.lower() not in _MONTHS:
            return _no(text, "date", "日期")
        if int(parts.get("h") or 0) > 23 or max(int(parts.get("m") or 0), int(parts.get("s") or 0)) > 59:
            return _no(text, "time", "时间")
        raise NoSuchDayError(text, form) from None
    return f"{whole.year:04d}" + whole.strftime("%m%d%H%M%S")


@lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    out, end = [], 0
    for token in _TOKEN.finditer(form):
        out += [re.escape(form[end : token.start()]), _TOKENS[token[0]]]
        end = token.end()
    text = "".join(out) + re.escape(form[end:])
    if form.isascii() and form.isalpha():  # without marks between them the parts have their full width
        text = text.replace(r"\d{1,2}", r"\d{2}")
    return re.compile(text)


def format_parts(form: str) -> set[str]:
    """Give the parts a format names: Y, y, M, b, D, h, m, s, p. Raises ValueError where one stands twice."""
    try:
        return set(_pattern(form).groupindex)
    except re.error:
        raise ValueError(form) from None


def _checked_year(stamp: str) -> str:
    if YEARS[0] <= stamp[:4] <= YEARS[1]:
        return stamp
    raise TellingError("date", f"the year {stamp[:4]} is not believable", f"年份 {stamp[:4]} 不可信")


def _no(text: str, english: str, chinese: str) -> str:
    raise CellError("date", f"{text[:24]!r} is no {english}", f"{text[:24]!r} 不是{chinese}")


def shifted(stamp: str, minutes: int) -> str:
    """Give a YYYYMMDDhhmmss that many minutes later."""
    if not minutes:
        return stamp
    moved = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC) + timedelta(minutes=minutes)
    return f"{moved.year:04d}" + moved.strftime("%m%d%H%M%S")
