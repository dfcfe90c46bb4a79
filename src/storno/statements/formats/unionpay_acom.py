"""UnionPay ACOM: every cleared transaction of an acquirer, fixed width, 33 columns or 34, and ACOMN with five more.

The columns and how they are read are `_com.py`'s; lines of ACOM end behind com33 or com34, those of ACOMN tell the
order too. Must not know the merchant files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from storno.statements.base import Format, Head, ReadOptions
from storno.statements.block import Block
from storno.statements.encoding import LineDecoder, open_text
from storno.statements.formats._com import COM, ComReader, com_part, score
from storno.statements.formats._cut import Layout
from storno.statements.formats._cut_block import cut_all, read_pieces
from storno.statements.formats._unionpay import days_of
from storno.statements.line import Frame, Part, Reject, Role, StatementLine
from storno.statements.lines import RawLine, raw_lines
from storno.statements.mask import mask_id, mask_ids
from storno.statements.pieces import Piece

LAYOUT = Layout((*COM, 14), needed=29, complete=33)
LONGER = Layout((*COM, 14, 19, 2, 40, 4, 131), needed=29, complete=38)
"""ACOMN: the card paid to, the number of instalments, the order, how it was paid, reserved."""
_ORDER = 36


def recognise(head: Head) -> int:
    """Know the file by its columns, less surely by its name."""
    names = () if "ACOMA" in head.name.upper() else ("ACOM",)  # that is COMA
    return max(score(head, layout, names) for layout in (LAYOUT, LONGER))


def _layout(line: bytes) -> Layout:
    return LONGER if len(line.rstrip(b" \r")) > LAYOUT.length else LAYOUT


def read(stream: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every line of the file."""
    return map(_reader(options, LineDecoder(None)), raw_lines(open_text(stream)[0]))


def blocks(stream: BinaryIO, options: ReadOptions) -> Iterator[Part | Block]:
    """Yield the same, lines in blocks."""
    decoder, com = LineDecoder(None), ComReader(days_of(options))

    def at_once(piece: Piece) -> Block | None:
        data = piece.unmarked()
        layout = _layout(data[: data.find(b"\n") + 1 or None].removesuffix(b"\n"))
        cut, members = com.read(cut_all(layout, piece, decoder))
        rows = len(cut.numbers)
        if layout is LONGER and rows:
            members = members | {"order": mask_ids(cut.stripped(_ORDER))}
        return Block.of(rows, members | {"currency": [options.currency] * rows}) if rows else None

    return read_pieces(open_text(stream)[0], at_once, _reader(options, decoder))


def _reader(options: ReadOptions, decoder: LineDecoder) -> Callable[[RawLine], Part]:
    days = days_of(options)

    def read_one(raw: RawLine) -> Part:
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            return Frame(raw.no, "blank")
        cut = _layout(raw.data).cut(raw, decoder)
        if isinstance(cut, Reject):
            return cut
        part = com_part(raw.no, cut, days, options.currency)
        if isinstance(part, StatementLine) and len(cut) > _ORDER:
            return replace(part, order=mask_id(cut[_ORDER].strip()))
        return part

    return read_one


FORMAT = Format(
    name="unionpay_acom",
    role=Role.NETWORK,
    english="UnionPay ACOM and ACOMN: an acquirer's cleared transactions, fixed width, 33, 34 or 39 fields",
    chinese="银联 ACOM、ACOMN 收单一般交易流水文件，定长 33、34 或 39 域",
    source="Q/CUP 006.3 institution files, com1 to com34",
    recognise=recognise,
    read=read,
    blocks=blocks,
)
