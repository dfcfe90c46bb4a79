"""What peers of other makes do: no batch, blank codes, answers to nothing, reversals days late, links that flap."""

from dataclasses import replace

import pytest

from storno.gateway import events as ev
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message
from unit.gateway import harness
from unit.gateway.harness import LINK, MID


@pytest.mark.parametrize("mti", ["0810", "0830"])
def test_an_answer_without_a_number_to_a_question_never_asked_is_stray(world, mti):
    frame = world.node.codec.encode(Message(mti, {39: "00"}, "6000070003", "603100310100"))
    world.feed(ev.FromHost(LINK, frame))
    assert len(world.logged("stray_answer")) == 1


@pytest.mark.parametrize(
    ("asked", "undone"), [("22000001000500", None), (None, "22000001000500"), ("22000001", "22")]
)
def test_a_reversal_that_leaves_the_batch_out_still_undoes_its_sale(world, till, asked, undone):
    request = till.send(till.request(f60=asked))
    till.answer(request)
    till.send(till.reversal(request, f60=undone) if undone else strip(till.reversal(request), 60))
    till.answer(world.reversals()[0])
    assert [(row["state"], row["tombstone"]) for row in world.rows()] == [("reversed", 0)]
    assert world.balance("host:receivable") == 0


def strip(msg: Message, *numbers: int) -> Message:
    return Message(msg.mti, {n: t for n, t in msg.fields.items() if n not in numbers}, msg.tpdu, msg.header)


def test_a_reversal_that_leaves_the_batch_out_means_the_latest_with_its_number(world, till):
    first = till.approved()
    till.batch = "000002"
    second = till.send(till.request(stan="000001"))
    till.answer(second)
    till.send(strip(till.reversal(second), 60))
    assert [row["state"] for row in world.rows()] == ["approved", "reversing"]
    assert first.fields[11] == second.fields[11]


@pytest.mark.parametrize("more", [{"f4": "000000000999"}, {"f2": "6214830012345670"}])
def test_a_reversal_without_batch_for_another_amount_or_card_touches_nothing_else(world, till, more):
    request = till.approved()
    till.send(strip(till.reversal(request, **more), 60))
    assert sorted((row["state"], row["tombstone"]) for row in world.rows()) == [
        ("approved", 0),
        ("reversing", 1),
    ]


@pytest.mark.parametrize("days", [1, 3])
def test_a_reversal_from_a_till_that_was_off_for_days_undoes_its_sale_and_leaves_no_second_record(
    world, till, days
):
    request = till.approved()
    world.advance(days * 86_400_000)
    till.send(till.reversal(request))
    till.answer(world.reversals()[0])
    assert [(row["state"], row["tombstone"]) for row in world.rows()] == [("reversed", 0)]
    assert (world.last_code(), world.balance("host:receivable"), world.in_doubt()) == ("00", 0, 0)


def test_a_reversal_of_an_old_number_for_another_amount_is_not_taken_for_the_old_sale(world, till):
    request = till.approved()
    world.advance(world.node.profile.key_reuse_after_ms + 1)
    till.send(till.reversal(request, f4="000000000999"))
    assert sorted((row["state"], row["tombstone"]) for row in world.rows()) == [
        ("approved", 0),
        ("reversing", 1),
    ]


def test_a_reversal_may_name_the_part_that_was_approved(world, till):
    request = till.send(till.request())
    till.answer(request, "10", f4="000000000400")
    till.send(till.reversal(request, f4="000000000400"))
    assert (world.last_code(), world.state(request)) == ("00", "reversing")
    assert world.reversals()[0].fields[4] == "000000001000"


def test_a_late_approval_without_the_batch_is_undone_once_more(world, till):
    request = till.timed_out()
    till.answer(world.reversals()[0], "25")
    assert world.state(request) == "reversed"
    till.answer(request, f60=None)
    assert (world.state(request), len(world.reversals())) == ("reversing", 2)


def test_a_host_reversal_without_the_batch_is_followed(world, till):
    request = till.approved()
    own = till.reversal(request)
    frame = till.frame(Message("0420", strip(own, 60).fields, own.tpdu, own.header))
    world.feed(ev.FromHost(LINK, frame))
    assert (world.to_host[-1].mti, world.to_host[-1].fields[39]) == ("0430", "00")
    assert world.row("000001")["case_kind"] == "host_reversed"


def test_an_answer_that_adds_a_batch_the_request_had_not_belongs_to_it(world, till):
    request = till.send(till.request(f60=None))
    till.answer(request, f60="22000001000500")
    assert world.row("000001")["state"] == "approved"


@pytest.mark.parametrize("code", ["  ", " 0", "0 ", "a2", "--"])
def test_a_code_that_is_none_declines_nothing(world, till, code):
    request = till.send(till.request())
    till.answer(request, code)
    assert (world.last_code(), world.state(request), len(world.reversals())) == ("98", "reversing", 1)
    till.answer(world.reversals()[0], code)
    world.advance(5_000)
    assert (world.state(request), len(world.reversals())) == ("reversing", 2)


def test_a_flapping_link_does_not_use_up_the_attempts_of_a_reversal(world, till):
    request = till.timed_out()
    for _ in range(100):
        world.link_down()
        world.advance(100)
        world.link_up()
        world.advance(100)
    assert world.record(request).attempts < 8
    assert world.state(request) == "reversing"


def test_a_reversal_that_could_not_leave_goes_as_soon_as_the_link_is_back(world, till):
    request = till.send(till.request())
    world.jammed.add(LINK)
    world.advance(world.node.profile.answer_timeout_ms)
    assert (world.reversals(), world.record(request).attempts) == ([], 0)
    world.link_down()
    world.jammed.clear()
    world.link_up()
    assert len(world.reversals()) == 1


@pytest.mark.parametrize("track", ["1D30122010000012300", "6225760000000000019930D9982010000012300"])
def test_a_d_in_an_encrypted_track_does_not_refuse_the_sale(world, till, track):
    request = till.send(till.request(f2=None, f35=track[:37]))
    till.answer(request)
    assert (world.last_code(), world.row("000001")["pan_masked"]) == ("00", "")


def test_a_number_under_reversal_for_longer_than_its_time_is_not_free_after_a_restart(worlds):
    world = worlds(profile={"key_reuse_after_ms": 300_000})
    till = world.till()
    request = till.timed_out()
    world.advance(600_000)
    assert world.state(request) == "reversing"
    world.restart()
    till.send(till.request(amount=2000, stan="000001"))
    assert (world.last_code(), len(world.rows())) == ("94", 1)


def test_a_key_store_that_refuses_a_name_costs_one_terminal_an_answer(world, till):
    class Choosy:
        def __getattr__(self, name):
            return getattr(world.keys, name)

        def has_terminal(self, tid):
            if tid == till.tid:
                return True
            world.keys.add_master_key("", b"\x01" * 16)
            raise AssertionError("unreachable")

    world.node.keys = Choosy()
    other = replace(till, tid="A\x00B\nC\x1bDE", conn=9)
    other.send(other.request())
    assert world.last_code() == "97"
    till.approved()
    assert [row["mid"] for row in world.rows()] == [MID]


def test_a_host_that_approves_again_after_every_reversal_is_not_asked_for_ever(worlds):
    world = worlds(profile={"attempts_max": 4})
    till = world.till()
    request = till.timed_out()
    for _ in range(50):
        till.answer(request)
        till.answer(world.reversals()[-1])
    assert len(world.reversals()) == 4
    assert (world.state(request), world.row("000001")["case_kind"]) == ("unknown", "contradiction")
    assert world.in_doubt() == 1000


@pytest.mark.parametrize("name", ["cups", "iso87_ascii"])
def test_a_sign_in_answer_whose_f62_is_no_hex_installs_nothing_and_stops_nothing(worlds, monkeypatch, name):
    monkeypatch.setattr(harness, "dialect", lambda _: dialect(name))
    world = worlds()
    till = world.till()
    asked = Message("0800", {7: "0101101010", 11: "000001", 41: till.tid, 42: MID, 60: "00000001003"})
    world.feed(ev.FromTerminal(1, world.node.codec.encode(asked)))
    answer = Message("0810", {**asked.fields, 39: "00", 62: "no keys here"})
    world.feed(ev.FromHost(LINK, world.node.codec.encode(answer)))
    assert len(world.logged("key_trouble")) == 1
    assert world.last_code() == "00"
