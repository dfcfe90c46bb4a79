"""The host's books: what was approved, undone and reversed, and whose money moved.

Rule: an identity is decided once. A request seen before gets its first answer; a reversal seen before is accepted
again; neither moves money a second time, because money is the difference between two states of an entry's facts.
Knows no clock, chance, socket or disk: rows go to a `Shelf`, which may be a dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.reversal.kinds import Kind
from storno.sim import refusals
from storno.sim.entry import (
    CHARGES,
    UNDONE_BY,
    Account,
    BatchState,
    BatchTotals,
    CardRef,
    Effect,
    Entry,
    Identity,
    Request,
    Ruling,
    SignIn,
    Standing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.sim.shelf import Shelf

BatchKey = tuple[str, str, str]
"""TID, MID, batch."""


@dataclass(frozen=True, slots=True)
class BooksOptions:
    """What hosts decide differently. Codes as in F39."""

    tombstones: bool = True
    unknown_reversal: str = "25"
    """Answer to a reversal whose original was never seen: 25 or 00."""
    declined_reversal: str = "12"
    """Answer to a reversal of what was declined: 12 or 00."""
    tombstone_code: str = "22"
    duplicate_code: str | None = None
    """None: repeat the first answer; else answer this code (94) to a request seen before."""


class Books:
    """All accounts and transactions of one host."""

    def __init__(self, shelf: Shelf, options: BooksOptions | None = None) -> None:
        self.options = options or BooksOptions()
        self._shelf = shelf
        self._entries: dict[Identity, Entry] = {}
        self._accounts: dict[str, Account] = {}
        self._batches: dict[BatchKey, BatchState] = {}
        self._sign_ins: dict[str, SignIn] = {}
        self._by_rrn: dict[str, Identity] = {}
        self._by_auth: dict[tuple[str, str], Identity] = {}
        self._by_batch: dict[BatchKey, list[Identity]] = {}
        self._serial = 0
        self.reload()

    # -- keeping and losing

    def flush(self) -> None:
        """Make everything decided so far survive the process; to be called before an answer leaves."""
        self._shelf.commit()

    def reload(self) -> None:
        """Start again from the shelf: a restart with memory."""
        for table in (self._entries, self._accounts, self._batches, self._sign_ins):
            table.clear()
        for index in (self._by_rrn, self._by_auth, self._by_batch):
            index.clear()
        rows = self._shelf.load()
        self._accounts.update(rows.accounts)
        self._batches.update(rows.batches)
        self._sign_ins.update(rows.sign_ins)
        self._serial = rows.serial
        for entry in rows.entries:
            self._entries[entry.identity] = entry
            self._index(entry)

    def forget(self) -> None:
        """Lose everything: a restart without memory."""
        self._shelf.clear()
        self.reload()

    # -- requests

    def rule(self, request: Request) -> Ruling:
        """Decide a financial request and post it when it is approved."""
        known = self._entries.get(request.identity)
        if known is not None:
            return self._again(known, request)
        if request.forced_code and not request.forced_posts:
            return self._decline(request, request.forced_code, None)
        original, refusal = self._original(request)
        if refusal:
            return self._decline(request, refusal, original)
        amount = request.amount_minor if request.partial_minor is None else request.partial_minor
        taken = self._affordable(request, original, amount)
        if taken is None:
            return self._decline(request, "51", original)
        return self._approve(request, original, taken)

    def account(self, card: CardRef) -> Account:
        """Give a card's account as it stands; nothing is booked."""
        known = self._accounts.get(card.token)
        return known or Account(card.token, card.masked, card.opening_minor, card.opening_minor)

    def _again(self, known: Entry, request: Request) -> Ruling:
        if known.standing is Standing.TOMBSTONE:
            self._put(known._replace(late=known.late + 1))
            return Ruling(self.options.tombstone_code, known, repeat=True)
        if known.fingerprint != request.fingerprint:
            return Ruling("94", None, repeat=True)
        return Ruling(self.options.duplicate_code or known.code, known, repeat=True)

    def _original(self, request: Request) -> tuple[Entry | None, str]:
        """Find what the request is about; the second value is the code that refuses it, or empty."""
        if not refusals.needs_original(request.kind):
            return None, ""
        found = self._find(request)
        settled = found is not None and self.batch(found.tid, found.mid, found.batch).settled
        return found, refusals.of_request(request, found, settled=settled)

    def _find(self, request: Request) -> Entry | None:
        """Find the original by identity, then RRN, then authorisation code of this card."""
        ref = request.original
        if ref.identity is not None and (found := self._entries.get(ref.identity)) is not None:
            return found if found.standing is not Standing.TOMBSTONE else None
        known = self._by_rrn.get(ref.rrn) if ref.rrn else None
        if known is None and ref.auth_code:
            known = self._by_auth.get((ref.auth_code, request.card.token))
        return self._entries[known] if known is not None else None

    def _affordable(self, request: Request, original: Entry | None, amount_minor: int) -> int | None:
        """Give the amount that can be approved, None when there is not enough."""
        if request.kind not in CHARGES and request.kind is not Kind.PREAUTH:
            return amount_minor
        if request.advice or request.forced_posts:
            return amount_minor
        available = self.account(request.card).available_minor + (original.hold_minor if original else 0)
        if available >= amount_minor:
            return amount_minor
        return available if request.partial_ok and available > 0 else None

    def _approve(self, request: Request, original: Entry | None, amount_minor: int) -> Ruling:
        code = request.forced_code or ("00" if amount_minor == request.amount_minor else "10")
        entry = self._entry(request, Standing.APPROVED, code, amount_minor, original)
        if original is not None and original.auth_code:
            entry = entry._replace(auth_code=original.auth_code)
        # Release before charging: a completion is paid out of its own hold.
        if original is not None:
            self._mark(original, entry)
        self._put(entry, account=self.account(request.card))
        self._index(entry)
        return Ruling(code, self._entries[entry.identity], moved=True)

    def _mark(self, original: Entry, entry: Entry) -> None:
        if entry.kind in UNDONE_BY:
            self._put(original._replace(undone_by=entry.identity))
            self._release(original, completed_by=None)
        elif entry.kind.completes:
            self._put(original._replace(completed_by=entry.identity))
        else:
            self._put(original._replace(refunded_minor=original.refunded_minor + entry.amount_minor))

    def _release(self, completion: Entry, completed_by: Identity | None) -> None:
        """Open (None) or close again the hold a completion used up."""
        if completion.kind.completes and completion.original is not None:
            hold = self._entries[completion.original]
            self._put(hold._replace(completed_by=completed_by))

    def _decline(self, request: Request, code: str, original: Entry | None) -> Ruling:
        entry = self._entry(request, Standing.DECLINED, code, 0, original)
        self._put(entry)
        self._index(entry)
        return Ruling(code, entry)

    def _entry(
        self, request: Request, standing: Standing, code: str, amount_minor: int, original: Entry | None
    ) -> Entry:
        serial = self._next()
        approved = standing is Standing.APPROVED
        return Entry(
            request.identity,
            request.kind,
            standing,
            code,
            amount_minor,
            request.amount_minor,
            request.at_ms,
            tid=request.tid,
            mid=request.mid,
            batch=request.batch,
            currency=request.currency,
            token=request.card.token,
            masked=request.card.masked,
            rrn=request.rrn or rrn_of(request.at_ms, serial),
            auth_code=f"{serial * 7919 % 1_000_000:06d}" if approved else "",
            fingerprint=request.fingerprint,
            original=original.identity if original is not None else None,
        )

    # -- reversals

    def reverse(self, identity: Identity, amount_minor: int | None, at_ms: int, kind: Kind | None) -> Ruling:
        """Undo an original, once.

        `amount_minor` None does not check the amount (a host's own reversal); `kind` is what the reversal says its
        original was, kept in the tombstone of one never seen.
        """
        entry = self._entries.get(identity)
        if entry is None:
            return self._bury(identity, amount_minor or 0, at_ms, kind or Kind.SALE)
        entry = entry._replace(reversals=entry.reversals + 1)
        if entry.standing is Standing.TOMBSTONE:
            self._put(entry)
            return Ruling(self.options.unknown_reversal, entry, repeat=True)
        free = entry.kind is not Kind.COMPLETION_VOID or self._can_stand_again(entry)
        refusal = refusals.of_reversal(entry, amount_minor, can_stand_again=free)
        if refusal:
            self._put(entry)
            return Ruling(refusal, entry)
        if entry.standing is Standing.DECLINED:
            self._put(entry)
            return Ruling(self.options.declined_reversal, entry)
        if entry.reversed:
            self._put(entry)
            return Ruling("00", entry, repeat=True)
        return self._undo(entry)

    def _can_stand_again(self, void: Entry) -> bool:
        """Say whether the completion under a void could stand again: its hold may have been used since."""
        if not void.in_force or void.original is None:
            return True
        completion = self._entries[void.original]
        if completion.reversed:
            return True
        assert completion.original is not None, "an approved completion has an original"
        hold = self._entries[completion.original]
        return hold.in_force and hold.completed_by is None

    def _undo(self, entry: Entry) -> Ruling:
        moved = entry.in_force
        self._put(entry._replace(reversed=True))
        if entry.kind in UNDONE_BY:
            assert entry.original is not None, "an approved void has an original"
            original = self._entries[entry.original]
            if not original.reversed:
                self._release(original, completed_by=original.identity)
            self._put(self._entries[entry.original]._replace(undone_by=None))
        elif moved:
            self._release(entry, completed_by=None)
        return Ruling("00", self._entries[entry.identity], moved=moved)

    def _bury(self, identity: Identity, amount_minor: int, at_ms: int, kind: Kind) -> Ruling:
        if not self.options.tombstones:
            return Ruling(self.options.unknown_reversal)
        code = self.options.unknown_reversal
        entry = Entry(
            identity,
            kind,
            Standing.TOMBSTONE,
            code,
            0,
            amount_minor,
            at_ms,
            tid=identity.tid,
            mid=identity.mid,
            batch=identity.batch,
            rrn=rrn_of(at_ms, self._next()),
            reversals=1,
        )
        self._put(entry)
        return Ruling(code, entry)

    # -- batches and sign-in

    def totals(self, tid: str, mid: str, batch: str) -> BatchTotals:
        """Add up one terminal's batch as a 0500 reports it."""
        debit = credit = (0, 0)
        for identity in self._by_batch.get((tid, mid, batch), ()):
            entry = self._entries[identity]
            if entry.standing is not Standing.APPROVED or entry.reversed:
                continue
            if entry.kind in CHARGES:
                debit = (debit[0] + 1, debit[1] + entry.amount_minor)
            elif entry.kind is Kind.REFUND or self._credits(entry):
                credit = (credit[0] + 1, credit[1] + entry.amount_minor)
        return BatchTotals(*debit, *credit)

    def _credits(self, entry: Entry) -> bool:
        if entry.kind not in (Kind.VOID, Kind.COMPLETION_VOID) or entry.original is None:
            return False
        return not self._entries[entry.original].reversed

    def settle(self, tid: str, mid: str, batch: str, claimed: BatchTotals) -> bool:
        """Compare a terminal's totals with ours; a balanced batch is settled and takes no more voids."""
        balanced = claimed == self.totals(tid, mid, batch)
        if balanced:
            self._put_batch((tid, mid, batch), self.batch(tid, mid, batch)._replace(settled=True))
        return balanced

    def upload(self, tid: str, mid: str, batch: str, details: int) -> None:
        """Count details of a batch upload."""
        state = self.batch(tid, mid, batch)
        self._put_batch((tid, mid, batch), state._replace(uploaded=state.uploaded + details))

    def batch(self, tid: str, mid: str, batch: str) -> BatchState:
        """Give what is remembered of a batch."""
        return self._batches.get((tid, mid, batch), BatchState())

    def _put_batch(self, key: BatchKey, state: BatchState) -> None:
        self._batches[key] = state
        self._shelf.put_batch(key, state)

    def sign_in(self, tid: str, keys: SignIn) -> None:
        """Remember the (wrapped) working keys a terminal was given."""
        self._sign_ins[tid] = keys
        self._shelf.put_sign_in(tid, keys)

    def signed_in(self, tid: str) -> SignIn | None:
        """Give a terminal's wrapped working keys."""
        return self._sign_ins.get(tid)

    # -- looking

    def entry(self, identity: Identity) -> Entry | None:
        """Give one entry."""
        return self._entries.get(identity)

    def by_rrn(self, rrn: str) -> Entry | None:
        """Give the entry of a retrieval reference number."""
        identity = self._by_rrn.get(rrn)
        return None if identity is None else self._entries[identity]

    def entries(self) -> Iterator[Entry]:
        """Walk all entries in the order they were first seen."""
        return iter(self._entries.values())

    def accounts(self) -> Iterator[Account]:
        """Walk all accounts."""
        return iter(self._accounts.values())

    def batches(self) -> Iterator[BatchKey]:
        """Walk the batches that hold a transaction."""
        return iter(self._by_batch)

    def effects(self) -> dict[Identity, Effect]:
        """Give, for each original ever seen, what is in force of it and how often it was applied and undone."""
        return {entry.identity: self._effect(entry) for entry in self._entries.values()}

    def own_minor(self, entry: Entry) -> int:
        """Give what an entry, seen alone, takes from the cardholder: a sale +, its void -."""
        if entry.standing is not Standing.APPROVED or entry.reversed:
            return 0
        if entry.kind in CHARGES:
            return entry.amount_minor
        return -entry.amount_minor if entry.kind is Kind.REFUND or self._credits(entry) else 0

    def _effect(self, entry: Entry) -> Effect:
        return Effect(
            entry.identity,
            entry.kind,
            entry.standing,
            entry.tid,
            entry.mid,
            entry.batch,
            entry.currency,
            entry.amount_minor,
            entry.charge_minor,
            self.own_minor(entry),
            entry.hold_minor,
            entry.applied,
            entry.undone,
            entry.reversals,
            entry.rrn,
            entry.code,
        )

    # -- the one place where money moves

    def _put(self, entry: Entry, account: Account | None = None) -> None:
        before = self._entries.get(entry.identity)
        was = before is not None and before.in_force
        now = entry.in_force
        if now and not was:
            entry = entry._replace(applied=entry.applied + 1)
        elif was and not now:
            entry = entry._replace(undone=entry.undone + 1)
        assert entry.applied - entry.undone in (0, 1), f"{entry.identity}: an effect counted twice"
        charge = entry.charge_minor if now else 0
        hold = entry.hold_minor if now else 0
        if was and before is not None:
            charge -= before.charge_minor
            hold -= before.hold_minor
        self._entries[entry.identity] = entry
        self._shelf.put_entry(entry)
        if charge or hold:
            held = account if account is not None else self._accounts[entry.token]
            held = self._accounts.get(held.token, held)
            moved = held._replace(
                balance_minor=held.balance_minor - charge, held_minor=held.held_minor + hold
            )
            self._accounts[moved.token] = moved
            self._shelf.put_account(moved)

    def _index(self, entry: Entry) -> None:
        if entry.rrn:  # a network's void or refund may repeat its original's number: the original keeps it
            self._by_rrn.setdefault(entry.rrn, entry.identity)
        if entry.standing is Standing.TOMBSTONE:
            return
        if entry.auth_code and entry.original is None:
            self._by_auth[(entry.auth_code, entry.token)] = entry.identity
        self._by_batch.setdefault((entry.tid, entry.mid, entry.batch), []).append(entry.identity)

    def _next(self) -> int:
        self._serial += 1
        self._shelf.put_serial(self._serial)
        return self._serial

    def fresh_rrn(self, at_ms: int) -> str:
        """Give a reference number for an answer that is not a transaction's own (reversal, settlement, ...)."""
        return rrn_of(at_ms, self._next())


def rrn_of(at_ms: int, serial: int) -> str:
    """Make a retrieval reference number: local time hhmmss and a serial, the form seen from acquirers."""
    seconds = (at_ms // 1000 + 8 * 3600) % 86_400
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}{serial % 1_000_000:06d}"
