"""What a terminal remembers, and the changes a store makes durable together.

Rule: every value here may go to disk as the store writes it; a `Pending` holds the card's number, so its store seals
it. Pure data: imports nothing that acts. Named tuples where several are made for each order: a frozen dataclass of
seventeen members costs four times as much to make, and more to copy with a change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from storno.iso8583.profile import Reason
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome

COUNTER_MAX = 999_999


class Numbers(NamedTuple):
    """The terminal's counters and keys.

    `key_block` is F62 of the last sign-in as hex: still wrapped under the TMK, so it may be stored. `settling` is set
    from the moment a settlement leaves until it is finished.
    """

    batch: int = 1
    stan: int = 0
    key_block: str = ""
    sign_in_code: str = "003"
    settling: bool = False

    def __repr__(self) -> str:
        return f"Numbers(batch={self.batch}, stan={self.stan}, settling={self.settling})"


class Pending(NamedTuple):
    """The one reversal that must reach the host before anything else does.

    `mti` and `fields` are the request as it was built, without what a reversal never carries; `attempts` counts
    sendings without an accepting answer, `connect_failures` counts the rest.
    """

    operation: Operation
    mti: str
    fields: tuple[tuple[int, str], ...]
    reason: Reason
    batch: str
    stan: str
    amount_minor: int
    card: str
    at_ms: int
    attempts: int = 0
    connect_failures: int = 0

    def __repr__(self) -> str:
        return (
            f"Pending({self.operation}, {self.mti}, {self.reason}, batch={self.batch}, stan={self.stan}, "
            f"amount_minor={self.amount_minor}, card={self.card}, at_ms={self.at_ms}, attempts={self.attempts}, "
            f"connect_failures={self.connect_failures})"
        )


class Reversal(Enum):
    """What became of a transaction's reversal."""

    NONE = "none"
    PENDING = "pending"
    ACCEPTED = "accepted"
    SET_ASIDE = "set_aside"


class Entry(NamedTuple):
    """One transaction of a batch: what the cashier was told. The card is masked.

    Batch, STAN and moment together are its identity: a STAN comes back when the counter wraps.
    """

    batch: str
    stan: str
    operation: Operation
    outcome: Outcome
    cause: Cause
    amount_minor: int
    approved_minor: int
    card: str
    at_ms: int
    code: str = ""
    rrn: str = ""
    auth_code: str = ""
    date: str = ""
    reversal: Reversal = Reversal.NONE
    undone_by: str = ""
    original: str = ""
    settled: bool = False


class Exhausted(NamedTuple):
    """A reversal that was given up: the exception somebody has to close. The card is masked."""

    batch: str
    stan: str
    operation: Operation
    amount_minor: int
    card: str
    at_ms: int
    attempts: int
    reason: Reason
    cause: Cause
    last_code: str = ""

    def slip(self, lang: str) -> str:
        """Give the text of the slip the merchant keeps."""
        whole, rest = divmod(self.amount_minor, 100)
        amount = f"{whole}.{rest:02d}"
        if lang == "zh":
            return (
                f"冲正不成功（{self.cause.title(lang)}）：{self.operation.title(lang)} 批次 {self.batch} "
                f"流水 {self.stan} 金额 {amount} 元 卡号 {self.card}。请凭此单联系收单机构查账，查清前勿重复收款。"
            )
        return (
            f"REVERSAL NOT COMPLETED ({self.cause.title(lang)}): {self.operation.title(lang)}, batch {self.batch}, "
            f"trace {self.stan}, amount {amount}, card {self.card}. Call the acquirer with this slip; "
            "do not charge again before it is cleared."
        )


class SetNumbers(NamedTuple):
    """Replace counters and keys."""

    numbers: Numbers


class SetPending(NamedTuple):
    """Write or replace the reversal record."""

    pending: Pending

    def __repr__(self) -> str:
        return "SetPending(...)"


@dataclass(frozen=True, slots=True)
class ClearPending:
    """Delete the reversal record."""


class PutEntry(NamedTuple):
    """Write or replace a transaction's row."""

    entry: Entry


class DropEntry(NamedTuple):
    """Delete the row of a transaction that never left."""

    batch: str
    stan: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class PutException:
    """Add to the list of exceptions."""

    exhausted: Exhausted


@dataclass(frozen=True, slots=True)
class KeepCard:
    """Keep a card's number, sealed, until the batch is settled: a void and the batch upload need it."""

    batch: str
    stan: str
    pan: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CloseBatch:
    """Mark a batch's rows as settled and destroy its cards' numbers."""

    batch: str


Change = SetNumbers | SetPending | ClearPending | PutEntry | DropEntry | PutException | KeepCard | CloseBatch


def following(number: int) -> int:
    """Give the number after this one: 999999 is followed by 000001."""
    return number % COUNTER_MAX + 1
