"""What may only look like a difference: findings that a missing line could explain, and what must not be closed.

Rule: what waits in the holding pool also waits for what a reason calls missing; what contradicts itself waits for
nothing, unless the leg's own figures do not add up. Decides by columns of the result alone; reads no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from storno.recon import days
from storno.recon.finding import Leg
from storno.recon.steps.deposits import LAG_DAYS
from storno.recon.steps.pairs import WAITS
from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.recon.ageing import Calendar
    from storno.recon.result import Gap

OPEN = ("", "99999999")
_NAMES = ("what", "rule", "leg", "date", "settled_on", "mid", "tid", "lines")
_ORDER = {"finding": 0, "held": 1, "provisional": 2}


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a line may be waited for: by the calendar and the holding days of a run."""

    calendar: Calendar
    hold_days: int
    _due: dict[str, tuple[str, str]] = field(default_factory=dict)

    def days(self, day: str) -> tuple[str, str]:
        """Give the day money for a day comes on, and the last day it may come; a text that is no day gives itself."""
        if day not in self._due:
            at = days.parse(day)
            pay, due = (at, at) if at is None else (self.calendar.after(at, n) for n in (1, self.hold_days))
            self._due[day] = (day, day) if pay is None or due is None else (f"{pay:%Y%m%d}", f"{due:%Y%m%d}")
        return self._due[day]


@dataclass(frozen=True, slots=True)
class _About:
    """What is known of a difference, whether it is of this run or of an earlier one."""

    leg: str
    date: str
    settled_on: str
    mid: str
    tid: str


def marked(table: pa.Table, gaps: Iterable[Gap], waiting: Waiting) -> pa.Table:
    """Give the table with `provisional` instead of `finding` where a gap may explain it, sorted behind the rest."""
    listed = tuple(gaps)
    if not listed:
        return table
    said = []
    for what, rule, leg, date, settled_on, mid, tid, lines in zip(
        *(table.column(name).to_pylist() for name in _NAMES), strict=True
    ):
        about = _About(leg, date, settled_on, mid, tid)
        open_ = what == "finding" and any(_explains(one, rule, about, bool(lines), waiting) for one in listed)
        said.append("provisional" if open_ else what)
    place = table.schema.get_field_index("what")
    changed = table.set_column(
        place, table.schema.field(place), pa.array(said, table.schema.field(place).type)
    )
    return changed.take(pa.array(sorted(range(len(said)), key=lambda at: _ORDER[said[at]]), pa.int64()))


def hidden(gaps: Iterable[Gap], leg: str, day: str, mid: str, tid: str, waiting: Waiting) -> bool:
    """Say whether a run cannot know that a difference of this day is gone."""
    about = _About(leg, day, day, mid, tid)
    for one in gaps:
        if not _concerns(one, about):
            continue
        first, last = _span(one)
        early = _shifted(day, -LAG_DAYS) if leg == Leg.BANK.value else day
        if one.missing is None or (early <= last and waiting.days(day)[1] >= first):
            return True
    return False


def _explains(gap: Gap, rule: str, about: _About, lines: bool, waiting: Waiting) -> bool:  # noqa: FBT001 - a column
    if not _concerns(gap, about):
        return False
    if gap.missing is None:
        return True
    first, last = _span(gap)
    if about.leg != Leg.BANK.value:
        return rule in WAITS and not lines and about.date <= last and waiting.days(about.date)[1] >= first
    if gap.missing is Role.BANK:
        return rule == "deposit_short" and first <= about.date <= last
    if about.date:
        return first <= about.date <= last
    return first < about.settled_on <= _shifted(last, LAG_DAYS)


def _concerns(gap: Gap, about: _About) -> bool:
    return (
        gap.leg.value == about.leg
        and (not gap.mids or not about.mid or about.mid in gap.mids)
        and (not gap.tids or not about.tid or about.tid in gap.tids)
    )


def _span(gap: Gap) -> tuple[str, str]:
    return gap.first or OPEN[0], gap.last or OPEN[1]


def _shifted(day: str, by: int) -> str:
    at = days.parse(day)
    return day if at is None else f"{at + timedelta(by):%Y%m%d}"
