"""The batch at settlement: totals for the 0500, details for the batch upload.

Rule: only what the cashier was told as approved counts; a reversed or doubtful transaction does not. Pure.
Source: F48 of the 0500 is twice 31 digits (debit sum 12 + count 3, credit sum 12 + count 3, answer 1); a packet of the
0320 holds up to eight details of 40 digits after a count of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from storno.terminal.operation import RULES, Side
from storno.terminal.outcome import Outcome, Totals
from storno.terminal.state import Entry

DETAILS_MAX = 8
BALANCED = "1"
_ANSWER_AT = 30
_TOTALS_SIZE = 31
_AMOUNT_LIMIT, _COUNT_LIMIT = 10**12, 10**3
_DOMESTIC = "00"


def counted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Give the entries that count in the totals, in the order of their moments."""
    approved = (Outcome.APPROVED, Outcome.PARTIAL)
    rows = (e for e in entries if e.outcome in approved and RULES[e.operation].side is not Side.NONE)
    return tuple(sorted(rows, key=lambda entry: (entry.at_ms, entry.stan)))


def totals(entries: Iterable[Entry]) -> Totals:
    """Add up a batch."""
    debit: list[int] = []
    credit: list[int] = []
    for entry in counted(entries):
        side = debit if RULES[entry.operation].side is Side.DEBIT else credit
        side.append(entry.approved_minor)
    return Totals(len(debit), sum(debit), len(credit), sum(credit))


def totals_field(batch: Totals) -> str:
    """Write F48 of the 0500: domestic totals, then foreign ones, which are zero.

    Raises:
        OverflowError: more than the field can hold; settle more often.

    """
    sums_fit = max(batch.debit_minor, batch.credit_minor) < _AMOUNT_LIMIT
    if not sums_fit or max(batch.debit_count, batch.credit_count) >= _COUNT_LIMIT:
        raise OverflowError("a batch holds at most 999 transactions a side and 12 digits")
    domestic = (
        f"{batch.debit_minor:012d}{batch.debit_count:03d}{batch.credit_minor:012d}{batch.credit_count:03d}0"
    )
    return domestic + "0" * _TOTALS_SIZE


def balanced(field48: str) -> bool:
    """Read the host's verdict in F48 of the 0510; without one the batch is not known to balance."""
    return len(field48) > _ANSWER_AT and field48[_ANSWER_AT] == BALANCED


def packets(entries: Sequence[Entry], cards: Mapping[str, str]) -> Iterator[str]:
    """Write F48 of each 0320: count, then card kind, STAN, card number (20, zeros in front) and amount of each.

    `cards` gives the number behind a STAN; a number that is gone is sent as zeros.
    """
    for at in range(0, len(entries), DETAILS_MAX):
        chunk = entries[at : at + DETAILS_MAX]
        details = "".join(
            f"{_DOMESTIC}{e.stan}{cards.get(e.stan, ''):0>20}{e.approved_minor:012d}" for e in chunk
        )
        yield f"{len(chunk):02d}{details}"
