"""The desk: alarms become alerts, are put together under common causes, and are closed by evidence.

It holds no detector: `run` brings what stands out. One look is one call; the store is the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storno.watch.alerts import LIVE, LOUD, Alert, Figures, Move, Severity, Signal, Standing
from storno.watch.causes import Cause, scope
from storno.watch.levels import EVERYTHING, Level
from storno.watch.outcome import Bad

if TYPE_CHECKING:
    from storno.watch.causes import Recent, Values
    from storno.watch.rates import Key, Rates
    from storno.watch.store import AlertStore

RATE, BURN = "rate", "burn"
_FRESH_MS = 900_000
"""How long after it was raised an alert may still turn out to have a common cause."""
_AFTER_MS = 3_600_000
"""How long a cause that is over may still explain what its failures raise."""
_FAILED_MIN = 5.0
"""Failures without which a cause that is no alarm by itself is not raised."""
_ONSET_MS = 1_200_000
"""How long before its alarm a fault may have begun."""
_ONSET_SLOW_MS = 5_400_000
"""The same for one terminal, merchant or site, which has few transactions."""
_SLACK_MS = 60_000
_FOLLOWING = (Bad.REVERSAL, Bad.REPEAT, Bad.TROUBLE)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that stands out now."""

    source: str
    key: Key
    bad: Bad
    figures: Figures
    severity: Severity

    @property
    def signal(self) -> Signal:
        """Name it."""
        return Signal(self.source, name_of(self.bad), self.key[0].value, self.key[1])


class Desk:
    """Works on the alerts of rates and burns; other sources raise and close by `raise_plain` and `close`."""

    def __init__(self, store: AlertStore, rates: Rates, recent: Recent) -> None:
        self.store, self.rates, self.recent = store, rates, recent
        self.sets: dict[str, Values] = {}
        self._over = [
            one for one in store.alerts(live_only=False, limit=200) if one.common and one.standing not in LIVE
        ]
        for one in store.alerts():
            if one.common and one.signal.level == Level.SET.value:
                self.sets[one.common] = values_of(one)

    # ------------------------------------------------------------ raise
    def look(self, alarms: list[Alarm], now_ms: int) -> None:
        """Take in what stands out: what a known cause explains goes under it, for the rest a cause is looked for."""
        alarms = [one for one in alarms if self.store.live(one.signal.key) is None]
        left = self._covered(alarms, now_ms)
        fresh = self._fresh(now_ms)
        measures = dict.fromkeys(
            [*(one.bad for one in left), *(bad_of(one) for one in fresh if not one.common)]
        )
        new = False
        for bad in measures:
            for cause in self.recent.causes(bad, now_ms):
                before = len(left)
                made = self._root(cause, bad, left, now_ms)
                new = new or made
                assert made or len(left) == before, "an alarm was lost"
        if new:
            left = self._covered(left, now_ms)
        for one in left:
            self._raise(one, now_ms)
        if new or left:
            self._explain(now_ms)

    def _fresh(self, now_ms: int) -> list[Alert]:
        """Give what was raised of late and has nothing above it yet."""
        return [
            one
            for one in self.store.alerts()
            if one.signal.source in (RATE, BURN)
            and one.standing in (Standing.OPEN, Standing.ACKNOWLEDGED)
            and now_ms - one.raised_ms < _FRESH_MS
        ]

    def _covered(self, alarms: list[Alarm], now_ms: int) -> list[Alarm]:
        """Raise under its cause what a cause explains; give what is left."""
        left, roots = [], self._roots(now_ms)
        for one in alarms:
            usual = one.figures.expected or self.rates.expected(one.key, one.bad)
            above = next(
                (
                    root
                    for root in roots
                    if self._accounts(root, scope(one.key), one.bad, usual, now_ms, now_ms)
                ),
                None,
            )
            if above is None:
                left.append(one)
                continue
            made = self._raise(one, now_ms)
            if made.standing is Standing.OPEN:
                self._under(made, above, now_ms)
        return left

    def _root(self, cause: Cause, bad: Bad, left: list[Alarm], now_ms: int) -> bool:
        """Make sure that there is an alert for this cause, if there is reason to; takes its alarm out of those left."""
        key, text = _key(cause), cause.text or EVERYTHING
        live = [one for one in self.store.alerts() if one.common]
        if any(set(values_of(one)) <= set(cause.values) and name_of(bad) in one.measures for one in live):
            return False  # known, or a part of what is known
        if any(one.common == text for one in live):
            return False
        mine = next((one for one in left if one.key == key and one.bad is bad and one.source == RATE), None)
        mine = mine or next((one for one in left if one.key == key and one.source == RATE), None)
        have = self.store.live(Signal(RATE, name_of(bad), key[0].value, key[1]).key)
        if mine is not None:
            left.remove(mine)
            self._raise(mine, now_ms, cause)
            return True
        if have is not None:
            self.store.update(replace(have, common=text, values=_plain(cause.values)))
            return True
        failed_min = _FAILED_MIN * len(cause.values)
        if not cause.values or cause.failed < failed_min or not self._worth(cause, bad, left, now_ms):
            return False
        rate, usual = cause.failed / max(cause.total, 1.0), cause.expected / max(cause.total, 1.0)
        figures = Figures(cause.gain, rate, usual, cause.failed, cause.total)
        if key[0] is Level.SET:
            self.sets[text] = cause.values
        self._raise(Alarm(RATE, key, bad, figures, severity_of(key)), now_ms, cause)
        return True

    def _worth(self, cause: Cause, bad: Bad, left: list[Alarm], now_ms: int) -> bool:
        """Say whether a cause that is no alarm itself explains one of this measure."""
        span = (now_ms - _ONSET_MS, now_ms)
        return any(
            self.recent.explained(scope(one.key), bad, cause.values, span, self.rates.expected(one.key, bad))
            for one in left
            if one.bad is bad
        )

    def _raise(self, alarm: Alarm, now_ms: int, cause: Cause | None = None) -> Alert:
        silence = self.store.silence(alarm.signal.key, now_ms)
        values = scope(alarm.key) if cause is None else cause.values
        made = self.store.raise_alert(
            Alert(
                0, alarm.signal, alarm.severity, Standing.OPEN if silence is None else Standing.SILENCED, now_ms,
                now_ms, alarm.figures, common="" if cause is None else cause.text or EVERYTHING,
                values=() if cause is None else _plain(cause.values), measures=(name_of(alarm.bad),),
                examples=self.recent.examples_of(values, alarm.bad),
                silent_until_ms=0 if silence is None else silence.silent_until_ms,
                note="" if silence is None else silence.note,
            )
        )  # fmt: skip
        if alarm.source == RATE:
            self.rates.watch(alarm.key, alarm.bad, alarm.figures.rate, alarm.figures.expected)
        return made

    def _explain(self, now_ms: int) -> None:
        """Put under a newer cause what was raised before it was known; causes may stand under causes."""
        for one in self._fresh(now_ms):
            values = values_of(one) if key_of(one)[0] is Level.SET else scope(key_of(one))
            usual = one.figures.expected or self.rates.expected(key_of(one), bad_of(one))
            for root in self._roots(now_ms):
                if (
                    root.id == one.id
                    or self._stands_under(root, one.id)
                    or (not root.common and root.id > one.id)
                ):
                    continue
                if one.values and set(values_of(one)) < set(values_of(root)):
                    continue  # a part does not explain the whole
                if self._accounts(root, values, bad_of(one), usual, one.raised_ms, now_ms):
                    self._under(one, root, now_ms)
                    break

    def _under(self, one: Alert, root: Alert, now_ms: int) -> None:
        self.store.move(one, Move.EXPLAINED, now_ms, cause=root.id)
        current = self.store.alert(root.id)
        if current is not None and not current.common:
            key = key_of(current)
            text = EVERYTHING if key[0] is Level.ALL else f"{key[0].value}={key[1]}"
            current = replace(current, common=text, values=_plain(scope(key)))
            self.store.update(current)
        if current is not None and one.signal.measure not in current.measures and current.standing in LIVE:
            self.store.update(replace(current, measures=(*current.measures, one.signal.measure)))

    def _roots(self, now_ms: int) -> list[Alert]:
        """Give what may explain something: causes, newest first, live or just over; then other alerts, oldest first."""
        live = [one for one in self.store.alerts() if one.signal.source == RATE]
        found = [one for one in live if one.common and one.standing is not Standing.INHIBITED]
        plain = [one for one in live if not one.common and one.standing in LOUD]
        over = [one for one in self._over if now_ms - one.updated_ms < _AFTER_MS]
        self._over = over
        return [*sorted([*found, *over], key=lambda one: -one.id), *plain]

    def _stands_under(self, root: Alert, number: int) -> bool:
        while root.cause:
            if root.cause == number:
                return True
            above = self.store.alert(root.cause)
            if above is None:
                return False
            root = above
        return False

    def _accounts(
        self, root: Alert, values: Values, bad: Bad, usual: float, raised_ms: int, now_ms: int
    ) -> bool:
        """Say whether a cause explains what rose with these attributes since shortly before it was raised."""
        until = now_ms if root.standing in LIVE else root.updated_ms + _SLACK_MS
        cause = values_of(root) if root.common else scope(key_of(root))
        narrow = any(not level.pooled for level, _ in values)
        onset = _ONSET_SLOW_MS if narrow else _ONSET_MS
        return self.recent.explained(values, bad, cause, (raised_ms - onset, until), usual)

    # ------------------------------------------------------------ close
    def close_over(self, now_ms: int) -> None:
        """Close what the outcomes since show to be over, with what it explains."""
        for one in self.store.alerts():
            if one.signal.source == RATE and self.rates.over(key_of(one), bad_of(one)):
                current = self.store.alert(one.id)
                if current is not None and current.standing in LIVE:
                    self._close(current, Move.OVER, now_ms)

    def _close(self, one: Alert, move: Move, now_ms: int) -> None:
        closed = self.store.move(one, move, now_ms)
        if closed.common and closed.cause == 0:
            self._over.append(closed)
        self.end(one)
        for child in self.store.alerts():
            if child.cause == one.id:
                self._close(
                    child, Move.CAUSE_OVER if child.standing is Standing.INHIBITED else Move.OVER, now_ms
                )
        if one.common:
            self.forgive(one)

    def put_away(self, one: Alert) -> None:
        """Take note that a person has closed a cause: it still explains what its failures raise."""
        if one.id not in {over.id for over in self._over}:
            self._over.append(one)
        self.forgive(one)

    def end(self, one: Alert) -> None:
        """Forget the late failures of a closed alert."""
        self.rates.forget(key_of(one), bad_of(one))
        self.sets.pop(one.common, None)

    def forgive(self, root: Alert) -> None:
        """Drop late failures that a cause explains from every stream: the next single one must not raise an alarm."""
        measures = {*(Bad[name.upper()] for name in root.measures), *_FOLLOWING}
        values = values_of(root)
        for one in self.recent.since(root.raised_ms - _ONSET_MS):
            if one.within(values):
                for bad in measures:
                    if one.bad & bad:
                        self.rates.forgive(one.keys(), bad)

    def refresh(self, now_ms: int) -> None:
        """End silences whose time is over, and bring figures up to date."""
        for one in self.store.alerts():
            if one.standing is Standing.SILENCED and one.silent_until_ms <= now_ms:
                self.store.move(one, Move.SILENCE_ENDED, now_ms, silent_until_ms=0)
            elif one.signal.source == RATE and one.signal.level != Level.SET.value:
                seen = self.rates.standing(key_of(one), bad_of(one))
                if seen is not None and seen.score > one.figures.score * 1.1:
                    self.rates.risen(seen.key, seen.bad, seen.rate)
                    figures = Figures(seen.score, seen.rate, seen.expected, seen.failed, seen.total)
                    loud = one.standing in LOUD
                    examples = (
                        self.recent.examples_of(scope(key_of(one)), bad_of(one)) if loud else one.examples
                    )
                    self.store.update(replace(one, figures=figures, examples=examples, updated_ms=now_ms))

    # ------------------------------------------------------------ other sources
    def raise_plain(
        self,
        signal: Signal,
        severity: Severity,
        figures: Figures,
        now_ms: int,
        examples: tuple[str, ...] = (),
    ) -> None:
        """Raise an alert that has no common cause, or bring its figures up to date."""
        have = self.store.live(signal.key)
        if have is not None:
            if have.figures != figures:
                self.store.update(replace(have, figures=figures, examples=examples, updated_ms=now_ms))
            return
        silence = self.store.silence(signal.key, now_ms)
        standing = Standing.OPEN if silence is None else Standing.SILENCED
        until = 0 if silence is None else silence.silent_until_ms
        self.store.raise_alert(
            Alert(0, signal, severity, standing, now_ms, now_ms, figures, measures=(signal.measure,),
                  examples=examples, silent_until_ms=until)
        )  # fmt: skip

    def close(self, key: str, now_ms: int) -> None:
        """Close the live alert about this by evidence, if there is one."""
        have = self.store.live(key)
        if have is not None:
            self.store.move(have, Move.OVER, now_ms)


def name_of(bad: Bad) -> str:
    """Write a measure."""
    return str(bad.name).lower()


def bad_of(alert: Alert) -> Bad:
    """Give the measure of an alert."""
    return Bad[alert.signal.measure.upper()]


def key_of(alert: Alert) -> Key:
    """Give the stream of an alert."""
    return Level(alert.signal.level), alert.signal.value


def values_of(alert: Alert) -> Values:
    """Give the attribute values of a common cause."""
    return tuple((Level(level), value) for level, value in alert.values)


def _plain(values: Values) -> tuple[tuple[str, str], ...]:
    return tuple((level.value, value) for level, value in values)


def _key(cause: Cause) -> Key:
    if not cause.values:
        return Level.ALL, EVERYTHING
    return cause.values[0] if len(cause.values) == 1 else (Level.SET, cause.text)


def severity_of(key: Key) -> Severity:
    """Page for pooled levels and sets, a ticket for one terminal, merchant or site."""
    return Severity.PAGE if key[0].pooled or key[0] is Level.SET else Severity.TICKET
