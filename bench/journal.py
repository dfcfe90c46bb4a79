"""Journal: durable changes a second through the writer process, against raw append+fdatasync in the same run.

A change is a fact, its transaction row and, every second time, a posting of two entries. "In flight" is how many
changes the caller leaves unacknowledged, one change per submission; the writer groups what is waiting. The raw file
gets the bytes of the same changes in groups of the size the journal made of them. Rounds alternate; the median counts.
"""

from __future__ import annotations

import argparse
import json
import marshal
import os
import select
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw
from _changes import load
from _machine import hardware

from storno.journal.fact import Change
from storno.journal.writer import JournalWriter

RESULTS = Path(__file__).parent / "results" / "journal.jsonl"
IN_FLIGHT = {1: 1_000, 32: 20_000, 256: 60_000, 1_024: 100_000}
CARD = bytes(120)


def journal(changes: list[Change], in_flight: int, folder: Path) -> tuple[float, int, list[float], float]:
    """Give seconds, groups, each change's wait in milliseconds, and the caller's own processor seconds."""
    writer = JournalWriter.start(folder / "journal.db")
    count, sent, acked, groups = len(changes), 0, 0, 0
    began: list[float] = []
    waits: list[float] = []
    clock, busy = time.perf_counter(), time.process_time()
    while acked < count:
        while sent < count and sent - acked < in_flight:
            writer.submit(sent + 1, [changes[sent]])
            began.append(time.perf_counter())
            sent += 1
        select.select([writer], [writer] if writer.wants_write else [], [], 10)
        writer.flush()
        for report in writer.receive():
            now = time.perf_counter()
            waits += [(now - at) * 1e3 for at in began[acked : report.token]]
            acked = report.token
            groups += 1
    clock, busy = time.perf_counter() - clock, time.process_time() - busy
    writer.close()
    return clock, groups, waits, busy


def raw(changes: list[Change], group: int, folder: Path) -> float:
    """Give the seconds that append+fdatasync of the same bytes takes."""
    lines = [marshal.dumps(change) for change in changes]
    fd = os.open(folder / "raw.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    clock = time.perf_counter()
    for at in range(0, len(lines), group):
        os.write(fd, b"".join(lines[at : at + group]))
        os.fdatasync(fd)
    clock = time.perf_counter() - clock
    os.close(fd)
    return clock


def measure(in_flight: int, count: int, rounds: int, where: str | None) -> dict[str, float]:
    changes = load(count, sealed=CARD)
    seen: list[tuple[float, ...]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=where) as name:
            seconds, groups, waits, busy = journal(changes, in_flight, Path(name))
            waits.sort()
            raw_seconds = raw(changes, max(1, round(count / groups)), Path(name))
        seen.append(
            (count / seconds, count / groups, count / raw_seconds, waits[count // 2], waits[count * 99 // 100],
             busy * 1e6 / count)
        )  # fmt: skip
    names = ("changes_per_s", "group", "raw_per_s", "p50_ms", "p99_ms", "caller_us")
    medians = {
        name: statistics.median(column) for name, column in zip(names, zip(*seen, strict=True), strict=True)
    }
    medians["x_raw"] = medians["changes_per_s"] / medians["raw_per_s"]
    return {name: round(value, 2 if value < 100 else 0) for name, value in medians.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of changes")
    parser.add_argument(
        "--dir", default=None, help="folder on the disk to measure (default: the system's temporary folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--save", action="store_true", help="append a line to results/journal.jsonl")
    options = parser.parse_args()
    machine = hardware()
    figures = {
        str(flight): measure(flight, max(flight, int(count * options.scale)), options.rounds, options.dir)
        for flight, count in IN_FLIGHT.items()
    }
    record = {
        "bench": "journal", "at": datetime.now(UTC).isoformat(timespec="seconds"), "rounds": options.rounds,
        "scale": options.scale, "sqlite": apsw.sqlite_lib_version(), **machine, "in_flight": figures,
    }  # fmt: skip
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
    if options.json:
        print(json.dumps(record))
        return 0
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, Python {machine['python']}, "
          f"SQLite {apsw.sqlite_lib_version()}; WAL, synchronous=FULL")  # fmt: skip
    heads = {"changes/s": 12, "group": 8, "p50 ms": 9, "p99 ms": 9, "caller µs": 11, "raw/s": 12, "x raw": 8}
    print("in flight" + "".join(head.rjust(width) for head, width in heads.items()))
    for flight, one in figures.items():
        print(f"{flight:>9}{one['changes_per_s']:>12,.0f}{one['group']:>8.0f}{one['p50_ms']:>9.1f}{one['p99_ms']:>9.1f}"
              f"{one['caller_us']:>11.1f}{one['raw_per_s']:>12,.0f}{one['x_raw']:>8.2f}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
