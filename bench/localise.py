"""Localisation against 65 labelled real drops: top-1 F1, recall@3, seconds a case, and the same under cross-validation.

Beside it runs what is easiest to write, a Poisson scan over single sets (0.655 / 0.83-0.86 on the whole public set, the
best published code 0.647 / 0.853). "External": the same cases with every explaining attribute taken out. `--save`
appends to bench/results/localise.jsonl.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tarfile
import time
from ast import literal_eval
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

import numpy as np
from _machine import hardware

from storno.watch.localise import Cell, LocaliseOptions, localise
from storno.watch.tally import Tally, read_tally

HERE = Path(__file__).parent
CASES = HERE.parent / "tests/golden/data/rate_drop/rate_drop_cases.tar.gz"
RESULTS = HERE / "results/localise.jsonl"
Truth = list[frozenset[tuple[str, str]]]
GRID = [
    LocaliseOptions(spread=spread, rho=rho, shrink=shrink)
    for spread in (0.2, 0.35, 0.5)
    for rho in (0.003, 0.005, 0.01)
    for shrink in (10.0, 20.0, 40.0)
]


def cases() -> list[tuple[str, Tally, Truth]]:
    found = []
    with tarfile.open(CASES) as tar:
        texts = {
            Path(member.name).name: file.read().decode()
            for member in tar.getmembers()
            if (file := tar.extractfile(member)) is not None
        }
    for name, at, cause in re.findall(
        r"- data: (.+)\n\s+timestamp: (\d+)\n\s+cause: (.+)", texts["anomaly.yaml"]
    ):
        sets = literal_eval(cause if cause.startswith("[") else f"[{cause}]")
        truth = [frozenset((key, str(value)) for key, value in one.items()) for one in sets]
        found.append((name, read_tally(texts[f"{name.strip()}.csv"], float(at)), truth))
    return found


def scan(tally: Tally) -> list[frozenset[tuple[str, str]]]:
    """The yardstick: Poisson scan statistic, no penalty."""
    from itertools import combinations

    rate = sum(cell.failed_before for cell in tally.cells) / max(
        1.0, sum(cell.total_before for cell in tally.cells)
    )
    expected = [
        (cell.failed_before + rate * 20) / (cell.total_before + 20) * cell.total for cell in tally.cells
    ]
    failed_all, expected_all = sum(cell.failed for cell in tally.cells), sum(expected)
    found = []
    for order in (1, 2, 3):
        for dims in combinations(range(len(tally.dims)), order):
            sums: dict[tuple[str, ...], list[float]] = {}
            for cell, due in zip(tally.cells, expected, strict=True):
                one = sums.setdefault(tuple(cell.values[dim] for dim in dims), [0.0, 0.0])
                one[0] += cell.failed
                one[1] += due
            for values, (failed, due) in sums.items():
                rest_failed, rest_due = failed_all - failed, expected_all - due
                if failed <= 0 or due <= 0 or failed / due <= rest_failed / max(rest_due, 1e-9):
                    continue
                gain = failed * np.log(failed / due)
                gain += rest_failed * np.log(rest_failed / rest_due) if rest_failed > 0 < rest_due else 0
                found.append((gain, frozenset((tally.dims[d], v) for d, v in zip(dims, values, strict=True))))
    found.sort(key=lambda one: -one[0])
    return [one for _, one in found[:3]]


def hits(ranking: list[frozenset[tuple[str, str]]], truth: Truth) -> tuple[int, int, int]:
    return int(bool(ranking) and ranking[0] in truth), sum(one in truth for one in ranking[:3]), len(truth)


def figures(rows: list[tuple[int, int, int]]) -> tuple[float, float]:
    true = sum(row[0] for row in rows)
    causes = sum(row[2] for row in rows)
    return 2 * true / (len(rows) + causes), sum(row[1] for row in rows) / causes


def ours(tally: Tally, options: LocaliseOptions) -> list[frozenset[tuple[str, str]]]:
    return [frozenset(one.values) for one in localise(tally.dims, tally.cells, options).ranking]


def without(tally: Tally, truth: Truth) -> Tally | None:
    """The same counts with the explaining attributes summed away."""
    named = {name for one in truth for name, _ in one}
    kept = [place for place, name in enumerate(tally.dims) if name not in named]
    if not kept:
        return None
    sums: dict[tuple[str, ...], list[float]] = {}
    for cell in tally.cells:
        one = sums.setdefault(tuple(cell.values[place] for place in kept), [0.0] * 4)
        for place in range(4):
            one[place] += cell[1 + place]
    cells = tuple(Cell(values, *counts) for values, counts in sums.items())
    return replace(tally, dims=tuple(tally.dims[place] for place in kept), cells=cells)


def crossed(table: list[list[tuple[int, int, int]]], folds: int = 5, rounds: int = 20) -> tuple[float, float]:
    """Choose the parameters on four fifths, count on the fifth; the mean over shuffles."""
    numbers = list(range(len(table[0])))
    scores, chance = [], random.Random(1)
    for _ in range(rounds):
        chance.shuffle(numbers)
        rows: list[tuple[int, int, int]] = []
        for fold in range(folds):
            held = set(numbers[fold::folds])
            best = max(table, key=lambda row: sum(sum(row[n][:2]) for n in numbers if n not in held))
            rows += [best[number] for number in held]
        scores.append(figures(rows))
    return mean(one[0] for one in scores), mean(one[1] for one in scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="append a line to bench/results/localise.jsonl")
    wanted = parser.parse_args()
    known = cases()
    seconds, rows, combined = [], [], [0, 0, 0]
    external_wrong = 0
    for _, tally, truth in known:
        start = time.perf_counter()
        found = localise(tally.dims, tally.cells)
        seconds.append(time.perf_counter() - start)
        rows.append(hits([frozenset(one.values) for one in found.ranking], truth))
        named = [frozenset(one.values) for one in found.causes]
        right = sum(one in truth for one in named)
        combined = [combined[0] + right, combined[1] + len(named), combined[2] + len(truth)]
        external_wrong += found.external
    f1, recall = figures(rows)
    start = time.perf_counter()
    scan_f1, scan_recall = figures([hits(scan(tally), truth) for _, tally, truth in known])
    scan_s = (time.perf_counter() - start) / len(known)
    hidden = [localise(one.dims, one.cells) for _, tally, truth in known if (one := without(tally, truth))]
    rose = [one for one in hidden if one.rose]
    table = [[hits(ours(tally, options), truth) for _, tally, truth in known] for options in GRID]
    cv_f1, cv_recall = crossed(table)
    worst = min(figures(row)[0] for row in table), min(figures(row)[1] for row in table)
    result = {
        "cases": len(known), "f1_top1": round(f1, 3), "recall_at_3": round(recall, 3),
        "f1_all_causes": round(2 * combined[0] / (combined[1] + combined[2]), 3),
        "cv_f1_top1": round(cv_f1, 3), "cv_recall_at_3": round(cv_recall, 3),
        "worst_in_grid": [round(worst[0], 3), round(worst[1], 3)], "grid": len(GRID),
        "scan_f1_top1": round(scan_f1, 3), "scan_recall_at_3": round(scan_recall, 3),
        "s_per_case_median": round(median(seconds), 4), "s_per_case_max": round(max(seconds), 4),
        "scan_s_per_case": round(scan_s, 4),
        "external_said": sum(one.external for one in rose), "external_rose": len(rose),
        "external_wrongly": external_wrong, "hardware": hardware(),
    }  # fmt: skip
    for name, value in result.items():
        print(f"{name:22} {value}")
    if wanted.save:
        with RESULTS.open("a") as file:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
