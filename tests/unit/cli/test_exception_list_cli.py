"""`storno exceptions`: long lists whole or in part, words that depend on the finding, and files that are damaged."""

import json
import time

import pytest

from exception_kit import RUN, finding
from storno.app.exceptions import record
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.journal.sqlite import SqliteJournal
from storno.recon.finding import Leg, Sureness
from storno.statements.catalogue import MANIFESTS

ONE = finding(1)


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    """One finding."""
    storno_home.mkdir()
    SqliteJournal(storno_home / "journal.db").close()
    record(storno_home, [ONE], [], int(time.time() * 1000), RUN)
    return storno_home


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


def listed(capsys, *argv):
    code, out, err = told(capsys, "exceptions", "list", "--json", *argv)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_programs_get_the_whole_list_and_people_are_told_how_to_see_the_rest(home, capsys, lang, tmp_path):
    more = [finding(number) for number in range(10, 63)]
    record(home, more, [], int(time.time() * 1000), "run-2")
    body = listed(capsys)
    assert (body["count"], len(body["exceptions"])) == (54, 54)
    assert len(listed(capsys, "--limit", "3")["exceptions"]) == 3
    out = told(capsys, "exceptions", "--lang", lang)[1]
    assert {"en": "4 more not shown: -n 54 shows all", "zh": "另有 4 条未显示：-n 54 显示全部"}[lang] in out
    assert out.count("reconciliation  2026" if lang == "en" else "对账  2026") == 50
    assert "not shown" not in told(capsys, "exceptions", "-n", "54")[1]
    code, out, _ = told(capsys, "exceptions", "--out", str(tmp_path / "all.csv"), "-n", "3")
    assert (code, "54 written" in out) == (0, True)


@pytest.mark.parametrize(("lang", "words"), [("en", "assigned: "), ("zh", "分派：")])
def test_an_order_says_what_it_was_carried_out_on(home, capsys, lang, words):
    out = told(capsys, "exceptions", "assign", ONE.finding_id[:5], "--to", "wang", "--lang", lang)[1]
    assert out == f"{words}{ONE.finding_id}\n"


def test_amounts_are_told_once_where_they_are_not_what_differs(home, capsys):
    odd = finding(4, rule="wrong_merchant", leg=Leg.NETWORK, expected_minor=700, found_minor=700)
    less = finding(5, rule="amount_mismatch", leg=Leg.NETWORK, expected_minor=700, found_minor=900)
    record(home, [odd, less], [], int(time.time() * 1000), RUN)
    same, other = (told(capsys, "exceptions", "show", one.finding_id)[1] for one in (odd, less))
    assert "amount on both sides: ¥7.00" in same
    assert "expected" not in same
    assert "expected: ¥7.00" in other
    assert "found: ¥9.00" in other


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_fee_against_a_learned_rate_says_so_and_what_to_do(home, capsys, lang):
    shared = {"rule": "fee_mismatch", "leg": Leg.NETWORK, "lines": ("f:1",)}
    learned = finding(7, **shared, amount_minor=30, matched_by="rrn (rate_learned)", sure=Sureness.LIKELY)
    little = finding(8, **shared, amount_minor=30, matched_by="rrn")
    record(home, [learned, little], [], int(time.time() * 1000), RUN)
    flat = ["".join(told(capsys, "exceptions", "show", one.finding_id, "--lang", lang)[1].split())
            for one in (learned, little)]  # fmt: skip
    sure, step, other = {
        "en": ("notgivenbutlearnedfromitslines(RRN)", "givetheagreedrateswith--fees", "toolittle"),
        "zh": ("由其交易推断（检索参考号）", "--fees文件", "少收"),
    }[lang]  # fmt: skip
    assert sure in flat[0]
    assert step in flat[0]
    assert other in flat[1]
    assert sure not in flat[1]
    [entry] = [
        one
        for one in listed(capsys, "--kind", "fee_mismatch")["exceptions"]
        if one["id"] == learned.finding_id
    ]
    assert "--fees" in entry["next"]


def test_a_damaged_manifest_is_named_and_no_fault_of_ours(home, capsys):
    folder = home / "statements" / MANIFESTS
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text("{", "utf-8")
    code, _, err = told(capsys, "exceptions", "show", ONE.finding_id)
    assert (code, "odd.json" in err) == (2, True)
