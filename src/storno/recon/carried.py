"""What the files of a run carry beside their rows, taken over where it is true of all rows that take part.

Rule: whatever is carried only spares looking at rows; a file without it, or cut by a period or another file, is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from storno.recon.steps.sides import BOOKS_TOTALS, LINES_AS, TOTALS
from storno.statements import fee_notes
from storno.statements.bucket_sums import unequal
from storno.statements.digest import LIVE_MARKS, NETWORK_VALUES, TERMINAL_VALUES
from storno.statements.digester import totals_of
from storno.statements.line import Role

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from storno.recon.engines.base import Engine
    from storno.recon.sides import Sides
    from storno.recon.steps.buckets import Filter
    from storno.recon.steps.sides import Shaping

COARSER_LOG2 = 1
"""The sums that files carry are taken if they are at most so much coarser than those a run would make."""


def paths_of(given: Sides) -> dict[str, list[Path]]:
    """Give the files of each side: `books`, and roles."""
    return {"books": [one.path for one in given.books]} | {
        one.value: [file.path for file in given.of(one)] for one in Role
    }


def hashed_sides(given: Sides, engine: Engine) -> frozenset[str]:
    """Give the sides whose rows all come with their hashes."""
    return frozenset(
        name for name, listed in paths_of(given).items() if listed and all(map(engine.hashed, listed))
    )


class Carried:
    """Totals, sums by bucket, and notes of rates."""

    def __init__(self, given: Sides, engine: Engine, shaping: Shaping) -> None:
        self._sides = given
        self._engine = engine
        self._shaping = shaping
        self._totals = {name: totals_of(listed) for name, listed in paths_of(given).items()}

    def totals(self) -> list[str]:
        """Take over the sums that files carry, where they are those of all rows that count; give the sides' names."""
        said = []
        near = self._shaping.is_near
        for side in sorted(self._shaping.hashed):
            sums = self._totals.get(side)
            if sums is None or side in self._shaping.marked:
                continue
            if side == "books":
                added = _added(
                    ((klass, position, told, currency, day), (rows, effect))
                    for klass, position, told, currency, day, rows, effect in sums if near(day)
                )  # fmt: skip
                self._engine.table("books_totals", BOOKS_TOTALS, added)
                said.append(side)
            elif not any(one.without for one in self._sides.of(Role(side))):
                counts = LIVE_MARKS[Role(side)]
                added = _added(
                    ((kind, mark, int(mark in counts), moves, currency, day), (rows, amount))
                    for kind, mark, moves, currency, day, rows, amount in sums if near(day)
                )  # fmt: skip
                self._engine.table(f"{LINES_AS[side]}_totals", TOTALS, added)
                said.append(LINES_AS[side])
        return said

    def sums(self, network: Filter, terminal: Filter | None) -> tuple[Filter, Filter | None]:
        """Say whether all rows come with hashes, and take over the sums that files carry, where they are enough."""
        if not network.buckets_log2 or not self._are_hashed(network, terminal):
            return network, terminal
        network = replace(network, hashed=True)
        compared = self._compared(network, "n", Role.NETWORK)
        if terminal is None:
            return self._given(network, compared, "n"), None
        terminal = replace(terminal, hashed=True)
        other = self._compared(terminal, "t", Role.TERMINAL)
        return self._given(network, compared, "n"), self._given(terminal, other, "t")

    def _are_hashed(self, network: Filter, terminal: Filter | None) -> bool:
        """Say whether all sides' hashes are stored, and over just the columns that can be compared."""
        shaping, legs = self._shaping, (Role.NETWORK, *((Role.TERMINAL,) if terminal else ()))
        covers = network.network_columns == NETWORK_VALUES
        if terminal:
            batch = ("batch",) if terminal.terminal_batch else ()
            covers &= (*terminal.terminal_columns, *batch) == TERMINAL_VALUES
        sides = ("books", *(one.value for one in legs))
        return covers and shaping.hashed.issuperset(sides) and shaping.marked.isdisjoint(sides)

    def _compared(self, how: Filter, s: str, role: Role) -> tuple[int, pa.Table] | None:
        """Compare the sums of a leg's two sides; None: they are not those of all rows, or too coarse."""
        if not (self._all_near("books") and self._all_near(role.value)):
            return None
        compared = unequal(
            [(one.path, f"key_hash_{s}") for one in self._sides.books],
            [(one.path, "key_hash") for one in self._sides.of(role)],
        )
        return compared if compared and compared[0] >= how.buckets_log2 - COARSER_LOG2 else None

    def _given(self, how: Filter, compared: tuple[int, pa.Table] | None, s: str) -> Filter:
        if compared is None:
            return how
        log2, differing = compared
        self._engine.given(f"differing_{s}", differing)
        return replace(how, buckets_log2=log2, given=True)

    def notes(self) -> bool:
        """Take over what all files of the network have noted of their merchants' rates."""
        if Role.NETWORK.value in self._shaping.marked or not self._all_near(Role.NETWORK.value):
            return False
        files = [one.path for one in self._sides.of(Role.NETWORK)]
        notes = [(fee_notes.read(one, fee_notes.RATES), fee_notes.read(one, fee_notes.ODD)) for one in files]
        known = [(rate, odd) for rate, odd in notes if rate is not None and odd is not None]
        if not known or len(known) < len(files):
            return False
        self._engine.given("noted", pa.concat_tables(rate for rate, _ in known))
        self._engine.given("noted_odd", pa.concat_tables(odd for _, odd in known))
        return True

    def _all_near(self, side: str) -> bool:
        """Say whether all rows of a side take part: none is outside the period, none is left out of its file."""
        sums = self._totals.get(side)
        cut = side != "books" and any(one.without for one in self._sides.of(Role(side)))
        return (
            sums is not None and not cut and all(self._shaping.is_near(day) for _, _, _, _, day, _, _ in sums)
        )


def _added(rows: Iterable[tuple[Iterable[Any], Iterable[int]]]) -> list[tuple[Any, ...]]:
    """Add up rows by their group."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for group, numbers in rows:
        kept = sums.setdefault(tuple(group), [0, 0])
        for at, one in enumerate(numbers):
            kept[at] += one
    return [(*group, *numbers) for group, numbers in sums.items()]
