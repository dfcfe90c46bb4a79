"""A folder for the files of one run, gone with it; what a killed run left is cleared by the next.

Rule: a folder whose lock somebody holds belongs to a run that lives, in whatever container. Knows no command.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
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
def work_folder(*places: Path) -> Iterator[Path]:
    """Give a new folder below the first place that takes one, else in the temporary folder; remove it at the end.

    A place that does not exist is not made.

    Raises:
        OSError: none of them takes one; it is the first place's error.

    """
    young, folder = _made(places)
    lock = os.open(young / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        young.rename(folder)  # only now may another run look whether it is still held
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(young, ignore_errors=True)
        os.close(lock)


def _made(places: tuple[Path, ...]) -> tuple[Path, Path]:
    """Make the folder under the name nobody clears, and give the name it is to have: a home may be read-only."""
    refused: OSError | None = None
    # In a folder of everybody's the name says whose it is.
    for place, prefix in (
        *((one, PREFIX) for one in places),
        (Path(tempfile.gettempdir()), f"storno-{PREFIX}"),
    ):
        try:
            _clear(place, prefix)
            young = Path(tempfile.mkdtemp(prefix=_YOUNG + prefix, dir=place))
        except OSError as error:
            refused = refused or error
            continue
        return young, place / young.name.removeprefix(_YOUNG)
    assert refused is not None
    raise refused


def _clear(place: Path, prefix: str) -> None:
    """Remove the folders of ours that nobody holds."""
    for folder in place.glob(prefix + "*"):
        try:
            there = folder.lstat()
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
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
