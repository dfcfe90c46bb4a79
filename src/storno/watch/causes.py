"""Common causes: what the alarms of the last minutes share, and which of them it explains.

The last outcomes are kept with their attributes. `localise` names the cause of a measure's rise; an alarm is explained
by it if little rose outside the cause, and if the rest of the cause rose as well. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from storno.watch.detect import Detector, Faded
from storno.watch.levels import UNKNOWN, Level
from storno.watch.localise import Cell, LocaliseOptions, localise
from storno.watch.outcome import Bad, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from storno.watch.levels import Attributes
    from storno.watch.rates import Key

WINDOW_MS = 3 * 3_600_000
OUTCOMES_MAX = 60_000
_SPANS_MS = (300_000, 600_000, 1_200_000, 1_800_000)
_ENOUGH = 8
_GAIN_MIN = 6.0
_SHARE_MIN = 0.6
_RISEN, _QUIET = 2.0, 2.2
_OTHER = "~"
_DIMS = (Level.ISSUER, Level.CARRIER, Level.MODEL, Level.VERSION, Level.SITE, Level.MERCHANT, Level.TERMINAL)
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
    bad: Bad
    tx_id: str
    again: bool

    def within(self, values: Values) -> bool:
        """Say whether it has these attribute values; those of no level are everything's."""
        return all(self.values[_DIMS.index(level)] == value for level, value in values)


class Recent:
    """The last outcomes."""

    def __init__(self, fleet: Mapping[str, Attributes]) -> None:
        self._fleet = fleet
        self._seen: deque[Seen] = deque(maxlen=OUTCOMES_MAX)

    def take(self, one: Outcome) -> None:
        """Remember an outcome."""
        known = self._fleet.get(one.tid, UNKNOWN)
        values = (one.issuer, known.carrier, known.model, known.version, known.site, one.mid, one.tid)
        self._seen.append(Seen(one.at_ms, values, one.bad, one.tx_id, one.again))
        while self._seen[0].at_ms < one.at_ms - WINDOW_MS:
            self._seen.popleft()

    def since(self, from_ms: int) -> list[Seen]:
        """Give the outcomes from a time on."""
        return [one for one in self._seen if one.at_ms >= from_ms]

    def examples(self, key: Key, bad: Bad, count: int = 5) -> tuple[str, ...]:
        """Give the last transactions of a stream that went wrong in this way."""
        values = scope(key)
        found = [one.tx_id for one in self._seen if one.bad & bad and one.within(values)]
        return tuple(dict.fromkeys(found))[-count:]

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
        return tuple(
            Cause(values, one.gain, one.failed, one.expected, one.total)
            for one in found.causes
            if one.gain >= _GAIN_MIN
            and all(value not in (_OTHER, "") for _, value in (values := _levels(one.values)))
        )

    def _failed(self, bad: Bad, from_ms: int) -> int:
        return sum(1 for one in self.since(from_ms) if one.bad & bad)

    def _cells(self, bad: Bad, from_ms: int) -> list[Cell]:
        """Count by attributes before and since; of the many terminals only those that failed have their own name."""
        named: Counter[tuple[int, str]] = Counter()
        many = [place for place, level in enumerate(_DIMS) if not level.pooled]
        for one in self.since(from_ms):
            if one.bad & bad:
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
            cell[late] += bool(one.bad & bad)
            cell[late + 1] += 1.0
        return [Cell(values, *counts) for values, counts in sorted(sums.items())]

    # ------------------------------------------------------------ is an alarm explained?
    def explained(
        self, key: Key, bad: Bad, cause: Values, from_ms: int, expected: Callable[[Key, Bad], float]
    ) -> bool:
        """Say whether a cause explains what rose in a stream since a time."""
        inside, outside, apart = [0, 0], [0, 0], [0, 0]
        values = scope(key)
        for one in self.since(from_ms):
            mine, caused = one.within(values), one.within(cause)
            for yes, counts in (
                (caused, inside),
                (mine and not caused, outside),
                (caused and not mine, apart),
            ):
                if yes:
                    counts[0] += bool(one.bad & bad)
                    counts[1] += 1
        usual = expected(key, bad)
        if _score(outside, usual) >= _QUIET:
            return False
        return _score(apart if apart[1] else inside, usual) >= _RISEN


def _joined(cells: Iterable[Cell], kept: list[int]) -> list[Cell]:
    """Sum cells that differ in nothing that is kept."""
    sums: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        name = tuple(cell.values[place] for place in kept)
        have = sums.get(name)
        sums[name] = (
            cell
            if have is None
            else Cell(cell.values, *(a + b for a, b in zip(have[1:], cell[1:], strict=True)))
        )
    return list(sums.values())


def _levels(values: tuple[tuple[str, str], ...]) -> Values:
    return tuple((Level(name), value) for name, value in values)


def _score(counts: list[int], usual: float) -> float:
    return Detector().score(Faded(float(counts[0]), float(counts[1])), usual)


def scope(key: Key) -> Values:
    """Give the attribute values of a stream."""
    return () if key[0] is Level.ALL else (key,)
