"""A folder for the files of one run, gone with it; what a killed run left is cleared by the next.

Rule: a folder whose lock somebody holds belongs to a run that lives, in whatever container. Knows no command.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "reconcile-"
_YOUNG = ".new-"
_LOCK = "lock"


@contextmanager
def work_folder(home: Path) -> Iterator[Path]:
    """Give a new folder below `home` and remove it at the end. Raises OSError: it cannot be made."""
    _clear(home)
    young = Path(tempfile.mkdtemp(prefix=_YOUNG + PREFIX, dir=home))
    folder = home / young.name.removeprefix(_YOUNG)
    lock = os.open(young / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        young.rename(folder)  # only now may another run look whether it is still held
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(young, ignore_errors=True)
        os.close(lock)


def _clear(home: Path) -> None:
    """Remove the folders nobody holds."""
    for folder in home.glob(PREFIX + "*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue  # none of ours, or just being removed
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
