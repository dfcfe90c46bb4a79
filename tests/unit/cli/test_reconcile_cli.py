"""`storno reconcile` on a generated town: verdict and exit code, files that never change, a late file, the queue."""

import csv
import errno
import json
import os
import shutil
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from days_kit import generate
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.statements.catalogue import Catalogue
from storno.statements.importing import import_file

os_open = os.open
FILES = ("differences.csv", "differences.parquet", "differences.xlsx", "manifest.json")


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    plan, _ = generate(
        tmp_path_factory.mktemp("town"), journal=True, sales=600, merchants=5, terminals=10, plant_count=1
    )
    return plan


@pytest.fixture
def home(storno_home, town):
    """A home folder with the town's journal and everything imported but the last clearing file that has lines."""
    storno_home.mkdir()
    for name in town.out.glob("**/journal.db*"):
        shutil.copy(name, storno_home / name.name)
    for side in ("terminal", "bank"):
        for path in sorted((town.out / side).glob("*")):
            list(import_file(path, storno_home))
    for path in sorted((town.out / "network").glob("*"))[:1]:
        list(import_file(path, storno_home))
    return storno_home


def reconcile(capsys, *argv):
    code = run(["reconcile", "--json", "--as-of", "2026-11-30", *argv])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def the_rest(town, home):
    for path in sorted((town.out / "network").glob("*"))[1:]:
        list(import_file(path, home))


def contents(folder):
    return {name: (Path(folder) / name).read_bytes() for name in FILES}


def test_a_missing_file_is_incomplete_and_a_late_one_closes_what_it_explains(home, town, capsys):
    code, first = reconcile(capsys)
    assert (code, first["verdict"]) == (2, "incomplete")
    assert "day" in {one["code"] for one in first["reasons"]}
    missing = sum(one["count"] for one in first["provisional"] if one["rule"] == "approved_not_settled")
    assert first["queue"]["new"] == sum(one["count"] for one in first["findings"]) < 60
    the_rest(town, home)
    code, second = reconcile(capsys)
    assert (code, second["verdict"]) == (1, "breaks")
    left = sum(one["count"] for one in second["findings"] if one["rule"] == "approved_not_settled")
    assert missing > 400 > left
    assert second["provisional"] == []
    assert second["queue"]["closed"] == len(second["closed"])
    assert all(one["residual_minor"] == 0 for one in second["bridges"])
    assert all(one["rows"] == one["counted"] for one in second["rows"])


def test_the_same_again_changes_nothing(home, town, capsys):
    the_rest(town, home)
    _, first = reconcile(capsys)
    before = contents(first["folder"])
    _, second = reconcile(capsys)
    assert second["folder"] == first["folder"]
    assert contents(second["folder"]) == before
    assert second["queue"] == {"new": 0, "changed": 0, "known": first["queue"]["new"], "closed": 0}
    shutil.rmtree(first["folder"])
    _, third = reconcile(capsys)
    assert contents(third["folder"]) == before


def test_the_lists_hold_every_difference(home, town, capsys):
    the_rest(town, home)
    _, result = reconcile(capsys, "--no-record")
    assert result["queue"] is None
    count = sum(one["count"] for one in result["findings"])
    table = pq.read_table(f"{result['folder']}/differences.parquet").to_pylist()
    assert sum(row["what"] == "finding" for row in table) == count
    with (Path(result["folder"]) / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(table)
    book = fastexcel.read_excel(f"{result['folder']}/differences.xlsx")
    assert book.load_sheet("differences 差异").height == count
    assert not [one for one in (home / "reconciliations").iterdir() if one.name.startswith(".")]


def test_a_result_that_was_not_finished_is_made_again(home, town, capsys):
    the_rest(town, home)
    _, first = reconcile(capsys, "--no-record")
    before = contents(first["folder"])
    (Path(first["folder"]) / "manifest.json").unlink()
    (Path(first["folder"]) / "differences.csv").write_text("half", "utf-8")
    _, second = reconcile(capsys, "--no-record")
    assert contents(second["folder"]) == before


def test_a_period_is_reconciled_by_itself(home, town, capsys):
    the_rest(town, home)
    code, result = reconcile(capsys, "--from", "2026-11-02", "--to", "2026-11-02", "--no-record")
    assert (code, result["first"], result["last"]) == (1, "20261102", "20261102")
    rows = pq.read_table(f"{result['folder']}/differences.parquet").to_pylist()
    assert {row["date"] or row["settled_on"] for row in rows} == {"20261102"}
    ours = pq.read_table(town.out / "books" / "books-20261102.parquet", columns=["date"]).num_rows
    assert {one["rows"] for one in result["in_period"] if one["side"] == "books"} == {ours}
    manifest = json.loads((Path(result["folder"]) / "manifest.json").read_text("utf-8"))
    assert manifest["in_period"] == result["in_period"]
    [of_books] = [one for one in result["rows"] if (one["leg"], one["side"]) == ("network", "books")]
    assert of_books["rows"] == of_books["counted"] > ours
    said = fastexcel.read_excel(f"{result['folder']}/differences.xlsx").load_sheet(0, header_row=None)
    assert "in period 期间内" in said.to_arrow().column(0).to_pylist()


def test_people_read_a_summary_in_their_language(home, town, capsys):
    the_rest(town, home)
    assert run(["reconcile", "--as-of", "2026-11-30", "--lang", "zh"]) == 1
    said = capsys.readouterr().out
    for text in ("差异", "重复冲正", "证明", "未解释 ¥0.00", "有差异", "差错队列：新增"):
        assert text in said
    assert run(["reconcile", "--as-of", "2026-11-30", "--lang", "en"]) == 1
    assert "unexplained ¥0.00" in capsys.readouterr().out


def test_books_may_come_from_files(home, town, capsys):
    the_rest(town, home)
    _, first = reconcile(capsys, "--no-record")
    books = [f"--books={one}" for one in sorted((town.out / "books").glob("*.parquet"))]
    _, second = reconcile(capsys, "--no-record", *books)
    keys = ("findings", "held", "bridges", "rows")
    assert {key: second[key] for key in keys} == {key: first[key] for key in keys}


def test_it_says_what_is_missing(storno_home, capsys, tmp_path):
    code, said = reconcile(capsys)
    assert code == 2
    assert "storno import" in said
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    storno_home.mkdir(exist_ok=True)
    (storno_home / "fees.csv").write_text("mid,fee_bp\n898,1.5\n", "utf-8")
    code, said = reconcile(capsys)
    assert code == 2
    assert "line 2" in said


def test_foreign_books_are_refused(home, capsys, tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    code, said = reconcile(capsys, "--books", str(tmp_path / "x.parquet"))
    assert code == 2
    assert "storno export journal" in said
    pq.write_table(pq.read_table(next((home / "statements").glob("2*/*.parquet"))), tmp_path / "y.parquet")
    code, said = reconcile(capsys, "--books", str(tmp_path / "y.parquet"))
    assert code == 2
    assert "tx_id" in said


def test_several_books_follow_one_option_as_a_shell_writes_them_out(home, town, capsys, tmp_path):
    the_rest(town, home)
    whole = pq.read_table(next((town.out / "books").glob("*.parquet")))
    parts = [tmp_path / f"{at}.parquet" for at in range(3)]
    for at, path in enumerate(parts):
        pq.write_table(whole.slice(at * 100, 100 if at < 2 else None), path)
    one, two, three = map(str, parts)
    _, repeated = reconcile(capsys, "--no-record", "--books", one, "--books", two, "--books", three)
    assert next(part for part in repeated["rows"] if part["side"] == "books")["rows"] == whole.num_rows
    for argv in (["--books", one, two, three], ["--books", one, "--hold-days", "3", two, three]):
        _, result = reconcile(capsys, "--no-record", *argv)
        assert result["run_id"] == repeated["run_id"]


@pytest.mark.parametrize("language", list(Language))
def test_a_file_that_nothing_was_said_of_is_not_taken_for_books(home, capsys, language, tmp_path):
    (tmp_path / "bill.csv").write_text("x", "utf-8")
    code, said = reconcile(capsys, str(tmp_path / "bill.csv"), "--lang", language.value)
    assert code == 2
    assert {Language.EN: "imported first (storno import", Language.ZH: "须先导入（storno import"}[
        language
    ] in said
    assert "bill.csv" in said


@pytest.mark.parametrize("language", list(Language))
def test_books_that_are_none_or_have_holes_are_told_in_one_language(home, town, capsys, tmp_path, language):
    junk = tmp_path / "junk.parquet"
    junk.write_bytes(b"PAR0" * 40)
    code, said = reconcile(capsys, "--books", str(junk), "--lang", language.value)
    assert code == 2
    assert "magic" not in said
    table = pq.read_table(next((town.out / "books").glob("*.parquet")))
    place = table.schema.get_field_index("currency")
    holes = pa.array([None, *table.column("currency").to_pylist()[1:]], pa.string())
    pq.write_table(table.set_column(place, "currency", holes), tmp_path / "holes.pq")
    code, said = reconcile(capsys, "--books", str(tmp_path / "holes.pq"), "--lang", language.value)
    assert code == 2
    assert "currency" in said


@pytest.mark.parametrize("language", list(Language))
def test_a_folder_without_a_journal_is_told_how_to_give_books(home, capsys, language):
    (home / "journal.db").unlink()
    assert run(["reconcile", "--lang", language]) == 2
    said = capsys.readouterr().err
    assert {Language.EN: "no books", Language.ZH: "没有可供核对的账目"}[language] in said
    assert "--books" in said
    assert not (home / "reconciliations").exists()


def refuse(monkeypatch, home):
    """Make a folder refuse every new file or folder, as a read-only disk does: the tests may run as root."""
    monkeypatch.setattr(os, "mkdir", refusing(os.mkdir, home))
    monkeypatch.setattr(os, "open", refusing(os.open, home))
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != home and real(path, mode))


def refusing(real, home):
    def act(path, mode=0o777, *more, **named):
        new = real is not os_open or mode & os.O_CREAT
        if (
            new
            and isinstance(path, (str, Path))
            and Path(path).is_relative_to(home)
            and not Path(path).is_dir()
        ):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, mode, *more, **named)

    return act


@pytest.mark.parametrize("language", list(Language))
def test_a_home_that_cannot_be_written_gives_its_results_elsewhere(
    home, town, capsys, tmp_path, monkeypatch, language
):
    the_rest(town, home)
    before = sorted(home.rglob("*"))
    refuse(monkeypatch, home)
    out, command = tmp_path / "out", ["reconcile", "--as-of", "2026-11-30", "--lang", language]
    assert run([*command, "--no-record", "--out", str(out)]) == 1
    (folder,) = out.iterdir()
    assert (folder / "manifest.json").exists()
    capsys.readouterr()
    assert run([*command, "--out", str(out)]) == 3
    said = capsys.readouterr().err
    assert "--no-record" in said
    assert {Language.EN: "the results are written", Language.ZH: "结果已写入"}[language] in said
    assert run([*command, "--no-record"]) == 3
    said = capsys.readouterr().err
    assert "--out" in said
    assert {Language.EN: "cannot be written there", Language.ZH: "无法写入"}[language] in said
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_stored_lines_that_are_damaged_are_named_before_anything_is_written(
    home, town, capsys, harm, language
):
    path = next(home.glob("statements/2*/*.parquet"))
    harm(path)
    before = sorted(home.iterdir())
    assert run(["reconcile", "--lang", language]) == 2
    said = capsys.readouterr().err
    assert path.stem in said
    assert str(path.relative_to(home)) in said
    assert {Language.EN: "import the file again", Language.ZH: "请重新导入该文件"}[language] in said
    assert "Error" not in said
    assert sorted(home.iterdir()) == before
    (name,) = [one.name for one in Catalogue(home).files() if one.file_id == path.stem]
    list(import_file(next(town.out.rglob(name)), home))
    assert run(["reconcile", "--no-record"]) in (1, 2)
    assert "import the file again" not in capsys.readouterr().err


def test_books_that_are_damaged_inside_are_named(home, town, capsys, tmp_path):
    books = tmp_path / "books.parquet"
    data = bytearray(next((town.out / "books").glob("*.parquet")).read_bytes())
    data[4:40_000] = bytes(39_996)
    books.write_bytes(bytes(data))
    code, said = reconcile(capsys, "--books", str(books))
    assert code == 2
    assert str(books) in said
    assert "storno export journal" in said
    assert not (home / "reconciliations").exists()


@pytest.mark.parametrize("language", list(Language))
def test_an_exception_whose_lines_are_damaged_is_shown_all_the_same(home, town, capsys, language):
    the_rest(town, home)
    _, result = reconcile(capsys)
    rows = pq.read_table(f"{result['folder']}/differences.parquet").to_pylist()
    one = next(row for row in rows if row["rule"] == "duplicate_settlement")
    path = next(home.glob(f"statements/2*/{one['lines'].partition(':')[0]}.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    assert run(["exceptions", "show", one["finding_id"], "--lang", language]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert {Language.EN: "goneordamaged:importthefileagain", Language.ZH: "请重新导入该文件"}[
        language
    ] in said
