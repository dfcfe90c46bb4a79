"""Voids, pre-authorisations and completions: what undoes what, once, and what comes back."""

import pytest

from storno.reversal.lifecycle import Input
from unit.gateway.harness import MID

HOLD = "hold:host"
SALES = "host:receivable"


def test_a_void_undoes_its_sale_and_the_books_are_empty(world, till):
    sale = till.approved()
    void = till.approved("void", **till.of(sale))
    assert (world.state(sale), world.state(void), world.balance(SALES), world.balance(f"merchant:{MID}:payable")) == (
        "voided", "approved", 0, 0,
    )  # fmt: skip


def test_trap_voiding_twice_is_refused_here_and_never_reaches_the_host(world, till):
    sale = till.approved()
    till.approved("void", **till.of(sale))
    heard = len(world.heard())
    till.send(till.request("void", **till.of(sale)))
    assert (world.last_code(), len(world.heard()), world.balance(SALES)) == ("22", heard, 0)


def test_trap_two_voids_at_once_do_not_both_see_the_sale(world, till):
    sale = till.approved()
    first = till.send(till.request("void", **till.of(sale)))
    till.send(till.request("void", **till.of(sale)))
    assert (world.last_code(), len(world.heard())) == ("22", 2)
    till.answer(first)
    assert (world.state(sale), world.balance(SALES)) == ("voided", 0)


def test_a_void_whose_outcome_is_open_keeps_the_sale_from_being_voided_again_also_after_a_restart(
    world, till
):
    sale = till.approved()
    till.timed_out("void", **till.of(sale))
    for _ in range(2):
        till.send(till.request("void", **till.of(sale)))
        assert world.last_code() == "22"
        world.restart()
    till.answer(world.reversals()[-1])
    till.approved("void", **till.of(sale))
    assert (world.state(sale), world.balance(SALES), world.in_doubt()) == ("voided", 0, 0)


@pytest.mark.parametrize("state", ["reversing", "reversed", "declined", "unknown"])
def test_a_void_of_what_does_not_stand_is_refused(world, till, state):
    if state == "reversing":
        sale = till.timed_out()
    else:
        sale = till.send(till.request())
        till.answer(sale, {"declined": "51", "unknown": "96"}.get(state, "00"))
    if state == "reversed":
        till.send(till.reversal(sale))
        till.answer(world.reversals()[0])
    assert world.state(sale) == state
    till.send(till.request("void", **till.of(sale)))
    assert (world.last_code(), [m for m, s in world.heard() if s == "000002"]) == ("22", [])


def test_a_void_of_another_amount_is_refused(world, till):
    sale = till.approved()
    till.send(till.request("void", 999, **till.of(sale)))
    assert (world.last_code(), world.state(sale)) == ("64", "approved")


def test_trap_the_reversal_of_a_void_makes_the_sale_stand_again(world, till):
    sale = till.approved()
    void = till.timed_out("void", **till.of(sale))
    assert (world.state(sale), world.in_doubt(), world.balance(SALES)) == ("approved", -1000, 1000)
    till.answer(world.reversals()[0])
    assert (world.state(sale), world.state(void), world.balance(SALES), world.in_doubt()) == (
        "approved",
        "reversed",
        1000,
        0,
    )


def test_the_reversal_of_an_approved_void_makes_the_sale_stand_again(world, till):
    sale = till.approved()
    void = till.approved("void", **till.of(sale))
    till.send(till.reversal(void))
    assert (world.state(sale), world.in_doubt()) == ("voided", -1000)
    till.answer(world.reversals()[0])
    assert (world.state(sale), world.balance(SALES), world.in_doubt()) == ("approved", 1000, 0)
    till.approved("void", **till.of(sale))
    assert (world.state(sale), world.balance(SALES)) == ("voided", 0)


def test_a_void_that_was_approved_after_its_reversal_does_not_touch_what_a_second_void_did(world, till):
    sale = till.approved()
    first = till.timed_out("void", **till.of(sale))
    till.answer(world.reversals()[0])
    second = till.approved("void", **till.of(sale))
    till.answer(first)
    till.answer(world.reversals(first.fields[11])[-1])
    assert (world.state(first), world.state(second), world.state(sale)) == ("reversed", "approved", "voided")
    assert (world.balance(SALES), world.in_doubt()) == (0, 0)


def test_only_the_void_that_undid_a_sale_gives_it_back(world, till):
    sale = till.approved()
    doubtful = till.send(till.request("void", **till.of(sale)))
    till.answer(doubtful, "96")
    second = till.approved("void", **till.of(sale))
    world.order(Input.ADJUSTED_CHARGED, doubtful.fields[11])
    assert (world.state(sale), world.row("000001")["case_kind"]) == ("voided", "contradiction")
    world.order(Input.ADJUSTED_UNCHARGED, doubtful.fields[11])
    assert (world.state(sale), world.balance(SALES)) == ("voided", 0)
    till.send(till.reversal(second))
    till.answer(world.reversals()[-1])
    assert (world.state(sale), world.balance(SALES)) == ("approved", 1000)


def test_a_sale_reversed_while_its_void_is_in_flight_becomes_a_case(world, till):
    sale = till.approved()
    void = till.send(till.request("void", **till.of(sale)))
    till.send(till.reversal(sale))
    till.answer(void)
    assert (world.state(sale), world.row(sale.fields[11])["case_kind"]) == ("reversing", "contradiction")


def test_a_void_of_a_sale_of_another_terminal_or_day_goes_to_the_host_unlinked(world, till):
    void = till.send(till.request("void", f61="0000990000770101"))
    till.answer(void)
    assert (world.state(void), world.row("000001")["original"]) == ("approved", "")


def test_a_void_finds_its_sale_by_rrn_and_a_void_is_not_a_sale(world, till):
    sale = till.approved()
    rrn = world.row("000001")["rrn"]
    till.approved("void", f37=rrn)
    assert world.state(sale) == "voided"
    void_of_void = till.send(till.request("void", f61="000001" + "000002" + "0101"))
    assert world.row(void_of_void.fields[11])["original"] == ""


def test_a_preauthorisation_is_a_hold_and_its_void_lets_it_go(world, till):
    preauth = till.approved("preauth", 5000)
    assert (world.balance(HOLD), world.balance(SALES)) == (5000, 0)
    till.approved("preauth_void", 5000, f38="A00001")
    assert (world.state(preauth), world.balance(HOLD)) == ("voided", 0)


def test_a_completion_takes_the_money_and_lets_the_hold_go(world, till):
    preauth = till.approved("preauth", 5000)
    completion = till.approved("completion", 4200, f38="A00001")
    assert (world.state(preauth), world.state(completion)) == ("completed", "approved")
    assert (world.balance(HOLD), world.balance(SALES)) == (0, 4200)
    till.send(till.request("completion", 4200, f38="A00001"))
    assert world.last_code() == "22"
    till.send(till.request("preauth_void", 5000, f38="A00001"))
    assert world.last_code() == "22"


def test_the_void_of_a_completion_brings_the_hold_and_the_preauthorisation_back(world, till):
    preauth = till.approved("preauth", 5000)
    completion = till.approved("completion", 4200, f38="A00001")
    void = till.approved("completion_void", 4200, **till.of(completion))
    assert (world.state(preauth), world.state(completion)) == ("approved", "voided")
    assert (world.balance(HOLD), world.balance(SALES)) == (5000, 0)
    till.send(till.reversal(void))
    till.answer(world.reversals()[-1])
    assert (world.state(preauth), world.state(completion), world.state(void)) == (
        "completed",
        "approved",
        "reversed",
    )
    assert (world.balance(HOLD), world.balance(SALES), world.in_doubt()) == (0, 4200, 0)


def test_a_voided_completion_s_preauthorisation_can_be_completed_anew(world, till):
    preauth = till.approved("preauth", 5000)
    first = till.approved("completion", 4200, f38="A00001")
    till.approved("completion_void", 4200, **till.of(first))
    till.approved("completion", 3000, f38="A00001")
    assert (world.state(preauth), world.balance(HOLD), world.balance(SALES)) == ("completed", 0, 3000)


def test_the_reversal_of_a_completion_gives_the_hold_back(world, till):
    preauth = till.approved("preauth", 5000)
    completion = till.timed_out("completion", 4200, f38="A00001")
    assert (world.state(preauth), world.balance(HOLD), world.in_doubt()) == ("approved", 5000, 4200)
    assert world.reversals()[0].fields[38] == "A00001"
    till.answer(world.reversals()[0])
    assert (world.state(completion), world.balance(HOLD), world.in_doubt()) == ("reversed", 5000, 0)


def test_an_unanswered_preauthorisation_is_doubt_about_a_hold(world, till):
    till.timed_out("preauth", 5000)
    assert (world.balance("suspense:hold"), world.balance("suspense:host"), world.balance(HOLD)) == (
        5000,
        0,
        0,
    )


def test_a_completion_advice_is_sent_again_when_the_terminal_repeats_it(world, till):
    preauth = till.approved("preauth", 5000)
    advice = till.timed_out("advice", 4200, f38="A00001")
    assert (world.state(advice), world.last_code()) == ("unknown", "98")
    till.send(advice)
    assert [mti for mti, stan in world.heard() if stan == "000002"] == ["0220", "0220"]
    till.answer(advice)
    assert (world.state(advice), world.state(preauth), world.in_doubt(), world.row("000002")["case_kind"]) == (
        "approved", "completed", 0, None,
    )  # fmt: skip
    assert (world.balance(HOLD), world.balance(SALES)) == (0, 4200)


def test_an_advice_sent_again_into_a_jammed_link_stays_in_doubt(world, till):
    advice = till.timed_out("advice", 4200)
    world.jammed.update(world.links)
    till.send(advice)
    assert (world.state(advice), world.last_code(), world.in_doubt()) == ("unknown", "98", 4200)


def test_an_advice_answered_unreadably_and_sent_again_has_its_whole_time(world, till):
    advice = till.send(till.request("advice", 4200))
    world.advance(30_000)
    till.answer(advice, mac=False)
    assert world.state(advice) == "unknown"
    till.send(advice)
    world.advance(59_000)
    assert world.state(advice) == "advising"
    world.advance(1_000)
    assert world.state(advice) == "unknown"


def test_refunds_of_one_sale_may_be_several_and_leave_it_as_it_is(world, till):
    sale = till.approved()
    rrn = world.row("000001")["rrn"]
    for amount in (300, 400):
        till.approved("refund", amount, f37=rrn)
    assert (world.state(sale), world.balance(SALES), world.row("000001")["case_kind"]) == (
        "approved",
        300,
        None,
    )
