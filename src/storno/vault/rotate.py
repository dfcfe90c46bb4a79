"""Rotating the master key over several vault files, so that an interruption at any point can be resumed.

Each file changes in one step; a file already under the new key is passed over, so running again finishes the work.
With a key file the new key is durable beside the old one before the first vault changes. Stop the gateway first.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from storno.vault.base import WrongMaster
from storno.vault.master import next_file, read_key_file, write_key_file
from storno.vault.permissions import sync_folder, unwritable
from storno.vault.sealed import MASTER_SIZE, SealedFile, purpose_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def rotate_master(paths: Iterable[Path], old: bytes, new: bytes) -> int:
    """Bring vault files from one master key to another; give how many were changed.

    Raises:
        WrongMaster: a file is under neither key; the files before it are changed, the others not.

    """
    return sum(_rotate_one(path, old, new) for path in paths)


def rotate_key_file(key_file: Path, paths: Iterable[Path]) -> int:
    """Put a fresh master key into the key file and bring the vault files to it; resumes what was interrupted.

    Returns:
        How many vault files were changed in this run.

    """
    coming = next_file(key_file)
    old = read_key_file(key_file)
    if not coming.exists():
        write_key_file(coming, os.urandom(MASTER_SIZE))
    changed = rotate_master(paths, old, read_key_file(coming))
    try:
        coming.replace(key_file)
    except OSError as error:
        raise unwritable(key_file, error) from None
    sync_folder(key_file.parent)
    return changed


def _rotate_one(path: Path, old: bytes, new: bytes) -> int:
    purpose = purpose_of(path)
    try:
        file = SealedFile(path, old, purpose)
    except WrongMaster:
        SealedFile(path, new, purpose).close()
        return 0
    try:
        file.rotate(new)
    finally:
        file.close()
    return 1
