"""Every dialect file passes these without a test of its own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storno.iso8583 import _compile, _walk
from storno.iso8583.codec import Codec, codec_for
from storno.iso8583.describe import describe, masked_fields
from storno.iso8583.dialects import DIALECTS, UnknownDialectError, dialect
from storno.iso8583.errors import DecodeError
from storno.iso8583.message import Message
from storno.iso8583.spec import FIELD_MAX, Sensitivity
from strategies_wire import messages, texts

EVERY = pytest.mark.parametrize("one", DIALECTS.values(), ids=DIALECTS)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def head_of(one):
    framing = one.framing
    tpdu, header = "60" * framing.tpdu_bytes, "" if framing.header_mark else "60" * framing.header_bytes
    return tpdu, header


def test_the_three_dialects_are_there():
    assert {"cup_pos", "cups", "iso87_ascii"} <= set(DIALECTS)


def test_an_unknown_name_gets_the_names_there_are():
    with pytest.raises(UnknownDialectError, match="cup_pos, cups, iso87_ascii"):
        dialect("visa")


@EVERY
def test_every_field_is_defined_and_named_in_both_languages(one):
    assert [f.number for f in one.fields] == list(range(2, FIELD_MAX + 1))
    assert all(f.name("zh") and f.name("en") for f in one.fields)
    assert one.title("zh") != one.title("en")


@EVERY
def test_card_data_is_marked(one):
    kinds = {f.number: f.sensitivity for f in one.fields}
    assert kinds[2] is Sensitivity.PAN
    assert {kinds[35], kinds[36], kinds[45]} == {Sensitivity.TRACK}
    assert kinds[52] is Sensitivity.PIN
    assert kinds[55] is Sensitivity.ICC


@EVERY
def test_the_profile_speaks_of_fields_the_dialect_has(one):
    profile = one.profile
    assert all(one.field(n) for n in profile.reversal_copies)
    assert profile.reason_field is None or one.field(profile.reason_field)
    assert not profile.approved & profile.doubtful
    assert not profile.reversal_accepted & profile.reversal_retry


@EVERY
@QUICK
@given(data=st.data())
def test_every_field_comes_back_from_both_paths(one, data):
    """One field at a time, first by the tables, then compiled; all fields are met over the run."""
    field = data.draw(st.sampled_from(one.fields))
    message = Message("0200", {field.number: data.draw(texts(field))}, *head_of(one))
    wire = _walk.write(one, message)
    numbers = (field.number,)
    assert _compile.encoder(one, numbers)(message) in (wire, None)
    wide = field.also is not None and len(message.fields[field.number]) == field.also * 2
    fast = _compile.decoder(one, numbers, wide=wide)(wire, _walk.head_at(one, wire))
    assert fast in (message, None)
    assert codec_for(one).decode(wire) == message


@EVERY
def test_every_field_has_a_compiled_path(one):
    """A field that always fell back to the tables would pass every other test, slowly."""
    for field in one.fields:
        text = texts_minimum(field)
        message = Message("0200", {field.number: text}, *head_of(one))
        wire = _walk.write(one, message)
        assert _compile.encoder(one, (field.number,))(message) == wire, field.number
        at = _walk.head_at(one, wire)
        assert _compile.decoder(one, (field.number,))(wire, at) == message, field.number


def texts_minimum(field):
    units = field.size if field.prefix.value == "fixed" else 1
    return "00" * units if field.form.value in ("binary", "hex") else "1" * units


@EVERY
@QUICK
@given(data=st.data())
def test_whole_messages_come_back(one, data):
    message = data.draw(messages(one))
    codec = Codec(one)
    for _ in range(3):
        wire = codec.encode(message)
        again = codec.decode(wire)
        assert codec.encode(again) == wire
        assert again == message
    assert codec.kinds <= 3


@EVERY
@QUICK
@given(data=st.data(), noise=st.binary(max_size=8))
def test_damage_is_a_decode_error_and_both_paths_agree(one, data, noise):
    message = data.draw(messages(one, fields_max=5))
    wire = bytearray(_walk.write(one, message))
    at = data.draw(st.integers(0, len(wire)))
    wire[at : at + data.draw(st.integers(0, 4))] = noise
    frame = bytes(wire)
    codec = Codec(one)
    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(codec.decode(frame))
        except DecodeError as error:
            outcomes.append((error.code, error.field, 0 <= error.offset <= len(frame), error.offset))
    assert isinstance(outcomes[0], Message) or outcomes[0][2]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    if isinstance(outcomes[0], Message):
        assert codec.encode(outcomes[0]) == frame
    lenient, problems = codec.decode_lenient(frame)
    assert bool(problems) == (not isinstance(outcomes[0], Message))
    describe(lenient, one, "zh")
    masked_fields(lenient, one)


@EVERY
@settings(max_examples=300, deadline=None)
@given(frame=st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(one, frame):
    try:
        message = codec_for(one).decode(frame)
    except DecodeError:
        return
    assert codec_for(one).encode(message) == frame


PAN = "6225880000001234"
CANARY = f"{PAN}D30122010000000000"


@EVERY
def test_card_numbers_do_not_leak(one):
    track = CANARY if one.name != "iso87_ascii" else CANARY.replace("D", "=")
    icc = "5A08" + PAN + "57" + "11" + (CANARY + "0" * 34)[:34] + "9F360200FF"
    fields = {2: PAN, 35: track, 36: "99" + PAN, 45: f"B{PAN}^NAME", 48: PAN, 52: "A1B2C3D4E5F60718", 55: icc}
    fields |= {57: f"card {PAN}!", 102: PAN, 104: f"x{PAN}"}
    message = Message("0200", dict(sorted(fields.items())), *head_of(one))
    shown = [repr(message), describe(message, one, "zh"), describe(message, one, "en")]
    shown.append(str(masked_fields(message, one)))
    for text in shown:
        assert PAN not in text
        assert "3012201" not in text
        assert "A1B2C3D4E5F60718" not in text
    assert "622588******1234" in shown[1]
    wire = codec_for(one).encode(message)
    for end in range(len(wire)):
        with pytest.raises(DecodeError) as caught:
            codec_for(one).decode(wire[:end])
        assert PAN not in str(caught.value) + repr(caught.value.problem)
