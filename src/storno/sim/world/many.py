"""Many worlds, one after the other or in several processes.

Rule: the sum does not depend on how the seeds are shared out. The collector rests while worlds live, for a world is
garbage only as a whole.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from storno.sim.world.scoreboard import Score, live

SLICE = 10


def run(
    seeds: range, until_ms: int | None = None, jobs: int = 1, *, small: bool = False
) -> Iterator[tuple[Score, float]]:
    """Live through all seeds; give the score of some at a time, with the seconds of processor time it took."""
    slices = [seeds[at : at + SLICE] for at in range(0, len(seeds), SLICE)]
    if jobs == 1 or len(slices) == 1:
        for one in slices:
            yield work(one, until_ms, small)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, slices, repeat(until_ms), repeat(small))


def work(seeds: range, until_ms: int | None, small: bool = False) -> tuple[Score, float]:  # noqa: FBT001, FBT002
    """Live through some seeds in this process."""
    began_s = time.process_time()
    total = Score()
    resting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for seed in seeds:
            total.add(live(seed, until_ms, small=small))
    finally:
        if resting:
            gc.enable()
    return total, time.process_time() - began_s
