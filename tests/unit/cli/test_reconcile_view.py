"""What a run prints: the column of the proof adds up to the differences of the proof, and what is none stands apart."""

import re

import pytest

from recon_kit import compare, sides
from storno.cli.reconcile_view import as_data, report
from storno.cli.text import Language, speak
from storno.recon.rules._example import deposit, line, sale
from storno.recon.sides import Options


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


def fen(text):
    return int(re.sub(r"[^0-9-]", "", text))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    other = {"mid": "000000000000002", "tid": "00000002"}
    later = {"date": "20261103", "opened_ms": 1_793_670_000_000}
    given = sides(
        tmp_path_factory.mktemp("sides"),
        books=[sale(1), sale(2, 5_000), sale(3, 300), sale(4, 700, **later), sale(5, 900, **other)],
        network=[line(1, mid="000000000000009"), line(2, 5_100), line(5, 900, **other)],
        bank=[deposit(5_000)],
    )
    return compare(given, Options(first="20261102", last="20261102", as_of="20261120"))


@pytest.mark.parametrize("language", list(Language))
def test_the_column_of_the_proof_adds_up_to_its_differences(result, tmp_path, capsys, language):
    speak(language)
    report(result, tmp_path, None, 0.0)
    said = capsys.readouterr().out
    network = {Language.EN: " clearing ", Language.ZH: " 清算 "}[language]
    column = [
        fen(one.split()[-1]) for one in said.splitlines() if network in one and "¥" in one and "=" not in one
    ]
    (proof,) = [one for one in said.splitlines() if one.startswith(("  our books ¥", "  本方账目 ¥"))]
    ours, differences, outside, cleared = (fen(one) for one in re.findall(r"-?¥[0-9,.]+", proof)[:4])
    assert len(column) > 2
    assert sum(column) == differences
    assert outside == -700
    assert ours + differences + outside == cleared


def test_what_moved_no_money_is_not_held_against_agreement(tmp_path, capsys):
    books = [sale(1), *(sale(n, state="declined", position="none", told="declined") for n in range(2, 10))]
    report(compare(sides(tmp_path, books=books, network=[line(1)])), tmp_path, None, 0.0)
    said = capsys.readouterr().out
    assert "our books: 9 rows = 1 agree, 8 moved no money (100.00 % of what must agree does)" in said


@pytest.mark.parametrize("language", list(Language))
def test_what_is_provisional_stands_apart_with_its_own_money(tmp_path, capsys, language):
    later = {"date": "20261103", "opened_ms": 1_793_670_000_000}
    end = {"settled_on": "20261104", "at": "20261104100000"}
    lost = [sale(2, 4_000, **later), sale(4, 1_000, **later)]
    given = sides(
        tmp_path / "sides", books=[sale(1), *lost, sale(3, 300, date="20261104")],
        network=[line(1, 10_100), line(3, 300, **end)],
    )  # fmt: skip
    speak(language)
    report(compare(given, Options(as_of="20261120")), tmp_path, None, 0.0)
    said = capsys.readouterr().out
    bridge = next(row for row in said.splitlines() if "¥153.00" in row)
    name = {Language.EN: "provisional", Language.ZH: "暂列"}[language]
    assert re.search(rf"¥1\.00 \+ {name} -¥50\.00 = ", bridge)
    assert "20261103" in said
    assert "--all-in" in said
    assert {Language.EN: "Differences: 1", Language.ZH: "差异：1"}[language] in said


def test_a_note_is_shown(tmp_path, capsys):
    here = {"tid": "00000002", "mid": "000000000000002"}
    given = sides(
        tmp_path / "sides", books=[sale(1), sale(2, 5_000, **here)], network=[line(1), line(2, 5_000, **here)],
        terminal=[line(1, batch="000001")],
    )  # fmt: skip
    report(compare(given, Options(as_of="20261120")), tmp_path, None, 0.0)
    said = capsys.readouterr().out
    assert "note: 1 terminal reports in no file (00000002): 1 transaction of ¥50.00 not compared" in said
    assert "OK" in said


@pytest.mark.parametrize("language", list(Language))
def test_of_a_period_its_own_turnover_is_told_beside_the_days_around_it(result, tmp_path, capsys, language):
    """The fourth sale and its lines, had it any, are of the next day: compared, and none of this day's turnover."""
    speak(language)
    report(result, tmp_path, None, 0.0)
    said = capsys.readouterr().out
    assert {Language.EN: "up to 40 days on either side", Language.ZH: "含前后各最多 40 天"}[language] in said
    books = {
        Language.EN: "of which 2026-11-02: 4 rows, ¥162.00",
        Language.ZH: "其中 2026-11-02：4 行，¥162.00",
    }[language]
    cleared = {
        Language.EN: "of which 2026-11-02: 3 rows, ¥160.00",
        Language.ZH: "其中 2026-11-02：3 行，¥160.00",
    }[language]
    assert books in said
    assert cleared in said
    data = as_data(result, tmp_path, None, 0.0)
    assert {(one["leg"], one["side"]): (one["rows"], one["sums_minor"]) for one in data["in_period"]} == {
        ("network", "network"): (3, {"CNY": 16_000}), ("network", "books"): (4, {"CNY": 16_200}),
        ("bank", "bank"): (0, {}),
    }  # fmt: skip
    [all_books] = [one for one in data["rows"] if (one["leg"], one["side"]) == ("network", "books")]
    assert all_books["rows"] == all_books["counted"] == 5


def test_without_a_period_all_of_it_is_the_turnover(tmp_path, capsys):
    result = compare(sides(tmp_path / "sides", books=[sale(1)], network=[line(1)]), Options(as_of="20261120"))
    report(result, tmp_path, None, 0.0)
    said = capsys.readouterr().out
    assert "of which" not in said
    assert "either side" not in said
    assert as_data(result, tmp_path, None, 0.0)["in_period"] == []


@pytest.mark.parametrize("language", list(Language))
def test_a_side_that_is_empty_is_no_hundred_per_cent(tmp_path, capsys, language):
    given = sides(tmp_path / "sides", books=[sale(1)], bank=[deposit(10_000)])
    speak(language)
    report(compare(given, Options(as_of="20261120")), tmp_path, None, 0.0)
    said = capsys.readouterr().out
    for text in {
        Language.EN: ("no file to compare with", "clearing, their side: nothing there", "statements (1 line) were"),
        Language.ZH: ("没有可核对的文件", "清算，对方：没有记录", "说明：银行流水（1 行）未核对"),
    }[language]:  # fmt: skip
        assert text in said
    assert "100.00 %" not in said
    assert "100.00%" not in said


@pytest.mark.parametrize("language", list(Language))
def test_legs_that_end_on_another_day_say_so(tmp_path, capsys, language):
    late = {"settled_on": "20261105", "at": "20261105090000"}
    given = sides(
        tmp_path / "sides", books=[sale(1)], network=[line(1)], terminal=[line(1, batch="1"), line(2, **late)],
        bank=[deposit(10_000)],
    )  # fmt: skip
    speak(language)
    result = compare(given, Options())
    report(result, tmp_path, None, 0.0)
    said = capsys.readouterr().out
    assert {
        Language.EN: "own files: terminals 2026-11-05, bank 2026-11-03 (",
        Language.ZH: "最后一日截至：终端 2026-11-05，银行 2026-11-03（",
    }[language] in said
    assert {
        Language.EN: "bank, their side: 1 row = 1 agree (100.00 %",
        Language.ZH: "银行，对方：1 行 = 1 相符（",
    }[language] in said
    data = as_data(result, tmp_path, None, 0.0)
    assert data["as_of_by_leg"] == {"terminal": "20261105", "network": "20261102", "bank": "20261103"}
    assert [one for one in data["rows"] if one["leg"] == "bank"] == [
        {"leg": "bank", "side": "bank", "rows": 1, "counted": 1, "matched": 1}
    ]
