"""Recovery: open a journal that a crash left and fold every record still open, `--open` of them among `--done`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from _changes import START_MS, change, opened
from _machine import hardware

from storno.journal.sqlite import SqliteJournal
from storno.reversal.lifecycle import Input
from storno.reversal.machine import fold, step
from storno.reversal.record import Detail

RESULTS = Path(__file__).parent / "results" / "recovery.jsonl"
GROUP = 5_000


def fill(path: Path, open_count: int, done_count: int) -> None:
    """Write settled sales and open ones side by side; every second open one is being reversed (three facts)."""
    journal = SqliteJournal(path)
    group = []
    total = open_count + done_count
    for number in range(total):
        sale = opened(number)
        group.append(change(sale, bytes(120)))
        # spread the open ones evenly: the index has to find them, not the end of the file
        is_open = (number + 1) * open_count // total > number * open_count // total
        if not is_open:
            detail = Detail(code="00", rrn=f"{number:012d}", auth_code=f"{number % 10**6:06d}")
            group.append(change(step(sale.record, Input.RESPONSE_APPROVED, START_MS + number, detail)))
        elif number % 2:
            late = Detail(due_ms=START_MS + number, deadline_ms=START_MS + 10**9)
            lost = step(sale.record, Input.RESPONSE_TIMEOUT, START_MS + number, late)
            group += [change(lost), change(step(lost.record, Input.REVERSAL_DUE, START_MS + number, late))]
        if len(group) >= GROUP:
            journal.commit(group)
            group = []
    journal.commit(group)
    journal.close()


def recover(path: Path) -> tuple[float, int, int]:
    """Give seconds, records and facts."""
    clock = time.perf_counter()
    journal = SqliteJournal(path)
    records = facts = 0
    for stored in journal.pending():
        fold(stored)
        records += 1
        facts += len(stored)
    clock = time.perf_counter() - clock
    journal.close()
    return clock, records, facts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--done", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--save", action="store_true", help="append a line to results/recovery.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.db"
        fill(path, options.open, options.done)
        size = path.stat().st_size
        rounds = [recover(path) for _ in range(options.rounds)]
    _, records, facts = rounds[0]
    record = {
        "bench": "recovery", "at": datetime.now(UTC).isoformat(timespec="seconds"), "rounds": options.rounds,
        **hardware(), "open": records, "facts": facts, "done": options.done, "file_mb": round(size / 1e6),
        "seconds": round(statistics.median(seconds for seconds, *_ in rounds), 2),
    }  # fmt: skip
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
    if options.json:
        print(json.dumps(record))
        return 0
    print(f"{record['cpu']}, {record['cores']} cores, load {record['load']}, Python {record['python']}")
    print(f"{records:,} open records ({facts:,} facts) beside {options.done:,} settled, {record['file_mb']} MB: "
          f"open, find and fold in {record['seconds']} s (median of {options.rounds})")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
