"""The host's folder under STORNO_HOME: its books, the key of its card tokens, its lock.

Rule: one writer; readers may look while it runs. The token key is made on first use and readable by its owner only.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from storno.sim.books import Books, BooksOptions
from storno.sim.shelf import ShelfError, SqliteShelf

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "host"
BOOKS = "books.db"
KEY_FILE = "token.key"
LOCK = "lock"
_KEY_BYTES = 32


@dataclass(slots=True)
class HostHome:
    """An opened folder: close it when the host stops."""

    shelf: SqliteShelf
    token_key: bytes
    lock: IO[str]

    def close(self) -> None:
        """Close the books and let go of the lock."""
        self.shelf.close()
        self.lock.close()


def open_home(home: Path) -> HostHome:
    """Open the folder for writing, creating it on first use.

    Raises:
        ShelfError: another host uses it, or its files cannot be used.

    """
    folder = home / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        raise ShelfError(
            f"the host's folder {folder} cannot be used: {error}", f"主机目录 {folder} 无法使用：{error}"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ShelfError(
            f"another host is running with {folder}; stop it, or choose another --home",
            f"已有主机在使用 {folder}；请先停止它，或另选 --home",
        ) from None
    try:
        return HostHome(SqliteShelf(folder / BOOKS), _token_key(folder / KEY_FILE), lock)
    except ShelfError:
        lock.close()
        raise


def read_books(home: Path) -> Books:
    """Read the books of a home, also while its host runs.

    Raises:
        ShelfError: there are none, or they cannot be read.

    """
    path = home / FOLDER / BOOKS
    if not path.exists():
        raise ShelfError(f"no host has kept books in {home}", f"{home} 中没有主机账目")
    shelf = SqliteShelf(path, read_only=True)
    try:
        return Books(shelf, BooksOptions())
    finally:
        shelf.close()


def _token_key(path: Path) -> bytes:
    try:
        if not path.exists():
            draft = path.with_suffix(".new")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            draft.replace(path)
        key = path.read_bytes()
    except OSError as error:
        raise ShelfError(
            f"the token key {path} cannot be used: {error}", f"卡号令牌密钥 {path} 无法使用：{error}"
        ) from error
    if len(key) != _KEY_BYTES:
        raise ShelfError(
            f"the token key {path} is damaged; remove the host's folder to start with empty books",
            f"卡号令牌密钥 {path} 已损坏；删除主机目录可从空账重新开始",
        )
    return key
