"""Planted defects must be noticed: a few here, quickly; all of them with `make mutants`."""

import pytest

from sim.mutants import MUTANTS, planted
from storno.reversal.lifecycle import TABLE
from storno.sim.world.scoreboard import live

pytestmark = pytest.mark.sim

QUICK = {
    "send_before_journal": 10,
    "ack_before_durable": 10,
    "new_stan_on_repeat": 10,
    "custody_without_reversal": 10,
    "double_post": 10,
    "gives_up_early": 10,
    "lost_means_not_sent": 20,
    "drop_tombstone": 20,
    "terminal_sends_first": 10,
    "recovered_means_approved": 60,
}
"""Name, and within how many seeds it must be noticed."""


def noticed(name: str, seeds: int) -> bool:
    with planted(name):
        return any(live(seed).broken for seed in range(seeds))


def test_there_are_enough_of_them():
    assert len(MUTANTS) >= 30
    assert set(QUICK) <= set(MUTANTS)


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_defect_is_noticed(name):
    assert noticed(name, QUICK[name])


def test_nothing_stays_planted():
    before = dict(TABLE)
    with planted("give_up_without_a_case"):
        assert before != TABLE
    assert before == TABLE
    assert not live(0).broken


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", MUTANTS)
def test_every_planted_defect_is_noticed(name):
    assert noticed(name, 3_000)
