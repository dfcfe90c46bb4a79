"""Planted defects: each breaks the production logic in one way, switched on by name and only here.

A mutant that no checker of the simulator catches is a hole in the checkers. `run_mutants.py` counts the seeds.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from dataclasses import replace as replaced
from unittest.mock import patch

from storno.exchange import classify, compose, judge
from storno.gateway import events as ev
from storno.gateway import hostside
from storno.gateway import node as node_module
from storno.gateway.hostside import HostSide
from storno.gateway.intake import Intake
from storno.gateway.node import Node
from storno.gateway.registry import Registry
from storno.gateway.saf import Saf
from storno.journal.memory import MemoryJournal
from storno.reversal import kinds, machine, schedule
from storno.reversal.key import WireKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import TABLE, Effect, Input, State, Step
from storno.reversal.machine import fold
from storno.reversal.postings import entries_at
from storno.reversal.record import Trigger
from storno.sim.world.people import BackOffice
from storno.terminal import machine as terminal_machine
from storno.terminal.state import ClearPending, SetPending
from storno.terminal.store import MemoryStore


@dataclass(frozen=True)
class Mutant:
    """A defect: its name, what it does in words, and how it is put in."""

    name: str
    words: str
    plant: Callable[[], object]


MUTANTS: dict[str, Mutant] = {}


def mutant(words: str):
    """Register a function that gives the patches of a defect."""

    def register(plant):
        MUTANTS[plant.__name__] = Mutant(plant.__name__, words, plant)
        return plant

    return register


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Switch one defect on."""
    with ExitStack() as stack:
        for one in MUTANTS[name].plant():
            stack.enter_context(one)
        yield


def replace(value, **changes):
    """Change some members of a named tuple or a dataclass."""
    return value._replace(**changes) if hasattr(value, "_replace") else replaced(value, **changes)


def row(state: State, what: Input, step: Step):
    return patch.dict(TABLE, {(state, what): step})


def without(effect: Effect):
    return patch.dict(
        TABLE,
        {
            cell: step._replace(effects=tuple(one for one in step.effects if one is not effect))
            for cell, step in TABLE.items()
            if effect in step.effects
        },
    )


# ---------------------------------------------------------------- what leaves, and when


@mutant("a request or reversal leaves before it is journalled")
def send_before_journal():
    real = Node.after

    def after(self, command):
        if isinstance(command, ev.SendHost):
            self.now_do(command)
        else:
            real(self, command)

    return [patch.object(Node, "after", after)]


@mutant("a terminal is answered before its answer is durable")
def ack_before_durable():
    real = Node.after

    def after(self, command):
        if isinstance(command, ev.SendTerminal):
            self.now_do(command)
        else:
            real(self, command)

    return [patch.object(Node, "after", after)]


@mutant("the journal loses the last change of a group and says nothing")
def journal_loses_the_tail():
    real = MemoryJournal.commit

    def commit(self, changes):
        return real(self, changes[:-1] if len(changes) > 2 else changes)

    return [patch.object(MemoryJournal, "commit", commit)]


# ---------------------------------------------------------------- after a restart


@mutant("a restart forgets what was open")
def forget_on_restart():
    def recover(self, now_ms):
        self.registry.learn_high_stans(now_ms - self.profile.key_reuse_after_ms)
        yield 0

    return [patch.object(Node, "recover", recover)]


@mutant("a restart knows the reversals and does not send them again")
def no_repeat_after_restart():
    def recover(self, now_ms):
        self.registry.learn_high_stans(now_ms - self.profile.key_reuse_after_ms)
        for facts in self.archive.pending():
            record = fold(facts)
            self.registry.put(record)
            if record.state is not State.REVERSING:
                self.apply(record, Input.RECOVERED, now_ms, self.undoing(Trigger.RECOVERED, now_ms))
        yield 0

    return [patch.object(Node, "recover", recover)]


@mutant("a restart takes what was in flight for approved")
def recovered_means_approved():
    return [
        row(
            State.AUTHORIZING,
            Input.RECOVERED,
            Step(State.APPROVED, (Effect.POST_EFFECT, Effect.MARK_ORIGINAL)),
        )
    ]


# ---------------------------------------------------------------- answers


@mutant("a late approval wins over the reversal")
def late_answer_wins():
    effects = (Effect.POST_EFFECT, Effect.MARK_ORIGINAL)
    return [row(State.REVERSING, Input.RESPONSE_APPROVED, Step(State.APPROVED, effects))]


@mutant("an approval that comes after the reversal is done is ignored")
def approval_after_reversal_is_ignored():
    return [row(State.REVERSED, Input.RESPONSE_APPROVED, Step(State.REVERSED, (Effect.NOTE_LATE,)))]


@mutant("a late answer to the sale counts as the answer to its reversal")
def sale_answer_settles_the_reversal():
    real = HostSide._answer

    def _answer(self, record, msg, frame, now_ms):
        if record.state is State.REVERSING and record.attempts and msg.mti[1] != "4":
            self._node.apply(record, Input.REVERSAL_ACCEPTED, now_ms)
        else:
            real(self, record, msg, frame, now_ms)

    return [patch.object(HostSide, "_answer", _answer)]


@mutant("an answer is matched by STAN alone")
def match_by_stan_alone():
    def wire_key(msg):
        return WireKey(msg.mti[1], "", "", msg.fields.get(11, ""))

    return [patch.object(classify, "wire_key", wire_key), patch.object(node_module, "wire_key", wire_key)]


@mutant("the MAC of an answer is not looked at")
def swallow_bad_mac():
    return [patch.object(HostSide, "_mac_ok", lambda *_: True)]


@mutant("the amount of an answer is not looked at")
def swallow_wrong_amount():
    return [patch.object(judge, "amount_of", lambda _msg: None)]


@mutant("a partial approval is booked in full")
def partial_as_full():
    real = hostside.judge_answer

    def judge_answer(record, answer, profile, *, mac_ok):
        what, detail = real(record, answer, profile, mac_ok=mac_ok)
        return what, detail._replace(amount_minor=None)

    return [patch.object(hostside, "judge_answer", judge_answer)]


@mutant("no answer is taken for a decline")
def silence_means_declined():
    return [row(State.AUTHORIZING, Input.RESPONSE_TIMEOUT, Step(State.DECLINED, (Effect.REPLY_UNKNOWN,)))]


@mutant("a lost line is taken for one that was never there")
def lost_means_not_sent():
    real = Node.timed_out

    def timed_out(self, tx_id, now_ms, trigger):
        record = self.registry.get(tx_id)
        if trigger is Trigger.LINK_LOST and record is not None and record.state is State.AUTHORIZING:
            self.apply(record, Input.SEND_FAILED, now_ms)
        else:
            real(self, tx_id, now_ms, trigger)

    return [patch.object(Node, "timed_out", timed_out)]


@mutant("a decline is reversed")
def reverse_a_decline():
    real = hostside.judge_answer

    def judge_answer(record, answer, profile, *, mac_ok):
        what, detail = real(record, answer, profile, mac_ok=mac_ok)
        if what is Input.RESPONSE_DECLINED and record.kind.reversible:
            return Input.RESPONSE_INVALID, detail._replace(trigger=Trigger.BAD_ANSWER)
        return what, detail

    return [patch.object(hostside, "judge_answer", judge_answer)]


@mutant("a refund is reversed")
def reverse_a_refund():
    return [patch.object(kinds, "_NEVER_REVERSED", frozenset({Kind.COMPLETION_ADVICE}))]


@mutant("an approval that could not be handed over is left standing")
def undelivered_is_forgotten():
    return [patch.object(Node, "_undelivered", lambda *_: None)]


@mutant("the host undoes a transaction by itself and nobody writes it down")
def host_reversal_is_only_acknowledged():
    return [patch.object(HostSide, "_host_reversal", lambda *_: "00")]


# ---------------------------------------------------------------- the reversal


@mutant("each repeat of a reversal has a new STAN")
def new_stan_on_repeat():
    real = compose.reversal

    def reversal(record, pan, profile, *, repeat, now):
        msg = real(record, pan, profile, repeat=repeat, now=now)
        if repeat:
            msg.fields[11] = f"{(int(msg.fields[11]) + record.sent) % 1_000_000:06d}"
        return msg

    return [patch.object(compose, "reversal", reversal)]


@mutant("a repeat is not marked as one")
def repeat_not_marked():
    real = compose.reversal

    def reversal(record, pan, profile, *, repeat, now):
        del repeat
        return real(record, pan, profile, repeat=False, now=now)

    return [patch.object(compose, "reversal", reversal)]


@mutant("only answered attempts are counted")
def count_only_answered():
    real = machine.step

    def step(record, what, at_ms, *detail):
        outcome = real(record, what, at_ms, *detail)
        if what is not Input.REVERSAL_DUE:
            return outcome
        return outcome._replace(record=outcome.record._replace(attempts=record.attempts))

    return [patch.object(machine, "step", step), patch.object(node_module, "step", step)]


@mutant("a reversal is given up after its first attempt")
def gives_up_early():
    return [patch.object(schedule, "exhausted", lambda _profile, record, _now: record.attempts >= 1)]


@mutant("a reversal that is given up opens no case")
def give_up_without_a_case():
    return [row(State.REVERSING, Input.REVERSAL_EXHAUSTED, Step(State.EXHAUSTED))]


@mutant("a refused reversal opens no case")
def refused_without_a_case():
    return [row(State.REVERSING, Input.REVERSAL_REFUSED, Step(State.REFUSED))]


@mutant("a refused reversal counts as done")
def refused_means_done():
    return [row(State.REVERSING, Input.REVERSAL_REFUSED, TABLE[State.REVERSING, Input.REVERSAL_ACCEPTED])]


@mutant("a terminal's reversal is acknowledged and not carried out")
def custody_without_reversal():
    return [row(State.APPROVED, Input.CANCEL_REQUESTED, Step(State.APPROVED, (Effect.ACK_CANCEL,)))]


@mutant("a terminal's reversal of something unseen is acknowledged and forgotten")
def drop_tombstone():
    def _tombstone(self, waiting, key, checked, now_ms):
        del key, checked
        self._answer(waiting, "00", now_ms)

    return [patch.object(Intake, "_tombstone", _tombstone)]


@mutant("a request that comes after its reversal is forwarded all the same")
def tombstone_is_not_asked():
    real = Registry.find

    def find(self, key, *, new_number_skips=False):
        found = real(self, key, new_number_skips=new_number_skips)
        return None if new_number_skips and found is not None and found.opening.tombstone else found

    return [patch.object(Registry, "find", find)]


@mutant("the next reversal of a terminal does not wait for the one before it")
def no_order_in_the_queue():
    return [patch.object(Saf, "is_head", lambda self, tx_id: tx_id in self._where)]


# ---------------------------------------------------------------- money and marks


@mutant("a posting moves the whole amount again instead of the difference")
def double_post():
    def movement(kind, before, after, mid, amounts, hold):
        del before
        return entries_at(kind, after, mid, amounts[1], hold)

    return [patch.object(machine, "movement", movement)]


@mutant("a reversed void does not give its sale back")
def void_restores_nothing():
    return [without(Effect.RESTORE_ORIGINAL)]


@mutant("an approved void does not mark its sale")
def void_marks_nothing():
    return [without(Effect.MARK_ORIGINAL)]


@mutant("a reversal that succeeds closes an exception that it does not end")
def late_reversal_closes_the_case():
    return [patch.object(machine, "_stays_open", lambda *_: False)]


# ---------------------------------------------------------------- the terminal


@mutant("a terminal sends before its reversal record is durable")
def terminal_sends_first():
    real = MemoryStore.commit

    def commit(self, changes):
        real(self, [one for one in changes if not (isinstance(one, SetPending) and not one.pending.attempts)])

    return [patch.object(MemoryStore, "commit", commit)]


@mutant("a terminal drops its reversal record when no answer comes")
def terminal_forgets_on_silence():
    real = terminal_machine.TerminalCore._doubt

    def _doubt(self, result, cause, reason):
        done = yield from real(self, result, cause, reason)
        if self._memory.pending is not None:
            yield from self._memory.save(ClearPending())
        return done

    return [patch.object(terminal_machine.TerminalCore, "_doubt", _doubt)]


# ---------------------------------------------------------------- the evening


@mutant("nobody compares the books with the clearing")
def clearing_is_not_read():
    return [patch.object(BackOffice, "close_the_day", lambda *_: 0)]
