"""Drives the production node as its asyncio shell does, with virtual time, lines and disk, and kills it anywhere.

Rule: it mirrors `gateway/serve.py` step by step: commands are carried out in order, a turn seals one batch, only the
disk's report releases what the batch promised. It decides nothing. A crash may strike before any single command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storno.gateway import events as ev
from storno.gateway.node import Node
from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames
from storno.journal.memory import MemoryJournal
from storno.sim.world.auditor import WATCHED
from storno.sim.world.disk import Batch, Disk
from storno.sim.world.network import Line
from storno.vault.memory import MemoryCardVault, MemoryKeyStore

if TYPE_CHECKING:
    from storno.sim.world.world import World

CONNECT_FIRST_MS, CONNECT_MAX_MS = 250, 15_000
KEEP_KEYS_MS = 3
RESTART_MS = 2_000


class GatewayDriver:
    """One gateway: its disk, keys and cards outlive the process; node, connections and timers do not."""

    def __init__(self, world: World, number: int, tids: Sequence[str], tmk: bytes) -> None:
        self._world = world
        self._clock = world.clock
        self._rng = world.stream(f"gateway{number}")
        self._power = world.stream(f"power{number}")
        self.number = number
        self.journal = MemoryJournal()
        self.disk = Disk(
            world.clock, self._rng, world.swarm.disk, self.journal, world.auditor.stored(number), world.fault
        )
        self.keys = MemoryKeyStore()
        self.vault = MemoryCardVault(f"storno {number}".encode())
        for tid in tids:
            self.keys.add_master_key(tid, tmk)
        self.node: Node | None = None
        self.life = 0
        self._conns: dict[int, Line] = {}
        self._frames: dict[Line, Frames] = {}
        self._links: dict[str, Line] = {}
        self._count = 0
        self._turning = False
        self._armed_ms: int | None = None

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start a process: recover, connect, listen."""
        if self.node is not None:
            return
        world = self._world
        self.life += 1
        life = self.life
        world.auditor.process_starts(self)
        incarnation = self.disk.open(self._durable, self._disk_failed)
        self.node = node = Node(
            world.swarm.node, world.dialect, self.journal, self.keys, self.vault, incarnation, world.codec
        )
        node.profile = world.profile  # all worlds share one dialect object, and with it one compiled codec
        self._armed_ms, self._turning = None, False
        for _ in node.recover(self._clock.now_ms):
            self._flush()
        for number in range(world.swarm.links):
            self._clock.after(0, self._connect, life, f"host#{number}", CONNECT_FIRST_MS)
        self.feed(ev.Tick())

    def crash(self, *, power: bool = False) -> None:
        """Lose the process now, and with `power` the machine: then nobody is told."""
        if self.node is None:
            return
        world = self._world
        world.fault("gateway_power" if power else "gateway_killed", world.auditor.touched_by_crash(self))
        world.auditor.process_gone(self)
        self.node = None
        self.life += 1
        self.disk.crash()
        for line in self._conns.values():
            line.vanish(1) if power else line.abort(1)
        for line in self._links.values():
            line.vanish(0) if power else line.abort(0)
        self._conns.clear()
        self._frames.clear()
        self._links.clear()

    def crash_for(self, down_ms: int, *, power: bool = False) -> None:
        """Lose the process and start it again after a while."""
        if self.node is not None:
            self.crash(power=power)
            self._clock.after(down_ms, self.start)

    def _disk_failed(self) -> None:
        """Stop at once, as the shell does: nothing unwritten was promised. Somebody makes room and starts again."""
        if self.node is not None:
            self.node.halt("disk full")
            self.crash_for(RESTART_MS * 5)

    # ------------------------------------------------------------------ feeding

    def feed(self, event: ev.Event) -> None:
        """Give the node an event and carry out what it orders."""
        node, world = self.node, self._world
        if node is None:
            return
        if world.story is not None or isinstance(event, WATCHED):
            world.auditor.event(self, event)
        commands = node.step(self._clock.now_ms, event)
        if commands:
            self._perform(commands)
        if not self._turning and self.node is not None:
            self._turning = True
            self._clock.after(0, self._turn, self.life)

    def _turn(self, life: int) -> None:
        node = self.node
        if life != self.life or node is None:
            return
        self._turning = False
        now_ms = self._clock.now_ms
        batch = node.take_batch(now_ms)
        if batch is not None:
            self._submit(batch)
        due_ms, armed_ms = node.next_deadline_ms(), self._armed_ms
        if due_ms is not None and (armed_ms is None or armed_ms > due_ms):
            self._armed_ms = due_ms = due_ms if due_ms > now_ms else now_ms + 1
            self._clock.at(due_ms, self._ticked, life, due_ms)

    def _flush(self) -> None:
        if self.node is not None and (batch := self.node.take_batch(self._clock.now_ms)) is not None:
            self._submit(batch)

    def _submit(self, batch: Batch) -> None:
        self.disk.submit(*batch)
        faults, crash = self._world.swarm.disk, self._world.swarm.crash
        if crash and self._power.random() < crash:  # while the group is written, or just before or after
            wait_ms = int(self._power.random() * (faults.sync_ms + 2))
            self._clock.after(wait_ms, self._struck, self.life)

    def _struck(self, life: int) -> None:
        if life == self.life:
            down_ms = int(self._power.random() * 20_000) + 200
            self.crash_for(down_ms, power=self._power.random() < 0.5)

    def _durable(self, token: int) -> None:
        self.feed(ev.Durable(token))

    def _ticked(self, life: int, due_ms: int) -> None:
        if life == self.life and self._armed_ms == due_ms:
            self._armed_ms = None
            self.feed(ev.Tick())

    # ------------------------------------------------------------------ performing

    def _perform(self, commands: Sequence[ev.Command]) -> None:
        life, crash = self.life, self._world.swarm.crash
        for command in commands:
            if isinstance(command, ev.Log):
                if life != self.life:
                    return
                if self._world.story is not None:
                    self._world.story.log(self._clock.now_ms, command)
                continue
            if crash and self._rng.random() < crash:
                self.crash_for(int(self._rng.random() * 20_000) + 200, power=self._rng.random() < 0.3)
            if life != self.life:
                return
            if isinstance(command, ev.SendHost):
                self._send_host(command)
            elif isinstance(command, ev.SendTerminal):
                self._send_terminal(command)
            else:
                self._perform_seldom(command)

    def _send_terminal(self, command: ev.SendTerminal) -> None:
        self._world.auditor.to_terminal(self, command)
        line = self._conns.get(command.conn)
        if self._stalled("terminal_stalled"):
            if line is not None:  # its peer does not read: the shell aborts the connection
                line.abort(1)
                self._clock.after(0, self._lost_conn, command.conn)
            line = None
        if (line is None or not line.send(1, command.frame)) and command.tx_id:
            self.feed(ev.Undelivered(command.tx_id))

    def _send_host(self, command: ev.SendHost) -> None:
        self._world.auditor.to_host(self, command)
        line = self._links.get(command.link)
        node = self.node
        if node is None:
            return
        if self._stalled("link_stalled"):
            line = None
        if (line is None or not line.send(0, node.codec.frame(command.frame))) and command.tx_id:
            self.feed(ev.Unsent(command.tx_id, command.reversal))

    def _stalled(self, what: str) -> bool:
        """Say whether the way out is full this time."""
        share = self._world.swarm.stalls
        if share and self._rng.random() < share:
            self._world.fault(what)
            return True
        return False

    def _perform_seldom(self, command: ev.Command) -> None:
        if isinstance(command, ev.KeepKeys):
            self._clock.after(KEEP_KEYS_MS, self._keep_keys, self.life, command)
        elif isinstance(command, ev.CloseTerminal):
            line = self._conns.get(command.conn)
            if line is not None:
                line.close(1)
                self._lost_conn(command.conn)
        elif isinstance(command, ev.DropLink):
            line = self._links.get(command.link)
            if line is not None:
                line.abort(0)
                self.closed(line)

    def _keep_keys(self, life: int, command: ev.KeepKeys) -> None:
        if life == self.life:
            self.keys.keep(command.tid, command.handle)
            self._perform(command.then)
            self.feed(ev.KeysKept(command.tid))

    # ------------------------------------------------------------------ lines

    def accept(self, line: Line) -> bool:
        """Take a terminal's connection; False when nobody listens."""
        if self.node is None:
            return False
        self._count += 1
        line.tag = (self._count, "")
        self._conns[self._count] = line
        self._frames[line] = Frames(self._world.dialect.framing)
        return True

    def _connect(self, life: int, name: str, pause_ms: int) -> None:
        """Try to connect a host link; again after a growing pause."""
        if life != self.life:
            return
        line = self._world.dial_host(self)
        if line is None:
            self._clock.after(pause_ms, self._connect, life, name, min(pause_ms * 2, CONNECT_MAX_MS))
            return
        line.tag = (0, name)
        self._links[name] = line
        self._frames[line] = Frames(self._world.dialect.framing)
        self.feed(ev.LinkUp(name))

    def heard(self, line: Line, data: bytes) -> None:
        """Cut frames out of what a terminal or the host sent."""
        frames = self._frames.get(line)
        if frames is None:
            return
        number, name = line.tag
        whole = frames.whole(data)
        if whole is not None:
            self.feed(ev.FromTerminal(number, whole) if number else ev.FromHost(str(name), whole))
            return
        try:
            frames.receive_data(data)
            while (frame := frames.next_frame()) is not None:
                self.feed(ev.FromTerminal(number, frame) if number else ev.FromHost(str(name), frame))
                if self._frames.get(line) is not frames:
                    return
        except FrameError:
            if number:
                line.close(1)
                self._lost_conn(number)
            else:
                line.abort(0)
                self.closed(line)

    def closed(self, line: Line) -> None:
        """Learn that a connection is gone."""
        number, name = line.tag
        if number:
            self._lost_conn(number)
        elif self._frames.pop(line, None) is not None:
            self._links.pop(str(name), None)
            life = self.life
            self.feed(ev.LinkDown(str(name)))
            self._clock.after(CONNECT_FIRST_MS, self._connect, life, str(name), CONNECT_FIRST_MS)

    def _lost_conn(self, number: int) -> None:
        line = self._conns.pop(number, None)
        if line is not None:
            self._frames.pop(line, None)
            self.feed(ev.TerminalGone(number))
