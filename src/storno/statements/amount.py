"""Amounts as files write them, turned into whole minor units; never a float, never a silent rounding.

Takes yuan (`1,234.50`, `￥12`, `-3.2`, `(3.20)`, `3.20-`, full-width), fen, and D/C signs. What is not exactly an
amount is an AmountError that says why in both languages. Pure.
"""

from __future__ import annotations

import re

from storno.money import LETTERS, exponent_of
from storno.statements.mask import mask_text

MINOR_MAX = 10**17
"""The largest amount taken: far over any statement, and its sums still fit 64 bits."""

CHARS_MAX = 64
"""A longer text is no amount, and is not looked at."""
_WIDE = str.maketrans("０１２３４５６７８９．，＋－（）￥　", "0123456789.,+-()¥ ")
_DASHES = str.maketrans("\u2212\u2010\u2011\u2013\u2014", "-----")
_SIGNS = re.compile(
    r"^(?:CNY|RMB|USD|EUR|HKD|US\$|HK\$|[¥$€£元圆])\s*|\s*(?:CNY|RMB|USD|EUR|HKD|[元圆¥€])$", re.IGNORECASE
)
_BESIDE = re.compile(r"zł|HK\$|US\$|[A-Za-z]{3}|[€£]")
_SYMBOLS = {"€": "EUR", "£": "GBP", "zł": "PLN", "HK$": "HKD", "US$": "USD", "RMB": "CNY", "rmb": "CNY"}
"""Signs of one currency only."""


class AmountError(ValueError):
    """A text that is no amount, or none that fits minor units; says why in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


def decimals_of(currency: str) -> int:
    """Give the number of decimals of a currency: 2 unless ISO 4217 says otherwise."""
    return exponent_of(currency)


def scaled(text: str, places: int = 2, *, decimal_mark: str = ".", half_up: bool = False) -> int:
    """Give an amount in units of 10^-places: `scaled("1,234.50") == 123450`, `scaled("0.04", 5) == 4000`.

    Digits beyond the units must be zeros, unless `half_up` allows rounding away from zero at the half.
    Thousands marks must stand before groups of three.

    Raises:
        AmountError: empty, no number, too precise, too large.

    """
    if text.isascii() and text.isdigit() and len(text) <= 15:  # most of most files
        return int(text) * int(10**places)
    if len(text) > CHARS_MAX:
        raise _no_number(text)
    bare, negative = _sign(text)
    whole, point, part = bare.partition(decimal_mark)
    whole = _ungrouped(whole, text, "," if decimal_mark == "." else ".")
    if (point and part and not (part.isascii() and part.isdigit())) or not (whole or part):
        raise _no_number(text)
    kept, rest = part[:places].ljust(places, "0"), part[places:]
    units = int((whole or "0") + kept)
    if rest.strip("0"):
        if not half_up:
            raise AmountError(
                f"amount {_quoted(text)} has more than {places} decimals",
                f"金额 {_quoted(text)} 的小数超过 {places} 位",
            )
        units += rest[0] >= "5"
    if units > MINOR_MAX:
        raise AmountError(f"amount {_quoted(text)} is too large", f"金额 {_quoted(text)} 过大")
    return -units if negative else units


def yuan(text: str, currency: str = "CNY", *, half_up: bool = False) -> int:
    """Give an amount written in the currency's main unit in minor units. Raises AmountError."""
    return scaled(text, decimals_of(currency), half_up=half_up)


def fen(text: str) -> int:
    """Give an amount written in minor units: digits with or without a sign. Raises AmountError."""
    return scaled(text, 0)


def signed_fen(text: str) -> int:
    """Give an amount in minor units behind its D (negative) or C (positive) sign, in front or at the end.

    All blank, or zeros without a sign, is 0. Raises AmountError, also for an amount without its sign.
    """
    bare = text.strip()
    letter, digits = bare[:1].upper(), bare[1:]
    if letter in ("C", "D") and digits.isascii() and digits.isdigit() and len(digits) <= 15:
        return int(digits) if letter == "C" else -int(digits)
    digits = digits.strip()
    if letter not in ("C", "D") and bare[-1:].upper() in ("C", "D"):
        letter, digits = bare[-1:].upper(), bare[:-1].strip()
    if letter in ("C", "D"):
        if not digits:
            return 0
        if not (digits.isascii() and digits.isdigit()):
            raise _no_number(text)
        return fen(digits) if letter == "C" else -fen(digits)
    if not bare.strip("0"):
        return 0
    raise AmountError(f"amount {_quoted(text)} has no D or C sign", f"金额 {_quoted(text)} 缺少 D/C 符号")


def _sign(text: str) -> tuple[str, bool]:
    """Take signs and currency marks off: the bare number, and whether it is negative."""
    bare = text.translate(_WIDE).translate(_DASHES).strip(" \t`'\"\xa0\u202f")
    for _ in range(2):
        bare = _SIGNS.sub("", bare).strip()
    if bare[-1:].isalpha() or bare[:1].isalpha():
        bare, away = _letters(bare)
        if away:
            return (bare, True) if bare[:1] not in ("+", "-", "(") else ("", True)
    if bare.startswith("(") and bare.endswith(")"):
        return _SIGNS.sub("", bare[1:-1].strip()).strip(), True
    negative = False
    if bare[:1] in ("+", "-"):
        negative, bare = bare[0] == "-", bare[1:]
    elif bare[-1:] in ("+", "-"):
        negative, bare = bare[-1] == "-", bare[:-1]
    return _SIGNS.sub("", bare.strip()).strip(), negative


def currency_beside(text: str) -> str:
    """Give the ISO letters of the currency beside an amount; empty: none, or a sign of several ($, ¥, 元)."""
    found = {_SYMBOLS.get(one, one.upper()) for one in _BESIDE.findall(text)} & LETTERS
    return found.pop() if len(found) == 1 else ""


def _letters(bare: str) -> tuple[str, bool]:
    """Take CR and DR, and the ISO letters of any currency, off an amount; and whether it was DR, money away."""
    away = False
    if bare[-2:].upper() in ("CR", "DR"):
        away, bare = bare[-2:].upper() == "DR", bare[:-2].rstrip()
    if bare[-3:].upper() in LETTERS or bare[-2:].lower() == "zł":
        bare = bare[: -3 if bare[-3:].upper() in LETTERS else -2].rstrip()
    elif bare[:3].upper() in LETTERS:
        bare = bare[3:].lstrip()
    return bare, away


def _ungrouped(whole: str, text: str, mark: str) -> str:
    for sign in (mark, "'", "\u2019", "\xa0", "\u202f", " "):
        if sign in whole:
            first, *groups = whole.split(sign)
            threes = 1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)
            if not (threes or (sign == "," and _lakhs(first, groups))):
                raise _no_number(text)
            whole = first + "".join(groups)
            break
    if whole and not (whole.isascii() and whole.isdigit()):
        raise _no_number(text)
    return whole


def _lakhs(first: str, groups: list[str]) -> bool:
    """Say whether thousands are marked as in India: `1,23,45,678`."""
    *middle, last = groups
    return bool(middle) and 1 <= len(first) <= 2 and len(last) == 3 and all(len(one) == 2 for one in middle)


def _quoted(text: str) -> str:
    return repr(mask_text(text.strip())[:24])


def _no_number(text: str) -> AmountError:
    if not text.strip():
        return AmountError("the amount is empty", "金额为空")
    return AmountError(f"{_quoted(text)} is no amount", f"{_quoted(text)} 不是金额")
