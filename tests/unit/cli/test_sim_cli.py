"""`storno sim`: scoreboard, replay, story and exit codes, in both languages."""

import json
from pathlib import Path

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.sim.world import words
from storno.sim.world.auditor import Auditor
from storno.sim.world.violation import Violation


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def a_defect(monkeypatch):
    """Break a promise whenever a cashier is told something."""

    def told(_self, till, result):
        raise Violation("told", f"{result.outcome.value} at {till.setup.tid}")

    monkeypatch.setattr(Auditor, "told", told)


def test_some_days_end_well_and_are_counted(capsys):
    assert run(["sim", "--seeds", "3", "--start", "0x64", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["seeds"], body["first_seed"], body["worlds"], body["broken"]) == (3, 100, 3, [])
    assert (body["lost"], body["doubled"], body["silent"]) == (0, 0, 0)
    assert (body["worlds_proven"], body["worlds_broken"], body["worlds_stopped"]) == (3, 0, 0)
    assert body["transactions"] > 0
    assert body["rows_reached"] + len(body["rows_never"]) == body["rows"]


@pytest.mark.parametrize(("lang", "words"), [("en", "transactions"), ("zh", "生命周期表")])
def test_the_scoreboard_speaks_both_languages(capsys, lang, words):
    assert run(["sim", "--seed", "7", "--lang", lang]) == 0
    assert words in capsys.readouterr().out


def test_several_processes_count_the_same(capsys):
    assert run(["sim", "--seeds", "20", "--json", "--until", "2000"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert run(["sim", "--seeds", "20", "--json", "--until", "2000", "--jobs", "2"]) == 0
    two = json.loads(capsys.readouterr().out)
    changing = {"at", "cpu_s", "tx_per_cpu_s"}
    assert {k: v for k, v in one.items() if k not in changing} == {
        k: v for k, v in two.items() if k not in changing
    }


def test_a_broken_promise_ends_with_one_and_the_line_that_replays_it(capsys, a_defect):
    assert run(["sim", "--seeds", "2", "--start", "10"]) == 1
    out = capsys.readouterr().out
    assert "storno sim --seed 0xa    # told:" in out
    assert run(["sim", "--explain", "0xa"]) == 1
    assert "told: " in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("at least 0", "0 / 2", "2 of the days broke a promise", "per CPU second of one core")),
        ("zh", ("至少 0", "0 / 2", "2 天因违反保证而中止", "单核每 CPU 秒")),
    ],
)
def test_nothing_is_claimed_of_days_that_broke(capsys, a_defect, lang, words):
    """Their books were never compared: a plain `lost 0` would say more than anybody knows."""
    assert run(["sim", "--seeds", "2", "--start", "10", "--lang", lang]) == 1
    out = capsys.readouterr().out
    for word in words:
        assert word in out
    assert run(["sim", "--seeds", "2", "--start", "10", "--json"]) == 1
    body = json.loads(capsys.readouterr().out)
    assert (body["worlds_proven"], body["worlds_broken"], body["worlds_stopped"]) == (0, 2, 0)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "2 of the days were stopped"), ("zh", "2 天在日终前停止")]
)
def test_nothing_is_claimed_of_days_without_an_evening(capsys, lang, words):
    assert run(["sim", "--seeds", "2", "--until", "2000", "--lang", lang]) == 0
    assert words in capsys.readouterr().out
    assert run(["sim", "--seeds", "2", "--until", "2000", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["worlds_proven"], body["worlds_stopped"]) == (0, 2)


def test_a_story_is_told_to_its_end_whatever_went_wrong(capsys, monkeypatch):
    def told(*_):
        raise LookupError("on purpose")

    monkeypatch.setattr(Auditor, "told", told)
    assert run(["sim", "--explain", "0xa"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "crash: LookupError: on purpose"
    assert len(lines) > 5


@pytest.mark.parametrize(("lang", "words"), [("en", "cashier reads"), ("zh", "收银员看到")])
def test_a_day_can_be_told(capsys, lang, words):
    assert run(["sim", "--explain", "7", "--lang", lang]) == 0
    assert words in capsys.readouterr().out


def test_the_scoreboard_can_be_kept(capsys, tmp_path):
    kept = tmp_path / "scoreboard.jsonl"
    for _ in range(2):
        assert run(["sim", "--seeds", "1", "--until", "1000", "--json", "--record", str(kept)]) == 0
    capsys.readouterr()
    assert [json.loads(line)["worlds"] for line in kept.read_text("utf-8").splitlines()] == [1, 1]


@pytest.mark.parametrize("text", ["x", "-1", "0xg", "1.5"])
def test_what_is_no_seed_is_refused(capsys, text):
    assert run(["sim", f"--seed={text}"]) == 2
    assert "seed" in capsys.readouterr().err


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_story_can_be_had_as_json(capsys, lang):
    assert run(["sim", "--explain", "7", "--lang", lang]) == 0
    text = capsys.readouterr().out.splitlines()
    assert run(["sim", "--explain", "7", "--json", "--lang", lang]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["seed"], body["broken"], body["key"]) == ("0x7", "", "")
    assert [one["what"].strip() for one in body["lines"]] == [line[31:].strip() for line in text[:-1]]
    assert {"ms", "tid", "stan", "what"} == set(body["lines"][0])


def test_the_json_of_a_story_says_what_was_broken(capsys, a_defect):
    assert run(["sim", "--explain", "0xa", "--json"]) == 1
    body = json.loads(capsys.readouterr().out)
    assert body["broken"].startswith("told: ")
    assert body["lines"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_faults_and_events_are_told_in_words(capsys, lang):
    assert run(["sim", "--seeds", "8", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert run(["sim", "--seeds", "8", "--lang", lang]) == 0
    board = capsys.readouterr().out.partition("faults " if lang == "en" else "故障 ")[2].rpartition("\n\n")[0]
    assert len(counted["faults"]) > 25
    assert "_" not in board
    for name, times in counted["faults"].items():
        assert f"{times:,}  {words.fault(name, lang)}" in board
    for name, times in counted["happened"].items():
        assert f"{times:,}  {words.event(name, lang)}" in board
    if lang == "zh":
        assert "网关断电" in board
        assert "报文送达两次" in board


def test_every_fault_of_every_soak_has_a_name():
    """Names come up that few days draw: the soaks on record have seen them all."""
    board = Path(__file__).resolve().parents[3] / "bench/scoreboard.jsonl"
    last = json.loads(board.read_text("utf-8").splitlines()[-1])
    both = {lang: {words.fault(name, lang) for name in last["faults"]} for lang in ("en", "zh")}
    both_events = {lang: {words.event(name, lang) for name in last["happened"]} for lang in ("en", "zh")}
    assert {len(one) for one in both.values()} == {len(last["faults"])}
    assert {len(one) for one in both_events.values()} == {len(last["happened"])}
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in name) for name in both["zh"])
    with pytest.raises(ValueError, match="no_such"):
        words.fault("no_such", "en")
