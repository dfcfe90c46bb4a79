"""`icc_keep` reads the top level only, for speed: it must keep what reading everything would keep."""

from hypothesis import given
from hypothesis import strategies as st

from storno.iso8583.errors import SubfieldError
from storno.iso8583.tlv import Tlv, build_tlv, icc_keep, parse_tlv

TAGS = ("95", "9F1E", "9F10", "9F36", "DF31")
TAG = st.sampled_from([*TAGS, "9A", "9F26", "5F2A", "71", "FF01", "9F8101"])
VALUE = st.binary(max_size=140).map(lambda value: value.hex().upper())


@given(st.lists(st.builds(Tlv, TAG, VALUE), max_size=12), st.integers(0, 3))
def test_what_is_kept_is_what_reading_everything_gives(items, padding):
    text = "00" * padding + build_tlv(items) + "00" * padding
    assert icc_keep(text, TAGS) == build_tlv(item for item in items if item.tag in TAGS)


@given(st.binary(max_size=60).map(bytes.hex))
def test_bytes_of_any_kind_give_the_same_or_are_refused_by_both(text):
    try:
        whole = build_tlv(item for item in parse_tlv(text) if item.tag in TAGS)
    except SubfieldError:
        whole = None
    try:
        kept = icc_keep(text, TAGS)
    except SubfieldError:
        kept = None
    assert kept == whole


@given(st.lists(st.tuples(TAG, st.integers(0, 200)), max_size=10), st.data())
def test_a_layout_met_again_and_again_is_cut_the_same(layout, data):
    for _ in range(4):
        items = [Tlv(tag, data.draw(st.binary(min_size=n, max_size=n)).hex().upper()) for tag, n in layout]
        assert icc_keep(build_tlv(items), TAGS) == build_tlv(item for item in items if item.tag in TAGS)


def test_a_layout_of_the_same_length_with_other_tags_is_no_match():
    for _ in range(3):
        assert icc_keep("950500000080009A03261123", TAGS) == "95050000008000"
    assert icc_keep("9A05000000800095 03261123", TAGS) == "9503261123"
    assert icc_keep("9F1E0400000080009A0226119C0100"[:24], TAGS).startswith("9F1E04")
