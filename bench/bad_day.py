"""A simulated bad day and a quiet one: which alerts, in what order, with what common cause, and how soon.

One carrier fails for 20 minutes, one software version has a MAC fault, one reader is dirty. `--save` appends to
bench/results/bad_day.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from _machine import hardware

from storno.journal.memory import MemoryJournal
from storno.sim.bad_day import MINUTE_MS, START_MS, bad_day, changes, quiet_day
from storno.watch.levels import Attributes
from storno.watch.replay import replay

RESULTS = Path(__file__).parent / "results/bad_day.jsonl"


def clock(at_ms: int) -> str:
    minute = (at_ms - START_MS) // MINUTE_MS
    return f"{minute // 60:02d}:{minute % 60:02d}"


def live(plan):
    """The alerts of a day: those that stand by themselves, and how many in all."""
    journal = MemoryJournal()
    journal.commit(changes(plan))
    fleet = {one.tid: Attributes(one.carrier, one.model, one.version, one.site) for one in plan.fleet}
    start = time.perf_counter()
    store = replay(journal, fleet).store
    seconds = time.perf_counter() - start
    every = store.alerts(live_only=False)
    found = []
    for one in every:
        if not one.cause:
            ends = [entry.at_ms for entry in store.history(one.id) if entry.standing.value == "closed"]
            found.append({
                "raised": clock(one.raised_ms), "what": one.signal.key, "common_cause": one.common,
                "measures": list(one.measures), "explains": sum(other.cause == one.id for other in every),
                "closed": clock(ends[0]) if ends else "",
            })  # fmt: skip
    return found, len(every), journal.head().seq, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="append a line to bench/results/bad_day.jsonl")
    parser.add_argument("--seeds", type=int, default=5)
    wanted = parser.parse_args()
    result: dict[str, object] = {"seeds": wanted.seeds, "days": []}
    hits = extra = quiet = 0
    for seed in range(1, wanted.seeds + 1):
        plan = bad_day(seed)
        found, raised, facts, seconds = live(plan)
        print(f"seed {seed}: {raised} raised, {len(found)} by themselves; {facts:,} facts in {seconds:.1f} s")
        for one in found:
            print(f"  {one['raised']}  {one['what']}  cause {one['common_cause'] or '-'}  explains {one['explains']}"
                  f"  closed {one['closed'] or '-'}")  # fmt: skip
        names = [
            f"{'terminal' if fault.attribute == 'tid' else fault.attribute}={fault.value}"
            for fault in plan.faults
        ]
        causes = [one["common_cause"] for one in found]
        hits += sum(name in causes for name in names)
        extra += sum(cause not in names for cause in causes)
        _, calm_raised, calm_facts, _ = live(quiet_day(seed))
        quiet += calm_raised
        print(f"  quiet day: {calm_raised} raised of {calm_facts:,} facts")
        result["days"].append({"seed": seed, "raised": raised, "alone": found, "facts": facts,
                               "seconds": round(seconds, 1), "quiet_raised": calm_raised})  # fmt: skip
    result |= {
        "planted": 3 * wanted.seeds,
        "named": hits,
        "alone_but_not_planted": extra,
        "quiet_raised": quiet,
    }
    print(f"named {hits} of {3 * wanted.seeds}, {extra} others by themselves, {quiet} on quiet days")
    result["hardware"] = hardware()
    if wanted.save:
        with RESULTS.open("a") as file:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
