"""The generator of days: the same bytes from a seed, sides that real readers read, a truth that adds up."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest

from days_kit import SIDES, SMALL, generate, planted, read_side
from storno.iso8583.mask import mask_pan
from storno.journal.fact import TX_COLUMNS
from storno.journal.sqlite_reader import SqliteReader
from storno.recon.finding import RULE_NAMES
from storno.sim.days import tables
from storno.sim.days.causes import CAUSES
from storno.sim.days.digits import digits, pans, texts
from storno.sim.days.draw import Draws
from storno.sim.days.plan import PlanError
from storno.statements.mask import passes_check

pytestmark = pytest.mark.unit
EVERYTHING = ("coma", "wechat", "alipay", "camt")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("town"), journal=True, damaged=0.02)


# ------------------------------------------------------------------ chance


def test_draws_are_splitmix64():
    draws = Draws(1, "x")
    draws._key = np.uint64(1234567)  # the published test values of the generator
    assert draws.words(3).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_stream_goes_on_where_it_ended_and_names_are_streams_of_their_own():
    whole, parts = Draws(3, "a"), Draws(3, "a")
    assert whole.words(5).tolist() == [*parts.words(2).tolist(), *parts.words(3).tolist()]
    assert Draws(3, "a").words(1).tolist() != Draws(3, "b").words(1).tolist()
    assert Draws(3, "a").words(1).tolist() != Draws(4, "a").words(1).tolist()


def test_draws_keep_to_their_shares():
    draws = Draws(1, "shares")
    assert abs(int(draws.hits(100_000, 200_000).sum()) - 20_000) < 600
    counts = np.bincount(draws.pick(np.array([1, 0, 3]), 100_000))
    assert counts[1] == 0
    assert abs(counts[2] - 75_000) < 700
    assert set(draws.between(-2, 2, 1_000).tolist()) == {-2, -1, 0, 1, 2}


def test_quantiles_rise_and_stay_inside_opening_hours():
    for table in (tables.amount_quantiles(), tables.hour_quantiles()):
        assert (np.diff(table, axis=1) >= 0).all()
    assert tables.hour_quantiles().max() == 86_399
    hospital = next(at for at, one in enumerate(tables.TRADES) if one.mcc == "8062")
    second = tables.hour_quantiles()[hospital]
    assert second.min() == 6 * 3600
    assert second.max() < 20 * 3600


@pytest.mark.parametrize("width", [1, 4, 5, 11, 12])
def test_digits_are_what_format_gives(width):
    values = Draws(1, "digits", width).below(min(10**width, 2**31), 50)
    assert [one.decode() for one in texts(digits(values, width))] == [
        f"{v:0{width}d}" for v in values.tolist()
    ]


def test_cards_are_test_cards_with_a_good_check_digit():
    for pan in texts(pans(np.arange(0, 3_000, 7))):
        assert pan.startswith(b"620000")
        assert passes_check(pan.decode())


# ------------------------------------------------------------------ the same bytes


def digest(folder):
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def test_a_seed_gives_the_same_bytes_whatever_the_hash_seed(tmp_path):
    seen = {}
    for name, seed, hash_seed in (("a", 5, "1"), ("b", 5, "4242"), ("c", 6, "1")):
        run = subprocess.run(
            [sys.executable, "-m", "storno", "generate", "--sales", "1200", "--seed", str(seed), "--plant-count", "2",
             "--formats", "acom,wechat,alipay,mt940", "--out", str(tmp_path / name / "out"), "--json"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        seen[name] = digest(tmp_path / name)
    assert seen["a"] == seen["b"]
    assert seen["a"] != seen["c"]


# ------------------------------------------------------------------ what real readers read


@pytest.mark.parametrize(
    "formats", [("acom", "bank_csv"), EVERYTHING, ("zm", "mt940")], ids=lambda one: one[0]
)
def test_readers_read_every_side_to_the_fen(tmp_path, formats):
    plan, done = generate(tmp_path, formats=formats, damaged=0.02, days=1)
    read = {side: read_side(plan, side, tmp_path / "home") for side in SIDES if (plan.out / side).is_dir()}
    assert {side: wrong for side, (_, wrong) in read.items() if wrong} == {}
    sums = {side: found for side, (found, _) in read.items()}
    outside = [sums[side] for side in ("network", "wechat", "alipay") if side in sums]
    assert sum(one[1] for one in outside) == done.cleared_minor
    assert sum(one[2] for one in outside) == done.fees_minor
    assert sums["bank"][0] == done.deposits
    assert sums["bank"][1] == done.paid_minor
    assert sums["terminal"][0] == done.terminal_rows


def test_acom_lines_have_299_bytes_and_coma_lines_951(tmp_path):
    for name, size in (("acom", 299), ("coma", 951)):
        plan, _ = generate(tmp_path / name, formats=(name, "bank_csv"), days=1, sales=1_200, plant_count=1)
        for path in (plan.out / "network").iterdir():
            assert {len(line) for line in path.read_bytes().split(b"\r\n")[:-1]} == {size}


def test_no_whole_card_number_stands_where_the_layout_does_not_want_it(town, tmp_path):
    whole = re.compile(rb"620000\d{10}(?!\d)")
    plans = [town[0], generate(tmp_path, formats=EVERYTHING, days=1)[0]]
    for plan in plans:
        for path in [*plan.out.rglob("*"), *plan.truth.rglob("*")]:
            if path.is_file() and path.suffix != ".parquet":
                found = {one.decode() for one in whole.findall(path.read_bytes())}
                assert not found or path.parent.name == "network", path.name
                assert all(passes_check(one) and mask_pan(one) != one for one in found)


# ------------------------------------------------------------------ the truth


def test_every_rule_is_planted_and_the_bridge_closes(town):
    plan, done = town
    found = planted(plan)
    counts = Counter(one["rule"] for one in found)
    assert set(counts) == set(RULE_NAMES)
    assert counts == done.planted
    assert min(counts.values()) >= plan.plant_count
    on_lines = sum(one["delta_minor"] for one in found if one["fate"] != "deposit")
    assert done.cleared_minor - done.books_minor == on_lines
    at_bank = sum(one["delta_minor"] for one in found if one["fate"] == "deposit")
    assert done.paid_minor - (done.cleared_minor + done.fees_minor) == at_bank


SIGNS = {
    "approved_not_settled": -1, "booked_not_settled": -1, "settled_not_booked": 1, "settled_but_reversed": 1,
    "reversed_twice": -1, "duplicate_settlement": 1, "partial_settled_in_full": 1, "refund_without_sale": -1,
    "void_of_reversed": 0, "fee_mismatch": 0,
    "wrong_merchant": 0, "wrong_terminal": 0, "date_shift": 0, "terminal_not_booked": 0, "booked_not_on_terminal": 0,
    "terminal_says_otherwise": 0, "deposit_over": 1, "deposit_short": -1,
}  # fmt: skip


def test_each_planted_difference_bends_the_money_its_way(town):
    for one in planted(town[0]):
        sign = (one["delta_minor"] > 0) - (one["delta_minor"] < 0)
        assert sign == SIGNS.get(one["rule"], sign), one
        assert (one["fee_minor"] > 0) is (one["rule"] == "fee_mismatch")
        if one["rule"].startswith("reversal_"):  # open in our books: the host charged, or it did not
            assert one["books_minor"] == 0
            assert (one["delta_minor"] > 0) is one["fate"].endswith("_charged")
        if one["rule"] == "amount_mismatch":
            assert one["delta_minor"] != 0


def test_sides_differ_exactly_where_something_was_planted(town, tmp_path):
    """Compares the files themselves: what books and clearing say of each TID, STAN and day of undamaged lines."""
    plan, _ = town
    read_side(plan, "network", tmp_path)
    lines = [row for path in tmp_path.rglob("*.parquet") for row in pq.read_table(path).to_pylist()]
    cleared = defaultdict(int)
    blind = {"000000", ""}
    for row in lines:
        if row["stan"] not in blind:
            cleared[row["tid"], row["stan"], row["at"][:8]] += row["amount_minor"]
    lost = {row["rrn"] for row in lines if row["stan"] in blind}
    booked = defaultdict(int)
    for path in (plan.out / "books").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            if row["position"] != "effect" or row["kind"] == "preauth" or row["rrn"] in lost:
                continue
            amount = row["amount_minor"] if row["approved_minor"] is None else row["approved_minor"]
            sign = -1 if row["kind"] in ("void", "refund") else 1
            booked[row["tid"], row["stan"], row["date"]] += sign * amount
    differ = {key for key in cleared | booked if cleared[key] != booked[key]}
    found = planted(plan)
    known = {(one["tid"], one["stan"], one["date"]) for one in found if one["tid"]}
    moved = {one["rrn"] for one in found if one["rule"] == "wrong_terminal"}
    elsewhere = {(row["tid"], row["stan"], row["at"][:8]) for row in lines if row["rrn"] in moved}
    assert differ <= known | elsewhere | {key for key in differ if key[1] in blind}
    must = {
        (one["tid"], one["stan"], one["date"]) for one in planted(plan) if one["delta_minor"] and one["tid"]
    }
    seen = {key for key in must if cleared[key] or booked[key]}
    assert seen <= differ


def test_lines_named_in_the_truth_are_the_lines(town):
    plan, _ = town
    rows = {path.name: path.read_bytes().split(b"\r\n") for path in (plan.out / "network").iterdir()}
    checked = 0
    for one in planted(plan):
        for place in one["lines"]:
            if one["fate"] == "deposit":
                continue
            name, number = place.rsplit(":", 1)
            line = rows[name][int(number) - 1].decode("gb18030")
            keys = (line[24:30], line[143:155])
            checked += 1
            assert one["stan"] == keys[0] or one["rrn"] == keys[1]
    assert checked > 20


# ------------------------------------------------------------------ the books


def test_the_books_are_those_of_a_real_journal(town):
    plan, done = town
    with SqliteReader(plan.out / "journal.db") as journal:
        assert journal.verify().problems == ()
        stored = {row[0]: row for row in journal.rows(limit=100_000)}
    assert len(stored) == done.book_rows
    for path in (plan.out / "books").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert tuple(row[name] for name in TX_COLUMNS) == stored[row["tx_id"]]


def test_numbers_are_unique_and_originals_come_first(town):
    rows = [
        row for path in (town[0].out / "books").glob("*.parquet") for row in pq.read_table(path).to_pylist()
    ]
    assert len({(row["tid"], row["stan"], row["date"]) for row in rows}) == len(rows)
    assert len({row["tx_id"] for row in rows}) == len(rows)
    by_id = {row["tx_id"]: row for row in rows}
    linked = [row for row in rows if row["original"]]
    assert {"void", "refund"} <= {row["kind"] for row in linked} <= {"void", "refund", "completion"}
    for row in linked:
        assert by_id[row["original"]]["opened_ms"] < row["opened_ms"]
        assert by_id[row["original"]]["tid"] == row["tid"]


# ------------------------------------------------------------------ causes and signals


def test_every_cause_happens_and_stands_in_the_truth_only(tmp_path):
    plan, done = generate(tmp_path, sales=20_000, faults=0.06, days=1, terminals=200, merchants=60)
    assert set(done.causes) == set(CAUSES) - {""}
    signals = pq.read_table(next((plan.out / "signals").iterdir()))
    causes = pq.read_table(next(plan.truth.glob("causes-*.parquet")))
    assert signals["tx_id"].to_pylist() == causes["tx_id"].to_pylist()
    assert not {"cause", "second_cause", "fate", "rule"} & set(signals.column_names)
    assert any(causes["second_cause"].to_pylist())
    for name in ("rssi_dbm", "link_errors", "ms_issuer", "sign_in_hours"):
        assert 0 < signals[name].null_count < signals.num_rows


def test_a_decline_is_never_a_reversal(town):
    for path in (town[0].out / "books").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            if row["state"] == "declined":
                assert (row["trigger"], row["reason"], row["position"]) == (None, "", "none")


# ------------------------------------------------------------------ plans


@pytest.mark.parametrize(
    ("more", "word"),
    [({"formats": ("acom",)}, "choose one"), ({"formats": ("acom", "qif", "mt940")}, "qif"),
     ({"plant": ("magic",)}, "magic"), ({"sales": 100}, "no room"), ({"terminals": 5}, "terminal")],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_with_its_reason(tmp_path, more, word):
    with pytest.raises(PlanError, match=word) as refused:
        generate(tmp_path, **more)
    assert re.search("[一-鿿]", refused.value.chinese)
    assert list((tmp_path / "out").iterdir()) == []


def test_holidays_and_weekends_pay_later(tmp_path):
    friday = SMALL.first.replace(day=6)
    plan, _ = generate(
        tmp_path, days=1, first=friday, holidays=frozenset({friday.replace(day=9)}), sales=800, plant=()
    )
    assert sorted(path.name for path in (plan.out / "bank").iterdir()) == ["bank-20261110.csv"]
    assert json.loads((plan.out / "generated.json").read_text())["first"] == "2026-11-06"
