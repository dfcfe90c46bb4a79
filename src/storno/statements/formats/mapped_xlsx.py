"""Any XLSX spreadsheet, read as a mapping says: the sheet and the header row are found by the header's names.

Merged title rows above the header are preamble. Each row of the sheet counts as a line. A number that Excel rounded
(an order number of more than 15 digits) is a reject, never used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from storno.statements.base import Format, Head, ReadOptions, Traits
from storno.statements.header import Header
from storno.statements.line import FileRefused, Part, Role
from storno.statements.mapping_load import load_mapping
from storno.statements.signature import ROWS_LOOKED_AT, no_mapping, preset_of, traits_of
from storno.statements.table import Row, Session, parts
from storno.statements.workbook import Sheet, open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.statements.mapping import Mapping


def recognise(head: Head) -> int:
    """Give 20 for a zip that holds a spreadsheet: its header is behind the first bytes, so no preset shows yet."""
    is_zip = head.data.startswith(b"PK\x03\x04")
    return 20 if is_zip and (b"xl/" in head.data or b"[Content_Types].xml" in head.data[:200]) else 0


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every part. FileRefused: no mapping, no spreadsheet, no or more than one fitting sheet."""
    mapping = load_mapping(options.mapping) if options.mapping else None
    if mapping is not None and mapping.layout == "fixed":
        raise FileRefused(
            "mapping",
            f"mapping {mapping.name!r} is for fixed-width files",
            f"映射 {mapping.name!r} 用于定长文件",
        )
    sheets = open_workbook(source)
    mapping, sheet = choose(sheets, mapping)
    session = Session(mapping, options)
    if mapping.table.no_header:
        session.bind(())
    yield from parts((Row(number, cells) for number, cells in sheet.rows()), session)


def choose(sheets: list[Sheet], mapping: Mapping | None) -> tuple[Mapping, Sheet]:
    """Give the mapping (a preset by the header, where none is named) and the one sheet it fits."""
    shown = [one for one in sheets if one.visible]
    if mapping is None:
        for sheet in shown:
            found = preset_of(sheet.head(ROWS_LOOKED_AT))
            if found is not None and found.role is Role.BANK:  # another role must be said: see `traits`
                return found, sheet
        raise no_mapping()
    if mapping.sheet:
        return mapping, _named(sheets, mapping.sheet)
    if len(shown) == 1 or mapping.table.no_header:
        return mapping, shown[0] if shown else _none()
    fitting = [
        one
        for one in shown
        if any(Header(cells, mapping).holds_all() for cells in one.head(mapping.table.header_within))
    ]
    if len(fitting) > 1:
        names = ", ".join(one.name for one in fitting)
        raise FileRefused(
            "sheet",
            f"several sheets have the header ({names}): name one in the mapping, xlsx.sheet",
            f"多个工作表含该表头（{names}）：请在映射的 xlsx.sheet 中指定",
        )
    return mapping, fitting[0] if fitting else (shown[0] if shown else _none())


def _named(sheets: list[Sheet], wanted: str | int) -> Sheet:
    if isinstance(wanted, int) and wanted <= len(sheets):
        return sheets[wanted - 1]
    for one in sheets:
        if one.name.strip() == str(wanted).strip():
            return one
    names = ", ".join(one.name for one in sheets)
    raise FileRefused(
        "sheet", f"no sheet {wanted!r}; there are: {names}", f"没有工作表 {wanted!r}；现有：{names}"
    )


def _none() -> Sheet:
    raise FileRefused("sheet", "the workbook has no visible sheet", "工作簿没有可见的工作表")


def traits(head: Head, options: ReadOptions) -> Traits:
    """Give the role of the mapping; without one only presets of bank accounts are taken."""
    return traits_of(options.mapping, head, Role.BANK)


FORMAT = Format(
    name="mapped_xlsx",
    role=Role.BANK,
    english="XLSX spreadsheet with a mapping",
    chinese="按映射读取的 XLSX 表格",
    source="docs/mapping.md",
    recognise=recognise,
    read=read,
    traits=traits,
    suffixes=(".xlsx",),
    line_based=False,
)
