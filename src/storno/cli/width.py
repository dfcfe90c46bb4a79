"""How wide a text stands on a terminal, and where its lines may break: a Chinese character takes two columns.

Pure text, no colours. English breaks at blanks only, Chinese nearly anywhere; a closing mark never begins a line and
an opening one never ends it. Must not import any command.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_SPLIT = re.compile(r"([ \t\r\n\v\f]+)")
_CLOSING = "，。；：！？、）》”’」』】〉…\N{NO-BREAK SPACE}"
_OPENING = "（《“‘「『【〈\N{NO-BREAK SPACE}"


def cells(text: str) -> int:
    """Count the columns a text takes."""
    return sum(_cell(one) for one in text)


def _cell(one: str) -> int:
    if unicodedata.combining(one) or unicodedata.category(one) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """Fill a text up with blanks to a number of columns; a longer one stays as it is."""
    return text + " " * max(0, columns - cells(text))


def wrap(text: str, columns: int, hanging: str = "") -> list[str]:
    """Break a text into lines of at most `columns`; from the second line on `hanging` stands in front.

    What cannot be broken, as a path or a long word, keeps its line whole and sticks out: it can still be copied.
    """
    lines = [""]
    for piece in _pieces(text):
        begun = lines[-1]
        empty = begun in ("", hanging)
        if not empty and cells(begun) + cells(piece.rstrip()) > columns:
            lines[-1] = begun.rstrip()
            lines.append(hanging + piece.lstrip())
        else:
            lines[-1] = begun + (piece if len(lines) == 1 or not empty else piece.lstrip())
    lines[-1] = lines[-1].rstrip()
    return lines


def _pieces(text: str) -> list[str]:
    """Split a text where a line may end; each piece carries the blanks in front of it."""
    pieces: list[str] = []
    blanks = ""
    for part in _SPLIT.split(text):
        if not part:
            continue
        if part.isspace():
            blanks = part
            continue
        first, *rest = _unbreakable(part)
        pieces += [blanks + first, *rest]
        blanks = ""
    return pieces


def _unbreakable(word: str) -> list[str]:
    """Split a word between Chinese characters, and between Chinese and other ones."""
    pieces = [word[0]]
    for before, one in pairwise(word):
        breaks = _cell(before) == 2 or _cell(one) == 2
        if breaks and one not in _CLOSING and before not in _OPENING:
            pieces.append(one)
        else:
            pieces[-1] += one
    return pieces
