"""The life of an exception: every cell of its table, what changes lapse, who may confirm, what people may write."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exception_kit import NOW_MS, about, act, an_id, gone, propose, seen
from storno.journal.exception_fact import (
    ExceptionFact,
    NotAllowed,
    exception_fact_row,
    exception_row,
    fold,
    read_exception_fact,
    read_exception_row,
    same_person,
    step,
)
from storno.journal.exception_order import (
    NAME_MAX,
    NOTE_MAX,
    Act,
    Gone,
    Seen,
    Taker,
    order_body,
    read_order,
    take,
)
from storno.journal.exception_table import (
    EVIDENCE,
    PEOPLE,
    TABLE,
    TITLES,
    UNSETTLED,
    How,
    Move,
    Standing,
    needs_second,
)


class Shelf:
    """A queue in a dictionary, which takes one order after the other."""

    def __init__(self, *orders):
        self.records, self.facts = {}, {}
        for order in orders:
            taken = self.give(order)
            assert not taken.refusals, taken.refusals

    def give(self, order):
        taken = take(self.records.get, [order])
        for fact_row, row, posting, card in taken.changes:
            assert posting is card is None
            fact = read_exception_fact(fact_row)
            record = step(self.records.get(fact.finding_id), fact)
            assert exception_row(record) == row
            self.records[fact.finding_id] = record
            self.facts.setdefault(fact.finding_id, []).append(fact)
        return taken

    def code(self, order):
        return [one.code for one in self.give(order).refusals]

    def __getitem__(self, number):
        return self.records[an_id(number)]


WAYS = {
    Standing.OPEN: [seen()],
    Standing.ASSIGNED: [seen(), act(Move.ASSIGNED)],
    Standing.PROPOSED: [seen(), propose()],
    Standing.RESOLVED: [seen(), act(Move.RESOLVED)],
    Standing.CLOSED: [seen(), gone()],
}
ORDERS = {
    Move.SEEN_AGAIN: seen(lines=("f:7",), run="run-3"),
    Move.CHANGED: seen(amount_minor=99, run="run-3"),
    Move.CLOSED_BY_EVIDENCE: gone(run="run-3"),
    Move.ASSIGNED: act(Move.ASSIGNED, owner="zhao"),
    Move.NOTED: act(Move.NOTED),
    Move.PROPOSED: propose(),
    Move.CONFIRMED: act(Move.CONFIRMED, operator="wang"),
    Move.REJECTED: act(Move.REJECTED, operator="wang"),
    Move.RESOLVED: act(Move.RESOLVED),
    Move.REOPENED: act(Move.REOPENED),
}


def test_every_word_has_a_title_in_both_languages():
    assert set(TITLES) == {*Standing, *Move, *How}
    assert all(en and zh and en != zh for en, zh in TITLES.values())


def test_every_order_of_the_test_is_a_move_and_every_standing_is_reached():
    assert set(ORDERS) | {Move.FOUND} == set(Move)
    assert {one: Shelf(*way)[1].standing for one, way in WAYS.items()} == {one: one for one in Standing}


@pytest.mark.parametrize("standing", Standing, ids=lambda one: one.value)
@pytest.mark.parametrize("move", ORDERS, ids=lambda one: one.value)
def test_every_cell_is_what_the_table_says(standing, move):
    shelf = Shelf(*WAYS[standing])
    before = shelf[1]
    taken = shelf.give(ORDERS[move])
    wanted = TABLE.get((standing, move))
    if wanted is not None:
        assert not taken.refusals
        assert (taken.counts[move.value], shelf[1].standing) == (1, wanted)
        assert shelf[1].moves == before.moves + 1
    elif move in EVIDENCE and move is not Move.REOPENED:
        # a run is never refused: it reopens what was closed, and has nothing to do where nothing is to be done
        done = Move.REOPENED.value if (standing, move) == (Standing.CLOSED, Move.SEEN_AGAIN) else "nothing"
        assert dict(taken.counts) == {done: 1}
    else:
        assert [one.code for one in taken.refusals] == ["not_allowed"]
        assert all(one.english and one.chinese for one in taken.refusals)
        assert shelf[1] == before


def test_nobody_can_fold_a_step_that_the_table_does_not_have():
    for (standing, move), wanted in TABLE.items():
        record = Shelf(*WAYS[standing])[1]
        for wrong in set(Standing) - {wanted}:
            with pytest.raises(NotAllowed):
                step(
                    record, ExceptionFact(record.finding_id, NOW_MS, move, wrong, about=about(), operator="x")
                )
    with pytest.raises(NotAllowed):
        fold([ExceptionFact(an_id(), NOW_MS, Move.NOTED, Standing.OPEN, operator="x")])


# -------------------------------------------------------------------- what a run reports
def test_the_same_report_twice_changes_nothing():
    shelf = Shelf(seen())
    for again in (seen(), seen(run="another", at_ms=NOW_MS + 99)):
        assert dict(shelf.give(again).counts) == {"nothing": 1}
    assert dict(Shelf().give(gone()).counts) == {"nothing": 1}


@pytest.mark.parametrize("change", [{"amount_minor": -5}, {"rule": "amount_mismatch"}])
@pytest.mark.parametrize("standing", [Standing.PROPOSED, Standing.RESOLVED])
def test_another_kind_or_amount_lapses_what_was_decided(standing, change):
    shelf = Shelf(*WAYS[standing])
    assert shelf[1].how is How.ACCEPTED
    shelf.give(seen(**change))
    one = shelf[1]
    assert (one.standing, one.how, one.note, one.proposer) == (Standing.OPEN, None, "", "")
    assert one.found_ms == NOW_MS


def test_an_owner_stays_when_a_finding_changes():
    shelf = Shelf(seen(), act(Move.ASSIGNED), seen(amount_minor=7))
    assert (shelf[1].standing, shelf[1].owner) == (Standing.ASSIGNED, "wang")


def test_other_evidence_alone_leaves_an_acceptance_alone():
    shelf = Shelf(seen(), act(Move.RESOLVED), seen(lines=("g:1",)))
    assert (shelf[1].standing, shelf[1].about.lines) == (Standing.RESOLVED, ("g:1",))


def test_a_closing_keeps_its_lines_and_a_return_reopens():
    shelf = Shelf(seen(), gone(lines=("late:4",)))
    assert shelf[1].evidence == ("late:4",)
    assert dict(shelf.give(seen(run="run-4")).counts) == {"reopened": 1}
    assert (shelf[1].standing, shelf[1].evidence, shelf[1].run) == (Standing.OPEN, (), "run-4")


# -------------------------------------------------------------------- what people order
def test_a_large_loss_needs_a_second_person():
    small, large = seen(1, amount_minor=-100_000), seen(2, amount_minor=-100_001)
    shelf = Shelf(small, large, act(Move.RESOLVED, 1), act(Move.RESOLVED, 2))
    assert (shelf[1].standing, shelf[2].standing) == (Standing.RESOLVED, Standing.PROPOSED)
    assert shelf[2].proposer == "li"
    for same in ("li", " Li ", "L I"):
        assert shelf.code(act(Move.CONFIRMED, 2, operator=same)) == ["same_person"]
    shelf.give(act(Move.CONFIRMED, 2, operator="wang", note=""))
    assert shelf[2].standing is Standing.RESOLVED


def test_a_rejection_is_kept_and_opens_again():
    shelf = Shelf(seen(), propose(), act(Move.REJECTED, operator="wang", note="no slip"))
    assert (shelf[1].standing, shelf[1].how) == (Standing.OPEN, None)
    assert [(fact.move, fact.note) for fact in shelf.facts[an_id()]][-1] == (Move.REJECTED, "no slip")


@pytest.mark.parametrize("how", How, ids=lambda one: one.value)
def test_what_nobody_outside_answers_for_needs_a_second_person(how):
    nobody = {How.ACCEPTED, How.BOOKED, How.DUPLICATE, How.WRONG_FINDING}
    assert needs_second(how, -6, 5) is needs_second(how, 6, 5) is (how in nobody)
    assert not needs_second(how, 5, 5)


def test_a_fact_on_the_wrong_side_of_its_bound_does_not_fold():
    record = Shelf(seen())[1]
    for move, standing, limit in (
        (Move.RESOLVED, Standing.RESOLVED, 0),
        (Move.PROPOSED, Standing.PROPOSED, 10**9),
        (Move.RESOLVED, Standing.RESOLVED, None),
    ):
        fact = ExceptionFact(
            an_id(), NOW_MS, move, standing, operator="li", how=How.ACCEPTED, limit_minor=limit
        )
        with pytest.raises(NotAllowed):
            step(record, fact)
    proposed = Shelf(seen(), propose())[1]
    own = ExceptionFact(an_id(), NOW_MS, Move.CONFIRMED, Standing.RESOLVED, operator="LI")
    with pytest.raises(NotAllowed, match="maker"):
        step(proposed, own)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (act(Move.NOTED, operator=" "), "operator"),
        (act(Move.NOTED, operator="x" * (NAME_MAX + 1)), "operator"),
        (act(Move.NOTED, operator="a\nb"), "operator"),
        (act(Move.ASSIGNED, owner=""), "owner"),
        (act(Move.NOTED, note=" "), "note"),
        (act(Move.NOTED, note="x" * (NOTE_MAX + 1)), "note"),
        (act(Move.NOTED, note="a\x1b[2J"), "note"),
        (act(Move.RESOLVED, note=""), "note"),
        (act(Move.RESOLVED, how=None), "how"),
        (act(Move.RESOLVED, how=How.REFUND), "reference"),
        (act(Move.NOTED, note="card 6222 0212-3456.7890128"), "card"),
        (act(Move.NOTED, note="6222021234567890128"), "card"),
        (act(Move.RESOLVED, how=How.REFUND, reference="6222021234567890128"), "card"),
        (act(Move.ASSIGNED, owner="6222021234567890128"), "card"),
        (act(Move.FOUND), "not_allowed"),
        (act(Move.PROPOSED), "not_allowed"),
        (act(Move.CHANGED), "not_allowed"),
        (replace(act(Move.NOTED), finding_id="6222021234567890128"), "unknown"),
        (replace(act(Move.NOTED), finding_id="f" * 16), "unknown"),
        (act(Move.NOTED, version=7), "changed"),
    ],
)  # fmt: skip
def test_an_unsound_order_is_refused_with_its_reason_and_without_a_card_number(order, code):
    shelf = Shelf(seen())
    [refusal] = shelf.give(order).refusals
    assert refusal.code == code
    for text in (refusal.english, refusal.chinese, refusal.finding_id):
        assert text
        assert "6222021234567890128" not in text
    assert shelf[1].moves == 1


def test_several_orders_of_a_group_see_each_other():
    shelf = Shelf(seen())
    taken = take(shelf.records.get, [act(Move.ASSIGNED), act(Move.RESOLVED), act(Move.ASSIGNED)])
    assert [one.place for one in taken.refusals] == [2]
    assert dict(taken.counts) == {"assigned": 1, "resolved": 1}
    new = Taker(lambda _: None)
    new.take([seen(5), seen(5), gone(5)])
    assert dict(new.taken.counts) == {"found": 1, "nothing": 1, "closed_by_evidence": 1}


def test_names_are_compared_as_people():
    assert same_person("Li  Lei", "lilei ")
    assert not same_person("li", "wang")


# -------------------------------------------------------------------- rows and wires
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)
amounts = st.integers(-(1 << 63), (1 << 63) - 1)
abouts = st.builds(
    about,
    rule=texts, leg=texts, key=texts, amount_minor=amounts, currency=texts, sure=texts, settled_on=texts, date=texts,
    mid=texts, tid=texts, rrn=texts, tx_id=texts, lines=st.lists(texts.filter(bool), max_size=3).map(tuple),
    matched_by=texts, expected_minor=st.none() | amounts, found_minor=st.none() | amounts,
)  # fmt: skip
orders = st.one_of(
    st.builds(Seen, texts, abouts, texts, amounts),
    st.builds(Gone, texts, st.lists(texts).map(tuple), texts, amounts),
    st.builds(
        Act, texts, st.sampled_from(Move), texts, amounts, texts, texts, st.none() | st.sampled_from(How), texts,
        amounts, amounts,
    ),
)  # fmt: skip


@given(orders)
def test_an_order_survives_its_way_over_the_socket(order):
    assert read_order(json.loads(json.dumps(order_body(order)))) == order


@given(abouts)
def test_a_finding_survives_its_rows(what):
    shelf = Shelf(Seen(an_id(), what, "r", 5))
    record = shelf[1]
    assert record.about == what
    assert read_exception_row(exception_row(record)) == record
    fact = shelf.facts[an_id()][0]
    assert read_exception_fact(exception_fact_row(fact)) == fact


@pytest.mark.parametrize(
    "spoil",
    [
        {"id": 5}, {"at_ms": 1 << 63}, {"at_ms": True}, {"at_ms": "1"}, {"run": "a\nb"}, {"run": "\ud800"},
        {"about": {}}, {"about": {**order_body(seen())["about"], "more": 1}}, {"order": "x"},
        {"about": {**order_body(seen())["about"], "amount_minor": 1.5}},
        {"about": {**order_body(seen())["about"], "amount_minor": None}},
        {"about": {**order_body(seen())["about"], "lines": [1]}},
        {"about": {**order_body(seen())["about"], "lines": ["a\nb"]}},
        {"about": {**order_body(seen())["about"], "mid": None}},
    ],
)  # fmt: skip
def test_what_would_not_fit_a_row_is_no_order(spoil):
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_order(order_body(seen()) | spoil)


def test_people_and_evidence_share_the_reopening_only():
    assert frozenset({Move.REOPENED}) == PEOPLE & EVIDENCE
    assert frozenset({Standing.OPEN, Standing.ASSIGNED, Standing.PROPOSED}) == UNSETTLED


def test_the_pages_show_the_table():
    moves = [move for move in Move if move is not Move.FOUND]
    order = [
        Move.SEEN_AGAIN, Move.CHANGED, Move.CLOSED_BY_EVIDENCE, Move.REOPENED, Move.ASSIGNED, Move.NOTED,
        Move.PROPOSED, Move.CONFIRMED, Move.REJECTED, Move.RESOLVED,
    ]  # fmt: skip
    assert set(moves) == set(order)
    for page, name in (
        ("exceptions.md", lambda one: one.value),
        ("exceptions.zh-CN.md", lambda one: TITLES[one][1]),
    ):
        text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
        for standing in Standing:
            cells = [TABLE.get((standing, move)) for move in order]
            row = " | ".join([f"| **{name(standing)}**", *(name(one) if one else "" for one in cells)]) + " |"
            assert row.replace("|  |", "| |").replace("|  |", "| |") in text, row
