"""Many statement lines at once, as columns: the shape in which they are masked, keyed, counted and written.

A list a member, all of one length, is several times faster than an object a line. A format that can gives blocks
itself (`Format.blocks`); the lines of any other are gathered into them. Says the same as its lines. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from storno.statements.line import LineKind, Mark, StatementLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MEMBERS = tuple(one.name for one in fields(StatementLine))
BLOCK_ROWS = 4096
"""So many lines make a block where lines are gathered."""
_NAMED = ("kind", "mark")
_VALUES = attrgetter(*(f"{name}._value_" if name in _NAMED else name for name in MEMBERS))
_TEXTS = MEMBERS[MEMBERS.index("tid") :]
_DEFAULTS: dict[str, Any] = {"fee_minor": 0, "net_minor": None, "settled_on": "", "at": "", "mark": "none"}
_DEFAULTS |= dict.fromkeys(_TEXTS, "")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines as columns by member, in the order of StatementLine; kinds and marks are the enums' values."""

    rows: int
    columns: dict[str, Sequence[Any]]

    @staticmethod
    def of(rows: int, given: Mapping[str, Sequence[Any]]) -> Block:
        """Make a block of some members; the others are what StatementLine has where a file says nothing."""
        columns = {name: given[name] if name in given else [_DEFAULTS[name]] * rows for name in MEMBERS}
        assert all(len(column) == rows for column in columns.values()), "a column is longer than another"
        return Block(rows, columns)

    @staticmethod
    def gathered(lines: Sequence[StatementLine]) -> Block:
        """Make a block of lines."""
        columns = zip(*map(_VALUES, lines), strict=True)
        return Block(len(lines), dict(zip(MEMBERS, columns, strict=True)))

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.columns[name]

    def lines(self) -> Iterator[StatementLine]:
        """Give the lines one by one."""
        kinds, marks = map(LineKind, self["kind"]), map(Mark, self["mark"])
        columns = {**self.columns, "kind": kinds, "mark": marks}
        for row in zip(*columns.values(), strict=True):
            yield StatementLine(*row)
