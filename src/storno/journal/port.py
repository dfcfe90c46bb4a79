"""How a gateway hands changes to a journal without waiting: the port, and its variant inside one process.

Tokens ascend; a report of a token covers every one before it. Must not know any engine.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from storno.journal.base import JournalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.journal.base import Journal
    from storno.journal.fact import Change


@dataclass(frozen=True, slots=True)
class Durable:
    """Everything submitted up to this token is on the medium; `seq` is the last fact's number."""

    token: int
    seq: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing that was not reported durable is, and nothing more will be: stop acknowledging, stop the process."""

    text: str
    chinese: str
    code: str = "failed"


Report: TypeAlias = Durable | Failed


class Writer(Protocol):
    """The port: submit, then wait for the report before doing what depends on it."""

    @property
    def incarnation(self) -> int:
        """How often a writer has started on this journal, this start included."""
        ...

    @property
    def backlog(self) -> int:
        """Bytes submitted that the writer has not taken yet."""
        ...

    @property
    def wants_write(self) -> bool:
        """Say whether `flush` should be called when `fileno` is writable."""
        ...

    def submit(self, token: int, changes: Sequence[Change]) -> None:
        """Hand over changes under a token higher than every one before; never blocks.

        Raises:
            JournalError: code `backlog`, the writer is too far behind; `closed`, it has failed or was closed.

        """
        ...

    def fileno(self) -> int:
        """Give the descriptor to wait on: readable means `receive`, writable means `flush`."""
        ...

    def receive(self) -> list[Report]:
        """Give what was reported since the last call; never blocks."""
        ...

    def flush(self) -> None:
        """Push the backlog as far as the writer takes it; never blocks."""
        ...

    def close(self, timeout_s: float = 10.0) -> list[Report]:
        """Finish everything submitted and stop; give the reports that came meanwhile."""
        ...


def closed(
    english: str = "the journal writer is closed", chinese: str = "流水写入进程已关闭"
) -> JournalError:
    """Make the error for a submission after the end."""
    return JournalError("closed", english, chinese)


class InlineWriter:
    """The port over a journal of the same process: each submission is committed where it is made."""

    backlog = 0
    wants_write = False

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.incarnation = journal.next_incarnation()
        self._reports: list[Report] = []
        self._wake, self._bell = socket.socketpair()
        self._wake.setblocking(False)
        self._bell.setblocking(False)
        self._token = 0
        self._closed = False

    def submit(self, token: int, changes: Sequence[Change]) -> None:
        """Commit changes; the report waits in `receive`."""
        if self._closed:
            raise closed()
        if token <= self._token:
            raise AssertionError(f"token {token} after {self._token}")
        self._token = token
        try:
            self._reports.append(Durable(token, self._journal.commit(changes)))
        except JournalError as error:
            self._closed = True
            self._reports.append(Failed(error.english, error.chinese, error.code))
        with suppress(BlockingIOError):  # a full bell is ringing already
            self._bell.send(b"\0")

    def fileno(self) -> int:
        """Give a descriptor that is readable while there are reports."""
        return self._wake.fileno()

    def receive(self) -> list[Report]:
        """Give what was reported since the last call."""
        with suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass
        reports, self._reports = self._reports, []
        return reports

    def flush(self) -> None:
        """Do nothing: there is never a backlog."""

    def close(self, timeout_s: float = 10.0) -> list[Report]:  # noqa: ARG002 - the port's signature
        """Close the journal too."""
        if self._wake.fileno() < 0:
            return []
        self._closed = True
        reports = self.receive()
        self._wake.close()
        self._bell.close()
        self._journal.close()
        return reports
