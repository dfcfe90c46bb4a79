"""Reading the three books of one home folder into lines that can be compared.

Rule: each book is read for itself, from its own file, while its owner may be running: nothing here asks one book what
another one says. Terminals' files must be free (their processes ended).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from storno.journal.fact import TX_COLUMNS
from storno.journal.sqlite_reader import SqliteReader
from storno.ledger.chart import HOST, HOST_HOLD, SUSPENSE, SUSPENSE_HOLD
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import State
from storno.reversal.postings import Position
from storno.sim.compare import AccountLine, Books, Claim, HostLine, JournalLine, Slip, TerminalLine
from storno.sim.entry import UNDONE_BY, Entry, Identity, Standing
from storno.sim.host_home import read_books
from storno.terminal.file_store import FileStore
from storno.terminal.operation import RULES, Side
from storno.terminal.outcome import Outcome
from storno.terminal.state import Entry as Row
from storno.terminal.state import Reversal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from storno.journal.fact import TxRow
    from storno.sim.books import Books as HostBooks

JOURNAL = "journal.db"
TERMINALS = "terminal"
SLIPS = "slips"
ROWS_MAX = 1_000_000
_PENDING = frozenset({State.AUTHORIZING, State.ADVISING, State.REVERSING})
_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_APPROVED = (Outcome.APPROVED, Outcome.PARTIAL)
_SIGNS = {Side.DEBIT: 1, Side.CREDIT: -1, Side.NONE: 0}


def read(home: Path, mids: dict[str, str], *, verify: bool = True) -> Books:
    """Read all three books; `mids` gives the MID of each TID whose terminal is to be read."""
    host = read_books(home)
    problems: tuple[str, ...] = ()
    with SqliteReader(home / JOURNAL) as reader:
        journal = tuple(journal_lines(reader))
        if verify:
            problems = tuple(str(problem) for problem in reader.verify().problems)
        receivable = sum(one.amount_minor for one in reader.balances() if one.account == HOST)
    terminals = tuple(line for tid, mid in mids.items() for line in terminal_lines(home, tid, mid))
    slips = tuple(slip for tid, mid in mids.items() for slip in read_slips(home, tid, mid))
    return Books(
        tuple(host_lines(host)),
        journal,
        terminals,
        tuple(account_lines(host)),
        slips,
        problems,
        receivable,
    )


# -- the host


def host_lines(books: HostBooks) -> Iterator[HostLine]:
    """Give every original the host ever saw."""
    entries = {entry.identity: entry for entry in books.entries()}
    restored = Counter(_restored(entries.values()))
    for identity, entry in entries.items():
        yield HostLine(
            TxKey(identity.tid, identity.mid, identity.batch, identity.stan),
            entry.kind,
            entry.standing is Standing.APPROVED and not entry.reversed,
            entry.in_force,
            books.own_minor(entry),
            entry.hold_minor,
            entry.applied,
            entry.undone,
            restored.get(identity, 0),
        )


def _restored(entries: Iterable[Entry]) -> Iterator[Identity]:
    """Give the original of every void that was approved and then reversed."""
    for entry in entries:
        if entry.kind in UNDONE_BY and entry.reversed and entry.original is not None:
            yield entry.original


def account_lines(books: HostBooks) -> Iterator[AccountLine]:
    """Give every card account with what its entries say it should hold."""
    charged: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for entry in books.entries():
        charged[entry.token] += entry.charge_minor
        held[entry.token] += entry.hold_minor
    for one in books.accounts():
        moved = one.opening_minor - one.balance_minor
        yield AccountLine(one.masked, moved, charged[one.token], one.held_minor, held[one.token])


# -- the journal


def journal_lines(reader: SqliteReader) -> Iterator[JournalLine]:
    """Give every transaction with the sums of its ledger entries."""
    for row in reader.rows(limit=ROWS_MAX):
        tx_id = str(row[_AT["tx_id"]])
        entries = reader.stored_entries(tx_id)
        yield JournalLine(
            TxKey(*(str(row[_AT[name]]) for name in ("tid", "mid", "batch", "stan"))),
            tx_id,
            Kind(row[_AT["kind"]]),
            _claim(row),
            sum(entry.amount_minor for entry in entries if entry.account == HOST),
            sum(entry.amount_minor for entry in entries if entry.account == HOST_HOLD),
            _names(row),
            sum(entry.amount_minor for entry in entries if entry.account in (SUSPENSE, SUSPENSE_HOLD)),
        )


def _claim(row: TxRow) -> Claim:
    state, position = State(row[_AT["state"]]), Position(row[_AT["position"]])
    if position is Position.SUSPENSE or state in _PENDING:
        return Claim.OPEN
    return Claim.STANDS if position is Position.EFFECT else Claim.GONE


def _names(row: TxRow) -> tuple[str, ...]:
    case = row[_AT["case_kind"]]
    names = (str(case),) if case else ()
    return (*names, "reversing") if State(row[_AT["state"]]) is State.REVERSING else names


# -- the terminals


def terminal_file(home: Path, tid: str) -> Path:
    """Give the file of a terminal's memory, the same that `storno terminal` uses."""
    return home / TERMINALS / f"{tid}.db"


def terminal_lines(home: Path, tid: str, mid: str) -> Iterator[TerminalLine]:
    """Give every row of a terminal's log. StoreError when it is in use."""
    path = terminal_file(home, tid)
    if not path.exists():
        return
    store = FileStore(path)
    try:
        rows = store.entries()
        exceptions = {(one.batch, one.stan) for one in store.exceptions()}
        pending = store.load().pending
    finally:
        store.close()
    waiting = {(pending.batch, pending.stan)} if pending is not None else set()
    for row in rows:
        spot = (row.batch, row.stan)
        yield terminal_line(row, tid, mid, given_up=spot in exceptions, waiting=spot in waiting)


def terminal_line(row: Row, tid: str, mid: str, *, given_up: bool, waiting: bool) -> TerminalLine:
    """Turn a row of the log into a claim; `given_up` and `waiting` are what the store itself says of its reversal."""
    names: tuple[str, ...] = ()
    if given_up or waiting:
        names = (("terminal_exception",) if given_up else ()) + (("terminal_pending",) if waiting else ())
    key = TxKey(tid, mid, row.batch, row.stan)
    if row.outcome in _APPROVED and row.reversal is Reversal.NONE:
        sign = _SIGNS[RULES[row.operation].side]
        return TerminalLine(key, Claim.STANDS, sign * row.approved_minor, names)
    if row.reversal is Reversal.ACCEPTED or row.outcome in (Outcome.DECLINED, Outcome.NOT_SENT):
        return TerminalLine(key, Claim.GONE, 0, names)
    if row.outcome is Outcome.DOUBTFUL and not RULES[row.operation].reversible:
        # Never reversed, so the row itself is the exception that the shop keeps until the acquirer has answered.
        return TerminalLine(key, Claim.OPEN, 0, (*names, "terminal_doubtful"))
    return TerminalLine(key, Claim.OPEN, 0, names)


def slip_file(home: Path, tid: str) -> Path:
    """Give the file in which a simulated cashier notes what the display said."""
    return home / SLIPS / f"{tid}.jsonl"


def read_slips(home: Path, tid: str, mid: str) -> Iterator[Slip]:
    """Give what the cashier of a terminal saw; a line cut off by a kill is passed over."""
    path = slip_file(home, tid)
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            batch, stan, outcome = json.loads(line)
        except ValueError:
            continue
        if stan:
            yield Slip(TxKey(tid, mid, batch, stan), outcome in ("approved", "partial"))
