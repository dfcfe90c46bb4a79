"""Where the host's books survive a restart: a dictionary, or one SQLite file.

Rule: what was committed before an answer left is there after `kill -9`. Power loss is not survived on purpose
(synchronous=OFF): this is a simulator. Card numbers never get here, only their keyed hash and masked form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import apsw

from storno.iso8583.cipher import BilingualError
from storno.reversal.kinds import Kind
from storno.sim.entry import Account, BatchState, Entry, Identity, SignIn, Standing

BatchKey = tuple[str, str, str]
FORMAT = "storno-host-1"
BUSY_TIMEOUT_MS = 5_000


class ShelfError(BilingualError):
    """A books file that cannot be used: what, and what to do."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything on a shelf; entries in the order they were first put there."""

    entries: tuple[Entry, ...] = ()
    accounts: tuple[tuple[str, Account], ...] = ()
    batches: tuple[tuple[BatchKey, BatchState], ...] = ()
    sign_ins: tuple[tuple[str, SignIn], ...] = ()
    serial: int = 0


class Shelf(Protocol):
    """What the books need: put rows, commit them together, load them all, lose them all."""

    def put_entry(self, entry: Entry) -> None:
        """Keep an entry, replacing the one of the same identity."""

    def put_account(self, account: Account) -> None:
        """Keep an account."""

    def put_batch(self, key: BatchKey, state: BatchState) -> None:
        """Keep what is remembered of a batch."""

    def put_sign_in(self, tid: str, keys: SignIn) -> None:
        """Keep a terminal's wrapped working keys."""

    def put_serial(self, serial: int) -> None:
        """Keep the counter of reference numbers."""

    def commit(self) -> None:
        """Make all that was put survive the process."""

    def load(self) -> Rows:
        """Give all that was put."""

    def clear(self) -> None:
        """Lose everything."""


class MemoryShelf:
    """A shelf that lives as long as its object: for tests, the virtual clock and `--memory-only`."""

    def __init__(self) -> None:
        self._entries: dict[Identity, Entry] = {}
        self._accounts: dict[str, Account] = {}
        self._batches: dict[BatchKey, BatchState] = {}
        self._sign_ins: dict[str, SignIn] = {}
        self._serial = 0

    def put_entry(self, entry: Entry) -> None:
        """Keep an entry."""
        self._entries[entry.identity] = entry

    def put_account(self, account: Account) -> None:
        """Keep an account."""
        self._accounts[account.token] = account

    def put_batch(self, key: BatchKey, state: BatchState) -> None:
        """Keep what is remembered of a batch."""
        self._batches[key] = state

    def put_sign_in(self, tid: str, keys: SignIn) -> None:
        """Keep a terminal's wrapped working keys."""
        self._sign_ins[tid] = keys

    def put_serial(self, serial: int) -> None:
        """Keep the counter of reference numbers."""
        self._serial = serial

    def commit(self) -> None:
        """Do nothing: memory has it already."""

    def load(self) -> Rows:
        """Give all that was put."""
        return Rows(
            tuple(self._entries.values()),
            tuple(self._accounts.items()),
            tuple(self._batches.items()),
            tuple(self._sign_ins.items()),
            self._serial,
        )

    def clear(self) -> None:
        """Lose everything."""
        for table in (self._entries, self._accounts, self._batches, self._sign_ins):
            table.clear()
        self._serial = 0


_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key)
);
"""
_UPSERT = """
INSERT INTO rows (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body
"""


class SqliteShelf:
    """A shelf in one SQLite file (WAL): one writer, readers beside it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._dirty: dict[tuple[str, str], str] = {}
        flags = (
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        try:
            if not read_only:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
            self._db = apsw.Connection(str(path), flags=flags)
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._open(read_only=read_only)
        except (apsw.Error, OSError) as error:
            raise ShelfError(
                f"the host's books at {path} cannot be opened: {error}", f"主机账目 {path} 无法打开：{error}"
            ) from error

    def _open(self, *, read_only: bool) -> None:
        if not read_only:
            self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY")
            self._db.execute(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
        (found,) = self._db.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() or ("",)
        if found != FORMAT:
            raise ShelfError(
                f"the host's books have format {found!r}, this version reads {FORMAT!r}",
                f"主机账目的格式为 {found!r}，本版本可读 {FORMAT!r}",
            )

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._db.close()

    def put_entry(self, entry: Entry) -> None:
        """Keep an entry."""
        self._dirty["entry", json.dumps(entry.identity)] = json.dumps(entry, default=_value)

    def put_account(self, account: Account) -> None:
        """Keep an account."""
        self._dirty["account", account.token] = json.dumps(account)

    def put_batch(self, key: BatchKey, state: BatchState) -> None:
        """Keep what is remembered of a batch."""
        self._dirty["batch", json.dumps(key)] = json.dumps(state)

    def put_sign_in(self, tid: str, keys: SignIn) -> None:
        """Keep a terminal's wrapped working keys."""
        self._dirty["sign_in", tid] = json.dumps([keys.code, keys.wrapped.hex(), keys.at_ms])

    def put_serial(self, serial: int) -> None:
        """Keep the counter of reference numbers."""
        self._dirty["serial", ""] = str(serial)

    def commit(self) -> None:
        """Write all dirty rows in one transaction."""
        if self._dirty:
            with self._db:
                self._db.executemany(_UPSERT, [(*key, body) for key, body in self._dirty.items()])
            self._dirty.clear()

    def load(self) -> Rows:
        """Read the whole file, what is not yet committed included."""
        self.commit()
        found: dict[str, list[tuple[str, str]]] = {}
        for kind, key, body in self._db.execute("SELECT kind, key, body FROM rows ORDER BY seq"):
            found.setdefault(str(kind), []).append((str(key), str(body)))
        return Rows(
            tuple(_entry(json.loads(body)) for _, body in found.get("entry", ())),
            tuple((key, Account(*json.loads(body))) for key, body in found.get("account", ())),
            tuple((_batch_key(key), BatchState(*json.loads(body))) for key, body in found.get("batch", ())),
            tuple((key, _sign_in(json.loads(body))) for key, body in found.get("sign_in", ())),
            next((int(body) for _, body in found.get("serial", ())), 0),
        )

    def clear(self) -> None:
        """Delete every row."""
        self._dirty.clear()
        self._db.execute("DELETE FROM rows")


_IDENTITIES = tuple(
    Entry._fields.index(name) for name in ("identity", "original", "undone_by", "completed_by")
)
_KIND = Entry._fields.index("kind")
_STANDING = Entry._fields.index("standing")


def _value(member: Kind | Standing) -> str:
    return str(member.value)


def _entry(values: list[Any]) -> Entry:
    for at in _IDENTITIES:
        values[at] = None if values[at] is None else Identity(*values[at])
    values[_KIND] = Kind(values[_KIND])
    values[_STANDING] = Standing(values[_STANDING])
    return Entry(*values)


def _batch_key(text: str) -> BatchKey:
    tid, mid, batch = json.loads(text)
    return tid, mid, batch


def _sign_in(values: list[Any]) -> SignIn:
    code, wrapped, at_ms = values
    return SignIn(code, bytes.fromhex(wrapped), at_ms)
