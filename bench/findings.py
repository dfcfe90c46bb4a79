"""Reconciliation on generated days with every kind of difference planted: recall and precision of each finding.

For each seed the days are generated, imported through the real readers and reconciled, once with whole keys and once
with 2 % of the clearing lines' keys damaged; the truth is read only afterwards. Misses and inventions are listed.
`--save` appends one line for each setting to bench/results/findings.jsonl.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _machine import hardware

from storno.recon.collect import imported, read_fees
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.finding import RULE_NAMES, Finding
from storno.recon.result import Result
from storno.recon.run import reconcile
from storno.recon.sides import BooksFile, Effort, Options, Sides
from storno.sim.days.plan import Plan
from storno.sim.days.run import Generator
from storno.statements.importing import import_file

RESULTS = Path(__file__).parent / "results/findings.jsonl"
SIDES = ("terminal", "network", "wechat", "alipay", "bank")
AS_OF = "20261231"
CARDS, EVERYTHING = ("acom", "bank_csv"), ("coma", "wechat", "alipay", "camt")
LISTED = 10


@dataclass(slots=True)
class Score:
    """What one setting came to over its seeds."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    reported: Counter[str] = field(default_factory=Counter)
    invented: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    residual_minor: int = 0
    unproved: list[str] = field(default_factory=list)
    """Reasons and rows that were not counted: there must be none."""

    def add(self, seed: int, truth: list[dict[str, Any]], result: Result) -> None:
        """Hold a run against its truth. A finding answers what is planted by rule and by key, RRN, or TID and sum."""
        here = list(result.findings())
        signs_here = [_signs(one.rule, one.key, one.rrn, one.tid, one.found_minor) for one in here]
        wanted = [
            _signs(one["rule"], one["key"], one["rrn"], one["tid"], one["outside_minor"]) for one in truth
        ]
        all_here, all_wanted = set().union(*signs_here), set().union(*wanted)
        named = {one.key: one.rule for one in here}
        for one, signs in zip(truth, wanted, strict=True):
            self.planted[one["rule"]] += 1
            if signs & all_here:
                self.found[one["rule"]] += 1
            else:
                other = named.get(one["key"], "nothing")
                self.wrong.append(f"seed {seed}: missed {one['rule']} {one['key']}, found {other}")
        for one, signs in zip(here, signs_here, strict=True):
            self.reported[one.rule] += 1
            if not signs & all_wanted:
                self.invented[one.rule] += 1
                self.wrong.append(f"seed {seed}: invented {_said(one)}")
        self.residual_minor += sum(abs(one.residual_minor) for one in result.bridges)
        self.unproved += [f"seed {seed}: {one.english}" for one in result.reasons]
        self.unproved += [
            f"seed {seed}: {one.leg.value} {one.side}" for one in result.accounts if not one.whole
        ]

    def as_data(self) -> dict[str, Any]:
        """Give it as plain data, rules in their order."""
        return {
            "planted": self.planted.total(), "found": self.found.total(), "reported": self.reported.total(),
            "invented": self.invented.total(), "recall": _share(self.found.total(), self.planted.total()),
            "precision": 1 - _share(self.invented.total(), self.reported.total(), 0.0),
            "residual_minor": self.residual_minor, "unproved": self.unproved,
            "by_rule": {
                name: {"planted": self.planted[name], "found": self.found[name], "invented": self.invented[name],
                       "recall": _share(self.found[name], self.planted[name]),
                       "precision": 1 - _share(self.invented[name], self.reported[name], 0.0)}
                for name in RULE_NAMES if self.planted[name] or self.reported[name]
            },
            "wrong": self.wrong,
        }  # fmt: skip


def _signs(rule: str, key: str, rrn: str, tid: str, minor: int | None) -> set[tuple[Any, ...]]:
    return {(rule, key), *({(rule, rrn)} if rrn else ()), *({(rule, tid, minor)} if tid else ())}


def _said(one: Finding) -> str:
    return f"{one.rule} {one.key} {one.amount_minor} {' '.join(one.lines[:3])}"


def _share(part: int, whole: int, empty: float = 1.0) -> float:
    return round(part / whole, 5) if whole else empty


def run(folder: Path, plan: Plan) -> tuple[list[dict[str, Any]], Result]:
    """Generate, import and reconcile; give the truth and the result."""
    plan.out.mkdir()
    Generator(plan).run()
    home = folder / "home"
    home.mkdir()
    for side in SIDES:
        for path in sorted((plan.out / side).glob("*")):
            for outcome in import_file(path, home):
                assert outcome.skipped or (outcome.stored and not outcome.stored.rejects), (
                    path.name,
                    outcome,
                )
    options = Options(as_of=AS_OF, fees=read_fees(plan.out / "books" / "fees.csv"))
    books = tuple(BooksFile(one) for one in sorted((plan.out / "books").glob("*.parquet")))
    effort = Effort(threads=2)
    with DuckEngine(effort) as engine:
        result = reconcile(Sides(books, *imported(home, options)), options, engine, effort)
    text = (plan.truth / "planted.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()], result


def scored(seeds: range, days: int, sales: int, damaged: float, formats: tuple[str, ...]) -> Score:
    """Run every seed of one setting."""
    score = Score()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            plan = Plan(folder / "out", folder / "truth", days=days, sales=sales, seed=seed, damaged=damaged,
                        formats=formats, signals=False)  # fmt: skip
            score.add(seed, *run(folder, plan))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{'+'.join(formats)} damaged {damaged} seed {seed} ")
    return score


def show(title: str, found: dict[str, Any]) -> None:
    """Print one setting as a table."""
    print(f"\n{title}: recall {found['recall']:.3%}, precision {found['precision']:.3%}, "
          f"residual {found['residual_minor']}, {len(found['unproved'])} open reasons")  # fmt: skip
    print(f"  {'finding':<26}{'planted':>8}{'found':>8}{'invented':>9}{'recall':>9}{'precision':>11}")
    for name, one in found["by_rule"].items():
        print(f"  {name:<26}{one['planted']:>8}{one['found']:>8}{one['invented']:>9}"
              f"{one['recall']:>9.2%}{one['precision']:>11.2%}")  # fmt: skip
    for line in (*found["unproved"][:LISTED], *found["wrong"][:LISTED]):
        print(f"  - {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--sales", type=int, default=2_000, help="a day")
    parser.add_argument("--damaged", type=float, default=0.02, help="share of lines with a damaged key")
    parser.add_argument("--save", action="store_true", help="append to bench/results/findings.jsonl")
    wanted = parser.parse_args()
    seeds = range(wanted.first_seed, wanted.first_seed + wanted.seeds)
    for formats in (CARDS, EVERYTHING):
        for damaged in (0.0, wanted.damaged):
            start = time.perf_counter()
            found = scored(seeds, wanted.days, wanted.sales, damaged, formats).as_data()
            size = f"{wanted.days} days of {wanted.sales}, seeds {seeds.start} to {seeds.stop - 1}"
            show(f"{'+'.join(formats)}, {size}, {damaged:.0%} damaged", found)
            if wanted.save:
                setting = {
                    "formats": list(formats), "damaged": damaged, "seeds": [seeds.start, seeds.stop - 1],
                    "days": wanted.days, "sales": wanted.sales, "seconds": round(time.perf_counter() - start, 1),
                }  # fmt: skip
                RESULTS.parent.mkdir(exist_ok=True)
                with RESULTS.open("a", encoding="utf-8") as file:
                    body = setting | found | {"hardware": hardware()}
                    file.write(json.dumps(body, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
