"""The crash proof: kill -9 under load, spoilt lines, failing disks, then the three books compared.

Run it with `make crash` (KILLS=60); `--no-network` and `--no-disk` leave lines and disk alone. Exit code 1 when money
was lost, doubled or differs silently; the home folder of such a run is kept, and the line that replays it is printed.
`--save` appends the figures to bench/results/crash.jsonl.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from storno.sim.compare import Class
from storno.sim.crash import CrashPlan, CrashReport, CrashRun

KILLS_PER_DISK = 5
RESULTS = Path(__file__).parent / "results" / "crash.jsonl"


def figures(report: CrashReport) -> dict[str, object]:
    compared, seen = report.comparison, report.figures
    return {
        "seed": report.plan.seed,
        "kills": sum(report.kills.values()),
        "by_process": report.kills,
        "network_faults": sum(sum(kinds.values()) for kinds in report.network.values()),
        "by_line": report.network,
        "disk_failures": sum(report.disks.failures.values()),
        "by_disk_fault": dict(report.disks.failures),
        "refused_starts": report.disks.refused,
        "terminals": report.plan.terminals,
        "seconds": round(report.seconds, 1),
        "transactions": compared.originals,
        "faults": sum(report.faults.values()),
        "timeouts": seen.timeouts,
        "reversals": seen.reversals,
        "repeats": seen.repeats,
        "late_answers": seen.late_answers,
        "recovered_in_doubt": seen.recovered,
        "still_pending": report.left,
        "cases": report.cases,
        "named": compared.count(Class.NAMED),
        "silent": compared.count(Class.SILENT),
        "lost": compared.count(Class.LOST),
        "doubled": compared.count(Class.DOUBLED),
        "broken": list(compared.broken),
        "verdict": compared.verdict,
    }


def listed(counts: Mapping[str, int]) -> str:
    """Give the sum, then each kind."""
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())}   {kinds}"


def show(report: CrashReport) -> None:
    told = figures(report)
    cases = ", ".join(f"{name} {count}" for name, count in sorted(report.cases.items())) or "none"
    disks = f"{listed(report.disks.failures)}; starts refused {report.disks.refused}"
    rows = (
        ("kills (kill -9)", listed(report.kills)),
        *((f"faults of the {name} line", listed(kinds)) for name, kinds in report.network.items()),
        *((("failures of the disk", disks),) if report.plan.disks else ()),
        ("faults by the host", told["faults"]),
        ("transactions", f"{told['transactions']}   by {told['terminals']} terminals in {told['seconds']} s"),
        (
            "reversals",
            f"{told['reversals']}   repeats {told['repeats']}, late answers {told['late_answers']}",
        ),
        ("recovered in doubt", told["recovered_in_doubt"]),
        ("still pending", told["still_pending"]),
        ("open exceptions", cases),
        ("differences, named", told["named"]),
        ("differences, SILENT", told["silent"]),
        ("effects LOST", told["lost"]),
        ("effects DOUBLED", told["doubled"]),
        ("books", told["verdict"]),
    )
    for name, value in rows:
        print(f"  {name:<24}{value}")
    print(f"  {'net':<24}", end="")
    for name in ("host_minor", "journal_minor", "terminals_minor"):
        total = sum(getattr(one, name) for one in report.comparison.totals)
        print(f"{name.removesuffix('_minor')} {total / 100:,.2f}   ", end="")
    print()
    for finding in report.comparison.findings:
        if finding.kind is not Class.NAMED:
            head = f"  {finding.kind.value.upper()}  {finding.key}  {finding.tx_id}"
            print(f"{head}  {finding.why}  {finding.amounts_minor}")
    for text in report.comparison.broken:
        print(f"  BROKEN  {text}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--per-worker", type=int, default=4)
    parser.add_argument(
        "--up", type=float, default=1.3, metavar="SECONDS", help="longest time between two kills"
    )
    parser.add_argument(
        "--network", action=argparse.BooleanOptionalAction, default=True, help="spoil the lines"
    )
    parser.add_argument(
        "--disk", action=argparse.BooleanOptionalAction, default=True, help="let the gateway's disk fail"
    )
    parser.add_argument("--home", type=Path, help="a new folder; kept")
    parser.add_argument("--keep", action="store_true", help="keep the home folder of a good run too")
    parser.add_argument("--save", action="store_true", help=f"append the figures to {RESULTS.name}")
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="storno-crash-"))
    home.mkdir(parents=True, exist_ok=True)
    plan = CrashPlan(
        home, given.kills, given.seed, given.workers, given.per_worker,
        up_s=given.up, network=given.network, disks=-(-given.kills // KILLS_PER_DISK) if given.disk else 0,
    )  # fmt: skip
    replay = f"python bench/crash.py --kills {plan.kills} --seed {plan.seed} --workers {plan.workers}"
    replay += f" --per-worker {plan.per_worker} --up {plan.up_s:g}"
    replay += ("" if plan.network else " --no-network") + ("" if plan.disks else " --no-disk")
    print(f"crash proof: {plan.kills} kills, seed {plan.seed}", flush=True)
    live = sys.stderr.isatty()
    tell = (
        (lambda text: print(f"\r  {text:<40}", end="", file=sys.stderr, flush=True))
        if live
        else (lambda _: None)
    )
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave no process behind
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        report = asyncio.run(CrashRun(plan, tell).run())
    except BaseException:
        print(f"\nbroke off; evidence in {home}; again: {replay}", file=sys.stderr)
        raise
    if live:
        print("\r" + " " * 44 + "\r", end="", file=sys.stderr)
    show(report)
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        line = {"at": time.strftime("%Y-%m-%d"), "python": platform.python_version(), "cpus": os.cpu_count()}
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | figures(report)) + "\n")
    bad = report.comparison.verdict == "disagree" or report.left > 0
    if bad:
        print(f"  NOT PROVEN; evidence in {home}; again: {replay}")
    elif given.home is None and not given.keep:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
