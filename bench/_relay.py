"""A bare relay: terminals on one side, one link to the host on the other. `python bench/_relay.py PORT HOST_PORT`

It does what no gateway can do less of: it puts its own number into the TPDU, so that the answer finds its way back.
No decoding, no MAC, no journal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import uvloop

CONNS: dict[bytes, asyncio.Transport] = {}


def frames(held: bytearray, data: bytes) -> Iterator[bytes]:
    held += data
    at = 0
    while len(held) - at >= 2 and len(held) - at >= (size := 2 + (held[at] << 8 | held[at + 1])):
        yield bytes(held[at : at + size])
        at += size
    del held[:at]


class Link(asyncio.Protocol):
    def __init__(self) -> None:
        self._held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in frames(self._held, data):
            CONNS[frame[3:5]].write(frame)


class Terminal(asyncio.Protocol):
    def __init__(self, link: Link) -> None:
        self._link = link
        self._held = bytearray()
        self._number = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._number = (len(CONNS) + 1).to_bytes(2, "big")
        CONNS[self._number] = transport

    def data_received(self, data: bytes) -> None:
        for frame in frames(self._held, data):
            self._link.transport.write(frame[:5] + self._number + frame[7:])


async def main(port: int, host_port: int) -> None:
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(Link, "127.0.0.1", host_port)
    server = await loop.create_server(lambda: Terminal(link), "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
