"""The hosts' side of a node: answers, late answers, answers to reversals, and what a host starts itself.

An answer belongs to a request only if message class, TID, MID and STAN all agree; order of arrival means nothing. An
answer nobody waits for is looked up in the journal and kept as a late one: it never wins over a reversal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storno.exchange import classify, compose
from storno.exchange.classify import Family
from storno.exchange.judge import ReversalVerdict, judge_answer, judge_reversal
from storno.gateway import events as ev
from storno.gateway.options import Unkeyed
from storno.iso8583.cipher import BilingualError
from storno.iso8583.errors import DecodeError
from storno.reversal import schedule
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Detail, Record, Trigger

if TYPE_CHECKING:
    from storno.gateway.intake import Waiting
    from storno.gateway.node import Node
    from storno.iso8583.message import Message
    from storno.reversal.key import WireKey

REVERSAL = "4"
MAC_FIELDS = frozenset({64, 128})
SIGN_IN_CODES = frozenset({"001", "003", "004", "005"})


class _Passing(NamedTuple):
    waiting: Waiting
    link: str
    number: int


class _Sent(NamedTuple):
    tx_id: str
    link: str


class HostSide:
    """What hosts send."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._expected: dict[WireKey, _Sent] = {}
        self._keys_of: dict[str, dict[WireKey, None]] = {}
        self._on_link: dict[str, dict[WireKey, str]] = {}
        self._passing: dict[WireKey, _Passing] = {}
        self._numbers: dict[str, WireKey] = {}
        self._count = 0

    # ------------------------------------------------------------------ expecting

    def expect(self, key: WireKey, tx_id: str, link: str) -> None:
        """Wait for the answer to what is about to leave."""
        before = self._expected.get(key)
        if before is not None and before.link != link:
            self._on_link.get(before.link, {}).pop(key, None)
        self._expected[key] = _Sent(tx_id, link)
        self._keys_of.setdefault(tx_id, {})[key] = None
        self._on_link.setdefault(link, {})[key] = tx_id

    def expects(self, key: WireKey) -> bool:
        """Say whether an answer with this identity would already belong to another transaction."""
        return key in self._expected

    def forget(self, tx_id: str) -> None:
        """Wait no longer for this transaction's answers; what comes all the same is found through the journal."""
        self._node.timers.answered(tx_id)
        for key in self._keys_of.pop(tx_id, ()):
            sent = self._expected.get(key)
            if sent is not None and sent.tx_id == tx_id:
                del self._expected[key]
                self._on_link.get(sent.link, {}).pop(key, None)

    def pass_on(self, waiting: Waiting, link: str, now_ms: int) -> bool:
        """Remember who gets the answer to something that is only handed on; False when there is no room."""
        node = self._node
        if len(self._passing) >= node.options.passing_max:
            return False
        key = classify.wire_key(waiting.request)
        self._count += 1
        self._passing[key] = _Passing(waiting, link, self._count)
        name = str(self._count)
        self._numbers[name] = key
        node.timers.set(now_ms + node.options.passing_timeout_ms, "passing", name)
        return True

    def passing_timed_out(self, name: str) -> None:
        """Nobody answered what was handed on; the terminal's own timer tells its user."""
        key = self._numbers.pop(name, None)
        if key is not None and key in self._passing and str(self._passing[key].number) == name:
            del self._passing[key]
            self._node.counts.add("passing_timeouts")

    def conn_gone(self, conn: int) -> None:
        """Drop what would be answered on a closed connection."""
        for key in [key for key, passing in self._passing.items() if passing.waiting.conn == conn]:
            del self._passing[key]

    def link_down(self, link: str, now_ms: int) -> None:
        """Put everything on a lost link in doubt: no answer can come over it."""
        node = self._node
        for key, tx_id in tuple(self._on_link.pop(link, {}).items()):
            if key.klass == REVERSAL:
                node.reversal_unanswered(tx_id, now_ms)
            else:
                node.timed_out(tx_id, now_ms, Trigger.LINK_LOST)
        for key in [key for key, passing in self._passing.items() if passing.link == link]:
            del self._passing[key]

    # ------------------------------------------------------------------ reading

    def frame(self, now_ms: int, link: str, frame: bytes) -> None:
        """Take a whole frame from a host link."""
        node = self._node
        try:
            msg = node.codec.decode(frame)
        except DecodeError as error:
            node.counts.add("host_unreadable")
            node.log(
                "error",
                "host_unreadable",
                link=link,
                code=error.code,
                field=str(error.field),
                offset=str(error.offset),
            )
            return
        node.links.heard(link, now_ms)
        family = classify.family(msg)
        if family is not Family.ANSWER:
            self._request(msg, frame, family, link, now_ms)
            return
        key = classify.wire_key(msg)
        sent = self._expected.get(key)
        if sent is not None:
            record = node.registry.get(sent.tx_id)
            if record is None:
                raise AssertionError(f"{sent.tx_id} is expected but not known")
            if not record.key.batch or classify.identity(msg).batch in ("", record.key.batch):
                self._answer(record, msg, frame, now_ms)
            else:
                self._stray(msg, frame, link, now_ms)
        elif self._is_passing(key, msg):
            self._pass_back(self._passing.pop(key), msg, frame)
        elif not node.links.answered(link, msg):
            self._stray(msg, frame, link, now_ms)

    def _is_passing(self, key: WireKey, msg: Message) -> bool:
        """Say whether an answer is to something that was only handed on: a sale's answer is not an enquiry's."""
        passing = self._passing.get(key)
        return passing is not None and msg.fields.get(3) in (None, passing.waiting.request.fields.get(3))

    def _answer(self, record: Record, msg: Message, frame: bytes, now_ms: int) -> None:
        if msg.mti[1] == REVERSAL:
            self._reversal_answer(record, msg, frame, now_ms)
            return
        node = self._node
        what, detail = judge_answer(record, msg, node.profile, mac_ok=self._mac_ok(record, msg, frame))
        in_flight = record.state in (State.AUTHORIZING, State.ADVISING)
        if in_flight:
            node.counts.host_ms.add(now_ms - record.updated_ms)
        else:
            node.counts.add("late_answers")
        if what is Input.RESPONSE_INVALID and detail.trigger is not None:
            node.counts.add("bad_answers")
            if detail.trigger is Trigger.BAD_MAC:
                node.counts.add("host_bad_mac")
            node.log("warning", "bad_answer", record, why=detail.trigger.value)
            if record.state is State.AUTHORIZING:
                base = node.undoing(detail.trigger, now_ms, code=detail.code)
                detail = base._replace(note=detail.note)
        elif what is Input.RESPONSE_APPROVED and not in_flight:
            self._late_approval(record, msg, detail, now_ms)
            return
        node.apply(record, what, now_ms, detail, frame)

    def _late_approval(self, record: Record, msg: Message, detail: Detail, now_ms: int) -> None:
        """Note an approval that comes after the decision, and undo it where nothing is under way to do so."""
        node = self._node
        card = None
        approved_minor = record.opening.amount_minor if detail.amount_minor is None else detail.amount_minor
        if record.state is State.APPROVED and approved_minor != record.amount_minor:
            node.apply(record, Input.CONTRADICTED, now_ms, detail)  # twice, and not for the same amount
            return
        if record.state in (State.REVERSED, State.DECLINED, State.NOT_SENT):
            if not record.kind.reversible or record.sent >= node.profile.attempts_max:
                node.apply(record, Input.CONTRADICTED, now_ms, detail)
                return
            base = node.undoing(Trigger.LATE_APPROVAL, now_ms)
            detail = detail._replace(
                trigger=base.trigger,
                reason=base.reason,
                due_ms=base.due_ms,
                deadline_ms=base.deadline_ms,
            )
            card = node.envelope.seal_card(classify.pan_of(msg), record.tx_id, record.opening.date)
        node.apply(record, Input.RESPONSE_APPROVED, now_ms, detail, card=card)

    def _reversal_answer(self, record: Record, msg: Message, frame: bytes, now_ms: int) -> None:
        node = self._node
        if record.state is State.REVERSING and not record.attempts:
            node.counts.add("stray_answers")  # to an earlier round: this one has not been sent yet
            node.log("warning", "stray_answer", record, mti=msg.mti)
            return
        verdict = judge_reversal(msg, node.profile)
        trusted = not node.profile.mac_on_reversal_answers or self._mac_ok(record, msg, frame)
        if verdict is not ReversalVerdict.TRY_AGAIN and not trusted:
            node.counts.add("bad_answers")
            node.counts.add("host_bad_mac")
            node.log("warning", "reversal_answer_bad_mac", record)
            verdict = ReversalVerdict.TRY_AGAIN
        code = msg.fields.get(39, "")
        if verdict is ReversalVerdict.TRY_AGAIN:
            if record.state is State.REVERSING and node.saf.in_flight(record.tx_id):
                wait = schedule.backoff_ms(node.profile, record.tx_id, record.attempts)
                node.saf.pause(record.tx_id, now_ms + wait)
            return
        what = Input.REVERSAL_ACCEPTED if verdict is ReversalVerdict.ACCEPTED else Input.REVERSAL_REFUSED
        node.counts.add(what.value)
        node.apply(record, what, now_ms, Detail(code=code, rrn=msg.fields.get(37, "").strip()))

    def _mac_ok(self, record: Record, msg: Message, frame: bytes) -> bool:
        node = self._node
        if node.profile.mac == "none":
            return True
        mac = node.envelope.mac_for(record.key.tid)
        if mac is None:
            return node.options.unkeyed is Unkeyed.FORWARD and not MAC_FIELDS.isdisjoint(msg.fields)
        return node.envelope.mac_right(mac, msg, frame)

    # ------------------------------------------------------------------ late, handed on, foreign

    def _stray(self, msg: Message, frame: bytes, link: str, now_ms: int) -> None:
        """Place an answer nobody waits for: late, doubled, or never ours."""
        node = self._node
        if msg.mti[1] in "124":
            key = classify.identity(msg)
            record = node.registry.find(key) or node.registry.find_loosely(key)
            if record is not None and self._same_class(record, msg):
                self._late(record, msg, frame, now_ms)
                return
        node.counts.add("stray_answers")
        node.log("warning", "stray_answer", link=link, mti=msg.mti, stan=msg.fields.get(11, ""))

    def _same_class(self, record: Record, msg: Message) -> bool:
        """Say whether an answer has the class of what is still waited for: a 0110 never answers a 0200."""
        keys = self._keys_of.get(record.tx_id)
        return msg.mti[1] == REVERSAL or not keys or any(key.klass == msg.mti[1] for key in keys)

    def _late(self, record: Record, msg: Message, frame: bytes, now_ms: int) -> None:
        node = self._node
        if msg.mti[1] == "4":
            verdict = judge_reversal(msg, node.profile)
            what = Input.REVERSAL_ACCEPTED if verdict is ReversalVerdict.ACCEPTED else Input.REVERSAL_REFUSED
            if not node.applicable(record, what):
                node.counts.add("stray_answers")
                node.log("warning", "stray_answer", record, mti=msg.mti)
                return
        self._answer(record, msg, frame, now_ms)

    def _pass_back(self, passing: _Passing, msg: Message, frame: bytes) -> None:
        """Hand an answer on to its terminal; a sign-in's keys are installed first."""
        node = self._node
        self._numbers.pop(str(passing.number), None)
        request = passing.waiting.request
        tpdu = compose.swap_tpdu(request.tpdu)
        out = bytes.fromhex(tpdu) + frame[len(tpdu) // 2 :] if tpdu else frame
        send = ev.SendTerminal(passing.waiting.conn, node.codec.frame(out))
        code = request.fields.get(60, "")[8:11]
        if msg.mti[1] == "8" and msg.fields.get(39) == "00" and code in SIGN_IN_CODES and 62 in msg.fields:
            tid = request.fields.get(41, "")
            try:
                handle = node.keys.learn(tid, _bytes_of(msg.fields[62]), code, node.profile.mac)
            except BilingualError as error:
                node.counts.add("key_trouble")
                node.log("error", "key_trouble", tid=tid, why=str(error))
            else:
                node.counts.add("sign_ins")
                node.now_do(ev.KeepKeys(tid, handle, (send,)))
                return
        node.now_do(send)

    def _request(self, msg: Message, frame: bytes, family: Family, link: str, now_ms: int) -> None:
        """Something the host starts: its own reversal, or a question whether we are there."""
        node = self._node
        if family is Family.NOTICE:
            node.counts.add("unexpected")
            node.log("warning", "unexpected_from_host", link=link, mti=msg.mti)
            return
        now = classify.local_time(now_ms, node.options.utc_offset_min)
        if msg.mti[1] == REVERSAL:
            code = self._host_reversal(msg, frame, now_ms)
        elif msg.mti[1] == "8":
            code = "00"
        else:
            node.counts.add("unexpected")
            node.log("warning", "unexpected_from_host", link=link, mti=msg.mti)
            code = node.profile.code_not_reversible
        answer = compose.own_answer(msg, code, now)
        node.after(ev.SendHost(link, node.envelope.seal(answer, msg.fields.get(41, ""))))

    def _host_reversal(self, msg: Message, frame: bytes, now_ms: int) -> str:
        """Follow a host that undid a transaction by itself; people are told if the shop was told otherwise."""
        node = self._node
        key = classify.original_of_reversal(msg)
        record = node.registry.find(key) or node.registry.find_loosely(key)
        node.counts.add("host_reversals")
        if record is None:
            node.log("warning", "host_reversal_unknown", stan=key.stan, tid=key.tid)
            return "25"
        if not self._mac_ok(record, msg, frame):
            node.counts.add("bad_requests")
            node.counts.add("host_bad_mac")
            node.log("warning", "host_reversal_bad_mac", record)
            return node.profile.code_bad_mac
        if not node.applicable(record, Input.HOST_REVERSED) or not record.kind.reversible:
            node.log("warning", "host_reversal_refused", record, state=record.state.value)
            return node.profile.code_not_reversible
        amount = classify.amount_of(msg)
        in_part = record.state in (State.AUTHORIZING, State.REVERSING) and (amount or 0) < record.amount_minor
        if not in_part and amount not in (None, record.opening.amount_minor, record.amount_minor):
            node.log("warning", "host_reversal_amount_differs", record)
            return node.profile.code_amount_differs
        node.apply(record, Input.HOST_REVERSED, now_ms, Detail(code=msg.fields.get(39, "")))
        return "00"


def _bytes_of(text: str) -> bytes:
    """Give the bytes of a binary field; none where a dialect's F62 is text and holds no hex: no key is in there."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
