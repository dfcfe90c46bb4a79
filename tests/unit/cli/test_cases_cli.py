"""`storno explain`, `storno cases` and `storno status` over a journal, without a gateway."""

import json

import pytest

from journal_kit import NOW_MS, approve, change, opening, sale
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.journal.lock import WriterLock
from storno.journal.sqlite import SqliteJournal
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Detail, Trigger

TIMEOUT = Detail(trigger=Trigger.TIMEOUT, reason="98", due_ms=NOW_MS, deadline_ms=NOW_MS + 86_400_000)


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    """1-1 approved; 1-2 exhausted; 1-3 reversing; 1-4 approved and contradicted; 1-5 the number of 1-1, next day."""
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    sound = [sale("1-1")]
    sound.append(approve(sound[-1].record))
    dead = [sale("1-2", stan="000002", amount_minor=8_800)]
    dead.append(step(dead[-1].record, Input.RESPONSE_TIMEOUT, NOW_MS + 60_000, TIMEOUT))
    dead.append(step(dead[-1].record, Input.REVERSAL_DUE, NOW_MS + 60_001, Detail(due_ms=NOW_MS + 120_000)))
    dead.append(step(dead[-1].record, Input.REVERSAL_EXHAUSTED, NOW_MS + 180_000))
    running = [sale("1-3", stan="000003")]
    running.append(step(running[-1].record, Input.RESPONSE_TIMEOUT, NOW_MS + 60_000, TIMEOUT))
    odd = [sale("1-4", stan="000004")]
    odd.append(approve(odd[-1].record, rrn="240601000004"))
    odd.append(step(odd[-1].record, Input.RESPONSE_DECLINED, NOW_MS + 99, Detail(code="51")))
    again = [begin("1-5", NOW_MS + 86_400_000, opening(date="20260106"))]
    journal.commit([change(one) for one in (*sound, *dead, *running, *odd, *again)])
    journal.close()
    return storno_home


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


def facts(home, tx_id):
    journal = SqliteJournal(home / "journal.db")
    found = journal.facts(tx_id)
    journal.close()
    return found


# -------------------------------------------------------------------- explain
def test_explain_tells_money_next_step_and_warnings_before_the_facts(home, capsys):
    code, out, _ = told(capsys, "explain", "1-2")
    assert code == 0
    order = [
        "What happened",
        "Cardholder",
        "In doubt",
        "Next",
        "BEWARE",
        "2026-01-05 16:00:00.000",
        "16:03:00.000",
    ]
    places = [out.index(one) for one in order]
    assert places == sorted(places)
    assert "622588******1234" in out
    assert "¥88.00: the card may have been charged" in out


@pytest.mark.parametrize(
    "what", ["1-4", "240601000004", "58402001/4", "58402001/000004/20260105", "58402001/4/0105"]
)
def test_every_kind_of_id_finds_it(home, capsys, what):
    code, out, _ = told(capsys, "explain", what, "--json")
    assert code == 0
    assert json.loads(out)["tx_id"] == "1-4"


def test_explain_json_is_the_same_story_as_data(home, capsys):
    _, out, _ = told(capsys, "explain", "1-2", "--json", "--lang", "zh")
    story = json.loads(out)
    assert story["state"] == "exhausted"
    assert story["summary"]["sums"]["in_doubt_minor"] == 8_800
    assert story["summary"]["next"]["actor"] == "office"
    assert "请勿再次刷卡" in story["summary"]["do_not"][0]
    assert [one["state"] for one in story["events"]] == ["authorizing", "reversing", "reversing", "exhausted"]
    assert "token" not in out
    assert "t" * 32 not in out


def test_several_matches_are_listed_and_not_guessed(home, capsys):
    code, out, _ = told(capsys, "explain", "58402001/1")
    assert code == 1
    assert "1-1" in out
    assert "1-5" in out
    code, out, _ = told(capsys, "explain", "58402001/1", "--all", "--json")
    assert code == 0
    assert [one["tx_id"] for one in json.loads(out)] == ["1-5", "1-1"]
    assert told(capsys, "explain", "58402001/1/0106", "--json")[0] == 0


def test_an_unknown_id_is_a_clear_no(home, capsys):
    code, out, err = told(capsys, "explain", "nobody")
    assert (code, out) == (1, "")
    assert "no transaction 'nobody'" in err
    assert "TID/STAN" in err


# -------------------------------------------------------------------- cases
def test_cases_lists_exceptions_and_running_reversals_only(home, capsys):
    code, out, _ = told(capsys, "cases", "--json")
    listed = json.loads(out)
    assert code == 0
    assert [one["tx_id"] for one in listed["cases"]] == ["1-2", "1-3", "1-4"]
    assert listed["in_doubt_minor"] == {"CNY": 8_800 + 12_345}
    assert listed["cases"][0]["case"] == "exhausted"
    assert "storno cases retry 1-2" in listed["cases"][0]["next"]["commands"]
    _, out, _ = told(capsys, "cases", "list", "-n", "1", "--lang", "zh")
    assert "未了结 3 笔，显示 1 笔" in out
    assert "另有 2 条未显示：-n 3 显示全部" in out
    assert "冲正无应答" in out


def test_programs_get_every_case(home, capsys, monkeypatch):
    monkeypatch.setattr("storno.cli.cases.LISTED", 1)
    assert len(json.loads(told(capsys, "cases", "--json")[1])["cases"]) == 3
    assert "2 more not shown" in told(capsys, "cases")[1]


def test_a_settlement_without_a_gateway_is_durable_and_moves_the_money(home, capsys):
    argv = [
        "cases",
        "settle",
        "1-2",
        "--charged",
        "--note",
        "in the clearing file",
        "--operator",
        "li",
        "--json",
    ]
    code, out, _ = told(capsys, *argv)
    assert code == 0
    assert json.loads(out) == {"tx_id": "1-2", "state": "closed", "case": None, "by_gateway": False}
    last = facts(home, "1-2")[-1]
    assert (last.input, last.detail.operator, last.detail.note) == (
        Input.ADJUSTED_CHARGED, "li", "in the clearing file",
    )  # fmt: skip
    _, out, _ = told(capsys, "explain", "1-2", "--json")
    assert json.loads(out)["summary"]["sums"] == {
        "currency": "CNY", "charged_minor": 8_800, "merchant_minor": 8_800, "held_minor": 0, "in_doubt_minor": 0,
        "in_doubt_held_minor": 0,
    }  # fmt: skip
    assert told(capsys, "journal", "verify")[0] == 0


def test_a_retry_without_a_gateway_waits_for_one(home, capsys, monkeypatch):
    monkeypatch.setenv("USER", "wang")
    code, out, _ = told(capsys, "cases", "retry", "1-2")
    assert code == 0
    assert "when one starts" in out
    last = facts(home, "1-2")[-1]
    assert (last.state, last.detail.operator) == (State.REVERSING, "wang")
    assert last.detail.deadline_ms > NOW_MS


def test_a_case_is_closed_with_a_note(home, capsys):
    code, out, _ = told(
        capsys, "cases", "close", "1-4", "--note", "double answer", "--operator", "li", "--json"
    )
    assert (code, json.loads(out)["case"]) == (0, None)


@pytest.mark.parametrize(
    ("argv", "said", "code"),
    [
        (["retry", "1-1"], "nothing is open on it", 1),
        (["close", "1-2", "--note", "x"], "What fits: storno cases retry 1-2", 1),
        (["close", "1-1", "--note", "x"], "nothing is open on it", 1),
        (["settle", "1-1", "--not-charged", "--note", "x"], "nothing is open on 1-1", 1),
        (["settle", "1-3", "--charged", "--note", "x"], "does not fit", 1),
        (["settle", "1-2", "--charged"], "needs a note", 2),
        (["settle", "1-2", "--note", "x"], "--charged or --not-charged", 2),
        (["close", "1-4", "--note", "x", "--operator", " "], "operator's name", 2),
        (["close", "1-4", "--note", "line\nline"], "one line", 2),
        (["close", "1-4", "--note", "card 6222 0212 3456 7890 128"], "card number", 2),
        (["close", "nobody", "--note", "x"], "no transaction", 1),
        (["close", "58402001/1", "--note", "x"], "2 transactions match", 1),
    ],
)
def test_an_order_that_does_not_fit_is_refused_with_the_reason(home, capsys, monkeypatch, argv, said, code):
    monkeypatch.setenv("USER", "li")
    before = {tx_id: len(facts(home, tx_id)) for tx_id in ("1-1", "1-2", "1-3", "1-4")}
    got, _, err = told(capsys, "cases", *argv)
    assert (got, said in err) == (code, True), err
    assert {tx_id: len(facts(home, tx_id)) for tx_id in before} == before
    assert "6222 0212 3456 7890 128" not in err


def test_an_order_needs_the_journal_for_itself(home, capsys):
    lock = WriterLock(home / "journal.db")
    try:
        code, _, err = told(capsys, "cases", "close", "1-4", "--note", "x", "--operator", "li")
    finally:
        lock.release()
    assert code == 3
    assert "being written by process" in err


def test_an_order_needs_no_master_key_and_makes_none(home, capsys):
    assert told(capsys, "cases", "close", "1-4", "--note", "x", "--operator", "li")[0] == 0
    assert not (home / "master.key").exists()
    assert not (home / "keys.db").exists()


# -------------------------------------------------------------------- status
def test_status_says_that_nothing_runs_and_what_is_open(home, capsys):
    code, out, _ = told(capsys, "status")
    assert code == 1
    assert "not running" in out
    assert "Exceptions for a person: 2" in out
    assert "¥211.45" in out
    _, out, _ = told(capsys, "status", "--json")
    assert json.loads(out)["oldest"]["tx_id"] == "1-2"


def test_status_of_an_empty_home_is_no_error(capsys):
    code, out, _ = told(capsys, "status", "--lang", "zh")
    assert code == 1
    assert "网关未运行" in out


def test_a_dead_gateways_socket_is_nobody(home, capsys):
    (home / "gateway.sock").write_bytes(b"")
    assert told(capsys, "status")[0] == 1
