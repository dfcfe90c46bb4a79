"""Layouts inside fields: both directions, and a clear refusal for what does not follow them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.iso8583.errors import SubfieldError
from storno.iso8583.subfields import (
    F60,
    F61,
    F63,
    Balance,
    NetworkF60,
    OriginalElements,
    SettlementTotals,
    build_f54,
    key_layout,
    parse_f54,
)
from storno.iso8583.tlv import Tlv, build_tlv, icc_keep, parse_tlv

DIGITS = st.sampled_from("0123456789")


@pytest.mark.parametrize("size", [2, 8, 11, 12, 13, 14, 17])
def test_f60_of_every_length_seen_comes_back(size):
    text = "22000727000600070"[:size]
    one = F60.parse(text)
    assert one.kind == "22"
    assert one.build() == text


def test_f60_names_its_parts():
    one = F60.parse("22000727000650070")
    assert (one.batch, one.network_code, one.capability) == ("000727", "000", "6")
    assert (one.ic_condition, one.partial_approval, one.account_type) == ("5", "0", "070")


@pytest.mark.parametrize("text", ["2", "220", "2200072A", "220007270006000701"])
def test_a_wrong_f60_is_refused(text):
    with pytest.raises(SubfieldError):
        F60.parse(text)


def test_f60_has_no_gaps():
    with pytest.raises(SubfieldError):
        F60("22", "", "003").build()


def test_f61_of_a_reversal():
    one = F61.parse("2334156811860529")
    assert (one.batch, one.stan, one.date) == ("233415", "681186", "0529")
    assert one.build() == "2334156811860529"


def test_network_f60_and_f63():
    assert NetworkF60.parse("435400060000").reason == "4354"
    assert NetworkF60("4354", "x").build() == "4354x"
    assert F63.parse("CUP   ") == F63("CUP", "   ")
    assert F63("01 ").build() == "01 "
    for build in (
        lambda: NetworkF60.parse("43"),
        lambda: F63.parse("CU"),
        NetworkF60("4").build,
        F63("C").build,
    ):
        with pytest.raises(SubfieldError):
            build()


def test_balances():
    text = "1002156C000000012345" + "1001156D000000000100"
    found = parse_f54(text)
    assert [one.signed_minor for one in found] == [12345, -100]
    assert found[0] == Balance("10", "02", "156", "C", 12345)
    assert build_f54(found) == text


@pytest.mark.parametrize("text", ["1002156C00000001234", "1002156X000000012345", "1002156C00000001234A"])
def test_wrong_balances_are_refused(text):
    with pytest.raises(SubfieldError):
        parse_f54(text)


def test_settlement_totals():
    text = "000000010000" + "001" + "000000000500" + "002" + "1" + "0" * 30 + "2"
    totals = SettlementTotals.parse(text)
    assert totals.domestic.debit_minor == 10000
    assert (totals.domestic.credit_count, totals.domestic.result) == (2, "1")
    assert totals.foreign.result == "2"
    assert totals.build() == text
    for wrong in (text[:-1], text[:-1] + "A"):
        with pytest.raises(SubfieldError):
            SettlementTotals.parse(wrong)


def test_f90_of_the_published_example():
    one = OriginalElements.parse("020000000210311140150008178580000081785800")
    assert one == OriginalElements("0200", "000002", "1031114015", "00081785800", "00081785800")
    assert one.build() == "020000000210311140150008178580000081785800"
    short = OriginalElements("0200", "000002", "1031114015", "81785800", "81785800")
    assert short.build() == one.build()
    with pytest.raises(SubfieldError):
        OriginalElements.parse("0200")
    with pytest.raises(SubfieldError):
        OriginalElements("0200", "2", "1031114015", "1", "1").build()


def test_key_layout_tells_sizes_and_holds_no_key():
    layout = key_layout("AB" * 40)
    assert layout is not None
    assert dict(layout.parts) == {"PIK": 16, "PIK check": 4, "MAK": 16, "MAK check": 4}
    assert key_layout("AB" * 57) is None


F55 = "9F2608A1B2C3D4E5F607189F1012" + "07" * 18 + "950500000000009F3602001E9F1E083132333435363738"


def test_a_reversal_keeps_only_its_tags():
    kept = icc_keep(F55, ("95", "9F1E", "9F10", "9F36", "DF31"))
    assert [item.tag for item in parse_tlv(kept)] == ["9F10", "95", "9F36", "9F1E"]
    assert icc_keep(F55, ()) == ""


def test_nested_long_and_padded_elements():
    inner = "8A023030" + "9F18" + "8181" + "AB" * 129
    outer = "72" + "8189" + inner
    found = parse_tlv("00" + outer + "0000")
    assert [child.tag for child in found[0].children] == ["8A", "9F18"]
    assert build_tlv(found) == outer


def test_private_tags_that_only_look_constructed_keep_their_value():
    found = parse_tlv("FF001ABAD3C4CFCAA1D2F8C2A1D0C5CFA2BCBCCAF5D3D0CFDEB9ABCBBEFF0104CFFBB7D1")
    assert [(item.tag, len(item.value)) for item in found] == [("FF00", 52), ("FF01", 8)]
    assert all(item.children == () for item in found)


@pytest.mark.parametrize(
    "text", ["9F", "9F26", "9F2608AA", "9A80", "9A83010203", "9A8203", "zz", "9FFFFFFFFF01", "9A01" * 2]
)
def test_broken_tlv_is_refused(text):
    with pytest.raises(SubfieldError):
        parse_tlv(text)


def test_depth_and_number_of_elements_are_bounded():
    deep = "8A00"
    for _ in range(30):
        deep = f"70{len(deep) // 2:02X}{deep}"
    depth, items = 0, parse_tlv(deep)
    while items:
        depth, items = depth + 1, items[0].children
    assert depth == 4
    with pytest.raises(SubfieldError):
        parse_tlv("9A00" * 129)


TAGS = st.sampled_from(["9F26", "95", "9A", "DF31", "9F1E"])
ITEMS = st.builds(Tlv, TAGS, st.binary(max_size=300).map(lambda b: b.hex().upper()))


@given(st.lists(ITEMS, max_size=6))
def test_elements_come_back(items):
    assert list(parse_tlv(build_tlv(items))) == items


@given(st.binary(max_size=120))
def test_any_bytes_are_elements_or_refused(data):
    try:
        items = parse_tlv(data.hex())
    except SubfieldError:
        return
    assert parse_tlv(build_tlv(items)) == items


def test_building_nonsense_is_refused():
    for item in (Tlv("9A", "zz"), Tlv("", "00"), Tlv("9A", "00" * 65536)):
        with pytest.raises(SubfieldError):
            build_tlv([item])
