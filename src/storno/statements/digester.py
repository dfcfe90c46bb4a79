"""Digests of rows while they are in hand: their hashes put beside them, and what they add up to, kept in their file.

Rule: two hashes may only be compared if they were made alike, so a file says by which `HASHING` its own were made;
those of another are not looked at, and worked out anew from the texts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.statements import attached
from storno.statements.bucket_sums import BucketSums
from storno.statements.digest import RULES
from storno.statements.fee_notes import FeeNotes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


HASHING = f"duckdb {duckdb.__version__}, {RULES}"
"""By what hashes are made here: DuckDB does not promise that `hash` stays the same between versions."""
FEW = 8
"""A column of a file whose values come so often each, in its first rows, is written with a dictionary."""
TEXT_FILES = (".csv", ".txt")
"""Endings of files that can say nothing of themselves; any other is read as Parquet."""
_HASHING, _TOTALS, _ROWS = "storno.hashing", "storno.totals", "storno.rows"
_KEY, _ROW = "key_hash", "row_hash"
"""How columns of hashes begin; those of one key end alike."""


class DigestedFile:
    """A Parquet file whose rows get their hashes beside them, and which says what they add up to."""

    def __init__(self, path: Path, hashes: Mapping[str, str], totals: str, *, fees: bool = False) -> None:
        """Take the columns to add, and the sums: a query over `written` whose last two columns are rows and money.

        `fees`: they are a network's lines, whose merchants' rates are noted.
        """
        self._path = path
        self._db = duckdb.connect(config={"threads": "1"})  # in the order of the rows
        columns = ", ".join(f"{sql} AS {name}" for name, sql in hashes.items())
        self._hashes = f"SELECT {columns} FROM written" if hashes else ""  # noqa: S608 - our own text
        self._totals = totals
        self._sums: dict[tuple[Any, ...], list[int]] = {}
        self._notes = FeeNotes(self._db) if fees else None
        self._buckets = {name: BucketSums() for name in hashes if name.startswith(_KEY)}
        self._out: pa.NativeFile | None = None
        self._rows = 0
        self._file: pq.ParquetWriter | None = None
        self._empty: pa.Table | None = None

    def write(self, table: pa.Table) -> None:
        """Write a table as a group of its own; one without rows only says which columns there are."""
        for at, one in enumerate(table.schema):
            if pa.types.is_string(one.type) and table.column(at).null_count:  # no text is an empty text
                table = table.set_column(at, one, table.column(at).fill_null(""))
        self._db.register("written", table)
        if self._hashes:
            made = self._db.sql(self._hashes).to_arrow_table()
            for name in made.column_names:
                table = table.append_column(name, made.column(name))
            for name, sums in self._buckets.items():
                sums.add(made.column(name), made.column(_ROW + name.removeprefix(_KEY)))
        for *group, rows, minor in self._db.execute(self._totals).fetchall():
            kept = self._sums.setdefault(tuple(group), [0, 0])
            kept[0] += rows
            kept[1] += minor
        if self._notes:
            self._notes.add(table.num_rows)
        self._db.unregister("written")
        self._rows += table.num_rows
        if table.num_rows:
            file = self._file or self._opened(table)
            file.write_table(table, row_group_size=table.num_rows)
        elif self._file is None:
            self._empty = table

    def _opened(self, table: pa.Table) -> pq.ParquetWriter:
        # LZ4 is read twice as fast as zstd for two fifths more bytes; a dictionary helps where values come again.
        few = [
            one.name for one in table.schema
            if pa.types.is_dictionary(one.type)
            or len(table.column(one.name).unique()) * FEW <= table.num_rows
        ]  # fmt: skip
        self._out = pa.OSFile(str(self._path), "wb")
        self._file = pq.ParquetWriter(self._out, table.schema, compression="lz4", use_dictionary=few or False)
        return self._file

    def close(self) -> None:
        """Finish the file, if anything was written."""
        notes = self._notes.done() if self._notes else {}
        self._db.close()
        file = self._file or (self._opened(self._empty) if self._empty is not None else None)
        if file is not None and self._out is not None:
            totals = [[*group, *self._sums[group]] for group in sorted(self._sums, key=repr)]
            said = {
                _HASHING: HASHING,
                _TOTALS: json.dumps(totals, ensure_ascii=False),
                _ROWS: str(self._rows),
            }
            sums = {name: made for name, one in self._buckets.items() if (made := one.done()) is not None}
            parts = {**sums, **notes}
            if parts:
                said[attached.PLACES] = attached.written(self._out, parts)
            file.add_key_value_metadata(said)
            file.close()
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


def is_hashed(path: Path) -> bool:
    """Say whether a file has hashes made as they are here."""
    return _said(path).get(_HASHING.encode(), b"").decode() == HASHING


def totals_of(paths: Sequence[Path]) -> list[list[Any]] | None:
    """Give the sums that files carry, one after the other; None: one of them carries none."""
    found: list[list[Any]] = []
    for path in paths:
        said = _said(path).get(_TOTALS.encode())
        if said is None:
            return None
        found += json.loads(said)
    return found


def with_nulls(path: Path) -> frozenset[str]:
    """Give the columns of a Parquet file that have NULLs, or do not say that they have none."""
    read = pq.read_metadata(path)
    found = set()
    for at in range(read.num_row_groups):
        group = read.row_group(at)
        for place in range(group.num_columns):
            column = group.column(place)
            said = column.statistics
            if said is None or not said.has_null_count or said.null_count:
                found.add(column.path_in_schema)
    return frozenset(found)


def _said(path: Path) -> dict[bytes, bytes]:
    """Give what a file says of itself; nothing, if it has other rows by now: whoever took some out copied that too."""
    if path.suffix.lower() in TEXT_FILES:
        return {}
    read = pq.read_metadata(path)
    said: dict[bytes, bytes] = read.metadata or {}
    return said if said.get(_ROWS.encode()) == str(read.num_rows).encode() else {}
