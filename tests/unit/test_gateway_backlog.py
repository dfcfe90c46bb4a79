"""A journal writer that does not take a batch: the gateway stops, and nothing of that batch is ever carried out."""

import asyncio
import os

import pytest

from gateway_desk import CODEC, MAC, Desk, sale
from storno.gateway import events as ev
from storno.gateway.serve import Gateway, JournalStopped, ServeOptions
from storno.journal.base import JournalError
from storno.journal.port import Durable


class FullWriter:
    """Refuses the first batch for its backlog, then would report everything as durable."""

    wants_write = False

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        self.refused = 0

    def submit(self, token, changes):
        self.refused += 1
        raise JournalError("backlog", "the journal writer is too far behind", "积压过多")

    def fileno(self):
        return self.read

    def receive(self):
        os.read(self.read, 1)
        return [Durable(99, 99)]

    def flush(self):
        raise AssertionError("there is nothing to flush")

    def close(self, timeout_s=10.0):
        os.close(self.read)
        os.close(self.write)


def test_a_batch_that_was_not_taken_stops_the_gateway():
    async def run() -> tuple[int, list[ev.Command]]:
        desk = Desk()
        writer = FullWriter()
        gateway = Gateway(desk.node, writer, ServeOptions(), lambda _: None)
        asyncio.get_running_loop().add_reader(writer.fileno(), gateway._acknowledged)
        gateway.feed(ev.FromTerminal(1, CODEC.seal(sale(), MAC.compute)))
        with pytest.raises(JournalStopped, match="too far behind"):
            await asyncio.wait_for(gateway.finished(), 5)
        return writer.refused, desk.node.step(0, ev.Durable(99))

    refused, released = asyncio.run(run())
    assert refused == 1
    assert released == []
