"""What the UnionPay files have in common: whose money moves by MTI and F3, days from file names, signed amounts.

Directions are data (Q/CUP 006.6, annex B.4 for the 差错 kinds), seen from the acquirer or merchant that got the file:
+1 is money towards them. Pure; must not know a layout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from storno.statements import when
from storno.statements.amount import AmountError, fen, signed_fen
from storno.statements.base import ReadOptions
from storno.statements.line import FileRefused, LineKind

K = LineKind


@dataclass(frozen=True, slots=True)
class Direction:
    """Where the money of a kind of message goes."""

    kind: LineKind
    sign: int
    """+1 towards us, -1 away, 0 none."""
    text: str


# (MTI, first two digits of F3, F25 or "" for any other): direction.
DIRECTIONS: dict[tuple[str, str, str], Direction] = {
    ("0200", "00", ""): Direction(K.PAYMENT, +1, "消费"),
    ("0220", "00", ""): Direction(K.PAYMENT, +1, "离线消费或预授权完成通知"),
    ("0200", "00", "06"): Direction(K.PAYMENT, +1, "预授权完成"),
    ("0200", "19", ""): Direction(K.PAYMENT, +1, "消费（积分等）"),
    ("0200", "01", ""): Direction(K.PAYMENT, +1, "取现"),
    ("0200", "20", ""): Direction(K.VOID, -1, "消费撤销"),
    ("0200", "20", "06"): Direction(K.VOID, -1, "预授权完成撤销"),
    ("0200", "28", ""): Direction(K.VOID, -1, "消费撤销（积分等）"),
    ("0200", "17", ""): Direction(K.VOID, -1, "取现撤销"),
    ("0220", "20", ""): Direction(K.REFUND, -1, "退货"),
    ("0420", "00", ""): Direction(K.REVERSAL, -1, "消费冲正"),
    ("0420", "00", "06"): Direction(K.REVERSAL, -1, "预授权完成冲正"),
    ("0420", "01", ""): Direction(K.REVERSAL, -1, "取现冲正"),
    ("0420", "17", ""): Direction(K.REVERSAL, +1, "取现撤销冲正"),
    ("0420", "19", ""): Direction(K.REVERSAL, -1, "消费冲正（积分等）"),
    ("0420", "20", ""): Direction(K.REVERSAL, +1, "撤销冲正"),
    ("0420", "20", "06"): Direction(K.REVERSAL, +1, "预授权完成撤销冲正"),
    ("0420", "28", ""): Direction(K.REVERSAL, +1, "撤销冲正（积分等）"),
    ("0422", "22", ""): Direction(K.ADJUSTMENT, -1, "贷记调整"),
    ("0422", "22", "82"): Direction(K.ADJUSTMENT, -1, "例外长款"),
    ("0422", "02", ""): Direction(K.ADJUSTMENT, +1, "请款"),
    ("0422", "02", "13"): Direction(K.ADJUSTMENT, +1, "再请款"),
    ("0422", "02", "17"): Direction(K.CHARGEBACK, -1, "一次退单"),
    ("0422", "02", "41"): Direction(K.CHARGEBACK, -1, "二次退单"),
    ("0422", "20", ""): Direction(K.REFUND, -1, "手工退货"),
    ("0100", "03", ""): Direction(K.PREAUTH, 0, "预授权"),
    ("0100", "20", ""): Direction(K.PREAUTH, 0, "预授权撤销"),
    ("0420", "03", ""): Direction(K.PREAUTH, 0, "预授权冲正"),
    ("0200", "30", ""): Direction(K.OTHER, 0, "余额查询"),
    ("0200", "31", ""): Direction(K.OTHER, 0, "余额查询"),
}
# Errors settled by notice (0220) follow the table of 0422; terminals' own 0400 that of 0420.
DIRECTIONS |= {
    ("0220", f3, f25): d for (mti, f3, f25), d in DIRECTIONS.items() if mti == "0422" and f3 != "20"
}
DIRECTIONS |= {("0400", f3, f25): d for (mti, f3, f25), d in DIRECTIONS.items() if mti == "0420"}


def direction(mti: str, f3: str, f25: str) -> Direction | None:
    """Find where the money goes; None for a kind of message the table does not have."""
    return DIRECTIONS.get((mti, f3[:2], f25)) or DIRECTIONS.get((mti, f3[:2], ""))


_TIME = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d", re.ASCII)
_near = lru_cache(maxsize=4096)(when.with_year)
"""A file has few days and many lines."""


@dataclass(frozen=True, slots=True)
class Days:
    """How the MMDD of a file get their year."""

    clearing: str
    """Clearing day, YYYYMMDD; empty where only the year is known."""
    year: int

    def day(self, mmdd: str) -> str:
        """Give the YYYYMMDD of a transaction's day. Raises WhenError."""
        if self.clearing:
            return _near(mmdd, self.clearing)
        return when.plain_day(f"{self.year:04d}{mmdd}")

    def moment(self, text: str) -> str:
        """Give the time of a MMDDhhmmss. Raises WhenError."""
        rest = text[4:]
        if _TIME.fullmatch(rest) is None:
            raise when.WhenError(f"{text[:16]!r} is no MMDDhhmmss", f"{text[:16]!r} 不是 MMDDhhmmss")
        return self.day(text[:4]) + rest

    def moments(self, texts: Sequence[str]) -> list[str]:
        """Give the times of many MMDDhhmmss. Raises WhenError."""
        days = {mmdd: self.day(mmdd) for mmdd in {text[:4] for text in texts}}
        if not all(map(_TIME.fullmatch, {text[4:] for text in texts})):
            return list(map(self.moment, texts))
        return [days[text[:4]] + text[4:] for text in texts]

    def original(self, text: str) -> str:
        """Give the time of an original: empty where there is none, as it stands where its year is not known."""
        bare = text.strip()
        if not bare.strip("0"):
            return ""
        try:
            return self.moment(bare)
        except when.WhenError:
            return bare if bare.isascii() and bare.isdigit() else ""


def days_of(options: ReadOptions) -> Days:
    """Find the clearing day from the options, else the file's name.

    Raises:
        FileRefused: code `year`, nothing says the year.

    """
    if options.day:
        return Days(options.day, int(options.day[:4]))
    named = when.day_in_name(options.name)
    if named and options.year in (0, int(named[:4])):
        return Days(named, int(named[:4]))
    if options.year:
        return Days("", options.year)
    raise FileRefused(
        "year",
        "the file's dates have no year and its name has no day (IND<yymmdd>…): give --day YYYYMMDD or --year YYYY",
        "文件中的日期没有年份，文件名也没有日期（IND<yymmdd>…）：请用 --day YYYYMMDD 或 --year YYYY 指定",
    )


def fee(text: str, sign: int) -> int:
    """Give a fee with its D/C sign, or without one with the sign of its column. Raises AmountError."""
    bare = text.strip()
    if bare.isascii() and bare.isdigit():
        return sign * fen(bare)
    return signed_fen(bare)


def amounts(texts: Sequence[str]) -> list[int]:
    """Give a column of amounts. Raises AmountError."""
    joined = "".join(texts)
    if joined.isascii() and joined.isdigit() and max(map(len, texts)) <= 15 and all(texts):
        return list(map(int, texts))
    return list(map(amount, texts))


_SIGNED = re.compile(r"(?:[CD][0-9]{1,15}+\n)++")


def signed_amounts(texts: Sequence[str]) -> list[int]:
    """Give a column of amounts behind their D (negative) or C (positive). Raises AmountError."""
    if _SIGNED.fullmatch("\n".join([*texts, ""])) is None:
        return list(map(signed_fen, texts))
    return [int(text[1:]) if text[0] == "C" else -int(text[1:]) for text in texts]


def amount(text: str) -> int:
    """Give an amount column: digits only. Raises AmountError."""
    bare = text.strip()
    if not (bare.isascii() and bare.isdigit()):
        fen(bare)  # says what is wrong with most of them
        raise AmountError(f"amount {bare[:12]!r} has a sign", f"金额 {bare[:12]!r} 带有符号")
    return fen(bare)
