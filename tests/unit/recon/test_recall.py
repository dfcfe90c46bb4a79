"""Generated days: every planted difference is found, and none is invented, whether keys are whole or damaged."""

from functools import cache

import pytest

from days_kit import SIDES, generate, planted, read_side
from recon_kit import compare, proved
from storno.recon.collect import imported, read_fees
from storno.recon.result import Verdict
from storno.recon.sides import BooksFile, Effort, Options, Sides

pytestmark = pytest.mark.unit
EVERYTHING = ("coma", "wechat", "alipay", "camt")


def reconcile(folder, effort=None, **more):
    """Generate, import through the real readers, and reconcile; give the plan's truth and the result."""
    plan, _ = generate(folder, **more)
    home = folder / "home"
    home.mkdir()
    for side in SIDES:
        if (plan.out / side).exists():
            read_side(plan, side, home)
    options = Options(as_of="20261130", fees=read_fees(plan.out / "books" / "fees.csv"))
    books = tuple(BooksFile(one, "0") for one in sorted((plan.out / "books").glob("*.parquet")))
    return planted(plan), compare(Sides(books, *imported(home, options)), options, effort)


def scored(truth, result):
    """Give what was missed and what was invented: by rule, and by key, RRN, or terminal and sum."""

    def signs(rule, key, rrn, tid, minor):
        return {(rule, key), *({(rule, rrn)} if rrn else ()), *({(rule, tid, minor)} if tid else ())}

    wanted = [signs(one["rule"], one["key"], one["rrn"], one["tid"], one["outside_minor"]) for one in truth]
    here = [signs(one.rule, one.key, one.rrn, one.tid, one.found_minor) for one in result.findings()]
    all_wanted, all_here = set().union(*wanted), set().union(*here)
    missed = [one for one in wanted if not one & all_here]
    invented = [one for one in here if not one & all_wanted]
    return missed, invented


@cache
def whole(tmp):
    return reconcile(tmp)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("plain"))


def test_whole_keys_all_found_none_invented(plain):
    truth, result = plain
    assert scored(truth, result) == ([], [])
    assert len({one["rule"] for one in truth}) == 22
    assert result.count("finding") == len(truth)


def test_the_day_is_proved(plain):
    _, result = plain
    assert proved(result)
    assert result.reasons == ()
    assert result.verdict is Verdict.BREAKS


def test_the_money_found_is_the_money_planted(plain):
    truth, result = plain
    network = [
        one for one in truth if not one["rule"].startswith("deposit") and "terminal_" not in one["rule"]
    ]
    bridge = next(one for one in result.bridges if one.leg.value == "network")
    assert sum(minor for _, minor in bridge.parts) == sum(one["delta_minor"] for one in network)
    bank = next(one for one in result.bridges if one.leg.value == "bank")
    paid = [one for one in truth if one["rule"].startswith("deposit")]
    assert sum(minor for _, minor in bank.parts) == sum(one["delta_minor"] for one in paid)


@pytest.mark.parametrize("seed", [7, pytest.param(11, marks=pytest.mark.slow)])
def test_keys_damaged_in_two_per_cent_of_lines(tmp_path, seed):
    truth, result = reconcile(tmp_path, damaged=0.02, formats=EVERYTHING, seed=seed)
    missed, invented = scored(truth, result)
    assert len(missed) <= 0.01 * len(truth)
    assert len(invented) <= 0.005 * result.count("finding")
    assert proved(result)


def test_nothing_planted_nothing_found(tmp_path):
    _, result = reconcile(tmp_path, plant=(), damaged=0.02)
    assert list(result.findings()) == []
    assert result.verdict is Verdict.OK


def test_the_digest_finds_the_same(tmp_path):
    _, result = reconcile(tmp_path / "a", damaged=0.02)
    _, other = reconcile(tmp_path / "b", Effort(digest=True, memory_mb=400), damaged=0.02)
    assert other.table == result.table
    assert other.accounts == result.accounts
