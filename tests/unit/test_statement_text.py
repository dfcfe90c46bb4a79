"""What statement files share: amounts, days, masking, encodings, physical lines."""

import io
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statement_rig import CARD, VISA
from storno.statements import amount, encoding, when
from storno.statements.encoding import Encoding
from storno.statements.lines import LINE_BYTES_MAX, raw_lines, shown, text_lines
from storno.statements.mask import card, is_card, mask_id, mask_text


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1,234.50", 123450), ("￥12.00", 1200), ("¥-5.00", -500), ("-¥5.00", -500), ("(3.20)", -320),
        ("３．２０", 320), ("1234.5-", -123450), ("12.00元", 1200), ("CNY 5", 500), ("+1.00", 100), (".5", 50),
        ("5.", 500), ("0.04000", 4), ("1 234.50", 123450), ("1'234.56", 123456), ("`0.01", 1), ("\t7\t", 700),
        ("－8.10", -810), ("0", 0), ("-0.00", 0), ("1,23,456.78", 12345678), ("12,34,56,789", 12345678900),
        ("12.00 Cr", 1200), ("12.00DR", -1200), ("PLN 1.00", 100), ("-1.00 PLN", -100), ("1 234.50 zł", 123450),
        ("CHF 2.50 DR", -250),
    ],
)  # fmt: skip
def test_yuan_become_fen(text, minor):
    assert amount.yuan(text) == minor


@pytest.mark.parametrize(
    "text",
    ["", " ", "1,23", "abc", "1.2.3", "1e5", "--5", "nan", "0.005", "1,2345.00", "²", ".", "-", "1 2", "9" * 18,
     "9" * 100, "0x10", "1_000", "¥", "1,23,45", "1,2,345", "123,45,678", "CR", "PLN", "-1.00 DR", "(1.00) DR",
     "1.00 XYZ", "1'23'456"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(amount.AmountError) as error:
        amount.yuan(text)
    assert error.value.chinese


@given(st.integers(-(10**14), 10**14))
def test_an_amount_survives_being_written(minor):
    assert amount.yuan(f"{Decimal(minor).scaleb(-2):,}") == minor
    assert amount.scaled(f"{Decimal(minor).scaleb(-5):f}", 5) == minor


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_an_amount_error(text):
    with suppress(amount.AmountError):
        assert isinstance(amount.yuan(text), int)


def test_digits_beyond_the_fen_are_rounded_only_when_asked():
    assert amount.yuan("0.005", half_up=True) == 1
    assert amount.yuan("-0.0049", half_up=True) == 0
    assert amount.scaled("1.234,56", decimal_mark=",") == 123456
    assert amount.yuan("100", "JPY") == 100
    assert amount.yuan("1.234", "KWD") == 1234


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("C000000000012", 12),
        ("D00000000012", -12),
        ("00000012D", -12),
        ("", 0),
        ("000000000000", 0),
        ("D", 0),
    ],
)
def test_a_sign_letter_gives_the_direction(text, minor):
    assert amount.signed_fen(text) == minor


@pytest.mark.parametrize("text", ["000000000012", "X00000000012", "C0000000 0012", "C-12"])
def test_an_amount_without_its_letter_is_refused(text):
    with pytest.raises(amount.AmountError):
        amount.signed_fen(text)


def test_an_error_about_an_amount_does_not_show_a_card():
    with pytest.raises(amount.AmountError) as error:
        amount.yuan(f"{VISA}x")
    assert VISA not in str(error.value)
    assert VISA not in error.value.chinese


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31", "20260131"), ("2026/1/3", "20260103"), ("20260131", "20260131"), ("2026年1月3日", "20260103"),
        ("31.01.2026", "20260131"), ("31/12/2026", "20261231"), ("2026-01-31 10:00:00", "20260131"),
        ("20260131101010", "20260131"), ("115/11/02", "20261102"), ("民國115年1月3日", "20260103"),
    ],
)  # fmt: skip
def test_days_are_read(text, found):
    assert when.day(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30",
        "05/06/2026",
        "202601311",
        "26-01-31",
        "soon",
        "2026-01-3１x",
        "115/02/29",
        "95/11/02",
        "151/1/1",
    ],
)
def test_what_is_no_day_is_refused(text):
    with pytest.raises(when.WhenError):
        when.day(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31 10:00:00", "20260131100000"), ("2026-01-31T10:00:00Z", "20260131180000"),
        ("2026-01-31T10:00:00.123+01:00", "20260131170000"), ("20260131101010", "20260131101010"),
        ("2026-1-3 1:02", "20260103010200"), ("2026-12-31T23:00:00-05:00", "20270101120000"),
    ],
)  # fmt: skip
def test_times_are_read_in_the_books_zone(text, found):
    assert when.moment(text) == found


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31 25:00:00", "0001-01-01T00:00:00+09:00", "10:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(when.WhenError):
        when.moment(text)


@pytest.mark.parametrize(
    ("mmdd", "found"),
    [("1231", "20251231"), ("0102", "20260102"), ("0103", "20250103"), ("0229", "20240229")],
)
def test_a_day_without_a_year_lies_nearest_before_the_clearing_day(mmdd, found):
    assert when.with_year(mmdd, "20260101") == found


@pytest.mark.parametrize(
    ("name", "day"),
    [("IND26112301ACOM", "20261123"), ("INN17011988ZM_898111472980125", "20170119"), ("b-2026-11-23.csv", "20261123"),
     ("x_261123.txt", "20261123"), ("ORDER99999999", ""), ("991301", "")],
)  # fmt: skip
def test_a_file_name_gives_its_day(name, day):
    assert when.day_in_name(name) == day


# ------------------------------------------------------------------ masking


@pytest.mark.parametrize(
    "text",
    [CARD, f"pay {CARD} now", "6222 0212 3456 7890 128", "6222-0212-3456-7890-128", f"ref 12 {VISA}",
     "４１１１１１１１１１１１１１１１", f"00010{CARD}000000010000", "4111 1111 1111 1111 2026"],
)  # fmt: skip
def test_a_card_number_is_masked_wherever_it_stands(text):
    digits = "".join(sign for sign in mask_text(text) if sign.isdigit() or sign == "*")
    assert CARD not in digits
    assert VISA not in digits
    assert "*" in digits


@given(st.from_regex(r"[ -:a-z]{0,20}", fullmatch=True), st.sampled_from([CARD, VISA, "5555555555554444"]))
def test_no_text_around_a_card_number_hides_it(text, number):
    assert number not in mask_text(f"{text} {number} {text}")


def test_references_that_are_no_cards_stay_whole():
    for reference in ("20261123093015123", "4200001234201812251234567890", "898310148160001", "112309300101"):
        assert mask_id(reference) == reference
    assert mask_id(f"A{VISA}") == "A411111******1111"
    assert card(" 6222021234567890127 ") == "622202*********0127"


@given(st.text("0123456789", min_size=14, max_size=14))
def test_a_card_has_one_check_digit(digits):
    good = [last for last in "0123456789" if is_card(f"4{digits}{last}")]
    assert len(good) == 1


def test_long_digit_soup_is_masked_in_reasonable_steps():
    assert len(mask_text("1 " * 20_000)) == 40_000
    assert len(mask_text("12345678" * 5_000)) == 40_000


# ------------------------------------------------------------------ encodings and lines


@pytest.mark.parametrize(
    ("codec", "found"),
    [("utf-8", Encoding.UTF_8), ("utf-8-sig", Encoding.UTF_8), ("gb18030", Encoding.GB18030),
     ("utf-16", Encoding.UTF_16_LE)],
)  # fmt: skip
def test_each_encoding_gives_the_same_lines(codec, found):
    text = "交易时间,金额\r\n2026,1\n\n最后一行 𠀀"
    data = text.encode(codec)
    assert encoding.detect(data, whole=True) is found
    lines = list(text_lines(io.BytesIO(data)))
    assert [line.text for line in lines] == ["交易时间,金额", "2026,1", "", "最后一行 𠀀"]
    assert [line.no for line in lines] == [1, 2, 3, 4]
    assert lines[2].blank


def test_utf_16_without_its_mark_is_recognised():
    assert encoding.detect("a,b,c,d,e,f,g,h,i\n".encode("utf-16-be")) is Encoding.UTF_16_BE


def test_junk_is_no_text():
    assert encoding.detect(b"\x00\x01\x02\x03" * 50) is None
    assert encoding.head_text(b"\x7fELF\x02\x01\x01\x00\x00" * 9) is None


def test_chinese_far_behind_the_head_decides_the_encoding():
    data = b"plain\n" * 20_000 + "支付宝".encode("gb18030") + b"\n"
    *_, last = text_lines(io.BytesIO(data))
    assert (last.text, last.bad_byte) == ("支付宝", 0)


def test_one_damaged_place_costs_one_line():
    data = "支付\n".encode() + b"ab\xff\xfecd\n" + "退款\n".encode()
    lines = list(text_lines(io.BytesIO(data)))
    assert [line.bad_byte for line in lines] == [0, 3, 0]
    assert lines[2].text == "退款"


def test_a_line_over_the_bound_is_cut_and_counted():
    data = b"ab\n" + b"x" * (3 * LINE_BYTES_MAX) + b"\nyy"
    lines = list(raw_lines(io.BytesIO(data)))
    assert [(line.no, len(line.data), line.too_long, line.ended) for line in lines] == [
        (1, 2, False, True), (2, LINE_BYTES_MAX, True, True), (3, 2, False, False)
    ]  # fmt: skip
    assert lines[2].start == 3 + 3 * LINE_BYTES_MAX + 1


@given(st.binary(max_size=400))
def test_raw_lines_lose_no_byte(data):
    ends = (b"", b"\r", b"\n", b"\r\n")  # a carriage return alone only at the end of the file
    rest = data
    for line in raw_lines(io.BytesIO(data)):
        plain = rest if line.no > 1 else rest.removeprefix(b"\xef\xbb\xbf")
        assert plain.startswith(line.data)
        plain = plain[len(line.data) :]
        end = next(e for e in reversed(ends) if plain.startswith(e))
        rest = plain[len(end) :]
    assert not rest


def test_what_is_shown_of_a_line_is_masked_cut_and_printable():
    text = shown("x" * 490 + f" {CARD} \x00\x1b")
    assert len(text) <= 500
    assert CARD not in text
    assert shown("a\x00b\tc") == "a\ufffdb\tc"


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        ("Buchungstag;Währung\n24.11.26;für Müller\n", "latin-1", Encoding.CP1252),
        ("Währung;Überweisung – 5 €\n", "cp1252", Encoding.CP1252),
        ("日期,金额\n20261124,商户镕记\n", "gbk", Encoding.GB18030),
        ("户名\n㐀㐁𠀀䶮,1.00\n", "gb18030", Encoding.GB18030),
        ("ę,ą\n1,2\n", "gb18030", Encoding.GB18030),
        ("Währung;für Müller\n", "utf-8", Encoding.UTF_8),
    ],
)
def test_accented_letters_alone_are_western_and_pairs_are_chinese(text, codec, found):
    data = text.encode(codec)
    assert encoding.detect(data, whole=True) is found
    assert [line.text for line in text_lines(io.BytesIO(data))] == text.splitlines()


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_lines_that_end_as_on_an_old_mac_are_lines(codec):
    data = "date,不\r2026-11-01,1.00\r2026-11-02,2.00\r".encode(codec)
    lines = [line.text for line in text_lines(io.BytesIO(data))]
    assert lines == ["date,不", "2026-11-01,1.00", "2026-11-02,2.00"]
    long = ("date,amount\r" + "2026-11-01,1.00\r" * 20_000).encode(
        codec
    )  # longer than what is looked at first
    assert sum(1 for _ in text_lines(io.BytesIO(long))) == 20_001
    mixed = b"a\rb\n" * 3
    assert [line.text for line in text_lines(io.BytesIO(mixed))] == ["a\rb"] * 3


def test_utf_16_is_not_taken_for_an_old_mac():
    (line,) = text_lines(io.BytesIO("不,金额,不\r".encode("utf-16")))
    assert line.text.rstrip() == "不,金额,不"
