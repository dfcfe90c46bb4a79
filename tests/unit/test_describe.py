"""What people see: names, parts, money; never card data."""

import pytest

from storno.iso8583.describe import describe, describe_rows, mask_pan, masked_fields
from storno.iso8583.detect import detect, readings, words
from storno.iso8583.dialects import dialect
from storno.iso8583.errors import TEXT, Code, Problem
from storno.iso8583.mask import mask_icc, mask_track, scrub
from storno.iso8583.message import Message

POS = dialect("cup_pos")
PAN = "6225880000001234"


@pytest.mark.parametrize(
    ("pan", "shown"),
    [
        (PAN, "622588******1234"),
        ("6225880000001234567", "622588*********4567"),
        ("6225880001234", "622588***1234"),
        ("622588000123", "**********23"),
        ("12345678", "********"),
        ("", ""),
    ],
)
def test_mask_pan(pan, shown):
    assert mask_pan(pan) == shown


def test_mask_track():
    assert mask_track(PAN + "D3012201") == "622588******1234D*******"
    assert mask_track(PAN + "=3012") == "622588******1234=****"
    assert mask_track("A1B2C3D4E5F6") == "*" * 12


def test_card_numbers_in_free_text_are_found():
    assert scrub("card 4111111111111111 paid") == "card 411111******1111 paid"
    assert scrub("order 4111111111111112") == "order 4111111111111112"
    assert scrub("x" + PAN + "y", (PAN,)) == "x622588******1234y"


def test_card_data_inside_f55_is_starred():
    icc = "5A08" + PAN + "9F3602001E" + "7006" + "5A04" + "62258800"
    assert mask_icc(icc) == "5A08" + "*" * 16 + "9F3602001E" + "7006" + "5A04" + "*" * 8
    assert PAN not in mask_icc("FFFF" + PAN, (PAN,))
    assert PAN.encode().hex() not in mask_icc("FFFF" + PAN.encode().hex(), (PAN,))


def test_wrapped_keys_are_shown_and_a_pin_block_is_hidden():
    answer = Message("0810", {39: "00", 60: "00000001003", 62: "AB" * 40}, *("6000000000", "602200000000"))
    shown = describe(answer, POS)
    assert "ABAB" in shown
    pin = describe(Message("0200", {52: "1122334455667788"}, *("6000000000", "602200000000")), POS)
    assert "1122334455667788" not in pin
    assert "PIK check: 4 bytes" in shown
    assert masked_fields(answer, POS)[62] == "AB" * 40
    assert masked_fields(Message("0200", {62: "FF02213436"}), POS)[62] == "FF02213436"
    assert masked_fields(Message("0800", {48: "NKAABB"}), dialect("cups"))[48] == "NKAABB"
    assert masked_fields(Message("0800", {96: "AABB"}), dialect("cups"))[96] == "****"


def test_a_reversal_in_words():
    message = Message(
        "0400",
        {
            2: PAN,
            4: "000000000500",
            39: "98",
            49: "156",
            54: "1002156D000000012345",
            60: "22160529",
            61: "2334156811860529",
        },
    )
    shown = describe(message, POS, "zh")
    assert "0400 冲正请求 (银联直联POS终端)" in shown
    assert "5.00 156" in shown
    assert "-123.45 156" in shown
    assert "61.2 原流水号: 681186" in shown
    assert "60.2 batch: 160529" in describe(message, POS, "en")
    assert PAN in describe(message, POS, unmask=True)


def test_settlement_f90_and_network_reason_are_readable():
    totals = "000000010000" + "001" + "0" * 15 + "1" + "0" * 30 + "2"
    assert "100.00" in describe(Message("0510", {48: totals}), POS)
    advice = Message("0420", {60: "435400060000", 90: "020000000210311140150008178580000081785800"})
    shown = describe(advice, dialect("cups"), "zh")
    assert "60.1 报文原因代码: 4354" in shown
    assert "90.2 原系统跟踪号: 000002" in shown


def test_parts_that_do_not_parse_are_left_out():
    rows = describe_rows(Message("0200", {4: "00000000000A", 54: "1", 55: "9F", 60: "2", 61: "1"}), POS)
    assert [row.label for row in rows] == ["F4", "F54", "F55", "F60", "F61"]


def test_every_problem_has_a_text_in_both_languages():
    assert set(TEXT) == set(Code)
    problem = Problem(Code.TRUNCATED, 55, 10, 8, 3)
    assert problem.say("zh") == "F55: 报文在此处提前结束（应为 8，实为 3）"
    assert problem.text == "F55: the message ends inside this element (expected 8, found 3)"
    assert [Problem(code, field, 0).say("zh")[0] for code, field in ((Code.MTI, 0), (Code.BITMAP, 1))] == [
        "报",
        "位",
    ]


FRAME = (
    bytes.fromhex("6000030000603100310100" + "0800" + "0020000000C00012" + "000016")
    + b"90361748923011753991695"
)
FRAME += bytes.fromhex("001100000001004000033031") + b" "


def test_a_wrong_length_prefix_is_named_and_the_rest_is_read():
    found = detect(b"\x00\x99" + FRAME)
    assert [p.code for p in found.problems] == [Code.LENGTH_PREFIX]
    assert found.message.get(41) == "90361748"
    assert found.assumed == ("dialect", "length_prefix_wrong")
    assert all(words(one, lang) for one in found.assumed for lang in ("zh", "en"))


def test_a_cut_message_gives_what_it_has():
    whole = len(FRAME).to_bytes(2, "big") + FRAME
    found = detect(whole[:40])
    assert found.dialect.name == "cup_pos"
    assert found.message.get(11) == "000016"
    codes = [p.code for p in found.problems]
    assert codes == [Code.LENGTH_PREFIX, Code.TRUNCATED]
    assert found.problems[1].field == 42
    assert found.problems[1].offset == 34


def test_tpdu_without_header():
    found = detect(FRAME[:5] + FRAME[11:], POS)
    assert found.message.tpdu == "6000030000"
    assert found.assumed == ("no_length_prefix", "tpdu_only")
    assert [p.code for p in found.problems] == [Code.HEADER_LENGTH]


def test_nothing_is_too_short_to_be_judged():
    for size in range(4):
        assert readings(bytes(size))[0].problems
