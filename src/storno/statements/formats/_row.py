"""Rows of a statement under a header: named cells, and the error that makes a row a Reject.

Columns are found by name, whatever their order; a name counts without its unit, spaces and width of brackets.
Shared by the wallets' bills; knows none of them.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from storno.statements.amount import AmountError, scaled
from storno.statements.line import FileRefused, Reject
from storno.statements.lines import TextLine, shown
from storno.statements.memo import Memo
from storno.statements.when import WhenError, moment

_UNIT = re.compile(r"\((?:元|yuan|CNY)\)|\s+")
_PLAIN = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,5}))?\Z")
_BARE = " \t\r\xa0\u3000"


class RowError(ValueError):
    """A row that cannot be taken; becomes a Reject."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


def reject(line: TextLine, error: RowError | AmountError | WhenError) -> Reject:
    """Give the reject of a line for what was wrong with it."""
    code = (
        error.code if isinstance(error, RowError) else "amount" if isinstance(error, AmountError) else "date"
    )
    return Reject(line.no, code, error.english, error.chinese, shown(line.text))


def column_name(text: str) -> str:
    """Reduce a header cell to what names it: `订单金额（元）` and `订单金额 (元)` are one."""
    return _UNIT.sub("", unicodedata.normalize("NFKC", text).strip("`'\"\ufeff"))


def bare(cell: str) -> str:
    """Take padding and one back-tick off a value."""
    text = cell.strip(_BARE)
    return text[1:].strip(_BARE) if text.startswith("`") else text


def quoted_cells(text: str) -> list[str]:
    """Cut a line at commas, honouring double quotes; a quote that never closes is a RowError."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise RowError("columns", "a quotation mark in the row does not close", "该行引号不成对") from None


def ticked_cells(text: str) -> list[str]:
    """Cut a line whose values start with a back-tick: only a comma before a back-tick parts two values.

    A line without a back-tick in front is cut at its commas (a spreadsheet saved it anew), an escaped one being none.
    """
    text = text.strip(_BARE)
    if text.startswith("`"):
        return [cell.strip(_BARE) for cell in text[1:].split(",`")]
    if '"' not in text and "\\," in text:
        return [bare(cell.replace("\\,", ",")) for cell in re.split(r"(?<!\\),", text)]
    return [bare(cell) for cell in quoted_cells(text)]


class Columns:
    """Where each column of a header is."""

    def __init__(self, header: Sequence[str]) -> None:
        self.names = [column_name(cell) for cell in header]
        self._trailing = 0
        """Empty cells behind the last name: the header, and so each row, ends in a comma."""
        while self.names and not self.names[-1]:
            self.names.pop()
            self._trailing += 1
        self._at = {name: place for place, name in enumerate(self.names) if name}
        self.places = Memo[tuple[str, ...], int](
            lambda names: next((self._at[name] for name in names if name in self._at), -1)
        )
        """The place of the first of some names that is there, -1 for none."""
        self.repeated = next((name for name in self.names if self.names.count(name) > 1), "")

    def at(self, *names: str) -> int:
        """Give the place of the first of these names that is there, -1 for none."""
        return self.places[names]

    def missing(self, *names: str) -> list[str]:
        """List those of the names that are not there."""
        return [name for name in names if name not in self._at]

    def row(self, cells: list[str], text_at: int = -1) -> Row:
        """Bind a row's cells to the names.

        `text_at`: a free-text column that gets back the separators it contained, if there are too many cells.
        RowError: their numbers differ (empty cells behind the last do not count).
        """
        count = len(self.names)
        for _ in range(self._trailing):
            if len(cells) > count and not cells[-1]:
                cells = cells[:-1]
        extra = len(cells) - count
        if extra > 0 and text_at >= 0:
            cells = [
                *cells[:text_at],
                ",".join(cells[text_at : text_at + extra + 1]),
                *cells[text_at + extra + 1 :],
            ]
        while len(cells) > count and not cells[-1]:
            cells = cells[:-1]
        if len(cells) != count:
            raise RowError(
                "columns",
                f"the row has {len(cells)} columns, the header has {count}",
                f"该行 {len(cells)} 列，表头 {count} 列",
            )
        return Row(self, cells)


def header_of(line: TextLine) -> Columns:
    """Read a line as a header. Raises FileRefused: a damaged line, or a name that comes twice."""
    try:
        columns = Columns(quoted_cells(line.text.strip(_BARE)))
    except RowError:
        columns = None
    if columns is None or columns.repeated or line.bad_byte or line.too_long:
        raise no_header(line, columns.repeated if columns else "")
    return columns


def no_header(line: TextLine, what: str) -> FileRefused:
    """Refuse a file because this line is not the header it should have."""
    return FileRefused(
        "header",
        f"line {line.no} is not the header of such a file{what and f' ({what})'}",
        f"第 {line.no} 行不是此类文件的表头{what and f'（{what}）'}",
        line.no,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One row's cells by column name."""

    columns: Columns
    cells: list[str]

    def text(self, *names: str) -> str:
        """Give the first of these columns that the header has; empty if it has none."""
        place = self.columns.places[names]
        return self.cells[place] if place >= 0 else ""

    def units(self, *names: str, places: int = 2, needed: bool = False) -> int:
        """Give an amount in units of 10^-places; an empty cell is 0 unless it is needed. Raises AmountError."""
        text = self.text(*names)
        if not text and not needed:
            return 0
        try:
            return _units(text, places)
        except AmountError as error:
            raise AmountError(f"{names[0]}: {error.english}", f"{names[0]}：{error.chinese}") from None

    def moment(self, *names: str, utc_offset_min: int) -> str:
        """Give a time column as YYYYMMDDhhmmss. Raises WhenError."""
        try:
            return moment(self.text(*names), utc_offset_min)
        except WhenError as error:
            raise WhenError(f"{names[0]}: {error.english}", f"{names[0]}：{error.chinese}") from None


@lru_cache(maxsize=1 << 16)
def _units(text: str, places: int) -> int:
    """Give an amount in units of 10^-places; a bill has the same few zeros and fees in most of its cells."""
    if plain := _PLAIN.match(text):  # nearly every cell; the full reader takes five times as long
        part = plain[3] or ""
        if len(part) <= places:
            units = int(plain[2] + part.ljust(places, "0"))
            return -units if plain[1] else units
    return scaled(text, places)


def to_fen(units: int, places: int) -> int:
    """Round units of 10^-places to fen, halves away from zero."""
    scale: int = 10 ** (places - 2)
    whole, rest = divmod(abs(units), scale)
    rounded = whole + (2 * rest >= scale)
    return -rounded if units < 0 else rounded
