"""Delimited and fixed-width files read with a mapping: exact lines out of bytes, and what is wrong said by line."""

import io
from itertools import islice

import pytest

from mapping_rig import mapping_file, read, refusal
from storno.statements.base import ReadOptions
from storno.statements.formats import statement_format
from storno.statements.line import LineKind, Mark, StatementLine

BANK_ZH = (
    "某某银行股份有限公司 账户明细\r\n"
    "账号：,110900000000001\r\n"
    "\r\n"
    "交易日期,交易时间,借方发生额,贷方发生额,余额,摘要,对方户名,对方账号\r\n"
    '2026-11-01,09:01:02,,"1,000.00","1,500.00","商户结算\r\n11月1日",银联商务,998\r\n'
    '2026-11-02,10:01:02,3.20,,"1,496.80",手续费,某某银行,\r\n'
    "2026-11-02,23:59:59,,0.01,1496.81,结息,,\r\n"
    "合计,,3.20,1000.01,,,,\r\n"
    "注：本明细仅供参考\r\n"
)
OPEN = """
role = "network"
[columns]
amount = "amount"
settled_on = "date"
kind = { column = "type", common = true }
rrn = { column = "rrn", optional = true }
card = { column = "card", optional = true }
order = { column = "order", optional = true }
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_bank_statement_is_known_and_read_in_every_encoding(encoding):
    found = read(BANK_ZH.encode(encoding)).whole()
    assert found.lines == [
        StatementLine(5, LineKind.DEPOSIT, 100_000, "CNY", settled_on="20261101", at="20261101090102",
                      text="商户结算 11月1日"),
        StatementLine(7, LineKind.FEE, -320, "CNY", settled_on="20261102", at="20261102100102", text="手续费"),
        StatementLine(8, LineKind.DEPOSIT, 1, "CNY", settled_on="20261102", at="20261102235959", text="结息"),
    ]  # fmt: skip
    assert [(one.line_no, one.what) for one in found.frames] == [
        (1, "preamble"), (2, "preamble"), (3, "blank"), (4, "header"), (6, "continuation"), (9, "total"),
        (10, "skipped"),
    ]  # fmt: skip
    assert [(one.name, one.declared, one.counted) for one in found.totals] == [
        ("debits", -320, -320), ("credits", 100_001, 100_001), ("closing_balance", 149_681, 149_681),
    ]  # fmt: skip


def test_the_newest_row_may_stand_first():
    rows = BANK_ZH.splitlines(keepends=True)
    turned = "".join([*rows[:4], rows[7], rows[6], *rows[4:6], *rows[8:]])
    assert sorted(read(turned.encode()).whole().amounts) == [-320, 1, 100_000]


@pytest.mark.parametrize(
    ("old", "new", "unmet"),
    [
        ("3.20,,", "3.30,,", {("balance", 7), ("closing_balance", 8), ("debits", 9)}),
        ("合计,,3.20,1000.01", "合计,,3.20,1000.00", {("credits", 9)}),
        ("2026-11-02,10:01:02,3.20,,", "2026-11-02,10:01:02,,3.20,",
         {("balance", 7), ("closing_balance", 8), ("debits", 9), ("credits", 9)}),
        (",1496.81,", ",1496.18,", {("balance", 8), ("closing_balance", 8)}),
        ('2026-11-02,10:01:02,3.20,,"1,496.80",手续费,某某银行,\r\n', "",
         {("balance", 7), ("closing_balance", 7), ("debits", 8)}),
    ],
)  # fmt: skip
def test_a_changed_swapped_or_missing_row_breaks_balance_and_totals(old, new, unmet):
    assert old in BANK_ZH
    found = read(BANK_ZH.replace(old, new).encode())
    assert set(found.unmet) == unmet
    assert not found.rejects


@pytest.mark.parametrize(
    ("old", "new", "code", "line_no"),
    [
        ("2026-11-02,10:01:02", "2026-13-02,10:01:02", "date", 7),
        ("2026-11-02,10:01:02", "3.20,10:01:02", "date", 7),
        ("2026-11-02,10:01:02", "2026-11-02,25:01:02", "date", 7),
        ("2026-11-02,10:01:02", "1026-11-02,10:01:02", "date", 7),
        (",3.20,,", ",手续费,,", "amount", 7),
        (",3.20,,", ",3.205,,", "amount", 7),
        (",3.20,,", ",3.20,1.00,", "amount", 7),
        (",3.20,,", ",,,", "amount", 7),
        ('"1,496.80",手续费', "余额,手续费", "balance", 7),
        ("手续费,某某银行,", "手续费,某某银行,,,多", "columns", 7),
        ("手续费,某某银行,", "手续费", "columns", 7),
        ("2026-11-02,23:59:59,,0.01,1496.81,结息,,", '"2026-11-02,23:59:59,,0.01,1496.81,结息,,', "quote", 8),
    ],
)
def test_a_bad_row_is_a_reject_with_its_line_and_reason(old, new, code, line_no):
    assert old in BANK_ZH
    found = read(BANK_ZH.replace(old, new).encode())
    assert found.codes == [(line_no, code)]
    assert found.unmet, "a rejected row is in no count, so the totals break"


def test_a_damaged_byte_costs_its_line_only():
    data = BANK_ZH.encode("gb18030").replace("手续费".encode("gb18030"), b"\x80\xff\xff")
    found = read(data)
    assert found.codes == [(7, "encoding")]
    assert found.amounts == [100_000, 1]


def test_a_file_cut_short_is_seen():
    data = BANK_ZH.encode()
    assert read(data[: data.index("合计".encode())]).whole().amounts == [100_000, -320, 1]  # nothing shows it
    found = read(data[: data.index(b"1496.81") + 3])
    assert found.codes == [(8, "columns")]
    required = OPEN + "[[totals]]\nmatch = 'sum (?P<amount>\\S+)'\nrequired = true\n"
    body = b"date,amount,type\n2026-11-01,1.00,sale\n"
    assert read(body + b"sum 1.00\n", required).whole().amounts == [100]
    assert refusal(body, required).code == "totals"


# -------------------------------------------------------------------- delimiters, quotes, numbers
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_header(delimiter):
    rows = [["a note, with; marks|"], ["date", "amount", "type"], ["20261101", '"1,234.50"', "Sale"],
            ["20261102", "-2.00", "退货"]]  # fmt: skip
    found = read("\n".join(delimiter.join(row) for row in rows).encode(), OPEN).whole()
    assert found.amounts == [123_450, -200]
    assert [one.kind for one in found.lines] == [LineKind.PAYMENT, LineKind.REFUND]


def test_quotes_may_hold_quotes_delimiters_and_line_breaks_and_may_be_off():
    data = b'date,amount,type,order\n20261101,1.00,sale,"a ""b"", c"\n20261101,2.00,sale,"d\ne"\n'
    data += b'20261101,3.00,sale,5" f\n'
    found = read(data, OPEN).whole()
    assert [(one.line_no, one.order) for one in found.lines] == [(2, 'a "b", c'), (3, "d e"), (5, '5" f')]
    off = OPEN.replace("[columns]", "[csv]\nquote = ''\n[columns]")
    assert read(b'date,amount,type,order\n20261101,1.00,sale,"x\n', off).whole().lines[0].order == '"x'


def test_a_quote_that_never_closes_is_one_bad_line_and_not_the_end_of_the_file():
    rows = [f"2026110{day},1.00,sale" for day in range(1, 10)] * 20
    rows[3] = '"' + rows[3]
    found = read("\n".join(["date,amount,type", *rows, ""]).encode(), OPEN)
    assert found.codes == [(5, "quote")]
    assert len(found.lines) == len(rows) - 1


@pytest.mark.parametrize(
    ("rule", "cells", "minor"),
    [
        ("'x'", "1,234.50", 123_450),
        ("'x'", "￥12", 1200),
        ("'x'", "(3.20)", -320),
        ("'x'", "`0.60", 60),
        ("{ column = 'x', unit = 'fen' }", "000000012345", 12_345),
        ("{ column = 'x', unit = 'fen' }", "-7", -7),
        ("{ column = 'x', decimal = ',' }", "1.234,56", 123_456),
        ("{ column = 'x', sign = 'negated' }", "1.00", -100),
        ("{ column = 'x', sign = 'marked', sign_column = 'way' }", "5.00|借", -500),
        ("{ column = 'x', sign = 'marked', sign_column = 'way' }", "5.00|C", 500),
        ("{ column = 'x', sign = 'marked', sign_column = 'way', plus = 'H', minus = 'S' }", "5.00|s", -500),
        ("{ debit = 'x', credit = 'way' }", "5.00|", -500),
        ("{ debit = 'x', credit = 'way' }", "0.00|7.00", 700),
        ("{ debit = 'x', credit = 'way' }", "-5.00|", 500),
        ("{ debit = 'x', credit = 'way', debit_negative = true }", "-5.00|", -500),
    ],
)
def test_amounts_are_read_as_the_mapping_says(rule, cells, minor):
    mapping = f"role = 'bank'\n[columns]\namount = {rule}\nkind = {{ constant = 'other' }}\n"
    assert read(f"x|way\n{cells if '|' in cells else cells + '|'}\n".encode(), mapping).whole().amounts == [
        minor
    ]


def test_the_currency_decides_the_decimals():
    mapping = "role = 'bank'\n[columns]\namount = 'x'\ncurrency = 'c'\nkind = { constant = 'other' }\n"
    found = read("x,c\n12,日元\n1.5,美元\n1.234,KWD\n2.00,人民币\n3,\n1.5,JPY\n1,what\n".encode(), mapping)
    assert [(one.amount_minor, one.currency) for one in found.lines] == [
        (12, "JPY"), (150, "USD"), (1234, "KWD"), (200, "CNY"), (300, "CNY"),
    ]  # fmt: skip
    assert found.codes == [(7, "amount"), (8, "currency")]


def test_kind_and_sign_may_not_contradict_each_other():
    found = read(b"date,amount,type\n20261101,1.00,refund\n20261101,-1.00,sale\n20261101,1.00,barter\n", OPEN)
    assert found.codes == [(2, "sign"), (3, "sign"), (4, "kind")]
    by_kind = OPEN.replace("amount = 'amount'", "").replace(
        'amount = "amount"', 'amount = { column = "amount", sign = "by_kind" }'
    )
    found = read(
        b"date,amount,type\n20261101,1.00,refund\n20261101,2.00,reversal\n20261101,-1.00,sale\n", by_kind
    )
    assert found.amounts == [-100, -200]
    assert found.codes == [(4, "sign")]


def test_fee_and_net_follow_their_own_signs():
    mapping = """
        role = "network"
        [columns]
        amount = { column = "a", sign = "by_kind" }
        fee = { column = "f", sign = "cost" }
        net = { column = "n", sign = "by_kind", optional = true }
        kind = { column = "k", common = true }
    """
    found = read(
        "a,f,n,k\n10.00,0.06,9.94,消费\n10.00,0.06,9.94,退货\n5.00,,,消费\n".encode(), mapping
    ).whole()
    assert [(one.amount_minor, one.fee_minor, one.net_minor) for one in found.lines] == [
        (1000, -6, 994), (-1000, 6, -994), (500, 0, None),
    ]  # fmt: skip


# -------------------------------------------------------------------- dates, texts
@pytest.mark.parametrize(
    ("form", "cell", "day"),
    [
        ("auto", "2026/1/31", "20260131"),
        ("auto", "2026年1月31日", "20260131"),
        ("auto", "2026-01-31 10:00:00", "20260131"),
        ("DD/MM/YYYY", "05/06/2026", "20260605"),
        ("MM/DD/YYYY", "05/06/2026", "20260506"),
        ("MM/DD/YY hh:mm", "5/6/26 9:30", "20260506"),
        ("YYMMDD", "261131", ""),
        ("YYMMDD", "261130", "20261130"),
        ("DD-MON-YY", "31-Dec-26", "20261231"),
        ("excel", "46327", "20261101"),
        ("excel", "12", ""),
        ("auto", "05/06/2026", ""),
        ("auto", "2026-02-29", ""),
        ("MMDD", "1130", "20261130"),
    ],
)
def test_days_are_read_as_the_mapping_says_or_not_at_all(form, cell, day):
    mapping = OPEN.replace('"date"', f'{{ column = "date", formats = ["{form}"] }}')
    found = read(f"date,amount,type\n{cell},1.00,sale\n".encode(), mapping, name="x_2026.csv")
    assert [one.settled_on for one in found.lines] == ([day] if day else [])
    assert found.codes == ([] if day else [(2, "date")])


def test_a_date_without_a_year_needs_one_from_outside():
    mapping = OPEN.replace('"date"', '{ column = "date", formats = ["MMDD"] }')
    data = b"date,amount,type\n1130,1.00,sale\n"
    assert refusal(data, mapping, name="bill.csv").code == "year"
    assert read(data, mapping, year=2025).whole().lines[0].settled_on == "20251130"


def test_a_file_of_another_zone_is_turned_into_the_books():
    mapping = """
        role = "network"
        utc_offset_min = 0
        [columns]
        amount = "x"
        at = "t"
        kind = { constant = "payment" }
    """
    found = read(b"x,t\n1,2026-11-01 20:30:00\n1,2026-11-01T20:30:00+08:00\n", mapping).whole()
    assert [one.at for one in found.lines] == ["20261102043000", "20261101203000"]


def test_texts_are_cleaned_cut_padded_and_cards_masked():
    mapping = """
        role = "terminal"
        mid = "898"
        [columns]
        amount = "x"
        stan = { column = "s", digits = 6 }
        order = { column = "o", keep = "ORD-(\\\\w+)" }
        tid = { column = "t", strip = "#", values = { A = "10000001" } }
        card = "c"
        text = "n"
        mark = { column = "m", values = { ok = "none", bad = "declined" } }
        kind = { constant = "payment" }
    """
    data = "﻿x,s,o,t,c,n,m\n`1\t,7,no ORD-a1.,#A#,6222020000000000001,pay 6222 0202 0011 2230 x,ok\n"
    data += '1,`8,,="B",622202******0001,,BAD\n1,9,,,,,odd\n'
    found = read(data.encode(), mapping)
    one, two = found.lines
    assert (one.stan, one.order, one.tid, one.mid, one.mark) == ("000007", "a1", "10000001", "898", Mark.NONE)
    assert one.card == "622202*********0001"
    assert "0011" not in one.text
    assert (two.stan, two.tid, two.card, two.mark) == ("000008", "B", "622202******0001", Mark.DECLINED)
    assert found.codes == [(4, "mark")]


def test_what_excel_rounded_is_never_used_as_a_number_and_rejects_show_no_card():
    found = read(
        b"date,amount,type,rrn,card\n20261101,1.00,sale,1.23457E+11,6222020000000000001\n"
        b"20261101,1.2E+05,sale,123456789012,\n20261101,6222020000000000000,sale,1,\n",
        OPEN,
    )
    assert found.codes == [(2, "destroyed"), (3, "destroyed"), (4, "amount")]
    assert "Excel" in found.rejects[0].english
    assert "6222020000000000001" not in found.rejects[0].raw


def test_rows_may_be_ignored_by_their_own_word_and_headers_repeated():
    mapping = OPEN.replace(
        "[columns]", "[table]\nignore = [{ column = 'state', values = ['失败'] }]\n[columns]"
    )
    found = read(
        "date,amount,type,state\n20261101,1.00,sale,成功\n20261101,9.00,sale,失败\ndate,amount,type,state\n20261102,2.00,sale,\n".encode(),
        mapping,
    ).whole()
    assert found.amounts == [100, 200]
    assert [one.what for one in found.frames] == ["header", "ignored", "header"]


# -------------------------------------------------------------------- headers
def test_a_missing_or_doubled_column_refuses_the_file_and_names_the_near_one():
    assert "near: amounts" in refusal(b"date,amounts,type\n20261101,1,sale\n", OPEN).english
    assert "2 times" in refusal(b"date,amount,type,amount\n20261101,1,sale,2\n", OPEN).english
    assert refusal(b"1,2,3\n" * 100, OPEN).code == "header"
    assert refusal(b"", OPEN).code == "header"
    by_place = OPEN.replace('"amount"', "4")
    assert read(b"date,amount,type,amount\n20261101,1,sale,2\n", by_place).whole().amounts == [200]


def test_names_match_without_regard_to_width_case_blanks_and_back_ticks():
    found = read("`DATE ,Ａmount, 'type'\n20261101,1,sale\n".encode(), OPEN).whole()
    assert found.amounts == [100]


def test_a_file_without_header_is_read_by_positions():
    mapping = """
        role = "bank"
        [csv]
        delimiter = "|"
        [table]
        no_header = true
        width = 3
        [columns]
        amount = { column = 2, unit = "fen" }
        settled_on = 1
        kind = { constant = "deposit" }
    """
    found = read(b"20261101|100|x\n20261102|200\n20261103|300|y|z\n20261104|400|w\n", mapping)
    assert found.amounts == [100, 400]
    assert found.codes == [(2, "columns"), (3, "columns")]


def test_an_unknown_table_says_how_to_get_a_mapping():
    error = refusal(b"a,b,c\n1,2,3\n")
    assert error.code == "mapping"
    assert "storno statement map" in error.english
    assert refusal(b"\0\1\2\3" * 50, "bank_zh").code == "binary"


def test_the_published_allinpay_columns_are_read():
    cells = [""] * 34
    cells[0:9] = [
        "990581",
        "门店",
        "10000001",
        "09:05:07",
        "消费",
        "000001",
        "12",
        "261101000001",
        "622202******0001",
    ]
    cells[12:17] = ["100.00", "0.60", "2026-11-01", "112233445566778899", "A-1"]
    cells[20] = "99.40"
    refund = [*cells[:4], "退货", *cells[5:29], "112233445566778800", *cells[30:]]
    unknown = [*cells[:4], "奇怪交易", *cells[5:]]
    data = "\n".join(",".join(row) for row in (cells, refund, unknown, cells[:33])).encode("gb18030")
    found = read(data, "allinpay_merchant")
    assert [(one.amount_minor, one.fee_minor, one.net_minor, one.original) for one in found.lines] == [
        (10_000, -60, 9940, ""), (-10_000, 60, -9940, "112233445566778800"),
    ]  # fmt: skip
    assert (found.lines[0].at, found.lines[0].stan, found.lines[0].tid) == (
        "20261101090507",
        "000012",
        "10000001",
    )
    assert found.codes == [(3, "kind"), (4, "columns")]


# -------------------------------------------------------------------- fixed width
FIXED = """
role = "network"
kind = "fixed"
[fixed]
record_bytes = 40
[fixed.fields]
day = { at = 1, length = 8 }
name = { at = 9, length = 12 }
way = { at = 21, length = 1 }
amount = { at = 22, length = 12 }
trace = { at = 34, length = 6 }
[table]
skip = "^H"
[columns]
amount = { column = "amount", unit = "fen", sign = "marked", sign_column = "way" }
settled_on = "day"
stan = "trace"
text = "name"
kind = { positive = "payment", negative = "refund" }
[[totals]]
match = "^T(?P<lines>\\\\d{6})(?P<amount>\\\\d{12})$"
unit = "fen"
"""


def record(day, name, way, amount, trace):
    filled = name.encode("gb18030").ljust(12)
    return b"%s%s%s%012d%06d " % (day.encode(), filled, way.encode(), amount, trace)


def test_fixed_records_are_cut_by_bytes_with_chinese_in_front_of_numbers():
    rows = [
        b"H20261101",
        record("20261101", "咖啡店", "C", 1234, 7),
        record("20261101", "shop", "D", 34, 8),
        b"T000002000000001200",
    ]
    found = read(b"\r\n".join(rows) + b"\r\n", FIXED, "fixed").whole()
    assert [(one.text, one.amount_minor, one.stan) for one in found.lines] == [
        ("咖啡店", 1234, "000007"), ("shop", -34, "000008"),
    ]  # fmt: skip
    assert [one.what for one in found.frames] == ["skipped", "total"]


def test_a_shifted_short_or_lying_fixed_file_is_seen():
    good = record("20261101", "咖啡店", "C", 1234, 7)
    shifted = record("20261101", "a咖啡店", "C", 1234, 7)[:20] + b"\xb0" + good[21:]
    found = read(
        b"\n".join([good, good[:-3], good.replace(b"C", b"X"), shifted, b"T000004000000004936"]),
        FIXED,
        "fixed",
    )
    assert [code for _, code in found.codes] == ["columns", "sign", "encoding"]
    assert {name for name, _ in found.unmet} == {"lines", "amount"}
    assert refusal(good, "bank_zh", "fixed").code == "mapping"
    assert refusal(good, FIXED, "csv").code == "mapping"


def test_a_file_is_streamed_and_not_held():
    class Endless(io.RawIOBase):
        """A bill without an end."""

        given = 0
        waiting = b"date,amount,type\n"

        def readable(self):
            return True

        def readinto(self, buffer):
            self.waiting = self.waiting or b"20261101,1.00,sale\n" * 100
            chunk, self.waiting = self.waiting[: len(buffer)], self.waiting[len(buffer) :]
            buffer[: len(chunk)] = chunk
            self.given += len(chunk)
            return len(chunk)

    source = Endless()
    with mapping_file(OPEN) as path:
        parts = statement_format("mapped_csv").read(source, ReadOptions(mapping=path))
        lines = sum(isinstance(part, StatementLine) for part in islice(parts, 50_001))
    assert lines == 50_000
    assert source.given < 50_000 * 19 + 1_000_000
