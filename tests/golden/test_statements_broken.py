"""Damaged statements of every wallet and bank format: never a traceback, never silently another sum.

Each sample is cut off at every kind of place, gets bytes changed, put in and taken out, and is replaced by noise. What
comes out is refused, rejected by line, or contradicts its totals; what passes as clean has the sums of the whole.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wallet_bank_rig import known, read, sample

SAMPLES = {
    "wechat_bill/traps_27.utf8bom.csv": "wechat_bill",
    "wechat_bill/traps_27.gb18030.csv": "wechat_bill",
    "wechat_bill/refund_type.utf8.csv": "wechat_bill",
    "wechat_bill/wechat_trade_ALL_24_columns_2014.utf8.csv": "wechat_bill",
    "wechat_fund/day.utf8bom.csv": "wechat_fund",
    "alipay_bill/traps.gb18030.csv": "alipay_bill",
    "alipay_aggregator/cib_2017.csv": "alipay_aggregator",
    "alipay_record/export.gb18030.csv": "alipay_record",
    "camt/camt053.v8.traps.xml": "camt",
    "camt/camt054.v13.yen_dinar.xml": "camt",
    "camt/camt052.v1.gb18030.xml": "camt",
    "mt940/mt940.sta": "mt940",
    "mt940/reversals_pages.cp1252.sta": "mt940",
    "mt940/interim.mt942": "mt940",
    "ofx/sgml_102.cp1252.qfx": "ofx",
    "ofx/xml_220_cards.ofx": "ofx",
    "bai2/traps.bai": "bai2",
}
# These declare sums of everything that has an amount or a sign; the others prove less: OFX declares none, BAI2 sums
# without signs, and CAMT.054 and .052 may carry no totals at all.
SUMMED = [path for path in SAMPLES if not path.startswith(("ofx", "bai2", "camt/camt054", "camt/camt052"))]
FORMS = sorted(set(SAMPLES.values()))
WHOLE = {path: read(form, sample(path)) for path, form in SAMPLES.items()}
QUICK = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.mark.parametrize("path", SAMPLES)
def test_the_whole_file_is_clean_and_known_for_what_it_is(path):
    assert WHOLE[path].clean
    assert WHOLE[path].lines
    scores = known(path, sample(path))
    assert max(scores, key=lambda name: scores[name]) == SAMPLES[path]
    assert [name for name, score in scores.items() if score == max(scores.values())] == [SAMPLES[path]]


@pytest.mark.parametrize("path", SAMPLES)
def test_a_file_cut_off_anywhere_does_not_pass_for_another_sum(path):
    data = sample(path)
    for at in range(0, len(data), 1 + len(data) // 100):
        cut = read(SAMPLES[path], data[:at])
        assert not cut.clean or cut.money == WHOLE[path].money, at
    for at in range(max(0, len(data) - 60), len(data)):
        cut = read(SAMPLES[path], data[:at])
        assert not cut.clean or cut.money == WHOLE[path].money, at


@pytest.mark.parametrize("path", SUMMED)
@given(place=st.floats(0, 0.9999), byte=st.sampled_from(b"0123456789.,-CDRX\n`/<>:\x00\xff"))
@QUICK
def test_a_changed_byte_does_not_pass_for_another_sum(path, place, byte):
    data = bytearray(sample(path))
    data[int(place * len(data))] = byte
    out = read(SAMPLES[path], bytes(data))
    assert not out.clean or out.sum == WHOLE[path].sum


@pytest.mark.parametrize("path", SAMPLES)
@given(
    places=st.lists(
        st.tuples(st.floats(0, 0.9999), st.binary(max_size=4), st.integers(0, 6)), min_size=1, max_size=6
    )
)
@QUICK
def test_damage_ends_in_parts_or_a_refusal(path, places):
    data = sample(path)
    for place, put, taken in places:
        at = int(place * len(data))
        data = data[:at] + put + data[at + taken :]
    read(SAMPLES[path], data)  # any other error than FileRefused fails here
    known(path, data)


@pytest.mark.parametrize("path", SUMMED)
def test_each_line_twice_or_missing_does_not_pass_for_another_sum(path):
    lines = sample(path).splitlines(keepends=True)
    for at in range(len(lines)):
        for changed in ([*lines[: at + 1], *lines[at:]], [*lines[:at], *lines[at + 1 :]]):
            out = read(SAMPLES[path], b"".join(changed))
            assert not out.clean or out.sum == WHOLE[path].sum, at


@pytest.mark.parametrize("form", FORMS)
@given(
    data=st.one_of(
        st.binary(max_size=600), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
    )
)
@QUICK
def test_noise_gives_no_line(form, data):
    out = read(form, data)
    assert not out.lines


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_file_is_refused_with_what_to_do(form):
    for data in (b"", b"\n", b"\xef\xbb\xbf", b" \r\n \r\n"):
        refused = read(form, data).refused
        assert refused is not None
        assert refused.english
        assert refused.chinese


@pytest.mark.parametrize("path", [path for path in SAMPLES if SAMPLES[path].startswith(("wechat", "alipay"))])
def test_every_physical_line_of_a_bill_is_in_exactly_one_part(path):
    data = sample(path)
    for damaged in (data, data.replace(b"2026-11-22", b"2026-99-22", 1), data.replace(b",", b"\xff,", 30)):
        out = read(SAMPLES[path], damaged)
        if out.refused is None:
            numbers = sorted(part.line_no for part in (*out.lines, *out.rejects, *out.frames))
            assert numbers == list(range(1, len(damaged.splitlines()) + 1))
