"""What must always hold: of the table, from the table alone, and of every record that can come out of it.

Each check gives its findings as text and none when all is well; tests, the simulator's checkers and `storno ledger`
may ask the same questions. Pure: it looks at values and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storno.reversal.lifecycle import IN_FLIGHT, TABLE, Effect, Input, State
from storno.reversal.machine import POSITIONS
from storno.reversal.postings import Position
from storno.reversal.record import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from storno.reversal.lifecycle import Case
    from storno.reversal.record import Record

ANSWERS = (
    Input.RESPONSE_APPROVED,
    Input.RESPONSE_DECLINED,
    Input.RESPONSE_DOUBTFUL,
    Input.RESPONSE_INVALID,
)
"""What a host may send at any time: every state takes each of them."""

ORDERS = (Input.RETRY_ORDERED, Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED, Input.CASE_CLOSED)
"""What a person may order."""

SETTLED = frozenset(
    {State.NOT_SENT, State.APPROVED, State.DECLINED, State.VOIDED, State.COMPLETED, State.REVERSED}
)
"""States that may be the end: the place of the money is known. CLOSED is the end by a person's word."""

PLACES: dict[State, frozenset[Position]] = {
    State.AUTHORIZING: frozenset({Position.NONE}),
    State.ADVISING: frozenset({Position.NONE, Position.SUSPENSE}),
    State.NOT_SENT: frozenset({Position.NONE}),
    State.APPROVED: frozenset({Position.EFFECT}),
    State.DECLINED: frozenset({Position.NONE}),
    State.UNKNOWN: frozenset({Position.SUSPENSE}),
    State.VOIDED: frozenset({Position.EFFECT}),
    State.COMPLETED: frozenset({Position.EFFECT}),
    State.REVERSING: frozenset({Position.SUSPENSE, Position.NONE}),
    State.REVERSED: frozenset({Position.NONE}),
    State.REFUSED: frozenset({Position.SUSPENSE, Position.NONE}),
    State.EXHAUSTED: frozenset({Position.SUSPENSE, Position.NONE}),
    State.CLOSED: frozenset({Position.NONE, Position.EFFECT}),
}
"""Where the money may be in each state. NONE while reversing is a tombstone: an amount we never booked."""


@dataclass(frozen=True, slots=True)
class Spot:
    """What the table can tell apart of a record: its state, its money, its open case, and what kind it is."""

    state: State
    position: Position
    case: Case | None
    reversible: bool
    tombstone: bool


FIRST_SPOTS = (
    Spot(State.AUTHORIZING, Position.NONE, None, reversible=True, tombstone=False),
    Spot(State.ADVISING, Position.NONE, None, reversible=False, tombstone=False),
    Spot(State.REVERSING, Position.NONE, None, reversible=True, tombstone=True),
)


def moves(spot: Spot) -> Iterator[tuple[Input, Spot]]:
    """Give every step from a spot, as `machine.step` would take it."""
    for (state, what), row in TABLE.items():
        if state is not spot.state or (row.state is State.REVERSING and not spot.reversible):
            continue
        if row.state is State.NOT_SENT and spot.position is not Position.NONE:
            continue
        position, case = spot.position, spot.case
        for effect in row.effects:
            position = POSITIONS.get(effect, position)
            if effect is Effect.CLOSE_CASE:
                case = None
        yield what, replace(spot, state=row.state, position=position, case=row.case or case)


def reachable(first: Iterable[Spot] = FIRST_SPOTS) -> dict[Spot, tuple[Input, ...]]:
    """Give every spot that can be reached, with a shortest way to it."""
    ways: dict[Spot, tuple[Input, ...]] = dict.fromkeys(first, ())
    front = list(ways)
    while front:
        coming = []
        for spot in front:
            for what, after in moves(spot):
                if after not in ways:
                    ways[after] = (*ways[spot], what)
                    coming.append(after)
        front = coming
    return ways


def unreachable_rows() -> tuple[tuple[State, Input], ...]:
    """Give the rows no record can ever use."""
    used = {(spot.state, what) for spot in reachable() for what, _ in moves(spot)}
    return tuple(cell for cell in TABLE if cell not in used)


def table_problems() -> tuple[str, ...]:
    """Check the table alone; each finding is one sentence."""
    return (*_row_problems(), *_way_problems())


def _row_problems() -> Iterator[str]:
    for state in State:
        for what in ANSWERS:
            if (state, what) not in TABLE:
                yield f"{state.name} does not take {what.name}"
    for (state, what), row in TABLE.items():
        posts = [effect for effect in row.effects if effect in POSITIONS]
        if len(posts) > 1:
            yield f"{state.name} + {what.name} moves the money to {len(posts)} places at once"
        if len(set(row.effects)) != len(row.effects):
            yield f"{state.name} + {what.name} does something twice"
        replies = [effect for effect in row.effects if effect.name.startswith("REPLY_")]
        if len(replies) > 1:
            yield f"{state.name} + {what.name} answers the terminal twice"
        if (
            row.state is State.REVERSING
            and state is not State.REVERSING
            and Effect.QUEUE_REVERSAL not in row.effects
        ):
            yield f"{state.name} + {what.name} begins a reversal and queues none"
        if (
            state in IN_FLIGHT
            and row.state not in IN_FLIGHT
            and not replies
            and Effect.ACK_CANCEL not in row.effects
        ):
            yield f"{state.name} + {what.name} leaves the terminal without an answer"
        if (
            state is State.REVERSING
            and what in ANSWERS
            and (row.state is not state or set(row.effects) - {Effect.NOTE_LATE})
        ):
            yield f"{what.name} wins over a reversal in flight"


def _way_problems() -> Iterator[str]:
    for spot, way in reachable().items():
        told = " > ".join(what.name for what in way)
        if spot.position not in PLACES[spot.state]:
            yield f"{spot.state.name} with the money in {spot.position.name} by {told}"
        undoing = spot.state in (State.REVERSING, State.REFUSED, State.EXHAUSTED)
        if undoing and spot.position is Position.NONE and not spot.tombstone:
            yield f"{spot.state.name} with no money in suspense by {told}"
        ways_on = dict(moves(spot))
        leaves = [after for after in ways_on.values() if after.state is not spot.state]
        if spot.state not in SETTLED and spot.state is not State.CLOSED and not leaves:
            yield f"{spot.state.name} has no way out"
        if (
            spot.case is not None
            and not any(after.case is None for what, after in ways_on.items() if what in ORDERS)
            and spot.state is not State.ADVISING
        ):
            yield f"{spot.state.name} with case {spot.case.name} cannot be closed by a person; by {told}"


def record_problems(record: Record) -> tuple[str, ...]:
    """Check one record; a finding means that the machine or the journal is wrong, not the host."""
    found = []
    if record.position not in PLACES[record.state]:
        found.append(f"{record.state.name} with the money in {record.position.name}")
    if record.position is Position.NONE and not record.opening.tombstone and record.state is State.REVERSING:
        found.append("being reversed without its amount in suspense")
    if record.state is State.REVERSING and not record.kind.reversible:
        found.append(f"a {record.kind.value} is being reversed")
    if record.state in (State.UNKNOWN, State.REFUSED, State.EXHAUSTED) and record.case is None:
        found.append(f"{record.state.name} and no case open: nobody will ever look at it")
    if record.told is Told.APPROVED and record.state in (State.DECLINED, State.NOT_SENT):
        found.append(f"the terminal was told approved, the record is {record.state.name}")
    if record.attempts > record.sent:
        found.append("more attempts in this round than sendings ever")
    return tuple(found)
