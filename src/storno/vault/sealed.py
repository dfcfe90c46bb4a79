"""SealedFile: rows in one small SQLite file, each value encrypted under a key derived from the master key.

AES-256-GCM with the row's kind and name as associated data, so a value cannot be moved to another row. WAL and FULL:
what `apply` confirmed survives a kill and a power cut. A file of another master key, a damaged file and a file others
can read are three different refusals. Names (TID, link, key id) are not secret and stay readable.
"""

from __future__ import annotations

import hmac
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storno.vault.base import DamagedVault, VaultError, WrongMaster
from storno.vault.permissions import FILE_MODE, private_file, private_folder, sync_folder, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from storno.vault.rows import Name, Put

MASTER_SIZE = 32
BUSY_TIMEOUT_MS = 5_000
_NONCE_SIZE = 12
_VALUE = "SELECT value FROM rows WHERE kind = ? AND name = ?"
_NAMES = "SELECT name FROM rows WHERE kind = ? ORDER BY name"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows(kind TEXT, name TEXT, value BLOB NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;
"""


class SealedFile:
    """Rows in one encrypted file. Calls may come from any thread; they wait for each other."""

    _cipher: AESGCM
    _key_id: bytes

    def __init__(self, path: Path, master: bytes, purpose: str) -> None:
        self._path = path
        self._purpose = purpose
        self._lock = threading.Lock()
        self._use(master)
        private_folder(path.parent)
        _create_privately(path)
        private_file(path)
        with self._guarded():
            self._db = apsw.Connection(str(path))
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def get(self, kind: str, name: str) -> bytes | None:
        """Read one value.

        Raises:
            DamagedVault: the value does not prove itself.
            WrongMaster: the master key was rotated by another process meanwhile.

        """
        with self._lock, self._guarded():
            found = self._query(_VALUE, (kind, name))
            return self._unseal(kind, name, found[0][0]) if found else None

    def names(self, kind: str) -> tuple[str, ...]:
        """List the names of one kind, sorted."""
        with self._lock, self._guarded():
            return tuple(row[0] for row in self._query(_NAMES, (kind,)))

    def apply(self, puts: Iterable[Put], deletes: Iterable[Name] = ()) -> None:
        """Write and delete in one durable step, all or nothing."""
        sealed = [(kind, name, self._seal(kind, name, value)) for kind, name, value in puts]
        with self._lock, self._guarded(), self._transaction():
            self._still_ours()
            self._db.executemany("DELETE FROM rows WHERE kind = ? AND name = ?", list(deletes))
            self._db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", sealed)

    def put_new(self, kind: str, name: str, value: bytes) -> bytes:
        """Write a value unless there is one already; give what stands there now."""
        sealed = self._seal(kind, name, value)
        with self._lock, self._guarded(), self._transaction():
            self._still_ours()
            self._db.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", (kind, name, sealed))
            return self._unseal(kind, name, self._query(_VALUE, (kind, name))[0][0])

    def scrub(self) -> None:
        """Empty the write-ahead log into the file, where deleted values are overwritten with zeros."""
        with self._lock, self._guarded():
            ((busy, _, _),) = self._query("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise VaultError(
                f"{self._path}: deleted, but another process still reads old pages; close it and do this again",
                f"{self._path}: 已删除, 但其他进程仍在读取旧数据; 请关闭该进程后重试",
            )

    def rotate(self, master: bytes) -> None:
        """Seal every value anew under another master key, in one step; other open processes must reopen."""
        with self._lock, self._guarded():
            old = (self._cipher, self._key_id)
            try:
                with self._transaction():
                    self._still_ours()
                    every = self._query("SELECT kind, name, value FROM rows")
                    clear = [(kind, name, self._unseal(kind, name, value)) for kind, name, value in every]
                    self._use(master)
                    sealed = [(self._seal(kind, name, value), kind, name) for kind, name, value in clear]
                    self._db.executemany("UPDATE rows SET value = ? WHERE kind = ? AND name = ?", sealed)
                    self._db.execute("UPDATE meta SET value = ? WHERE name = 'key_id'", (self._key_id,))
            except BaseException:
                self._cipher, self._key_id = old
                raise
        self.scrub()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _query(self, sql: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def _use(self, master: bytes) -> None:
        if len(master) != MASTER_SIZE:
            raise VaultError(
                f"a master key has {MASTER_SIZE} bytes, this one has {len(master)}",
                f"保险库主密钥应为 {MASTER_SIZE} 字节, 实际为 {len(master)} 字节",
            )
        # one key per purpose: a value of the key store means nothing in the card vault
        derived = HKDF(
            SHA256(), MASTER_SIZE, salt=None, info=b"storno vault 1 " + self._purpose.encode()
        ).derive(master)
        self._cipher = AESGCM(derived)
        self._key_id = hmac.digest(derived, b"storno vault key id", "sha256")[:8]

    def _prepare(self) -> None:
        with self._guarded():
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                self._query(f"PRAGMA {pragma}")
            if self._query("PRAGMA quick_check(1)") != [("ok",)]:
                raise self._damaged("quick_check")
            with self._transaction():
                self._db.execute(_SCHEMA)
                mine = [("purpose", self._purpose.encode()), ("key_id", self._key_id)]
                self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", mine)
                found: dict[str, bytes] = dict(self._query("SELECT name, value FROM meta"))
        if not all(isinstance(value, bytes) for value in found.values()):
            raise self._damaged("meta")
        purpose = found["purpose"].decode(errors="replace")
        if purpose != self._purpose:
            raise VaultError(
                f"{self._path} is a vault of {purpose}, not of {self._purpose}; check the path",
                f"{self._path} 是 {purpose} 库, 不是 {self._purpose} 库; 请检查路径",
            )
        if found["key_id"] != self._key_id:
            raise WrongMaster(
                f"{self._path} is sealed under another master key; set STORNO_MASTER_KEY or the key file to the one "
                "it was made with, or finish an interrupted rotation",
                f"{self._path} 由另一把主密钥加密; 请使用创建时的 STORNO_MASTER_KEY 或密钥文件, 或完成中断的主密钥更换",
            )

    def _seal(self, kind: str, name: str, value: bytes) -> bytes:
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, value, _label(kind, name))

    def _unseal(self, kind: str, name: str, sealed: bytes) -> bytes:
        try:
            return bytes(self._cipher.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], _label(kind, name)))
        except (InvalidTag, ValueError, TypeError):
            # a damaged row may come back with another SQLite type, hence TypeError
            self._still_ours()
            raise self._damaged(f"{kind} {name}") from None

    def _still_ours(self) -> None:
        if self._query("SELECT value FROM meta WHERE name = 'key_id'") != [(self._key_id,)]:
            raise WrongMaster(
                f"{self._path}: the master key was rotated while this process had the file open; restart it",
                f"{self._path}: 主密钥已被其他进程更换, 请重启本进程",
            )

    def _damaged(self, where: str) -> DamagedVault:
        return DamagedVault(
            f"{self._path} is damaged ({where}); nothing was changed; restore it from a backup",
            f"{self._path} 已损坏 ({where}); 内容未改变; 请用备份恢复",
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn SQLite's refusals into ours; their texts name no values."""
        try:
            yield
        except (apsw.NotADBError, apsw.CorruptError, apsw.FormatError):
            raise self._damaged("SQLite") from None
        except (apsw.SQLError, apsw.MismatchError, UnicodeDecodeError):
            raise self._damaged("schema") from None
        except (
            apsw.FullError,
            apsw.IOError,
            apsw.ReadOnlyError,
            apsw.CantOpenError,
            apsw.BusyError,
            apsw.LockedError,
            apsw.PermissionsError,
        ) as error:
            raise unwritable(self._path, error) from None


def purpose_of(path: Path) -> str:
    """Read what a sealed file is for, without its master key.

    Raises:
        DamagedVault: no sealed file.

    """
    private_file(path)
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            db.set_busy_timeout(BUSY_TIMEOUT_MS)
            found: Any = db.execute("SELECT value FROM meta WHERE name = 'purpose'").fetchone()
            return bytes(found[0]).decode()
        finally:
            db.close()
    except (apsw.Error, TypeError, UnicodeDecodeError):
        raise DamagedVault(f"{path} is no vault file", f"{path} 不是保险库文件") from None


def _create_privately(path: Path) -> None:
    """Create the file with its final permissions: SQLite gives its log the same ones."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        return
    except OSError as error:
        raise unwritable(path, error) from None
    sync_folder(path.parent)


def _label(kind: str, name: str) -> bytes:
    return f"{kind}\0{name}".encode()
