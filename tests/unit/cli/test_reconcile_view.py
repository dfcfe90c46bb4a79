"""What a run prints: the column of the proof adds up to the differences of the proof, and what is none stands apart."""

import re

import pytest

from recon_kit import compare, sides
from storno.cli.reconcile_view import report
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
    given = sides(
        tmp_path / "sides", books=[sale(1), sale(2, 5_000, **later), sale(3, 300, date="20261104")],
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
