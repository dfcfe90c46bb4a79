"""Rates: for each level, value and measure two faded counts, one of late and one of long, and how far they are apart.

What is expected is what was so before the late ones, drawn to the level above; a stream under an alarm learns nothing,
or it would take the fault for its habit. Plain Python numbers, so that a state can be written down and read back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from storno.watch.detect import Detector, Faded, threshold_for
from storno.watch.fdr import chance_in, discoveries
from storno.watch.levels import EVERYTHING, UNKNOWN, Level
from storno.watch.outcome import MEASURES, Bad

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from storno.watch.levels import Attributes
    from storno.watch.outcome import Outcome

Key = tuple[Level, str]
COUNT = len(MEASURES)
PLACE = {bad: place for place, bad in enumerate(MEASURES)}
_USUAL = {
    Bad.REVERSAL: 0.008, Bad.TIMEOUT: 0.006, Bad.TECHNICAL: 0.01, Bad.NOT_SENT: 0.005, Bad.MAC: 0.001,
    Bad.DEVICE: 0.002, Bad.FALLBACK: 0.015, Bad.REPEAT: 0.002, Bad.AMOUNT: 0.003, Bad.TROUBLE: 0.012,
}  # fmt: skip
"""What is expected where nothing is known yet."""
_FLOOR = 0.0005
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RateOptions:
    """Parameters; see docs/watch.md for what they were chosen by."""

    detector: Detector = field(default_factory=Detector)
    long_memory: float = 20_000.0
    usual_worth: float = 1_000.0
    """Transactions that `_USUAL` counts for at the level of all."""
    level_worth: float = 400.0
    """Transactions that the rate of all counts for below it."""
    unlike_max: float = 3.0
    """Times the rate of all that a terminal, merchant or site may claim as its habit."""
    distance: float = 2e7
    """Transactions of a pooled stream between two false alarms."""
    false_share: float = 0.05
    """False ones among the alarms of terminals, merchants and sites of a day."""
    failures_min: float = 2.5
    """Late failures (faded) without which there is no alarm."""
    sure: float = math.log(10_000.0)
    """Log-likelihood ratio from which a fault is over."""


@dataclass(slots=True)
class Stream:
    """Counts of one level and value; lists run over MEASURES."""

    late: float = 0.0
    long: float = 0.0
    late_bad: list[float] = field(default_factory=lambda: [0.0] * COUNT)
    long_bad: list[float] = field(default_factory=lambda: [0.0] * COUNT)
    day: float = 0.0
    """Transactions of late, faded by a day."""
    last_ms: int = 0


@dataclass(slots=True)
class Watched:
    """A stream and measure under an alarm: what was expected, what it rose to, and how sure it is that it is over."""

    expected: float
    risen: float
    over: float = 0.0
    seen: int = 0


class Standing(NamedTuple):
    """One stream and measure as it looks now."""

    key: Key
    bad: Bad
    score: float
    rate: float
    expected: float
    failed: float
    total: float


class Rates:
    """All streams."""

    def __init__(self, fleet: Mapping[str, Attributes], options: RateOptions | None = None) -> None:
        self.options = options or RateOptions()
        self._fleet = fleet
        self.streams: dict[Key, Stream] = {}
        self.watched: dict[tuple[Key, Bad], Watched] = {}
        self._keep = 1.0 - 1.0 / self.options.detector.memory
        self._keep_long = 1.0 - 1.0 / self.options.long_memory
        self._touched: set[Key] = set()
        self._threshold = threshold_for(self.options.distance)

    # ------------------------------------------------------------ in
    def keys(self, one: Outcome) -> tuple[Key, ...]:
        """Give the streams an outcome belongs to."""
        known = self._fleet.get(one.tid, UNKNOWN)
        listed = (
            (Level.ALL, EVERYTHING), (Level.ISSUER, one.issuer), (Level.CARRIER, known.carrier),
            (Level.MODEL, known.model), (Level.VERSION, known.version), (Level.SITE, known.site),
            (Level.MERCHANT, one.mid), (Level.TERMINAL, one.tid),
        )  # fmt: skip
        return tuple(key for key in listed if key[1])

    def take(self, one: Outcome) -> None:
        """Count an outcome in all its streams."""
        places = [place for place, bad in enumerate(MEASURES) if one.bad & bad]
        for key in self.keys(one):
            stream = self.streams.get(key)
            if stream is None:
                stream = self.streams[key] = Stream(last_ms=one.at_ms)
            self._count(key, stream, one, places)

    def _count(self, key: Key, stream: Stream, one: Outcome, places: list[int]) -> None:
        keep, keep_long = self._keep, self._keep_long
        gap = max(0, one.at_ms - stream.last_ms)
        stream.day = stream.day * math.exp(-gap / _DAY_MS) + 1.0
        stream.last_ms = max(stream.last_ms, one.at_ms)
        stream.late = stream.late * keep + 1.0
        stream.long = stream.long * keep_long + 1.0
        stream.late_bad = [value * keep for value in stream.late_bad]
        stream.long_bad = [value * keep_long for value in stream.long_bad]
        for place in places:
            stream.late_bad[place] += 1.0
            stream.long_bad[place] += 1.0
        self._touched.add(key)
        if self.watched:
            for place, bad in enumerate(MEASURES):
                watched = self.watched.get((key, bad))
                if watched is not None:
                    failed = place in places
                    _weigh(watched, failed=failed)
                    stream.long_bad[place] += watched.expected - failed  # learns what was expected

    # ------------------------------------------------------------ out
    def expected(self, key: Key, bad: Bad) -> float:
        """Give the rate that was so before the late transactions, drawn to that of all."""
        place, options = PLACE[bad], self.options
        everything = self.streams.get((Level.ALL, EVERYTHING))
        usual = _USUAL[bad]
        if everything is not None:
            failed, total = _before(everything, place)
            usual = (failed + options.usual_worth * usual) / (total + options.usual_worth)
            known = total + options.usual_worth
        else:
            known = options.usual_worth
        stream = None if key[0] is Level.ALL else self.streams.get(key)
        if stream is None:
            return max(_upper(usual, known), _FLOOR)
        failed, total = _before(stream, place)
        own = (failed + options.level_worth * usual) / (total + options.level_worth)
        if not key[0].pooled:
            own = min(own, options.unlike_max * usual)
        return max(_upper(own, total + options.level_worth), _FLOOR)

    def standing(self, key: Key, bad: Bad) -> Standing | None:
        """Give how one stream and measure looks now; None when nothing is known of it."""
        stream, place = self.streams.get(key), PLACE[bad]
        if stream is None:
            return None
        watched = self.watched.get((key, bad))
        expected = watched.expected if watched is not None else self.expected(key, bad)
        state = Faded(min(stream.late_bad[place], stream.late), stream.late)
        detector = self.options.detector
        return Standing(
            key, bad, detector.score(state, expected), detector.rate(state, expected), expected, *state
        )

    def alarms(self) -> list[Standing]:
        """Give what stands out: pooled streams by threshold, the others by false discovery control; strongest first."""
        options, found = self.options, []
        many: list[tuple[float, Standing]] = []
        looked_at = 0
        for key, stream in self.streams.items():
            if not key[0].pooled:
                looked_at += COUNT
            if key not in self._touched:
                continue
            for place, bad in enumerate(MEASURES):
                if stream.late_bad[place] < options.failures_min or (key, bad) in self.watched:
                    continue
                one = self.standing(key, bad)
                assert one is not None, f"the stream {key} is gone"
                if key[0].pooled:
                    if one.score >= self._threshold:
                        found.append(one)
                elif one.score > options.detector.threshold:
                    many.append((chance_in(one.score, stream.day), one))
        self._touched.clear()
        self._touched |= {one.key for _, one in many}
        found += [one for _, one in discoveries(many, looked_at, options.false_share)]
        found.sort(key=lambda one: (-one.score, one.key[0].value, one.key[1], one.bad))
        return found

    # ------------------------------------------------------------ alarms
    def watch(self, key: Key, bad: Bad, rate: float, expected: float) -> None:
        """Begin to look for the end of what was found: a rate of so much where so much was expected."""
        good = min(max(expected, _FLOOR), 0.4)
        self.watched[key, bad] = Watched(good, min(max(rate, 2.0 * good), 0.95))

    def risen(self, key: Key, bad: Bad, rate: float) -> None:
        """Note that a rate under an alarm has risen further: its end shows the sooner."""
        watched = self.watched.get((key, bad))
        if watched is not None:
            watched.risen = min(max(rate, watched.risen), 0.95)

    def weigh(self, key: Key, bad: Bad, *, failed: bool) -> None:
        """Tell of an outcome in a set that is no stream."""
        watched = self.watched.get((key, bad))
        if watched is not None:
            _weigh(watched, failed=failed)

    def over(self, key: Key, bad: Bad) -> bool:
        """Say whether what came since shows that it is over; False when nothing is watched."""
        watched = self.watched.get((key, bad))
        return watched is not None and watched.over >= self.options.sure

    def forget(self, key: Key, bad: Bad) -> None:
        """Drop the late failures of a stream: they are explained, or over."""
        self.watched.pop((key, bad), None)
        stream = self.streams.get(key)
        if stream is not None:
            stream.late_bad[PLACE[bad]] = 0.0

    def forgive(self, keys: Iterable[Key], bad: Bad) -> None:
        """Drop the late failures of streams that are not under an alarm of their own."""
        for key in keys:
            if (key, bad) not in self.watched and key in self.streams:
                self.streams[key].late_bad[PLACE[bad]] = 0.0

    def rows(self, level: Level) -> Iterator[tuple[str, Stream]]:
        """Give the streams of a level by name."""
        yield from sorted((key[1], stream) for key, stream in self.streams.items() if key[0] is level)

    # ------------------------------------------------------------ durable
    def as_data(self) -> dict[str, Any]:
        """Write everything down."""
        return {
            "streams": [
                [key[0].value, key[1], one.late, one.long, one.late_bad, one.long_bad, one.day, one.last_ms]
                for key, one in self.streams.items()
            ],
            "watched": [
                [key[0].value, key[1], int(bad), one.expected, one.risen, one.over, one.seen]
                for (key, bad), one in self.watched.items()
            ],
            "touched": [[key[0].value, key[1]] for key in sorted(self._touched, key=_name)],
        }

    def read(self, data: dict[str, Any]) -> None:
        """Take over what `as_data` wrote."""
        self.streams = {(Level(row[0]), row[1]): Stream(*row[2:]) for row in data["streams"]}
        self.watched = {((Level(row[0]), row[1]), Bad(row[2])): Watched(*row[3:]) for row in data["watched"]}
        self._touched = {(Level(row[0]), row[1]) for row in data["touched"]}


def _name(key: Key) -> tuple[str, str]:
    return key[0].value, key[1]


def _upper(rate: float, known: float) -> float:
    """Give a rate with its standard error added: what is known from few transactions may well be a little more."""
    return rate + math.sqrt(rate * (1.0 - min(rate, 1.0)) / known)


def _before(stream: Stream, place: int) -> tuple[float, float]:
    """Give failures and transactions without the late ones: each weighs by how long ago it was."""
    total = max(stream.long - stream.late, 0.0)
    return min(max(stream.long_bad[place] - stream.late_bad[place], 0.0), total), total


def _weigh(watched: Watched, *, failed: bool) -> None:
    """Add to how sure it is that the rate is back; never below zero, so that it starts anew after each failure."""
    good, bad = watched.expected, watched.risen
    step = math.log(good / bad) if failed else math.log((1.0 - good) / (1.0 - bad))
    watched.over = max(0.0, watched.over + step)
    watched.seen += 1
