"""The desk by itself: grouping, silences, people's closings, the money that nobody can place."""

import random

import pytest

from storno.journal.fact import fact_row
from storno.journal.memory import MemoryJournal
from storno.sim.bad_day import (
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    DayPlan,
    Fault,
    changes,
    draw_terminals,
    quiet_day,
)
from storno.watch.alerts import Move
from storno.watch.causes import Recent
from storno.watch.levels import Attributes, Level
from storno.watch.outcome import Bad
from storno.watch.run import Watcher, WatchOptions
from storno.watch.store import AlertStore
from watch_rig import NOW_MS, outcome, watched

FLEET = {f"t{number}": Attributes(carrier=f"c{number % 4}", version=f"v{number % 3}") for number in range(24)}


def recent(rate_of, count=3_000):
    """Outcomes of 100 minutes; in the last ten, fail as `rate_of` the terminal says."""
    found, chance = Recent(FLEET), random.Random(5)
    for number in range(count):
        at_ms = NOW_MS + number * 100 * MINUTE_MS // count
        tid = f"t{chance.randrange(24)}"
        late = at_ms >= NOW_MS + 90 * MINUTE_MS
        rate = rate_of(FLEET[tid]) if late else 0.004
        bad = Bad.TIMEOUT if chance.random() < rate else Bad.NONE
        found.take(outcome(at_ms, tid=tid, mid=f"m{tid}", bad=bad))
    return found, NOW_MS + 100 * MINUTE_MS


@pytest.mark.parametrize(
    ("rate_of", "cause"),
    [
        (lambda one: 0.7 if one.carrier == "c1" else 0.004, ((Level.CARRIER, "c1"),)),
        (lambda one: 0.7 if one.version == "v2" else 0.004, ((Level.VERSION, "v2"),)),
        (lambda _: 0.4, ()),
    ],
)
def test_the_common_cause_is_named_or_said_to_lie_outside(rate_of, cause):
    found, now_ms = recent(rate_of)
    assert [one.values for one in found.causes(Bad.TIMEOUT, now_ms)] == [cause]


def test_where_nothing_rose_there_is_no_cause():
    found, now_ms = recent(lambda _: 0.004)
    assert found.causes(Bad.TIMEOUT, now_ms) == ()


def test_a_cause_explains_its_terminals_and_everything_but_not_the_rest():
    found, now_ms = recent(lambda one: 0.7 if one.carrier == "c1" else 0.004)
    span, cause = (now_ms - 20 * MINUTE_MS, now_ms), ((Level.CARRIER, "c1"),)

    def explained(*values):
        return found.explained(values, Bad.TIMEOUT, cause, span, 0.004)

    assert explained((Level.TERMINAL, "t1"))
    assert explained((Level.VERSION, "v0"))
    assert explained()
    other, _ = recent(lambda one: 0.7 if one.carrier in ("c1", "c2") else 0.004)
    assert not other.explained(((Level.CARRIER, "c2"),), Bad.TIMEOUT, cause, span, 0.004)
    assert not other.explained((), Bad.TIMEOUT, cause, span, 0.004)


def test_a_dirty_reader_is_not_explained_by_a_cause_that_its_peers_do_not_share():
    chance, found = random.Random(1), Recent(FLEET)
    for number in range(2_000):
        tid = f"t{chance.randrange(24)}"
        rate = 0.5 if tid == "t1" else 0.01
        bad = Bad.FALLBACK if chance.random() < rate else Bad.NONE
        found.take(outcome(NOW_MS + number * 1_000, tid=tid, bad=bad))
    span = (NOW_MS, NOW_MS + 2_000_000)
    assert not found.explained(((Level.TERMINAL, "t1"),), Bad.FALLBACK, ((Level.CARRIER, "c1"),), span, 0.01)


# -------------------------------------------------------------------- with a journal
def failing_day(hours=1.0):
    """A small fleet whose carrier-a fails from ten o'clock for some hours."""
    fleet = draw_terminals(4, 30)
    start = START_MS + 10 * HOUR_MS
    fault = Fault(
        "carrier",
        "carrier",
        "carrier-a",
        start,
        start + int(hours * HOUR_MS),
        0.8,
        ("request_lost", "answer_lost"),
    )
    return DayPlan(4, 30, 4_000, 1, (fault,), fleet)


def test_what_is_silenced_stays_quiet_until_then_and_is_open_again_after():
    plan = failing_day(12.0)
    journal, store, fleet = MemoryJournal(), AlertStore(None), {
        one.tid: Attributes(one.carrier) for one in plan.fleet
    }  # fmt: skip
    facts = changes(plan)
    split = next(place for place, one in enumerate(facts) if one[0][1] > START_MS + 11 * HOUR_MS)
    journal.commit(facts[:split])
    watcher = Watcher(store, journal, fleet)
    watcher.follow()
    (root,) = [one for one in store.alerts() if one.common == "carrier=carrier-a" and not one.cause]
    store.move(root, Move.SILENCE, watcher.now_ms, "li", "known", silent_until_ms=START_MS + 14 * HOUR_MS)
    journal.commit(facts[split:])
    watcher.follow()
    moves = [one.move for one in store.history(root.id)]
    assert moves[:3] == [Move.RAISED, Move.SILENCE, Move.SILENCE_ENDED]
    ended = next(one for one in store.history(root.id) if one.move is Move.SILENCE_ENDED)
    assert START_MS + 14 * HOUR_MS <= ended.at_ms < START_MS + 14 * HOUR_MS + 5 * MINUTE_MS


def test_what_a_person_closes_is_raised_anew_only_if_it_goes_on():
    for hours, again in ((1.0, False), (12.0, True)):
        plan = failing_day(hours)
        facts = changes(plan)
        split = next(
            place for place, one in enumerate(facts) if one[0][1] > START_MS + 11 * HOUR_MS + 2 * MINUTE_MS
        )
        journal, store = MemoryJournal(), AlertStore(None)
        journal.commit(facts[:split])
        watcher = Watcher(store, journal, {one.tid: Attributes(one.carrier) for one in plan.fleet})
        watcher.follow()
        before = max((one.id for one in store.alerts(live_only=False)), default=0)
        for one in store.alerts():
            store.move(one, Move.CLOSE, watcher.now_ms, "li")
        journal.commit(facts[split:])
        watcher.follow()
        later = [
            one
            for one in store.alerts(live_only=False)
            if one.id > before and one.common == "carrier=carrier-a"
        ]
        assert bool(later) is again


def test_money_that_nobody_can_place_and_old_reversals_are_alerts_until_they_are_through():
    plan = quiet_day(1, terminals=10, transactions=1_500)
    journal, store = MemoryJournal(), AlertStore(None)
    facts = changes(plan)
    journal.commit(facts)
    fates = {one[0][0]: one[0][3] for one in facts}
    assert set(fates.values()) & {"reversed"}
    options = WatchOptions(age_ms=30_000, doubt_minor=1)
    watcher = Watcher(store, journal, {}, options)
    watcher.follow()
    watcher.follow(START_MS + 30 * HOUR_MS)
    sources = {one.signal.source for one in store.alerts(live_only=False)}
    assert {"money", "age"} <= sources
    assert {one.signal.source for one in store.alerts()} == {"watchdog"}
    assert all(
        fact_row(journal.facts(tx_id)[0])[0] == tx_id
        for one in store.alerts(live_only=False)
        for tx_id in one.examples
    )


def test_the_state_is_taken_up_again_where_it_was_left(tmp_path):
    plan = failing_day()
    first = watched(plan, tmp_path)
    with AlertStore(tmp_path) as store:
        again = Watcher(store, MemoryJournal(), {one.tid: Attributes(one.carrier) for one in plan.fleet})
        assert again.rates.as_data() == first.rates.as_data()
        assert again.hours.as_data() == first.hours.as_data()
        assert again.seq == first.seq
