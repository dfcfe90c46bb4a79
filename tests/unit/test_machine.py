"""The machine under any legal order of inputs: fold, round trip, books and promises; shortest counter-examples."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storno.journal.fact import fact_row, read_fact, tx_row
from storno.ledger.balance import Balances
from storno.reversal.invariants import record_problems
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, Case, Effect, Input, State
from storno.reversal.machine import ContractBroken, begin, fold, step, takes
from storno.reversal.record import Detail, Opening, Told, Trigger

text = st.text(st.characters(codec="utf-8"), max_size=12)
fields = st.dictionaries(st.integers(2, 128), text, max_size=3).map(lambda found: tuple(found.items()))
amounts = st.integers(1, 10**9)
details = st.builds(
    Detail,
    code=st.sampled_from(["", "00", "10", "51", "96", "98"]),
    rrn=text,
    auth_code=text,
    amount_minor=st.none() | amounts,
    trigger=st.none() | st.sampled_from(list(Trigger)),
    reason=st.sampled_from(["", "98", "A0", "06"]),
    due_ms=st.integers(0, 10**13),
    deadline_ms=st.integers(0, 10**13),
    operator=text,
    note=text,
    fields=fields,
)


@st.composite
def openings(draw):
    kind = draw(st.sampled_from(list(Kind)))
    tombstone = kind.reversible and draw(st.booleans())
    first = State.REVERSING if tombstone else State.AUTHORIZING if kind.reversible else State.ADVISING
    return Opening(
        key=TxKey("00000001", "898440153110001", "000001", "000042"),
        kind=kind,
        first_state=first,
        amount_minor=draw(amounts),
        currency=draw(st.sampled_from(["CNY", "HKD"])),
        dialect="cup_pos",
        date="20260101",
        pan_masked=draw(text),
        pan_token=draw(text),
        fingerprint=draw(text),
        original=draw(st.sampled_from(["", "1-0"])),
        hold_minor=draw(st.integers(0, 1000)) if kind in (Kind.COMPLETION, Kind.COMPLETION_VOID) else 0,
        fields=draw(fields),
        tombstone=tombstone,
        trigger=Trigger.TERMINAL if tombstone else None,
        reason=draw(text),
    )


def inputs_of(record):
    return [what for state, what in TABLE if state is record.state and takes(record, what)]


class Life(RuleBasedStateMachine):
    """One transaction's life: any opening, then any input the machine takes, with any details."""

    def __init__(self):
        super().__init__()
        self.record = None
        self.facts = []
        self.books = Balances()
        self.keys = set()
        self.cancelled = self.undelivered = self.closed_by_hand = False

    def keep(self, outcome):
        self.record = outcome.record
        self.facts.append(outcome.fact)
        if outcome.posting is not None:
            assert outcome.posting.key not in self.keys
            self.keys.add(outcome.posting.key)
            self.books.post(outcome.posting)

    @precondition(lambda self: self.record is None)
    @rule(opening=openings(), detail=details)
    def opens(self, opening, detail):
        self.keep(begin("1-1", 1, opening, detail))

    @precondition(lambda self: self.record is not None)
    @rule(data=st.data(), detail=details)
    def happens(self, data, detail):
        what = data.draw(st.sampled_from(inputs_of(self.record)))
        before = self.record
        outcome = step(self.record, what, len(self.facts) + 1, detail)
        self.keep(outcome)
        self.cancelled |= what is Input.CANCEL_REQUESTED
        self.undelivered |= what is Input.DELIVERY_FAILED
        self.closed_by_hand |= what in (Input.ADJUSTED_UNCHARGED, Input.CASE_CLOSED)
        if before.sent and self.record.sent:
            kept = ("reason", "auth_code", "undoing_ms")
            assert [getattr(before, name) for name in kept] == [getattr(self.record, name) for name in kept]
        if before.state is State.REVERSING and what.value.startswith("response_"):
            assert (self.record.state, self.record.position, outcome.posting) == (
                before.state,
                before.position,
                None,
            )

    @precondition(lambda self: self.record is not None)
    @rule(data=st.data())
    def cannot(self, data):
        impossible = sorted(set(Input) - set(inputs_of(self.record)), key=lambda what: what.value)
        with pytest.raises(ContractBroken):
            step(self.record, data.draw(st.sampled_from(impossible)), 99)

    @invariant()
    def the_journal_gives_the_same_record(self):
        if self.record is not None:
            assert fold(self.facts) == self.record
            assert fold([read_fact(fact_row(fact)) for fact in self.facts]) == self.record
            assert [read_fact(fact_row(fact)) for fact in self.facts] == self.facts

    @invariant()
    def the_books_are_where_the_record_says(self):
        if self.record is None:
            return
        assert self.books.total(self.record.opening.currency) == 0
        assert len(self.keys) == self.record.postings
        booked = {account for (_, account), amount in self.books.sums.items() if amount}
        in_doubt = {account for account in booked if account.startswith("suspense:")}
        place = self.record.position.value
        assert bool(in_doubt) is (place == "suspense")
        assert bool(booked - in_doubt) is (place == "effect")

    @invariant()
    def no_promise_is_broken(self):
        if self.record is None:
            return
        assert record_problems(self.record) == ()
        undone = self.record.state in (State.REVERSING, State.REVERSED, State.EXHAUSTED, State.REFUSED)
        if self.record.told is Told.APPROVED and undone:
            assert (
                self.record.case is Case.HOST_REVERSED
                or self.record.case is Case.CONTRADICTION
                or self.closed_by_hand
            )


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=25)


@given(st.data(), openings())
def test_any_legal_life_folds_to_its_record_through_the_journal(data, opening):
    outcome = begin("1-1", 1, opening, data.draw(details))
    facts, record = [outcome.fact], outcome.record
    for at_ms in range(2, data.draw(st.integers(2, 14))):
        outcome = step(record, data.draw(st.sampled_from(inputs_of(record))), at_ms, data.draw(details))
        facts.append(outcome.fact)
        record = outcome.record
    again = fold([read_fact(fact_row(fact)) for fact in facts])
    assert again == record
    assert tx_row(again) == tx_row(record)


# ------------------------------------------------------------------ named


def opened(kind=Kind.SALE, **members):
    first = State.AUTHORIZING if kind.reversible else State.ADVISING
    key = TxKey("00000001", "898440153110001", "000001", "000042")
    return begin("1-1", 1, Opening(key, kind, first, 1000, "CNY", "cup_pos", "20260101", **members)).record


def walk(record, *inputs):
    for at_ms, one in enumerate(inputs, 2):
        what, detail = one if isinstance(one, tuple) else (one, Detail(due_ms=7, deadline_ms=9))
        record = step(record, what, at_ms, detail).record
    return record


def test_an_unanswered_sending_counts_and_one_that_never_left_does_not():
    record = walk(opened(), Input.RESPONSE_TIMEOUT, Input.REVERSAL_DUE, Input.REVERSAL_DUE)
    assert (record.attempts, record.sent) == (2, 2)
    record = walk(record, Input.SEND_FAILED)
    assert (record.attempts, record.sent) == (1, 1)


def test_an_operator_s_retry_starts_a_new_round_and_stays_a_repeat():
    record = walk(
        opened(), Input.RESPONSE_TIMEOUT, Input.REVERSAL_DUE, Input.REVERSAL_EXHAUSTED, Input.RETRY_ORDERED
    )
    assert (record.state, record.attempts, record.sent, record.case) == (
        State.REVERSING,
        0,
        1,
        Case.EXHAUSTED,
    )


def test_what_stands_in_a_reversal_does_not_change_once_it_was_sent():
    timeout = (Input.RESPONSE_TIMEOUT, Detail(reason="98", trigger=Trigger.TIMEOUT))
    late = (Input.RESPONSE_APPROVED, Detail(code="00", auth_code="123456", rrn="1"))
    record = walk(
        opened(),
        timeout,
        Input.REVERSAL_DUE,
        late,
        (Input.CANCEL_REQUESTED, Detail(reason="06", trigger=Trigger.TERMINAL)),
    )
    assert (record.reason, record.trigger, record.auth_code) == ("98", Trigger.TIMEOUT, "")
    assert (record.rrn, record.late_code, record.told) == ("1", "00", Told.CANCELLED)
    record = walk(
        record,
        Input.REVERSAL_ACCEPTED,
        (Input.RESPONSE_APPROVED, Detail(code="00", reason="99", trigger=Trigger.LATE_APPROVAL)),
    )
    assert (record.state, record.reason, record.trigger) == (State.REVERSING, "98", Trigger.LATE_APPROVAL)
    assert record.undoing_ms == 2


def test_a_partial_approval_counts_with_its_own_amount():
    record = walk(opened(), (Input.RESPONSE_APPROVED, Detail(code="10", amount_minor=600)))
    assert record.amount_minor == 600
    outcome = step(record, Input.DELIVERY_FAILED, 9)
    assert dict(outcome.posting.entries)["suspense:host"] == 600


def test_marks_are_made_and_taken_back_once():
    void = opened(Kind.VOID, original="1-0")
    outcome = step(void, Input.RESPONSE_APPROVED, 2, Detail(code="00"))
    assert Effect.MARK_ORIGINAL in outcome.effects
    record = walk(outcome.record, Input.DELIVERY_FAILED, Input.REVERSAL_DUE)
    outcome = step(record, Input.REVERSAL_ACCEPTED, 5)
    assert Effect.RESTORE_ORIGINAL in outcome.effects
    outcome = step(walk(outcome.record, Input.RESPONSE_APPROVED), Input.REVERSAL_ACCEPTED, 9)
    assert Effect.RESTORE_ORIGINAL not in outcome.effects


@pytest.mark.parametrize("kind", [Kind.VOID, Kind.COMPLETION])
def test_a_declined_void_marks_nothing(kind):
    outcome = step(opened(kind, original="1-0"), Input.RESPONSE_DECLINED, 2, Detail(code="51"))
    assert not {Effect.MARK_ORIGINAL, Effect.RESTORE_ORIGINAL} & set(outcome.effects)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (lambda facts: [], "nothing to fold"),
        (lambda facts: facts[1:], "no opening"),
        (lambda facts: [facts[0], facts[0]], "opens twice"),
        (lambda facts: [facts[0], facts[1]._replace(state=State.DECLINED)], "the journal says DECLINED"),
        (lambda facts: [facts[0], facts[1]._replace(input=Input.RESTORED)], "cannot take RESTORED"),
    ],
)
def test_a_journal_that_does_not_follow_is_refused(facts, why):
    first = begin("1-1", 1, opened().opening)
    second = step(first.record, Input.RESPONSE_APPROVED, 2)
    with pytest.raises(ContractBroken, match=re.escape(why)):
        fold(facts([first.fact, second.fact]))


def test_invariants_find_a_wrong_record():
    record = walk(opened(), Input.RESPONSE_TIMEOUT)
    assert record_problems(record) == ()
    for wrong in (
        record._replace(state=State.REVERSED),
        record._replace(state=State.EXHAUSTED),
        record._replace(told=Told.APPROVED, state=State.UNKNOWN),
        record._replace(attempts=3),
        record._replace(opening=record.opening._replace(kind=Kind.REFUND)),
    ):
        assert record_problems(wrong)
