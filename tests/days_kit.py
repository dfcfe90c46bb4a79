"""A small generated town for tests: made once a session, read back through the doors that real files take."""

import json
from dataclasses import replace
from pathlib import Path

from storno.sim.days.plan import Plan
from storno.sim.days.run import Generator
from storno.statements.importing import import_file

SMALL = Plan(Path(), Path(), days=2, sales=2_500, merchants=12, terminals=30, plant_count=3, seed=7)
SIDES = ("terminal", "network", "wechat", "alipay", "bank")


def generate(folder: Path, **more):
    out, truth = folder / "out", folder / "truth"
    out.mkdir(parents=True)
    plan = replace(SMALL, out=out, truth=truth, **more)
    return plan, Generator(plan).run()


def planted(plan):
    text = (plan.truth / "planted.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def read_side(plan, side, home):
    """Import every file of a side; give (lines, amount, fees, net) and what was refused or rejected."""
    sums, wrong = [0, 0, 0, 0], []
    for path in sorted((plan.out / side).glob("*")):
        if path.suffix == ".parquet" or path.name == "fees.csv":
            continue
        for outcome in import_file(path, home):
            if outcome.skipped:
                continue
            stored = outcome.stored
            if stored is None or stored.rejects or not all(one.met for one in stored.totals):
                wrong.append((path.name, outcome))
                continue
            for one in stored.sums:
                sums[0] += one.lines
                sums[1] += one.amount_minor
                sums[2] += one.fee_minor
                sums[3] += one.net_minor
    return sums, wrong
