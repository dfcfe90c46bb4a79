"""What a cashier does next: which order, about which earlier transaction, with which card.

Rule: the draw never depends on how an earlier order ended except through the terminal's own log, as for a person. Pure
but for the generator handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from storno.sim.cards import CARDS, Role, TestCard
from storno.sim.workload import Intent, order_of
from storno.terminal.card import Card, EntryMode
from storno.terminal.machine import TerminalCore
from storno.terminal.operation import Operation
from storno.terminal.request import Order, original_fields
from storno.terminal.state import Entry
from storno.terminal.steps import Talk
from storno.terminal.store import MemoryStore

_CARDS = tuple(card for card in CARDS if card.role is Role.NORMAL)
_POOR = tuple(card for card in CARDS if card.role is Role.LOW_BALANCE)
_POOR_SHARE = 0.05
_ENTRIES = (EntryMode.CHIP, EntryMode.SWIPE, EntryMode.CONTACTLESS)
_SERVICES: dict[Operation, Callable[[TerminalCore, int], Talk]] = {
    Operation.SIGN_IN: lambda core, now_ms: core.sign_in(now_ms),
    Operation.SIGN_OFF: lambda core, now_ms: core.sign_off(now_ms),
    Operation.ECHO: lambda core, now_ms: core.echo(now_ms),
    Operation.DRAIN: lambda core, now_ms: core.drain(now_ms),
}
SETTLED = frozenset({Operation.REFUND})
"""What may be about a batch that is settled already."""


@dataclass(frozen=True, slots=True)
class Cashier:
    """Draws orders. `kinds` and `shares`, added up from the first on, are the mix."""

    rng: Random
    kinds: tuple[Operation, ...]
    shares: tuple[int, ...]

    def next(self) -> Intent:
        """Draw the next intention."""
        rng = self.rng
        card = rng.choice(_POOR if rng.random() < _POOR_SHARE else _CARDS)
        operation = rng.choices(self.kinds, cum_weights=self.shares)[0]
        return Intent(operation, rng.randint(1, 50_000), card, 0.0, rng.random())

    def entry(self) -> EntryMode:
        """Draw how the card is read."""
        return _ENTRIES[int(self.rng.random() * len(_ENTRIES))]


def service(operation: Operation) -> Callable[[TerminalCore, int], Talk] | None:
    """Give the conversation of an order without money."""
    return _SERVICES.get(operation)


def build(intent: Intent, store: MemoryStore, batch: str, entry: EntryMode) -> Order:
    """Make the order: find what it is about in the log, or sell when there is nothing."""
    if intent.operation in (Operation.SALE, Operation.PREAUTH, Operation.BALANCE):
        return Order(intent.operation, intent.amount_minor, _read(intent.card, entry))
    rows = store.entries(None if intent.operation in SETTLED else batch)
    meant = order_of(intent, rows)
    if meant.original is None:
        return Order(meant.operation, meant.amount_minor, meant.card)
    return _about(meant.operation, meant.amount_minor, meant.card, meant.original)


def _about(operation: Operation, amount_minor: int, card: Card, row: Entry) -> Order:
    if operation in (Operation.VOID, Operation.COMPLETION_VOID):
        extra = original_fields(row.batch, row.stan, row.date, row.rrn, row.auth_code)
        return Order(operation, row.approved_minor, card, extra, row)
    if operation is Operation.REFUND:
        return Order(operation, amount_minor, card, original_fields("", "", row.date, row.rrn, ""))
    extra = original_fields("", "", row.date, "", row.auth_code)
    undone = row if operation is Operation.PREAUTH_VOID else None
    return Order(operation, amount_minor, card, extra, undone or row)


@lru_cache(maxsize=256)
def _read(card: TestCard, entry: EntryMode) -> Card:
    return Card(card.pan, expiry=card.expiry, entry=entry)
