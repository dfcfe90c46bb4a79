"""Rows: the little the vault needs of a store, and the in-memory one.

A row is (kind, name) → bytes. `apply` is one durable, atomic step. Whoever keeps rows also protects them: the
sealed file encrypts each value, memory is memory. Imports nothing that acts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    Put = tuple[str, str, bytes]
    Name = tuple[str, str]


class Rows(Protocol):
    """A small durable map."""

    def get(self, kind: str, name: str) -> bytes | None:
        """Read one value."""
        ...

    def names(self, kind: str) -> tuple[str, ...]:
        """List the names of one kind, sorted."""
        ...

    def apply(self, puts: Iterable[Put], deletes: Iterable[Name] = ()) -> None:
        """Write and delete in one durable step, all or nothing."""
        ...

    def put_new(self, kind: str, name: str, value: bytes) -> bytes:
        """Write a value unless there is one already; give what stands there now."""
        ...

    def scrub(self) -> None:
        """Leave no trace of deleted values behind."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class MemoryRows:
    """Rows that live as long as the process."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[Name, bytes] = {}

    def get(self, kind: str, name: str) -> bytes | None:
        """Read one value."""
        return self._values.get((kind, name))

    def names(self, kind: str) -> tuple[str, ...]:
        """List the names of one kind, sorted."""
        return tuple(sorted(name for known, name in self._values if known == kind))

    def apply(self, puts: Iterable[Put], deletes: Iterable[Name] = ()) -> None:
        """Write and delete."""
        for kind, name in deletes:
            self._values.pop((kind, name), None)
        for kind, name, value in puts:
            self._values[kind, name] = value

    def put_new(self, kind: str, name: str, value: bytes) -> bytes:
        """Write a value unless there is one already; give what stands there now."""
        return self._values.setdefault((kind, name), value)

    def scrub(self) -> None:
        """Do nothing: what is deleted is gone."""

    def close(self) -> None:
        """Forget everything."""
        self._values.clear()
