"""Where a transaction's money stands, and the entries that move it there.

A transaction is always in exactly one position; a posting is the difference between two positions, so nothing can be
posted twice and every path back to NONE cancels to zero. Must not know how a position is decided: the table does that.
"""

from __future__ import annotations

from enum import Enum

from storno.ledger import chart
from storno.ledger.entry import net, opposite
from storno.reversal.kinds import Kind

Entries = tuple[tuple[str, int], ...]


class Position(Enum):
    """Where the money of one transaction is, as far as our books know."""

    __hash__ = object.__hash__  # identity: hashed several times a step

    NONE = "none"
    EFFECT = "effect"
    SUSPENSE = "suspense"


_CHARGES = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_ADVICE})
_HOLDS = frozenset({Kind.PREAUTH, Kind.PREAUTH_VOID})


def entries_at(kind: Kind, position: Position, mid: str, amount_minor: int, hold_minor: int) -> Entries:
    """Give the entries a transaction has in the books at a position.

    `amount_minor` is the approved amount where there is one; `hold_minor` is the pre-authorised amount that a
    completion releases and a completion void restores (0 where none is known).
    """
    if position is Position.NONE:
        return ()
    sign = 1 if kind in _CHARGES or kind is Kind.PREAUTH else -1
    amount = sign * amount_minor
    if position is Position.SUSPENSE:
        account = chart.SUSPENSE_HOLD if kind in _HOLDS else chart.SUSPENSE
        return ((account, amount), (chart.merchant_suspense(mid), -amount))
    if kind in _HOLDS:
        return ((chart.HOST_HOLD, amount), (chart.merchant_hold(mid), -amount))
    charge: Entries = ((chart.HOST, amount), (chart.merchant(mid), -amount))
    if hold_minor:
        release = -sign * hold_minor
        return (*charge, (chart.HOST_HOLD, release), (chart.merchant_hold(mid), -release))
    return charge


def movement(
    kind: Kind, before: Position, after: Position, mid: str, amounts_minor: tuple[int, int], hold_minor: int
) -> Entries:
    """Give the entries that move a transaction from one position to another; `amounts_minor` is (before, after)."""
    then = entries_at(kind, after, mid, amounts_minor[1], hold_minor)
    if before is Position.NONE:
        return net(then)
    return net(opposite(entries_at(kind, before, mid, amounts_minor[0], hold_minor)), then)
