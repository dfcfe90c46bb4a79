"""Drives the production terminal in virtual time: its steps, its timer, its power cuts, its death.

Rule: it mirrors `terminal/client.py` and `terminal/link.py`: every step is done in order, "no byte left" is said only
when it is certain, and after a broken conversation only the store knows what holds. What a cashier was told counts
only once the conversation has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames
from storno.sim.world.network import Line
from storno.sim.world.orders import Cashier, build, service
from storno.terminal.machine import TerminalCore
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome, Result
from storno.terminal.setup import Setup
from storno.terminal.state import Change, Numbers, SetNumbers
from storno.terminal.steps import Await, Connect, HangUp, Happened, Reply, Save, Send, Step, Talk
from storno.terminal.store import MemoryStore, StoreError

if TYPE_CHECKING:
    from storno.sim.world.gateway_driver import GatewayDriver
    from storno.sim.world.world import World

SIGN_IN_AGAIN = frozenset({"77", "99", "A0"})
_DONE, _FAILED, _LOST = Reply(Happened.DONE), Reply(Happened.FAILED), Reply(Happened.LOST)
_SILENCE = Reply(Happened.SILENCE)
Begin = Callable[[TerminalCore, int], Talk]


class Till:
    """One terminal with its cashier."""

    def __init__(self, world: World, gateway: GatewayDriver, setup: Setup, cashier: Cashier) -> None:
        self._world = world
        self._clock = world.clock
        self._rng = world.stream(f"till{setup.tid}")
        self._faults = world.swarm.till
        self._cashier = cashier
        self.gateway = gateway
        self.setup = setup
        self.store = MemoryStore()
        if world.swarm.first_stan:
            self.store.commit((SetNumbers(Numbers(stan=world.swarm.first_stan)),))
        self.core = TerminalCore(setup, self.store.load(), world.codec)
        self.left = world.swarm.orders
        self.dead = False
        self.off = False
        self._talk: Talk | None = None
        self._line: Line | None = None
        self._frames = Frames(setup.dialect.framing)
        self._connected = False
        self._awaiting = False
        self._deadline_ms = 0
        self._stamp = 0
        self._sign_in_next = setup.profile.mac != "none"
        self._closing = False
        self._tries = 0

    # ------------------------------------------------------------------ the day

    def open_shop(self) -> None:
        """Begin the day at some moment of the first minute."""
        self._clock.after(int(self._rng.random() * 1_000), self._next)

    def _pause_ms(self) -> int:
        return 20 + int(self._rng.random() * self._world.swarm.think_ms)

    def _next(self) -> None:
        """Give the next order of the day."""
        if self.busy or self.off or self.dead or self._closing:
            return
        if self._sign_in_next:
            self._sign_in_next = False
            self._begin(service(Operation.SIGN_IN))
        elif self.left > 0:
            self.left -= 1
            self._order()

    def _order(self) -> None:
        intent = self._cashier.next()
        simple = service(intent.operation)
        if simple is not None:
            self._begin(simple)
        elif intent.operation is Operation.SETTLE or self.core.numbers.settling:
            self._begin(self._settling())
        else:
            order = build(intent, self.store, f"{self.core.numbers.batch:06d}", self._cashier.entry())
            self._begin(lambda core, now_ms: core.transact(order, now_ms))

    def _settling(self) -> Begin:
        """Settle the oldest open batch, as the client does."""
        batch = (self.store.open_batches() or (f"{self.core.numbers.batch:06d}",))[0]
        rows = tuple(row for row in self.store.entries(batch) if not row.settled)
        cards = {row.stan: self.store.card(batch, row.stan) or "" for row in rows}
        return lambda core, now_ms: core.settle(int(batch), rows, cards, now_ms)

    def close_shop(self) -> None:
        """Stop selling; from now on only what is open is cleared."""
        self._closing = True
        self.left = 0
        if self.off and not self.dead:
            return
        self._clear()

    def _clear(self) -> None:
        """Clear the pending reversal, as often as it takes."""
        if self.busy or self.off or self.dead or self.settled:
            return
        self._tries += 1
        if self._sign_in_next or not self.core.signed_in:
            self._sign_in_next = False
            self._begin(service(Operation.SIGN_IN))
        else:
            self._begin(service(Operation.DRAIN))

    @property
    def settled(self) -> bool:
        """Say whether nothing is open on this terminal; a dead one stays as it is."""
        return self.dead or (not self.busy and not self.off and self.core.pending is None)

    @property
    def busy(self) -> bool:
        """Say whether a conversation is under way."""
        return self._talk is not None

    # ------------------------------------------------------------------ a conversation

    def _begin(self, begin: Begin | None) -> None:
        assert begin is not None, "an order without a conversation"
        self._stamp += 1
        self._talk = begin(self.core, self._clock.now_ms)
        self._go(None)

    def _go(self, reply: Reply | None) -> None:
        """Go on until a step takes time."""
        talk, faults, rng = self._talk, self._faults, self._rng
        assert talk is not None, "no conversation to go on with"
        while True:
            try:
                step = next(talk) if reply is None else talk.send(reply)
            except StopIteration as done:
                self._talk = None
                self._ended(done.value)
                return
            if faults.power_cut and rng.random() < faults.power_cut:
                if rng.random() < 0.5:
                    self._do(step)
                self._power_cut()
                return
            answer = self._do(step)
            if answer is None:
                return
            reply = answer

    def _do(self, step: Step) -> Reply | None:
        """Do one step; None when its reply comes later."""
        if isinstance(step, Save):
            return self._save(step.changes)
        if isinstance(step, Connect):
            return self._connect()
        if isinstance(step, Send):
            return self._send(step.data, step.timeout_ms)
        if isinstance(step, Await):
            return self._await()
        if isinstance(step, HangUp):
            if not self.setup.keep_open:
                self._hang_up()
            return _DONE
        return self._complete()

    def _save(self, changes: tuple[Change, ...]) -> Reply:
        faults = self._faults
        if faults.store_fails and self._rng.random() < faults.store_fails:
            self._world.fault("till_store", self._whose())
            return _FAILED
        try:
            self.store.commit(changes)
        except StoreError:
            return _FAILED
        return _DONE

    def _complete(self) -> Reply:
        faults = self._faults
        if faults.print_fails and self._rng.random() < faults.print_fails:
            self._world.fault("till_printer", self._whose())
            return _FAILED
        return _DONE

    def _whose(self) -> tuple[tuple[str, str], ...]:
        return ((self.setup.tid, f"{self.core.numbers.stan:06d}"),)

    def _ended(self, result: Result) -> None:
        """Take note of what the cashier is told, and go on with the day."""
        self._world.auditor.told(self, result)
        no_keys = result.operation is Operation.SIGN_IN and result.outcome is not Outcome.APPROVED
        if no_keys or result.code in SIGN_IN_AGAIN or result.cause is Cause.NOT_SIGNED_IN:
            self._sign_in_next = self.setup.profile.mac != "none"
        if self._closing:
            self._clock.after(1_000 + min(self._tries, 60) * 1_000, self._clear)
        else:
            self._clock.after(self._pause_ms(), self._next)

    # ------------------------------------------------------------------ the line

    def _connect(self) -> Reply | None:
        if self._line is not None:
            return _DONE
        self._stamp += 1
        self._clock.after(self._world.swarm.pos.delay_ms, self._dialled, self._stamp)
        return None

    def _dialled(self, stamp: int) -> None:
        if stamp != self._stamp or self._talk is None:
            return
        self._line = self._world.dial_gateway(self)
        self._frames = Frames(self.setup.dialect.framing)
        self._go(_FAILED if self._line is None else _DONE)

    def _send(self, data: bytes, timeout_ms: int) -> Reply:
        line = self._line
        if line is None:
            return _FAILED
        self._world.auditor.from_terminal(self, data)
        if not line.send(0, data):
            self._line = None
            return _FAILED
        self._deadline_ms = self._clock.now_ms + timeout_ms
        return _DONE

    def _await(self) -> Reply | None:
        try:
            frame = self._frames.next_frame()
        except FrameError:
            self._hang_up()
            return Reply(Happened.FRAME, b"")
        if frame is not None:
            return Reply(Happened.FRAME, frame)
        if self._line is None:
            return _LOST
        if self._clock.now_ms >= self._deadline_ms:
            return _SILENCE
        self._awaiting = True
        self._stamp += 1
        self._clock.at(self._deadline_ms, self._timed_out, self._stamp)
        return None

    def _timed_out(self, stamp: int) -> None:
        if stamp == self._stamp and self._awaiting:
            self._awaiting = False
            self._go(_SILENCE)

    def heard(self, line: Line, data: bytes) -> None:
        """Take bytes from the gateway."""
        if line is not self._line:
            return
        try:
            self._frames.receive_data(data)
        except FrameError:
            self._hang_up()
        self._wake()

    def closed(self, line: Line) -> None:
        """Learn that the line is gone."""
        if line is self._line:
            self._line = None
            self._wake()

    def _wake(self) -> None:
        if self._awaiting:
            self._awaiting = False
            reply = self._await()
            if reply is not None:
                self._go(reply)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close(0)
            self._line = None

    # ------------------------------------------------------------------ power

    def _power_cut(self) -> None:
        """Lose everything but the store; most come back after a while, some never do."""
        world, rng = self._world, self._rng
        world.fault("till_power_cut", self._whose())
        assert self._talk is not None, "a power cut between conversations harms nobody"
        self._talk.close()
        self._talk = None
        self._awaiting = False
        self._stamp += 1
        if self._line is not None:
            self._line.vanish(0) if rng.random() < 0.5 else self._line.abort(0)
            self._line = None
        if rng.random() < self._faults.for_good:
            world.fault("till_died")
            self.dead = True
            return
        self.off = True
        self._clock.after(500 + int(rng.random() * 60_000), self._power_back)

    def _power_back(self) -> None:
        self.off = False
        self.core = TerminalCore(self.setup, self.store.load(), self._world.codec)
        if self._closing:
            self._clear()
        else:
            self._next()


def setup_of(world: World, tid: str, mid: str) -> Setup:
    """Give the parameters of one terminal."""
    swarm = world.swarm
    base = Setup(tid=tid, mid=mid, dialect=world.dialect, profile=swarm.profile)
    return replace(base, answer_ms=swarm.answer_ms, reversal_ms=swarm.answer_ms, keep_open=swarm.keep_open)
