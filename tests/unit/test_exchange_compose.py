"""The reversal on the wire: what is copied, what is cut, what is added, in each acquirer's style."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from storno.exchange import classify, compose
from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message
from storno.iso8583.profile import OriginalData, Reason
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Detail, Opening

PAN = "6214830012345678"
BEGAN = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)
CUP = dialect("cup_pos")
ICC = (
    "9F2608AABBCCDDEEFF00119F10120123456789ABCDEF0123456789ABCDEF0123950500000000009F3602001A"
    "5A08621483001234567882027C00DF3101019F1E0831323334353637389A03260101"
)
KEPT_ICC = "9F10120123456789ABCDEF0123456789ABCDEF0123950500000000009F3602001ADF3101019F1E083132333435363738"


def request(mti="0200", f3="000000", type60="22", **more):
    fields = {
        2: PAN, 3: f3, 4: "000000001000", 11: "000042", 14: "2512", 22: "051", 23: "001", 25: "00", 26: "12",
        35: PAN + "D25122010000", 36: "99" + PAN, 37: "240101000041", 41: "00000001", 42: "898440153110001", 49: "156",
        52: "AABBCCDDEEFF0011", 53: "2600000000000000", 55: ICC, 60: f"{type60}00000700050", 62: "AABB", 63: "01 ",
        64: "3031323334353637",
    }  # fmt: skip
    fields |= {int(key[1:]): value for key, value in more.items()}
    return Message(mti, dict(sorted(fields.items())), "6000030000", "603100310100")


def reversal_of(msg, profile=CUP.profile, *, repeat=False, pan=PAN, answer=None, now=BEGAN):
    kind = classify.kind_of(msg) or Kind.SALE
    opening = Opening(
        classify.identity(msg), kind, State.AUTHORIZING, 1000, "CNY", "cup_pos", "20260101",
        fields=compose.kept_fields(msg, profile),
    )  # fmt: skip
    record = begin("1-1", 1, opening).record
    if answer is not None:
        record = step(record, Input.RESPONSE_APPROVED, 2, answer).record
        record = step(
            record, Input.DELIVERY_FAILED, 3, Detail(reason=profile.reason_code(Reason.UNDELIVERABLE))
        ).record
    else:
        record = step(
            record, Input.RESPONSE_TIMEOUT, 2, Detail(reason=profile.reason_code(Reason.TIMEOUT))
        ).record
    return compose.reversal(record, pan, profile, repeat=repeat, now=now)


def test_a_terminal_style_reversal_is_the_original_cut_down():
    msg = request()
    found = reversal_of(msg)
    assert found.mti == "0400"
    assert found.fields == {
        2: PAN, 3: "000000", 4: "000000001000", 11: "000042", 22: "051", 23: "001", 25: "00", 39: "98",
        41: "00000001", 42: "898440153110001", 49: "156", 55: KEPT_ICC, 60: "2200000700050",
    }  # fmt: skip
    assert not {14, 26, 35, 36, 37, 52, 53, 62, 63, 64} & found.fields.keys()
    found.tpdu, found.header = "6000030000", "603100310100"
    assert codec_for(CUP).decode(codec_for(CUP).encode(found)).fields == found.fields


def test_every_repeat_is_the_same_message_at_a_terminal_host():
    assert reversal_of(request(), repeat=True) == reversal_of(request())


@pytest.mark.parametrize("name", ["cups", "iso87_ascii"])
def test_a_network_s_repeat_differs_in_the_mti_only(name):
    profile = dialect(name).profile
    msg = request(f7="0101120000", f32="48020000", f33="48020001")
    first, again = reversal_of(msg, profile), reversal_of(msg, profile, repeat=True)
    assert (first.mti, again.mti) == (profile.reversal_mti, profile.reversal_mti[:3] + "1")
    assert first.fields == again.fields


def test_the_network_names_the_original_in_f90_and_the_reason_in_f60():
    found = reversal_of(request(f7="0101120000", f32="48020000", f33="48020001"), dialect("cups").profile)
    assert found.fields[90] == "0200" + "000042" + "0101120000" + "00048020000" + "00048020001"
    assert found.fields[60][:4] == "4354"
    assert found.fields[7] == "0101120005"
    assert 39 not in found.fields
    assert found.fields[37] == "240101000041"


def test_f90_of_an_authorisation_begins_with_0100():
    msg = request("0100", "030000", "10", f25="06", f7="0101120000", f32="1", f33="2")
    assert reversal_of(msg, dialect("cups").profile).fields[90][:4] == "0100"


def test_a_magstripe_reversal_may_go_without_the_card_number():
    swiped = request(f22="021")
    shy = replace(CUP.profile, pan_on_magstripe_reversal=False)
    assert reversal_of(swiped).fields[2] == PAN
    assert 2 not in reversal_of(swiped, shy).fields
    assert reversal_of(request(f22="071"), shy).fields[2] == PAN


def test_no_card_number_where_the_sealed_copy_is_gone():
    assert 2 not in reversal_of(request(), pan="").fields


def test_a_void_s_reversal_keeps_what_names_the_sale():
    found = reversal_of(request(f3="200000", type60="23", f61="0000070000410101", f38="654321"))
    assert (found.fields[61], found.fields[38], found.fields[11]) == ("0000070000410101", "654321", "000042")


def test_the_request_s_own_authorisation_code_stands_else_the_answer_s():
    answer = Detail(code="00", auth_code="123456")
    assert reversal_of(request(), answer=answer).fields[38] == "123456"
    assert reversal_of(request(f38="654321"), answer=answer).fields[38] == "654321"
    assert 38 not in reversal_of(request(), answer=Detail(code="00", auth_code="000000")).fields
    assert 38 not in reversal_of(request()).fields


def test_the_style_of_an_acquirer_without_a_reason_and_with_its_own_f61():
    own = replace(CUP.profile, reason_field=None, original_data=OriginalData.OWN)
    found = reversal_of(request(), own)
    assert 39 not in found.fields
    assert found.fields[61] == "000007" + "000042" + "0101"


def test_chip_data_without_any_kept_tag_leaves_no_f55():
    assert 55 not in reversal_of(request(f55="9F2608AABBCCDDEEFF0011")).fields


@pytest.mark.parametrize("name", ["cup_pos", "cups", "iso87_ascii"])
def test_nothing_kept_in_clear_is_card_data(name):
    kept = dict(compose.kept_fields(request(f45="B" + PAN, f48=PAN), dialect(name).profile))
    assert not compose.NEVER_IN_REVERSAL & kept.keys()
    assert PAN not in "".join(kept.values())


def test_an_answer_of_our_own_echoes_identity_and_no_card():
    found = compose.own_answer(request(), "98", BEGAN, ((37, "240101000099"),))
    assert (found.mti, found.tpdu, found.header) == ("0210", "6000000003", "603100310100")
    assert found.fields == {
        3: "000000", 4: "000000001000", 11: "000042", 12: "120005", 13: "0101", 25: "00", 37: "240101000099", 39: "98",
        41: "00000001", 42: "898440153110001", 49: "156", 60: "2200000700050",
    }  # fmt: skip
