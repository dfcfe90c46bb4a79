"""The columns everything is compared by: books rows, outside lines, and the pair the rules look at.

Rule: amounts are signed minor units from our side: positive is money towards us. `effect` is what counts: what our
books hold as done, or what an outside line moves. Names only; must not import an engine.
"""

from __future__ import annotations

from typing import Final

LINE_TEXTS: Final = (
    "kind", "currency", "settled_on", "at", "mark", "tid", "mid", "batch", "stan", "rrn", "auth_code", "reference",
    "order", "original", "card", "account", "text",
)  # fmt: skip
"""Text columns of an outside line as they are stored; one that a file lacks is empty in all its rows."""
LINE_NUMBERS: Final = ("line_no", "amount_minor", "fee_minor", "net_minor")
BOOKS_TEXTS: Final = (
    "tx_id", "tid", "mid", "batch", "stan", "date", "kind", "state", "currency", "position", "told", "rrn",
     "auth_code", "original", "pan_masked",
)  # fmt: skip
BOOKS_NUMBERS: Final = ("amount_minor", "approved_minor", "opened_ms")
LINE_HASHES: Final = ("key_hash", "row_hash")
"""Hashes that the import puts beside the lines; a file that lacks them is hashed when it is compared."""
BOOKS_HASHES: Final = ("key_hash_n", "row_hash_n", "key_hash_t", "row_hash_t")
"""The same of our books, for the network's leg and the terminal's."""

NULLABLE: Final = frozenset({"net_minor", "approved_minor"})

PAIR: Final[dict[str, str]] = {
    "b_there": "our books have it",
    "tx_id": "id in our journal",
    "klass": "pay, ref (refund) or void: what it is for",
    "b_state": "state of the life cycle",
    "b_position": "none, effect or suspense",
    "b_told": "what the terminal was told",
    "b_amount": "signed amount, approved in part or in full, whether it is booked or not",
    "b_asked": "signed amount that was asked for",
    "b_effect": "b_amount where our books hold it as done, else 0",
    "b_mid": "merchant in our books",
    "b_tid": "terminal in our books",
    "b_undone": "what it voids was itself reversed",
    "b_pairs_off": "a sale and its void that both sides leave out",
    "o_there": "the outside has at least one line",
    "o_pay": "number of its lines that are what it is for (a sale's payments, a void's voids)",
    "o_rev": "number of reversal lines",
    "o_void": "number of void lines on what our books have as a sale",
    "o_effect": "signed sum of its lines that count",
    "o_fee": "signed sum of their fees",
    "o_fee_due": "what the fees should be; empty where no rate is known",
    "o_fee_learned": "number of lines that rate was learned from; 0: it was given",
    "o_mid": "merchant of the line",
    "o_tid": "terminal of the line",
    "o_twin": "lines without a transaction that repeat one of ours, settled already, by terminal, STAN, day and amount",
    "o_approved": "the terminal's journal has it as approved",
    "o_late": "the line's day is later than a line may wait, or before the transaction",
    "covered": "the outside's files cover the terminal's day, so that a missing line means something",
    "leg": "network, terminal or bank",
}
"""What a rule's `when` and `money` may speak of."""
