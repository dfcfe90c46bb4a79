"""Message types: answers, repeats and words."""

import pytest

from storno.iso8583 import mti


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("0200", "0210"),
        ("0400", "0410"),
        ("0401", "0410"),
        ("0420", "0430"),
        ("0421", "0430"),
        ("0422", "0432"),
        ("0800", "0810"),
    ],
)
def test_the_answer(asked, answer):
    assert mti.response(asked) == answer
    assert mti.is_request(asked)
    assert mti.is_response(answer)


@pytest.mark.parametrize("wrong", ["0210", "0430", "02", "02A0", ""])
def test_what_is_not_answered(wrong):
    with pytest.raises(ValueError, match="no answer"):
        mti.response(wrong)


def test_a_repeat_keeps_its_origin():
    assert [mti.repeat(one) for one in ("0400", "0401", "0420", "0422")] == ["0401", "0401", "0421", "0423"]
    assert [mti.first(one) for one in ("0401", "0423", "0400")] == ["0400", "0422", "0400"]
    assert mti.is_repeat("0421")
    assert not mti.is_repeat("0420")


def test_class_function_and_words():
    assert (mti.klass("0420"), mti.function("0420")) == ("4", "2")
    assert mti.is_reversal("0410")
    assert not mti.is_reversal("0210")
    assert mti.title("0421") == "reversal advice (repeat)"
    assert mti.title("0400", "zh") == "冲正请求"
    assert mti.title("9Z00") == "unknown type"
