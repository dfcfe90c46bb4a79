"""Our books as a real journal: every transaction lived through again by the machine, fact by fact.

Rule: what this writes and what `write_books` writes say the same; a test holds them together. For days of some
thousands of sales: each one costs what it costs a gateway.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from storno.journal.fact import Change, fact_row, tx_row
from storno.journal.sqlite import SqliteJournal
from storno.reversal.key import TxKey
from storno.reversal.lifecycle import Input
from storno.reversal.machine import Outcome, begin, step
from storno.reversal.record import Detail, Opening
from storno.sim.days import digits as d
from storno.sim.days.dates import Calendar
from storno.sim.days.day import CARD, NONE, Day
from storno.sim.days.fates import FATES, KINDS, detail_of, opening
from storno.sim.days.fleet import Fleet
from storno.sim.days.tables import CODES
from storno.sim.days.write_books import opened_ms, tx_ids
from storno.sim.days.write_terminal import mids, rrns, tids

_GROUP = 2_000
_UNDO_MS = 1_500


class JournalSide:
    """A journal being filled day by day."""

    def __init__(self, path: Path) -> None:
        self._journal = SqliteJournal(path)
        self._journal.next_incarnation()

    def close(self) -> None:
        """Release the file."""
        self._journal.close()

    def write(self, day: Day, number: int, calendar: Calendar, fleet: Fleet) -> None:
        """Live through a day. Facts are stored transaction by transaction, each with its own times."""
        story = _Story(day, number, calendar, fleet)
        group: list[Change] = []
        for row in np.argsort(day.serial, kind="stable").tolist():
            group += story.changes(row)
            if len(group) >= _GROUP:
                self._journal.commit(group)
                group = []
        self._journal.commit(group)


class _Story:
    """A day's columns as Python values, and the life of each row."""

    def __init__(self, day: Day, number: int, calendar: Calendar, fleet: Fleet) -> None:
        self._date = calendar.text(number)
        self._ids = _list(tx_ids(calendar, np.full(day.size, number), day.serial))
        self._origins = _list(tx_ids(calendar, day.origin_day, day.origin_serial))
        self._rrns = _list(rrns(number, calendar, day.rrn))
        self._auths = _list(d.digits(day.auth, 6))
        self._cards = _list(d.masked(np.maximum(day.card, 0)))
        self._opened = opened_ms(day, number, calendar).tolist()
        self._tids, self._mids = tids(fleet), mids(fleet)
        self._merchant = fleet.merchant
        self._day = day

    def changes(self, row: int) -> list[Change]:
        """Give the changes of one transaction, empty if our books never saw it."""
        day = self._day
        fate = FATES[int(day.fate[row])]
        if fate.beats is None:
            return []
        tx_id, at, code = self._ids[row], self._opened[row], CODES[int(day.code[row])]
        outcome = begin(tx_id, at, self._opening(row))
        found = [_change(outcome)]
        for beat in fate.beats:
            detail = detail_of(beat, at, code, self._rrns[row], self._auths[row])
            when = at + beat.after_ms
            if beat.input is Input.RESPONSE_APPROVED and day.approved[row] != day.amount[row]:
                detail = detail._replace(amount_minor=int(day.approved[row]))
            if beat.input in (Input.UNDONE, Input.CONSUMED):
                by = int(day.undone_by[row])
                detail, when = Detail(note=self._ids[by]), self._opened[by] + _UNDO_MS
            outcome = step(outcome.record, beat.input, when, detail)
            found.append(_change(outcome))
        return found

    def _opening(self, row: int) -> Opening:
        day = self._day
        terminal = int(day.terminal[row])
        key = TxKey(
            self._tids[terminal], self._mids[int(self._merchant[terminal])], f"{int(day.batch[row]):06d}",
            f"{int(day.stan[row]):06d}",
        )  # fmt: skip
        card = self._cards[row] if day.channel[row] == CARD else ""
        kind = KINDS[int(day.kind[row])]
        first = opening(kind, key, int(day.amount[row]), self._date, card)
        return first._replace(original=self._origins[row] if day.origin_serial[row] != NONE else "")


def _list(matrix: d.Bytes) -> list[str]:
    return [one.decode() for one in d.texts(matrix).tolist()]


def _change(outcome: Outcome) -> Change:
    posting = outcome.posting
    row = None if posting is None else (posting.key, outcome.record.tx_id, posting.currency, posting.entries)
    return (fact_row(outcome.fact), tx_row(outcome.record), row, None)
