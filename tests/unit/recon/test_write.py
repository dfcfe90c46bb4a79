"""The files of a run: sums in their currency's unit, and nothing in them that a spreadsheet would run."""

import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import fastexcel
import pytest

from recon_kit import compare, sides
from storno.recon.finding import SURENESS, WHOSE, Sureness
from storno.recon.rules import RULES
from storno.recon.rules._example import deposit, line, sale
from storno.recon.sides import Options
from storno.recon.write import write

HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "{=1+1}", "\n=1+1", "\uff1d1+1"]
WRITE = """
import os, signal, sys
from pathlib import Path
import storno.recon.write as write
from test_write import line, sale, written
write.write_xlsx = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
written(Path(sys.argv[1]), books=[sale()], network=[line()])
"""
"""A run that dies between two of its files."""
HERE = os.pathsep.join((*sys.path, str(Path(__file__).parent)))


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


@pytest.mark.parametrize(
    ("currency", "minor", "shown"),
    [
        ("CNY", 5, "0.05"),
        ("CNY", 123_456_789_01, "123456789.01"),
        ("JPY", 500, "500"),
        ("KWD", 1_234, "1.234"),
    ],
)
def test_amounts_stand_in_units_beside_the_minor_ones(tmp_path, currency, minor, shown):
    folder = written(tmp_path, books=[sale()], network=[line(), line(2, minor, currency=currency)])
    with (folder / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    zero = f"{0:.{len(shown.partition('.')[2])}f}"
    assert [row[name] for name in ("amount", "expected", "found")] == [shown, zero, shown]
    assert [row[name] for name in ("amount_minor", "expected_minor", "found_minor")] == [
        str(minor),
        "0",
        str(minor),
    ]
    (cell,) = fastexcel.read_excel(folder / "differences.xlsx").load_sheet(1).to_arrow().to_pylist()
    assert cell["amount 金额（正长款，负短款）"] == float(shown)
    with ZipFile(folder / "differences.xlsx") as book:
        places = len(shown.partition(".")[2])
        assert f'formatCode="#,##0{"." * bool(places)}{"0" * places}"'.encode() in book.read(
            "xl/styles.xml"
        ) or (
            places in (0, 2)  # those two are formats every workbook has
        )


def test_a_clerk_reads_what_how_sure_whose_and_what_next_in_both_languages(tmp_path):
    folder = written(tmp_path, books=[sale(), sale(2)], network=[line()])
    with (folder / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    rule = RULES["approved_not_settled"]
    assert (row["differs"], row["差错"]) == rule.title
    assert (row["next_step"], row["下一步"]) == rule.next_step
    assert (row["whose"], row["责任方"]) == WHOSE[rule.whose]
    assert (row["how_sure"], row["把握"]) == SURENESS[Sureness.CERTAIN]
    assert row["amount"] == "-100.00"  # a number: a shortage is not taken for a formula
    assert (folder / "differences.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_sheet_says_that_a_fee_rate_was_learned(tmp_path):
    folder = written(
        tmp_path, books=[sale(n) for n in range(1, 7)],
        network=[*(line(n, fee_minor=-60) for n in range(1, 6)), line(6, fee_minor=-30)],
    )  # fmt: skip
    with (folder / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    weak = RULES["fee_mismatch"].weak
    assert (row["how_sure"], row["把握"]) == weak.how_sure
    assert (row["next_step"], row["下一步"]) == weak.words.next_step
    assert row["sure"] == "likely"


def test_what_is_provisional_has_a_sheet_of_its_own_and_its_reason_is_on_the_first(tmp_path):
    folder = written(
        tmp_path, books=[sale(), *(sale(n, date="20261103") for n in (2, 4)), sale(3, date="20261104")],
        network=[line(), line(3, settled_on="20261104", at="20261104100000")],
    )  # fmt: skip
    book = fastexcel.read_excel(folder / "differences.xlsx")
    assert book.load_sheet("differences 差异").height == 0
    assert book.load_sheet("provisional 暂列").height == 2
    summary = str(book.load_sheet(0, header_row=None).to_arrow().to_pylist())
    assert "no line of the network for 20261103" in summary
    assert "20261103 本方记账 2 笔" in summary
    told = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert [one["rule"] for one in told["provisional"]] == ["approved_not_settled"]
    assert told["findings"] == []


def test_the_proof_on_the_first_sheet_speaks_both_languages(tmp_path):
    folder = written(
        tmp_path, books=[sale(), sale(2), sale(3, date="20261110")], network=[line(), line(4)], bank=[deposit(900)]
    )  # fmt: skip
    sheet = fastexcel.read_excel(str(folder / "differences.xlsx")).load_sheet(0, header_row=None).to_arrow()
    rows = list(zip(*(column.to_pylist() for column in sheet.columns), strict=True))
    told = {(row[1], row[2], row[3]) for row in rows if row[0] == "bridge"}
    assert {
        ("network", "our books", "本方账目"), ("network", "cleared", "清算"), ("network", "wait", "等待"),
        ("network", *RULES["approved_not_settled"].title), ("network", "unexplained", "未解释"),
        ("bank", "due from clearing", "清算应付"), ("bank", "paid by the bank", "银行实付"),
    } <= told  # fmt: skip
    for _, english, chinese in told:
        assert english.isascii()
        assert any("\u4e00" <= one <= "\u9fff" for one in chinese)


def leftover(folder, pid, digest="0123456789abcdef"):
    left = folder / f".20261102-20261103-{digest}.{pid}"
    left.mkdir(parents=True)
    (left / "differences.csv").write_text("half", "utf-8")
    return left


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    out = tmp_path / "out"
    gone = leftover(out, dead.pid)
    lives = leftover(out, os.getppid(), "f" * 16)
    held = leftover(out, dead.pid, "e" * 16)
    strange = [leftover(out, f"{dead.pid}x"), leftover(out, dead.pid, "short")]
    link = out / f".20261102-20261103-{'a' * 16}.{dead.pid}"
    link.symlink_to(strange[0])
    lock = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = written(tmp_path, books=[sale()], network=[line()])
    finally:
        os.close(lock)
    assert not gone.exists()
    assert sorted(one for one in out.iterdir() if one != folder) == sorted([lives, held, *strange, link])
    assert (
        written(tmp_path, books=[sale()], network=[line()]) == folder
    )  # a run that is there clears up as well
    assert not held.exists()


def test_a_run_that_is_killed_while_it_writes_leaves_nothing_for_long(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path)], env={**os.environ, "PYTHONPATH": HERE}
    ) as one:  # fmt: skip
        pass
    assert one.returncode == -signal.SIGKILL
    assert [name.suffix for name in (tmp_path / "out").iterdir()] == [f".{one.pid}"]
    folder = written(tmp_path, books=[sale()], network=[line()])
    assert list((tmp_path / "out").iterdir()) == [folder]
