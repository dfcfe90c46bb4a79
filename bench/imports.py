"""`storno import`: rows a second for each format, beside a mere pass over the same file.

    python bench/imports.py [--sales 200000] [--times 5] [--only acom …] [--save]

The files are those of one generated day of 9,999 merchants; OFX is written here out of the bank's CSV. Every
measurement is a process of its own and a home of its own; what is timed is the import, from the first byte read to the
manifest on disk, without the interpreter's start. Rounds go through all files in turn, and what is reported is the
median. Beside it stand reading the file line by line in Python, and for delimited text `csv.reader`; the ratios to them
are of processor time, which other work on the machine blurs least. `--src` measures another tree's package on the same
files, `--note` says in the saved row what that is.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from _machine import hardware

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "imports.jsonl"
SOURCE = HERE.parent / "src"
DAY = "20261102"
BOOKED = "20261103"
MADE = {
    "a": ("acom", "bank_csv", "wechat", "alipay"),
    "b": ("coma", "camt"),
    "c": ("zm", "mt940"),
}
"""Which formats are generated into which folder: one of each side at a time."""
FILES = {
    "terminal_csv": f"a/terminal/pos-{DAY}.csv",
    "bank_csv": f"a/bank/bank-{BOOKED}.csv",
    "acom": f"a/network/IND{DAY[2:]}01ACOM",
    "coma": f"b/network/IND{DAY[2:]}01COMA",
    "zm": f"c/network/INN{DAY[2:]}88ZM_STORNO",
    "wechat": f"a/wechat/wechat-{DAY}.csv",
    "alipay": f"a/alipay/alipay-{DAY}.zip",
    "camt": f"b/bank/bank-{BOOKED}.xml",
    "mt940": f"c/bank/bank-{BOOKED}.sta",
    "ofx": f"a/bank/bank-{BOOKED}.ofx",
}
DELIMITED = ("terminal_csv", "bank_csv", "wechat", "alipay")
"""Also read by `csv.reader`."""


# ------------------------------------------------------------------ what runs in a process of its own


def imported(path: Path) -> dict[str, object]:
    from storno.statements.importing import import_file

    with tempfile.TemporaryDirectory(prefix="storno-bench-") as home:
        began, cpu = time.perf_counter(), time.process_time()
        outcomes = [one for one in import_file(path, Path(home) / "home") if not one.skipped]
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    (outcome,) = outcomes
    stored = outcome.stored
    if stored is None:
        return {"failed": outcome.refused.english}
    return {
        "seconds": seconds,
        "cpu_s": cpu,
        "rows": stored.lines,
        "rejects": stored.rejects,
        "bytes": stored.bytes,
    }


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a file, or the largest member of a zip."""
    if path.suffix != ".zip":
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda one: one.file_size)
        with archive.open(largest) as stream:
            yield io.BufferedReader(stream, 1 << 18)


def line_by_line(path: Path) -> dict[str, object]:
    with opened(path) as stream:
        began, cpu, count = time.perf_counter(), time.process_time(), 0
        for _ in stream:
            count += 1
    return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "rows": count}


def csv_reader(path: Path) -> dict[str, object]:
    with opened(path) as stream:
        began, cpu, count = time.perf_counter(), time.process_time(), 0
        codec = "gb18030" if path.suffix == ".zip" else "utf-8"
        for _ in csv.reader(io.TextIOWrapper(stream, codec, newline="")):
            count += 1
    return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "rows": count}


WAYS = {"import": imported, "lines": line_by_line, "csv": csv_reader}


def make(folder: Path, sales: int) -> None:
    """Write the files that are not there yet."""
    from storno.sim.days.plan import Plan
    from storno.sim.days.run import Generator

    for name, formats in MADE.items():
        if (folder / name).exists():
            continue
        for one in (name, f"{name}-truth"):
            (folder / one).mkdir()
        plan = Plan(
            folder / name, folder / f"{name}-truth", sales=sales, seed=7, merchants=9_999, terminals=20_000,
            formats=formats, signals=False,
        )  # fmt: skip
        Generator(plan).run()
    ofx(folder / FILES["bank_csv"], folder / FILES["ofx"])


def ofx(source: Path, target: Path) -> None:
    """Write an account statement's rows as OFX 2."""
    with source.open(encoding="utf-8-sig", newline="") as rows, target.open("w", encoding="utf-8") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="220"?>\n<OFX><BANKMSGSRSV1>'
            "<STMTTRNRS><STMTRS><CURDEF>CNY</CURDEF><BANKACCTFROM><BANKID>1</BANKID><ACCTID>622001</ACCTID>"
            "<ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM><BANKTRANLIST>\n"
        )
        for row in csv.DictReader(rows):
            out.write(
                f"<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>{row['booked_on']}</DTPOSTED>"
                f"<TRNAMT>{row['amount_yuan']}</TRNAMT><FITID>{row['reference']}</FITID><MEMO>{row['text']}</MEMO>"
                "</STMTTRN>\n"
            )
        out.write("</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n")


# ------------------------------------------------------------------ the parent


def measure(way: str, path: Path, source: Path) -> dict[str, object]:
    child = subprocess.Popen(
        [sys.executable, __file__, "--child", way, "--folder", str(path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )  # fmt: skip
    out = child.stdout.read() if child.stdout else ""
    _, status, used = os.wait4(child.pid, 0)
    if status:
        return {"failed": f"exit {status}"}
    return json.loads(out.splitlines()[-1]) | {"peak_mb": used.ru_maxrss // 1024}


def median_of(tries: list[dict[str, object]]) -> dict[str, object]:
    """Give the run in the middle by processor time, with the seconds of all and the highest peak; failures beat all."""
    failed = [one for one in tries if one.get("failed")]
    if failed:
        return failed[0]
    assert len({one["rows"] for one in tries}) == 1, "the same file gave other rows"
    listed = sorted(tries, key=lambda one: one["cpu_s"])
    middle = listed[(len(listed) - 1) // 2]
    peak = max(one["peak_mb"] for one in listed)
    return {**middle, "peak_mb": peak, "all_seconds": [round(one["seconds"], 3) for one in listed]}


def joined(name: str, found: dict[str, dict[str, object]]) -> dict[str, object]:
    """Put one format's import beside the passes over its file."""
    own = found["import"]
    if own.get("failed"):
        return {"name": name, **own}
    row = {"name": name, **own, "rows_per_s": round(own["rows"] / own["seconds"])}
    row |= {key: round(own[key], 3) for key in ("seconds", "cpu_s")}
    row["rows_per_cpu_s"] = round(own["rows"] / own["cpu_s"])
    for way in ("lines", "csv"):
        if way in found:
            row[f"x_{way}"] = round(own["cpu_s"] / found[way]["cpu_s"], 1)
            row[f"{way}_cpu_s"] = round(found[way]["cpu_s"], 4)
    return row


def report(rows: list[dict[str, object]]) -> bool:
    heads = f"{'rows':>9}{'MB':>7}{'seconds':>9}{'rows/s':>9}{'/cpu s':>9}{'peak MB':>9}{'x lines':>9}{'x csv':>7}"
    print(f"\n{'':14}{heads}  all seconds")
    good = True
    for one in rows:
        if one.get("failed"):
            print(f"{one['name']:14}  FAILED: {one['failed']}")
            good = False
            continue
        every = " ".join(f"{each:.2f}" for each in one["all_seconds"])
        print(
            f"{one['name']:14}{one['rows']:>9,}{one['bytes'] / 1e6:>7.1f}{one['seconds']:>9.2f}{one['rows_per_s']:>9,}"
            f"{one['rows_per_cpu_s']:>9,}{one['peak_mb']:>9,}{one['x_lines']:>9}{one.get('x_csv', ''):>7}  {every}"
        )
        if one["rejects"]:
            print(f"{'':14}  {one['rejects']} lines were rejected")
            good = False
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sales", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=3, help="rounds; the median is reported")
    parser.add_argument("--only", nargs="*", choices=FILES, default=list(FILES))
    parser.add_argument("--keep", type=Path, help="make the files here and leave them, or use what is here")
    parser.add_argument("--src", type=Path, default=SOURCE, help="measure the package of another tree")
    parser.add_argument("--note", default="")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--child")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.child == "make":
        make(given.folder, given.sales)
        return 0
    if given.child:
        print(json.dumps(WAYS[given.child](given.folder)))
        return 0
    machine = hardware()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    with tempfile.TemporaryDirectory(prefix="storno-bench-") as temporary:
        folder = given.keep / str(given.sales) if given.keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            __file__,
            "--child",
            "make",
            "--folder",
            str(folder),
            "--sales",
            str(given.sales),
        ]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(SOURCE)})
        tries: dict[tuple[str, str], list[dict[str, object]]] = {}
        for _ in range(given.times):
            for name in given.only:
                for way in WAYS:
                    if way != "csv" or name in DELIMITED:
                        found = measure(way, folder / FILES[name], given.src)
                        tries.setdefault((name, way), []).append(found)
    rows = [
        joined(name, {way: median_of(tries[name, way]) for way in WAYS if (name, way) in tries})
        for name in given.only
    ]
    good = report(rows)
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        row = {"at": at, "sales": given.sales, "note": given.note, "hardware": machine, "runs": rows}
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
