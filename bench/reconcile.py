"""Three-way reconciliation: seconds and peak memory beside a mere scan of the same files, and beside what people use.

    python bench/reconcile.py --rows 5000000 20000000 [--csv] [--peers] [--times 5] [--save]

Every measurement is a process of its own, whole: start, read, compare, write the differences. Rounds go through all
runs in turn, and what is reported is the median. `--peers` needs pandas, polars and datacompy: `.ci/venv bench`, or
an interpreter that has them with --peers-python. All our runs must find the planted numbers, and the one in a memory
box must stay in it. `--rows` is any multiple of 20,000 from 40,000 on; memory does not grow with it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from _machine import hardware

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "reconcile.jsonl"
COMPARED = {
    "books": ("tx_id", "tid", "mid", "batch", "stan", "date", "kind", "state", "position", "told", "amount_minor",
              "approved_minor", "currency", "rrn"),
    "terminal": ("kind", "amount_minor", "currency", "settled_on", "mark", "tid", "mid", "batch", "stan"),
    "network": ("kind", "amount_minor", "currency", "fee_minor", "settled_on", "mark", "tid", "mid", "stan", "rrn"),
}  # fmt: skip
NUMBERS = ("amount_minor", "approved_minor", "fee_minor")
STORED = "stored.parquet"
"""As `storno import` leaves it, with hashes beside the rows; what others write has none, and is hashed by the run."""
OTHERS, SCAN_OTHERS = "storno parquet of others", "scan parquet of others"
BOX_SETTING_MB = 600
"""What the engine is given of 1 GB; the rest is Python, libraries, file buffers and the result."""


# ------------------------------------------------------------------ what runs in a process of its own


def scan(folder: Path, suffix: str) -> dict[str, int]:
    """Decode every compared column of the three sides, and do nothing with it but a sum or a length."""
    import duckdb

    db = duckdb.connect(config={"preserve_insertion_order": "false"})
    db.execute("SET enable_progress_bar = false")
    for side, columns in COMPARED.items():
        path = folder / f"{side}.{suffix}"
        reader = (
            f"read_parquet('{path}')"
            if suffix != "csv"
            else f"read_csv('{path}', header = true, all_varchar = true)"
        )
        sums = ", ".join(
            f"sum({name})" if name in NUMBERS and suffix != "csv" else f"sum(strlen({name}))"
            for name in columns
        )
        db.execute(f"SELECT {sums} FROM {reader}").fetchall()
    return {}


def ours(folder: Path, suffix: str, memory_mb: int, digest: bool | None) -> dict[str, int]:
    import pyarrow.parquet as pq

    from storno.recon.engines.duckdb import DuckEngine
    from storno.recon.run import reconcile
    from storno.recon.sides import BooksFile, Effort, LineFile, Options, Sides
    from storno.statements.line import Role

    sides = Sides(
        (BooksFile(folder / f"books.{suffix}", "0"),),
        tuple(
            LineFile(one.value, one, folder / f"{one.value}.{suffix}", "0")
            for one in (Role.TERMINAL, Role.NETWORK)
        ),
    )
    if os.environ.get("STEPS"):
        memory_mb = memory_mb or hardware()["memory_mb"] // 2  # in a box the steps run one after the other
    effort = Effort(memory_mb=memory_mb, digest=digest, spill=folder / "spill")
    marks: list[tuple[str, float]] = []
    clock = time.process_time if os.environ.get("STEPS") == "cpu" else time.perf_counter
    with DuckEngine(effort) as engine:
        note = lambda name, _at, _of: marks.append((name, clock()))  # noqa: E731
        result = reconcile(sides, Options(as_of="20261130"), engine, effort, note)
    pq.write_table(result.table, folder / "differences.parquet")
    if os.environ.get("STEPS"):
        marks.append(("end", clock()))
        spent = sorted(((b[1] - a[1], a[0]) for a, b in pairwise(marks)), reverse=True)
        for seconds, name in spent[:22]:
            print(f"    {seconds:6.2f} {name}", file=sys.stderr)
        print(f"    {sum(one for one, _ in spent):6.2f} steps", file=sys.stderr)
    assert all(one.residual_minor == 0 for one in result.bridges), result.bridges
    assert not result.reasons, result.reasons
    return dict(Counter(result.table.column("rule").to_pylist()))


def pandas_merge(folder: Path) -> dict[str, int]:
    """The usual way: read, merge on the text keys with an indicator, compare columns; the plain kinds only."""
    import pandas as pd

    books = pd.read_parquet(folder / f"books.{STORED}", columns=list(COMPARED["books"]))
    network = pd.read_parquet(folder / f"network.{STORED}", columns=list(COMPARED["network"]))
    found: dict[str, int] = {}
    pairs = books[books["rrn"] != ""].merge(
        network, on="rrn", how="outer", indicator=True, suffixes=("", "_n")
    )
    found["approved_not_settled"] = int((pairs["_merge"] == "left_only").sum())
    both = pairs[pairs["_merge"] == "both"]
    found["duplicate_settlement"] = int(both["rrn"].duplicated().sum())
    wrong = (both["approved_minor"] != both["amount_minor_n"]) | (both["mid"] != both["mid_n"])
    found["differ"] = int((wrong | (both["date"] != both["settled_on"])).sum())
    del pairs, both, wrong, network
    terminal = pd.read_parquet(folder / f"terminal.{STORED}", columns=list(COMPARED["terminal"]))
    pairs = books.merge(
        terminal,
        left_on=["tid", "batch", "stan", "date"],
        right_on=["tid", "batch", "stan", "settled_on"],
        how="outer",
        indicator=True,
        suffixes=("", "_t"),
    )
    found["terminal_not_booked"] = int((pairs["_merge"] == "right_only").sum())
    found["booked_not_on_terminal"] = int((pairs["_merge"] == "left_only").sum())
    both = pairs[pairs["_merge"] == "both"]
    found["terminal_differs"] = int(((both["told"] == "approved") != (both["mark"] == "none")).sum())
    return found


def polars_join(folder: Path) -> dict[str, int]:
    import polars as pl

    books = pl.scan_parquet(folder / f"books.{STORED}").select(COMPARED["books"])
    network = pl.scan_parquet(folder / f"network.{STORED}").select(COMPARED["network"])
    terminal = pl.scan_parquet(folder / f"terminal.{STORED}").select(COMPARED["terminal"])
    pairs = books.filter(pl.col("rrn") != "").join(network, on="rrn", how="full", suffix="_n", coalesce=False)
    left = pairs.select(
        approved_not_settled=pl.col("rrn_n").is_null().sum(), alone=pl.col("rrn").is_null().sum(),
        differ=((pl.col("approved_minor") != pl.col("amount_minor_n")) | (pl.col("mid") != pl.col("mid_n"))).sum(),
    ).collect(engine="streaming")  # fmt: skip
    pairs = books.join(
        terminal, left_on=["tid", "batch", "stan", "date"], right_on=["tid", "batch", "stan", "settled_on"], how="full",
        suffix="_t", coalesce=False,
    )  # fmt: skip
    right = pairs.select(
        terminal_not_booked=pl.col("tx_id").is_null().sum(), booked_not_on_terminal=pl.col("kind_t").is_null().sum(),
    ).collect(engine="streaming")  # fmt: skip
    return {**left.row(0, named=True), **right.row(0, named=True)}


def datacompy_pandas(folder: Path) -> dict[str, int]:
    import datacompy
    import pandas as pd

    books = pd.read_parquet(folder / f"books.{STORED}", columns=["rrn", "approved_minor", "mid", "date"])
    network = pd.read_parquet(
        folder / f"network.{STORED}", columns=["rrn", "amount_minor", "mid", "settled_on"]
    )
    books.columns = network.columns = pd.Index(["rrn", "amount", "mid", "day"])
    compare = datacompy.PandasCompare(books[books["rrn"] != ""], network, join_columns="rrn")
    return {"approved_not_settled": len(compare.df1_unq_rows), "alone": len(compare.df2_unq_rows)}


RUNS = {
    "scan parquet": lambda f: scan(f, STORED), SCAN_OTHERS: lambda f: scan(f, "parquet"),
    "scan csv": lambda f: scan(f, "csv"),
    "storno parquet": lambda f: ours(f, STORED, 0, None),
    "storno parquet, digest first in 1 GB": lambda f: ours(f, STORED, BOX_SETTING_MB, True),
    OTHERS: lambda f: ours(f, "parquet", 0, None),
    "storno csv": lambda f: ours(f, "csv", 0, None),
    "pandas merge": pandas_merge, "polars join": polars_join, "datacompy (one pair)": datacompy_pandas,
}  # fmt: skip
PEERS = ("pandas merge", "polars join", "datacompy (one pair)")
BOXED = {"storno parquet, digest first in 1 GB": 1024}
"""Runs whose whole process must stay below so many MB."""


# ------------------------------------------------------------------ the parent


def measure(name: str, folder: Path, python: str) -> dict[str, object]:
    began = time.perf_counter()
    child = subprocess.Popen(
        [python, __file__, "--child", name, "--folder", str(folder)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent / "src")},
    )  # fmt: skip
    out = child.stdout.read() if child.stdout else ""
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        return {"name": name, "failed": True}
    return {
        "name": name, "seconds": round(seconds, 3), "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": used.ru_maxrss // 1024, "found": json.loads(out.splitlines()[-1]),
    }  # fmt: skip


def median_of(tries: list[dict[str, object]]) -> dict[str, object]:
    """Give the run in the middle by its seconds, with the seconds of all and the highest peak; a failure beats all."""
    failed = [one for one in tries if one.get("failed")]
    if failed:
        return failed[0]
    listed = sorted(tries, key=lambda one: one["seconds"])
    middle = listed[(len(listed) - 1) // 2]
    peak = max(one["peak_mb"] for one in listed)
    return {**middle, "peak_mb": peak, "all_seconds": [one["seconds"] for one in listed]}


def with_ratios(measured: list[dict[str, object]]) -> list[dict[str, object]]:
    """Put beside each run how many scans of the same files it takes, and how many times faster than pandas it is."""
    there = {one["name"]: one for one in measured if not one.get("failed")}
    pandas, others = there.get("pandas merge"), there.get(SCAN_OTHERS)
    for name, one in there.items():
        scanned = there.get(
            "scan csv" if "csv" in name else SCAN_OTHERS if "others" in name else "scan parquet"
        )
        if scanned:
            one["x_scan"] = round(one["seconds"] / scanned["seconds"], 2)
        if others and "csv" not in name:
            one["x_scan_of_others"] = round(one["seconds"] / others["seconds"], 2)
        if pandas:
            one["faster_than_pandas"] = round(pandas["seconds"] / one["seconds"], 1)
    return measured


def report(rows: int, measured: list[dict[str, object]]) -> None:
    print(f"\n{rows:,} sales on each of three sides; medians")
    print(
        "x scan: of the same files; x zstd: of the same rows as others write them in Parquet, without hashes"
    )
    print(
        f"{'':38}{'seconds':>9}{'cpu s':>9}{'peak MB':>9}{'x scan':>8}{'x zstd':>8}{'pandas/':>9}  all seconds"
    )
    for one in measured:
        if one.get("failed"):
            print(f"{one['name']:38}  failed")
            continue
        ratios = f"{one.get('x_scan', ''):>8}{one.get('x_scan_of_others', ''):>8}{one.get('faster_than_pandas', ''):>9}"
        every = " ".join(f"{each:.2f}" for each in one["all_seconds"])
        print(f"{one['name']:38}{one['seconds']:9.2f}{one['cpu_s']:9.2f}{one['peak_mb']:9,}{ratios}  {every}")


def verdict(rows: int, measured: list[dict[str, object]]) -> bool:
    """Say whether ours found what was planted, and stayed in their box."""
    import _recon_data as data

    wanted, good = data.expected(rows), True
    for one in measured:
        name = str(one["name"])
        if not name.startswith("storno"):
            continue
        agrees = not one.get("failed") and one["found"] == wanted
        print(f"{name}: " + ("finds exactly what was planted" if agrees else f"WRONG {one.get('found')}"))
        good &= agrees
        if name in BOXED and agrees:
            inside = one["peak_mb"] < BOXED[name]
            print(f"{name}: peak {one['peak_mb']:,} MB, {'under' if inside else 'OVER'} {BOXED[name]:,} MB")
            good &= inside
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=sales, nargs="+", default=[1_000_000], help="multiples of 20,000")
    parser.add_argument("--csv", action="store_true", help="from CSV too")
    parser.add_argument("--peers", action="store_true", help="pandas, polars and datacompy too")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--only", nargs="*", help="names of runs")
    parser.add_argument("--times", type=int, default=1, help="rounds; the median is reported")
    parser.add_argument("--keep", type=Path, help="make the data here and leave it, or use what is here")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--child")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(RUNS[given.child](given.folder)))
        return 0
    missing = peers_missing(given.peers_python) if given.peers else ""
    if missing:
        print(f"{missing}: run `.ci/venv bench`, or name a Python with --peers-python", file=sys.stderr)
        return 2
    machine = hardware()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    good = True
    for rows in given.rows:
        good &= one_size(rows, given, machine)
    return 0 if good else 1


def sales(text: str) -> int:
    import _recon_data as data

    rows = int(text)
    least = 2 * data.TERMINALS  # a terminal with one sale that is missing has sent no journal at all
    if rows < least or rows % data.TERMINALS:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of {data.TERMINALS:,} from {least:,} on")
    return rows


def peers_missing(python: str) -> str:
    """Say in one line which peer cannot be imported; empty: all are there."""
    tried = subprocess.run(
        [python, "-c", "import pandas, polars, datacompy"], check=False, capture_output=True, text=True
    )
    return tried.stderr.strip().splitlines()[-1] if tried.returncode else ""


def made_data(folder: Path, rows: int, *, csv: bool, others: bool) -> None:
    """Make what is not there yet, in a process of its own: a child's peak memory begins at that of its parent."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [STORED, *(["parquet"] if others else []), *(["csv"] if csv else [])]
    if all((folder / f"network.{suffix}").exists() for suffix in wanted):
        return
    made_by = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import pathlib, _recon_data as d; "
        f"d.make(pathlib.Path({str(folder)!r}), {rows}, csv={csv}, others={others})"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    subprocess.run([sys.executable, "-c", made_by], check=True, env=environment)


def one_size(rows: int, given: argparse.Namespace, machine: dict[str, object]) -> bool:
    names = [one for one in RUNS if (given.csv or "csv" not in one) and (given.peers or one not in PEERS)]
    names = [one for one in names if not given.only or one in given.only]
    tries: dict[str, list[dict[str, object]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="storno-bench-") as made:
        folder = given.keep / str(rows) if given.keep else Path(made)
        made_data(
            folder,
            rows,
            csv=any("csv" in one for one in names),
            others=OTHERS in names or SCAN_OTHERS in names,
        )
        for _ in range(given.times):
            for name in names:
                python = given.peers_python if name in PEERS else sys.executable
                tries[name].append(measure(name, folder, python))
    measured = with_ratios([median_of(tries[name]) for name in names])
    report(rows, measured)
    good = verdict(rows, measured)
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        row = {"at": at, "rows": rows, "hardware": machine, "runs": measured}
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return good


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
