"""The journal writer's port: tokens and groups, a child that dies, a parent that dies, a medium that fails."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from journal_kit import Shop
from storno.journal import writer as writer_module
from storno.journal.base import JournalCorrupt, JournalError
from storno.journal.memory import MemoryJournal
from storno.journal.port import Durable, Failed, InlineWriter
from storno.journal.sqlite import SqliteJournal, SqliteReader
from storno.journal.writer import JournalWriter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.db"


@pytest.fixture(params=["process", "inline"])
def port(request, path):
    made = JournalWriter.start(path) if request.param == "process" else InlineWriter(SqliteJournal(path))
    yield made
    made.close()


def reports(port, until, timeout_s=20):
    """Wait until a token is durable or something failed; give every report."""
    seen = []
    deadline = time.monotonic() + timeout_s
    while not any(isinstance(r, Failed) or r.token >= until for r in seen):
        assert time.monotonic() < deadline, "no report in time"
        select.select([port], [port] if port.wants_write else [], [], 1)
        port.flush()
        seen += port.receive()
    return seen


def test_everything_submitted_becomes_durable_in_order(port, path):
    shop = Shop(1)
    for token in range(1, 201):
        port.submit(token * 10, shop.changes(token % 3 + 1))
    seen = reports(port, 2000)
    assert all(isinstance(report, Durable) for report in seen)
    assert [r.token for r in seen] == sorted({r.token for r in seen})
    with SqliteReader(path) as reader:
        assert reader.head().seq == seen[-1].seq == sum(token % 3 + 1 for token in range(1, 201))
        assert reader.incarnation() == port.incarnation == 1
        assert reader.verify().problems == ()
    assert port.receive() == []


def test_closing_finishes_what_was_submitted(port, path):
    shop = Shop(2)
    for token in range(1, 51):
        port.submit(token, shop.changes(20))
    assert port.close()[-1] == Durable(50, 1000)
    assert port.close() == []
    with pytest.raises(JournalError) as refused:
        port.submit(51, shop.changes(1))
    assert refused.value.code == "closed"
    journal = SqliteJournal(path)
    assert journal.head().seq == 1000
    assert journal.verify().problems == ()
    journal.close()


def test_tokens_ascend(port):
    shop = Shop(3)
    port.submit(5, shop.changes(1))
    with pytest.raises(AssertionError, match="token 5"):
        port.submit(5, shop.changes(1))


def test_a_big_load_becomes_few_groups(path):
    port, shop = JournalWriter.start(path), Shop(4)
    loads = [shop.changes(1) for _ in range(3_000)]
    for token, load in enumerate(loads, 1):
        port.submit(token, load)
    seen = reports(port, 3_000)
    assert len(seen) < 600
    port.close()


def test_what_the_socket_does_not_take_is_a_bounded_backlog(path, monkeypatch):
    monkeypatch.setattr(writer_module, "BACKLOG_MAX", 100_000)
    port, shop = JournalWriter.start(path), Shop(5)
    os.kill(port.pid, signal.SIGSTOP)
    token = 0
    while port.backlog <= 100_000:
        token += 1
        port.submit(token, shop.changes(100))
    with pytest.raises(JournalError) as refused:
        port.submit(token + 1, shop.changes(1))
    assert refused.value.code == "backlog"
    assert port.wants_write
    os.kill(port.pid, signal.SIGCONT)
    assert reports(port, token)[-1] == Durable(token, token * 100)
    assert not port.wants_write
    port.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_it_serves_an_event_loop(path, loop):
    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop

    async def work():
        port, shop, done = JournalWriter.start(path), Shop(6), asyncio.get_running_loop().create_future()

        def ready():
            for report in port.receive():
                if report.token == 20:
                    done.set_result(report.seq)

        asyncio.get_running_loop().add_reader(port.fileno(), ready)
        for token in range(1, 21):
            port.submit(token, shop.changes(2))
        seq = await asyncio.wait_for(done, 20)
        asyncio.get_running_loop().remove_reader(port.fileno())
        port.close()
        return seq

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(work()) == 40


# ------------------------------------------------------------------ what goes wrong


def test_a_journal_that_cannot_be_opened_says_why_at_the_start(path):
    journal = SqliteJournal(path)
    journal.close()
    path.write_bytes(b"something else" * 999)
    with pytest.raises(JournalCorrupt) as refused:
        JournalWriter.start(path)
    assert refused.value.code == "foreign"
    assert refused.value.chinese


def test_a_place_that_cannot_be_written_says_why_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JournalError) as refused:
        JournalWriter.start(tmp_path / "file" / "journal.db")
    assert refused.value.code == "unwritable"


def test_a_killed_child_is_a_failure(path):
    port, shop = JournalWriter.start(path), Shop(7)
    port.submit(1, shop.changes(1))
    reports(port, 1)
    os.kill(port.pid, signal.SIGKILL)
    [failed] = reports(port, 2)
    assert isinstance(failed, Failed)
    with pytest.raises(JournalError) as refused:
        port.submit(2, shop.changes(1))
    assert refused.value.code == "closed"
    assert port.close() == []


def test_a_broken_contract_stops_the_child_and_stores_nothing(path, capfd):
    port, shop = JournalWriter.start(path), Shop(8)
    port.submit(1, shop.changes(1))
    reports(port, 1)
    port.submit(2, [(Shop(8).changes(1)[0])])  # opened a second time
    [failed] = reports(port, 2)
    assert failed.code == "contract"
    port.close()
    with SqliteReader(path) as reader:
        assert reader.head().seq == 1
    assert "AssertionError" in capfd.readouterr().err


def test_a_medium_that_fails_is_reported_once_and_nothing_more_is_taken(path):
    limit = textwrap.dedent("""
        import resource, sys
        from storno.journal import writer
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000,) * 2)
        sys.exit(writer.main(sys.argv[1:]))
    """)
    SqliteJournal(path).close()
    real = subprocess.Popen

    class Limited(real):
        def __init__(self, command, **given):
            super().__init__([command[0], "-c", limit, *command[3:]], **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Limited)
        port = JournalWriter.start(path)
    shop, seen = Shop(9), []
    for token in range(1, 500):
        port.submit(token, shop.changes(20))
        seen += reports(port, token)
        if isinstance(seen[-1], Failed):
            break
    assert seen[-1].code == "full"
    assert seen[-1].chinese
    with pytest.raises(JournalError):
        port.submit(1000, shop.changes(1))
    assert port.close() == []
    acknowledged = max(report.seq for report in seen[:-1])
    with SqliteReader(path) as reader:
        assert reader.head().seq >= acknowledged > 0
        assert reader.verify().problems == ()


def test_an_inline_writer_reports_failure_too():
    class Full(MemoryJournal):
        def commit(self, changes):
            raise JournalError("full", "no room", "没有空间")

    port = InlineWriter(Full())
    port.submit(1, Shop(1).changes(1))
    assert port.receive() == [Failed("no room", "没有空间", "full")]
    with pytest.raises(JournalError):
        port.submit(2, [])
    port.close()


# ------------------------------------------------------------------ kill -9

PARENT = textwrap.dedent("""
    import select, sys
    from pathlib import Path
    from journal_kit import Shop
    from storno.journal.writer import JournalWriter

    port = JournalWriter.start(Path(sys.argv[1]))
    print(port.pid, flush=True)
    shop, token, acked = Shop(port.incarnation, f"{port.incarnation}"), 0, 0
    while True:
        while token - acked < 200:
            token += 1
            port.submit(token, shop.changes(1))
        select.select([port], [port] if port.wants_write else [], [], 1)
        port.flush()
        for report in port.receive():
            acked = report.token
            print(report.seq, flush=True)
""")


@pytest.mark.parametrize("victim", ["parent", "child"])
def test_kill_9_loses_nothing_acknowledged(path, victim):
    durable = 0
    for round_ in range(6):
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
        command = [sys.executable, "-c", PARENT, str(path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ, text=True
        ) as parent:
            child = int(parent.stdout.readline())
            for _ in range(1 + round_ * 7):
                durable = int(parent.stdout.readline())
            os.kill(parent.pid if victim == "parent" else child, signal.SIGKILL)
            rest = parent.stdout.read().splitlines(keepends=True)
            durable = max(
                [durable, *(int(line) for line in rest if line.endswith("\n") and line.strip().isdigit())]
            )
        journal = SqliteJournal(path, lock_wait_s=10)  # the child may still be committing what it has read
        assert journal.head().seq >= durable
        assert journal.verify().problems == ()
        journal.close()
    assert durable > 100
