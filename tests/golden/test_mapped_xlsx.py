"""Spreadsheets read with a mapping: merged titles, typed cells, what Excel destroys, and hostile workbooks."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime, time

import pytest
import xlsxwriter

from mapping_rig import read, refusal
from storno.statements import workbook
from storno.statements.base import Head
from storno.statements.cells import CellError, Number, identifier, money
from storno.statements.formats import statement_format
from storno.statements.line import FileRefused, LineKind

MAPPING = """
role = "network"
kind = "xlsx"
[columns]
amount = { column = "金额(元)", sign = "by_kind" }
settled_on = "交易日期"
at = { column = "交易日期", time = "时间", optional = true }
kind = { column = "类型", common = true }
order = "订单号"
stan = { column = "凭证号", digits = 6 }
[[totals]]
match = "^合计 (?P<lines>\\\\d+) 笔"
"""
NAMES = ["交易日期", "时间", "金额（元）", "类型", "订单号", "凭证号"]


def book(*sheets, title=True, hidden=()):
    """Write a workbook; a sheet is (name, rows)."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as made:
        styles = {
            datetime: made.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: made.add_format({"num_format": "yyyy-mm-dd"}),
            time: made.add_format({"num_format": "hh:mm:ss"}),
        }
        for name, rows in sheets:
            sheet = made.add_worksheet(name)
            if name in hidden:
                sheet.hide()
            start = 0
            if title:
                sheet.merge_range(0, 0, 0, 5, "某某支付 交易明细")
                sheet.merge_range(1, 0, 1, 5, "2026年11月")
                start = 3
            for at, row in enumerate(rows, start):
                for place, cell in enumerate(row):
                    if type(cell) in styles:
                        sheet.write_datetime(at, place, cell, styles[type(cell)])
                    elif isinstance(cell, str):
                        sheet.write_string(at, place, cell)
                    elif cell is not None:
                        sheet.write(at, place, cell)
    return data.getvalue()


ROWS = [
    NAMES,
    [date(2026, 11, 1), time(9, 5, 7), 12.3, "消费", "123456789012345678", 7],
    ["2026-11-02", "23:59:59", "1,234.50", "退货", "2", "000008"],
    [46329, 0.5, 0.1 + 0.2, "消费", 1234567890123, 9],
    [20261104, 90507, 1e6, "消费", "x", "10"],
    [],
    ["合计 4 笔"],
]


def test_titles_dates_times_and_amounts_of_every_cell_type_are_read():
    found = read(book(("明细", ROWS)), MAPPING, "xlsx").whole()
    shown = [
        (one.line_no, one.amount_minor, one.settled_on, one.at[8:], one.order, one.stan)
        for one in found.lines
    ]
    assert shown == [
        (5, 1230, "20261101", "090507", "123456789012345678", "000007"),
        (6, -123_450, "20261102", "235959", "2", "000008"),
        (7, 30, "20261103", "120000", "1234567890123", "000009"),
        (8, 100_000_000, "20261104", "090507", "x", "000010"),
    ]  # fmt: skip
    assert found.lines[1].kind is LineKind.REFUND
    assert [one.what for one in found.frames] == ["preamble", "preamble", "blank", "header", "blank", "total"]


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (4, 123456789012345678, "destroyed"),
        (4, "1.23E+17", "destroyed"),
        (4, 1234567890123456, "destroyed"),
        (2, 12.345, "amount"),
        (2, 12.3000011, "amount"),
        (2, 1e16, "amount"),
        (2, date(2026, 11, 1), "amount"),
        (2, True, "amount"),
        (0, 12.3, "date"),
        (0, 123456, "date"),
        (0, "消费", "date"),
        (3, 5, "kind"),
    ],
)
def test_a_cell_of_the_wrong_kind_is_a_reject(place, value, code):
    rows = [list(row) for row in ROWS]
    rows[1][place] = value
    found = read(book(("明细", rows)), MAPPING, "xlsx")
    assert found.codes == [(5, code)]
    assert found.unmet == [("lines", 10)]


def test_binary_noise_is_rounded_and_nothing_else():
    assert money(Number("0.30000000000000004"), 2) == 30
    assert money(Number("99999999999.990005493"), 2) == 9_999_999_999_999
    assert money(Number("12.000000001"), 2) == 1200
    assert money(Number("-7"), 0) == -7
    with pytest.raises(CellError):
        money(Number("12.00001"), 2)
    assert identifier(Number("123456789012345")) == "123456789012345"
    with pytest.raises(CellError):
        identifier(Number("-1234567890123456"))


def test_the_sheet_is_found_by_its_header_or_named():
    other = [["a", "b"], [1, 2]]
    both = book(("说明", other), ("明细", ROWS))
    assert len(read(both, MAPPING, "xlsx").lines) == 4
    assert refusal(book(("一", ROWS), ("二", ROWS)), MAPPING, "xlsx").code == "sheet"
    assert len(read(book(("一", ROWS), ("二", ROWS), hidden={"二"}), MAPPING, "xlsx").lines) == 4
    named = MAPPING.replace("[columns]", "[xlsx]\nsheet = '二'\n[columns]")
    assert len(read(book(("一", other), ("二", ROWS)), named, "xlsx").lines) == 4
    assert "一" in refusal(book(("一", other)), named, "xlsx").english
    numbered = MAPPING.replace("[columns]", "[xlsx]\nsheet = 2\n[columns]")
    assert len(read(book(("一", other), ("二", ROWS)), numbered, "xlsx").lines) == 4


def test_a_table_that_does_not_begin_in_the_first_cell_is_read():
    rows = [[], [], [None, None, *NAMES], [None, None, *ROWS[1]]]
    found = read(book(("明细", rows), title=False), MAPPING, "xlsx").whole()
    assert [one.line_no for one in found.lines] == [4]


def test_a_bank_preset_is_found_by_the_header_of_a_spreadsheet_and_no_other_role_is():
    rows = [
        ["Date", "Description", "Amount", "Balance"],
        [date(2026, 11, 1), "in", 5, 105],
        ["2026-11-02", "out", -5.5, 99.5],
    ]
    found = read(book(("s", rows), title=False), "", "xlsx").whole()
    assert found.amounts == [500, -550]
    terminal = [["tid", "mid", "batch", "stan", "date", "time", "kind", "amount_minor", "currency", "outcome", "rrn",
                 "auth_code", "card", "original_stan"]]  # fmt: skip
    assert refusal(book(("s", terminal), title=False), "", "xlsx").code == "mapping"
    assert read(book(("s", terminal), title=False), "storno_terminal", "xlsx").whole().lines == []


# -------------------------------------------------------------------- hostile workbooks
def rezipped(data, change):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            body = change(name, old.read(name))
            if body is not None:
                new.writestr(name, body)
    return out.getvalue()


def far_cell(name, body):
    return body.replace(b'r="A1"', b'r="XFD1048576"', 1) if name.startswith("xl/worksheets/") else body


def far_row(name, body):
    return body.replace(b'<row r="5"', b'<row r="1048576"') if name.startswith("xl/worksheets/") else body


def no_sheet(name, body):
    return None if name.startswith("xl/worksheets/") else body


def junk_sheet(name, body):
    return b"<worksheet><sheetData><row><c" if name.startswith("xl/worksheets/") else body


GOOD = book(("明细", ROWS))


@pytest.mark.parametrize("change", [far_cell, no_sheet, junk_sheet])
def test_a_workbook_that_is_broken_or_spreads_too_far_is_refused(change):
    assert refusal(rezipped(GOOD, change), MAPPING, "xlsx").code in ("too_big", "xlsx", "header")


def test_the_bounds_of_a_workbook_hold(monkeypatch):
    monkeypatch.setattr(workbook, "UNPACKED_BYTES_MAX", 1000)
    assert refusal(GOOD, MAPPING, "xlsx").code == "too_big"
    monkeypatch.setattr(workbook, "UNPACKED_BYTES_MAX", 1 << 30)
    monkeypatch.setattr(workbook, "CELLS_MAX", 1000)
    assert refusal(rezipped(GOOD, far_row), MAPPING, "xlsx").code == "too_big"
    monkeypatch.setattr(workbook, "CELLS_MAX", 30_000_000)
    monkeypatch.setattr(workbook, "FILE_BYTES_MAX", 100)
    assert refusal(GOOD, MAPPING, "xlsx").code == "too_big"


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\3\4", b"PK\3\4" + b"\0" * 200, GOOD[:1000], GOOD[:-30], b"\xd0\xcf\x11\xe0" + b"\0" * 600],
)
def test_a_cut_or_foreign_file_is_refused(data):
    assert refusal(data, MAPPING, "xlsx").code in ("xlsx", "xls")


def test_a_byte_changed_anywhere_gives_parts_or_a_refusal():
    for at in range(0, len(GOOD), 97):
        data = GOOD[:at] + bytes([GOOD[at] ^ 0x55]) + GOOD[at + 1 :]
        with suppress(FileRefused):  # any other error is this test's failure
            read(data, MAPPING, "xlsx")


def test_recognition_of_a_spreadsheet_is_low_without_its_header():
    form = statement_format("mapped_xlsx")
    assert 0 < form.recognise(Head("a.xlsx", GOOD, None)) < 50
    assert form.recognise(Head("a.zip", b"PK\3\4\0\0", None)) == 0
