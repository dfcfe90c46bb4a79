"""What the core knows while it runs, and the three moves every conversation is made of: save, exchange, listen.

Rule: memory follows the disk, never leads it: a change counts when its `Save` is done. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple

from storno.iso8583.codec import Codec
from storno.iso8583.keys import unwrap_working_keys
from storno.iso8583.message import Message
from storno.terminal.judge import LOST, SILENCE, Verdict, Word
from storno.terminal.request import Wire
from storno.terminal.setup import Setup
from storno.terminal.state import (
    Change,
    ClearPending,
    Entry,
    Numbers,
    Pending,
    PutEntry,
    SetNumbers,
    SetPending,
    following,
)
from storno.terminal.steps import Await, Happened, Reply, Save, Send, Step

Judge = Callable[[Setup, Wire, Message, bytes], Verdict]


class CannotSave(Exception):  # noqa: N818 - it is what happened, and a conversation turns it into a result
    """The store refused; what was durable before still is."""


class Remembered(NamedTuple):
    """What a store gives back after a restart: counters, the reversal record and the row it belongs to."""

    numbers: Numbers
    pending: Pending | None = None
    entry: Entry | None = None


class Memory:
    """Counters, keys, the one reversal record and its row."""

    def __init__(self, setup: Setup, remembered: Remembered, codec: Codec | None = None) -> None:
        self.setup = setup
        self.wire = Wire(setup, codec)
        self.numbers = remembered.numbers
        self.pending = remembered.pending
        self.entry = remembered.entry
        if self.numbers.key_block:
            block = bytes.fromhex(self.numbers.key_block)
            self.wire.use(unwrap_working_keys(setup.tmk, block, self.numbers.sign_in_code))

    def save(self, *changes: Change) -> Generator[Step, Reply, None]:
        """Make changes durable, then believe them. Raises CannotSave."""
        reply = yield Save(changes)
        if reply.happened is not Happened.DONE:
            raise CannotSave
        for change in changes:
            if isinstance(change, SetNumbers):
                self.numbers = change.numbers
            elif isinstance(change, PutEntry):
                self.entry = change.entry
            elif isinstance(change, SetPending):
                self.pending = change.pending
            elif isinstance(change, ClearPending):
                self.pending = None

    def next_numbers(self) -> Numbers:
        """Give the counters with the next STAN taken; 999999 is followed by 000001."""
        return self.numbers._replace(stan=following(self.numbers.stan))

    def listen(self, request: Message, judge: Judge) -> Generator[Step, Reply, Verdict]:
        """Wait for the answer to a request that left, passing over what belongs to others."""
        while True:
            reply = yield Await()
            if reply.happened is Happened.SILENCE:
                return SILENCE
            if reply.happened is not Happened.FRAME:
                return LOST
            verdict = judge(self.setup, self.wire, request, reply.frame)
            if verdict.word is not Word.STRAY:
                return verdict

    def exchange(
        self, request: Message, judge: Judge, *, mac: bool = False, timeout_ms: int = 0
    ) -> Generator[Step, Reply, Verdict | None]:
        """Send on the open connection and listen; None when no byte left."""
        data = self.wire.frame(request, mac=mac)
        reply = yield Send(data, timeout_ms or self.setup.answer_ms)
        if reply.happened is not Happened.DONE:
            return None
        return (yield from self.listen(request, judge))
