"""DuckDB: the embedded engine. Works in a fixed memory box and spills to a folder of its own.

Rule: order of rows is never relied on; whoever wants an order says so in the query.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from storno.recon.engines.base import EngineError, Part, Rows, Shape
from storno.statements.digester import TEXT_FILES, is_hashed, with_nulls

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

    from storno.recon.plan import Step
    from storno.recon.sides import Effort

_AT_ONCE = 500
_TYPES = {"text": "VARCHAR", "int": "BIGINT", "flag": "BOOLEAN"}
_BY_PLACE_BITS = 24
_BY_HASH_BITS = 12
"""Up to so wide a range DuckDB sums groups by place: quick for full buckets, a waste where few are filled."""


class DuckEngine:
    """One in-memory database with its folder for what does not fit."""

    def __init__(self, effort: Effort) -> None:
        """Open it. `memory_mb` 0 takes six tenths of the machine's memory, `threads` 0 all cores."""
        self._views: set[str] = set()
        self._sets: set[str] = set()
        self._renamed: set[str] = set()
        if effort.spill is not None:
            effort.spill.mkdir(parents=True, exist_ok=True)
        self._folder: Path | None = Path(tempfile.mkdtemp(prefix="storno-recon-", dir=effort.spill))
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(self._folder),
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{effort.memory_mb}MB" if effort.memory_mb else "60%",
        }
        if effort.threads:
            config["threads"] = str(effort.threads)
        self._db = duckdb.connect(":memory:", config=config)
        self._db.execute("SET enable_progress_bar = false")
        if not effort.memory_mb:  # footers are asked for a dozen times; what is kept of them counts in no box
            self._db.execute("SET parquet_metadata_cache = true")
        self._db.execute("CREATE MACRO in_set(number, name) AS get_bit(getvariable(name), number) = 1")

    def source(self, name: str, parts: Sequence[Part], shape: Shape) -> None:
        """Make files one view; a CSV file is read once, into a table that goes to disk where memory ends."""
        if not parts:
            self._do(f"CREATE VIEW {name} AS SELECT * FROM ({_empty(shape)}) AS e WHERE FALSE")  # noqa: S608
            return
        selects = []
        for at, part in enumerate(parts):
            reader = f"read_parquet({_literal(str(part.path))})"
            if part.path.suffix.lower() in TEXT_FILES:
                reader = self._from_csv(part.path, f"{name}_csv_{at}", shape)
            selects.append(f"SELECT {self._columns(reader, part, shape)} FROM {reader}{left_out(part)}")  # noqa: S608
        self._do(f"CREATE VIEW {name} AS " + " UNION ALL ".join(selects))

    def _from_csv(self, path: Path, table: str, shape: Shape) -> str:
        where = _literal(str(path))
        there = self._names(f"read_csv({where}, header = true, all_varchar = true)")
        texts = [one for one in shape.texts if one in there]
        numbers = [one for one in shape.numbers if one in there]
        types = ", ".join(
            f"{_literal(one)}: '{'BIGINT' if one in numbers else 'VARCHAR'}'" for one in sorted(there)
        )
        never_null = ", ".join(map(_literal, texts))
        reader = f"read_csv({where}, header = true, types = {{{types}}}, force_not_null = [{never_null}])"
        kept = [*map(_quoted, (*texts, *numbers)), *(f"{sql} AS {_quoted(name)}" for name, sql in shape.made)]
        whole = ", ".join(_whole(there, shape))  # hashes are made of all columns, those the file lacks too
        self._do(f"CREATE TABLE {table} AS SELECT {', '.join(kept)} FROM (SELECT {whole} FROM {reader}) AS w")  # noqa: S608
        return table

    def _names(self, reader: str) -> frozenset[str]:
        return frozenset(row[0] for row in self._ask(f"DESCRIBE SELECT * FROM {reader}"))  # noqa: S608

    def _columns(self, reader: str, part: Part, shape: Shape) -> str:
        there = self._names(reader)
        columns = [f"{_literal(part.file_id)} AS file_id"] if shape.with_file else []
        nulls = frozenset() if part.path.suffix.lower() in TEXT_FILES else with_nulls(part.path)
        columns += _whole(there, shape, nulls)
        columns += [  # a cast would keep a filter from asking for them while it reads
            _quoted(one) if one in there else f"CAST(NULL AS BIGINT) AS {_quoted(one)}"
            for one in shape.stored
        ]
        return ", ".join(columns)

    @staticmethod
    def hashed(path: Path) -> bool:
        """Say yes of CSV files, hashed when they are taken in, and of Parquet files that were hashed alike."""
        return path.suffix.lower() in TEXT_FILES or is_hashed(path)

    def table(self, name: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Make a small table."""
        listed = list(rows)
        self._do(
            f"CREATE TABLE {name} ({', '.join(f'{one} {_TYPES[kind]}' for one, kind in columns.items())})"
        )
        if listed:
            places = f"({', '.join('?' * len(columns))})"
            for at in range(0, len(listed), _AT_ONCE):
                some = listed[at : at + _AT_ONCE]
                values = [value for row in some for value in row]
                self._db.execute(f"INSERT INTO {name} VALUES {', '.join([places] * len(some))}", values)  # noqa: S608

    def given(self, name: str, rows: pa.Table) -> None:
        """Make a table of rows in memory."""
        self._db.register(f"{name}_given", rows)
        self._do(f"CREATE TABLE {name} AS SELECT * FROM {name}_given", name)  # noqa: S608 - our own names
        self._db.unregister(f"{name}_given")

    def run(self, step: Step) -> None:
        """Work out a step."""
        if step.spares:
            self._less(step.name, *step.spares)
            return
        kind = "TABLE" if step.keep else "VIEW"
        if not step.keep:
            self._views.add(step.name)
        self._do(f"SET perfect_ht_threshold = {_BY_PLACE_BITS if step.below else _BY_HASH_BITS}")
        self._do(f"CREATE {kind} {step.name} AS {step.sql}", step.name)
        if step.below:
            bits = f"SELECT bitstring_agg(b, 0, {step.below - 1}) AS bits FROM {step.name}"  # noqa: S608 - our own names
            self._do(f"CREATE TABLE {step.name}_bits AS {bits}", step.name)
            self._sets.add(step.name)
            self._know(step.name)

    def _less(self, name: str, taken: str, before: str, column: str) -> None:
        """Take rows away from the table before, and give it its new name."""
        self._do(f"DELETE FROM {before} WHERE {column} IN (SELECT {column} FROM {taken})", name)  # noqa: S608 - our own
        self._do(f"ALTER TABLE {before} RENAME TO {name}", name)
        self._renamed.add(before)

    def _know(self, name: str) -> None:
        """Keep a set where a filter can ask for it: a variable belongs to one connection."""
        self._do(f"SET VARIABLE {name} = (SELECT bits FROM {name}_bits)", name)  # noqa: S608 - our own names

    def drop(self, names: Iterable[str]) -> None:
        """Drop tables."""
        for name in names:
            if name in self._renamed:
                continue
            self._do(f"DROP {'VIEW' if name in self._views else 'TABLE'} {name}")

    def beside(self) -> DuckEngine:
        """Open another connection to the same tables."""
        other = copy(self)
        other._come_apart()  # noqa: SLF001 - it is one of ours
        return other

    def _come_apart(self) -> None:
        """Share the tables with the engine this is a copy of, and nothing else."""
        self._db, self._folder = self._db.cursor(), None
        self._views, self._sets, self._renamed = set(self._views), set(self._sets), set(self._renamed)
        for name in sorted(self._sets):
            self._know(name)

    def rows(self, sql: str) -> Rows:
        """Give the rows of a query."""
        return self._ask(sql)

    def arrow(self, sql: str) -> pa.Table:
        """Give the rows of a query as an Arrow table."""
        try:
            return self._db.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise _trouble(error) from error

    def close(self) -> None:
        """Close the database and empty its folder."""
        self._db.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def _do(self, sql: str, what: str = "") -> None:
        try:
            self._db.execute(sql)
        except duckdb.Error as error:
            raise _trouble(error, what) from error

    def _ask(self, sql: str) -> Rows:
        try:
            return self._db.execute(sql).fetchall()
        except duckdb.Error as error:
            raise _trouble(error) from error


def _trouble(error: duckdb.Error, what: str = "") -> Exception:
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            "the comparison does not fit into its memory: give more with --memory, or free some disk",
            "对账所需内存不足：请用 --memory 增大，或腾出磁盘空间",
        )
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException | duckdb.ConversionException):
        first = str(error).splitlines()[0][:200]
        return EngineError(f"the engine cannot read or write: {first}", f"引擎无法读写：{first}")
    return AssertionError(f"step {what or '-'}: {error}")


def _whole(there: frozenset[str], shape: Shape, nulls: frozenset[str] = frozenset()) -> list[str]:
    """Write the texts and numbers of a shape, of a file that has some columns, of which some may be NULL."""
    columns = [
        f"coalesce({_quoted(one)}, '') AS {_quoted(one)}" if one in nulls
        else _quoted(one) if one in there else f"'' AS {_quoted(one)}"
        for one in shape.texts
    ]  # fmt: skip
    for one in shape.numbers:
        lacking = "NULL" if one in shape.nullable else "0"
        columns.append(f"CAST({_quoted(one) if one in there else lacking} AS BIGINT) AS {_quoted(one)}")
    return columns


def _empty(shape: Shape) -> str:
    columns = ["'' AS file_id"] if shape.with_file else []
    columns += [f"'' AS {_quoted(one)}" for one in shape.texts]
    columns += [f"CAST(0 AS BIGINT) AS {_quoted(one)}" for one in (*shape.numbers, *shape.stored)]
    return "SELECT " + ", ".join(columns)


def left_out(part: Part) -> str:
    """Write the condition that leaves rows out which another file reports."""
    pairs = ", ".join(f"({_literal(account)}, {_literal(day)})" for account, day in part.without)
    return f" WHERE (account, settled_on) NOT IN ({pairs})" if pairs else ""


def _quoted(name: str) -> str:
    return f'"{name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
