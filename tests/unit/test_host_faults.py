"""Choosing a fault: by profile, script and magic amount; bad descriptions are refused in words."""

from pathlib import Path
from random import Random

import pytest

from storno.sim.cards import CARDS, luhn_digit, role_of
from storno.sim.faults import (
    Chance,
    Fault,
    FaultError,
    FaultKind,
    Incoming,
    Target,
    chances_of,
    draw,
    fault_of,
)
from storno.sim.magic import NUMBERED, magic_fault
from storno.sim.script import FaultPlan, rules_of
from storno.sim.table import table

SALE = Incoming(Target.REQUEST, "00000001", "898", "000001", "0200", "sale", 1000)


def test_a_profile_reads_probability_parameter_and_target():
    assert chances_of("answer_lost=0.05, late=0.02:3000,reversal.late=0.1:500,reversal_refused=0.3:91") == (
        Chance(0.05, Fault(FaultKind.ANSWER_LOST), Target.REQUEST),
        Chance(0.02, Fault(FaultKind.LATE, 3000), Target.REQUEST),
        Chance(0.1, Fault(FaultKind.LATE, 500), Target.REVERSAL),
        Chance(0.3, Fault(FaultKind.REVERSAL_REFUSED, code="91"), Target.REVERSAL),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense=0.1", "nonsense"),
        ("late", "NAME=PROBABILITY"),
        ("late=1.1", "from 0 to 1"),
        ("late=nan", "from 0 to 1"),
        ("late=x", "from 0 to 1"),
        ("late=0.1:abc", "not a number"),
        ("answer_lost=0.1:5", "no parameter"),
        ("decline=0.1:555", "response code"),
        ("answer_lost=0.6,late=0.6", "more than 1"),
        ("moon.late=0.1", "no target"),
        ("network.reversal_lost=0.1", "for reversals"),
    ],
)
def test_a_bad_profile_is_refused_in_both_languages(text, says):
    with pytest.raises(FaultError, match=says) as caught:
        chances_of(text)
    assert caught.value.say("zh") != caught.value.say("en")


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_can_be_written_and_has_words_in_both_languages(kind):
    assert fault_of(str(fault_of(kind.value))) == fault_of(kind.value)
    assert kind.title("zh") != kind.title("en")


def test_chance_hits_as_often_as_it_says_and_only_its_target():
    chances = chances_of("answer_lost=0.25,late=0.25")
    rng = Random(1)
    drawn = [draw(chances, Target.REQUEST, rng) for _ in range(4000)]
    assert 900 < sum(one == Fault(FaultKind.ANSWER_LOST) for one in drawn) < 1100
    assert 1850 < drawn.count(None) < 2150
    assert {draw(chances, Target.REVERSAL, rng) for _ in range(200)} == {None}


@pytest.mark.parametrize(
    ("amount", "kind", "expected"),
    [
        (9101, "sale", "request_lost"),
        (129102, "sale", "answer_lost"),
        (9103, "preauth", "late:3000"),
        (9102, "void", None),
        (9202, "void", "answer_lost"),
        (9202, "sale", None),
        (9216, "void", None),
        (9301, "sale", "answer_lost"),
        (9551, "sale", "decline:51"),
        (9500, "sale", None),
        (9696, "sale", "doubtful:96"),
        (9798, "sale", "doubtful_posted:98"),
        (9751, "sale", None),
        (9199, "sale", None),
        (1000, "sale", None),
    ],
)
def test_magic_amounts_on_requests(amount, kind, expected):
    chosen = magic_fault(Incoming(Target.REQUEST, kind=kind, amount_minor=amount))
    assert (None if chosen is None else str(chosen)) == expected


def test_magic_amounts_on_reversals():
    def chosen(amount, seen):
        fault = magic_fault(Incoming(Target.REVERSAL, kind="sale", amount_minor=amount, seen=seen))
        return None if fault is None else str(fault)

    assert [chosen(9302, 1), chosen(9302, 2)] == ["answer_lost", None]
    assert [chosen(9496, 1), chosen(9496, 7)] == ["reversal_refused:96"] * 2
    assert [chosen(9102, 1), chosen(9202, 1), chosen(9316, 1)] == [None] * 3
    assert magic_fault(Incoming(Target.NETWORK, amount_minor=9101)) is None


def test_a_script_fires_on_the_messages_it_names():
    plan = FaultPlan(
        rules_of(
            """
            [[fault]]
            do = "answer_lost"
            tid = "00000001"
            nth = 2
            [[fault]]
            do = "decline:51"
            amount_minor = 777
            times = 2
            [[fault]]
            do = "reversal_answer_lost"
            stan = "000001"
            """
        )
    )
    rng = Random(0)
    assert [plan.choose(SALE, rng) for _ in range(3)] == [None, Fault(FaultKind.ANSWER_LOST), None]
    other = Incoming(Target.REQUEST, "00000002", "898", "000009", "0200", "sale", 777)
    assert [str(plan.choose(other, rng)) for _ in range(3)] == ["decline:51", "decline:51", "None"]
    undo = Incoming(Target.REVERSAL, "00000001", "898", "000001", "0400", "sale", 1000)
    assert [str(plan.choose(undo, rng)) for _ in range(2)] == ["reversal_answer_lost"] * 2


def test_script_comes_before_magic_and_magic_before_chance():
    magic = Incoming(Target.REQUEST, "00000001", "898", "000001", "0200", "sale", 9101)
    rules = rules_of('[[fault]]\ndo = "late:7"\nstan = "000001"\nnth = 1')
    plan = FaultPlan(rules, magic=True, chances=chances_of("bad_mac=1"))
    rng = Random(0)
    assert [str(plan.choose(magic, rng)) for _ in range(2)] == ["late:7", "request_lost"]
    assert str(plan.choose(SALE, rng)) == "bad_mac"
    assert FaultPlan(magic=False).choose(magic, rng) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("=", "TOML"),
        ('[other]\na = "b"', "fault"),
        ('[[fault]]\ntid = "1"', "rule 1.*do"),
        ('[[fault]]\ndo = "late"\nwhen = 3', "rule 1.*when"),
        ('[[fault]]\ndo = "late"\nnth = 0', "rule 1.*nth"),
        ('[[fault]]\ndo = "late"\nstan = 1', "rule 1.*stan"),
        ('[[fault]]\ndo = "late"\n[[fault]]\ndo = "boom"', "rule 2.*boom"),
        ('[[fault]]\ndo = "late"\nkind = "gift"', "rule 1.*gift"),
        ('[[fault]]\ndo = "late"\non = "moon"', "rule 1.*moon"),
        ('[[fault]]\ndo = "reversal_lost"\non = "request"', "rule 1.*reversals"),
    ],
)
def test_a_bad_script_is_refused_with_the_rule(text, says):
    with pytest.raises(FaultError, match=says):
        rules_of(text)


def test_test_cards_are_unionpay_format_and_valid():
    assert len(CARDS) == len({card.pan for card in CARDS}) == 12
    for card in CARDS:
        assert card.pan.startswith("620000")
        assert 16 <= len(card.pan) <= 19
        assert luhn_digit(card.pan[:-1]) == card.pan[-1]
        assert role_of(card.pan) is card.role
        assert card.pan not in repr(card)
    assert luhn_digit("7992739871") == "3"


def test_the_printed_table_names_every_fault_and_number():
    for lang in ("en", "zh"):
        text = "\n".join(table(lang))
        assert all(f"`{kind.value}`" in text for kind in FaultKind)
        assert all(f"| {number:02d} |" in text for number, _ in NUMBERED)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_documentation_carries_the_printed_tables(lang):
    page = (Path(__file__).parents[2] / "docs" / "host-simulator.md").read_text("utf-8")
    assert "\n".join(table(lang)) in page
