"""Transactions by hour at the pooled levels, and whether a whole hour was unusual for its hour of the week.

Hours without a transaction count as none. Time is the facts' own. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storno.watch.counts import HOURS_A_WEEK, CountOptions, expect, unusual
from storno.watch.levels import EVERYTHING, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.watch.counts import Expected
    from storno.watch.rates import Key

HOUR_MS = 3_600_000
KEPT = 9 * HOURS_A_WEEK
ODD, ORDINARY = 5.0, 2.5
"""Standard deviations that are an alarm, and that end one."""
_OPTIONS = CountOptions()


class Hours:
    """Counts of whole hours, and of the running one."""

    def __init__(self) -> None:
        self._hour = 0
        self._whole: dict[Key, list[float]] = {}
        self._running: dict[Key, float] = {}

    def take(self, keys: Iterable[Key], at_ms: int) -> None:
        """Count a transaction; the hour must have been begun with `pass_to`."""
        self._hour = self._hour or at_ms // HOUR_MS
        for key in keys:
            if key[0].pooled:
                self._running[key] = self._running.get(key, 0.0) + 1.0

    def pass_to(self, now_ms: int) -> list[tuple[Key, float]]:
        """Finish the hours that are over; give how unusual the last one was in each stream that has a history."""
        hour = now_ms // HOUR_MS
        if not self._hour or hour <= self._hour:
            return []
        for number in range(min(hour - self._hour, KEPT)):
            for key in {*self._whole, *self._running}:
                row = self._whole.setdefault(key, [])
                row.append(self._running.get(key, 0.0) if number == 0 else 0.0)
                del row[:-KEPT]
            self._running = {}
        self._hour = hour
        found = ((key, unusual(row, _OPTIONS)) for key, row in sorted(self._whole.items(), key=_name))
        return [(key, deviation) for key, deviation in found if deviation is not None]

    def expected(self) -> Expected | None:
        """Give what the running hour should bring at the level of all."""
        return expect(self._whole.get((Level.ALL, EVERYTHING), []), _OPTIONS)

    def last(self, key: Key) -> float:
        """Give the count of the last whole hour."""
        return (self._whole.get(key) or [0.0])[-1]

    def usual(self, key: Key) -> float:
        """Give what the last whole hour should have brought; 0 when nothing is known."""
        found = expect(self._whole.get(key, [])[:-1], _OPTIONS)
        return 0.0 if found is None else found.mean

    def as_data(self) -> dict[str, Any]:
        """Write it down."""
        return {
            "hour": self._hour,
            "whole": [[key[0].value, key[1], row] for key, row in self._whole.items()],
            "running": [[key[0].value, key[1], count] for key, count in self._running.items()],
        }

    def read(self, data: dict[str, Any]) -> None:
        """Take over what `as_data` wrote."""
        self._hour = data["hour"]
        self._whole = {(Level(level), value): row for level, value, row in data["whole"]}
        self._running = {(Level(level), value): count for level, value, count in data["running"]}


def _name(one: tuple[Key, list[float]]) -> tuple[str, str]:
    return one[0][0].value, one[0][1]
