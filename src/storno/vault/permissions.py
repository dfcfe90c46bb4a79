"""Who else could reach a secret file: creating it privately, and refusing one that is not private.

Files 0600, folders made here 0700, a folder others may write to is refused because they could swap the file.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from storno.vault.base import UnsafePermissions, VaultError, VaultUnwritable

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_folder(folder: Path) -> None:
    """Make a folder with 0700, or refuse one others may write to."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & _OTHERS_WRITE:
        raise UnsafePermissions(folder, mode, FOLDER_MODE)


def private_file(path: Path) -> None:
    """Refuse a file that is not a regular one of ours with 0600 or less."""
    try:
        status = path.lstat()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise VaultError(f"{path} cannot be opened ({reason})", f"{path} 无法打开 ({reason})") from None
    if not stat.S_ISREG(status.st_mode):
        raise VaultError(
            f"{path} is no regular file; name the file itself, not a link or folder",
            f"{path} 不是普通文件, 请直接指定文件本身",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise UnsafePermissions(path, mode, FILE_MODE)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(path: Path, error: Exception) -> VaultUnwritable:
    """Turn an operating system's refusal into ours; it names the path and the reason."""
    reason = getattr(error, "strerror", None) or str(error)
    return VaultUnwritable(
        f"{path} cannot be written ({reason}); nothing was changed; check space, owner and other users of it",
        f"{path} 无法写入 ({reason}); 内容未改变; 请检查磁盘空间、属主及占用进程",
    )
