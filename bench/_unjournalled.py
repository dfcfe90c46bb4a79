"""`storno gateway` with a journal writer that writes nothing: what the journal costs is the difference.

Lives here and nowhere else: a gateway that promises what it has not written must not be within anybody's reach.
"""

from __future__ import annotations

import os
import sys

import storno.app.build
from storno.cli.main import main
from storno.journal.port import Durable
from storno.journal.writer import JournalWriter


class NullWriter:
    """Reports every submission as durable in the next turn of the loop."""

    backlog = 0
    wants_write = False

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self._wake, self._bell = os.pipe()
        self._token = 0

    @classmethod
    def start(cls, path) -> NullWriter:
        real = JournalWriter.start(path)  # makes the file that the reader opens
        real.close()
        return cls(real.incarnation)

    def submit(self, token: int, changes: object) -> None:
        self._token = token
        os.write(self._bell, b"\0")

    def fileno(self) -> int:
        return self._wake

    def receive(self) -> list[Durable]:
        os.read(self._wake, 4096)
        return [Durable(self._token, 0)]

    def flush(self) -> None: ...

    def close(self, timeout_s: float = 10.0) -> None:
        os.close(self._wake)
        os.close(self._bell)


if __name__ == "__main__":
    storno.app.build.JournalWriter = NullWriter
    sys.exit(main())
