"""The SQLite journal below its contract: the file, its readers, what a changed byte or a bad disk does."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap

import apsw
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exception_kit import act, an_id, gone, propose, seen
from journal_kit import CARD, NOW_MS, Shop, approve, change, sale
from storno.journal import schema
from storno.journal.base import JournalCorrupt, JournalError, JournalFull
from storno.journal.exception_order import take
from storno.journal.exception_table import How, Move
from storno.journal.sqlite import SqliteJournal, SqliteReader
from storno.reversal.lifecycle import Input
from storno.reversal.machine import step

TABLES = {
    "facts": "seq",
    "transactions": "opened_seq",
    "entries": "posting || '#' || line",
    "cards": "tx_id",
    "meta": "name",
    "findings": "item",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.db"


def run(script, *arguments, prefix=()):
    """Run a Python text in a process of its own, with the test folder's modules."""
    command = [*prefix, sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)


def test_only_the_owner_reads_the_files(path):
    journal = SqliteJournal(path)
    journal.commit(Shop(1).changes(5))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in path.parent.iterdir()} == {0o600}
    journal.close()


def test_the_second_writer_is_told_who_the_first_is(path):
    journal = SqliteJournal(path)
    script = """
        import sys
        from pathlib import Path
        from storno.journal.sqlite import SqliteJournal
        from storno.journal.base import JournalError
        try:
            SqliteJournal(Path(sys.argv[1]))
        except JournalError as error:
            print(error.code, error)
    """
    told = run(script, path).stdout
    assert told.startswith("busy")
    assert str(os.getpid()) in told
    journal.close()


def test_a_dead_writer_s_lock_does_not_block(path):
    script = """
        import os, sys
        from pathlib import Path
        from storno.journal.sqlite import SqliteJournal
        SqliteJournal(Path(sys.argv[1])).next_incarnation()
        os._exit(9)
    """
    assert run(script, path).returncode == 9
    journal = SqliteJournal(path)
    assert journal.next_incarnation() == 2
    journal.close()


def test_a_reader_needs_a_journal(path):
    with pytest.raises(JournalError) as missing:
        SqliteReader(path)
    assert missing.value.code == "missing"


def test_a_reader_in_another_process_sees_what_is_committed_and_cannot_write(path):
    journal = SqliteJournal(path)
    journal.commit(Shop(1).changes(40))
    script = """
        import sys
        from pathlib import Path
        from storno.journal.sqlite import SqliteReader
        with SqliteReader(Path(sys.argv[1])) as reader:
            print(reader.head().seq, len(reader.verify().problems))
    """
    assert run(script, path).stdout == "40 0\n"
    with SqliteReader(path) as reader:
        facts = reader.read()
        assert next(facts).seq == 1
        journal.commit(Shop(2, "2").changes(1))
        assert reader.head().seq == 41
        with pytest.raises(apsw.ReadOnlyError):
            reader._db.execute("DELETE FROM facts")
    journal.close()


def read_only(monkeypatch, path):
    """Make the journal's folder one that this process may not write to: the tests may run as root."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda name, mode: name != path.parent and real(name, mode))


def test_a_journal_in_a_read_only_folder_is_read_without_a_trace(path, monkeypatch):
    journal = SqliteJournal(path)
    journal.commit(Shop(1).changes(40))
    journal.close()
    before = sorted(path.parent.iterdir())
    read_only(monkeypatch, path)
    with SqliteReader(path) as reader, reader.one_moment():
        assert reader.head().seq == 40
        assert sorted(path.parent.iterdir()) == before


def test_a_journal_that_somebody_writes_is_read_with_his_log_in_a_read_only_folder(path, monkeypatch):
    read_only(monkeypatch, path)
    journal = SqliteJournal(path)
    journal.commit(Shop(1).changes(40))
    with SqliteReader(path) as reader, reader.one_moment():
        assert reader.head().seq == 40
    journal.close()


def test_a_journal_that_somebody_begins_to_write_while_it_is_read_is_not_trusted(path, monkeypatch):
    SqliteJournal(path).close()
    read_only(monkeypatch, path)
    with SqliteReader(path) as reader:
        moment = reader.one_moment()
        moment.__enter__()
        path.with_name("journal.db-wal").touch()  # as a writer leaves it while he writes
        with pytest.raises(JournalError, match="read it again"):
            moment.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda db: db.execute("CREATE TABLE theirs (x)"), "foreign"),
        (lambda db: db.execute("PRAGMA application_id = 7"), "foreign"),
    ],
)
def test_a_database_of_somebody_else_is_left_alone(path, prepare, code):
    path.parent.mkdir()
    theirs = apsw.Connection(str(path))
    prepare(theirs)
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt) as refused:
        SqliteJournal(path)
    assert refused.value.code == code
    assert path.read_bytes() == before


def test_no_database_at_all_is_left_alone(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    for door in (SqliteJournal, SqliteReader):
        with pytest.raises(JournalCorrupt) as refused:
            door(path)
        assert refused.value.code == "foreign"
    assert path.read_bytes() == b"not a database" * 1000


def test_a_newer_format_is_refused(path):
    SqliteJournal(path).close()
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 3")
    db.close()
    for door in (SqliteJournal, SqliteReader):
        with pytest.raises(JournalCorrupt, match="format 3"):
            door(path)


FORMAT_1 = "87948884006f77f61653a29b74ddd8a77bd20f1cf3746b16dfca9d76ef07f71d"
"""Digest of the tables and indices as the version before exceptions made them."""


@pytest.fixture
def old(path):
    """A journal as the version before exceptions wrote it: its tables, its format number."""
    shop = Shop(4)
    made = SqliteJournal(path)
    made.next_incarnation()
    made.commit(shop.changes(60))
    made.close()
    db = apsw.Connection(str(path))
    for name, text in schema.ADDED.items():
        db.execute(f"DROP {'INDEX' if 'INDEX' in text else 'TABLE'} IF EXISTS {name}")
    db.execute(schema.SET_META, ("format", "1", schema.check_digest("format", b"1")))
    db.execute("PRAGMA user_version = 1")
    found = dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    assert found == schema.OBJECTS
    assert hashlib.sha256(json.dumps(schema.OBJECTS).encode()).hexdigest() == FORMAT_1
    db.close()
    return shop


def test_a_reader_copes_with_a_journal_of_the_format_before(old, path):
    with SqliteReader(path) as reader:
        assert list(reader.exceptions()) == []
        assert reader.exception(an_id()) is None
        assert reader.exception_facts(an_id()) == reader.exception_ids("0") == ()
        assert list(reader.span("findings", None, None)) == []
        result = reader.verify()
        assert (result.problems, result.facts, result.exceptions) == ((), 60, 0)


def test_the_writer_brings_a_journal_of_the_format_before_up(old, path):
    with SqliteReader(path) as before:
        head, rows = before.head(), before.rows()
        journal = SqliteJournal(path)
        assert (journal.head(), journal.rows(), journal.next_incarnation()) == (head, rows, 2)
        journal.commit([*take(journal.exception, [seen(1)]).changes, *old.changes(3)])
        assert journal.verify().problems == ()
        journal.close()
        # the reader that was open all the time sees what is new
        assert [one.finding_id for one in before.exceptions()] == [an_id(1)]
        assert before.verify().problems == ()
    again = SqliteJournal(path)
    assert again.verify().problems == ()
    again.close()


def test_a_broken_tail_is_found_when_the_writer_starts(path):
    journal = SqliteJournal(path)
    journal.commit(Shop(5).changes(400))
    journal._db.execute("UPDATE facts SET at_ms = at_ms + 1 WHERE seq = 399")
    journal.close()
    with pytest.raises(JournalCorrupt, match="fact 399"):
        SqliteJournal(path)
    with SqliteReader(path) as reader:
        assert any("399" in problem for problem in reader.verify().problems)


def test_a_forgotten_card_leaves_no_bytes_in_the_files(path):
    sealed = b"\xfe\xdc" + b"ThisIsTheSealedCopy" * 4
    journal = SqliteJournal(path)
    opened = sale("1-1")
    journal.commit([change(opened, sealed)])
    journal.commit([change(step(opened.record, Input.RESPONSE_DECLINED, NOW_MS + 5))])
    journal.close()
    assert b"ThisIsTheSealedCopy" not in b"".join(p.read_bytes() for p in path.parent.iterdir())


# ------------------------------------------------------------------ a changed byte


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A journal in which every table and column holds something, and the list of its cells."""
    path = tmp_path_factory.mktemp("sound") / "journal.db"
    journal = SqliteJournal(path)
    journal.next_incarnation()
    shop = Shop(11)
    journal.commit(shop.changes(120))
    first = sale("9-1", tid="99999999")
    journal.commit([change(first, CARD), change(approve(first.record))])
    orders = [
        seen(n, tx_id="9-1", expected_minor=5, found_minor=n, mid="m", tid="t", rrn="r") for n in (1, 2, 3)
    ]
    orders += [
        act(Move.ASSIGNED, 1),
        propose(2),
        gone(3),
        act(Move.RESOLVED, 1, how=How.REFUND, reference="R"),
    ]
    journal.commit(take(journal.exception, orders).changes)
    assert journal.verify().problems == ()
    cells = []
    for table, key in TABLES.items():
        columns = [row[1] for row in journal._db.execute(f"PRAGMA table_info({table})")]
        keys = [row[0] for row in journal._db.execute(f"SELECT {key} FROM {table} ORDER BY 1")]
        cells += [(table, key, row, column) for column in columns for row in keys]
    journal.close()
    return path, cells


def tamper(db, cell, at, mask):
    """Change one byte of one cell; give whether the cell had a byte to change and took it."""
    table, key, row, column = cell
    value = db.execute(f'SELECT "{column}" FROM {table} WHERE {key} = ?', (row,)).fetchall()[0][0]
    if isinstance(value, int):
        value ^= mask << 8 * (at % 5)
    elif value:
        raw = bytearray(value.encode() if isinstance(value, str) else value)
        raw[at % len(raw)] ^= mask
        value = bytes(raw)
    else:
        return False
    text = "CAST(? AS TEXT)" if column not in {"digest", "sealed"} and isinstance(value, bytes) else "?"
    db.execute(f'UPDATE OR IGNORE {table} SET "{column}" = {text} WHERE {key} = ?', (value, row))
    return db.changes() == 1


@settings(max_examples=250)
@given(pick=st.integers(0, 10**9), at=st.integers(0, 500), mask=st.integers(1, 255))
def test_any_changed_byte_of_any_cell_is_found(sound, tmp_path_factory, pick, at, mask):
    source, cells = sound
    copy = tmp_path_factory.mktemp("copy") / "journal.db"
    shutil.copy(source, copy)
    db = apsw.Connection(str(copy))
    changed = tamper(db, cells[pick % len(cells)], at, mask)
    db.close()
    try:
        assume(changed)
        with SqliteReader(copy) as reader:
            assert reader.verify().problems, cells[pick % len(cells)]
    finally:
        shutil.rmtree(copy.parent)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM facts WHERE seq = 60",
        "DELETE FROM facts WHERE seq = 1",
        "DELETE FROM transactions WHERE opened_seq = 1",
        "DELETE FROM entries WHERE posting = '9-1/1'",
        "INSERT INTO entries VALUES ('x/1', 0, 'x', 'CNY', 'a', 1, 1)",
        "INSERT INTO cards VALUES ('x', x'00', x'00')",
        "DELETE FROM findings WHERE item = 'finding:0000000000000001'",
        "UPDATE findings SET owner = 'nobody' WHERE item = 'finding:0000000000000001'",
        "DELETE FROM facts WHERE tx_id = 'finding:0000000000000003'",
        "DELETE FROM meta",
        "DROP INDEX tx_by_key",
        "DROP TABLE findings",
        "DROP INDEX findings_by_tx",
        "PRAGMA user_version = 1",
        "CREATE TABLE more (x)",
    ],
)
def test_a_row_or_index_more_or_less_is_found(sound, tmp_path, sql):
    copy = tmp_path / "journal.db"
    shutil.copy(sound[0], copy)
    db = apsw.Connection(str(copy))
    db.execute(sql)
    db.close()
    with SqliteReader(copy) as reader:
        problems = reader.verify().problems
    assert problems
    assert all(problem.chinese for problem in problems)


def test_a_very_broken_journal_gives_a_bounded_list(sound, tmp_path):
    copy = tmp_path / "journal.db"
    shutil.copy(sound[0], copy)
    db = apsw.Connection(str(copy))
    db.execute("UPDATE facts SET body = '[]'")
    db.close()
    with SqliteReader(copy) as reader:
        assert 100 <= len(reader.verify().problems) <= 101


# ------------------------------------------------------------------ a bad disk

FILL = """
    import resource, sys
    from pathlib import Path
    from journal_kit import Shop
    from storno.journal.base import JournalFull
    from storno.journal.sqlite import SqliteJournal

    journal, shop = SqliteJournal(Path(sys.argv[1])), Shop(1)
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
    for _ in range(2_000):
        try:
            journal.commit(shop.changes(20))
        except JournalFull:
            break
    else:
        sys.exit("never full")
    print(journal.head().seq, flush=True)
    for _ in range(2):
        try:
            journal.commit(shop.changes(1))
            sys.exit("a commit after the failure")
        except JournalFull:
            pass
    try:
        journal.close()
    except Exception:
        pass
"""


def check_filled(done, path):
    assert done.returncode == 0, done.stderr
    journal = SqliteJournal(path)
    assert journal.head().seq >= int(done.stdout) > 0
    assert journal.head().seq - int(done.stdout) in (
        0,
        20,
    )  # a commit that failed at its sync may still be there
    assert journal.verify().problems == ()
    journal.close()


def test_a_file_that_may_not_grow_stops_the_journal_whole(path):
    check_filled(run(FILL, path, 400_000), path)


def test_a_full_disk_stops_the_journal_whole(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        done = run(FILL, disk / "journal.db")
        room = tmp_path / "room"
        shutil.copytree(disk, room)
    finally:
        subprocess.run(["umount", disk], check=True)
    check_filled(done, room / "journal.db")


def strace_works():
    strace = shutil.which("strace")
    return strace and not subprocess.run([strace, "-qq", "true"], capture_output=True, check=False).returncode


def test_a_sync_that_fails_stops_the_journal_whole(path):
    if not strace_works():
        pytest.skip("strace is not installed or may not trace")
    inject = "inject=fsync,fdatasync:error=EIO:when=15..16"
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject]
    check_filled(run(FILL, path, prefix=strace), path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(OSError, match="file"):
        SqliteJournal(blocked / "journal.db")


def test_a_failed_journal_gives_its_first_reason_again(path):
    journal = SqliteJournal(path)
    journal._failure = JournalFull("full", "no room", "没有空间")
    for call in (lambda: journal.commit(Shop(2).changes(1)), journal.next_incarnation):
        with pytest.raises(JournalFull, match="no room"):
            call()
    journal.close()
