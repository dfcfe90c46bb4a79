"""The story says what the books say, in both languages, for every way a transaction can take."""

import re

import pytest
from hypothesis import given

from journal_kit import NOW_MS, sale
from storno.diagnosis import codes, orders
from storno.diagnosis.advice import FLYING, OPEN, UNDONE, Actor
from storno.diagnosis.story import local_text, tell
from storno.iso8583.profile import Profile
from storno.ledger import chart
from storno.ledger.balance import Balances
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, UNRESOLVED, Case, Input, State
from storno.reversal.machine import step
from storno.reversal.record import Detail, Told, Trigger
from ways_kit import after, begun, cells, ways

AMOUNT = re.compile(r"¥([\d,]+\.\d\d)")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
DAY_MS = 86_400_000


def amounts(text):
    return sorted(int(found.replace(",", "").replace(".", "")) for found in AMOUNT.findall(text))


def books(outcomes):
    held = Balances()
    for outcome in outcomes:
        if outcome.posting is not None:
            held.post(outcome.posting)
    return held


def texts(story):
    s = story.summary
    yield from (s.headline, s.money.cardholder, s.money.merchant, s.money.in_doubt, s.told, s.next.what)
    yield from s.do_not
    for one in story.events:
        yield from (one.what, one.money, *one.follows)


@given(ways())
def test_the_sums_named_are_the_ledgers(outcomes):
    record = outcomes[-1].record
    held = books(outcomes)
    mid = record.key.mid
    for lang in ("en", "zh"):
        story = tell(record, [one.fact for one in outcomes], lang)
        sums, money = story.summary.sums, story.summary.money
        assert sums.charged_minor == held.of(chart.HOST)
        assert sums.merchant_minor == -held.of(chart.merchant(mid))
        assert sums.held_minor == held.of(chart.HOST_HOLD)
        assert sums.in_doubt_minor == held.of(chart.SUSPENSE)
        assert sums.in_doubt_held_minor == held.of(chart.SUSPENSE_HOLD)
        card = [held.of(chart.HOST), held.of(chart.HOST_HOLD)]
        shop = [held.of(chart.merchant(mid)), held.of(chart.merchant_hold(mid))]
        doubt = [held.of(chart.SUSPENSE), held.of(chart.SUSPENSE_HOLD)]
        for line, wanted in ((money.cardholder, card), (money.merchant, shop), (money.in_doubt, doubt)):
            assert amounts(line) == sorted(abs(one) for one in wanted if one)
        for one, outcome in zip(story.events, outcomes, strict=True):
            if outcome.posting is None and not one.sums.any_doubt:
                assert amounts(one.money) == []
            elif outcome.posting is not None:
                moved = {abs(minor) for _, minor in outcome.posting.entries}
                now = {abs(m) for m in (one.sums.charged_minor, one.sums.held_minor, one.sums.in_doubt_minor,
                                        one.sums.in_doubt_held_minor)}  # fmt: skip
                assert set(amounts(one.money)) & (moved | now)


@given(ways())
def test_no_text_is_missing_foreign_or_contradicts_another(outcomes):
    record = outcomes[-1].record
    facts = [one.fact for one in outcomes]
    english, chinese = tell(record, facts, "en"), tell(record, facts, "zh")
    for text in texts(english):
        assert text.strip()
        assert not CHINESE.search(text), text
        assert "{" not in text
    for text in texts(chinese):
        assert CHINESE.search(text) or text == "Storno", text
        assert "{" not in text
    summary, took = (
        english.summary,
        bool(english.summary.sums.charged_minor or english.summary.sums.held_minor),
    )
    doubt = summary.sums.any_doubt
    assert not (doubt and took)
    if doubt:
        assert record.state in UNRESOLVED
        assert "may" in summary.money.in_doubt
        assert any("again" in one or "another" in one for one in summary.do_not)
        assert "stands." not in summary.headline
    else:
        assert summary.money.in_doubt == "nothing"
    if summary.next.actor is Actor.NOBODY:
        assert record.case is None
        assert record.state not in UNRESOLVED
    if record.case is not None:
        assert "xception open" in summary.headline
        assert summary.next.actor is not Actor.NOBODY
    if record.told is Told.UNKNOWN and not record.kind.reversible:
        assert "undone" not in summary.told
    if took and record.told is not Told.APPROVED and record.state not in UNDONE:
        assert "counts" in summary.told
    if "Nothing was taken" in " ".join(summary.do_not):
        assert not took
    assert (record.state is State.REVERSING) == bool(summary.deadline_local)
    if record.state in OPEN | FLYING:
        assert "nothing is left" not in summary.next.what
    assert len(english.events) == len(facts)
    assert [one.code for one in english.events] == [fact.detail.code for fact in facts]


@given(ways())
def test_orders_offered_are_orders_the_table_takes(outcomes):
    record = outcomes[-1].record
    for order in orders.allowed(record):
        step(record, order, NOW_MS + DAY_MS, Detail(operator="li", note="x"))
    for order in Input:
        if order not in orders.allowed(record):
            for lang in ("en", "zh"):
                refusal = orders.refusal(record, order, lang)
                recommends = "storno cases" in refusal
                assert recommends == bool(orders.unsettled(record) and orders.allowed(record))
    if record.case is not None and record.state is not State.ADVISING:
        assert orders.allowed(record), "an open exception that nobody can end"


@pytest.mark.parametrize("cell", TABLE, ids=lambda cell: f"{cell[0].value}-{cell[1].value}")
def test_every_cell_can_be_told(cell):
    """Walk to each state by the shortest way and apply each of its inputs."""
    state, what = cell
    told = 0
    for kind in Kind:
        for outcomes in shortest(kind).get(state, []):
            last = after(
                outcomes[-1].record, what, NOW_MS + 99_000, Detail(code="00", operator="li", note="n")
            )
            if last is None:
                continue
            for lang in ("en", "zh"):
                assert tell(last.record, [*(o.fact for o in outcomes), last.fact], lang).summary.headline
            told += 1
    assert told


WAYS: dict[Kind, dict[State, list]] = {}


def shortest(kind):
    if kind not in WAYS:
        seeds = [[begun(kind)]] + ([[begun(kind, tombstone=True)]] if kind.reversible else [])
        found = {}
        while seeds:
            way = seeds.pop(0)
            record = way[-1].record
            if len(found.setdefault(record.state, [])) >= 2:
                continue
            found[record.state].append(way)
            seeds += [
                [
                    *way,
                    step(record, what, NOW_MS + 1_000 * len(way), Detail(code="00", operator="li", note="n")),
                ]
                for what in cells(record)
                if TABLE[record.state, what].state is not record.state
            ]
        WAYS[kind] = found
    return WAYS[kind]


# -------------------------------------------------------------------- particular stories


def way(*steps, first=None):
    outcomes = [first or sale()]
    for number, (what, detail) in enumerate(steps):
        outcomes.append(step(outcomes[-1].record, what, NOW_MS + 1_000 * (number + 1), detail))
    return outcomes


def told(outcomes, lang="en"):
    return tell(outcomes[-1].record, [one.fact for one in outcomes], lang)


TIMEOUT = (
    Input.RESPONSE_TIMEOUT,
    Detail(trigger=Trigger.TIMEOUT, reason="98", due_ms=NOW_MS, deadline_ms=NOW_MS + DAY_MS),
)
LATE_BAD = (Input.RESPONSE_INVALID, Detail(code="00", trigger=Trigger.BAD_MAC))


def test_a_running_reversal_warns_against_swiping_and_refunding():
    story = told(way(TIMEOUT, (Input.REVERSAL_DUE, Detail(due_ms=NOW_MS + 61_000))))
    assert story.summary.headline == "Being undone (no answer in time); the reversal was sent once."
    assert story.summary.next.actor is Actor.STORNO
    assert story.summary.due_local == "2026-01-05 16:01:01.000"
    assert story.summary.deadline_local == "2026-01-06 16:00:00.000"
    assert story.summary.do_not[:2] == (
        "Do not swipe the card again for this.",
        "Do not refund or void it by hand while the reversal runs.",
    )
    assert "请勿再次刷卡" in told(way(TIMEOUT), "zh").summary.do_not[0]


def test_a_late_answer_does_not_change_why_it_was_undone():
    outcomes = way(TIMEOUT, LATE_BAD)
    assert "no answer in time" in told(outcomes).summary.headline


def test_the_same_code_is_a_reason_in_a_reversal_and_a_response_in_an_answer():
    cancelled = told(way((Input.CANCEL_REQUESTED, Detail(code="96", trigger=Trigger.TERMINAL, reason="96"))))
    answered = told(way((Input.RESPONSE_DOUBTFUL, Detail(code="96"))))
    assert "the terminal could not finish" in cancelled.events[1].what
    assert "system failure" not in cancelled.events[1].what
    assert "system failure" in answered.events[1].what
    for code in ("98", "96", "A0", "06"):
        for lang in ("en", "zh"):
            assert codes.meaning(code, lang) != codes.reason(code, lang)
            assert codes.meaning(code, lang).startswith(code)
            assert codes.reason(code, lang).startswith(code)


def test_an_answer_to_a_reversal_has_words_of_its_own():
    refused = told(way(TIMEOUT, (Input.REVERSAL_REFUSED, Detail(code="64"))))
    assert "the amount is not the original's" in refused.summary.headline
    accepted = told(way(TIMEOUT, (Input.REVERSAL_ACCEPTED, Detail(code="25"))))
    assert "no original to undo" in accepted.events[-1].what
    assert codes.reversal_answer("96", "en") == codes.meaning("96", "en")


def test_an_unknown_code_stays_visible():
    story = told(way((Input.RESPONSE_DECLINED, Detail(code="7Q"))))
    assert "7Q" in story.summary.headline
    assert "acquirer" in story.summary.next.what


def test_a_refund_without_an_answer_is_never_said_to_be_undone():
    start = begun(Kind.REFUND)
    story = told(way((Input.RESPONSE_TIMEOUT, Detail(trigger=Trigger.TIMEOUT)), first=start))
    assert "undone" not in story.summary.told
    assert story.summary.money.in_doubt == "¥123.45: it may have been given back"
    assert story.summary.do_not == ("Do not refund it again, neither to the card nor in cash.",)


def test_a_shop_told_approved_learns_that_the_bank_took_it_back():
    story = told(way((Input.RESPONSE_APPROVED, Detail(code="00")), (Input.HOST_REVERSED, Detail(code="98"))))
    assert "on its own account" in story.summary.headline
    assert "no longer true" in story.summary.told
    assert story.summary.next.actor is Actor.OFFICE
    assert story.record.case is Case.HOST_REVERSED


def test_a_settlement_names_the_one_who_settled_and_masks_cards_in_the_note():
    note = "customer 6222021234567890128 shows it"
    story = told(
        way(
            TIMEOUT,
            (Input.REVERSAL_EXHAUSTED, Detail()),
            (Input.ADJUSTED_CHARGED, Detail(operator="li", note=note)),
        )
    )
    assert story.summary.headline == "Settled by li: the card was charged."
    assert "6222021234567890128" not in " ".join(texts(story))
    assert "operator li" in story.events[-1].what


def test_a_pan_never_appears_in_full():
    story = told(way(TIMEOUT))
    assert story.card == "622588******1234"


def test_a_record_that_is_not_of_these_facts_is_refused():
    outcomes = way(TIMEOUT)
    with pytest.raises(AssertionError):
        tell(outcomes[0].record, [one.fact for one in outcomes], "en")


def test_local_time_is_the_shops():
    assert local_text(0) == ""
    assert local_text(NOW_MS, 480) == "2026-01-05 16:00:00.000"
    assert local_text(NOW_MS, 0) == "2026-01-05 08:00:00.000"


def test_the_words_agree_with_the_default_profile():
    approved = {one.code for one in codes.response_codes() if one.outcome is codes.Outcome.APPROVED}
    doubtful = {one.code for one in codes.response_codes() if one.outcome is codes.Outcome.DOUBTFUL}
    assert approved == Profile().approved
    assert doubtful >= Profile().doubtful
    assert not doubtful & Profile().approved


@pytest.mark.parametrize("found", codes.response_codes(), ids=lambda found: found.code)
def test_every_code_has_words_advice_and_a_source(found):
    assert len(found.code) == 2
    assert CHINESE.search(found.chinese)
    assert CHINESE.search(found.advice_zh)
    assert found.english
    assert found.advice_en.endswith(".")
    assert found.sources
