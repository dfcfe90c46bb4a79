"""Every bound answers with a reason; card data is nowhere; links that fall silent are noticed."""

import pytest

from storno.gateway import events as ev
from storno.gateway.options import NodeOptions
from storno.iso8583.keys import WorkingKeys, wrap_working_keys
from storno.journal.base import Journal
from unit.gateway.harness import LINK, PAN, TMK, World


def options(**given):
    return NodeOptions(echo_ms=0) if not given else NodeOptions(**({"echo_ms": 0} | given))


def test_more_than_the_bound_in_flight_is_refused_with_a_code(worlds):
    world = worlds(options=options(in_flight_max=2))
    tills = [world.till(number) for number in (1, 2, 3)]
    asked = [till.send(till.request()) for till in tills]
    assert (world.told(), len(world.heard())) == ([("0210", "000001", "96")], 2)
    tills[0].answer(asked[0])
    tills[2].approved()


def test_one_terminal_cannot_take_all_the_room(worlds):
    world = worlds(options=options(terminal_open_max=2))
    till, other = world.till(), world.till(2)
    for _ in range(3):
        till.send(till.request())
    assert (world.told(), len(world.heard())) == ([("0210", "000003", "96")], 2)
    other.approved()
    world.hang_up(1)
    world.gone.clear()
    till.send(till.request())
    assert len(world.heard()) == 4


def test_what_is_only_handed_on_has_a_bound_and_a_time(worlds):
    world = worlds(options=options(passing_max=2, passing_timeout_ms=1_000))
    till = world.till()
    asked = [till.send(till.request("enquiry")) for _ in range(3)]
    assert (world.told(), len(world.heard())) == ([("0210", "000003", "96")], 2)
    till.answer(asked[0], f4=None)
    assert world.told()[-1] == ("0210", "000001", "00")
    world.advance(1_000)
    till.answer(asked[1], f4=None)
    assert (len(world.to_terminal), world.node.counts.values["passing_timeouts"]) == (2, 1)
    assert world.rows() == []


def test_what_is_handed_on_is_answered_where_it_came_from_or_nowhere(world, till):
    asked = till.send(till.request("enquiry"))
    world.hang_up()
    till.answer(asked, f4=None)
    assert world.to_terminal == []
    till.conn = 4
    asked = till.send(till.request("enquiry"))
    world.link_down()
    world.link_up()
    till.answer(asked, f4=None)
    assert world.to_terminal == []


def test_memory_is_bounded_and_what_left_it_is_found_again(worlds):
    world = worlds(options=options(records_in_memory_max=5))
    till = world.till()
    requests = []
    for _ in range(30):
        requests.append(till.approved())
        world.advance(10)
    assert len(world.node.registry) <= 7
    till.send(requests[0])
    assert world.last_code() == "00"
    void = till.approved("void", **till.of(requests[0]))
    assert (world.state(requests[0]), world.state(void)) == ("voided", "approved")


def test_what_was_given_up_leaves_nothing_behind_in_memory(worlds):
    world = worlds(profile={"attempts_max": 1})
    till = world.till()
    for _ in range(5):
        till.send(till.request())
    till.send(till.request("refund"))
    world.advance(600_000)
    hostside = world.node.hostside
    assert (hostside._expected, hostside._keys_of) == ({}, {})
    assert not any(hostside._on_link.values())
    assert len(world.node.saf) == 0
    assert world.node.waiting == {}
    assert world.node.timers.next_ms() is None


def test_a_stopping_gateway_takes_nothing_new_and_still_takes_custody(world, till):
    request = till.approved()
    world.node.draining = True
    till.send(till.request())
    assert world.last_code() == "92"
    till.send(till.reversal(request))
    assert world.told()[-1] == ("0410", "000001", "00")
    assert not world.node.busy()


# ------------------------------------------------------------------ links


@pytest.fixture
def quiet(worlds):
    return worlds(options=NodeOptions(echo_ms=60_000, echo_timeout_ms=15_000))


def echoes(world):
    return [msg for msg in world.to_host if msg.mti == "0820"]


def test_a_quiet_link_is_asked_and_a_silent_one_is_dropped(quiet):
    quiet.advance(60_000)
    assert (len(echoes(quiet)), quiet.dropped) == (1, [])
    quiet.advance(15_000)
    assert quiet.dropped == [LINK]


def test_an_answered_echo_keeps_the_link(quiet):
    till = quiet.till()
    for _ in range(5):
        quiet.advance(60_000)
        asked = echoes(quiet)[-1]
        till.answer(asked, mac=False, f4=None)
    quiet.advance(15_000)
    assert (len(echoes(quiet)), quiet.dropped) == (5, [])


def test_a_busy_link_is_not_asked(quiet):
    till = quiet.till()
    for _ in range(10):
        till.approved()
        quiet.advance(30_000)
    assert echoes(quiet) == []


def test_a_link_that_comes_and_goes_is_asked_once_per_pause(quiet):
    for _ in range(20):
        quiet.link_down()
        quiet.link_up()
    quiet.advance(60_000)
    assert len(echoes(quiet)) == 1
    quiet.till().answer(echoes(quiet)[-1], mac=False, f4=None)
    quiet.advance(59_000)
    assert len(echoes(quiet)) == 1


def test_a_network_s_question_whether_we_are_there_is_answered(world, till):
    asked = till.request(
        f60="00000000301", f3=None, f4=None, f2=None, f35=None, f52=None, f14=None, f22=None, f25=None
    )
    asked.mti = "0820"
    world.feed(ev.FromHost(LINK, till.frame(asked, mac=False)))
    assert (world.to_host[-1].mti, world.to_host[-1].fields[39]) == ("0830", "00")


def test_a_sign_on_is_sent_where_the_network_wants_one(worlds):
    world = worlds(options=options(sign_on=True))
    assert [msg.mti for msg in world.to_host] == ["0800"]


# ------------------------------------------------------------------ card data


def everything(world: World) -> str:
    """Give all that was written down or said about a world, as one text."""
    journal: Journal = world.journal
    facts = [repr(one.row) for one in journal.read()]
    rows = [repr(row) for row in journal.rows()]
    records = [repr(world.node.registry.get(row[0])) for row in journal.rows()]
    cards = [repr(journal.sealed_card(row[0])) for row in journal.rows()]
    waiting = [repr(one) for one in (*world.node.waiting.values(), *world.to_host, *world.to_terminal)]
    return "\n".join([*facts, *rows, *records, *cards, *waiting, *map(repr, world.logs)])


def test_the_card_number_track_pin_and_expiry_are_nowhere_in_clear(world, till):
    secrets = {
        2: PAN,
        35: PAN + "D25122010000",
        52: "AABBCCDDEEFF0011",
        36: "99" + PAN,
        45: "B" + PAN,
        48: PAN,
        63: "01 " + PAN,
    }
    more = {f"f{number}": text for number, text in secrets.items()}
    icc = "9F2608AABBCCDDEEFF00115A08" + PAN + "5713" + PAN + "D25122010000000000000F"[:22]
    requests = [till.approved(**more), till.timed_out(**more), till.approved("preauth", **more)]
    late = till.send(till.request(**more))
    till.answer(late, "51", f2=PAN, f14="2512", f35=secrets[35])
    till.answer(late, f2=PAN, f14="2512")
    till.send(till.reversal(till.request(**more)))
    till.send(till.request(f55=icc))
    till.send(till.request(f4=None, **more))
    till.send(requests[0])
    till.send(till.request(amount=1, stan="000001", **more))
    world.feed(ev.FromTerminal(1, till.frame(late)[:-30]))
    world.feed(ev.FromHost(LINK, till.frame(late)[:-30]))
    said = everything(world)
    assert "621483******5678" in said
    for secret in (
        PAN,
        PAN[6:12] + PAN[12:],
        PAN.encode().hex(),
        "AABBCCDDEEFF0011",
        "D2512",
        "'2512'",
        bytes.fromhex(PAN).hex(),
    ):
        assert secret not in said
        assert secret.lower() not in said


def test_the_sealed_card_is_kept_while_a_reversal_may_need_it_and_no_longer(world, till):
    kept = till.approved()
    undone = till.timed_out()
    refund = till.send(till.request("refund"))
    sealed = {
        msg.fields[11]: world.journal.sealed_card(world.record(msg).tx_id) for msg in (kept, undone, refund)
    }
    assert (sealed["000001"] is not None, sealed["000002"] is not None, sealed["000003"]) == (
        True,
        True,
        None,
    )
    till.answer(world.reversals()[0])
    assert world.journal.sealed_card(world.record(undone).tx_id) is None


def test_a_reversal_whose_card_was_shredded_goes_without_it(world, till):
    request = till.send(till.request())
    world.vault.shred("20260102")
    world.advance(60_000)
    assert (2 in world.reversals()[0].fields, world.state(request), len(world.logged("card_lost"))) == (
        False,
        "reversing",
        1,
    )
    till.answer(world.reversals()[0])
    till.answer(request, f2=PAN)
    assert world.state(request) == "reversing"


def test_a_working_key_that_does_not_fit_the_profile_is_trouble_for_one_terminal_only(worlds):
    world = worlds(profile={"mac": "x919"})
    till, other = world.till(), world.till(2)
    short = wrap_working_keys(TMK, WorkingKeys(bytes(range(8)), bytes(range(1, 9)), None, "des"), "001")
    world.keys.keep(till.tid, world.keys.learn(till.tid, short, "001"))
    world.keys._macs.clear()
    till.send(till.request(), mac=False)
    assert (world.last_code(), len(world.logged("key_trouble")) > 0) == ("A0", True)
    other.send(other.request(), mac=False)
    assert world.last_code() == "A0"
