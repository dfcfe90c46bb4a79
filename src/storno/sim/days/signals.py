"""What can be seen of each transaction by somebody who asks why it failed: the observable side, with gaps.

Rule: signals follow from the true cause and from the terminal's condition with noise; some are missing, as in the
field. The cause itself never stands in this file.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from storno.sim.days import digits as d
from storno.sim.days.causes import CAUSE_OF, issuer_of
from storno.sim.days.columns import blocks, strings, words, write_parquet
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.draw import Draws, Flags, Ints
from storno.sim.days.fates import FATES, KINDS, ending
from storno.sim.days.fleet import Fleet, Trouble
from storno.sim.days.tables import CARRIERS, CODES, ENTRY_TEXTS, ISSUERS, MODELS, VERSIONS
from storno.sim.days.write_books import IN_BOOKS, tx_ids
from storno.sim.days.write_terminal import mids, tids

MISSING = 80_000
"""Share per million of each signal that can be missing, and is."""
TIMER_MS, SHORT_TIMER_MS = 60_000, 12_000
_REASONS = tuple("" if fate.beats is None else ending(at).reason for at, fate in enumerate(FATES))
_TIMEOUT = np.array([reason == "98" for reason in _REASONS])
_LOCALS = ("", "L01", "L02", "L03", "L04", "L05", "L06", "L07", "L08")
_LOCAL_OF = {"not_sent": 1, "bad_mac": 3, "terminal_mac": 3, "terminal_fault": 4, "void_on_reversed": 4, "cancelled": 5,
             "late_answer": 7}  # fmt: skip


def write_signals(path: Path, day: Day, number: int, calendar: Calendar, fleet: Fleet, draws: Draws) -> int:
    """Write a row for each transaction in the order of time; give their number."""
    order = np.argsort(day.serial, kind="stable")
    parts = (_columns(day.take(block), day, number, calendar, fleet, draws) for block in blocks(order))
    first = next(parts)
    write_parquet(path, list(first), (list(one.values()) for one in itertools.chain([first], parts)))
    return day.size


def has(day: Day, *names: str) -> Flags:
    """Say which rows have one of these causes, first or second."""
    wanted = [CAUSE_OF[name] for name in names]
    either: Flags = np.isin(day.cause, wanted)
    either |= np.isin(day.second_cause, wanted)
    return either


def _columns(
    day: Day, whole: Day, number: int, calendar: Calendar, fleet: Fleet, draws: Draws
) -> dict[str, pa.Array]:
    size = day.size
    retried = np.where(day.retry_of == NONE, 0, day.retry_of)
    codes = _answers(day)
    local = _locals(day, draws)
    trouble = fleet.trouble[day.terminal]
    timeouts = _TIMEOUT[day.fate]
    return {
        "tx_id": strings(tx_ids(calendar, np.full(size, number), day.serial)),
        "in_books": pa.array(IN_BOOKS[day.fate]),
        "tid": words(tids(fleet), day.terminal),
        "mid": words(mids(fleet), fleet.merchant[day.terminal]),
        "at_ms": pa.array(calendar.start_ms(number) + day.second * 1000),
        "kind": words([kind.value for kind in KINDS], day.kind),
        "amount_minor": pa.array(day.amount),
        "card": strings(d.masked(np.maximum(day.card, 0)), day.channel == CARD),
        "card_no": pa.array(day.card, mask=day.channel != CARD),
        "issuer": words((*(name for name, _, _ in ISSUERS), ""),
                        np.where(day.channel == CARD, issuer_of(np.maximum(day.card, 0)), len(ISSUERS))),
        "carrier": words([name for name, _ in CARRIERS], fleet.carrier[day.terminal]),
        "model": words([name for name, _ in MODELS], fleet.model[day.terminal]),
        "version": words([name for name, _ in VERSIONS], fleet.version[day.terminal]),
        "site": pa.array(fleet.site[day.terminal]),
        "age_days": pa.array(fleet.age_days[day.terminal]),
        "operator": words(("op-1", "op-2", "op-3", "op-4"), day.operator),
        "entry_mode": words(ENTRY_TEXTS, day.entry),
        "response": words((*CODES, ""), codes),
        "reversal_reason": words(_REASONS, day.fate),
        "local": _gaps(words(_LOCALS, local), draws, size, local == 0),
        "rssi_dbm": _gaps(pa.array(_rssi(day, fleet, draws)), draws, size),
        "link_errors": _gaps(pa.array(_links(day, draws)), draws, size),
        "read_errors": _gaps(pa.array(_reads(day, trouble, draws)), draws, size),
        "restarts_today": _gaps(pa.array(_restarts(day, trouble, draws)), draws, size),
        "sign_in_hours": _gaps(pa.array(_sign_in(day, draws)), draws, size),
        "ms_connect": _gaps(pa.array(_connect(day, draws)), draws, size),
        "ms_host": _gaps(pa.array(_host_ms(day, draws)), draws, size, timeouts),
        "ms_issuer": _gaps(pa.array(_issuer_ms(day, draws)), draws, size, timeouts & draws.hits(700_000, size)),
        "timer_ms": _gaps(pa.array(_timer(day, trouble)), draws, size),
        "card_removed": pa.array(_removed(day, draws)),
        "cancel_key": pa.array(_cancels(day, draws)),
        "retry_of": strings(tx_ids(calendar, np.full(size, number), whole.serial[retried]), day.retry_of != NONE),
    }  # fmt: skip


_CANCELLED = next(at for at, fate in enumerate(FATES) if fate.name == "cancelled")
_SILENT = np.array(
    [
        fate.name == "not_sent" or (fate.beats is not None and not ending(at).response)
        for at, fate in enumerate(FATES)
    ]
)


def _gaps(column: pa.Array, draws: Draws, size: int, also: Flags | None = None) -> pa.Array:
    """Leave some values out, and those of `also`."""
    gone = draws.hits(MISSING, size)
    if also is not None:
        gone |= also
    return pc.if_else(pa.array(gone), pa.scalar(None, column.type), column)


def _answers(day: Day) -> Ints:
    """Give F39 of the answer as far as one came; the blank text's place otherwise."""
    return np.where(_SILENT[day.fate], len(CODES), day.code)


def _timer(day: Day, trouble: Ints) -> Ints:
    """Give the timer: short where the settings are wrong, and at every fiftieth terminal, where it does no harm."""
    short = (trouble == Trouble.SETTINGS) | (day.terminal % 50 == 17)
    return np.where(short, SHORT_TIMER_MS, TIMER_MS)


def _removed(day: Day, draws: Draws) -> Flags:
    """Say where the card was pulled early: often why it was cancelled, but people pull it in any long wait too."""
    pulled: Flags = (day.fate == _CANCELLED) & draws.hits(600_000, day.size)
    pulled |= _TIMEOUT[day.fate] & draws.hits(70_000, day.size)
    pulled |= draws.hits(1_500, day.size)
    return pulled


def _cancels(day: Day, draws: Draws) -> Flags:
    """Say where the cancel key was pressed: by mistake, in a long wait, or because the card would not read."""
    pressed = has(day, "operator_mistake") & draws.hits(650_000, day.size)
    pressed |= (day.fate == _CANCELLED) & draws.hits(150_000, day.size)
    return pressed | (_TIMEOUT[day.fate] & draws.hits(90_000, day.size)) | draws.hits(2_000, day.size)


def _locals(day: Day, draws: Draws) -> Ints:
    place = np.zeros(len(FATES), dtype=np.int64)
    for at, fate in enumerate(FATES):
        place[at] = _LOCAL_OF.get(fate.name, 2 if _TIMEOUT[at] else 0)
    local = place[day.fate]
    unread = (day.fate == next(at for at, f in enumerate(FATES) if f.name == "not_sent")) & has(
        day, "card_unreadable"
    )
    local = np.where(unread, 6, local)
    twice = has(day, "operator_mistake") & draws.hits(800_000, day.size)
    twice |= has(day, "wrong_amount") & draws.hits(250_000, day.size)
    return np.where((local == 0) & (twice | draws.hits(800, day.size)), 8, local)


def _noise(draws: Draws, size: int, low: int, high: int) -> Ints:
    """Give values that cluster in the middle of a range: the mean of three even draws."""
    return (
        draws.between(low, high, size) + draws.between(low, high, size) + draws.between(low, high, size)
    ) // 3


def _rssi(day: Day, fleet: Fleet, draws: Draws) -> Ints:
    bad = has(day, "unstable_network") & draws.hits(750_000, day.size)
    return (
        fleet.rssi_dbm[day.terminal]
        + _noise(draws, day.size, -8, 8)
        - np.where(bad, _noise(draws, day.size, 8, 30), 0)
    )


def _links(day: Day, draws: Draws) -> Ints:
    size = day.size
    bad = has(day, "unstable_network") & draws.hits(800_000, size)
    wrong = has(day, "wrong_network_settings") & (
        day.fate != next(a for a, f in enumerate(FATES) if f.name == "late_answer")
    )
    return (
        draws.hits(15_000, size).astype(np.int64)
        + np.where(bad, draws.between(1, 4, size), 0)
        + np.where(wrong, draws.between(3, 9, size), 0)
    )


def _reads(day: Day, trouble: Ints, draws: Draws) -> Ints:
    size = day.size
    bad = has(day, "card_unreadable", "ageing_hardware") & draws.hits(880_000, size)
    worn = (trouble == Trouble.READER) & draws.hits(180_000, size)
    errors: Ints = draws.hits(25_000, size).astype(np.int64) + worn
    return errors + np.where(bad, draws.between(1, 4, size), 0)


def _restarts(day: Day, trouble: Ints, draws: Draws) -> Ints:
    size = day.size
    bad = (has(day, "terminal_fault") & draws.hits(600_000, size)) | (
        (trouble == Trouble.DEVICE) & draws.hits(200_000, size)
    )
    return draws.hits(8_000, size).astype(np.int64) + np.where(bad, draws.between(1, 3, size), 0)


def _sign_in(day: Day, draws: Draws) -> Ints:
    stale = (has(day, "keys_out_of_step") & draws.hits(850_000, day.size)) | (day.terminal % 40 == 11)
    return np.where(stale, draws.between(25, 90, day.size), day.second // 3600 * 7 // 10)


def _connect(day: Day, draws: Draws) -> Ints:
    bad = (has(day, "unstable_network") & draws.hits(850_000, day.size)) | draws.hits(20_000, day.size)
    return _noise(draws, day.size, 40, 420) + np.where(bad, _noise(draws, day.size, 300, 6_000), 0)


def _host_ms(day: Day, draws: Draws) -> Ints:
    bad = (has(day, "host_failure") & draws.hits(850_000, day.size)) | draws.hits(8_000, day.size)
    return _noise(draws, day.size, 20, 160) + np.where(bad, _noise(draws, day.size, 2_000, 20_000), 0)


def _issuer_ms(day: Day, draws: Draws) -> Ints:
    bad = (has(day, "issuer_failure") & draws.hits(850_000, day.size)) | draws.hits(10_000, day.size)
    return _noise(draws, day.size, 120, 900) + np.where(bad, _noise(draws, day.size, 6_000, 45_000), 0)
