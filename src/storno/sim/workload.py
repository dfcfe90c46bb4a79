"""What a shop does all day, drawn from a seed: which order, how much, which card, how long a pause.

Rule: the draws depend on seed and terminal alone, never on time or on what the host answers, so the same seed gives the
same intentions; which earlier sale a void means is read from the terminal's log. Pure but for the generator it holds.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from storno.sim.cards import CARDS, Role, TestCard
from storno.terminal.card import Card, EntryMode
from storno.terminal.operation import Operation
from storno.terminal.outcome import Outcome
from storno.terminal.state import Entry, Reversal

MID = "000000000000001"
MIDS = (MID, "000000000000002", "000000000000003")
AMOUNT_MIN_MINOR, AMOUNT_MAX_MINOR = 100, 99_900
_MIX = (
    (Operation.SALE, 58),
    (Operation.VOID, 12),
    (Operation.PREAUTH, 10),
    (Operation.COMPLETION, 7),
    (Operation.REFUND, 5),
    (Operation.PREAUTH_VOID, 3),
    (Operation.COMPLETION_VOID, 3),
    (Operation.BALANCE, 1),
    (Operation.SETTLE, 1),
)
_NORMAL = tuple(card for card in CARDS if card.role is Role.NORMAL)
_ODD = tuple(card for card in CARDS if card.role is not Role.NORMAL)
_BY_MASK = {Card(card.pan).masked: card for card in CARDS}
_ODD_SHARE = 0.04
_FAIL_SHARE = 0.02
_APPROVED = (Outcome.APPROVED, Outcome.PARTIAL)


def tid_of(number: int) -> str:
    """Name the n-th terminal (from 1)."""
    return f"{number:08d}"


def mid_of(number: int) -> str:
    """Name the merchant of the n-th terminal: three shops share them."""
    return MIDS[(number - 1) % len(MIDS)]


def mids_of(terminals: int) -> dict[str, str]:
    """Give the MID of each TID."""
    return {tid_of(number): mid_of(number) for number in range(1, terminals + 1)}


class Intent(NamedTuple):
    """One thing the cashier means to do. `fails_after` stands for a printer or chip that fails after the approval."""

    operation: Operation
    amount_minor: int
    card: TestCard
    pause: float
    """From 0 to 1: how long to wait before it, as a share of the longest pause."""
    pick: float
    """From 0 to 1: which of the candidates a void, completion or refund means."""
    fails_after: bool = False


class Order(NamedTuple):
    """An intention with its original: what is really sent."""

    operation: Operation
    amount_minor: int
    card: Card
    original: Entry | None = None


class Workload:
    """The intentions of one terminal, one after the other, for ever."""

    def __init__(self, seed: int, tid: str) -> None:
        self._rng = Random(f"{seed}/{tid}")

    def next(self) -> Intent:
        """Draw the next intention; always the same number of draws."""
        rng = self._rng
        operation = rng.choices([one for one, _ in _MIX], [share for _, share in _MIX])[0]
        amount = rng.randint(AMOUNT_MIN_MINOR, AMOUNT_MAX_MINOR)
        odd, normal, strange = rng.random(), rng.choice(_NORMAL), rng.choice(_ODD)
        pause, pick, fails = rng.random(), rng.random(), rng.random()
        card = strange if odd < _ODD_SHARE else normal
        return Intent(operation, amount, card, pause, pick, fails < _FAIL_SHARE)


def order_of(intent: Intent, rows: tuple[Entry, ...]) -> Order:
    """Find what the intention is about in the terminal's log; with nothing to undo or complete it becomes a sale."""
    candidates = _candidates(intent.operation, rows)
    if intent.operation in _NEEDS and not candidates:
        return Order(Operation.SALE, intent.amount_minor, _present(intent.card))
    if intent.operation not in _NEEDS:
        amount = intent.amount_minor if intent.operation.moves_money else 0
        return Order(intent.operation, amount, _present(intent.card))
    original = candidates[int(intent.pick * len(candidates))]
    card = _present(_BY_MASK[original.card])
    amount = original.approved_minor
    if intent.operation is Operation.REFUND:
        amount = max(1, amount // 2)
    return Order(intent.operation, amount, card, original)


_NEEDS: dict[Operation, Operation] = {
    Operation.VOID: Operation.SALE,
    Operation.REFUND: Operation.SALE,
    Operation.PREAUTH_VOID: Operation.PREAUTH,
    Operation.COMPLETION: Operation.PREAUTH,
    Operation.COMPLETION_VOID: Operation.COMPLETION,
}


_SAME_BATCH = frozenset({Operation.VOID, Operation.COMPLETION_VOID})


def _candidates(operation: Operation, rows: tuple[Entry, ...]) -> tuple[Entry, ...]:
    wanted = _NEEDS.get(operation)
    if wanted is None:
        return ()
    used = {row.original for row in rows if row.original and row.outcome in _APPROVED}
    return tuple(
        row
        for row in rows
        if row.operation is wanted
        and row.outcome in _APPROVED
        and row.reversal is Reversal.NONE
        and not row.undone_by
        and row.stan not in used
        and row.card in _BY_MASK
        and not (row.settled and operation in _SAME_BATCH)
        and (row.auth_code if wanted is Operation.PREAUTH else row.rrn)
    )


def _present(card: TestCard) -> Card:
    return Card(card.pan, expiry=card.expiry, entry=EntryMode.CHIP)
