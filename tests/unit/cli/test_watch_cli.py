"""`storno watch` and `storno alerts`: what they print, their exit codes, and what people may say about an alert."""

import json

import pytest

from storno.cli import main
from storno.journal.sqlite import SqliteJournal
from storno.sim.bad_day import HOUR_MS, START_MS, DayPlan, Fault, changes, draw_terminals


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A home whose journal holds a day on which one version has a MAC fault from noon on."""
    home = tmp_path_factory.mktemp("town")
    fleet = draw_terminals(2, 20)
    at = START_MS + 12 * HOUR_MS
    fault = Fault("version", "version", fleet[0].version, at, at + 10 * HOUR_MS, 0.5, ("mac_declined",))
    journal = SqliteJournal(home / "journal.db")
    journal.next_incarnation()
    journal.commit(changes(DayPlan(2, 20, 1_500, 1, (fault,), fleet)))
    journal.close()
    rows = "".join(f"{one.tid},{one.carrier},{one.version}\n" for one in fleet)
    (home / "fleet.csv").write_text(f"tid,carrier,version\n{rows}", "utf-8")
    return home


@pytest.fixture
def storno(town, capsys):
    def call(*words, home=town):
        code = main.run([*words, "--home", str(home), "--lang", "en"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_look_tells_keeps_and_leaves_with_1_while_alerts_are_open(storno, monkeypatch):
    code, out, _ = storno("watch", "--once", "--json")
    first = json.loads(out)
    assert code == 1
    assert first["open"] >= 1
    assert any(one["signal"]["measure"] == "mac" and not one["cause"] for one in first["alerts"])
    code, out, _ = storno("alerts", "--json")
    assert (code, json.loads(out)["open"]) == (1, first["open"])
    every = json.loads(storno("alerts", "--all", "--json")[1])
    assert every["count"] == len(every["alerts"]) > 1
    monkeypatch.setattr("storno.cli.alerts.LISTED", 1)
    assert json.loads(storno("alerts", "--all", "--json")[1]) == every
    assert f"{every['count'] - 1} more not shown" in storno("alerts", "--all")[1]
    code, out, _ = storno("watch", "--once")
    assert code == 1
    assert "MAC errors" in out
    assert "journal read to" in out


def test_people_acknowledge_silence_and_close_with_their_name_and_reason(storno):
    storno("watch", "--once")
    number = next(
        one["id"]
        for one in json.loads(storno("alerts", "--json")[1])["alerts"]
        if one["signal"]["measure"] == "mac"
    )
    assert storno("alerts", "ack", str(number), "--operator", "zhang")[0] == 0
    code, _, err = storno("alerts", "ack", str(number), "--operator", "zhang")
    assert code == 1
    assert "acknowledged" in err
    assert storno("alerts", "silence", str(number), "--for", "2h", "--operator", "li")[0] == 2
    assert (
        storno("alerts", "silence", str(number), "--for", "soon", "--note", "x", "--operator", "li")[0] == 2
    )
    card = "card 4111111111111111"
    assert storno("alerts", "silence", str(number), "--for", "2h", "--note", card, "--operator", "li")[0] == 0
    code, out, _ = storno("alerts", "show", str(number))
    assert code == 0
    assert "silenced until" in out
    assert "411111******1111" in out
    assert "4111111111111111" not in out
    assert storno("alerts", "close", str(number), "--operator", "li", "--note", "new release")[0] == 0
    shown = json.loads(storno("alerts", "show", str(number), "--json")[1])
    assert [one["move"] for one in shown["history"]][-3:] == ["acknowledge", "silence", "close"]
    assert shown["standing"] == "closed"


def test_an_alert_that_is_not_there_is_said(storno):
    code, _, err = storno("alerts", "show", "4711")
    assert code == 2
    assert "no alert 4711" in err


def test_a_replay_tells_the_day_and_writes_nothing(storno, town):
    before = sorted((town / "watch").glob("*")) if (town / "watch").exists() else []
    code, out, _ = storno("watch", "--replay")
    assert code == 1
    assert "MAC errors: software version" in out
    assert "by themselves" in out
    assert sorted((town / "watch").glob("*") if (town / "watch").exists() else []) == before


def test_without_alerts_the_list_leaves_with_0(storno, tmp_path):
    code, out, _ = storno("alerts", home=tmp_path)
    assert (code, out.strip()) == (0, "No alerts.")


def test_without_a_journal_or_with_a_bad_fleet_it_is_refused(storno, tmp_path):
    code, _, err = storno("watch", "--once", home=tmp_path)
    assert code == 2
    assert "no journal" in err
    (tmp_path / "fleet.csv").write_text("x\n", "utf-8")
    code, _, err = storno("watch", "--once", home=tmp_path)
    assert code == 2
    assert "no column tid" in err
