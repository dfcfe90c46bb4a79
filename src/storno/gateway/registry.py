"""The records a node holds in memory: a bounded cache over the journal.

Whatever is in flight or being reversed stays; the rest leaves in order of use and is read back from the journal when
somebody asks. Memory is a cache: what is read back is the fold of the facts.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from storno.reversal.lifecycle import State
from storno.reversal.machine import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.journal.exception_fact import ExceptionRecord
    from storno.reversal.key import TxKey
    from storno.reversal.kinds import Kind
    from storno.reversal.record import Fact, Record

_HELD = frozenset({State.AUTHORIZING, State.ADVISING, State.REVERSING})
_LOOKED_AT_MAX = 16


class Archive(Protocol):
    """What a node asks of the journal while it runs: look-ups of what is durable."""

    def facts(self, tx_id: str) -> tuple[Fact, ...]:
        """Give all facts of a transaction in order; empty when it is not known."""
        ...

    def find(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this identity."""
        ...

    def find_number(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this TID, MID and STAN, whatever its batch."""
        ...

    def find_by_rrn(self, rrn: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this RRN, newest first."""
        ...

    def find_by_auth_code(self, auth_code: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this authorisation code, newest first."""
        ...

    def sealed_card(self, tx_id: str) -> bytes | None:
        """Give the sealed card copy of a transaction, if it is still kept."""
        ...

    def exception(self, finding_id: str) -> ExceptionRecord | None:
        """Give an exception as it stands; None when there is none."""
        ...

    def pending(self) -> Iterator[tuple[Fact, ...]]:
        """Give the facts of each record in flight or being reversed, oldest first."""
        ...

    def high_stans(self, since_ms: int) -> Iterator[tuple[str, str, str, str]]:
        """Give (tid, mid, batch, highest STAN) of every terminal and batch seen since a time."""
        ...


class Registry:
    """Records by id and by identity."""

    def __init__(self, archive: Archive, records_max: int) -> None:
        self._archive = archive
        self._max = records_max
        self._held: dict[str, Record] = {}
        self._recent: OrderedDict[str, Record] = OrderedDict()
        self._by_key: dict[TxKey, str] = {}
        self._high: dict[tuple[str, str, str], str] = {}
        self._cards: dict[str, bytes] = {}
        self._undoing: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._held) + len(self._recent)

    def learn_high_stans(self, since_ms: int) -> None:
        """Read how far each terminal has counted, so that a new number needs no look-up."""
        for tid, mid, batch, stan in self._archive.high_stans(since_ms):
            self._high[tid, mid, batch] = stan

    def put(self, record: Record, card: bytes | None = None, *, new: bool = False) -> None:
        """Take the newest version of a record; `card` is its sealed copy, b"" forgets it.

        Only a `new` record takes over its identity: an old one that moves once more must not hide its successor.
        """
        tx_id, key = record.tx_id, record.opening.key
        if record.state in _HELD:
            self._held[tx_id] = record
            self._recent.pop(tx_id, None)
        else:
            self._held.pop(tx_id, None)
            if tx_id in self._recent:  # what is new stands at the end anyway
                self._recent.move_to_end(tx_id)
            self._recent[tx_id] = record
        if new:
            self._by_key[key] = tx_id
            self.keep_number(key)
        self._note_undoing(record)
        if card is not None:
            if card:
                self._cards[tx_id] = card
            else:
                self._cards.pop(tx_id, None)

    def keep_number(self, key: TxKey) -> None:
        """Note how far a terminal has counted: up to there a number is looked up before it is taken for a new one."""
        spot = key[:3]
        if key.stan > self._high.get(spot, ""):
            self._high[spot] = key.stan

    def trim(self, durable_before_ms: int) -> None:
        """Let go of the longest untouched records over the bound, but never of one that is not durable yet."""
        while len(self._recent) > self._max:
            tx_id, record = next(iter(self._recent.items()))
            if record.updated_ms >= durable_before_ms:
                return
            del self._recent[tx_id]
            self._cards.pop(tx_id, None)
            if self._by_key.get(record.opening.key) == tx_id:
                del self._by_key[record.opening.key]

    def get(self, tx_id: str) -> Record | None:
        """Give a record, from the journal if need be."""
        record = self._held.get(tx_id) or self._recent.get(tx_id)
        if record is None:
            facts = self._archive.facts(tx_id)
            if not facts:
                return None
            record = fold(facts)
            self.put_back(record)
        return record

    def put_back(self, record: Record) -> None:
        """Cache what was read from the journal, without taking the identity from a newer transaction."""
        self.put(record)

    def find(self, key: TxKey, *, new_number_skips: bool = False) -> Record | None:
        """Give the latest record with this identity.

        `new_number_skips` spares the journal when the terminal counts upwards, as it does nearly always.
        """
        tx_id = self._by_key.get(key)
        if tx_id is None:
            if new_number_skips and key.stan > self._high.get(key[:3], ""):
                return None
            tx_id = self._archive.find(key)
            if tx_id is not None:
                self._by_key[key] = tx_id
        return None if tx_id is None else self.get(tx_id)

    def find_loosely(self, key: TxKey) -> Record | None:
        """Give the latest record a peer can mean where only one of request and message names a batch (F60)."""
        if key.batch:
            return self.find(key) or self.find(key._replace(batch=""))
        number = key._replace(batch="")
        found = [one for one in self.known() if one.opening.key._replace(batch="") == number]
        tx_id = self._archive.find_number(key)
        durable = None if tx_id is None else self.get(tx_id)
        if durable is not None:
            found.append(durable)
        return max(found, key=lambda one: (one.opened_ms, one.tx_id), default=None)

    def _note_undoing(self, record: Record) -> None:
        original = record.opening.original
        if not original or not (record.kind.undoes or record.kind.completes):
            return
        if record.state in _HELD:
            self._undoing.setdefault(original, set()).add(record.tx_id)
        elif original in self._undoing:
            self._undoing[original].discard(record.tx_id)
            if not self._undoing[original]:
                del self._undoing[original]

    def being_undone(self, tx_id: str) -> bool:
        """Say whether a void or completion of it is in flight or being reversed."""
        return tx_id in self._undoing

    def find_original(
        self, key: TxKey | None, rrn: str, auth_code: str, mid: str, kinds: frozenset[Kind]
    ) -> Record | None:
        """Give what a void, completion or refund refers to: by identity, else by RRN, else by authorisation code.

        Only a transaction of these kinds can be meant: a void repeats its sale's authorisation code.
        """
        if key is not None:
            found = self.find(key)
            if found is not None and found.kind in kinds:
                return found
        for tx_ids in (
            self._archive.find_by_rrn(rrn, mid) if rrn else (),
            self._archive.find_by_auth_code(auth_code, mid) if auth_code else (),
        ):
            records = [self.get(tx_id) for tx_id in tx_ids[:_LOOKED_AT_MAX]]
            fitting = [one for one in records if one is not None and one.kind in kinds]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def sealed_card(self, tx_id: str) -> bytes | None:
        """Give the sealed card copy, from memory or from the journal."""
        return self._cards.get(tx_id) or self._archive.sealed_card(tx_id)

    def held(self) -> tuple[Record, ...]:
        """Give everything in flight or being reversed."""
        return tuple(self._held.values())

    def known(self) -> tuple[Record, ...]:
        """Give everything in memory."""
        return (*self._held.values(), *self._recent.values())


def fits(record: Record, amount_minor: int, pan_token: str = "") -> bool:
    """Say whether a reversal's amount is the record's, in whole or as approved in part, and its card too."""
    same_card = not pan_token or record.opening.pan_token in ("", pan_token)
    return same_card and amount_minor in (record.opening.amount_minor, record.amount_minor)
