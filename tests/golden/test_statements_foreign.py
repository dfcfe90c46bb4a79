"""Traits of bank files met in other projects' test data, each in the smallest file that has it."""

import pytest

from storno.statements.importing import import_file
from wallet_bank_rig import read, sample

OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
ENCODING:USASCII
CHARSET:1252

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>BRL<BANKACCTFROM><ACCTID>55-1</BANKACCTFROM><BANKTRANLIST>
{rows}
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def ofx(*rows: str) -> bytes:
    """Give an OFX file with these transactions: (day, amount, FITID)."""
    each = (
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{fitid}<MEMO>{memo}</STMTTRN>"
        for day, amount, fitid, memo in (row.split("|") for row in rows)
    )
    return OFX.format(rows="\n".join(each)).encode()


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("1.234,56", 123_456),
        ("-1,234.56", -123_456),
        ("+1 006,60", 100_660),
        ("1.234.567,8", 123_456_780),
        ("1'234.50", 123_450),
        ("-,50", -50),
        ("12,", 1_200),
    ],
)
def test_an_ofx_amount_may_have_thousands_marks_and_either_decimal_mark(written, minor):
    out = read("ofx", ofx(f"20261120|{written}|1|x"))
    assert out.clean
    assert out.sum == {"BRL": minor}


def test_a_fitid_used_again_for_another_booking_is_no_duplicate():
    out = read("ofx", ofx("20261120|-1.00|7|a", "20261120|-2.00|7|b", "20261121|-1.00|7|c"))
    assert out.clean
    assert out.sum == {"BRL": -400}


def test_a_fitid_of_zeros_names_nothing_and_a_true_one_twice_is_rejected():
    zeros = read("ofx", ofx("20261120|-1.00|0000|a", "20261120|-1.00|0000|a"))
    assert zeros.clean
    assert len(zeros.lines) == 2
    same = read("ofx", ofx("20261120|-1.00|7|a", "20261120|-1.00|7|a"))
    assert [one.code for one in same.rejects] == ["duplicate"]


def test_what_an_ofx_file_has_commented_out_is_not_read():
    data = ofx("20261120|-1.00|1|a", "20261120|-2.00|2|b").replace(b"<STMTTRN><TRNTYPE>DEBIT", b"<!--\n", 1)
    data = data.replace(b"<MEMO>a</STMTTRN>", b"-->")
    out = read("ofx", data)
    assert out.clean
    assert [(one.line_no, one.amount_minor) for one in out.lines] == [(10, -200)]


def test_a_long_comment_is_passed_over_and_its_lines_are_counted():
    inside = b"<STMTTRN><TRNAMT>-5</STMTTRN> -- \n" * 20_000
    data = ofx("20261120|-1.00|1|a").replace(b"<STMTTRN>", b"<!--" + inside + b"--><STMTTRN>", 1)
    out = read("ofx", data)
    assert out.clean
    assert [(one.line_no, one.amount_minor) for one in out.lines] == [(20_008, -100)]


def test_an_answer_without_a_statement_is_refused_and_an_empty_statement_is_not():
    sign_on = (
        b"<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS></SONRS></SIGNONMSGSRSV1></OFX>"
    )
    assert read("ofx", sign_on).refused.code == "empty"
    assert read("ofx", ofx()).clean


def test_of_an_investment_account_what_moves_cash_is_read():
    data = b"""OFXHEADER:100

<OFX><INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS><CURDEF>USD<INVACCTFROM><ACCTID>9</INVACCTFROM><INVTRANLIST>
<BUYSTOCK><INVBUY><INVTRAN><FITID>1<DTTRADE>20261120<MEMO>100 shares</INVTRAN><UNITS>100<UNITPRICE>50.25
<TOTAL>-5034.95</INVBUY><BUYTYPE>BUY</BUYSTOCK>
<INCOME><INVTRAN><FITID>2<DTTRADE>20261121</INVTRAN><INCOMETYPE>DIV<TOTAL>12.30</INCOME>
<REINVEST><INVTRAN><FITID>3<DTTRADE>20261121</INVTRAN><TOTAL>-12.30<UNITS>1</REINVEST>
<TRANSFER><INVTRAN><FITID>4<DTTRADE>20261121</INVTRAN><UNITS>5</TRANSFER>
<INVBANKTRAN><STMTTRN><TRNTYPE>DEP<DTPOSTED>20261122<TRNAMT>100<FITID>5</STMTTRN></INVBANKTRAN>
</INVTRANLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1></OFX>"""
    out = read("ofx", data)
    assert out.clean
    assert [(one.code, one.amount_minor, one.settled_on) for one in out.lines] == [
        ("BUYSTOCK", -503_495, "20261120"),
        ("INCOME", 1_230, "20261121"),
        ("DEP", 10_000, "20261122"),
    ]
    assert {one.what for one in out.frames} >= {"reinvest: no cash moved", "transfer: no cash moved"}


BAI2 = """01,BANK,ME,261120,0200,1,,,2/
02,ME,BANK,1,261120,,USD,2/
03,123,USD,010,1000,,,015,1500,,,/
88,040,1000,,,045,1500,,/
16,142,500,,REF1,/
88,SOME PAYMENT
49,5500,5/
98,5500,1,7/
99,5500,1,9
"""


def test_a_comma_too_many_at_the_end_of_a_bai2_record_shifts_nothing():
    out = read("bai2", BAI2.encode())
    assert out.clean
    assert out.sum == {"USD": 500}
    assert (out.lines[0].reference, out.lines[0].text) == ("REF1", "SOME PAYMENT")


def test_a_bai2_control_total_left_blank_declares_nothing_but_the_counts_hold():
    blank = BAI2.replace("49,5500,5/", "49,,5/")
    assert read("bai2", blank.encode()).clean
    short = read("bai2", blank.replace("88,SOME PAYMENT\n", "").encode())
    assert short.total("account_records") == (5, 4)
    assert read("bai2", BAI2.replace("49,5500,5/", "49,5500,/").encode()).refused.code == "totals"


MT940 = """{1:F01ASNBNL21XXXX0000000000}{2:O940ASNBNL21XXXXN}{3:}{4:
:20:0000000000
:25:NL53ASNB0781269733
:28C:2/1
:60F:C261120EUR100,
:61:2611201120D20,00NOVBNL29INGB0006475121
j blom
:86:salary
:62F:C261120EUR80,
-}{5:}
"""


def test_a_reference_over_sixteen_characters_with_a_details_line_is_read_whole():
    out = read("mt940", MT940.encode())
    assert out.clean
    assert (out.lines[0].amount_minor, out.lines[0].order) == (-2_000, "NL29INGB0006475121")
    assert out.lines[0].text == "salary j blom"


@pytest.mark.parametrize("mark", ["\x03", "\x1a", " \x0c"])
def test_an_end_mark_behind_the_hyphen_is_no_part_of_the_sums(mark):
    data = f""":20:ST1
:25:PL29
:28C:1/1
:34F:PLN0
:13D:2611201815+0100
:61:2611201120CN0,01NTRFNONREF
:86:911
:90D:0PLN0,00
:90C:1PLN0,01
-{mark}
"""
    out = read("mt940", data.encode())
    assert out.clean
    assert out.total("credits") == (1, 1)


@pytest.mark.parametrize(
    ("data", "english", "chinese"),
    [
        (MT940.replace(":62F:C261120EUR80,\n", ""), "1 opening balances (:60F:) but 0 closing", "截断"),
        (
            MT940.replace("EUR80,", "EUR81,5"),
            "closing balance: declared 81.50 EUR, counted 80.00 EUR",
            "期末余额",
        ),
        (MT940.replace(":62F:", ":62M:"), "the page with the final one (:62F:) is missing", "缺少"),
        (
            ":20:A\n:25:1\n:34F:JPY0\n:61:2611201120C5,NTRF\n",
            "nothing shows that a statement is whole",
            "无法证明",
        ),
    ],
)
def test_a_total_that_is_not_met_is_told_in_words_and_money(data, english, chinese, tmp_path):
    path = tmp_path / "a.sta"
    path.write_text(data)
    (outcome,) = import_file(path, tmp_path / "home")
    assert outcome.refused.code == "totals"
    assert english in outcome.refused.english
    assert chinese in outcome.refused.chinese
    assert "--accept-totals" in outcome.refused.english
    assert outcome.read.lines == 1


CAMT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt>
<Acct><Id><IBAN>GB1</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10</Amt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">15</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="EUR">5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def test_a_camt_balance_that_says_neither_credit_nor_debit_is_compared_with_nothing():
    out = read("camt", CAMT.encode())
    assert out.clean
    assert out.sum == {"EUR": 500}
    assert not out.totals
    assert any("without CdtDbtInd (OPBD)" in one.what for one in out.frames)
    signed = CAMT.replace('">10</Amt>', '">11</Amt><CdtDbtInd>CRDT</CdtDbtInd>')
    assert read("camt", signed.encode()).total("closing_balance") == (1_500, 1_600)


def test_a_wechat_bill_cut_in_the_header_of_its_totals_is_told_as_cut():
    data = sample("wechat_bill/traps_27.utf8bom.csv").decode()
    cut = data[: data.index("退款总金额")]
    assert read("wechat_bill", cut.encode()).refused.code == "truncated"
