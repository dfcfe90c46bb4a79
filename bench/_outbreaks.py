"""Outbreaks in weekly counts, simulated in the design of Noufaily et al. 2013 (Stat Med 32:1206).

624 weeks, negative binomial about exp(θ + βt + seasons): seven sets of parameters, each with and without trend and with
0, 1 or 2 seasonal terms. Four outbreaks in the baseline, one in the last 49 weeks; size Poisson about k standard
deviations, spread over weeks log-normally. POD: share of outbreaks with an alarm while they last, at thresholds at
which 1 % of all weeks without an outbreak raise one.
"""

from __future__ import annotations

import math

import numpy as np

from storno.watch.counts import CountOptions, unusual

WEEKS, CURRENT = 624, 49
FALSE = 0.01
SIZES = (2, 3, 5, 10)
SETS = (
    (0.1, 0.0025, 0.6, 0.6, 1.5), (-2.0, 0.005, 0.1, 0.3, 2.0), (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0), (2.5, 0.001, 1.0, 0.1, 3.0), (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)  # fmt: skip
"""θ, β, γ1, γ2, variance over mean."""
SCENARIOS = [(*one, trend, terms) for one in SETS for trend in (0, 1) for terms in (0, 1, 2)]
OURS = CountOptions(period=52, periods_max=5, periods_min=2, beside=4, recent=52, gap=2, level_worth=60.0)


def means(scenario) -> np.ndarray:
    theta, beta, cosine, sine, _, trend, terms = scenario
    week = np.arange(1, WEEKS + 1)
    exponent = theta + beta * week * trend
    for term in range(1, terms + 1):
        angle = 2 * np.pi * term * week / 52
        exponent = exponent + cosine * np.cos(angle) + sine * np.sin(angle)
    return np.exp(exponent)


def baseline(chance, mean: np.ndarray, dispersion: float) -> np.ndarray:
    if dispersion == 1.0:
        return chance.poisson(mean).astype(float)
    return chance.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)


def outbreak(chance, mean: np.ndarray, dispersion: float, start: int, size: float) -> np.ndarray:
    """Cases by week of one outbreak; two at least."""
    cases = max(2, int(chance.poisson(size * math.sqrt(mean[start] * dispersion))))
    weeks = start + np.floor(np.exp(chance.normal(0, 0.5, cases))).astype(int)
    added = np.zeros(WEEKS)
    np.add.at(added, weeks[weeks < WEEKS], 1)
    return added


def series(chance, scenario, size: float):
    """Counts, and the weeks of the current outbreak."""
    mean, dispersion = means(scenario), scenario[4]
    counts = baseline(chance, mean, dispersion)
    for start in chance.choice(WEEKS - 2 * CURRENT - 313, 4, replace=False) + 313:
        counts += outbreak(chance, mean, dispersion, int(start), float(chance.choice((2, 3, 5, 10))))
    now = outbreak(chance, mean, dispersion, WEEKS - CURRENT + int(chance.integers(0, CURRENT - 6)), size)
    return counts + now, np.flatnonzero(now)


def ours(counts: np.ndarray, week: int) -> float:
    return unusual(counts[week - 52 * 5 - 104 : week + 1], OURS) or 0.0


def ears_c1(counts: np.ndarray, week: int) -> float:
    """Mean and standard deviation of the seven weeks before."""
    before = counts[week - 7 : week]
    return float((counts[week] - before.mean()) / max(before.std(ddof=1), 0.2))


def farrington(counts: np.ndarray, week: int) -> float:
    """Farrington et al. 1996: quasi-Poisson with trend over ±3 weeks of five years, past outbreaks reweighted."""
    at = np.array([week - 52 * back + aside for back in range(1, 6) for aside in range(-3, 4)])
    found, weights = counts[at], np.ones(len(at))
    design = np.column_stack([np.ones(len(at)), (at - week) / 260])
    for _ in range(2):
        mean, hat = poisson_fit(design, found, weights)
        dispersion = max(1.0, float((weights * (found - mean) ** 2 / mean).sum() / (len(at) - 2)))
        residual = 1.5 * (found ** (2 / 3) * mean ** (-1 / 6) - mean**0.5) / math.sqrt(dispersion)
        residual /= np.sqrt(np.maximum(1 - hat, 0.05))
        weights = np.where(residual > 1, 1 / np.maximum(residual, 1) ** 2, 1.0)
        weights *= len(at) / weights.sum()
    coefficients, covariance = poisson_coefficients(design, found, weights)
    expected = math.exp(min(coefficients[0], 12))
    doubt = expected**2 * covariance[0, 0] * dispersion
    spread = (dispersion * expected + doubt) / max(expected, 0.05)
    top = counts[week] ** (2 / 3) - expected ** (2 / 3)
    return float(top / math.sqrt(4 / 9 * max(expected, 0.05) ** (1 / 3) * spread))


def poisson_coefficients(design, found, weights):
    coefficients = np.array([math.log(max(found.mean(), 0.05)), 0.0])
    inverse = np.eye(2)
    for _ in range(6):
        mean = np.exp(np.clip(design @ coefficients, -6, 12))
        weighted = design * (weights * mean)[:, None]
        inverse = np.linalg.inv(design.T @ weighted + 1e-6 * np.eye(2))
        coefficients = coefficients + np.clip(inverse @ (design.T @ (weights * (found - mean))), -2, 2)
    return coefficients, inverse


def poisson_fit(design, found, weights):
    coefficients, inverse = poisson_coefficients(design, found, weights)
    mean = np.maximum(np.exp(np.clip(design @ coefficients, -6, 12)), 1e-3)
    hat = np.einsum("ij,jk,ik->i", design, inverse, design) * weights * mean
    return mean, hat


METHODS = {"ours": ours, "farrington_1996": farrington, "ears_c1": ears_c1}


def study(replicates: int, seeds: int) -> dict[str, dict[str, object]]:
    """POD at FALSE by size, over all scenarios; the threshold is one for all scenarios and is found on quiet weeks."""
    quiet = {name: [] for name in METHODS}
    caught = {name: {size: [] for size in SIZES} for name in METHODS}
    for seed in range(seeds):
        chance = np.random.default_rng(100 + seed)
        for scenario in SCENARIOS:
            for number in range(replicates):
                size = SIZES[(number + seed) % len(SIZES)]
                counts, weeks = series(chance, scenario, size)
                ill = set(weeks.tolist())
                for name, method in METHODS.items():
                    scores = {week: method(counts, week) for week in range(WEEKS - CURRENT, WEEKS)}
                    quiet[name] += [score for week, score in scores.items() if week not in ill]
                    caught[name][size].append(max((scores[week] for week in ill), default=-9.0))
    result = {}
    for name in METHODS:
        threshold = float(np.quantile(quiet[name], 1 - FALSE))
        pod = {
            str(size): round(float(np.mean(np.array(got) > threshold)), 3)
            for size, got in caught[name].items()
        }
        every = np.concatenate([np.array(got) for got in caught[name].values()])
        result[name] = {
            "threshold": round(threshold, 2), "quiet_weeks": len(quiet[name]), "pod": pod,
            "pod_all": round(float(np.mean(every > threshold)), 3), "outbreaks": len(every),
        }  # fmt: skip
        print(f"{name:16} POD at {FALSE:.0%}: {result[name]['pod_all']:.3f}  by size {pod}", flush=True)
    return result
