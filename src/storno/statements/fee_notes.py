"""What the lines of a file say of their merchants' rates, noted while they are written.

Rule: a rate tried on a merchant's first lines is only a guess: how many of its lines keep to it decides, and a reader
that finds too few asks the lines themselves. So the order of lines changes what is noted, never what is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from storno.statements import attached
from storno.statements.digest import FEE_VOTE, LIVE, MOVES, fee_due, hashes_of_lines
from storno.statements.line import Role

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

RATES, ODD = "fee_rates", "odd_fees"
FROM_ROWS = 250_000
"""A file with fewer lines has no notes: asking them takes no time."""
BIG_MINOR = 20_000
"""From this amount on only one whole basis point gives a fee: 0.5 / 20,000 is a quarter of one."""
SURE = 3
"""So many big lines of one rate make a guess; fewer wait for more."""
WAIT_ROWS = 500_000
MANY_ODD = 8
"""Where one line in so many keeps to no guess, the notes are worth nothing."""

_TABLES = """
CREATE TABLE fee_lines (b INT, mid VARCHAR, amount BIGINT, fee BIGINT);
CREATE TABLE guesses (mid VARCHAR, basis_points BIGINT);
CREATE TABLE counted (mid VARCHAR, lines_ BIGINT, kept BIGINT, big BIGINT);
CREATE TABLE odd (b INT)
"""
_TAKE = f"""
INSERT INTO fee_lines SELECT {hashes_of_lines(Role.NETWORK)["key_hash"]}, mid, amount_minor, fee_minor
FROM written WHERE kind = 'payment' AND mark IN ({LIVE[Role.NETWORK]}) AND {MOVES}
"""  # noqa: S608 - our own text
_GUESS = f"""
INSERT INTO guesses SELECT mid, vote FROM (
    SELECT mid, vote, votes, row_number() OVER (PARTITION BY mid ORDER BY votes DESC, vote) AS place FROM (
        SELECT mid, {FEE_VOTE} AS vote, count(*) AS votes FROM fee_lines
        WHERE abs(amount) >= ? AND mid NOT IN (SELECT mid FROM guesses) GROUP BY mid, vote
    )
) WHERE place = 1 AND votes >= ?
"""  # noqa: S608 - our own text
_DUE = fee_due("l.amount", "g.basis_points")
_COUNT = f"""
INSERT INTO counted SELECT l.mid, count(*), count(*) FILTER (l.fee = {_DUE}),
    count(*) FILTER (l.fee = {_DUE} AND abs(l.amount) >= {BIG_MINOR})
FROM fee_lines AS l JOIN guesses AS g ON l.mid = g.mid GROUP BY l.mid
"""  # noqa: S608 - our own text
_TOGETHER = """
CREATE OR REPLACE TABLE counted AS SELECT mid, CAST(sum(lines_) AS BIGINT) AS lines_,
    CAST(sum(kept) AS BIGINT) AS kept, CAST(sum(big) AS BIGINT) AS big FROM counted GROUP BY mid
"""
_ASIDE = f"""
INSERT INTO odd SELECT l.b FROM fee_lines AS l JOIN guesses AS g ON l.mid = g.mid WHERE l.fee <> {_DUE} AND l.b >= 0
"""  # noqa: S608 - our own text
_REST = "CREATE OR REPLACE TABLE fee_lines AS SELECT l.* FROM fee_lines AS l ANTI JOIN guesses AS g ON l.mid = g.mid"
_NOTED = """
SELECT g.mid, g.basis_points, c.lines_, c.kept, c.big FROM guesses AS g JOIN counted AS c ON g.mid = c.mid
ORDER BY g.mid
"""


class FeeNotes:
    """Notes rates while a network's lines are written, in the tables of a database that has them as `written`."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db
        self._db.execute(_TABLES)
        self._rows = self._waiting = self._left = 0

    def add(self, rows: int) -> None:
        """Take the lines of `written`, so many."""
        self._db.execute(_TAKE)
        self._rows += rows
        self._waiting += rows
        if self._waiting >= FROM_ROWS:
            self._settle()

    def _settle(self, *, at_last: bool = False) -> None:
        """Guess the rates of merchants that show one, and count their lines; the others' wait, if not for too long."""
        self._waiting = 0
        self._db.execute(_GUESS, [BIG_MINOR, SURE])
        if at_last or self._left > WAIT_ROWS:
            self._db.execute(_GUESS, [0, 1])
        for sql in (_COUNT, _TOGETHER, _ASIDE, _REST):
            self._db.execute(sql)
        self._left = self._number("fee_lines")

    def _number(self, name: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])  # noqa: S608 - our own names

    def done(self) -> dict[str, bytes]:
        """Give what to attach; nothing where there are few lines, or no merchant keeps to a rate."""
        if self._rows < FROM_ROWS:
            return {}
        self._settle(at_last=True)
        if self._number("odd") * MANY_ODD > self._rows:
            return {}
        odd = self._db.sql("SELECT b FROM odd ORDER BY b").to_arrow_table()
        return {RATES: _packed(self._db.sql(_NOTED).to_arrow_table()), ODD: _packed(odd)}


def read(path: Path, name: str) -> pa.Table | None:
    """Give the notes of a file: `RATES` (merchant, guess, lines, those that keep to it, the big ones of them) or `ODD`.

    `ODD` has the keys' hashes of the lines that do not. None: the file has no notes.
    """
    part = attached.read(path, name)
    return None if part is None else pa.ipc.open_stream(part).read_all()


def _packed(table: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return bytes(out.getvalue())
