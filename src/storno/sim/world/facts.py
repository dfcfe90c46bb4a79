"""What one gateway's journal holds, followed fact by fact and apart from the node: the auditor's own memory.

Rule: it learns only from what was stored, never from what the node believes. Rows of the life cycle that were taken are
counted here. Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from storno.iso8583.message import Message
from storno.journal.fact import OPENED, TX_COLUMNS, Change
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.record import Told

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_TID, _MID, _BATCH, _STAN = _AT["tid"], _AT["mid"], _AT["batch"], _AT["stan"]
_STATE, _KIND, _CASE, _TOLD = _AT["state"], _AT["kind"], _AT["case_kind"], _AT["told"]
_SAID_YES = Told.APPROVED.value
_STATES = {one.value: one for one in State}
_INPUTS = {one.value: one for one in Input}
_KINDS = {one.value: one for one in Kind}
_OPENING: Input | None = None
Row = tuple[State | None, Input | None]
"""A row of the table that was taken; (None, None) is an opening."""


@dataclass(slots=True)
class Stored:
    """One transaction as the journal has it."""

    tx_id: str
    key: TxKey
    kind: Kind
    amount_minor: int
    state: State
    opened_ms: int
    tombstone: bool
    was_told_approved: bool = False
    case: str | None = None
    dues: int = 0
    """`reversal_due` facts: sendings of the reversal that may have left."""
    round_dues: int = 0
    round_ms: int = 0
    left_approved_ms: int | None = None
    cancels: int = 0
    """Reversals of the terminal that were taken into custody."""
    sent: int = 0
    left: int = 0
    """Sendings of its reversal that were ordered, and those of them that found a line."""
    first: Message | None = None
    """The first sending: all others must be the same."""
    entries: dict[str, int] = field(default_factory=dict)
    postings: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Follower:
    """Every transaction of one journal."""

    transactions: dict[str, Stored] = field(default_factory=dict)
    by_key: dict[TxKey, list[Stored]] = field(default_factory=dict)
    rows: Counter[Row] = field(default_factory=Counter)
    cases: int = 0
    """Exceptions that were opened."""
    queues: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    """What is being reversed, by terminal, in the order in which it must go."""
    undelivered: dict[str, int] = field(default_factory=dict)
    """Approvals of which the gateway was told that nobody could take them, and when."""
    unsent: set[str] = field(default_factory=set)
    """Requests of which the gateway was told that not a byte could leave."""

    def restarted(self) -> None:
        """Begin again with the queues as a new process finds them: by age of the transaction."""
        self.queues.clear()
        for stored in self.transactions.values():
            if stored.state in (
                State.REVERSING,
                State.AUTHORIZING,
            ):  # what was in flight is reversed in its place
                self.queues.setdefault(stored.key[:2], {})[stored.tx_id] = None
        self.undelivered.clear()  # told to a process that may have died before it could write it down

    def head(self, stored: Stored) -> str:
        """Give what must be reversed first at its terminal."""
        queue = self.queues.get(stored.key[:2], {})
        waiting = (one for one in queue if self.transactions[one].state is State.REVERSING)
        return next(waiting, stored.tx_id)

    def latest(self, key: TxKey) -> Stored | None:
        """Give the newest transaction with this identity."""
        known = self.by_key.get(key)
        return known[-1] if known else None

    def take(self, change: Change) -> tuple[Stored, State | None, Input | None]:
        """Follow one change; give the transaction, its state before and what happened to it."""
        fact, row, posting, _ = change
        tx_id, at_ms, what, state = fact[0], fact[1], fact[2], _STATES[fact[3]]
        if what == OPENED:
            key = TxKey(row[_TID], row[_MID], row[_BATCH], row[_STAN])
            tombstone = bool(row[_AT["tombstone"]])
            stored = Stored(
                tx_id, key, _KINDS[row[_KIND]], row[_AT["amount_minor"]], state, at_ms, tombstone,
                cancels=int(tombstone), round_ms=at_ms,
            )  # fmt: skip
            self.transactions[tx_id] = stored
            self.by_key.setdefault(key, []).append(stored)
            before, cause = None, _OPENING
        else:
            stored, cause = self.transactions[tx_id], _INPUTS[what]
            before, stored.state = stored.state, state
            self._count(stored, before, cause, at_ms)
        if (state is State.REVERSING) is not (before is State.REVERSING):
            queue = self.queues.setdefault(stored.key[:2], {})
            if state is State.REVERSING:
                queue[tx_id] = None
            else:
                queue.pop(tx_id, None)
        self.rows[before, cause] += 1
        if row[_CASE] is not None and stored.case is None:
            self.cases += 1
        stored.case = row[_CASE]
        if row[_TOLD] == _SAID_YES:
            stored.was_told_approved = True
        if posting is not None:
            for account, amount in posting[3]:
                stored.entries[account] = stored.entries.get(account, 0) + amount
        return stored, before, cause

    def _count(self, stored: Stored, before: State, cause: Input, at_ms: int) -> None:
        if cause is Input.REVERSAL_DUE:
            stored.dues += 1
            stored.round_dues += 1
        elif cause is Input.SEND_FAILED and stored.state is State.REVERSING:
            stored.round_dues = max(0, stored.round_dues - 1)
        elif cause is Input.CANCEL_REQUESTED:
            stored.cancels += 1
        if before is State.APPROVED and stored.state is not before and stored.left_approved_ms is None:
            stored.left_approved_ms = at_ms
        if stored.state is State.REVERSING and before is not State.REVERSING:
            stored.round_dues, stored.round_ms = 0, at_ms


NEEDS_CASE = {
    State.REFUSED: Case.REFUSED,
    State.EXHAUSTED: Case.EXHAUSTED,
    State.UNKNOWN: None,
}
"""States in which somebody must be looking; None: whatever the case says."""
