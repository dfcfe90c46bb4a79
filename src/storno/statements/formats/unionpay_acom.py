"""UnionPay ACOM: the acquirer's list of a clearing day's transactions, 33 or 34 fields of fixed width.

Fields and offsets as of the institution files of Q/CUP 006.3 (com1 to com34); no header, no trailer.
Must not know the merchant files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from storno.statements.base import Format, Head, ReadOptions
from storno.statements.block import Block
from storno.statements.encoding import LineDecoder, open_text
from storno.statements.formats._com import COM, ComReader, com_part, score
from storno.statements.formats._cut import Layout
from storno.statements.formats._cut_block import cut_all, read_pieces
from storno.statements.formats._unionpay import days_of
from storno.statements.line import Frame, Part, Reject, Role
from storno.statements.lines import RawLine, raw_lines
from storno.statements.pieces import Piece

LAYOUT = Layout((*COM, 14), needed=29, complete=33)


def recognise(head: Head) -> int:
    """Know the file by its columns, less surely by its name."""
    return score(head, LAYOUT, ("ACOM",))


def read(stream: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every line of the file."""
    return map(_reader(options, LineDecoder(None)), raw_lines(open_text(stream)[0]))


def blocks(stream: BinaryIO, options: ReadOptions) -> Iterator[Part | Block]:
    """Yield the same, lines in blocks."""
    decoder, com = LineDecoder(None), ComReader(days_of(options))

    def at_once(piece: Piece) -> Block | None:
        cut, members = com.read(cut_all(LAYOUT, piece, decoder))
        rows = len(cut.numbers)
        return Block.of(rows, members | {"currency": [options.currency] * rows}) if rows else None

    return read_pieces(open_text(stream)[0], at_once, _reader(options, decoder))


def _reader(options: ReadOptions, decoder: LineDecoder) -> Callable[[RawLine], Part]:
    days = days_of(options)

    def read_one(raw: RawLine) -> Part:
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            return Frame(raw.no, "blank")
        cut = LAYOUT.cut(raw, decoder)
        return cut if isinstance(cut, Reject) else com_part(raw.no, cut, days, options.currency)

    return read_one


FORMAT = Format(
    name="unionpay_acom",
    role=Role.NETWORK,
    english="UnionPay ACOM: acquirer's cleared transactions, 33 or 34 fields of fixed width",
    chinese="银联 ACOM 收单一般交易流水文件，定长 33/34 域",
    source="Q/CUP 006.3 institution files, com1 to com34",
    recognise=recognise,
    read=read,
    blocks=blocks,
)
