"""The watcher: follows a journal, counts, looks once a minute of the facts' own time, and keeps what it found.

The same facts give the same alerts, whenever they are read and in whatever portions; only the watchdog looks at the
present, which is an argument. Position, detectors and alerts are committed together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from storno.watch.alerts import LIVE, Figures, Severity, Signal
from storno.watch.burn import Minutes
from storno.watch.causes import Recent
from storno.watch.desk import BURN, RATE, Alarm, Desk, bad_of, key_of, severity_of
from storno.watch.habit import Amounts
from storno.watch.hours import ODD, ORDINARY, Hours
from storno.watch.levels import EVERYTHING, Level
from storno.watch.outcome import Bad, Outcome, Outcomes, read_held
from storno.watch.rates import RateOptions, Rates
from storno.watch.watchdog import WatchdogOptions, listen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from storno.journal.base import Head
    from storno.journal.fact import Stored
    from storno.reversal.record import Fact, Opening
    from storno.watch.levels import Attributes
    from storno.watch.rates import Key
    from storno.watch.store import AlertStore

MINUTE_MS = 60_000
_STATE = "watcher/1"
"""Raised when what is written down changes: the journal is then read anew from its beginning."""
_BURNING = frozenset({Level.ALL, Level.ISSUER, Level.CARRIER})


class Source(Protocol):
    """What the watcher needs of a journal."""

    def head(self) -> Head: ...  # noqa: D102 - as in journal.base
    def read(self, after_seq: int = 0) -> Iterator[Stored]: ...  # noqa: D102
    def facts(self, tx_id: str) -> tuple[Fact, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What counts as too much."""

    rates: RateOptions = field(default_factory=RateOptions)
    watchdog: WatchdogOptions = field(default_factory=WatchdogOptions)
    age_ms: int = 1_800_000
    """Age of an open reversal that is an alert."""
    doubt_minor: int = 5_000_000
    """Money of unknown outcome, per currency in minor units, that is an alert."""
    recent_max: int = 20_000
    """Outcomes kept over a restart for naming common causes."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one call of `follow` did."""

    facts: int
    seq: int
    now_ms: int


class Watcher:
    """Follows one journal."""

    def __init__(
        self,
        store: AlertStore,
        source: Source,
        fleet: Mapping[str, Attributes],
        options: WatchOptions | None = None,
    ) -> None:
        self.options = options or WatchOptions()
        self.store, self._source = store, source
        self.rates = Rates(fleet, self.options.rates)
        self.recent = Recent(fleet)
        self.hours = Hours()
        self.amounts = Amounts()
        self.burns: dict[Key, Minutes] = {}
        self.outcomes = Outcomes(self._opening)
        self._roots: list[int] = []
        self.seq = self.now_ms = self.last_ms = self._looked_ms = 0
        self._load()
        self.desk = Desk(store, self.rates, self.recent)

    def _opening(self, tx_id: str) -> Opening | None:
        facts = self._source.facts(tx_id)
        return facts[0].opening if facts else None

    # ------------------------------------------------------------ follow
    def follow(self, now_ms: int | None = None, *, gateway_ms: int | None = None, limit: int = 0) -> Looked:
        """Read what is new, and look.

        Args:
            now_ms: the present, for the watchdog and for silences; None when a past journal is read.
            gateway_ms: when the gateway was last seen, if anybody asked.
            limit: facts to read at most; 0 for all.

        """
        with self.store.whole():
            self._heed_people()
            count = 0
            for stored in self._source.read(self.seq):
                self._fact(stored)
                count += 1
                if count == limit:
                    break
            if now_ms is not None:
                self._present(now_ms, gateway_ms)
            self._save()
        return Looked(count, self.seq, self.now_ms)

    def _fact(self, stored: Stored) -> None:
        at_ms = stored.row[1]
        if at_ms // MINUTE_MS > self.now_ms // MINUTE_MS:
            if self.now_ms:
                self._take(self.outcomes.settle(at_ms))
                self._look(self.now_ms)
            self.now_ms = at_ms
        self.now_ms = max(self.now_ms, at_ms)
        self.seq = stored.seq
        opening = stored.row[2] == "opened"
        if opening:
            self.last_ms = max(self.last_ms, at_ms)
        self._take(self.outcomes.take(stored.row))

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        for raw in outcomes:
            one = raw
            if not one.again and self.amounts.unusual(one.mid, one.amount_minor):
                one = one._replace(bad=one.bad | Bad.AMOUNT)
            keys = self.rates.keys(one)
            if not one.again:
                self._hour(one.at_ms)
                self.hours.take(keys, one.at_ms)
            self.rates.take(one)
            self.recent.take(one)
            failed = int(bool(one.bad & Bad.TROUBLE))
            for key in keys:
                if key[0] in _BURNING and (failed or not one.again):
                    self.burns.setdefault(key, Minutes()).take(one.at_ms, failed)
            self._sets(one)

    def _sets(self, one: Outcome) -> None:
        """Tell sets of attributes under an alarm how their transactions fare."""
        for text, values in self.desk.sets.items():
            if self.recent.last().within(values):
                for key, bad in list(self.rates.watched):
                    if key == (Level.SET, text):
                        self.rates.weigh(key, bad, failed=bool(one.bad & bad))

    def _hour(self, at_ms: int) -> None:
        for key, deviation in self.hours.pass_to(at_ms):
            few, many = (Signal("count", name, key[0].value, key[1]) for name in ("few", "many"))
            signal = many if deviation > 0 else few
            if abs(deviation) >= ODD:
                figures = Figures(round(deviation, 2), 0.0, self.hours.usual(key), 0.0, self.hours.last(key))
                self.desk.raise_plain(signal, Severity.TICKET, figures, at_ms)
            elif abs(deviation) < ORDINARY:
                self.desk.close(few.key, at_ms)
                self.desk.close(many.key, at_ms)

    # ------------------------------------------------------------ look
    def _look(self, now_ms: int) -> None:
        """Look at everything once."""
        self._looked_ms = now_ms
        self.desk.close_over(now_ms)
        self.desk.refresh(now_ms)
        alarms = [
            Alarm(RATE, one.key, one.bad, Figures(one.score, one.rate, one.expected, one.failed, one.total),
                  severity_of(one.key))
            for one in self.rates.alarms()
        ]  # fmt: skip
        self.desk.look([*alarms, *self._burns(now_ms)], now_ms)
        self._doubt(now_ms)

    def _burns(self, now_ms: int) -> list[Alarm]:
        found = []
        for key, minutes in self.burns.items():
            burn = minutes.burning(now_ms)
            signal = Signal(BURN, "trouble", key[0].value, key[1])
            if burn is not None:
                severity = Severity.PAGE if burn.window.page else Severity.TICKET
                figures = Figures(burn.window.factor, burn.rate, 0.0, burn.failed, burn.total)
                found.append(Alarm(BURN, key, Bad.TROUBLE, figures, severity))
            elif self.store.live(signal.key) is not None and minutes.calm(now_ms):
                self.desk.close(signal.key, now_ms)
        return found

    def _doubt(self, now_ms: int) -> None:
        """Watch open reversals and the money that nobody can place."""
        sums: dict[str, int] = {}
        oldest, old, examples = now_ms, 0, []
        for tx_id, one in self.outcomes.in_doubt():
            sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
            if now_ms - one.opened_ms > self.options.age_ms:
                oldest, old = min(oldest, one.opened_ms), old + 1
                examples.append(tx_id)
        aged = Signal("age", "open_reversals", Level.ALL.value, EVERYTHING)
        if old:
            figures = Figures(total=float(old), score=float((now_ms - oldest) // MINUTE_MS // 30 * 30))
            self.desk.raise_plain(aged, Severity.TICKET, figures, now_ms, tuple(examples[:5]))
        else:
            self.desk.close(aged.key, now_ms)
        for alert in self.store.alerts():
            signal = alert.signal
            if signal.source == "money" and sums.get(signal.value, 0) <= self.options.doubt_minor // 2:
                self.desk.close(signal.key, now_ms)
        for currency, minor in sums.items():
            if minor >= self.options.doubt_minor:
                signal = Signal("money", "in_doubt", Level.ALL.value, currency)
                figures = Figures(amount_minor=minor, currency=currency)
                shown = tuple(tx_id for tx_id, _ in self.outcomes.in_doubt())[:5]
                self.desk.raise_plain(signal, Severity.PAGE, figures, now_ms, shown)

    def _present(self, now_ms: int, gateway_ms: int | None) -> None:
        """Look at the present: what is missing, and what is over."""
        left = self._source.head().seq - self.seq
        if not left:
            self._take(self.outcomes.settle(now_ms))
            if self.now_ms and now_ms // MINUTE_MS > self._looked_ms // MINUTE_MS:
                self._look(max(now_ms, self.now_ms))
        self.desk.refresh(now_ms)
        barks = listen(
            now_ms, self.last_ms, self.hours.expected(), read_ms=self.now_ms, facts_left=left,
            gateway_ms=gateway_ms, options=self.options.watchdog,
        )  # fmt: skip
        for one in barks:
            signal = Signal("watchdog", one.what, Level.ALL.value, EVERYTHING)
            figures = Figures(
                expected=round(one.missed, 1), total=float((now_ms - one.since_ms) // MINUTE_MS)
            )
            self.desk.raise_plain(signal, Severity.PAGE, figures, now_ms)
        barking = {one.what for one in barks}
        for alert in self.store.alerts():
            if alert.signal.source == "watchdog" and alert.signal.measure not in barking:
                self.desk.close(alert.signal.key, now_ms)

    def _heed_people(self) -> None:
        """Forget the late failures of what a person has closed: it is raised again only by what comes after."""
        for number in self._roots:
            one = self.store.alert(number)
            if one is not None and one.standing not in LIVE:
                self.desk.put_away(one)
        for key, bad in list(self.rates.watched):
            signal = Signal(RATE, str(bad.name).lower(), key[0].value, key[1])
            if self.store.live(signal.key) is None:
                self.rates.forget(key, bad)
        live = {one.common for one in self.store.alerts() if one.standing in LIVE}
        self.desk.sets = {text: values for text, values in self.desk.sets.items() if text in live}

    # ------------------------------------------------------------ durable
    def _save(self) -> None:
        self._roots = [one.id for one in self.store.alerts() if one.common]
        self.store.save(_STATE, {
            "seq": self.seq, "now_ms": self.now_ms, "last_ms": self.last_ms, "looked_ms": self._looked_ms,
            "roots": self._roots,
            "held": self.outcomes.as_data(), "rates": self.rates.as_data(), "hours": self.hours.as_data(),
            "amounts": self.amounts.as_data(), "recent": self.recent.as_data(self.options.recent_max),
            "burns": [[key[0].value, key[1], one.as_data()] for key, one in self.burns.items()],
        })  # fmt: skip

    def _load(self) -> None:
        data: dict[str, Any] | None = self.store.load(_STATE)
        if data is None:
            return
        self.seq, self.now_ms, self.last_ms = data["seq"], data["now_ms"], data["last_ms"]
        self._looked_ms, self._roots = data["looked_ms"], data["roots"]
        self.outcomes = Outcomes(self._opening, read_held(data["held"]))
        self.rates.read(data["rates"])
        self.hours.read(data["hours"])
        self.amounts.read(data["amounts"])
        self.recent.read(data["recent"])
        self.burns = {(Level(level), value): Minutes(rows) for level, value, rows in data["burns"]}


__all__ = ["LIVE", "Looked", "Source", "WatchOptions", "Watcher", "bad_of", "key_of"]
