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
    assert "refund" in out
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
    assert "balance" in out
    assert "'x'" in out


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
