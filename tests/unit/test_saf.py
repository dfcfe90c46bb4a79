"""The queue of reversals alone: order within a terminal, room, silence, and nothing ever lost in it."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storno.gateway.saf import Saf
from storno.iso8583.profile import Profile
from storno.reversal.schedule import backoff_ms, next_due_ms

ROOM = 2
A, B, C = ("1", "m"), ("2", "m"), ("3", "m")


def test_the_head_goes_first_and_the_next_follows_when_it_is_gone():
    saf = Saf(ROOM)
    for number, terminal in (("a1", A), ("a2", A), ("b1", B)):
        saf.add(number, terminal, 0)
    assert saf.take_due(0) == ["a1", "b1"]
    saf.sent("a1", 100)
    saf.sent("b1", 100)
    assert saf.take_due(50) == []
    assert saf.remove("a1", 60) is False
    assert saf.take_due(60) == ["a2"]
    assert saf.remove("a2", 70) is True
    assert saf.waits(B)
    assert not saf.waits(A)


def test_trap_silence_of_those_in_flight_frees_their_turn_and_the_rest_are_not_starved():
    saf = Saf(1)
    saf.add("a1", A, 0)
    saf.add("b1", B, 0)
    assert saf.take_due(0) == ["a1"]
    saf.sent("a1", 100)
    assert saf.next_due_ms() == 100
    assert saf.take_due(100) == ["a1"]
    saf.sent("a1", 300)
    assert saf.next_due_ms() == 300
    saf.remove("a1", 310)
    assert saf.take_due(310) == ["b1"]


def test_a_postponed_head_keeps_its_place():
    saf = Saf(ROOM)
    saf.add("a1", A, 0)
    saf.add("a2", A, 0)
    saf.again_at("a1", 500)
    assert (saf.take_due(499), saf.take_due(500)) == ([], ["a1"])


def test_a_link_that_came_up_wakes_heads_that_wait_and_no_other():
    saf = Saf(3)
    for number, terminal in (("a1", A), ("a2", A), ("b1", B), ("c1", C)):
        saf.add(number, terminal, 900)
    saf.again_at("c1", 0)
    assert saf.take_due(0) == ["c1"]
    saf.sent("c1", 5_000)
    saf.wake_all(10)
    assert saf.take_due(10) == ["a1", "b1"]


def test_what_is_gone_is_gone():
    saf = Saf(ROOM)
    saf.add("a1", A, 0)
    assert saf.remove("a1", 0) is True
    assert saf.remove("a1", 0) is False
    assert (saf.take_due(10**9), saf.next_due_ms(), len(saf)) == ([], None, 0)


class Traffic(RuleBasedStateMachine):
    """Any order of adding, sending, answering and silence; every reversal goes in the end, in order."""

    def __init__(self):
        super().__init__()
        self.saf = Saf(ROOM)
        self.now = 0
        self.number = 0
        self.queues: dict[tuple[str, str], list[str]] = {}
        self.gone: dict[tuple[str, str], list[str]] = {}

    @rule(terminal=st.sampled_from([A, B, C]), later=st.integers(0, 50))
    def add(self, terminal, later):
        self.number += 1
        name = f"{self.number:03d}"
        self.queues.setdefault(terminal, []).append(name)
        self.saf.add(name, terminal, self.now + later)

    @rule(passed=st.integers(0, 60), pause=st.integers(1, 40))
    def work(self, passed, pause):
        self.now += passed
        for name in self.saf.take_due(self.now):
            assert any(queue and queue[0] == name for queue in self.queues.values())
            self.saf.sent(name, self.now + pause)

    @rule(terminal=st.sampled_from([A, B, C]))
    def answer(self, terminal):
        if self.queues.get(terminal) and self.saf.in_flight(self.queues[terminal][0]):
            name = self.queues[terminal].pop(0)
            self.gone.setdefault(terminal, []).append(name)
            self.saf.remove(name, self.now)

    @rule(terminal=st.sampled_from([A, B, C]), pause=st.integers(0, 40))
    def not_yet(self, terminal, pause):
        if self.queues.get(terminal) and self.saf.in_flight(self.queues[terminal][0]):
            self.saf.again_at(self.queues[terminal][0], self.now + pause)

    @rule()
    def wake(self):
        self.saf.wake_all(self.now)

    @invariant()
    def no_more_than_the_room_and_all_are_there(self):
        waiting = [name for queue in self.queues.values() for name in queue]
        assert len(self.saf) == len(waiting)
        assert sum(self.saf.in_flight(name) for name in waiting) <= ROOM

    @invariant()
    def somebody_looks_again_while_anything_waits(self):
        assert (self.saf.next_due_ms() is not None) is bool(len(self.saf))

    def teardown(self):
        for _ in range(10 * self.number):
            due = self.saf.next_due_ms()
            if due is None:
                break
            self.now = max(self.now, due)
            for name in self.saf.take_due(self.now):
                self.saf.sent(name, self.now + 5)
                self.saf.remove(name, self.now)
        assert len(self.saf) == 0


TestTraffic = Traffic.TestCase


# ------------------------------------------------------------------ when to try again

profile = Profile()


@given(st.text("0123456789-", min_size=1), st.integers(0, 10_000))
def test_the_pause_is_between_half_and_the_whole_of_the_doubled_step(tx_id, attempts):
    step = min(profile.backoff_first_ms * 2 ** min(max(attempts - 1, 0), 32), profile.backoff_max_ms)
    pause = backoff_ms(profile, tx_id, attempts)
    assert step // 2 <= pause <= step
    assert pause == backoff_ms(profile, tx_id, attempts)
    assert next_due_ms(profile, tx_id, attempts, 1000) == 1000 + profile.reversal_timeout_ms + pause


def test_a_crowd_spreads_out():
    assert len({backoff_ms(profile, f"20260101-0001-{number:06d}", 9) for number in range(100)}) > 90
