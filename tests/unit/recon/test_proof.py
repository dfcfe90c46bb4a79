"""The proof: row order, effort, conservation, the bridge, and when a run must call itself incomplete."""

import random
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_kit import AS_OF, compare, found, numbered, proved, run, sides
from storno.recon.result import Verdict
from storno.recon.rules._example import DAY, deposit, line, sale, undone
from storno.recon.sides import Effort, Options
from storno.statements.line import Role

pytestmark = pytest.mark.unit

BOOKS = [
    *(sale(n, 1_000 * n) for n in range(1, 13)), undone(20, 700), undone(21, 800), sale(22, 900, state="voided"),
    sale(23, 900, kind="void", original="1-000022"), sale(24, 5_000, approved_minor=3_000),
]  # fmt: skip
NETWORK = numbered([
    *(line(n, 1_000 * n) for n in (1, 2, 3, 4, 5, 6, 7, 8)), line(9, 9_900), line(10, 10_000, rrn=""),
    line(11, 11_000, mid="000000000000009"), line(20, 700), line(21, 800), line(21, -800, kind="reversal"),
    line(24, 5_000), line(5, 5_000), line(40, 77), line(41, -55, kind="refund"), line(42, -30, kind="fee"),
])  # fmt: skip
TERMINAL = numbered([line(n, 1_000 * n, batch="000001") for n in range(1, 12)])
BANK = numbered([deposit(40_000), deposit(9_000, "20261105")])
WORLD = {"books": BOOKS, "network": NETWORK, "terminal": TERMINAL, "bank": BANK}


def test_every_row_is_counted_once_and_the_money_explained():
    result = run(**WORLD)
    assert proved(result)
    assert result.verdict is Verdict.BREAKS
    rows = {(one.leg.value, one.side): one.rows for one in result.accounts}
    assert rows["network", "network"] == len(NETWORK)
    assert rows["network", "books"] == rows["terminal", "books"] == len(BOOKS)
    bridge = next(one for one in result.bridges if one.leg.value == "network")
    moving = [row["amount_minor"] for row in NETWORK if row["kind"] != "fee"]
    assert bridge.outside_minor == sum(moving)
    assert bridge.outside_minor - bridge.books_minor == sum(minor for _, minor in bridge.parts)


def texts(folder, result):
    pq.write_table(result.table, folder / "t.parquet")
    return (folder / "t.parquet").read_bytes(), result.accounts, result.bridges, result.passes


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), digest=st.booleans(), stored=st.booleans())
def test_the_order_of_rows_and_the_effort_change_no_byte(tmp_path, seed, digest, stored):
    first = texts(tmp_path, run(**WORLD))
    shuffled = {
        name: random.Random(seed + at).sample(rows, len(rows))
        for at, (name, rows) in enumerate(WORLD.items())
    }
    other = run(
        effort=Effort(threads=1 + seed % 2, digest=digest, memory_mb=300 * (seed % 2), buckets_log2=12),
        stored=stored,
        **shuffled,
    )
    assert texts(tmp_path, other) == first


def test_the_id_of_a_difference_survives_a_change_of_its_kind():
    before = run(books=[sale(), sale(2)], network=[line(amount_minor=9_000), line(2)])
    after = run(books=[sale(), sale(2)], network=[line(mid="000000000000002"), line(2)])
    (one,), (other,) = before.findings(), after.findings()
    assert (one.rule, other.rule) == ("amount_mismatch", "wrong_merchant")
    assert one.finding_id == other.finding_id


def test_all_agreed_is_ok():
    result = run(books=[sale()], network=[line()])
    assert result.verdict is Verdict.OK
    assert result.reasons == ()


# ------------------------------------------------------------------ incomplete


def codes(result):
    assert result.verdict is Verdict.INCOMPLETE
    return {one.code for one in result.reasons}


def test_without_a_clearing_file_nothing_is_called_missing():
    result = run(books=[sale()])
    assert codes(result) == {"no_network"}
    assert found(result) == []
    assert proved(result)


def test_a_side_may_be_made_necessary():
    options = Options(as_of=AS_OF, need=frozenset({Role.NETWORK, Role.BANK}))
    assert codes(run(options, books=[sale()], network=[line()])) == {"no_bank"}


def test_a_day_without_any_line_is_a_missing_file():
    books = [sale(1), *(sale(n, date="20261103") for n in (2, 4)), sale(3, date="20261104")]
    network = [line(1), line(3, settled_on="20261104", at="20261104100000")]
    result = run(books=books, network=network)
    assert "day" in codes(result)
    assert "20261103" in next(one.english for one in result.reasons if one.code == "day")


def test_a_merchant_no_bank_statement_knows_is_not_called_paid():
    other = {"mid": "000000000000002", "tid": "00000002"}
    sides_ = {"books": [sale(1), sale(2, **other)], "network": [line(1), line(2, **other)]}
    cleared = sum(one["amount_minor"] for one in sides_["network"][:1])
    late = run(**sides_, bank=[deposit(cleared)])
    assert codes(late) == {"unpaid"}
    assert "000000000000002" in late.reasons[0].english
    in_time = run(Options(as_of="20261103"), **sides_, bank=[deposit(cleared)])
    assert in_time.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rejects": 2}, "rejects"),
        ({"totals_met": False}, "totals"),
        ({"complete": False}, "part"),
        ({"lines": 9}, "lines"),
    ],
)
def test_a_file_that_is_not_whole(tmp_path, change, code):
    world = sides(tmp_path, books=[sale()], network=[line()])
    broken = replace(world, lines=tuple(replace(one, **change) for one in world.lines))
    assert codes(compare(broken)) == {code}


def test_lines_that_another_file_reports_are_left_out(tmp_path):
    world = sides(tmp_path, books=[sale()], network=[line(account="A"), line(2, account="B")])
    one = world.lines[0]
    result = compare(replace(world, lines=(replace(one, without=(("B", DAY),)),)))
    assert found(result) == []
    assert result.verdict is Verdict.OK


def test_two_files_of_one_side_are_one_side(tmp_path):
    first = sides(tmp_path / "a", books=[sale(), sale(2)], network=[line()])
    second = sides(tmp_path / "b", network=[line(2)])
    both = replace(first, lines=(*first.lines, replace(second.lines[0], file_id="other")))
    assert compare(both).verdict is Verdict.OK


def test_a_line_without_a_day_or_with_nonsense_in_it_is_still_counted():
    odd = [
        line(settled_on="", at=""),
        line(2, settled_on="20269999", at="2026999999"),
        line(3, rrn="", stan="", tid=""),
    ]
    result = run(books=[sale(), sale(2), sale(4)], network=odd)
    assert proved(result)


def test_a_csv_file_is_read_like_parquet(tmp_path):
    import duckdb

    world = sides(tmp_path, books=BOOKS, network=NETWORK, terminal=TERMINAL)
    expected = compare(world)
    files = []
    for one in world.lines:
        target = one.path.with_suffix(".csv")
        duckdb.sql(f"COPY (SELECT * FROM '{one.path}') TO '{target}' (HEADER)")
        files.append(replace(one, path=target))
    assert compare(replace(world, lines=tuple(files))).table == expected.table


# ------------------------------------------------------------------ the bank's lines


def account(result, leg, side):
    (one,) = [one for one in result.accounts if (one.leg.value, one.side) == (leg, side)]
    return one


def test_every_line_of_the_bank_is_in_exactly_one_class():
    who, when = {"mid": "000000000000009"}, {"settled_on": DAY}
    bank = [
        deposit(10_000), deposit(700, "20261104", **who), deposit(500, "20261109", **who), deposit(800, "20261120"),
        {"kind": "other", "amount_minor": -500_000, **when, "text": "rent"}, deposit(0), deposit(30, kind="preauth"),
        deposit(40, mark="declined"), {"kind": "payment", "amount_minor": 600, **when, "mark": "reversed"},
    ]  # fmt: skip
    for one in bank:
        one["currency"] = "CNY"
    options = Options(first=DAY, last="20261110", as_of="20261109")
    result = run(options, books=[sale()], network=[line()], bank=bank)
    one = account(result, "bank", "bank")
    assert (one.rows, one.counted) == (len(bank), len(bank))
    assert dict(one.parts) == {
        "matched": 1, "finding": 1, "held": 1, "outside": 1, "no_effect": 2, "no_money": 1, "preauth": 1,
        "not_payout": 1,
    }  # fmt: skip
    assert proved(result)


def test_a_line_of_the_bank_that_is_counted_nowhere_makes_a_run_incomplete(monkeypatch):
    # Two lines of one number: were they not told apart, the count would not come out.
    bank = [deposit(10_000, line_no=1), {**deposit(-700, kind="other", mid="", text="rent"), "line_no": 1}]
    result = run(books=[sale()], network=[line()], bank=bank)
    assert result.verdict is Verdict.OK
    assert account(result, "bank", "bank").rows == 2
    monkeypatch.setattr("storno.recon.steps.sides._TURN", "")
    result = run(books=[sale()], network=[line()], bank=bank)
    assert codes(result) == {"rows"}
    (reason,) = [one for one in result.reasons if one.code == "rows"]
    assert "bank, their side: 2 rows, 1 counted" in reason.english
    assert "银行，对方：共 2 行，计入 1 行" in reason.chinese


def test_a_bank_statement_without_clearing_is_said_not_to_be_compared():
    result = run(books=[sale()], bank=[deposit(10_000), deposit(500)])
    assert codes(result) == {"no_network"}
    assert result.compared == ()
    (note,) = result.notes
    assert (note.code, "2 lines" in note.english, "2 行" in note.chinese) == ("bank", True, True)
    assert account(result, "bank", "bank").parts == (("uncovered", 2),)
    assert proved(result)


def test_each_leg_names_the_day_its_own_files_end_with():
    later = {"settled_on": "20261105", "at": "20261105090000"}
    world = {"books": [sale()], "network": [line()], "terminal": [line(batch="000001"), line(2, **later)]}
    result = run(Options(), **world)
    assert [(leg.value, day) for leg, day in result.as_of_apart] == [("terminal", "20261105")]
    assert result.as_of == DAY
    assert run(Options(as_of=AS_OF), **world).as_of_apart == ()
