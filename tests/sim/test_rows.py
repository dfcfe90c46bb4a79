"""Every row of the life cycle is taken by a simulated day or by a test of its own with its name.

`rows.txt` lists what the days of the last soak took; `NEVER` says of every other row why no day takes it. Each of
those is walked here, from every place that leads to it, with the money that moves.
"""

from functools import cache
from pathlib import Path

import pytest

from storno.ledger.balance import Balances
from storno.reversal.invariants import Spot, moves, reachable, record_problems
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, Input, State
from storno.reversal.machine import begin, fold, step
from storno.reversal.postings import entries_at
from storno.reversal.record import Detail, Opening

MID = "000000000000001"
TAKEN = frozenset((Path(__file__).with_name("rows.txt")).read_text("utf-8").splitlines())
_UNSENT = "no host answers, undoes or clears what never left the gateway"
_DECLINED = "a host that declined a request holds nothing that it could undo or clear"
_UNHANDED = "what nobody could be told of is reversed before anything else can happen to it"
_RESTED_ON = "the simulated host undoes nothing by itself that a void or completion rests on"
_REFUSED_VOID = "the gateway forwards no void or completion of what does not stand"
_AT_REST = "people close a transaction when nothing of it is under way any more"
_BOTH_AGREE = "nobody adjusts what is gone in both books"
NEVER: dict[str, str] = {
    "not_sent+response_approved": _UNSENT,
    "not_sent+contradicted": _UNSENT,
    "not_sent+response_declined": _UNSENT,
    "not_sent+response_doubtful": _UNSENT,
    "not_sent+response_invalid": _UNSENT,
    "not_sent+host_reversed": _UNSENT,
    "not_sent+adjusted_charged": _UNSENT,
    "not_sent+case_closed": _UNSENT,
    "declined+host_reversed": _DECLINED,
    "declined+adjusted_charged": _DECLINED,
    "declined+case_closed": _DECLINED,
    "voided+delivery_failed": _UNHANDED,
    "completed+delivery_failed": _UNHANDED,
    "reversing+delivery_failed": _UNHANDED,
    "refused+delivery_failed": _UNHANDED,
    "exhausted+delivery_failed": _UNHANDED,
    "closed+delivery_failed": _UNHANDED,
    "voided+host_reversed": _RESTED_ON,
    "completed+host_reversed": _RESTED_ON,
    "voided+undone": _REFUSED_VOID,
    "voided+consumed": _REFUSED_VOID,
    "completed+undone": _REFUSED_VOID,
    "completed+consumed": _REFUSED_VOID,
    "reversed+consumed": _REFUSED_VOID,
    "refused+undone": _REFUSED_VOID,
    "refused+consumed": _REFUSED_VOID,
    "exhausted+undone": _REFUSED_VOID,
    "exhausted+consumed": _REFUSED_VOID,
    "closed+response_declined": _AT_REST,
    "closed+response_invalid": _AT_REST,
    "closed+host_reversed": _AT_REST,
    "closed+reversal_refused": _AT_REST,
    "reversing+case_closed": _AT_REST,
    "reversed+adjusted_uncharged": _BOTH_AGREE,
}
"""Rows of the table that no day of the last soak took, and why."""


def name(state: State, what: Input) -> str:
    return f"{state.value}+{what.value}"


ROWS = {name(*cell): cell for cell in TABLE}


def test_every_row_is_taken_by_a_day_or_named_here():
    assert set(ROWS) == TAKEN | set(NEVER)
    assert not TAKEN & set(NEVER)
    assert all(NEVER.values())


@cache
def everywhere() -> dict[Spot, tuple[Input, ...]]:
    return reachable()


def ways(cell: tuple[State, Input]) -> list[tuple[Spot, tuple[Input, ...]]]:
    """Give every place from which the row can be taken, with a shortest way to it."""
    state, what = cell
    return [
        (spot, way) for spot, way in everywhere().items() if spot.state is state and what in dict(moves(spot))
    ]


def opening_of(spot: Spot) -> Opening:
    kind = Kind.SALE if spot.reversible else Kind.COMPLETION_ADVICE
    first = State.AUTHORIZING if spot.reversible else State.ADVISING
    return Opening(
        TxKey("00000001", MID, "000001", "000001"), kind, State.REVERSING if spot.tombstone else first,
        1000, "CNY", "cup_pos", "20260105", tombstone=spot.tombstone,
    )  # fmt: skip


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_row_keeps_books_and_record_sound(row):
    """Named for every row, also those that days take: what a soak reaches today it may not reach tomorrow."""
    state, what = ROWS[row]
    found = ways((state, what))
    assert found
    for spot, way in found:
        outcome = begin("tx", 0, opening_of(spot))
        record, facts, books = outcome.record, [outcome.fact], Balances()
        for at_ms, one in enumerate((*way, what), 1):
            outcome = step(record, one, at_ms, Detail(code="00"))
            record = outcome.record
            facts.append(outcome.fact)
            if outcome.posting is not None:
                books.post(outcome.posting)
        assert record.state is TABLE[state, what].state
        assert record_problems(record) == ()
        assert fold(facts) == record
        held = {account: amount for (_, account), amount in books.sums.items() if amount}
        assert held == dict(entries_at(record.kind, record.position, MID, record.amount_minor, 0))
        assert books.total("CNY") == 0
