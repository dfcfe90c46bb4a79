"""The record: what is known of one transaction, and the facts it is folded from.

A fact is an input that happened, with its details. The record is never stored as truth: it is the fold of its facts.
No clear PAN, track or PIN is in here; the sealed card copy lives beside the journal and can be destroyed alone.
Named tuples, not dataclasses: seven of them are made for each sale, and these cost a quarter.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from storno.reversal.postings import Position

if TYPE_CHECKING:
    from storno.reversal.key import TxKey
    from storno.reversal.kinds import Kind
    from storno.reversal.lifecycle import Case, Input, State

FieldTexts = tuple[tuple[int, str], ...]
"""ISO 8583 field number and its text; never F2, F35, F36, F45, F52."""


class Told(Enum):
    """What the terminal was last told."""

    __hash__ = object.__hash__  # identity: hashed several times a step

    NOTHING = "nothing"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Trigger(Enum):
    """Why the money had to be undone."""

    __hash__ = object.__hash__  # identity: hashed several times a step

    TIMEOUT = "timeout"
    LINK_LOST = "link_lost"
    BAD_MAC = "bad_mac"
    BAD_ANSWER = "bad_answer"
    DOUBTFUL_CODE = "doubtful_code"
    RECOVERED = "recovered"
    UNDELIVERABLE = "undeliverable"
    TERMINAL = "terminal"
    LATE_APPROVAL = "late_approval"
    OPERATOR = "operator"


class Opening(NamedTuple):
    """How a record begins: the identity and the non-sensitive content of the request."""

    key: TxKey
    kind: Kind
    first_state: State
    amount_minor: int
    currency: str
    dialect: str
    date: str
    """Business date YYYYMMDD in the gateway's time zone."""
    pan_masked: str = ""
    pan_token: str = ""
    fingerprint: str = ""
    """Digest of what makes the request this request: a re-used STAN with another body is not a repeat."""
    original: str = ""
    """Transaction id of what this one voids, completes or refunds, where we know it."""
    hold_minor: int = 0
    fields: FieldTexts = ()
    tombstone: bool = False
    trigger: Trigger | None = None
    reason: str = ""


class Detail(NamedTuple):
    """What comes with an input; members that do not apply stay at their default."""

    code: str = ""
    """F39 as on the wire: a response code in an answer, a reason in a terminal's 0400."""
    rrn: str = ""
    auth_code: str = ""
    amount_minor: int | None = None
    trigger: Trigger | None = None
    reason: str = ""
    """Wire code of the reversal's reason."""
    due_ms: int = 0
    deadline_ms: int = 0
    operator: str = ""
    note: str = ""
    fields: FieldTexts = ()


NO_DETAIL = Detail()


class Fact(NamedTuple):
    """Something that happened to a transaction, at a time (milliseconds since 1970, UTC)."""

    tx_id: str
    at_ms: int
    input: Input | None
    """None for the opening."""
    state: State
    """The state after it: checked again whenever the journal is folded."""
    opening: Opening | None = None
    detail: Detail = NO_DETAIL


class Record(NamedTuple):
    """One transaction as it stands."""

    tx_id: str
    opening: Opening
    state: State
    position: Position = Position.NONE
    approved_minor: int | None = None
    told: Told = Told.NOTHING
    response: str = ""
    rrn: str = ""
    auth_code: str = ""
    trigger: Trigger | None = None
    reason: str = ""
    attempts: int = 0
    """Sendings of the reversal in this round, answered or not."""
    sent: int = 0
    """Sendings of the reversal ever: more than none makes the next one a repeat."""
    due_ms: int = 0
    deadline_ms: int = 0
    postings: int = 0
    marked: bool = False
    """True while the original is shown as undone or completed because of this transaction."""
    case: Case | None = None
    opened_ms: int = 0
    updated_ms: int = 0
    late_code: str = ""
    undone_by: str = ""
    """Id of what voided or completed it, while it stands undone: only that one can give it back."""
    undoing_ms: int = 0
    """When its undoing first began: the time in every sending of the reversal, so that repeats stay the same."""
    answer_fields: FieldTexts = ()

    @property
    def key(self) -> TxKey:
        """The terminal's identity of it."""
        return self.opening.key

    @property
    def kind(self) -> Kind:
        """What it is for."""
        return self.opening.kind

    @property
    def amount_minor(self) -> int:
        """The amount that counts: the approved one once there is an approval (partial approval included)."""
        return self.opening.amount_minor if self.approved_minor is None else self.approved_minor


_PLACES = {name: place for place, name in enumerate(Record._fields)}


def with_changes(record: Record, changes: dict[str, object]) -> Record:
    """Give the record with some members changed: `_replace` at a third of its price, once for each step."""
    values: list[object] = list(record)
    for name, value in changes.items():
        values[_PLACES[name]] = value
    return tuple.__new__(Record, values)
