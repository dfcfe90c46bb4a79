"""Working days, severity and due days of exceptions."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.recon.ageing import (
    Calendar,
    CalendarError,
    ExceptionOptions,
    Severity,
    age,
    by_age,
    by_money,
    local_day,
    read_calendar,
)

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "holidays-cn-2026.toml"
PLAIN, CHINA = Calendar(), read_calendar(EXAMPLE)
OPTIONS = ExceptionOptions()
MONDAY = date(2026, 11, 23)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("calendar", "since", "today", "wanted"),
    [
        (PLAIN, MONDAY, MONDAY, 0),
        (PLAIN, date(2026, 11, 20), MONDAY, 1),  # from Friday to Monday
        (PLAIN, date(2026, 11, 21), MONDAY, 1),
        (PLAIN, MONDAY, date(2026, 11, 20), 0),
        (CHINA, date(2026, 9, 30), date(2026, 10, 8), 1),  # a week of holidays
        (PLAIN, date(2026, 9, 30), date(2026, 10, 8), 6),
        (CHINA, date(2026, 10, 9), date(2026, 10, 10), 1),  # a Saturday on which people work
    ],
)
def test_an_age_counts_working_days(calendar, since, today, wanted):
    assert calendar.age_days(since, today) == wanted


@given(days, st.integers(0, 40))
def test_so_many_working_days_later_so_many_have_passed(since, count):
    for calendar in (PLAIN, CHINA):
        due = calendar.after(since, count)
        assert calendar.age_days(since, due) == count
        assert count == 0 or calendar.works(due)


@pytest.mark.parametrize(
    ("minor", "severity"),
    [
        (0, "low"), (99_999, "low"), (100_000, "medium"), (-100_000, "medium"), (999_999, "medium"),
        (1_000_000, "high"), (9_999_999, "high"), (10_000_000, "critical"), (-(10**9), "critical"),
    ],
)  # fmt: skip
def test_money_makes_severe(minor, severity):
    assert by_money(OPTIONS, minor) is Severity(severity)


def test_age_makes_severe():
    assert [by_age(OPTIONS, n).value for n in range(7)] == [
        "low", "medium", "medium", "high", "high", "critical", "critical",
    ]  # fmt: skip


def test_the_worse_of_money_and_age_counts_and_money_sets_the_due_day():
    one = age(OPTIONS, PLAIN, 5_00, date(2026, 11, 16), MONDAY)
    assert (one.days, one.severity, one.due, one.overdue) == (5, Severity.CRITICAL, date(2026, 11, 25), False)
    large = age(OPTIONS, PLAIN, -20_000_000, date(2026, 11, 20), MONDAY)
    assert (large.severity, large.due, large.overdue) == (Severity.CRITICAL, MONDAY, False)
    late = age(OPTIONS, PLAIN, -20_000_000, date(2026, 11, 20), MONDAY + timedelta(1))
    assert late.overdue
    ruled = age(OPTIONS, PLAIN, 5_00, MONDAY, MONDAY, rule_days=2)
    assert ruled.due == date(2026, 11, 25)


def test_bounds_are_parameters():
    options = ExceptionOptions(critical_minor=10, critical_due_days=0)
    one = age(options, PLAIN, 10, MONDAY, MONDAY + timedelta(1))
    assert (one.severity, one.due, one.overdue) == (Severity.CRITICAL, MONDAY, True)


def test_a_day_is_the_books_day():
    just_before = 1_795_363_199_999  # 23:59:59.999 in Shanghai
    assert (local_day(just_before, 480), local_day(just_before + 1, 480)) == (
        date(2026, 11, 22), date(2026, 11, 23),
    )  # fmt: skip
    assert local_day(just_before, 0) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("holidays = 5", "holidays"),
        ("holidays = ['2026-10-01']", "2026-10-01"),
        ("workdays = [2026-10-01T00:00:00]", "workdays"),
        ("weekend = ['sabbath']", "weekend"),
        ("weekend = ['monday','tuesday','wednesday','thursday','friday','saturday','sunday']", "weekend"),
        ("feast = []", "feast"),
        ("[", "TOML"),
    ],
)
def test_a_calendar_that_cannot_be_used_is_refused(tmp_path, text, said):
    path = tmp_path / "days.toml"
    path.write_text(text)
    with pytest.raises(CalendarError, match=said) as refused:
        read_calendar(path)
    assert refused.value.chinese
    with pytest.raises(CalendarError, match="cannot be read"):
        read_calendar(tmp_path / "none.toml")


def test_another_weekend(tmp_path):
    path = tmp_path / "days.toml"
    path.write_text('weekend = ["friday", "saturday"]\n')
    calendar = read_calendar(path)
    assert not calendar.works(date(2026, 11, 27))
    assert calendar.works(date(2026, 11, 29))
