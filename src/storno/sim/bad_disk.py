"""A failing disk under the journal of a real gateway: `python -m storno.sim.bad_disk HOME gateway …`, in tests only.

Rule: the product is run as it is; only the journal writer, a process of its own, is started with a worse disk. Two
ways: the kernel's own limit on the size of a file, or a SQLite file system that fails when the order file says so.
"""

from __future__ import annotations

import os
import resource
import runpy
import shlex
import signal
import sys
from enum import Enum
from pathlib import Path
from typing import NoReturn

import apsw

ORDER = "disk-fault"
"""The order file in the home folder: a fault, and the share of a write that gets through. No file: all is well."""
_SCRIPT = "disk-python"
_NAME = "storno-bad-disk"


class DiskFault(Enum):
    """What the disk does from now on, until it has room again or is replaced."""

    FILE_LIMIT = "file_limit"
    """The kernel refuses to write beyond a size (EFBIG), as a quota does. Needs no order file."""
    FULL = "full"
    """No room: nothing of a write gets through."""
    FULL_PART = "full_part"
    """No room: a part of the write gets through."""
    WRITE_ERROR = "write_error"
    """A part of the write gets through, then the disk reports an error."""
    SYNC_ERROR = "sync_error"
    """Everything is written; whether it is safe, the disk cannot say."""
    TORN = "torn"
    """A part of the write gets through, and the writer is dead."""


def order(home: Path, fault: DiskFault, share: float) -> None:
    """Let the disk go bad; `share` (0 to 1) of a write still gets through where the fault allows it."""
    path = home / ORDER
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{fault.value} {share:.4f}", "ascii")
    fresh.replace(path)


def heal(home: Path) -> None:
    """Let the disk be well again."""
    (home / ORDER).unlink(missing_ok=True)


def command(home: Path, words: list[str], limit_bytes: int = 0) -> list[str]:
    """Give the command line of a `storno` command over this disk; `limit_bytes` 0: the order file decides."""
    return [sys.executable, "-m", "storno.sim.bad_disk", str(home), str(limit_bytes), *words]


class _Files(apsw.VFS):
    """The system's files, through the fault."""

    def __init__(self, home: Path) -> None:
        self.base = apsw.vfs_names()[0]
        self.path = home / ORDER
        super().__init__(_NAME, self.base, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:  # noqa: N802 - SQLite's name
        return _File(self, name, flags)

    def fault(self) -> tuple[DiskFault, float] | None:
        """Read the order."""
        try:
            kind, share = self.path.read_text("ascii").split()
        except FileNotFoundError:
            return None
        return DiskFault(kind), float(share)


class _File(apsw.VFSFile):
    """One file that fails on order."""

    def __init__(self, files: _Files, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._files = files
        super().__init__(files.base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        bad = self._files.fault()
        if bad is None or bad[0] is DiskFault.SYNC_ERROR:
            super().xWrite(data, offset)
            return
        kind, share = bad
        through = 0 if kind is DiskFault.FULL else int(len(data) * share)
        if through:
            super().xWrite(data[:through], offset)
        if kind is DiskFault.TORN:
            os.kill(os.getpid(), signal.SIGKILL)
        if kind is DiskFault.WRITE_ERROR:
            raise apsw.IOError("the disk reports an error")
        raise apsw.FullError("no room")

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        bad = self._files.fault()
        if bad is not None and bad[0] is DiskFault.SYNC_ERROR:
            raise apsw.IOError("the disk reports an error")
        super().xSync(flags)


def _gateway(home: Path, limit_bytes: str, words: list[str]) -> NoReturn:
    """Be the `storno` command whose journal writer gets the bad disk."""
    script = home / _SCRIPT
    ours = [sys.executable, "-m", "storno.sim.bad_disk", str(home), limit_bytes]
    script.write_text(f'#!/bin/sh\nexec {shlex.join(ours)} "$@"\n', "utf-8")
    script.chmod(0o700)
    sys.executable = str(script)
    sys.argv = ["storno", *words]
    runpy.run_module("storno", run_name="__main__", alter_sys=True)
    sys.exit(0)


def _writer(home: Path, limit_bytes: int, words: list[str]) -> NoReturn:
    """Be the journal writer, on the bad disk."""
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    else:
        files = _Files(home)
        assert _NAME in apsw.vfs_names(), files
    sys.argv = words[1:]
    runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    sys.exit(0)


def main(words: list[str]) -> NoReturn:
    """Run: HOME LIMIT, then the words of a `storno` command, or `-m MODULE …` as its child."""
    home, limit_bytes, *rest = words
    if rest[0] == "-m":
        _writer(Path(home), int(limit_bytes), rest)
    _gateway(Path(home), limit_bytes, rest)


if __name__ == "__main__":
    main(sys.argv[1:])
