"""`storno export journal`: whole or not at all, masked, tied to the chain, by days."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from exception_kit import RUN, finding
from journal_kit import NOW_MS, Shop, approve, change, sale
from storno.app.exceptions import record
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.journal import schema
from storno.journal.sqlite import SqliteJournal

DAY_MS = 86_400_000
TABLES = ("facts", "transactions", "postings", "findings")


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    journal.commit(Shop(5).changes(80))
    later = sale("9-1", tid="99999999", at_ms=NOW_MS + 5 * DAY_MS)
    journal.commit([change(later, b"sealed"), change(approve(later.record, at_ms=NOW_MS + 5 * DAY_MS + 9))])
    journal.close()
    record(storno_home, [finding(1), finding(2)], [], NOW_MS + 5 * DAY_MS, RUN)
    return storno_home


def export(capsys, folder, *argv):
    code = run(["export", "journal", "--parquet", "--out", str(folder), *argv])
    return code, capsys.readouterr()


def tables(folder):
    return {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in TABLES}


def test_everything_comes_out_and_is_tied_to_the_chain(home, capsys, tmp_path):
    code, said = export(capsys, tmp_path / "out", "--json")
    assert code == 0
    manifest = json.loads(said.out)
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    found = tables(tmp_path / "out")
    journal = SqliteJournal(home / "journal.db")
    head = journal.head()
    assert manifest["head"] == {"seq": head.seq, "digest": head.digest.hex()}
    assert found["facts"][-1]["digest"] == head.digest
    assert [(row["seq"], row["digest"]) for row in found["facts"]] == [
        (s.seq, s.digest) for s in journal.read()
    ]
    counts = journal.counts()
    journal.close()
    sizes = {name: len(rows) for name, rows in found.items()}
    assert sizes == {name: one["rows"] for name, one in manifest["files"].items()}
    assert tuple(sizes.values()) == (counts.facts, counts.transactions, counts.entries, counts.exceptions)
    for name, one in manifest["files"].items():
        assert (
            hashlib.sha256((tmp_path / "out" / f"{name}.parquet").read_bytes()).hexdigest() == one["sha256"]
        )
    assert sum(row["amount_minor"] for row in found["postings"]) == 0
    assert {row["item"] for row in found["findings"]} == {f"finding:{finding(n).finding_id}" for n in (1, 2)}


def test_neither_the_card_s_digest_nor_the_fingerprint_leaves_the_house(home, capsys, tmp_path):
    assert export(capsys, tmp_path / "out")[0] == 0
    found = tables(tmp_path / "out")
    assert "pan_token" not in found["transactions"][0]
    whole = json.dumps(found, default=repr)
    assert "t" * 32 not in whole
    assert "f" * 32 not in whole
    assert "sealed" not in whole
    assert "622588******1234" in whole


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        ("2026-01-05", "2026-01-05", {"9-1": False, "1-1": True}),
        ("2026-01-10", None, {"9-1": True, "1-1": False}),
        (None, "2026-01-09", {"9-1": False, "1-1": True}),
        ("2030-01-01", None, {"9-1": False, "1-1": False}),
    ],
)
def test_days_are_the_books_days(home, capsys, tmp_path, first, last, wanted):
    argv = [*(["--from", first] if first else []), *(["--to", last] if last else [])]
    assert export(capsys, tmp_path / "out", *argv)[0] == 0
    found = tables(tmp_path / "out")
    ids = {row["tx_id"] for row in found["transactions"]}
    assert {one: one in ids for one in wanted} == wanted
    assert {row["tx_id"] for row in found["postings"]} <= {row["tx_id"] for row in found["facts"]}
    assert len(found["findings"]) == (2 if wanted["9-1"] else 0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [(["--from", "yesterday"], "no day"), (["--from", "2026-02-02", "--to", "2026-02-01"], "after")],
)
def test_what_cannot_be_asked(home, capsys, tmp_path, argv, said):
    code, got = export(capsys, tmp_path / "out", *argv)
    assert code == 2
    assert said in got.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(home, capsys, tmp_path):
    (tmp_path / "out").mkdir()
    code, got = export(capsys, tmp_path / "out")
    assert code == 2
    assert "exists" in got.err
    assert list((tmp_path / "out").iterdir()) == []


def test_an_export_that_fails_leaves_nothing(home, capsys, tmp_path, monkeypatch):
    broken = dict(schema.SPANS)
    broken["findings"] = (("found_seq",), "SELECT nothing FROM nowhere WHERE ? < ?")
    monkeypatch.setattr(schema, "SPANS", broken)
    code, _ = export(capsys, tmp_path / "out")
    assert code == 1
    assert list(tmp_path.glob("*out*")) == []


def test_groups_of_rows_bound_the_memory(home, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("storno.cli.parquet.GROUP_ROWS", 10)
    assert export(capsys, tmp_path / "out", "--lang", "zh")[0] == 0
    file = pq.ParquetFile(tmp_path / "out" / "facts.parquet")
    assert file.metadata.num_row_groups == -(-file.metadata.num_rows // 10)
    file.close()
