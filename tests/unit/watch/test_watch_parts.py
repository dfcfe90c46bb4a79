"""The parts of the watch by themselves: counts, false discovery control, burn rate, watchdog, rates, habits, fleet."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.watch.burn import MINUTE_MS, Minutes
from storno.watch.counts import CountOptions, Expected, expect, unusual
from storno.watch.detect import distance_of, threshold_for
from storno.watch.fdr import chance_in, discoveries
from storno.watch.habit import Amounts
from storno.watch.hours import HOUR_MS, Hours
from storno.watch.levels import EVERYTHING, Attributes, Level, read_fleet
from storno.watch.outcome import Bad
from storno.watch.rates import Rates
from storno.watch.tally import TallyError
from storno.watch.watchdog import listen
from watch_rig import NOW_MS, outcome

WEEK = 168


# -------------------------------------------------------------------- counts
def weeks(chance, count=6, level=40.0):
    return [
        float(round(chance.gauss(level * (1 + 0.8 * math.sin(2 * math.pi * (hour % 24) / 24)), 4)))
        for hour in range(WEEK * count)
    ]


def test_a_count_is_unusual_against_its_own_hour_only():
    history = weeks(random.Random(3))
    usual = expect(history)
    assert usual is not None
    assert abs(unusual([*history, usual.mean])) < 1
    assert unusual([*history, usual.mean * 3]) > 5
    assert unusual([*history, 0.0]) < -4


def test_nothing_is_said_before_two_weeks_have_passed():
    assert unusual([10.0] * (2 * WEEK - 1)) is None
    assert unusual([10.0] * (2 * WEEK + 1)) is not None
    assert unusual([]) is None


def test_an_outbreak_in_the_history_does_not_hide_the_next():
    history = [20.0] * (WEEK * 6)
    calm = unusual([*history, 60.0])
    history[3 * WEEK] = 400.0
    assert unusual([*history, 60.0]) > calm / 2 > 2


def test_a_level_that_has_risen_for_a_week_is_the_new_one():
    history = [20.0] * (WEEK * 5) + [60.0] * (WEEK + 1)
    assert abs(unusual([*history, 60.0], CountOptions(period=WEEK))) < 4


@given(st.floats(0.1, 1e4), st.floats(1, 5), st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_higher_count_is_never_less_unusual(mean, dispersion, one, other):
    low, high = sorted((one, other))
    usual = Expected(mean, dispersion, mean / 10)
    assert usual.deviation(low) <= usual.deviation(high)
    assert usual.deviation(mean) == pytest.approx(0, abs=1e-6)


def test_hours_are_counted_with_those_in_which_nothing_came():
    hours, key = Hours(), (Level.ALL, EVERYTHING)
    start = NOW_MS // HOUR_MS * HOUR_MS
    hours.take([key, (Level.TERMINAL, "t1")], start)
    hours.take([key], start + 1)
    assert hours.pass_to(start + HOUR_MS - 1) == []
    hours.pass_to(start + 3 * HOUR_MS)
    assert hours.as_data()["whole"] == [["all", EVERYTHING, [2.0, 0.0, 0.0]]]


# -------------------------------------------------------------------- false discoveries
def test_the_procedure_of_benjamini_and_hochberg_by_hand():
    chances = [(0.001, "a"), (0.008, "b"), (0.039, "c"), (0.041, "d"), (0.6, "e")]
    assert [name for _, name in discoveries(chances, 5, 0.05)] == ["a", "b"]
    assert [name for _, name in discoveries(chances, 5, 0.06)] == ["a", "b", "c", "d"]
    assert discoveries(chances, 5_000, 0.05) == []


def test_of_ten_thousand_quiet_ones_hardly_any_is_a_discovery():
    chance = random.Random(4)
    assert discoveries([(chance.random(), number) for number in range(10_000)], 10_000, 0.05) == []


@given(st.floats(0, 12), st.floats(1, 1e6))
def test_the_longer_one_looks_the_likelier_a_score_is_by_chance(score, transactions):
    assert 0 < chance_in(score, transactions) <= chance_in(score, transactions * 2) <= 1


def test_distance_and_threshold_agree():
    assert distance_of(threshold_for(20_000)) == pytest.approx(20_000)


# -------------------------------------------------------------------- burn rate
def burning(rate, minutes, a_minute=20):
    rows = Minutes()
    for minute in range(minutes):
        for number in range(a_minute):
            rows.take(NOW_MS + minute * MINUTE_MS, int(number < rate * a_minute))
    return rows, NOW_MS + (minutes - 1) * MINUTE_MS


def test_a_budget_spent_fast_is_a_page_and_a_slow_leak_a_ticket():
    page = Minutes.burning(*burning(0.3, 120))
    assert page is not None
    assert page.window.page
    assert page.rate == pytest.approx(0.3)
    ticket = Minutes.burning(*burning(0.05, 3_000))
    assert ticket is not None
    assert not ticket.window.page


@pytest.mark.parametrize(("rate", "minutes"), [(0.0, 5_000), (0.3, 10)])
def test_within_budget_or_hardly_begun_nothing_burns(rate, minutes):
    assert Minutes.burning(*burning(rate, minutes)) is None


def test_a_fault_that_is_over_burns_no_longer_though_the_long_window_still_holds_it():
    rows, now_ms = burning(0.3, 90)
    for minute in range(1, 31):
        for _ in range(20):
            rows.take(now_ms + minute * MINUTE_MS, 0)
    later = now_ms + 30 * MINUTE_MS
    assert rows.sums(later, 60)[0] > 0.144 * rows.sums(later, 60)[1]
    assert rows.burning(later) is None
    assert rows.calm(later)


def test_too_few_transactions_burn_nothing():
    rows, now_ms = burning(1.0, 120, a_minute=1)
    assert rows.sums(now_ms, 60) == (60, 60)
    assert rows.burning(now_ms) is None


# -------------------------------------------------------------------- watchdog
def test_silence_is_judged_by_what_should_have_come():
    busy, idle = Expected(600.0, 1.0, 1.0), Expected(2.0, 1.0, 1.0)
    now = NOW_MS + 10 * MINUTE_MS
    assert [one.what for one in listen(now, NOW_MS, busy, read_ms=now)] == ["transactions"]
    assert listen(now, NOW_MS, idle, read_ms=now) == []
    assert listen(now, NOW_MS, None, read_ms=now) == []
    assert listen(NOW_MS + 61 * MINUTE_MS, NOW_MS, None, read_ms=now)[0].since_ms == NOW_MS


def test_a_watch_that_is_behind_says_so_and_no_more():
    found = listen(NOW_MS + HOUR_MS, NOW_MS, None, read_ms=NOW_MS, facts_left=10)
    assert [one.what for one in found] == ["watcher"]


def test_a_gateway_that_was_not_seen_is_missed():
    found = listen(NOW_MS, NOW_MS, None, read_ms=NOW_MS, gateway_ms=NOW_MS - 3 * MINUTE_MS)
    assert [one.what for one in found] == ["gateway"]
    assert listen(NOW_MS, NOW_MS, None, read_ms=NOW_MS, gateway_ms=NOW_MS) == []


# -------------------------------------------------------------------- rates
def trade(rates, count, rate, seed=1, tid="t1", start=0):
    chance = random.Random(seed)
    for number in range(count):
        bad = Bad.TIMEOUT if chance.random() < rate else Bad.NONE
        rates.take(outcome(NOW_MS + (start + number) * 1_000, tid=tid, bad=bad))


def test_a_risen_rate_is_an_alarm_at_every_level_it_shows_in_and_its_end_is_seen():
    rates = Rates({"t1": Attributes(carrier="c1")})
    trade(rates, 6_000, 0.004)
    assert rates.alarms() == []
    trade(rates, 60, 0.5, start=6_000)
    found = {one.key[0]: one for one in rates.alarms() if one.bad is Bad.TIMEOUT}
    assert {Level.ALL, Level.CARRIER, Level.TERMINAL} <= set(found)
    one = found[Level.CARRIER]
    assert one.rate > 0.05
    assert one.expected < 0.01
    rates.watch(one.key, one.bad, one.rate, one.expected)
    assert not rates.over(one.key, one.bad)
    trade(rates, 400, 0.0, start=6_060)
    assert rates.over(one.key, one.bad)
    rates.forget(one.key, one.bad)
    assert rates.standing(one.key, one.bad).score == 0


def test_a_stream_under_an_alarm_does_not_take_the_fault_for_its_habit():
    rates = Rates({})
    trade(rates, 3_000, 0.004)
    before = rates.expected((Level.ALL, EVERYTHING), Bad.TIMEOUT)
    rates.watch((Level.ALL, EVERYTHING), Bad.TIMEOUT, 0.5, before)
    trade(rates, 2_000, 0.5, start=3_000)
    rates.forget((Level.ALL, EVERYTHING), Bad.TIMEOUT)
    assert rates.expected((Level.ALL, EVERYTHING), Bad.TIMEOUT) < 0.02


def test_a_terminal_cannot_claim_a_bad_rate_as_its_habit():
    rates = Rates({})
    for round_ in range(60):
        trade(rates, 100, 0.003, seed=round_, tid=f"good{round_ % 5}", start=round_ * 120)
        trade(rates, 20, 0.2, seed=round_, tid="bad", start=round_ * 120 + 100)
    usual = rates.expected((Level.ALL, EVERYTHING), Bad.TIMEOUT)
    assert (
        rates.expected((Level.TERMINAL, "bad"), Bad.TIMEOUT) <= 3.2 * usual
    )  # three times, and its own doubt
    assert (Level.TERMINAL, "bad") in {one.key for one in rates.alarms()}


def test_what_is_not_known_of_a_terminal_is_no_stream():
    rates = Rates({})
    trade(rates, 3, 0.0)
    levels = {key[0] for key in rates.streams}
    assert levels == {Level.ALL, Level.ISSUER, Level.MERCHANT, Level.TERMINAL}


def test_amounts_far_from_a_merchants_own_are_unusual():
    amounts, chance = Amounts(), random.Random(2)
    usual = [amounts.unusual("m", round(math.exp(chance.gauss(8, 0.6)))) for _ in range(3_000)]
    assert sum(usual) <= 3
    assert amounts.unusual("m", round(math.exp(8 + 6)))
    assert not amounts.unusual("other", 10**9)
    assert not amounts.unusual("m", 0)


# -------------------------------------------------------------------- fleet
def test_a_fleet_is_read_from_either_file(tmp_path):
    assert read_fleet(tmp_path) == {}
    (tmp_path / "fleet.csv").write_text("tid,carrier,shelf,site\n10000001,c1,x,s1\n", "utf-8")
    assert read_fleet(tmp_path) == {"10000001": Attributes(carrier="c1", site="s1")}
    (tmp_path / "fleet.toml").write_text('[terminals.10000002]\nmodel = "M1"\nversion = "3"\n', "utf-8")
    assert read_fleet(tmp_path) == {"10000002": Attributes(model="M1", version="3")}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("fleet.csv", "terminal,carrier\n", "no column tid"),
        ("fleet.csv", "tid,carrier\n1,a,b\n", "line 2"),
        ("fleet.csv", "tid,carrier\n1,a\n1,b\n", "second time"),
        ("fleet.toml", "terminals = 3\n", "each terminal is a table"),
        ("fleet.toml", '[terminals.1]\ncarier = "a"\n', "carier"),
        ("fleet.toml", "[terminals.1\n", "fleet.toml"),
    ],
)
def test_a_fleet_that_is_none_is_refused_with_its_place(tmp_path, name, text, what):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(TallyError, match=what):
        read_fleet(tmp_path)
