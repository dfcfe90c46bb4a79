"""Our books of a day as Parquet, in the columns of a journal's transactions.

Rule: state, position, trigger and the rest come from the machine itself (`fates.ending`), so that the rows are those a
journal would hold; only amounts, keys and times are filled in here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from storno.journal.fact import TX_COLUMNS, tx_row
from storno.sim.days import digits as d
from storno.sim.days.columns import blocks, joined, strings, words, write_parquet
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.draw import Flags, Ints
from storno.sim.days.fates import COMPLETION, FATES, KINDS, PREAUTH, REFUND, SALE, VOID, ending
from storno.sim.days.fleet import Fleet
from storno.sim.days.tables import CODES
from storno.sim.days.write_terminal import mids, rrns, tids

IN_BOOKS = np.array([fate.beats is not None for fate in FATES])
_STANDS = np.array(
    [fate.beats is not None and ending(at).position.value == "effect" for at, fate in enumerate(FATES)]
)
_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_UNDO_MS = 1_500
"""How long after a void or completion began its original is marked."""


def standing_minor(day: Day) -> Ints:
    """Give what each row has moved in our books and still stands, signed from the acquirer's view."""
    sign = np.array(
        [{SALE: 1, VOID: -1, PREAUTH: 0, COMPLETION: 1, REFUND: -1}[kind] for kind in range(len(KINDS))]
    )
    return np.where(_STANDS[day.fate], sign[day.kind] * day.approved, 0)


def tx_ids(calendar: Calendar, days: Ints, serial: Ints) -> d.Bytes:
    """Write transaction ids: the day and the place in it."""
    dates = {int(one): calendar.text(int(one)) for one in np.unique(days) if one != NONE}
    known = sorted(dates) or [0]
    place = np.searchsorted(np.array(known), np.maximum(days, known[0]))
    text = d.chosen(tuple(dates.get(one, "00000000") for one in known), place)
    return joined(text, d.digits(np.maximum(serial, 0), 8))


def opened_ms(day: Day, number: int, calendar: Calendar) -> Ints:
    """Give when each row began; the milliseconds are its place's, so that order in the day is kept."""
    return calendar.start_ms(number) + day.second * 1000 + day.serial % 1000


def write_books(path: Path, day: Day, number: int, calendar: Calendar, fleet: Fleet) -> int:
    """Write the file in the order of time; give its number of rows."""
    rows = np.flatnonzero(IN_BOOKS[day.fate])
    rows = rows[np.argsort(day.serial[rows], kind="stable")]
    parts = (_columns(day, block, number, calendar, fleet) for block in blocks(rows))
    write_parquet(path, TX_COLUMNS, ([columns[name] for name in TX_COLUMNS] for columns in parts))
    return len(rows)


def _of_fates(name: str) -> list[Any]:
    """Give a column of the machine's own rows, fate by fate."""
    found = []
    for at, fate in enumerate(FATES):
        row = None if fate.beats is None else tx_row(ending(at))
        found.append(None if row is None else row[_AT[name]])
    return found


def _columns(day: Day, rows: Ints, number: int, calendar: Calendar, fleet: Fleet) -> dict[str, pa.Array]:
    some = day.take(rows)
    fate = some.fate
    columns: dict[str, pa.Array] = {
        name: words(_of_fates(name), fate)
        for name in ("state", "position", "case_kind", "told", "trigger", "reason")
    }
    opened = opened_ms(some, number, calendar)
    at = np.array([one or 0 for one in _of_fates("updated_ms")], dtype=np.int64)[fate]
    due = np.array([one or 0 for one in _of_fates("due_ms")], dtype=np.int64)[fate]
    marked = _marked(day, some, number, calendar)
    size = len(rows)
    none = np.zeros(size, dtype=np.int64)
    approves = _flags("auth_code")[fate]
    partial = (some.approved != some.amount) & approves
    columns |= {
        "tx_id": strings(tx_ids(calendar, np.full(size, number), some.serial)),
        "tid": words(tids(fleet), some.terminal),
        "mid": words(mids(fleet), fleet.merchant[some.terminal]),
        "batch": strings(d.digits(some.batch, 6)),
        "stan": strings(d.digits(some.stan, 6)),
        "date": words((calendar.text(number),), none),
        "kind": words([kind.value for kind in KINDS], some.kind),
        "pending": pa.array(np.array([one or 0 for one in _of_fates("pending")], dtype=np.int64)[fate]),
        "amount_minor": pa.array(some.amount),
        "approved_minor": pa.array(some.approved, mask=~partial),
        "currency": words(("CNY",), none),
        "response": _responses(some),
        "rrn": strings(rrns(number, calendar, some.rrn), _flags("rrn")[fate]),
        "auth_code": strings(d.digits(some.auth, 6), approves),
        "attempts": pa.array(np.array([one or 0 for one in _of_fates("attempts")], dtype=np.int64)[fate]),
        "due_ms": pa.array(np.where(due > 0, opened + due, 0)),
        "original": strings(tx_ids(calendar, some.origin_day, some.origin_serial), some.origin_serial != NONE),
        "pan_masked": strings(d.masked(np.maximum(some.card, 0)), some.channel == CARD),
        "pan_token": words(("",), none),
        "tombstone": pa.array(none),
        "opened_ms": pa.array(opened),
        "updated_ms": pa.array(np.where(marked > 0, marked, opened + at)),
    }  # fmt: skip
    return columns


def _flags(name: str) -> Flags:
    return np.array([bool(one) for one in _of_fates(name)])


def _responses(some: Day) -> pa.Array:
    """Give F39: the row's own where its fate says so, else what the machine holds."""
    own = np.array([one == "00" for one in _of_fates("response")])[some.fate]
    place = np.where(own, some.code, len(CODES))
    place = np.where(own & (some.fate == FATE_BAD_MAC), 0, place)
    return words((*CODES, ""), place)


def _marked(day: Day, some: Day, number: int, calendar: Calendar) -> Ints:
    """Give when a row was marked as voided or completed, 0 where it was not."""
    ends = np.array([fate.beats is not None and fate.name in _MARKED for fate in FATES])[some.fate]
    by = np.where(ends & (some.undone_by != NONE), some.undone_by, 0)
    when = calendar.start_ms(number) + day.second[by] * 1000 + day.serial[by] % 1000 + _UNDO_MS
    return np.where(ends & (some.undone_by != NONE), when, 0)


_MARKED = frozenset({"voided", "completed", "void_on_reversed"})
FATE_BAD_MAC = next(at for at, fate in enumerate(FATES) if fate.name == "bad_mac")
