"""What a busy gateway journals, made by the life cycle itself: sales opened, and answered some hundred sales later."""

from __future__ import annotations

import random

from storno.journal.fact import Change, fact_row, tx_row
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import Outcome, begin, step
from storno.reversal.record import Detail, Opening

START_MS = 1_767_600_000_000
TERMINALS = 1_000
ANSWER_AFTER = 600


def change(outcome: Outcome, card: bytes | None = None) -> Change:
    posting = outcome.posting
    entry = (
        None if posting is None else (posting.key, outcome.record.tx_id, posting.currency, posting.entries)
    )
    return (fact_row(outcome.fact), tx_row(outcome.record), entry, card)


def opened(number: int) -> Outcome:
    terminal = number % TERMINALS
    stan = f"{number // TERMINALS + 1:06d}"
    opening = Opening(
        TxKey(f"{10_000_000 + terminal}", f"{898_000_000_000_000 + terminal // 10}", "000001", stan),
        Kind.SALE, State.AUTHORIZING, 1_000 + number % 9_000, "CNY", "cup_pos", "20260105", "622588******1234",
        f"{number:032x}", f"{number * 7:032x}", fields=((3, "000000"), (22, "051"), (25, "00"), (60, "22000001000500")),
    )  # fmt: skip
    return begin(f"1-{number:09d}", START_MS + number, opening)


def load(count: int, *, sealed: bytes | None = None) -> list[Change]:
    """Give `count` changes: half openings, half approvals with their posting."""
    chance = random.Random(1)
    waiting: list[Outcome] = []
    changes: list[Change] = []
    number = 0
    while len(changes) < count:
        waiting.append(opened(number))
        changes.append(change(waiting[-1], sealed))
        if number >= ANSWER_AFTER:
            sale = waiting[number - ANSWER_AFTER]
            detail = Detail(
                code="00", rrn=f"{260105000000 + number}", auth_code=f"{chance.randrange(10**6):06d}"
            )
            changes.append(change(step(sale.record, Input.RESPONSE_APPROVED, START_MS + number, detail)))
        number += 1
    return changes[:count]
