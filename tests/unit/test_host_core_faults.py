"""Every fault of the host, on both sides of the money effect, in every dialect."""

import pytest

from host_rig import NOW, Talk, talk
from storno.iso8583.dialects import DIALECTS
from storno.sim.actions import CloseConnection, Drop, HostReversal, Restart, SlowDrip
from storno.sim.faults import FaultKind, chances_of, fault_of
from storno.sim.script import FaultPlan


@pytest.fixture(params=tuple(DIALECTS))
def line(request) -> Talk:
    return talk(request.param)


@pytest.fixture
def pos_line() -> Talk:
    return talk()


BEFORE = {
    "request_lost": [Drop()],
    "reset_before_effect": [CloseConnection(abort=True)],
    "restart_before_effect": [Restart(with_memory=True)],
    "restart_without_memory": [Restart(with_memory=False)],
}
AFTER = {
    "answer_lost": [Drop()],
    "reset_after_approval": [CloseConnection(abort=True)],
    "restart_with_memory": [Restart(with_memory=True)],
}


@pytest.mark.parametrize("fault", BEFORE)
def test_faults_before_the_effect_move_nothing(line, fault):
    sale = line.pos.sale()
    line(sale, fault_of(fault))
    assert line.actions == BEFORE[fault]
    assert line.effect(sale) is None
    line(sale)
    undo = line.pos.reversal(sale)
    line(undo, fault_of(fault))
    assert line.effect(sale).net_minor == 1000
    line(undo)
    assert line.effect(sale).net_minor == 0


@pytest.mark.parametrize("fault", AFTER)
def test_faults_after_the_effect_keep_it_and_say_nothing(line, fault):
    sale = line.pos.sale()
    line(sale, fault_of(fault))
    assert line.actions == AFTER[fault]
    assert line.effect(sale).net_minor == 1000
    undo = line.pos.reversal(sale)
    line(undo, fault_of(fault))
    assert line.actions == AFTER[fault]
    assert line.effect(sale).net_minor == 0
    assert line.code(undo) == "00"
    assert line.effect(sale).undone == 1


def test_faults_in_the_answer(line):
    pos = line.pos

    def hit(fault):
        sale = pos.sale()
        answer = line(sale, fault_of(fault))
        assert line.effect(sale).net_minor == 1000
        return sale, answer

    sale, answer = hit("wrong_stan")
    assert int(answer.fields[11]) == int(sale.fields[11]) + 1
    _, answer = hit("wrong_amount")
    assert answer.fields[4] == "000000001001"
    hit("late:3000")
    assert line.actions[0].after_ms == 3000
    hit("duplicate_answer")
    assert line.actions[0] == line.actions[1]
    hit("slow_drip:7")
    assert isinstance(line.actions[0], SlowDrip)
    assert line.actions[0].ms_per_byte == 7
    sale = pos.sale()
    whole = line(sale) and line.actions[0].data
    sale = pos.sale()
    actions = line.core.receive(pos.frame(sale), NOW, fault_of("partial_frame"))
    assert isinstance(actions[1], CloseConnection)
    assert 0 < len(actions[0].data) < len(whole)
    assert line.effect(sale).net_minor == 1000


def test_bad_mac_is_bad_on_an_approved_answer():
    for name in ("cup_pos", "cups"):
        line = talk(name)
        answer = line(line.pos.sale(), fault_of("bad_mac"))
        assert answer.fields[39] == "00"
        assert not line.pos.genuine(line.actions[0].data)


@pytest.mark.parametrize(
    ("fault", "code", "net"),
    [
        ("decline:57", "57", 0),
        ("doubtful:96", "96", 0),
        ("doubtful_posted:98", "98", 1000),
        ("partial_approval:300", "10", 300),
    ],
)
def test_faults_in_the_code(line, fault, code, net):
    sale = line.pos.sale()
    answer = line(sale, fault_of(fault))
    assert answer.fields[39] == code
    assert line.effect(sale).net_minor == net
    if code == "10":
        assert answer.fields[4] == "000000000300"
    assert line.code(sale) == code
    assert line.code(line.pos.reversal(sale)) == ("00" if net else "12")
    assert line.effect(sale).net_minor == 0


def test_faults_of_reversals(line):
    sale = line.pos.sale()
    line(sale)
    undo = line.pos.reversal(sale)
    line(undo, fault_of("reversal_lost"))
    assert (line.actions, line.effect(sale).reversals) == ([Drop()], 0)
    assert line.code(undo, fault_of("reversal_refused:91")) == "91"
    assert line.effect(sale).net_minor == 1000
    line(undo, fault_of("reversal_answer_lost"))
    assert (line.actions, line.effect(sale).net_minor) == ([Drop()], 0)
    assert line.code(undo) == "00"


def test_the_host_reversal_fault_follows_an_approval_only(line):
    sale = line.pos.sale()
    line(sale, fault_of("host_reversal:250"))
    assert line.actions[1] == HostReversal(line.pos.identity(sale), 250)
    declined = line.pos.sale(10**11 + 1)
    line(declined, fault_of("host_reversal"))
    assert len(line.actions) == 1


def test_every_fault_is_survived_by_its_reversal(line):
    """Whatever the fault, sending the reversal until it is accepted ends with nothing in force."""
    for kind in FaultKind:
        sale = line.pos.sale()
        line(sale, fault_of(kind.value))
        undo = line.pos.reversal(sale)
        line(undo, fault_of(kind.value))
        assert line.code(undo) in line.core.profile.reversal_accepted
        effect = line.effect(sale)
        assert effect.net_minor == 0
        assert effect.applied == effect.undone


def test_chance_is_repeatable_from_the_seed():
    def story(seed):
        plan = FaultPlan(chances=chances_of("answer_lost=0.3,decline=0.3"))
        line = talk(plan=plan, seed=seed)
        return [line.code(line.pos.sale()) for _ in range(60)]

    assert story(1) == story(1) != story(2)
    assert {None, "00", "05"} == set(story(1))


def test_magic_amounts_work_through_the_core(pos_line):
    lost = pos_line.pos.sale(9102)
    assert pos_line(lost) is None
    assert pos_line.effect(lost).net_minor == 9102
    twice = pos_line.pos.sale(9302)
    assert pos_line(twice) is None
    undo = pos_line.pos.reversal(twice)
    assert [pos_line.code(undo), pos_line.code(undo)] == [None, "00"]
    assert pos_line.effect(twice).undone == 1
