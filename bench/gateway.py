"""Gateway: transactions per second and latency, durable against itself without a journal and against a bare relay.

Load generator, host, gateway and journal writer are processes of their own on one machine, over real sockets, each
sale decoded, checked, journalled before it leaves and again before it is answered. The variants take turns; the
median round counts. `--save` appends to bench/results/gateway.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import codec as codec_bench
from _bed import VARIANTS, Bed
from _machine import hardware

RESULTS = Path(__file__).parent / "results" / "gateway.jsonl"
TARGETS = {"tx_per_s": 5_000, "of_unjournalled": 0.6, "half_load_p99_ms": 50}


def yardstick() -> int:
    """Messages a second that pyiso8583 decodes here and now: what this machine is worth at the moment."""
    wire, _, _ = codec_bench.storno()
    decode, _ = codec_bench.pyiso(wire)
    best = 0.0
    for _ in range(5):
        began = time.process_time()
        for _ in range(2_000):
            decode()
        best = max(best, 2_000 / (time.process_time() - began))
    return round(best)


def closed_loop(rounds: int, seconds: float, busy: int) -> dict[str, list[dict]]:
    seen: dict[str, list[dict]] = {name: [] for name in VARIANTS}
    for number in range(rounds):
        for name in VARIANTS:
            with Bed(name, busy) as bed:
                figures = bed.load(busy=busy, seconds=seconds)
            figures["load_average"] = round(os.getloadavg()[0], 2)
            seen[name].append(figures)
            tell(f"round {number + 1}, {name}", figures)
    return seen


def tell(what: str, figures: dict) -> None:
    costs = ", ".join(f"{role} {us:g}" for role, us in figures["cpu_us_per_tx"].items())
    odd = f"  OTHER CODES {figures['other_codes']}" if figures["other_codes"] else ""
    print(
        f"{what:<26}{figures['tx_per_s']:>7,} tx/s   p50 {figures['p50_ms']:>6.1f}   p99 {figures['p99_ms']:>6.1f} ms"
        f"   processor us/tx: {costs}"
        f"   others {figures['others_cores']:.1f} cores{odd}",
        flush=True,
    )


def middle(runs: list[dict]) -> dict:
    return sorted(runs, key=lambda one: one["tx_per_s"])[len(runs) // 2]


def measure(options: argparse.Namespace) -> dict[str, object]:
    record: dict[str, object] = {"bench": "gateway", "at": datetime.now(UTC).isoformat(timespec="seconds")}
    record |= hardware()
    record["pyiso8583_decode_per_s"] = yardstick()
    seen = closed_loop(options.rounds, options.seconds, options.terminals)
    medians = {name: middle(runs) for name, runs in seen.items()}
    rates = {name: statistics.median(one["tx_per_s"] for one in runs) for name, runs in seen.items()}
    half = rates["durable"] / 2
    with Bed("durable", options.terminals) as bed:
        at_half = bed.load(busy=options.terminals, rate=half, seconds=options.seconds)
    tell(f"durable, open loop {half:.0f}/s", at_half)
    with Bed("durable", options.terminals + options.idle) as bed:
        before = bed.load(busy=1, seconds=1.0)["rss_mb"]
        crowd = bed.load(busy=options.terminals, idle=options.idle, seconds=options.seconds)
    tell(f"durable, {options.idle} more idle-ish", crowd)
    record |= {
        "rounds": options.rounds,
        "seconds": options.seconds,
        "terminals": options.terminals,
        "median": medians,
        "of_unjournalled": round(rates["durable"] / rates["unjournalled"], 2),
        "of_relay": round(rates["durable"] / rates["relay"], 3),
        "half_load": at_half,
        "crowd": {"idle": options.idle, "rss_mb_before": before, **crowd},
        "load_average_after": [round(one, 2) for one in os.getloadavg()],
    }
    return record


def summary(record: dict) -> None:
    rate = record["median"]["durable"]["tx_per_s"]
    p99 = record["half_load"]["p99_ms"]
    print(
        f"\n{record['cpu']}, {record['cores']} cores, Python {record['python']}, {record['system']}; load average "
        f"{record['load_average'][0]} before, {record['load_average_after'][0]} after (this bench included); "
        f"pyiso8583 decodes {record['pyiso8583_decode_per_s']:,} messages/s here"
    )
    rows = (
        ("durable tx/s", f"{rate:,}", f">= {TARGETS['tx_per_s']:,}", rate >= TARGETS["tx_per_s"]),
        ("of the same without a journal", record["of_unjournalled"], f">= {TARGETS['of_unjournalled']}",
         record["of_unjournalled"] >= TARGETS["of_unjournalled"]),
        ("of a bare relay", record["of_relay"], "-", None),
        ("p99 at half load, ms", p99, f"< {TARGETS['half_load_p99_ms']}", p99 < TARGETS["half_load_p99_ms"]),
        (f"memory with {record['crowd']['idle']} idle-ish, MB", record["crowd"]["rss_mb"]["gateway"], "-", None),
    )  # fmt: skip
    for name, value, target, reached in rows:
        print(
            f"{name:<34}{value!s:>10}   {target:<10}{'' if reached is None else 'yes' if reached else 'NO'}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--terminals", type=int, default=100)
    parser.add_argument("--idle", type=int, default=1_000)
    parser.add_argument("--save", action="store_true", help="append a line to bench/results/gateway.jsonl")
    options = parser.parse_args()
    record = measure(options)
    summary(record)
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
