"""Why the host says no to a void, completion, refund or reversal: the code for each case.

Rule: the answer depends only on the facts of the entries involved. Codes as in F39 (Q/CUP 006.6 annex A.2): 12 cannot
be related, 14 another card, 22 already undone or completed, 25 not found, 61 over the limit, 64 another amount.
Pure functions; they change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.reversal.kinds import Kind
from storno.sim.entry import CHARGES, UNDONE_BY, Entry, Standing

if TYPE_CHECKING:
    from storno.sim.entry import Request

COMPLETION_LIMIT_PERCENT = 115
"""A completion may exceed its hold by 15 % (UnionPay pre-authorisation rule)."""


def needs_original(kind: Kind) -> bool:
    """Say whether a request of this kind is about an earlier transaction."""
    return kind in UNDONE_BY or kind.completes or kind is Kind.REFUND


def of_request(request: Request, found: Entry | None, *, settled: bool) -> str:
    """Give the code that refuses a request about `found`, or an empty text. `settled`: its batch is closed."""
    if found is None:
        return "25"
    if found.standing is not Standing.APPROVED or not _fits(request.kind, found.kind):
        return "12"
    if not found.in_force or found.completed_by is not None:
        return "22"
    if found.token != request.card.token:
        return "14"
    if request.kind in UNDONE_BY:
        return _of_void(request, found, settled=settled)
    if request.kind.completes:
        over = request.amount_minor * 100 > found.amount_minor * COMPLETION_LIMIT_PERCENT
    else:
        over = found.refunded_minor + request.amount_minor > found.amount_minor
    return "61" if over else ""


def _fits(kind: Kind, original: Kind) -> bool:
    if kind in UNDONE_BY:
        return original in UNDONE_BY[kind]
    return original is Kind.PREAUTH if kind.completes else original in CHARGES


def _of_void(request: Request, found: Entry, *, settled: bool) -> str:
    if found.refunded_minor:
        return "22"
    if found.amount_minor != request.amount_minor:
        return "64"
    return "12" if settled else ""


def of_reversal(entry: Entry, amount_minor: int | None, *, can_stand_again: bool) -> str:
    """Give the code that refuses a reversal of `entry`, or an empty text.

    `can_stand_again`: for the void of a completion, whether the hold under that completion is still free.
    """
    if not entry.kind.reversible:
        return "40"
    if amount_minor is not None and amount_minor not in (entry.amount_minor, entry.requested_minor):
        return "64"
    if entry.standing is not Standing.APPROVED or entry.reversed:
        return ""
    if entry.completed_by is not None or entry.refunded_minor:
        return "22"  # something approved rests on it: undoing it would pay back twice
    return "" if can_stand_again else "22"
