"""The node: everything a gateway decides, in one synchronous place.

`step(now_ms, event)` returns what may be done at once. Whatever tells the outside world something waits in a batch:
`take_batch()` gives the changes to journal, and only `Durable(token)` releases what follows from them. Time comes as an
argument; there is no clock, randomness, socket or loop in here, so a simulator drives this very code.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storno.exchange import compose
from storno.exchange.classify import local_time, settlement_day, wire_key
from storno.gateway import events as ev
from storno.gateway.counts import Counts
from storno.gateway.envelope import Envelope
from storno.gateway.hostside import HostSide
from storno.gateway.intake import Intake, Waiting
from storno.gateway.linkcare import LinkCare
from storno.gateway.registry import Archive, Registry
from storno.gateway.saf import Saf
from storno.gateway.timers import ANSWER, Timers
from storno.iso8583.codec import codec_for
from storno.iso8583.profile import CrossDay, Reason
from storno.journal.fact import FORGET_CARD, Change, plain_row, tx_row
from storno.reversal import schedule
from storno.reversal.lifecycle import IN_FLIGHT, Effect, Input, State
from storno.reversal.machine import POSITIONS, Outcome, begin, fold, step, takes
from storno.reversal.postings import Position
from storno.reversal.record import NO_DETAIL, Detail, Opening, Record, Told, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.gateway.options import NodeOptions
    from storno.iso8583.codec import Codec
    from storno.iso8583.spec import Dialect
    from storno.vault.base import CardVault, KeyStore

RECOVERY_SLICE = 2_000
ORDERS = frozenset({Input.RETRY_ORDERED, Input.ADJUSTED_CHARGED, Input.ADJUSTED_UNCHARGED, Input.CASE_CLOSED})
"""What people may order; everything else only happens."""
REASONS = {
    Trigger.TIMEOUT: Reason.TIMEOUT,
    Trigger.LINK_LOST: Reason.TIMEOUT,
    Trigger.BAD_MAC: Reason.MAC_ERROR,
    Trigger.BAD_ANSWER: Reason.OTHER,
    Trigger.DOUBTFUL_CODE: Reason.OTHER,
    Trigger.RECOVERED: Reason.RECOVERED,
    Trigger.UNDELIVERABLE: Reason.UNDELIVERABLE,
    Trigger.TERMINAL: Reason.OTHER,
    Trigger.LATE_APPROVAL: Reason.LATE_ANSWER,
    Trigger.OPERATOR: Reason.OTHER,
}


@dataclass(slots=True)
class _Batch:
    token: int
    changes: list[Change] = field(default_factory=list)
    then: list[ev.Command] = field(default_factory=list)
    sealed_ms: int = 0


class Node:
    """One gateway's decisions."""

    def __init__(
        self,
        options: NodeOptions,
        dialect: Dialect,
        archive: Archive,
        keys: KeyStore,
        vault: CardVault,
        incarnation: int,
        codec: Codec | None = None,
    ) -> None:
        self.options = options
        self.dialect = dialect
        self.profile = dialect.profile
        self.codec = codec or codec_for(dialect)
        self.archive = archive
        self.keys = keys
        self.vault = vault
        self.registry = Registry(archive, options.records_in_memory_max)
        self.saf = Saf(options.reversals_in_flight_max)
        self.timers = Timers()
        self.counts = Counts()
        self.waiting: dict[str, Waiting] = {}
        """Requests whose terminal still waits for an answer."""
        self.cancelling: dict[str, list[Waiting]] = {}
        """Terminals' own reversals that wait to be acknowledged."""
        self.halted = ""
        """Why nothing may be promised any more; empty while all is well."""
        self.draining = False
        """True while the gateway is stopping: new money requests are answered "not sent"."""
        self._incarnation = incarnation
        self._number = 0
        self._batch = _Batch(1)
        self._sealed: deque[_Batch] = deque()
        self._commands: list[ev.Command] = []
        self._lost: deque[str] = deque()
        self.envelope = Envelope(self)
        self.links = LinkCare(self)
        self.intake = Intake(self)
        self.hostside = HostSide(self)

    # ------------------------------------------------------------------ driving

    def step(self, now_ms: int, event: ev.Event) -> list[ev.Command]:
        """Take one event; give what may be done at once."""
        if isinstance(event, ev.FromTerminal):
            self.intake.frame(now_ms, event.conn, event.frame)
        elif isinstance(event, ev.FromHost):
            self.hostside.frame(now_ms, event.link, event.frame)
        elif isinstance(event, ev.Durable):
            self._release(event.token)
        elif isinstance(event, ev.Tick):
            self._tick(now_ms)
        else:
            self._seldom(now_ms, event)
        while self._lost:
            self._undelivered(now_ms, self._lost.popleft())
        commands, self._commands = self._commands, []
        return commands

    def _seldom(self, now_ms: int, event: ev.Event) -> None:
        if isinstance(event, ev.TerminalGone):
            self.intake.gone(event.conn)
        elif isinstance(event, ev.LinkUp):
            self.links.up(now_ms, event.link)
            self.saf.wake_all(now_ms)
            self._pump(now_ms)
        elif isinstance(event, ev.LinkDown):
            self.links.down(now_ms, event.link)
        elif isinstance(event, ev.Unsent):
            self._unsent(now_ms, event)
        elif isinstance(event, ev.Undelivered):
            self._undelivered(now_ms, event.tx_id)
        elif isinstance(event, ev.KeysKept):
            self.saf.wake_all(now_ms)
            self._pump(now_ms)
        elif isinstance(event, ev.Order):
            self._order(now_ms, event)
        elif isinstance(event, ev.Exceptions):
            self._batch.changes.extend(event.changes)

    def take_batch(self, now_ms: int) -> tuple[int, list[Change]] | None:
        """Seal what has gathered; the shell journals it and reports `Durable(token)`. None when there is nothing."""
        batch = self._batch
        if self.halted or not batch.changes:
            return None
        batch.sealed_ms = now_ms
        self._sealed.append(batch)
        self._batch = _Batch(batch.token + 1)
        return batch.token, batch.changes

    def next_deadline_ms(self) -> int | None:
        """Give when `Tick` is wanted at the latest."""
        mine = self.timers.next_ms()
        due = self.saf.next_due_ms() if self.links.any_up() or len(self.saf) else None
        if due is None:
            return mine
        return due if mine is None else min(mine, due)

    def recover(self, now_ms: int) -> Iterator[int]:
        """Fold what was open when the last run ended; yields the running count so that progress can be shown.

        Whatever was in flight is in doubt, because nobody can know whether its bytes left.
        """
        done = 0
        self.registry.learn_high_stans(now_ms - self.profile.key_reuse_after_ms)
        for facts in self.archive.pending():
            record = fold(facts)
            self.registry.put(record)
            self.registry.keep_number(record.key)
            if record.state is State.REVERSING:
                self._queue(record, now_ms)
            else:
                self.apply(record, Input.RECOVERED, now_ms, self.undoing(Trigger.RECOVERED, now_ms))
            done += 1
            if done % RECOVERY_SLICE == 0:
                yield done
        yield done

    def busy(self) -> bool:
        """Say whether a terminal still waits for an answer or something is not durable yet."""
        return bool(self.waiting or self._sealed or self._batch.changes or self._batch.then)

    def halt(self, why: str) -> None:
        """Promise nothing from now on: the journal cannot be written."""
        self.halted = why
        self._sealed.clear()
        self._batch = _Batch(self._batch.token + 1)

    # ------------------------------------------------------------------ the record's way

    def new_id(self, now_ms: int) -> str:
        """Give the next transaction id: business date, start number, running number."""
        self._number += 1
        return f"{settlement_day(now_ms, self.options.utc_offset_min)}-{self._incarnation:04d}-{self._number:06d}"

    def open(
        self, opening: Opening, tx_id: str, now_ms: int, card: bytes | None, detail: Detail = NO_DETAIL
    ) -> Record:
        """Begin a record and journal it."""
        outcome = begin(tx_id, now_ms, opening, detail)
        self._journal(outcome, card, None)
        self._carry_out(outcome, now_ms, None)
        return outcome.record

    def apply(
        self,
        record: Record,
        what: Input,
        now_ms: int,
        detail: Detail = NO_DETAIL,
        frame: bytes | None = None,
        card: bytes | None = None,
    ) -> Record:
        """Apply an input, journal it with its money, and let its effects follow.

        `frame` is the host's answer; `card` a sealed copy to keep from now on.
        """
        outcome = step(record, what, now_ms, detail)
        if Effect.FORGET_CARD in outcome.effects:
            card = FORGET_CARD
        self._journal(outcome, card, record.state)
        case = outcome.record.case
        if case is not None and case is not record.case:
            self.counts.add("cases_opened")
            self.log("warning", "case", outcome.record, case=case.value)
        self._carry_out(outcome, now_ms, frame)
        return outcome.record

    def applicable(self, record: Record, what: Input) -> bool:
        """Say whether the table has a row for it."""
        return takes(record, what)

    def undoing(self, trigger: Trigger, now_ms: int, reason: str = "", code: str = "") -> Detail:
        """Give the details of a step that begins an undoing: why, with which reason on the wire, until when."""
        reason = reason or self.profile.reason_code(REASONS[trigger])
        return Detail(
            code=code,
            trigger=trigger,
            reason=reason,
            due_ms=now_ms,
            deadline_ms=now_ms + self.profile.deadline_ms,
        )

    def until(self, now_ms: int) -> Detail:
        """Give the details of a reversal that begins now: due at once, given up at the deadline."""
        return Detail(due_ms=now_ms, deadline_ms=now_ms + self.profile.deadline_ms)

    def _journal(self, outcome: Outcome, card: bytes | None, before: State | None) -> None:
        posting, fact, record = outcome.posting, outcome.fact, outcome.record
        move = (record.opening.kind, before, fact.input, record.state, record.trigger)
        moves = self.counts.moves
        moves[move] = moves.get(move, 0) + 1
        row = None if posting is None else (posting.key, record.tx_id, posting.currency, posting.entries)
        self._batch.changes.append((plain_row(fact), tx_row(record), row, card))
        self.registry.put(record, card, new=fact.input is None)

    def _carry_out(self, outcome: Outcome, now_ms: int, frame: bytes | None) -> None:
        """Turn effects into orders; what goes outside waits for the batch to be durable."""
        record = outcome.record
        for effect in outcome.effects:
            if effect in POSITIONS:
                continue  # the money is in the journal's change
            if effect is Effect.REPLY_ANSWER:
                self.intake.reply(record, frame, now_ms)
            elif effect is Effect.REPLY_UNKNOWN:
                self.intake.reply_own(record, self.profile.code_unknown, now_ms)
            elif effect is Effect.REPLY_NOT_SENT:
                self.intake.reply_own(record, self.profile.code_not_sent, now_ms)
            elif effect is Effect.ACK_CANCEL:
                self.intake.acknowledge(record, now_ms)
            elif effect is Effect.REPLY_TOMBSTONE:
                self.intake.reply_own(record, self.profile.code_tombstone, now_ms)
            elif effect is Effect.QUEUE_REVERSAL:
                self._queue(record, now_ms)
            elif effect is Effect.SEND_REVERSAL:
                self._send_reversal(record)
            elif effect is Effect.MARK_ORIGINAL:
                self._mark(record, Input.CONSUMED if record.kind.completes else Input.UNDONE, now_ms)
            elif effect is Effect.RESTORE_ORIGINAL:
                self._mark(record, Input.RESTORED, now_ms)
        if outcome.fact.input is not None and record.state is not State.REVERSING:
            if self.saf.remove(record.tx_id, now_ms):
                self.intake.release_held(record.key[:2], now_ms)
            if record.state not in IN_FLIGHT:
                self.hostside.forget(record.tx_id)

    def _mark(self, record: Record, what: Input, now_ms: int) -> None:
        """Show on the original that this transaction undid, completed or gave it back."""
        original = self.registry.get(record.opening.original)
        if original is None or not self.applicable(original, what):
            self.log(
                "warning", "original_not_marked", record, original=record.opening.original, mark=what.value
            )
        elif what is Input.RESTORED and original.undone_by not in ("", record.tx_id):
            self.log("warning", "original_undone_by_another", record, original=original.tx_id)
        else:
            self.apply(original, what, now_ms, Detail(note=record.tx_id))

    # ------------------------------------------------------------------ reversals

    def _queue(self, record: Record, now_ms: int) -> None:
        self.saf.add(record.tx_id, (record.key.tid, record.key.mid), now_ms)
        self._pump(now_ms)

    def _pump(self, now_ms: int) -> None:
        """Send what is due: head of each terminal, while a link is up; silence counts as an attempt."""
        for tx_id in self.saf.take_due(now_ms):
            record = self.registry.get(tx_id)
            if record is None or record.state is not State.REVERSING:
                raise AssertionError(f"{tx_id} is queued but not being reversed")
            crossed = self._crossed_day(record, now_ms)
            if crossed or schedule.exhausted(self.profile, record, now_ms):
                note = "cross-day" if crossed else ""
                self.apply(record, Input.REVERSAL_EXHAUSTED, now_ms, Detail(note=note))
                self.counts.add("reversals_exhausted")
            elif not self.links.any_up() or self._mac_missing(record):
                wait = min(self.profile.backoff_max_ms, max(1000, record.deadline_ms - now_ms))
                self.saf.again_at(tx_id, now_ms + wait)
            else:
                due_ms = schedule.next_due_ms(self.profile, tx_id, record.attempts + 1, now_ms)
                self.apply(record, Input.REVERSAL_DUE, now_ms, Detail(due_ms=due_ms))
                self.saf.sent(tx_id, due_ms)

    def _crossed_day(self, record: Record, now_ms: int) -> bool:
        if self.profile.cross_day is CrossDay.SEND:
            return False
        return settlement_day(now_ms, self.options.utc_offset_min) != record.opening.date

    def _mac_missing(self, record: Record) -> bool:
        return self.profile.mac != "none" and self.envelope.mac_for(record.key.tid) is None

    def _send_reversal(self, record: Record) -> None:
        began = local_time(record.undoing_ms, self.options.utc_offset_min)
        msg = compose.reversal(
            record, self.envelope.card_of(record), self.profile, repeat=record.sent > 1, now=began
        )
        self.envelope.dress(msg)
        link = self.links.choose(record.key.tid)
        self.hostside.expect(wire_key(msg), record.tx_id, link)
        frame = self.envelope.seal(msg, record.key.tid)
        self.after(ev.SendHost(link, frame, record.tx_id, reversal=True))
        self.counts.add("reversals_sent" if record.sent == 1 else "reversals_repeated")

    # ------------------------------------------------------------------ seldom

    def _unsent(self, now_ms: int, event: ev.Unsent) -> None:
        record = self.registry.get(event.tx_id)
        if record is None:
            return
        if event.reversal:
            if record.state is State.REVERSING and self.saf.in_flight(record.tx_id):
                pause_ms = schedule.backoff_ms(self.profile, record.tx_id, record.attempts)
                self.apply(record, Input.SEND_FAILED, now_ms)
                self.saf.again_at(record.tx_id, now_ms + pause_ms)
        elif record.state in IN_FLIGHT:
            self.counts.add("not_sent")
            if record.position is Position.NONE:
                self.apply(record, Input.SEND_FAILED, now_ms)
            else:  # an advice that was sent before: this sending failed, the first one stays in doubt
                self.apply(record, Input.RESPONSE_TIMEOUT, now_ms, self.undoing(Trigger.LINK_LOST, now_ms))

    def undeliverable(self, tx_id: str) -> None:
        """Note, within a step, that an approval finds nobody to tell; dealt with when the step is complete."""
        self._lost.append(tx_id)

    def _undelivered(self, now_ms: int, tx_id: str) -> None:
        record = self.registry.get(tx_id)
        if record is None or record.told is not Told.APPROVED or not record.kind.reversible:
            return
        if self.profile.undeliverable_reverses and self.applicable(record, Input.DELIVERY_FAILED):
            self.apply(record, Input.DELIVERY_FAILED, now_ms, self.undoing(Trigger.UNDELIVERABLE, now_ms))
            self.counts.add("undelivered")

    def _order(self, now_ms: int, order: ev.Order) -> None:
        record = self.registry.get(order.tx_id)
        allowed = order.input in ORDERS and record is not None and self.applicable(record, order.input)
        if record is not None and order.input is Input.RETRY_ORDERED:
            allowed = allowed and not self.number_taken(record)
        if record is None or not allowed:
            self.log("error", "order_refused", record, order=order.input.value, tx=order.tx_id)
            return
        detail = Detail(operator=order.operator, note=order.note)
        if order.input is Input.RETRY_ORDERED:
            base = self.undoing(Trigger.OPERATOR, now_ms, record.reason)
            detail = Detail(
                reason=base.reason, due_ms=base.due_ms, deadline_ms=base.deadline_ms,
                operator=order.operator, note=order.note,
            )  # fmt: skip
        self.apply(record, order.input, now_ms, detail)

    def number_taken(self, record: Record) -> bool:
        """Say whether the terminal has used a transaction's number again: reversing it now could hit the newer one."""
        newest = self.registry.find(record.key)
        return newest is not None and newest.tx_id != record.tx_id

    def _tick(self, now_ms: int) -> None:
        for what, name in self.timers.take(now_ms):
            if what == ANSWER:
                self.timed_out(name, now_ms, Trigger.TIMEOUT)
            elif what == "held":
                self.intake.held_long_enough(name, now_ms)
            elif what == "passing":
                self.hostside.passing_timed_out(name)
            else:
                self.links.timer(what, name, now_ms)
        self._pump(now_ms)

    def timed_out(self, tx_id: str, now_ms: int, trigger: Trigger) -> None:
        """Nothing came in time, or nothing can come any more."""
        record = self.registry.get(tx_id)
        if record is None or record.state not in IN_FLIGHT:
            return
        self.counts.add("timeouts")
        self.apply(record, Input.RESPONSE_TIMEOUT, now_ms, self.undoing(trigger, now_ms))

    def reversal_unanswered(self, tx_id: str, now_ms: int) -> None:
        """Set the next attempt of a reversal whose link is gone: this one counted, the next waits for the back-off."""
        record = self.registry.get(tx_id)
        if record is not None and record.state is State.REVERSING and self.saf.in_flight(tx_id):
            self.saf.pause(tx_id, now_ms + schedule.backoff_ms(self.profile, tx_id, record.attempts))

    # ------------------------------------------------------------------ orders

    def _release(self, token: int) -> None:
        while self._sealed and self._sealed[0].token <= token:
            batch = self._sealed.popleft()
            self._commands.extend(batch.then)
            self.registry.trim(batch.sealed_ms)

    def now_do(self, command: ev.Command) -> None:
        """Order something that promises nothing."""
        self._commands.append(command)

    def after(self, command: ev.Command) -> None:
        """Order something once everything journalled so far is durable."""
        if self._batch.changes:
            self._batch.then.append(command)
        elif self._sealed:
            self._sealed[-1].then.append(command)
        else:
            self._commands.append(command)

    def log(self, level: str, event: str, record: Record | None = None, **facts: str) -> None:
        """Tell the operator something; identity only, never card data."""
        named = tuple(facts.items())
        if record is not None:
            named = (("tx_id", record.tx_id), ("tid", record.key.tid), ("stan", record.key.stan), *named)
        self._commands.append(ev.Log(level, event, named))
