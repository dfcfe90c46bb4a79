"""`storno reconcile` again: other order, corrected, late and partial files, and what the queue makes of it."""

import csv
import json
import random
import shutil
from pathlib import Path

import pytest

from days_kit import generate
from storno.cli.main import run
from storno.cli.text import Language, speak

BANK_DAY = "20261103"


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    plan, _ = generate(
        tmp_path_factory.mktemp("town"), journal=True, sales=500, merchants=5, terminals=10, plant_count=1
    )
    return plan.out


def home_of(town, folder):
    folder.mkdir()
    for name in town.glob("**/journal.db*"):
        shutil.copy(name, folder / name.name)
    shutil.copy(town / "books" / "fees.csv", folder)
    return folder


@pytest.fixture
def home(storno_home, town):
    return home_of(town, storno_home)


def files(town, *sides):
    return [
        one for side in sides or ("network", "terminal", "bank") for one in sorted((town / side).iterdir())
    ]


def take(capsys, paths, home, *more):
    assert run(["import", "--home", str(home), *more, *map(str, paths)]) == 0
    capsys.readouterr()


def reconcile(capsys, home, *more):
    run(["reconcile", "--json", "--as-of", "2026-11-30", "--home", str(home), *more])
    return json.loads(capsys.readouterr().out)


def queue(capsys, home, *more):
    assert run(["exceptions", "list", "--json", "-n", "9999", "--home", str(home), *more]) == 0
    found = json.loads(capsys.readouterr().out)["exceptions"]
    return {one["id"]: one for one in found if one["source"] == "finding"}


def rows(result, *, without=()):
    with (Path(result["folder"]) / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {name: text for name, text in row.items() if name not in without} for row in csv.DictReader(file)
        ]


def contents(result):
    return {one.name: one.read_bytes() for one in Path(result["folder"]).iterdir()}


def test_files_in_another_order_give_the_same_bytes_and_ids(home, town, capsys, tmp_path):
    take(capsys, files(town), home)
    first = reconcile(capsys, home)
    shuffled = files(town)
    random.Random(5).shuffle(shuffled)
    other = home_of(town, tmp_path / "other")
    for one in shuffled:
        take(capsys, [one], other)
    second = reconcile(capsys, other)
    assert second["run_id"] == first["run_id"]
    assert contents(second) == contents(first)
    assert queue(capsys, other).keys() == queue(capsys, home).keys()


def test_rows_in_another_order_are_the_same_differences(home, town, capsys, tmp_path):
    take(capsys, files(town), home)
    first = reconcile(capsys, home)
    other = home_of(town, tmp_path / "other")
    take(capsys, files(town, "network"), other)
    for one in files(town, "terminal", "bank"):
        head, *lines = one.read_text("utf-8").splitlines(keepends=True)
        random.Random(7).shuffle(lines)
        (tmp_path / one.name).write_text(head + "".join(lines), "utf-8")
        take(capsys, [tmp_path / one.name], other)
    second = reconcile(capsys, other)
    assert rows(second, without=("lines",)) == rows(first, without=("lines",))
    assert second["bridges"] == first["bridges"]
    assert queue(capsys, other).keys() == queue(capsys, home).keys()


def test_the_same_files_imported_again_change_nothing(home, town, capsys):
    take(capsys, files(town), home)
    first = reconcile(capsys, home)
    before = contents(first)
    take(capsys, files(town), home)
    second = reconcile(capsys, home)
    assert second["run_id"] == first["run_id"]
    assert contents(second) == before
    assert second["queue"] == {"new": 0, "changed": 0, "known": first["queue"]["new"], "closed": 0}


def test_a_missing_bank_statement_fills_no_queue_and_closes_nothing(home, town, capsys):
    late = town / "bank" / f"bank-{BANK_DAY}.csv"
    take(capsys, [one for one in files(town) if one != late], home)
    first = reconcile(capsys, home)
    assert first["verdict"] == "incomplete"
    assert any(BANK_DAY in one["en"] and BANK_DAY in one["zh"] for one in first["reasons"])
    provisional = {one["finding_id"] for one in rows(first) if one["what"] == "provisional"}
    open_ = queue(capsys, home)
    assert provisional
    assert not provisional & open_.keys()
    assert first["queue"]["new"] == len(open_) == sum(one["count"] for one in first["findings"])
    take(capsys, [late], home)
    second = reconcile(capsys, home)
    assert (second["verdict"], second["provisional"]) == ("breaks", [])
    assert open_.keys() <= queue(capsys, home).keys()
    # Taken back again: nobody is told that what that statement had shown is gone.
    withdrawn = next(one for one in second["findings"] if one["rule"] == "deposit_short")
    assert withdrawn["count"] >= 1
    everything = queue(capsys, home).keys()
    listed = [
        json.loads(one.read_text("utf-8")) for one in (home / "statements" / "catalogue").glob("*.json")
    ]
    file_id = next(one["file_id"] for one in listed if one["name"] == late.name)
    assert run(["import", "--withdraw", file_id, "--home", str(home)]) == 0
    capsys.readouterr()
    third = reconcile(capsys, home)
    assert (third["verdict"], third["queue"]["closed"], third["queue"]["new"]) == ("incomplete", 0, 0)
    assert queue(capsys, home).keys() == everything


def test_a_day_that_is_all_in_is_judged_without_its_statement(home, town, capsys):
    late = town / "bank" / f"bank-{BANK_DAY}.csv"
    take(capsys, [one for one in files(town) if one != late], home)
    first = reconcile(capsys, home)
    second = reconcile(capsys, home, "--all-in", "2026-11-03")
    assert (second["verdict"], second["reasons"], second["provisional"]) == ("breaks", [], [])
    assert second["queue"]["new"] == sum(one["count"] for one in first["provisional"]) > 0


def test_a_corrected_file_takes_the_place_of_its_predecessor(home, town, capsys, tmp_path):
    good = town / "bank" / f"bank-{BANK_DAY}.csv"
    head, *lines = good.read_text("utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "POS-" in line and float(line.split(",")[4]) > 100)
    cells = lines[at].split(",")
    cells[4] = f"{float(cells[4]) - 50:.2f}"
    wrong = tmp_path / good.name
    wrong.write_text(head + "".join([*lines[:at], ",".join(cells), *lines[at + 1 :]]), "utf-8")
    take(capsys, [wrong, *(one for one in files(town) if one != good)], home)
    first = reconcile(capsys, home)
    short = {
        one["finding_id"]: one["amount"]
        for one in rows(first)
        if cells[2] in one["mid"] and one["leg"] == "bank"
    }
    take(capsys, [good], home, "--correct")
    second = reconcile(capsys, home)
    assert second["run_id"] != first["run_id"]
    left = {one["finding_id"]: one["amount"] for one in rows(second)}
    gone = {name for name in short if left.get(name) != short[name]}
    assert len(gone) == 1
    assert second["queue"]["closed"] + second["queue"]["changed"] == 1
    clean = home_of(town, tmp_path / "clean")
    take(capsys, files(town), clean)
    assert contents(reconcile(capsys, clean)) == contents(second)


def test_days_one_by_one_are_the_days_together(home, town, capsys):
    take(capsys, files(town), home)
    parts = [reconcile(capsys, home, "--from", day, "--to", day) for day in ("2026-11-02", "2026-11-03")]
    alone = queue(capsys, home)
    assert [part["queue"]["closed"] for part in parts] == [0, 0]
    reconcile(capsys, home, "--from", "2026-11-04")
    whole = reconcile(capsys, home)
    assert whole["queue"]["closed"] == 0
    assert alone.keys() <= queue(capsys, home).keys()
    days = [{row["finding_id"] for row in rows(one)} for one in (*parts, whole)]
    assert not days[0] & days[1]
    assert days[0] | days[1] <= days[2]


def test_the_same_file_read_in_another_currency_is_another_run(home, town, capsys):
    take(capsys, files(town, "terminal", "bank"), home)
    take(capsys, files(town, "network"), home, "--currency", "USD")
    wrong = reconcile(capsys, home, "--no-record")
    stored = json.loads((Path(wrong["folder"]) / "manifest.json").read_text("utf-8"))["inputs"]
    for one in stored:
        if one["side"] == "network":
            assert run(["import", "--home", str(home), "--withdraw", one["file_id"]]) == 0
    take(capsys, files(town, "network"), home)
    right = reconcile(capsys, home, "--no-record")
    assert right["folder"] != wrong["folder"]
    assert len(rows(right)) != len(rows(wrong))


def test_fees_without_a_header_are_read_and_nonsense_is_named(home, town, capsys, tmp_path):
    take(capsys, files(town), home)
    fees = tmp_path / "agreed.csv"
    listed = (town / "books" / "fees.csv").read_text("utf-8").splitlines()
    fees.write_text("\n".join(listed[1:]) + "\n", "utf-8")
    bare = reconcile(capsys, home, "--no-record", "--fees", str(fees))
    assert bare["findings"] == reconcile(capsys, home, "--no-record")["findings"]
    fees.write_text(listed[1].partition(",")[0] + ",0.6\n", "utf-8")
    assert run(["reconcile", "--home", str(home), "--no-record", "--fees", str(fees)]) == 2
    assert "line 1" in capsys.readouterr().err


def test_books_that_overlap_are_refused(home, town, capsys):
    take(capsys, files(town, "network"), home)
    [day] = sorted((town / "books").glob("*.parquet"))[:1]
    code = run(["reconcile", "--home", str(home), "--no-record", "--books", str(day), "--books", str(day)])
    assert code == 3
    assert "more than one of the 2 --books files" in capsys.readouterr().err
