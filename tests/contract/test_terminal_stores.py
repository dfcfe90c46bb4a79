"""Every terminal store keeps what it was given, all or nothing; the one on disk survives kill -9 and shows no card."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storno.iso8583.profile import Reason
from storno.terminal.file_store import FileStore
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome
from storno.terminal.state import (
    ClearPending,
    CloseBatch,
    DropEntry,
    Entry,
    Exhausted,
    KeepCard,
    Numbers,
    Pending,
    PutEntry,
    PutException,
    Reversal,
    SetNumbers,
    SetPending,
)
from storno.terminal.store import MemoryStore, StoreError

pytestmark = pytest.mark.contract

PAN = "6200000000000005"
PENDING = Pending(
    Operation.SALE,
    "0200",
    ((2, PAN), (4, "000000001234")),
    Reason.OTHER,
    "000001",
    "000007",
    1234,
    "620000******0005",
    5,
)
ENTRY = Entry(
    "000001", "000007", Operation.SALE, Outcome.UNKNOWN, Cause.RECOVERED, 1234, 0, "620000******0005", 5,
    reversal=Reversal.PENDING,
)  # fmt: skip


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else FileStore(tmp_path / "terminal" / "00000001.db")
    yield made
    made.close()


def test_a_new_store_begins_with_the_first_batch(store):
    loaded = store.load()
    assert (loaded.numbers, loaded.pending, loaded.entry) == (Numbers(), None, None)
    assert store.entries() == ()
    assert store.exceptions() == ()


def test_what_is_committed_is_loaded(store):
    numbers = Numbers(batch=12, stan=999_999, key_block="AB", sign_in_code="005", settling=True)
    store.commit([SetNumbers(numbers), PutEntry(ENTRY), SetPending(PENDING)])
    loaded = store.load()
    assert (loaded.numbers, loaded.pending, loaded.entry) == (numbers, PENDING, ENTRY)
    changed = PENDING._replace(reason=Reason.TIMEOUT, attempts=3)
    store.commit([SetPending(changed)])
    assert store.load().pending == changed
    store.commit([ClearPending()])
    assert store.load().pending is None


def test_rows_are_replaced_dropped_and_kept_apart_when_the_trace_number_comes_back(store):
    later = ENTRY._replace(at_ms=9, amount_minor=1)
    other = ENTRY._replace(batch="000002")
    store.commit([PutEntry(ENTRY), PutEntry(later), PutEntry(other)])
    store.commit([PutEntry(ENTRY._replace(outcome=Outcome.APPROVED))])
    assert [e.amount_minor for e in store.entries("000001")] == [1234, 1]
    assert store.entries("000001")[0].outcome is Outcome.APPROVED
    assert len(store.entries()) == 3
    store.commit([DropEntry(later.batch, later.stan, later.at_ms)])
    assert len(store.entries("000001")) == 1


def test_a_closed_batch_keeps_its_rows_and_loses_its_cards(store):
    store.commit([PutEntry(ENTRY), KeepCard("000001", "000007", PAN), KeepCard("000002", "000001", PAN)])
    assert store.card("000001", "000007") == PAN
    assert store.open_batches() == ("000001",)
    store.commit([CloseBatch("000001")])
    assert store.card("000001", "000007") is None
    assert store.card("000002", "000001") == PAN
    assert store.open_batches() == ()
    assert [e.settled for e in store.entries()] == [True]


def test_exceptions_stay(store):
    one = Exhausted(
        "000001",
        "000007",
        Operation.VOID,
        1234,
        "620000******0005",
        5,
        4,
        Reason.TIMEOUT,
        Cause.EXHAUSTED,
        "96",
    )
    store.commit([PutException(one)])
    store.commit([PutException(one._replace(stan="000008"))])
    assert [e.stan for e in store.exceptions()] == ["000007", "000008"]
    assert store.exceptions()[0] == one


def test_the_file_opens_again_with_everything_in_it(tmp_path):
    path = tmp_path / "t.db"
    first = FileStore(path)
    first.commit([SetPending(PENDING), PutEntry(ENTRY), KeepCard("000001", "000007", PAN)])
    first.close()
    second = FileStore(path)
    assert second.load().pending == PENDING
    assert second.card("000001", "000007") == PAN
    second.close()


def test_files_are_for_their_owner_only_and_never_hold_the_card_in_clear(tmp_path):
    path = tmp_path / "terminal" / "t.db"
    store = FileStore(path)
    store.commit([SetPending(PENDING), PutEntry(ENTRY), KeepCard("000001", "000007", PAN)])
    files = list(path.parent.iterdir())
    assert len(files) >= 4
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        assert PAN.encode() not in file.read_bytes(), file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_one_process_at_a_time(tmp_path):
    first = FileStore(tmp_path / "t.db")
    with pytest.raises(StoreError, match="in use"):
        FileStore(tmp_path / "t.db")
    first.close()
    FileStore(tmp_path / "t.db").close()


def test_a_lost_or_foreign_key_is_said_and_nothing_is_overwritten(tmp_path):
    store = FileStore(tmp_path / "t.db")
    store.commit([SetPending(PENDING)])
    store.close()
    key = (tmp_path / "t.key").read_bytes()
    (tmp_path / "t.key").unlink()
    with pytest.raises(StoreError, match="missing"):
        FileStore(tmp_path / "t.db")
    (tmp_path / "t.key").write_bytes(bytes(32))
    other = FileStore(tmp_path / "t.db")
    with pytest.raises(StoreError, match="does not belong"):
        other.load()
    other.close()
    (tmp_path / "t.key").write_bytes(key[:7])
    with pytest.raises(StoreError, match="damaged"):
        FileStore(tmp_path / "t.db")
    (tmp_path / "t.key").write_bytes(key)
    again = FileStore(tmp_path / "t.db")
    assert again.load().pending == PENDING
    again.close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 40, b""])
def test_a_foreign_file_is_refused_and_an_empty_one_is_begun(tmp_path, content):
    (tmp_path / "t.db").write_bytes(content)
    (tmp_path / "t.key").write_bytes(bytes(32))
    if content:
        with pytest.raises(StoreError):
            FileStore(tmp_path / "t.db")
        assert (tmp_path / "t.db").read_bytes() == content
    else:
        FileStore(tmp_path / "t.db").close()


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {contract!r})
from test_terminal_stores import ENTRY, PENDING
from storno.terminal.file_store import FileStore
from storno.terminal.state import *
store = FileStore(Path({path!r}))
for n in range(1, 100000):
    # Counter, record and row say the same number, or the commit was torn.
    store.commit([SetNumbers(Numbers(stan=n)), SetPending(PENDING._replace(amount_minor=n)),
                  PutEntry(ENTRY._replace(amount_minor=n))])
    print(n, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 7, 23])
def test_kill_9_loses_nothing_that_was_acknowledged_and_tears_nothing(tmp_path, lines):
    path = tmp_path / "t.db"
    script = WRITER.format(contract=str(Path(__file__).parent), path=str(path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        for _ in range(lines):
            assert child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        acknowledged = lines + len(child.stdout.read().split())
    store = FileStore(path)
    loaded = store.load()
    assert loaded.numbers.stan >= acknowledged
    assert loaded.pending.amount_minor == loaded.numbers.stan == loaded.entry.amount_minor
    store.close()
