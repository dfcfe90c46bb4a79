"""The tables of codes: all there, held against second sources, and every trap of copied tables closed."""

import json
import tomllib
from importlib.resources import files

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.diagnosis import codes
from storno.diagnosis.codebook import OverrideError, codebook, read_overrides
from storno.diagnosis.codes import Effect, Outcome, Retry
from storno.diagnosis.decide import decide
from storno.diagnosis.signals import Signals

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


LISTED = (
    "00 01 02 03 04 05 06 07 09 10 11 12 13 14 15 16 17 19 20 21 22 23 25 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44"
    " 45 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 73 75 77 79 90 91 92 93 94 95 96 97 98 99"
    " A0 A1 A2 A3 A4 A5 A6 A7"
)

# A second source, written down on its own: the action list of ISO 8583:1987 as public codecs carry it (S4), and what
# the Visa categories call final (S6). a approved, d declined, p pick the card up.
ISO_1987 = {
    "00": "a", "01": "d", "02": "d", "03": "d", "04": "p", "05": "d", "06": "d", "07": "p", "10": "a", "11": "a",
    "12": "d", "13": "d", "14": "d", "15": "d", "19": "d", "21": "d", "23": "d", "25": "d", "30": "d", "31": "d",
    "33": "p", "34": "p", "35": "p", "36": "p", "37": "p", "38": "p", "39": "d", "40": "d", "41": "p", "42": "d",
    "43": "p", "44": "d", "51": "d", "52": "d", "53": "d", "54": "d", "55": "d", "56": "d", "57": "d", "58": "d",
    "59": "d", "60": "d", "61": "d", "62": "d", "63": "d", "64": "d", "65": "d", "66": "d", "67": "p", "75": "d",
    "90": "d", "92": "d", "93": "d", "95": "d",
}  # fmt: skip
VISA_NEVER_AGAIN = ["04", "07", "12", "14", "15", "41", "43", "57"]
KEYWORDS = {  # what each of two tables calls it: this word has to be in ours, in either language
    "03": ("商户", "shop"), "04": ("没收", "kept"), "13": ("金额", "amount"), "14": ("卡号", "card number"),
    "30": ("格式", "format"), "33": ("过期", "expired"), "38": ("密码", "PIN"), "41": ("挂失", "lost"),
    "43": ("被窃", "stolen"), "51": ("余额", "money"), "54": ("过期", "expired"), "55": ("密码", "PIN"),
    "61": ("金额", "amount"), "68": ("超时", "late"), "75": ("密码", "PIN"), "91": ("发卡行", "bank"),
    "94": ("重复", "duplicate"), "96": ("系统", "system"), "A0": ("MAC", "MAC"),
}  # fmt: skip


def test_all_79_codes_are_there_with_words_class_and_derived_columns():
    found = {one.code: one for one in codes.response_codes()}
    assert sorted(found) == sorted(LISTED.split(" "))
    for one in found.values():
        assert one.operator_class in set("ABCDE"), one.code
        assert one.derived is not None, one.code
        assert one.sources
        assert one.origin == "base"


def test_the_table_agrees_with_the_second_source():
    for code, kind in ISO_1987.items():
        ours = codes.response(code)
        assert (ours.outcome is Outcome.APPROVED) == (kind == "a"), code
        assert (ours.operator_class == "A") == (kind == "a"), code
    for code in VISA_NEVER_AGAIN:
        assert codes.response(code).visa == 1
        assert codes.response(code).outcome is Outcome.DECLINED


@pytest.mark.parametrize("code", KEYWORDS)
def test_the_words_are_of_this_row_and_not_of_its_neighbour(code):
    chinese, english = KEYWORDS[code]
    assert chinese in codes.response(code).chinese
    assert english in codes.response(code).english


def test_derived_columns_agree_with_the_outcome():
    for one in codes.response_codes():
        effect = one.derived.effect
        if one.outcome is Outcome.APPROVED:
            assert effect in (Effect.APPROVED, Effect.APPROVED_PARTIAL, Effect.APPROVED_UNCONFIRMED), one.code
            assert one.derived.retry is Retry.NONE
            assert not one.derived.technical
        if one.derived.retry is Retry.QUERY_FIRST and one.outcome is Outcome.DECLINED:
            assert one.code == "25"


def test_a_business_refusal_is_never_a_technical_decline():
    for code in ["51", "61", "65", "57", "62", "05", "01", "41", "43", "54", "55", "75"]:
        assert not codes.response(code).derived.technical
    for code in ["91", "92", "96", "98", "68", "A0", "99", "30", "97"]:
        assert codes.response(code).derived.technical


# ------------------------------------------------------------------ traps


@pytest.mark.parametrize(
    ("code", "older", "newer"),
    [("05", "honoured", "verified"), ("12", "invalid transaction", "original"), ("21", "nothing was done", "activated"),
     ("59", "fraud", "security code")],
)  # fmt: skip
def test_codes_that_changed_their_meaning_are_read_by_edition(code, older, newer):
    assert older in codebook("older").find(code).english
    assert newer in codebook("newer").find(code).english
    assert codebook("older").find(code).chinese != codebook("newer").find(code).chinese
    assert codebook().find(code).origin == "base"


def test_editions_differ_in_these_four_codes_only():
    older, newer = codebook("older").codes, codebook("newer").codes
    assert {code for code in older if older[code] != newer[code]} == {"05", "12", "21", "59"}


def test_a_shifted_table_is_refused_row_by_row():
    shifted = '[vendor.codes.03]\nchinese = "没收卡"\n[vendor.codes.04]\nchinese = "交易成功"\noutcome = "approved"\n'
    with pytest.raises(OverrideError, match=r"words of 04.*shifted"):
        read_overrides(shifted)
    with pytest.raises(OverrideError, match="words of 00"):
        read_overrides('[vendor.codes.04]\nchinese = "交易成功"\n')


def test_a_refusal_does_not_become_an_approval_unnoticed():
    text = '[acme.codes.25]\noutcome = "approved"\n'
    with pytest.raises(OverrideError, match="decides about money"):
        read_overrides(text)
    made = read_overrides(text + "reviewed = true\n").acquirers["acme"].codes["25"]
    assert made.outcome is Outcome.APPROVED
    assert made.origin == "own:acme"


def test_a1_to_a5_belong_to_whoever_sent_them():
    for code in ("A2", "A4", "A5"):
        assert codebook().find(code).outcome is Outcome.APPROVED
        assert codebook(acquirer="ums").find(code).outcome is Outcome.DECLINED
    assert codebook().find("A6") == codebook(acquirer="ums").find("A6")
    assert "nothing was sent" in codebook(acquirer="ums").find("A1").english


def test_25_hides_four_reasons_and_00_may_mean_nothing_to_undo():
    assert len(codes.answer_fact("25").may_mean_en) == len(codes.answer_fact("25").may_mean_zh) == 4
    assert codes.answer_fact("25").then == "reconcile"
    assert any("nothing to undo" in text for text in codes.answer_fact("00").may_mean_en)
    data = tomllib.loads(files("storno.diagnosis").joinpath("data/response_codes.toml").read_text("utf-8"))
    assert not any(codes.answer_fact(code).proves_undone for code in data["answer_facts"])


def test_an_answer_a_reason_and_an_answer_to_a_reversal_are_three_tables():
    assert codes.reason_fact("98").money == "unknown"
    assert codes.reason_fact("96").money == "approved"
    assert codes.reason_fact("A0").money == "untrusted"
    assert codes.response("98").outcome is Outcome.DOUBTFUL
    assert codes.answer_fact("98").then == "repeat"
    assert codes.answer_fact("A0").then == "sign_in"
    assert codes.answer_fact("64").then == "manual"


def test_the_worst_money_cases_are_never_called_settled():
    for code in ("98", "68", "09", "96", "94"):
        assert codes.response(code).outcome is Outcome.DOUBTFUL
        assert codes.response(code).derived.retry is Retry.QUERY_FIRST
    for code in ("A2", "A4", "A5", "A6"):
        assert codes.response(code).derived.effect is Effect.APPROVED_UNCONFIRMED


# ------------------------------------------------------------------ an acquirer's own file


def test_an_override_changes_columns_and_keeps_the_rest():
    text = """
default = "acme"
[acme]
edition = "newer"
[acme.codes.91]
advice = "later"
suspects = ["issuer"]
source = "acme manual 4.2"
[acme.codes.Z9]
english = "voucher used"
chinese = "券已使用"
outcome = "declined"
"""
    book = codebook(overrides=read_overrides(text))
    assert book.acquirer == "acme"
    assert book.edition == "newer"
    found = book.find("91")
    assert found.english == codes.response("91").english
    assert found.advice_en == codes.advices()["later"][0]
    assert found.derived.suspects == ("issuer",)
    assert found.sources == ("acme manual 4.2",)
    assert book.meaning("Z9", "zh") == "Z9（券已使用）"
    assert "security code" in book.find("59").english
    assert codebook().find("Z9") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[acme", "not TOML"),
        ("acme = 1", "should be a table"),
        ("[acme]\ncolour = 1", "known: edition"),
        ('[acme]\nedition = "oldest"', "none of older, newer"),
        ('[acme]\nbased_on = "nobody"', "none of ums"),
        ("[acme]\ncodes = 3", "should be a table"),
        ('[acme.codes.999]\nenglish = "x"', "two characters"),
        ("[acme.codes.05]\nenglish = 5", "should be text"),
        ('[acme.codes.05]\ntechnical = "yes"', "true or false"),
        ('[acme.codes.05]\nsuspects = "issuer"', "list of texts"),
        ('[acme.codes.05]\nmeaning = "x"', "not known"),
        ('[acme.codes.05]\nretry = "often"', "none of"),
        ('[acme.codes.05]\nmoney = "gone"', "none of"),
        ('[acme.codes.05]\nadvice = "pray"', "none of"),
        ('[acme.codes.05]\noutcome = "maybe"', "none of"),
        ('[acme.codes.Z1]\nenglish = "x"', "needs chinese, outcome"),
        ('default = "other"\n[acme]\nedition = "newer"', "no table"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(text, said):
    with pytest.raises(OverrideError, match=said) as refused:
        read_overrides(text, "codes.toml")
    assert refused.value.where.startswith("codes.toml")
    assert any("\u4e00" <= one <= "\u9fff" for one in refused.value.chinese)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(OverrideError, match="known: ums"):
        codebook(acquirer="nobody")
    with pytest.raises(OverrideError, match="known: older, newer"):
        codebook("newest")


def test_an_acquirers_own_code_reaches_the_decision():
    book = codebook(overrides=read_overrides(
        'default = "a"\n[a.codes.Z9]\nenglish = "limit"\nchinese = "限额"\noutcome = "declined"\nnature = "business"\n'
    ))  # fmt: skip
    assert decide(Signals(response="Z9", reason=""), book=book).cause == "business_decline"
    assert decide(Signals(response="Z9", reason="")) is None


# ------------------------------------------------------------------ the command


def test_codes_command_tells_all_three_tables(storno_home, capsys):
    assert run(["codes", "98", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    for words in (
        "As an answer",
        "As the reason of a reversal",
        "As the answer to a reversal",
        "only clearing proves",
    ):
        assert words in said
    assert run(["codes", "98", "--lang", "zh"]) == 0
    assert "作为冲正原因" in capsys.readouterr().out
    assert run(["codes", "L01", "--lang", "en"]) == 0
    assert "the line failed" in capsys.readouterr().out
    assert run(["codes", "--json", "--lang", "en"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 79
    assert run(["codes", "QQ", "--lang", "en"]) == 1


def test_codes_command_reads_the_home_folders_file(storno_home, capsys):
    storno_home.mkdir()
    path = storno_home / "codes.toml"
    path.write_text('[acme.codes.91]\nenglish = "our bank sleeps"\n', encoding="utf-8")
    assert run(["codes", "91", "--acquirer", "acme", "--lang", "en"]) == 0
    assert "our bank sleeps" in capsys.readouterr().out
    path.write_text("[acme.codes.91]\ncolour = 1\n", encoding="utf-8")
    assert run(["codes", "91", "--lang", "en"]) == 2
    assert "codes.toml [acme] codes.91.colour" in capsys.readouterr().err
