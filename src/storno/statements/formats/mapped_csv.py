"""Any delimited text, read as a mapping says: comma, semicolon, tab or bar, quoted or not, in any common encoding.

Streams: a file of several gigabytes needs no more memory than its longest row. Without a mapping only a file whose
whole header row is that of a preset is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from storno.statements.base import HEAD_BYTES, Format, Head, ReadOptions, Traits
from storno.statements.encoding import head_text
from storno.statements.header import Header
from storno.statements.line import FileRefused, Part, Role
from storno.statements.mapped_text import lines_of
from storno.statements.mapping_load import load_mapping
from storno.statements.signature import no_mapping, preset_of_text, traits_of
from storno.statements.split import DELIMITERS, rows, split
from storno.statements.table import Session, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    named = load_mapping(options.mapping) if options.mapping else None
    if named is not None and named.layout == "fixed":
        raise FileRefused(
            "mapping", f"mapping {named.name!r} is for fixed-width files", f"映射 {named.name!r} 用于定长文件"
        )
    stream, lines = lines_of(source, named.encoding if named is not None else "auto")
    text = head_text(stream[:HEAD_BYTES]) or ""
    mapping = named or preset_of_text(text)
    if mapping is None:
        raise no_mapping()
    session = Session(mapping, options)
    if mapping.table.no_header:
        session.bind(())
    yield from parts(rows(lines, mapping.delimiter, mapping.quote, _knows(mapping)), session)


def _knows(mapping: Mapping) -> Callable[[list[str]], bool]:
    return lambda cells: Header(cells, mapping).holds_all()


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
)
