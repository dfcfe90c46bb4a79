"""`storno reconcile` on wallets' bills of single merchants: which bill is missing, and what one without a sale says."""

import json

import pyarrow.parquet as pq
import pytest

from recon_kit import table
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.recon.pair import BOOKS_NUMBERS, BOOKS_TEXTS
from storno.recon.rules._example import sale

DAYS = ("20261102", "20261103", "20261104")
SHOPS = ("898310059120001", "898310059120002")
HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,"
    "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


def ours(shop, day):
    """Give the two sales of a shop on a day."""
    who = {"date": day, "mid": shop, "tid": f"1000000{shop[-1]}", "rrn": "", "stan": ""}
    return [sale(n, 1_000 * n, tx_id=f"{day}{shop[-1]}{n:07d}", **who) for n in (1, 2)]


def bill(shop, day, sales):
    """Write a bill as the wallet does."""
    rows = [HEADER]
    for one in sales:
        yuan, number = f"{one['amount_minor'] / 100:.2f}", one["tx_id"]
        rows.append(
            f"`{day[:4]}-{day[4:6]}-{day[6:]} 10:00:00,`wx1,`{shop},`0,`{one['tid']},`42{number},`{number},`o1,"
            f"`MICROPAY,`SUCCESS,`OTHERS,`CNY,`{yuan},`0.00,`,`,`0.00,`0.00,`,`,`x,`,`0.00,`0.60%,`{yuan},`0.00,`"
        )
    whole = f"{sum(one['amount_minor'] for one in sales) / 100:.2f}"
    rows += [TOTALS, f"`{len(sales)},`{whole},`0.00,`0.00,`0.00,`{whole},`0.00"]
    return "\n".join(rows) + "\n"


class Shops:
    """Shops whose bills are imported one by one."""

    def __init__(self, folder, home, shops):
        self.folder, self.home = folder, home
        self.books = folder / "books.parquet"
        rows = [one for shop in shops for day in DAYS for one in ours(shop, day)]
        pq.write_table(table(rows, BOOKS_TEXTS, BOOKS_NUMBERS), self.books)

    def take(self, shop, day, sales=None):
        path = self.folder / f"{shop}-{day}.csv"
        path.write_text(bill(shop, day, ours(shop, day) if sales is None else sales), "utf-8")
        assert run(["import", "--home", str(self.home), str(path)]) == 0

    def reconcile(self, capsys, *more):
        capsys.readouterr()
        argv = [
            "reconcile",
            "--home",
            str(self.home),
            "--books",
            str(self.books),
            "--as-of",
            "2026-11-20",
            *more,
        ]
        return run(argv), capsys.readouterr().out


@pytest.mark.parametrize("language", list(Language))
def test_a_missing_bill_is_called_by_its_title_in_the_language_of_the_rest(
    tmp_path, storno_home, capsys, language
):
    shops = Shops(tmp_path, storno_home, SHOPS)
    for shop in SHOPS:
        for day in DAYS:
            if (shop, day) != (SHOPS[0], DAYS[1]):
                shops.take(shop, day)
    code, said = shops.reconcile(capsys, "--lang", language)
    assert code == 2
    assert {
        Language.EN: f"no file of WeChat Pay trade bill {SHOPS[0]} for {DAYS[1]}",
        Language.ZH: f"{DAYS[1]} 没有 微信支付交易账单 {SHOPS[0]} 的文件",
    }[language] in said
    assert "wechat_bill" not in said


def test_a_bill_without_a_sale_makes_what_we_booked_that_day_a_difference(tmp_path, storno_home, capsys):
    shops = Shops(tmp_path, storno_home, SHOPS[:1])
    for day in (DAYS[0], DAYS[2]):
        shops.take(SHOPS[0], day)
    code, said = shops.reconcile(capsys, "--json")
    assert (code, [one["code"] for one in json.loads(said)["reasons"]]) == (2, ["day"])
    shops.take(SHOPS[0], DAYS[1], [])
    code, said = shops.reconcile(capsys, "--json")
    result = json.loads(said)
    assert (code, result["reasons"], result["provisional"]) == (1, [], [])
    assert [(one["rule"], one["count"]) for one in result["findings"]] == [("approved_not_settled", 2)]


def test_a_bill_without_a_sale_does_not_merge_the_bills_of_others(tmp_path, storno_home, capsys):
    shops = Shops(tmp_path, storno_home, SHOPS)
    for day in DAYS:
        shops.take(SHOPS[0], day)
    shops.take(SHOPS[1], DAYS[0])
    shops.take(SHOPS[1], "20261105", [])
    code, said = shops.reconcile(capsys, "--json")
    result = json.loads(said)
    assert code == 2
    named = [one["en"] for one in result["reasons"] if one["code"] == "source"]
    assert [SHOPS[1] in one for one in named] == [True, True]
