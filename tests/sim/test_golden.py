"""The same seed gives the same journals here as on the machine that wrote `golden.txt`."""

from pathlib import Path

import pytest

from sim.golden import SEEDS, digest

pytestmark = pytest.mark.sim
KEPT = Path(__file__).with_name("golden.txt").read_text("utf-8").split()
GOLDEN = {int(seed, 0): wanted for seed, wanted in zip(KEPT[::2], KEPT[1::2], strict=True)}


def test_every_golden_day_is_kept():
    assert tuple(GOLDEN) == SEEDS


@pytest.mark.parametrize("seed", SEEDS, ids=hex)
def test_a_day_is_the_same_on_every_machine(seed):
    """A difference means: the days or the journal's bytes changed. If that was meant, see `golden.py`."""
    assert digest(seed) == GOLDEN[seed]
