"""Every event a gateway can report has words in both languages; a flood of one is cut and counted, a case never."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import storno.gateway
from storno.cli.gateway_log import EVENTS, LINES_PER_SECOND_MAX, LogLines
from storno.cli.main import run
from storno.gateway import events as ev

TOLD = re.compile(
    r"(?:\.log|link_log|_log|Log)\(\s*(?:ev\.Log\(\s*)?\"(?:info|warning|error|critical)\",\s*\"([a-z_]+)\""
)


def test_every_event_in_the_code_has_words_and_no_words_lack_an_event():
    told: set[str] = set()
    for file in Path(storno.gateway.__path__[0]).glob("*.py"):
        told |= set(TOLD.findall(file.read_text(encoding="utf-8")))
    assert len(told) > 20
    assert told == set(EVENTS)
    assert all(english and re.search("[\u4e00-\u9fff]", chinese) for english, chinese in EVENTS.values())


def test_a_flood_of_one_event_is_cut_and_counted_and_a_case_is_never_left_out(capsys):
    now = [100.0]
    lines = LogLines(as_json=True, clock=lambda: now[0])
    for _ in range(1000):
        lines(ev.Log("warning", "unknown_terminal", (("tid", "X"),)))
        lines(ev.Log("warning", "case", (("tx_id", "Y"),)))
    now[0] = 101.0
    lines(ev.Log("info", "link_up", (("link", "L"),)))
    told = capsys.readouterr().err.splitlines()
    assert sum("unknown_terminal" in line for line in told) == LINES_PER_SECOND_MAX + 1
    assert sum(f'"left_out": "{1000 - LINES_PER_SECOND_MAX}"' in line for line in told) == 1
    assert sum('"case"' in line for line in told) == 1000
    assert "link_up" in told[-1]


def test_what_a_peer_sent_begins_no_line_of_its_own_and_moves_no_cursor(capsys):
    LogLines(as_json=False)(ev.Log("warning", "unknown_terminal", (("tid", "A\nb\x1b[31m"),)))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "A\\x0ab\\x1b[31m" in told


def test_a_full_log_disk_stops_nothing(monkeypatch):
    class Full:
        def write(self, line):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    LogLines(as_json=False)(ev.Log("warning", "unknown_terminal"))


PAN = "6225000000000014"


def as_json(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_json_begins_with_its_time_in_utc_and_keeps_every_fact(capsys):
    LogLines(as_json=True)(ev.Log("error", "host_unreadable", (("link", "L"), ("at", "12"), ("level", "x"))))
    [told] = as_json(capsys)
    assert list(told) == ["at", "level", "event", "link", "fact_at", "fact_level"]
    assert (told["level"], told["event"], told["fact_at"]) == ("error", "host_unreadable", "12")
    assert datetime.fromisoformat(told["at"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("json_wanted", [True, False])
def test_a_card_number_in_a_fact_is_masked_on_the_way_out(capsys, json_wanted):
    lines = LogLines(as_json=json_wanted)
    lines(ev.Log("warning", "unknown_terminal", (("tid", PAN), ("why", f"pan={PAN};"))))
    lines.say("info", "x", f"card {PAN}" if json_wanted else "card", "卡", where=PAN)
    told = capsys.readouterr().err
    assert PAN not in told
    assert "622500******0014" in told


def test_what_the_command_says_is_a_sentence_or_an_object(capsys):
    LogLines(as_json=False).say("info", "listening", "listening on 1", "监听 1", address="1")
    assert capsys.readouterr().err in ("listening on 1\n", "监听 1\n")
    LogLines(as_json=True).say("info", "listening", "listening on 1", "监听 1", address="1")
    [told] = as_json(capsys)
    assert (told["event"], told["address"]) == ("listening", "1")
    assert told["text"] in ("listening on 1", "监听 1")


def test_with_json_even_a_refusal_to_start_is_one_object(storno_home, capsys):
    storno_home.mkdir(parents=True)
    (storno_home / "keys.db").write_bytes(b"no key store" * 100)
    code = run(["gateway", "--home", str(storno_home), "--log", "json"])
    *_, told = as_json(capsys)
    assert code in (2, 3)
    assert (told["level"], told["event"]) == ("error", "failed")
