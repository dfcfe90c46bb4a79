"""Words for people: nothing that can happen lacks them, in either language."""

import re

import pytest

from storno.diagnosis.words import happened, title
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.record import Told, Trigger

EVERYTHING = [word for kind in (State, Input, Case, Trigger, Told) for word in kind]


@pytest.mark.parametrize("word", EVERYTHING, ids=str)
def test_every_word_has_a_title_in_both_languages(word):
    assert re.search(r"[a-z]{3}", title(word, "en"))
    assert re.search(r"[\u4e00-\u9fff]", title(word, "zh"))


@pytest.mark.parametrize("kind", [State, Input, Case, Trigger, Told])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_two_of_a_kind_say_the_same(kind, lang):
    assert len({title(word, lang) for word in kind}) == len(kind)


def test_an_opening_has_words_too():
    assert happened(None, "en") == "the terminal's request was taken in"
    assert happened(None, "zh") == "受理终端请求"
    assert happened(Input.UNDONE, "en") == title(Input.UNDONE, "en")
