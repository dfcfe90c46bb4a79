"""How wide texts stand on a terminal, and where they break."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storno.cli.width import cells, pad, wrap

TEXT = st.text(st.sampled_from("ab 金额，。（）冲正-/1"), max_size=120)


def test_a_chinese_character_takes_two_columns():
    assert cells("冲正ab") == 6
    assert pad("冲正", 6) == "冲正  "
    assert pad("冲正ab", 2) == "冲正ab"


def test_english_breaks_at_blanks_and_hangs():
    assert wrap("do: treat it as not paid", 12, "    ") == ["do: treat it", "    as not", "    paid"]


def test_chinese_breaks_between_characters_but_not_before_a_comma():
    assert wrap("冲正成功，请重试", 8) == ["冲正成", "功，请重", "试"]


def test_a_number_stays_with_its_name():
    assert wrap("请求丢失\N{NO-BREAK SPACE}9；已冲正", 10) == ["请求丢", "失\N{NO-BREAK SPACE}9；已冲", "正"]


def test_what_cannot_break_sticks_out_whole():
    assert wrap("see /a/long/path now", 8) == ["see", "/a/long/path", "now"]


@given(TEXT, st.integers(4, 40))
def test_no_character_is_lost_and_lines_fit_where_they_can(text, columns):
    lines = wrap(text, columns)
    assert "".join("".join(lines).split()) == "".join(text.split())
    # A line that is too wide holds nothing a break was allowed in: wrapping it once more changes nothing.
    assert all(wrap(line, columns) == [line] for line in lines if cells(line) > columns and line[:1] != " ")
