"""Columns of text for Arrow: made from byte matrices and tables of words, without a Python string per row.

Rule: text that is not there is an empty string, never null, as in a journal's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from storno.sim.days.digits import Bytes
from storno.sim.days.draw import Flags, Ints


def strings(matrix: Bytes, there: Flags | None = None) -> pa.Array:
    """Give a text column of a byte matrix; rows that are not there are empty."""
    rows, width = matrix.shape
    if there is None:
        ends = np.arange(rows + 1, dtype=np.int64) * width
        data = np.ascontiguousarray(matrix)
    else:
        ends = np.concatenate([[0], np.cumsum(there.astype(np.int64) * width)])
        data = np.ascontiguousarray(matrix[there])
    large = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(data.reshape(-1)))
    return large.cast(pa.string())


def words(table: Sequence[str | None], which: Ints) -> pa.Array:
    """Give a text column of places in a table."""
    return pa.array(table, pa.string()).take(pa.array(which))


def joined(*parts: Bytes) -> Bytes:
    """Put byte matrices side by side."""
    return np.concatenate(parts, axis=1)


BLOCK = 131_072
"""Rows that are turned into text at a time."""


def blocks(rows: Ints) -> Iterator[Ints]:
    """Cut row numbers into blocks; one empty block if there are none."""
    for start in range(0, max(1, len(rows)), BLOCK):
        yield rows[start : start + BLOCK]


def write_csv(path: Path, names: Sequence[str], parts: Iterable[Sequence[pa.Array]]) -> None:
    """Write a CSV without quotes, block by block: nothing in it needs them."""
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none", batch_size=65_536)
    with path.open("wb") as file:
        file.write((",".join(names) + "\n").encode())
        for columns in parts:
            pyarrow.csv.write_csv(pa.table(list(columns), names=list(names)), file, options)


def write_parquet(path: Path, names: Sequence[str], parts: Iterable[Sequence[pa.Array]]) -> None:
    """Write a Parquet file, a row group for each block."""
    writer = None
    for columns in parts:
        table = pa.table(list(columns), names=list(names))
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None, "there is always one block"
    writer.close()
