"""Common causes: what the alarms of the last minutes share, and which of them it explains.

The last outcomes are kept with their attributes. `localise` names the cause of a measure's rise; an alarm is explained
by it if little rose outside the cause, and if the rest of the cause rose as well. Pure.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from storno.watch.detect import Detector, Faded
from storno.watch.levels import EVERYTHING, UNKNOWN, Level
from storno.watch.localise import Cell, LocaliseOptions, localise
from storno.watch.outcome import Bad, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storno.watch.levels import Attributes
    from storno.watch.rates import Key

WINDOW_MS = 3 * 3_600_000
OUTCOMES_MAX = 60_000
_SPANS_MS = (300_000, 600_000, 1_200_000, 1_800_000)
_ENOUGH = 8
_GAIN_MIN = 6.0
_RISEN, _QUIET = 2.0, 4.0
_OTHER = "~"
_DIMS = (Level.ISSUER, Level.CARRIER, Level.MODEL, Level.VERSION, Level.SITE, Level.MERCHANT, Level.TERMINAL)
_PLACE = {level: place for place, level in enumerate(_DIMS)}
Flags: TypeAlias = NDArray[np.bool_]
Values = tuple[tuple[Level, str], ...]


class Cause(NamedTuple):
    """Attribute values that explain a rise; empty values: everything, the cause lies outside the attributes."""

    values: Values
    gain: float
    failed: float
    expected: float
    total: float

    @property
    def text(self) -> str:
        """Name it."""
        return " & ".join(f"{level.value}={value}" for level, value in self.values)


class Seen(NamedTuple):
    """One outcome with the values of all attributes."""

    at_ms: int
    values: tuple[str, ...]
    bad: int
    """Measures as a plain number: these are looked through by the thousand."""
    tx_id: str
    again: bool

    def within(self, values: Values) -> bool:
        """Say whether it has these attribute values; those of no level are everything's."""
        return all(self.values[_PLACE[level]] == value for level, value in values)

    def keys(self) -> tuple[Key, ...]:
        """Give the streams it belongs to."""
        named = zip(_DIMS, self.values, strict=True)
        return ((Level.ALL, EVERYTHING), *((level, value) for level, value in named if value))


@dataclass(frozen=True, slots=True)
class Table:
    """Outcomes as columns."""

    at_ms: NDArray[np.int64]
    codes: NDArray[np.int32]
    bad: NDArray[np.int32]
    names: list[dict[str, int]]

    def within(self, values: Values, start: int) -> Flags:
        """Say which outcomes from a place on have these attribute values."""
        rows = np.ones(len(self.at_ms) - start, dtype=np.bool_)
        for level, value in values:
            place = _PLACE[level]
            rows &= self.codes[start:, place] == self.names[place].get(value, -1)
        return rows


class Recent:
    """The last outcomes."""

    def __init__(self, fleet: Mapping[str, Attributes]) -> None:
        self._fleet = fleet
        self._seen: deque[Seen] = deque(maxlen=OUTCOMES_MAX)
        self._count = 0
        self._columns: tuple[int, Table] | None = None

    def take(self, one: Outcome) -> None:
        """Remember an outcome."""
        known = self._fleet.get(one.tid, UNKNOWN)
        values = (one.issuer, known.carrier, known.model, known.version, known.site, one.mid, one.tid)
        self._count += 1
        self._seen.append(Seen(one.at_ms, values, int(one.bad), one.tx_id, one.again))
        while self._seen[0].at_ms < one.at_ms - WINDOW_MS:
            self._seen.popleft()

    def last(self) -> Seen:
        """Give the newest."""
        return self._seen[-1]

    def since(self, from_ms: int) -> list[Seen]:
        """Give the outcomes from a time on."""
        return [one for one in self._seen if one.at_ms >= from_ms]

    def examples_of(self, values: Values, bad: Bad, count: int = 5) -> tuple[str, ...]:
        """Give the last transactions with these attributes that went wrong in this way."""
        wanted, found = int(bad), dict[str, None]()
        for one in reversed(self._seen):
            if one.bad & wanted and one.within(values):
                found[one.tx_id] = None
                if len(found) == count:
                    break
        return tuple(found)[::-1]

    def causes(self, bad: Bad, now_ms: int) -> tuple[Cause, ...]:
        """Name what explains the rise of a measure in the last minutes, empty when nothing does."""
        span = next(
            (span for span in _SPANS_MS if self._failed(bad, now_ms - span) >= _ENOUGH), _SPANS_MS[-1]
        )
        cells = self._cells(bad, now_ms - span)
        dims = tuple(level.value for level in _DIMS)
        kept = [place for place in range(len(dims)) if len({cell.values[place] for cell in cells}) > 1]
        if not kept or not cells:
            return ()
        shown = [
            cell._replace(values=tuple(cell.values[place] for place in kept)) for cell in _joined(cells, kept)
        ]
        found = localise([dims[place] for place in kept], shown, LocaliseOptions(order_max=2))
        if found.external:
            return (Cause((), 0.0, found.failed, found.expected, found.total),)
        named = [(_levels(one.values), one) for one in found.causes if one.gain >= _GAIN_MIN]
        return tuple(
            Cause(values, one.gain, one.failed, one.expected, one.total)
            for values, one in named
            if all(value not in (_OTHER, "") for _, value in values)
        )

    def as_data(self, count: int) -> list[Any]:
        """Write the newest down."""
        newest = list(self._seen)[-count:]
        return [[one.at_ms, list(one.values), one.bad, one.tx_id, one.again] for one in newest]

    def read(self, data: list[Any]) -> None:
        """Take over what `as_data` wrote."""
        for at_ms, values, bad, tx_id, again in data:
            self._count += 1
            self._seen.append(Seen(at_ms, tuple(values), bad, tx_id, again))

    def _failed(self, bad: Bad, from_ms: int) -> int:
        wanted = int(bad)
        return sum(1 for one in self.since(from_ms) if one.bad & wanted)

    def _cells(self, bad: Bad, from_ms: int) -> list[Cell]:
        """Count by attributes before and since; of the many terminals only those that failed have their own name."""
        wanted = int(bad)
        named: Counter[tuple[int, str]] = Counter()
        many = [place for place, level in enumerate(_DIMS) if not level.pooled]
        for one in self.since(from_ms):
            if one.bad & wanted:
                named.update((place, one.values[place]) for place in many)
        shown = {name for name, count in named.items() if count >= 2}
        sums: dict[tuple[str, ...], list[float]] = {}
        for one in self._seen:
            values = tuple(
                value if place not in many or (place, value) in shown else _OTHER
                for place, value in enumerate(one.values)
            )
            cell = sums.setdefault(values, [0.0] * 4)
            late = 2 if one.at_ms >= from_ms else 0
            cell[late] += bool(one.bad & wanted)
            cell[late + 1] += 1.0
        return [Cell(values, *counts) for values, counts in sorted(sums.items())]

    # ------------------------------------------------------------ is an alarm explained?
    def explained(self, mine: Values, bad: Bad, cause: Values, span: tuple[int, int], usual: float) -> bool:
        """Say whether a cause, at work in a span of time, explains what rose in a stream since that began.

        `usual` is the stream's expected rate.
        """
        table = self._table()
        start = int(np.searchsorted(table.at_ms, span[0]))
        here = table.within(mine, start)
        caused = table.within(cause, start) & (table.at_ms[start:] <= span[1])
        failed = (table.bad[start:] & int(bad)) != 0

        def score(rows: Flags) -> float:
            return Detector().score(Faded(float((rows & failed).sum()), float(rows.sum())), usual)

        if score(here & ~caused) >= _QUIET:
            return False
        if mine == cause:
            return True
        if score(caused) < _RISEN:
            return False
        apart = caused & ~here
        inside = (float((caused & failed).sum()) + usual) / (float(caused.sum()) + 1.0)
        return _likelier(float((apart & failed).sum()), float(apart.sum()), min(inside, 0.99), usual)

    def _table(self) -> Table:
        """Give the outcomes as columns, sorted by time; made anew when there are new ones."""
        if self._columns is None or self._columns[0] != self._count:
            seen = sorted(self._seen, key=lambda one: one.at_ms)
            names: list[dict[str, int]] = [{} for _ in _DIMS]
            codes = np.array(
                [[names[place].setdefault(value, len(names[place])) for place, value in enumerate(one.values)]
                 for one in seen], dtype=np.int32,
            ).reshape(len(seen), len(_DIMS))  # fmt: skip
            at_ms = np.array([one.at_ms for one in seen], dtype=np.int64)
            bad = np.array([one.bad for one in seen], dtype=np.int32)
            self._columns = (self._count, Table(at_ms, codes, bad, names))
        return self._columns[1]


def _likelier(failed: float, total: float, rate: float, usual: float) -> bool:
    """Say whether counts go better with a rate than with the usual one; nothing goes with both."""
    gain = failed * math.log(rate / usual) + (total - failed) * math.log((1.0 - rate) / (1.0 - usual))
    return gain >= 0.0


def _joined(cells: Iterable[Cell], kept: list[int]) -> list[Cell]:
    """Sum cells that differ in nothing that is kept."""
    sums: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        name = tuple(cell.values[place] for place in kept)
        have = sums.get(name, Cell(cell.values, 0.0, 0.0, 0.0, 0.0))
        sums[name] = Cell(cell.values, *(one + more for one, more in zip(have[1:], cell[1:], strict=True)))
    return list(sums.values())


def _levels(values: tuple[tuple[str, str], ...]) -> Values:
    return tuple((Level(name), value) for name, value in values)


def scope(key: Key) -> Values:
    """Give the attribute values of a stream."""
    return () if key[0] is Level.ALL else (key,)
