"""The detector of risen rates: exact arithmetic, order, and that it alarms about as seldom as it says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.watch.detect import NOTHING, Detector, Faded, chance_of, threshold_for

COUNTS = st.lists(st.booleans(), max_size=400)


@given(COUNTS, st.floats(1e-4, 0.3))
def test_the_score_is_never_negative_and_a_failure_never_lowers_it(outcomes, expected):
    detector, state = Detector(), NOTHING
    for failed in outcomes:
        state = detector.after(state, int(failed))
    score = detector.score(state, expected)
    assert score >= 0
    assert detector.score(detector.after(state, 1), expected) >= score - 1e-9
    assert detector.score(detector.after(state, 0), expected) <= score + 1e-9


@given(COUNTS)
def test_faded_counts_stay_counts(outcomes):
    detector, state = Detector(memory=50), NOTHING
    for failed in outcomes:
        state = detector.after(state, int(failed))
    assert 0 <= state.failed <= state.total <= 50


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_block_weighs_as_its_transactions_do(failed, passed):
    detector = Detector()
    state = detector.after(Faded(3.0, 100.0), failed, failed + passed)
    one_by_one = Faded(3.0, 100.0)
    for _ in range(failed + passed):
        one_by_one = detector.after(one_by_one, 0)
    assert state.total == pytest.approx(one_by_one.total)
    if not failed:
        assert state.failed == pytest.approx(one_by_one.failed)


@pytest.mark.parametrize(("failed", "total"), [(-1, 1), (2, 1), (1, 0)])
def test_counts_that_cannot_be_are_refused(failed, total):
    with pytest.raises(ValueError, match="cannot be"):
        Detector().after(NOTHING, failed, total)


@pytest.mark.parametrize("expected", [0.005, 0.03])
def test_false_alarms_are_about_as_far_apart_as_asked_for(expected):
    chance = random.Random(11)
    detector = Detector(threshold=threshold_for(5_000))
    alarms, state, transactions = 0, NOTHING, 400_000
    for _ in range(transactions):
        state = detector.after(state, int(chance.random() < expected))
        if detector.alarmed(state, expected):
            alarms, state = alarms + 1, NOTHING
    assert 2_500 <= transactions / alarms <= 12_500


def test_a_risen_rate_is_noticed_within_a_few_hundred_transactions():
    detector, delays = Detector(threshold=threshold_for(20_000)), []
    for seed in range(60):
        chance, state = random.Random(seed), Faded(1.5, 300.0)
        for number in range(1, 3_000):
            state = detector.after(state, int(chance.random() < 0.05))
            if detector.alarmed(state, 0.005):
                delays.append(number)
                break
    assert len(delays) == 60
    assert sum(delays) / 60 < 130


def test_thresholds_rise_with_the_distance():
    thresholds = [threshold_for(distance) for distance in (1_000, 20_000, 1_000_000)]
    assert thresholds == sorted(thresholds)
    with pytest.raises(ValueError, match="1,000"):
        threshold_for(10)


@given(st.floats(0, 50), st.floats(0, 50))
def test_a_higher_score_is_less_likely_by_chance(one, two):
    low, high = sorted((one, two))
    assert 0 <= chance_of(high) <= chance_of(low) <= 0.5
