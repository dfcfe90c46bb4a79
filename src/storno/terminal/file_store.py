"""The terminal's memory on disk: one small SQLite file and one key file, both for their owner only.

Rule: WAL with synchronous=FULL, so a commit that returned survives a power cut; card numbers and the reversal record
are sealed with AES-256-GCM under the store's key and are overwritten when deleted. One process at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storno.iso8583.profile import Reason
from storno.terminal.memory import Remembered
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome
from storno.terminal.state import (
    Change,
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
from storno.terminal.store import StoreError

_APPLICATION = 0x53544F54  # "STOT"
_FORMAT = 1
_NONCE_SIZE, _KEY_SIZE = 12, 32
_Row = TypeVar("_Row", Entry, Exhausted)
_SCHEMA = """
CREATE TABLE numbers (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
CREATE TABLE pending (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL);
CREATE TABLE entries (
    batch TEXT NOT NULL, stan TEXT NOT NULL, at_ms INTEGER NOT NULL, settled INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (batch, stan, at_ms)) WITHOUT ROWID;
CREATE TABLE cards (batch TEXT NOT NULL, stan TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (batch, stan));
CREATE TABLE exceptions (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""
_ENUMS: dict[str, type[Enum]] = {
    "operation": Operation,
    "outcome": Outcome,
    "cause": Cause,
    "reversal": Reversal,
    "reason": Reason,
}


class FileStore:
    """A terminal's store in a file.

    Raises:
        StoreError: the file is in use, is not a terminal's, or cannot be opened; its key is missing or wrong.

    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(path.with_suffix(".lock"))
        try:
            self._cipher = AESGCM(_key(path.with_suffix(".key"), fresh=not path.exists()))
            self._open(path)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(2000)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            found = self._db.execute("PRAGMA application_id").fetchall()[0][0]
            empty = not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0]
            if empty:
                with self._db:
                    self._db.execute(_SCHEMA)
                    self._db.execute(f"PRAGMA application_id={_APPLICATION}")
                    self._db.execute(f"PRAGMA user_version={_FORMAT}")
                return
            version = self._db.execute("PRAGMA user_version").fetchall()[0][0]
        except (apsw.Error, OSError) as error:
            raise _trouble(error) from error
        if found != _APPLICATION or version != _FORMAT:
            raise StoreError(
                f"{path.name} is not a terminal's file of this version; move it away or use another --home",
                f"{path.name} 不是本版本的终端数据文件，请移走或换用其他 --home",
            )

    def load(self) -> Remembered:
        """Give what the core starts from."""
        rows = self._rows("SELECT body FROM numbers")
        numbers = Numbers(**json.loads(rows[0][0])) if rows else Numbers()
        sealed = self._rows("SELECT sealed FROM pending")
        if not sealed:
            return Remembered(numbers)
        pending = _pending(self._unseal(sealed[0][0], b"pending"))
        at = (pending.batch, pending.stan, pending.at_ms)
        found = self._rows("SELECT body FROM entries WHERE batch=? AND stan=? AND at_ms=?", at)
        return Remembered(numbers, pending, _read(Entry, found[0][0]) if found else None)

    def commit(self, changes: Sequence[Change]) -> None:
        """Store the changes in one transaction, synced when it returns."""
        try:
            with self._db:
                for change in changes:
                    self._apply(change)
        except (apsw.Error, OSError) as error:
            raise _trouble(error) from error

    def _apply(self, change: Change) -> None:
        do = self._db.execute
        match change:
            case SetNumbers(numbers):
                do("INSERT OR REPLACE INTO numbers VALUES (1, ?)", (json.dumps(numbers._asdict()),))
            case SetPending(pending):
                do("INSERT OR REPLACE INTO pending VALUES (1, ?)", (self._seal(_write(pending), b"pending"),))
            case ClearPending():
                do("DELETE FROM pending")
            case PutEntry(e):
                do(
                    "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                    (e.batch, e.stan, e.at_ms, int(e.settled), _write(e)),
                )
            case DropEntry(batch, stan, at_ms):
                do("DELETE FROM entries WHERE batch=? AND stan=? AND at_ms=?", (batch, stan, at_ms))
            case PutException(exhausted):
                do("INSERT INTO exceptions (body) VALUES (?)", (_write(exhausted),))
            case KeepCard(batch, stan, pan):
                sealed = self._seal(pan, _card_name(batch, stan))
                do("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", (batch, stan, sealed))
            case CloseBatch(batch):
                do(
                    "UPDATE entries SET settled=1, body=json_set(body, '$.settled', json('true')) WHERE batch=?",
                    (batch,),
                )
                do("DELETE FROM cards WHERE batch=?", (batch,))

    def entries(self, batch: str | None = None) -> tuple[Entry, ...]:
        """Give the rows of a batch (all batches when None), oldest first."""
        rows = self._rows(
            "SELECT body FROM entries WHERE ?1 IS NULL OR batch=?1 ORDER BY at_ms, stan", (batch,)
        )
        return tuple(_read(Entry, body) for (body,) in rows)

    def open_batches(self) -> tuple[str, ...]:
        """Give the batches with rows that are not settled, oldest first."""
        rows = self._rows("SELECT batch FROM entries WHERE settled=0 GROUP BY batch ORDER BY min(at_ms)")
        return tuple(batch for (batch,) in rows)

    def card(self, batch: str, stan: str) -> str | None:
        """Give the card's number of an approved row of an open batch; None when it is gone."""
        rows = self._rows("SELECT sealed FROM cards WHERE batch=? AND stan=?", (batch, stan))
        return self._unseal(rows[0][0], _card_name(batch, stan)) if rows else None

    def exceptions(self) -> tuple[Exhausted, ...]:
        """Give the reversals that were given up, oldest first."""
        return tuple(
            _read(Exhausted, body) for (body,) in self._rows("SELECT body FROM exceptions ORDER BY id")
        )

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        os.close(self._lock)

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except apsw.Error as error:
            raise _trouble(error) from error

    def _seal(self, text: str, name: bytes) -> bytes:
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), name)

    def _unseal(self, sealed: bytes, name: bytes) -> str:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], name).decode()
        except InvalidTag:
            raise StoreError(
                "the terminal's key file does not belong to its data file: restore the pair from one backup",
                "终端密钥文件与数据文件不匹配，请从同一备份恢复",
            ) from None


def _card_name(batch: str, stan: str) -> bytes:
    return f"card {batch} {stan}".encode()


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreError(
            f"terminal {path.stem} is in use by another process: wait for it to finish",
            f"终端 {path.stem} 正被另一进程使用，请等其结束",
        ) from None
    return handle


def _key(path: Path, *, fresh: bool) -> bytes:
    """Read the store's key; make one only together with a new data file, never beside an old one."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        if not fresh:
            raise StoreError(
                f"the key file {path.name} is missing: restore it, or the pending reversal cannot be read",
                f"缺少密钥文件 {path.name}，请恢复，否则无法读取待冲正记录",
            ) from None
        key = AESGCM.generate_key(8 * _KEY_SIZE)
        draft = path.with_suffix(".key-new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    if len(key) != _KEY_SIZE:
        raise StoreError(
            f"the key file {path.name} is damaged: restore it", f"密钥文件 {path.name} 损坏，请恢复"
        )
    return key


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _trouble(error: apsw.Error | OSError) -> StoreError:
    # The class only: the text of a database error can quote the row.
    name = type(error).__name__
    return StoreError(
        f"the terminal's store refuses ({name}): check disk space and permissions",
        f"终端数据无法读写（{name}），请检查磁盘空间与权限",
    )


def _write(value: Entry | Exhausted | Pending) -> str:
    return json.dumps(value._asdict(), default=lambda member: member.value, ensure_ascii=False)


def _members(body: str) -> dict[str, Any]:
    return {k: _ENUMS[k](v) if k in _ENUMS else v for k, v in json.loads(body).items()}


def _read(kind: type[_Row], body: str) -> _Row:
    return kind(**_members(body))


def _pending(body: str) -> Pending:
    members = _members(body)
    members["fields"] = tuple((number, text) for number, text in members["fields"])
    return Pending(**members)
