"""The three books of a world as lines that can be compared: the host's, the journals', the terminals'.

Rule: each book is read for itself. The host's lines are what its clearing file of the day says. What an operator has
decided about a transaction is named, for it is the explanation of whatever the others say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from storno.journal.fact import TX_COLUMNS, TxRow
from storno.journal.memory import MemoryJournal
from storno.ledger.chart import HOST, HOST_HOLD, SUSPENSE
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import State
from storno.reversal.postings import Position
from storno.sim.compare import Books, Claim, JournalLine, TerminalLine
from storno.sim.three_books import account_lines, host_lines, terminal_line

if TYPE_CHECKING:
    from storno.sim.world.facts import Follower
    from storno.sim.world.till import Till
    from storno.sim.world.world import World

ROWS_MAX = 1_000_000
_TX_ID, _TID, _MID, _BATCH, _STAN, _KIND, _STATE, _POSITION, _CASE, _ORIGINAL = (
    TX_COLUMNS.index(name)
    for name in (
        "tx_id", "tid", "mid", "batch", "stan", "kind", "state", "position", "case_kind", "original",
    )
)  # fmt: skip
_IN_SUSPENSE, _IN_EFFECT = Position.SUSPENSE.value, Position.EFFECT.value
_WORDS = {State.REVERSING.value: "reversing", State.CLOSED.value: "adjusted"}
_PENDING = frozenset({State.AUTHORIZING.value, State.ADVISING.value, State.REVERSING.value})
_KINDS = {one.value: one for one in Kind}


def read(world: World) -> Books:
    """Read everything as it stands; a terminal that keeps to no rule is taken to believe what the journal says."""
    books = world.host.books
    journal = tuple(
        line
        for gateway in world.gateways
        for line in journal_lines(gateway.journal, world.auditor.follower(gateway.number))
    )
    receivable = sum(
        one.amount_minor
        for gateway in world.gateways
        for one in gateway.journal.balances()
        if one.account == HOST
    )
    rogues = {rogue.tid for rogue in world.rogues}
    terminals = (
        *(line for till in world.tills for line in till_lines(till)),
        *(TerminalLine(one.key, one.claim, one.minor) for one in journal if one.key.tid in rogues),
    )
    slips = tuple(world.auditor.slips)
    return Books(
        tuple(host_lines(books)), journal, terminals, tuple(account_lines(books)), slips, (), receivable
    )


def journal_lines(journal: MemoryJournal, follower: Follower) -> Iterator[JournalLine]:
    """Give every transaction with the sums of its ledger entries."""
    transactions = follower.transactions
    for row in journal.rows(limit=ROWS_MAX):
        tx_id = row[_TX_ID]
        entries = transactions[tx_id].entries
        names = _names(row)
        if row[_ORIGINAL]:
            names = (*names, *_names_of_original(row, follower))
        yield JournalLine(
            TxKey(row[_TID], row[_MID], row[_BATCH], row[_STAN]),
            tx_id,
            _KINDS[row[_KIND]],
            _claim(row),
            entries.get(HOST, 0),
            entries.get(HOST_HOLD, 0),
            names,
            entries.get(SUSPENSE, 0),
        )


def _claim(row: TxRow) -> Claim:
    position = row[_POSITION]
    if position == _IN_SUSPENSE or row[_STATE] in _PENDING:
        return Claim.OPEN
    return Claim.STANDS if position == _IN_EFFECT else Claim.GONE


def _names(row: TxRow) -> tuple[str, ...]:
    state, case = row[_STATE], row[_CASE]
    names = (str(case),) if case else ()
    word = _WORDS.get(state)
    return names if word is None else (*names, word)


def _names_of_original(row: TxRow, follower: Follower) -> tuple[str, ...]:
    """Name what is open on the transaction that this one voids or completes: their money is one matter."""
    original = follower.transactions.get(row[_ORIGINAL])
    if original is None or original.case is None:
        return ()
    return (f"original_{original.case}",)


def till_lines(till: Till) -> Iterator[TerminalLine]:
    """Give every row of a terminal's log."""
    exceptions = {(one.batch, one.stan) for one in till.store.exceptions()}
    pending = till.store.load().pending
    waiting = {(pending.batch, pending.stan)} if pending is not None else set()
    for row in till.store.entries():
        spot = (row.batch, row.stan)
        yield terminal_line(
            row, till.setup.tid, till.setup.mid, given_up=spot in exceptions, waiting=spot in waiting
        )
