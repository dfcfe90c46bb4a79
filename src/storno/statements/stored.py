"""Whether the stored lines of an imported file are still what was written, byte for byte.

Rule: nobody reads lines that are damaged or gone as if there were fewer of them; the file is named, and importing it
again puts them back. Reads only.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.statements.line import FileRefused

if TYPE_CHECKING:
    from pathlib import Path

    from storno.statements.catalogue import Catalogue, StoredFile


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(catalogue: Catalogue, one: StoredFile) -> str:
    """Give the SHA-256 of a file's stored lines; empty where it has none.

    Raises:
        FileRefused: code `stored`, they are gone, cannot be read, or are not what was written.

    """
    path = catalogue.path(one)
    if path is None:
        return ""
    try:
        found = digest_of(path)
        # What was imported before digests were kept can only be counted.
        whole = found == one.parquet_sha256 if one.parquet_sha256 else _counted(path) == one.lines
    except FileNotFoundError:
        raise refusal(one, "are gone", "已丢失") from None
    except (OSError, ValueError):
        raise refusal(one, "cannot be read", "无法读取") from None
    if not whole:
        raise refusal(one, "are damaged", "已损坏")
    return found


def _counted(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def refusal(one: StoredFile, english: str, chinese: str) -> FileRefused:
    """Say of which file the stored lines are no good, where they are, and what to do."""
    return FileRefused(
        "stored",
        f"the stored lines of {one.name} ({one.file_id}) {english}: {one.parquet}; import the file again, or take it "
        f"back with storno import --withdraw {one.file_id}",
        f"{one.name}（{one.file_id}）的已存明细{chinese}：{one.parquet}；请重新导入该文件，"
        f"或用 storno import --withdraw {one.file_id} 撤回",
    )
