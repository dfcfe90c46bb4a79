"""Spark: the same steps on an engine that may already stand somewhere, carried over by sqlglot.

Rule: no step is written twice; what is here is reading files, keeping tables and the names of functions. Needs the
extra `spark` (pyspark, sqlglot) and Java; nobody else pays for the import.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from storno.recon.engines.base import EngineError, Part, Rows, Shape

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

    from storno.recon.plan import Step

try:
    import sqlglot
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f
    from sqlglot import expressions as exp
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise EngineError(
        "Spark is not installed: pip install 'storno[spark]', and Java 17 or newer",
        "未安装 Spark：请 pip install 'storno[spark]'，并安装 Java 17 或更高版本",
    ) from error

_TYPES = {"text": "string", "int": "bigint", "flag": "boolean"}


def carried_over(sql: str) -> str:
    """Write a statement of the plan in Spark's dialect."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    return str(tree.transform(_rename).sql(dialect="spark"))


def _rename(node: Any) -> Any:
    """Give `hash` its 64-bit counterpart (Spark's own has 32 bits only), and ask for sets by their tables."""
    if not isinstance(node, exp.Anonymous):
        return node
    if node.name.lower() == "hash":
        inner = [one.transform(_rename) for one in node.expressions]  # a node put in place is not gone into
        return exp.Anonymous(this="xxhash64", expressions=inner)
    if node.name.lower() == "in_set":
        number, name = node.expressions
        return sqlglot.parse_one(f"x IN (SELECT b FROM {name.name})").transform(  # noqa: S608 - our own names
            lambda one: number.transform(_rename) if isinstance(one, exp.Column) and one.name == "x" else one
        )
    return node


class SparkEngine:
    """Runs steps in a Spark session of its own or in one that is given."""

    def __init__(self, session: SparkSession | None = None, master: str = "local[2]", work: str = "") -> None:
        """Take a session, or start one on `master`. `work` is a folder that all its executors reach, for kept steps."""
        self._own = session is None
        self._made = "" if work else tempfile.mkdtemp(prefix="storno-recon-")
        self._work = work or self._made
        self._spark = session or (
            SparkSession.builder.master(master)
            .appName("storno")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4")
            .getOrCreate()
        )

    def source(self, name: str, parts: Sequence[Part], shape: Shape) -> None:
        """Make files one view."""
        frames = [self._read(part, shape) for part in parts]
        if not frames:
            frames = [self._spark.range(0).select(*self._columns(Part(Path()), frozenset(), shape))]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionByName(frame)
        whole.createOrReplaceTempView(name)

    def _read(self, part: Part, shape: Shape) -> Any:
        try:
            if part.path.suffix.lower() in (".csv", ".txt"):
                frame = self._spark.read.csv(str(part.path), header=True, nullValue="\x00", emptyValue="")
            else:
                frame = self._spark.read.parquet(str(part.path))
        except PySparkException as error:
            first = str(error).splitlines()[0][:200]
            raise EngineError(
                f"Spark cannot read {part.path}: {first}", f"Spark 无法读取 {part.path}：{first}"
            ) from error
        for account, day in part.without:
            frame = frame.where(~((f.col("account") == account) & (f.col("settled_on") == day)))
        return frame.select(*self._columns(part, frozenset(frame.columns), shape))

    @staticmethod
    def _columns(part: Part, there: frozenset[str], shape: Shape) -> list[Any]:
        columns = [f.lit(part.file_id).alias("file_id")] if shape.with_file else []
        empty = f.lit("")
        columns += [
            (f.coalesce(f.col(one), empty) if one in there else empty).alias(one) for one in shape.texts
        ]
        for one in shape.numbers:
            lacking = f.lit(None if one in shape.nullable else 0)
            columns.append((f.col(one) if one in there else lacking).cast("bigint").alias(one))
        columns += [f.lit(None).cast("bigint").alias(one) for one in shape.stored]
        return columns

    @staticmethod
    def hashed(path: Path) -> bool:  # noqa: ARG004 - what is stored was hashed by another function
        """Say no: Spark hashes texts as it reads them."""
        return False

    def table(self, name: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Make a small table."""
        schema = ", ".join(f"{one} {_TYPES[kind]}" for one, kind in columns.items())
        self._spark.createDataFrame(list(rows), schema).createOrReplaceTempView(name)

    def given(self, name: str, rows: pa.Table) -> None:
        """Make a table of rows in memory."""
        self._spark.createDataFrame(rows).createOrReplaceTempView(name)

    def run(self, step: Step) -> None:
        """Work out a step; what is kept is written down, or each reader would work out all that led to it again."""
        if step.spares and self._spark.table(step.spares[0]).isEmpty():
            self._spark.table(step.spares[1]).createOrReplaceTempView(step.name)
            return
        frame = self._ask(step.sql, step.name)
        if step.keep:
            place = f"{self._work}/{step.name}"
            frame.write.mode("overwrite").parquet(place)
            frame = self._spark.read.schema(frame.schema).parquet(place)
        frame.createOrReplaceTempView(step.name)

    def drop(self, names: Iterable[str]) -> None:
        """Forget tables."""
        for name in names:
            self._spark.catalog.dropTempView(name)

    def beside(self) -> SparkEngine:
        """Give an engine on the same session, which takes jobs from any thread."""
        return SparkEngine(self._spark, work=self._work)

    def rows(self, sql: str) -> Rows:
        """Give the rows of a query."""
        return [tuple(row) for row in self._ask(sql).collect()]

    def arrow(self, sql: str) -> pa.Table:
        """Give the rows of a query as an Arrow table."""
        return self._ask(sql).toArrow()

    def close(self) -> None:
        """End the session and remove the folder, where they are ours."""
        if self._own:
            self._spark.stop()
        if self._made:
            shutil.rmtree(self._made, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def _ask(self, sql: str, what: str = "query") -> Any:
        try:
            return self._spark.sql(carried_over(sql))
        except PySparkException as error:
            raise AssertionError(f"step {what}: {str(error)[:2000]}") from error
