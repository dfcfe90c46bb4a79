"""Reading on: nothing counted twice, a line that a kill cut off is passed over, tracebacks are not hidden."""

import json

from storno.reversal.key import TxKey
from storno.sim.compare import Slip
from storno.sim.gauge import FaultTail, Gauge
from storno.sim.supervisor import Supervisor, Timing
from storno.sim.three_books import read_slips, slip_file


def note(fault):
    return json.dumps({"event": "message", "fault": fault}) + "\n"


def test_faults_are_counted_once_though_the_file_grows_and_lines_are_cut_off(tmp_path):
    path = tmp_path / "host.jsonl"
    tail = FaultTail(path)
    assert not tail.look()
    path.write_text(
        json.dumps({"event": "listening"}) + "\n" + note("late:3000") + note(None) + note("late:3000")[:10]
    )
    assert tail.look() == {"late": 1}
    with path.open("a") as file:
        file.write(note("late:3000")[10:] + '{"event": "mess')
    assert tail.look() == {"late": 2}
    with path.open("a") as file:
        file.write(note("answer_lost") + note("answer_lost"))
    assert tail.look() == {"late": 2, "answer_lost": 1}, "what a kill cut off spoils its own line only"
    assert tail.messages == 4


def test_a_gauge_without_a_journal_reads_zero(tmp_path):
    gauge = Gauge(tmp_path)
    assert (gauge.look().opened, gauge.in_flight(), gauge.open_reversals(), gauge.cases()) == (0, 0, (), ())
    assert gauge.most_telling() == ""


def test_a_slip_cut_off_by_a_power_cut_is_passed_over(tmp_path):
    path = slip_file(tmp_path, "00000001")
    path.parent.mkdir()
    path.write_text('["000001", "000002", "partial"]\n["000001", "", "not_sent"]\n["000001", "0000')
    key = TxKey("00000001", "M", "000001", "000002")
    assert list(read_slips(tmp_path, "00000001", "M")) == [Slip(key, approved=True)]


def test_a_traceback_in_any_log_is_told(tmp_path):
    supervisor = Supervisor(tmp_path)
    assert supervisor.faults_of_ours() == ()
    text = (
        'fine\nTraceback (most recent call last):\n  File "x", line 1, in y\nTypeError: broken\nfine again\n'
    )
    (supervisor.logs / "gateway.log").write_text(text)
    assert supervisor.faults_of_ours() == ("gateway.log: TypeError: broken",)


def test_a_terminal_waits_longer_than_the_gateway():
    assert Timing().terminal_ms > Timing().answer_ms
