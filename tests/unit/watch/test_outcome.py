"""From facts to outcomes: a transaction counts once, business declines are no fault, what shows later is one more."""

import pytest

from storno.journal.fact import fact_row
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Detail, Opening, Trigger
from storno.watch.outcome import GRACE_MS, Bad, Outcomes

AT = 1_795_132_800_000


def opening(entry="051", **members):
    given = {
        "key": TxKey("t1", "m1", "000001", "000007"), "kind": Kind.SALE, "first_state": State.AUTHORIZING,
        "amount_minor": 5_000, "currency": "CNY", "dialect": "cup_pos", "date": "20261120",
        "pan_masked": "622588******1234", "fields": ((22, entry),),
    }  # fmt: skip
    return Opening(**(given | members))


def lived(*beats, settle=True, **members):
    """Let a transaction live through (input, after_ms, detail); give what comes of it."""
    outcome = begin("1-1", AT, opening(**members))
    facts = [outcome.fact]
    for what, after_ms, detail in beats:
        outcome = step(outcome.record, what, AT + after_ms, detail)
        facts.append(outcome.fact)
    outcomes = Outcomes(lambda _: opening())
    found = [one for fact in facts for one in outcomes.take(fact_row(fact))]
    if settle:
        found += outcomes.settle(AT + 10 * GRACE_MS)
    return found, outcomes


TIMEOUT = (Input.RESPONSE_TIMEOUT, 60_000, Detail(trigger=Trigger.TIMEOUT, reason="98"))


def approved(after_ms=1_000):
    return (Input.RESPONSE_APPROVED, after_ms, Detail(code="00", rrn="1", auth_code="1"))


def declined(code):
    return (Input.RESPONSE_DECLINED, 1_000, Detail(code=code))


@pytest.mark.parametrize(
    ("beats", "bad"),
    [
        ((approved(),), Bad.NONE),
        ((declined("51"),), Bad.NONE),
        ((declined("55"),), Bad.NONE),
        ((declined("92"),), Bad.TECHNICAL | Bad.TROUBLE),
        ((declined("A0"),), Bad.TECHNICAL | Bad.MAC | Bad.TROUBLE),
        ((TIMEOUT,), Bad.TIMEOUT | Bad.REVERSAL | Bad.TROUBLE),
        (((Input.SEND_FAILED, 10, Detail()),), Bad.NOT_SENT | Bad.TROUBLE),
        (
            ((Input.RESPONSE_INVALID, 10, Detail(trigger=Trigger.BAD_MAC, reason="A0")),),
            Bad.MAC | Bad.REVERSAL | Bad.TROUBLE,
        ),
        (
            (approved(), (Input.CANCEL_REQUESTED, 4_000, Detail(trigger=Trigger.TERMINAL, reason="96"))),
            Bad.DEVICE | Bad.REVERSAL | Bad.TROUBLE,
        ),
        (
            (approved(), (Input.CANCEL_REQUESTED, 4_000, Detail(trigger=Trigger.TERMINAL, reason="06"))),
            Bad.REVERSAL,
        ),
    ],
)
def test_a_transaction_is_one_outcome_with_what_went_wrong(beats, bad):
    (one,), _ = lived(*beats)
    assert (one.bad, one.again, one.tid, one.mid, one.issuer) == (bad, False, "t1", "m1", "622588")


def test_a_fallback_shows_from_the_entry_mode():
    (one,), _ = lived(approved(), entry="801")
    assert one.bad == Bad.FALLBACK


def test_an_approval_waits_for_what_the_terminal_says():
    found, outcomes = lived(approved(), settle=False)
    assert found == []
    assert list(outcomes.settle(AT + 1_000 + GRACE_MS - 1)) == []
    assert len(list(outcomes.settle(AT + 1_000 + GRACE_MS))) == 1
    assert not outcomes.held


def test_a_reversal_long_after_the_approval_counts_as_one_more():
    cancel = (Input.CANCEL_REQUESTED, 5 * GRACE_MS, Detail(trigger=Trigger.TERMINAL, reason="96"))
    first, later = lived(approved(), cancel)[0]
    assert (first.bad, first.again) == (Bad.NONE, False)
    assert later.again
    assert later.bad == Bad.REVERSAL | Bad.DEVICE | Bad.TROUBLE


def test_the_second_sending_of_a_reversal_is_a_repeat_and_the_third_is_not_counted_again():
    due = [(Input.REVERSAL_DUE, 60_010 + 60_000 * number, Detail(due_ms=1)) for number in range(3)]
    found, outcomes = lived(TIMEOUT, *due)
    assert [(one.bad, one.again) for one in found] == [
        (Bad.TIMEOUT | Bad.REVERSAL | Bad.TROUBLE, False), (Bad.REPEAT, True)
    ]  # fmt: skip
    assert [tx_id for tx_id, _ in outcomes.in_doubt()] == ["1-1"]


def test_money_is_in_doubt_until_the_reversal_is_through():
    accepted = (Input.REVERSAL_ACCEPTED, 61_000, Detail(code="00"))
    _, outcomes = lived(TIMEOUT, (Input.REVERSAL_DUE, 60_010, Detail(due_ms=1)), accepted)
    assert list(outcomes.in_doubt()) == []
    assert not outcomes.held


def test_a_reversal_without_an_original_is_an_outcome_at_once():
    tombstone = opening(first_state=State.REVERSING, tombstone=True, trigger=Trigger.TERMINAL, reason="98")
    outcomes = Outcomes(lambda _: None)
    (one,) = outcomes.take(fact_row(begin("1-1", AT, tombstone).fact))
    assert one.bad == Bad.REVERSAL | Bad.TIMEOUT | Bad.TROUBLE


def test_facts_of_exceptions_are_none_of_ours():
    assert list(Outcomes(lambda _: None).take(("finding:0123456789abcdef", AT, "found", "open", "{}"))) == []
