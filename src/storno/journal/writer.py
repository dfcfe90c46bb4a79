"""The journal writer in its own process, so that hashing and SQL cost the gateway's loop nothing but a `send`.

Frames both ways: length (u32, little endian), then a marshalled tuple. The child commits whatever is waiting as one
group and acknowledges its highest token. When the parent dies, the child finishes what it has read and ends.
"""

from __future__ import annotations

import gc
import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import storno
from storno.journal.base import JournalCorrupt, JournalError, JournalFull
from storno.journal.port import Durable, Failed, Report, closed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.journal.base import Journal
    from storno.journal.fact import Change

BACKLOG_MAX: Final = 64 * 1024 * 1024
GROUP_MAX: Final = 4_096
"""Changes after which a group is closed even if more are waiting."""
_LENGTH = struct.Struct("<I")
_RECV: Final = 1 << 20
_BUFFER: Final = 4 << 20
_LOCK_WAIT_S: Final = 5.0
_KINDS: dict[str, type[JournalError]] = {
    kind.__name__: kind for kind in (JournalError, JournalFull, JournalCorrupt)
}


def _without_secrets() -> dict[str, str]:
    """Give the environment for the child: it holds facts and sealed cards, and needs no key."""
    return {name: value for name, value in os.environ.items() if name != "STORNO_MASTER_KEY"}


def _frame(message: tuple[Any, ...]) -> bytes:
    body = marshal.dumps(message)
    return _LENGTH.pack(len(body)) + body


class _Frames:
    """Cuts a byte stream back into messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[tuple[Any, ...]]:
        """Take bytes; give the messages they complete."""
        held = self._held
        held += data
        messages: list[tuple[Any, ...]] = []
        at = 0
        while len(held) - at >= 4:
            end = at + 4 + _LENGTH.unpack_from(held, at)[0]
            if end > len(held):
                break
            messages.append(marshal.loads(memoryview(held)[at + 4 : end]))  # noqa: S302 - our own child's private socket
            at = end
        del held[:at]
        return messages


class JournalWriter:
    """The parent's side: the port of `port.Writer` over a child process that holds the journal."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self.incarnation = 0
        self._sock = sock
        self._process = process
        self._frames = _Frames()
        self._out = bytearray()
        self._token = 0
        self._failure: Failed | None = None
        self._reported = False
        self._ended = False

    @classmethod
    def start(cls, path: Path, timeout_s: float = 15.0) -> Self:
        """Start the child and wait until it holds the journal.

        Raises:
            JournalError: as `SqliteJournal` raises it, or code `start` when the child does not come up in time.

        """
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        package = str(Path(storno.__file__).parents[1])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-m", "storno.journal.writer", str(path), str(theirs.fileno())]
        with theirs:
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**_without_secrets(), "PYTHONPATH": os.pathsep.join(paths)},
            )
        writer = cls(ours, process)
        try:
            writer._greet(timeout_s)
        except BaseException:
            writer._reap(0)
            raise
        ours.setblocking(False)
        return writer

    def _greet(self, timeout_s: float) -> None:
        self._sock.settimeout(timeout_s)
        try:
            while data := self._sock.recv(_RECV):
                for what, *rest in self._frames.feed(data):
                    if what == "ready":
                        self.incarnation = rest[0]
                        return
                    kind, code, english, chinese = rest
                    raise _KINDS[kind](code, english, chinese)
        except TimeoutError:
            pass
        raise JournalError("start", "the journal writer did not start", "流水写入进程未能启动")

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def backlog(self) -> int:
        """Bytes submitted that the child has not taken yet."""
        return len(self._out)

    @property
    def wants_write(self) -> bool:
        """Say whether `flush` should be called when `fileno` is writable."""
        return bool(self._out) and self._failure is None

    def submit(self, token: int, changes: Sequence[Change]) -> None:
        """Hand over changes under a token higher than every one before; never blocks.

        Raises:
            JournalError: code `backlog`, the child is too far behind; `closed`, it has failed or was closed.

        """
        if self._failure is not None:
            raise closed(self._failure.text, self._failure.chinese)
        if self._ended:
            raise closed()
        if token <= self._token:
            raise AssertionError(f"token {token} after {self._token}")
        if len(self._out) > BACKLOG_MAX:
            raise JournalError("backlog", "the journal writer is too far behind", "流水写入积压过多")
        self._token = token
        frame = _frame((token, changes))
        if not self._out:
            sent = self._send(frame)
            if sent == len(frame):
                return
            frame = frame[sent:]
        self._out += frame

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return 0  # the child is gone; `receive` reads why, or that it just ended

    def flush(self) -> None:
        """Push the backlog as far as the child takes it; never blocks."""
        if self._out:
            del self._out[: self._send(self._out)]

    def fileno(self) -> int:
        """Give the socket's descriptor: readable means `receive`, writable means `flush`."""
        return self._sock.fileno()

    def receive(self) -> list[Report]:
        """Give what was reported since the last call; never blocks."""
        reports: list[Report] = []
        while self._failure is None and not self._ended:
            try:
                data = self._sock.recv(_RECV)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._failure = Failed(
                    "the journal writer ended unexpectedly", "流水写入进程意外结束", "ended"
                )
                break
            reports += self._read(data)
            if len(data) < _RECV:
                break
        if self._failure is not None and not self._reported:
            self._reported = True
            reports.append(self._failure)
        return reports

    def _read(self, data: bytes) -> list[Report]:
        reports: list[Report] = []
        for what, *rest in self._frames.feed(data):
            if what == "durable":
                reports.append(Durable(*rest))
            else:
                _, code, english, chinese = rest
                self._failure = Failed(english, chinese, code)
        return reports

    def close(self, timeout_s: float = 10.0) -> list[Report]:
        """Finish everything submitted and stop the child; give the reports that came meanwhile.

        A child that does not end in time is killed, and what it had not acknowledged is reported as failed.
        """
        if self._ended:
            return []
        deadline = time.monotonic() + timeout_s
        reports: list[Report] = []
        sending = True
        while self._failure is None and (left := deadline - time.monotonic()) > 0:
            if sending and not self._out:
                sending = False
                self._sock.shutdown(socket.SHUT_WR)
            readable, _, _ = select.select([self._sock], [self._sock] if sending else [], [], left)
            self.flush()
            if readable:
                data = self._last_words()
                if not data:
                    break
                reports += self._read(data)
        if self._out and self._failure is None:
            self._failure = Failed(
                "the journal writer did not finish in time", "流水写入进程未按时结束", "timeout"
            )
        if self._failure is not None and not self._reported:
            self._reported = True
            reports.append(self._failure)
        self._reap(max(0.1, deadline - time.monotonic()))
        return reports

    def _last_words(self) -> bytes:
        try:
            return self._sock.recv(_RECV)
        except OSError:
            return b""

    def _reap(self, timeout_s: float) -> None:
        self._ended = True
        self._sock.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# -------------------------------------------------------------------- the child
class _Inbox:
    """The child's end: waits for a submission, then takes every other that is already there."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._frames = _Frames()
        self.open = True

    def take(self) -> list[tuple[int, list[Change]]]:
        """Give the submissions of one group; empty only at the end of the stream."""
        group: list[tuple[int, list[Change]]] = []
        rows = 0
        while self.open and rows < GROUP_MAX:
            try:
                data = self._sock.recv(_RECV, socket.MSG_DONTWAIT if group else 0)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.open = False
            for token, changes in self._frames.feed(data):
                group.append((token, changes))
                rows += len(changes)
        return group


def serve(journal: Journal, sock: socket.socket) -> None:
    """Commit what arrives, group by group, until the parent hangs up or the medium fails."""
    inbox = _Inbox(sock)
    while group := inbox.take():
        changes = [change for _, submitted in group for change in submitted]
        try:
            seq = journal.commit(changes)
        except JournalError as error:
            _tell(sock, ("failed", type(error).__name__, error.code, error.english, error.chinese))
            return
        except AssertionError as error:
            _tell(sock, ("failed", "JournalError", "contract", str(error), f"违反内部约定：{error}"))
            raise
        _tell(sock, ("durable", group[-1][0], seq))


def _tell(sock: socket.socket, message: tuple[Any, ...]) -> None:
    try:
        sock.sendall(_frame(message))
    except OSError:
        return  # the parent is gone; what it submitted is still committed


def main(arguments: list[str]) -> int:
    """Hold the journal named by the first argument for the parent at the other end of the second, a descriptor."""
    # Ctrl-C and a service stop reach the whole process group; the parent decides when this end comes
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from storno.journal.sqlite import SqliteJournal

    gc.disable()  # what arrives is plain tuples without cycles: looking for some is wasted work

    with socket.socket(fileno=int(arguments[1])) as sock:
        try:
            journal = SqliteJournal(Path(arguments[0]), _LOCK_WAIT_S)
            incarnation = journal.next_incarnation()
        except JournalError as error:
            _tell(sock, ("failed", type(error).__name__, error.code, error.english, error.chinese))
            return 1
        except OSError as error:
            what = error.strerror or type(error).__name__
            _tell(
                sock,
                (
                    "failed",
                    "JournalError",
                    "unwritable",
                    f"{arguments[0]}: {what}",
                    f"{arguments[0]}：{what}",
                ),
            )
            return 1
        _tell(sock, ("ready", incarnation))
        try:
            serve(journal, sock)
        finally:
            journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
