"""The terminals' side of a node: requests, their repeats, their own reversals, and what they are told.

Order of the checks: can it be read, is the terminal known, is its MAC right, is it a repeat, is there room. Each
refusal is an answer with a code, never a silent drop; only what cannot be read at all is dropped, with its connection.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from storno.exchange import classify, compose
from storno.exchange.classify import BadRequest, Family
from storno.gateway import events as ev
from storno.gateway.options import Unkeyed
from storno.gateway.registry import fits
from storno.iso8583.describe import mask_pan
from storno.iso8583.errors import DecodeError, SubfieldError
from storno.iso8583.profile import MacScope
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.postings import Position
from storno.reversal.record import FieldTexts, Opening, Record, Told, Trigger

if TYPE_CHECKING:
    from storno.gateway.node import Node
    from storno.iso8583.message import Message
    from storno.reversal.key import TxKey, WireKey

SETTLEMENT_CLASS = "5"
REASON_FIELD = 39
_LIVE = frozenset({State.APPROVED})
_FLYING = frozenset({State.AUTHORIZING, State.ADVISING})
_REOPENED = frozenset({State.APPROVED, State.UNKNOWN})
"""Where a terminal's reversal begins a new one: it brings the card number if ours was destroyed meanwhile."""
_HELD = _FLYING | {State.REVERSING}
_ORIGINALS = {
    Kind.VOID: frozenset({Kind.SALE}),
    Kind.PREAUTH_VOID: frozenset({Kind.PREAUTH}),
    Kind.COMPLETION: frozenset({Kind.PREAUTH}),
    Kind.COMPLETION_ADVICE: frozenset({Kind.PREAUTH}),
    Kind.COMPLETION_VOID: frozenset({Kind.COMPLETION}),
    Kind.REFUND: frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_ADVICE}),
}
"""What each kind refers to."""


class Waiting(NamedTuple):
    """A terminal that waits for an answer: its connection and what it asked."""

    conn: int
    request: Message


class _Held(NamedTuple):
    waiting: Waiting
    frame: bytes


class Intake:
    """What terminals send."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._conns: dict[int, set[str]] = {}
        self._open_of: dict[str, int] = {}
        self._held: dict[tuple[str, str], _Held] = {}

    # ------------------------------------------------------------------ reading

    def frame(self, now_ms: int, conn: int, frame: bytes) -> None:
        """Take a whole frame from a terminal."""
        node = self._node
        try:
            msg = node.codec.decode(frame)
        except DecodeError as error:
            node.counts.add("unreadable")
            node.log(
                "warning",
                "unreadable",
                conn=str(conn),
                code=error.code,
                field=str(error.field),
                offset=str(error.offset),
            )
            node.now_do(ev.CloseTerminal(conn))
            return
        family = classify.family(msg)
        if family in (Family.ANSWER, Family.NOTICE):
            node.counts.add("unexpected")
            node.log("warning", "answer_from_terminal", mti=msg.mti)
            node.now_do(ev.CloseTerminal(conn))
            return
        waiting = Waiting(conn, msg)
        code = self._refusal(msg, frame, family, now_ms)
        if code:
            self._answer(waiting, code, now_ms)
        elif family is Family.MONEY:
            self._money(waiting, frame, now_ms)
        elif family is Family.REVERSAL:
            self._reversal(waiting, now_ms)
        else:
            self._pass(waiting, frame, now_ms)

    def _refusal(self, msg: Message, frame: bytes, family: Family, now_ms: int) -> str:
        """Give the code that refuses a message before it is looked at further; empty to go on."""
        node = self._node
        profile = node.profile
        tid = msg.fields.get(41, "")
        if node.halted:
            return profile.code_overload
        if profile.mac_scope is MacScope.TERMINAL and not node.envelope.knows(tid, now_ms):
            node.counts.add("unknown_terminal")
            node.log("warning", "unknown_terminal", tid=tid[:16])
            return profile.code_unknown_terminal
        if profile.mac == "none" or family in (Family.SIGN_IN, Family.OTHER):
            return ""
        mac = node.envelope.mac_for(tid)
        if mac is None:
            return "" if node.options.unkeyed is Unkeyed.FORWARD else profile.code_bad_mac
        if node.envelope.mac_right(mac, msg, frame):
            return ""
        node.counts.add("terminal_bad_mac")
        node.log("warning", "terminal_bad_mac", tid=tid, stan=msg.fields.get(11, ""))
        return profile.code_bad_mac

    # ------------------------------------------------------------------ money

    def _money(self, waiting: Waiting, frame: bytes, now_ms: int) -> None:
        node = self._node
        msg = waiting.request
        profile = node.profile
        node.counts.add("requests")
        checked = classify.check_money(msg)
        if isinstance(checked, BadRequest):
            node.log("warning", "bad_request", field=str(checked.field), text=checked.text)
            self._answer(waiting, profile.code_bad_format, now_ms)
            return
        amount, currency = checked
        key = classify.identity(msg)
        pan = classify.pan_of(msg)
        token = node.vault.token(pan) if pan else ""
        fingerprint = classify.fingerprint(msg, token, _digest)
        earlier = node.registry.find(key, new_number_skips=True)
        if earlier is not None and self._still_used(earlier, now_ms):
            self._again(earlier, waiting, fingerprint, frame, now_ms)
            return
        wire = classify.wire_key(msg)
        if node.hostside.expects(wire):
            node.counts.add("number_reused")
            self._answer(waiting, profile.code_duplicate, now_ms)
            return
        if node.draining or not node.links.any_up():
            node.counts.add("no_link")
            self._answer(waiting, profile.code_not_sent, now_ms)
            return
        if (
            len(node.waiting) >= node.options.in_flight_max
            or self._open_of.get(key.tid, 0) >= node.options.terminal_open_max
        ):
            node.counts.add("refused_full")
            self._answer(waiting, profile.code_overload, now_ms)
            return
        kind = classify.kind_of(msg) or Kind.SALE
        original, refusal = self._original(msg, kind)
        if refusal:
            node.counts.add("refused_original")
            self._answer(waiting, refusal, now_ms)
            return
        kept = self._kept(waiting, now_ms)
        if kept is None:
            return
        tx_id = node.new_id(now_ms)
        opening = Opening(
            key=key,
            kind=kind,
            first_state=State.AUTHORIZING if kind.reversible else State.ADVISING,
            amount_minor=amount,
            currency=currency,
            dialect=node.dialect.name,
            date=classify.settlement_day(now_ms, node.options.utc_offset_min),
            pan_masked=mask_pan(pan) if pan else "",
            pan_token=token,
            fingerprint=fingerprint,
            original=original.tx_id if original is not None else "",
            hold_minor=_hold(kind, original),
            fields=kept,
        )
        card = node.envelope.seal_card(pan, tx_id, opening.date) if kind.reversible else None
        node.open(opening, tx_id, now_ms, card)
        self._await(tx_id, waiting)
        self._forward(waiting, wire, tx_id, frame, now_ms)

    def _kept(self, waiting: Waiting, now_ms: int) -> FieldTexts | None:
        """Give what of a request its reversal will need; refuse the request (None) when its chip data is broken."""
        node = self._node
        try:
            return compose.kept_fields(waiting.request, node.profile)
        except SubfieldError as error:
            node.log("warning", "bad_request", field="55", text=str(error))
            self._answer(waiting, node.profile.code_bad_format, now_ms)
            return None

    def _forward(self, waiting: Waiting, wire: WireKey, tx_id: str, frame: bytes, now_ms: int) -> None:
        """Send the terminal's own bytes on, once the intent is durable; its MAC stays true: the head is not in it."""
        node = self._node
        link = node.links.choose(waiting.request.fields.get(41, ""))
        if node.options.host_tpdu:
            frame = bytes.fromhex(node.options.host_tpdu) + frame[5:]
        node.hostside.expect(wire, tx_id, link)
        node.timers.expect(now_ms + node.profile.answer_timeout_ms, tx_id)
        node.after(ev.SendHost(link, frame, tx_id))

    def _original(self, msg: Message, kind: Kind) -> tuple[Record | None, str]:
        """Find what a void, completion or refund refers to; refuse where our own books know that it cannot be."""
        if not (kind.undoes or kind.completes or kind is Kind.REFUND):
            return None, ""
        node = self._node
        key, rrn, auth_code = classify.original_keys(msg)
        found = node.registry.find_original(key, rrn, auth_code, msg.fields.get(42, ""), _ORIGINALS[kind])
        if found is None or kind is Kind.REFUND:
            return found, ""
        if found.state not in _LIVE or node.registry.being_undone(found.tx_id):
            return found, node.profile.code_original_state
        if kind.undoes and found.amount_minor != classify.amount_of(msg):
            return found, node.profile.code_amount_differs
        return found, ""

    def _still_used(self, earlier: Record, now_ms: int) -> bool:
        """Say whether a number still means this transaction: for a time, and as long as anything of it is under way."""
        return earlier.state in _HELD or now_ms - earlier.opened_ms < self._node.profile.key_reuse_after_ms

    def _again(self, earlier: Record, waiting: Waiting, fingerprint: str, frame: bytes, now_ms: int) -> None:
        """Answer a number that was used before: a late original, a repeat, or another request under the same one."""
        node = self._node
        profile = node.profile
        if earlier.opening.tombstone:
            node.counts.add("tombstone_hits")
            self._await(earlier.tx_id, waiting)
            node.apply(earlier, Input.LATE_REQUEST, now_ms)
        elif fingerprint != earlier.opening.fingerprint:
            node.counts.add("number_reused")
            node.log("warning", "number_reused", earlier)
            self._answer(waiting, profile.code_duplicate, now_ms)
        elif earlier.state in _FLYING:
            node.counts.add("repeated")
            self._await(earlier.tx_id, waiting)
        elif self._resendable(earlier):
            node.counts.add("advices_resent")
            self._await(earlier.tx_id, waiting)
            node.apply(earlier, Input.RESENT, now_ms)
            self._forward(waiting, classify.wire_key(waiting.request), earlier.tx_id, frame, now_ms)
        else:
            node.counts.add("repeated")
            told = earlier.told in (Told.APPROVED, Told.DECLINED)
            standing = earlier.state in (State.APPROVED, State.DECLINED, State.VOIDED, State.COMPLETED)
            code = earlier.response if told and standing and earlier.response else profile.code_unknown
            if earlier.state is State.NOT_SENT:
                code = profile.code_not_sent
            fields = earlier.answer_fields if code == earlier.response else ()
            amount = ((4, f"{earlier.amount_minor:012d}"),) if code in profile.approved else ()
            self._answer(waiting, code, now_ms, (*fields, *amount))

    def _resendable(self, earlier: Record) -> bool:
        """Say whether an advice nobody answered can go to the host once more."""
        node = self._node
        doubtful = earlier.state is State.UNKNOWN and earlier.kind is Kind.COMPLETION_ADVICE
        return (
            doubtful
            and node.links.any_up()
            and not node.draining
            and len(node.waiting) < node.options.in_flight_max
        )

    # ------------------------------------------------------------------ reversals

    def _reversal(self, waiting: Waiting, now_ms: int) -> None:
        """Let a terminal undo its own transaction: take custody, then acknowledge."""
        node = self._node
        msg = waiting.request
        profile = node.profile
        node.counts.add("terminal_reversals")
        checked = classify.check_money(msg)
        if isinstance(checked, BadRequest):
            node.log("warning", "bad_reversal", field=str(checked.field), text=checked.text)
            self._answer(waiting, profile.code_bad_format, now_ms)
            return
        key = classify.original_of_reversal(msg)
        record = self._meant(key, msg, checked[0], now_ms)
        if record is None:
            self._tombstone(waiting, key, checked, now_ms)
            return
        if not record.kind.reversible:
            self._answer(waiting, profile.code_not_reversible, now_ms)
            return
        if not fits(record, checked[0]):
            node.log("warning", "reversal_amount_differs", record)
            self._answer(waiting, profile.code_amount_differs, now_ms)
            return
        code = msg.fields.get(39, "")
        self._leave(record.tx_id)
        node.cancelling.setdefault(record.tx_id, []).append(waiting)
        reason = record.reason if record.state is State.REVERSING else self._reason(code)
        detail = node.undoing(Trigger.TERMINAL, now_ms, reason, code)
        card = None
        if record.state in _REOPENED and node.registry.sealed_card(record.tx_id) is None:
            card = node.envelope.seal_card(classify.pan_of(msg), record.tx_id, record.opening.date)
        node.apply(record, Input.CANCEL_REQUESTED, now_ms, detail, card=card)

    def _meant(self, key: TxKey, msg: Message, amount_minor: int, now_ms: int) -> Record | None:
        """Find what a terminal's reversal undoes; None when that never came by here.

        It may come days late, from a till that was off, or without F60: then amount and card must agree too and money
        must stand, or a tombstone beside the record would undo it at the host and not in our books.
        """
        node = self._node
        record = node.registry.find(key)
        if record is not None and self._still_used(record, now_ms):
            return record
        record = record or node.registry.find_loosely(key)
        if record is None or (record.position is Position.NONE and not self._still_used(record, now_ms)):
            return None
        pan = classify.pan_of(msg)
        return record if fits(record, amount_minor, node.vault.token(pan) if pan else "") else None

    def _reason(self, code: str) -> str:
        """Give the reason a reversal goes on with: the terminal's own where the host's field is the same one."""
        profile = self._node.profile
        return (
            code
            if code and profile.reason_field == REASON_FIELD
            else profile.reason_code(profile.reason_of(code))
        )

    def _tombstone(self, waiting: Waiting, key: TxKey, checked: tuple[int, str], now_ms: int) -> None:
        """Undo at the host what never came by here, and decline it should it come late."""
        node = self._node
        msg = waiting.request
        node.counts.add("tombstones")
        pan = classify.pan_of(msg)
        token = node.vault.token(pan) if pan else ""
        tx_id = node.new_id(now_ms)
        code = msg.fields.get(39, "")
        kind = classify.kind_of(msg) or Kind.SALE
        if not kind.reversible:
            self._answer(waiting, node.profile.code_not_reversible, now_ms)
            return
        kept = self._kept(waiting, now_ms)
        if kept is None:
            return
        opening = Opening(
            key=key,
            kind=kind,
            first_state=State.REVERSING,
            amount_minor=checked[0],
            currency=checked[1],
            dialect=node.dialect.name,
            date=classify.settlement_day(now_ms, node.options.utc_offset_min),
            pan_masked=mask_pan(pan) if pan else "",
            pan_token=token,
            fingerprint=classify.fingerprint(msg, token, _digest),
            fields=kept,
            tombstone=True,
            trigger=Trigger.TERMINAL,
            reason=self._reason(code),
        )
        card = node.envelope.seal_card(pan, tx_id, opening.date)
        node.cancelling[tx_id] = [waiting]
        node.open(opening, tx_id, now_ms, card, node.until(now_ms))

    # ------------------------------------------------------------------ everything else

    def _pass(self, waiting: Waiting, frame: bytes, now_ms: int, *, after_hold: bool = False) -> None:
        """Hand on what moves no money (sign-in, enquiry, settlement, batch upload) and its answer back."""
        node = self._node
        fields = waiting.request.fields
        tid = fields.get(41, "")
        if not node.links.any_up():
            self._answer(waiting, node.profile.code_not_sent, now_ms)
            return
        terminal = (tid, fields.get(42, ""))
        if waiting.request.mti[1] == SETTLEMENT_CLASS and node.saf.waits(terminal) and not after_hold:
            self._hold(terminal, waiting, frame, now_ms)
            return
        link = node.links.choose(tid)
        if not node.hostside.pass_on(waiting, link, now_ms):
            self._answer(waiting, node.profile.code_overload, now_ms)
            return
        if node.options.host_tpdu:
            frame = bytes.fromhex(node.options.host_tpdu) + frame[5:]
        node.now_do(ev.SendHost(link, frame))

    def _hold(self, terminal: tuple[str, str], waiting: Waiting, frame: bytes, now_ms: int) -> None:
        """Let a settlement wait for the terminal's reversals, or host and terminal would add up differently."""
        node = self._node
        node.counts.add("settlements_held")
        self._held[terminal] = _Held(waiting, frame)
        node.timers.set(now_ms + node.options.settlement_hold_ms, "held", "|".join(terminal))

    def release_held(self, terminal: tuple[str, ...], now_ms: int) -> None:
        """Send a settlement that waited for the last reversal of its terminal."""
        held = self._held.pop((terminal[0], terminal[1]), None)
        if held is not None:
            self._pass(held.waiting, held.frame, now_ms, after_hold=True)

    def held_long_enough(self, name: str, now_ms: int) -> None:
        """Send a settlement although reversals are still open: the difference will be theirs."""
        self.release_held(tuple(name.split("|", 1)), now_ms)

    # ------------------------------------------------------------------ answering

    def reply(self, record: Record, frame: bytes | None, now_ms: int) -> None:
        """Hand the host's answer to the terminal, byte for byte but for the TPDU."""
        waiting = self._leave(record.tx_id)
        node = self._node
        approved = record.told is Told.APPROVED
        if waiting is None:
            if approved:
                node.undeliverable(record.tx_id)
            return
        if frame is None:
            self._answer(waiting, record.response or node.profile.code_unknown, now_ms, record.answer_fields)
            return
        tpdu = compose.swap_tpdu(waiting.request.tpdu)
        out = bytes.fromhex(tpdu) + frame[len(tpdu) // 2 :] if tpdu else frame
        node.after(ev.SendTerminal(waiting.conn, node.codec.frame(out), record.tx_id if approved else ""))

    def reply_own(self, record: Record, code: str, now_ms: int) -> None:
        """Answer a waiting terminal in the host's place."""
        waiting = self._leave(record.tx_id)
        if waiting is not None:
            self._answer(waiting, code, now_ms)

    def acknowledge(self, record: Record, now_ms: int) -> None:
        """Acknowledge a terminal's reversal: from here on it is ours (custody, not yet effect)."""
        for waiting in self._node.cancelling.pop(record.tx_id, ()):
            self._answer(waiting, "00", now_ms)

    def _answer(
        self, waiting: Waiting, code: str, now_ms: int, extra: tuple[tuple[int, str], ...] = ()
    ) -> None:
        node = self._node
        now = classify.local_time(now_ms, node.options.utc_offset_min)
        msg = compose.own_answer(waiting.request, code, now, extra)
        frame = node.envelope.seal(msg, msg.fields.get(41, ""))
        node.after(ev.SendTerminal(waiting.conn, node.codec.frame(frame)))

    # ------------------------------------------------------------------ connections

    def _await(self, tx_id: str, waiting: Waiting) -> None:
        old = self._leave(tx_id)
        if old is not None and old.conn != waiting.conn:
            self._node.counts.add("moved")
        self._node.waiting[tx_id] = waiting
        self._conns.setdefault(waiting.conn, set()).add(tx_id)
        tid = waiting.request.fields.get(41, "")
        self._open_of[tid] = self._open_of.get(tid, 0) + 1

    def _leave(self, tx_id: str) -> Waiting | None:
        waiting = self._node.waiting.pop(tx_id, None)
        if waiting is None:
            return None
        theirs = self._conns.get(waiting.conn)
        if theirs is not None:
            theirs.discard(tx_id)
            if not theirs:
                del self._conns[waiting.conn]
        tid = waiting.request.fields.get(41, "")
        left = self._open_of[tid] - 1
        if left:
            self._open_of[tid] = left
        else:
            del self._open_of[tid]
        return waiting

    def gone(self, conn: int) -> None:
        """Forget a connection: whoever waited on it cannot be answered there."""
        for tx_id in tuple(self._conns.get(conn, ())):
            self._leave(tx_id)
        self._node.hostside.conn_gone(conn)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _hold(kind: Kind, original: Record | None) -> int:
    """Give the pre-authorised amount that a completion releases, or that its void restores."""
    if original is None:
        return 0
    if kind.completes and original.kind is Kind.PREAUTH:
        return original.amount_minor
    if kind is Kind.COMPLETION_VOID:
        return original.opening.hold_minor
    return 0
