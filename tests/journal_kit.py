"""A shop for journal tests: transactions that walk the real life cycle at random, as changes to commit."""

import random

from storno.journal.fact import Change, fact_row, tx_row
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, Effect, Input, State
from storno.reversal.machine import Outcome, begin, step, takes
from storno.reversal.record import NO_DETAIL, Detail, Opening, Record

CARD = b"sealed card of "
NOW_MS = 1_767_600_000_000


def change(outcome: Outcome, card: bytes | None = None) -> Change:
    """Write an outcome down as the gateway does."""
    posting = outcome.posting
    if Effect.FORGET_CARD in outcome.effects:
        card = b""
    entry = None
    if posting is not None:
        entry = (posting.key, outcome.record.tx_id, posting.currency, posting.entries)
    return (fact_row(outcome.fact), tx_row(outcome.record), entry, card)


def opening(tid="58402001", stan="000001", **members) -> Opening:
    given = {
        "key": TxKey(tid, members.pop("mid", "302440380621100"), members.pop("batch", "000007"), stan),
        "kind": Kind.SALE, "first_state": State.AUTHORIZING, "amount_minor": 12_345, "currency": "CNY",
        "dialect": "cup_pos", "date": "20260105", "pan_masked": "622588******1234", "pan_token": "t" * 32,
        "fingerprint": "f" * 32, "fields": ((3, "000000"), (25, "00")),
    }  # fmt: skip
    return Opening(**(given | members))


def sale(tx_id="1-1", at_ms=NOW_MS, **members) -> Outcome:
    return begin(tx_id, at_ms, opening(**members))


def approve(record: Record, rrn="240601000001", auth_code="123456", at_ms=NOW_MS + 50) -> Outcome:
    return step(record, Input.RESPONSE_APPROVED, at_ms, Detail(code="00", rrn=rrn, auth_code=auth_code))


class Shop:
    """Open transactions and walk them over the table at random; the seed decides everything."""

    def __init__(self, seed: int, prefix: str = "1") -> None:
        self._chance = random.Random(seed)
        self._prefix = prefix
        self._now_ms = NOW_MS
        self.records: dict[str, Record] = {}
        self.postings: list[tuple[str, str, int]] = []

    def changes(self, count: int) -> list[Change]:
        return [self._next() for _ in range(count)]

    def _next(self) -> Change:
        self._now_ms += self._chance.randrange(2_000)
        if not self.records or self._chance.random() < 0.4:
            return self._open()
        record = self._chance.choice(list(self.records.values()))
        inputs = [what for state, what in TABLE if state is record.state and takes(record, what)]
        if not inputs:
            return self._open()
        return self._keep(step(record, self._chance.choice(inputs), self._now_ms, self._detail()), None)

    def _open(self) -> Change:
        number = len(self.records) + 1
        kind = self._chance.choice(list(Kind))
        tombstone = kind.reversible and self._chance.random() < 0.1
        first = State.AUTHORIZING if kind.reversible else State.ADVISING
        content = opening(
            tid=f"{self._chance.randrange(3):08d}",
            stan=f"{self._chance.randrange(20):06d}",
            kind=kind,
            first_state=State.REVERSING if tombstone else first,
            tombstone=tombstone,
            amount_minor=self._chance.randrange(1, 10**6),
            currency=self._chance.choice(["CNY", "HKD"]),
            hold_minor=self._chance.choice([0, 0, 500]) if kind.completes else 0,
        )
        outcome = begin(f"{self._prefix}-{number}", self._now_ms, content)
        return self._keep(outcome, CARD + outcome.record.tx_id.encode())

    def _detail(self) -> Detail:
        if self._chance.random() < 0.3:
            return NO_DETAIL
        return Detail(
            code=self._chance.choice(["00", "51", "96"]),
            rrn=f"{self._chance.randrange(30):012d}",
            auth_code=self._chance.choice(["", f"{self._chance.randrange(9):06d}"]),
            due_ms=self._now_ms + 1_000,
            deadline_ms=self._now_ms + 60_000,
            note=self._chance.choice(["", "柜台核对"]),
        )

    def _keep(self, outcome: Outcome, card: bytes | None) -> Change:
        self.records[outcome.record.tx_id] = outcome.record
        if outcome.posting is not None:
            currency = outcome.posting.currency
            self.postings += [(currency, account, amount) for account, amount in outcome.posting.entries]
        return change(outcome, card)
