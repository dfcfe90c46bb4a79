"""The end of a demonstration's day: files from the host, imported and reconciled, and what was found held to what was
planted.

Rule: reconciliation gets the files and the journal, never the list of what was planted. A difference on a transaction
that is an open exception already is known, not invented; anything else that was not planted is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.journal.fact import TX_COLUMNS
from storno.journal.sqlite_reader import SqliteReader
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.result import Verdict
from storno.recon.run import reconcile
from storno.recon.sides import BooksFile, Effort, FeeRate, LineFile, Options, Sides
from storno.reversal.kinds import Kind
from storno.sim.clearing_files import FEE_BP, acom, acom_name, bank_csv, cleared, payouts
from storno.sim.entry import Entry, Standing
from storno.sim.host_home import read_books
from storno.sim.mislaid import Key, Planted, bend, underpay
from storno.sim.three_books import JOURNAL, ROWS_MAX
from storno.statements.catalogue import Catalogue
from storno.statements.importing import import_file

if TYPE_CHECKING:
    from pathlib import Path

    from storno.recon.finding import Finding
    from storno.recon.result import Result
    from storno.reversal.key import TxKey
    from storno.sim.books import Books

FOLDER = "day-end"
_LATER_DAYS = 14
"""Reconciled as if so many days later: nothing may wait in the holding pool any more."""
_MEMORY_MB = 512
_AT = {name: place for place, name in enumerate(TX_COLUMNS)}


@dataclass(frozen=True, slots=True)
class DayEnd:
    """How the day end went."""

    files: tuple[Path, ...]
    lines: int
    deposits: int
    planted: tuple[Planted, ...]
    found: tuple[Finding, ...]
    missed: tuple[Planted, ...]
    known: tuple[Finding, ...]
    """On transactions that are open exceptions in the journal already."""
    invented: tuple[Finding, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is INCOMPLETE, if it is; English, Chinese one after the other."""

    @property
    def agrees(self) -> bool:
        """Say whether exactly what was planted (and what was known) was found, and the proof holds."""
        return not self.missed and not self.invented and self.verdict is not Verdict.INCOMPLETE


def close_day(home: Path, named: frozenset[TxKey], seed: int) -> DayEnd | None:
    """Write, import, reconcile and compare; None when the host cleared nothing.

    `named` are the transactions on which the three books differ under an open exception.
    """
    books = read_books(home)
    with SqliteReader(home / JOURNAL) as reader:
        rows = reader.rows(limit=ROWS_MAX)
    lines = list(cleared(books))
    if not lines:
        return None
    open_keys = {(key.tid, key.stan) for key in named} | {
        (row[_AT["tid"]], row[_AT["stan"]]) for row in rows if row[_AT["case_kind"]] or row[_AT["pending"]]
    }
    bent, planted = bend(lines, *_candidates(rows, books, open_keys), seed)
    paid, short = underpay(payouts(bent), seed)
    folder = home / FOLDER
    folder.mkdir()
    files = []
    for day in sorted({line.day for line in bent}):
        files.append(folder / acom_name(day))
        files[-1].write_bytes(acom(line for line in bent if line.day == day))
    files.append(folder / "bank.csv")
    files[-1].write_text(bank_csv(paid), encoding="utf-8")
    refused = _import(files, home)
    result = _reconcile(home, folder, rows, max(line.day for line in bent))
    return _compare(tuple(files), (len(bent), len(paid)), (*planted, *short), result, open_keys, refused)


def _candidates(
    rows: tuple[tuple[object, ...], ...], books: Books, open_keys: set[tuple[str, str]]
) -> tuple[frozenset[Key], frozenset[Key]]:
    """Find the sales that journal and host agree on: those that stand, and those that were reversed."""
    held: dict[tuple[str, str, str], Entry] = {
        (entry.tid, entry.batch, entry.identity.stan): entry for entry in books.entries()
    }
    by_line: dict[tuple[str, str], int] = {}
    sound, undone = set(), set()
    for row in rows:
        tid, batch, stan = (str(row[_AT[name]]) for name in ("tid", "batch", "stan"))
        entry = held.get((tid, batch, stan))
        if entry is None or row[_AT["kind"]] != Kind.SALE.value or (tid, stan) in open_keys:
            continue
        by_line[tid, stan] = by_line.get((tid, stan), 0) + 1
        key = (tid, stan, str(row[_AT["date"]]))
        approved = entry.standing is Standing.APPROVED
        state = row[_AT["state"]]
        lone = entry.undone_by is None and not entry.refunded_minor and entry.code == "00"
        if state == "approved" and row[_AT["told"]] == "approved" and approved and entry.in_force and lone:
            sound.add(key)
        elif state == "reversed" and approved and entry.reversed and lone:
            undone.add(key)
    once = {key for key, count in by_line.items() if count == 1}
    return (
        frozenset(key for key in sound if key[:2] in once),
        frozenset(key for key in undone if key[:2] in once),
    )


def _import(files: list[Path], home: Path) -> tuple[str, ...]:
    """Import the files; give what was refused or rejected, which would be a fault of ours."""
    wrong = []
    for file in files:
        for outcome in import_file(file, home):
            if outcome.stored is None or outcome.stored.rejects:
                why = outcome.refused.english if outcome.refused else "lines were rejected"
                wrong.append(f"{file.name}: {why}")
    return tuple(wrong)


def _reconcile(home: Path, folder: Path, rows: tuple[tuple[object, ...], ...], last: str) -> Result:
    books = folder / "books.parquet"
    names = [name for name in TX_COLUMNS if name != "pan_token"]
    columns = {name: [row[_AT[name]] for row in rows] for name in names}
    whole = {
        "pending",
        "amount_minor",
        "approved_minor",
        "attempts",
        "due_ms",
        "tombstone",
        "opened_ms",
        "updated_ms",
    }
    types = {name: pa.int64() if name in whole else pa.string() for name in names}
    pq.write_table(pa.table({name: pa.array(columns[name], types[name]) for name in names}), books)
    catalogue = Catalogue(home)
    lines = tuple(
        LineFile(
            one.file_id, one.role, path, one.sha256, one.lines, one.rejects,
            totals_met=all(total.met for total in one.totals), complete=one.complete,
        )
        for one in catalogue.files() if (path := catalogue.path(one)) is not None
    )  # fmt: skip
    later = datetime.strptime(last, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=_LATER_DAYS)
    mids = sorted({str(row[_AT["mid"]]) for row in rows})
    options = Options(as_of=later.strftime("%Y%m%d"), fees=tuple(FeeRate(mid, FEE_BP) for mid in mids))
    effort = Effort(memory_mb=_MEMORY_MB)
    engine = DuckEngine(effort)
    try:
        return reconcile(Sides((BooksFile(books),), lines), options, engine, effort)
    finally:
        engine.close()


def _compare(
    files: tuple[Path, ...], counts: tuple[int, int], planted: tuple[Planted, ...], result: Result,
    open_keys: set[tuple[str, str]], refused: tuple[str, ...],
) -> DayEnd:  # fmt: skip
    found = tuple(result.findings())
    left = list(found)
    missed = []
    for one in planted:
        hit = next((finding for finding in left if _is(finding, one)), None)
        if hit is None:
            missed.append(one)
        else:
            left.remove(hit)
    known = tuple(one for one in left if _place(one) in open_keys)
    reasons = (*refused, *(text for one in result.reasons for text in (one.english, one.chinese)))
    return DayEnd(
        files, *counts, planted, found, tuple(missed), known, tuple(one for one in left if one not in known),
        Verdict.INCOMPLETE if refused else result.verdict, reasons,
    )  # fmt: skip


def _place(finding: Finding) -> tuple[str, str]:
    """Give TID and STAN of a finding: its key is `tid/mid/batch/stan/day` where our books have it."""
    parts = finding.key.split("/")
    return (parts[0], parts[3]) if len(parts) == 5 else ("", "")


def _is(finding: Finding, planted: Planted) -> bool:
    """Say whether a finding is a planted difference: its rule, what it is on, and the money to the last fen."""
    if finding.rule != planted.rule:
        return False
    if planted.rule == "deposit_short":
        return (finding.mid, finding.amount_minor) == (planted.mid, planted.delta_minor)
    there = finding.found_minor if finding.found_minor is not None else 0
    by = there - (finding.expected_minor if finding.expected_minor is not None else 0)
    same = _place(finding) == (planted.tid, planted.stan) or finding.rrn == planted.rrn
    return same and by == planted.delta_minor
