"""What an answer says: every code of every set, amounts, MACs; reasons are never read as results."""

from dataclasses import replace

import pytest

from storno.exchange.judge import ReversalVerdict, judge_answer, judge_reversal
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin
from storno.reversal.record import Opening, Trigger

PROFILE = dialect("cup_pos").profile
KEY = TxKey("00000001", "898440153110001", "000001", "000042")


def record(kind=Kind.SALE):
    first = State.AUTHORIZING if kind.reversible else State.ADVISING
    return begin(
        "1-1", 1, Opening(KEY, kind, first, 1000, "CNY", "cup_pos", "20260101", fields=((3, "000000"),))
    ).record


def answer(code, amount=1000, **more):
    fields = {3: "000000", 37: "240101000042", 38: "123456", 39: code}
    if amount is not None:
        fields[4] = f"{amount:012d}"
    if code is None:
        del fields[39]
    return Message("0210", fields | {int(key[1:]): value for key, value in more.items()})


def judged(code, amount=1000, profile=PROFILE, mac_ok=True, kind=Kind.SALE, **more):
    return judge_answer(record(kind), answer(code, amount, **more), profile, mac_ok=mac_ok)


@pytest.mark.parametrize("code", sorted(PROFILE.approved - PROFILE.partial))
def test_an_approval_needs_its_amount_and_its_mac(code):
    what, detail = judged(code)
    assert (what, detail.code, detail.rrn, detail.auth_code, detail.amount_minor) == (
        Input.RESPONSE_APPROVED, code, "240101000042", "123456", None,
    )  # fmt: skip
    assert judged(code, amount=None)[0] is Input.RESPONSE_APPROVED
    for amount in (999, 1001):
        what, detail = judged(code, amount)
        assert (what, detail.trigger) == (Input.RESPONSE_INVALID, Trigger.BAD_ANSWER)
    what, detail = judged(code, mac_ok=False)
    assert (what, detail.trigger, detail.rrn) == (Input.RESPONSE_INVALID, Trigger.BAD_MAC, "")
    assert judged(code, f3="200000")[0] is Input.RESPONSE_INVALID


@pytest.mark.parametrize(
    ("amount", "what"),
    [
        (400, Input.RESPONSE_APPROVED),
        (1000, Input.RESPONSE_APPROVED),
        (1001, Input.RESPONSE_INVALID),
        (None, Input.RESPONSE_INVALID),
    ],
)
def test_a_partial_approval_is_for_the_amount_of_the_answer(amount, what):
    found, detail = judged("10", amount)
    assert found is what
    if what is Input.RESPONSE_APPROVED:
        assert detail.amount_minor == amount


@pytest.mark.parametrize("code", sorted(PROFILE.doubtful))
def test_a_doubtful_code_is_neither_yes_nor_no(code):
    assert judged(code)[0] is Input.RESPONSE_DOUBTFUL
    assert judged(code, mac_ok=False)[0] is Input.RESPONSE_DOUBTFUL
    profile = replace(PROFILE, reverse_on=frozenset({code}))
    what, detail = judged(code, profile=profile)
    assert (what, detail.trigger) == (Input.RESPONSE_INVALID, Trigger.DOUBTFUL_CODE)
    assert judged(code, profile=profile, kind=Kind.REFUND)[0] is Input.RESPONSE_DOUBTFUL


@pytest.mark.parametrize("code", ["01", "05", "12", "22", "25", "51", "55", "61", "A0", "99", "ZZ"])
def test_everything_else_is_a_decline_whoever_says_it(code):
    assert judged(code)[0] is Input.RESPONSE_DECLINED
    assert judged(code, amount=0)[0] is Input.RESPONSE_DECLINED
    assert judged(code, amount=None)[0] is Input.RESPONSE_DECLINED
    assert judged(code, mac_ok=False)[0] is Input.RESPONSE_DECLINED
    strict = replace(PROFILE, mac_on_declines=True)
    assert judged(code, mac_ok=False, profile=strict)[0] is Input.RESPONSE_INVALID


@pytest.mark.parametrize("code", ["51", "96", "ZZ"])
def test_an_old_refusal_of_another_transaction_hides_no_approval(code):
    what, detail = judged(code, amount=999)
    assert (what, detail.trigger, detail.note) == (
        Input.RESPONSE_INVALID,
        Trigger.BAD_ANSWER,
        "F4 differs",
    )
    assert judged(code, f3="200000")[1].note == "F3 differs"


def test_an_answer_without_f39_is_no_answer():
    what, detail = judged(None)
    assert (what, detail.trigger, detail.note) == (Input.RESPONSE_INVALID, Trigger.BAD_ANSWER, "F39 missing")


def test_no_card_data_is_kept_of_an_answer():
    _, detail = judged("00", f2="6214830012345678", f14="2512", f35="6214830012345678D25", f55="5A08")
    assert not {2, 14, 35, 55} & {number for number, _ in detail.fields}


@pytest.mark.parametrize("code", ["00", "12", "25"])
def test_a_reversal_is_done_when_the_host_says_so(code):
    assert judge_reversal(Message("0410", {39: code}), PROFILE) is ReversalVerdict.ACCEPTED


@pytest.mark.parametrize("code", [*sorted(PROFILE.reversal_retry), ""])
def test_a_reversal_is_tried_again_while_the_host_cannot_say(code):
    assert judge_reversal(Message("0410", {39: code} if code else {}), PROFILE) is ReversalVerdict.TRY_AGAIN


@pytest.mark.parametrize("code", ["30", "40", "64", "22", "ZZ"])
def test_any_other_answer_to_a_reversal_is_final(code):
    assert judge_reversal(Message("0410", {39: code}), PROFILE) is ReversalVerdict.REFUSED


@pytest.mark.parametrize("name", ["cup_pos", "cups", "iso87_ascii"])
def test_reasons_and_results_are_two_vocabularies(name):
    profile = dialect(name).profile
    reasons = {code for _, code in profile.reason_codes}
    for code in reasons:
        assert judge_answer(record(), answer(code), profile, mac_ok=True)[0] is not Input.RESPONSE_APPROVED
        assert judge_reversal(Message("0410", {39: code}), profile) is not ReversalVerdict.ACCEPTED
    assert not profile.reversal_accepted & profile.reversal_retry
    assert not profile.approved & (profile.doubtful | profile.reverse_on)
