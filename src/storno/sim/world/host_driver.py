"""Drives the production-grade host simulator in virtual time: its actions, its crashes, its own reversals.

Rule: it mirrors `sim/host_server.py`: books are flushed before an answer leaves. The host repeats its own reversal
until it is answered, as networks do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames
from storno.reversal.key import TxKey
from storno.sim.actions import Action, CloseConnection, HostReversal, Restart, Send, SlowDrip
from storno.sim.books import Books
from storno.sim.entry import Identity
from storno.sim.faults import FaultKind
from storno.sim.heard import What
from storno.sim.host import HostCore, HostOptions
from storno.sim.host_keys import HostKeys
from storno.sim.script import FaultPlan
from storno.sim.shelf import MemoryShelf
from storno.sim.world.network import Line

if TYPE_CHECKING:
    from storno.sim.note import Note
    from storno.sim.world.world import World

REVERSAL_AGAIN_MS = 60_000
BABBLE_MS = 120_000
_BABBLE = ("00", "51", "98", "")
_ORDINARY = frozenset({FaultKind.DECLINE, FaultKind.PARTIAL_APPROVAL})
"""What a host decides every day: no fault."""


class HostDriver:
    """The acquirer's host."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = world.clock
        self._plan = FaultPlan(magic=False, chances=world.swarm.chances)
        books = Books(MemoryShelf(), world.swarm.books)
        self.core = HostCore(
            world.dialect,
            world.profile,
            books,
            HostKeys(),
            HostOptions(check_roles=False),
            world.stream("host"),
            self._plan,
            world.codec,
        )
        self.up = True
        self._rng = world.stream("host edge")
        self._codec = world.codec
        self._life = 0
        self._lines: dict[Line, Frames] = {}
        self._undoing: dict[tuple[str, str], Identity] = {}
        """Its own reversals that nobody has answered yet, by TID and STAN."""
        self.disputes: set[TxKey] = set()
        """Its own reversals that were not accepted: a list the host's people work through."""

    @property
    def books(self) -> Books:
        """The host's books."""
        return self.core.books

    def calm(self) -> None:
        """Let the faults stop."""
        self._plan.chances = ()

    def accept(self, line: Line) -> bool:
        """Take a gateway's connection; False when the host is down."""
        if self.up:
            self._lines[line] = Frames(self._world.dialect.framing)
        return self.up

    def crash_for(self, down_ms: int, *, with_memory: bool) -> None:
        """Lose the process, with `with_memory` False its books too, and start it again after a while."""
        self._world.fault("host_restarted" if with_memory else "host_forgot")
        for line in tuple(self._lines):
            line.abort(1)
        self._lines.clear()
        self._life += 1
        self.core.restart(with_memory=with_memory)
        if not with_memory:
            self._undoing.clear()
        if down_ms:
            self.up = False
            self._clock.after(down_ms, self._back)

    def _back(self) -> None:
        self.up = True

    def heard(self, line: Line, data: bytes) -> None:
        """Serve every whole frame."""
        frames = self._lines.get(line)
        if frames is None:
            return
        whole = frames.whole(data)
        if whole is not None:
            self._serve(line, whole)
            return
        try:
            frames.receive_data(data)
            while (frame := frames.next_frame()) is not None:
                self._serve(line, frame)
                if self._lines.get(line) is not frames:
                    return
        except FrameError:
            self._drop(line)

    def _serve(self, line: Line, frame: bytes) -> None:
        core = self.core
        actions = core.receive(frame, self._clock.now_ms)
        core.flush()
        note = core.note
        if note.what is What.ANSWER:
            self._acknowledged(note, frame)
        elif note.fault is not None and note.fault.kind not in _ORDINARY:
            self._world.fault(f"host_{note.fault.kind.value}", ((note.tid, note.stan),))
        self._world.auditor.at_host(note)
        for action in actions:
            self._perform(line, action, note)

    def _acknowledged(self, note: Note, frame: bytes) -> None:
        """Stop repeating; an answer that refuses makes it an exception on the host's own list."""
        identity = self._undoing.pop((note.tid, note.stan), None)
        if identity is not None and self._codec.decode(frame).fields.get(39) != "00":
            self.disputes.add(TxKey(*identity[:4]))

    def closed(self, line: Line) -> None:
        """Learn that a connection is gone; what still waited for it is lost."""
        self._lines.pop(line, None)

    def _drop(self, line: Line) -> None:
        line.abort(1)
        self._lines.pop(line, None)

    def _perform(self, line: Line, action: Action, note: Note) -> None:
        if isinstance(action, Send):
            if action.after_ms:
                self._clock.after(action.after_ms, self._send, line, action.data, note)
            else:
                self._send(line, action.data, note)
            return
        match action:
            case SlowDrip(data, ms_per_byte):
                for at in range(len(data)):
                    last = at == len(data) - 1
                    self._clock.after(
                        at * ms_per_byte, self._send, line, data[at : at + 1], note if last else None
                    )
            case CloseConnection(after_ms, abort):
                self._clock.after(after_ms, self._hang_up, line, abort)
            case Restart(with_memory):
                self.crash_for(0, with_memory=with_memory)
            case HostReversal(identity, after_ms):
                self._clock.after(after_ms, partial(self._undo, identity, self._life))
            case _:
                pass

    def _send(self, line: Line, data: bytes, note: Note | None) -> None:
        if line in self._lines:
            if note is not None:
                self._world.auditor.answered(note, data)
            line.send(1, data)
            if note is not None and note.what is What.FINANCIAL and self._world.swarm.babble:
                self._babble(line, data)

    def _babble(self, line: Line, data: bytes) -> None:
        """Answer once more, and otherwise."""
        world = self._world
        whole = len(data) == 2 + int.from_bytes(data[:2], "big")
        if not whole or world.profile.mac != "none" or self._rng.random() >= world.swarm.babble:
            return
        msg = self._codec.decode(data[2:])
        msg.fields[39] = self._rng.choice(_BABBLE)
        if not msg.fields[39]:
            del msg.fields[39]
        again = self._codec.frame(self._codec.encode(msg))
        world.fault("host_babble", ((msg.fields[41], msg.fields[11]),))
        self._clock.after(int(self._rng.random() * BABBLE_MS), self._send, line, again, None)

    def _hang_up(self, line: Line, abort: bool) -> None:  # noqa: FBT001 - a callback's argument
        if line in self._lines:
            line.abort(1) if abort else line.close(1)
            self._lines.pop(line, None)

    def _undo(self, identity: Identity, life: int, *, repeat: bool = False) -> None:
        """Undo a transaction on the host's account and tell the gateway, again and again until it answers."""
        spot = (identity.tid, identity.stan)
        if repeat and self._undoing.get(spot) != identity:
            return
        entry = self.books.entry(identity)
        if not repeat and (life != self._life or entry is None or not entry.in_force or entry.completed_by):
            return  # a host does not undo what is gone already, or what something approved rests on
        try:
            data = self.core.initiate_reversal(identity, self._clock.now_ms, repeat=repeat)
        except KeyError:
            self._undoing.pop(spot, None)
            return
        self.core.flush()
        self._undoing[spot] = identity
        gateway = self._world.gateway_of(identity.tid)
        line = next((one for one in self._lines if one.ends[0] is gateway), None)
        if line is not None:
            line.send(1, data)
        self._clock.after(REVERSAL_AGAIN_MS, partial(self._undo, identity, life, repeat=True))

    @property
    def quiet(self) -> bool:
        """Say whether everything it undid by itself was acknowledged."""
        return not self._undoing
