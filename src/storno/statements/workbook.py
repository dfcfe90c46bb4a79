"""The sheets of an XLSX file as rows of cells, and the bounds that keep a hostile one from taking the memory.

A sheet is read whole (a zip cannot be streamed), so its unpacked size and its area are measured first. A cell that
was a number comes as `Number`; a date cell as `YYYY-MM-DD hh:mm:ss`.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import fastexcel

from storno.statements.cells import Number
from storno.statements.line import FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_BYTES_MAX = 256 << 20
UNPACKED_BYTES_MAX = 2 << 30
CELLS_MAX = 30_000_000
COLUMNS_MAX = 702
"""A to ZZ; no statement is wider."""
BATCH_ROWS = 10_000
_CHUNK = 1 << 20
_CELL = re.compile(rb' r="([A-Z]{1,3})(\d{1,7})"')
_ROW = re.compile(rb'<row [^>]*?\br="(\d{1,7})"')
_NUMBER_START = frozenset("-0123456789")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of an open workbook."""

    name: str
    visible: bool
    _reader: Any

    def head(self, rows: int) -> list[list[str]]:
        """Give the first rows."""
        return [cells for _, cells in self._rows(rows)]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give every row with its number from 1."""
        return self._rows(None)

    def _rows(self, count: int | None) -> Iterator[tuple[int, list[str]]]:
        texts = _load(self._reader, self.name, "string", count)
        # A text never turns into a boolean and a number always does: that tells 123 from "123".
        numbers = _load(self._reader, self.name, "boolean", count)
        for start in range(0, texts.num_rows, BATCH_ROWS):
            columns = [one.to_pylist() for one in texts.slice(start, BATCH_ROWS).columns]
            is_number = [one.is_valid().to_pylist() for one in numbers.slice(start, BATCH_ROWS).columns]
            for place in range(len(columns[0]) if columns else 0):
                yield (
                    start + place + 1,
                    [
                        _cell(column[place], number=flags[place])
                        for column, flags in zip(columns, is_number, strict=True)
                    ],
                )


def _cell(text: str | None, *, number: bool) -> str:
    if text is None:
        return ""
    return Number(text) if number and text[:1] in _NUMBER_START else text


def _load(reader: Any, name: str, dtype: Any, count: int | None) -> Any:
    try:
        return reader.load_sheet(name, header_row=None, skip_rows=0, n_rows=count, dtypes=dtype).to_arrow()
    except BaseException as error:  # noqa: BLE001 - the reader is foreign code, and a panic of it is no Exception
        raise _refused(error) from None


def _refused(error: BaseException) -> FileRefused:
    """Turn whatever the reader of the format throws, a panic too, into a refusal; what is not its own passes on."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit | MemoryError):
        raise error
    return FileRefused(
        "xlsx",
        f"the spreadsheet cannot be read ({type(error).__name__}): open it and save it again as .xlsx, or as CSV",
        f"电子表格无法读取（{type(error).__name__}）：请打开后另存为 .xlsx 或 CSV",
    )


def open_workbook(source: BinaryIO) -> list[Sheet]:
    """Give the sheets of an XLSX file in their order.

    Raises:
        FileRefused: no XLSX, damaged, encrypted, or over a bound.

    """
    data = source.read(FILE_BYTES_MAX + 1)
    if data[:4] == b"\xd0\xcf\x11\xe0":
        raise FileRefused(
            "xls",
            "this is an old .xls or a password-protected workbook: save it as .xlsx without password, or as CSV",
            "这是旧版 .xls 或有密码的工作簿：请另存为无密码的 .xlsx 或 CSV",
        )
    if len(data) > FILE_BYTES_MAX:
        raise _too_big()
    _measure(data)
    logging.getLogger("fastexcel").setLevel(
        logging.ERROR
    )  # it reports its guesses of types, which are not asked for
    try:
        reader = fastexcel.read_excel(data)
        names = list(reader.sheet_names)
        hidden = {name for name in names if _hidden(reader, name)}
    except BaseException as error:  # noqa: BLE001 - the reader is foreign code, and a panic of it is no Exception
        raise _refused(error) from None
    return [Sheet(name, name not in hidden, reader) for name in names]


def _hidden(reader: Any, name: str) -> bool:
    return bool(
        reader.load_sheet(name, header_row=None, skip_rows=0, n_rows=1, dtypes="string").visible != "visible"
    )


def _too_big() -> FileRefused:
    return FileRefused(
        "too_big",
        "the spreadsheet is larger than can be read safely: save it as CSV, which is streamed",
        "电子表格过大，无法安全读取：请另存为 CSV（可流式读取）",
    )


def _measure(data: bytes) -> None:
    """Refuse a workbook that would unpack, or spread, beyond the bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(one.file_size for one in members) > UNPACKED_BYTES_MAX:
                raise _too_big()  # noqa: TRY301 - one way out
            for one in members:
                _measure_member(archive, one)
    except FileRefused:
        raise
    except Exception as error:  # noqa: BLE001 - hostile bytes make zipfile raise a dozen kinds of error
        raise _refused(error) from None


def _measure_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end, which checks its size and CRC; of a sheet also how far its cells reach."""
    is_sheet = member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")
    names: set[bytes] = set()
    last_row = 0
    tail = b""
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            if not is_sheet:
                continue
            piece = tail + chunk
            found = _CELL.findall(piece)
            names.update(letters for letters, _ in found)
            last_row = max(last_row, max((int(row) for _, row in found), default=0))
            last_row = max(last_row, max((int(row) for row in _ROW.findall(piece)), default=0))
            tail = piece[-64:]
    width = max((_column_number(one) for one in names), default=1)
    if width > COLUMNS_MAX or width * last_row > CELLS_MAX:
        raise _too_big()


def _column_number(letters: bytes) -> int:
    number = 0
    for one in letters:
        number = number * 26 + one - 64
    return number
