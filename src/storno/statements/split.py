"""Physical lines cut into the cells of delimited rows, quotes and line breaks inside quotes included.

Bounded: a quote that is not closed within a hundred lines is one bad line, not the end of the file.
"""

from __future__ import annotations

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


def rows(
    lines: Iterator[TextLine], delimiter: str, quote: str, is_header: Callable[[list[str]], bool]
) -> Iterator[Row]:
    """Give the rows. Without a delimiter each is tried until the header shows which it is.

    `is_header` says of cut cells whether they are the header of the mapping.
    """
    waiting: deque[TextLine] = deque()
    chosen = delimiter
    while True:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None:
            return
        if (bad := broken(line)) is not None:
            yield Row(line.no, (), broken=bad)
            continue
        taken = [line]
        text = line.text
        if not chosen:
            chosen = _choose(text, quote, is_header)
        cells = split(text, chosen or ",", quote)
        while cells is None and len(taken) < JOINED_LINES_MAX and len(text) < JOINED_CHARS_MAX:
            more = waiting.popleft() if waiting else next(lines, None)
            if more is None:
                break
            taken.append(more)
            if broken(more) is not None:
                break
            text += "\n" + more.text
            if not chosen:
                chosen = _choose(text, quote, is_header)
            if quote in more.text:  # nothing else can close it
                cells = split(text, chosen or ",", quote)
        if cells is None:
            waiting.extendleft(reversed(taken[1:]))
            yield Row(line.no, (), broken=Reject(
                line.no, "quote", "a quoted cell is never closed", "引号未闭合", shown(line.text)
            ))  # fmt: skip
            continue
        yield Row(line.no, cells, len(taken))


def _choose(text: str, quote: str, is_header: Callable[[list[str]], bool]) -> str:
    for one in DELIMITERS:
        cells = split(text, one, quote)
        if cells is not None and len(cells) > 1 and is_header(cells):
            return one
    return ""
