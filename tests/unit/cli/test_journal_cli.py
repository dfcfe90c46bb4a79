"""`storno journal` and `storno ledger`: what they print, in both languages, and their exit codes."""

import csv
import io
import json
import re

import apsw
import pytest

from journal_kit import NOW_MS, approve, change, sale
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.journal.sqlite import SqliteJournal
from storno.reversal.lifecycle import Input
from storno.reversal.machine import step
from storno.reversal.record import Detail


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    """A home with one sale approved, one being reversed after its approval could not be delivered, one waiting."""
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    first, second, third = (sale(f"1-{n}", stan=f"00000{n}", amount_minor=n * 1_000_00) for n in (1, 2, 3))
    journal.commit([change(one) for one in (first, second, third)])
    approved = approve(second.record)
    lost = step(approved.record, Input.DELIVERY_FAILED, NOW_MS + 90, Detail(due_ms=NOW_MS + 91))
    journal.commit([change(approve(first.record)), change(approved), change(lost)])
    journal.close()
    return storno_home


def spoil(home, sql):
    db = apsw.Connection(str(home / "journal.db"))
    db.execute(sql)
    db.close()


def test_verify_proves_a_sound_journal(home, capsys):
    assert run(["journal", "verify"]) == 0
    said = capsys.readouterr().out
    assert "6 facts, 3 transactions, 3 postings" in said
    assert "Proved" in said
    assert run(["journal", "verify", "--lang", "zh"]) == 0
    assert "校验通过" in capsys.readouterr().out


def test_verify_names_what_was_changed(home, capsys):
    spoil(home, "UPDATE facts SET state = 'declined' WHERE seq = 4")
    assert run(["journal", "verify"]) == 1
    said = capsys.readouterr().out
    assert "fact 4 (transaction 1-1) was changed" in said
    assert "NOT PROVED" in said
    assert run(["journal", "verify", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["proved"] is False
    assert record["facts"] == 6
    assert run(["journal", "verify", "--lang", "zh"]) == 1
    assert "第 4 条流水（交易 1-1）被改动" in capsys.readouterr().out


def test_tail_tells_the_newest_facts_in_words(home, capsys):
    assert run(["journal", "tail", "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert re.match(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.050  1-2  the bank approved \[00\]  → approved", lines[0]
    )
    assert lines[0].endswith("sale ¥2,000.00 622588******1234")
    assert "the answer could not be delivered to the terminal  → being reversed" in lines[1]
    assert run(["journal", "tail", "-n", "1", "--lang", "zh"]) == 0
    assert "应答未能送达终端  → 冲正中  消费 ¥2,000.00" in capsys.readouterr().out


def test_tail_follows_until_it_is_stopped(home, capsys, monkeypatch):
    journal = SqliteJournal(home / "journal.db")
    waits = iter([lambda: journal.commit([change(sale("1-4", stan="000004"))]), lambda: None])

    def wait(_seconds):
        act = next(waits, None)
        if act is None:
            raise KeyboardInterrupt
        act()

    monkeypatch.setattr("storno.cli.journal.time.sleep", wait)
    assert run(["journal", "tail", "-n", "0", "--follow", "--json"]) == 130
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["tx_id"] == "1-4"
    journal.close()


def test_export_shows_cards_masked_only(home, capsys, tmp_path):
    target = tmp_path / "facts.jsonl"
    assert run(["journal", "export", "--from", "2", "-o", str(target)]) == 0
    text = target.read_text()
    facts = [json.loads(line) for line in text.splitlines()]
    assert [fact["seq"] for fact in facts] == [2, 3, 4, 5, 6]
    assert facts[0]["body"]["opening"]["pan"] == "622588******1234"
    assert "t" * 32 not in text
    assert "f" * 32 not in text
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".facts*")) == []
    assert run(["journal", "export", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 6
    assert json.loads(rows[0]["body"])["opening"]["amount"] == 100_000


def test_an_export_that_fails_leaves_what_was_there(home, tmp_path, capsys):
    target = tmp_path / "facts.jsonl"
    target.write_text("yesterday's")
    spoil(home, "UPDATE facts SET body = 'no json' WHERE seq = 5")
    assert run(["journal", "export", "-o", str(target)]) == 1
    assert "fact 5 cannot be read" in capsys.readouterr().err
    assert target.read_text() == "yesterday's"
    assert list(tmp_path.glob(".facts*")) == []
    assert run(["journal", "tail"]) == 1


def test_the_ledger_is_told_in_words_with_its_proof(home, capsys):
    assert run(["ledger"]) == 0
    said = capsys.readouterr().out
    assert "¥1,000.00  host:receivable  ·  due from the acquirer or network" in said
    assert "in doubt (reversal or case open): ¥2,000.00" in said
    assert "Sums to zero: proof" in said
    assert run(["ledger", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "应收收单/转接方" in said
    assert "借贷平衡" in said


def test_the_ledger_in_json(home, capsys):
    assert run(["ledger", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["balanced"] is True
    assert record["postings"] == 3
    assert sum(account["amount_minor"] for account in record["accounts"]) == 0
    [total] = record["totals"]
    assert total == {
        "currency": "CNY", "debit_minor": 700_000, "credit_minor": -700_000, "sum_minor": 0,
        "in_doubt_minor": 200_000,
    }  # fmt: skip


def test_a_ledger_that_does_not_sum_to_zero_is_exit_code_1(home, capsys):
    spoil(home, "UPDATE entries SET amount_minor = amount_minor + 1 WHERE posting = '1-1/1' AND line = 0")
    assert run(["ledger"]) == 1
    assert "DOES NOT SUM TO ZERO (1 postings)" in capsys.readouterr().out
    assert run(["ledger", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["balanced"] is False


@pytest.mark.parametrize(
    "argv", [["ledger"], ["journal", "verify"], ["journal", "tail"], ["journal", "export"]]
)
def test_without_a_journal_the_next_step_is_told(argv, capsys):
    assert run(argv) == 2
    assert "start `storno gateway` or `storno demo` first" in capsys.readouterr().err


def test_an_empty_ledger_is_no_error(storno_home, capsys):
    storno_home.mkdir()
    SqliteJournal(storno_home / "journal.db").close()
    assert run(["ledger"]) == 0
    assert "empty" in capsys.readouterr().out
