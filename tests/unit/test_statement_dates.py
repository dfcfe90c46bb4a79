"""How days and times of tables are told: which format a column has, and what its values say by it."""

import pytest

from storno.statements import cells, guess


@pytest.mark.parametrize(
    ("written", "day", "at"),
    [
        ("8/31/2026 1:05 PM", "20260831", "20260831130500"),
        ("8/31/2026 12:05:09\u202fAM", "20260831", "20260831000509"),
        ("31/08/2026, 12:05 pm", "20260831", "20260831120500"),
        ("2026-08-31 1:05 p.m.", "20260831", "20260831130500"),
        ("Aug 31, 2026, 11:05:09 AM", "20260831", "20260831110509"),
        ("31 Aug 2026 23:05", "20260831", "20260831230500"),
        ("Aug 31, 2026", "20260831", ""),
        ("August 31, 2026", "20260831", ""),
        ("2026-Aug-31", "20260831", ""),
        ("31/Aug/2026", "20260831", ""),
        ("2026-08-31 23:05:00 UTC", "20260831", "20260901070500"),
        ("2026-08-31 23:05 GMT", "20260831", "20260901070500"),
    ],
)
def test_days_with_a_named_month_and_times_before_and_after_noon(written, day, at):
    found = guess.when([written, written])
    assert found.what == ("at" if at else "date")
    assert cells.day(written, found.formats) == day
    if at:
        assert cells.moment(written, found.formats, 0, 480) == at


@pytest.mark.parametrize(
    ("written", "at"),
    [("12:05 AM", "000500"), ("12:05 PM", "120500"), ("1:05:09pm", "130509"), ("1:05 a.m.", "010500")],
)
def test_a_time_before_or_after_noon_in_its_own_column(written, at):
    assert guess.when([written]).what == "time"
    assert cells.moment_of("20260831", written, 480) == "20260831" + at


@pytest.mark.parametrize("written", ["13:05 PM", "0:05 AM", "1:65 PM"])
def test_no_hour_is_past_the_twelfth_before_or_after_noon(written):
    with pytest.raises(cells.CellError) as failed:
        cells.moment_of("20260831", written, 480)
    assert failed.value.code == "date"
    with pytest.raises(cells.CellError):
        cells.moment(f"8/31/2026 {written}", ("MM/DD/YYYY hh:mm AM",), 0, 480)
    assert guess.when([f"8/31/2026 {written}"]).what == ""
