"""The demonstration as a newcomer starts it: real processes, one command, an exit code that means something."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from storno.cli import demo
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.sim.compare import Books, HostLine, compare
from storno.sim.live import Report

KEYS = {
    "seed", "seconds", "terminals", "transactions", "approved", "declined", "faults", "timeouts", "reversals",
    "repeats", "late_answers", "cases", "books", "lost", "doubled", "silent", "verdict", "day_end",
}  # fmt: skip


def storno(*words, **environ):
    return subprocess.run(
        [sys.executable, "-m", "storno", *words],
        capture_output=True, encoding="utf-8", timeout=100, check=False, env=os.environ | environ,
    )  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo") / "run"
    result = storno(
        "demo",
        "--json",
        "--seconds",
        "3",
        "--terminals",
        "3",
        "--seed",
        "5",
        "--home",
        str(home),
        STORNO_LANG="en",
    )
    return result, home


def test_json_is_one_object_and_nothing_else(played):
    result, _ = played
    told = json.loads(result.stdout)
    assert told.keys() >= KEYS
    assert (told["seed"], told["terminals"]) == (5, 3)
    assert result.stderr == ""


def test_the_books_agree_or_say_why(played):
    result, _ = played
    told = json.loads(result.stdout)
    assert (told["lost"], told["doubled"], told["silent"], told["pending"]) == (0, 0, 0, 0), told
    assert told["verdict"] in ("agree", "explained")
    assert (told["verdict"] == "agree") is (told["differences"] == [])
    assert result.returncode == 0
    assert told["kills"] == 1
    assert told["transactions"] > 0  # how many fit into the time is the machine's affair


def test_the_day_end_finds_what_was_planted_and_nothing_else(played):
    told = json.loads(played[0].stdout)
    if told["day_end"] is None:  # a machine so slow that no sale was approved
        assert told["books"]["host"] == 0
        return
    assert told["day_end"]["agrees"], told["day_end"]
    assert (told["day_end"]["missed"], told["day_end"]["invented"]) == ([], [])
    assert len(told["day_end"]["found"]) == len(told["day_end"]["planted"]) + told["day_end"]["known"]
    assert all((played[1] / "day-end" / name).is_file() for name in told["day_end"]["files"])


def test_its_home_can_be_looked_into_afterwards(played):
    result, home = played
    told = json.loads(result.stdout)
    assert storno("ledger", "--home", str(home)).returncode == 0
    assert storno("journal", "verify", "--home", str(home)).returncode == 0
    if told["explain"]:
        story = storno("explain", told["explain"], "--home", str(home))
        assert (story.returncode, told["explain"] in story.stdout) == (0, True)


def test_lines_in_chinese_end_with_a_verdict_and_what_to_try(tmp_path):
    words = (
        "demo",
        "--headless",
        "--seconds",
        "1",
        "--terminals",
        "2",
        "--no-kill",
        "--home",
        str(tmp_path / "run"),
    )
    result = storno(*words, "--lang", "zh")
    assert (result.returncode, result.stderr) == (0, "")
    assert "三方账目" in result.stdout
    assert f"ledger --home {tmp_path / 'run'}" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "something").touch()
    result = storno("demo", "--seconds", "1", "--home", str(tmp_path))
    assert (result.returncode, "not empty" in result.stderr) == (2, True)


HOST = HostLine(
    TxKey("1", "M", "1", "1"),
    Kind.SALE,
    stands=True,
    in_force=True,
    minor=1,
    hold_minor=0,
    applied=1,
    undone=0,
)


@pytest.mark.parametrize(
    ("books", "code"), [(Books(), 0), (Books((HOST,)), 1), (Books((HOST._replace(applied=2),)), 1)]
)
def test_the_exit_code_is_the_verdict(monkeypatch, books, code):
    report = Report(
        plan=None, comparison=compare(books), gauge=None, faults={}, told={}, kills=0, power_cuts=0, example="",
        pending=0,
    )  # fmt: skip
    monkeypatch.setattr(demo, "_play", lambda *_, **__: report)
    result = CliRunner().invoke(demo.demo, ["--json"], standalone_mode=False)
    assert result.return_value == code


def test_only_its_own_old_runs_are_forgotten(tmp_path):
    for number in range(demo.RUNS_KEPT + 3):
        (tmp_path / f"2026010{number}-000000").mkdir()
        (tmp_path / f"2026010{number}-000000" / demo.MARK).touch()
    (tmp_path / "20250101-mine").mkdir()
    demo._forget_old(tmp_path)
    left = sorted(path.name for path in Path(tmp_path).iterdir())
    assert left[0] == "20250101-mine"
    assert len(left) == demo.RUNS_KEPT


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at processes through /proc")
def test_a_closed_window_leaves_no_process_behind(tmp_path):
    home = tmp_path / "run"
    words = [sys.executable, "-m", "storno", "demo", "--headless", "--seconds", "60", "--home", str(home)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(lambda: len(_processes(home)) >= 3)
        running.send_signal(signal.SIGHUP)
        assert running.wait(30) == 130
    finally:
        running.kill()
        running.wait()
    _wait_for(lambda: not _processes(home))


def _processes(home):
    """Give the host, gateway and writer processes of a home folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if "demo" not in words and any(word.startswith(str(home)) for word in words):
            found.append(entry.name)
    return found


def _wait_for(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")
