"""What every terminal store promises, and the one in memory.

Rule: `commit` is all or nothing and durable when it returns; a card's number is never stored in clear; the reversal
record is never dropped but by a change that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from storno.terminal.memory import Remembered
from storno.terminal.state import (
    Change,
    ClearPending,
    CloseBatch,
    DropEntry,
    Entry,
    Exhausted,
    KeepCard,
    Numbers,
    Pending,
    PutEntry,
    PutException,
    SetNumbers,
    SetPending,
)

_BY_TIME = attrgetter("at_ms", "stan")


class StoreError(Exception):
    """The store cannot do what it was asked; texts for people in zh and en, without card data."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


class TerminalStore(Protocol):
    """The durable half of a terminal."""

    def load(self) -> Remembered:
        """Give what the core starts from."""
        ...

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes durable, all or nothing, in their order.

        Raises:
            StoreError: nothing of them is stored.

        """
        ...

    def entries(self, batch: str | None = None) -> tuple[Entry, ...]:
        """Give the rows of a batch (all batches when None), oldest first."""
        ...

    def open_batches(self) -> tuple[str, ...]:
        """Give the batches with rows that are not settled, oldest first."""
        ...

    def card(self, batch: str, stan: str) -> str | None:
        """Give the card's number of an approved row of an open batch; None when it is gone."""
        ...

    def exceptions(self) -> tuple[Exhausted, ...]:
        """Give the reversals that were given up, oldest first."""
        ...

    def close(self) -> None:
        """Let go of files and locks."""
        ...


class MemoryStore:
    """A store that lasts as long as the process: for tests and the simulator."""

    def __init__(self) -> None:
        self._numbers = Numbers()
        self._pending: Pending | None = None
        self._rows: dict[tuple[str, str, int], Entry] = {}
        self._cards: dict[tuple[str, str], str] = {}
        self._exceptions: list[Exhausted] = []

    def load(self) -> Remembered:
        """Give what the core starts from."""
        entry = None
        if self._pending is not None:
            entry = self._rows.get((self._pending.batch, self._pending.stan, self._pending.at_ms))
        return Remembered(self._numbers, self._pending, entry)

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply the changes in order."""
        for change in changes:
            if isinstance(change, SetNumbers):
                self._numbers = change.numbers
            elif isinstance(change, PutEntry):
                entry = change.entry
                self._rows[entry.batch, entry.stan, entry.at_ms] = entry
            elif isinstance(change, SetPending):
                self._pending = change.pending
            elif isinstance(change, ClearPending):
                self._pending = None
            else:
                self._apply(change)

    def _apply(self, change: DropEntry | PutException | KeepCard | CloseBatch) -> None:
        match change:
            case DropEntry(batch, stan, at_ms):
                self._rows.pop((batch, stan, at_ms), None)
            case PutException(exhausted):
                self._exceptions.append(exhausted)
            case KeepCard(batch, stan, pan):
                self._cards[batch, stan] = pan
            case CloseBatch(batch):
                self._close_batch(batch)

    def _close_batch(self, batch: str) -> None:
        self._rows = {
            key: row._replace(settled=True) if row.batch == batch else row for key, row in self._rows.items()
        }
        self._cards = {key: pan for key, pan in self._cards.items() if key[0] != batch}

    def entries(self, batch: str | None = None) -> tuple[Entry, ...]:
        """Give the rows of a batch (all batches when None), oldest first."""
        rows = [row for row in self._rows.values() if batch is None or row.batch == batch]
        return tuple(sorted(rows, key=_BY_TIME))

    def open_batches(self) -> tuple[str, ...]:
        """Give the batches with rows that are not settled, oldest first."""
        return tuple(dict.fromkeys(row.batch for row in self.entries() if not row.settled))

    def card(self, batch: str, stan: str) -> str | None:
        """Give the card's number of an approved row of an open batch; None when it is gone."""
        return self._cards.get((batch, stan))

    def exceptions(self) -> tuple[Exhausted, ...]:
        """Give the reversals that were given up, oldest first."""
        return tuple(self._exceptions)

    def close(self) -> None:
        """Nothing is held."""
