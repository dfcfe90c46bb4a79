"""Generated days through import and reconciliation: everything planted is found, nothing is invented."""

from collections import Counter

import pytest

from days_kit import SIDES, generate, planted, read_side
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.result import Verdict
from storno.recon.run import reconcile
from storno.recon.sides import BooksFile, Effort, FeeRate, LineFile, Options, Sides
from storno.statements.catalogue import Catalogue

pytestmark = pytest.mark.unit


def found_in(plan, home):
    for side in SIDES:
        if (plan.out / side).is_dir():
            assert read_side(plan, side, home)[1] == []
    catalogue = Catalogue(home)
    lines = tuple(
        LineFile(one.file_id, one.role, catalogue.path(one), lines=one.lines) for one in catalogue.files()
    )
    books = tuple(BooksFile(path) for path in sorted((plan.out / "books").glob("*.parquet")))
    rates = (row.split(",") for row in (plan.out / "books" / "fees.csv").read_text().splitlines()[1:])
    fees = tuple(FeeRate(mid, int(rate)) for mid, rate in rates)
    effort = Effort(memory_mb=512)
    engine = DuckEngine(effort)
    try:
        return reconcile(Sides(books, lines), Options(as_of="20261125", fees=fees), engine, effort)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("formats", "damaged"),
    [(("acom", "bank_csv"), 0.0), (("acom", "bank_csv"), 0.02), (("coma", "wechat", "alipay", "camt"), 0.0)],
    ids=["acom", "acom-damaged", "coma-wallets-camt"],
)
def test_what_is_planted_is_found_and_nothing_else(tmp_path, formats, damaged):
    plan, done = generate(tmp_path, formats=formats, damaged=damaged)
    result = found_in(plan, tmp_path / "home")
    assert (result.verdict, result.reasons) == (Verdict.BREAKS, ())
    assert [one.residual_minor for one in result.bridges] == [0] * len(result.bridges)
    found = list(result.findings())
    assert Counter(one.rule for one in found) == done.planted
    by_rrn = {(one.rule, one.rrn) for one in found} | {(one.rule, one.key) for one in found}
    missing = [
        one for one in planted(plan)
        if (one["rule"], one["rrn"] or one["key"]) not in by_rrn and (one["rule"], one["key"]) not in by_rrn
    ]  # fmt: skip
    # A line whose RRN was damaged and that our books do not have can only be known by its terminal's number.
    assert [one for one in missing if not (damaged and not one["tx_id"])] == []


def test_a_day_on_which_nothing_was_planted_is_ok(tmp_path):
    plan, done = generate(tmp_path, plant=(), damaged=0.02, faults=0.05)
    result = found_in(plan, tmp_path / "home")
    assert done.planted == Counter()
    assert (result.verdict, list(result.findings())) == (Verdict.OK, [])
    assert result.bridges[0].books_minor == result.bridges[0].outside_minor == done.books_minor


def test_a_sale_is_lost_only_by_a_terminal_that_keeps_another(tmp_path):
    plan, done = generate(tmp_path, sales=400, merchants=40, terminals=200, seed=1, signals=False)
    result = found_in(plan, tmp_path / "home")
    assert (result.verdict, result.reasons, result.notes) == (Verdict.BREAKS, (), ())
    assert Counter(one.rule for one in result.findings()) == done.planted
