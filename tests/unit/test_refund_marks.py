"""Found by the crash proof: two partial refunds of one sale opened a contradiction on a sale that nobody had voided."""

import pytest

from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Effect, Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Opening

OPENING = Opening(
    TxKey("00000001", "000000000000001", "000001", "000002"),
    Kind.VOID, State.AUTHORIZING, 100, "CNY", "cup_pos", "20260101", original="sale",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "marks"),
    [(Kind.VOID, True), (Kind.COMPLETION, True), (Kind.COMPLETION_ADVICE, True), (Kind.REFUND, False)],
)
def test_an_approved_refund_leaves_its_sale_as_it_is(kind, marks):
    first = State.AUTHORIZING if kind.reversible else State.ADVISING
    record = begin("t-1", 1, OPENING._replace(kind=kind, first_state=first)).record
    outcome = step(record, Input.RESPONSE_APPROVED, 2)
    assert (Effect.MARK_ORIGINAL in outcome.effects) is marks
    assert outcome.record.marked is marks
