"""A bad day: the alerts raised, in what order, with what common cause. A quiet day raises none."""

from functools import cache

import pytest

from storno.sim.bad_day import HOUR_MS, MINUTE_MS, START_MS, bad_day, quiet_day
from storno.watch.alerts import Standing
from storno.watch.outcome import Bad
from watch_rig import journal_of, told, watched


@cache
def bad():
    plan = bad_day(1, transactions=12_000)
    return plan, watched(plan)


def test_each_fault_is_named_as_the_common_cause_in_the_order_of_their_happening():
    plan, watcher = bad()
    roots = [one for one in watcher.store.alerts(live_only=False) if not one.cause]
    names = [f"{'terminal' if one.attribute == 'tid' else one.attribute}={one.value}" for one in plan.faults]
    carrier, version, reader = names
    assert [one.common for one in roots if one.common in names] == [reader, carrier, version]
    assert len(roots) <= 5  # three faults; hardly anything else stands by itself


def test_the_carrier_and_the_version_are_named_within_minutes_and_closed_by_evidence_within_the_hour():
    plan, watcher = bad()
    alerts = {one.common: one for one in watcher.store.alerts(live_only=False) if not one.cause}
    for fault in plan.faults[:2]:
        one = alerts[f"{fault.attribute}={fault.value}"]
        assert fault.from_ms < one.raised_ms <= fault.from_ms + 10 * MINUTE_MS
        assert one.standing is Standing.CLOSED
        assert fault.to_ms - MINUTE_MS <= one.updated_ms <= fault.to_ms + HOUR_MS
    assert "timeout" in alerts["carrier=carrier-b"].measures
    assert alerts["version=3.1.7"].signal.measure == "mac"


def test_the_dirty_reader_stays_open_and_its_transactions_are_shown():
    plan, watcher = bad()
    tid = plan.faults[2].value
    (one,) = [one for one in watcher.store.alerts() if one.common == f"terminal={tid}"]
    assert one.standing is Standing.OPEN
    assert one.signal.measure == "fallback"
    journal = journal_of(plan)
    assert one.examples
    assert {journal.facts(tx_id)[0].opening.key.tid for tx_id in one.examples} == {tid}


def test_what_a_cause_explains_stands_under_it_and_is_closed_with_it():
    _, watcher = bad()
    every = watcher.store.alerts(live_only=False)
    (root,) = [one for one in every if one.common == "carrier=carrier-b" and not one.cause]
    under = [one for one in every if one.cause == root.id]
    assert len(under) > 20
    assert {one.standing for one in under} == {Standing.CLOSED}
    assert any(one.signal.key == "rate/timeout/all/*" for one in under)


@pytest.mark.parametrize("seed", [1, 5])
def test_a_quiet_day_raises_none(seed):
    watcher = watched(quiet_day(seed, transactions=5_000))
    assert watcher.store.alerts(live_only=False) == []
    standing = watcher.rates.standing(next(iter(watcher.rates.streams)), Bad.TIMEOUT)
    assert standing is not None
    assert standing.total > 250  # it did look


def test_only_the_watchdog_speaks_when_a_quiet_day_ends():
    watcher = watched(quiet_day(2, transactions=2_000))
    watcher.follow(START_MS + 48 * HOUR_MS)
    assert [one.signal.key for one in watcher.store.alerts()] == ["watchdog/transactions/all/*"]


def test_the_same_facts_in_portions_with_restarts_give_the_same_alerts(tmp_path):
    plan = bad_day(3, terminals=60, transactions=2_500)
    whole, parts = watched(plan), watched(plan, tmp_path, limit=1_500)
    assert told(whole.store) == told(parts.store)
    assert whole.store.alerts(live_only=False)
    assert (whole.seq, whole.now_ms) == (parts.seq, parts.now_ms)
