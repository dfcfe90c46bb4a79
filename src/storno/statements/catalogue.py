"""What has been imported: one manifest for each file, and which lines of which files count.

A file is there when its manifest is there; everything else is derived: a manifest that names a predecessor supersedes
it. Where two kinds of file report one account's day (interim and final), the higher rank counts. Reads only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from storno.statements.line import FileRefused, LineKind, Role, Total

FOLDER = "statements"
MANIFESTS = "catalogue"
ANY_ACCOUNT = ""
"""Stands for the accounts of a file that has too many to be listed."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What was counted of one kind in one currency."""

    kind: LineKind
    currency: str
    lines: int
    amount_minor: int
    fee_minor: int
    net_minor: int
    """The declared nets where lines have them, else amount plus fee."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One imported file."""

    file_id: str
    """The first 16 hex digits of the SHA-256 of its bytes (and its name, where it has no line)."""
    sha256: str
    name: str
    source: str
    """Where it lay: path, with the member inside an archive."""
    bytes: int
    format: str
    variant: str
    """Which kind of file of the format, where it has several: `camt.052`, the name of a mapping."""
    role: Role
    rank: int
    """Of two formats that report one account's day, the higher counts."""
    lines: int
    rejects: int
    repeats: int
    """Lines that say word for word what an earlier line of the file says."""
    first_day: str
    """YYYYMMDD; empty where no line has a day."""
    last_day: str
    coverage: tuple[tuple[str, str], ...]
    """Each (account, day) it has lines of, sorted."""
    sums: tuple[Sum, ...]
    totals: tuple[Total, ...]
    """What the file declares of itself."""
    accepted: bool
    """Somebody took it although a total was not met."""
    imported_ms: int
    parquet: str
    """Path of its lines below the home folder; empty where it has none."""
    rejects_file: str
    """Path of its rejected lines (CSV, masked) below the home folder; empty where there are none."""
    supersedes: tuple[str, ...] = ()
    withdrawn_ms: int = 0
    """When somebody took it back; it then counts for nothing, and its bytes may be imported again."""
    parquet_sha256: str = ""
    """Of the file of its lines, as it was written; empty where there is none, or where this was not kept yet."""
    superseded_by: str = ""
    """Derived: the id of the file that took its place."""
    shadowed: tuple[tuple[str, str], ...] = ()
    """Derived: each (account, day) for which a file of higher rank counts instead; its lines must be left out."""

    @property
    def complete(self) -> bool:
        """Say whether every line was read and every total met; reconciliation of an incomplete file is INCOMPLETE."""
        return not self.rejects and all(total.met for total in self.totals)

    @property
    def counts(self) -> bool:
        """Say whether its lines count: neither superseded nor withdrawn."""
        return not self.superseded_by and not self.withdrawn_ms

    @property
    def accounts(self) -> tuple[str, ...]:
        """List the accounts or merchants it is of."""
        return tuple(sorted({account for account, _ in self.coverage}))

    def overlaps(self, first: str, last: str) -> bool:
        """Say whether it has lines of a day in the range; an empty end is open, a file without days always has."""
        return not self.first_day or (
            (not last or self.first_day <= last) and (not first or self.last_day >= first)
        )


class Catalogue:
    """The imported files of one home folder, as they are at the moment of each call."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / FOLDER

    def files(self) -> tuple[StoredFile, ...]:
        """List every file there is, superseded ones too, by day, name and id."""
        found = [read_manifest(one) for one in sorted((self.folder / MANIFESTS).glob("*.json"))]
        took = {old: one.file_id for one in found if not one.withdrawn_ms for old in one.supersedes}
        found = [replace(one, superseded_by=took.get(one.file_id, "")) for one in found]
        return tuple(sorted(found, key=lambda one: (one.first_day, one.name, one.file_id)))

    def active(self, first: str = "", last: str = "", roles: tuple[Role, ...] = ()) -> tuple[StoredFile, ...]:
        """List the files that count in a range of days (YYYYMMDD, ends included), with what is shadowed in them."""
        current = [one for one in self.files() if one.counts]
        best: dict[tuple[Role, str, str], int] = {}
        for one in current:
            for account, day in one.coverage:
                key = (one.role, account, day)
                best[key] = max(best.get(key, one.rank), one.rank)
        return tuple(
            replace(one, shadowed=tuple(pair for pair in one.coverage if best[one.role, *pair] > one.rank))
            for one in current
            if one.overlaps(first, last) and (not roles or one.role in roles)
        )

    def find(self, start: str) -> tuple[StoredFile, ...]:
        """List the files whose id begins like this."""
        return tuple(one for one in self.files() if start and one.file_id.startswith(start))

    def path(self, one: StoredFile) -> Path | None:
        """Give the Parquet file of a file's lines; None where it has none."""
        return self.home / one.parquet if one.parquet else None


_DERIVED = ("superseded_by", "shadowed")


def as_data(one: StoredFile) -> dict[str, Any]:
    """Turn a file into what is written to its manifest."""
    data = {f.name: getattr(one, f.name) for f in fields(one) if f.name not in _DERIVED}
    data["role"] = one.role.value
    data["sums"] = [
        [s.kind.value, s.currency, s.lines, s.amount_minor, s.fee_minor, s.net_minor] for s in one.sums
    ]
    data["totals"] = [[t.name, t.declared, t.counted, t.where, t.currency] for t in one.totals]
    return data


def read_manifest(path: Path) -> StoredFile:
    """Read a manifest back. Raises FileRefused, code `catalogue`, for one that was damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        data["role"] = Role(data["role"])
        data["coverage"] = tuple((account, day) for account, day in data["coverage"])
        data["sums"] = tuple(Sum(LineKind(kind), *rest) for kind, *rest in data["sums"])
        data["totals"] = tuple(Total(*one) for one in data["totals"])
        data["supersedes"] = tuple(data["supersedes"])
        return StoredFile(**data)
    except (ValueError, KeyError, TypeError) as error:
        raise FileRefused(
            "catalogue",
            f"the manifest {path.name} is damaged ({type(error).__name__}): restore it, or remove it and import again",
            f"清单文件 {path.name} 已损坏（{type(error).__name__}）：请恢复，或删除后重新导入",
        ) from None
