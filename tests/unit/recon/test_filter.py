"""The filter: how few rows go on, and that a difference is among them on either leg."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from recon_kit import AS_OF, found, proved, run, sides
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.finding import Leg
from storno.recon.rules._example import line, sale, undone
from storno.recon.run import reconcile
from storno.recon.sides import Effort, Options

pytestmark = pytest.mark.unit
SALES, BENT = 16_000, 40


def opened(folder, buckets_log2):
    """Reconcile sales, the first forty with another amount outside; give the result and how many lines went on."""
    world = sides(
        folder,
        books=[sale(number, 1_000) for number in range(1, SALES + 1)],
        network=[line(number, 1_000 + 5 * (number <= BENT)) for number in range(1, SALES + 1)],
        terminal=[
            line(number, 1_000 + 7 * (number <= BENT), batch="000001", mark="none")
            for number in range(1, SALES + 1)
        ],
    )
    effort = Effort(threads=2, digest=True, buckets_log2=buckets_log2)
    with DuckEngine(effort) as engine:
        result = reconcile(world, Options(as_of=AS_OF), engine, effort)
        counts = [engine.rows(f"SELECT count(*) FROM lines_{s}")[0][0] for s in "nt"]
    return result, counts


def test_few_rows_go_on_that_agree(tmp_path):
    result, counts = opened(tmp_path, buckets_log2=12)
    assert proved(result)
    assert found(result).count(("amount_mismatch", 5)) == BENT
    # One bucket holds four sales and a fine one a quarter: with coarse buckets alone some 190 lines would go on.
    assert all(BENT <= count < 2 * BENT for count in counts)


# What becomes of a sale of ours, and what its terminal's line may have lost or got wrong.
OURS = {
    "booked": {}, "not told": {"told": "cancelled"}, "zero": {"amount_minor": 0, "approved_minor": 0},
    "declined": {"state": "declined", "position": "none", "told": "declined", "rrn": ""},
    "in doubt": {"state": "reversal_pending", "position": "suspense", "told": "cancelled"},
    "no RRN": {"rrn": ""}, "in part": {"approved_minor": 500}, "no number": {"stan": ""},
}  # fmt: skip
THEIRS = (
    {}, {"stan": "000000"}, {"stan": "", "rrn": ""}, {"tid": ""}, {"tid": "00000009"}, {"batch": ""}, {"mid": ""},
    {"settled_on": "20261103", "at": "20261103090000"}, {"settled_on": "", "at": ""}, {"mark": "voided"},
    {"mark": "reversed"}, {"amount_minor": 0}, {"amount_minor": 999}, {"currency": "USD"},
)  # fmt: skip
CASES = st.lists(
    st.tuples(st.sampled_from([*OURS, "undone"]), st.sampled_from(THEIRS), st.sampled_from(THEIRS)),
    min_size=1, max_size=12,
)  # fmt: skip


def day_of(cases):
    """Give the sides of a day: twenty sales that agree, and some as they were drawn."""
    rows = {"books": [], "terminal": [], "network": []}
    plain = [("booked", {}, {})] * 20
    for number, (ours, shown, cleared) in enumerate([*plain, *cases], 1):
        made = undone(number, 1_000) if ours == "undone" else sale(number, 1_000) | OURS[ours]
        rows["books"].append(made)
        rows["terminal"].append(line(number, 1_000, batch="000001") | shown)
        rows["network"].append(line(number, 1_000) | cleared)
    return rows


def told(result):
    """Give all that is told of the rows."""
    return result.table.to_pylist(), result.accounts, result.bridges, result.reasons, result.passes


# Each example takes a second: to shrink one would take minutes.
@settings(max_examples=4, deadline=None, phases=(Phase.generate,))
@given(CASES, st.booleans())
def test_the_filter_decides_nothing_whatever_is_wrong_with_keys(cases, stored):
    rows = day_of(cases)
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    filtered = run(effort=Effort(threads=1, digest=True, buckets_log2=12), stored=stored, **rows)
    assert proved(plain)
    assert told(filtered) == told(plain)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("ours", ["undone", "in doubt", "not told"])
def test_a_terminals_line_under_another_key_finds_what_the_terminal_was_not_told(ours, stored):
    """Such a transaction has no digest in the terminal's leg, so that its own bucket never shows it."""
    rows = day_of([(ours, {"stan": "000000"}, {})])
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    filtered = run(effort=Effort(threads=1, digest=True, buckets_log2=12), stored=stored, **rows)
    assert told(filtered) == told(plain)
    assert "terminal_not_booked" not in {rule for rule, _ in found(filtered)}


@pytest.mark.parametrize("stored", [False, True])
def test_pairs_that_share_their_key_are_counted_in_one_way(stored):
    """Without the filter nobody's RRN is alone; with it their buckets are equal, and nobody asks."""
    rows = day_of([("booked", {}, {"amount_minor": 999})])
    for name in ("books", "network"):
        for at in (1, 2):
            rows[name][at]["rrn"] = rows[name][0]["rrn"]
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    filtered = run(effort=Effort(threads=1, digest=True, buckets_log2=12), stored=stored, **rows)
    assert told(filtered) == told(plain)
    assert (Leg.NETWORK, "exact", 20) in plain.passes
    assert (Leg.NETWORK, "rrn", 1) in plain.passes


def test_classes_of_lines_are_told_in_one_order():
    kinds = ("fee", "adjustment", "chargeback", "preauth", "payment")
    lines = [line(at, 0 if kind == "payment" else 100, kind=kind) for at, kind in enumerate(kinds, 1)]
    orders = {run(network=some).accounts for some in (lines, lines[::-1], lines[2:] + lines[:2])}
    assert len(orders) == 1
    names = [name for name, _ in orders.pop()[0].parts]
    assert names == ["adjustment", "chargeback", "fee", "no_money", "preauth"]


@pytest.mark.parametrize("stored", [False, True])
def test_rows_without_a_number_are_no_pair_for_the_filter_either(stored):
    """Our row without a STAN and a line whose STAN is none have one key: they must not make up for each other."""
    rows = day_of([("no number", {"stan": "000000", "tid": "00000001"}, {})])
    rows["terminal"][-1]["tid"] = rows["books"][-1]["tid"]
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    filtered = run(effort=Effort(threads=1, digest=True, buckets_log2=12), stored=stored, **rows)
    assert told(filtered) == told(plain)


@pytest.mark.parametrize("stored", [False, True])
def test_books_with_nulls_for_texts_are_as_with_empty_ones(stored):
    rows = day_of([])
    for name in ("rrn", "auth_code", "batch"):
        rows["books"][3][name] = ""
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    for name in ("rrn", "auth_code", "batch"):
        rows["books"][3][name] = None
    for digest in (False, True):
        result = run(effort=Effort(threads=1, digest=digest, buckets_log2=12), stored=stored, **rows)
        assert told(result) == told(plain)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("mark", ["reversed", "declined"])
def test_another_sales_line_is_not_taken_for_that_of_an_undone_one(mark, stored):
    """The undone sale has its own line, which does not count; one of the same amount a minute later has no booking."""
    rows = day_of([("undone", {"mark": mark}, {})])
    rows["terminal"].append(rows["terminal"][-1] | {"stan": "000999", "rrn": "", "mark": "none"})
    plain = run(effort=Effort(threads=1, digest=False), **rows)
    filtered = run(effort=Effort(threads=1, digest=True, buckets_log2=12), stored=stored, **rows)
    assert told(filtered) == told(plain)
    assert "terminal_not_booked" in {rule for rule, _ in found(filtered)}


@pytest.mark.parametrize("stored", [False, True])
def test_a_refund_and_a_void_alike_in_all_else_are_no_pair_for_the_filter_either(stored):
    rows = {
        "books": [sale(1, 500, kind="refund"), *(sale(one) for one in range(2, 9))],
        "network": [line(1, -500, kind="void"), *(line(one) for one in range(2, 9))],
        "terminal": [
            line(1, -500, kind="void", batch="000001"),
            *(line(one, batch="000001") for one in range(2, 9)),
        ],
    }
    plain, filtered = (
        run(effort=Effort(threads=2, digest=digest), stored=stored, **rows) for digest in (False, True)
    )
    assert filtered.table == plain.table
    assert filtered.passes == plain.passes
    assert len(found(plain)) >= 2


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    "lacks", [{}, {"tid": "", "stan": ""}, {"tid": "", "stan": "", "auth_code": "", "card": ""}]
)
def test_sales_that_share_all_there_is_are_told_alike_with_the_filter(lacks, stored):
    rows = {
        "books": [sale(one, stan=f"{one:06d}", rrn="600000000001") for one in (1, 2)] + [sale(3)],
        "network": [line(one, rrn="600000000001", **lacks) for one in (1, 2)] + [line(3, **lacks)],
    }
    plain, filtered = (
        run(effort=Effort(threads=2, digest=digest), stored=stored, **rows) for digest in (False, True)
    )
    assert filtered.table == plain.table
    assert filtered.accounts == plain.accounts
    assert not found(plain)


@pytest.mark.parametrize("stored", [False, True])
def test_terminal_lines_that_share_all_there_is_are_told_alike_with_the_filter(stored):
    same = {"stan": "000001", "rrn": "", "auth_code": "", "card": "", "at": ""}
    rows = {
        "books": [sale(one, stan="000001", auth_code="") for one in (1, 2, 3)],
        "network": [line(one, stan="000001") for one in (1, 2, 3)],
        "terminal": [line(one, batch="000001", **same) for one in (1, 2, 3)],
    }
    plain, filtered = (
        run(effort=Effort(threads=2, digest=digest), stored=stored, **rows) for digest in (False, True)
    )
    assert told(filtered) == told(plain)
    assert not found(plain)
