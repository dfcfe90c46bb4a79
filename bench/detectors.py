"""How soon a risen rate, or a risen count, is noticed, at an equal share of false alarms for all.

Rates: 0.5 % becomes 1.5, 2, 5 or 20 %; mean delay in transactions at one false alarm per 20,000, thresholds found in
the run for each detector and seed. Counts: the outbreak simulation design of Noufaily et al. 2013 (see _outbreaks.py).
`--save` appends to bench/results/detectors.jsonl, `--quick` takes a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from _machine import hardware
from _outbreaks import study

from storno.watch.detect import NOTHING, Detector

RESULTS = Path(__file__).parent / "results/detectors.jsonl"
P0 = 0.005
RAISED = (0.015, 0.02, 0.05, 0.2)
TARGET = 20_000
WARM, LONGEST = 300, 6_000


class Ours:
    """storno.watch.detect.Detector on many paths at once; `agrees` holds it to the original."""

    def __init__(self, paths):
        self.detector = Detector()
        self.keep = 1 - 1 / self.detector.memory
        self.failed, self.total = np.zeros(paths), np.zeros(paths)

    def step(self, outcome):
        self.failed = self.failed * self.keep + outcome
        self.total = self.total * self.keep + 1
        size = self.total + self.detector.prior
        rate = (self.failed + self.detector.prior * P0) / size
        gain = rate * np.log(rate / P0) + (1 - rate) * np.log((1 - rate) / (1 - P0))
        return np.where(rate > P0, size * gain, 0)

    def reset(self, which):
        self.failed[which] = self.total[which] = 0


class Ewma:
    def __init__(self, paths, weight=0.01):
        self.weight, self.value = weight, np.full(paths, P0)

    def step(self, outcome):
        self.value += self.weight * (outcome - self.value)
        return self.value

    def reset(self, which):
        self.value[which] = P0


class Cusum:
    def __init__(self, paths, p1=0.02):
        self.up, self.down = np.log(p1 / P0), np.log((1 - p1) / (1 - P0))
        self.value = np.zeros(paths)

    def step(self, outcome):
        self.value = np.maximum(0, self.value + np.where(outcome, self.up, self.down))
        return self.value

    def reset(self, which):
        self.value[which] = 0


class Rolling:
    def __init__(self, paths, size=100):
        self.size, self.place = size, 0
        self.window, self.sum = np.zeros((size, paths)), np.zeros(paths)

    def step(self, outcome):
        self.sum += outcome - self.window[self.place]
        self.window[self.place] = outcome
        self.place = (self.place + 1) % self.size
        return self.sum

    def reset(self, which):
        self.window[:, which] = self.sum[which] = 0


DETECTORS = {
    "ours": Ours,
    "ewma_0.01": Ewma,
    "cusum_p1_2%": Cusum,
    "cusum_p1_5%": lambda paths: Cusum(paths, 0.05),
    "rolling_100": Rolling,
    "rolling_500": lambda paths: Rolling(paths, 500),
}


def agrees() -> None:
    """Hold the arithmetic above to the shipped detector."""
    chance, many, one, state = np.random.default_rng(0), Ours(1), Detector(), NOTHING
    for _ in range(2_000):
        failed = int(chance.random() < 0.02)
        state = one.after(state, failed)
        assert abs(many.step(np.array([failed]))[0] - one.score(state, P0)) < 1e-9


def distance(make, threshold: float, transactions: int, seed: int) -> float:
    """Transactions per false alarm when nothing has changed."""
    chance, paths = np.random.default_rng(seed), 400
    detector, alarms = make(paths), 0
    for _ in range(transactions // paths):
        hit = detector.step(chance.random(paths) < P0) >= threshold
        if hit.any():
            alarms += int(hit.sum())
            detector.reset(hit)
    return transactions / max(alarms, 0.5)


def calibrated(make, transactions: int, seed: int) -> float:
    """The lowest threshold with at most one false alarm per TARGET; lattice detectors end on the safe side."""
    chance, detector, high = np.random.default_rng(seed + 1), make(200), 0.0
    for _ in range(2_000):
        high = max(high, float(detector.step(chance.random(200) < P0).max()))
    low, high = 0.0, high * 1.6
    for _ in range(10):
        middle = (low + high) / 2
        if distance(make, middle, transactions, seed) < TARGET:
            low = middle
        else:
            high = middle
    return high


def delay(make, threshold: float, rate: float, paths: int, seed: int) -> float:
    """Mean transactions from the change to the alarm, after WARM transactions in order."""
    chance, detector = np.random.default_rng(seed), make(paths)
    for _ in range(WARM):
        detector.reset(detector.step(chance.random(paths) < P0) >= threshold)
    first, waiting = np.full(paths, float(LONGEST)), np.ones(paths, bool)
    for number in range(1, LONGEST + 1):
        hit = (detector.step(chance.random(paths) < rate) >= threshold) & waiting
        first[hit] = number
        waiting &= ~hit
        if not waiting.any():
            break
    return float(first.mean())


def rates(seeds: int, transactions: int, paths: int) -> dict[str, dict[str, object]]:
    found = {}
    for name, make in DETECTORS.items():
        thresholds, distances, delays = [], [], {rate: [] for rate in RAISED}
        for seed in range(seeds):
            threshold = calibrated(make, transactions, 10 * seed)
            thresholds.append(threshold)
            distances.append(distance(make, threshold, transactions, 10 * seed + 5))
            for rate in RAISED:
                delays[rate].append(delay(make, threshold, rate, paths, 10 * seed + 7))
        found[name] = {
            "threshold": round(mean(thresholds), 4),
            "distance_fresh": round(mean(distances)),
            "delay": {f"{rate:g}": round(mean(got), 1) for rate, got in delays.items()},
            "between_seeds": {
                f"{rate:g}": round(stdev(got), 1) if seeds > 1 else None for rate, got in delays.items()
            },
        }
        print(
            f"{name:14} one in {found[name]['distance_fresh']:>6}  "
            + "  ".join(f"{rate:g}: {mean(got):6.1f}" for rate, got in delays.items()),
            flush=True,
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="append a line to bench/results/detectors.jsonl")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=("rates", "counts"))
    wanted = parser.parse_args()
    start = time.perf_counter()
    agrees()
    part = 10 if wanted.quick else 1
    result: dict[str, object] = {"p0": P0, "target": TARGET, "seeds": wanted.seeds}
    if wanted.only != "counts":
        result["rates"] = rates(wanted.seeds, 4_000_000 // part, 1_000 // part)
    if wanted.only != "rates":
        result["counts"] = study(4 if wanted.quick else 20, wanted.seeds)
    result["seconds"] = round(time.perf_counter() - start, 1)
    result["hardware"] = hardware()
    if wanted.save:
        with RESULTS.open("a") as file:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
