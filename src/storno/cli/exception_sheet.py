"""The exception queue as a sheet: written for people to fill in, read back row by row.

Only owner, how, reference and note are taken back; the version column tells whether the entry has changed since. Text
cells stay text: no cell of ours is a formula. Reads .xlsx and .csv (UTF-8, or GB18030 as Excel saves it in China).
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storno.cli.exception_words import SEVERITIES, SOURCES, kind_title, next_step, whose
from storno.cli.finding_words import day_of
from storno.cli.text import t
from storno.cli.trouble import Trouble
from storno.diagnosis.story import local_text
from storno.journal.exception_table import TITLES, How
from storno.money import exponent_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storno.recon.queue import Entry

BYTES_MAX = 64 * 1024 * 1024
COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("id", "编号"),
    "version": ("version", "版本"),
    "source": ("source", "来源"),
    "state": ("state", "状态"),
    "severity": ("severity", "严重程度"),
    "kind": ("kind", "类型"),
    "title": ("title", "名称"),
    "amount": ("amount", "金额"),
    "currency": ("currency", "币种"),
    "day": ("day", "日期"),
    "mid": ("merchant", "商户号"),
    "tid": ("terminal", "终端号"),
    "rrn": ("RRN", "参考号"),
    "tx_id": ("transaction", "交易"),
    "since": ("since", "发现时间"),
    "age_days": ("age in working days", "工作日数"),
    "due": ("due", "限期"),
    "overdue": ("overdue", "逾期"),
    "whose": ("whose", "责任方"),
    "next": ("next", "下一步"),
    "owner": ("owner", "负责人"),
    "how": ("how", "处理方式"),
    "reference": ("reference", "凭证号"),
    "note": ("note", "说明"),
}
EDITABLE = ("owner", "how", "reference", "note")
_NAMES = {word.casefold(): name for name, both in COLUMNS.items() for word in (name, *both)}
_WIDE = {"id": 18, "title": 32, "next": 48, "note": 32, "since": 20, "mid": 17, "kind": 22, "tx_id": 24}
_FORMULA = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row as it was read: its number in the file, and the cells that matter."""

    number: int
    id: str
    version: int
    source: str
    owner: str
    how: str
    reference: str
    note: str


def cells(entry: Entry, utc_offset_min: int) -> dict[str, str]:
    """Give the cells of an entry."""
    record = entry.record
    exponent = exponent_of(entry.currency)
    whole, rest = divmod(abs(entry.amount_minor), 10**exponent)
    sign = "-" if entry.amount_minor < 0 else ""
    return {
        "id": entry.id, "version": "" if record is None else str(record.version), "source": t(*SOURCES[entry.source]),
        "state": t(*TITLES[entry.standing]), "severity": t(*SEVERITIES[entry.age.severity]), "kind": entry.kind,
        "title": kind_title(entry), "amount": f"{sign}{whole}" + (f".{rest:0{exponent}d}" if exponent else ""),
        "currency": entry.currency, "day": "" if record is None else day_of(record.about),
        "mid": entry.mid, "tid": entry.tid, "rrn": entry.rrn, "tx_id": entry.tx_id,
        "since": local_text(entry.since_ms, utc_offset_min)[:19], "age_days": str(entry.age.days),
        "due": entry.age.due.isoformat(), "overdue": t("yes", "是") if entry.age.overdue else "",
        "whose": whose(entry), "next": next_step(entry), "owner": entry.owner,
        "how": record.how.value if record is not None and record.how is not None else "",
        "reference": "" if record is None else record.reference, "note": "" if record is None else record.note,
    }  # fmt: skip


def write_sheet(path: Path, found: Sequence[Entry], utc_offset_min: int) -> None:
    """Write a sheet, whole or not at all; the suffix decides the form.

    Raises:
        Trouble: the suffix is neither .xlsx nor .csv.

    """
    _form(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    rows = (cells(one, utc_offset_min) for one in found)
    try:
        (_write_xlsx if path.suffix.lower() == ".xlsx" else _write_csv)(draft, rows)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _form(path: Path) -> None:
    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise Trouble(t("a sheet is an .xlsx or a .csv file", "表格须为 .xlsx 或 .csv 文件"), where=str(path))


def _write_csv(path: Path, rows: Iterator[dict[str, str]]) -> None:
    with path.open(
        "w", encoding="utf-8-sig", newline=""
    ) as out:  # the mark lets a spreadsheet know that it is UTF-8
        write = csv.writer(out)
        write.writerow(t(*both) for both in COLUMNS.values())
        for row in rows:
            write.writerow(_harmless(name, text) for name, text in row.items())


def _harmless(name: str, text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula; amounts are numbers and stay."""
    return f"'{text}" if name != "amount" and text.startswith(_FORMULA) else text


def _write_xlsx(path: Path, rows: Iterator[dict[str, str]]) -> None:
    import xlsxwriter  # type: ignore[import-untyped]

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(t("exceptions", "差异"))
    head, edit = book.add_format({"bold": True}), book.add_format({"bg_color": "#FFF7D6"})
    amounts = {n: book.add_format({"num_format": "#,##0" + ("." + "0" * n if n else "")}) for n in (0, 2, 3)}
    names = list(COLUMNS)
    for place, name in enumerate(names):
        sheet.set_column(place, place, _WIDE.get(name, 12))
        sheet.write_string(0, place, t(*COLUMNS[name]), head)
    number = 0
    for number, row in enumerate(rows, 1):
        for place, name in enumerate(names):
            if name == "amount":
                sheet.write_number(
                    number, place, Decimal(row[name]), amounts[len(row[name].partition(".")[2])]
                )
            else:
                sheet.write_string(number, place, row[name], edit if name in EDITABLE else None)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(1, number), len(names) - 1)
    if number:
        how = names.index("how")
        sheet.data_validation(
            1,
            how,
            number,
            how,
            {"validate": "list", "source": [one.value for one in How], "ignore_blank": True},
        )
    book.close()


# -------------------------------------------------------------------- reading back
def read_sheet(path: Path) -> tuple[SheetRow, ...]:
    """Read a sheet that people have filled in.

    Raises:
        Trouble: it is no sheet of ours.

    """
    _form(path)
    if path.stat().st_size > BYTES_MAX:
        raise Trouble(t("the sheet is too large", "表格过大"), where=str(path))
    table = _xlsx_rows(path) if path.suffix.lower() == ".xlsx" else _csv_rows(path)
    head = next(table, [])
    places = {_NAMES.get(word.strip().casefold(), ""): place for place, word in enumerate(head)}
    missing = [name for name in ("id", "version", *EDITABLE) if name not in places]
    if missing:
        names = ", ".join(t(*COLUMNS[name]) for name in missing)
        raise Trouble(
            t(f"columns are missing: {names}", f"缺少列：{names}"),
            where=str(path),
            todo=t(
                "write it anew with `storno exceptions list --out`",
                "请用 `storno exceptions list --out` 重新导出",
            ),
        )
    return tuple(_row(number, cells, places) for number, cells in enumerate(table, 2) if any(cells))


def _row(number: int, cells: list[str], places: dict[str, int]) -> SheetRow:
    def cell(name: str) -> str:
        place = places.get(name, -1)
        text = cells[place].strip() if 0 <= place < len(cells) else ""
        return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text

    version = cell("version")
    whole = version.removesuffix(".0")
    return SheetRow(
        number, cell("id"), int(whole) if whole.isdecimal() else 0, cell("source"), cell("owner"), cell("how"),
        cell("reference"), cell("note"),
    )  # fmt: skip


def _csv_rows(path: Path) -> Iterator[list[str]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise Trouble(
                t("the file is neither UTF-8 nor GB18030", "文件既非 UTF-8 也非 GB18030"), where=str(path)
            ) from None
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise Trouble(t(f"no CSV: {error}", f"不是 CSV：{error}"), where=str(path)) from None


def _xlsx_rows(path: Path) -> Iterator[list[str]]:
    import fastexcel

    try:
        sheet = fastexcel.read_excel(str(path)).load_sheet(0, header_row=None, dtypes="string")
        columns: list[list[Any]] = [column.to_pylist() for column in sheet.to_arrow().columns]
    except fastexcel.FastExcelError as error:
        why = type(error).__name__
        raise Trouble(
            t(f"no sheet that can be read ({why})", f"无法读取的表格（{why}）"), where=str(path)
        ) from None
    for row in zip(*columns, strict=True):
        yield ["" if one is None else str(one) for one in row]
