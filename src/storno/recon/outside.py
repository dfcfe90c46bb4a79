"""The outside lines an exception rests on, read back from the imported statements; card numbers are masked in them.

A line that is not here any more (its file was removed, or the reference is no line) is said to be missing, never left
out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.iso8583.mask import scrub
from storno.statements.catalogue import Catalogue
from storno.statements.line import FileRefused
from storno.statements.stored import checked

if TYPE_CHECKING:
    from pathlib import Path

    from storno.statements.catalogue import StoredFile

SHOWN = 50
_COLUMNS = (
    "line_no", "kind", "mark", "amount_minor", "fee_minor", "currency", "settled_on", "at", "tid", "mid", "stan", "rrn",
    "reference", "card", "text",
)  # fmt: skip
_TURNS = ("line_no", "reference", "order", "amount_minor", "text")
"""By what transactions of one line are told apart, as `steps.sides` does."""
_NO_CARDS = frozenset({"kind", "mark", "amount_minor", "fee_minor", "currency", "settled_on", "at"})
"""Columns that the readers have checked to be words, sums, days and times."""


@dataclass(frozen=True, slots=True)
class OutsideLine:
    """One line of an imported file; `members` are (name, text) pairs of what it says.

    They are empty when it is not here: with a file's name, its stored lines are gone or damaged.
    """

    where: str
    file: str
    members: tuple[tuple[str, str], ...]


def outside_lines(home: Path, references: tuple[str, ...]) -> tuple[OutsideLine, ...]:
    """Read lines in the order given, a bounded number of them.

    A reference is `file id:line number`; where a line holds several transactions, `/` and which one of them, from 1.
    """
    wanted = references[:SHOWN]
    asked: dict[str, dict[str, int]] = defaultdict(dict)
    for reference in wanted:
        file_id, _, number = reference.partition("/")[0].rpartition(":")
        if file_id and number.isdecimal():
            asked[file_id][reference] = int(number)
    catalogue = Catalogue(home)
    found: dict[str, OutsideLine] = {}
    for file in catalogue.files() if asked else ():
        if file.file_id in asked:
            found |= _read(catalogue, file, asked[file.file_id])
    return tuple(found.get(one, OutsideLine(one, "", ())) for one in wanted)


def _read(catalogue: Catalogue, file: StoredFile, asked: dict[str, int]) -> dict[str, OutsideLine]:
    path = catalogue.path(file)
    if path is None:
        return {}
    try:
        checked(catalogue, file)
    except FileRefused:
        return {where: OutsideLine(where, file.name, ()) for where in asked}
    table = pq.read_table(
        path, columns=[*_COLUMNS, "order"], filters=[("line_no", "in", sorted(set(asked.values())))]
    )
    lines: dict[str, OutsideLine] = {}
    turns: Counter[int] = Counter()
    rows = sorted(table.to_pylist(), key=lambda row: tuple(row[name] for name in _TURNS))
    of = Counter(row["line_no"] for row in rows)
    for row in rows:
        number = row["line_no"]
        turns[number] += 1
        where = f"{file.file_id}:{number}" + (f"/{turns[number]}" if of[number] > 1 else "")
        members = ((name, _shown(name, row[name])) for name in _COLUMNS[1:] if row[name] not in (None, ""))
        lines[where] = OutsideLine(where, file.name, tuple(members))
    return lines


def _shown(name: str, value: object) -> str:
    """Give a member as text, once more looked through for card numbers: a time of 14 digits may pass for one."""
    return str(value) if name in _NO_CARDS else scrub(str(value))
