"""Deadlines: kept in order, taken away by an answer, and gone when nothing waits."""

from storno.gateway.timers import ANSWER, Timers


def test_deadlines_come_due_in_order():
    timers = Timers()
    timers.set(300, "echo", "link")
    timers.expect(100, "tx-1")
    timers.expect(200, "tx-2")
    assert timers.next_ms() == 100
    assert timers.take(99) == []
    assert timers.take(250) == [(ANSWER, "tx-1"), (ANSWER, "tx-2")]
    assert timers.next_ms() == 300
    assert timers.take(300) == [("echo", "link")]
    assert timers.next_ms() is None


def test_an_answer_takes_its_deadline_away():
    timers = Timers()
    for number in range(1_000):
        timers.expect(100 + number, f"tx-{number}")
        timers.answered(f"tx-{number}")
    assert len(timers) == 0
    assert timers.next_ms() is None
    timers.answered("tx-7")


def test_a_second_sending_waits_anew():
    timers = Timers()
    timers.expect(100, "tx-1")
    timers.expect(150, "tx-2")
    timers.expect(200, "tx-1")
    assert timers.take(150) == [(ANSWER, "tx-2")]
    assert timers.take(200) == [(ANSWER, "tx-1")]
