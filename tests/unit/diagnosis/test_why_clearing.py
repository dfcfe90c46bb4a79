"""What `storno why` makes of clearing: imported lines, damaged ones, and what reconciliation found."""

import json
from dataclasses import replace

import pytest

from exception_kit import RUN, finding
from journal_kit import NOW_MS, approve, change, sale
from statement_rig import Sale, acom
from storno.app.exceptions import record
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.journal.sqlite import SqliteJournal
from storno.recon.exceptions import Closed
from storno.recon.finding import Leg
from storno.statements.importing import import_file


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    """A journal with one sale, 1-2, approved."""
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    sold = [sale("1-2", NOW_MS, stan="000002")]
    sold.append(approve(sold[0].record, rrn="240601000002"))
    journal.commit([change(one) for one in sold])
    journal.close()
    return storno_home


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


ACOM = Sale(tid="58402001", stan="000002", amount=12_345, rrn="240601000002", at="0105160000")


@pytest.fixture
def charged(home):
    """The home folder with the clearing file of 1-2's day; give where its lines are stored."""
    bill = home / "IND26010501ACOM"
    bill.write_bytes(acom(ACOM) + b"\n")
    [told] = import_file(bill, home)
    assert told.stored is not None, told.refused
    return home / told.stored.parquet


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("harm", ["gone", "cut", "manifest"])
def test_damaged_clearing_lines_are_named_and_nothing_is_concluded(home, charged, capsys, lang, harm):
    _, before, _ = told(capsys, "why", "1-2", "--json", "--lang", lang)
    assert json.loads(before)["outcome"]["clearing"] == "charged"
    name = "IND26010501ACOM"
    if harm == "gone":
        charged.unlink()
    elif harm == "cut":
        charged.write_bytes(charged.read_bytes()[:-9])
    else:
        [manifest] = (home / "statements").glob("*/*.json")
        manifest.write_text("{", "utf-8")
        name = manifest.name
    _, out, err = told(capsys, "why", "1-2", "--json", "--lang", lang)
    assert not err
    after = json.loads(out)
    assert after["outcome"]["clearing"] == "unknown"
    [source] = [one["source"] for one in after["money"]["ledgers"] if one["ledger"] == "clearing"]
    words = {
        "gone": ("are gone", "已丢失"),
        "cut": ("are damaged", "已损坏"),
        "manifest": ("is damaged", "已损坏"),
    }
    assert words[harm][lang == "zh"] in source
    assert name in source
    assert name in told(capsys, "why", "1-2", "--lang", lang)[1]


def test_the_files_that_are_whole_are_named_but_decide_nothing(home, charged, capsys):
    """The damaged one may hold the line that undoes it."""
    other = home / "IND26010601ACOM"
    other.write_bytes(acom(replace(ACOM, rrn="1", stan="000009", at="0106100000")) + b"\n")
    [more] = import_file(other, home)
    (home / more.stored.parquet).unlink()
    _, out, _ = told(capsys, "why", "1-2", "--json", "--lang", "en")
    data = json.loads(out)
    assert data["outcome"]["clearing"] == "unknown"
    [source] = [one["source"] for one in data["money"]["ledgers"] if one["ledger"] == "clearing"]
    assert "IND26010601ACOM" in source
    assert "The others have clearing lines IND26010501ACOM:1" in source


def test_a_file_of_another_month_is_not_asked(home, charged, capsys):
    far = home / "IND26030101ACOM"
    far.write_bytes(acom(replace(ACOM, at="0301100000")) + b"\n")
    [more] = import_file(far, home)
    assert more.stored is not None, more.refused
    for spoilt in (False, True):
        if spoilt:
            (home / more.stored.parquet).unlink()
        _, out, _ = told(capsys, "why", "1-2", "--json", "--lang", "en")
        assert json.loads(out)["outcome"]["clearing"] == "charged"


@pytest.mark.parametrize(("lang", "words"), [("en", "Still to do: reconciliation: settled to another merchant"),
                                             ("zh", "仍待处理：对账：清算到其他商户")])  # fmt: skip
def test_an_open_difference_is_named_although_the_transaction_is_in_order(home, charged, capsys, lang, words):
    one = finding(3, rule="wrong_merchant", leg=Leg.NETWORK, tx_id="1-2", rrn="240601000002")
    record(home, [one], [], NOW_MS, RUN)
    out = told(capsys, "why", "1-2", "--lang", lang)[1]
    assert words in out
    assert f"storno exceptions show {one.finding_id}" in out
    [data] = json.loads(told(capsys, "why", "1-2", "--json", "--lang", lang)[1])["findings"]
    assert (data["id"], data["rule"], data["state"]) == (one.finding_id, "wrong_merchant", "open")


def test_a_difference_that_a_late_file_closed_says_nothing_of_the_clearing_any_more(home, charged, capsys):
    one = finding(4, rule="approved_not_settled", leg=Leg.NETWORK, tx_id="1-2", amount_minor=-12_345)
    record(home, [one], [], NOW_MS, RUN)
    for closed, clearing in (((), "no_line"), ((Closed(one.finding_id, ("f:1",)),), "charged")):
        record(home, [], closed, NOW_MS + 9, "run-2")
        data = json.loads(told(capsys, "why", "1-2", "--json", "--lang", "en")[1])
        assert data["outcome"]["clearing"] == clearing
    assert data["findings"] == []
    assert "Still to do" not in told(capsys, "why", "1-2", "--lang", "en")[1]
