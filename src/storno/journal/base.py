"""What every journal engine promises.

`commit` is durable when it returns, and all or nothing; the sequence has no gaps; each fact is linked to the one
before; a posting key is used once. Readers see only what is durable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from storno.journal.exception_fact import ExceptionFact, ExceptionRecord
    from storno.journal.fact import Change, Stored, TxRow
    from storno.reversal.key import TxKey
    from storno.reversal.record import Fact


class JournalError(Exception):
    """The journal cannot do what it was asked; `what` and `remedy` are for people, in zh and en."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


class JournalFull(JournalError):  # noqa: N818 it names what is wrong
    """No room, or the medium refuses to write: nothing may be acknowledged from now on."""


class JournalCorrupt(JournalError):  # noqa: N818 it names what is wrong
    """What is stored does not prove itself: a broken chain, a gap, a row that does not follow from its facts."""


class Head(NamedTuple):
    """The last durable fact."""

    seq: int
    digest: bytes


class Balance(NamedTuple):
    """One account's balance in minor units."""

    currency: str
    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of checking a journal against itself; `problems` is empty when everything proves itself."""

    facts: int
    transactions: int
    postings: int
    head: Head
    problems: tuple[str, ...]
    exceptions: int = 0


class Journal(Protocol):
    """An append-only store of facts with its ledger and its rows."""

    def commit(self, changes: Sequence[Change]) -> int:
        """Store changes durably, all or nothing, in order; give the last sequence number.

        Raises:
            JournalFull: nothing was stored and nothing more will be.
            AssertionError: a posting key is used a second time, or a row does not fit.

        """
        ...

    def head(self) -> Head:
        """Give the last durable fact; seq 0 and 32 zero bytes when there is none."""
        ...

    def next_incarnation(self) -> int:
        """Count a start of a writer, durably; the number makes transaction ids unique across restarts."""
        ...

    def pending(self) -> Iterator[tuple[Fact, ...]]:
        """Give the facts of each record in flight or being reversed, record by record, oldest first."""
        ...

    def facts(self, tx_id: str) -> tuple[Fact, ...]:
        """Give all facts of a transaction in order; empty when it is not known."""
        ...

    def exception(self, finding_id: str) -> ExceptionRecord | None:
        """Give an exception as it stands; None when there is none."""
        ...

    def exceptions(self, *, unsettled_only: bool = False, tx_id: str = "") -> Iterator[ExceptionRecord]:
        """List exceptions, oldest first; those about one transaction when `tx_id` is given."""
        ...

    def exception_facts(self, finding_id: str) -> tuple[ExceptionFact, ...]:
        """Give all facts of an exception in order; empty when it is not known."""
        ...

    def find(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this identity."""
        ...

    def find_number(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this TID, MID and STAN, whatever its batch."""
        ...

    def find_by_rrn(self, rrn: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this RRN, newest first."""
        ...

    def find_by_auth_code(self, auth_code: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this authorisation code, newest first."""
        ...

    def high_stans(self, since_ms: int) -> Iterator[tuple[str, str, str, str]]:
        """Give (tid, mid, batch, highest STAN) of every terminal and batch seen since a time."""
        ...

    def sealed_card(self, tx_id: str) -> bytes | None:
        """Give the sealed card copy of a transaction, if it is still kept."""
        ...

    def search(self, text: str) -> tuple[TxRow, ...]:
        """Find transactions by id, RRN, `TID/STAN` or `TID/STAN/date` (YYYYMMDD or MMDD), newest first."""
        ...

    def rows(
        self, *, cases_only: bool = False, pending_only: bool = False, limit: int = 1000
    ) -> tuple[TxRow, ...]:
        """List transactions, oldest first."""
        ...

    def read(self, after_seq: int = 0) -> Iterator[Stored]:
        """Give stored facts in order, from after a sequence number."""
        ...

    def balances(self) -> tuple[Balance, ...]:
        """Sum the ledger by currency and account."""
        ...

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check the chain, fold every record, compare rows, postings and balances; `progress(done, total)`."""
        ...

    def close(self) -> None:
        """Release the files; a journal closed in the middle of nothing loses nothing."""
        ...
