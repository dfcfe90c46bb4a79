"""Every rule on its own example and counter-example, through the whole plan: each with terminals of its own."""

from collections import defaultdict

import pytest

from recon_kit import proved, run
from storno.recon.finding import RULE_NAMES, Leg
from storno.recon.rules import EXAMPLES, RULES
from storno.recon.steps.pairs import WAITS

pytestmark = pytest.mark.unit
SIDES = ("books", "terminal", "network", "bank")


def moved(row, place):
    """Give the row with keys of its own, so that many small days fit into one run."""
    out = dict(row)
    for name, at in (("tid", 0), ("mid", 0), ("rrn", 0), ("auth_code", 0)):
        if out.get(name):
            out[name] = f"{place:03d}{out[name][at + 3 :]}"
    for name in ("tx_id", "original"):
        if out.get(name, "").startswith("1-"):
            out[name] = f"{place}{out[name][1:]}"
    return out


def judge(which):
    rows = {side: [] for side in SIDES}
    for place, name in enumerate(RULE_NAMES):
        for side in SIDES:
            rows[side] += [moved(row, place) for row in getattr(EXAMPLES[name][which], side)]
    result = run(**rows)
    assert proved(result)
    by_place = defaultdict(list)
    for one in result.findings():
        by_place[RULE_NAMES[int(one.mid[:3])]].append((one.rule, one.amount_minor))
    return by_place


@pytest.fixture(scope="module")
def examples():
    return judge(0)


@pytest.fixture(scope="module")
def counter_examples():
    return judge(1)


MONEY = {
    "reversed_twice": -10_000, "void_of_reversed": -10_000, "reversal_refused": 10_000, "reversal_exhausted": 10_000,
    "reversal_unanswered": 10_000, "duplicate_settlement": 10_000, "settled_but_reversed": 10_000,
    "partial_settled_in_full": 4_000, "wrong_merchant": 10_000, "wrong_terminal": 0, "amount_mismatch": -100,
    "fee_mismatch": -30, "date_shift": 0, "approved_not_settled": -10_000, "booked_not_settled": -10_000,
    "refund_without_sale": -10_000, "settled_not_booked": 10_000, "terminal_says_otherwise": 10_000,
    "terminal_not_booked": -10_000, "booked_not_on_terminal": 10_000, "deposit_short": -1_000, "deposit_over": 100,
}  # fmt: skip


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_finds_its_example_and_only_that_with_its_money(examples, name):
    assert sorted(examples[name]) == sorted([(name, MONEY[name]), *EXAMPLES[name][0].finds])


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_leaves_its_counter_example_alone(counter_examples, name):
    assert counter_examples[name] == []


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_speaks_both_languages(name):
    rule = RULES[name]
    said = [rule.title, *(rule.weak.how_sure for _ in "x" if rule.weak)]
    for words in (rule.words(-1, ""), rule.words(1, ""), *(rule.weak.words for _ in "x" if rule.weak)):
        said += [words.what, words.next_step, words.not_do]
    for english, chinese in said:
        assert english
        assert any("\u4e00" <= one <= "\u9fff" for one in chinese)


@pytest.mark.parametrize(("language", "claims"), [(0, ("claim", "demand")), (1, ("要求退还", "索赔"))])
def test_a_fee_is_claimed_only_where_the_agreed_rate_says_that_too_much_was_taken(language, claims):
    rule = RULES["fee_mismatch"]
    much, little = rule.words(-30, "rrn"), rule.words(30, "rrn")
    assert any(one in much.next_step[language] for one in claims)
    for words in (little, rule.words(-30, "rrn (rate_learned)"), rule.words(30, "rrn (rate_learned)")):
        assert not any(one in words.next_step[language] for one in claims)
    assert "--fees" in rule.words(30, "rrn (rate_learned)").next_step[language]
    assert ("learned", "推断")[language] in rule.words(30, "rrn (rate_learned)").what[language]


def test_rules_of_a_leg_have_their_own_places():
    for leg in Leg:
        places = [one.order for one in RULES.values() if one.leg is leg]
        assert len(places) == len(set(places))


def test_only_what_may_be_late_waits():
    assert set(RULE_NAMES) >= WAITS
    assert not WAITS & {"settled_but_reversed", "reversal_unanswered", "amount_mismatch"}
