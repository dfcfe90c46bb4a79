"""What must be true at the end of the day (and some of it whenever a process dies): one function for each promise.

Rule: each raises `Violation` with the transaction that broke it, or returns. They read disks, books and logs; the
node's memory is looked at only to prove that it follows from the disk.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from storno.journal.fact import TX_COLUMNS, Change, read_fact, spelled
from storno.reversal.invariants import record_problems
from storno.reversal.key import TxKey
from storno.reversal.lifecycle import State
from storno.reversal.machine import fold
from storno.reversal.postings import Position, entries_at
from storno.sim.compare import Class, Comparison, Finding
from storno.sim.entry import Entry, Identity, Standing
from storno.sim.world.facts import NEEDS_CASE, Follower, Stored
from storno.sim.world.violation import Violation

if TYPE_CHECKING:
    from storno.sim.world.gateway_driver import GatewayDriver
    from storno.sim.world.world import World

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_POSITIONS = {one.value: one for one in Position}
_OPEN = frozenset({State.AUTHORIZING.value, State.ADVISING.value, State.REVERSING.value})


def memory_is_the_fold(gateway: GatewayDriver, *, held_only: bool = False) -> None:
    """Fold the facts, stored and on their way to the disk: they must give what the node has in mind."""
    node = gateway.node
    if node is None:
        return
    coming: dict[str, list[Change]] = {}
    batch = node.take_batch(0) if held_only else None  # only from a process that is about to be gone
    for change in (*gateway.disk.waiting, *(batch[1] if batch is not None else ())):
        coming.setdefault(change[0][0], []).append(change)
    for record in node.registry.held() if held_only else node.registry.known():
        facts = (
            *gateway.journal.facts(record.tx_id),
            *(read_fact(spelled(c[0])) for c in coming.get(record.tx_id, ())),
        )
        if not facts or fold(facts) != record:
            raise Violation("fold", f"{record.tx_id} in memory is not what its facts say", record.key)
        for problem in record_problems(record):
            raise Violation("record", problem, record.key)


def journal_proves_itself(world: World) -> None:
    """Check chain, facts, rows, postings and balances of every journal against each other."""
    for gateway in world.gateways:
        problems = gateway.journal.verify().problems
        if problems:
            raise Violation("journal", f"gateway {gateway.number}: {problems[0]}")


def nothing_is_open(world: World) -> None:
    """Once the faults have stopped, nothing is in flight or being reversed, and every living terminal is free."""
    for gateway in world.gateways:
        for row in gateway.journal.rows(pending_only=True, limit=1):
            raise Violation("open", f"still {row[_AT['state']]} at the end", _key(row))
    for till in world.tills:
        if not till.settled:
            raise Violation("open", f"terminal {till.setup.tid} is not free at the end")


def undelivered_is_undone(world: World) -> None:
    """Check that no approval stands that could not be handed over, where the acquirer wants it undone."""
    for gateway in world.gateways:
        follower = world.auditor.follower(gateway.number)
        for tx_id, at_ms in follower.undelivered.items():
            stored = follower.transactions[tx_id]
            left_ms = stored.left_approved_ms
            if stored.kind.reversible and (left_ms is None or left_ms > at_ms):
                raise Violation("delivery", "nobody could be told of the approval, and it stood", stored.key)


def doubt_has_a_case(world: World) -> None:
    """Whatever was refused, given up or is doubtful stands on the list of exceptions."""
    for gateway in world.gateways:
        for stored in world.auditor.follower(gateway.number).transactions.values():
            if stored.state in NEEDS_CASE and stored.case is None:
                raise Violation("case", f"{stored.state.value} and nobody is told", stored.key)


def money_is_where_the_state_says(world: World) -> None:
    """Check that the entries of each transaction are those of its position, and that everything sums to zero."""
    for gateway in world.gateways:
        totals = 0
        transactions = world.auditor.follower(gateway.number).transactions
        for row in gateway.journal.rows(limit=1_000_000):
            stored = transactions[row[0]]
            entries = {account: amount for account, amount in stored.entries.items() if amount}
            totals += sum(entries.values())
            position = _POSITIONS[row[_AT["position"]]]
            approved = row[_AT["approved_minor"]]
            amount = stored.amount_minor if approved is None else approved
            facts = gateway.journal.facts(stored.tx_id) if entries else ()
            hold = facts[0].opening.hold_minor if facts and facts[0].opening is not None else 0
            if entries != dict(entries_at(stored.kind, position, stored.key.mid, amount, hold)):
                raise Violation(
                    "money", f"{stored.tx_id} has entries that are not its position's", stored.key
                )
        if totals or sum(one.amount_minor for one in gateway.journal.balances()):
            raise Violation("money", f"gateway {gateway.number}: the ledger does not sum to zero")


def undone_here_is_undone_there(world: World) -> None:
    """Check that a transaction shown as voided or completed is so at the host, and the other way round."""
    entries = {entry.identity: entry for entry in world.host.books.entries()}
    for gateway in world.gateways:
        follower = world.auditor.follower(gateway.number)
        rows = gateway.journal.rows(limit=1_000_000)
        undoers: dict[str, list[str]] = {}
        for row in rows:
            if row[_AT["original"]]:
                undoers.setdefault(row[_AT["original"]], []).append(row[0])
        for row in rows:
            state, case = row[_AT["state"]], row[_AT["case_kind"]]
            if case is not None or state not in (
                State.APPROVED.value,
                State.VOIDED.value,
                State.COMPLETED.value,
            ):
                continue
            key = _key(row)
            entry = entries.get(Identity(*key))
            if entry is None or entry.standing is not Standing.APPROVED or entry.reversed:
                continue
            there = _shown(entry)
            if state != there and not _explained(follower, entry, row[0], undoers, world.host.disputes):
                raise Violation("marks", f"{state} here, {there} at the host", key)


def _shown(entry: Entry) -> str:
    if entry.undone_by is not None:
        return State.VOIDED.value
    return State.APPROVED.value if entry.completed_by is None else State.COMPLETED.value


def _explained(
    follower: Follower, entry: Entry, tx_id: str, undoers: dict[str, list[str]], elsewhere: Container[TxKey]
) -> bool:
    """Say whether what undid it, here or there, or what undid that, is an open case or was adjusted.

    `elsewhere` are the exceptions on the host's own list.
    """
    by = entry.undone_by or entry.completed_by
    if by is not None and _in_doubt(follower.latest(TxKey(*by[:4]))):
        return True
    return any(
        _in_doubt(follower.transactions[one])
        or follower.transactions[one].key in elsewhere
        or _explained(follower, entry, one, undoers, elsewhere)
        for one in undoers.get(tx_id, ())
    )


def _in_doubt(stored: Stored | None) -> bool:
    return stored is None or stored.case is not None or stored.state is State.CLOSED


def books_agree(comparison: Comparison, elsewhere: Container[TxKey] = ()) -> None:
    """Host, journal and terminals say the same of every original, or an open exception names the difference.

    `elsewhere` are the exceptions on the host's own list.
    """
    for finding in comparison.findings:
        if finding.kind is not Class.NAMED and finding.key not in elsewhere:
            raise Violation(finding.kind.value, finding.why, finding.key)
    if comparison.broken:
        raise Violation("books", comparison.broken[0])


def silent(comparison: Comparison) -> tuple[Finding, ...]:
    """Give the differences that nothing named before the books were compared."""
    return tuple(one for one in comparison.findings if one.kind is not Class.NAMED)


def _key(row: tuple[object, ...]) -> TxKey:
    return TxKey(*(str(row[_AT[name]]) for name in ("tid", "mid", "batch", "stan")))
