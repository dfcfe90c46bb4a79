"""Where imported lines are kept: a Parquet file for each statement, its rejects beside it, its manifest last.

Rule: written in a work folder, synced, moved into place, and only then named by a manifest that is renamed into the
catalogue. A process killed at any moment leaves a file either whole or not there; the next import clears the rest.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pyarrow as pa  # type: ignore[import-untyped]

from storno.statements.block import MEMBERS, Block
from storno.statements.catalogue import FOLDER, MANIFESTS, StoredFile, as_data, read_manifest
from storno.statements.digest import TOTALS_OF_LINES, hashes_of_lines
from storno.statements.digester import DigestedFile
from storno.statements.line import FileRefused, Reject, Role
from storno.statements.stored import digest_of

if TYPE_CHECKING:
    import numpy as np

GROUP_ROWS = 65_536
_INTEGERS = {"line_no", "amount_minor", "fee_minor", "net_minor"}
_SAME = ("file_id", "role", "format", "source")
SCHEMA = pa.schema(
    [
        pa.field(name, pa.int64() if name in _INTEGERS else pa.string(), nullable=name == "net_minor")
        for name in MEMBERS
    ]
    + [pa.field("line_key", pa.int64(), nullable=False)]
    + [pa.field(name, pa.dictionary(pa.int32(), pa.string()), nullable=False) for name in _SAME]
)
"""Columns of a Parquet file: the members of StatementLine (kinds and marks as text), the line's identity, its file.

Behind them come the hashes of lines that a reconciliation may have to filter: `digest.hashes_of_lines`.
"""

_OWN = pa.schema([field for field in SCHEMA if field.name not in _SAME])
"""Without what is the same in every line of a file."""


@contextmanager
def writing(home: Path) -> Iterator[Path]:
    """Hold the right to import into a home folder and give its clean work folder.

    Raises:
        FileRefused: code `busy`, another import is under way.

    """
    folder = home / FOLDER
    for one in (home, folder, folder / MANIFESTS):
        one.mkdir(exist_ok=True, mode=0o700, parents=True)
    lock = os.open(folder / "import.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileRefused(
                "busy",
                f"another import into {home} is under way; wait for its end",
                f"另一个导入任务正在写入 {home}，请等待其结束",
            ) from None
        work = folder / "work"
        _clear(folder, work)
        work.mkdir(mode=0o700)
        yield work
        shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(lock)


def _clear(folder: Path, work: Path) -> None:
    """Remove what a killed import left: its work, and files that no manifest names."""
    shutil.rmtree(work, ignore_errors=True)
    named = [read_manifest(one) for one in (folder / MANIFESTS).glob("*.json")]
    known = {folder.parent / path for one in named for path in (one.parquet, one.rejects_file) if path}
    for one in folder.glob("*/*"):
        if one.parent.name != MANIFESTS and one.suffix in (".parquet", ".csv") and one not in known:
            one.unlink()
    for left in (folder / MANIFESTS).glob("*.new"):
        left.unlink()


class LineWriter:
    """Writes one statement's lines and rejects into the work folder, a bounded group of rows at a time."""

    def __init__(self, work: Path, same: tuple[str, str, str, str]) -> None:
        self.parquet = work / "lines.parquet"
        self.rejects = work / "rejects.csv"
        self._same = dict(zip(_SAME, same, strict=True))
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._lines = lines_file(self.parquet, Role(same[1]))
        self._rejects: TextIO | None = None

    def block(self, block: Block, keys: np.ndarray[Any, Any]) -> None:
        """Take lines and their identities."""
        arrays = [pa.array(block[name], type=SCHEMA.field(name).type) for name in MEMBERS]
        self._waiting.append(pa.RecordBatch.from_arrays([*arrays, pa.array(keys)], schema=_OWN))
        self._rows += block.rows
        while self._rows >= GROUP_ROWS:
            self._flush()

    def reject(self, reject: Reject) -> None:
        """Take a rejected line; its text is masked by now."""
        if self._rejects is None:
            # The mark in front lets a spreadsheet know that it is UTF-8.
            self._rejects = self.rejects.open("w", encoding="utf-8-sig", newline="")
            csv.writer(self._rejects).writerow(("line", "code", "reason", "原因", "text"))
        row = (reject.line_no, reject.code, reject.english, reject.chinese, _harmless(reject.raw))
        csv.writer(self._rejects).writerow(row)

    def _flush(self) -> None:
        """Write a group of rows; what is over it waits for the next."""
        if not self._rows:
            return
        table = pa.Table.from_batches(self._waiting)
        group = table.slice(0, GROUP_ROWS).combine_chunks()
        rows = group.num_rows
        same = [
            pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([self._same[name]]))
            for name in _SAME
        ]
        self._lines.write(pa.Table.from_arrays([*group.columns, *same], schema=SCHEMA))
        self._waiting = table.slice(rows).to_batches()
        self._rows -= rows

    def close(self) -> None:
        """Finish both files."""
        self._flush()
        self._lines.close()
        if self._rejects is not None:
            self._rejects.close()


def lines_file(path: Path, role: Role) -> DigestedFile:
    """Open the file that a statement's lines are kept in, for tables of up to `GROUP_ROWS` rows."""
    return DigestedFile(path, hashes_of_lines(role), TOTALS_OF_LINES, fees=role is Role.NETWORK)


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a rejected line for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def commit(home: Path, work: Path, written: StoredFile) -> StoredFile:
    """Make a written file visible: its data first, then its manifest by one rename. Give it as it is kept."""
    stored = written
    if written.parquet:
        stored = replace(written, parquet_sha256=digest_of(work / "lines.parquet"))
    for made, place in (
        (work / "lines.parquet", stored.parquet),
        (work / "rejects.csv", stored.rejects_file),
    ):
        if place:
            target = home / place
            target.parent.mkdir(exist_ok=True, mode=0o700)
            sync(made)
            made.rename(target)
            sync(target.parent)
    sync(home / FOLDER)
    name(home, stored)
    return stored


def name(home: Path, stored: StoredFile) -> None:
    """Write a manifest, or write it anew, by one rename."""
    final = home / FOLDER / MANIFESTS / f"{stored.file_id}.json"
    fresh = final.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as out:
        json.dump(as_data(stored), out, ensure_ascii=False)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
