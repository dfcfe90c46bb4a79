"""A run recorded: idempotent, complete after a kill, closed by evidence, in one queue with the cases."""

import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import date

import pytest

from exception_kit import DAY_MS, NOW_MS, RUN, act, finding
from journal_kit import NOW_MS as OPENED_MS
from journal_kit import change, sale
from storno.app.exceptions import HomeDoor, record
from storno.journal.base import JournalError
from storno.journal.exception_order import take
from storno.journal.exception_table import Move, Standing
from storno.journal.lock import WriterLock
from storno.journal.memory import MemoryJournal
from storno.journal.sqlite_reader import SqliteReader
from storno.recon import exceptions as door
from storno.recon.ageing import Calendar, ExceptionOptions, Severity
from storno.recon.exceptions import (
    GROUP,
    LINES_MAX,
    Closed,
    JournalDoor,
    Recorded,
    no_longer_there,
    record_findings,
)
from storno.recon.queue import Source, View, Wanted, by_urgency, entries
from storno.reversal.lifecycle import Input
from storno.reversal.machine import step

LATER = NOW_MS + DAY_MS


@pytest.fixture
def journal():
    return MemoryJournal()


def run(journal, *findings, closed=(), at_ms=NOW_MS, run_id=RUN):
    return record_findings(JournalDoor(journal), findings, closed, at_ms, run_id)


def test_the_same_run_twice_changes_nothing(journal):
    days = [finding(1), finding(2, amount_minor=-7), finding(3, rule="deposit_short", lines=())]
    assert run(journal, *days) == Recorded(3, 0, 0, 0, 0, 0)
    head = journal.head()
    assert run(journal, *reversed(days), at_ms=LATER) == Recorded(0, 0, 0, 0, 0, 3)
    assert journal.head() == head


def test_what_is_recorded_is_what_was_found(journal):
    one = finding(1, tx_id="1-1", expected_minor=5, found_minor=9)
    run(journal, one)
    assert [door.finding(record) for record in journal.exceptions()] == [one]


def test_change_other_evidence_closing_and_return(journal):
    run(journal, *(finding(n) for n in range(1, 5)))
    told = run(
        journal, finding(1, amount_minor=5), finding(2, lines=("b:2",)), finding(3),
        closed=[Closed(finding(4).finding_id, ("late:1",))], at_ms=LATER, run_id="run-2",
    )  # fmt: skip
    assert told == Recorded(found=0, changed=1, seen_again=1, reopened=0, closed=1, unchanged=1)
    assert told.facts == 3
    assert run(journal, finding(4), at_ms=LATER + 1) == Recorded(0, 0, 0, 1, 0, 0)
    history = [fact.move.value for fact in journal.exception_facts(finding(4).finding_id)]
    assert history == ["found", "closed_by_evidence", "reopened"]
    assert journal.verify().problems == ()


def test_an_acceptance_lapses_when_the_amount_changes(journal):
    run(journal, finding(1))
    one = finding(1).finding_id
    journal.commit(take(journal.exception, [replace(act(Move.RESOLVED), finding_id=one)]).changes)
    assert journal.exception(one).standing is Standing.RESOLVED
    run(journal, finding(1), at_ms=LATER)
    assert journal.exception(one).standing is Standing.RESOLVED
    run(journal, finding(1, amount_minor=99), at_ms=LATER)
    assert journal.exception(one).standing is Standing.OPEN


def test_what_a_run_covered_and_no_longer_finds_is_closed(journal):
    run(journal, finding(1), finding(2), finding(3, mid="other"))
    known = list(journal.exceptions())
    closing = no_longer_there(
        known, {finding(1).finding_id}, lambda one: ("f:1",) if one.about.mid != "other" else None
    )
    assert list(closing) == [Closed(finding(2).finding_id, ("f:1",))]
    run(journal, closed=[Closed(finding(2).finding_id)])
    assert not list(
        no_longer_there(journal.exceptions(), {finding(1).finding_id, finding(3).finding_id}, str)
    )


def test_a_deposit_of_many_lines_keeps_some_and_says_how_many_more(journal):
    run(journal, finding(1, lines=tuple(f"f:{n}" for n in range(500))))
    lines = next(iter(journal.exceptions())).about.lines
    assert len(lines) == LINES_MAX
    assert lines[-1] == f"+{500 - LINES_MAX + 1}"
    assert run(journal, finding(1, lines=tuple(f"f:{n}" for n in range(500)))).facts == 0


def test_a_run_writes_in_groups(journal):
    seen = []

    class Watched(JournalDoor):
        def take(self, orders):
            seen.append(len(orders))
            return super().take(orders)

    record_findings(Watched(journal), (finding(n) for n in range(GROUP + 5)), [], NOW_MS, RUN)
    assert seen == [GROUP, 5]


def test_a_run_says_one_thing_about_a_difference(journal):
    with pytest.raises(AssertionError, match="twice"):
        run(journal, finding(1), finding(1, amount_minor=7))
    with pytest.raises(AssertionError, match="twice"):
        run(journal, finding(1), closed=[Closed(finding(1).finding_id)])
    assert journal.head().seq == 0


# -------------------------------------------------------------------- a home folder
def test_a_home_without_a_journal_gets_one(storno_home):
    assert record(storno_home, [finding(1)], [], NOW_MS, RUN).found == 1
    with SqliteReader(storno_home / "journal.db") as reader:
        assert [one.finding_id for one in reader.exceptions()] == [finding(1).finding_id]


def test_a_journal_that_somebody_holds_without_answering_is_not_written(storno_home, monkeypatch):
    monkeypatch.setattr("storno.app.exceptions.PAUSE_S", 0.01)
    monkeypatch.setattr("storno.app.exceptions.LOCK_WAIT_S", 0.01)
    storno_home.mkdir()
    lock = WriterLock(storno_home / "journal.db")
    with pytest.raises(JournalError) as busy:
        HomeDoor(storno_home).take([act(Move.NOTED)])
    assert busy.value.code == "busy"
    lock.release()


KILLED = """
    import sys
    from pathlib import Path
    from exception_kit import NOW_MS, RUN, finding
    from storno.app.exceptions import record

    print("go", flush=True)
    record(Path(sys.argv[1]), (finding(n) for n in range(10_000)), [], NOW_MS, RUN)
"""


def test_a_run_killed_in_the_middle_leaves_a_prefix_and_the_next_completes_it(storno_home):
    count = 10_000
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), storno_home], stdout=subprocess.PIPE, env=environ
    )
    assert child.stdout.readline() == b"go\n"
    path = storno_home / "journal.db"
    found = 0
    while not found and child.poll() is None:
        time.sleep(0.02)
        if path.exists() and path.stat().st_size:
            try:
                with SqliteReader(path) as reader:
                    found = reader.head().seq
            except JournalError:
                continue
    child.kill()
    child.wait()
    child.stdout.close()
    with SqliteReader(path) as reader:
        left = [one.finding_id for one in reader.exceptions()]
        assert 0 < len(left) < count, "killed too late to show anything"
        assert len(left) % GROUP == 0
        assert left == [finding(n).finding_id for n in range(len(left))]
        assert reader.verify().problems == ()
    told = record(storno_home, (finding(n) for n in range(count)), [], NOW_MS, RUN)
    assert (told.found, told.unchanged) == (count - len(left), len(left))
    assert record(storno_home, (finding(n) for n in range(count)), [], NOW_MS, RUN).facts == 0


# -------------------------------------------------------------------- the queue
VIEW = View(ExceptionOptions(), Calendar(), 480, date(2026, 11, 23))


def test_findings_and_open_cases_stand_in_one_queue(journal):
    opened = sale("1-1", amount_minor=50_000_000)
    odd = step(opened.record, Input.RESPONSE_DOUBTFUL, OPENED_MS + 9)
    journal.commit([change(opened), change(odd), change(sale("1-2", stan="000002"))])
    run(journal, finding(1), finding(2, amount_minor=-2_000_000, mid="m2"), finding(3), closed=())
    run(journal, closed=[Closed(finding(3).finding_id)])
    found = sorted(entries(journal, VIEW, Wanted()), key=by_urgency)
    assert [(one.source, one.id) for one in found] == [
        (Source.CASE, "1-1"), (Source.FINDING, finding(2).finding_id), (Source.FINDING, finding(1).finding_id),
    ]  # fmt: skip
    assert (found[0].kind, found[0].age.overdue, found[0].age.severity) == (
        "doubtful",
        True,
        Severity.CRITICAL,
    )
    assert len(list(entries(journal, VIEW, Wanted(every=True)))) == 4

    def ids(**wanted):
        return [one.id for one in entries(journal, VIEW, Wanted(**wanted))]

    assert ids(kind="doubtful") == ids(overdue=True) == ["1-1"]
    assert ids(mid="m2") == [finding(2).finding_id]
    assert ids(owner="nobody") == []


def test_what_somebody_has_answered_for_is_not_overdue(journal):
    run(journal, finding(1), at_ms=NOW_MS - 60 * DAY_MS)
    one = finding(1).finding_id
    assert [entry.age.overdue for entry in entries(journal, VIEW, Wanted())] == [True]
    journal.commit(take(journal.exception, [replace(act(Move.RESOLVED), finding_id=one)]).changes)
    assert [entry.age.overdue for entry in entries(journal, VIEW, Wanted(every=True))] == [False]
