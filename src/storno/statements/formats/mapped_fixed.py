"""Any fixed-width text, read as a mapping says: fields are cut by bytes and then decoded.

Bytes and not characters, because a Chinese name in front of an amount has two bytes a character in GB18030. Streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from storno.statements.base import Format, Head, ReadOptions, Traits
from storno.statements.line import FileRefused, Part, Reject, Role
from storno.statements.lines import TextLine, broken, shown
from storno.statements.mapped_text import Decoder, open_lines
from storno.statements.mapping_load import load_mapping
from storno.statements.signature import no_mapping, traits_of
from storno.statements.table import Row, Session, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.statements.lines import RawLine
    from storno.statements.mapping import Mapping


def recognise(head: Head) -> int:  # noqa: ARG001 - the signature of all formats
    """Give 0: nothing in such a file says what it is; it is read when a mapping is named."""
    return 0


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every part. FileRefused: no mapping, no text, or a required total missing."""
    if not options.mapping:
        raise no_mapping()
    mapping = load_mapping(options.mapping)
    if mapping.layout != "fixed":
        raise FileRefused(
            "mapping",
            f"mapping {mapping.name!r} is for tables, not fixed-width files",
            f"映射 {mapping.name!r} 用于表格，不是定长文件",
        )
    _, lines, decoder = open_lines(source, mapping.encoding)
    session = Session(mapping, options)
    session.bind([one.name for one in mapping.fields])
    yield from parts((_row(line, mapping, decoder) for line in lines), session)


def _row(line: RawLine, mapping: Mapping, decoder: Decoder) -> Row:
    text = TextLine(line.no, *decoder.decode(line.data), line.too_long)
    if (bad := broken(text)) is not None:
        return Row(line.no, (), broken=bad)
    whole = [text.text]
    if text.blank or _about(text.text, mapping):
        return Row(line.no, whole)
    size, need = len(line.data), max(one.start + one.length for one in mapping.fields)
    if size != mapping.record_bytes if mapping.record_bytes else size < need:
        wanted = mapping.record_bytes or need
        return Row(line.no, (), broken=Reject(
            line.no, "columns", f"the record has {size} bytes, not {wanted}", f"记录长 {size} 字节，应为 {wanted} 字节",
            shown(text.text),
        ))  # fmt: skip
    cells = []
    for one in mapping.fields:
        cell, bad_byte = decoder.decode(line.data[one.start : one.start + one.length])
        if bad_byte:
            return Row(line.no, (), broken=Reject(
                line.no, "encoding", f"field {one.name} is cut inside a character: the record is shifted",
                f"字段 {one.name} 从字符中间断开：记录错位", shown(text.text),
            ))  # fmt: skip
        cells.append(cell)
    return Row(line.no, cells)


def _about(text: str, mapping: Mapping) -> bool:
    """Say whether the record is about the file (a header, a trailer) and not to be cut."""
    bare = text.strip()
    return any(rule.search(bare) for rule in mapping.table.skip) or any(
        rule.match.search(bare) for rule in mapping.totals
    )


def traits(head: Head, options: ReadOptions) -> Traits:
    """Give the role of the mapping."""
    return traits_of(options.mapping, head, Role.NETWORK)


FORMAT = Format(
    name="mapped_fixed",
    role=Role.NETWORK,
    english="Fixed-width text with a mapping",
    chinese="按映射读取的定长文本",
    source="docs/mapping.md",
    recognise=recognise,
    read=read,
    traits=traits,
    suffixes=(".txt", ".dat"),
)
