"""Many fixed-width lines cut at once: a table of bytes, out of which a field of all lines is one slice.

Only for lines that `_cut.py` would cut by bytes and call whole; for any other the piece is read line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from storno.statements.amount import AmountError
from storno.statements.mask import CARD_DIGITS, card
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

DIGITS_MAX = 15
_BLANK, _HIGH, _LINE_FEED, _STAR, _ZERO, _NINE = 0x20, 0x80, 0x0A, 0x2A, 0x30, 0x39
_CARRIAGE_RETURN = 0x0D


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
        cells = self._cells(field)
        return _texts(cells) if cells.max() < _HIGH else self._decoded(cells)

    def stripped(self, field: int) -> list[str]:
        """Give a field of all lines without the blanks around it."""
        cells = self._cells(field)
        if cells.max() >= _HIGH:
            return list(map(str.strip, self._decoded(cells)))
        filled = cells[:, (0, -1)].min() > _BLANK  # as numbers are
        return _texts(cells) if filled else list(map(str.strip, _texts(cells)))

    def cards(self, field: int) -> list[str]:
        """Give a card number column masked, as `mask.card` masks each of its cells."""
        cells = self._cells(field)
        digits = (cells >= _ZERO) & (cells <= _NINE)
        lengths = digits.sum(axis=1)[:, np.newaxis]
        places = np.arange(cells.shape[1])
        if lengths.min() < CARD_DIGITS or not np.where(places < lengths, digits, cells == _BLANK).all():
            return list(map(card, self[field]))
        starred = np.where((places >= 6) & (places < lengths - 4), _STAR, cells)
        return list(map(str.rstrip, _texts(starred)))

    def amounts(self, field: int) -> list[int] | None:
        """Give a field of digits as numbers; None where a cell is anything else."""
        cells = self._cells(field)
        if cells.min() < _ZERO or cells.max() > _NINE or cells.shape[1] > DIGITS_MAX:
            return None
        found: list[int] = ((cells - _ZERO) @ 10 ** np.arange(cells.shape[1] - 1, -1, -1)).tolist()
        return found

    def _cells(self, field: int) -> Bytes:
        start = self._layout.starts[field]
        return self._table[:, start : start + self._layout.widths[field]]

    def _decoded(self, cells: Bytes) -> list[str]:
        raw, width = cells.tobytes(), cells.shape[1]
        return [raw[at : at + width].decode(self._codec, "replace") for at in range(0, len(raw), width)]

    def only(self, kept: Sequence[bool]) -> CutBlock:
        """Give some of the lines."""
        if all(kept):
            return self
        chosen = np.flatnonzero(np.asarray(kept))
        numbers = [self.numbers[at] for at in chosen.tolist()]
        return CutBlock(numbers, self._table[chosen], self._layout, self._codec)


def _texts(cells: Bytes) -> list[str]:
    """Turn bytes that are all ASCII into texts: a character is four bytes in numpy's own."""
    found: list[str] = cells.astype(np.uint32).view(f"U{cells.shape[1]}").ravel().tolist()
    return found


def cut_all(layout: Layout, piece: Piece, decoder: LineDecoder) -> CutBlock:
    """Cut the lines of a piece. Raises Uneven: one of them is blank, damaged, or not of this layout."""
    data = piece.unmarked()
    if b"\0" in data:  # numpy would take zeros off
        raise Uneven
    table = _alike(layout, data)
    if table is None:
        table = _padded(layout, piece)
    if not (table[:, layout.gaps] == _BLANK).all() or not _decodes(table, data, decoder):
        raise Uneven
    numbers = list(range(piece.before + 1, piece.before + 1 + len(table)))
    return CutBlock(numbers, table, layout, decoder.encoding.value)


def _alike(layout: Layout, data: bytes) -> Bytes | None:
    """Give lines that are all whole and end alike as they stand; None where they are not."""
    size = data.find(b"\n") + 1
    if not size or len(data) % size or data.count(b"\n") != len(data) // size:
        return None
    table = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    end = 2 if data[size - 2 : size] == b"\r\n" else 1
    if (
        size - end != layout.length
        or (end == 1 and b"\r" in data)
        or (table[:, -end - 1] == _CARRIAGE_RETURN).any()  # a second one belongs to the end too
        or not (table[:, -end:] == table[0, -end:]).all()
    ):
        return None
    return table[:, :-end]


def _padded(layout: Layout, piece: Piece) -> Bytes:
    """Give lines whose ends were trimmed, or have blanks behind them, in their full length. Raises Uneven."""
    lines = piece.bare().split(b"\n")
    if max(map(len, lines)) > layout.length:
        lines = [line.rstrip(b" ") for line in lines]
    sizes = set(map(len, lines))
    whole = piece.data.endswith(b"\n") or len(lines[-1]) >= layout.least(ended=False)
    if max(sizes) > layout.length or min(sizes) < layout.least(ended=True) or not whole:
        raise Uneven
    joined = b"".join([line.ljust(layout.length) for line in lines])
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(lines), layout.length)


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
