"""What the host's books are made of: identities, requests, rulings, entries, effects, totals.

Rule: no clear card number in here; a card is its keyed hash and its masked form. An entry's money is derived from its
facts (approved, reversed, undone by a void, completed), never kept beside them. Pure data: imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from storno.reversal.kinds import Kind

CHARGES = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_ADVICE})
UNDONE_BY: dict[Kind, frozenset[Kind]] = {
    Kind.VOID: frozenset({Kind.SALE}),
    Kind.PREAUTH_VOID: frozenset({Kind.PREAUTH}),
    Kind.COMPLETION_VOID: frozenset({Kind.COMPLETION, Kind.COMPLETION_ADVICE}),
}


class Identity(NamedTuple):
    """What names one original: the terminal's numbering, or (tid, mid and batch empty) the network's.

    `extra` is F7 + "/" + F32 on network links, where STAN alone is not unique.
    """

    tid: str
    mid: str
    batch: str
    stan: str
    extra: str = ""

    def __str__(self) -> str:
        if self.extra:
            return f"{self.stan} ({self.extra})"
        return f"{self.tid}/{self.stan} (batch {self.batch or '-'})"


class CardRef(NamedTuple):
    """A card as the books know it. `opening_minor` is the balance a card not seen before starts with."""

    token: str
    masked: str
    opening_minor: int


class OriginalRef(NamedTuple):
    """How a void, completion or refund names the transaction it is about; empty members were not sent."""

    identity: Identity | None = None
    rrn: str = ""
    auth_code: str = ""


NO_ORIGINAL = OriginalRef()


class Request(NamedTuple):
    """One financial request as the books rule on it. Amounts in minor units, time in ms since 1970."""

    identity: Identity
    kind: Kind
    amount_minor: int
    card: CardRef
    at_ms: int
    tid: str = ""
    mid: str = ""
    batch: str = ""
    currency: str = "CNY"
    original: OriginalRef = NO_ORIGINAL
    fingerprint: str = ""
    advice: bool = False
    """An advice reports what happened already: balance does not decide about it."""
    partial_ok: bool = False
    partial_minor: int | None = None
    """Approve only this much (F39=10): asked for by a fault."""
    forced_code: str = ""
    """Answer this code whatever the books say: asked for by a card's role or by a fault."""
    rrn: str = ""
    """The reference number when the sender gives it (networks); else the host does."""
    forced_posts: bool = False
    """With a forced code: post the money all the same (a doubtful answer over a done effect)."""


class Standing(Enum):
    """What the host decided about a request."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    APPROVED = "approved"
    DECLINED = "declined"
    TOMBSTONE = "tombstone"
    """Never seen, but its reversal was: a late original is declined."""


class Entry(NamedTuple):
    """One transaction in the host's books: facts only. (A named tuple: these are copied in the hot path.)"""

    identity: Identity
    kind: Kind
    standing: Standing
    code: str
    amount_minor: int
    requested_minor: int
    at_ms: int
    tid: str = ""
    mid: str = ""
    batch: str = ""
    currency: str = "CNY"
    token: str = ""
    masked: str = ""
    rrn: str = ""
    auth_code: str = ""
    fingerprint: str = ""
    original: Identity | None = None
    reversed: bool = False
    undone_by: Identity | None = None
    completed_by: Identity | None = None
    refunded_minor: int = 0
    reversals: int = 0
    """Reversals received for it, whether or not they moved money."""
    late: int = 0
    """Originals declined because of the tombstone."""
    applied: int = 0
    undone: int = 0

    @property
    def in_force(self) -> bool:
        """Say whether its effect stands now."""
        return self.standing is Standing.APPROVED and not self.reversed and self.undone_by is None

    @property
    def charge_minor(self) -> int:
        """Give what it takes from the cardholder now; negative for a refund."""
        if not self.in_force:
            return 0
        if self.kind in CHARGES:
            return self.amount_minor
        return -self.amount_minor if self.kind is Kind.REFUND else 0

    @property
    def hold_minor(self) -> int:
        """Give what it blocks on the account now."""
        held = self.kind is Kind.PREAUTH and self.in_force and self.completed_by is None
        return self.amount_minor if held else 0


class Account(NamedTuple):
    """A card's money. `balance_minor` counts down with charges; `held_minor` is blocked by pre-authorisations."""

    token: str
    masked: str
    opening_minor: int
    balance_minor: int
    held_minor: int = 0

    @property
    def available_minor(self) -> int:
        """Give what a new transaction may take."""
        return self.balance_minor - self.held_minor


class Ruling(NamedTuple):
    """What the books decided: the code to answer and the entry it is about, if there is one."""

    code: str
    entry: Entry | None = None
    repeat: bool = False
    """Seen before: nothing moved now."""
    moved: bool = False
    """Money moved because of this message."""


class Effect(NamedTuple):
    """What is left of one original: a checker compares these with what terminals were told.

    `net_minor` counts the voids over it (a voided sale is 0, and the void itself is 0); `own_minor` is the entry
    seen alone (the sale +, its void -), the way a ledger posts it. Holds are apart in `held_minor`. A message that
    came twice and counted twice would show as applied - undone > 1.
    """

    identity: Identity
    kind: Kind
    standing: Standing
    tid: str
    mid: str
    batch: str
    currency: str
    amount_minor: int
    net_minor: int
    own_minor: int
    held_minor: int
    applied: int
    undone: int
    reversals: int
    rrn: str
    code: str


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """Totals of one terminal's batch: debit is sales and completions, credit is voids and refunds."""

    debit_count: int = 0
    debit_minor: int = 0
    credit_count: int = 0
    credit_minor: int = 0


class BatchState(NamedTuple):
    """What the host remembers of a batch beside its transactions."""

    settled: bool = False
    uploaded: int = 0
    """Details received by batch upload."""


class SignIn(NamedTuple):
    """The working keys a terminal was given, wrapped under its master key: never clear in the books."""

    code: str
    wrapped: bytes
    at_ms: int
