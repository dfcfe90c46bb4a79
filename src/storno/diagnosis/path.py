"""The way a transaction took: its facts replayed through the life cycle, with the money beside each step.

Pure. What it gives is what the journal's fold gives, so a story told from it cannot differ from the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.diagnosis.standing import Sums
from storno.reversal.lifecycle import Effect, Input, State
from storno.reversal.machine import ContractBroken, begin, step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.reversal.record import Fact, Record

_TURNS = frozenset({State.REVERSING, State.UNKNOWN, State.REVERSED})


@dataclass(frozen=True, slots=True)
class Moment:
    """One fact, what it made of the transaction, and where the money was before and after."""

    fact: Fact
    before: Record | None
    after: Record
    effects: tuple[Effect, ...]
    sums_before: Sums
    sums: Sums

    @property
    def entered(self) -> bool:
        """Say whether the fact changed the state."""
        return self.before is None or self.before.state is not self.after.state


@dataclass(frozen=True, slots=True)
class Path:
    """All moments of a transaction, oldest first."""

    moments: tuple[Moment, ...]

    @property
    def record(self) -> Record:
        """The transaction as it stands."""
        return self.moments[-1].after

    @property
    def sums(self) -> Sums:
        """The money as it stands."""
        return self.moments[-1].sums

    def entry(self) -> Moment:
        """Give the moment the present state was entered last."""
        return next(one for one in reversed(self.moments) if one.entered)

    def cause(self) -> Moment | None:
        """Give the moment the trouble began: what first put the money in doubt or had it undone; None if nothing did.

        A later round (another reversal after the operator's order) has the cause of the first one; an approval that
        came after a finished undoing starts a trouble of its own.
        """
        found: Moment | None = None
        for one in self.moments:
            if one.before is not None and one.before.state in (
                State.APPROVED,
                State.DECLINED,
                State.NOT_SENT,
            ):
                found = None
            if one.entered and one.after.state in _TURNS and one.fact.input is not Input.RETRY_ORDERED:
                again = one.before is not None and one.before.state is State.REVERSED
                if found is None or (again and one.after.state is State.REVERSING):
                    found = one
        return found


def replay(facts: Iterable[Fact]) -> Path:
    """Replay a transaction's facts.

    Raises:
        ContractBroken: there are none, or they do not follow from each other.

    """
    moments: list[Moment] = []
    before: Record | None = None
    sums = Sums("")
    for fact in facts:
        if fact.opening is not None:
            if before is not None:
                raise ContractBroken(f"{fact.tx_id} opens twice")
            outcome = begin(fact.tx_id, fact.at_ms, fact.opening, fact.detail)
            sums = Sums(fact.opening.currency)
        elif before is None or fact.input is None:
            raise ContractBroken(f"{fact.tx_id} has no opening")
        else:
            outcome = step(before, fact.input, fact.at_ms, fact.detail)
        if outcome.record.state is not fact.state:
            raise ContractBroken(f"{fact.tx_id} does not follow from its facts")
        after = outcome.record
        was, sums = sums, sums if outcome.posting is None else sums.after(outcome.posting, after.key.mid)
        moments.append(Moment(fact, before, after, outcome.effects, was, sums))
        before = after
    if not moments:
        raise ContractBroken("nothing to replay")
    return Path(tuple(moments))
