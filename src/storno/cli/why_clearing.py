"""What the imported clearing files show of one transaction: a charge, its undoing, both, or one of them twice.

Looked up by reference number, or by terminal and trace number where there is none; what is not found is not said to be
absent, for the file may still come. Reads only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import Clearing
from storno.diagnosis.whereabouts import NOT_SHOWN, Shown
from storno.reversal.kinds import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from storno.reversal.record import Record
    from storno.statements.catalogue import Catalogue, StoredFile

_COLUMNS = ["line_no", "kind", "amount_minor", "settled_on", "tid", "stan", "rrn", "account"]
_OWN_LINE = {
    Kind.VOID: "void",
    Kind.COMPLETION_VOID: "void",
    Kind.PREAUTH_VOID: "void",
    Kind.REFUND: "refund",
}
"""What a line of the transaction itself is called; anything else is a payment."""
_SHOWN = 4


def cleared(home: Path, record: Record) -> Shown:
    """Look a transaction up in the clearing files that count; the money's lines decide, not their order."""
    if not (home / "statements").exists():
        return NOT_SHOWN
    from storno.statements.catalogue import Catalogue  # pyarrow behind it: only where files were imported
    from storno.statements.line import Role

    catalogue = Catalogue(home)
    counts, places, when = Counter[str](), [], 0
    for file in catalogue.active(roles=(Role.NETWORK,)):
        for kind, line_no in _lines(catalogue, file, record):
            counts[kind] += 1
            places.append(f"{file.name}:{line_no}")
            when = max(when, file.imported_ms)
    clearing = _clearing(counts[_OWN_LINE.get(record.kind, "payment")], counts["reversal"])
    if clearing is Clearing.UNKNOWN:
        return NOT_SHOWN
    named = ", ".join(places[:_SHOWN])
    return Shown(clearing, when, Text(f"clearing lines {named}", f"清算行 {named}"))


def _clearing(pays: int, undoes: int) -> Clearing:
    if undoes > max(1, pays):
        return Clearing.UNDONE_TWICE
    if pays > 1 and not undoes:
        return Clearing.CHARGED_TWICE
    if pays and undoes:
        return Clearing.CHARGED_AND_UNDONE
    return Clearing.CHARGED if pays else Clearing.UNKNOWN


def _lines(catalogue: Catalogue, file: StoredFile, record: Record) -> list[tuple[str, int]]:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    path = catalogue.path(file)
    if path is None or not path.exists():
        return []
    by = [("rrn", "==", record.rrn)] if record.rrn else [
        ("tid", "==", record.key.tid), ("stan", "==", record.key.stan)
    ]  # fmt: skip
    rows = pq.read_table(path, columns=_COLUMNS, filters=by).to_pylist()
    hidden = set(file.shadowed)
    return [
        (row["kind"], row["line_no"])
        for row in rows
        if row["amount_minor"]
        and (row["account"], row["settled_on"]) not in hidden
        and row["tid"] in ("", None, record.key.tid)
        and (record.rrn or row["settled_on"] >= record.opening.date)
        and abs(row["amount_minor"]) in (record.amount_minor, record.opening.amount_minor)
    ]
