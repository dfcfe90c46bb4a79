"""Diagnosis on generated days with planted causes: accuracy, confusion, calibration, honest "unknown".

`--fit` fits the figures (src/storno/diagnosis/data/model.toml) on seeds 1 to 6; the report always uses other seeds
(101 and up). Reported as generated (8 % of signals missing), with 30 % more of them taken away, and in another world (a
quarter of the faults, so other priors); each time also on technical faults alone: refusals are read off their code.
`--save` appends to bench/results/diagnosis.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _asks import Ask, asks
from _machine import hardware

from storno.diagnosis.noisy_or import Model
from storno.diagnosis.signals import SYMPTOMS, symptoms
from storno.diagnosis.verdict import Basis, Figures, Verdict, diagnose, figures

HERE = Path(__file__).parent
DATA = HERE.parent / "src/storno/diagnosis/data/model.toml"
RESULTS = HERE / "results/diagnosis.jsonl"
FIT_SEEDS, REPORT_SEEDS = range(1, 7), range(101, 105)
DAYS, SALES, FAULTS = 2, 20_000, 0.02
READ_OFF = frozenset({"business_decline", "wrong_pin", "card_expired", "wrong_card_data", ""})
JOINT, SMOOTH = 0.05, 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One question, answered."""

    cause: str
    second: str
    verdict: Verdict

    @property
    def right(self) -> bool:
        return self.verdict.cause == self.cause

    @property
    def named(self) -> bool:
        """The verdict is one of the true causes (a double fault has two)."""
        return self.verdict.cause == self.cause or bool(self.second and self.verdict.cause == self.second)

    @property
    def in_three(self) -> bool:
        return self.cause in [name for name, _ in self.verdict.ranked]


# -------------------------------------------------------------------- fitting
def fit(known: Sequence[Ask]) -> Figures:
    """Count on single faults: how often each cause shows each symptom, and what becomes of its transactions."""
    causes = sorted({one.cause for one in known}, key=lambda name: (name == "", name))
    sorts = sorted({one.me.sort for one in known})
    place = {name: at for at, name in enumerate(causes)}
    prior = np.ones(len(causes))
    ends = np.full((len(causes), len(sorts)), 0.02)
    seen, shown = np.zeros((len(causes), len(SYMPTOMS))), np.zeros((len(causes), len(SYMPTOMS)))
    for one in known:
        at = place[one.cause]
        prior[at] += 1
        ends[at, sorts.index(one.me.sort)] += 1
        if not one.second:
            found = symptoms(one.me, one.around)
            for column, name in enumerate(SYMPTOMS):
                if name in found:
                    seen[at, column] += 1
                    shown[at, column] += found[name]
    usual = (shown[-1] + 0.5) / (seen[-1] + 5)
    rates = (shown + usual * SMOOTH) / (seen + SMOOTH)
    leak = np.clip(np.minimum(usual, np.quantile(rates, 0.15, axis=0)), 0.0005, 0.95)
    shows = np.clip(1 - (1 - rates) / (1 - leak), 0, 0.995)
    ends /= ends.sum(axis=1, keepdims=True)
    model = Model(tuple(causes), SYMPTOMS, tuple(sorts), prior / prior.sum(), shows, leak, ends, JOINT, 1.0)
    made = Figures(model, 0.99)
    rows = [Row(one.cause, one.second, diagnose(one.me, one.around, fitted=made)) for one in known]
    ruled = [row.named for row in rows if row.verdict.basis is Basis.RULE]
    best = min((0.5, 0.6, 0.7, 0.8, 0.9, 1.0), key=lambda temper: tempered(known, made, temper))
    return Figures(replace(model, temper=best), float(np.mean(ruled)))


def tempered(known: Sequence[Ask], made: Figures, temper: float) -> float:
    some = known[::7]
    given = Figures(replace(made.model, temper=temper), made.rule_chance)
    return calibration(
        [Row(one.cause, one.second, diagnose(one.me, one.around, fitted=given)) for one in some]
    )


def write(made: Figures, path: Path) -> None:
    """Write the figures as the package reads them."""
    model = made.model
    numbers = lambda row: "[" + ", ".join(f"{float(one):.5g}" for one in row) + "]"  # noqa: E731
    names = lambda row: json.dumps(list(row), ensure_ascii=False)  # noqa: E731
    lines = [
        "# Figures of the noisy-OR: fitted, not written by hand (`python bench/diagnosis.py --fit`).",
        f"# Fitted on generated days: seeds {FIT_SEEDS.start} to {FIT_SEEDS.stop - 1}, {DAYS} days of {SALES} sales.",
        "# A fleet of your own has other figures: fit them on your own resolved cases.",
        f"joint = {model.joint}",
        f"temper = {model.temper}",
        f"rule_chance = {made.rule_chance:.4f}",
        f"causes = {names(model.causes)}",
        f"symptoms = {names(model.symptoms)}",
        f"sorts = {names(model.sorts)}",
        f"prior = {numbers(model.prior)}",
        f"leak = {numbers(model.leak)}",
        "", "[shows]", *(f"{name or 'nothing'} = {numbers(model.shows[at])}" for at, name in enumerate(model.causes)),
        "", "[ends]", *(f"{name or 'nothing'} = {numbers(model.ends[at])}" for at, name in enumerate(model.causes)),
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# -------------------------------------------------------------------- reporting
def calibration(rows: Sequence[Row], bins: int = 10) -> float:
    """Give the expected calibration error of the first cause: ten bins of equal width."""
    chance = np.array([row.verdict.chance for row in rows])
    right = np.array([row.named for row in rows], dtype=float)
    place = np.minimum((chance * bins).astype(int), bins - 1)
    return float(sum(abs(chance[place == at].mean() - right[place == at].mean()) * (place == at).mean()
                     for at in range(bins) if (place == at).any()))  # fmt: skip


def figures_of(rows: Sequence[Row]) -> dict[str, float]:
    told = [row for row in rows if row.verdict.known]
    return {
        "asked": len(rows),
        "top1": round(float(np.mean([row.right for row in rows])), 4),
        "top1_either_of_two": round(float(np.mean([row.named for row in rows])), 4),
        "top1_of_those_told": round(float(np.mean([row.right for row in told])), 4),
        "top3": round(float(np.mean([row.in_three for row in rows])), 4),
        "ece": round(calibration(rows), 4),
        "unknown": round(1 - len(told) / len(rows), 4),
    }


def by_cause(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.cause or "nothing"].append(row)
    return {name: {"asked": len(some), "top1": round(float(np.mean([one.right for one in some])), 3),
                   "top3": round(float(np.mean([one.in_three for one in some])), 3)}
            for name, some in sorted(groups.items())}  # fmt: skip


def confusion(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row.cause or "nothing"][row.verdict.cause or "nothing"] += 1
    return {name: dict(counts.most_common()) for name, counts in sorted(found.items())}


def report(lost: float, seeds: range, faults: float = FAULTS) -> tuple[dict[str, object], list[Row]]:
    start = time.perf_counter()
    rows, spent = [], 0.0
    for seed in seeds:
        for one in asks(seed, DAYS, SALES, faults, lost):
            begun = time.perf_counter()
            rows.append(Row(one.cause, one.second, diagnose(one.me, one.around)))
            spent += time.perf_counter() - begun
    technical = [row for row in rows if row.cause not in READ_OFF]
    double = [row for row in rows if row.second]
    clean = [row for row in rows if not row.cause]
    by_basis = Counter(row.verdict.basis.value for row in rows)
    right_by_basis = Counter(row.verdict.basis.value for row in rows if row.right)
    found: dict[str, object] = {
        "lost": lost, "faults": faults, "all": figures_of(rows), "technical": figures_of(technical),
        "double_faults": figures_of(double),
        "clean_left_alone": round(float(np.mean([row.right for row in clean])), 4),
        "by_basis": {name: [right_by_basis[name], count] for name, count in by_basis.items()},
        "ms_each": round(spent / len(rows) * 1000, 2), "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip
    return found, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="fit the figures first and write model.toml")
    parser.add_argument("--save", action="store_true", help="append to bench/results/diagnosis.jsonl")
    parser.add_argument("--seeds", type=int, default=len(REPORT_SEEDS), help="how many seeds to report on")
    wanted = parser.parse_args()
    if wanted.fit:
        known = [one for seed in FIT_SEEDS for one in asks(seed, DAYS, SALES, FAULTS)]
        write(fit(known), DATA)
        figures.cache_clear()
    seeds = range(REPORT_SEEDS.start, REPORT_SEEDS.start + wanted.seeds)
    plain, rows = report(0.0, seeds)
    gaps, _ = report(0.3, seeds)
    other, _ = report(0.0, range(seeds.start + 100, seeds.stop + 100), FAULTS / 4)
    result = {
        "fit_seeds": [FIT_SEEDS.start, FIT_SEEDS.stop - 1], "seeds": [seeds.start, seeds.stop - 1], "days": DAYS,
        "sales": SALES, "faults": FAULTS, "as_generated": plain, "with_gaps": gaps, "another_world": other,
        "by_cause": by_cause(rows),
        "confusion": confusion(rows), "hardware": hardware(),
    }  # fmt: skip
    print(json.dumps(result, ensure_ascii=False, indent=1))
    if wanted.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
