"""A small HTTP listener for `/metrics`: few connections, short requests, little time for each.

It runs in the gateway's loop, so nothing here may wait for a peer without an end: whoever is slow is cut off, whoever
comes when all places are taken is closed at once. It shows counts, never a transaction; GET only, one answer each.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storno.gateway.serve import Address

PATH = "/metrics"
CONNECTIONS_MAX = 8
HEAD_MAX = 8 * 1024
TALK_S = 5.0
"""How long one question and its answer may take together."""
TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HINT = b"metrics are at /metrics\n"


class MetricsServer:
    """Answers `GET /metrics`; `limit_s` is how long one talk may take."""

    def __init__(
        self, listen: Address, text: Callable[[], Awaitable[bytes]], limit_s: float = TALK_S
    ) -> None:
        self._listen = listen
        self._text = text
        self._limit_s = limit_s
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. OSError when the address cannot be had."""
        self._server = await asyncio.start_server(
            self._serve, self._listen.host, self._listen.port, limit=HEAD_MAX, backlog=CONNECTIONS_MAX
        )

    @property
    def port(self) -> int:
        """Where it listens, which the system may have chosen."""
        if self._server is None:
            raise AssertionError("the metrics listener does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more, cut off the rest."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in tuple(self._talks):
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._talks) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._talks.add(task)
        writer.transport.set_write_buffer_limits(0)  # drained means: the kernel has all of it
        try:
            async with asyncio.timeout(self._limit_s):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(head))
                await writer.drain()
            writer.close()
        except asyncio.LimitOverrunError:
            writer.write(_response("431 Request Header Fields Too Large", b"the request is too long\n"))
            writer.close()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()  # too slow or gone: nobody is waited for
        finally:
            self._talks.discard(task)

    async def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response("400 Bad Request", b"this is no HTTP/1.1 request\n")
        method, target, _ = words
        if method not in ("GET", "HEAD"):
            return _response("405 Method Not Allowed", b"only GET\n", "Allow: GET, HEAD\r\n")
        if target.partition("?")[0] != PATH:
            return _response("404 Not Found", _HINT)
        answer = _response("200 OK", await self._text(), kind=TYPE)
        return answer[: answer.index(b"\r\n\r\n") + 4] if method == "HEAD" else answer


def _response(status: str, body: bytes, more: str = "", kind: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
