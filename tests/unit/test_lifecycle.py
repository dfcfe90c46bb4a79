"""The table itself: every cell, what can be reached, what must never be, and the page printed from it."""

from pathlib import Path

import pytest

from storno.reversal import invariants
from storno.reversal.grid import BEGIN, END, grid
from storno.reversal.invariants import (
    ANSWERS,
    ORDERS,
    Spot,
    moves,
    reachable,
    table_problems,
    unreachable_rows,
)
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import FIRST_STATES, TABLE, UNRESOLVED, Case, Effect, Input, State, Step
from storno.reversal.machine import ContractBroken, begin, step, takes
from storno.reversal.postings import Position
from storno.reversal.record import Detail, Opening, Record

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
CELLS = [(state, what) for state in State for what in Input]
IDS = [f"{state.value}-{what.value}" for state, what in CELLS]


def record_in(state: State, kind: Kind = Kind.SALE, *, original: str = "") -> Record:
    """Give a record as the shortest way from its opening leads to the state."""
    reversible = kind.reversible
    first = State.AUTHORIZING if reversible else State.ADVISING
    ways = {
        spot.state: way
        for spot, way in reversed(
            reachable([Spot(first, Position.NONE, None, reversible=reversible, tombstone=False)]).items()
        )
    }
    key = TxKey("00000001", "898440153110001", "000001", "000042")
    opening = Opening(key, kind, first, 1000, "CNY", "cup_pos", "20260101", original=original)
    record = begin("1-1", 1, opening).record
    for at_ms, what in enumerate(ways[state], 2):
        record = step(record, what, at_ms, Detail(due_ms=5, deadline_ms=9)).record
    assert record.state is state
    return record


@pytest.mark.parametrize(("state", "what"), CELLS, ids=IDS)
def test_every_cell_is_a_step_or_a_broken_contract(state, what):
    only_advices = what in (Input.RESENT, Input.CONTRADICTED) and (state, what) in TABLE
    kind = Kind.COMPLETION_ADVICE if state is State.ADVISING or only_advices else Kind.SALE
    record = record_in(state, kind)
    row = TABLE.get((state, what))
    if row is None:
        assert not takes(record, what)
        with pytest.raises(ContractBroken, match=f"{state.name} cannot take {what.name}"):
            step(record, what, 99)
        return
    outcome = step(record, what, 99)
    assert outcome.record.state is row.state
    assert outcome.record.updated_ms == 99
    assert set(outcome.effects) <= set(row.effects)
    assert (outcome.fact.input, outcome.fact.state, outcome.fact.tx_id) == (what, row.state, "1-1")
    if row.case is not None:
        assert outcome.record.case is row.case
    expected = [invariants.POSITIONS[effect] for effect in row.effects if effect in invariants.POSITIONS]
    assert outcome.record.position is (expected[0] if expected else record.position)


def test_the_table_breaks_no_rule():
    assert table_problems() == ()


def test_no_row_is_dead(capsys):
    dead = unreachable_rows()
    for state, what in dead:
        print(f"nothing can reach {state.name} + {what.name}")
    assert dead == ()


def test_every_state_is_reached_and_every_input_has_a_row():
    assert {spot.state for spot in reachable()} == set(State)
    assert {what for _, what in TABLE} == set(Input)
    assert {row.case for row in TABLE.values()} - {None} == set(Case)
    assert {effect for row in TABLE.values() for effect in row.effects} == set(Effect)


@pytest.mark.parametrize("state", list(State))
def test_a_host_may_say_anything_at_any_time(state):
    assert all((state, answer) in TABLE for answer in ANSWERS)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_late_answer_never_wins_over_a_reversal_in_flight(answer):
    assert TABLE[State.REVERSING, answer] == Step(State.REVERSING, (Effect.NOTE_LATE,))


def test_money_is_never_in_effect_and_in_doubt_and_every_way_back_to_none_is_by_release():
    for spot in reachable():
        assert spot.position in invariants.PLACES[spot.state]
        for what, after in moves(spot):
            effects = TABLE[spot.state, what].effects
            if after.position is not spot.position and after.position is Position.NONE:
                assert Effect.POST_RELEASE in effects


def test_from_every_unresolved_place_a_resolved_one_can_be_reached():
    ways = {spot: {after for _, after in moves(spot)} for spot in reachable()}
    good = {spot for spot in ways if spot.state not in UNRESOLVED}
    while True:
        more = {spot for spot, nexts in ways.items() if spot not in good and nexts & good}
        if not more:
            break
        good |= more
    assert set(ways) == good


def test_what_gave_up_stays_with_a_case_until_a_person_the_host_or_the_clearing_file_ends_it():
    ends = {
        Input.RETRY_ORDERED,
        Input.ADJUSTED_CHARGED,
        Input.ADJUSTED_UNCHARGED,
        Input.HOST_REVERSED,
        Input.REVERSAL_ACCEPTED,
    }
    for spot in reachable():
        if spot.state in (State.REFUSED, State.EXHAUSTED):
            assert spot.case is not None
            assert {what for what, after in moves(spot) if after.state is not spot.state} == ends


def test_every_case_can_be_ended_by_an_order():
    for spot in reachable():
        if spot.case is not None and spot.state is not State.ADVISING:
            assert any(
                after.case is None or after.state is State.REVERSING
                for what, after in moves(spot)
                if what in ORDERS
            ), spot


def test_a_record_begins_only_in_a_first_state():
    key = TxKey("00000001", "898440153110001", "000001", "000042")
    for state in set(State) - FIRST_STATES:
        with pytest.raises(ContractBroken, match="no record begins as"):
            begin("1-1", 1, Opening(key, Kind.SALE, state, 1, "CNY", "cup_pos", "20260101"))
    with pytest.raises(ContractBroken, match="never seen"):
        begin("1-1", 1, Opening(key, Kind.SALE, State.REVERSING, 1, "CNY", "cup_pos", "20260101"))


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.reversible])
@pytest.mark.parametrize(
    "cell",
    [
        cell
        for cell, row in TABLE.items()
        if row.state is State.REVERSING
        and cell[0] in (State.APPROVED, State.DECLINED, State.NOT_SENT, State.UNKNOWN)
    ],
    ids=str,
)
def test_an_irreversible_kind_is_never_reversed(kind, cell):
    state, what = cell
    record = record_in(state, kind)
    assert not takes(record, what)
    with pytest.raises(ContractBroken, match="never reversed"):
        step(record, what, 99)


def test_an_advice_that_was_sent_before_never_becomes_not_sent():
    record = step(record_in(State.UNKNOWN, Kind.COMPLETION_ADVICE), Input.RESENT, 50).record
    assert record.position is Position.SUSPENSE
    assert not takes(record, Input.SEND_FAILED)
    with pytest.raises(ContractBroken, match="sent before"):
        step(record, Input.SEND_FAILED, 51)


def test_the_page_is_printed_from_the_table():
    page = PAGE.read_text(encoding="utf-8")
    assert page.split(BEGIN + "\n")[1].split(END)[0] == grid(), "run `python -m storno.reversal.grid`"


# ------------------------------------------------------------------ the checks can fail


@pytest.mark.parametrize(
    ("cell", "row", "finding"),
    [
        (
            (State.REVERSING, Input.RESPONSE_APPROVED),
            Step(State.APPROVED, (Effect.POST_EFFECT,)),
            "wins over a reversal",
        ),
        (
            (State.REVERSING, Input.REVERSAL_EXHAUSTED),
            Step(State.DECLINED, ()),
            "DECLINED with the money in SUSPENSE",
        ),
        (
            (State.APPROVED, Input.DELIVERY_FAILED),
            Step(State.REVERSING, (Effect.POST_SUSPENSE,)),
            "queues none",
        ),
        (
            (State.AUTHORIZING, Input.RESPONSE_TIMEOUT),
            Step(State.REVERSING, (Effect.QUEUE_REVERSAL, Effect.REPLY_UNKNOWN)),
            "no money in suspense",
        ),
        ((State.AUTHORIZING, Input.RESPONSE_DECLINED), Step(State.DECLINED, ()), "without an answer"),
    ],
)
def test_the_checks_find_a_broken_table(monkeypatch, cell, row, finding):
    monkeypatch.setitem(TABLE, cell, row)
    assert any(finding in problem for problem in table_problems())


def test_the_checks_find_a_missing_answer_and_a_dead_row(monkeypatch):
    monkeypatch.delitem(TABLE, (State.CLOSED, Input.RESPONSE_APPROVED))
    assert "CLOSED does not take RESPONSE_APPROVED" in table_problems()
    monkeypatch.setitem(TABLE, (State.UNKNOWN, Input.RECOVERED), Step(State.UNKNOWN))
    for cell in [
        cell for cell, row in TABLE.items() if row.state is State.EXHAUSTED and cell[0] is not State.EXHAUSTED
    ]:
        monkeypatch.delitem(TABLE, cell)
    assert (State.EXHAUSTED, Input.RETRY_ORDERED) in unreachable_rows()
