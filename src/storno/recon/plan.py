"""Steps of the plan as data: a name, one SQL statement, what it reads, what it makes.

Rule: the SQL is written once, in the part of DuckDB's dialect that sqlglot carries over to Spark; what engines do
differently (reading files, loading small tables) is no step. Must not import an engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PLACE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: `SELECT …` whose result is the table (or view) named `name`."""

    name: str
    sql: str
    keep: bool = True
    """False: a view, worked out anew by each reader; True: worked out once and kept."""
    below: int = 0
    """Over 0: its column `b` holds numbers from 0 to below this, and `in_set(number, 'name')` asks for them."""
    spares: tuple[str, str, str] | None = None
    """Two tables and a column: this step's rows are those of the second table, which nobody reads after it, without
    those whose value in the column is in the first. An engine may take them away instead of copying what is left."""

    def inputs(self, known: frozenset[str]) -> frozenset[str]:
        """Give the tables it reads, of those known."""
        return frozenset(re.findall(r"\b[a-z][a-z0-9_]*\b", self.sql)) & known


def fill(sql: str, **values: object) -> str:
    """Put values in place of `$name` or `${name}`. A place without a value is a broken contract."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise AssertionError(f"no value for ${name} in a step")
        return str(values[name])

    return _PLACE.sub(value, sql)


def text(value: str) -> str:
    """Write a text literal."""
    return "'" + value.replace("'", "''") + "'"


def last_uses(steps: Iterable[Step], wanted: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Give for each step the tables that nobody reads after it, apart from the wanted ones."""
    listed = tuple(steps)
    known = frozenset(one.name for one in listed)
    views = {one.name: one.inputs(known) for one in listed if not one.keep}
    last: dict[str, str] = {}
    for one in listed:
        for name in _through(one.inputs(known) - {one.name}, views):
            last[name] = one.name
    done: dict[str, list[str]] = {}
    for name, step in last.items():
        if name not in wanted and name not in views:
            done.setdefault(step, []).append(name)
    return {step: tuple(sorted(names)) for step, names in done.items()}


def _through(names: frozenset[str], views: dict[str, frozenset[str]]) -> frozenset[str]:
    """Add what the views among the names read."""
    found = set(names)
    todo = list(names)
    while todo:
        for name in views.get(todo.pop(), frozenset()) - found:
            found.add(name)
            todo.append(name)
    return frozenset(found)
