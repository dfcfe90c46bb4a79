"""The journal hashes of a few days: the same on every machine, under every hash seed and every supported Python.

`python tests/sim/golden.py > tests/sim/golden.txt` writes them anew after a change that was meant to change the days
or the journal; `test_golden.py` compares.
"""

from storno.sim.world.swarm import draw
from storno.sim.world.world import World

SEEDS = (0, 19, 10_000, 10_003, 60_004)


def digest(seed: int) -> str:
    """Live through a day and hash its journals and its work."""
    world = World(draw(seed))
    world.run()
    return world.digest()


if __name__ == "__main__":
    for seed in SEEDS:
        print(f"{seed:#x} {digest(seed)}")
