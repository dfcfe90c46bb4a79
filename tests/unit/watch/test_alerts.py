"""The life cycle of alerts, cell by cell, and the store: durable, whole, with history."""

from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest

from storno.watch.alerts import (
    LIVE,
    TABLE,
    Alert,
    Figures,
    Move,
    NotAllowed,
    Severity,
    Signal,
    Standing,
    after,
)
from storno.watch.store import FILE, FOLDER, AlertStore, StoreError
from watch_rig import NOW_MS

SIGNAL = Signal("rate", "timeout", "carrier", "c1 & Söhne = 2")


def alert(**members):
    given = {
        "id": 0, "signal": SIGNAL, "severity": Severity.PAGE, "standing": Standing.OPEN, "raised_ms": NOW_MS,
        "updated_ms": NOW_MS, "figures": Figures(7.5, 0.2, 0.004, 20.5, 100.0), "common": "carrier=c1",
        "values": (("carrier", "c1"),), "measures": ("timeout", "reversal"), "examples": ("1-1", "1-2"),
    }  # fmt: skip
    return Alert(**(given | members))


@pytest.mark.parametrize(("standing", "move"), list(product(Standing, Move)))
def test_every_cell_leads_to_one_standing_or_is_refused(standing, move):
    if (standing, move) in TABLE:
        assert after(standing, move) is TABLE[standing, move]
    else:
        with pytest.raises(NotAllowed):
            after(standing, move)


def test_what_is_closed_stays_closed_and_everything_live_can_be_closed():
    assert not [cell for cell in TABLE if cell[0] is Standing.CLOSED]
    assert {standing for (standing, move) in TABLE if move is Move.CLOSE} == LIVE
    assert {standing for (standing, move) in TABLE if move is Move.OVER} == LIVE


def test_an_alert_is_as_it_was_after_the_store_was_opened_again(tmp_path):
    with AlertStore(tmp_path) as store:
        made = store.raise_alert(alert())
        moved = store.move(made, Move.ACKNOWLEDGE, NOW_MS + 5, "zhang", "called them")
    with AlertStore(tmp_path) as store:
        assert (
            store.alert(1)
            == moved
            == replace(
                made,
                standing=Standing.ACKNOWLEDGED,
                updated_ms=NOW_MS + 5,
                operator="zhang",
                note="called them",
            )
        )
        assert store.live(SIGNAL.key) == moved
        told = [(one.move, one.standing, one.at_ms, one.operator) for one in store.history(1)]
        assert told == [
            (Move.RAISED, Standing.OPEN, NOW_MS, ""),
            (Move.ACKNOWLEDGE, Standing.ACKNOWLEDGED, NOW_MS + 5, "zhang"),
        ]
        store.move(moved, Move.OVER, NOW_MS + 9)
        assert store.live(SIGNAL.key) is None
        assert store.alerts() == []
        assert len(store.alerts(live_only=False)) == 1


def test_nothing_of_a_look_that_failed_is_kept(tmp_path):
    with AlertStore(tmp_path) as store:
        with suppress(NotAllowed), store.whole():
            made = store.raise_alert(alert())
            store.save("watcher", {"seq": 7})
            store.move(made, Move.CAUSE_OVER, NOW_MS)
            pytest.fail("an open alert has no cause that could be over")
        assert store.alerts(live_only=False) == []
        assert store.live(SIGNAL.key) is None
        assert store.load("watcher") is None


def test_two_live_alerts_are_never_about_the_same(tmp_path):
    with AlertStore(tmp_path) as store:
        store.raise_alert(alert())
        with pytest.raises(AssertionError, match="twice"):
            store.raise_alert(alert())


def test_a_silence_outlives_the_alert_it_was_given_to(tmp_path):
    with AlertStore(tmp_path) as store:
        made = store.raise_alert(alert())
        silent = store.move(
            made, Move.SILENCE, NOW_MS, "li", "works on the line", silent_until_ms=NOW_MS + 1_000
        )
        store.move(silent, Move.OVER, NOW_MS + 10)
        assert store.silence(SIGNAL.key, NOW_MS + 999) is not None
        assert store.silence(SIGNAL.key, NOW_MS + 1_000) is None
        assert store.silence("rate/mac/all/*", NOW_MS) is None


def test_what_another_process_wrote_is_seen_in_the_next_look(tmp_path):
    with AlertStore(tmp_path) as one, AlertStore(tmp_path) as other:
        with one.whole():
            made = one.raise_alert(alert())
        with other.whole():
            other.move(made, Move.CLOSE, NOW_MS + 1, "li")
        with one.whole():
            assert one.live(SIGNAL.key) is None


@pytest.mark.parametrize("content", [b"not a database at all, but text that is long enough" * 40])
def test_a_file_that_is_no_store_is_refused(tmp_path, content):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / FILE).write_bytes(content)
    with pytest.raises(StoreError, match="cannot be used"):
        AlertStore(tmp_path)


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    with AlertStore(tmp_path) as store:
        store._db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer"):
        AlertStore(tmp_path)
