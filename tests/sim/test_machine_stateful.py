"""Hypothesis as the enemy of the pure machine: any inputs in any order, looking for the shortest way to break it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storno.ledger.balance import Balances
from storno.reversal.invariants import record_problems
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.machine import begin, fold, step, takes
from storno.reversal.postings import entries_at
from storno.reversal.record import Detail, Opening

MID = "000000000000001"
_ENDS_DOUBT = (Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED, Input.REVERSAL_ACCEPTED, Input.HOST_REVERSED)


class AnyLife(RuleBasedStateMachine):
    """One transaction to which everything may happen that the table takes."""

    @initialize(
        kind=st.sampled_from(Kind), tombstone=st.booleans(), original=st.sampled_from(("", "another"))
    )
    def open(self, kind, tombstone, original):
        tombstone = tombstone and kind.reversible
        first = State.AUTHORIZING if kind.reversible else State.ADVISING
        opening = Opening(
            TxKey("00000001", MID, "000001", "000001"), kind, State.REVERSING if tombstone else first,
            1000, "CNY", "cup_pos", "20260105", original=original, tombstone=tombstone,
        )  # fmt: skip
        outcome = begin("tx", 0, opening)
        self.record, self.facts, self.books, self.now = outcome.record, [outcome.fact], Balances(), 0

    @rule(what=st.sampled_from(Input), part=st.booleans(), note=st.sampled_from(("void-1", "void-2")))
    def happen(self, what, part, note):
        if not takes(self.record, what):
            return
        self.now += 1
        amount = 400 if part and what is Input.RESPONSE_APPROVED else None
        before = self.record
        outcome = step(before, what, self.now, Detail(code="00", amount_minor=amount, note=note))
        self.record = outcome.record
        self.facts.append(outcome.fact)
        if outcome.posting is not None:
            self.books.post(outcome.posting)
        if before.case in (Case.EXHAUSTED, Case.REFUSED) and self.record.case is None:
            assert what in (*_ENDS_DOUBT, Input.CASE_CLOSED)

    @precondition(lambda self: hasattr(self, "record"))
    @invariant()
    def the_record_is_sound(self):
        assert record_problems(self.record) == ()

    @precondition(lambda self: hasattr(self, "record"))
    @invariant()
    def the_facts_give_the_record(self):
        assert fold(self.facts) == self.record

    @precondition(lambda self: hasattr(self, "record"))
    @invariant()
    def the_books_hold_its_position_and_nothing_else(self):
        record = self.record
        wanted = dict(entries_at(record.kind, record.position, MID, record.amount_minor, 0))
        held = {account: amount for (_, account), amount in self.books.sums.items() if amount}
        assert held == wanted
        assert self.books.total("CNY") == 0


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
