"""Found by the crash proof: a void answered 10 with half its amount was taken as done, while the host undid all of it.

What gives money back is done whole or not at all: gateway and terminal reverse such a void, the simulator makes none.
"""

import pytest

from host_rig import NOW, Pos, make_core
from storno.exchange.judge import judge_answer
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin
from storno.reversal.record import Opening
from storno.sim.faults import fault_of
from storno.sim.heard import hear
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome
from storno.terminal.request import Order, original_fields
from terminal_rig import CARD, Rig

PROFILE = dialect("cup_pos").profile
KEY = TxKey("00000001", "898440153110001", "000001", "000042")
GIVES_BACK = [kind for kind in Kind if kind.undoes or kind is Kind.REFUND]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("amount", [500, 1000])
def test_the_gateway_takes_part_of_a_void_for_no_answer(kind, amount):
    first = State.AUTHORIZING if kind.reversible else State.ADVISING
    record = begin("t-1", 1, Opening(KEY, kind, first, 1000, "CNY", "cup_pos", "20260101")).record
    answer = Message("0210", {3: "200000", 4: f"{amount:012d}", 39: "10"})
    what, _ = judge_answer(record, answer, PROFILE, mac_ok=True)
    refused = kind in GIVES_BACK and amount == 500
    assert what is (Input.RESPONSE_INVALID if refused else Input.RESPONSE_APPROVED)


def test_the_terminal_reverses_a_void_done_in_part():
    till = Rig()
    till.sign_in()
    sold = till.sale(1000)
    row = next(row for row in till.store.entries() if row.stan == sold.stan)
    extra = original_fields(row.batch, row.stan, row.date, row.rrn, row.auth_code)
    till.host.plan += ["partial:500"]
    result = till.run(till.core.transact(Order(Operation.VOID, 1000, CARD, extra, row), till.now_ms + 1))
    assert (result.outcome, result.cause, result.reversal_pending) == (Outcome.UNKNOWN, Cause.MISMATCH, True)


def test_the_simulated_host_does_a_void_whole_even_under_the_fault():
    core, pos = make_core(), Pos()
    assert core.profile.mac != "none"
    fault = fault_of("partial_approval")
    sale = hear(pos.sale(), core.dialect)
    assert core._request(sale, fault, NOW).partial_minor == 500
    void = hear(pos.void(pos.sale()), core.dialect)
    assert core._request(void, fault, NOW).partial_minor is None
