"""A terminal's connection: bytes in, frames to the node, frames out; every bound explicit.

Only what the connection itself can judge is judged here: framing, idleness, a peer that does not read.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from storno.gateway import events as ev
from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames

if TYPE_CHECKING:
    from storno.gateway.serve import Gateway


class TerminalConn(asyncio.Protocol):
    """One terminal's connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._frames = Frames(gateway.node.dialect.framing)
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._heard_s = 0.0
        self._half_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a number, or close when there is no room."""
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:  # what the kernel keeps for a peer that does not read is bounded too
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._gateway.options.out_bytes_max)
        self._heard_s = asyncio.get_running_loop().time()
        self._number = self._gateway.conn_made(self)
        if not self._number:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Cut frames out of the stream."""
        self._heard_s = asyncio.get_running_loop().time()
        if self._number and (whole := self._frames.whole(data)) is not None:
            self._gateway.feed(ev.FromTerminal(self._number, whole))
            return
        try:
            self._frames.receive_data(data)
            while self._number and (frame := self._frames.next_frame()) is not None:
                self._gateway.feed(ev.FromTerminal(self._number, frame))
        except FrameError as error:
            self._gateway.link_log("warning", "bad_framing", conn=str(self._number), why=error.text)
            self.close()
            return
        if not self._frames.buffered:
            self._half_since_s = 0.0
        elif not self._half_since_s:
            self._half_since_s = self._heard_s

    def eof_received(self) -> None:
        """Take the end of what a terminal sends for the end of the terminal: close, and what it waits for is undone.

        Nobody can tell a terminal that has hung up from one that has only finished sending until an answer bounces,
        and by then it counts as told. Terminals hang up when they give up; they do not half-close.
        """

    def send(self, frame: bytes) -> bool:
        """Hand a frame to the socket; False when it is closing or its peer does not read."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > self._gateway.options.out_bytes_max:
            transport.abort()
            return False
        transport.write(frame)
        return True

    def sweep(self, now_s: float) -> None:
        """Close when a frame is not finished in time, or nothing came for long."""
        options = self._gateway.options
        if self._half_since_s and now_s - self._half_since_s > options.half_frame_s:
            self._gateway.link_log("warning", "half_frame", conn=str(self._number))
            self.close()
        elif now_s - self._heard_s > options.idle_s:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the node."""
        del exc
        if self._number:
            self._gateway.conn_lost(self._number)
            self._number = 0

    def close(self) -> None:
        """Close after what was already written."""
        if self._transport is not None:
            self._transport.close()
