"""The host's asyncio edge: connections in, the core's actions out.

Rule: it decides nothing. Books are flushed before the first byte of an answer leaves; everything it keeps (connections,
buffers, delayed answers) is bounded, and a restart drops all of it at once, as a crash would.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames
from storno.sim.actions import Action, CloseConnection, HostReversal, Restart, Send, SlowDrip

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.sim.entry import Identity
    from storno.sim.host import HostCore
    from storno.sim.note import Note

HOST = "127.0.0.1"
PORT = 7001
_NO_LINGER = struct.pack("ii", 1, 0)


def wall_ms() -> int:
    """Give the time of day in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where to listen and what the bounds are."""

    host: str = HOST
    port: int = PORT
    """0 lets the system choose; `HostServer.port` tells."""
    connections_max: int = 5_000
    waiting_max: int = 100_000
    """Delayed answers and drips over all connections; more are dropped and counted."""
    drain_ms: int = 1_000
    """How long a stop waits for delayed answers."""


@dataclass(slots=True)
class Counts:
    """What the server has done since it started."""

    accepted: int = 0
    refused: int = 0
    frames: int = 0
    answers: int = 0
    lost: int = 0
    """Answers that found their connection gone, or that a bound dropped."""
    broken: int = 0
    """Connections closed because their stream could not be cut into frames."""
    restarts: int = 0


class HostServer:
    """A host listening on TCP."""

    def __init__(
        self,
        core: HostCore,
        options: ServerOptions | None = None,
        *,
        clock: Callable[[], int] = wall_ms,
        on_note: Callable[[Note], None] | None = None,
    ) -> None:
        self.core = core
        self.options = options or ServerOptions()
        self.counts = Counts()
        self.port = self.options.port
        self.links: set[Link] = set()
        self.waiting = 0
        self._clock = clock
        self._on_note = on_note
        self._server: asyncio.Server | None = None
        self._idle = asyncio.Event()
        self._queued: list[tuple[Link, Action]] = []

    async def start(self) -> None:
        """Listen. OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Link(self, loop), self.options.host, self.options.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections, let delayed answers leave for a moment, close, flush the books."""
        if self._server is not None:
            self._server.close()
        if self.waiting:
            self._idle.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), self.options.drain_ms / 1000)
        for link in tuple(self.links):
            link.close()
        if self._server is not None:
            await self._server.wait_closed()
        self.core.flush()

    def hear(self, frame: bytes) -> list[Action]:
        """Pass one frame to the core."""
        self.counts.frames += 1
        actions = self.core.receive(frame, self._clock())
        self._tell()
        return actions

    def queue(self, link: Link, actions: list[Action]) -> None:
        """Keep actions until the end of this turn of the loop: one flush serves all connections heard in it."""
        if not self._queued:
            asyncio.get_running_loop().call_soon(self._act)
        self._queued += [(link, action) for action in actions]

    def _act(self) -> None:
        queued, self._queued = self._queued, []
        self.core.flush()
        for link, action in queued:
            link.perform(action)

    def restart(self, *, with_memory: bool) -> None:
        """Drop everything as a crash would and begin again."""
        self.core.flush()
        self.counts.restarts += 1
        for link in tuple(self.links):
            link.abort()
        self.core.restart(with_memory=with_memory)

    def reverse(self, identity: Identity) -> bytes | None:
        """Undo a transaction on the host's account; None when the books have lost it."""
        try:
            data = self.core.initiate_reversal(identity, self._clock())
        except KeyError:
            return None
        self.core.flush()
        self._tell()
        return data

    def send_host_reversal(self, identity: Identity) -> bool:
        """Undo a transaction and send its 0420 over some open connection; say whether it could be sent."""
        link = next(iter(self.links), None)
        data = None if link is None else self.reverse(identity)
        if link is None or data is None:
            return False
        link.write(data)
        return True

    def waited(self, count: int) -> None:
        """Count delayed answers that left, or that nobody waits for any more."""
        self.waiting -= count
        if self.waiting == 0:
            self._idle.set()

    def _tell(self) -> None:
        if self._on_note is not None:
            self._on_note(self.core.note)


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: HostServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._frames = Frames(server.core.dialect.framing)
        self._transport: asyncio.Transport | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many."""
        transport = cast("asyncio.Transport", transport)  # uvloop has transports of its own
        if len(self._server.links) >= self._server.options.connections_max:
            self._server.counts.refused += 1
            transport.abort()
            return
        self._server.counts.accepted += 1
        self._transport = transport
        self._server.links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection; what still waited is lost."""
        self._transport = None
        self._server.links.discard(self)
        self._server.counts.lost += len(self._timers)
        self._server.waited(len(self._timers))
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def pause_writing(self) -> None:
        """Read no more from a peer that does not read our answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Serve every whole frame; the server acts on the answers when the books are flushed."""
        try:
            self._frames.receive_data(data)
            while (frame := self._frames.next_frame()) is not None:
                actions = self._server.hear(frame)
                self._server.queue(self, actions)
                if isinstance(actions[-1], Restart | CloseConnection):
                    break
        except FrameError:
            self._server.counts.broken += 1
            self._server.queue(self, [CloseConnection(abort=True)])

    def write(self, data: bytes) -> None:
        """Send bytes now, if there still is somebody."""
        if self._transport is None or self._transport.is_closing():
            self._server.counts.lost += 1
            return
        self._transport.write(data)
        self._server.counts.answers += 1

    def close(self) -> None:
        """Close in order: what was written still leaves."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Reset the connection: the peer sees RST, as after a crash, and not an orderly end."""
        if self._transport is not None:
            link = self._transport.get_extra_info("socket")
            if link is not None:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()

    def perform(self, action: Action) -> None:
        """Do what the core said."""
        match action:
            case Send(data, 0):
                self.write(data)
            case Send(data, after_ms):
                self._later(after_ms, lambda: self.write(data))
            case SlowDrip(data, ms_per_byte):
                self._drip(data, 0, ms_per_byte)
            case CloseConnection(after_ms, abort):
                end = self.abort if abort else self.close
                self._later(after_ms, end) if after_ms else end()
            case HostReversal(identity, after_ms):
                self._later(after_ms, lambda: self._host_reversal(identity))
            case Restart(with_memory):
                self._server.restart(with_memory=with_memory)
            case _:
                pass

    def _host_reversal(self, identity: Identity) -> None:
        data = self._server.reverse(identity)
        if data is not None:
            self.write(data)

    def _drip(self, data: bytes, at: int, ms_per_byte: int) -> None:
        if self._transport is None or self._transport.is_closing():
            self._server.counts.lost += 1
            return
        self._transport.write(data[at : at + 1])
        if at + 1 < len(data):
            self._later(ms_per_byte, lambda: self._drip(data, at + 1, ms_per_byte))
        else:
            self._server.counts.answers += 1

    def _later(self, after_ms: int, act: Callable[[], None]) -> None:
        if self._transport is None or self._server.waiting >= self._server.options.waiting_max:
            self._server.counts.lost += 1
            return
        timer: asyncio.TimerHandle

        def due() -> None:
            self._timers.discard(timer)
            self._server.waited(1)
            act()

        timer = self._loop.call_later(after_ms / 1000, due)
        self._timers.add(timer)
        self._server.waiting += 1
