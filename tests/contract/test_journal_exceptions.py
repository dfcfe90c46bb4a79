"""What every journal engine promises about exceptions: one chain with transactions, one verification."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exception_kit import NOW_MS, act, an_id, gone, propose, seen
from journal_kit import Shop, approve, change, sale
from storno.journal.exception_fact import ITEM, fold
from storno.journal.exception_order import take
from storno.journal.exception_table import How, Move, Standing
from storno.journal.registry import engines
from storno.reversal.lifecycle import Input
from storno.reversal.machine import step

ENGINES = engines()
ORDERS = [
    seen(1), seen(2), seen(1, amount_minor=7), seen(2, lines=("x:1", "x:2")), gone(1), gone(2),
    act(Move.ASSIGNED, 1), act(Move.NOTED, 2), act(Move.RESOLVED, 1, how=How.REFUND, reference="R1"), propose(2),
    act(Move.CONFIRMED, 2, operator="wang"), act(Move.REJECTED, 2, operator="wang"), act(Move.REOPENED, 1),
]  # fmt: skip


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def journal(request, tmp_path):
    opened = request.param.open(tmp_path / "journal.db")
    yield opened
    opened.close()


def give(journal, *orders):
    taken = take(journal.exception, orders)
    journal.commit(taken.changes)
    return taken


def test_an_empty_journal_has_none(journal):
    assert list(journal.exceptions()) == []
    assert journal.exception(an_id()) is None
    assert journal.exception_facts(an_id()) == ()


@settings(max_examples=15)
@given(walk=st.lists(st.lists(st.sampled_from(ORDERS), min_size=1, max_size=4), max_size=8))
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_whatever_is_ordered_folds_and_proves_itself(engine, tmp_path_factory, walk):
    journal, shop = engine.open(tmp_path_factory.mktemp("journal") / "journal.db"), Shop(3)
    written = 0
    for group in walk:
        # people's orders may be refused here: only what is taken is written, transactions in the same commit
        orders = [one for one in group if not take(journal.exception, [one]).refusals]
        taken = take(journal.exception, orders)
        if taken.refusals:
            continue
        changes = [*taken.changes, *shop.changes(2)]
        written += len(changes)
        assert journal.commit(changes) == written
    for record in journal.exceptions():
        assert fold(journal.exception_facts(record.finding_id)) == record
        assert journal.exception(record.finding_id) == record
    assert [one.finding_id for one in journal.exceptions(unsettled_only=True)] == [
        one.finding_id
        for one in journal.exceptions()
        if one.standing in (Standing.OPEN, Standing.ASSIGNED, Standing.PROPOSED)
    ]
    result = journal.verify()
    assert result.problems == ()
    assert (result.facts, result.exceptions) == (written, len(list(journal.exceptions())))
    assert result.transactions == len(shop.records)
    journal.close()


def test_exceptions_never_pass_for_transactions(journal):
    waiting = sale("1-2", stan="000002")
    journal.commit([change(sale("1-1")), change(waiting)])
    give(journal, seen(1, tx_id="1-1"), seen(2))
    assert journal.facts(ITEM + an_id()) == ()
    assert journal.search(ITEM + an_id()) == journal.search(an_id()) == ()
    assert [facts[0].tx_id for facts in journal.pending()] == ["1-1", "1-2"]
    assert [row[0] for row in journal.rows()] == ["1-1", "1-2"]
    assert [one.row[0] for one in journal.read(2)] == [ITEM + an_id(1), ITEM + an_id(2)]
    assert list(journal.high_stans(0)) == [("58402001", "302440380621100", "000007", "000002")]
    assert journal.balances() == ()


def test_a_transaction_s_findings_are_found(journal):
    give(journal, seen(1, tx_id="1-1"), seen(2, tx_id="1-10"), seen(3), seen(4, tx_id="1-1", amount_minor=-1))
    assert [one.finding_id for one in journal.exceptions(tx_id="1-1")] == [an_id(1), an_id(4)]
    assert list(journal.exceptions(tx_id="9-9")) == []
    give(journal, gone(1))
    assert [one.finding_id for one in journal.exceptions(tx_id="1-1", unsettled_only=True)] == [an_id(4)]


def test_a_group_is_stored_whole_or_not_at_all(journal):
    give(journal, seen(1))
    first, second = take(lambda _: None, [seen(2), seen(1)]).changes
    moved = take(lambda _: journal.exception(an_id(1)), [act(Move.NOTED, 1)]).changes[0]
    stranger = (
        ITEM + an_id(9),
        *moved[0][1:],
    )
    bad = [
        [first, second],  # found a second time
        [first, first],
        [first, (stranger, (ITEM + an_id(9), *moved[1][1:]), None, None)],  # changed, never found
        [first, (moved[0], first[1], None, None)],  # a row of another
        [first, (moved[0], moved[1][:-1], None, None)],  # a row too short
    ]
    before = (journal.head(), list(journal.exceptions()))
    for group in bad:
        with pytest.raises(AssertionError):
            journal.commit([change(sale("1-1")), *group])
        assert (journal.head(), list(journal.exceptions())) == before
    assert journal.rows() == ()
    give(journal, seen(2))
    assert journal.verify().problems == ()


def test_more_than_a_page_of_exceptions_is_listed_in_order(journal):
    give(journal, *(seen(number) for number in range(1, 2_501)))
    assert [one.finding_id for one in journal.exceptions()] == [an_id(number) for number in range(1, 2_501)]


def test_transactions_and_exceptions_share_a_commit_with_money_and_cards(journal):
    opened = sale("1-1")
    approved = approve(opened.record)
    exceptional = take(journal.exception, [seen(1, tx_id="1-1"), act(Move.ASSIGNED, 1)]).changes
    journal.commit([change(opened, b"card"), exceptional[0], change(approved), exceptional[1]])
    journal.commit([change(step(approved.record, Input.CANCEL_REQUESTED, NOW_MS))])
    assert journal.sealed_card("1-1") == b"card"
    assert journal.exception(an_id(1)).owner == "wang"
    assert journal.verify().problems == ()
