"""The terminal's rules, one by one: when a reversal is kept, sent, counted, ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storno.iso8583.profile import CrossDay, Profile, Reason, WhenExhausted
from storno.terminal.card import EntryMode
from storno.terminal.machine import TerminalCore
from storno.terminal.operation import Operation
from storno.terminal.outcome import Advice, Cause, Outcome, Result
from storno.terminal.request import Order, original_fields
from storno.terminal.setup import Setup
from storno.terminal.state import Reversal, SetNumbers
from storno.terminal.steps import Save, Send
from terminal_rig import CARD, FailingStore, PowerCut, Rig

pytestmark = pytest.mark.unit


def rig(**profile_changes) -> Rig:
    base = Setup()
    made = Rig(replace(base, profile=replace(base.profile, **profile_changes)))
    assert made.sign_in().outcome is Outcome.APPROVED
    return made


def financial(made: Rig):
    return [m for m in made.host.seen if m.mti[1] in "124"]


# Each row of unionpay.md 2.1: what happened, what is told, F39 of the reversal (None: no reversal).
EVENTS = [
    ("never", Outcome.UNKNOWN, Cause.SILENCE, "98"),
    ("lost", Outcome.UNKNOWN, Cause.SILENCE, "98"),
    ("bad_mac", Outcome.UNKNOWN, Cause.BAD_MAC, "A0"),
    ("garbage", Outcome.UNKNOWN, Cause.UNREADABLE, "06"),
    ("no39", Outcome.UNKNOWN, Cause.MISMATCH, "06"),
    ("wrong_amount", Outcome.UNKNOWN, Cause.MISMATCH, "06"),
    ("wrong_stan", Outcome.UNKNOWN, Cause.SILENCE, "98"),
    ("decline:51", Outcome.DECLINED, Cause.ANSWERED, None),
    ("bad_mac_decline:55", Outcome.DECLINED, Cause.ANSWERED, None),
    ("code:96", Outcome.DOUBTFUL, Cause.ANSWERED, None),
    ("partial:1000", Outcome.PARTIAL, Cause.ANSWERED, None),
    ("code:A2", Outcome.APPROVED, Cause.ANSWERED, None),
    ("ok", Outcome.APPROVED, Cause.ANSWERED, None),
]


@pytest.mark.parametrize(("event", "outcome", "cause", "reason"), EVENTS)
def test_each_event_leaves_the_reversal_it_should(event, outcome, cause, reason):
    made = rig()
    result = made.sale(1234, event)
    assert (result.outcome, result.cause) == (outcome, cause)
    assert result.reversal_pending == (reason is not None)
    assert (made.store.load().pending is not None) == (reason is not None)
    made.restart()
    second = made.sale(500)
    assert second.outcome is Outcome.APPROVED
    reversals = [m for m in financial(made) if m.mti == "0400"]
    assert [m.fields.get(39) for m in reversals] == ([reason] if reason else [])
    assert second.reversed_stans == ((result.stan,) if reason else ())


def test_a_partial_approval_counts_the_answers_amount():
    made = rig()
    result = made.sale(1234, "partial:1000")
    assert (result.amount_minor, result.approved_minor) == (1234, 1000)
    assert made.store.entries()[0].approved_minor == 1000


def test_own_fault_after_the_approval_is_reversed_with_96():
    made = rig()
    made.completes = False
    result = made.sale()
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, Cause.OWN_FAULT)
    made.completes = True
    assert made.drain().outcome is Outcome.APPROVED
    assert financial(made)[-1].fields[39] == "96"
    assert not made.host.in_force()
    assert made.store.entries()[0].reversal is Reversal.ACCEPTED


def test_a_store_that_fails_after_the_approval_leaves_the_record_and_does_not_say_approved():
    made = Rig(store=FailingStore())
    made.sign_in()
    made.store.fail_at = {made.store.commits + 2, made.store.commits + 3}
    result = made.sale()
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, Cause.OWN_FAULT)
    made.restart()
    assert made.drain().outcome is Outcome.APPROVED
    assert not made.host.in_force()


def test_a_store_that_fails_before_sending_sends_nothing():
    made = Rig(store=FailingStore())
    made.sign_in()
    made.store.fail_at = {made.store.commits + 1}
    result = made.sale()
    assert (result.outcome, result.cause) == (Outcome.NOT_SENT, Cause.OWN_FAULT)
    assert not financial(made)


@pytest.mark.parametrize("policy", [True, False])
def test_a_mismatch_is_reversed_or_forgotten_as_the_acquirer_wants(policy):
    for event in ("no39", "wrong_amount", "wrong_stan"):
        made = rig(mismatch_reverses=policy)
        result = made.sale(1234, event)
        assert result.reversal_pending is policy
        assert result.outcome is (Outcome.UNKNOWN if policy else Outcome.DOUBTFUL)


def test_on_a_kept_connection_a_wrong_stan_is_somebody_elses_whatever_the_policy():
    base = Setup(keep_open=True)
    made = Rig(replace(base, profile=replace(base.profile, mismatch_reverses=False)))
    made.sign_in()
    assert made.sale(1234, "wrong_stan").reversal_pending


def test_the_record_is_durable_before_the_first_byte_leaves():
    made = rig()
    made.sale()
    kinds = [type(step) for step in made.steps]
    assert kinds.index(Save) < kinds.index(Send)
    made.cut_before = kinds.index(Send)
    with pytest.raises(PowerCut):
        made.sale()
    assert made.store.load().pending is not None


def test_nothing_left_means_nothing_to_reverse():
    made = rig()
    made.connects = [False]
    assert (made.sale().outcome, made.core.pending) == (Outcome.NOT_SENT, None)
    made.sends = [False]
    result = made.sale()
    assert (result.outcome, made.store.load().pending) == (Outcome.NOT_SENT, None)
    assert made.store.entries() == ()


def test_the_reversal_carries_what_it_must_and_nothing_it_must_not():
    made = rig()
    card = replace(CARD, pin="123456")
    made.sale(1234, "lost", card=card)
    made.drain()
    sale, reversal = financial(made)
    assert 52 in sale.fields
    assert 35 in sale.fields
    for number in (2, 3, 4, 11, 22, 25, 41, 42, 49, 60):
        assert reversal.fields[number] == sale.fields[number]
    assert not {26, 35, 36, 37, 52, 53} & set(reversal.fields)
    assert reversal.fields[55].startswith("9F10")
    assert "9F26" not in reversal.fields[55]


def test_no_profile_can_make_a_reversal_carry_tracks_or_a_pin():
    made = rig(reversal_copies=(3, 4, 11, 25, 26, 35, 41, 42, 49, 52, 53, 60))
    made.sale(1234, "lost", card=replace(CARD, pin="123456"))
    made.drain()
    assert not {26, 35, 36, 37, 52, 53} & set(financial(made)[-1].fields)


@pytest.mark.parametrize("code", ["001", "003", "004", "005"])
def test_every_kind_of_working_key_seals_a_sale(code):
    made = Rig(Setup(sign_in_code=code))
    assert made.sign_in().outcome is Outcome.APPROVED
    made.restart()
    assert made.sale(5, card=replace(CARD, pin="4711")).outcome is Outcome.APPROVED
    assert len(financial(made)[0].fields[52]) == (32 if code == "005" else 16)


def test_a_swiped_card_can_be_kept_out_of_the_reversal():
    made = rig(pan_on_magstripe_reversal=False)
    made.sale(1, "lost", card=replace(CARD, entry=EntryMode.SWIPE))
    made.drain()
    made.sale(1, "lost")
    made.drain()
    swiped, dipped = (m for m in financial(made) if m.mti == "0400")
    assert 2 not in swiped.fields
    assert dipped.fields[2] == CARD.pan


def test_repeats_are_unchanged():
    made = rig()
    made.sale(1234, "lost")
    made.drain("never", "code:96", "bad_mac", "ok")
    _, *repeats = financial(made)
    assert len(repeats) == 4
    assert all(one == repeats[0] for one in repeats)
    assert not made.host.in_force()


def test_a_late_approval_never_answers_the_reversal():
    base = Setup(keep_open=True)
    made = Rig(base)
    made.sign_in()
    made.sale(1234, "late")
    result = made.drain("after_late")
    assert result.outcome is Outcome.APPROVED
    assert not made.host.in_force()
    # And alone it is nobody's answer: the attempt ends in silence, the record stays.
    made.sale(1234, "late")
    made.host.plan = ["never"] * 4
    made.inbox = list(made.host.late)
    assert made.run(made.core.drain(made.now_ms)).set_aside


def test_attempts_survive_a_restart_and_end_in_a_visible_exception():
    made = rig()
    first = made.sale(1234, "lost")
    made.host.plan = ["never"] * 9
    made.cut_before = 7  # Connect, Save, Send, Await, HangUp, Connect, Save | Send
    with pytest.raises(PowerCut):
        made.drain()
    assert made.store.load().pending.attempts == 2
    made.cut_before = -1
    made.restart()
    made.host.plan = ["never", "never", "ok"]
    second = made.sale(77)
    assert second.outcome is Outcome.APPROVED
    assert second.set_aside == (first.stan,)
    (exception,) = made.store.exceptions()
    assert (exception.stan, exception.amount_minor, exception.attempts) == (first.stan, 1234, 4)
    assert exception.cause is Cause.EXHAUSTED
    for lang in ("zh", "en"):
        assert first.stan in exception.slip(lang)
        assert CARD.pan not in exception.slip(lang)
    assert made.store.entries()[0].reversal is Reversal.SET_ASIDE


def test_a_blocking_profile_refuses_new_transactions_until_somebody_acts():
    made = rig(when_exhausted=WhenExhausted.BLOCK)
    made.sale(1234, "lost")
    result = made.sale(500, *["never"] * 4)
    assert (result.outcome, result.cause) == (Outcome.NOT_SENT, Cause.BLOCKED)
    before = len(made.host.seen)
    assert made.sale(500).cause is Cause.BLOCKED
    assert len(made.host.seen) == before
    assert made.store.exceptions() == ()
    assert made.drain("ok").outcome is Outcome.APPROVED
    assert made.sale(500).outcome is Outcome.APPROVED


def test_the_operator_can_set_a_blocking_reversal_aside():
    made = rig(when_exhausted=WhenExhausted.BLOCK)
    made.sale(
        1234,
        "lost",
    )
    made.sale(500, *["never"] * 4)
    made.run(made.core.set_aside(made.now_ms))
    assert len(made.store.exceptions()) == 1
    assert made.sale(500).outcome is Outcome.APPROVED


def test_connection_failures_do_not_count_and_keep_the_record():
    made = rig()
    made.sale(1234, "lost")
    for _ in range(5):
        made.connects = [False, False, False]
        result = made.sale(500)
        assert (result.outcome, result.cause) == (Outcome.NOT_SENT, Cause.REVERSAL_FIRST)
    pending = made.store.load().pending
    assert (pending.attempts, pending.connect_failures) == (0, 15)
    made.connects, made.sends = [True], [False]
    assert made.sale(500).outcome is Outcome.APPROVED
    assert len(made.host.in_force()) == 1


def test_the_batch_may_change_between_sale_and_reversal():
    made = rig()
    made.sale(1234, "lost")
    made.host.give_batch = "000777"
    made.sign_in()
    assert made.core.numbers.batch == 777
    made.drain()
    assert financial(made)[-1].fields[60][2:8] == "000001"
    assert not made.host.in_force()


def test_a_sign_in_between_seals_the_reversal_with_the_new_mak():
    made = rig()
    made.sale(1234, "lost")
    old = made.host.mak
    made.sign_in()
    assert made.host.mak != old
    assert made.drain().outcome is Outcome.APPROVED


@pytest.mark.parametrize("code", ["77", "99", "A0"])
def test_an_answer_that_asks_for_a_sign_in_gets_one_once(code):
    made = rig()
    made.sale(1234, "lost")
    result = made.drain(f"refuse:{code}", "ok")
    assert result.outcome is Outcome.APPROVED
    assert made.host.sign_ins == 2


@pytest.mark.parametrize("code", ["00", "12", "25"])
def test_the_profile_says_which_answers_end_a_reversal(code):
    made = rig()
    made.sale(1234, "never")
    assert made.drain(f"code:{code}").outcome is Outcome.APPROVED


def test_a_reversal_answer_with_a_bad_mac_is_a_failed_attempt():
    made = rig()
    made.sale(1234, "lost")
    made.drain("bad_mac", "ok")
    assert len(financial(made)) == 3


def test_the_trace_number_wraps():
    made = rig()
    made.store.commit([SetNumbers(made.store.load().numbers._replace(stan=999_998))])
    made.restart()
    stans = [made.sale().stan for _ in range(3)]
    assert stans == ["999999", "000001", "000002"]


def test_refund_is_never_reversed_and_silence_is_doubtful():
    made = rig()
    made.host.plan = ["lost"]
    order = Order(Operation.REFUND, 100, CARD, original_fields("", "", "0428", "000000000001", ""))
    result = made.run(made.core.transact(order, made.now_ms))
    assert (result.outcome, made.core.pending) == (Outcome.DOUBTFUL, None)
    assert financial(made)[0].mti == "0220"
    assert financial(made)[0].fields[61] == "0000000000000428"


def test_a_transaction_before_the_sign_in_is_refused():
    made = Rig()
    assert made.sale().cause is Cause.NOT_SIGNED_IN
    assert made.host.seen == []


def test_a_reversal_of_an_earlier_day_becomes_a_case_where_the_profile_says_so():
    made = rig(cross_day=CrossDay.CASE)
    made.sale(1234, "lost")
    made.now_ms += 24 * 3600 * 1000
    assert made.sale(5).set_aside
    assert made.store.exceptions()[0].cause is Cause.CROSS_DAY


def test_settlement_waits_for_the_reversal_and_counts_only_what_stands():
    made = rig()
    made.sale(1000)
    lost = made.sale(200, "lost")
    rows = made.store.entries()
    result = made.run(made.core.settle(1, rows, {}, made.now_ms))
    assert (result.outcome, result.reversed_stans) == (Outcome.APPROVED, (lost.stan,))
    settle = made.host.seen[-1]
    assert made.host.seen[-2].mti == "0400"
    assert settle.mti == "0500"
    assert settle.fields[48] == "000000001000" + "001" + "0" * 15 + "0" + "0" * 31
    assert made.core.numbers.batch == 2
    assert made.store.open_batches() == ()


def test_settlement_goes_nowhere_while_the_reversal_cannot():
    made = rig()
    made.sale(200, "lost")
    made.connects = [False] * 3
    result = made.run(made.core.settle(1, made.store.entries(), {}, made.now_ms))
    assert result.cause is Cause.REVERSAL_FIRST
    assert all(m.mti != "0500" for m in made.host.seen)


def test_an_unbalanced_batch_is_uploaded_with_what_was_not_answered_sent_again():
    made = rig()
    made.host.balance_digit = "2"
    for _ in range(10):
        made.sale(100)
    cards = {row.stan: CARD.pan for row in made.store.entries()}
    made.host.plan = ["ok", "never", "ok", "ok"]
    result = made.run(made.core.settle(1, made.store.entries(), cards, made.now_ms))
    assert (result.outcome, result.cause) == (Outcome.APPROVED, Cause.NOT_BALANCED)
    uploads = [m.fields for m in made.host.seen if m.mti == "0320"]
    assert [f[60][8:] for f in uploads] == ["201", "201", "201", "202"]
    assert [f[48][:2] for f in uploads[:3]] == ["08", "02", "08"]
    assert uploads[3][48] == "0010"


def test_an_unanswered_settlement_stops_sales_until_it_is_finished():
    made = rig()
    made.sale(100)
    made.host.plan = ["never"]
    assert made.run(made.core.settle(1, made.store.entries(), {}, made.now_ms)).outcome is Outcome.NO_ANSWER
    made.restart()
    assert made.sale(5).cause is Cause.SETTLING
    made.run(made.core.settle(1, made.store.entries(), {}, made.now_ms))
    assert made.sale(5).outcome is Outcome.APPROVED


def test_wrong_working_keys_are_refused_and_the_old_ones_stay():
    made = rig()
    key_block = made.core.numbers.key_block
    made.host.setup = replace(made.setup, tmk=bytes(range(16)))
    made.host._mak_of = lambda _block, _code: made.host.mak
    result = made.sign_in()
    assert (result.outcome, result.cause) == (Outcome.DECLINED, Cause.BAD_KEYS)
    assert made.core.numbers.key_block == key_block


def test_the_power_may_go_at_any_step_of_any_sale_and_reversal():
    """After restart and drain the money is where the terminal says it is, and each effect is undone at most once."""
    for event in ("ok", "lost", "never", "bad_mac", "decline:51", "no39"):
        for cut in range(12):
            made = rig()
            made.host.plan = [event]
            made.cut_before = cut
            try:
                made.sale(1234)
                made.drain()
            except PowerCut:
                pass
            made.cut_before = -1
            made.host.plan = []
            made.restart()
            made.drain()
            told = {
                (made.setup.tid, row.batch, row.stan): row.approved_minor
                for row in made.store.entries()
                if row.outcome is Outcome.APPROVED
            }
            assert made.host.in_force() == told, (event, cut)
            assert made.core.pending is None


def test_no_repr_shows_the_card():
    made = rig()
    made.sale(1234, "lost")
    order = Order(Operation.SALE, 1, replace(CARD, pin="4711"), pan=CARD.pan)
    shown = repr([made.steps, made.store.load(), made.store.entries(), made.setup, order])
    assert CARD.pan not in shown
    assert "4711" not in shown
    assert made.setup.tmk.hex() not in shown.lower()


def test_the_defaults_are_the_dialects():
    assert Profile().reason_code(Reason.TIMEOUT) == "98"
    assert isinstance(TerminalCore(Setup(), Rig().store.load()), TerminalCore)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_outcome_of_every_operation_has_its_four_lines(lang):
    for operation in Operation:
        allowed = (Outcome.APPROVED, Outcome.DOUBTFUL, Outcome.UNKNOWN)
        for outcome in allowed if operation is Operation.DRAIN else Outcome:
            for cause in Cause:
                result = Result(operation, outcome, cause, "00000001", code="A0")
                texts = [result.advice(line, lang) for line in Advice]
                assert all(texts)
                assert any("\u4e00" <= c <= "\u9fff" for c in "".join(texts)) is (lang == "zh")
                assert cause.title(lang)
                assert operation.title(lang)


def test_what_was_set_aside_is_not_called_unmoved():
    made = rig()
    made.sale(1234, "lost")
    result = made.drain(*["never"] * 4)
    assert "may still be booked" in result.advice(Advice.MONEY, "en")
