"""Days in which everything goes wrong, in virtual time: no promise may break, and every run can be repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storno.reversal.lifecycle import TABLE
from storno.sim.world.auditor import Auditor
from storno.sim.world.many import run
from storno.sim.world.scoreboard import Score, live
from storno.sim.world.story import Story
from storno.sim.world.swarm import Swarm, draw
from storno.sim.world.world import World

pytestmark = pytest.mark.sim
HERE = Path(__file__).resolve().parent
SEEDS = 400
FIRST = 10_000
SMALL_SEEDS = 1_600
SMALL_FIRST = 20_000
KINDS = {
    "a message lost": {
        "net_lost",
        "net_cut_before",
        "host_request_lost",
        "host_answer_lost",
        "host_reversal_lost",
    },
    "a message doubled": {"net_doubled", "host_duplicate_answer"},
    "a message delayed": {"net_slow", "host_late", "host_slow_drip"},
    "messages reordered": {"net_reordered"},
    "bytes in pieces": {"net_split", "net_cut_within", "host_partial_frame"},
    "a partition": {"partition_pos", "partition_lines"},
    "half-open lines and none": {"net_half_open", "net_refused", "net_cut_after"},
    "a peer that does not read": {"link_stalled", "terminal_stalled"},
    "a torn write": {"disk_torn"},
    "written and not reported": {"disk_unreported"},
    "a slow sync": {"disk_slow"},
    "a full disk": {"disk_full"},
    "a gateway gone": {"gateway_killed", "gateway_power"},
    "a host that restarts": {"host_restarted", "host_restart_with_memory", "host_restart_before_effect"},
    "a host that forgets": {"host_forgot"},
    "a host that refuses": {"host_reversal_refused", "host_reversal_answer_lost", "host_reset_before_effect"},
    "a host that is wrong": {"host_bad_mac", "host_wrong_amount", "host_wrong_stan", "host_babble"},
    "a host in doubt": {"host_doubtful", "host_doubtful_posted", "host_reset_after_approval"},
    "a host that undoes by itself": {"host_host_reversal"},
    "a terminal without power": {"till_power_cut", "till_died"},
    "a terminal that cannot store or print": {"till_store", "till_printer"},
}
"""Every kind of fault the simulator promises; each of the names must come up."""

EVENTS = {
    "sign-in", "settle", "echo", "balance", "drain", "batch_changed", "stan_wrapped", "retry_ordered",
    "adjusted_charged", "adjusted_uncharged", "case_closed", "evenings", "tx_with_several_gateways",
    "tx_beside_rogue_terminals", "tx_around_midnight",
}  # fmt: skip


@pytest.fixture(scope="module")
def score() -> Score:
    """Many worlds; the figures are looked at by several tests."""
    total = Score()
    for one, _ in run(range(FIRST, FIRST + SEEDS), jobs=min(4, os.cpu_count() or 1)):
        total.add(one)
    return total


@pytest.fixture(scope="module")
def small_score() -> Score:
    """Many more small days: rare mixtures of faults in few transactions."""
    total = Score()
    seeds = range(SMALL_FIRST, SMALL_FIRST + SMALL_SEEDS)
    for one, _ in run(seeds, jobs=min(4, os.cpu_count() or 1), small=True):
        total.add(one)
    return total


@pytest.mark.timeout(600)
def test_no_promise_is_broken_on_a_small_day(small_score):
    assert [f"{one.replay}  # {one.promise}: {one.text} [{one.key}]" for one in small_score.broken] == []
    assert (small_score.lost, small_score.doubled, small_score.silent) == (0, 0, 0)
    assert small_score.transactions > 5_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_occurs(score, small_score, kind):
    seen = score.faults + small_score.faults
    assert {name for name in KINDS[kind] if not seen[name]} == set()


@pytest.mark.timeout(600)
def test_each_event_of_a_day_occurs(score):
    assert {name for name in EVENTS if not score.happened[name]} == set()


@pytest.mark.timeout(600)
def test_no_promise_is_broken(score):
    assert [f"{one.replay}  # {one.promise}: {one.text} [{one.key}]" for one in score.broken] == []
    assert (score.lost, score.doubled, score.silent) == (0, 0, 0)


@pytest.mark.timeout(600)
def test_the_days_were_bad_enough_to_prove_something(score):
    assert score.worlds == SEEDS
    assert score.transactions > 10_000
    assert score.touched > 0.3 * score.transactions
    assert len(score.faults) > 35
    assert score.reversed > 1_000
    assert score.repeats > 500
    assert score.late_answers > 200
    assert 0.3 * score.worlds < score.trusted < 0.9 * score.worlds


@pytest.mark.timeout(600)
def test_most_of_the_life_cycle_was_walked(score):
    """The rest is walked by the table's own tests; what the worlds reach must not shrink."""
    assert score.reached >= 85, [f"{state.name} + {what.name}" for state, what in score.never]
    assert {cell for cell in score.rows if None not in cell} <= set(TABLE)


def known_seeds() -> list[int]:
    lines = (HERE / "seeds.txt").read_text("utf-8").splitlines()
    return [int(line.split()[0], 0) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("seed", known_seeds())
def test_a_seed_that_once_broke_a_promise_keeps_it(seed):
    assert live(seed).broken == []


def test_a_day_without_faults_needs_nothing():
    world = World(Swarm(1, terminals=3, orders=10, think_ms=500))
    world.run()
    assert world.first is not None
    assert world.first.findings == ()
    assert world.faults == {}
    assert world.auditor.counts["requests"] > 20


# ---------------------------------------------------------------- the same seed, the same day

DIGESTS = """
from storno.sim.world.swarm import draw
from storno.sim.world.world import World
for seed in range(10_000, 10_006):
    world = World(draw(seed))
    world.run()
    print(world.digest())
"""


def digests(hash_seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS], capture_output=True, encoding="utf-8", check=True, env=environ
    )
    return done.stdout


@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_journals_whatever_the_hash_seed():
    assert digests("0") == digests("1") == digests("4711")


def test_telling_the_story_changes_nothing():
    quiet, told = World(draw(10_003)), World(draw(10_003), Story())
    quiet.run()
    told.run()
    assert quiet.digest() == told.digest()
    assert told.story is not None
    assert told.story.lines


def test_a_day_can_be_stopped_in_the_middle():
    world = World(draw(10_003))
    world.run(until_ms=5_000)
    assert world.clock.now_ms == world.swarm.start_ms + 5_000
    assert world.first is None


def test_a_broken_promise_is_scored_and_can_be_replayed(monkeypatch):
    def always(*_):
        raise AssertionError("on purpose")

    monkeypatch.setattr(Auditor, "at_host", always)
    (broken,) = live(10_000).broken
    assert (broken.promise, broken.text) == ("contract", "on purpose")
    assert broken.replay == "storno sim --seed 0x2710"


def test_scores_add_up_whoever_counts():
    whole, parts = Score(), Score()
    for one, _ in run(range(10_000, 10_006)):
        whole.add(one)
    for seed in reversed(range(10_000, 10_006)):
        parts.add(live(seed))
    assert whole.as_json() == parts.as_json()


@pytest.mark.parametrize("seed", range(0, 2_000, 100))
def test_a_seed_draws_the_same_swarm_twice(seed):
    assert draw(seed) == draw(seed)
