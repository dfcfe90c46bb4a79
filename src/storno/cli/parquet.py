"""The journal as Parquet files, written in groups of bounded size, and the manifest that ties them to the chain.

Everything comes from one moment of the journal. The card's keyed digest and the request's fingerprint stay inside; so
the chain cannot be computed again from the export, but every fact carries its digest and the manifest the head.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno import __version__
from storno.journal.schema import SPANS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storno.journal.sqlite_reader import SqliteReader

GROUP_ROWS = 20_000
_HIDDEN = frozenset({"pan_token"})
_NOT_EXPORTED = ("token", "print")
"""Members of an opening's body that stay inside."""


def write_export(
    reader: SqliteReader, folder: Path, from_ms: int | None, to_ms: int | None
) -> dict[str, Any]:
    """Write a span of time (from included, to not; None: open) into a new folder; give the manifest.

    Facts count by their own time, transactions by their opening, postings by the fact that moved the money, findings
    by the time they were found.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    draft.mkdir(mode=0o700, parents=True)
    try:
        with reader.one_moment():
            head = reader.head()
            files = {
                name: _write(draft / f"{name}.parquet", name, reader.span(name, from_ms, to_ms))
                for name in SPANS
            }
        manifest = {
            "what": "storno journal", "version": __version__, "head": {"seq": head.seq, "digest": head.digest.hex()},
            "from_ms": from_ms, "to_ms": to_ms, "files": files,
        }  # fmt: skip
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        with (draft / "manifest.json").open("w", encoding="utf-8") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def _write(path: Path, name: str, rows: Iterator[tuple[Any, ...]]) -> dict[str, Any]:
    columns = SPANS[name][0]
    kept = [place for place, column in enumerate(columns) if column not in _HIDDEN]
    schema = pa.schema([(columns[place], _TYPES[kind_of(columns[place])]) for place in kept])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        while group := list(islice(rows, GROUP_ROWS)):
            count += len(group)
            arrays = [
                pa.array([_clean(row[place]) for row in group] if columns[place] == "body" else
                         [row[place] for row in group], type=schema.field(number).type)
                for number, place in enumerate(kept)
            ]  # fmt: skip
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": count, "sha256": digest, "bytes": path.stat().st_size}


_TYPES = {"INTEGER": pa.int64(), "TEXT": pa.string(), "BLOB": pa.binary()}


def _clean(text: str) -> str:
    """Leave out of a fact's body what must not leave the house."""
    body = json.loads(text)
    for name in _NOT_EXPORTED:
        body.get("opening", {}).pop(name, None)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
