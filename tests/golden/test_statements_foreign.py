"""Traits of bank files met in other projects' test data, each in the smallest file that has it."""

import pytest

from storno.statements.importing import import_file
from storno.statements.total_words import told
from wallet_bank_rig import known, read, sample

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


def test_bai2_days_may_be_written_with_their_century():
    whole = BAI2.replace("261120", "20261120")
    out = read("bai2", whole.encode())
    assert out.clean
    assert [line.settled_on for line in out.lines] == ["20261120"]
    assert known("b.txt", whole.encode())["bai2"] == known("b.txt", BAI2.encode())["bai2"]
    assert read("bai2", BAI2.replace("1,261120", "1,0261120").encode()).refused.code == "date"


def test_a_total_is_told_in_its_own_currency_and_a_sum_of_several_in_none():
    yen = "03,456,JPY,010,20/\n16,142,7,,REF2,/\n49,27,3/\n"
    two = BAI2.replace("98,5500,1,7/", yen + "98,5527,2,10/").replace("99,5500,1,9", "99,5527,1,12")
    out = read("bai2", two.encode())
    assert out.clean
    assert {(one.name, one.declared): one.currency for one in out.totals if "control" in one.name} == {
        ("account_control", 5_500): "USD",
        ("account_control", 27): "JPY",
        ("group_control", 5_527): "",
        ("file_control", 5_527): "",
    }
    told_in = [told(one, "USD")[0] for one in out.totals if "control" in one.name]
    assert told_in[:2] == [
        "met: control total of the account 55.00 USD (line 7)",
        "met: control total of the account 27 JPY (line 10)",
    ]
    assert told_in[2] == "met: control total of the group 5527 in minor units (line 11)"


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


NARRATIVES = {
    "cp1250": "Wpłata własna: należność za październik, część",
    "iso8859-2": "Opłata manipulacyjna, ślub i wartość",
    "cp852": "Płatność kartą w Łodzi, opłata",
    "cp1251": "Оплата по договору поставки",
    "cp1252": "Überweisung für Müller, Größe",
    "gb18030": "商户结算 手续费",
    "utf-8": "Płatność kartą",
}


@pytest.mark.parametrize("codec", NARRATIVES)
def test_a_narrative_is_read_in_the_encoding_its_file_shows(codec):
    out = read("mt940", MT940.replace("salary", NARRATIVES[codec]).encode(codec))
    assert out.clean
    assert out.lines[0].text == f"{NARRATIVES[codec]} j blom"


def test_czech_letters_are_told_from_western_ones_by_the_whole_file():
    czech = "Příchozí úhrada, účet: Dušan Říha, žádost, vklad na účtě"
    assert read("mt940", MT940.replace("salary", czech).encode("cp1250")).lines[0].text == f"{czech} j blom"
    danish = "Løn for sørejse, blåbær til Mateš Krž, køb"
    assert read("mt940", MT940.replace("salary", danish).encode("cp1252")).lines[0].text == f"{danish} j blom"
    french = "Règlement à Noël, où ça? Françoise Lefèvre"
    assert read("mt940", MT940.replace("salary", french).encode("cp1252")).lines[0].text == f"{french} j blom"


def test_two_letters_that_would_be_one_chinese_sign_are_two_in_a_file_that_is_polish():
    two = "wartość\n:61:2611201120D0,00NOVBA\n:86:opłata łączna"
    out = read("mt940", MT940.replace("salary", two).encode("cp1250"))
    assert [one.text for one in out.lines] == ["wartość j blom", "opłata łączna"]


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


ABN = sample("abn_amro_tab/TXT261124080000.TAB")


def test_abn_amros_tab_export_needs_no_mapping():
    out = read("abn_amro_tab", ABN)
    assert out.clean
    assert out.sum == {"EUR": -276_875, "USD": -187_699}
    assert known("TXT261124080000.TAB", ABN) == {"abn_amro_tab": 96, "mapped_csv": 10}
    assert [(one.settled_on, one.account, one.order) for one in out.lines[2:4]] == [
        ("20261121", "123456789", "R-2026-11"),
        ("20261121", "123456789", "Z0123456789"),
    ]
    assert "411111******1111" in out.lines[3].text
    assert [(one.declared, one.currency) for one in out.totals] == [(25_625, "EUR"), (812_301, "USD")]
    newest_first = b"\r\n".join(reversed(ABN.splitlines()))
    assert read("abn_amro_tab", newest_first).clean


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"\t25,00\t", b"\t26,00\t", "balance"),
        (b"\t25,00\t", b"\t25.00\t", "amount"),
        (b"EUR\t20261121\t3025,00", b"EUR\t20261131\t3025,00", "date"),
        (b"10000,00\t", b"10000,00", "columns"),
        (b"112233445\tUSD\t20261121", b"112233445\tUS\t20261121", "currency"),
        (b"112233445\tUSD\t20261121", b"-\tUSD\t20261121", "account"),
        (b"Basic", b"x" * 70_000, "too_long"),
    ],
)
def test_an_abn_amro_row_that_is_not_right_is_rejected(old, new, code):
    out = read("abn_amro_tab", ABN.replace(old, new))
    assert [one.code for one in out.rejects] == [code]
    assert not out.clean


def test_an_abn_amro_row_that_is_missing_between_others_shows():
    rows = ABN.splitlines(keepends=True)
    out = read("abn_amro_tab", b"".join(rows[:1] + rows[2:]))
    assert not out.clean
    assert not out.rejects
    assert read("abn_amro_tab", b"\n \n").refused.code == "empty"


def test_a_file_with_a_single_accent_is_text():
    data = "Date,Description,Amount,Balance\n2026-11-20,Café,-3.00,7.00\n2026-11-21,Bar,-1.00,6.00\n"
    out = read("mapped_csv", data.encode("cp1252"))
    assert out.clean
    assert [one.text for one in out.lines] == ["Café", "Bar"]


@pytest.mark.parametrize(
    ("behind", "order", "reference", "text"),
    [
        (f"{'A1' * 18}//{'B2' * 9}X", "A1" * 18, f"{'B2' * 9}X", "salary"),
        (f"{'A1' * 18}//", "A1" * 18, "", "salary"),
        (f"A1//{'B2' * 14}\nmore of it", "A1", "B2" * 14, "salary more of it"),
        ("Danske Banksyste//m A/", "Danske Banksyste", "m A/", "salary"),
        ("0620266050522   Somebody Ltd // Oslo", "0620266050522", "", "salary Somebody Ltd // Oslo"),
    ],
)
def test_references_longer_than_the_field_are_taken_whole_where_the_slashes_part_them(
    behind, order, reference, text
):
    out = read("mt940", MT940.replace("NOVBNL29INGB0006475121\nj blom", f"NTRF{behind}").encode())
    line = out.lines[0]
    assert (line.order, line.reference, line.text) == (order, reference, text)


@pytest.mark.parametrize("end", ["-", " -", " - "])
def test_a_hyphen_that_ends_a_message_may_be_indented(end):
    assert read("mt940", f"{MT940[MT940.index(':20:') : MT940.index('-}')]}{end}\n".encode()).clean


@pytest.mark.parametrize(
    "root", ["<OFX >", "<OFX\n>", '<OFX xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">']
)
def test_the_root_of_ofx_is_known_with_what_may_stand_in_its_tag(root):
    data = ofx("20261120|-1.00|7|a").replace(b"<OFX>", root.encode())
    for bytes_ in (data, data[data.index(b"<OFX") :]):
        assert list(known("statement.ofx", bytes_)) == ["ofx"]
        assert read("ofx", bytes_).sum == {"BRL": -100}


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("[-3:BRT]", "20261120150000"), ("[-0300]", "20261120150000"), ("[+0000]", "20261120120000"),
        ("[-03:30]", "20261120153000"), ("[+0530:IST]", "20261120063000"), ("[5.5]", "20261120063000"),
        ("[:GMT]", "20261120120000"), ("[+9900]", "20261120120000"),
    ],
)  # fmt: skip
def test_an_ofx_zone_is_hours_or_hours_and_minutes(zone, at):
    out = read("ofx", ofx(f"20261120120000.000{zone}|-1.00|7|a"), utc_offset_min=0)
    assert out.clean
    assert out.lines[0].at == at


def test_transactions_without_a_statement_around_them_are_read_with_their_currency():
    data = ofx("20261120|-1.00|7|a").replace(b"<STMTRS>", b"").replace(b"</STMTRS>", b"")
    out = read("ofx", data)
    assert out.clean
    assert (out.sum, out.lines[0].account) == ({"BRL": -100}, "55-1")
    assert read("ofx", b"<OFX><SIGNONMSGSRSV1></SIGNONMSGSRSV1></OFX>").refused.code == "empty"
