"""What the imported clearing files show of one transaction: a charge, its undoing, both, or one of them twice.

Looked up by reference number, or by terminal and trace number where there is none; what is not found is not said to be
absent, for the file may still come. Where a file's stored lines are gone or damaged nothing is concluded: it is named.
Reads only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import Clearing
from storno.diagnosis.whereabouts import NOT_SHOWN, Shown
from storno.recon.days import parse, shifted
from storno.reversal.kinds import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from storno.reversal.record import Record
    from storno.statements.catalogue import Catalogue, StoredFile
    from storno.statements.line import FileRefused

_COLUMNS = ["line_no", "kind", "amount_minor", "settled_on", "tid", "stan", "rrn", "account"]
_OWN_LINE = {
    Kind.VOID: "void",
    Kind.COMPLETION_VOID: "void",
    Kind.PREAUTH_VOID: "void",
    Kind.REFUND: "refund",
}
"""What a line of the transaction itself is called; anything else is a payment."""
_SHOWN = 4


NEAR_DAYS = 31
"""Files farther than this from the transaction's day are not asked: numbers come again, and no line is so late."""


def cleared(home: Path, record: Record) -> Shown:
    """Look a transaction up in the clearing files that count; the money's lines decide, not their order."""
    if not (home / "statements").exists():
        return NOT_SHOWN
    from storno.statements.catalogue import Catalogue  # pyarrow behind it: only where files were imported
    from storno.statements.line import FileRefused, Role

    catalogue = Catalogue(home)
    counts, places, when = Counter[str](), [], 0
    refused: list[FileRefused] = []
    day = record.opening.date
    first, last = (shifted(day, by) if parse(day) else "" for by in (-NEAR_DAYS, NEAR_DAYS))
    try:
        files = catalogue.active(first, last, roles=(Role.NETWORK,))
    except FileRefused as error:
        files, refused = (), [error]
    for file in files:
        try:
            found = _lines(catalogue, file, record)
        except FileRefused as error:
            refused.append(error)
            continue
        for kind, line_no in found:
            counts[kind] += 1
            places.append(f"{file.name}:{line_no}")
            when = max(when, file.imported_ms)
    named = ", ".join(places[:_SHOWN])
    if refused:
        return Shown(source=_not_known(refused, named))
    clearing = _clearing(counts[_OWN_LINE.get(record.kind, "payment")], counts["reversal"])
    if clearing is Clearing.UNKNOWN:
        return NOT_SHOWN
    return Shown(clearing, when, Text(f"clearing lines {named}", f"清算行 {named}"))


def _not_known(refused: list[FileRefused], named: str) -> Text:
    """Say which files cannot be asked, and what the others show: theirs may be the line that undoes it."""
    english = "not all files can be asked: " + "; ".join(one.english for one in refused[:_SHOWN])
    chinese = "部分文件无法查询：" + "；".join(one.chinese for one in refused[:_SHOWN])
    if len(refused) > _SHOWN:
        more = len(refused) - _SHOWN
        english, chinese = f"{english}; and {more} more", f"{chinese}；另有 {more} 个"
    if named:
        english, chinese = (
            f"{english}. The others have clearing lines {named}",
            f"{chinese}。其他文件有清算行 {named}",
        )
    return Text(english, chinese)


def _clearing(pays: int, undoes: int) -> Clearing:
    if undoes > max(1, pays):
        return Clearing.UNDONE_TWICE
    if pays > 1 and not undoes:
        return Clearing.CHARGED_TWICE
    if pays and undoes:
        return Clearing.CHARGED_AND_UNDONE
    return Clearing.CHARGED if pays else Clearing.UNKNOWN


def _lines(catalogue: Catalogue, file: StoredFile, record: Record) -> list[tuple[str, int]]:
    """Give kind and number of the lines that are about a transaction.

    Raises:
        FileRefused: the stored lines are gone or damaged.

    """
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    from storno.statements.stored import checked, refusal

    path = catalogue.path(file)
    if path is None:
        return []
    checked(catalogue, file)
    by = [("rrn", "==", record.rrn)] if record.rrn else [
        ("tid", "==", record.key.tid), ("stan", "==", record.key.stan)
    ]  # fmt: skip
    try:
        rows = pq.read_table(path, columns=_COLUMNS, filters=by).to_pylist()
    except (OSError, ValueError):  # one imported before digests were kept is only counted
        raise refusal(file, "cannot be read", "无法读取") from None
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
