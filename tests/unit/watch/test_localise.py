"""Localisation: planted causes are named, others are not, and the labelled cases stay well explained."""

import math
import random
import re
import tarfile
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.watch._likelihood import log_gamma
from storno.watch.localise import Cell, localise
from storno.watch.tally import TallyError, read_tally

CASES = Path(__file__).parents[2] / "golden/data/rate_drop/rate_drop_cases.tar.gz"
CARRIERS, MODELS, VERSIONS = ("移动", "联通", "电信"), ("A920", "N910", "P80"), ("3.1", "3.2")
DIMS = ("carrier", "model", "version")


def world(seed, cause, rate=0.01, raised=0.2, everywhere=False):
    """Counts before and during, with failures raised where `cause` (attribute -> value) holds."""
    chance = random.Random(seed)
    cells = []
    for carrier in CARRIERS:
        for model in MODELS:
            for version in VERSIONS:
                values = (carrier, model, version)
                total = chance.randint(300, 2000)
                struck = everywhere or (
                    cause and all(values[DIMS.index(name)] == value for name, value in cause.items())
                )
                p = raised if struck else rate
                failed = sum(chance.random() < p for _ in range(total))
                before = sum(chance.random() < rate for _ in range(4 * total))
                cells.append(Cell(values, before, 4 * total, failed, total))
    return cells


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "cause",
    [
        {"carrier": "联通"},
        {"version": "3.2"},
        {"model": "N910", "version": "3.1"},
        {"carrier": "电信", "model": "P80", "version": "3.2"},
    ],
)
def test_a_planted_cause_is_named_alone(seed, cause):
    found = localise(DIMS, world(seed, cause))
    assert [dict(one.values) for one in found.causes] == [cause]
    assert found.causes[0].share > 0.8
    assert not found.external


def test_two_causes_are_both_named():
    one, two = world(1, {"carrier": "移动"}), world(1, {"model": "P80", "version": "3.1"})
    cells = [a if a.failed >= b.failed else b for a, b in zip(one, two, strict=True)]
    named = [dict(each.values) for each in localise(DIMS, cells).causes]
    assert {"carrier": "移动"} in named
    assert {"model": "P80", "version": "3.1"} in named


def test_failures_everywhere_have_an_external_cause():
    found = localise(DIMS, world(3, None, everywhere=True))
    assert found.rose
    assert found.external
    assert found.causes == ()


@pytest.mark.parametrize("seed", range(10))
def test_chance_is_no_cause(seed):
    found = localise(DIMS, world(seed, None))
    assert not found.rose
    assert found.causes == found.ranking == ()


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_does_not_matter(chance):
    cells = world(5, {"carrier": "联通"})
    expected = localise(DIMS, cells)
    chance.shuffle(cells)
    found = localise(DIMS, cells)
    assert [one.values for one in found.ranking] == [one.values for one in expected.ranking]
    assert [one.values for one in found.causes] == [one.values for one in expected.causes]


SMALL, LARGE = st.integers(0, 50), st.integers(0, 500)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), SMALL, LARGE, SMALL, LARGE), max_size=20
    )
)
@settings(max_examples=100, deadline=None)
def test_any_counts_have_an_answer(rows):
    cells = [Cell((a, b), f0, f0 + t0, f1, f1 + t1) for a, b, f0, t0, f1, t1 in rows]
    found = localise(("p", "q"), cells)
    assert all(0 <= one.share <= 1 for one in found.ranking)
    assert found.rose or not found.causes


@pytest.mark.parametrize(
    ("dims", "cells"),
    [
        ((), []),
        (("a",), [Cell(("x", "y"), 0, 1, 0, 1)]),
        (("a",), [Cell(("x",), 2, 1, 0, 1)]),
        (("a",), [Cell(("x",), 0, 1, math.nan, 1)]),
    ],
)
def test_counts_that_cannot_be_are_refused(dims, cells):
    with pytest.raises(ValueError, match="/"):
        localise(dims, cells)


@given(st.floats(1e-3, 1e7))
def test_log_gamma_is_that_of_the_library(x):
    assert log_gamma(np.array([x]))[0] == pytest.approx(math.lgamma(x), rel=1e-10, abs=1e-9)


def labelled():
    with tarfile.open(CASES) as tar:
        texts = {
            Path(m.name).name: file.read().decode() for m in tar.getmembers() if (file := tar.extractfile(m))
        }
    pattern = r"- data: (.+)\n\s+timestamp: (\d+)\n\s+cause: (.+)"
    for name, at, cause in re.findall(pattern, texts["anomaly.yaml"]):
        sets = literal_eval(cause if cause.startswith("[") else f"[{cause}]")
        yield (
            texts[f"{name.strip()}.csv"],
            float(at),
            [{key: str(value) for key, value in one.items()} for one in sets],
        )


def test_the_labelled_drops_are_explained():
    cases = right = near = causes = 0
    for text, at, truth in labelled():
        tally = read_tally(text, at)
        ranking = [dict(one.values) for one in localise(tally.dims, tally.cells).ranking]
        cases += 1
        causes += len(truth)
        right += ranking[:1] != [] and ranking[0] in truth
        near += sum(one in truth for one in ranking[:3])
    assert cases == 65
    assert 2 * right / (cases + causes) >= 0.75
    assert near / causes >= 0.90


# -------------------------------------------------------------------- tables
WIDE = "carrier,failed_before,total_before,failed,total\na,1,100,50,100\nb,1,100,1,100\n"


def test_both_layouts_mean_the_same():
    long = "time,carrier,failed,total\n1,a,1,100\n1,b,1,100\n2,a,50,100\n2,b,1,100\n"
    wide = read_tally(WIDE)
    assert wide.dims == ("carrier",)
    found = read_tally(long)
    assert found.at == 2
    assert [one.values for one in found.cells] == [one.values for one in wide.cells]
    assert [(one.failed, one.total) for one in found.cells] == [(50, 100), (1, 100)]


def test_chinese_headers_are_known():
    tally = read_tally("\ufeff时间,运营商,失败,总数\n1,移动,1,100\n2,移动,9,100\n")
    assert tally.dims == ("运营商",)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "line 1"),
        ("a,a\n1,2\n", "line 1"),
        ("carrier,failed,total\n", "no rows"),
        ("carrier,failed,total\nx,1,2\n", "--time"),
        ("time,carrier,total\n1,x,2\n", "--failed"),
        ("time,failed,total\n1,1,2\n2,1,2\n", "no column besides"),
        ("time,carrier,failed,total\n1,x,1\n", "line 2"),
        ("time,carrier,failed,total\n1,x,one,2\n", "line 2, column failed"),
        ("time,carrier,failed,total\n1,x,3,2\n", "line 2: 3 failed of 2"),
        ("time,carrier,failed,total\n1,x,-3,2\n", "line 2"),
        ("time,carrier,failed,total\n1,x,1,2\n", "one period"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(text, part):
    with pytest.raises(TallyError) as refusal:
        read_tally(text)
    assert part in refusal.value.english
    assert re.search(r"[一-鿿]", refusal.value.chinese)


def test_a_time_without_rows_is_refused():
    with pytest.raises(TallyError):
        read_tally("time,carrier,failed,total\n1,x,1,2\n2,x,1,2\n", at=1)


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_table_or_refused(text):
    try:
        tally = read_tally(text)
    except TallyError:
        return
    localise(tally.dims, tally.cells)
