"""Physical lines cut into the cells of delimited rows, quotes and line breaks inside quotes included.

Bounded: a quote that is not closed within a hundred lines is one bad line, not the end of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING

from storno.statements.line import Reject
from storno.statements.lines import broken, shown
from storno.statements.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storno.statements.lines import TextLine

DELIMITERS = (",", "\t", ";", "|")
JOINED_LINES_MAX = 100
JOINED_CHARS_MAX = 1 << 18


def split(text: str, delimiter: str, quote: str = '"') -> list[str] | None:
    """Cut one row into its cells; None where a quoted cell is still open at the end of the text."""
    if not quote or quote not in text:
        return text.split(delimiter)
    cells: list[str] = []
    at = 0
    while True:
        cell, at = (
            _quoted(text, at, delimiter, quote) if text.startswith(quote, at) else _bare(text, at, delimiter)
        )
        if cell is None:
            return None
        cells.append(cell)
        if at < 0:
            return cells


def _bare(text: str, at: int, delimiter: str) -> tuple[str | None, int]:
    end = text.find(delimiter, at)
    return (text[at:], -1) if end < 0 else (text[at:end], end + len(delimiter))


def _quoted(text: str, at: int, delimiter: str, quote: str) -> tuple[str | None, int]:
    """Give the cell and where the next one starts (-1: it was the last); None for a cell that is not closed."""
    out: list[str] = []
    at += 1
    while True:
        end = text.find(quote, at)
        if end < 0:
            return None, -1
        out.append(text[at:end])
        if not text.startswith(quote, end + 1):
            rest, after = _bare(text, end + 1, delimiter)
            return "".join(out) + (rest or ""), after
        out.append(quote)
        at = end + 2


class Rows:
    """The rows of physical lines. Without a delimiter each line is tried until the header shows which it is.

    `is_header` says of cut cells whether they are the header of the mapping.
    """

    def __init__(
        self, lines: Iterator[TextLine], delimiter: str, quote: str, is_header: Callable[[list[str]], bool]
    ) -> None:
        self._lines = lines
        self._waiting: deque[TextLine] = deque()
        self.delimiter = delimiter
        self._quote = quote
        self._is_header = is_header

    @property
    def between(self) -> bool:
        """Say whether no line that was looked at is still to be given."""
        return not self._waiting

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        line = self._next()
        if line is None:
            raise StopIteration
        if (bad := broken(line)) is not None:
            return Row(line.no, (), broken=bad)
        taken = [line]
        text = line.text
        self._choose(text)
        cells = self._cut(text)
        while cells is None and len(taken) < JOINED_LINES_MAX and len(text) < JOINED_CHARS_MAX:
            more = self._next()
            if more is None:
                break
            taken.append(more)
            if broken(more) is not None:
                break
            text += "\n" + more.text
            self._choose(text)
            if self._quote in more.text:  # nothing else can close it
                cells = self._cut(text)
        if cells is None:
            self._waiting.extendleft(reversed(taken[1:]))
            return Row(line.no, (), broken=Reject(
                line.no, "quote", "a quoted cell is never closed", "引号未闭合", shown(line.text)
            ))  # fmt: skip
        return Row(line.no, cells, len(taken))

    def _next(self) -> TextLine | None:
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def _choose(self, text: str) -> None:
        if self.delimiter:
            return
        for one in DELIMITERS:
            cells = split(text, one, self._quote)
            if cells is not None and len(cells) > 1 and self._is_header(cells):
                self.delimiter = one
                return

    def _cut(self, text: str) -> list[str] | None:
        return split(text, self.delimiter or ",", self._quote)


def split_all(text: str, delimiter: str, quote: str) -> list[list[str]] | None:
    """Cut many lines, parted by line feeds, as `split` cuts each; None where a cell might reach over its line."""
    lines = text.split("\n")
    if not quote or quote not in text:
        return [line.split(delimiter) for line in lines]
    if "\r" in text or len(delimiter) != 1 or len(quote) != 1:
        return None
    try:
        found = list(csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True))
    except csv.Error:
        return None
    return found if len(found) == len(lines) else None
