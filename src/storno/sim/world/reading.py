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
from storno.sim.compare import Books, Claim, JournalLine, Slip, TerminalLine
from storno.sim.three_books import account_lines, host_lines, terminal_line
from storno.terminal.outcome import Outcome

if TYPE_CHECKING:
    from storno.sim.world.facts import Follower
    from storno.sim.world.till import Till
    from storno.sim.world.world import World

ROWS_MAX = 1_000_000
_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_PENDING = frozenset({State.AUTHORIZING.value, State.ADVISING.value, State.REVERSING.value})
_KINDS = {one.value: one for one in Kind}
_APPROVED = (Outcome.APPROVED, Outcome.PARTIAL)


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
    slips = tuple(
        Slip(key, result.outcome in _APPROVED) for key, result in world.auditor.told_results if result.stan
    )
    return Books(
        tuple(host_lines(books)), journal, terminals, tuple(account_lines(books)), slips, (), receivable
    )


def journal_lines(journal: MemoryJournal, follower: Follower) -> Iterator[JournalLine]:
    """Give every transaction with the sums of its ledger entries."""
    for row in journal.rows(limit=ROWS_MAX):
        tx_id = str(row[_AT["tx_id"]])
        entries = follower.transactions[tx_id].entries
        yield JournalLine(
            TxKey(row[_AT["tid"]], row[_AT["mid"]], row[_AT["batch"]], row[_AT["stan"]]),
            tx_id,
            _KINDS[row[_AT["kind"]]],
            _claim(row),
            entries.get(HOST, 0),
            entries.get(HOST_HOLD, 0),
            (*_names(row), *_names_of_original(row, follower)),
            entries.get(SUSPENSE, 0),
        )


def _claim(row: TxRow) -> Claim:
    state, position = row[_AT["state"]], row[_AT["position"]]
    if position == Position.SUSPENSE.value or state in _PENDING:
        return Claim.OPEN
    return Claim.STANDS if position == Position.EFFECT.value else Claim.GONE


def _names(row: TxRow) -> tuple[str, ...]:
    state, case = row[_AT["state"]], row[_AT["case_kind"]]
    names = (str(case),) if case else ()
    if state == State.REVERSING.value:
        names = (*names, "reversing")
    elif state == State.CLOSED.value:
        names = (*names, "adjusted")
    return names


def _names_of_original(row: TxRow, follower: Follower) -> tuple[str, ...]:
    """Name what is open on the transaction that this one voids or completes: their money is one matter."""
    original = follower.transactions.get(row[_AT["original"]])
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
