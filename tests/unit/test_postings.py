"""Positions and the entries between them: nothing twice, nothing left over, holds where they belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.ledger import chart
from storno.ledger.balance import Balances
from storno.ledger.entry import Posting, net
from storno.reversal.kinds import Kind
from storno.reversal.postings import Position, entries_at, movement

MID = "898440153110001"
kinds = st.sampled_from(list(Kind))
positions = st.sampled_from(list(Position))
amounts = st.integers(1, 10**12 - 1)
holds = st.integers(0, 10**12 - 1)


@given(kinds, positions, amounts, holds)
def test_entries_sum_to_zero_and_none_is_nothing(kind, position, amount, hold):
    entries = entries_at(kind, position, MID, amount, hold)
    assert sum(minor for _, minor in entries) == 0
    assert (entries == ()) is (position is Position.NONE)


@given(kinds, st.lists(st.tuples(positions, amounts), max_size=8), holds)
def test_any_way_round_back_to_none_leaves_nothing(kind, way, hold):
    books, before = Balances(), (Position.NONE, 0)
    for number, after in enumerate([*way, (Position.NONE, 0)]):
        entries = movement(kind, before[0], after[0], MID, (before[1], after[1]), hold)
        books.post(Posting(str(number), "CNY", entries))
        before = after
    assert set(books.sums.values()) <= {0}


@given(kinds, positions, amounts, holds)
def test_staying_where_it_is_moves_nothing(kind, position, amount, hold):
    assert movement(kind, position, position, MID, (amount, amount), hold) == ()


@given(kinds, amounts, holds)
def test_doubt_and_effect_share_no_account(kind, amount, hold):
    doubt = {account for account, _ in entries_at(kind, Position.SUSPENSE, MID, amount, hold)}
    effect = {account for account, _ in entries_at(kind, Position.EFFECT, MID, amount, hold)}
    assert not doubt & effect
    assert all(account.startswith("suspense:") for account in doubt)


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        (Kind.SALE, {chart.HOST: 100, chart.merchant(MID): -100}),
        (Kind.VOID, {chart.HOST: -100, chart.merchant(MID): 100}),
        (Kind.REFUND, {chart.HOST: -100, chart.merchant(MID): 100}),
        (Kind.PREAUTH, {chart.HOST_HOLD: 100, chart.merchant_hold(MID): -100}),
        (Kind.PREAUTH_VOID, {chart.HOST_HOLD: -100, chart.merchant_hold(MID): 100}),
    ],
)
def test_what_a_kind_does_to_the_books(kind, entries):
    assert dict(entries_at(kind, Position.EFFECT, MID, 100, 0)) == entries


def test_a_completion_takes_the_money_and_lets_the_hold_go_and_its_void_turns_both_round():
    hold = entries_at(Kind.PREAUTH, Position.EFFECT, MID, 500, 0)
    charge = entries_at(Kind.COMPLETION, Position.EFFECT, MID, 420, 500)
    void = entries_at(Kind.COMPLETION_VOID, Position.EFFECT, MID, 420, 500)
    assert dict(net(hold, charge)) == {chart.HOST: 420, chart.merchant(MID): -420}
    assert net(hold, charge, void) == net(hold)


def test_a_void_undoes_its_sale():
    sale = entries_at(Kind.SALE, Position.EFFECT, MID, 100, 0)
    assert net(sale, entries_at(Kind.VOID, Position.EFFECT, MID, 100, 0)) == ()
