"""The same number again: repeats, other bodies, old numbers, tombstones, and the terminal's own reversals."""

import pytest

from storno.gateway import events as ev
from storno.iso8583.message import Message
from storno.reversal.lifecycle import Input
from unit.gateway.harness import LINK


def test_a_repeated_request_gets_the_same_answer_and_does_not_reach_the_host(world, till):
    for code in ("00", "51"):
        request = till.send(till.request())
        till.answer(request, code)
        till.send(request)
        first, again = (msg.fields for _, msg in world.to_terminal[-2:])
        assert {n: first.get(n) for n in (4, 11, 37, 38, 39, 41, 42)} == {
            n: again.get(n) for n in (4, 11, 37, 38, 39, 41, 42)
        }
    assert world.heard() == [("0200", "000001"), ("0200", "000002")]


def test_a_repeat_after_a_restart_is_answered_from_the_journal(world, till):
    request = till.approved()
    world.restart()
    till.send(request)
    assert (world.last_code(), world.heard()) == ("00", [])


def test_trap_a_number_with_another_body_is_refused_and_touches_nothing(world, till):
    request = till.approved()
    till.send(till.request(amount=2000, stan="000001"))
    assert (world.last_code(), world.heard(), world.balance("host:receivable")) == (
        "94",
        [("0200", "000001")],
        1000,
    )
    till.send(till.request("preauth", stan="000001"))
    assert (world.last_code(), world.state(request)) == ("94", "approved")


def test_a_repeat_while_the_first_is_in_flight_is_answered_once_where_it_came_from_last(world, till):
    request = till.send(till.request())
    till.send(request, conn=7)
    assert (world.heard(), world.told()) == ([("0200", "000001")], [])
    till.answer(request)
    assert [conn for conn, _ in world.to_terminal] == [7]


def test_a_repeat_of_what_never_left_is_told_so_again(world, till):
    world.jammed.add(LINK)
    request = till.send(till.request())
    till.send(request)
    assert [code for _, _, code in world.told()] == ["92", "92"]
    assert (world.state(request), world.heard()) == ("not_sent", [])


@pytest.mark.parametrize("state", ["reversing", "reversed", "exhausted"])
def test_a_repeat_of_what_is_being_undone_is_never_told_approved(world, till, state):
    request = till.timed_out()
    if state == "reversed":
        till.answer(world.reversals()[0])
    elif state == "exhausted":
        world.advance(86_400_000)
    assert world.state(request) == state
    world.now -= 12 * 3_600_000 if state == "exhausted" else 0
    till.send(request)
    assert world.last_code() == "98"


def test_a_number_may_be_used_again_after_its_time_and_a_repeat_means_the_new_one(world, till):
    old = till.approved()
    world.advance(world.node.profile.key_reuse_after_ms)
    new = till.send(till.request(amount=2000, stan="000001"))
    till.answer(new, rrn="260100000099")
    till.send(new)
    assert (len(world.rows()), world.last_code(), world.balance("host:receivable")) == (2, "00", 3000)
    world.restart()
    till.send(till.reversal(new))
    assert [row["state"] for row in world.rows()] == ["approved", "reversing"]
    assert world.reversals()[0].fields[4] == "000000002000"
    assert old.fields[11] == new.fields[11]


def test_an_old_transaction_that_moves_does_not_hide_the_new_one_with_its_number(worlds):
    world = worlds(profile={"deadline_ms": 3_600_000})
    till = world.till()
    till.timed_out()
    world.advance(world.node.profile.key_reuse_after_ms)
    old = world.row("000001")
    assert old["state"] == "exhausted"
    new = till.send(till.request(amount=2000, stan="000001"))
    till.answer(new)
    world.feed(ev.Order(old["tx_id"], Input.RETRY_ORDERED, "wang"))
    till.send(new)
    assert (world.last_code(), world.balance("host:receivable"), len(world.rows())) == ("00", 2000, 2)


def test_a_retry_is_refused_once_the_terminal_has_used_the_number_again(worlds):
    """The host knows the number only: a reversal of the old transaction could undo the new one."""
    world = worlds(profile={"deadline_ms": 3_600_000})
    till = world.till()
    till.timed_out()
    world.advance(world.node.profile.key_reuse_after_ms)
    old = world.row("000001")
    till.answer(till.send(till.request(amount=2000, stan="000001")))
    sent = len(world.reversals())
    world.feed(ev.Order(old["tx_id"], Input.RETRY_ORDERED, "wang"))
    world.advance(3_600_000)
    assert len(world.reversals()) == sent
    assert [row["state"] for row in world.rows()] == ["exhausted", "approved"]
    assert world.balance("host:receivable") == 2000


def test_a_0110_never_answers_a_0200(world, till):
    request = till.send(till.request())
    till.answer(Message("0100", request.fields, request.tpdu, request.header))
    assert world.row("000001")["state"] == "authorizing"
    till.answer(request)
    assert world.row("000001")["state"] == "approved"


def test_a_number_is_not_free_while_its_reversal_is_still_under_way(world, till):
    till.timed_out()
    world.link_down()
    world.advance(world.node.profile.key_reuse_after_ms + 1)
    world.link_up()
    assert world.row("000001")["state"] == "reversing"
    till.send(till.request(amount=2000, stan="000001"))
    assert (world.last_code(), len(world.rows())) == ("94", 1)


def test_a_number_is_not_free_while_its_reversal_waits_behind_another(world, till):
    till.timed_out()
    till.timed_out()
    world.link_down()
    world.restart()
    world.link_down()
    world.advance(world.node.profile.key_reuse_after_ms + 1)
    world.link_up()
    assert (world.row("000002")["state"], world.reversals("000002")) == ("reversing", [])
    till.send(till.request(amount=2000, stan="000002"))
    assert (world.last_code(), len(world.rows())) == ("94", 2)


# ------------------------------------------------------------------ the terminal's own reversal


@pytest.mark.parametrize(
    ("state", "after", "case"),
    [
        ("authorizing", "reversing", None),
        ("approved", "reversing", None),
        ("declined", "declined", None),
        ("not_sent", "not_sent", None),
        ("reversing", "reversing", None),
        ("reversed", "reversed", None),
        ("refused", "refused", "refused"),
        ("voided", "voided", "contradiction"),
        ("unknown", "reversing", "doubtful"),
    ],
)
def test_a_terminal_s_0400_is_acknowledged_in_every_state(world, till, state, after, case):
    if state == "not_sent":
        world.jammed.add(LINK)
    request = till.send(till.request())
    world.jammed.clear()
    if state in ("approved", "voided"):
        till.answer(request)
    elif state == "declined":
        till.answer(request, "51")
    elif state == "unknown":
        till.answer(request, "96")
    elif state in ("reversing", "reversed", "refused"):
        world.advance(60_000)
    if state == "reversed":
        till.answer(world.reversals()[0])
    elif state == "refused":
        till.answer(world.reversals()[0], "40")
    elif state == "voided":
        till.approved("void", **till.of(request))
    assert world.state(request) == state
    for _ in range(2):
        till.send(till.reversal(request))
        assert (world.told()[-1], world.state(request)) == (("0410", "000001", "00"), after)
    assert world.row("000001")["case_kind"] == case


def test_a_0400_while_the_request_is_in_flight_ends_the_wait_and_the_answer_changes_nothing(world, till):
    request = till.send(till.request())
    till.send(till.reversal(request))
    till.answer(request)
    assert (world.told(), world.state(request)) == ([("0410", "000001", "00")], "reversing")


def test_a_reversal_that_is_ours_keeps_its_reason_when_the_terminal_sends_its_own(world, till):
    request = till.timed_out()
    till.send(till.reversal(request, "06"))
    world.advance(90_000)
    assert {msg.fields[39] for msg in world.reversals()} == {"98"}
    assert world.row("000001")["trigger"] == "timeout"


def test_a_0400_with_another_amount_is_refused(world, till):
    request = till.approved()
    till.send(till.reversal(request, f4="000000000999"))
    assert (world.last_code(), world.state(request)) == ("64", "approved")


def test_a_0400_that_cannot_be_read_as_money_is_refused(world, till):
    request = till.approved()
    bad = till.reversal(request)
    del bad.fields[4]
    till.send(bad)
    assert (world.last_code(), world.state(request)) == ("30", "approved")


def test_trap_a_reversal_before_its_original_is_kept_as_a_tombstone_and_forwarded(world, till):
    request = till.request()
    till.send(till.reversal(request))
    assert (world.told(), world.heard()) == ([("0410", "000001", "00")], [("0400", "000001")])
    assert (world.row("000001")["tombstone"], world.in_doubt()) == (1, 0)
    assert world.reversals()[0].fields[2] == till.pan
    till.send(request)
    assert (world.last_code(), world.heard()) == ("22", [("0400", "000001")])
    till.answer(world.reversals()[0], "25")
    till.send(request)
    assert (world.last_code(), world.state(request)) == ("22", "reversed")
    world.restart()
    till.send(request)
    assert (world.last_code(), world.heard()) == ("22", [])


def test_a_tombstone_s_original_that_was_approved_all_the_same_is_undone_again(world, till):
    request = till.request()
    till.send(till.reversal(request))
    till.answer(world.reversals()[0], "25")
    till.answer(request)
    assert (world.state(request), world.in_doubt(), len(world.reversals())) == ("reversing", 1000, 2)


def test_a_0400_for_a_refund_nobody_saw_is_refused(world, till):
    till.send(till.reversal(till.request("refund")))
    assert (world.last_code(), world.rows()) == ("40", [])


# ------------------------------------------------------------------ who may speak


def test_an_unknown_terminal_is_refused(world, till):
    stranger = type(till)(world, "99999999", 9)
    stranger.send(stranger.request())
    assert (world.to_terminal[-1][0], world.last_code(), world.rows()) == (9, "97", [])


@pytest.mark.parametrize("change", [{"mac": False}, {"mac": False, "f64": "3030303030303030"}])
def test_a_request_or_reversal_with_a_bad_or_missing_mac_is_refused(world, till, change):
    approved = till.approved()
    mac = change.pop("mac")
    till.send(till.request(**change), mac=mac)
    assert world.last_code() == "A0"
    till.send(till.reversal(approved, **change), mac=mac)
    assert (world.last_code(), world.state(approved)) == ("A0", "approved")


def test_a_terminal_that_did_not_sign_in_is_told_to(world):
    till = type(world.till())(world, "00000009", 9)
    world.keys.add_master_key("00000009", bytes(range(16)))
    till.send(till.request())
    assert (world.last_code(), world.heard()) == ("A0", [])


def test_what_is_not_a_message_closes_its_connection_and_only_that(world, till):
    world.feed(ev.FromTerminal(5, b"GET / HTTP/1.1\r\n\r\n"))
    world.feed(ev.FromTerminal(6, b""))
    request = till.request()
    request.mti = "0210"
    till.send(request)
    assert world.closed == [5, 6, 1]
    assert world.rows() == []


@pytest.mark.parametrize("change", [{"f4": None}, {"f11": None}, {"f42": None}, {"f49": "999"}])
def test_a_request_without_what_its_reversal_would_need_is_refused_with_30(world, till, change):
    till.send(till.request(**change))
    assert (world.last_code(), world.rows(), world.heard()) == ("30", [], [])
