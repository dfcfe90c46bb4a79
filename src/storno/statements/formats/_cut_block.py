"""Many fixed-width lines cut at once: a table of bytes, out of which a field of all lines is one slice.

Only for lines that `_cut.py` would cut by bytes and call whole; for any other the piece is read line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from storno.statements.amount import AmountError
from storno.statements.pieces import Pieces
from storno.statements.when import WhenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from storno.statements.block import Block
    from storno.statements.encoding import LineDecoder
    from storno.statements.formats._cut import Layout
    from storno.statements.line import Part
    from storno.statements.lines import RawLine
    from storno.statements.pieces import Piece

    Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

_BLANK, _HIGH, _LINE_FEED = 0x20, 0x80, 0x0A


class Uneven(Exception):  # noqa: N818 it says what the lines are
    """Lines that cannot be read at once: one of them is wrong."""


class CutBlock:
    """The fields of many lines, by their number from 0."""

    def __init__(self, numbers: Sequence[int], table: Bytes, layout: Layout, codec: str) -> None:
        self.numbers = numbers
        self._table = table
        self._layout = layout
        self._codec = codec

    def __getitem__(self, field: int) -> list[str]:
        start = self._layout.starts[field]
        width = self._layout.widths[field]
        cells = self._table[:, start : start + width]
        if cells.size and cells.max() < _HIGH:  # a character is four bytes in numpy's own texts
            found: list[str] = cells.astype(np.uint32).view(f"U{width}").ravel().tolist()
            return found
        raw = cells.tobytes()
        return [raw[at : at + width].decode(self._codec, "replace") for at in range(0, len(raw), width)]

    def stripped(self, field: int) -> list[str]:
        """Give a field of all lines without the blanks around it."""
        return list(map(str.strip, self[field]))

    def only(self, kept: Sequence[bool]) -> CutBlock:
        """Give some of the lines."""
        if all(kept):
            return self
        chosen = np.flatnonzero(np.asarray(kept))
        numbers = [self.numbers[at] for at in chosen.tolist()]
        return CutBlock(numbers, self._table[chosen], self._layout, self._codec)


def cut_all(layout: Layout, piece: Piece, decoder: LineDecoder) -> CutBlock:
    """Cut the lines of a piece. Raises Uneven: one of them is blank, damaged, or not of this layout."""
    data = piece.bare()
    if b"\0" in data:  # numpy would take zeros off
        raise Uneven
    lines = data.split(b"\n")
    length, sizes = layout.length, set(map(len, lines))
    if max(sizes) > length:
        lines = [line.rstrip(b" ") for line in lines]
        if max(map(len, lines)) > length:
            raise Uneven
    whole = piece.data.endswith(b"\n") or len(lines[-1]) >= layout.least(ended=False)
    if min(sizes) < layout.least(ended=True) or not whole:
        raise Uneven
    if sizes != {length}:
        lines = [line.ljust(length) for line in lines]
    table = np.frombuffer(b"".join(lines), dtype=np.uint8).reshape(len(lines), length)
    if not (table[:, layout.gaps] == _BLANK).all() or not _decodes(table, data, decoder):
        raise Uneven
    numbers = range(piece.before + 1, piece.before + 1 + len(lines))
    return CutBlock(numbers, table, layout, decoder.encoding.value)


def _decodes(table: Bytes, data: bytes, decoder: LineDecoder) -> bool:
    """Say whether every line is text; only the columns between the first and the last high byte need a look."""
    if data.isascii():
        return True
    decoder.settle(data)
    high = np.flatnonzero(table.max(axis=0) >= _HIGH)
    some = table[:, high[0] : high[-1] + 2]  # a character may end in one byte that is not high
    return (
        decoder.decode_all(np.pad(some, ((0, 0), (0, 1)), constant_values=_LINE_FEED).tobytes()) is not None
    )


def read_pieces(
    source: BinaryIO, at_once: Callable[[Piece], Block | None], single: Callable[[RawLine], Part]
) -> Iterator[Part | Block]:
    """Read a file piece by piece, and line by line where a piece does not go at once.

    `at_once` gives the lines of a piece, None where it has none; it may raise Uneven, AmountError, WhenError.
    """
    pieces = Pieces(source)
    while (piece := pieces.next()) is not None:
        try:
            block = at_once(piece)
        except (Uneven, AmountError, WhenError):
            halves = piece.halves()
            pieces.back(halves)
            if not halves:
                yield from map(single, piece.raw())
            continue
        if block is not None:
            yield block
