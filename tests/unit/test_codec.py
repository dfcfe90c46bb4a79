"""The codec's doors: exact errors, kept bytes, the second PIN length, MAC input, bounded learning."""

import pytest

from storno.iso8583.codec import Codec, codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.errors import Code, DecodeError, EncodeError
from storno.iso8583.message import Message
from storno.iso8583.spec import Dialect, Field, Form, Framing, Head, Prefix

POS = dialect("cup_pos")
CUPS = dialect("cups")
TEXT = dialect("iso87_ascii")
BARE = POS.framed(0, 0)
HEAD = ("6000030000", "603100310100")


def pos(fields, mti="0200"):
    return Message(mti, fields, *HEAD)


def bare(hex_text):
    return bytes.fromhex(hex_text.replace(" ", ""))


def refused(one, frame):
    with pytest.raises(DecodeError) as caught:
        Codec(one).decode(frame)
    return caught.value.code, caught.value.field, caught.value.offset


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("", (Code.TRUNCATED, 0, 0)),
        ("02", (Code.TRUNCATED, 0, 0)),
        ("0A00 0000000000000000", (Code.MTI, 0, 0)),
        ("0200 20000000", (Code.TRUNCATED, 1, 2)),
        ("0200 2000000000000000 0000", (Code.TRUNCATED, 3, 10)),
        ("0200 2000000000000000 00B000", (Code.DIGITS, 3, 11)),
        ("0200 4000000000000000 1B", (Code.LENGTH_DIGITS, 2, 10)),
        ("0200 4000000000000000 20", (Code.LENGTH_MAX, 2, 10)),
        (
            "0200 4000000000000000 03123A",
            (Code.DIGITS, 2, 12),
        ),
        ("0200 4000000000000000 04123A", (Code.DIGITS, 2, 12)),
        ("0200 2000000000000000 000000 FF", (Code.TRAILING, None, 13)),
        ("0200 0000000000800000 C1C2C3C4C5C6C7C8", (Code.CHARSET, 41, 10)),
        ("0200 0000000000000200 0256", (Code.LENGTH_MAX, 55, 10)),
        ("0200 0000000000000200 0002 9A", (Code.TRUNCATED, 55, 10)),
    ],
)
def test_damage_is_named_with_field_and_byte(frame, expected):
    if expected == (Code.DIGITS, 2, 12) and frame.endswith("03123A"):
        assert Codec(BARE).decode(bare(frame)).raw == {2: bytes.fromhex("03123A")}
        return
    assert refused(BARE, bare(frame)) == expected


def test_head_too_short_is_named():
    assert refused(POS, b"\x60\x00\x03") == (Code.TPDU, None, 0)
    assert refused(POS, bytes(8)) == (Code.HEADER, None, 5)
    assert refused(CUPS, b"\x2e" + bytes(10)) == (Code.HEADER, None, 0)


def test_a_hex_bitmap_must_be_hex():
    assert refused(TEXT, b"0200401010000000000G") == (Code.BITMAP, 1, 19)


@pytest.mark.parametrize(
    ("text", "wire"),
    [("071", "0710"), ("021", "0210")],
)
def test_f22_is_left_aligned(text, wire):
    codec = Codec(BARE)
    frame = bare("0200 0000040000000000" + wire)
    assert codec.decode(frame).fields == {22: text}
    assert codec.encode(Message("0200", {22: text})) == frame


def test_f23_is_right_aligned():
    frame = bare("0200 0000020000000000 0001")
    assert Codec(BARE).decode(frame).fields == {23: "001"}


@pytest.mark.parametrize(
    "frame",
    [
        "0200 4000000000000000 13 6225880000001F",
        "0200 0000040000000000 0215",
        "0200 0000020000000000 F001",
        "0200 0000000020000000 05 1234 5F",
        "8200 8000000000000000 0000000000000000",
        "0200 0000000000000002 0004 CDC489FF",
    ],
    ids=["F2", "F22", "F23", "F35", "empty second bitmap", "GBK"],
)
def test_odd_padding_and_bytes_that_are_no_text_survive(frame):
    codec, wire = Codec(BARE), bare(frame)
    for _ in range(4):
        message = codec.decode(wire)
        assert message.raw
        assert codec.encode(message) == wire
        assert codec.encode(message.copy()) == wire


def test_kept_bytes_are_dropped_when_the_text_changes():
    codec = Codec(BARE)
    message = codec.decode(bare("0200 4000000000000000 03 123F"))
    assert codec.encode(message) == bare("0200 4000000000000000 03 123F")
    message.fields[2] = "125"
    assert codec.encode(message) == bare("0200 4000000000000000 03 1250")
    message.fields[3] = "000000"
    message.raw[1] = bytes(8)
    assert codec.encode(message) == bare("0200 6000000000000000 03 1250 000000")


def test_an_sm4_pin_block_has_16_bytes():
    """The length that makes the whole message fit is right, eight first: F53 alone does not tell."""
    codec = Codec(POS)
    des = pos({3: "000000", 52: "00" * 8, 53: "2410000000000000", 55: "9A03261101", 64: "30" * 8})
    sm4 = pos({3: "000000", 52: "A7" * 16, 53: "2410000000000000", 55: "9A03261101", 64: "30" * 8})
    for _ in range(4):
        for message in (des, sm4):
            wire = codec.encode(message)
            assert codec.decode(wire) == message
    assert len(codec.encode(sm4)) == len(codec.encode(des)) + 8
    damaged = codec.encode(sm4)[:-1]
    with pytest.raises(DecodeError):
        codec.decode(damaged)
    lenient, problems = codec.decode_lenient(damaged)
    assert lenient.get(3) == "000000"
    assert problems


@pytest.mark.parametrize(
    ("message", "field", "code"),
    [
        (pos({}, "02A0"), 0, Code.MTI),
        (pos({}, "²200"), 0, Code.MTI),
        (Message("0200", {}), None, Code.TPDU),
        (Message("0200", {}, "6000030000", "6031"), None, Code.HEADER),
        (Message("0200", {}, "60000300ZZ", "603100310100"), None, Code.TPDU),
        (pos({1: "0"}), 1, Code.NO_FIELD),
        (pos({129: "0"}), 129, Code.NO_FIELD),
        (pos({3: "00000"}), 3, Code.LENGTH_FIXED),
        (pos({3: "00000A"}), 3, Code.DIGITS),
        (pos({3: "٠٠٠٠٠٠"}), 3, Code.DIGITS),
        (pos({2: "1" * 20}), 2, Code.LENGTH_MAX),
        (pos({35: "62=30"}), 35, Code.DIGITS),
        (pos({41: "1234567中"}), 41, Code.CHARSET),
        (pos({41: "1234567"}), 41, Code.LENGTH_FIXED),
        (pos({43: "中" * 21}), 43, Code.LENGTH_FIXED),
        (pos({63: "😀"}), 63, Code.CHARSET),
        (pos({64: "00 11 22 33 44 5"}), 64, Code.HEX),
        (pos({55: "9A0"}), 55, Code.HEX),
        (pos({55: "00" * 256}), 55, Code.LENGTH_MAX),
        (pos({11: 134}), 11, Code.TYPE),
    ],
)
def test_what_cannot_be_sent_is_refused(message, field, code):
    codec = Codec(POS)
    good = pos(dict.fromkeys(message.fields, "0") | {}, "0200")
    codec.encode(pos({}))
    for _ in range(3):  # the third time through compiled code, where the kind was learned
        with pytest.raises(EncodeError) as caught:
            codec.encode(message)
        assert (caught.value.field, caught.value.code) == (field, code)
    assert set(good.fields) == set(message.fields)


def test_compiled_encoders_refuse_the_same():
    codec = Codec(POS)
    right = pos({2: "6225880000001234", 41: "12345678", 52: "A1" * 8, 63: "CUP"})
    for _ in range(3):
        codec.encode(right)
    assert codec.kinds == 1
    for number, text, code in [
        (2, "62258800000012²4", Code.DIGITS),
        (41, "1234567é", Code.CHARSET),
        (52, "A1 A1 A1 A1 A1 A", Code.HEX),
        (52, "A1" * 9, Code.LENGTH_FIXED),
        (63, "😀", Code.CHARSET),
    ]:
        wrong = right.copy()
        wrong.fields[number] = text
        with pytest.raises(EncodeError) as caught:
            codec.encode(wrong)
        assert (caught.value.field, caught.value.code) == (number, code)


def test_the_length_prefix():
    codec = codec_for(POS)
    assert codec.frame(b"abc") == b"\x00\x03abc"
    for body, code in ((b"", Code.FRAME_EMPTY), (bytes(8193), Code.FRAME_MAX)):
        with pytest.raises(EncodeError) as caught:
            codec.frame(body)
        assert caught.value.code is code


@pytest.mark.parametrize("one", [POS, CUPS, TEXT], ids=lambda one: one.name)
def test_seal_puts_the_mac_last_over_everything_from_the_mti(one):
    codec = Codec(one)
    tpdu, header = HEAD if one is POS else ("", "")
    message = Message("0400", {3: "000000", 11: "000134", 64: "99" * 8}, tpdu, header)
    seen = []

    def mac(mab):
        seen.append(mab)
        return b"8A9E91B8"

    frame = codec.seal(message, mac)
    number = 128 if one is CUPS else 64
    assert codec.decode(frame).fields == {3: "000000", 11: "000134", number: b"8A9E91B8".hex().upper()}
    assert codec.mab(frame) == seen[0]
    assert frame.endswith(seen[0] + (b"8A9E91B8" if one is not TEXT else b"3841394539314238"))
    assert message.fields[64] == "99" * 8


def test_seal_uses_f128_when_there_is_a_second_bitmap():
    codec = Codec(TEXT)
    frame = codec.seal(Message("0420", {11: "000134", 90: "0" * 42}), lambda _: bytes(8))
    assert sorted(codec.decode(frame).fields) == [11, 90, 128]


def test_seal_covers_kept_bytes():
    codec = Codec(BARE)
    message = codec.decode(bare("0200 4000000000000001 03 123F 0000000000000000"))
    frame = codec.seal(message, lambda _: b"\xff" * 8)
    assert frame == bare("0200 4000000000000001 03 123F FFFFFFFFFFFFFFFF")


def test_seal_wants_eight_bytes():
    with pytest.raises(EncodeError) as caught:
        Codec(POS).seal(pos({}), lambda _: b"1234")
    assert caught.value.code is Code.MAC_LENGTH


def test_mac_input_needs_a_mac_field():
    codec = Codec(POS)
    for frame in (codec.encode(pos({3: "000000"})), b"", bytes(20)):
        with pytest.raises(DecodeError) as caught:
            codec.mab(frame)
        assert caught.value.code is Code.MAC_ABSENT
    with pytest.raises(DecodeError):
        Codec(TEXT).mab(b"0200zzzzzzzzzzzzzzzz")


def test_random_bitmaps_do_not_grow_the_codec():
    codec = Codec(BARE, kinds_max=5)
    for number in range(2, 65):
        field = BARE.field(number)
        units = field.size if field.prefix is Prefix.FIXED else 0
        text = "00" * units if field.form is Form.BINARY else "1" * units
        for _ in range(3):
            wire = codec.encode(Message("0200", {number: text}))
            assert codec.decode(wire).fields == {number: text}
    assert codec.kinds == 10


def test_a_kind_seen_once_is_not_compiled():
    codec = Codec(BARE)
    wire = codec.encode(Message("0200", {3: "000000"}))
    codec.decode(wire)
    assert codec.kinds == 0
    codec.decode(wire)
    assert codec.kinds == 1


def test_damaged_messages_are_never_learned():
    codec = Codec(BARE)
    for _ in range(5):
        with pytest.raises(DecodeError):
            codec.decode(bare("0200 2000000000000000 00B000"))
    assert codec.kinds == 0


def test_codec_for_gives_one_codec_for_a_dialect():
    assert codec_for(POS) is codec_for(POS)
    assert codec_for(POS) is not codec_for(CUPS)


def test_a_message_is_equal_by_value_and_copies_do_not_share():
    one = pos({3: "000000"})
    other = one.copy()
    assert one == other
    other.fields[3] = "200000"
    assert one != other
    assert one.get(3) == "000000"
    assert one.get(4) is None


GOOD = Field(3, "码", "code", Form.BCD, 6)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Field(1, "", "", Form.BCD, 6),
        lambda: Field(129, "", "", Form.BCD, 6),
        lambda: Field(2, "", "", Form.BCD, 100, Prefix.BCD2),
        lambda: Field(2, "", "", Form.BCD, 0),
        lambda: Field(2, "", "", Form.BCD, 6, also=8),
        lambda: Framing(frame_bytes_max=0),
        lambda: Framing(tpdu_bytes=5, header_bytes=6, header_mark=1),
        lambda: Framing(tpdu_bytes=-1),
        lambda: Dialect("x", "", "", Framing(), Head.BCD, (GOOD, GOOD), (3,), mac_field=None),
        lambda: Dialect("x", "", "", Framing(), Head.BCD, (GOOD,), (4,), mac_field=None),
        lambda: Dialect("x", "", "", Framing(), Head.BCD, (GOOD,), (3,), mac_field=64),
        lambda: Dialect("x", "", "", Framing(), Head.BCD, (GOOD,), (3,), mac_field=3),
    ],
)
def test_a_dialect_that_cannot_work_is_refused(build):
    with pytest.raises(ValueError, match=r"field|frame_bytes_max|header|TPDU|MAC"):
        build()


def test_a_dialect_may_leave_fields_out():
    small = Dialect("small", "小", "small", Framing(), Head.BCD, (GOOD,), (3,), mac_field=None)
    assert refused(small, bare("0200 1000000000000000 00")) == (Code.NO_FIELD, 4, 10)
    with pytest.raises(EncodeError):
        Codec(small).seal(Message("0200", {3: "000000"}), lambda _: bytes(8))
