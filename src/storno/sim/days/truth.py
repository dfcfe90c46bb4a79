"""The truth, kept apart: what was planted, line by line, and why each transaction really went as it did.

Rule: nothing here is copied from a side. Each planted difference carries its bridge: what the outside's sum exceeds the
books' by because of it; a difference on anything not planted is a broken generator and stops it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from storno.recon.finding import RULE_NAMES
from storno.sim.days import digits as d
from storno.sim.days.causes import CAUSES, Incident
from storno.sim.days.clearing import Lines
from storno.sim.days.columns import strings, words, write_parquet
from storno.sim.days.dates import Calendar
from storno.sim.days.day import NONE, Day
from storno.sim.days.deposits import Deposit
from storno.sim.days.draw import Ints
from storno.sim.days.fates import FATES
from storno.sim.days.fleet import Fleet, Trouble
from storno.sim.days.write_books import IN_BOOKS, standing_minor, tx_ids
from storno.sim.days.write_terminal import mids, rrns, tids


@dataclass(slots=True)
class Planted:
    """One planted difference. Amounts in signed minor units, from the books' holder."""

    rule: str
    key: str
    date: str
    """Business day of the transaction, or the cleared day of a deposit."""
    tid: str
    mid: str
    batch: str
    stan: str
    rrn: str
    tx_id: str
    """Empty where our books have none."""
    fate: str
    books_minor: int
    """What stands in our books."""
    outside_minor: int
    """What was cleared (or, for a deposit, paid)."""
    delta_minor: int
    """Outside less books."""
    fee_minor: int
    """Charged beyond the agreed fee; positive costs us."""
    lines: list[str]
    """File and line of each clearing line it rests on."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Money of a day by side, for the bridge."""

    books_minor: int
    cleared_minor: int
    planted_minor: int


def planted_of(
    day: Day, lines: Lines, number: int, calendar: Calendar, fleet: Fleet
) -> tuple[list[Planted], Sums]:
    """Give the planted differences of a day, and its bridge.

    Raises:
        AssertionError: a transaction that nobody bent differs between books and clearing.

    """
    books = standing_minor(day)
    cleared = np.zeros(day.size, dtype=np.int64)
    by_serial = np.empty(day.size, dtype=np.int64)
    by_serial[day.serial] = np.arange(day.size)
    np.add.at(cleared, by_serial[lines.serial], lines.amount)
    delta = cleared - books
    wrong = np.flatnonzero((delta != 0) & (day.plant == NONE))
    assert not len(wrong), (
        f"{len(wrong)} transactions differ though nothing was planted, e.g. row {wrong[:1]}"
    )
    rows = np.flatnonzero(day.plant != NONE)
    found = list(_rows(day, rows, books, cleared, number, calendar, fleet))
    return found, Sums(int(books.sum()), int(cleared.sum()), int(delta[rows].sum()))


def _rows(
    day: Day, rows: Ints, books: Ints, cleared: Ints, number: int, calendar: Calendar, fleet: Fleet
) -> Iterator[Planted]:
    some = day.take(rows)
    ids = d.texts(tx_ids(calendar, np.full(len(rows), number), some.serial)).tolist()
    numbers = d.texts(rrns(number, calendar, some.rrn)).tolist()
    all_tids, all_mids, date = tids(fleet), mids(fleet), calendar.text(number)
    for at, row in enumerate(rows.tolist()):
        tid, mid = all_tids[int(some.terminal[at])], all_mids[int(fleet.merchant[some.terminal[at]])]
        batch, stan = f"{int(some.batch[at]):06d}", f"{int(some.stan[at]):06d}"
        fate = int(some.fate[at])
        yield Planted(
            RULE_NAMES[int(some.plant[at])], f"{tid}/{mid}/{batch}/{stan}/{date}", date, tid, mid, batch, stan,
            numbers[at].decode(), ids[at].decode() if IN_BOOKS[fate] else "", FATES[fate].name, int(books[row]),
            int(cleared[row]), int(cleared[row] - books[row]), int(some.line_fee[at]), [],
        )  # fmt: skip


def planted_deposits(paid: list[Deposit]) -> list[Planted]:
    """Give the planted differences of a cleared day's deposits."""
    return [
        Planted(one.rule, f"deposit/{one.mid}/{one.cleared}", one.cleared, "", one.mid, "", "", "", "", "deposit",
                one.due_minor, one.paid_minor, one.paid_minor - one.due_minor, 0, [one.reference])
        for one in paid if one.rule
    ]  # fmt: skip


def name_lines(found: dict[tuple[int, int], Planted], lines: Lines, file: str, first: int) -> None:
    """Write down where the lines of planted differences stand; `first` is the number of the file's first line."""
    for at in np.flatnonzero(lines.plant != NONE).tolist():
        one = found.get((int(lines.day[at]), int(lines.serial[at])))
        if one is not None:
            one.lines.append(f"{file}:{first + at}")


def write_planted(path: Path, found: list[Planted]) -> None:
    """Write them as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for one in found:
            file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")


def write_causes(path: Path, day: Day, number: int, calendar: Calendar) -> None:
    """Write the true cause of each transaction, in the order of the signals."""
    some = day.take(np.argsort(day.serial, kind="stable"))
    write_parquet(
        path,
        ("tx_id", "cause", "second_cause", "fate", "rule", "in_books"),
        [
            [
                strings(tx_ids(calendar, np.full(some.size, number), some.serial)),
                words(CAUSES, some.cause),
                words(CAUSES, some.second_cause),
                words([fate.name for fate in FATES], some.fate),
                words((*RULE_NAMES, ""), np.where(some.plant == NONE, len(RULE_NAMES), some.plant)),
                pa.array(IN_BOOKS[some.fate]),
            ]
        ],
    )


def write_world(path: Path, fleet: Fleet, happened: dict[str, tuple[Incident, ...]]) -> None:
    """Write the hidden troubles of terminals and the incidents of each day."""
    body = {
        "terminals": {tid: Trouble(int(trouble)).name.lower()
                      for tid, trouble in zip(tids(fleet), fleet.trouble, strict=True) if trouble},
        "incidents": [
            {"date": date, "cause": one.what, "who": one.name(), "from_s": one.from_s, "to_s": one.to_s}
            for date, many in happened.items() for one in many
        ],
    }  # fmt: skip
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
