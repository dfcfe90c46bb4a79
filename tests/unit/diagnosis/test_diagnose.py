"""Why it happened: rules, signals, many at once; and where the money is, for every combination of outcomes."""

from dataclasses import replace
from itertools import combinations
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.diagnosis import counsel, knowledge
from storno.diagnosis.codes import response_codes
from storno.diagnosis.decide import decide
from storno.diagnosis.fleet import Slice, Tally, common_cause, excess
from storno.diagnosis.knowledge import Part, causes
from storno.diagnosis.lattice import AFTERWARDS, Clearing, Money, diagnoses, diagnosis, name_of, points
from storno.diagnosis.noisy_or import Model, evidence, turns, weigh
from storno.diagnosis.signals import SYMPTOMS, Around, Signals, Software, mistyped, symptoms
from storno.diagnosis.verdict import SETTLED, Basis, diagnose, figures, nothing_wrong, shared
from storno.sim.days.causes import CAUSES

pytestmark = pytest.mark.unit

MISSION = (
    "wrong_card_data", "wrong_pin", "card_unreadable", "card_expired", "unstable_network", "wrong_network_settings",
    "terminal_fault", "ageing_hardware", "host_failure", "issuer_failure", "keys_out_of_step", "wrong_amount",
    "unofficial_software", "old_software", "operator_mistake", "business_decline",
)  # fmt: skip
ME = Signals(tx_id="me", at_ms=1_000_000, tid="t1", site="m1", issuer="A", carrier="c1", version="1", card="k1",
             amount_minor=12_300, response="", reason="98")  # fmt: skip


def chinese(text):
    return any("\u4e00" <= one <= "\u9fff" for one in text)


# ------------------------------------------------------------------ knowledge


def test_every_cause_of_the_mission_has_words_and_six_parts_in_both_languages():
    known = causes()
    assert set(MISSION) <= set(known)
    assert set(CAUSES) - {""} <= set(known)
    for one in known.values():
        assert set(one.advice) == set(Part)
        for text in (one.title, *one.advice.values()):
            assert text.english
            assert chinese(text.chinese)
            assert not chinese(text.english)
        assert one.speaks_for
        assert one.speaks_against
        assert one.sources


def test_every_symptom_has_words_for_present_and_absent():
    assert set(knowledge.symptom_names()) == set(SYMPTOMS)
    for name in SYMPTOMS:
        assert knowledge.symptom(name, "en", present=True) != knowledge.symptom(name, "en", present=False)
        assert chinese(knowledge.symptom(name, "zh", present=False))


def test_conditions_and_entry_modes_are_complete():
    assert sorted(knowledge.conditions()) == [f"L0{n}" for n in range(1, 10)]
    assert " ".join(sorted(knowledge.entry_modes())) == "01 02 03 04 05 07 79 80 90 91 95 96 98"
    assert knowledge.entry_mode("051", "en") == "chip, with PIN"
    assert "no words" in knowledge.entry_mode("661", "en")
    assert knowledge.condition_title("L77", "zh") == "L77（未收录）"


# ------------------------------------------------------------------ (a) the decision list


def test_a_business_decline_is_never_technical_whatever_the_signals():
    for one in response_codes():
        if one.derived.nature in ("business", "fraud_block") and one.code != "56":
            loud = replace(
                ME, response=one.code, reason="", rssi_dbm=-110, link_errors=9, restarts=3, read_errors=4
            )
            verdict = diagnose(loud)
            assert verdict.cause == "business_decline", one.code
            assert verdict.basis is Basis.RULE
            assert not loud.failed


@pytest.mark.parametrize(
    ("response", "cause"),
    [("55", "wrong_pin"), ("75", "wrong_pin"), ("54", "card_expired"), ("33", "card_expired"),
     ("14", "wrong_card_data"), ("13", "wrong_amount"), ("64", "wrong_amount"),
     ("97", "acquirer_setup"), ("03", "acquirer_setup")],
)  # fmt: skip
def test_codes_that_settle_the_cause(response, cause):
    assert decide(replace(ME, response=response, reason="")).cause == cause


@pytest.mark.parametrize(("response", "among"), [("55", "keys_out_of_step"), ("14", "ageing_hardware")])
def test_the_same_refusal_for_many_cards_is_the_terminals(response, among):
    others = tuple(replace(ME, tx_id=f"o{n}", card=f"c{n}", response=response, reason="") for n in range(5))
    found = decide(replace(ME, response=response, reason=""), Around(terminal=others))
    assert not found.cause
    assert among in found.among


@pytest.mark.parametrize(
    ("reason", "left_out"), [("98", "business_decline"), ("96", "issuer_failure"), ("A0", "host_failure"),
                             ("06", "issuer_failure"), ("4021", "business_decline"), ("4007", "host_failure")],
)  # fmt: skip
def test_a_reversals_reason_leaves_only_some_causes(reason, left_out):
    found = decide(replace(ME, reason=reason))
    assert not found.cause
    assert found.among
    assert left_out not in found.among
    assert found.among <= set(causes())


# ------------------------------------------------------------------ (b) signals


def test_missing_signals_are_left_out_and_absent_ones_are_not():
    assert "weak_signal" not in symptoms(ME)
    assert symptoms(replace(ME, rssi_dbm=-70))["weak_signal"] is False
    assert symptoms(replace(ME, rssi_dbm=-110))["weak_signal"] is True
    assert symptoms(replace(ME, software=Software.OLD))["old_version"] is True
    assert set(symptoms(replace(ME, local="L07"))) <= set(SYMPTOMS)


@pytest.mark.parametrize(
    ("first", "second", "slip"),
    [(12_300, 1_230, True), (12_300, 123, True), (12_300, 13_200, True), (12_300, 12_300, False),
     (12_300, 12_400, False), (12_300, 0, False)],
)  # fmt: skip
def test_slips_of_the_finger(first, second, slip):
    assert mistyped(first, second) is slip
    assert mistyped(second, first) is slip


def small_model():
    return Model(
        ("a", "b", ""), ("x", "y"), ("bad", "good"), np.array([0.3, 0.1, 0.6]),
        np.array([[0.9, 0.0], [0.2, 0.7], [0.0, 0.0]]), np.array([0.05, 0.01]),
        np.array([[0.9, 0.1], [0.5, 0.5], [0.05, 0.95]]), 0.1, 1.0,
    )  # fmt: skip


def by_hand(model, sort, seen):
    """The same weights in plain loops."""
    real, table = [0, 1], {}
    for one in [(2,), *(c for size in (1, 2) for c in combinations(real, size))]:
        chance = float(np.prod([model.prior[at] for at in one])) * model.joint ** (len(one) - 1)
        for column, name in enumerate(model.symptoms):
            if name in seen:
                silent = (1 - model.leak[column]) * np.prod([1 - model.shows[at, column] for at in one])
                chance *= 1 - silent if seen[name] else silent
        table[one] = chance * np.mean([model.ends[at, model.sorts.index(sort)] for at in one])
    total = sum(table.values())
    return [sum(chance for one, chance in table.items() if at in one) / total for at in range(3)]


@given(
    st.sampled_from(["bad", "good"]),
    st.dictionaries(st.sampled_from(["x", "y"]), st.booleans()),
)
def test_the_weights_are_exact(sort, seen):
    model = small_model()
    found = weigh(model, sort, seen)
    for at, chance in enumerate(by_hand(model, sort, seen)):
        assert found.of(model.causes[at]) == pytest.approx(chance, abs=1e-9)


def test_evidence_for_and_against_and_what_would_change_it():
    model = small_model()
    lines = {one.name: one.weight for one in evidence(model, "a", "bad", {"x": True, "y": True})}
    assert lines["x"] > 0 > lines["y"]
    first = weigh(model, "bad", {"x": True}).chances[0][0]
    assert first == "a"
    for one in turns(model, "bad", {"x": True}):
        assert one.symptom == "y"
        assert weigh(model, "bad", {"x": True, one.symptom: one.present}).chances[0] == (
            one.cause,
            one.chance,
        )
        assert one.cause != first
    with pytest.raises(ValueError, match="no set"):
        weigh(model, "bad", {}, frozenset({"c"}))


SPEAKING = {
    "unstable_network": replace(ME, rssi_dbm=-108, link_errors=2, connect_ms=2_500, timer_ms=60_000),
    "wrong_network_settings": replace(ME, rssi_dbm=-70, timer_ms=12_000, link_errors=0, local="L07", connect_ms=150),
    "issuer_failure": replace(ME, response="91", reason="", issuer_ms=20_000, host_ms=60, link_errors=0, rssi_dbm=-70),
    "host_failure": replace(ME, response="96", reason="", host_ms=9_000, link_errors=0, issuer_ms=300, rssi_dbm=-70),
    "keys_out_of_step": replace(ME, response="A0", reason="", sign_in_hours=50, software=Software.CURRENT),
    "terminal_fault": replace(ME, response="00", reason="96", restarts=2, read_errors=0, age_days=300,
                              software=Software.CURRENT),
    "ageing_hardware": replace(ME, response="00", reason="96", restarts=0, read_errors=3, age_days=2_500,
                               entry_mode="801", software=Software.CURRENT),
    "old_software": replace(ME, response="30", reason="", software=Software.OLD),
    "unofficial_software": replace(ME, response="63", reason="", software=Software.UNOFFICIAL),
    "operator_mistake": replace(ME, response="00", reason="06", cancel_key=True, read_errors=0, local="L08"),
    "card_unreadable": replace(ME, response=None, reason="", local="L06", read_errors=3, entry_mode="801"),
}  # fmt: skip


@pytest.mark.parametrize("cause", SPEAKING)
def test_strong_signals_name_their_cause_and_explain_it(cause):
    verdict = diagnose(SPEAKING[cause])
    assert verdict.cause == cause
    assert verdict.known
    assert verdict.chance > 0.5
    assert verdict.speaks_for
    for lang in ("en", "zh"):
        assert counsel.why_line(verdict, lang).startswith(knowledge.cause_title(cause, lang))
        assert counsel.basis_line(verdict, lang)


def test_too_little_is_honestly_unknown_and_names_what_is_missing():
    verdict = diagnose(replace(ME, response="00", reason="06", card=None, tid=None))
    quiet = verdict if not verdict.known else diagnose(Signals(response=None, reason=None))
    assert not quiet.known
    assert quiet.basis is Basis.UNKNOWN
    assert len(quiet.ranked) == 3
    assert quiet.would_change
    assert "not known" in counsel.why_line(quiet, "en")
    assert "尚不清楚" in counsel.why_line(quiet, "zh")


def test_a_plain_approval_is_left_alone():
    plain = replace(ME, response="00", reason="", link_errors=0, read_errors=0, restarts=0, rssi_dbm=-70,
                    cancel_key=False, card_removed=False, entry_mode="051", local=None)  # fmt: skip
    assert nothing_wrong(diagnose(plain))


def test_the_next_attempt_tells_what_was_meant():
    paid = replace(ME, response="00", reason="")
    void = replace(paid, tx_id="v", kind="void", at_ms=ME.at_ms + 60_000)
    right = replace(paid, tx_id="n", amount_minor=1_230, at_ms=ME.at_ms + 100_000)
    assert diagnose(paid, Around(terminal=(paid, void, right))).cause == "wrong_amount"
    same = replace(right, amount_minor=paid.amount_minor)
    assert diagnose(paid, Around(terminal=(paid, void, same))).cause == "operator_mistake"


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_signals_give_a_verdict_with_chances_that_are_chances(data):
    one = Signals(
        tx_id="x", response=data.draw(st.sampled_from([None, "", "00", "51", "91", "A0", "7Q", "63"])),
        reason=data.draw(st.sampled_from([None, "", "98", "96", "A0", "06", "4021", "??"])),
        local=data.draw(st.sampled_from([None, "", "L01", "L06", "L07", "L09"])),
        rssi_dbm=data.draw(st.none() | st.integers(-130, -30)), link_errors=data.draw(st.none() | st.integers(0, 9)),
        software=data.draw(st.none() | st.sampled_from(Software)), cancel_key=data.draw(st.none() | st.booleans()),
    )  # fmt: skip
    verdict = diagnose(one)
    assert 0 <= verdict.chance <= 1
    assert len(verdict.ranked) <= 3
    assert all(0 <= chance <= 1 for _, chance in verdict.ranked)
    assert verdict.known == (verdict.basis is not Basis.UNKNOWN)
    for lang in ("en", "zh"):
        assert counsel.why_line(verdict, lang)


def test_the_fitted_figures_fit_the_code():
    model = figures().model
    assert model.symptoms == SYMPTOMS
    assert set(model.causes) - {""} <= set(causes())
    assert set(model.causes) >= set(MISSION)
    assert model.shows.shape == (len(model.causes), len(SYMPTOMS))
    assert np.allclose(model.ends.sum(axis=1), 1, atol=0.01)
    assert set(model.causes) > SETTLED - {"acquirer_setup"}


# ------------------------------------------------------------------ (c) many at once


def test_the_tail_of_chance_is_exact():
    assert excess(Tally(10, 0), 0.1) == 1
    assert excess(Tally(2, 2), 0.1) == pytest.approx(0.01)
    assert excess(Tally(3, 1), 0.5) == pytest.approx(1 - 0.125)
    with pytest.raises(ValueError, match="between 0 and 1"):
        excess(Tally(1, 1), 0)


def crowd(failing, size=200):
    rows = []
    for n in range(size):
        one = Signals(tx_id=f"n{n}", at_ms=ME.at_ms, tid=f"t{n % 40 + 2}", site=f"s{n % 40}", issuer="ABCDEF"[n % 6],
                      carrier=("c1", "c2", "c3", "c4")[n % 4], version="1", card=f"k{n}", response="00",
                      reason="")  # fmt: skip
        rows.append(replace(one, response="", reason="98") if failing(one) else one)
    return tuple(rows)


@pytest.mark.parametrize(
    ("failing", "cause", "dimension"),
    [(lambda one: one.issuer == "A", "issuer_failure", "issuer"),
     (lambda one: one.carrier == "c1", "unstable_network", "carrier")],
)  # fmt: skip
def test_one_issuer_or_carrier_overrides_the_single_signals(failing, cause, dimension):
    misleading = SPEAKING["unstable_network"] if cause == "issuer_failure" else replace(ME, issuer_ms=20_000)
    verdict = diagnose(misleading, Around(near=crowd(failing)))
    assert verdict.basis is Basis.MANY
    assert verdict.cause == cause
    assert verdict.common.dimension == dimension
    assert verdict.common.value in counsel.basis_line(verdict, "en")
    assert chinese(counsel.basis_line(verdict, "zh"))


@pytest.mark.parametrize(
    ("software", "cause"), [(Software.OLD, "old_software"), (Software.UNOFFICIAL, "unofficial_software")]
)
def test_one_version_that_fails_on_many_terminals(software, cause):
    rows = [
        replace(
            one,
            version="9" if n % 10 == 0 else "1",
            response="A0" if n % 10 == 0 and n % 20 else "00",
            reason="",
        )
        for n, one in enumerate(crowd(lambda _one: False))
    ]
    me = replace(ME, response="A0", reason="", version="9", software=software, sign_in_hours=60)
    verdict = diagnose(me, Around(near=tuple(rows)))
    assert (verdict.basis, verdict.cause) == (Basis.MANY, cause)
    assert shared(replace(me, version="1"), tuple(rows)) is None


def test_everybody_failing_is_the_host():
    found = shared(ME, crowd(lambda one: int(one.tx_id[1:]) % 7 == 0))
    assert found is not None
    assert found.cause == "host_failure"
    assert not found.dimension


def test_a_cluster_elsewhere_and_a_quiet_time_explain_nothing():
    assert shared(ME, crowd(lambda one: one.issuer == "B")) is None
    assert shared(ME, crowd(lambda one: False)) is None
    assert shared(replace(ME, response="51", reason=""), crowd(lambda one: one.issuer == "A")) is None


def test_the_common_cause_is_a_function_of_counts():
    slices = [Slice("model", "M1", Tally(100, 20)), Slice("model", "M2", Tally(300, 1))]
    found = common_cause(slices, Tally(400, 21), 0.01)
    assert (found.cause, found.value, found.sure) == ("terminal_fault", "M1", True)
    assert common_cause([Slice("model", "M1", Tally(100, 2))], Tally(400, 4), 0.01) is None
    with pytest.raises(ValueError, match="more than there is"):
        common_cause([Slice("model", "M1", Tally(500, 2))], Tally(400, 4), 0.01)


# ------------------------------------------------------------------ the lattice


def test_every_combination_has_exactly_one_diagnosis_with_words():
    names = set()
    for point in points():
        found = diagnosis(point)
        names.add(found.name)
        assert found is diagnoses()[name_of(point)]
        if (
            point.clearing in (Clearing.CHARGED_TWICE, Clearing.UNDONE_TWICE)
            and found.name != "contradiction"
        ):
            assert found.money in (Money.TAKEN_TWICE, Money.GIVEN_BACK_TWICE)
        if found.proven and point.clearing is Clearing.UNKNOWN:
            assert found.money is Money.NOT_TAKEN, (
                "without clearing only a refusal or silence on our side proves"
            )
    assert names == set(diagnoses()) - AFTERWARDS
    assert len(list(points())) == 3 * 7 * 3 * 6 * 6


def test_every_diagnosis_says_its_five_parts_in_both_languages():
    for one in diagnoses().values():
        for text in (one.happened, one.where, one.when, one.tell, one.dont):
            assert text.english.endswith((".", "!"))
            assert chinese(text.chinese)
            assert not chinese(text.english.replace("长款", "").replace("短款", ""))


def test_an_acknowledged_reversal_alone_never_proves_the_money_back():
    for point in points():
        if point.clearing is Clearing.UNKNOWN and diagnosis(point).money is Money.GIVEN_BACK:
            assert not diagnosis(point).proven


def test_odds_are_written_as_people_read_them():
    assert counsel.strength(1.0, "en") == " (10 times)"
    assert counsel.strength(-0.30103, "en") == " (2.0 times)"
    assert counsel.chance_words(0.9999) == ">99%"
    assert counsel.chance_words(exp(-1)) == "37%"
