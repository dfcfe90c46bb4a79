"""What the committed soaks say: `bench/scoreboard.jsonl`, one line per run, and the page that quotes the last one."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from sim.test_rows import NEVER

ROOT = Path(__file__).resolve().parent.parent.parent
LINES = [json.loads(line) for line in (ROOT / "bench/scoreboard.jsonl").read_text("utf-8").splitlines()]
PAGE = (ROOT / "docs/guarantees.md").read_text("utf-8")
NOISE = 1.1
"""Two soaks draw different days; beyond this a difference is ours."""
WHOLE = 1_000_000
"""So many transactions make a soak that can be compared with other days; a smaller one is compared with the same days,
for few of them, with hosts that forget much, make most of the differences. Every line is compared with another."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["at"])
def test_no_soak_lost_or_doubled_anything(line):
    assert (line["lost"], line["doubled"], line["silent"], line["broken"]) == (0, 0, 0, [])
    assert line["touched"] > 0.3 * line["transactions"]
    assert line["rows_reached"] + len(line["rows_never"]) == line["rows"]
    assert {"version", "first_seed", "seeds", "tx_per_cpu_s", "hardware"} <= set(line)


def days(line):
    return line["first_seed"], line["seeds"]


def test_differences_only_fall():
    whole = [line for line in LINES if line["transactions"] >= WHOLE]
    again = [[one for one in LINES if days(one) == some] for some in {days(line) for line in LINES}]
    pairs = [pair for like in (whole, *again) for pair in pairwise(like)]
    assert {days(one) for pair in pairs for one in pair} == {days(line) for line in LINES}, (
        "one is not compared"
    )
    for before, after in pairs:
        assert after["found"] / after["transactions"] <= NOISE * before["found"] / before["transactions"]


def test_the_page_quotes_the_last_soak():
    last = LINES[-1]
    for name in ("transactions", "touched", "seeds", "reversed", "cases", "named", "found"):
        assert f"{last[name]:,}" in PAGE, name
    assert f"{sum(last['faults'].values()):,}" in PAGE


def test_every_row_that_no_day_took_is_named():
    named = set((ROOT / "tests/sim/rows.txt").read_text("utf-8").splitlines()) | set(NEVER)
    assert set(LINES[-1]["rows_never"]) <= named
