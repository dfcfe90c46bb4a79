"""`storno exceptions`: lists, one shown, orders with their reasons, a sheet there and back, and the story it joins."""

import csv
import json
import time
from pathlib import Path

import fastexcel
import pytest
import xlsxwriter

from exception_kit import DAY_MS, RUN, finding
from journal_kit import NOW_MS as OPENED_MS
from journal_kit import change, sale
from storno.app.exceptions import record
from storno.cli import finding_words
from storno.cli.exception_sheet import COLUMNS, EDITABLE
from storno.cli.main import run
from storno.cli.outside_words import outside_line
from storno.cli.text import Language, speak
from storno.iso8583.mask import scrub
from storno.journal.sqlite import SqliteJournal
from storno.journal.sqlite_reader import SqliteReader
from storno.recon.exceptions import Closed
from storno.recon.finding import Sureness
from storno.recon.outside import OutsideLine
from storno.recon.rules import RULES
from storno.recon.steps.deposits import PASSES as DEPOSIT_PASSES
from storno.recon.steps.match import names_of
from storno.reversal.lifecycle import Input
from storno.reversal.machine import step
from storno.statements.catalogue import Catalogue

PAN = "6222021234567890128"
BILLS = Path(__file__).parents[2] / "golden/data/statements"
SMALL, LARGE, OVER = (
    finding(1, amount_minor=-5_000),
    finding(2, amount_minor=-250_000),
    finding(3, tx_id="1-1"),
)


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


@pytest.fixture
def home(storno_home):
    """Three findings, one of them about transaction 1-1, and that transaction's own open case."""
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    opened = sale("1-1")
    journal.commit([change(opened), change(step(opened.record, Input.RESPONSE_DOUBTFUL, OPENED_MS + 9))])
    journal.close()
    record(storno_home, [SMALL, LARGE, OVER], [], int(time.time() * 1000), RUN)
    return storno_home


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


def listed(capsys, *argv):
    code, out, err = told(capsys, "exceptions", "list", "--json", *argv)
    assert code == 0, err
    return json.loads(out)


def standing(home, one):
    with SqliteReader(home / "journal.db") as reader:
        return reader.exception(one.finding_id)


# -------------------------------------------------------------------- list and show
def test_findings_and_cases_are_one_list(home, capsys):
    body = listed(capsys)
    assert body["count"] == 4
    assert [(one["source"], one["id"]) for one in body["exceptions"]][:2] == [
        ("case", "1-1"), ("finding", LARGE.finding_id),
    ]  # fmt: skip
    assert body["sums"] == {"CNY": {"over_minor": 12_345, "short_minor": 255_000, "case_minor": 12_345}}
    one = body["exceptions"][1]
    assert (one["kind"], one["state"], one["amount_minor"]) == ("settled_not_booked", "open", -250_000)
    assert one["title"]
    assert one["next"]
    assert one["whose"]
    assert one["due"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_lists_are_written_for_people_in_both_languages(home, capsys, lang):
    code, out, _ = told(capsys, "exceptions", "--lang", lang)
    assert code == 0
    assert LARGE.finding_id in out
    assert ("短款 ¥2,500.00" if lang == "zh" else "¥2,500.00 short") in out
    assert ("待处理交易涉及 ¥" if lang == "zh" else "wait for a decision ¥") in out
    assert ("共 4 条" if lang == "zh" else "4 in all") in out


def test_filters(home, capsys):
    assert told(capsys, "exceptions", "assign", SMALL.finding_id, "--to", "wang")[0] == 0
    assert [one["id"] for one in listed(capsys, "--owner", "Wang")["exceptions"]] == [SMALL.finding_id]
    assert [one["id"] for one in listed(capsys, "--kind", "doubtful")["exceptions"]] == ["1-1"]
    by_title = [listed(capsys, "--kind", one)["exceptions"] for one in (SMALL.rule, *RULES[SMALL.rule].title)]
    assert by_title[0]
    assert by_title == by_title[:1] * 3
    assert [one["id"] for one in listed(capsys, "--overdue")["exceptions"]] == ["1-1"]
    assert listed(capsys, "--mid", "nobody") == {"count": 0, "overdue": 0, "sums": {}, "exceptions": []}
    assert len(listed(capsys, "-n", "2")["exceptions"]) == 2
    assert "Nothing is open" in told(capsys, "exceptions", "--owner", "x")[1]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_one_is_shown_with_everything(home, capsys, lang):
    told(capsys, "exceptions", "note", OVER.finding_id, "--note", "asked the shop", "--operator", "li")
    code, out, _ = told(capsys, "exceptions", "show", OVER.finding_id[:6], "--lang", lang)
    assert code == 0
    flat = "".join(out.split())
    for text in (OVER.finding_id, "storno explain 1-1", "asked the shop", OVER.lines[0], OVER.key, RUN):
        assert "".join(text.split()) in flat
    assert ("DO NOT" if lang == "en" else "切勿") in out
    body = json.loads(told(capsys, "exceptions", "show", OVER.finding_id, "--json")[1])
    assert [one["move"] for one in body["history"]] == ["found", "noted"]
    assert body["sure"] == "certain"
    assert body["what"]
    assert body["not_do"]
    assert body["lines"] == [{"where": OVER.lines[0], "file": None}]


def test_a_rule_this_version_does_not_have_is_shown_by_its_name(home, capsys):
    old = finding(9, rule="of_long_ago")
    record(home, [old], [], int(time.time() * 1000), RUN)
    assert "of_long_ago" in told(capsys, "exceptions", "show", old.finding_id)[1]
    assert listed(capsys, "--kind", "of_long_ago")["count"] == 1


def test_outside_lines_are_shown_masked(home, capsys, tmp_path):
    bill = tmp_path / "bank.csv"
    bill.write_text(
        "booked_on,value_on,mid,reference,amount_yuan,kind,text\n"
        f"20261120,20261120,898440153110001,R1,12.00,payment,card {PAN}\n"
        "20261120,20261120,898440153110001,R2,13.00,payment,second\n",
        "utf-8",
    )
    code, _, err = told(capsys, "import", str(bill), "--mapping", "storno_bank")
    assert code == 0, err
    [file] = Catalogue(home).files()
    one = finding(5, lines=(f"{file.file_id}:2", f"{file.file_id}:999"))
    record(home, [one], [], int(time.time() * 1000), RUN)
    out = told(capsys, "exceptions", "show", one.finding_id)[1]
    assert PAN not in out
    assert scrub(PAN) in out
    assert "R1" in out
    assert "R2" not in out
    assert "not here any more" in out
    assert "bank.csv:2 payment ¥12.00 settled 2026-11-20 merchant 898440153110001" in " ".join(out.split())


def test_the_time_of_an_outside_line_is_never_taken_for_a_card_number(home, capsys, tmp_path):
    journal = tmp_path / "pos.csv"
    journal.write_text(
        "tid,mid,batch,stan,date,time,kind,amount_minor,currency,outcome,rrn,auth_code,card,original_stan\n"
        "10000001,898440153110001,000001,000001,20261102,112715,sale,1200,CNY,approved,630664016414,123456,,\n",
        "utf-8",
    )
    code, _, err = told(capsys, "import", str(journal), "--mapping", "storno_terminal")
    assert code == 0, err
    [file] = Catalogue(home).files()
    one = finding(6, lines=(f"{file.file_id}:2",))
    record(home, [one], [], int(time.time() * 1000), RUN)
    assert scrub("20261102112715") != "20261102112715"
    assert "2026-11-02 11:27:15" in " ".join(told(capsys, "exceptions", "show", one.finding_id)[1].split())


def test_an_outside_line_says_its_fee_and_its_mark():
    line = {
        "kind": "payment",
        "amount_minor": "1000",
        "fee_minor": "-6",
        "currency": "CNY",
        "mark": "reversed",
    }
    said = outside_line(OutsideLine("a" * 16 + ":7", "bill.csv", tuple(line.items())))
    assert said.split("  ") == ["bill.csv:7", "payment ¥10.00", "fee -¥0.06", "marked as reversed"]


def test_a_finding_says_its_day_and_how_its_sides_were_brought_together(home, capsys):
    one = finding(
        6, matched_by="deposit_carried", sure=Sureness.LIKELY, lines=("0" * 16 + ":1",), date="20261103"
    )
    record(home, [one], [], int(time.time() * 1000), RUN)
    shown = " ".join(told(capsys, "exceptions", "show", one.finding_id)[1].split())
    assert "day: 2026-11-03" in shown
    assert "unique on both sides (the rest came with a later deposit)" in shown
    assert "余款随后一次付款付来" in told(capsys, "exceptions", "show", one.finding_id, "--lang", "zh")[1]
    assert "2026-11-03" in told(capsys, "exceptions", "list")[1]


def test_every_pass_has_its_words():
    assert set(finding_words.PASSES) == {*names_of("n"), *names_of("t"), *DEPOSIT_PASSES}


def test_the_sheet_holds_amounts_as_numbers_and_the_day(home, tmp_path, capsys):
    path = tmp_path / "open.xlsx"
    told(capsys, "exceptions", "list", "--out", str(path))
    rows = {one["id"]: one for one in fastexcel.read_excel(path).load_sheet(0).to_arrow().to_pylist()}
    assert [rows[one.finding_id]["amount"] for one in (SMALL, LARGE)] == [-50.0, -2_500.0]
    assert rows[SMALL.finding_id]["day"] == f"{SMALL.date[:4]}-{SMALL.date[4:6]}-{SMALL.date[6:]}"


def test_ids_that_mean_nothing_or_a_transaction(home, capsys):
    for what, said in (
        ("zzz", "no finding"),
        ("f" * 16, "no finding"),
        ("1-1", "storno cases"),
        (PAN, "no finding"),
    ):
        code, _, err = told(capsys, "exceptions", "show", what)
        assert code == 1
        assert said in err
        assert PAN not in err
    record(home, [finding(n) for n in range(100, 200)], [], int(time.time() * 1000), RUN)
    code, _, err = told(capsys, "exceptions", "show", SMALL.finding_id[0])
    assert code == 1
    assert "more than one" in err


def test_a_home_without_a_journal(storno_home, capsys):
    code, _, err = told(capsys, "exceptions")
    assert code == 2
    assert "no journal" in err


# -------------------------------------------------------------------- orders
def test_a_loss_above_the_bound_needs_a_second_person(home, capsys):
    ids = [SMALL.finding_id, LARGE.finding_id]
    code, out, _ = told(
        capsys, "exceptions", "resolve", *ids, "--how", "accepted", "--note", "too small", "--operator", "li"
    )
    assert code == 0
    assert "confirm" in out
    assert [standing(home, one).standing.value for one in (SMALL, LARGE)] == ["resolved", "proposed"]
    code, _, err = told(capsys, "exceptions", "confirm", LARGE.finding_id, "--operator", "LI")
    assert code == 1
    assert "another person" in err
    assert told(capsys, "exceptions", "confirm", LARGE.finding_id, "--operator", "wang")[0] == 0
    assert standing(home, LARGE).standing.value == "resolved"
    assert [one["id"] for one in listed(capsys)["exceptions"]] == ["1-1", OVER.finding_id]
    assert listed(capsys, "--all")["count"] == 4


def test_the_bound_is_a_setting(home, capsys):
    (home / "storno.toml").write_text("[exceptions]\nconfirm_above_minor = 1000000\n")
    order = ["exceptions", "resolve", LARGE.finding_id, "--how", "accepted", "--note", "x", "--json"]
    code, out, _ = told(capsys, *order)
    assert (code, json.loads(out)["counts"]) == (0, {"resolved": 1})


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["resolve", "ID", "--how", "refund", "--note", "x"], 2, "--reference"),
        (["resolve", "ID", "--how", "accepted"], 2, "--note"),
        (["resolve", "ID", "--how", "nonsense", "--note", "x"], 2, "--how"),
        (["note", "ID", "--note", f"card {PAN}"], 2, "card number"),
        (["note", "ID", "--note", "x", "--operator", ""], 2, "--operator"),
        (["confirm", "ID"], 1, "cannot be confirmed"),
        (["reject", "ID", "--note", "x"], 1, "cannot be"),
        (["reopen", "ID", "--note", "x"], 1, "cannot be"),
        (["assign", "ID", "ffffffffffffffff", "--to", "wang"], 1, "no finding"),
        (["assign", "ID", "--to", " "], 2, "owner"),
    ],
)
def test_an_order_that_does_not_fit_changes_nothing(home, capsys, argv, code, said):
    before = standing(home, SMALL)
    argv = [SMALL.finding_id if one == "ID" else one for one in argv]
    got, out, err = told(capsys, "exceptions", *argv)
    assert got == code
    assert said in err
    assert PAN not in out + err
    assert standing(home, SMALL) == before


def test_reopening_and_rejecting_leave_their_trace(home, capsys):
    one = LARGE.finding_id
    for argv in (
        ["resolve", one, "--how", "booked", "--reference", "B-7", "--note", "booked", "--operator", "li"],
        ["reject", one, "--note", "no voucher", "--operator", "wang"],
        [
            "resolve",
            one,
            "--how",
            "debit_claim",
            "--reference",
            "Q-9",
            "--note",
            "claimed",
            "--operator",
            "li",
        ],
        ["reopen", one, "--note", "claim refused", "--operator", "li"],
    ):
        assert told(capsys, "exceptions", *argv)[0] == 0, argv
    body = json.loads(told(capsys, "exceptions", "show", one, "--json")[1])
    moves = [fact["move"] for fact in body["history"]]
    assert moves == ["found", "proposed", "rejected", "resolved", "reopened"]
    assert body["state"] == "open"


# -------------------------------------------------------------------- a sheet there and back
def rows_of(path):
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))
    sheet = fastexcel.read_excel(str(path)).load_sheet(0, header_row=None, dtypes="string").to_arrow()
    return [[one or "" for one in row] for row in zip(*[c.to_pylist() for c in sheet.columns], strict=True)]


def write(path, rows, encoding="utf-8-sig"):
    if path.suffix == ".csv":
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(rows)
        return
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for place, text in enumerate(row):
                sheet.write_string(number, place, text)


def fill(rows, finding_id, **members):
    names = list(COLUMNS)
    for row in rows[1:]:
        if row[0] == finding_id:
            for name, text in members.items():
                row[names.index(name)] = text


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sheet_goes_out_is_filled_in_and_comes_back(home, capsys, tmp_path, suffix, lang):
    path = tmp_path / f"open{suffix}"
    assert told(capsys, "exceptions", "list", "--out", str(path), "--lang", lang)[0] == 0
    rows = rows_of(path)
    assert len(rows) == 5
    fill(rows, SMALL.finding_id, owner="王五", how="accepted", note="金额过小")
    fill(rows, LARGE.finding_id, owner="wang", how="debit_claim", reference="Q-1", note="claimed")
    fill(rows, OVER.finding_id, note="asked the shop")
    write(path, rows, "gb18030" if lang == "zh" else "utf-8-sig")
    order = ["exceptions", "apply", str(path), "--operator", "li", "--json"]
    code, out, _ = told(capsys, *order, "--dry-run")
    dry = json.loads(out)
    assert (code, dry["applied"]) == (0, False)
    assert standing(home, SMALL).owner == ""
    code, out, _ = told(capsys, *order)
    body = json.loads(out)
    assert (code, body["applied"], body["errors"]) == (0, True, [])
    assert body["counts"] == dry["counts"] == {"assigned": 2, "noted": 1, "resolved": 2}
    one = standing(home, SMALL)
    assert (one.owner, one.how.value, one.note, one.standing.value) == (
        "王五",
        "accepted",
        "金额过小",
        "resolved",
    )
    assert standing(home, LARGE).reference == "Q-1"
    # the same sheet once more changes nothing
    assert json.loads(told(capsys, *order)[1])["counts"] == {}
    with SqliteReader(home / "journal.db") as reader:
        assert reader.verify().problems == ()


def test_one_bad_row_and_nothing_is_done(home, capsys, tmp_path):
    path = tmp_path / "open.xlsx"
    told(capsys, "exceptions", "list", "--out", str(path))
    rows = rows_of(path)
    fill(rows, SMALL.finding_id, owner="wang", note=f"card {PAN}")
    fill(rows, LARGE.finding_id, how="refund", note="x")
    fill(rows, OVER.finding_id, how="paid", note="x")
    fill(rows, "1-1", owner="wang")
    rows += [["0" * 16, "1"], [SMALL.finding_id, "1"], ["", ""]]
    write(path, rows)
    code, out, _ = told(capsys, "exceptions", "apply", str(path), "--operator", "li", "--json")
    body = json.loads(out)
    assert (code, body["applied"]) == (2, False)
    said = {one["row"]: one["what"] for one in body["errors"]}
    places = {row[0]: number for number, row in enumerate(rows[:5], 1)}
    assert "storno cases" in said[places["1-1"]]
    assert "card number" in said[places[SMALL.finding_id]]
    assert "reference" in said[places[LARGE.finding_id]]
    assert "how is one of" in said[places[OVER.finding_id]]
    assert "no finding" in said[6]
    assert "twice" in said[7]
    assert PAN not in out
    assert [standing(home, one).moves for one in (SMALL, LARGE, OVER)] == [1, 1, 1]
    code, out, _ = told(capsys, "exceptions", "apply", str(path), "--lang", "zh")
    assert code == 2
    assert "未执行任何操作" in out


def test_a_row_that_changed_since_is_an_error(home, capsys, tmp_path):
    path = tmp_path / "open.csv"
    told(capsys, "exceptions", "list", "--out", str(path))
    rows = rows_of(path)
    fill(rows, SMALL.finding_id, owner="wang")
    write(path, rows)
    record(home, [finding(1, amount_minor=-6_000)], [], int(time.time() * 1000) + DAY_MS, "run-2")
    code, out, _ = told(capsys, "exceptions", "apply", str(path))
    assert code == 2
    assert "changed since" in out
    assert standing(home, SMALL).owner == ""


def test_a_sheet_never_holds_a_formula(home, capsys, tmp_path):
    record(home, [finding(8, mid="=cmd|' /C calc'!A0", tid="@SUM(1)")], [], int(time.time() * 1000), RUN)
    for suffix in (".csv", ".xlsx"):
        path = tmp_path / f"open{suffix}"
        assert told(capsys, "exceptions", "list", "--out", str(path))[0] == 0
        cells = [cell for row in rows_of(path)[1:] for cell in row]
        assert any("calc" in cell for cell in cells)
        if suffix == ".csv":
            assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("open.xlsx", b"PK\x03\x04 nonsense"), ("open.xlsx", b""), ("open.csv", b""), ("open.csv", b"\x81\x20\xff"),
        ("open.csv", b"a,b\n1,2\n"), ("open.txt", b"id,version\n"),
    ],
)  # fmt: skip
def test_what_is_no_sheet_is_refused(home, capsys, tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    code, _, err = told(capsys, "exceptions", "apply", str(path))
    assert code == 2
    assert str(path) in err


def test_the_columns_people_fill_in_are_columns():
    assert set(EDITABLE) < set(COLUMNS)
    assert all(en and zh for en, zh in COLUMNS.values())


# -------------------------------------------------------------------- the story it joins
def test_a_transaction_s_story_shows_its_findings(home, capsys):
    out = told(capsys, "explain", "1-1")[1]
    assert f"storno exceptions show {OVER.finding_id}" in out
    body = json.loads(told(capsys, "explain", "1-1", "--json")[1])
    assert [(one["id"], one["state"]) for one in body["findings"]] == [(OVER.finding_id, "open")]
    record(home, [], [Closed(OVER.finding_id, ("late:1",))], int(time.time() * 1000), "run-2")
    assert "已核销" in told(capsys, "explain", "1-1", "--lang", "zh")[1]


def test_the_journal_s_commands_take_findings_in_their_stride(home, capsys):
    told(capsys, "exceptions", "assign", OVER.finding_id, "--to", "wang", "--operator", "li")
    code, out, _ = told(capsys, "journal", "tail")
    assert code == 0
    assert f"finding:{OVER.finding_id}" in out
    assert "wang" in out
    code, out, _ = told(capsys, "journal", "verify", "--json")
    assert (code, json.loads(out)["findings"]) == (0, 3)
    assert "3 条差异" in told(capsys, "journal", "verify", "--lang", "zh")[1]
    lines = [json.loads(line) for line in told(capsys, "journal", "export")[1].splitlines()]
    assert [one["input"] for one in lines if one["tx_id"].startswith("finding:")] == ["found"] * 3 + [
        "assigned"
    ]
    assert told(capsys, "cases", "close", f"finding:{OVER.finding_id}", "--note", "x")[0] == 1


def test_a_kind_that_is_none_is_refused_and_not_answered_with_nothing_to_do(home, capsys):
    code, _, err = told(capsys, "exceptions", "list", "--kind", "settled_not_boked")
    assert code == 2
    assert "settled_not_booked" in err
    assert told(capsys, "exceptions", "list", "--kind", "清算有、本方无")[0] == 0


def test_one_transaction_of_a_banks_entry_is_shown_by_itself(home, capsys):
    """An entry's transactions share its number; which one is meant stands behind a stroke, as reconciliation counts."""
    bill = BILLS / "camt/camt053.v8.traps.xml"
    assert told(capsys, "import", str(bill), "--accept-totals")[0] == 0
    [file] = Catalogue(home).files()
    references = tuple(f"{file.file_id}:1/{turn}" for turn in (1, 2, 3, 4))
    one = finding(7, lines=references)
    record(home, [one], [], int(time.time() * 1000), RUN)
    lines = json.loads(told(capsys, "exceptions", "show", one.finding_id, "--json")[1])["lines"]
    assert [one["where"] for one in lines] == list(references)
    there = [one for one in lines if one["file"]]
    assert len(there) > 1
    assert len({json.dumps(one) for one in there}) == len(there)
    assert lines[3]["file"] is None
    stored = Catalogue(home).path(file)
    stored.write_bytes(stored.read_bytes()[:-1])
    lines = json.loads(told(capsys, "exceptions", "show", one.finding_id, "--json")[1])["lines"]
    assert [(one["where"], one["file"]) for one in lines] == [(one, file.name) for one in references]
