"""Burn rate: how fast an error budget is spent, over a long and a short window at once.

Windows and factors are those of the SRE workbook (table 5-8). For levels with traffic only: everything, issuers and
carriers. Counts by minute; time is the facts' own.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

MINUTE_MS = 60_000


class Window(NamedTuple):
    """One rule: spent at `factor` times the budget's pace in the long window and in the short one."""

    long_min: int
    short_min: int
    factor: float
    page: bool


WINDOWS = (Window(60, 5, 14.4, True), Window(360, 30, 6.0, True), Window(4_320, 360, 1.0, False))
OBJECTIVE = 0.985
"""Share of transactions without technical trouble that is promised."""
LEAST, LEAST_SHORT, LEAST_BAD = 300, 20, 10


@dataclass(frozen=True, slots=True)
class Burn:
    """A rule that holds."""

    window: Window
    rate: float
    """Share that failed in the long window."""
    rate_short: float
    failed: int
    total: int


class Minutes:
    """Failed and total up to each minute of one stream, for three days."""

    def __init__(self, rows: list[list[int]] | None = None) -> None:
        self._rows = rows or []

    def take(self, at_ms: int, failed: int, total: int = 1) -> None:
        """Count; what comes a little late goes into the newest minute."""
        minute = at_ms // MINUTE_MS
        if not self._rows or minute > self._rows[-1][0]:
            self._rows.append([minute, *(self._rows[-1][1:] if self._rows else (0, 0))])
            if len(self._rows) > WINDOWS[-1].long_min + 60:
                del self._rows[:60]
        self._rows[-1][1] += failed
        self._rows[-1][2] += total

    def sums(self, now_ms: int, minutes: int) -> tuple[int, int]:
        """Give failed and total of the last minutes."""
        if not self._rows:
            return 0, 0
        start = bisect_left(self._rows, now_ms // MINUTE_MS - minutes + 1, key=itemgetter(0))
        before = self._rows[start - 1] if start else (0, 0, 0)
        return self._rows[-1][1] - before[1], self._rows[-1][2] - before[2]

    def burning(self, now_ms: int, objective: float = OBJECTIVE) -> Burn | None:
        """Give the first rule that holds."""
        for window in WINDOWS:
            failed, total = self.sums(now_ms, window.long_min)
            failed_short, total_short = self.sums(now_ms, window.short_min)
            if total < LEAST or total_short < LEAST_SHORT or failed < LEAST_BAD:
                continue
            if self._rows[0][0] > now_ms // MINUTE_MS - window.long_min // 2:
                continue  # the window is hardly begun: it would say the same as the one before
            bound = window.factor * (1.0 - objective)
            if failed >= bound * total and failed_short >= bound * total_short:
                return Burn(window, failed / total, failed_short / total_short, failed, total)
        return None

    def calm(self, now_ms: int, objective: float = OBJECTIVE) -> bool:
        """Say whether the last quarter of an hour spends no more than the budget."""
        failed, total = self.sums(now_ms, 15)
        return total >= LEAST_SHORT and failed <= total * (1.0 - objective)

    def as_data(self) -> list[Any]:
        """Write it down."""
        return [list(row) for row in self._rows]
