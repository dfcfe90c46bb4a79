"""One writer at a time: an advisory lock on a file beside the journal, with the holder's process id in it.

The kernel drops the lock when the holder ends, however it ends, so a stale file never blocks a start.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from storno.journal.base import JournalError

if TYPE_CHECKING:
    from pathlib import Path

_RETRY_S = 0.02


class WriterLock:
    """The right to write one journal, held until `release` or the end of the process."""

    def __init__(self, journal: Path, wait_s: float = 0.0) -> None:
        """Take the lock; `wait_s` bridges a writer that is just finishing what its dead parent sent.

        Raises:
            JournalError: code `busy`, another process (or another journal object of this one) holds it.

        """
        self.path = journal.with_name(journal.name + ".lock")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_s
        while not self._taken():
            if time.monotonic() >= deadline:
                holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "?"
                os.close(self._fd)
                raise JournalError(
                    "busy",
                    f"{journal} is being written by process {holder}; stop it (or its gateway) first",
                    f"{journal} 正由进程 {holder} 写入；请先停止该进程（或其网关）",
                )
            time.sleep(_RETRY_S)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; the file stays, so that two starters always meet at the same inode."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
