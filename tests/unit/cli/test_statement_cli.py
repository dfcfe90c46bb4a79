"""`storno statement`: a proposal that can be used at once, the presets, a trial reading, in both languages."""

import json

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.statements.mapping_load import presets

BILL = (
    "账单\n日期,交易时间,类型,金额（元）,终端号,参考号,卡号\n"
    "2026-11-01,09:00:01,消费,12.00,10000001,261101000001,6222020200112230\n"
    "2026-11-01,09:05:00,退货,2.00,10000001,261101000002,6222020200112230\n"
)


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def bill(tmp_path):
    path = tmp_path / "bill.csv"
    path.write_bytes(BILL.encode("gb18030"))
    return path


@pytest.mark.parametrize(("lang", "said"), [("en", "Doubt 1: role"), ("zh", "疑点 1：角色")])
def test_map_shows_columns_reasons_rows_and_doubts(bill, capsys, lang, said):
    assert run(["--lang", lang, "statement", "map", str(bill)]) == 0
    out = capsys.readouterr().out
    assert said in out
    assert 'amount = { column = "金额（元）"' in out
    assert "gb18030" in out
    assert {"en": "refund", "zh": "退款"}[lang] in out
    assert "6222020200112230" not in out


def test_a_proposal_can_be_saved_checked_and_is_not_overwritten(bill, tmp_path, capsys):
    out = tmp_path / "my.toml"
    assert run(["statement", "map", str(bill), "--out", str(out), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["role"], body["header_line"], body["encoding"], body["delimiter"]) == (
        "network",
        2,
        "gb18030",
        ",",
    )
    assert {one["member"] for one in body["columns"]} == {
        "date",
        "time",
        "kind",
        "amount",
        "tid",
        "rrn",
        "card",
    }
    assert [one["amount_minor"] for one in body["lines"]] == [1200, -200]
    assert body["toml"] == out.read_text(encoding="utf-8")
    assert "6222020200112230" not in json.dumps(body)
    assert run(["statement", "map", str(bill), "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(["statement", "map", str(bill), "--out", str(out), "--force"]) == 0
    capsys.readouterr()
    assert run(["statement", "check", str(bill), "--mapping", str(out), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["format"], body["variant"], body["role"], body["agrees"]) == (
        "mapped_csv",
        "my",
        "network",
        True,
    )
    assert (body["lines"], body["rejects"]) == (2, 0)
    assert body["sums"] == [
        {"kind": "payment", "currency": "CNY", "lines": 1, "amount_minor": 1200},
        {"kind": "refund", "currency": "CNY", "lines": 1, "amount_minor": -200},
    ]
    assert body["first_lines"][0]["card"] == "622202******2230"


def test_a_mapping_never_takes_the_statements_place(bill, capsys):
    before = bill.read_bytes()
    assert run(["statement", "map", str(bill), "--out", str(bill), "--force"]) == 2
    assert "place" in capsys.readouterr().err
    assert bill.read_bytes() == before


@pytest.mark.parametrize(("lang", "said"), [("en", "It does not agree."), ("zh", "不一致")])
def test_check_says_what_is_wrong_and_ends_with_1(tmp_path, capsys, lang, said):
    path = tmp_path / "bank.csv"
    path.write_text(
        "Date,Description,Amount,Balance\n2026-11-01,a,1.00,1.00\n2026-11-02,b,2.00,4.00\nx,c,1,5\n"
    )
    assert run(["--lang", lang, "statement", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert said in out
    assert "bank_en_amount" in out
    assert {"en": "NOT met: running balance: declared 4.00 CNY, counted 3.00 CNY (line 3)",
            "zh": "不符：逐笔余额：申报 4.00 CNY，实计 3.00 CNY（第 3 行）"}[lang] in out  # fmt: skip
    assert {"en": "'x' is written as none of auto, ", "zh": "'x' 不符合任一格式：auto, "}[lang] in out


def test_a_file_that_cannot_be_read_is_told_with_what_to_do(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6\n")
    assert run(["statement", "check", str(path)]) == 2
    assert "storno statement map" in capsys.readouterr().err
    assert run(["--lang", "zh", "statement", "map", str(path)]) == 2
    assert "表头" in capsys.readouterr().err
    assert run(["statement", "check", str(path), "--mapping", "bank_ch"]) == 2
    assert "did you mean bank_zh" in capsys.readouterr().err
    assert run(["statement", "map", str(tmp_path / "none.csv")]) == 2


def test_presets_are_listed_and_printed(capsys):
    assert run(["statement", "presets"]) == 0
    assert "storno_terminal" in capsys.readouterr().out
    assert run(["statement", "presets", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["presets"]
    assert [one["name"] for one in listed] == list(presets())
    assert run(["statement", "presets", "bank_zh"]) == 0
    assert 'name = "bank_zh"' in capsys.readouterr().out
    assert run(["statement", "presets", "bank_xx"]) == 2
    assert "bank_zh" in capsys.readouterr().err


def test_one_preset_can_be_had_as_json(capsys):
    assert run(["statement", "presets", "bank_zh"]) == 0
    toml = capsys.readouterr().out
    assert run(["statement", "presets", "bank_zh", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["name"], body["role"], body["kind"], body["toml"]) == ("bank_zh", "bank", "csv", toml)
    assert run(["statement", "presets", "--json"]) == 0
    assert {one: body[one] for one in body if one != "toml"} in json.loads(capsys.readouterr().out)["presets"]


BANK = "日期,金额,余额,币种,摘要\n2026-11-01,1.00,1.00,{},a\n2026-11-02,-0.25,0.75,{},手续费\n"
BANK_MAP = """
role = "bank"
[columns]
amount = "金额"
settled_on = "日期"
currency = "币种"
kind = { column = "摘要", patterns = [{ match = "手续费", kind = "fee" }], positive = "deposit", negative = "other" }
[balance]
column = "余额"
"""


@pytest.fixture
def bank(tmp_path):
    (tmp_path / "bank.toml").write_text(BANK_MAP, encoding="utf-8")
    path = tmp_path / "bank.csv"

    def write(first="CNY", second="CNY", text=BANK):
        path.write_text(text.format(first, second), encoding="utf-8")
        return ["statement", "check", str(path), "--mapping", str(tmp_path / "bank.toml")]

    return write


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ("(bank)", "deposit", "fee", "total met: closing balance 0.75 CNY (line 3)")),
        ("zh", ("（银行账户）", "入账", "手续费", "合计 相符：期末余额 0.75 CNY（第 3 行）")),
    ],
)
def test_check_says_totals_as_money_and_kinds_in_the_language(bank, capsys, lang, said):
    assert run(["--lang", lang, *bank()]) == 0
    out = capsys.readouterr().out
    for word in said:
        assert word in out
    if lang == "zh":
        assert not {"deposit", "fee", "bank）", "closing_balance"} & set(out.replace("（", " ").split())


@pytest.mark.parametrize(("lang", "said"), [("en", "in minor units"), ("zh", "最小货币单位")])
def test_totals_of_several_currencies_are_told_each_in_its_own_or_say_that_they_are_in_minor_units(
    bank, tmp_path, capsys, lang, said
):
    run(["--lang", lang, *bank("CNY", "USD")])
    out = capsys.readouterr().out
    assert "1.00 CNY" in out
    assert "0.75 USD" in out
    assert said not in out
    file = bank("CNY", "USD", BANK + "Total,,0.75,,,\n")
    with (tmp_path / "bank.toml").open("a", encoding="utf-8") as mapping:
        mapping.write('\n[[totals]]\nmatch = "^Total"\ncolumns = { amount = 3 }\n')
    run(["--lang", lang, *file])
    assert said in capsys.readouterr().out


def test_a_currency_without_decimals_is_shown_without(bank, capsys):
    text = BANK.replace("1.00", "100000").replace("-0.25", "-25000").replace("0.75", "75000")
    assert run(bank("VND", "VND", text)) == 0
    out = capsys.readouterr().out
    assert "VND 100,000 " in out
    assert "closing balance 75000 VND" in out


@pytest.mark.parametrize("command", ["check", "import"])
@pytest.mark.parametrize(
    ("given", "near"), [("CNX", "CNY"), ("US$", "USD"), ("RMB", ""), ("12", ""), ("", ""), ("PLM", "PLN")]
)
def test_only_currencies_that_exist_are_taken(bank, tmp_path, capsys, command, given, near):
    words = bank()
    words = words if command == "check" else ["import", *words[2:], "--home", str(tmp_path / "home")]
    for lang, said in (("en", "ISO 4217 currency code"), ("zh", "ISO 4217 币种代码")):
        assert run(["--lang", lang, *words, "--currency", given]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert near in err
    assert not (tmp_path / "home" / "statements").exists()
    for right in ("pln", "CHF", "cny"):
        assert run([*words, "--currency", right]) == 0


def test_a_mapping_names_no_currency_that_does_not_exist(bank, tmp_path, capsys):
    words = bank()
    text = BANK_MAP.replace('currency = "币种"\n', "")
    (tmp_path / "bank.toml").write_text('currency = "CNX"\n' + text, encoding="utf-8")
    assert run(words) == 2
    assert "ISO 4217" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ("no row behind the header", "There is no row in it")),
        ("zh", ("表头之后没有明细行", "没有明细行")),
    ],
)
def test_a_header_alone_is_told_as_such(tmp_path, capsys, lang, said):
    path, out = tmp_path / "quiet.csv", tmp_path / "quiet.toml"
    path.write_text("日期,金额,余额\n", encoding="utf-8")
    assert run(["--lang", lang, "statement", "map", str(path), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert said[0] in told
    assert ": ;" not in told
    assert "：；" not in told
    assert run(["--lang", lang, "statement", "check", str(path), "--mapping", str(out)]) == 0
    assert said[1] in capsys.readouterr().out
    assert (
        run(["--lang", lang, "import", str(path), "--mapping", str(out), "--home", str(tmp_path / "h")]) == 0
    )
    assert said[1] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("written", "form"),
    [("2026-02-29", "auto"), ("20260229", "auto"), ("2026年2月29日", "auto"), ("31/04/2026", "auto"),
     ("29/02/26", "DD/MM/YY"), ("20261131", "YYYYMMDD"), ("29-FEB-2026", "DD-MON-YYYY")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("lang", "said"), [("en", "no such day in the calendar"), ("zh", "日历上没有这一天")]
)
def test_a_day_that_does_not_exist_is_told_as_such(tmp_path, capsys, written, form, lang, said):
    path, mapping = tmp_path / "feb.csv", tmp_path / "feb.toml"
    path.write_text(f"day,amount\n{written},1.00\n", encoding="utf-8")
    for forms in (f'"{form}"', f'"{form}", "excel", "YYYY.MM.DD"', f'"YYYY.MM.DD", "{form}"'):
        mapping.write_text(
            f'role = "bank"\n[columns]\namount = "amount"\nkind = {{ constant = "other" }}\n'
            f'settled_on = {{ column = "day", formats = [{forms}] }}\n', encoding="utf-8",
        )  # fmt: skip
        assert run(["--lang", lang, "statement", "check", str(path), "--mapping", str(mapping)]) == 1
        out = capsys.readouterr().out
        assert said in out
        assert "none of" not in out
