"""A proposed mapping read back gives the exact sums, whatever the header words, order of columns, units and marks."""

import io
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapping_rig import read, refusal
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, LineKind
from storno.statements.propose import propose
from storno.statements.words import header_names, kind_words

KINDS = {
    LineKind.PAYMENT: ("消费", "Sale", "purchase", "支付"),
    LineKind.REFUND: ("退货", "Refund", "退款"),
    LineKind.VOID: ("撤销", "void"),
}
EXTRA = {
    "tid": "10000001",
    "rrn": "261101000123",
    "order": "A-1",
    "card": "622202******0001",
    "auth_code": "A1B2C3",
}
FIRST = date(2026, 11, 1)


def names(member, *, suffix=""):
    usable = [one for one in header_names(member) if not one.endswith(("minor", "cents", "fen", "yuan"))]
    return st.sampled_from([one + suffix for one in usable if not (suffix and "/" in one)])


def written(minor, unit, mark):
    if unit == "fen":
        return str(minor)
    whole, part = divmod(abs(minor), 100)
    grouped = f"{whole:,}".replace(",", {".": ",", ",": "."}[mark]) if mark != " " else str(whole)
    return f"{'-' if minor < 0 else ''}{grouped}{mark}{part:02d}"


@st.composite
def tables(draw):
    """Give a table, how it is delimited, and what its lines are."""
    unit = draw(st.sampled_from(["yuan", "fen"]))
    mark = draw(st.sampled_from([".", ","])) if unit == "yuan" else "."
    style = draw(st.sampled_from(["given", "pair", "marked", "kinds"]))
    size = draw(st.integers(2, 12))
    amounts = draw(st.lists(st.integers(1, 5_000_000), min_size=size, max_size=size))
    away = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    away[0], away[1] = False, True
    signed = [-one if minus else one for one, minus in zip(amounts, away, strict=True)]
    suffix = "(分)" if unit == "fen" else draw(st.sampled_from(["", "（元）"]))
    slashed = draw(st.booleans())
    days = [
        (FIRST + timedelta(days=13 + at)).strftime("%d/%m/%Y" if slashed else "%Y-%m-%d")
        for at in range(size)
    ]
    columns = {draw(names("date")): days}
    if style == "pair":
        columns[draw(names("debit", suffix=suffix))] = [
            written(-one, unit, mark) if one < 0 else "" for one in signed
        ]
        columns[draw(names("credit", suffix=suffix))] = [
            written(one, unit, mark) if one > 0 else "" for one in signed
        ]
    elif style == "marked":
        columns[draw(names("amount", suffix=suffix))] = [written(abs(one), unit, mark) for one in signed]
        words = draw(st.sampled_from([("C", "D"), ("贷", "借"), ("收入", "支出"), ("CR", "DR")]))
        columns[draw(names("sign"))] = [words[one < 0] for one in signed]
    elif style == "kinds":
        columns[draw(names("amount", suffix=suffix))] = [written(abs(one), unit, mark) for one in signed]
        ways = [
            draw(
                st.sampled_from(
                    KINDS[
                        LineKind.PAYMENT
                        if one > 0
                        else draw(st.sampled_from((LineKind.REFUND, LineKind.VOID)))
                    ]
                )
            )
            for one in signed
        ]
        columns[draw(names("kind"))] = ways
        columns[draw(names("tid"))] = ["10000001"] * size  # a network's list, not a bank's
    else:
        columns[draw(names("amount", suffix=suffix))] = [written(one, unit, mark) for one in signed]
    if draw(st.booleans()) and style != "kinds":
        opening = draw(st.integers(0, 10**7))
        steps = [opening + sum(signed[: at + 1]) for at in range(size)]
        columns[draw(names("balance", suffix=suffix))] = [written(one, unit, mark) for one in steps]
    for member in draw(st.lists(st.sampled_from(sorted(EXTRA)), unique=True, max_size=3)):
        columns.setdefault(draw(names(member)), [EXTRA[member]] * size)
    order = draw(st.permutations(sorted(columns)))
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    title = draw(st.sampled_from([(), ("一份账单", ""), ("Account: 123",)]))
    rows = [list(order), *[[columns[name][at] for name in order] for at in range(size)]]
    text = "\n".join(
        [
            *title,
            *[delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows],
            "",
        ]
    )
    return text, signed, unit


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_a_proposal_read_back_gives_the_exact_amounts(table, encoding):
    text, signed, unit = table
    data = text.encode(encoding)
    proposal = propose(io.BytesIO(data))
    found = read(data, proposal.toml).whole()
    assert found.amounts == signed, proposal.toml
    assert proposal.mapping.amount.unit == unit
    assert len({one.settled_on for one in found.lines}) == len(signed)
    assert not any("reject" in doubt.english for doubt in proposal.doubts)


def proposed(text):
    return propose(io.BytesIO(text.encode()))


def said(proposal):
    return " ".join(doubt.english for doubt in proposal.doubts)


def test_what_the_rows_leave_open_is_a_doubt():
    unit = proposed("日期,金额,终端号\n2026-11-01,1999,1\n2026-11-02,250,1\n")
    assert unit.mapping.amount.unit == "fen"
    assert "unit" in said(unit)
    assert "which way the money goes" in said(unit)
    assert "role" in said(unit)
    twin = proposed("date,amount\n05/06/2026,-1.00\n07/08/2026,2.00\n")
    assert "DD/MM/YYYY or MM/DD/YYYY" in said(twin)
    kinds = proposed("date,amount,type,rrn\n2026-11-01,1.00,sale,1\n2026-11-01,1.00,barter,2\n")
    assert "barter" in said(kinds)
    assert "rejects" in said(kinds)
    marks = proposed(
        "date,amount,type,rrn,状态\n2026-11-01,1.00,sale,1,成功\n2026-11-01,1.00,sale,2,悬而未决\n"
    )
    assert "悬而未决" in said(marks)
    lone = proposed("date,credit\n2026-11-01,1.00\n2026-11-02,2.50\n")
    assert "only 'credit'" in said(lone)


def test_a_declared_sum_is_compared_if_it_is_met_and_told_if_not():
    text = "交易日期,支出,收入,余额,摘要\n2026-11-01,,10.00,20.00,结算\n2026-11-02,3.00,,17.00,手续费\n合计,3.00,{},,\n"
    good = proposed(text.format("10.00"))
    assert [(one.name, one.met) for one in read(text.format("10.00").encode(), good.toml).totals][:2] == [
        ("debits", True), ("credits", True),
    ]  # fmt: skip
    assert read(text.format("11.00").encode(), good.toml).unmet == [("credits", 4)]
    assert "row of sums" in said(proposed(text.format("11.00")))


def test_balances_show_that_signs_are_turned_round():
    proposal = proposed(
        "date,amount,balance,text\n2026-11-01,5.00,95.00,a\n2026-11-02,-2.00,97.00,b\n2026-11-03,1.50,95.50,c\n"
    )
    assert proposal.mapping.amount.sign == "negated"
    assert "turned round" in said(proposal)


CARD_BILL = """交易日期,入账日期,交易摘要,交易金额,交易货币,入账金额,入账货币
2026/11/05,2026/11/06,（消费）示例商户A,15.90,人民币,15.90,人民币
2026/11/04,2026/11/04,（退款）示例商户B,-10.00,美元,-71.20,人民币
2026/11/03,2026/11/03,（分期）分期 10/12期,387.42,人民币,387.42,人民币
2026/10/25,2026/10/26,（还款）云闪付,-1130.68,人民币,-1130.68,人民币
"""


def test_a_card_bill_that_writes_spending_without_a_minus_is_turned_round_and_booked_money_is_taken():
    found = propose(io.BytesIO(CARD_BILL.encode()))
    assert [(line.amount_minor, line.currency, line.net_minor) for line in found.preview[1:]] == [
        (-1_590, "CNY", None),
        (7_120, "CNY", None),
        (-38_742, "CNY", None),
        (113_068, "CNY", None),
    ]
    assert any("turned round" in doubt.english for doubt in found.doubts)
    as_written = (
        CARD_BILL.replace(",15.90", ",-15.90").replace(",387.42", ",-387.42").replace(",-10.00", ",10.00")
    )
    as_written = as_written.replace(",-71.20", ",71.20").replace(",-1130.68", ",1130.68")
    found = propose(io.BytesIO(as_written.encode()))
    assert [line.amount_minor for line in found.preview[1:]] == [-1_590, 7_120, -38_742, 113_068]
    assert not any("turned round" in doubt.english for doubt in found.doubts)


def test_two_columns_for_one_member_keep_the_surer_and_say_so():
    proposal = proposed("日期,金额,交易金额,终端号\n2026-11-01,1.00,2.00,1\n")
    names_of = {one.name: one.member for one in proposal.columns}
    assert sorted(names_of.values()) == ["", "amount", "date", "tid"]
    assert "could also be amount" in next(one.english for one in proposal.columns if not one.member)


def test_no_card_number_is_shown():
    text = "日期,金额,卡号,类型\n2026-11-01,1.00,6222020000000000001,6222020200112230\n"
    proposal = proposed(text)
    shown = repr(proposal.columns) + repr(proposal.doubts)
    assert "6222020000000000001" not in shown
    assert "6222020200112230" not in shown


@pytest.mark.parametrize(
    "data", [b"", b"\0\1\2", b"hello\n", b"a,b\n1,2\n", b"date,when\n2026-11-01,2026-11-02\n", b"PK\3\4"]
)
def test_a_file_without_a_table_of_amounts_is_refused(data):
    with pytest.raises(FileRefused) as caught:
        propose(io.BytesIO(data))
    assert caught.value.chinese


def test_the_word_tables_contradict_nothing():
    assert kind_words()["消费"] is LineKind.PAYMENT
    assert kind_words()["冲正"] is LineKind.REVERSAL


# -------------------------------------------------------------------- whatever the bytes
PIECES = st.sampled_from(
    ["日期", "金额", "余额", "借方", "贷方", "date", "amount", "type", "sale", ",", ";", "\t", "|", "\n", "\r\n",
     '"', '""',
     "2026-11-01", "31/12/26", "1.00", "-1", "1E+20", "1e400", "合计", "9" * 25, '="1"', "`", "\0", "(", "٣", "²"]
)  # fmt: skip
TEXT = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=60).map("".join)
JUNK = st.one_of(st.binary(max_size=300), TEXT.map(lambda text: text.encode("utf-8", "replace")),
                 TEXT.map(lambda text: text.encode("gb18030", "replace")))  # fmt: skip
ANY = """
role = "bank"
[columns]
amount = "amount"
settled_on = { column = "date", formats = ["auto", "excel", "DD/MM/YY", "YYYYMMDD hh:mm"] }
at = { column = "date", time = "type", optional = true }
kind = { column = "type", common = true, positive = "deposit", negative = "other" }
[balance]
column = ["余额", "amount"]
[[totals]]
match = "^合计(?P<amount>.*)"
"""


@settings(max_examples=150, deadline=None)
@given(JUNK, st.sampled_from(["", "bank_zh", ANY, "date,amount,type\n"]))
def test_any_bytes_are_parts_or_a_refusal(junk, how):
    if how.startswith("date"):
        junk, how = b"date,amount,type\n" + junk, ANY
    try:
        found = read(junk, how)
    except FileRefused:
        return
    lines = junk.count(b"\n") + (not junk.endswith(b"\n") and junk != b"")
    if b"\0" not in junk:
        seen = [one.line_no for one in (*found.lines, *found.rejects, *found.frames)]
        assert sorted(seen) == list(range(1, lines + 1))


@settings(max_examples=100, deadline=None)
@given(JUNK)
def test_any_bytes_give_a_proposal_or_a_refusal(junk):
    try:
        proposal = propose(io.BytesIO(junk))
    except FileRefused:
        return
    assert proposal.mapping.name


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_after_the_mark_of_a_workbook_are_refused(junk):
    assert refusal(b"PK\3\4" + junk, ANY, "xlsx").code == "xlsx"


def test_the_generic_formats_never_outbid_a_format_that_knows_its_files():
    assert {name for name in FORMATS if name.startswith("mapped_")} == {
        "mapped_csv",
        "mapped_xlsx",
        "mapped_fixed",
    }


REAL_BANKS = {
    "Bank of Communications": (
        """序号,交易日期,借贷,交易金额,余额,对方账号,摘要
1,2026-11-23,贷 Cr,1.23,11.23,6222,利息
2,2026-11-24,借 Dr,3.21,8.02,6222,还款
""",
        [123, -321],
        {"借贷": "sign", "对方账号": "", "摘要": "text"},
    ),
    "Bank of China": (
        """记账日期,币别,金额,余额,附言,对方卡号/账号
2026-11-23,人民币,-71.89,28.11,付,6226******5669
""",
        [-7189],
        {"币别": "currency", "对方卡号/账号": ""},
    ),
    "Agricultural Bank of China": (
        """交易日期,交易摘要,交易金额,本次余额,日 志 号
20261123,转存,+10000.00,11000.00,369396693
""",
        [1_000_000],
        {"日 志 号": "reference"},
    ),
    "a German savings bank": (
        """Auftragskonto;Buchungstag;Buchungstext;Verwendungszweck;Betrag;Währung
DE1;23.11.26;GUTSCHRIFT;Umsatz;1.234,56;EUR
DE1;24.11.26;ENTGELT;Entgelt;-9,90;EUR
""",
        [123_456, -990],
        {"Auftragskonto": "account", "Währung": "currency", "Verwendungszweck": "text"},
    ),
    "ING in the Netherlands": (
        """"Datum","Naam / Omschrijving","Rekening","Tegenrekening","Af Bij","Bedrag (EUR)"
"20261123","PAYMENT BV","NL1","NL2","Bij","1234,56"
"20261124","ING","NL1","","Af","9,90"
""",
        [123_456, -990],
        {"Rekening": "account", "Tegenrekening": "", "Af Bij": "sign"},
    ),
    "Rabobank": (
        """"IBAN/BBAN","Munt","Datum","Bedrag","Saldo na trn","Tegenrekening IBAN/BBAN","Omschrijving-1"
"NL1","EUR","2026-11-23","+1234,56","+2234,56","NL2","batch"
"NL1","EUR","2026-11-24","-9,90","+2224,66","","kosten"
""",
        [123_456, -990],
        {
            "IBAN/BBAN": "account",
            "Munt": "currency",
            "Saldo na trn": "balance",
            "Tegenrekening IBAN/BBAN": "",
        },
    ),
    "an American bank": (
        """Details,Posting Date,Description,Amount,Running Bal.
CREDIT,11/23/2026,SQUARE INC,1234.56,2234.56
DEBIT,11/24/2026,MONTHLY SERVICE FEE,-9.90,2224.66
""",
        [123_456, -990],
        {"Description": "text", "Details": "", "Running Bal.": "balance"},
    ),
    "GLS in Germany": (
        """Kontonummer;Buchungstag;VWZ1;VWZ2;VWZ3;VWZ4;VWZ5;VWZ6;Betrag;Kontostand;Währung
1234567890;10.10.2026;Rechnung;;;;;;-98,76;1.234,56;EUR
""",
        [-9876],
        {"Buchungstag": "date", "Betrag": "amount", "Währung": "currency"},
    ),
    "a Swiss bank in French": (
        """Date;Description;Débit;Crédit;Solde
31.03.2026;Compte;10.00;;90.00
01.04.2026;Encaissement;;240.00;330.00
""",
        [-1000, 24_000],
        {"Débit": "debit", "Crédit": "credit", "Solde": "balance"},
    ),
}


@pytest.mark.parametrize("bank", REAL_BANKS)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp1252"])
def test_the_headers_of_real_banks_are_understood(bank, encoding):
    text, amounts, members = REAL_BANKS[bank]
    if encoding == "cp1252" and "日期" in text:
        encoding = "gbk"
    data = text.encode(encoding)
    proposal = propose(io.BytesIO(data))
    found = read(data, proposal.toml).whole()
    assert found.amounts == amounts, proposal.toml
    names_of = {one.name: one.member for one in proposal.columns}
    assert {name: names_of[name] for name in members} == members


def test_a_currency_that_no_column_says_is_a_doubt_outside_china():
    assert "says the currency" in said(proposed("date,amount\n2026-11-01,-1.00\n"))
    assert "says the currency" not in said(proposed("date,amount,currency\n2026-11-01,-1.00,EUR\n"))
    assert "says the currency" not in said(proposed("日期,金额\n2026-11-01,-1.00\n"))


def test_a_header_printed_again_is_no_row_and_a_type_of_debit_and_credit_is_the_sign():
    text = (
        "Date,Description,Amount,Transaction Type\n6/12/15,Transfer,1000.00,debit\n6/13/15,Salary,2000.00,credit\n"
        "Date,Description,Amount,Transaction Type\n6/14/15,Rent,500.00,debit\n"
    )
    proposal = proposed(text)
    assert proposal.mapping.amount.sign == "marked"
    assert read(text.encode(), proposal.toml).whole().amounts == [-100_000, 200_000, -50_000]


def test_amounts_turned_round_say_why():
    """Balances are only a reason where there are some."""
    kinds = proposed("交易日期,交易金额,交易类型,终端号\n2026-11-01,-1.00,消费,1\n2026-11-02,-5.00,消费,1\n")
    assert kinds.mapping.amount.sign == "negated"
    assert "contradict the kinds" in said(kinds)
    assert "balances" not in said(kinds)
    balances = proposed("date,amount,balance,text\n2026-11-01,5.00,95.00,a\n2026-11-02,-2.00,97.00,b\n")
    assert "only so do the balances follow" in said(balances)


def member_of(text, name):
    return next(one.member for one in proposed(text).columns if one.name == name)


@pytest.mark.parametrize(
    ("header", "row", "members"),
    [
        (
            "交易日期,凭证号,借方发生额,贷方发生额,余额",
            "2026-11-01,000123,,1.00,1.00",
            {"凭证号": "reference"},
        ),
        (
            "交易日期,凭证号,流水号,金额,摘要",
            "2026-11-01,000123,88,1.00,a",
            {"凭证号": "", "流水号": "reference"},
        ),
        (
            "交易日期,凭证号,交易流水号,金额",
            "2026-11-01,000123,88,1.00",
            {"凭证号": "", "交易流水号": "reference"},
        ),
        (
            "交易日期,凭证号,终端号,金额",
            "2026-11-01,000123,10000001,1.00",
            {"凭证号": "stan", "终端号": "tid"},
        ),
        ("交易日期,凭证号,批次号,金额", "2026-11-01,000123,000001,1.00", {"凭证号": "stan"}),
        ("交易日期,流水号,检索参考号,金额", "2026-11-01,000123,261101000123,1.00", {"流水号": "stan"}),
        ("交易日期,终端流水号,金额", "2026-11-01,000123,1.00", {"终端流水号": "stan"}),
    ],
)
def test_a_voucher_number_is_a_stan_only_beside_a_terminal(header, row, members):
    found = {name: member_of(f"{header}\n{row}\n", name) for name in members}
    assert found == members


def test_a_day_that_does_not_exist_does_not_hide_the_column_of_dates():
    text = "交易日期,交易金额\n20260228,1.00\n20260229,2.00\n20260301,-1.00\n"
    proposal = proposed(text)
    assert [one.member for one in proposal.columns] == ["date", "amount"]
    assert "there is no such day" in said(proposal)
    assert read(text.encode(), proposal.toml).codes == [(3, "date")]


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16", "utf-16-be"])
def test_lines_that_end_as_on_an_old_mac_are_rows(codec):
    data = "交易日期,交易金额,摘要\r2026-11-01,1.00,甲\r2026-11-02,-2.50,乙\r".encode(codec)
    proposal = propose(io.BytesIO(data))
    assert len(proposal.sample.rows) == 2
    assert read(data, proposal.toml).whole().amounts == [100, -250]
