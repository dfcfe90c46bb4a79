"""Small sides as Parquet files, and one reconciliation of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storno.recon.engines.duckdb import DuckEngine
from storno.recon.pair import BOOKS_NUMBERS, BOOKS_TEXTS, LINE_NUMBERS, LINE_TEXTS
from storno.recon.run import reconcile
from storno.recon.sides import BooksFile, Effort, LineFile, Options, Sides
from storno.recon.steps.books import HASHES, TOTALS_OF_BOOKS
from storno.statements.digest import TOTALS_OF_LINES, hashes_of_lines
from storno.statements.digester import DigestedFile
from storno.statements.line import Role

AS_OF = "20261110"
ROLES = {"terminal": Role.TERMINAL, "network": Role.NETWORK, "bank": Role.BANK}


def table(rows, texts, numbers):
    """Make a table; what a row lacks is empty, zero, or NULL for the two numbers that may be."""
    lacking = {"net_minor": None, "approved_minor": None}
    usual = {"mark": "none"}
    columns = {
        name: pa.array([row.get(name, usual.get(name, "")) for row in rows], pa.string()) for name in texts
    }
    columns |= {
        name: pa.array([row.get(name, lacking.get(name, 0)) for row in rows], pa.int64()) for name in numbers
    }
    return pa.table(columns)


def numbered(rows):
    """Number lines that have no number yet."""
    return [row if "line_no" in row else {**row, "line_no": at} for at, row in enumerate(rows, 1)]


def sides(folder, books=(), terminal=(), network=(), bank=(), sha256="0", stored=False):
    """Write the sides below a folder; a side without rows has no file. Stored: as an import writes them, hashed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    write(table(books, BOOKS_TEXTS, BOOKS_NUMBERS), folder / "books.parquet", HASHES, TOTALS_OF_BOOKS, stored)
    for name, rows in (("terminal", terminal), ("network", network), ("bank", bank)):
        if rows:
            path = folder / f"{name}.parquet"
            hashes = hashes_of_lines(ROLES[name])
            lines = table(numbered(rows), LINE_TEXTS, LINE_NUMBERS)
            write(lines, path, hashes, TOTALS_OF_LINES, stored, fees=name == "network")
            files.append(LineFile(name, ROLES[name], path, sha256, len(rows)))
    return Sides((BooksFile(folder / "books.parquet", sha256),), tuple(files))


def write(rows, path, hashes, totals, stored, fees=False):
    """Write one side in two groups, or plainly."""
    if not stored:
        pq.write_table(rows, path)
        return
    with DigestedFile(path, hashes, totals, fees=fees) as out:
        half = len(rows) // 2
        out.write(rows.slice(0, half))
        out.write(rows.slice(half))


def compare(given, options=None, effort=None, known=()):
    """Reconcile in a fresh engine."""
    effort = effort or Effort(threads=2)
    with DuckEngine(effort) as engine:
        return reconcile(given, options or Options(as_of=AS_OF), engine, effort, known=known)


def run(options=None, effort=None, known=(), stored=False, **rows):
    """Write and reconcile."""
    with tempfile.TemporaryDirectory() as folder:
        return compare(sides(Path(folder), stored=stored, **rows), options, effort, known)


def found(result, what="finding"):
    """Give what was found: rule and money."""
    return sorted((one.rule, one.amount_minor) for one in result.findings(what))


def proved(result):
    """Say whether every row is counted once and the money is explained."""
    return all(one.whole for one in result.accounts) and not any(one.residual_minor for one in result.bridges)
