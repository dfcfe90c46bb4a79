"""Restart: from the start of `storno gateway` on a journal with `--open` cases open to the moment terminals may come.

It counts everything: interpreter, vault, the journal's check, folding each record, and handing each recovered one to
the journal writer. The host is down: nothing is sent meanwhile. `--save` appends to bench/results/restart.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import _changes
import _wire
import recovery
from _bed import CONFIG, HERE, children, cpu_s, free_port, rss_mb, stop
from _machine import hardware

RESULTS = HERE / "results" / "restart.jsonl"
TARGET_S = 10.0


def started(home: Path) -> dict[str, float]:
    (home / "storno.toml").write_text(CONFIG.format(port=free_port(), host=free_port()))
    environ = {**os.environ, "PYTHONPATH": str(HERE.parent / "src"), "STORNO_LANG": "en"}
    command = [sys.executable, "-m", "storno", "gateway", "--home", str(home)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ)
    assert process.stderr is not None
    heard = []
    for line in process.stderr:
        heard.append(line)
        if line.startswith("listening on"):
            break
    else:
        raise SystemExit("".join(heard[-5:]))
    seconds = time.perf_counter() - began
    helpers = children(process.pid)
    figures = {
        "seconds": round(seconds, 2),
        "gateway_cpu_s": cpu_s(process.pid),
        "writer_cpu_s": sum(map(cpu_s, helpers)),
        "rss_mb": rss_mb(process.pid),
    }
    with process.stderr:
        stop(process)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=100_000, dest="open_count")
    parser.add_argument("--done", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    # cases of the last minutes: older ones would be past their deadline and be given up, which is another path
    recovery.START_MS = _changes.START_MS = int(time.time() * 1000) - 600_000
    runs = []
    machine = hardware()
    with tempfile.TemporaryDirectory(prefix="storno-bench-") as folder:
        made = Path(folder) / "made"
        _wire.make_home(made, 1)
        recovery.fill(made / "journal.db", options.open_count, options.done)
        for number in range(options.rounds):
            home = Path(folder) / f"run-{number}"
            shutil.copytree(made, home)
            runs.append(started(home))
            shutil.rmtree(home)
            print(f"round {number + 1}: {runs[-1]}", flush=True)
    seconds = statistics.median(run["seconds"] for run in runs)
    record = {
        "bench": "restart", "at": datetime.now(UTC).isoformat(timespec="seconds"), **machine,
        "open": options.open_count, "done": options.done, "median_s": seconds, "runs": runs,
        "load_average_after": [round(one, 2) for one in os.getloadavg()],
    }  # fmt: skip
    reached = "yes" if seconds < TARGET_S else "NO"
    print(
        f"{options.open_count:,} open cases: {seconds:.1f} s until terminals may come (< {TARGET_S:g} s: {reached})"
    )
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
