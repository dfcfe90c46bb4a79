"""The host: a frame in, actions out, real books behind.

Rule: the effect is in the books before its answer exists, and a fault says on which side of it things go wrong. A
message whose MAC is wrong moves nothing. Driven by an asyncio edge or by a virtual clock: no clock, chance or
I/O of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from storno.iso8583 import mti
from storno.iso8583.codec import codec_for
from storno.iso8583.errors import CodecError, DecodeError
from storno.iso8583.keys import decrypt_pin
from storno.iso8583.mask import mask_pan
from storno.iso8583.pin import PinBlockError
from storno.reversal.kinds import Kind
from storno.sim import answers
from storno.sim.actions import Action, CloseConnection, Drop, HostReversal, Restart, Send, SlowDrip
from storno.sim.cards import opening_minor, role_of
from storno.sim.entry import BatchTotals, CardRef, Identity, Request, Ruling
from storno.sim.faults import Fault, FaultKind, Incoming, Target
from storno.sim.heard import Heard, What, hear, speaks_pos
from storno.sim.host_keys import SIGN_IN_CODES, HostKeys
from storno.sim.note import Moved, Note
from storno.sim.script import FaultPlan

if TYPE_CHECKING:
    from random import Random

    from storno.iso8583.codec import Codec
    from storno.iso8583.mac import Mac
    from storno.iso8583.message import Message
    from storno.iso8583.profile import Profile
    from storno.iso8583.spec import Dialect
    from storno.sim.books import Books

SEEN_MAX = 10_000
_TOKEN_KEY = b"storno host simulator, test key"
_PRINTED = (3, 4, 25, 37, 38, 41, 42, 49, 60, 61, 90)
_LOST_BEFORE = frozenset({FaultKind.REQUEST_LOST, FaultKind.REVERSAL_LOST})
_SIGNED = frozenset({What.FINANCIAL, What.BALANCE, What.REVERSAL})


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How this host behaves where hosts differ."""

    token_key: bytes = field(default=_TOKEN_KEY, repr=False)
    """Key of the card tokens; a home folder has its own."""
    mac_required: bool = True
    """Answer A0 to a transaction or reversal without a MAC."""
    sm4_mac: str = "sm4_ecb"
    pin_format: bool = True
    """Answer 99 when the PIN block does not decrypt to a PIN."""
    check_roles: bool = True
    """Decline the test cards that have a role."""


class HostCore:
    """One host speaking one dialect."""

    def __init__(
        self,
        dialect: Dialect,
        profile: Profile,
        books: Books,
        keys: HostKeys,
        options: HostOptions,
        rng: Random,
        plan: FaultPlan | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.dialect = dialect
        self.profile = profile
        self.books = books
        self.note = Note(What.UNKNOWN)
        """What came of the last message."""
        self._keys = keys
        self._options = options
        self._rng = rng
        self._plan = plan or FaultPlan()
        self._codec = codec or codec_for(dialect)
        self._pos = speaks_pos(dialect)
        self._seen: OrderedDict[tuple[str, Identity], int] = OrderedDict()
        self._routes: OrderedDict[str, tuple[str, str]] = OrderedDict()

    # -- doors

    def receive(self, frame: bytes, now_ms: int, fault: Fault | None = None) -> list[Action]:
        """Take one frame (without length prefix) and say what to do with the connection.

        `fault` overrides the plan. Call `flush` before performing the actions, so that books outlive the process.
        """
        try:
            message = self._codec.decode(frame)
        except DecodeError as error:
            return self._malformed(frame, error, now_ms)
        return self._serve(hear(message, self.dialect), frame, now_ms, fault)

    def flush(self) -> None:
        """Make what was decided survive the process."""
        self.books.flush()

    def restart(self, *, with_memory: bool) -> None:
        """Begin again, from the kept books or from nothing."""
        if with_memory:
            self.books.reload()
        else:
            self.books.forget()

    def initiate_reversal(self, identity: Identity, now_ms: int, *, repeat: bool = False) -> bytes:
        """Undo a transaction on the host's own account and give the 0420 (0421) to send, length prefix included.

        Raises:
            KeyError: the books have no such transaction, or it is one that cannot be reversed.

        """
        entry = self.books.entry(identity)
        if entry is None or not entry.kind.reversible or not entry.rrn or not entry.auth_code:
            raise KeyError(f"no approved transaction {identity} to reverse")
        if self.books.reverse(identity, None, now_ms, None).code != "00":
            raise KeyError(f"{identity} cannot be undone: something approved rests on it")
        rrn = self.books.fresh_rrn(now_ms)
        message = answers.own_reversal(entry, self.profile, now_ms, rrn, pos=self._pos, repeat=repeat)
        if route := self._routes.get(entry.tid):
            message.tpdu, message.header = route
        self.note = Note(
            What.REVERSAL,
            message.mti,
            entry.kind,
            entry.tid,
            entry.identity.stan,
            entry.amount_minor,
            effect=Moved.BACK,
        )
        return self._wire(message, self._mac(entry.tid))

    # -- one message

    def _serve(self, heard: Heard, frame: bytes, now_ms: int, fault: Fault | None) -> list[Action]:
        self.note = _noted(heard)
        if heard.what is What.ANSWER:
            return [Drop()]
        if heard.refusal or heard.what is What.UNKNOWN:
            return self._refuse(heard, heard.refusal or "40", now_ms)
        mac = self._mac(heard.tid) if self.profile.mac != "none" else None
        if not self._authentic(heard, frame, mac):
            return self._refuse(heard, self.profile.code_bad_mac, now_ms)
        if self._pos:
            self._remember_route(heard)
        chosen = fault or self._plan.choose(self._incoming(heard), self._rng)
        if chosen is not None:
            self.note = self.note._replace(fault=chosen)
        if chosen is not None and (early := _before_effect(chosen)) is not None:
            return early
        message = self._act(heard, chosen, now_ms)
        if self.note.code != message.fields[39]:
            self.note = self.note._replace(code=message.fields[39])
        return self._deliver(message, mac if _sealed(heard) else None, chosen, heard)

    def _act(self, heard: Heard, fault: Fault | None, now_ms: int) -> Message:
        if heard.what is What.FINANCIAL:
            return self._financial(heard, fault, now_ms)
        if heard.what is What.REVERSAL:
            return self._reversal(heard, fault, now_ms)
        code = fault.code if fault is not None and fault.code else "00"
        message = self._bare(heard, code, now_ms)
        if code != "00":
            return message
        if heard.what is What.SIGN_IN:
            self._sign_in(heard, message, now_ms)
        elif heard.what is What.BALANCE:
            self._balance(heard, message)
        elif heard.what is What.SETTLE:
            self._settle(heard, message)
        elif heard.what is What.UPLOAD:
            self._upload(heard)
        return message

    def _financial(self, heard: Heard, fault: Fault | None, now_ms: int) -> Message:
        ruling = self.books.rule(self._request(heard, fault, now_ms))
        entry = ruling.entry
        moved = Moved.MOVED if ruling.moved else Moved.STILL
        self.note = self.note._replace(repeat=ruling.repeat, effect=moved, code=ruling.code)
        if entry is None:
            return self._bare(heard, ruling.code, now_ms)
        message = answers.answer(heard.message, ruling.code, entry.at_ms, entry.rrn, pos=self._pos)
        if entry.auth_code and ruling.code in self.profile.approved:
            answers.approved(message, heard, entry, pos=self._pos)
        return message

    def _request(self, heard: Heard, fault: Fault | None, now_ms: int) -> Request:
        assert heard.kind is not None, "a financial message has a kind"
        assert heard.amount_minor is not None, "a financial message has an amount"
        kind = fault.kind if fault is not None else None
        code, posts, partial = "", False, None
        if fault is not None and kind in (FaultKind.DECLINE, FaultKind.DOUBTFUL, FaultKind.DOUBTFUL_POSTED):
            code, posts = fault.code, kind is FaultKind.DOUBTFUL_POSTED
        elif fault is not None and kind is FaultKind.PARTIAL_APPROVAL and _divisible(heard):
            partial = min(fault.value or heard.amount_minor // 2, heard.amount_minor - 1)
        card = self._card(heard.pan)
        about_earlier = heard.kind.undoes or heard.kind.completes or not heard.kind.reversible
        if not code and self._options.check_roles and not about_earlier:
            code = role_of(heard.pan).code
        if not code:
            code = self._pin_code(heard)
        return Request(
            heard.identity,
            heard.kind,
            heard.amount_minor,
            card,
            now_ms,
            heard.tid,
            heard.mid,
            heard.batch,
            heard.currency,
            heard.original,
            self._fingerprint(heard, card),
            advice=heard.message.mti[:3] == "022",
            partial_ok=heard.partial_ok,
            partial_minor=partial,
            forced_code=code,
            forced_posts=posts,
            rrn="" if self._pos else heard.message.fields.get(37, ""),
        )

    def _reversal(self, heard: Heard, fault: Fault | None, now_ms: int) -> Message:
        if fault is not None and fault.code:
            return self._bare(heard, fault.code, now_ms)
        identity = heard.identity
        if not self._pos and self.books.entry(identity) is None and 90 not in heard.message.fields:
            found = self.books.by_rrn(heard.message.fields.get(37, ""))
            identity = found.identity if found is not None else identity
        ruling = self.books.reverse(identity, heard.amount_minor, now_ms, heard.kind)
        self.note = self.note._replace(repeat=ruling.repeat, effect=_undone(ruling), code=ruling.code)
        return self._bare(heard, ruling.code, now_ms)

    # -- the rest of a host's day

    def _sign_in(self, heard: Heard, message: Message, now_ms: int) -> None:
        if heard.code60 not in SIGN_IN_CODES:
            return
        signed = self._keys.issue(heard.tid, heard.code60, self.profile.mac, now_ms, self._rng)
        self.books.sign_in(heard.tid, signed)
        message.fields[62] = signed.wrapped.hex().upper()

    def _balance(self, heard: Heard, message: Message) -> None:
        code = self._pin_code(heard) or (role_of(heard.pan).code if self._options.check_roles else "")
        if code:
            message.fields[39] = code
            return
        card = self._card(heard.pan)
        answers.balance(message, self.books.account(card), heard.currency or "CNY")

    def _settle(self, heard: Heard, message: Message) -> None:
        read = answers.claimed(heard.message.fields.get(48, ""))
        if read is None:
            message.fields[39] = "30"
            return
        both, total = read
        claimed = BatchTotals(total.debit_count, total.debit_minor, total.credit_count, total.credit_minor)
        balanced = self.books.settle(heard.tid, heard.mid, heard.batch, claimed)
        ours = self.books.totals(heard.tid, heard.mid, heard.batch)
        message.fields[48] = answers.settled(both, ours, balanced=balanced)

    def _upload(self, heard: Heard) -> None:
        details = heard.message.fields.get(48, "")
        count = int(details[:2]) if heard.code60 == "201" and details[:2].isdigit() else 1
        self.books.upload(heard.tid, heard.mid, heard.batch, 0 if heard.code60 in ("202", "207") else count)

    # -- what every message needs

    def _card(self, pan: str) -> CardRef:
        return _card_ref(self._options.token_key, pan)

    def _fingerprint(self, heard: Heard, card: CardRef) -> str:
        fields = heard.message.fields
        parts = [mti.first(heard.message.mti), card.token]
        parts += [fields.get(number, "") for number in _PRINTED]
        return hashlib.blake2b("|".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()

    def _incoming(self, heard: Heard) -> Incoming:
        target = Target.NETWORK
        if heard.what in (What.FINANCIAL, What.REVERSAL):
            target = Target.REQUEST if heard.what is What.FINANCIAL else Target.REVERSAL
        key = (mti.klass(heard.message.mti), heard.identity)
        seen = self._seen[key] = self._seen.pop(key, 0) + 1
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        kind = heard.kind.value if heard.kind is not None else ""
        return Incoming(
            target, heard.tid, heard.mid, heard.stan, heard.message.mti, kind, heard.amount_minor, seen
        )

    def _pin_code(self, heard: Heard) -> str:
        """Give 99 when there is a PIN block that does not open with the terminal's key, else an empty text."""
        block = heard.message.fields.get(52, "")
        signed = self.books.signed_in(heard.tid)
        if not self._options.pin_format or not self._pos or signed is None or not block.strip("0"):
            return ""
        keys = self._keys.working_keys(heard.tid, signed)
        with_pan = heard.message.fields.get(53, "2")[:1] != "1"
        try:
            decrypt_pin(keys.pik, bytes.fromhex(block), heard.pan if with_pan else None, keys.kind)
        except PinBlockError:
            return "99"
        return ""

    def _mac(self, tid: str) -> Mac | None:
        if self.profile.mac == "none":
            return None
        if not self._pos:
            return self._keys.link_mac(self.profile.mac)
        signed = self.books.signed_in(tid)
        if signed is None:
            return None
        return self._keys.terminal_mac(tid, signed, self.profile.mac, self._options.sm4_mac)

    def _authentic(self, heard: Heard, frame: bytes, mac: Mac | None) -> bool:
        if self.profile.mac == "none":
            return True
        fields = heard.message.fields
        sent = fields.get(128) or fields.get(64)
        if sent is None:
            return heard.what not in _SIGNED or not self._options.mac_required
        if mac is None:
            return heard.what not in _SIGNED
        try:
            return mac.verify(self._codec.mab(frame), bytes.fromhex(sent))
        except DecodeError:
            return False

    def _remember_route(self, heard: Heard) -> None:
        self._routes[heard.tid] = (answers.swapped(heard.message.tpdu), heard.message.header)
        if len(self._routes) > SEEN_MAX:
            self._routes.popitem(last=False)

    # -- answering

    def _bare(self, heard: Heard, code: str, now_ms: int) -> Message:
        return answers.answer(heard.message, code, now_ms, self.books.fresh_rrn(now_ms), pos=self._pos)

    def _refuse(self, heard: Heard, code: str, now_ms: int) -> list[Action]:
        """Answer no without touching the books; what cannot be answered is dropped."""
        self.note = self.note._replace(code=code)
        kind = heard.message.mti
        if not mti.well_formed(kind) or not mti.is_request(kind):
            return [Drop()]
        return self._deliver(
            self._bare(heard, code, now_ms), self._mac(heard.tid) if _sealed(heard) else None, None, heard
        )

    def _malformed(self, frame: bytes, error: DecodeError, now_ms: int) -> list[Action]:
        message, _ = self._codec.decode_lenient(frame)
        heard = hear(message, self.dialect)
        actions = self._refuse(heard, self.profile.code_bad_format, now_ms)
        self.note = _noted(heard)._replace(code=self.note.code, problem=str(error))
        return actions

    def _deliver(self, message: Message, mac: Mac | None, fault: Fault | None, heard: Heard) -> list[Action]:
        kind = fault.kind if fault is not None else None
        if kind in (FaultKind.ANSWER_LOST, FaultKind.REVERSAL_ANSWER_LOST):
            return [Drop()]
        if kind is FaultKind.RESET_AFTER_APPROVAL:
            return [CloseConnection(abort=True)]
        if kind is FaultKind.RESTART_WITH_MEMORY:
            return [Restart(with_memory=True)]
        if kind is FaultKind.WRONG_STAN and 11 in message.fields:
            message.fields[11] = f"{(int(message.fields[11]) + 1) % 1_000_000:06d}"
        if kind is FaultKind.WRONG_AMOUNT and 4 in message.fields:
            asked = heard.amount_minor or int(
                message.fields[4]
            )  # above it, or it could be a partial approval
            message.fields[4] = f"{(asked + 1) % 10**12:012d}"
        try:
            data = self._wire(message, mac, spoil=kind is FaultKind.BAD_MAC)
        except CodecError as error:
            self.note = self.note._replace(problem=str(error))
            return [Drop()]
        if fault is None:
            return [Send(data)]
        return self._sendings(data, fault, heard)

    def _sendings(self, data: bytes, fault: Fault, heard: Heard) -> list[Action]:
        if fault.kind is FaultKind.LATE:
            return [Send(data, after_ms=fault.value)]
        if fault.kind is FaultKind.DUPLICATE_ANSWER:
            return [Send(data), Send(data)]
        if fault.kind is FaultKind.PARTIAL_FRAME:
            return [Send(data[: len(data) // 2]), CloseConnection()]
        if fault.kind is FaultKind.SLOW_DRIP:
            return [SlowDrip(data, fault.value)]
        if fault.kind is FaultKind.HOST_REVERSAL and self.note.effect is Moved.MOVED:
            return [Send(data), HostReversal(heard.identity, fault.value)]
        return [Send(data)]

    def _wire(self, message: Message, mac: Mac | None, *, spoil: bool = False) -> bytes:
        fields = message.fields
        message.fields = {number: fields[number] for number in sorted(fields)}
        if message.header and self.dialect.framing.header_mark is not None:
            draft = (
                self._codec.encode(message) if mac is None else self._codec.seal(message, lambda _: bytes(8))
            )
            message.header = answers.header_sized(message.header, len(draft))
        if mac is None:
            return self._codec.frame(self._codec.encode(message))
        if spoil:
            return self._codec.frame(self._codec.seal(message, lambda mab: mac.compute(mab + b"!")))
        return self._codec.frame(self._codec.seal(message, mac.compute))


@lru_cache(maxsize=1_024)
def _card_ref(token_key: bytes, pan: str) -> CardRef:
    """Name a card by its keyed hash; a host knows a few test cards and sees each of them often."""
    token = hmac.digest(token_key, pan.encode("ascii", "replace"), "sha256").hex()[:32]
    return CardRef(token, mask_pan(pan), opening_minor(pan))


def _sealed(heard: Heard) -> bool:
    """Say whether the answer carries a MAC: to what must carry one, and to what did (but a sign-in changes the key)."""
    fields = heard.message.fields
    return heard.what in _SIGNED or (heard.what is not What.SIGN_IN and (64 in fields or 128 in fields))


def _divisible(heard: Heard) -> bool:
    """Say whether a part of the amount could be approved: a void or a refund is done whole or not at all."""
    assert heard.kind is not None, "a financial message has a kind"
    gives_back = heard.kind.undoes or heard.kind is Kind.REFUND
    return not gives_back and heard.amount_minor is not None and heard.amount_minor > 1


def _noted(heard: Heard) -> Note:
    masked = mask_pan(heard.pan) if heard.pan else ""
    fields = (heard.tid, heard.stan, heard.amount_minor, heard.currency, masked)
    return Note(heard.what, heard.message.mti, heard.kind, *fields)


def _undone(ruling: Ruling) -> Moved:
    return Moved.BACK if ruling.moved else Moved.STILL


def _before_effect(fault: Fault) -> list[Action] | None:
    """Give the actions of a fault that strikes before the books are touched, None for the others."""
    if fault.kind in _LOST_BEFORE:
        return [Drop()]
    if fault.kind is FaultKind.RESET_BEFORE_EFFECT:
        return [CloseConnection(abort=True)]
    if fault.kind is FaultKind.RESTART_BEFORE_EFFECT:
        return [Restart(with_memory=True)]
    if fault.kind is FaultKind.RESTART_WITHOUT_MEMORY:
        return [Restart(with_memory=False)]
    return None
