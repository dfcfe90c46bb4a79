"""`make mutants`: how many seeds does it take to notice each planted defect?

Each defect is planted in a process of its own; exit code 1 when one of them goes unnoticed.
"""

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sim.mutants import MUTANTS, planted
from storno.sim.world.scoreboard import live


def hunt(name: str, seeds: int, enough: int) -> dict[str, object]:
    """Live through seeds until the defect was noticed often enough."""
    promises: Counter[str] = Counter()
    first = None
    tried = 0
    with planted(name):
        for seed in range(seeds):
            tried += 1
            broken = live(seed).broken
            if broken:
                promises[broken[0].promise] += 1
                first = seed if first is None else first
                if promises.total() >= enough:
                    break
    return {
        "name": name,
        "tried": tried,
        "failed": promises.total(),
        "first": first,
        "promises": dict(promises),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="these defects only")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--enough", type=int, default=10, help="stop at so many failing seeds")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    names = given.names or list(MUTANTS)
    holes = 0
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(given.jobs, context, max_tasks_per_child=None) as pool:
        futures = [pool.submit(hunt, name, given.seeds, given.enough) for name in names]
        for future in futures:
            found = future.result()
            holes += found["first"] is None
            if given.json:
                print(json.dumps(found), flush=True)
                continue
            seen = " ".join(f"{promise} {times}" for promise, times in found["promises"].items())
            where = "NOT NOTICED" if found["first"] is None else f"first {found['first']:4}"
            print(
                f"{found['name']:34} {found['failed']:4} of {found['tried']:4} seeds  {where}  {seen}",
                flush=True,
            )
    print(f"{len(names)} planted, {len(names) - holes} noticed")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
