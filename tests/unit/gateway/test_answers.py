"""Answers: which request they belong to, what they may do, and what comes too late."""

import pytest

from storno.gateway import events as ev
from storno.gateway.options import NodeOptions, Unkeyed
from storno.iso8583.mac import mac_algorithm
from unit.gateway.harness import LINK, MID, TMK, mak_field


def test_an_approved_sale_is_booked_and_told_byte_for_byte(world, till):
    request = till.approved()
    assert world.heard() == [("0200", "000001")]
    assert (world.state(request), world.balance("host:receivable"), world.balance(f"merchant:{MID}:payable")) == (
        "approved", 1000, -1000,
    )  # fmt: skip
    (conn, answer) = world.to_terminal[-1]
    assert (conn, answer.fields[38], answer.tpdu) == (1, "A00001", "6000070003")


def test_a_declined_sale_moves_nothing_and_its_card_is_forgotten(world, till):
    request = till.send(till.request())
    assert world.journal.sealed_card(world.record(request).tx_id) is not None
    till.answer(request, "51")
    assert (world.state(request), world.last_code(), world.journal.balances()) == ("declined", "51", ())
    assert world.journal.sealed_card(world.record(request).tx_id) is None


def test_trap_a_late_0210_never_answers_the_0400(world, till):
    request = till.timed_out()
    assert world.heard() == [("0200", "000001"), ("0400", "000001")]
    till.answer(request)
    assert (world.state(request), world.in_doubt(), world.row("000001")["told"]) == (
        "reversing",
        1000,
        "unknown",
    )
    till.answer(world.reversals()[0])
    assert (world.state(request), world.in_doubt(), world.balance("host:receivable")) == ("reversed", 0, 0)


def test_trap_an_answer_with_the_same_stan_from_another_terminal_batch_or_class_is_not_ours(world, till):
    other = world.till(2)
    request = till.send(till.request())
    other.stan = 41
    other.answer(other.request(stan="000001"))
    assert (world.state(request), world.told()) == ("authorizing", [])
    yesterday = till.request(stan="000001", f60="22" + "000099" + "000500")
    till.answer(yesterday)
    assert (world.state(request), world.told()) == ("authorizing", [])
    till.answer(till.reversal(request))
    assert (world.state(request), world.told()) == ("authorizing", [])
    till.answer(request)
    assert world.state(request) == "approved"


def test_the_second_answer_of_two_changes_nothing(world, till):
    request = till.approved()
    till.answer(request)
    assert (world.state(request), len(world.to_terminal), world.balance("host:receivable")) == (
        "approved",
        1,
        1000,
    )
    till.answer(request, "51")
    assert (world.state(request), world.row("000001")["case_kind"]) == ("approved", "contradiction")


def test_trap_an_answer_that_races_its_own_time_out_loses_to_it(world, till):
    request = till.send(till.request())
    world.advance(world.node.profile.answer_timeout_ms - 1)
    assert world.state(request) == "authorizing"
    world.advance(1)
    till.answer(request)
    assert (world.state(request), world.told()) == ("reversing", [("0210", "000001", "98")])


@pytest.mark.parametrize("first", ["declined", "reversed", "not_sent"])
def test_an_approval_after_the_decision_is_undone(world, till, first):
    if first == "not_sent":
        world.jammed.add(LINK)
    request = till.send(till.request())
    world.jammed.clear()
    if first == "declined":
        till.answer(request, "51")
    elif first == "reversed":
        world.advance(60_000)
        till.answer(world.reversals()[0], "25")
    assert world.state(request) == first
    till.answer(request)
    assert (world.state(request), world.in_doubt()) == ("reversing", 1000)
    sent = world.reversals()[-1]
    assert (sent.fields[11], sent.fields[2]) == ("000001", till.pan)
    till.answer(sent)
    assert (world.state(request), world.in_doubt()) == ("reversed", 0)


@pytest.mark.parametrize("kind", ["refund", "advice"])
@pytest.mark.parametrize("first", ["declined", "not_sent", "unknown", "approved"])
def test_a_refund_or_advice_is_never_reversed_whatever_happens(world, till, kind, first):
    if first == "not_sent":
        world.jammed.add(LINK)
    request = till.send(till.request(kind))
    world.jammed.clear()
    if first == "declined":
        till.answer(request, "51")
    elif first == "unknown":
        world.advance(60_000)
    elif first == "approved":
        world.hang_up()
        till.answer(request)
    assert world.state(request) == first
    till.answer(request)
    world.gone.clear()
    till.send(till.reversal(request))
    assert world.last_code() == "40"
    world.restart()
    world.advance(3_600_000)
    assert world.reversals() == []
    wanted = {"declined": "unknown", "not_sent": "unknown"}.get(first, first)
    assert (world.state(request), world.in_doubt() != 0) == (wanted, wanted == "unknown")
    if wanted == "unknown":
        assert world.row("000001")["case_kind"] is not None


@pytest.mark.parametrize("code", ["68", "91", "94", "96", "98"])
def test_a_doubtful_code_is_told_kept_in_suspense_and_a_case_until_the_terminal_cancels(world, till, code):
    request = till.send(till.request())
    till.answer(request, code)
    assert (world.state(request), world.last_code(), world.in_doubt(), world.row("000001")["case_kind"]) == (
        "unknown", code, 1000, "doubtful",
    )  # fmt: skip
    till.send(till.reversal(request))
    assert (world.state(request), world.last_code()) == ("reversing", "00")
    till.answer(world.reversals()[0])
    assert (world.state(request), world.in_doubt(), world.row("000001")["case_kind"]) == ("reversed", 0, None)


def test_a_doubtful_code_is_reversed_at_once_where_the_acquirer_says_so(worlds):
    world = worlds(profile={"reverse_on": frozenset({"96"})})
    till = world.till()
    request = till.send(till.request())
    till.answer(request, "96")
    assert (world.state(request), world.last_code(), len(world.reversals())) == ("reversing", "98", 1)


def test_an_approval_with_a_bad_or_missing_mac_is_reversed_for_that_reason(world, till):
    for mac, f64 in ((False, "3030303030303030"), (False, None)):
        request = till.send(till.request())
        till.answer(request, mac=mac, f64=f64)
        assert (world.state(request), world.last_code()) == ("reversing", "98")
        assert world.reversals(request.fields[11])[0].fields[39] == "A0"
        till.answer(world.reversals(request.fields[11])[0])


def test_a_decline_with_a_bad_mac_is_a_decline_and_not_reversed(world, till):
    request = till.send(till.request())
    till.answer(request, "51", mac=False)
    assert (world.state(request), world.last_code(), world.reversals()) == ("declined", "51", [])


@pytest.mark.parametrize("wrong", [{"f4": "000000000999"}, {"f3": "200000"}, {"f39": None}])
def test_an_approval_of_something_else_is_reversed_and_not_told(world, till, wrong):
    request = till.send(till.request())
    till.answer(request, **wrong)
    assert (world.state(request), world.last_code(), world.row("000001")["trigger"]) == (
        "reversing",
        "98",
        "bad_answer",
    )


def test_a_partial_approval_is_booked_with_its_amount_and_reversed_with_the_whole(world, till):
    request = till.send(till.request(amount=1000))
    till.answer(request, "10", f4="000000000600")
    assert (world.balance("host:receivable"), world.to_terminal[-1][1].fields[4]) == (600, "000000000600")
    till.send(till.reversal(request))
    assert (world.in_doubt(), world.reversals()[0].fields[4]) == (600, "000000001000")
    till.answer(world.reversals()[0])
    assert world.journal.balances() == () or world.in_doubt() == 0


def test_an_answer_to_a_reversal_with_a_bad_mac_or_a_try_again_code_does_not_end_it(world, till):
    request = till.timed_out()
    till.answer(world.reversals()[-1], mac=False)
    assert world.state(request) == "reversing"
    world.advance(2_000)
    assert len(world.reversals()) == 2
    till.answer(world.reversals()[-1], "96")
    world.advance(5_000)
    assert (world.state(request), len(world.reversals())) == ("reversing", 3)
    till.answer(world.reversals()[-1], "12")
    assert world.state(request) == "reversed"


def test_a_final_refusal_of_a_reversal_is_a_case_with_the_money_in_suspense(world, till):
    till.timed_out()
    till.answer(world.reversals()[-1], "40")
    row = world.row("000001")
    assert (row["state"], row["case_kind"], world.in_doubt()) == ("refused", "refused", 1000)
    world.advance(86_400_000)
    assert len(world.reversals()) == 1
    assert world.logged("case")


def test_a_reversal_reason_is_never_read_as_an_approval(world, till):
    request = till.timed_out()
    reason = world.reversals()[0].fields[39]
    till.answer(world.reversals()[0], reason)
    assert (reason, world.state(request)) == ("98", "reversing")


def test_a_0410_to_an_earlier_round_does_not_end_one_that_was_not_sent_yet(world, till):
    request = till.timed_out()
    reversal = world.reversals()[0]
    till.answer(reversal)
    world.link_down()
    world.links.add(LINK)  # the answer arrives although the node has no link to send on yet
    till.answer(request)
    assert (world.state(request), world.record(request).attempts) == ("reversing", 0)
    till.answer(reversal)
    assert world.state(request) == "reversing"
    world.link_up()
    till.answer(world.reversals()[-1])
    assert world.state(request) == "reversed"


def test_what_nobody_asked_for_is_counted_and_changes_nothing(world, till):
    till.answer(till.request(stan="000777"))
    assert (world.rows(), world.node.counts.values["stray_answers"]) == ([], 1)


def test_an_unreadable_host_frame_is_logged_without_content_and_the_next_is_read(world, till):
    request = till.send(till.request())
    world.feed(ev.FromHost(LINK, b"\x60" * 40))
    assert world.logged("host_unreadable")
    till.answer(request)
    assert world.last_code() == "00"


def test_a_host_s_own_reversal_is_followed_acknowledged_and_a_case_where_the_shop_was_told_approved(
    world, till
):
    request = till.approved()
    advice = till.reversal(request, "4361"[:2])
    advice.mti = "0420"
    world.feed(ev.FromHost(LINK, till.frame(advice)))
    assert (world.state(request), world.row("000001")["case_kind"], world.balance("host:receivable")) == (
        "reversed", "host_reversed", 0,
    )  # fmt: skip
    answer = world.to_host[-1]
    assert (answer.mti, answer.fields[39], answer.fields[11]) == ("0430", "00", "000001")


@pytest.mark.parametrize(
    ("change", "code"), [({"mac": False}, "A0"), ({"f4": "000000000999"}, "64"), ({"f11": "000555"}, "25")]
)
def test_a_host_s_reversal_that_does_not_prove_itself_is_refused(world, till, change, code):
    request = till.approved()
    mac = change.pop("mac", True)
    advice = till.reversal(request, "06", **change)
    advice.mti = "0420"
    world.feed(ev.FromHost(LINK, till.frame(advice, mac=mac)))
    assert (world.state(request), world.to_host[-1].fields[39]) == ("approved", code)


def test_a_host_s_reversal_of_a_void_never_touches_the_sale(world, till):
    sale = till.approved()
    void = till.approved("void", **till.of(sale))
    advice = till.reversal(void, "06")
    advice.mti = "0420"
    world.feed(ev.FromHost(LINK, till.frame(advice)))
    assert (world.state(void), world.state(sale), world.balance("host:receivable")) == (
        "reversed",
        "approved",
        1000,
    )


def test_a_host_s_reversal_in_flight_wins_and_the_answer_after_it_is_undone(world, till):
    request = till.send(till.request())
    advice = till.reversal(request, "06")
    advice.mti = "0420"
    world.feed(ev.FromHost(LINK, till.frame(advice)))
    assert (world.state(request), world.last_code()) == ("reversed", "98")
    till.answer(request)
    assert (world.state(request), len(world.reversals())) == ("reversing", 2)


def test_a_sign_in_installs_keys_before_the_terminal_hears_of_it_and_reversals_use_the_new_mak(world, till):
    request = till.timed_out()
    new = bytes(range(0x10, 0x20))
    sign_in = till.request(
        f60="00000001003",
        f3=None,
        f4=None,
        f2=None,
        f35=None,
        f52=None,
        f14=None,
        f22=None,
        f25=None,
        f49=None,
    )
    sign_in.mti = "0800"
    till.send(sign_in, mac=False)
    till.answer(sign_in, mac=False, f62=mak_field(new).hex().upper(), f4=None, f38=None)
    assert world.last_code() == "00"
    world.advance(120_000)
    again = world.host_frames[-1][1]
    assert world.reversals()[-1].fields[11] == request.fields[11]
    assert mac_algorithm("cup_ecb", new).verify(world.node.codec.mab(again), again[-8:])
    first, last = world.reversals()[0].fields, world.reversals()[-1].fields
    assert {n: t for n, t in first.items() if n != 64} == {n: t for n, t in last.items() if n != 64}


def test_keys_that_do_not_check_are_not_installed_and_the_old_ones_stand(world, till):
    sign_in = till.request(
        f60="00000001003",
        f3=None,
        f4=None,
        f2=None,
        f35=None,
        f52=None,
        f14=None,
        f22=None,
        f25=None,
        f49=None,
    )
    sign_in.mti = "0800"
    till.send(sign_in, mac=False)
    till.answer(sign_in, mac=False, f62="00" * 40, f4=None, f38=None)
    assert world.logged("key_trouble")
    till.approved()


def test_a_reversal_waits_for_the_sign_in_of_a_terminal_without_keys(worlds):
    world = worlds(options=NodeOptions(echo_ms=0, unkeyed=Unkeyed.FORWARD))
    till = world.till()
    world.keys.remove_terminal(till.tid)
    world.keys.add_master_key(till.tid, TMK)
    request = till.timed_out()
    world.advance(3_600_000)
    assert (world.reversals(), world.state(request), world.record(request).attempts) == ([], "reversing", 0)
    world.sign_in(till.tid)
    world.feed(ev.KeysKept(till.tid))
    assert len(world.reversals()) == 1
