"""What is compared, and how: the files of each side, the period and the settings of one reconciliation.

Rule: everything that can change a result is in here and goes into the run's id; how much memory or which engine is used
cannot change a result. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from storno.recon.ageing import Calendar
from storno.statements.line import Role

HOLD_DAYS = 3
"""Working days a one-sided line may wait for its counterpart before it is a difference."""


@dataclass(frozen=True, slots=True)
class LineFile:
    """One imported statement file: where its lines are, and what is known of its completeness."""

    file_id: str
    role: Role
    path: Path
    """Parquet or CSV with the columns of `StatementLine`."""
    sha256: str = ""
    """Of what is compared; empty: taken when the run begins."""
    lines: int | None = None
    """How many lines were imported; None: not known."""
    rejects: int = 0
    totals_met: bool = True
    """False: a total the file declares is not what was read, and somebody took it all the same."""
    complete: bool = True
    """False: the sender or the import says that something is missing."""
    source: str = ""
    """What kind of file of whom: files of one source continue each other day by day. Says nothing about lines."""
    first: str = ""
    """First and last day of its lines, YYYYMMDD; empty: not known. They follow from the content."""
    last: str = ""
    read_as: str = ""
    """SHA-256 of the lines as they are stored: the same file read in another currency is another input."""
    without: tuple[tuple[str, str], ...] = ()
    """Account and day (YYYYMMDD) whose lines do not count, because a file of higher rank reports them."""
    titles: tuple[str, str] = ("", "")
    """What the source is called in English and in Chinese; empty: by its name."""


@dataclass(frozen=True, slots=True)
class EmptyFile:
    """An imported file without a line: the bill of a day without sales, or one of which every line was rejected."""

    file_id: str
    role: Role
    sha256: str
    rejects: int = 0
    totals_met: bool = True
    source: str = ""
    first: str = ""
    """The day it is of, YYYYMMDD, as its name says; empty: not known."""
    last: str = ""


@dataclass(frozen=True, slots=True)
class BooksFile:
    """Our books as a table: the columns of the journal's `transactions`."""

    path: Path
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """Everything that is compared."""

    books: tuple[BooksFile, ...] = ()
    lines: tuple[LineFile, ...] = ()
    empty: tuple[EmptyFile, ...] = ()
    """Files that came and have no line: they say that nothing is missing on their day."""

    def of(self, role: Role) -> tuple[LineFile, ...]:
        """Give the files of one role, in the order of their ids."""
        return tuple(sorted((one for one in self.lines if one.role is role), key=lambda one: one.file_id))


@dataclass(frozen=True, slots=True)
class FeeRate:
    """What a merchant has agreed to pay: 1/100 % of the amount, to the nearest minor unit, half up."""

    mid: str
    basis_points: int


@dataclass(frozen=True, slots=True)
class Options:
    """How it is compared. Days are YYYYMMDD; empty means: what the files have."""

    first: str = ""
    last: str = ""
    as_of: str = ""
    """The last day that all files are in for; later lines count, but nothing is due after it."""
    hold_days: int = HOLD_DAYS
    calendar: Calendar = field(default_factory=Calendar)
    fees: tuple[FeeRate, ...] = ()
    """Without a merchant's rate here, the rate that nearly all of its lines keep is taken as agreed."""
    utc_offset_min: int = 480
    all_in: frozenset[str] = frozenset()
    """Days (YYYYMMDD) of which somebody says that no more files come: what is not there then is a difference."""
    need: frozenset[Role] = field(default_factory=lambda: frozenset({Role.NETWORK}))
    """Sides without which no verdict but INCOMPLETE is possible."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What an engine may use. Changes no result."""

    memory_mb: int = 0
    """0: six tenths of the machine's."""
    threads: int = 0
    digest: bool | None = None
    """True: digests first, so that only rows in unequal buckets are held; None: from a million rows on."""
    buckets_log2: int = 0
    """0: by the number of rows."""
    spill: Path | None = None
    """Folder for what does not fit into memory; None: a temporary one."""
