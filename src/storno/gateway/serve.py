"""The asyncio shell around a node: sockets, the journal writer, one timer.

It does what the node orders and reports what happened; it decides nothing. Each turn of the loop seals one batch, the
writer groups what waits, and only its acknowledgement releases what the batch promised.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from storno.gateway import events as ev
from storno.gateway.clock import SteadyClock
from storno.gateway.connections import TerminalConn
from storno.gateway.counts import JOURNAL_S, Buckets
from storno.gateway.links import HostLink
from storno.journal.base import JournalError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from storno.gateway.node import Node
    from storno.journal.fact import Change

SWEEP_S = 1.0
STOP_STEP_S = 0.02
STOOD_STILL_MS = 100
"""A timer this late means that the whole process did not run: it was stopped, or its machine was suspended."""
READ_FIRST_S = 0.001
WITH_WRITER_MAX = 2
"""Batches the journal writer has at most: one being made durable and the next. What comes meanwhile is one batch."""


class Writer(Protocol):
    """What the shell needs of a journal writer (see `storno.journal.writer`)."""

    @property
    def wants_write(self) -> bool:
        """Say whether bytes wait to be pushed out."""
        ...

    def submit(self, token: int, changes: Sequence[Change]) -> None:
        """Hand over a batch to be made durable."""
        ...

    def fileno(self) -> int:
        """Give what the loop watches."""
        ...

    def receive(self) -> Sequence[object]:
        """Give what was reported: a `token` that is durable, or a failure's `text`."""
        ...

    def flush(self) -> None:
        """Push out what waits."""
        ...

    def close(self, timeout_s: float = ...) -> object:
        """Make everything durable and end."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or to connect."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Addresses and bounds of the shell; times in seconds."""

    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 7000))
    hosts: tuple[Address, ...] = field(default_factory=lambda: (Address("127.0.0.1", 7001),))
    links_per_host: int = 1
    tls: ssl.SSLContext | None = None
    host_tls: ssl.SSLContext | None = None
    connections_max: int = 5_000
    idle_s: float = 3_600.0
    half_frame_s: float = 10.0
    out_bytes_max: int = 256 * 1024
    connect_s: float = 5.0
    reconnect_first_s: float = 0.25
    reconnect_max_s: float = 15.0
    drain_s: float = 10.0


class JournalStopped(Exception):  # noqa: N818 it names what happened
    """The journal could not be written: the gateway stopped, and nothing unwritten was promised to anybody."""


class NodeBroken(Exception):  # noqa: N818 it names what happened
    """A step of the node broke its contract: the gateway stopped before anything of that step was promised.

    It carries the place in the code, never the error's own text, which could hold what a message held.
    """

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(f"{kind} at {place}")


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "?"


class Gateway:
    """A running gateway."""

    def __init__(
        self, node: Node, writer: Writer, options: ServeOptions, log: Callable[[ev.Log], None]
    ) -> None:
        self.node = node
        self.options = options
        self.clock = SteadyClock()
        self._writer = writer
        self._log = log
        self._loop = asyncio.get_event_loop()
        self._conns: dict[int, TerminalConn] = {}
        self._links: dict[str, HostLink] = {}
        self._server: asyncio.Server | None = None
        self._flush_soon = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._number = 0
        self._writing = self._closed = False
        self._token_sent = self._token_durable = 0
        self._handed: deque[tuple[int, float]] = deque()
        self.journal_s = Buckets(JOURNAL_S)
        """From handing a batch to the journal's writer until it is durable."""
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepting = False

    # ------------------------------------------------------------------ life

    async def start(self, progress: Callable[[int], None] | None = None) -> None:
        """Recover what was in doubt, connect to the hosts, then listen."""
        self._loop.add_reader(self._writer.fileno(), self._acknowledged)
        for done in self.node.recover(self.clock.now_ms()):
            if progress is not None:
                progress(done)
            self._flush()
            await asyncio.sleep(0)
        for number, host in enumerate(self.options.hosts):
            for copy in range(self.options.links_per_host):
                name = f"{host}#{number}.{copy}"
                self._links[name] = link = HostLink(name, host, self)
                link.start()
        listen = self.options.listen
        self._server = await self._loop.create_server(
            lambda: TerminalConn(self), listen.host, listen.port, ssl=self.options.tls, backlog=1024
        )
        self.accepting = True
        self._loop.call_later(SWEEP_S, self._sweep)
        self.feed(ev.Tick())

    @property
    def address(self) -> Address:
        """Where terminals find it."""
        if self._server is None:
            raise AssertionError("the gateway does not listen yet")
        host, port = self._server.sockets[0].getsockname()[:2]
        return Address(host, port)

    async def finished(self) -> None:
        """Wait until the gateway stops by itself.

        Raises:
            JournalStopped: the journal could not be written.

        """
        await asyncio.shield(self._stopped)

    async def stop(self) -> None:
        """Take nothing new, let what is in flight be answered, make everything durable, close."""
        self.accepting = False
        self.node.draining = True
        if self._server is not None:
            self._server.close()
        end = self._loop.time() + self.options.drain_s
        while self.node.busy() and not self.node.halted and self._loop.time() < end:  # noqa: ASYNC110 the node knows no events
            await asyncio.sleep(STOP_STEP_S)
        self._close()
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True  # what comes in from here on finds no journal: the next start sees to it
        if self._timer is not None:
            self._timer.cancel()
        for link in self._links.values():
            link.stop()
        for conn in tuple(self._conns.values()):
            conn.close()
        self._loop.remove_reader(self._writer.fileno())
        if self._writing:
            self._loop.remove_writer(self._writer.fileno())
        self._writer.close()

    def _journal_failed(self, why: str) -> None:
        """Stop at once: what is not durable must not be promised, and is not."""
        self._fail(JournalStopped(why))

    def _fail(self, error: Exception) -> None:
        if self.node.halted:
            return
        self.node.halt(str(error))
        self.accepting = False
        if self._server is not None:
            self._server.close()
        self._close()
        if not self._stopped.done():
            self._stopped.set_exception(error)

    # ------------------------------------------------------------------ feeding

    def feed(self, event: ev.Event) -> None:
        """Give the node an event and carry out what it orders."""
        if self.node.halted or self._closed:
            return
        try:
            commands = self.node.step(self.clock.now_ms(), event)
        except Exception as error:  # noqa: BLE001 a half-done step must not go on; the next start folds what is durable
            self._fail(NodeBroken(type(error).__name__, _place(error)))
            return
        if commands:  # most wait for the journal
            self._perform(commands)
        self._soon()

    def _soon(self) -> None:
        if not self._flush_soon:
            self._flush_soon = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._flush_soon = False
        if self._closed:
            return
        self._flush()
        self._arm()

    def _flush(self) -> None:
        if self._token_sent - self._token_durable >= WITH_WRITER_MAX:
            return  # it could only wait there; here it grows, and its journalling costs one message
        batch = self.node.take_batch(self.clock.now_ms())
        if batch is None or self.node.halted:
            return
        self._token_sent = batch[0]
        try:
            self._writer.submit(*batch)
        except JournalError as error:  # not taken: a later batch must never make this one look durable
            self._journal_failed(error.english)
            return
        self._handed.append((batch[0], self._loop.time()))
        self._want_write()

    def _want_write(self) -> None:
        if self._writer.wants_write and not self._writing:
            self._writing = True
            self._loop.add_writer(self._writer.fileno(), self._push)

    def _push(self) -> None:
        self._writer.flush()
        if not self._writer.wants_write and self._writing:
            self._writing = False
            self._loop.remove_writer(self._writer.fileno())

    def _acknowledged(self) -> None:
        token = 0
        for answer in self._writer.receive():
            failed = getattr(answer, "text", None)
            if failed is not None:
                self._journal_failed(failed)
                return
            token = max(token, getattr(answer, "token", 0))
        if token:
            self._token_durable = token
            now_s = self._loop.time()
            while self._handed and self._handed[0][0] <= token:
                self.journal_s.add(now_s - self._handed.popleft()[1])
            self.feed(ev.Durable(token))

    def _arm(self) -> None:
        due_ms = self.node.next_deadline_ms()
        if due_ms is None or self.node.halted:
            return
        if self._timer is not None:
            if self._timer_ms <= due_ms and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer_ms = due_ms
        wait_s = max(0.001, (due_ms - self.clock.now_ms()) / 1000)
        self._timer = self._loop.call_later(wait_s, self._ticked)

    def _ticked(self) -> None:
        """Let time be called out; after a standstill only when what waits in the sockets has been read."""
        if self.clock.now_ms() - self._timer_ms < STOOD_STILL_MS:
            self._tick()
        else:  # uvloop runs timers before it looks at the sockets: one more turn, and their answers were in time
            self._timer = self._loop.call_later(READ_FIRST_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.feed(ev.Tick())

    def _sweep(self) -> None:
        """Close connections that stall in the middle of a frame or are idle too long; notice a set clock."""
        if self.node.halted or self._stopped.done():
            return
        now_s = self._loop.time()
        for conn in tuple(self._conns.values()):
            conn.sweep(now_s)
        jump = self.clock.jump_ms()
        if jump:
            self._log(ev.Log("warning", "clock_jump", (("by_ms", str(jump)),)))
        self._loop.call_later(SWEEP_S, self._sweep)

    # ------------------------------------------------------------------ performing

    def _perform(self, commands: Sequence[ev.Command]) -> None:
        used: dict[str, HostLink] = {}
        for command in commands:
            if isinstance(command, ev.SendTerminal):
                conn = self._conns.get(command.conn)
                if (conn is None or not conn.send(command.frame)) and command.tx_id:
                    self.feed(ev.Undelivered(command.tx_id))
            elif isinstance(command, ev.SendHost):
                link = self._links.get(command.link)
                if link is not None and link.send(command.frame):
                    used[command.link] = link
                elif command.tx_id:
                    self.feed(ev.Unsent(command.tx_id, command.reversal))
            else:
                self._perform_seldom(command)
        for link in used.values():
            link.flush()

    def _perform_seldom(self, command: ev.Command) -> None:
        if isinstance(command, ev.Log):
            self._log(command)
        elif isinstance(command, ev.KeepKeys):
            task = self._loop.create_task(self._keep_keys(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(command, ev.CloseTerminal):
            conn = self._conns.get(command.conn)
            if conn is not None:
                conn.close()
        elif isinstance(command, ev.Call):
            command.then()
        elif isinstance(command, ev.DropLink):
            self._links[command.link].drop()

    async def _keep_keys(self, command: ev.KeepKeys) -> None:
        """Install working keys in a thread (a durable write takes milliseconds), then let the terminal know."""
        try:
            await asyncio.to_thread(self.node.keys.keep, command.tid, command.handle)
        except Exception as error:  # noqa: BLE001 whatever it was, the terminal must not believe in keys we lost
            self._log(ev.Log("error", "keys_not_kept", (("tid", command.tid), ("why", str(error)))))
            return
        self._perform(command.then)
        self.feed(ev.KeysKept(command.tid))

    # ------------------------------------------------------------------ connections

    def conn_made(self, conn: TerminalConn) -> int:
        """Give a terminal's connection its number; 0 when there is no room."""
        if not self.accepting or len(self._conns) >= self.options.connections_max:
            self._log(ev.Log("warning", "connection_refused", (("open", str(len(self._conns))),)))
            return 0
        self._number += 1
        self._conns[self._number] = conn
        return self._number

    def conn_lost(self, number: int) -> None:
        """Take out a terminal's connection that is gone."""
        if self._conns.pop(number, None) is not None and not self.node.halted:
            self.feed(ev.TerminalGone(number))

    def link_log(self, level: str, event: str, **facts: str) -> None:
        """Tell the operator about a link."""
        self._log(ev.Log(level, event, tuple(facts.items())))

    @property
    def connections(self) -> int:
        """How many terminals are connected."""
        return len(self._conns)
