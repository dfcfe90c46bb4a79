"""What a statement says, line by line: the one shape all formats are read into.

Every part of a file becomes one of three: a `StatementLine`, a `Reject` with its reason, or a `Frame` (header, comment,
trailer, blank). Amounts are integer minor units from the account holder's view: positive is money towards the shop or
acquirer that got the file, negative is money away. Card numbers are masked before they get in here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Role(Enum):
    """What kind of witness a file is."""

    TERMINAL = "terminal"
    """A terminal's own journal: what it told the cardholder."""
    NETWORK = "network"
    """A network's or wallet's list of single transactions, cleared or settled."""
    BANK = "bank"
    """An account statement: single bookings, or one deposit for many transactions."""


class LineKind(Enum):
    """What a line's money is for."""

    PAYMENT = "payment"
    REFUND = "refund"
    VOID = "void"
    """The undoing of an earlier payment on the same day (撤销)."""
    REVERSAL = "reversal"
    """The undoing of a payment whose outcome was not known (冲正)."""
    PREAUTH = "preauth"
    """Held, not moved; terminal journals only."""
    DEPOSIT = "deposit"
    """One booking for many transactions."""
    FEE = "fee"
    CHARGEBACK = "chargeback"
    ADJUSTMENT = "adjustment"
    OTHER = "other"


class Mark(Enum):
    """What the file itself says became of the transaction of this line."""

    NONE = "none"
    REVERSED = "reversed"
    VOIDED = "voided"
    DECLINED = "declined"
    """A terminal journal's own record of a refusal; no money."""
    UNKNOWN = "unknown"
    """A terminal journal's own record of a transaction without an answer."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transaction or booking as a file reports it. Text members are empty where the file has none."""

    line_no: int
    """From 1: physical line, or entry in formats without lines; the first line of an entry that spans several."""
    kind: LineKind
    amount_minor: int
    """Gross and signed; the sign is that of the money's effect (a refund is negative)."""
    currency: str
    """ISO 4217 letters."""
    fee_minor: int = 0
    """Signed like the amount: a fee we pay is negative; net = amount + fee unless the file says otherwise."""
    net_minor: int | None = None
    """What the file says is paid out for this line, where it says so."""
    settled_on: str = ""
    """Business, clearing or booking day, YYYYMMDD."""
    at: str = ""
    """Local time of the transaction, YYYYMMDDhhmmss."""
    mark: Mark = Mark.NONE
    tid: str = ""
    mid: str = ""
    batch: str = ""
    stan: str = ""
    rrn: str = ""
    auth_code: str = ""
    reference: str = ""
    """The sender's own id of this transaction or booking; unique within the sender."""
    order: str = ""
    """The merchant's order number."""
    original: str = ""
    """What this line undoes: the original's reference, order, RRN or STAN, as the file gives it."""
    original_at: str = ""
    """Local time of the original, YYYYMMDDhhmmss; a part of it where the file has no more (MMDDhhmmss)."""
    card: str = ""
    """Masked, first six and last four at most."""
    account: str = ""
    """The account or merchant the statement is of."""
    code: str = ""
    """The sender's code for the kind of line (MTI/processing code, BkTxCd, transaction type)."""
    text: str = ""
    """Narrative for people, card numbers masked."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that could not be read: where, why in both languages, and its masked text."""

    line_no: int
    code: str
    """Short and stable: `amount`, `date`, `columns`, `encoding`, …"""
    english: str
    chinese: str
    raw: str = ""
    """The line, masked and cut to 500 characters."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of the file that carries no money: header, comment, trailer, blank line."""

    line_no: int
    what: str


@dataclass(frozen=True, slots=True)
class Total:
    """What the file itself declares, to be compared with what was read.

    `name` says of what: `lines`, `amount`, `payments`, `refunds`, `fees`, `net`, `closing_balance`, …; `declared` and
    `counted` are counts or signed minor units. Rows that were rejected are in no count, so a reject breaks the total.
    """

    name: str
    declared: int
    counted: int
    where: int = 0
    """Line of the declaration."""
    currency: str | None = None
    """ISO letters of an amount; empty: it adds up several; None: that of the file's lines, if they have one only."""

    @property
    def met(self) -> bool:
        """Say whether the file keeps what it declares."""
        return self.declared == self.counted


Part: TypeAlias = StatementLine | Reject | Frame | Total


class FileRefused(ValueError):  # noqa: N818 it names what happened
    """The whole file is refused: nothing of it may be used. Says what, where and what to do, in both languages."""

    def __init__(self, code: str, english: str, chinese: str, line_no: int = 0) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese
        self.line_no = line_no
