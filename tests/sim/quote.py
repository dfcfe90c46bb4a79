"""Write the figures of the last soak into docs/guarantees.md; with a file of slices, first sum them to one run.

`PYTHONPATH=tests python tests/sim/quote.py [SLICES]`: SLICES is what `storno sim --record SLICES` wrote for seeds that
follow each other; their sum is appended to bench/scoreboard.jsonl. `test_scoreboard.py` compares the page with the
last line.
"""

import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

from sim.test_worlds import KINDS

ROOT = Path(__file__).resolve().parent.parent.parent
BOARD, PAGE = ROOT / "bench/scoreboard.jsonl", ROOT / "docs/guarantees.md"
SAME = {"at", "version", "first_seed", "hardware", "small", "rows", "tx_per_cpu_s", "rows_reached"}


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def whole(slices: list[dict]) -> dict:
    """Sum slices whose seeds follow each other."""
    for one, after in pairwise(slices):
        assert one["first_seed"] + one["seeds"] == after["first_seed"], "the slices do not follow each other"
        assert one["version"] == after["version"]
    total = {**slices[-1], "first_seed": slices[0]["first_seed"]}
    for name, value in slices[-1].items():
        if name in ("faults", "happened"):
            counts = sum((Counter(one[name]) for one in slices), Counter())
            total[name] = dict(sorted(counts.items()))
        elif name == "broken":
            total[name] = [one for part in slices for one in part[name]]
        elif name not in SAME and isinstance(value, int | float):
            total[name] = sum(one[name] for one in slices)
    never = set.intersection(*(set(one["rows_never"]) for one in slices))
    total["rows_never"] = [row for row in slices[0]["rows_never"] if row in never]
    total["rows_reached"] = total["rows"] - len(never)
    total["cpu_s"] = round(total["cpu_s"], 1)
    total["tx_per_cpu_s"] = round(total["transactions"] / total["cpu_s"])
    return total


def kinds(line: dict) -> str:
    """Tell how often each kind of fault came up."""
    rows = ["| fault | times |", "|---|---|"]
    for kind, names in KINDS.items():
        counted = ", ".join(f"`{name}` {line['faults'].get(name, 0):,}" for name in sorted(names))
        rows.append(f"| {kind} | {counted} |")
    beside = ",\n".join(f"`{name}` {times:,}" for name, times in line["happened"].items())
    return "\n".join(rows) + f"\n\nBeside the faults:\n{beside}."


def figures(line: dict) -> str:
    """Tell the sums."""
    last_seed = line["first_seed"] + line["seeds"] - 1
    share = line["touched"] / line["transactions"]
    hardware = line["hardware"]
    rows = {
        "days": f"{line['seeds']:,}, {line['trusted']:,} of them with a host that keeps its memory",
        "virtual time": f"{line['simulated_ms'] // 3_600_000:,} hours",
        "transactions": f"{line['transactions']:,}",
        "struck by a fault": f"{line['touched']:,} ({share:.1%})",
        "faults": f"{sum(line['faults'].values()):,}",
        "reversals": f"{line['reversed']:,}, and {line['repeats']:,} repeats",
        "late answers": f"{line['late_answers']:,}",
        "exceptions opened": f"{line['cases']:,}",
        "differences in the evening, named before": f"{line['named']:,}",
        "differences that only the clearing found, with a host that forgets": f"{line['found']:,}",
        "**lost**": f"**{line['lost']}**",
        "**doubled**": f"**{line['doubled']}**",
        "**silent**": f"**{line['silent']}**",
        "rows of the life cycle taken": f"{line['rows_reached']} of {line['rows']}",
        "speed": f"{line['tx_per_cpu_s']:,} transactions per second of processor time "
        f"({hardware['cpu']}, Python {hardware['python']})",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"The soak of {line['at'][:10]}, version {line['version']}, seeds {line['first_seed']:,} to {last_seed:,};\n"
        f"the whole line is the last one of `bench/scoreboard.jsonl`.\n\n| | |\n|---|---|\n{table}\n\n"
        "The speed is per second of processor time of one core. It falls short of the goal of 5,000: each simulated\n"
        "transaction goes the whole way of production, with its messages encoded and decoded, its facts hashed into\n"
        "the journal's chain, three books kept and a watcher beside. What bounds it is said below."
    )


def main() -> None:
    if len(sys.argv) > 1:
        total = whole(lines_of(Path(sys.argv[1])))
        assert not total["broken"], total["broken"]
        with BOARD.open("a", encoding="utf-8") as file:
            file.write(json.dumps(total, ensure_ascii=False) + "\n")
    line = lines_of(BOARD)[-1]
    page = PAGE.read_text("utf-8")
    for name, text in (("kinds", kinds(line)), ("figures", figures(line))):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        page = re.sub(
            f"{begin}.*?{end}", f"{begin}\n{text}\n{end}".replace("\\", r"\\"), page, flags=re.DOTALL
        )
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
