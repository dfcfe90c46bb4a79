"""The SQLite engine: one file, one writer, WAL with synchronous=FULL.

A commit is one transaction of facts, rows, entries and cards. After any error of the medium the journal refuses every
further commit, because SQLite itself would let the next one pass; restart and verify are the way back.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import apsw

from storno.journal import schema
from storno.journal.base import Head, JournalCorrupt, JournalError, JournalFull
from storno.journal.exception_fact import ITEM
from storno.journal.exception_table import Move
from storno.journal.fact import FORGET_CARD, OPENED, link, spelled
from storno.journal.lock import WriterLock
from storno.journal.registry import Engine
from storno.journal.sqlite_reader import SqliteReader, corrupt, foreign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from storno.journal.exception_fact import ExceptionRow
    from storno.journal.fact import Change, TxRow

_CHECKPOINT_PAGES: Final = 2_000
"""Pages (4 KiB each) in the write-ahead log that make the writer move them into the file."""
FOUND: Final = Move.FOUND.value

_OUR_FAULT = (
    apsw.ConstraintError, apsw.MismatchError, apsw.BindingsError, apsw.RangeError, apsw.TooBigError,
    TypeError, ValueError, OverflowError,
)  # fmt: skip


class SqliteJournal(SqliteReader):
    """The one writer of a journal file."""

    def __init__(self, path: Path, lock_wait_s: float = 0.0) -> None:
        """Open or create a journal for writing (folder 0700, file 0600).

        Raises:
            JournalError: another writer holds it, or the place cannot be written.
            JournalFull: there is no room to begin.
            JournalCorrupt: what is there is damaged, foreign or of a newer format.

        """
        if tuple(map(int, apsw.sqlite_lib_version().split("."))) < schema.SQLITE_MIN:
            raise JournalError(
                "sqlite",
                f"SQLite {apsw.sqlite_lib_version()} has the WAL-reset bug: install apsw 3.51.3 or newer",
                f"SQLite {apsw.sqlite_lib_version()} 存在 WAL 重置缺陷：请安装 apsw 3.51.3 或更新版本",
            )
        self.path = path
        self._failure: JournalError | None = None
        self._wal_pages = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = WriterLock(path, lock_wait_s)
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, 0o600)
        os.close(fd)
        self._db = self._connect(apsw.SQLITE_OPEN_READWRITE)
        try:
            if not self._one("PRAGMA application_id")[0]:
                self._create()
            self._check_format()
            self._db.execute("PRAGMA journal_mode = WAL")
            self._upgrade()
            self._db.set_wal_hook(self._count_pages)
            self.check_tail()
            self._head = self.head()
            self._checkpoint()
        except apsw.Error as error:
            self._let_go()
            raise self._medium(error) from None
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        """Close the file. That its log could not be moved into it is no failure: the next start moves it."""
        with suppress(apsw.Error):
            self._db.close()

    def _create(self) -> None:
        if self._one("SELECT count(*) FROM sqlite_schema")[0]:
            raise foreign(self.path)
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._db:
            self._db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {schema.FORMAT}")
            for text in schema.objects(schema.FORMAT).values():
                self._db.execute(text)
            self._set_meta("format", str(schema.FORMAT))
            self._set_meta("incarnation", "0")
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _upgrade(self) -> None:
        """Bring an older format up, in one commit; facts and rows stay as they are."""
        if self._format() == schema.FORMAT:
            return
        with self._db:
            for text in schema.ADDED.values():
                self._db.execute(text)
            self._set_meta("format", str(schema.FORMAT))
            self._db.execute(f"PRAGMA user_version = {schema.FORMAT}")

    def _set_meta(self, name: str, value: str) -> None:
        self._db.execute(schema.SET_META, (name, value, schema.check_digest(name, value.encode())))

    def _medium(self, error: apsw.Error) -> JournalError:
        """Turn an error of the medium into ours; SQLite's own text may quote values, so only its kind is kept."""
        kind = type(error).__name__
        if isinstance(error, apsw.CorruptError | apsw.NotADBError):
            return corrupt(self.path, kind, kind)
        return JournalFull(
            "full",
            f"{self.path} cannot be written ({kind}): free disk space or repair the disk, then start again; "
            "nothing unacknowledged was kept",
            f"{self.path} 无法写入（{kind}）：请腾出磁盘空间或修复磁盘后重新启动；未确认的内容均未保存",
        )

    def _count_pages(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return 0

    def _checkpoint(self) -> None:
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._wal_pages = 0

    # ---------------------------------------------------------------- writing
    def commit(self, changes: Sequence[Change]) -> int:
        """Store changes durably, all or nothing, in order; give the last sequence number.

        Raises:
            JournalFull: nothing was stored and nothing more will be.
            AssertionError: a posting key is used a second time, or a row does not fit; nothing was stored.

        """
        if self._failure is not None:
            raise self._failure
        if not changes:
            return self._head.seq
        if self._wal_pages > _CHECKPOINT_PAGES:
            self._checkpoint_or_stop()  # here, where the group before is acknowledged already
        try:
            self._db.execute("BEGIN IMMEDIATE")
            head = self._store(changes)
            self._db.execute("COMMIT")
        except _OUR_FAULT as error:
            self._rollback()
            # SQLite names the columns, never the values
            what = str(error) if isinstance(error, apsw.ConstraintError) else type(error).__name__
            raise AssertionError(f"a change does not fit into the journal: {what}") from None
        except AssertionError:
            self._rollback()
            raise
        except apsw.Error as error:
            self._rollback()
            self._failure = self._medium(error)
            raise self._failure from None
        self._head = head
        return head.seq

    def _store(self, changes: Sequence[Change]) -> Head:
        """Write one group: each table in one sweep, the row of a transaction once however often it moved."""
        seq, digest = self._head.seq, self._head.digest
        facts: list[tuple[object, ...]] = []
        opened: dict[str, tuple[object, ...]] = {}
        moved: dict[str, TxRow] = {}
        entries: list[tuple[object, ...]] = []
        cards: dict[str, bytes] = {}
        found: dict[str, tuple[object, ...]] = {}
        changed: dict[str, ExceptionRow] = {}
        for plain, row, posting, card in changes:
            seq += 1
            fact = spelled(plain)
            digest = link(digest, fact)
            facts.append((seq, *fact, digest))
            tx_id = fact[0]
            if row[0] != tx_id:
                raise AssertionError(f"a row of {row[0]} beside a fact of {tx_id}")
            if tx_id.startswith(ITEM):
                if tx_id in found:
                    if fact[2] == FOUND:
                        raise AssertionError(f"{tx_id} is found twice")
                    found[tx_id] = (found[tx_id][0], *row)
                elif fact[2] == FOUND:
                    found[tx_id] = (seq, *row)
                else:
                    changed[tx_id] = row
            elif tx_id in opened:
                if fact[2] == OPENED:
                    raise AssertionError(f"{tx_id} is opened twice")
                opened[tx_id] = (opened[tx_id][0], *row)
            elif fact[2] == OPENED:
                opened[tx_id] = (seq, *row)
            else:
                moved[tx_id] = row
            if posting is not None:
                key, owner, currency, lines = posting
                entries += [(key, line, owner, currency, *entry, seq) for line, entry in enumerate(lines)]
            if card is not None:
                cards[tx_id] = card
        self._sweep(facts, opened, moved, entries)
        if found or changed:
            self._store_exceptions(found, changed)
        if cards:
            self._store_cards(cards)
        return Head(seq, digest)

    def _sweep(
        self,
        facts: list[tuple[object, ...]],
        opened: dict[str, tuple[object, ...]],
        moved: dict[str, TxRow],
        entries: list[tuple[object, ...]],
    ) -> None:
        db = self._db
        db.executemany(schema.INSERT_FACT, facts)
        if opened:
            db.executemany(schema.INSERT_TX, opened.values())
        if moved:
            before = db.total_changes()
            db.executemany(schema.UPDATE_TX, moved.values())
            if db.total_changes() - before != len(moved):
                raise AssertionError("a transaction moved that was never opened")
        if entries:
            db.executemany(schema.INSERT_ENTRY, entries)

    def _store_exceptions(
        self, found: dict[str, tuple[object, ...]], changed: dict[str, ExceptionRow]
    ) -> None:
        db = self._db
        db.executemany(schema.INSERT_EXCEPTION, found.values())
        before = db.total_changes()
        db.executemany(schema.UPDATE_EXCEPTION, changed.values())
        if db.total_changes() - before != len(changed):
            raise AssertionError("a finding changed that was never found")

    def _store_cards(self, cards: dict[str, bytes]) -> None:
        kept = [
            (tx, sealed, schema.check_digest(tx, sealed))
            for tx, sealed in cards.items()
            if sealed != FORGET_CARD
        ]
        if kept:
            self._db.executemany(schema.KEEP_CARD, kept)
        gone = [(tx,) for tx, sealed in cards.items() if sealed == FORGET_CARD]
        if gone:
            self._db.executemany(schema.FORGET_CARD, gone)

    def _rollback(self) -> None:
        if self._db.in_transaction:
            # an error of the medium may already have ended it; the one that brought us here is the one to report
            with suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def _checkpoint_or_stop(self) -> None:
        """Move the log into the file."""
        try:
            self._checkpoint()
        except apsw.BusyError:
            return  # a reader is in the way: the log grows until the next group
        except apsw.Error as error:
            self._failure = self._medium(error)
            raise self._failure from None

    def next_incarnation(self) -> int:
        """Count a start of a writer, durably."""
        if self._failure is not None:
            raise self._failure
        number = self.incarnation() + 1
        try:
            with self._db:
                self._set_meta("incarnation", str(number))
        except apsw.Error as error:
            self._failure = self._medium(error)
            raise self._failure from None
        return number

    def close(self) -> None:
        """Move the log into the file and release both; idempotent."""
        try:
            self._let_go()
        finally:
            self._lock.release()


ENGINE = Engine("sqlite", SqliteJournal, durable=True)

__all__ = ["ENGINE", "JournalCorrupt", "SqliteJournal", "SqliteReader"]
