"""What the row hashes of a file add up to by the highest bits of their keys: the filter's first sums, made beforehand.

Rule: sums of two files add up to those of both, and a coarser cut is the finer one's neighbours added. A file's own
are attached to it (`attached`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from storno.statements import attached
from storno.statements.digest import KEY_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

FINEST_LOG2 = 22
FROM_ROWS = 250_000
"""A file with fewer rows has none: adding them up anew takes no time."""
ROWS_PER_SUM = 8
"""At most so many rows to a sum: one to two bytes a row."""


class BucketSums:
    """Adds up the row hashes of one key while rows are written."""

    def __init__(self) -> None:
        self._rows = 0
        self._waiting: list[tuple[Any, Any]] = []
        self._sums: Numbers | None = None

    def add(self, keys: pa.ChunkedArray, hashes: pa.ChunkedArray) -> None:
        """Take the hashes of some rows; one without a row hash takes no part."""
        self._rows += len(keys)
        there = hashes.is_valid()
        self._waiting.append((
            keys.filter(there).to_numpy().astype(np.int64) >> (KEY_BITS - FINEST_LOG2), hashes.filter(there).to_numpy(),
        ))  # fmt: skip
        if self._rows >= FROM_ROWS:
            if self._sums is None:
                self._sums = np.zeros(1 << FINEST_LOG2, np.int64)
            for places, values in self._waiting:
                np.add.at(self._sums, places, values)
            self._waiting.clear()

    def done(self) -> bytes | None:
        """Give the sums of all rows, as many as their number is worth; None: they are too few."""
        if self._sums is None:
            return None
        log2 = min((self._rows // ROWS_PER_SUM).bit_length(), FINEST_LOG2)
        return folded(self._sums, log2).astype("<i8").tobytes()


def folded(sums: Numbers, log2: int) -> Numbers:
    """Add up neighbours until so many are left."""
    while len(sums) > 1 << log2:
        sums = sums[::2] + sums[1::2]
    return sums


def read(path: Path, name: str) -> Numbers | None:
    """Give the sums that a Parquet file carries under a name; None: it carries none."""
    part = attached.read(path, name)
    return None if part is None else np.frombuffer(part, "<i8")


def unequal(
    ours: Sequence[tuple[Path, str]], theirs: Sequence[tuple[Path, str]]
) -> tuple[int, pa.Table] | None:
    """Compare the sums of two sides, files and names: how many there are (as a power of 2), and which differ (`b`).

    None: a file carries none. As coarse as the coarsest file.
    """
    total: Numbers | None = None
    for sign, side in ((1, theirs), (-1, ours)):
        for path, name in side:  # one file's at a time
            sums = read(path, name)
            if sums is None:
                return None
            if total is None:
                total = np.zeros(len(sums), np.int64)
            log2 = min(len(sums), len(total)).bit_length() - 1
            total = folded(total, log2)
            (np.add if sign > 0 else np.subtract)(total, folded(sums, log2), out=total)
    if total is None:
        return None
    log2 = len(total).bit_length() - 1
    # Arrow takes an array of NumPy's too, but would look for pandas first.
    differ = pa.py_buffer(np.flatnonzero(total).astype(np.int32))
    return log2, pa.table({"b": pa.Array.from_buffers(pa.int32(), differ.size // 4, [None, differ])})
