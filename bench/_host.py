"""A lean host: decodes each request, approves it and seals its answer. `python bench/_host.py PORT [DELAY_MS]`

It keeps no books: what it costs is what any peer on the same machine would cost.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from functools import partial

import _wire
import uvloop

from storno.iso8583.message import Message

_RRN = itertools.count(100_000_000_000)


def answer(frame: bytes) -> bytes:
    asked = _wire.CODEC.decode(frame)
    old = asked.fields
    fields = {3: old[3], 4: old[4], 11: old[11], 12: "101530", 13: "0105", 14: "3012", 15: "0105", 25: "00"}
    fields |= {
        32: "48020000",
        37: str(next(_RRN)),
        38: "135790",
        39: "00",
        41: old[41],
        42: old[42],
        49: "156",
    }
    fields |= {60: old[60]}
    tpdu = asked.tpdu[:2] + asked.tpdu[6:] + asked.tpdu[2:6]
    mti = asked.mti[:2] + str(int(asked.mti[2]) + 1) + asked.mti[3]
    body = _wire.CODEC.seal(Message(mti, fields, tpdu, asked.header), _wire.MAC.compute)
    return len(body).to_bytes(2, "big") + body


class Host(asyncio.Protocol):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._held + data
        at, out = 0, []
        while len(data) - at >= 2 and len(data) - at >= (
            size := 2 + int.from_bytes(data[at : at + 2], "big")
        ):
            out.append(answer(data[at + 2 : at + size]))
            at += size
        self._held = data[at:]
        if out and self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, b"".join(out))
        elif out:
            self._transport.write(b"".join(out))


async def main(port: int, delay_ms: float) -> None:
    made = partial(Host, delay_ms / 1000)
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
