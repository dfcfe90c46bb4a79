"""Check a journal against itself: chain, folds, rows, entries and balances.

Works on any engine that shows its shelves; streams them, so that memory is bounded by one transaction. Trusts nothing
it reads: whatever a changed byte makes of a row is a problem to name, never a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from storno.journal.base import Head, JournalCorrupt, Verification
from storno.journal.exception_fact import exception_row, is_item, read_exception_fact
from storno.journal.exception_fact import step as exception_step
from storno.journal.fact import GENESIS, link, read_fact, tx_row
from storno.reversal.machine import begin, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from storno.journal.base import Balance
    from storno.journal.exception_fact import ExceptionRecord, ExceptionRow
    from storno.journal.fact import FactRow, Stored, TxRow
    from storno.reversal.machine import Outcome
    from storno.reversal.record import Record

PROBLEMS_MAX = 100
_STEP = 2_000


class EntryRow(NamedTuple):
    """One line of a posting as it is stored; `seq` is the fact that moved the money."""

    posting: str
    line: int
    tx_id: str
    currency: str
    account: str
    amount_minor: int
    seq: int


class Counts(NamedTuple):
    """How many rows each shelf holds."""

    facts: int
    transactions: int
    entries: int
    exceptions: int = 0


class Problem(str):
    """Something that does not prove itself: the text is English, `chinese` the same in Chinese."""

    __slots__ = ("chinese",)
    chinese: str

    def __new__(cls, english: str, chinese: str) -> Self:
        """Make a problem in both languages."""
        problem = super().__new__(cls, english)
        problem.chinese = chinese
        return problem


class Shelves(Protocol):
    """What an engine shows to be verified, all of it from one moment."""

    def read(self, after_seq: int = 0) -> Iterator[Stored]:
        """Give stored facts in order."""
        ...

    def records(self) -> Iterator[tuple[str, list[tuple[int, FactRow]]]]:
        """Give (tx_id, its facts with their sequence numbers), transaction by transaction."""
        ...

    def stored_row(self, tx_id: str) -> tuple[int, TxRow] | None:
        """Give (sequence number of the opening, row) of a transaction."""
        ...

    def stored_exception(self, item: str) -> tuple[int, ExceptionRow] | None:
        """Give (sequence number of the finding, row) of an exception."""
        ...

    def stored_entries(self, tx_id: str) -> list[EntryRow]:
        """Give the entries whose posting key belongs to a transaction, by posting and line."""
        ...

    def counts(self) -> Counts:
        """Count the rows of each shelf."""
        ...

    def balances(self) -> tuple[Balance, ...]:
        """Sum the ledger by currency and account."""
        ...

    def integrity(self) -> Iterable[Problem]:
        """Give what the engine itself finds wrong below the rows."""
        ...


class _Audit:
    """One run: counts what it saw and collects problems, a bounded number of them."""

    def __init__(self, shelves: Shelves, progress: Callable[[int, int], None] | None) -> None:
        self.shelves = shelves
        self.progress = progress
        self.counts = Counts(0, 0, 0)
        self.problems: list[str] = []
        self.head = Head(0, GENESIS)
        self.postings = 0
        self._done = 0

    def run(self) -> Verification:
        for part in (self._integrity, self._count, self._chain, self._records, self._balances):
            try:
                part()
            except (JournalCorrupt, UnicodeError) as error:
                chinese = error.chinese if isinstance(error, JournalCorrupt) else "存有非 UTF-8 文本"
                self._say(f"cannot be read: {error}", f"无法读取：{chinese}")
        if self.progress is not None:
            self.progress(2 * self.counts.facts, 2 * self.counts.facts)
        return Verification(
            self.counts.facts,
            self.counts.transactions,
            self.postings,
            self.head,
            tuple(self.problems),
            self.counts.exceptions,
        )

    def _say(self, english: str, chinese: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(english, chinese))
        elif len(self.problems) == PROBLEMS_MAX:
            self.problems.append(Problem("and more; only the first are listed", "还有更多；仅列出最前面的"))

    def _tick(self) -> None:
        self._done += 1
        if self.progress is not None and self._done % _STEP == 0:
            self.progress(self._done, 2 * self.counts.facts)

    def _integrity(self) -> None:
        for problem in self.shelves.integrity():
            self._say(problem, problem.chinese)

    def _count(self) -> None:
        self.counts = self.shelves.counts()

    def _chain(self) -> None:
        digest, seq = GENESIS, 0
        for stored in self.shelves.read():
            self._tick()
            if stored.seq != seq + 1:
                self._say(
                    f"facts {seq + 1} to {stored.seq - 1} are missing",
                    f"缺少第 {seq + 1} 至 {stored.seq - 1} 条流水",
                )
            expected = link(digest, stored.row)
            if expected != stored.digest:
                self._say(
                    f"fact {stored.seq} (transaction {stored.row[0]}) was changed: its digest does not follow",
                    f"第 {stored.seq} 条流水（交易 {stored.row[0]}）被改动：摘要链不连续",
                )
            digest, seq = stored.digest, stored.seq  # go on from what is stored: name each break once
        self.head = Head(seq, digest)
        if seq and seq != self.counts.facts:
            self._say(
                f"{self.counts.facts} facts are stored, the last is {seq}",
                f"共 {self.counts.facts} 条，末条为 {seq}",
            )

    def _records(self) -> None:
        transactions = entries = exceptions = 0
        for tx_id, facts in self.shelves.records():
            rows = self.shelves.stored_entries(tx_id)
            entries += len(rows)
            try:
                if is_item(tx_id):
                    found = self.shelves.stored_exception(tx_id)
                    exceptions += found is not None
                    self._exception(tx_id, facts, found)
                else:
                    row = self.shelves.stored_row(tx_id)
                    transactions += row is not None
                    self._record(tx_id, facts, row, rows)
            except (JournalCorrupt, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
                # a changed byte can make anything of a row; the name of the failure is enough to find it
                self._say(
                    f"transaction {tx_id} does not fold from its facts ({type(error).__name__})",
                    f"交易 {tx_id} 无法由其流水重建（{type(error).__name__}）",
                )
        if transactions != self.counts.transactions:
            extra = self.counts.transactions - transactions
            self._say(f"{extra} transaction rows have no facts", f"{extra} 条交易记录没有对应流水")
        if exceptions != self.counts.exceptions:
            extra = self.counts.exceptions - exceptions
            self._say(f"{extra} findings have no facts", f"{extra} 条差异没有对应流水")
        if entries != self.counts.entries:
            extra = self.counts.entries - entries
            self._say(f"{extra} ledger entries belong to no transaction", f"{extra} 条分录不属于任何交易")

    def _exception(
        self, item: str, facts: list[tuple[int, FactRow]], row: tuple[int, ExceptionRow] | None
    ) -> None:
        record: ExceptionRecord | None = None
        for _, fact_row in facts:
            self._tick()
            record = exception_step(record, read_exception_fact(fact_row))
        if record is None or row != (facts[0][0], exception_row(record)):
            self._say(f"{item}: its row is not what its facts say", f"{item}：差异记录与流水不一致")

    def _record(
        self,
        tx_id: str,
        facts: list[tuple[int, FactRow]],
        row: tuple[int, TxRow] | None,
        stored: list[EntryRow],
    ) -> None:
        record: Record | None = None
        entries: list[EntryRow] = []
        for seq, fact_row in facts:
            self._tick()
            outcome = _replay(record, fact_row)
            record = outcome.record
            if outcome.posting is not None:
                self.postings += 1
                posting = outcome.posting
                entries += [
                    EntryRow(posting.key, line, tx_id, posting.currency, account, amount, seq)
                    for line, (account, amount) in enumerate(posting.entries)
                ]
        if record is None or row != (facts[0][0], tx_row(record)):
            self._say(
                f"transaction {tx_id}: its row is not what its facts say",
                f"交易 {tx_id}：交易记录与流水不一致",
            )
        if sorted(entries) != sorted(stored):
            self._say(
                f"transaction {tx_id}: its ledger entries are not what its facts say",
                f"交易 {tx_id}：分录与流水不一致",
            )
        sums: dict[str, int] = {}
        for entry in stored:
            sums[entry.posting] = sums.get(entry.posting, 0) + entry.amount_minor
        for posting_key, total in sums.items():
            if total:
                self._say(
                    f"posting {posting_key} sums to {total}, not zero",
                    f"记账 {posting_key} 合计为 {total}，不为零",
                )

    def _balances(self) -> None:
        totals: dict[str, int] = {}
        for balance in self.shelves.balances():
            totals[balance.currency] = totals.get(balance.currency, 0) + balance.amount_minor
        for currency, total in totals.items():
            if total:
                self._say(
                    f"the books in {currency} sum to {total}, not zero",
                    f"{currency} 账合计为 {total}，不为零",
                )


def _replay(record: Record | None, row: FactRow) -> Outcome:
    fact = read_fact(row)
    if (record is None) is (fact.opening is None) or (fact.input is None) is not (fact.opening is not None):
        raise AssertionError("an opening is missing or doubled")
    if fact.opening is not None:
        outcome = begin(fact.tx_id, fact.at_ms, fact.opening, fact.detail)
    elif record is not None and fact.input is not None:
        outcome = step(record, fact.input, fact.at_ms, fact.detail)
    else:
        raise AssertionError("an input is missing")
    if outcome.record.state is not fact.state:
        raise AssertionError("a state does not follow")
    return outcome


def verify(shelves: Shelves, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Check everything an engine shows; `progress(done, total)` counts each fact twice, in its chain and its record."""
    return _Audit(shelves, progress).run()
