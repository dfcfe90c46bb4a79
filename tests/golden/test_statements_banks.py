"""CAMT, MT940/MT942, OFX and BAI2: real bytes in, exact money out; each trap of the formats; broken ones refused."""

import io
import logging
import tracemalloc

import pytest

from storno.statements.base import ReadOptions
from storno.statements.encoding import make_head
from storno.statements.formats import FORMATS
from storno.statements.line import LineKind
from wallet_bank_rig import read, sample

CAMT = sample("camt/camt053.v8.traps.xml")
SWIFT = sample("mt940/reversals_pages.cp1252.sta")
INTERIM = sample("mt940/interim.mt942")
OFX = sample("ofx/sgml_102.cp1252.qfx")
BAI = sample("bai2/traps.bai")


def swap(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


# ------------------------------------------------------------------ CAMT


def test_a_camt_statement_splits_batches_that_add_up_and_keeps_those_that_do_not():
    out = read("camt", CAMT)
    assert out.clean
    assert [(line.line_no, line.kind.value, line.amount_minor, line.reference) for line in out.lines] == [
        (1, "payment", 6_000, "T1"),
        (1, "payment", 4_550, "T2"),
        (1, "other", -550, "T3"),
        (2, "other", -5_000, "N2"),
        (3, "fee", -575, "N3"),
        (4, "reversal", 1_250, "T9"),
        (5, "deposit", 750, "N5"),
    ]
    assert "do not add up" in out.lines[3].text
    assert out.lines[0].text == "Karte 4111 11** **** 1111"
    assert [(frame.line_no, frame.what) for frame in out.frames] == [
        (6, "not booked: PDNG"),
        (7, "not booked: INFO"),
    ]
    assert out.total("closing_balance") == (106_425, 106_425)
    assert out.total("entries_net") == (6_425, 6_425)


def test_a_time_with_a_zone_is_turned_into_the_books_zone_and_the_banks_day_stays():
    line = read("camt", CAMT, utc_offset_min=480).lines[5]
    assert (line.settled_on, line.at) == ("20261120", "20261121063000")
    assert read("camt", CAMT, utc_offset_min=0).lines[5].at == "20261120223000"


def test_currencies_with_other_exponents_and_every_namespace():
    data = sample("camt/camt054.v13.yen_dinar.xml")
    out = read("camt", data)
    assert out.money == [("deposit", 1_500, 0, "JPY"), ("other", -1_234, 0, "KWD")]
    assert (
        read("camt", swap(data, b' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.13"', b"")).money
        == out.money
    )
    prefixed = swap(data, b"xmlns=", b"xmlns:c=").replace(b"</", b"</c:")
    prefixed = prefixed.replace(b"<", b"<c:").replace(b"<c:/c:", b"</c:").replace(b"<c:?", b"<?")
    assert read("camt", prefixed).money == out.money
    assert read("camt", swap(data, b">1500<", b">1500.5<")).rejects[0].code == "amount"


def test_a_chinese_banks_encoding_is_read_although_the_parser_does_not_know_it():
    out = read("camt", sample("camt/camt052.v1.gb18030.xml"))
    assert [(line.amount_minor, line.text) for line in out.lines] == [(8_880, "银联商户结算")]


@pytest.mark.parametrize(
    ("name", "amount", "currency"),
    [
        ("camt052.v2.xml", -20_000_000, "SEK"),
        ("camt053.v2.minimal.xml", 885, "EUR"),
        ("camt053.v4.xml", 885, "EUR"),
    ],
)
def test_published_camt_files(name, amount, currency):
    out = read("camt", sample(f"camt/{name}"))
    assert out.sum == {currency: amount}
    assert out.clean


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'<Amt Ccy="EUR">5.75', b'<Amt Ccy="EUR">5,75', "amount"),
        (b'<Amt Ccy="EUR">5.75', b'<Amt Ccy="EUR">5.755', "amount"),
        (b'<Amt Ccy="EUR">5.75', b'<Amt Ccy="">5.75', "currency"),
        (b"<CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><BkTxCd>",
         b"<Sts><Cd>BOOK</Cd></Sts><BkTxCd>", "sign"),
    ],
)  # fmt: skip
def test_a_camt_entry_that_is_not_right_is_rejected(old, new, code):
    out = read("camt", swap(CAMT, old, new))
    assert [(one.line_no, one.code) for one in out.rejects] == [(3, code)]
    assert not out.clean


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d[:-40], "xml"),
        (lambda _: b"", "xml"),
        (lambda _: b"\x00\x01\x02junk", "xml"),
        (lambda d: swap(d, b"\n<Document", b'\n<!DOCTYPE x [<!ENTITY a "aa">]><Document'), "dtd"),
        (lambda _: b"<Document><pain/></Document>", "empty"),
        (lambda _: b"<html><Ntry/></html>", "root"),
        (lambda d: swap(d, b"UTF-8", b"no-such"), "encoding"),
        (lambda _: b"<Document>" * 100, "depth"),
        (lambda d: swap(d, b">1000.00<", b">1.000,00<"), "balance"),
        (lambda d: swap(d, b"<NbOfNtries>5<", b"<NbOfNtries>five<"), "totals"),
    ],
)
def test_a_camt_file_that_is_not_whole_or_not_safe_is_refused(change, code):
    out = read("camt", change(CAMT))
    assert out.refused.code == code
    assert out.refused.chinese


def test_a_camt_balance_count_or_sum_that_is_not_met_shows():
    assert read("camt", swap(CAMT, b"1064.25", b"1064.26")).total("closing_balance") == (106_426, 106_425)
    assert not read("camt", swap(CAMT, b"<Sum>55.75", b"<Sum>55.76")).clean
    entry = CAMT[CAMT.index(b"<Ntry><NtryRef>N5") : CAMT.index(b"<Ntry><NtryRef>N6")]
    assert not read("camt", CAMT.replace(entry, entry * 2)).clean
    assert not read("camt", swap(CAMT, b'<Amt Ccy="EUR">7.50', b'<Amt Ccy="USD">7.50')).clean


def test_memory_does_not_grow_with_the_entries():
    entry = CAMT[CAMT.index(b"<Ntry><NtryRef>N4") : CAMT.index(b"<Ntry><NtryRef>N5")]
    peaks = []
    for count in (100, 700):
        tracemalloc.start()
        given = sum(
            1 for _ in FORMATS["camt"].read(io.BytesIO(CAMT.replace(entry, entry * count)), ReadOptions())
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert given > count
    assert peaks[1] < peaks[0] + 600 * 3 * len(
        entry
    )  # the bytes themselves and some air; elements are let go


# ------------------------------------------------------------------ MT940, MT942


def test_an_mt940_file_of_two_pages_with_reversals_adds_up():
    out = read("mt940", SWIFT)
    assert out.clean
    assert [(line.line_no, line.kind.value, line.amount_minor, line.settled_on) for line in out.lines] == [
        (5, "deposit", 25_000, "20261120"),
        (8, "reversal", -5_000, "20261121"),
        (10, "reversal", 2_050, "20261121"),
        (11, "fee", -300, "20261120"),
        (19, "other", -1_750, "20270101"),
    ]
    assert out.lines[0].text == "GUTSCHRIFT EREF+ORDER-1 SVWZ+POS 622202*********0128 HAENDLER GMBH"
    assert (out.lines[0].reference, out.lines[0].order) == ("BANK-1", "ORDER-1")
    assert out.lines[3].text == "Kontoführung"
    assert out.total("page_balance") == (121_750, 121_750)


def test_an_mt942_counts_expected_entries_in_its_sums_and_not_in_its_money():
    out = read("mt940", INTERIM)
    assert out.clean
    assert out.money == [("deposit", 10_000, 0, "CNY"), ("fee", -125, 0, "CNY")]
    assert out.lines[0].text == "银联结算"
    assert out.total("credits") == (15_500, 15_500)
    assert not read("mt940", swap(INTERIM, b":90C:2", b":90C:3")).clean


def test_published_mt940_files():
    assert read("mt940", sample("mt940/mt940.sta")).sum == {"PLN": 3}
    pages = read("mt940", sample("mt940/raphaelm.sta"))
    assert pages.clean
    assert pages.sum == {"DEM": 9_500_000}
    assert pages.total("page_balance") == (10_500_000, 10_500_000)  # a balance without its currency
    wrapped = read("mt940", sample("mt940/sparkassen.sta"), currency="EUR")
    assert [(line.amount_minor, line.text) for line in wrapped.lines] == [
        (3_000, "GUTSCHR. UEBERWEISUNG SVWZ+Test")
    ]


def test_interim_messages_rank_below_final_ones():
    ranks = {
        name: FORMATS[form].traits(make_head(name, sample(f"{form}/{name}")), ReadOptions())
        for form, name in [
            ("mt940", "interim.mt942"), ("mt940", "mt940.sta"), ("camt", "camt052.v2.xml"), ("camt", "camt053.v4.xml"),
        ]
    }  # fmt: skip
    assert ranks["interim.mt942"].rank < ranks["mt940.sta"].rank
    assert ranks["camt052.v2.xml"].rank < ranks["camt053.v4.xml"].rank
    assert ranks["camt052.v2.xml"].variant == "camt.052"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"C250,00NTRF", b"C1.250,00NTRF", "amount"),
        (b"C250,00NTRF", b"C2,5,0NTRF", "amount"),
        (b"C250,00NTRF", b"C250,005NTRF", "amount"),
        (b":61:2611201120C250", b":61:2613201120C250", "date"),
        (b":61:2611201120C250", b":61:2611201120X250", "field"),
    ],
)
def test_an_mt940_entry_the_library_would_take_wrong_is_rejected_by_line(old, new, code, caplog):
    with caplog.at_level(logging.DEBUG):
        out = read("mt940", swap(SWIFT, old, new))
    assert [(one.line_no, one.code) for one in out.rejects] == [(5, code)]
    assert not out.clean
    assert not caplog.records  # the library's log would carry card numbers


@pytest.mark.parametrize("cut", [b":62F:", b":64:", b":61:2612310101D"])
def test_an_mt940_file_that_was_cut_off_does_not_pass(cut):
    whole = read("mt940", SWIFT)
    out = read("mt940", SWIFT[: SWIFT.index(cut)])
    assert not out.clean or out.money == whole.money


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: b"", "empty"),
        (lambda _: b":20:X\r\n:25:1\r\n", "empty"),
        (lambda _: bytes(range(1, 32)) * 40, "binary"),
        (lambda d: swap(d, b":62M:C261120EUR1217,5", b":62M:C261120EUR12x17,5"), "balance"),
        (lambda d: swap(d, b":62F:C261120EUR", b":62F:C261120USD"), "currency"),
        (lambda _: INTERIM[: INTERIM.index(b"-}")], "truncated"),
    ],
)
def test_an_mt940_file_that_is_not_right_is_refused(change, code):
    assert read("mt940", change(SWIFT)).refused.code == code


def test_entries_outside_any_statement_and_interim_reports_without_proof_do_not_pass():
    stray = read("mt940", SWIFT + b":61:261120C9,99NTRFX\r\n")
    assert stray.total("lines_outside_statements") == (0, 1)
    bare = INTERIM[INTERIM.index(b":20:") : INTERIM.index(b":90D:")]
    assert read("mt940", bare).total("sums") == (1, 0)
    assert read("mt940", bare + b"-\n").clean


def test_a_time_in_a_narrative_and_the_thirtieth_of_february_are_taken_for_what_they_are():
    data = (
        b":20:A\n:25:B\n:28C:0\n:60F:C160229EUR1200,00\n:61:1602300301DR6,00N024NONREF\n"
        b":86:106?00X?20AT 2014-09-12T16\n:26:37 END?25 MORE\n:62F:C160301EUR1194,00\n-\n"
    )
    out = read("mt940", data)
    assert out.clean
    assert out.lines[0].settled_on == "20160301"
    assert out.lines[0].text == "X AT 2014-09-12T16:26:37 END MORE"


# ------------------------------------------------------------------ OFX


def test_ofx_in_sgml_with_zones_commas_currencies_and_corrections():
    out = read("ofx", OFX)
    assert out.clean
    assert out.money == [
        ("deposit", 123_450, 0, "USD"),
        ("fee", -725, 0, "USD"),
        ("other", -1_500, 0, "JPY"),
        ("reversal", 2_000, 0, "USD"),
    ]
    first = out.lines[0]
    assert (first.settled_on, first.at) == ("20261120", "20261121090000")
    assert first.text == "CARD & PAYOUT batch 411111******1111"
    assert out.lines[1].text == "Café fee"
    assert out.lines[3].original == "F0"
    assert {line.account for line in out.lines} == {"999988"}


def test_ofx_in_xml_knows_a_fitid_only_within_its_account():
    data = sample("ofx/xml_220_cards.ofx")
    out = read("ofx", data)
    assert out.clean
    assert out.sum == {"CNY": -1_600}
    assert out.lines[0].account == "411111******1111"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<TRNAMT>-7,25", b"<TRNAMT>1,23.25", "amount"),
        (b"<TRNAMT>-7,25", b"<TRNAMT>1.234.25", "amount"),
        (b"<TRNAMT>-7,25", b"<TRNAMT>-7,255", "amount"),
        (b"<TRNAMT>-7,25", b"<TRNAMT>1.234", "amount"),
        (b"<TRNAMT>-7,25", b"<TRNAMT>", "amount"),
        (b"<TRNAMT>-7,25", b"<TRNAMT>-7,25<TRNAMT>-8", "twice"),
        (b"<TRNTYPE>FEE<DTPOSTED>20261120", b"<TRNTYPE>FEE<DTPOSTED>20261131", "date"),
    ],
)
def test_an_ofx_transaction_that_is_not_right_is_rejected(old, new, code):
    out = read("ofx", swap(OFX, old, new))
    assert [(one.line_no, one.code) for one in out.rejects] == [(17, code)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d[: d.index(b"</OFX>")], "truncated"),
        (lambda d: d[: d.index(b"<FITID>F3")] + b"</OFX>", "truncated"),
        (lambda _: b"", "empty"),
        (lambda d: swap(d, b"<CODE>0<SEVERITY>INFO", b"<CODE>15500<SEVERITY>ERROR"), "status"),
        (lambda _: bytes(range(1, 32)) * 40, "binary"),
    ],
)
def test_an_ofx_file_that_is_not_whole_is_refused(change, code):
    assert read("ofx", change(OFX)).refused.code == code


# ------------------------------------------------------------------ BAI2


def test_bai2_with_every_funds_type_continuations_and_several_records_on_a_line():
    out = read("bai2", BAI)
    assert out.clean
    assert out.money == [
        ("deposit", 50_000, 0, "CNY"),
        ("deposit", 2_500, 0, "CNY"),
        ("fee", -1_000, 0, "CNY"),
        ("reversal", -500, 0, "CNY"),
        ("deposit", 7_000, 0, "JPY"),
    ]
    assert out.lines[0].text == "POS SETTLEMENT 22/11 CARD 411111******1111,MORE, WITH COMMAS"
    assert (out.lines[1].reference, out.lines[1].order) == ("BANKREF2", "ORD-2")
    assert out.total("file_records") == (17, 17)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"16,698,1000,", b"16,698,1O00,", "amount"),
        (b"16,698,1000,", b"16,698,-1000,", "amount"),
        (b"16,698,1000,", b"16,6980,1000,", "type"),
        (b"16,698,1000,", b"16,790,1000,", "type"),
        (b"16,698,1000,V", b"16,698,1000,Q", "funds"),
        (b"16,698,1000,V,261121,,BANKREF3,,FEE", b"61,698,1000", "record"),
    ],
)
def test_a_bai2_transaction_that_is_not_right_is_rejected_and_the_totals_show_it(old, new, code):
    out = read("bai2", swap(BAI, old, new))
    assert code in [one.code for one in out.rejects]
    assert out.rejects[0].line_no == 8
    assert not out.clean


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d[: d.index(b"99,215000")], "truncated"),
        (lambda _: b"", "empty"),
        (lambda d: swap(d, b"49,208000,8/", b"49,208000/"), "totals"),
        (lambda d: swap(d, b"98,208000,1,10/\n", b""), "order"),
        (lambda d: swap(d, b"010,+100000", b"010,1OO000"), "amount"),
        (lambda d: swap(d, b",261120,2359,CNY", b",261320,2359,CNY"), "date"),
        (lambda d: d + b"01,1,2,261121,0200,1,80,,2/\n", "after_total"),
        (lambda _: bytes(range(1, 32)) * 40, "binary"),
    ],
)
def test_a_bai2_file_that_is_not_right_is_refused(change, code):
    assert read("bai2", change(BAI)).refused.code == code


def test_a_bai2_line_twice_shows_in_counts_and_sums():
    row = b"16,698,1000,V,261121,,BANKREF3,,FEE/\n"
    out = read("bai2", swap(BAI, row, row * 2))
    assert out.total("account_records") == (8, 9)
    assert out.total("account_control") == (208_000, 209_000)


def test_reversed_and_fees_are_known_by_their_codes():
    kinds = {line.code: line.kind for line in read("bai2", BAI).lines}
    assert kinds == {
        "142": LineKind.DEPOSIT, "698": LineKind.FEE, "552": LineKind.REVERSAL, "275": LineKind.DEPOSIT,
    }  # fmt: skip


def test_sums_of_an_mt942_in_another_currency_are_refused():
    assert read("mt940", swap(INTERIM, b":34F:CNY", b":34F:CNH")).refused.code == "currency"
