"""Our books as a table of their own: transactions streamed out of the journal, or a file somebody exported.

Rule: only columns that reconciliation compares leave the journal, never a card's token or sealed copy. A running
gateway is not held up: rows are read from one moment, a page at a time.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.journal.schema import SPANS
from storno.recon.pair import BOOKS_NUMBERS, BOOKS_TEXTS
from storno.recon.sides import BooksFile
from storno.recon.steps.books import HASHES, TOTALS_OF_BOOKS
from storno.statements.digester import DigestedFile, with_nulls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from storno.journal.sqlite_reader import SqliteReader

GROUP_ROWS = 50_000
_NEVER_NULL = frozenset(
    {"tx_id", "date", "kind", "state", "currency", "position", "told", "amount_minor", "opened_ms"}
)
SCHEMA = pa.schema(
    [*((name, pa.string()) for name in BOOKS_TEXTS), *((name, pa.int64()) for name in BOOKS_NUMBERS)]
)


def extract(
    reader: SqliteReader, target: Path, from_ms: int | None = None, to_ms: int | None = None
) -> BooksFile:
    """Write the transactions that began in a span of time (to not included) as Parquet; give the file."""
    columns = SPANS["transactions"][0]
    places = [columns.index(name) for name in SCHEMA.names]
    with reader.one_moment():
        rows = reader.span("transactions", from_ms, to_ms)
        write(target, (_table(group, places) for group in iter(lambda: list(islice(rows, GROUP_ROWS)), [])))
    return BooksFile(target)


def write(target: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of transactions as one Parquet file, with their hashes beside them and their sums in it."""
    with DigestedFile(target, HASHES, TOTALS_OF_BOOKS) as out:
        out.write(SCHEMA.empty_table())
        for table in tables:
            out.write(table)


def _table(group: list[tuple[Any, ...]], places: list[int]) -> pa.Table:
    arrays = [
        pa.array([row[place] for row in group], type=field.type)
        for place, field in zip(places, SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def missing_columns(path: Path) -> tuple[str, ...]:
    """Give the columns that a table of our books lacks: it must come from `storno export journal --parquet`."""
    there = set(pq.read_schema(path).names)
    return tuple(name for name in _needed() if name not in there)


def empty_columns(path: Path) -> tuple[str, ...]:
    """Give the columns of a table of our books that have NULLs and may not."""
    return tuple(sorted(with_nulls(path) & _NEVER_NULL))


def _needed() -> Iterator[str]:
    yield from (one for one in BOOKS_TEXTS if one not in ("original", "pan_masked", "auth_code"))
    yield from ("amount_minor", "approved_minor", "opened_ms")
