"""Files as many senders write them, made from published descriptions: mapped and imported as a user does, line by line.

Each wants its own trick: sums among the rows, signs in cells, dates of other calendars, currencies beside amounts.
"""

import io
import json
from datetime import date, datetime

import pyarrow.parquet as pq
import pytest
import pyzipper
import xlsxwriter

from storno.cli.main import run
from storno.cli.text import Language, speak


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


class User:
    """Somebody with a file and a home."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.doubts = ""

    def call(self, *words):
        code = run([str(word) for word in words])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def file(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def imported(self, path, *options):
        """Import a file whole, and give its lines."""
        home = self.folder / "home"
        code, out, err = self.call("import", path, "--home", home, "--json", *options)
        assert code == 0, out + err
        body = [json.loads(line) for line in out.splitlines()]
        assert [(one["rejects"], one["complete"]) for one in body] == [(0, True)] * len(body)
        return [row for one in sorted(home.rglob("*.parquet")) for row in pq.read_table(one).to_pylist()]

    def mapped(self, path, *options):
        """Have a mapping proposed, import with it as it is."""
        toml = self.folder / "my.toml"
        code, out, err = self.call("statement", "map", path, "--out", toml, "--json")
        assert code == 0, err
        self.doubts = " ".join(one["english"] for one in json.loads(out)["doubts"])
        return self.imported(path, "--mapping", toml, *options)


@pytest.fixture
def user(tmp_path, capsys):
    return User(tmp_path, capsys)


def workbook(rows, merged=""):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    day, moment = (book.add_format({"num_format": form}) for form in ("yyyy/m/d", "yyyy-mm-dd hh:mm:ss"))
    sheet = book.add_worksheet()
    for at, row in enumerate(rows):
        for place, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(at, place, value, moment)
            elif isinstance(value, date):
                sheet.write_datetime(at, place, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
            else:
                sheet.write(at, place, value)
    if merged:
        sheet.merge_range(0, 0, 0, 8, merged)
    book.close()
    return out.getvalue()


# -------------------------------------------------------------------- mapped from their header and rows
# name: (encoding, text, [(amount, day, time of day, kind, more members)])
SENDERS = {
    "ICBC: foreign and booked amounts in pairs, tabs, a sum that is shorter": (
        "gb18030",
        ("明细查询文件下载\t\n\n卡号: 6222********0001\t,子账户序号: 00000\t\n"
        "交易日期,摘要,交易场所,交易金额(收入),交易金额(支出),交易币种,记账金额(收入),记账金额(支出),记账币种,余额,对方户名\n"
        '2026-11-29\t,消费\t,北京\t,\t,2.00\t,美元\t,\t,16.50\t,人民币\t,"1,083.50"\t,某便利店\t\n'
        '2026-11-28\t,工资\t,上海\t,"1,000.00"\t,\t,人民币\t,"1,000.00"\t,\t,人民币\t,"1,100.00"\t,某公司\t\n'
        '\n人民币合计,,,,,,"1,000.00"\t,16.50\t\n'),
        [(-1650, "20261129", "", "other", {"currency": "CNY", "text": "消费"}),
         (100_000, "20261128", "", "deposit", {"text": "工资"})],
    ),
    "a state bank: full-width digits, Chinese dates, voucher numbers": (
        "gb18030",
        ("历史明细清单,,,,,,\n序号,交易日期,凭证号,摘要,借方发生额（元）,贷方发生额（元）,余额（元）\n"
        '１,２０２６年１１月２日,00012345,商户结算,,"１，２３４．５６","２，２３４．５６"\n'
        '２,２０２６年１１月３日,00012346,手续费,３４．５６,,"２，２００．００"\n'
        '合计,,,,３４．５６,"１，２３４．５６",\n'),
        [(123_456, "20261102", "", "deposit", {"reference": "00012345", "stan": ""}),
         (-3456, "20261103", "", "fee", {"reference": "00012346"})],
    ),
    "a ledger: a balance carried over, sums of days, pages and years between the rows": (
        "gb18030",
        ("某某银行对账单\n日期,凭证号,摘要,借方金额,贷方金额,方向,余额\n"
        '2026-11-01,,上期余额,,,贷,"1,000.00"\n2026-11-01,1001,商户结算,,"1,234.56",贷,"2,234.56"\n'
        '2026-11-01,1002,手续费,34.56,,贷,"2,200.00"\n本日合计,,,34.56,"1,234.56",贷,"2,200.00"\n'
        '2026-11-02,1003,商户结算,,800.00,贷,"3,000.00"\n本月合计,,,34.56,"2,034.56",贷,"3,000.00"\n'
        '本年累计,,,134.56,"12,034.56",贷,"3,000.00"\n打印日期：2026-11-03\n'),
        [(123_456, "20261101", "", "deposit", {"reference": "1001"}), (-3456, "20261101", "", "fee", {}),
         (80_000, "20261102", "", "deposit", {})],
    ),
    "an acquirer: cleared on another day than paid, a sum at the end": (
        "gb18030",
        ("商户对账单\n清算日期,交易日期,交易时间,终端号,交易类型,交易金额,商户手续费,入账金额,检索参考号,凭证号,批次号\n"
        "20261103,20261102,101112,01234567,消费,100.00,0.50,99.50,110210111201,000011,000001\n"
        "20261103,20261102,121112,01234567,退货,-20.00,-0.10,-19.90,110212111202,000012,000001\n"
        "20261103,20261102,131112,01234567,扫码消费,50.00,0.19,49.81,110213111203,000013,000001\n"
        "总计,,,,,130.00,0.59,129.41,,,\n"),
        [(10_000, "20261103", "20261102101112", "payment", {"stan": "000011", "fee_minor": -50, "net_minor": 9950}),
         (-2000, "20261103", "20261102121112", "refund", {"fee_minor": 10}),
         (5000, "20261103", "20261102131112", "payment", {"stan": "000013", "tid": "01234567"})],
    ),
    "Bank of Communications: the way of the money is called a state": (
        "gb18030",
        ("交通银行借记卡账户交易明细\n交易日期,借贷状态,交易金额,余额,对方账号,对方户名,摘要\n"
        '2026-11-02 10:11:12,贷,"1,234.56","2,234.56",6222,李四,货款\n'
        '2026-11-03 08:00:00,借,34.56,"2,200.00",,,取现\n'),
        [(123_456, "20261102", "20261102101112", "deposit", {"text": "货款"}),
         (-3456, "20261103", "20261103080000", "other", {})],
    ),
    "mBank: names behind a hash, the currency beside each amount, Windows-1250": (
        "cp1250",
        ("mBank S.A.;\n#Klient;\nJAN KOWALSKI;\n\n"
        "#Data operacji;#Opis operacji;#Rachunek;#Kwota;#Saldo po operacji;\n"
        '2026-11-02;"PRZELEW PRZYCHODZĄCY";"eKonto 1";1 234,56 PLN;2 234,56 PLN;\n'
        '2026-11-03;"OPŁATA ZA KARTĘ";"eKonto 1";-9,90 PLN;2 224,66 PLN;\n'),
        [(123_456, "20261102", "", "deposit", {"currency": "PLN", "text": "PRZELEW PRZYCHODZĄCY"}),
         (-990, "20261103", "", "fee", {"text": "OPŁATA ZA KARTĘ"})],
    ),
    "DKB: the currency as a sign in the header, an IBAN that is the other side's": (
        "utf-8",
        ('"Girokonto";"DE00"\n"Kontostand:";"2.224,66 €"\n""\n'
        '"Buchungsdatum";"Status";"Verwendungszweck";"IBAN";"Betrag (€)"\n'
        '"03.11.26";"Gebucht";"Entgelt";"DE01";"-9,90"\n"02.11.26";"Gebucht";"Karten";"DE02";"1.234,56"\n'),
        [(-990, "20261103", "", "fee", {"currency": "EUR", "account": ""}),
         (123_456, "20261102", "", "deposit", {"account": ""})],
    ),
    "a Japanese bank in Shift-JIS": (
        "shift_jis",
        '日付,摘要,お支払金額,お預り金額,残高\n2026/11/2,カード売上入金,,"123,456","223,456"\n2026/11/3,手数料,660,,"222,796"\n',
        [(123_456, "20261102", "", "deposit", {"currency": "JPY", "text": "カード売上入金"}),
         (-660, "20261103", "", "fee", {})],
    ),
    "a bank in Taiwan: Big5, years since 1912": (
        "big5",
        ('帳號,交易日期,摘要,支出金額,存入金額,餘額\n001,115/11/02,信用卡撥款,,"1,234","2,234"\n'
        '001,115/11/13,手續費,30,,"2,204"\n'),
        [(123_400, "20261102", "", "deposit", {"account": "001", "text": "信用卡撥款"}),
         (-3000, "20261113", "", "fee", {})],
    ),
    "an Indian bank: lakhs": (
        "utf-8",
        ('Txn Date,Description,Debit,Credit,Balance\n2 Nov 2026,SETTLEMENT,,"1,23,456.78","12,23,456.78"\n'
        '13 Nov 2026,MDR CHARGES,"1,000.00",,"12,22,456.78"\n'),
        [(12_345_678, "20261102", "", "deposit", {}), (-100_000, "20261113", "", "fee", {})],
    ),
    "a bank that writes Cr and Dr in the cells": (
        "utf-8",
        ('Posting Date,Narrative,Amount,Balance\n2026-11-02,SETTLEMENT,"USD 1,234.56 Cr","USD 34.56 Dr"\n'
        '2026-11-03,FEE,USD 34.56DR,"USD 69.12 DR"\n'),
        [(123_456, "20261102", "", "deposit", {"currency": "USD"}), (-3456, "20261103", "", "fee", {})],
    ),
    "an American bank: brackets, the currency in the header": (
        "utf-8",
        ('Account,0001\nDate,Description,Amount (USD),Balance (USD)\n11/02/2026,SETTLEMENT,"1,234.56","2,234.56"\n'
        '11/13/2026,MONTHLY FEE,(34.56),"2,200.00"\n11/14/2026,CHARGEBACK,"($1,200.00)","$1,000.00"\n'),
        [(123_456, "20261102", "", "deposit", {"currency": "USD"}), (-3456, "20261113", "", "fee", {}),
         (-120_000, "20261114", "", "other", {})],
    ),
    "an old Macintosh in UTF-16": (
        "utf-16",
        "交易日期,摘要,金额,余额\r2026-11-02,结算,1234.56,2234.56\r2026-11-03,手续费,-34.56,2200.00\r",
        [(123_456, "20261102", "", "deposit", {}), (-3456, "20261103", "", "fee", {})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS)
def test_a_senders_file_is_mapped_and_imported(user, sender):
    codec, text, wanted = SENDERS[sender]
    lines = user.mapped(user.file("export.csv", text.encode(codec)))
    assert [one["amount_minor"] for one in lines] == [one[0] for one in wanted], user.doubts
    for line, (_, day, at, kind, more) in zip(lines, wanted, strict=True):
        assert (line["settled_on"], line["at"] or "", line["kind"]) == (day, at, kind)
        assert {name: line[name] or "" for name in more} == more
    for one in ("no column of dates", "turned round", "are rejects", "a row of sums was seen"):
        assert one not in user.doubts


@pytest.mark.parametrize("codec", ["big5", "utf-8"])
def test_the_currency_of_an_account_in_hong_kong_or_taiwan_is_a_doubt(user, codec):
    text = "交易日期,摘要,支出金額,存入金額,餘額\n2026/11/02,撥款,,1234.00,2234.00\n"
    user.mapped(user.file("export.csv", text.encode(codec)))
    assert "says the currency" in user.doubts


def test_a_spreadsheets_serial_days_keep_their_time_of_day(user):
    """A whole number of days is no moment at midnight where the time has its own column."""
    rows = [
        ["商户交易流水"],
        ["交易日期", "交易时间", "终端号", "流水号", "参考号", "交易类型", "交易金额", "手续费"],
        [46328, 0.4, "10000001", "000001", "261101000001", "消费", 128.5, 0.77],
        [46329, 0.5, "10000001", "000002", "261101000002", "退货", 10, 0.06],
    ]
    lines = user.mapped(user.file("pos.xlsx", workbook(rows)))
    assert [(one["settled_on"], one["at"]) for one in lines] == [
        ("20261102", "20261102093600"), ("20261103", "20261103120000"),
    ]  # fmt: skip
    assert [one["amount_minor"] for one in lines] == [12_850, -1000]


def test_cells_of_days_are_days(user):
    rows = [
        ["日期", "摘要", "金额", "余额"],
        [date(2026, 11, 2), "结算", 12.5, 22.5],
        [date(2026, 11, 3), "手续费", -2, 20.5],
    ]
    lines = user.mapped(user.file("bank.xlsx", workbook(rows)))
    assert [(one["settled_on"], one["at"] or "") for one in lines] == [("20261102", ""), ("20261103", "")]


def test_rows_of_one_cell_under_a_table_are_named_in_the_mapping(user):
    rows = [
        ["某某银行账户明细查询"], ["查询账号：9721", "", "户名：某某公司"],
        ["交易日期", "交易时间", "摘要", "借方发生额", "贷方发生额", "余额"],
        ["2026年11月2日", "10:11:12", "结算", "", "12,345.60", "22,345.60"],
        ["2026年11月3日", "09:00:00", "收费", "45.60", "", "22,300.00"],
        ["借方合计：1笔 45.60元"], ["贷方合计：1笔 12,345.60元"], ["操作员：0012"], ["打印日期：2026年12月1日"],
    ]  # fmt: skip
    lines = user.mapped(user.file("bank.xlsx", workbook(rows, merged="某某银行账户明细查询")))
    assert [(one["amount_minor"], one["at"], one["kind"]) for one in lines] == [
        (1_234_560, "20261102101112", "deposit"), (-4560, "20261103090000", "fee"),
    ]  # fmt: skip


# -------------------------------------------------------------------- known by their header
WECHAT_TITLES = """微信支付账单明细
微信昵称：[张三]
起始时间：[2026-11-01 00:00:00] 终止时间：[2026-11-30 23:59:59]
共4笔记录
收入：2笔 116.50元
支出：1笔 16.50元
中性交易：1笔 500.00元
注：
1. 充值/提现/理财通购买/零钱通存取/信用卡还款等交易，将计入中性交易
----------------------微信支付账单明细列表--------------------"""
WECHAT_ROWS = """交易时间|交易类型|交易对方|商品|收/支|金额(元)|支付方式|当前状态|交易单号|商户单号|备注
2026-11-29 18:20:11|商户消费|某便利店|水,面包|支出|¥16.50|零钱|已全额退款|4200001|10000001|/
2026-11-29 19:20:11|商户消费-退款|某便利店|水,面包|收入|¥16.50|零钱|已全额退款|5030001|10000001|/
2026-11-28 12:01:59|转账|李四|/|收入|¥100.00|/|已存入零钱|1000001|/|/
2026-11-27 08:00:00|零钱提现|招商银行|/|/|¥500.00|招商银行(1234)|提现已到账|2070001|/|服务费¥0.50"""
WECHAT = [
    *([one] for one in WECHAT_TITLES.split("\n")),
    *(one.split("|") for one in WECHAT_ROWS.split("\n")),
]
WECHAT_HEADER = len(WECHAT_TITLES.split("\n"))


def wechat_csv(rows=WECHAT):
    """Write it as the app does: as many commas in every row, a tab behind numbers."""
    out = []
    for at, row in enumerate(rows):
        cells = [f'"{one}"' if "," in one else one for one in row] + [""] * (11 - len(row))
        if at > WECHAT_HEADER:
            cells[8:10] = [f"{one}\t" for one in cells[8:10]]
        out.append(",".join(cells) + "\r\n")
    return "".join(out)


def wechat_book():
    rows = [list(row) for row in WECHAT]
    for row in rows[WECHAT_HEADER + 1 :]:
        row[0], row[5] = datetime.fromisoformat(row[0]), float(row[5].strip("¥"))
    return workbook(rows, merged="微信支付账单明细")


def wechat_zip():
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"123456")
        archive.writestr("微信支付账单流水文件(20261101-20261130).xlsx", wechat_book())
    return out.getvalue()


WECHAT_WAYS = {
    "wechat.csv": (lambda: wechat_csv().encode("utf-8-sig"), ()),
    "wechat.xlsx": (wechat_book, ()),
    "wechat.zip": (wechat_zip, ("--password", "123456")),
}


@pytest.mark.parametrize("name", WECHAT_WAYS)
def test_wechats_personal_bill_is_known_in_every_dress(user, name):
    make, options = WECHAT_WAYS[name]
    lines = user.imported(user.file(name, make()), *options)
    assert [
        (one["amount_minor"], one["at"], one["kind"], one["reference"], one["order"] or "") for one in lines
    ] == [
        (-1650, "20261129182011", "other", "4200001", "10000001"),
        (1650, "20261129192011", "deposit", "5030001", "10000001"),
        (10_000, "20261128120159", "deposit", "1000001", ""),
    ]


def refused(user, path):
    code, out, _ = user.call("import", path, "--home", user.folder / "home", "--json")
    assert code == 1
    return json.loads(out.splitlines()[0])["refused"]["code"]


def test_wechats_personal_bill_must_keep_its_sums(user):
    assert refused(user, user.file("short.csv", wechat_csv(WECHAT[:-2]).encode())) == "totals"
    assert (
        refused(user, user.file("other.csv", wechat_csv().replace("¥100.00", "¥101.00").encode())) == "totals"
    )


ALIPAY = """#支付宝账务明细查询
#账号：[20880000000000000156]
#起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]
#-----------------------------------------账务明细列表----------------------------------------
账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注
900000001,2026112301,A1,咖啡,2026-11-23 09:00:05,138****0001,1234.50,0.00,5234.50,支付宝,在线支付,
900000002,2026112301,A1,咖啡,2026-11-23 09:00:05,,0.00,-7.41,5227.09,支付宝,收费,服务费
900000003,2026112301,A1,咖啡,2026-11-23 15:00:05,138****0001,0.00,-234.50,4992.59,支付宝,交易退款,退货
900000004,2026112309,,,2026-11-23 23:59:59,中国银行,0.00,-1000.00,3992.59,银行,提现,
#-----------------------------------------账务明细列表结束------------------------------------
#支出合计：3笔，共-1241.91元
#收入合计：1笔，共1234.50元
#导出时间：[2026年11月24日 09:12:01]
"""


def test_alipays_account_log_is_known_and_must_keep_its_sums(user):
    data = ALIPAY.replace(",A1,", "\t,A1\t,").encode("gb18030")
    lines = user.imported(user.file("log.csv", data))
    assert [(one["amount_minor"], one["kind"], one["reference"], one["original"]) for one in lines] == [
        (123_450, "deposit", "900000001", "2026112301"), (-741, "fee", "900000002", "2026112301"),
        (-23_450, "other", "900000003", "2026112301"), (-100_000, "other", "900000004", "2026112309"),
    ]  # fmt: skip
    wrong = ALIPAY.replace("共-1241.91元", "共-1241.92元")
    assert refused(user, user.file("wrong.csv", wrong.encode("gb18030"))) == "totals"
    cut = ALIPAY[: ALIPAY.index("#收入合计")]
    assert refused(user, user.file("cut.csv", cut.encode("gb18030"))) == "totals"


CMB = """# 招商银行交易记录
# 账    号: [张三 6214********1234 ]
"交易日期","交易时间","收入","支出","余额","交易类型","交易备注"
"TAB20261129","TAB18:20:11","","16.50","1,083.50","银联快捷支付","财付通-某便利店"
"TAB20261128","TAB12:01:59","100.00","","1,100.00","汇入汇款","李四"
"TAB20261101","TAB00:00:01","","2.00","1,000.00","账户管理费","收费"
# 收入合计: 1 笔, 共 100.00 元
# 支出合计: 2 笔, 共 18.50 元
""".replace("TAB", "\t")


def test_china_merchants_bank_is_known_by_its_header(user):
    lines = user.imported(user.file("CMB.csv", CMB.replace("\n", "\r\n").encode("gb18030")))
    assert [(one["amount_minor"], one["at"], one["kind"]) for one in lines] == [
        (-1650, "20261129182011", "other"), (10_000, "20261128120159", "deposit"), (-200, "20261101000001", "fee"),
    ]  # fmt: skip
    wrong = CMB.replace("共 18.50", "共 18.60")
    assert refused(user, user.file("wrong.csv", wrong.encode())) == "totals"


# -------------------------------------------------------------------- what is said
@pytest.mark.parametrize("command", ["map", "check"])
def test_an_archive_is_called_one(user, command):
    path = user.file("bills.zip", wechat_zip())
    for lang, said in (("en", "archive"), ("zh", "压缩包")):
        code, _, err = user.call("--lang", lang, "statement", command, path)
        assert code == 2
        assert said in err


def test_an_empty_amount_is_not_told_of_the_column_read_before(user):
    rows = (
        "日期,摘要,支出,收入,余额",
        "2026-11-01,结算,,1.00,1.00",
        "2026-11-02,空,,,1.00",
        "2026-11-03,结算,,1.00,2.00",
    )
    path = user.file("bank.csv", "\n".join(rows).encode())
    user.call("statement", "map", path, "--out", user.folder / "my.toml")
    code, out, _ = user.call("statement", "check", path, "--mapping", user.folder / "my.toml")
    assert code == 1
    assert "line 3: the amount is empty" in out


RABO = """:20:1
:25:NL91RABO0315273637 EUR
:28C:0
:60F:C261101EUR1000,00
:61:261102D9,90N544NONREF
:86:Kosten
:61:2611021102D1,00NMSCX
:86:808?00ENTGELT
:62F:C261102EUR989,10
-
"""


def test_an_account_before_its_currency_is_the_account(user):
    lines = user.imported(user.file("rabo.sta", RABO.encode()))
    assert [(one["account"], one["amount_minor"], one["kind"]) for one in lines] == [
        ("NL91RABO0315273637", -990, "other"), ("NL91RABO0315273637", -100, "fee"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "is in USD, the line in CNY"), ("zh", "的币种为 USD，该行为 CNY")]
)
def test_an_amount_is_never_taken_for_one_in_another_currency(user, lang, said):
    path = user.file("bank.csv", b"Date,Description,Amount,Balance\n2026-11-01,a,USD 1.00,USD 1.00\n")
    code, out, _ = user.call("--lang", lang, "statement", "check", path)
    assert code == 1
    assert said in out
    assert user.call("--lang", lang, "import", path, "--home", user.folder / "home")[0] == 1
    [line] = user.imported(path, "--currency", "USD")
    assert (line["amount_minor"], line["currency"]) == (100, "USD")


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("Amount (SEK)", "SEK"),
        ("Amount EUR", "EUR"),
        ("Amount [£]", "GBP"),
        ("Amount ALL", "CNY"),
        ("Amount", "CNY"),
    ],
)
def test_a_header_may_name_the_currency(user, name, currency):
    lines = user.mapped(user.file("bank.csv", f"Date,Text,{name}\n2026-11-14,a,-1.00\n".encode()))
    assert [one["currency"] for one in lines] == [currency]


def test_days_without_a_year_ask_for_it(user):
    text = "交易日,摘要,发生额,账户余额\n11月2日,结算,12.50,22.50\n11月13日,手续费,-2.00,20.50\n"
    path, toml = user.file("bank.csv", text.encode()), user.folder / "my.toml"
    assert user.call("statement", "map", path, "--out", toml)[0] == 0
    code, out, _ = user.call("import", path, "--mapping", toml, "--home", user.folder / "home", "--json")
    assert (code, json.loads(out)["refused"]["code"]) == (1, "year")
    lines = user.imported(path, "--mapping", toml, "--year", "2026")
    assert [one["settled_on"] for one in lines] == ["20261102", "20261113"]


def test_a_column_of_amounts_paid_by_card_is_no_card_number(user):
    text = (
        "Date,Gross Sales,Card,Fees,ID\n11/13/26,$12.50,$12.50,-$0.40,T1\n11/14/26,($2.50),($2.50),$0.00,T2\n"
    )
    lines = user.mapped(user.file("sales.csv", text.encode()))
    assert [(one["amount_minor"], one["card"] or "") for one in lines] == [(1250, ""), (-250, "")]


def test_the_merchants_own_number_is_the_order_and_no_merchant(user):
    text = (
        "Txn Create Time,Txn Complete Time,Transaction Type,OriginalMerchant Txn ID,Merchant Txn ID,Trade Order ID,"
        "Txn Status,Txn Amount,Txn Currency,Txn Fee\n"
        "2026-11-09 10:00:00,2026-11-09 10:10:00,PAYMENT,,M1,T1,SUCCESS,7.00,SAR,-1.00\n"
        "2026-11-09 10:00:00,2026-11-09 10:15:00,REFUND,M1,M2,T2,SUCCESS,2.00,SAR,0.00\n"
    )
    lines = user.mapped(user.file("payin.csv", text.encode()))
    names = ("kind", "amount_minor", "fee_minor", "at", "mid", "reference", "order", "original")
    assert [tuple(one[name] or "" for name in names) for one in lines] == [
        ("payment", 700, -100, "20261109101000", "", "T1", "M1", ""),
        ("refund", -200, "", "20261109101500", "", "T2", "M2", "M1"),
    ]


def test_an_aggregators_day_is_read_with_the_words_of_its_header(user):
    text = (
        "创建时间,支付单号,商户单号,商户编号,支付状态,付款总金额,结算手续费,应结算金额,设备编号,货币种类\n"
        "2026-11-23 09:05:00,P2,M2,5399355381712172,已支付,10.00,0.06,9.94,D1,CNY\n"
    )
    [line] = user.mapped(user.file("day.csv", text.encode("gb18030")))
    names = ("amount_minor", "fee_minor", "net_minor", "reference", "order", "tid", "mark")
    assert [line[name] for name in names] == [1_000, -6, 994, "P2", "M2", "D1", "none"]


def test_an_empty_column_of_foreign_amounts_does_not_hide_the_currency_of_the_amount(user):
    text = "Belegdatum;Status;Beschreibung;Betrag (€);Fremdwährungsbetrag\n17.04.26;Gebucht;a;-52,9;\n"
    [line] = user.mapped(user.file("card.csv", text.encode()))
    assert (line["amount_minor"], line["currency"]) == (-5290, "EUR")
