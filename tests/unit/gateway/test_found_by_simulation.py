"""What the simulated world found in our own code: one test for each, so that it stays out (see tests/sim/seeds.txt)."""

import socket

from storno.gateway import events as ev
from storno.gateway.links import PROBE_AFTER_S, PROBE_EVERY_S, PROBES_MAX, keep_alive
from storno.gateway.saf import Saf
from storno.iso8583.message import Message
from storno.reversal.lifecycle import Case, Input
from storno.sim.world.network import KEEP_ALIVE_MS
from unit.gateway.harness import LINK


def own_reversal(world, till, request: Message, **more) -> None:
    """Let the host undo a transaction by itself."""
    msg = till.reversal(request, **more)
    msg.mti = "0420"
    world.feed(ev.FromHost(LINK, till.frame(msg)))


def test_a_reversal_that_waits_for_room_before_its_time_is_looked_at_when_its_time_comes():
    saf = Saf(1)
    saf.add("first", ("1", "m"), 0)
    saf.add("second", ("2", "m"), 0)
    assert saf.take_due(0) == ["first"]
    saf.sent("first", 60_000)
    saf.again_at("second", 5_000)
    assert saf.next_due_ms() == 60_000  # looked through the queue: the second one was set aside
    saf.again_at("first", 90_000)
    assert saf.take_due(1_000) == []
    assert saf.next_due_ms() == 5_000
    assert saf.take_due(5_000) == ["second"]


def test_a_host_undoes_a_partial_approval_with_the_part_or_the_whole(world, till):
    for amount in (400, 1000):
        request = till.send(till.request(amount=1000))
        till.answer(request, "10", f4=f"{400:012d}")
        own_reversal(world, till, request, f4=f"{amount:012d}")
        assert (world.state(request), world.to_host[-1].fields[39]) == ("reversed", "00")


def test_a_host_s_own_reversal_of_a_part_may_overtake_the_answer_that_says_so(world, till):
    request = till.send(till.request(amount=1000))
    own_reversal(world, till, request, f4=f"{400:012d}")
    assert (world.state(request), world.to_host[-1].fields[39]) == ("reversed", "00")


def test_a_reversal_that_succeeds_leaves_the_exception_of_a_shop_that_was_told_approved(world, till):
    request = till.approved()
    own_reversal(world, till, request)
    assert world.record(request).case.value == "host_reversed"
    till.answer(request)  # a second copy of the approval: it is undone once more
    till.answer(world.reversals()[-1])
    assert (world.state(request), world.record(request).case.value) == ("reversed", "host_reversed")
    world.order(Input.CASE_CLOSED, request.fields[11])
    assert world.record(request).case is None


def test_a_reversal_that_succeeds_leaves_the_exception_of_a_void_that_was_approved_as_well(world, till):
    sale = till.approved()
    void = till.send(till.request("void", **till.of(sale)))
    till.send(till.reversal(sale))
    till.answer(void)
    till.answer(world.reversals("000001")[0])
    assert (world.state(sale), world.state(void)) == ("reversed", "approved")
    assert world.record(sale).case.value == "contradiction"


def test_a_sale_s_answer_is_not_handed_to_an_enquiry_under_the_same_number(world, till):
    enquiry = till.send(till.request("enquiry", f4=None))
    told = len(world.to_terminal)
    sale = Message(
        enquiry.mti, {**enquiry.fields, 3: "000000", 4: f"{1000:012d}"}, enquiry.tpdu, enquiry.header
    )
    till.answer(sale)
    assert len(world.to_terminal) == told
    till.answer(enquiry)
    assert (world.last_code(), world.to_terminal[-1][1].fields[3]) == ("00", "310000")


def test_a_terminal_brings_the_card_number_back_that_was_destroyed(worlds):
    world = worlds(profile={"attempts_max": 1})
    till = world.till()
    request = till.timed_out()
    till.answer(world.reversals()[0])
    assert world.journal.sealed_card(world.record(request).tx_id) is None
    till.answer(request)  # approved after all, and no attempt is left: a person finds out
    assert world.state(request) == "unknown"
    till.send(till.reversal(request))
    first, second = world.reversals()
    assert (world.state(request), second.fields[2]) == ("reversing", first.fields[2])


def test_a_second_approval_for_another_amount_is_an_exception_and_the_first_one_stands(world, till):
    request = till.send(till.request(amount=1000))
    till.answer(request, "10", f4=f"{400:012d}")
    till.answer(request, "10", f4=f"{400:012d}")
    assert (world.state(request), world.record(request).case) == ("approved", None)
    till.answer(request, "00")
    record = world.record(request)
    assert (record.state.value, record.case, record.amount_minor) == ("approved", Case.CONTRADICTION, 400)


def test_a_host_link_is_probed_by_the_system_while_nothing_is_sent():
    with socket.socket() as sock:
        keep_alive(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == PROBE_AFTER_S
    assert (PROBE_AFTER_S + PROBE_EVERY_S * PROBES_MAX) * 1000 == KEEP_ALIVE_MS
