"""The memory engine: the journal's promises without a disk, for simulation and tests.

Nothing outlives the object; everything else (chain, one use of a posting key, all or nothing) is as in the files.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from storno.journal.base import Balance, Head, Verification
from storno.journal.exception_fact import (
    EXCEPTION_COLUMNS,
    ITEM,
    is_item,
    read_exception_fact,
    read_exception_row,
)
from storno.journal.exception_table import UNSETTLED, Move
from storno.journal.fact import FORGET_CARD, GENESIS, OPENED, TX_COLUMNS, Stored, link, read_fact, spelled
from storno.journal.registry import Engine
from storno.journal.verify import Counts, EntryRow, Problem, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from storno.journal.exception_fact import ExceptionFact, ExceptionRecord, ExceptionRow
    from storno.journal.fact import Change, FactRow, TxRow
    from storno.reversal.key import TxKey
    from storno.reversal.record import Fact

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_TID, _MID, _BATCH, _STAN, _PENDING, _CASE = (
    _AT[name] for name in ("tid", "mid", "batch", "stan", "pending", "case_kind")
)


class MemoryJournal:
    """A journal in lists and dictionaries."""

    def __init__(self) -> None:
        self._stored: list[Stored] = []
        self._facts_of: dict[str, list[int]] = {}
        self._rows: dict[str, TxRow] = {}
        self._exceptions: dict[str, ExceptionRow] = {}
        self._entries: dict[str, list[EntryRow]] = {}
        self._cards: dict[str, bytes] = {}
        self._by_key: dict[tuple[str, str, str, str], str] = {}
        self._read: dict[str, tuple[Fact, ...]] = {}
        """Facts as they were read back from their rows, never as they were handed in."""
        self._incarnation = 0

    def commit(self, changes: Sequence[Change]) -> int:
        """Store changes, all or nothing, in order; give the last sequence number.

        Raises:
            AssertionError: a posting key is used a second time, or a row does not fit; nothing was stored.

        """
        self._check(changes)
        facts = [spelled(change[0]) for change in changes]
        seq, digest = self.head()
        for fact, (_, row, posting, card) in zip(facts, changes, strict=True):
            seq += 1
            digest = link(digest, fact)
            tx_id = fact[0]
            self._stored.append(Stored(seq, fact, digest))
            if is_item(tx_id):
                self._facts_of.setdefault(tx_id, []).append(seq)
                self._exceptions[tx_id] = row
                continue
            if fact[2] == OPENED:
                self._facts_of[tx_id] = []
                self._by_key[row[_TID], row[_STAN], row[_BATCH], row[_MID]] = tx_id
            self._facts_of[tx_id].append(seq)
            self._rows[tx_id] = row
            if posting is not None:
                key, owner, currency, lines = posting
                self._entries[key] = [
                    EntryRow(key, line, owner, currency, account, amount, seq)
                    for line, (account, amount) in enumerate(lines)
                ]
            if card == FORGET_CARD:
                self._cards.pop(tx_id, None)
            elif card is not None:
                self._cards[tx_id] = card
        return seq

    def _check(self, changes: Sequence[Change]) -> None:
        known: set[str] = set()
        used: set[str] = set()
        for fact, row, posting, _ in changes:
            tx_id = fact[0]
            if row[0] != tx_id:
                raise AssertionError(f"a row of {row[0]} beside a fact of {tx_id}")
            item = is_item(tx_id)
            if len(row) != len(EXCEPTION_COLUMNS if item else TX_COLUMNS):
                raise AssertionError("a change does not fit into the journal: row")
            is_known = tx_id in known or tx_id in (self._exceptions if item else self._rows)
            opens = fact[2] == (Move.FOUND.value if item else OPENED)
            if opens and is_known:
                raise AssertionError(f"{tx_id} is opened twice")
            if not opens and not is_known:
                raise AssertionError("something moved that was never opened")
            known.add(tx_id)
            if posting is not None:
                if posting[0] in used or posting[0] in self._entries:
                    raise AssertionError(
                        f"a change does not fit into the journal: posting {posting[0]} done twice"
                    )
                used.add(posting[0])

    def head(self) -> Head:
        """Give the last fact."""
        return Head(self._stored[-1].seq, self._stored[-1].digest) if self._stored else Head(0, GENESIS)

    def next_incarnation(self) -> int:
        """Count a start of a writer."""
        self._incarnation += 1
        return self._incarnation

    def pending(self) -> Iterator[tuple[Fact, ...]]:
        """Give the facts of each record in flight or being reversed, record by record, oldest first."""
        for tx_id in [tx_id for tx_id, row in self._rows.items() if row[_PENDING]]:
            yield self.facts(tx_id)

    def facts(self, tx_id: str) -> tuple[Fact, ...]:
        """Give all facts of a transaction in order; empty when it is not known."""
        if is_item(tx_id):
            return ()
        seqs = self._facts_of.get(tx_id, ())
        known = self._read.get(tx_id, ())
        if len(known) < len(seqs):  # a stored row never changes: read what came since the last time
            stored = self._stored
            known = self._read[tx_id] = (
                *known,
                *[read_fact(stored[seq - 1].row) for seq in seqs[len(known) :]],
            )
        return known

    def exception(self, finding_id: str) -> ExceptionRecord | None:
        """Give an exception as it stands."""
        row = self._exceptions.get(ITEM + finding_id)
        return None if row is None else read_exception_row(row)

    def exceptions(self, *, unsettled_only: bool = False, tx_id: str = "") -> Iterator[ExceptionRecord]:
        """List exceptions, oldest first."""
        for record in [read_exception_row(row) for row in self._exceptions.values()]:
            if not (unsettled_only and record.standing not in UNSETTLED) and tx_id in (
                "",
                record.about.tx_id,
            ):
                yield record

    def exception_facts(self, finding_id: str) -> tuple[ExceptionFact, ...]:
        """Give all facts of an exception in order."""
        seqs = self._facts_of.get(ITEM + finding_id, ())
        return tuple(read_exception_fact(self._stored[seq - 1].row) for seq in seqs)

    def find(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this identity."""
        return self._by_key.get((key.tid, key.stan, key.batch, key.mid))

    def find_number(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this TID, MID and STAN, whatever its batch."""
        wanted = (key.tid, key.stan, key.mid)
        return next(
            (
                row[0]
                for row in self._newest()
                if (row[_AT["tid"]], row[_AT["stan"]], row[_AT["mid"]]) == wanted
            ),
            None,
        )

    def find_by_rrn(self, rrn: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this RRN, newest first."""
        return self._ids("rrn", rrn, mid)

    def find_by_auth_code(self, auth_code: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this authorisation code, newest first."""
        return self._ids("auth_code", auth_code, mid)

    def _ids(self, column: str, value: str, mid: str) -> tuple[str, ...]:
        return tuple(
            row[0] for row in self._newest() if value and row[_AT[column]] == value and row[_AT["mid"]] == mid
        )

    def _newest(self) -> list[TxRow]:
        return list(self._rows.values())[::-1]

    def high_stans(self, since_ms: int) -> Iterator[tuple[str, str, str, str]]:
        """Give (tid, mid, batch, highest STAN) of every terminal and batch seen since a time."""
        highest: dict[tuple[str, str, str], str] = {}
        for row in self._rows.values():
            if row[_AT["opened_ms"]] >= since_ms:
                spot = (row[_AT["tid"]], row[_AT["mid"]], row[_AT["batch"]])
                highest[spot] = max(highest.get(spot, ""), row[_AT["stan"]])
        for spot in sorted(highest):
            yield (*spot, highest[spot])

    def sealed_card(self, tx_id: str) -> bytes | None:
        """Give the sealed card copy of a transaction, if it is still kept."""
        return self._cards.get(tx_id)

    def search(self, text: str) -> tuple[TxRow, ...]:
        """Find transactions by id, RRN, `TID/STAN` or `TID/STAN/date` (YYYYMMDD or MMDD), newest first."""
        whole = text.strip()
        tid, slash, rest = whole.partition("/")
        stan, _, date = rest.partition("/")
        if slash:
            wanted = (tid, stan.zfill(6))
            hits = tuple(
                row
                for row in self._newest()
                if (row[_AT["tid"]], row[_AT["stan"]]) == wanted
                and (not date or date in (row[_AT["date"]], row[_AT["date"]][4:]))
            )
            if hits:
                return hits
        return tuple(row for row in self._newest() if whole and whole in (row[0], row[_AT["rrn"]]))

    def rows(
        self, *, cases_only: bool = False, pending_only: bool = False, limit: int = 1000
    ) -> tuple[TxRow, ...]:
        """List transactions, oldest first."""
        wanted: Iterable[TxRow] = self._rows.values()
        if cases_only:
            wanted = (row for row in wanted if row[_CASE] is not None)
        if pending_only:
            wanted = (row for row in wanted if row[_PENDING])
        return tuple(islice(wanted, limit))

    def read(self, after_seq: int = 0) -> Iterator[Stored]:
        """Give stored facts in order, from after a sequence number."""
        yield from self._stored[max(0, after_seq) :]

    def balances(self) -> tuple[Balance, ...]:
        """Sum the ledger by currency and account."""
        sums: dict[tuple[str, str], int] = {}
        for lines in self._entries.values():
            for entry in lines:
                spot = (entry.currency, entry.account)
                sums[spot] = sums.get(spot, 0) + entry.amount_minor
        return tuple(Balance(*spot, amount) for spot, amount in sorted(sums.items()))

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check the journal against itself."""
        return verify(self, progress)

    # ---------------------------------------------------------------- what `verify` looks at
    def records(self) -> Iterator[tuple[str, list[tuple[int, FactRow]]]]:
        """Give the facts by transaction."""
        for tx_id, seqs in self._facts_of.items():
            yield tx_id, [(seq, self._stored[seq - 1].row) for seq in seqs]

    def stored_row(self, tx_id: str) -> tuple[int, TxRow] | None:
        """Give a transaction's row."""
        row = self._rows.get(tx_id)
        return None if row is None else (self._facts_of[tx_id][0], row)

    def stored_exception(self, item: str) -> tuple[int, ExceptionRow] | None:
        """Give an exception's row."""
        row = self._exceptions.get(item)
        return None if row is None else (self._facts_of[item][0], row)

    def stored_entries(self, tx_id: str) -> list[EntryRow]:
        """Give a transaction's entries."""
        numbers = range(1, len(self._facts_of[tx_id]) + 1)
        return [entry for number in numbers for entry in self._entries.get(f"{tx_id}/{number}", ())]

    def counts(self) -> Counts:
        """Count rows."""
        entries = sum(map(len, self._entries.values()))
        return Counts(len(self._stored), len(self._rows), entries, len(self._exceptions))

    def integrity(self) -> Iterable[Problem]:
        """Find nothing: there is no medium below."""
        return ()

    def close(self) -> None:
        """Keep everything: the object is the medium."""


def _open(_path: Path) -> MemoryJournal:
    return MemoryJournal()


ENGINE = Engine("memory", _open, durable=False)
