"""Store and forward: how often, in which order, how many at once, and how it ends when nobody answers."""

from itertools import pairwise

import pytest

from storno.gateway.options import NodeOptions
from storno.iso8583.profile import CrossDay
from storno.reversal.lifecycle import Input
from unit.gateway.harness import LINK, NOW_MS


def until_sent(world, number):
    while len(world.reversals()) < number:
        due = world.node.next_deadline_ms()
        assert due is not None
        world.advance(max(0, due - world.now))


def test_trap_an_unanswered_reversal_counts_and_is_given_up_as_a_visible_case(worlds):
    world = worlds(profile={"attempts_max": 3})
    till = world.till()
    request = till.timed_out()
    world.advance(86_400_000)
    row = world.row("000001")
    assert (len(world.reversals()), row["attempts"]) == (3, 3)
    assert (row["state"], row["case_kind"], world.in_doubt()) == ("exhausted", "exhausted", 1000)
    assert [one.facts[-1] for one in world.logged("case")] == [("case", "exhausted")]
    world.restart()
    world.advance(86_400_000)
    assert (world.reversals(), world.state(request), world.in_doubt()) == ([], "exhausted", 1000)
    world.order(Input.RETRY_ORDERED, "000001")
    till.answer(world.reversals()[0])
    assert (world.state(request), world.in_doubt(), world.row("000001")["case_kind"]) == ("reversed", 0, None)


def test_an_exhausted_reversal_is_adjusted_by_a_person_in_the_books_as_well(worlds):
    world = worlds(profile={"attempts_max": 1})
    till = world.till()
    till.timed_out()
    world.advance(600_000)
    world.order(Input.ADJUSTED_CHARGED, "000001")
    assert (world.row("000001")["state"], world.in_doubt(), world.balance("host:receivable")) == (
        "closed",
        0,
        1000,
    )
    world.order(Input.ADJUSTED_UNCHARGED, "000001")
    assert (world.in_doubt(), world.balance("host:receivable")) == (0, 0)


def test_a_late_0410_ends_what_was_given_up(worlds):
    world = worlds(profile={"attempts_max": 1})
    till = world.till()
    request = till.timed_out()
    world.advance(600_000)
    assert world.state(request) == "exhausted"
    till.answer(world.reversals()[0])
    assert (world.state(request), world.in_doubt()) == ("reversed", 0)


def test_trap_repeats_are_marked_where_the_network_marks_them_although_no_answer_came(worlds):
    world = worlds(profile={"repeat_marked": True, "reversal_mti": "0420"})
    till = world.till()
    till.timed_out()
    until_sent(world, 4)
    assert [msg.mti for msg in world.reversals()] == ["0420", "0421", "0421", "0421"]
    world.restart()
    assert [msg.mti for msg in world.reversals()] == ["0421"]


def test_repeats_of_a_terminal_host_are_byte_for_byte_the_same(world, till):
    request = till.timed_out()
    until_sent(world, 3)
    till.answer(request)  # a late approval with an authorisation code changes nothing in what is repeated
    until_sent(world, 6)
    frames = {frame for _, frame in world.host_frames if frame[11] == 0x04}
    assert len(frames) == 1


def test_the_pause_grows_to_its_maximum_and_is_drawn_from_the_transaction(world, till):
    till.timed_out()
    at = []
    for number in range(1, 16):
        until_sent(world, number)
        at.append(world.now)
    profile = world.node.profile
    pauses = [b - a - profile.reversal_timeout_ms for a, b in pairwise(at)]
    for number, pause in enumerate(pauses):
        step = min(profile.backoff_first_ms << number, profile.backoff_max_ms)
        assert step / 2 <= pause <= step
    assert pauses[-1] > 100 * pauses[0]


def test_the_deadline_ends_it_before_the_attempts_do(worlds):
    world = worlds(profile={"deadline_ms": 200_000, "attempts_max": 1000})
    till = world.till()
    request = till.timed_out()
    world.advance(600_000)
    assert (world.state(request), len(world.reversals()) < 6) == ("exhausted", True)


def test_the_deadline_holds_without_any_link(world, till):
    request = till.timed_out()
    world.link_down()
    world.advance(world.node.profile.deadline_ms)
    assert (world.state(request), world.record(request).attempts) == ("exhausted", 1)


def test_trap_what_could_not_leave_is_no_attempt_and_no_repeat(worlds):
    world = worlds(profile={"attempts_max": 3, "repeat_marked": True})
    till = world.till()
    world.jammed.add(LINK)
    world.link_down()
    world.jammed.clear()
    world.link_up()
    request = till.send(till.request())
    world.jammed.add(LINK)
    world.advance(600_000)
    assert (world.state(request), world.record(request).attempts, world.record(request).sent) == (
        "reversing",
        0,
        0,
    )
    world.jammed.clear()
    until_sent(world, 2)
    assert [msg.mti for msg in world.reversals()] == ["0400", "0401"]


def test_trap_a_sale_that_could_not_leave_is_told_so_and_not_reversed(world, till):
    world.jammed.add(LINK)
    request = till.send(till.request())
    assert (world.state(request), world.last_code(), world.journal.balances()) == ("not_sent", "92", ())
    world.jammed.clear()
    world.advance(3_600_000)
    assert world.heard() == []


def test_without_a_link_nothing_is_taken_and_nothing_is_journalled(world, till):
    world.link_down()
    till.send(till.request())
    assert (world.last_code(), world.rows()) == ("92", [])


def test_trap_a_link_lost_in_the_middle_puts_the_sale_in_doubt_at_once(world, till):
    request = till.send(till.request())
    world.link_down()
    row = world.row("000001")
    assert (row["state"], row["trigger"], world.last_code(), world.in_doubt()) == (
        "reversing",
        "link_lost",
        "98",
        1000,
    )
    assert world.reversals() == []
    world.link_up()
    till.answer(world.reversals()[0])
    assert world.state(request) == "reversed"


def test_a_link_that_returns_wakes_every_waiting_reversal(world):
    tills = [world.till(number) for number in range(1, 6)]
    for till in tills:
        till.send(till.request())
    world.link_down()
    world.advance(100_000)
    world.link_up()
    assert sorted(msg.fields[41] for msg in world.reversals()) == [till.tid for till in tills]


def test_a_link_lost_under_a_reversal_repeats_it_after_the_pause_not_at_once(world, till):
    till.timed_out()
    world.link_down()
    world.advance(10)
    assert world.record(till.request(stan="000001")).attempts == 1
    world.link_up()
    world.advance(2_000)
    assert len(world.reversals()) == 2


def test_the_loss_of_one_link_does_not_touch_what_went_over_the_other(worlds):
    world = worlds(up=("a", "b"))
    tills = [world.till(number) for number in range(1, 9)]
    for till in tills:
        till.send(till.request())
    over = {
        frame[1]: frame[0]
        for frame in zip(
            (link for link, _ in world.host_frames), (m.fields[41] for m in world.to_host), strict=True
        )
    }
    assert set(over.values()) == {"a", "b"}
    world.link_down("a")
    for till in tills:
        assert world.row("000001", till.tid)["state"] == (
            "reversing" if over[till.tid] == "a" else "authorizing"
        )
    assert all(
        msg.fields[41] in {tid for tid, link in over.items() if link == "a"} for msg in world.reversals()
    )
    before = len(world.reversals())
    world.link_up("a")
    world.link_down("a")
    assert len(world.reversals()) == before


def test_a_sale_s_old_link_says_nothing_about_its_reversal_on_another(worlds):
    world = worlds(up=("a",))
    till = world.till()
    till.send(till.request())
    world.link_up("b")
    world.advance(60_000)
    assert len(world.reversals()) == 1
    other = {"a": "b", "b": "a"}[world.host_frames[-1][0]]
    world.link_down(other)
    world.advance(5_000)
    assert len(world.reversals()) == 1


def test_reversals_of_one_terminal_go_one_after_the_other_and_of_many_side_by_side(world):
    tills = [world.till(number) for number in (1, 2, 3)]
    for _ in range(3):
        for till in tills:
            till.send(till.request())
    world.advance(60_000)
    assert sorted((msg.fields[41], msg.fields[11]) for msg in world.reversals()) == [
        (t.tid, "000001") for t in tills
    ]
    tills[0].answer(world.reversals(tid=tills[0].tid)[-1])
    world.advance(1)
    assert [msg.fields[11] for msg in world.reversals(tid=tills[0].tid)] == ["000001", "000002"]
    assert len(world.reversals(tid=tills[1].tid)) == 1


def test_a_poisoned_head_holds_up_its_own_terminal_until_it_is_a_case_and_no_other(worlds):
    world = worlds(profile={"attempts_max": 3})
    till, other = world.till(), world.till(2)
    for _ in range(2):
        till.send(till.request())
    world.advance(60_000)
    other.timed_out()
    assert len(world.reversals(tid=other.tid)) == 1
    world.advance(400_000)
    assert world.row("000001")["state"] == "exhausted"
    assert world.reversals("000002", till.tid)


def test_no_more_than_the_bound_are_in_flight_and_silence_does_not_stall_the_rest(worlds):
    world = worlds(options=NodeOptions(echo_ms=0, reversals_in_flight_max=2), profile={"attempts_max": 2})
    tills = [world.till(number) for number in range(1, 8)]
    for till in tills:
        till.send(till.request())
    world.advance(60_000)
    assert len(world.reversals()) == 2
    world.advance(61_000)
    assert len(world.reversals()) == 4
    world.advance(3_600_000)
    assert {row["state"] for row in world.rows()} == {"exhausted"}
    assert len(world.reversals()) == 14


def test_an_answer_makes_room_for_the_next_at_once(worlds):
    world = worlds(options=NodeOptions(echo_ms=0, reversals_in_flight_max=1))
    tills = {till.tid: till for till in (world.till(number) for number in range(1, 5))}
    for till in tills.values():
        till.send(till.request())
    world.advance(60_000)
    for number in range(1, 5):
        assert len(world.reversals()) == number
        sent = world.reversals()[-1]
        tills[sent.fields[41]].answer(sent)
        world.advance(1)
    assert {row["state"] for row in world.rows()} == {"reversed"}


@pytest.mark.parametrize(("policy", "state"), [(CrossDay.SEND, "reversing"), (CrossDay.CASE, "exhausted")])
def test_a_reversal_of_yesterday_follows_the_acquirer_s_policy(worlds, policy, state):
    world = worlds(profile={"cross_day": policy})
    till = world.till()
    request = till.timed_out()
    world.link_down()
    world.advance(14 * 3_600_000)
    world.link_up()
    assert (world.state(request), len(world.reversals())) == (state, 1 if policy is CrossDay.CASE else 2)
    if policy is CrossDay.CASE:
        assert (world.row("000001")["case_kind"], world.in_doubt()) == ("exhausted", 1000)


def test_an_approval_that_cannot_be_handed_over_is_undone(world, till):
    request = till.send(till.request())
    world.gone.add(1)
    till.answer(request)
    row = world.row("000001")
    assert (row["state"], row["trigger"], row["told"]) == ("reversing", "undeliverable", "nothing")
    assert world.reversals()[0].fields[39] == "96"
    assert world.reversals()[0].fields[38] == "A00001"


def test_an_approval_for_a_terminal_that_hung_up_is_undone(world, till):
    request = till.send(till.request())
    world.hang_up()
    till.answer(request)
    assert (world.state(request), world.row("000001")["trigger"]) == ("reversing", "undeliverable")


def test_an_approval_nobody_took_stands_where_the_acquirer_wants_it_to(worlds):
    world = worlds(profile={"undeliverable_reverses": False})
    till = world.till()
    request = till.send(till.request())
    world.hang_up()
    till.answer(request)
    assert (world.state(request), world.reversals()) == ("approved", [])


def test_a_decline_that_cannot_be_handed_over_is_just_a_decline(world, till):
    request = till.send(till.request())
    world.hang_up()
    till.answer(request, "51")
    assert (world.state(request), world.reversals()) == ("declined", [])


def test_a_reversal_goes_on_through_a_batch_change(world, till):
    request = till.timed_out()
    till.batch = "000002"
    till.approved()
    world.advance(90_000)
    sent = world.reversals("000001")
    assert len(sent) > 1
    assert {msg.fields[60][2:8] for msg in sent} == {"000001"}
    till.answer(sent[-1])
    assert world.state(request) == "reversed"


def test_time_is_told_by_the_caller(world):
    assert world.now == NOW_MS
    assert world.node.next_deadline_ms() is None
