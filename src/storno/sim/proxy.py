"""A TCP relay that spoils what passes: the lines between real processes, with faults drawn from a seed.

Rule: it knows bytes, never messages, and never invents or alters one; within a connection what arrives is a beginning
of what was sent, in order. It needs no privileges and runs in the event loop of whoever starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

LOOPBACK = "127.0.0.1"
_CHUNK = 65_536
_CONNECT_S = 5.0
_DRIBBLE_S = 0.002
_POLL_S = 0.03
_NOBODY = "nobody listens behind it"
_RESET_NOW = struct.pack("ii", 1, 0)


class NetFault(Enum):
    """What can happen to a line. A chunk is what one read gives: on these lines nearly always one message."""

    DELAY = "delay"
    """The chunk waits, sometimes longer than every timer; what follows waits behind it."""
    STALL = "stall"
    """Half-open: from here on the connection takes and gives nothing, and nobody is told for a while."""
    CUT_BEFORE = "cut_before"
    """Closed in order before the chunk: the receiver sees nothing of it."""
    CUT_WITHIN = "cut_within"
    """Closed in order after some of its bytes."""
    CUT_AFTER = "cut_after"
    """Closed in order after all of its bytes: what would answer it has no way back."""
    RESET = "reset"
    """Torn down (RST) after none, some or all of its bytes; what is on the way is thrown away."""
    DRIBBLE = "dribble"
    """The chunk arrives byte by byte."""
    ONE_WAY = "one_way"
    """From here on this direction loses everything and the other one works, until the connection is torn down."""
    DUPLICATE = "duplicate"
    """The chunk arrives once more on a second connection, which hangs up at once."""
    PARTITION = "partition"
    """Nothing passes on any connection for a while; then it arrives late, or everything is torn down."""
    UNREACHABLE = "unreachable"
    """A partition in which new connections are refused."""


Shares = dict[NetFault, float]


@dataclass(frozen=True, slots=True)
class LineWeather:
    """How bad a line is: shares of chunks, from 0 to 1, and how long things last, in seconds from .. to."""

    shares: Mapping[NetFault, float] = field(default_factory=lambda: MappingProxyType(Shares()))
    delay_s: tuple[float, float] = (0.02, 4.0)
    stall_s: tuple[float, float] = (0.5, 5.0)
    calm_s: tuple[float, float] = (0.0, 0.0)
    """Between two partitions; zero: there are none."""
    partition_s: tuple[float, float] = (0.1, 2.0)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection through the relay: two directions that end together."""

    def __init__(self, proxy: FaultProxy, number: int, near: _Streams, far: _Streams) -> None:
        self._proxy = proxy
        self._number = number
        self._near = near
        self._far = far
        self._stalled = False
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Relay both ways until one of them ends."""
        near, far = self._near, self._far
        ways = [
            asyncio.create_task(self._pump(near[0], far[1], "there")),
            asyncio.create_task(self._pump(far[0], near[1], "back")),
        ]
        try:
            await self._done.wait()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (near[1], far[1]):
                writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        rng = self._proxy.random(self._number, way)
        try:
            while chunk := await source.read(_CHUNK):
                await self._proxy.passable()
                if self._stalled:
                    await asyncio.Event().wait()  # until the line ends
                fault = self._proxy.draw(rng)
                if fault is None:
                    await _write(sink, chunk)
                elif not await self._spoil(fault, rng, chunk, (source, sink), there=way == "there"):
                    return
            await self._proxy.passable()
            self._done.set()
        except OSError:
            self._done.set()

    async def _spoil(self, fault: NetFault, rng: Random, chunk: bytes, way: _Streams, *, there: bool) -> bool:
        """Let a fault happen to a chunk; False when the line has ended."""
        source, sink = way
        proxy, weather = self._proxy, self._proxy.weather
        match fault:
            case NetFault.DELAY:
                await proxy.pause(rng.uniform(*weather.delay_s))
                await _write(sink, chunk)
            case NetFault.DRIBBLE:
                for byte in chunk:
                    await _write(sink, bytes((byte,)))
                    await proxy.pause(_DRIBBLE_S)
            case NetFault.DUPLICATE:
                await _write(sink, chunk)
                if there:
                    await proxy.once_more(chunk)
            case NetFault.CUT_BEFORE | NetFault.CUT_WITHIN | NetFault.CUT_AFTER:
                await _write(sink, chunk[: _kept(fault, len(chunk), rng)])
                self._done.set()
                return False
            case NetFault.RESET:
                await _write(sink, chunk[: rng.randint(0, len(chunk))])
                self.tear_down()
                return False
            case _:
                await self._go_quiet(fault, rng, source)
                return False
        return True

    async def _go_quiet(self, fault: NetFault, rng: Random, source: asyncio.StreamReader) -> None:
        """Lose everything of this way, and in a stall of the other one too, then tear the connection down."""
        self._stalled = fault is NetFault.STALL
        swallow = None if self._stalled else asyncio.create_task(_swallow(source))
        try:
            await self._proxy.pause(rng.uniform(*self._proxy.weather.stall_s))
        finally:
            if swallow is not None:
                swallow.cancel()
        self.tear_down()

    def tear_down(self) -> None:
        """Reset the connection on both sides."""
        for _, writer in (self._near, self._far):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_NOW)
            writer.transport.abort()
        self._done.set()


def _kept(fault: NetFault, size: int, rng: Random) -> int:
    """Draw how many bytes of a chunk arrive before the cut."""
    if fault is NetFault.CUT_BEFORE:
        return 0
    return size if fault is NetFault.CUT_AFTER or size == 1 else rng.randint(1, size - 1)


async def _write(sink: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        sink.write(data)
        await sink.drain()


async def _swallow(source: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await source.read(_CHUNK):
            pass


class FaultProxy:
    """A listening port that leads to another one. Start it, let it work, `calm` it, close it."""

    def __init__(self, name: str, port: int, target: int, seed: int, weather: LineWeather) -> None:
        self.port = port
        self.weather = weather
        self.faults: Counter[NetFault] = Counter()
        self.connections = 0
        self._name = name
        self._target = target
        self._seed = seed
        self._weights = tuple(weather.shares.items())
        self._calm = asyncio.Event()
        self._passable = asyncio.Event()
        self._passable.set()
        self._lines: dict[asyncio.Task[None], _Line | None] = {}
        self._server: asyncio.Server | None = None
        self._hidden: set[str] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, and begin to be unreliable. OSError: the port is taken."""
        await self._listen()
        if self.weather.calm_s[1] > 0:
            self._do(self._partition_now_and_then())

    def _do(self, job: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, LOOPBACK, self.port)

    def _hide(self, why: str) -> None:
        """Refuse new connections."""
        self._hidden.add(why)
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _show(self, why: str) -> None:
        """Take new connections again, unless another reason is left not to."""
        self._hidden.discard(why)
        if not self._hidden and self._server is None:
            await self._listen()

    def calm(self) -> None:
        """Let the faults stop; what is quiet now is torn down at once, what waits arrives."""
        self._calm.set()

    async def close(self) -> None:
        """Stop and let go of every connection."""
        self.calm()
        self._hide("closed")
        tasks = (*self._jobs, *self._lines)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- what a line asks

    def random(self, number: int, way: str) -> Random:
        """Give a direction of a connection its own generator."""
        return Random(f"{self._seed}/{self._name}/{number}/{way}")

    def draw(self, rng: Random) -> NetFault | None:
        """Draw what happens to the next chunk."""
        left = rng.random()
        if self._calm.is_set():
            return None
        for fault, share in self._weights:
            left -= share
            if left < 0:
                self.faults[fault] += 1
                return fault
        return None

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the faults."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._calm.wait()

    async def passable(self) -> None:
        """Wait for the end of a partition."""
        await self._passable.wait()

    async def once_more(self, chunk: bytes) -> None:
        """Send a chunk on a connection of its own and hang up."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(LOOPBACK, self._target)
                writer.write(chunk)
                writer.close()
                await writer.wait_closed()

    # -- connections

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        number = self.connections
        self._lines[task] = None
        try:
            await self.passable()
            try:
                async with asyncio.timeout(_CONNECT_S):
                    far = await asyncio.open_connection(LOOPBACK, self._target)
            except (OSError, TimeoutError):
                writer.transport.abort()
                self._mirror()
                return
            self._lines[task] = line = _Line(self, number, (reader, writer), far)
            await line.run()
        except asyncio.CancelledError:
            writer.transport.abort()  # closing: asyncio's own server wants this task to end in order
        finally:
            del self._lines[task]

    def _mirror(self) -> None:
        """Refuse as the target refuses, until it listens again: a relay must not make a dead peer look alive."""
        if _NOBODY not in self._hidden:
            self._hide(_NOBODY)
            self._do(self._until_somebody_listens())

    async def _until_somebody_listens(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(LOOPBACK, self._target)
                writer.close()
                await self._show(_NOBODY)
                return

    async def _partition_now_and_then(self) -> None:
        """Close the line for everybody at times; a third of the times it refuses new connections too."""
        rng, weather = self.random(0, "partition"), self.weather
        while not self._calm.is_set():
            await self.pause(rng.uniform(*weather.calm_s))
            lasts_s, kind, torn = rng.uniform(*weather.partition_s), rng.random(), rng.random()
            if self._calm.is_set():
                return
            fault = NetFault.UNREACHABLE if kind < 1 / 3 else NetFault.PARTITION
            self.faults[fault] += 1
            self._passable.clear()
            if fault is NetFault.UNREACHABLE:
                self._hide(fault.value)
            await self.pause(lasts_s)
            await self._show(fault.value)
            if torn < 1 / 2:
                for line in tuple(self._lines.values()):
                    if line is not None:
                        line.tear_down()
            self._passable.set()
