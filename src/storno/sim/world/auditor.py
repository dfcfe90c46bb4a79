"""Watches every step of a world from outside and stops it at the first broken promise.

Rule: it trusts nobody. It decodes what passes on the lines, follows what is stored on the disks, knows which answers
were spoiled on purpose, and compares; it never asks the node what it thinks. What can only be judged at the end of the
day is in `checkers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from storno.exchange import classify
from storno.gateway import events as ev
from storno.iso8583.errors import DecodeError
from storno.journal.fact import TX_COLUMNS, Change, spelled
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.record import Told
from storno.sim.compare import Slip
from storno.sim.faults import FaultKind
from storno.sim.note import Moved, Note
from storno.sim.world.checkers import memory_is_the_fold
from storno.sim.world.facts import NEEDS_CASE, Follower, Stored
from storno.sim.world.violation import Violation
from storno.terminal.outcome import Outcome, Result

if TYPE_CHECKING:
    from storno.iso8583.message import Message
    from storno.sim.world.gateway_driver import GatewayDriver
    from storno.sim.world.till import Till
    from storno.sim.world.world import World

_TOLD = TX_COLUMNS.index("told")
_SAID_YES = Told.APPROVED.value
WATCHED = (ev.FromHost, ev.Unsent, ev.Undelivered)
"""What the watcher wants to hear of; a story wants everything."""
PREFIX, HEAD = 2, 11
"""Bytes before the head of a frame, and before its MTI."""
_SPOILED = frozenset({FaultKind.BAD_MAC, FaultKind.WRONG_AMOUNT})
_APPROVALS = (Outcome.APPROVED, Outcome.PARTIAL)
_NEVER_REVERSED = frozenset({Kind.REFUND, Kind.COMPLETION_ADVICE})
_MAY_CHANGE = frozenset({64, 128})
_FROM_ANSWER = {
    Input.RESPONSE_APPROVED: "approved",
    Input.RESPONSE_DECLINED: "declined",
    Input.RESPONSE_DOUBTFUL: "doubtful",
    Input.REVERSAL_ACCEPTED: "accepted",
    Input.REVERSAL_REFUSED: "refused",
}
_NOT_DECLINES = frozenset({"approved", "doubtful", "invalid"})
_ONLY_BY = {
    (State.AUTHORIZING, State.APPROVED): {Input.RESPONSE_APPROVED},
    (State.ADVISING, State.APPROVED): {Input.RESPONSE_APPROVED},
    (State.AUTHORIZING, State.DECLINED): {Input.RESPONSE_DECLINED},
    (State.ADVISING, State.DECLINED): {Input.RESPONSE_DECLINED},
    (State.AUTHORIZING, State.NOT_SENT): {Input.SEND_FAILED},
    (State.ADVISING, State.NOT_SENT): {Input.SEND_FAILED},
    (State.REVERSING, State.REVERSED): {Input.REVERSAL_ACCEPTED, Input.HOST_REVERSED},
    (State.REVERSING, State.REFUSED): {Input.REVERSAL_REFUSED},
    (State.REVERSING, State.EXHAUSTED): {Input.REVERSAL_EXHAUSTED},
}
"""The only causes of a move, whatever the table says; a move from where a transaction is in flight that is not here
goes to REVERSING or UNKNOWN."""
_IN_FLIGHT = (State.AUTHORIZING, State.ADVISING, State.REVERSING)
_OVER = (State.REVERSED, State.DECLINED, State.NOT_SENT)
"""Where nothing is held: an approval that comes now must be undone, whoever finds it in the evening."""
_DOUBTS = (State.REVERSING, State.UNKNOWN)


class Auditor:
    """The watcher of one world."""

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._story = world.story
        self._codec = world.codec
        self._profile = world.profile
        self._followers: dict[int, Follower] = {}
        self._spoiled: dict[bytes, FaultKind] = {}
        self._answers: dict[TxKey, set[str]] = {}
        self.slips: list[Slip] = []
        """What cashiers were told, of what has a number."""
        self.counts: Counter[str] = Counter()
        self._happened = world.happened
        self._numbers: dict[str, tuple[str, str]] = {}
        """Batch and STAN of the last request of each terminal."""

    @property
    def _now(self) -> int:
        return self._clock.now_ms

    def follower(self, number: int) -> Follower:
        """Give what a gateway's journal holds."""
        known = self._followers.get(number)
        if known is None:
            known = self._followers[number] = Follower()
        return known

    # ------------------------------------------------------------------ the disk

    def stored(self, number: int) -> Callable[[Sequence[Change]], None]:
        """Give the watcher of one gateway's disk."""
        follower = self.follower(number)

        def watch(changes: Sequence[Change]) -> None:
            for change in changes:
                self._stored(follower, change)

        return watch

    def _stored(self, follower: Follower, change: Change) -> None:
        stored, before, cause = follower.take(change)
        if self._story is not None:
            self._story.fact(self._now, stored, change)
        if change[2] is not None:
            self._posted(stored, change[2][0], change[2][3])
        state = stored.state
        if state in NEEDS_CASE and stored.case is None:
            raise Violation("case", f"{state.value} and nobody is told", stored.key)
        if state is State.REVERSING:
            if stored.kind in _NEVER_REVERSED:
                raise Violation("kind", f"a {stored.kind.value} is being reversed", stored.key)
            if stored.round_dues > self._profile.attempts_max:
                raise Violation("attempts", f"sending {stored.round_dues} of its reversal", stored.key)
        elif cause is Input.REVERSAL_EXHAUSTED:
            self._given_up(stored, change)
        if cause is not None and before in _IN_FLIGHT:
            self._moved(stored, before, cause)
            if cause is Input.SEND_FAILED and state is State.NOT_SENT and stored.tx_id not in follower.unsent:
                raise Violation("not sent", "what may have left is called not sent", stored.key)
        late = cause is Input.RESPONSE_APPROVED and before in _OVER
        if late and state is not State.REVERSING and stored.case is None:
            raise Violation("late", f"approved after it was {state.value}, and nobody undoes it", stored.key)
        believes = change[1][_TOLD] == _SAID_YES and cause is not Input.CASE_CLOSED
        if state is State.REVERSED and before is not state and believes and stored.case is None:
            raise Violation("case", "undone, its shop was told approved, and nobody is told", stored.key)

    def _posted(self, stored: Stored, key: str, entries: Sequence[tuple[str, int]]) -> None:
        if key in stored.postings:
            raise Violation("posting", f"{key} is posted twice", stored.key)
        stored.postings.add(key)
        left = 0
        for _, amount in entries:
            left += amount
        if left:
            raise Violation("posting", f"{key} does not sum to zero", stored.key)

    def _given_up(self, stored: Stored, change: Change) -> None:
        """Check that a reversal is given up only when its attempts or its time are used up, or its day is over."""
        waited_ms = change[0][1] - stored.round_ms
        early = stored.round_dues < self._profile.attempts_max and waited_ms < self._profile.deadline_ms
        if early and "cross-day" not in spelled(change[0])[4]:
            raise Violation("attempts", f"given up after {stored.round_dues} sendings", stored.key)

    def _moved(self, stored: Stored, before: State, cause: Input) -> None:
        """Check that a transaction in flight moves only for the one reason there is for that move."""
        after = stored.state
        if after is not before and after is not State.CLOSED:
            causes = _ONLY_BY.get((before, after))
            allowed = cause in causes if causes is not None else after in _DOUBTS
            if before is State.AUTHORIZING and after is State.REVERSED:
                allowed = cause is Input.HOST_REVERSED
            if not allowed:
                raise Violation("cause", f"{before.value} became {after.value} by {cause.value}", stored.key)
        self._caused(stored, cause)

    def _caused(self, stored: Stored, cause: Input) -> None:
        """Check that an answer in the journal is one that came, read as a careful person would read it."""
        heard = self._answers.get(stored.key, set())
        wanted = _FROM_ANSWER.get(cause)
        if wanted is not None and wanted not in heard:
            raise Violation(
                "answer", f"{cause.value} with nothing of the kind received: {sorted(heard)}", stored.key
            )
        sure = self._profile.mac == "none" or not self._profile.mac_on_declines
        if (
            cause is Input.RESPONSE_INVALID
            and sure
            and "declined" in heard
            and heard.isdisjoint(_NOT_DECLINES)
        ):
            raise Violation("answer", "a decline is treated as no valid answer", stored.key)

    # ------------------------------------------------------------------ the gateway's lines

    def event(self, gateway: GatewayDriver, event: ev.Event) -> None:
        """See what a gateway is told."""
        if isinstance(event, ev.FromHost):
            frame = event.frame
            if len(frame) > HEAD + 1 and frame[HEAD] in (1, 2, 4) and frame[HEAD + 1] & 0x10:
                self._answer(gateway, frame)
        elif isinstance(event, ev.Unsent):
            follower = self.follower(gateway.number)
            if event.reversal:
                stored = follower.transactions[event.tx_id]
                stored.left -= 1
                if not stored.left:
                    stored.first = None
            else:
                follower.unsent.add(event.tx_id)
        elif isinstance(event, ev.Undelivered) and self._profile.undeliverable_reverses:
            self.follower(gateway.number).undelivered.setdefault(event.tx_id, self._now)
        if self._story is not None:
            self._story.event(self._now, event)

    def _answer(self, gateway: GatewayDriver, frame: bytes) -> None:
        try:
            msg = self._codec.look(frame)
        except DecodeError:
            return
        key = classify.identity(msg)
        stored = self.follower(gateway.number).latest(key)
        if stored is not None:
            self._answers.setdefault(key, set()).add(self._reading(stored, msg, frame))

    def _reading(self, stored: Stored, msg: Message, frame: bytes) -> str:
        """Read an answer independently of the production judge."""
        profile, code = self._profile, msg.fields.get(39, "")
        if msg.mti[1] == "4":
            return "accepted" if code in profile.reversal_accepted else "refused"
        spoiled = self._spoiled.get(frame)
        bad_mac = spoiled is FaultKind.BAD_MAC and profile.mac != "none"
        if not code:
            return "invalid"
        if code in profile.approved:
            return "invalid" if bad_mac or spoiled is FaultKind.WRONG_AMOUNT else "approved"
        if bad_mac and profile.mac_on_declines:
            return "invalid"
        if code in profile.reverse_on and stored.kind not in _NEVER_REVERSED:
            return "invalid"
        if self._to_another(stored, msg):
            return "invalid"
        return "doubtful" if code in profile.doubtful else "declined"

    def _to_another(self, stored: Stored, msg: Message) -> bool:
        """Say whether a refusal is an old one, to another transaction under the same number."""
        gives_back = stored.kind.undoes or stored.kind is Kind.REFUND
        processing = "20" if gives_back else "03" if stored.kind is Kind.PREAUTH else "00"
        amount = classify.amount_of(msg)
        return msg.fields.get(3, processing)[:2] != processing or amount not in (None, 0, stored.amount_minor)

    def to_host(self, gateway: GatewayDriver, command: ev.SendHost) -> None:
        """See what leaves for the host: only what the disk already knows may."""
        if not command.tx_id:
            return
        stored = self.follower(gateway.number).transactions.get(command.tx_id)
        if stored is None:
            raise Violation("journal first", f"{command.tx_id} leaves and is not stored")
        if self._story is not None:
            self._story.send(self._now, stored, command)
        if not command.reversal:
            self._not_after_its_reversal(gateway, stored)
            return
        stored.sent += 1
        stored.left += 1
        if stored.sent > stored.dues:
            raise Violation("journal first", f"sending {stored.sent} is not stored", stored.key)
        first = self.follower(gateway.number).head(stored)
        if stored.state is State.REVERSING and first != stored.tx_id:
            raise Violation("order", f"{first} of the same terminal must be reversed before it", stored.key)
        self._same(stored, command.frame)

    def _not_after_its_reversal(self, gateway: GatewayDriver, stored: Stored) -> None:
        """Check that no request is forwarded whose reversal was taken over before: the tombstone declines it."""
        for one in self.follower(gateway.number).by_key[stored.key]:
            fresh = stored.opened_ms - one.opened_ms < self._profile.key_reuse_after_ms
            if one is not stored and one.cancels and fresh:
                raise Violation("tombstone", "forwarded although its reversal came before it", stored.key)

    def _same(self, stored: Stored, frame: bytes) -> None:
        """Every sending of a reversal is the same message, about the right original; repeats are marked as agreed."""
        msg = self._codec.look(frame)
        first = stored.first = stored.first or msg
        if not self._profile.repeat_marked:
            wanted = {"0"}
        elif stored.left > 1:
            wanted = {"1"}
        else:  # an earlier sending may be stored and have died with its process, or have found no line
            wanted = {"0"} if stored.dues == 1 else {"0", "1"}
        if msg.mti[:3] != self._profile.reversal_mti[:3] or msg.mti[3] not in wanted:
            raise Violation("repeat", f"sending {stored.sent} is a {msg.mti}", stored.key)
        for number in first.fields.keys() | msg.fields.keys():
            if number not in _MAY_CHANGE and first.fields.get(number) != msg.fields.get(number):
                raise Violation("repeat", f"F{number} differs from the first sending", stored.key)
        if classify.identity(msg) != stored.key or classify.amount_of(msg) != stored.amount_minor:
            raise Violation("identity", f"the reversal names {classify.identity(msg)}", stored.key)

    def to_terminal(self, gateway: GatewayDriver, command: ev.SendTerminal) -> None:
        """See what a terminal is told: an approval or a taken-over reversal must be on the disk."""
        frame = command.frame
        klass = frame[PREFIX + HEAD]
        if klass not in (1, 2, 4):
            return
        msg = self._codec.look(frame[PREFIX:])
        key, code = classify.identity(msg), msg.fields.get(39, "")
        if self._story is not None:
            self._story.reply(self._now, key, msg)
        same = self.follower(gateway.number).by_key.get(key, [])
        if klass == 4:
            if code == "00" and not any(one.cancels for one in same):
                raise Violation("journal first", "a reversal is acknowledged and not stored", key)
        elif code in self._profile.approved and classify.kind_of(msg) is not None:
            if not any(one.was_told_approved for one in same):
                raise Violation("journal first", "an approval is handed out and not stored", key)
            self.counts["approvals"] += 1

    def touched_by_crash(self, gateway: GatewayDriver) -> Sequence[tuple[str, str]]:
        """Name the transactions a crash catches under way."""
        if gateway.node is None:
            return ()
        return [(one.key.tid, one.key.stan) for one in gateway.node.registry.held()]

    def process_gone(self, gateway: GatewayDriver) -> None:
        """See a process die: what it held in mind must follow from what it wrote or was about to write."""
        if gateway.node is not None and not gateway.node.halted:
            memory_is_the_fold(gateway, held_only=True)

    def process_starts(self, gateway: GatewayDriver) -> None:
        """See a process begin: it knows what is stored, and nothing else."""
        self.follower(gateway.number).restarted()

    # ------------------------------------------------------------------ the host

    def answered(self, note: Note, data: bytes) -> None:
        """See the host answer; remember what was spoiled on purpose."""
        if note.fault is not None and note.fault.kind in _SPOILED:
            self._spoiled[data[PREFIX:]] = note.fault.kind

    def at_host(self, note: Note) -> None:
        """See what the host made of a message."""
        if self._story is not None:
            self._story.host(self._now, note)
        if note.effect is Moved.MOVED:
            self.counts["effects"] += 1
        elif note.effect is Moved.BACK:
            self.counts["undone"] += 1
        if note.repeat:
            self.counts["seen_before"] += 1

    # ------------------------------------------------------------------ the terminals

    def from_terminal(self, till: Till, data: bytes) -> None:
        """See what leaves a terminal: its own record comes first."""
        klass = data[PREFIX + HEAD]
        if klass not in (1, 2, 4):
            return
        msg = self._codec.look(data[PREFIX:])
        kind = classify.kind_of(msg)
        if kind is None:
            return
        key = classify.identity(msg)
        if self._story is not None:
            self._story.till(self._now, key, msg)
        if klass != 4:
            self.counts["requests"] += 1
            self._counted(key)
        if kind in _NEVER_REVERSED:
            return
        pending = till.store.load().pending
        if pending is None or (pending.batch, pending.stan) != (key.batch, key.stan):
            raise Violation("terminal", "a request leaves before its reversal record is durable", key)
        if klass == 4:
            self.counts["terminal_reversals"] += 1
            if pending.attempts < 1:
                raise Violation("terminal", "a sending of the reversal is not counted", key)
            if classify.amount_of(msg) != pending.amount_minor:
                raise Violation("terminal", "the reversal names another amount", key)

    def _counted(self, key: TxKey) -> None:
        """Note a terminal's new batch, and a STAN that begins again at 000001."""
        batch, stan = self._numbers.get(key.tid, (key.batch, key.stan))
        self._happened["batch_changed"] += batch != key.batch
        self._happened["stan_wrapped"] += stan > key.stan
        self._numbers[key.tid] = key.batch, key.stan

    def told(self, till: Till, result: Result) -> None:
        """Note what a cashier was told."""
        self.counts["results"] += 1
        if result.outcome is Outcome.APPROVED and not result.operation.moves_money:
            self._happened[result.operation.value] += 1
        if result.operation.moves_money and result.stan:
            key = TxKey(till.setup.tid, till.setup.mid, result.batch, result.stan)
            self.slips.append(Slip(key, result.outcome in _APPROVALS))
            self.counts[f"told_{result.outcome.value}"] += 1
            if self._story is not None:
                self._story.result(self._now, key, result)
