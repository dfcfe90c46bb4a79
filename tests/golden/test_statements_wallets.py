"""WeChat Pay and Alipay bills: real rows in, exact money out; each trap of their layouts; broken ones refused."""

import pytest

from storno.statements.encoding import make_head
from storno.statements.formats import FORMATS
from storno.statements.line import LineKind, Mark
from wallet_bank_rig import read, sample

TRAPS = sample("wechat_bill/traps_27.utf8bom.csv")
ALIPAY = sample("alipay_bill/traps.gb18030.csv")


def swap(data: bytes, old: str, new: str, codec: str = "utf-8") -> bytes:
    assert old.encode(codec) in data
    return data.replace(old.encode(codec), new.encode(codec), 1)


# ------------------------------------------------------------------ WeChat Pay


@pytest.mark.parametrize("name", ["traps_27.utf8bom.csv", "traps_27.gb18030.csv"])
def test_a_wechat_bill_gives_payments_refunds_and_revocations(name):
    out = read("wechat_bill", sample(f"wechat_bill/{name}"))
    assert out.clean
    assert out.money == [
        ("payment", 10_000, -60, "CNY"),
        ("payment", 600, -4, "CNY"),
        ("payment", 10_000, -57, "CNY"),
        ("refund", -142, 1, "CNY"),
        ("payment", 2_000, -12, "CNY"),
        ("void", -2_000, 12, "CNY"),
    ]
    paid, refund = out.lines[1], out.lines[3]
    assert refund.original == paid.reference
    assert refund.order == paid.order == "ORD20261122002"
    assert refund.reference == "50300000012026112200000001"
    assert out.lines[5].order == out.lines[4].order
    assert out.lines[2].net_minor == 9_500 - 57  # a coupon the shop bears: settled less than ordered
    assert [total.declared for total in out.totals] == [6, 22_100, -2_142, 0, -120, 22_600, -2_142]


def test_a_product_name_keeps_its_commas_and_back_ticks_and_loses_a_card_number():
    out = read("wechat_bill", TRAPS)
    assert out.lines[0].text == "拿铁,大杯 `热`"
    assert out.lines[1].text == "a,b 卡 622202*********0128"


def test_the_refund_bill_has_other_columns_and_the_time_of_the_request():
    out = read("wechat_bill", sample("wechat_bill/refund_type.utf8.csv"))
    assert out.clean
    assert out.money == [("refund", -142, 1, "CNY")]
    assert out.lines[0].at == "20261122120010"


def test_a_refused_row_is_in_none_of_the_sums():
    data = swap(sample("wechat_bill/refund_type.utf8.csv"), "`0.60%,`0.00,`1.42", "`0.60%,`0.0x,`1.42")
    out = read("wechat_bill", data)
    assert [one.code for one in out.rejects] == ["amount"]
    assert {total.counted for total in out.totals} == {0}


def test_published_rows_of_three_ages():
    old = read("wechat_bill", sample("wechat_bill/wechat_trade_ALL_24_columns_2014.utf8.csv"))
    assert old.clean
    assert old.sum == {"CNY": 2}
    v3 = read("wechat_bill", sample("wechat_bill/wechat_trade_ALL_v3_2021.utf8.csv"))
    assert v3.clean
    assert [line.at for line in v3.lines] == ["20210128170711", "20210128153518", "20210128165946"]
    cut = read("wechat_bill", sample("wechat_bill/wechat_trade_ALL_2019.gb18030.csv"))
    assert cut.money == [("payment", 600, -4, "CNY")]
    assert cut.total("lines") == (48, 1)  # published with one of its 48 rows: it must not pass for the day
    assert not cut.clean


def test_fees_with_parts_of_a_fen_are_rounded_once_in_the_total():
    two = swap(swap(TRAPS, "`0.60000,`0.60%", "`0.60400,`0.60%"), "`0.57000", "`0.57400")
    rows_rounded = read("wechat_bill", two)
    assert [line.fee_minor for line in rows_rounded.lines[:3]] == [-60, -4, -57]
    assert not rows_rounded.clean  # declared 1.20000, the rows say 1.20800
    exact = read("wechat_bill", swap(two, "`1.20000", "`1.20800"))
    assert exact.clean
    assert exact.total("fees_e5") == (-120_800, -120_800)
    rounded = read("wechat_bill", swap(two, "`1.20000", "`1.21"))
    assert rounded.clean
    assert rounded.total("fees") == (-121, -121)


def test_a_failed_refund_moves_no_money():
    failed = swap(TRAPS, "`ORIGINAL,`PROCESSING", "`ORIGINAL,`FAIL")
    line = read("wechat_bill", failed).lines[3]
    assert (line.kind, line.amount_minor, line.fee_minor, line.mark) == (LineKind.REFUND, 0, 0, Mark.DECLINED)


def test_a_bill_saved_anew_by_a_spreadsheet_is_still_read():
    plain = TRAPS.replace(b",`", b",").replace(b"\r\n`", b"\r\n")
    out = read("wechat_bill", plain)
    assert out.clean
    assert out.money == read("wechat_bill", TRAPS).money
    quoted = "`" + "2026-11-22 09:15:01"
    assert read("wechat_bill", swap(TRAPS, quoted, '"2026-11-22 09:15:01')).rejects[0].code == "columns"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("`SUCCESS,`CMB_CREDIT", "`MAYBE,`CMB_CREDIT", "status"),
        ("`100.00,`0.00,`0,", "`1OO.00,`0.00,`0,", "amount"),
        ("`2026-11-22 09:15:01", "`2026-13-22 09:15:01", "date"),
        ("`CNY,`100.00", "`100.00,`CNY", "currency"),
        ("`CNY,`100.00", "`CNC,`100.00", "currency"),
        ("`0.60000,`0.60%", "`0.60%,`0.60000", "amount"),
        ("`0.60000,`0.60%", "`0.60000,`0.60", "rate"),
        ("`wx0123456789abcdef,", "", "columns"),
    ],
)
def test_a_wechat_row_that_is_not_right_is_rejected_with_its_line(old, new, code):
    out = read("wechat_bill", swap(TRAPS, old, new))
    assert [(one.line_no, one.code) for one in out.rejects] == [(2, code)]
    assert not out.clean
    assert out.rejects[0].chinese
    assert "6222021234567890128" not in out.rejects[0].raw


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda d: d[: d.index("总交易单数".encode())], "truncated"),
        (lambda d: d[: d.rindex(b"`6,")], "truncated"),
        (lambda _: b"", "empty"),
        (lambda _: b"\n\n", "empty"),
        (lambda d: swap(d, "微信订单号", "订单"), "header"),
        (lambda d: swap(d, "商户号,特约", "商户号,商户号,特约"), "header"),
        (lambda d: swap(d, "手续费总金额", "手续费合计"), "totals"),
        (lambda d: swap(d, "`226.00", "`"), "totals"),
    ],
)
def test_a_wechat_bill_that_is_not_whole_is_refused(change, refusal):
    assert read("wechat_bill", change(TRAPS)).refused.code == refusal


def test_a_line_twice_a_wrong_total_or_a_line_after_the_totals_does_not_pass():
    row = next(line for line in TRAPS.split(b"\r\n") if b"ORD20261122003" in line)
    twice = read("wechat_bill", TRAPS.replace(row, row + b"\r\n" + row))
    assert twice.total("lines") == (6, 7)
    assert not twice.clean
    assert not read("wechat_bill", swap(TRAPS, "`226.00", "`226.01")).clean
    assert read("wechat_bill", TRAPS + row).rejects[0].code == "after_total"


def test_a_byte_that_is_no_character_costs_one_line():
    out = read("wechat_bill", TRAPS.replace("用券".encode(), b"\xff\xfe\xff"))
    assert [(one.line_no, one.code) for one in out.rejects] == [(4, "encoding")]


def test_the_fund_flow_bill_is_signed_and_summed():
    data = sample("wechat_fund/day.utf8bom.csv")
    out = read("wechat_fund", data)
    assert out.clean
    assert out.money == [("refund", -2, 0, "CNY"), ("payment", 10_000, 0, "CNY"), ("fee", -60, 0, "CNY")]
    assert out.total("outgo") == (-62, -62)
    assert not read("wechat_fund", swap(data, "`0.62", "`0.63")).clean
    assert read("wechat_fund", swap(data, "`支出,`0.02", "`借出,`0.02")).rejects[0].code == "direction"
    assert read("wechat_fund", swap(data, "`支出,`0.02", "`支出,`-0.02")).rejects[0].code == "amount"
    assert read("wechat_fund", data[: data.rindex(b"`3,")]).refused.code == "truncated"


# ------------------------------------------------------------------ Alipay


def test_an_alipay_bill_gives_payments_and_negative_refunds():
    out = read("alipay_bill", ALIPAY)
    assert out.clean
    assert out.money == [
        ("payment", 3_000, -17, "CNY"),
        ("payment", 1_250, -8, "CNY"),
        ("refund", -250, 2, "CNY"),
    ]
    assert out.lines[0].net_minor == 2_800 - 17
    assert out.lines[1].text == "牛奶,两盒 会员"
    assert (out.lines[2].reference, out.lines[2].original) == ("RF0001", out.lines[1].reference)
    assert out.lines[0].tid == "T0000001"
    assert out.lines[0].account == "20880001234567890156"
    assert out.total("payments") == (4_050, 4_050)
    assert out.total("refunds") == (-250, -250)


def test_the_published_alipay_bill_is_read_and_its_totals_are_not_met():
    out = read("alipay_bill", sample("alipay_bill/alipay_trade_detail_2019_abridged.gb18030.csv"))
    assert [line.amount_minor for line in out.lines] == [1, -1, 1]
    assert out.total("payment_lines") == (6, 2)
    assert out.total("refunds") == (-4, -1)
    assert not out.clean


def test_a_refund_written_without_a_sign_is_negative():
    out = read("alipay_bill", sample("alipay_bill/bare_four_columns.gbk.csv"))
    assert out.money == [("payment", 1_234, 0, "CNY"), ("refund", -5, 0, "CNY")]


def test_the_summary_member_is_known_and_gives_no_line():
    data = sample("alipay_bill/20880001234567890156_20261122_业务明细(汇总).csv")
    out = read("alipay_bill", data)
    assert out.clean
    assert not out.lines
    assert [frame.line_no for frame in out.frames] == list(range(1, 9))
    assert {frame.what for frame in out.frames} == {"summary, no transactions"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (",12.50,12.50", ",12.50元5,12.50", "amount"),
        (",30.00,28.00", ",-30.00,28.00", "amount"),
        (",30.00,28.00", ",33.00,28.00", "discount"),
        (",12.50,12.50", ",12.49,12.50", "discount"),
        ("交易\t,面包", "交錯\t,面包", "type"),
        ("2026112222001400000000000001\t", "\t", "reference"),
        ("2026-11-22 08:00:01,2026-11-22 08:00:01", "x,y", "date"),
        (",T0000001", "", "columns"),
    ],
)
def test_an_alipay_row_that_is_not_right_is_rejected(old, new, code):
    out = read("alipay_bill", swap(ALIPAY, old, new, "gb18030"))
    assert [one.code for one in out.rejects] == [code]
    assert not out.clean


def test_an_alipay_bill_that_is_not_whole_does_not_pass():
    end = "业务明细列表结束".encode("gb18030")
    assert read("alipay_bill", ALIPAY[: ALIPAY.index(end)]).refused.code == "truncated"
    assert read("alipay_bill", b"").refused.code == "empty"
    assert read("alipay_bill", swap(ALIPAY, "支付宝交易号", "交易号", "gb18030")).refused.code == "header"
    assert read("alipay_bill", swap(ALIPAY, "共40.50元", "共40.5", "gb18030")).refused.code == "totals"
    assert not read("alipay_bill", swap(ALIPAY, "共40.50元", "共40.51元", "gb18030")).clean
    rows = ALIPAY.split(b"\r\n")
    assert not read("alipay_bill", b"\r\n".join([*rows[:7], rows[6], *rows[7:]])).clean
    hidden = b"\r\n".join([*rows[:6], b"#" + rows[6], *rows[7:]])
    assert read("alipay_bill", hidden).rejects[0].code == "comment"


def test_the_aggregators_bill_compares_all_six_totals():
    data = sample("alipay_aggregator/cib_2017.csv")
    out = read("alipay_aggregator", data)
    assert out.clean
    assert out.money == [("refund", -1, 0, "CNY"), ("payment", 1, 0, "CNY")]
    assert out.lines[0].original == out.lines[1].reference
    assert len(out.totals) == 6
    assert not read("alipay_aggregator", data.replace(b"`1,`0.01,`0,`1,`0.01", b"`1,`0.01,`0,`1,`0.02")).clean
    assert read("alipay_aggregator", data[: data.rindex(b"`1,`0.01,`0,`1")]).refused.code == "truncated"


def test_the_personal_export_signs_by_direction_and_meets_its_preamble():
    data = sample("alipay_record/export.gb18030.csv")
    out = read("alipay_record", data)
    assert out.clean
    assert [(line.kind, line.amount_minor) for line in out.lines] == [
        (LineKind.OTHER, -2_550),
        (LineKind.PAYMENT, 1_000),
        (LineKind.REFUND, 550),
        (LineKind.OTHER, 0),
    ]
    assert out.lines[3].mark is Mark.VOIDED
    assert out.total("outgo") == (-2_550, -2_550)
    cut = data[: data.index(b"2026-11-22 15:00:00")]
    assert not read("alipay_record", cut).clean


def test_an_alipay_export_with_padded_columns_is_known_and_another_wallets_is_not():
    data = sample("alipay_record/export.gb18030.csv")
    text = data.decode("gb18030")
    header = next(line for line in text.splitlines() if line.startswith("交易时间,"))
    padded = text.replace(header, ",".join(f"{name}        " for name in header.split(",")))
    one = FORMATS["alipay_record"]
    assert one.recognise(make_head("a.csv", padded.encode("gb18030"))) > 90
    assert read("alipay_record", padded.encode("gb18030")).money == read("alipay_record", data).money
    other = text.replace(header, header.replace("交易对方", "商户名称"))
    assert one.recognise(make_head("a.csv", other.encode("gb18030"))) == 0
