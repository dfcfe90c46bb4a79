"""The terminal's line to its host: connect, hand over bytes, wait for frames, hang up.

Rule: "no byte left" is said only when it is certain; every doubt counts as sent. Waiting ends with the timer that the
last sending started.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames
from storno.iso8583.spec import Framing
from storno.terminal.steps import Happened, Reply

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """Where the host listens; `tls` is a context that verifies it, None for plain TCP."""

    host: str = "127.0.0.1"
    port: int = 7000
    tls: ssl.SSLContext | None = None
    connect_ms: int = 10_000


class Link:
    """One connection, opened when needed."""

    def __init__(self, address: Address, framing: Framing) -> None:
        self._address = address
        self._framing = framing
        self._frames = Frames(framing)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._deadline = 0.0

    async def connect(self) -> Reply:
        """Have a connection: DONE, or FAILED and nothing left this machine."""
        if self._usable() is not None:
            return Reply(Happened.DONE)
        await self.hang_up()
        where = self._address
        try:
            async with asyncio.timeout(where.connect_ms / 1000):
                self._streams = await asyncio.open_connection(where.host, where.port, ssl=where.tls)
        except (OSError, TimeoutError):
            return Reply(Happened.FAILED)
        self._frames = Frames(self._framing)
        return Reply(Happened.DONE)

    async def send(self, data: bytes, timeout_ms: int) -> Reply:
        """Hand a frame to the socket and start the timer: FAILED only when the line was already down."""
        writer = self._usable()
        if writer is None:
            return Reply(Happened.FAILED)
        self._deadline = asyncio.get_running_loop().time() + timeout_ms / 1000
        writer.write(data)
        # From here on bytes may be out, whatever the line says; the wait for the answer finds out.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                await writer.drain()
        return Reply(Happened.DONE)

    async def receive(self) -> Reply:
        """Wait for a frame until the timer: FRAME, SILENCE or LOST. An unreadable stream is an empty frame."""
        try:
            async with asyncio.timeout_at(self._deadline):
                while True:
                    frame = self._frames.next_frame()
                    if frame is not None:
                        return Reply(Happened.FRAME, frame)
                    data = b"" if self._streams is None else await self._streams[0].read(_CHUNK)
                    if not data:
                        await self.hang_up()
                        return Reply(Happened.LOST)
                    self._frames.receive_data(data)
        except TimeoutError:
            return Reply(Happened.SILENCE)
        except FrameError:
            await self.hang_up()
            return Reply(Happened.FRAME, b"")
        except OSError:
            await self.hang_up()
            return Reply(Happened.LOST)

    async def hang_up(self) -> None:
        """Close the connection; a late answer has nowhere to arrive."""
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()

    def _usable(self) -> asyncio.StreamWriter | None:
        if self._streams is None:
            return None
        reader, writer = self._streams
        return None if reader.at_eof() or writer.transport.is_closing() else writer
