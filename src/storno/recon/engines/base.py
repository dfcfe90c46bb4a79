"""What an engine does for the plan: read files as tables, keep small tables, run steps, hand back rows.

Rule: an engine changes no result. Must not know what the steps are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

    from storno.recon.plan import Step

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a side."""

    path: Path
    file_id: str = ""
    without: tuple[tuple[str, str], ...] = ()
    """Values of the columns `account` and `settled_on` whose rows are left out."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns a side has. A file that lacks one has it empty (text), zero (number), or NULL where that is said."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    with_file: bool = True
    """True: a column `file_id` is put in front."""
    stored: tuple[str, ...] = ()
    """Numbers that are taken as they are stored, without a cast, and are NULL where a file lacks them."""
    made: tuple[tuple[str, str], ...] = ()
    """Of those, what an engine may work out when it takes a file in that is no Parquet: name and SQL."""


class EngineError(RuntimeError):
    """The engine could not do it: a file it cannot read, no memory, no disk. Says which, in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


class Engine(Protocol):
    """Runs steps."""

    def source(self, name: str, parts: Sequence[Part], shape: Shape) -> None:
        """Make files one table. Raises EngineError."""

    def hashed(self, path: Path) -> bool:
        """Say whether the rows of a file come with hashes that this engine's `hash` would give."""

    def table(self, name: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Make a small table; types are `text`, `int` and `flag`."""

    def given(self, name: str, rows: pa.Table) -> None:
        """Make a table of rows in memory, many of them."""

    def run(self, step: Step) -> None:
        """Work out a step and keep it under its name; one with numbers also as a set. Raises EngineError."""

    def drop(self, names: Iterable[str]) -> None:
        """Forget tables that nobody needs any more."""

    def beside(self) -> Engine:
        """Give an engine that runs steps on the same tables at the same time, in another thread. Closed by itself."""

    def rows(self, sql: str) -> Rows:
        """Give the rows of a query, few of them."""

    def arrow(self, sql: str) -> pa.Table:
        """Give the rows of a query as a table in memory."""

    def close(self) -> None:
        """Let go of memory and temporary files."""
