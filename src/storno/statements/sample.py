"""The first rows of a file as a table: its encoding, delimiter or sheet, header row and the rows behind it.

What `storno statement map` looks at. Reads at most the first 64 KiB of a text, the first rows of a spreadsheet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from storno.statements.base import HEAD_BYTES
from storno.statements.cells import clean
from storno.statements.encoding import Encoding, detect
from storno.statements.guess import by_name
from storno.statements.line import FileRefused
from storno.statements.mapped_text import lines_of
from storno.statements.split import DELIMITERS, Rows
from storno.statements.workbook import open_workbook

ROWS_MAX = 400
HEADER_WITHIN = 60
_NUMBER = re.compile(r"[^\d\w]*\d")
"""A value that begins with a digit; `VWZ1` is a name."""
FOOT = re.compile(
    r"^(\S{0,4}(合计|总计|小计|累计)(?![^\s:：\d])|总笔数|总金额|注[:：]|备注[:：]|说明[:：]|#|-{5}|"
    r"(打印|下载|导出|制表|查询|生成)(日期|时间|人|机构)|(?i:total|sum|subtotal|note)\b)"
)
CARRIED = re.compile(
    r"^(上期余额|期初余额|上日余额|上年结转|承前页|过次页|期末余额|"
    r"(?i:opening balance|closing balance|balance (brought|carried) forward))$"
)
"""A cell of a row that only carries a balance over from one page or period to the next."""
_POLISH = re.compile(rb"(?i)\b(kwota|waluta|operacji|transakcji|rachunku?)\b")
"""Words of Polish headers in ASCII: such a file is in Windows-1250, which in the bytes alone looks like 1252."""
ENCODINGS = ("auto", "shift_jis", "big5")
"""Tried in this order until a header is found; in the bytes alone the last two look like GB18030 or Windows-1252."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of a file."""

    layout: str
    encoding: str
    delimiter: str
    sheet: str
    """Name, where the workbook has more than one visible sheet."""
    header_line: int
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Line number and cells of what stands behind the header, blank rows left out."""
    foot: tuple[tuple[int, tuple[str, ...]], ...]
    """Rows that are sums or notes."""
    codec: str = "auto"
    """As a mapping names the encoding."""

    def values(self, place: int) -> list[str]:
        """Give the values of one column, of rows that are as wide as the header."""
        return [cells[place] for _, cells in self.rows if place < len(cells) >= len(self.header)]


def look(source: BinaryIO) -> Sample:
    """Look at a file. FileRefused: neither text nor spreadsheet, or no header row to be found."""
    data = source.read(HEAD_BYTES)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        if data.startswith(b"PK") and not (b"xl/" in data or b"[Content_Types].xml" in data[:200]):
            raise _archive()
        return _sheet(io.BytesIO(data + source.read()))
    if data.startswith((b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        raise _archive()
    return _text(data, whole=len(data) < HEAD_BYTES)


def _sheet(source: BinaryIO) -> Sample:
    sheets = [one for one in open_workbook(source) if one.visible]
    best: tuple[float, int, str, list[list[str]]] | None = None
    for sheet in sheets:
        table = sheet.head(ROWS_MAX)
        score, place = _header_place(table)
        if best is None or score > best[0]:
            best = (score, place, sheet.name, table)
    if best is None or best[0] <= 0:
        raise no_header()
    _, place, name, table = best
    numbered = [(number, tuple(cells)) for number, cells in enumerate(table, 1)]
    return _cut("xlsx", "auto", "", name if len(sheets) > 1 else "", numbered, place)


def _text(data: bytes, *, whole: bool) -> Sample:
    if not whole:  # the last line may be cut
        data = data[: data.rfind(b"\n") + 1] or data
    found = detect(data, whole=whole)
    for codec in _codecs(found, data):
        best: tuple[float, int, str, list[tuple[int, tuple[str, ...]]]] | None = None
        for delimiter in DELIMITERS:
            _, lines = lines_of(io.BytesIO(data), codec)
            split = Rows(lines, delimiter, '"', lambda _cells: False)
            numbered = [(row.line_no, tuple(row.cells)) for row in split if row.broken is None]
            score, place = _header_place([cells for _, cells in numbered])
            if best is None or score > best[0]:
                best = (score, place, delimiter, numbered)
        if best is not None and best[0] > 0:
            _, place, delimiter, numbered = best
            named = codec if codec != "auto" else found.value if found else "auto"
            return replace(_cut("csv", named, delimiter, "", numbered, place), codec=codec)
    raise no_header()


def _codecs(found: Encoding | None, data: bytes) -> tuple[str, ...]:
    """Give the encodings to try, in order."""
    if found is Encoding.CP1252 and _POLISH.search(data):
        return ("cp1250",)
    return ENCODINGS if found in (Encoding.GB18030, Encoding.CP1252, None) else ("auto",)


def _header_place(table: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Give how much the best row looks like a header, and which it is."""
    best = (0.0, 0)
    for place, cells in enumerate(table[:HEADER_WITHIN]):
        names = [by_name(cell) for cell in cells if clean(cell)]
        members = {one.member: one.sure for one in names if one.member}
        plain_numbers = sum(_NUMBER.match(clean(cell)) is not None for cell in cells)
        if len(members) < 2 or plain_numbers > len(names) / 2:
            continue
        same = sum(len(row) == len(cells) for row in table[place + 1 : place + 21])
        score = sum(members.values()) / 100 + same / 100
        if score > best[0]:
            best = (score, place)
    return best


def _cut(
    layout: str,
    encoding: str,
    delimiter: str,
    sheet: str,
    table: list[tuple[int, tuple[str, ...]]],
    place: int,
) -> Sample:
    line_no, header = table[place]
    width = len(header)
    while width and not clean(header[width - 1]):
        width -= 1
    body: list[tuple[int, tuple[str, ...]]] = []
    foot: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in table[place + 1 : place + 1 + ROWS_MAX]:
        first = next((text for cell in cells if (text := clean(cell))), "")
        if not first or cells == header:  # printed again at the top of each page
            continue
        is_foot = (
            FOOT.search(first)
            or sum(bool(clean(cell)) for cell in cells) == 1 < width
            or any(CARRIED.match(clean(cell)) for cell in cells)
        )
        (foot if is_foot else body).append((number, cells))
    return Sample(layout, encoding, delimiter, sheet, line_no, header[:width], tuple(body), tuple(foot))


def _archive() -> FileRefused:
    return FileRefused(
        "container",
        "this is an archive: unpack it and take the file in it; `storno import` opens zip and gzip itself",
        "这是压缩包：请先解压，再用其中的文件；`storno import` 可直接读取 zip 与 gzip",
    )


def no_header() -> FileRefused:
    """Give the refusal of a file in which no header row is to be seen."""
    return FileRefused(
        "header",
        "no header row with at least two known names in the first 60 rows: write a mapping by hand (docs/mapping.md)",
        "前 60 行内没有可识别的表头（至少两个已知列名）：请参照 docs/mapping.zh-CN.md 手工编写映射",
    )
