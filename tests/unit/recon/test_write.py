"""The files of a run: sums in their currency's unit, and nothing in them that a spreadsheet would run."""

import csv
from zipfile import ZipFile

import fastexcel
import pytest

from recon_kit import compare, sides
from storno.recon.rules._example import line, sale
from storno.recon.sides import Options
from storno.recon.write import write

HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "{=1+1}", "\n=1+1", "\uff1d1+1"]


def written(tmp_path, **rows):
    given, options = sides(tmp_path / "sides", **rows), Options(as_of="20261110")
    return write(tmp_path / "out", compare(given, options), given, options)


@pytest.mark.parametrize(("currency", "shown"), [("JPY", 500), ("CNY", 5), ("KWD", 0.5)])
def test_the_summary_counts_in_the_unit_of_the_currency(tmp_path, currency, shown):
    folder = written(tmp_path, books=[sale()], network=[line(), line(2, 500, currency=currency)])
    book = fastexcel.read_excel(folder / "differences.xlsx")
    rows = book.load_sheet(0, header_row=None).to_arrow().to_pylist()
    (row,) = [list(one.values()) for one in rows if "finding" in one.values()]
    assert [float(row[-1]), row[-3]] == [shown, currency]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_of_a_file_is_never_a_formula(tmp_path, text):
    folder = written(tmp_path, books=[sale()], network=[line(), line(2, 500, rrn=text, mid=text, tid=text)])
    with (folder / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    quote = "" if text[0] == "{" else "'"  # only a workbook takes braces for a formula
    assert [row[name] for name in ("key", "mid", "tid", "rrn")] == [quote + text] * 4
    with ZipFile(folder / "differences.xlsx") as book:
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert not any(b"<f>" in one or b"<f " in one for one in sheets)
