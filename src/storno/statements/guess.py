"""Guesses about one column from its values: date format, decimal mark, unit, and what its header says it is.

Each guess says how sure it is; what two readings fit is told, not decided in silence. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from storno.money import CURRENCIES
from storno.statements import cells as cell_of
from storno.statements.amount import currency_beside
from storno.statements.cells import CellError, Number, clean
from storno.statements.mapping import MINUS_WORDS, PLUS_WORDS
from storno.statements.mask import mask_text
from storno.statements.words import bare, header_words, kind_words, mark_words, plain

_DAYS = (
    "YYYYMMDD", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "DD.MM.YYYY", "DD/MM/YY", "MM/DD/YY",
    "DD.MM.YY", "DD-MON-YYYY", "DD/MON/YYYY", "MON DD, YYYY", "YYYY-MON-DD",
    "YYYY-MM-DD", "YYYY/MM/DD", "DD MON YYYY", "DD-MON-YY", "DD MON YY", "MON DD YYYY", "MM月DD日", "YYMMDD",
)  # fmt: skip
_TIMES = ("", *(
    f"{mark}{time}{half}" for time in ("hh:mm:ss", "hh:mm") for mark in (" ", ", ") for half in ("", " AM", "AM")
))  # fmt: skip
_HALF_DAY = re.compile(r"\d:\d\d\s?[AaPp]\.?[Mm]\b")
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")
_TIME_ONLY = re.compile(
    r"\d{1,2}:\d{2}(:\d{2})?(\s?[AaPp]\.?[Mm]\.?)?|([01]\d|2[0-3])[0-5]\d[0-5]\d|1899-12-3\d .*"
)
_FEN = re.compile(r"\(.*分\)|单位:?分|fen|minor|cents?\b|\(.*cent.*\)")
_YUAN = re.compile(r"\(.*元\)|/元|单位:?元|yuan|\((?:cny|rmb|usd|eur)\)")
_IN_NAME = re.compile(r"[(\[（]\s*([A-Z]{3}|[€£])\s*[)\]）]")
_WORD = re.compile(r"\b[A-Z]{3}\b")
_TWINS = {"DD/MM": "MM/DD", "DD-MM": "MM-DD"}
_BACK = re.compile(r"退款|退货|还款|(?i:\b(refund|repayment|payment received|thank you)\b)")
_OUT = re.compile(r"消费|分期|取现|年费|利息|(?i:\b(purchase|cash advance|interest|annual fee)\b)")
_OTHERS = re.compile(r"对方|对手|收款|付款|tegen|counterpart|beneficiar|payee")
"""Marks the other side's account or card, which says nothing of whose statement it is."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a header name says its column is."""

    member: str
    """A member of a line, or one of date, time, debit, credit, balance, sign; empty: nothing."""
    sure: int
    """Percent."""
    word: str = ""
    """The known name it was found by."""


def by_name(header: str) -> Name:
    """Say what a header name means: a known name exactly, else the longest known name inside it."""
    words, name = header_words(), bare(header).removeprefix("#")
    if name in words:
        return Name(words[name], 95, name)
    inside = [word for word in words if _tellable(word) and word in name]
    if not inside:
        return Name("", 0)
    longest = max(inside, key=lambda word: (len(word), name.endswith(word)))
    if words[longest] in ("account", "card") and _OTHERS.search(name):
        return Name("", 0)
    return Name(words[longest], 60 if name.endswith(longest) else 50, longest)


def names_a_party(header: str) -> bool:
    """Say whether a column names the other side: what a booking is for stands elsewhere, if it stands anywhere."""
    return _OTHERS.search(bare(header)) is not None


def _tellable(word: str) -> bool:
    return len(word) >= (5 if word.isascii() else 2)


@dataclass(frozen=True, slots=True)
class When:
    """How the values of a column are dates, moments or times."""

    what: str
    """date, at, time; empty: none of them."""
    formats: tuple[str, ...] = ("auto",)
    twin: str = ""
    """Another format that fits as well: day and month could be the other way round."""


def when(values: Sequence[str]) -> When:
    """Say what kind of time all the values are, and how they are written."""
    filled = [value for value in values if clean(value)]
    if not filled:
        return When("")
    if all(_TIME_ONLY.fullmatch(clean(value)) or _fraction(value) for value in filled) and not _all_days(
        filled, ("auto",)
    ):
        return When("time")
    if not any(_SLASHED.match(clean(value)) or _HALF_DAY.search(value) for value in filled):
        if _all_moments(filled, ("auto",)) and not _all_midnight(filled):
            return When("at")
        if _all_days(filled, ("auto",)):
            return When("date")
    for time in _TIMES:
        for form in _DAYS:
            full = (form + time,)
            if _all_moments(filled, full) if time else _all_days(filled, full):
                return When("at" if time else "date", full, _twin(filled, form, time))
    if all(isinstance(value, Number) for value in filled) and _all_days(filled, ("excel",)):
        return When("at" if any("." in value for value in filled) else "date", ("auto",))
    return When("")


def _all_midnight(values: Sequence[str]) -> bool:
    """Say whether no value has a time of day: a spreadsheet's whole days, or a day with zeros behind it."""
    return not any(_has_time(value) for value in values)


def _has_time(value: str) -> bool:
    try:
        return not cell_of.moment(value, ("auto",), 2000, 0).endswith("000000")
    except CellError:  # one of the few days that do not exist
        return False


def _fraction(value: str) -> bool:
    """Say whether this is how a spreadsheet keeps a time of day: as a part of a day."""
    return isinstance(value, Number) and re.fullmatch(r"0(\.\d+)?", value) is not None


def _twin(values: Sequence[str], form: str, time: str) -> str:
    other = _TWINS.get(form[:5], "") + form[5:] + time
    return other if form[:5] in _TWINS and _all_days(values, (other,)) else ""


def _all_days(values: Sequence[str], formats: tuple[str, ...]) -> bool:
    return _all(lambda value: cell_of.day(value, formats, 2000), values, formats)


def _all_moments(values: Sequence[str], formats: tuple[str, ...]) -> bool:
    return _all(lambda value: cell_of.moment(value, formats, 2000, 0), values, formats)


def _all(read: Callable[[str], str], values: Sequence[str], formats: tuple[str, ...]) -> bool:
    """Say whether every value can be read.

    Where the order of year, month and day shows, a few of days that do not exist (29 February) are still dates: their
    rows are rejects. Elsewhere such a value is what tells `DD/MM` from `MM/DD`.
    """
    missing = 0
    for value in values:
        try:
            read(value)
        except cell_of.NoSuchDayError:
            missing += 1
            if formats != ("auto",) or 2 * missing > len(values):
                return False
        except CellError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Money:
    """How the values of a column are amounts."""

    ok: bool
    decimal: str = "."
    unit: str = "yuan"
    sure: int = 0
    """How sure the unit is, percent."""
    why: tuple[str, str] = ("", "")
    negative: bool = False
    positive: bool = False


def money(header: str, values: Sequence[str]) -> Money:
    """Say whether all the values are amounts, in which unit, with which decimal mark."""
    filled = [value for value in values if clean(value) not in ("", "-", "--")]
    if not filled:
        return Money(False, why=("no values seen", "未见到值"))
    decimal = _decimal(filled)
    read = [_units(value, decimal) for value in filled]
    if any(one is None for one in read):
        return Money(False)
    unit, sure, english, chinese = _unit(header, filled, decimal)
    return Money(
        True, decimal, unit, sure, (english, chinese),
        negative=any(one is not None and one < 0 for one in read),
        positive=any(one is not None and one > 0 for one in read),
    )  # fmt: skip


def _units(value: str, decimal: str) -> int | None:
    try:
        return cell_of.money(value, 6, decimal)
    except CellError:
        return None


def _decimal(values: Sequence[str]) -> str:
    texts = [clean(value) for value in values if not isinstance(value, Number)]
    commas = sum(
        re.search(r",\d{1,2}\D*$", text) is not None and "." not in text.partition(",")[2] for text in texts
    )
    points = sum(re.search(r"\.\d{1,2}\D*$", text) is not None for text in texts)
    return "," if commas > points else "."


def _unit(header: str, values: Sequence[str], decimal: str) -> tuple[str, int, str, str]:
    name = plain(header)
    if _FEN.search(name):
        return "fen", 95, "the header says minor units", "表头注明单位为分"
    if _YUAN.search(name):
        return "yuan", 95, "the header says the main unit", "表头注明单位为元"
    texts = [clean(value) for value in values]
    if any(decimal in text for text in texts):
        return "yuan", 90, "there are decimals", "有小数"
    if all(len(text.lstrip("+-")) >= 9 and text.lstrip("+-").startswith("0") for text in texts):
        return "fen", 85, "fixed digits with zeros in front", "定长、前补零"
    if any(not text.endswith("00") for text in texts) and all(len(text.lstrip("+-")) >= 3 for text in texts):
        return "fen", 45, "whole numbers that do not look like main units", "全为整数，像是以分为单位"
    return "yuan", 45, "whole numbers only", "全为整数"


def currency(header: str, values: Sequence[str]) -> str:
    """Give the ISO letters that amounts say in their column's name or beside each of them; empty: none, or several."""
    text = clean(header)
    named = {currency_beside(one) for one in _IN_NAME.findall(text)} - {""}
    named |= set(_WORD.findall(text)) & set(CURRENCIES)  # without brackets ALL and TOP are words
    if len(named) == 1:
        return named.pop()
    found = {currency_beside(clean(value)) for value in values if clean(value) not in ("", "-", "--")}
    return found.pop() if len(found) == 1 else ""


def differs(values: Sequence[str]) -> bool:
    """Say whether nearly every value is another one; a statement is of one account or a few."""
    filled = [text for value in values if (text := clean(value))]
    return len(filled) > 1 and 2 * len(set(filled)) > len(filled)


def went(text: str) -> str:
    """Say what the words of a booking show: money that went `out`, came `back`, or nothing (empty)."""
    if _BACK.search(text):
        return "back"
    return "out" if _OUT.search(text) else ""


def sign_words(values: Sequence[str]) -> bool:
    """Say whether every value is a word for money in or away."""
    known = {plain(word) for word in (*PLUS_WORDS, *MINUS_WORDS)}
    filled = {plain(clean(value)) for value in values if clean(value)}
    return bool(filled) and filled <= known


def unknown_kinds(values: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the distinct words of a kind column that are common ones, and those that are not."""
    return _sorted(values, kind_words())


def unknown_marks(values: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the distinct words of a result column that are common ones, and those that are not."""
    return _sorted(values, mark_words())


def _sorted(values: Sequence[str], words: Container[str]) -> tuple[list[str], list[str]]:
    distinct = list(dict.fromkeys(mask_text(clean(value)) for value in values if clean(value)))
    return [one for one in distinct if bare(one) in words], [
        one for one in distinct if bare(one) not in words
    ]
