"""A host link: connect, send, receive, connect again with back-off.

`send` says whether a byte could leave at all: that is the difference between "not sent" and "sent, unknown".
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from storno.gateway import events as ev
from storno.iso8583.errors import FrameError
from storno.iso8583.frames import Frames

if TYPE_CHECKING:
    from storno.gateway.serve import Address, Gateway

PROBE_AFTER_S, PROBE_EVERY_S, PROBES_MAX = 60, 15, 4


def keep_alive(sock: socket.socket) -> None:
    """Let the system probe an idle line, so that one that broke without a word is found out in two minutes.

    The gateway may have nothing to send for hours, and the host's own reversals come over this line.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_KEEPCNT", PROBES_MAX),
    ):
        number = getattr(socket, option, None)
        if number is not None:  # named otherwise, or missing, on some systems: then their own times hold
            sock.setsockopt(socket.IPPROTO_TCP, number, value)


class HostLink(asyncio.Protocol):
    """One connection to a host, kept up for ever."""

    def __init__(self, name: str, address: Address, gateway: Gateway) -> None:
        self.name = name
        self._address = address
        self._gateway = gateway
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(gateway.node.dialect.framing)
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._stopping = False
        self._out: list[bytes] = []
        self._out_bytes = 0

    def start(self) -> None:
        """Begin to connect, and keep at it."""
        self._task = asyncio.get_running_loop().create_task(self._keep_up(), name=f"link {self.name}")

    async def _keep_up(self) -> None:
        options = self._gateway.options
        pause_s = options.reconnect_first_s
        while not self._stopping:
            self._lost.clear()
            try:
                # not wait_for: in Python 3.11 it may swallow a cancellation, and the task would never end
                async with asyncio.timeout(options.connect_s):
                    await self._connect()
            except (OSError, TimeoutError) as error:
                self._gateway.link_log(
                    "warning",
                    "connect_failed",
                    link=self.name,
                    why=str(error) or "timed out",
                    again_s=f"{pause_s:g}",
                )
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, options.reconnect_max_s)
                continue
            pause_s = options.reconnect_first_s
            await self._lost.wait()
            await asyncio.sleep(pause_s)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        options = self._gateway.options
        await loop.create_connection(
            lambda: self, self._address.host, self._address.port, ssl=options.host_tls
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the node that the link is up."""
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            keep_alive(sock)
        self._frames = Frames(self._gateway.node.dialect.framing)
        self._gateway.feed(ev.LinkUp(self.name))

    def data_received(self, data: bytes) -> None:
        """Cut frames out of the stream."""
        whole = self._frames.whole(data)
        if whole is not None:
            self._gateway.feed(ev.FromHost(self.name, whole))
            return
        try:
            self._frames.receive_data(data)
            while (frame := self._frames.next_frame()) is not None:
                self._gateway.feed(ev.FromHost(self.name, frame))
        except FrameError as error:
            self._gateway.link_log("error", "host_bad_framing", link=self.name, why=error.text)
            self.drop()

    def send(self, body: bytes) -> bool:
        """Frame it, to leave with `flush` in the same turn; False when nothing can: the link is down or stalled."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + self._out_bytes > self._gateway.options.out_bytes_max:
            return False
        frame = self._gateway.node.codec.frame(body)
        self._out.append(frame)
        self._out_bytes += len(frame)
        return True

    def flush(self) -> None:
        """Hand over all frames of a turn at once: twenty sales then cost one call into the system.

        If the link was dropped meanwhile they are in doubt like everything it carried: its loss is still to be told.
        """
        transport, out = self._transport, self._out
        self._out, self._out_bytes = [], 0
        if out and transport is not None and not transport.is_closing():
            transport.write(b"".join(out))

    def drop(self) -> None:
        """Close now; the task connects anew."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the node that the link is down: nothing can be answered over it any more."""
        del exc
        self._transport = None
        self._out, self._out_bytes = [], 0  # nothing of it may leave over the next connection
        self._lost.set()
        if not self._stopping:
            self._gateway.feed(ev.LinkDown(self.name))

    def stop(self) -> None:
        """Close for good."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()
