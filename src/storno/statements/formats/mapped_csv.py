"""Any delimited text, read as a mapping says: comma, semicolon, tab or bar, quoted or not, in any common encoding.

Streams: a file of several gigabytes needs no more memory than its longest row. Without a mapping only a file whose
whole header row is that of a preset is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from storno.statements.base import HEAD_BYTES, Format, Head, ReadOptions, Traits
from storno.statements.cells import CellError
from storno.statements.encoding import head_text
from storno.statements.header import Header
from storno.statements.line import FileRefused, Part, Role
from storno.statements.lines import LINE_BYTES_MAX, TextLine, raw_lines
from storno.statements.mapped_block import Uneven
from storno.statements.mapped_text import Decoder, as_text, opened
from storno.statements.mapping_load import load_mapping
from storno.statements.pieces import Piece, Pieces
from storno.statements.signature import no_mapping, preset_of_text, traits_of
from storno.statements.split import DELIMITERS, Rows, split, split_all
from storno.statements.table import Session, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storno.statements.block import Block
    from storno.statements.mapping import Mapping


def recognise(head: Head) -> int:
    """Give 90 for the exact header of a preset, 10 for a text that looks like a table, else 0."""
    if head.text is None:
        return 0
    if preset_of_text(head.text) is not None:
        return 90
    lines = [line for line in head.text.splitlines()[:60] if line.strip()]
    for delimiter in DELIMITERS:
        widths = [len(split(line, delimiter) or ()) for line in lines]
        wide = [width for width in widths if width >= 3]  # above the table may stand lines of prose
        common = max(set(wide), key=wide.count, default=0)
        same = wide.count(common)
        if same >= 2 and 2 * same > len(wide) and 3 * same > len(widths):
            return 10
    return 0


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every part. FileRefused: no mapping, no text, no header, or a required total missing."""
    stream, decoder, session = _opened(source, options)
    lines = as_text(raw_lines(stream), decoder)
    yield from parts(_rows(lines, session.mapping), session)


def blocks(source: BinaryIO, options: ReadOptions) -> Iterator[Part | Block]:
    """Yield the same as `read`, lines in blocks wherever all rows of a piece of the file are lines."""
    stream, decoder, session = _opened(source, options)
    pieces = Pieces(stream)
    lines = _Lines(pieces, decoder)
    rows = _rows(lines, session.mapping)
    while True:
        if lines.between and rows.between:
            piece = pieces.next()
            if piece is None:
                break
            found = _at_once(piece, decoder, session, rows.delimiter)
            if found is not None:
                yield from found
                continue
            if session.reader is not None and (halves := piece.halves()):
                pieces.back(halves)
                continue
            lines.take(piece)
        row = next(rows, None)
        if row is None:
            break
        yield from session.take(row)
    yield from session.end()


class _Lines:
    """The lines of pieces that are read one by one; a quoted cell may reach into the next piece."""

    def __init__(self, pieces: Pieces, decoder: Decoder) -> None:
        self._pieces = pieces
        self._decoder = decoder
        self._left: Iterator[TextLine] = iter(())
        self._next: TextLine | None = None

    @property
    def between(self) -> bool:
        """Say whether no piece is begun."""
        return self._next is None

    def take(self, piece: Piece) -> None:
        """Begin a piece."""
        self._left = as_text(piece.raw(), self._decoder)
        self._next = next(self._left, None)

    def __iter__(self) -> Iterator[TextLine]:
        return self

    def __next__(self) -> TextLine:
        if self._next is None and (piece := self._pieces.next()) is not None:
            self.take(piece)
        if self._next is None:
            raise StopIteration
        line, self._next = self._next, next(self._left, None)
        return line


def _at_once(
    piece: Piece, decoder: Decoder, session: Session, delimiter: str
) -> Sequence[Part | Block] | None:
    """Give the parts of a piece whose rows are all lines; None where one is not."""
    if session.reader is None or not delimiter:
        return None
    data = piece.bare()
    if len(data) > LINE_BYTES_MAX and max(map(len, data.split(b"\n"))) > LINE_BYTES_MAX:
        return None
    text = decoder.decode_all(data)
    rows = None if text is None else split_all(text, delimiter, session.mapping.quote)
    if rows is None:
        return None
    try:
        return session.take_all(piece.before + 1, rows)
    except (Uneven, CellError):
        return None


def _opened(source: BinaryIO, options: ReadOptions) -> tuple[BinaryIO, Decoder, Session]:
    """Open a file with its mapping, the one named or that of its header."""
    named = load_mapping(options.mapping) if options.mapping else None
    if named is not None and named.layout == "fixed":
        raise FileRefused(
            "mapping", f"mapping {named.name!r} is for fixed-width files", f"映射 {named.name!r} 用于定长文件"
        )
    head, stream, decoder = opened(source, named.encoding if named is not None else "auto")
    mapping = named or preset_of_text(head_text(head[:HEAD_BYTES]) or "")
    if mapping is None:
        raise no_mapping()
    session = Session(mapping, options)
    if mapping.table.no_header:
        session.bind(())
    return stream, decoder, session


def _rows(lines: Iterator[TextLine], mapping: Mapping) -> Rows:
    return Rows(lines, mapping.delimiter, mapping.quote, lambda cells: Header(cells, mapping).holds_all())


def traits(head: Head, options: ReadOptions) -> Traits:
    """Give the role of the mapping, or of the preset the header shows."""
    return traits_of(options.mapping, head, Role.BANK)


FORMAT = Format(
    name="mapped_csv",
    role=Role.BANK,
    english="Delimited text with a mapping",
    chinese="按映射读取的分隔文本（CSV）",
    source="docs/mapping.md",
    recognise=recognise,
    read=read,
    traits=traits,
    suffixes=(".csv", ".txt", ".tsv"),
    blocks=blocks,
)
