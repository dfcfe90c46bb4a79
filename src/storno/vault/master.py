"""The master key: 32 bytes from the environment or a private file, created there on first use.

Whoever has it can read every key and card number here, so a file others can read is refused, and a freshly made file
warns that it must move away from the data it protects. The environment arrives as an argument.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from storno.vault.base import VaultError
from storno.vault.permissions import FILE_MODE, private_file, private_folder, sync_folder, unwritable
from storno.vault.sealed import MASTER_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VARIABLE = "STORNO_MASTER_KEY"
_log = logging.getLogger(__name__)


class NoMasterFile(VaultError):  # noqa: N818 it names what is missing
    """There is no master key, and none may be created."""


class RotationUnfinished(VaultError):  # noqa: N818 it names what is wrong
    """A rotation of the master key was interrupted."""


def load_master(
    env: Mapping[str, str],
    path_of_key_file: Path,
    create: bool,  # noqa: FBT001 the door other parts are written against
    warn: Callable[[str, str], None] | None = None,
) -> bytes:
    """Give the master key: STORNO_MASTER_KEY (64 hex digits) first, then the key file.

    Args:
        env: the environment.
        path_of_key_file: read only when the variable is absent or empty.
        create: make the file when it is missing.
        warn: told (English, Chinese) about a newly made file; the log is told when absent.

    Raises:
        VaultError: malformed, missing, readable by others, or a rotation is unfinished; says what to do.

    """
    value = env.get(VARIABLE, "").strip()
    if value:
        return _parse(value, VARIABLE)
    if next_file(path_of_key_file).exists():
        raise RotationUnfinished(
            f"{next_file(path_of_key_file)} exists: a rotation of the master key was interrupted; run it again",
            f"存在 {next_file(path_of_key_file)}: 主密钥更换未完成, 请重新执行",
        )
    if path_of_key_file.exists() or path_of_key_file.is_symlink():
        return read_key_file(path_of_key_file)
    if not create:
        raise NoMasterFile(
            f"no master key: set {VARIABLE} to 64 hex digits or put them into {path_of_key_file} (chmod 600)",
            f"没有主密钥: 请设置 {VARIABLE} (64 位十六进制), 或写入 {path_of_key_file} (权限 600)",
        )
    write_key_file(path_of_key_file, os.urandom(MASTER_SIZE))
    tell = warn or _warn
    tell(
        f"a new master key was made in {path_of_key_file}; keep a copy elsewhere and move it away from the data: "
        f"who has both reads every key and card number, who loses it loses them",
        f"已在 {path_of_key_file} 生成新的主密钥; 请另行备份并与数据分开存放: "
        "同时拿到两者即可读取全部密钥与卡号, 丢失则无法恢复",
    )
    return read_key_file(path_of_key_file)


def next_file(key_file: Path) -> Path:
    """Name the file a rotation keeps the coming key in until every vault has it."""
    return key_file.with_name(key_file.name + ".next")


def read_key_file(path: Path) -> bytes:
    """Read a key file that only its owner can read."""
    private_file(path)
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise VaultError(f"{path} cannot be read ({reason})", f"{path} 无法读取 ({reason})") from None
    return _parse(text.strip(), str(path))


def write_key_file(path: Path, key: bytes) -> None:
    """Write a key file whole or not at all, with 0600; a file that is already there stays as it is."""
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # unlike a rename, a link never replaces the key another process has just made
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise unwritable(path, error) from None
    sync_folder(path.parent)


def _parse(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != MASTER_SIZE:
        raise VaultError(
            f"{where}: a master key is {2 * MASTER_SIZE} hex digits, found {len(text)} characters that are not",
            f"{where}: 主密钥应为 {2 * MASTER_SIZE} 位十六进制数字, 实际内容 ({len(text)} 个字符) 不符",
        )
    return key


def _warn(en: str, zh: str) -> None:
    _log.warning("%s / %s", en, zh)
