"""Random ways a transaction can take through the life cycle, as outcomes of the real machine."""

from hypothesis import strategies as st

from journal_kit import NOW_MS, opening
from storno.diagnosis import orders
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, Input, State
from storno.reversal.machine import ContractBroken, begin, step
from storno.reversal.record import Detail, Trigger

DAY_MS = 86_400_000


def after(record, what, at_ms, detail):
    """Take one step, or None where the machine itself says that this cannot be."""
    try:
        return step(record, what, at_ms, detail)
    except ContractBroken:
        return None


def cells(record):
    inputs = [what for at, what in TABLE if at is record.state]
    return [what for what in inputs if after(record, what, NOW_MS, Detail()) is not None]


def begun(kind, *, tombstone=False, amount=12_345, hold=0):
    first = State.REVERSING if tombstone else State.AUTHORIZING if kind.reversible else State.ADVISING
    content = opening(
        kind=kind, first_state=first, amount_minor=amount, hold_minor=hold, tombstone=tombstone, original="o-1",
        trigger=Trigger.TERMINAL if tombstone else None, reason="98" if tombstone else "",
    )  # fmt: skip
    return begin(
        "1-1", NOW_MS, content, Detail(due_ms=NOW_MS, deadline_ms=NOW_MS + DAY_MS) if tombstone else Detail()
    )


@st.composite
def ways(draw):
    kind = draw(st.sampled_from(Kind))
    outcomes = [
        begun(
            kind, tombstone=kind.reversible and draw(st.booleans()), amount=draw(st.sampled_from([12_345, 1, 0])),
            hold=draw(st.sampled_from([0, 20_000])) if kind in (Kind.COMPLETION, Kind.COMPLETION_VOID) else 0,
        )
    ]  # fmt: skip
    for number in range(draw(st.integers(0, 9))):
        record = outcomes[-1].record
        open_cells = cells(record)
        if not open_cells:
            break
        what = draw(st.sampled_from(open_cells))
        half = draw(st.sampled_from([None, record.opening.amount_minor // 2]))
        partial = half if what is Input.RESPONSE_APPROVED else None
        detail = Detail(
            code=draw(st.sampled_from(["", "00", "10", "51", "98", "7Q"])), amount_minor=partial,
            trigger=draw(st.sampled_from([None, *Trigger])), operator="li" if what in orders.ORDERS else "",
            note="clearing file" if what in orders.ORDERS else "", due_ms=NOW_MS + 60_000, deadline_ms=NOW_MS + DAY_MS,
        )  # fmt: skip
        outcomes.append(step(record, what, NOW_MS + 1_000 * (number + 1), detail))
    return outcomes
