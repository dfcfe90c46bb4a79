"""Reads a statement through its format and keeps what came out, for tests."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from storno.statements.base import ReadOptions
from storno.statements.encoding import make_head
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, Frame, Reject, StatementLine, Total

DATA = Path(__file__).parent / "golden" / "data" / "statements"


@dataclass
class Outcome:
    """Everything one file gave."""

    lines: list[StatementLine] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    refused: FileRefused | None = None

    @property
    def clean(self) -> bool:
        """Say whether an import would take it without being told to."""
        return self.refused is None and not self.rejects and all(total.met for total in self.totals)

    @property
    def sum(self) -> dict[str, int]:
        """Give the sum of all lines by currency."""
        sums: dict[str, int] = {}
        for line in self.lines:
            sums[line.currency] = sums.get(line.currency, 0) + line.amount_minor
        return sums

    @property
    def money(self) -> list[tuple[str, int, int, str]]:
        """Give what each line says of money."""
        return [(one.kind.value, one.amount_minor, one.fee_minor, one.currency) for one in self.lines]

    def total(self, name: str) -> tuple[int, int]:
        """Give one total: declared and counted."""
        return next((one.declared, one.counted) for one in self.totals if one.name == name)


def read(name: str, data: bytes, **options: object) -> Outcome:
    """Read bytes with a format; only FileRefused is an expected error."""
    out = Outcome()
    try:
        for part in FORMATS[name].read(io.BytesIO(data), ReadOptions(**options)):  # type: ignore[arg-type]
            kept = {StatementLine: out.lines, Reject: out.rejects, Frame: out.frames, Total: out.totals}
            kept[type(part)].append(part)  # type: ignore[attr-defined]
    except FileRefused as refused:
        out.refused = refused
    return out


def sample(path: str) -> bytes:
    """Give a sample's bytes."""
    return (DATA / path).read_bytes()


def known(name: str, data: bytes) -> dict[str, int]:
    """Give the formats that take a file for theirs, with how sure they are."""
    head = make_head(name, data)
    return {one.name: score for one in FORMATS.values() if (score := one.recognise(head))}
