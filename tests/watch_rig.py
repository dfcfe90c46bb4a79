"""A small world for tests of the watch: journals made by the bad day, and outcomes made by hand."""

from storno.journal.memory import MemoryJournal
from storno.sim.bad_day import changes
from storno.watch.levels import Attributes
from storno.watch.outcome import Bad, Outcome
from storno.watch.run import Watcher
from storno.watch.store import AlertStore

NOW_MS = 1_795_132_800_000


def journal_of(plan):
    journal = MemoryJournal()
    journal.commit(changes(plan))
    return journal


def fleet_of(plan):
    return {one.tid: Attributes(one.carrier, one.model, one.version, one.site) for one in plan.fleet}


def watched(plan, home=None, limit=0):
    """Follow a day to its end, in one go or in portions; give the watcher."""
    journal, fleet = journal_of(plan), fleet_of(plan)
    store = AlertStore(home)
    watcher = Watcher(store, journal, fleet)
    while watcher.follow(limit=limit).facts and limit:
        watcher = Watcher(store, journal, fleet)  # as after a restart
    return watcher


def told(store):
    """Everything an alert's story says, without its number."""
    return [
        (one.signal.key, one.standing, one.raised_ms, one.common, one.cause,
         [(entry.move, entry.at_ms) for entry in store.history(one.id)])
        for one in store.alerts(live_only=False)
    ]  # fmt: skip


def outcome(at_ms=NOW_MS, tid="20000001", mid="m1", issuer="620000", bad=Bad.NONE, tx_id="1-1", amount=1_000):
    return Outcome(at_ms, tx_id, tid, mid, issuer, amount, bad)
