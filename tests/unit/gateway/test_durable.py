"""Nothing leaves before the fact that says so is durable, and what is durable survives."""

import pytest

from storno.gateway import events as ev
from storno.reversal.lifecycle import Input
from unit.gateway.harness import LINK


@pytest.fixture
def slow(worlds):
    """Give a world whose journal is written only when the test says so."""
    world = worlds(auto=False)
    world.flush()
    return world


def test_trap_a_request_does_not_leave_before_its_intent_is_durable(slow):
    till = slow.till()
    till.send(till.request())
    assert (slow.heard(), slow.rows()) == ([], [])
    slow.flush()
    assert (slow.heard(), slow.rows()[0]["state"]) == ([("0200", "000001")], "authorizing")


def test_trap_an_approval_is_not_told_before_it_is_durable(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    till.answer(request)
    assert slow.told() == []
    slow.flush()
    assert (slow.told(), slow.rows()[0]["state"]) == ([("0210", "000001", "00")], "approved")


def test_trap_a_reversal_and_its_acknowledgement_wait_for_the_journal(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    till.send(till.reversal(request))
    assert (slow.reversals(), slow.told()) == ([], [])
    slow.flush()
    assert (len(slow.reversals()), slow.told()) == (1, [("0410", "000001", "00")])


def test_a_repeated_question_is_not_answered_before_the_first_answer_is_durable(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    till.answer(request)
    till.send(request)
    assert slow.told() == []
    slow.flush()
    assert [code for _, _, code in slow.told()] == ["00", "00"]


def test_a_batch_releases_what_it_promised_and_nothing_of_the_next(slow):
    till, other = slow.till(), slow.till(2)
    till.send(till.request())
    token, changes = slow.node.take_batch(slow.now)
    other.send(other.request())
    slow.journal.commit(changes)
    slow.perform(slow.node.step(slow.now, ev.Durable(token)))
    assert [msg.fields[41] for msg in slow.to_host] == ["00000001"]
    slow.flush()
    assert [msg.fields[41] for msg in slow.to_host] == ["00000001", "00000002"]


def test_trap_no_answer_leaves_when_the_journal_fails(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    till.answer(request)
    taken = slow.node.take_batch(slow.now)
    slow.perform(slow.node.step(slow.now, ev.Tick()))
    slow.node.halt("disk full")
    slow.perform(slow.node.step(slow.now, ev.Durable(taken[0])))
    slow.advance(3_600_000)
    assert slow.told() == []
    assert slow.node.take_batch(slow.now) is None
    till.send(till.request())
    assert slow.told() == [("0210", "000002", "96")]
    assert slow.heard() == [("0200", "000001")]


def test_a_terminal_s_reversal_is_not_acknowledged_by_a_halted_node(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    slow.node.halt("disk full")
    till.send(till.reversal(request))
    assert slow.last_code() == "96"


@pytest.mark.parametrize("moment", ["intent", "sent", "answered", "told"])
def test_trap_a_crash_at_any_moment_leaves_no_transaction_forgotten(slow, moment):
    till = slow.till()
    request = till.send(till.request())
    if moment != "intent":
        slow.flush()
    if moment in ("answered", "told"):
        till.answer(request)
    if moment == "told":
        slow.flush()
    slow.restart()
    slow.flush()
    expected = {"intent": [], "sent": ["reversing"], "answered": ["reversing"], "told": ["approved"]}[moment]
    assert [row["state"] for row in slow.rows()] == expected
    assert len(slow.reversals()) == (1 if expected == ["reversing"] else 0)
    if expected == ["reversing"]:
        assert (slow.rows()[0]["trigger"], slow.reversals()[0].fields[39], slow.reversals()[0].fields[2]) == (
            "recovered", "06", till.pan,
        )  # fmt: skip


def test_trap_pending_reversals_survive_restarts_in_order_and_stay_marked_as_sent(world, till):
    first, second = till.timed_out(), till.timed_out()
    assert [msg.fields[11] for msg in world.reversals()] == ["000001"]
    world.advance(200_000)
    sent = world.record(first).sent
    assert sent > 1
    for _ in range(3):
        world.restart()
    assert [msg.fields[11] for msg in world.reversals()] == ["000001"]
    assert world.record(first).sent == sent + 3
    till.answer(world.reversals()[0])
    world.advance(1)
    till.answer(world.reversals()[-1])
    assert (world.state(first), world.state(second), world.in_doubt()) == ("reversed", "reversed", 0)


def test_a_node_s_memory_is_only_a_cache_of_the_journal(world, till):
    requests = [till.approved(), till.timed_out(), till.send(till.request("preauth"))]
    before = {request.fields[11]: world.record(request) for request in requests}
    for request in requests:
        tx_id = before[request.fields[11]].tx_id
        assert world.node.registry.get(tx_id) == before[request.fields[11]]
    world.restart()
    assert world.node.registry.get(before["000001"].tx_id) == before["000001"]


def test_transaction_ids_stay_unique_over_restarts(world, till):
    for _ in range(3):
        till.approved()
        world.restart()
    assert len({row["tx_id"] for row in world.rows()}) == 3


def test_recovery_gives_up_what_is_past_its_deadline_as_a_case(world, till):
    request = till.timed_out()
    world.now += world.node.profile.deadline_ms
    world.restart()
    assert (world.state(request), world.row("000001")["case_kind"], world.in_doubt()) == (
        "exhausted",
        "exhausted",
        1000,
    )


def test_orders_are_for_people_only(world, till):
    request = till.send(till.request())
    world.order(Input.RESPONSE_APPROVED, "000001")
    assert (world.state(request), len(world.logged("order_refused"))) == ("authorizing", 1)
    till.answer(request)
    world.order(Input.CASE_CLOSED, "000001")
    world.order(Input.RETRY_ORDERED, "000001")
    assert (world.state(request), len(world.logged("order_refused"))) == ("approved", 2)


def test_a_crash_before_the_answer_is_told_is_the_terminal_s_to_undo(slow):
    till = slow.till()
    request = till.send(till.request())
    slow.flush()
    till.answer(request)
    token, changes = slow.node.take_batch(slow.now)
    slow.journal.commit(changes)
    assert token
    slow.restart()
    till.send(till.reversal(request))
    slow.flush()
    assert (slow.told(), slow.rows()[0]["state"], slow.in_doubt()) == (
        [("0410", "000001", "00")],
        "reversing",
        1000,
    )


def test_the_link_may_go_between_decision_and_medium(slow):
    till = slow.till()
    request = till.send(till.request())
    token, changes = slow.node.take_batch(slow.now)
    slow.link_down(LINK)
    slow.journal.commit(changes)
    slow.perform(slow.node.step(slow.now, ev.Durable(token)))
    slow.flush()
    assert slow.heard() == []
    assert slow.told() == [("0210", "000001", "98")]
    slow.link_up(LINK)
    slow.flush()
    till.answer(slow.reversals()[0], "25")
    slow.flush()
    assert slow.state(request) == "reversed"
