"""A text file in pieces of whole lines, to be read many lines at once; a piece that will not go so is halved.

Bounded like lines are: a line that is too long is cut while it is read, and its piece still shows that it was.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from storno.statements.lines import LINE_BYTES_MAX, RawLine, raw_lines, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 1 << 18
FIRST_BYTES = 1 << 12
"""The first piece, in which a header stands, is read line by line."""
LINES_MIN = 32
"""Fewer lines are not halved but read one by one."""
_ENDS = re.compile(rb"\r+\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole lines of a file."""

    before: int
    """So many lines stand before it."""
    data: bytes

    def raw(self) -> Iterator[RawLine]:
        """Give its lines one by one."""
        return raw_lines(io.BytesIO(self.data), before=self.before)

    def unmarked(self) -> bytes:
        """Give its bytes without the file's mark in front."""
        return self.data if self.before else unmarked(self.data)

    def bare(self) -> bytes:
        """Give its bytes without the file's mark in front and without the end of the last line."""
        data = self.unmarked()
        if not data.endswith(b"\n"):
            data = data.rstrip(b"\r")
        if b"\r" in data:
            data = _ENDS.sub(b"\n", data)
        return data.removesuffix(b"\n")

    def halves(self) -> tuple[Piece, ...]:
        """Give it as two pieces; none where it has too few lines."""
        lines = self.data.count(b"\n")
        if lines < 2 * LINES_MIN:
            return ()
        middle = self.data.find(b"\n", len(self.data) // 2) + 1
        if not 0 < middle < len(self.data):
            return ()
        first, second = self.data[:middle], self.data[middle:]
        return Piece(self.before, first), Piece(self.before + first.count(b"\n"), second)


class Pieces:
    """The pieces of a file, in order."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._before = 0
        self._back: list[Piece] = []

    def next(self) -> Piece | None:
        """Give the next piece; None at the end."""
        if self._back:
            return self._back.pop()
        data = self._source.read(PIECE_BYTES if self._before else FIRST_BYTES)
        if not data:
            return None
        if not data.endswith(b"\n"):
            data += self._rest(len(data) - (data.rfind(b"\n") + 1))
        piece = Piece(self._before, data)
        self._before += data.count(b"\n")
        return piece

    def back(self, pieces: tuple[Piece, ...]) -> None:
        """Take pieces back, to be given next."""
        self._back += reversed(pieces)

    def _rest(self, begun: int) -> bytes:
        """Read a line of which so many bytes are there to its end; of one that is too long only what shows it."""
        rest = self._source.readline(max(1, LINE_BYTES_MAX + 2 - begun))
        if rest.endswith(b"\n") or begun + len(rest) < LINE_BYTES_MAX + 2:
            return rest
        while (more := self._source.readline(LINE_BYTES_MAX)) and not more.endswith(b"\n"):
            pass
        return rest + b"\n" if more else rest
