"""The SQLite journal's tables and statements.

Every index costs each commit a page, so there is one only where `base.Journal` asks a question that would otherwise
read the whole table. Rows of what never changes are written at the opening; only the rest is updated.
"""

from __future__ import annotations

import hashlib
from typing import Final

from storno.journal.exception_fact import EXCEPTION_COLUMNS
from storno.journal.fact import TX_COLUMNS

APPLICATION_ID: Final = 0x53544F52
"""Marks the file as ours ("STOR"), so that a foreign database is refused instead of read."""
FORMAT: Final = 2
"""2 adds the exceptions; the writer brings a journal of format 1 up when it opens it, a reader takes both."""
READABLE: Final = (1, 2)
SQLITE_MIN: Final = (3, 51, 3)
"""The first SQLite without the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""

_INTEGERS = frozenset(
    {
        "pending",
        "amount_minor",
        "approved_minor",
        "attempts",
        "due_ms",
        "tombstone",
        "opened_ms",
        "updated_ms",
        "expected_minor",
        "found_minor",
        "unsettled",
        "moves",
        "version",
        "found_ms",
        "seq",
        "at_ms",
        "line",
        "opened_seq",
        "found_seq",
    }
)
_NULLABLE = frozenset({"approved_minor", "case_kind", "trigger", "expected_minor", "found_minor", "how"})
_FIXED = frozenset({
    "tx_id", "tid", "mid", "batch", "stan", "date", "kind", "amount_minor", "currency", "original", "pan_masked",
    "pan_token", "tombstone", "opened_ms",
})  # fmt: skip


def _column(name: str, identity: str = "tx_id") -> str:
    kind = "INTEGER" if name in _INTEGERS else "TEXT"
    unique = " UNIQUE" if name == identity else ""
    return f'"{name}" {kind}{"" if name in _NULLABLE else " NOT NULL"}{unique}'


OBJECTS: Final[dict[str, str]] = {
    "meta": (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID"
    ),
    "facts": (
        "CREATE TABLE facts (seq INTEGER PRIMARY KEY, tx_id TEXT NOT NULL, at_ms INTEGER NOT NULL, "
        "input TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, digest BLOB NOT NULL) STRICT"
    ),
    "transactions": (
        f"CREATE TABLE transactions (opened_seq INTEGER PRIMARY KEY, {', '.join(map(_column, TX_COLUMNS))}) STRICT"
    ),
    "entries": (
        "CREATE TABLE entries (posting TEXT NOT NULL, line INTEGER NOT NULL, tx_id TEXT NOT NULL, "
        "currency TEXT NOT NULL, account TEXT NOT NULL, amount_minor INTEGER NOT NULL, seq INTEGER NOT NULL, "
        "PRIMARY KEY (posting, line)) STRICT, WITHOUT ROWID"
    ),
    "cards": (
        "CREATE TABLE cards (tx_id TEXT PRIMARY KEY, sealed BLOB NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID"
    ),
    "facts_by_tx": "CREATE INDEX facts_by_tx ON facts (tx_id)",
    "tx_by_key": "CREATE INDEX tx_by_key ON transactions (tid, stan, batch, mid)",
    "tx_by_rrn": "CREATE INDEX tx_by_rrn ON transactions (rrn) WHERE rrn <> ''",
    "tx_by_auth_code": "CREATE INDEX tx_by_auth_code ON transactions (auth_code) WHERE auth_code <> ''",
    "tx_pending": "CREATE INDEX tx_pending ON transactions (opened_seq) WHERE pending = 1",
    "tx_cases": "CREATE INDEX tx_cases ON transactions (opened_seq) WHERE case_kind IS NOT NULL",
}
"""Name and text of every table and index of format 1, in the order of their making."""
_FINDINGS = ", ".join(_column(name, "item") for name in EXCEPTION_COLUMNS)
ADDED: Final[dict[str, str]] = {
    "findings": f"CREATE TABLE findings (found_seq INTEGER PRIMARY KEY, {_FINDINGS}) STRICT",
    "findings_unsettled": "CREATE INDEX findings_unsettled ON findings (found_seq) WHERE unsettled = 1",
    "findings_by_tx": "CREATE INDEX findings_by_tx ON findings (tx_id) WHERE tx_id <> ''",
}
"""What format 2 has more."""


def objects(version: int) -> dict[str, str]:
    """Give every table and index of a format, in the order of their making."""
    return OBJECTS if version == 1 else {**OBJECTS, **ADDED}


PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",  # NORMAL lost acknowledged rows at power failure, see docs/adr/0003
    "PRAGMA secure_delete = ON",  # a forgotten card leaves no bytes in the file
    "PRAGMA wal_autocheckpoint = 0",  # the writer checkpoints between groups, when it says so
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
)

COLUMNS: Final = ", ".join(f'"{name}"' for name in TX_COLUMNS)
INSERT_FACT: Final = "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_TX: Final = f"INSERT INTO transactions VALUES ({', '.join('?' * (len(TX_COLUMNS) + 1))})"  # noqa: S608
UPDATE_TX: Final = (
    "UPDATE transactions SET "  # noqa: S608 - column names of this package
    + ", ".join(f'"{name}" = ?{place}' for place, name in enumerate(TX_COLUMNS, 1) if name not in _FIXED)
    + " WHERE tx_id = ?1"
)
"""Takes a whole row: the places of what never changes are not used, and no index over them is touched."""
EXCEPTION_NAMES: Final = ", ".join(f'"{name}"' for name in EXCEPTION_COLUMNS)
INSERT_EXCEPTION: Final = f"INSERT INTO findings VALUES ({', '.join('?' * (len(EXCEPTION_COLUMNS) + 1))})"  # noqa: S608
UPDATE_EXCEPTION: Final = (
    "UPDATE findings SET "  # noqa: S608 - column names of this package
    + ", ".join(f'"{name}" = ?{place}' for place, name in enumerate(EXCEPTION_COLUMNS, 1) if name != "item")
    + " WHERE item = ?1"
)
INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)"
KEEP_CARD: Final = "INSERT OR REPLACE INTO cards VALUES (?, ?, ?)"
FORGET_CARD: Final = "DELETE FROM cards WHERE tx_id = ?"
SPANS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "facts": (
        ("seq", "at_ms", "tx_id", "input", "state", "body", "digest"),
        "SELECT seq, at_ms, tx_id, input, state, body, digest FROM facts WHERE at_ms >= ? AND at_ms < ? ORDER BY seq",
    ),
    "transactions": (
        ("opened_seq", *TX_COLUMNS),
        "SELECT * FROM transactions WHERE opened_ms >= ? AND opened_ms < ? ORDER BY opened_seq",
    ),
    "postings": (
        ("posting", "line", "tx_id", "currency", "account", "amount_minor", "seq", "at_ms"),
        (
            "SELECT e.posting, e.line, e.tx_id, e.currency, e.account, e.amount_minor, e.seq, f.at_ms "
            "FROM entries AS e CROSS JOIN facts AS f ON f.seq = e.seq WHERE f.at_ms >= ? AND f.at_ms < ?"
        ),
    ),
    "findings": (
        ("found_seq", *EXCEPTION_COLUMNS),
        "SELECT * FROM findings WHERE found_ms >= ? AND found_ms < ? ORDER BY found_seq",
    ),
}
"""What is read out by time: columns, and a statement that streams (nothing is sorted in memory)."""


def kind_of(column: str) -> str:
    """Give what a column of `SPANS` holds: INTEGER, TEXT or BLOB."""
    return "INTEGER" if column in _INTEGERS else "BLOB" if column == "digest" else "TEXT"


SET_META: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)"


def check_digest(name: str, value: bytes) -> bytes:
    """Give the digest stored beside what the fact chain does not cover: a card or a line of meta."""
    return hashlib.sha256(name.encode() + b"\n" + value).digest()
