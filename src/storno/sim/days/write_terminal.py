"""The terminals' own journals of a day, as CSV in the columns of the preset `storno_terminal`.

Rule: a terminal writes what it knew and said; what it never heard (RRN, authorisation code) is empty.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from storno.sim.days import digits as d
from storno.sim.days.columns import blocks, joined, strings, words, write_csv
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.draw import Ints
from storno.sim.days.fates import FATES, KINDS
from storno.sim.days.fleet import Fleet, mid, tid

NAMES = ("tid", "mid", "batch", "stan", "date", "time", "kind", "amount_minor", "currency", "outcome", "rrn",
         "auth_code", "card", "original_stan")  # fmt: skip


def tids(fleet: Fleet) -> tuple[str, ...]:
    """Give every TID by the terminal's number."""
    return tuple(tid(number) for number in range(fleet.terminals))


def mids(fleet: Fleet) -> tuple[str, ...]:
    """Give every MID by the merchant's number."""
    return tuple(mid(number, int(trade)) for number, trade in enumerate(fleet.trade))


def rrns(day_number: int, calendar: Calendar, rrn: Ints) -> d.Bytes:
    """Write RRNs: last digit of the year, day of the year, eight digits."""
    day = calendar.day(day_number)
    return joined(d.constant(f"{day.year % 10}{day.timetuple().tm_yday:03d}", len(rrn)), d.digits(rrn, 8))


def clock(second: Ints) -> d.Bytes:
    """Write seconds of the day as hhmmss."""
    return d.digits(second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60, 6)


def write_terminals(path: Path, day: Day, number: int, calendar: Calendar, fleet: Fleet) -> int:
    """Write the file; give its number of rows."""
    has = np.array([bool(fate.terminal) for fate in FATES])[day.fate]
    rows = np.flatnonzero(has)
    rows = rows[np.argsort(day.terminal[rows] * 1_000_000 + day.stan[rows], kind="stable")]
    write_csv(path, NAMES, (_columns(day.take(block), number, calendar, fleet) for block in blocks(rows)))
    return len(rows)


def _columns(some: Day, number: int, calendar: Calendar, fleet: Fleet) -> list[pa.Array]:
    knows = np.array([fate.knows for fate in FATES])[some.fate]
    approved = knows & np.array([fate.terminal != "declined" for fate in FATES])[some.fate]
    none = np.zeros(some.size, dtype=np.int64)
    return [
        words(tids(fleet), some.terminal),
        words(mids(fleet), fleet.merchant[some.terminal]),
        strings(d.digits(some.batch, 6)),
        strings(d.digits(some.stan, 6)),
        words((calendar.text(number),), none),
        strings(clock(some.second)),
        words([kind.value for kind in KINDS], some.kind),
        pa.array(some.approved),
        words(("CNY",), none),
        words([fate.terminal for fate in FATES], some.fate),
        strings(rrns(number, calendar, some.rrn), knows),
        strings(d.digits(some.auth, 6), approved),
        strings(d.masked(np.maximum(some.card, 0)), some.channel == CARD),
        strings(d.digits(np.maximum(some.origin_stan, 0), 6), some.origin_stan != NONE),
    ]
