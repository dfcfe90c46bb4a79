"""The words between a conversation (pure) and whoever performs it: steps asked for, replies given.

Rule: a step is done before the next is asked for; `Save` is durable when its reply is given. The performer owns socket,
disk and clock; it is `client` in production and a virtual clock in the simulator. Imports nothing that acts.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from storno.terminal.outcome import Result
from storno.terminal.state import Change


@dataclass(frozen=True, slots=True)
class Connect:
    """Have a connection to the host. Replies: DONE, FAILED (no byte left)."""


class Save(NamedTuple):
    """Make changes durable, all or nothing. Replies: DONE, FAILED."""

    changes: tuple[Change, ...]

    def __repr__(self) -> str:
        return "Save(...)"


class Send(NamedTuple):
    """Hand a frame (with its length prefix) to the socket and start the answer's timer.

    Replies: DONE (a byte may have left), FAILED (none left).
    """

    data: bytes
    timeout_ms: int

    def __repr__(self) -> str:
        return f"Send({len(self.data)} bytes, timeout_ms={self.timeout_ms})"


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for a frame until the timer of the last `Send`. Replies: FRAME, SILENCE, LOST."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection if the terminal keeps none open. Reply: DONE."""


class Complete(NamedTuple):
    """Do what follows an approval before it counts: second EMV step, slip. Replies: DONE, FAILED."""

    result: Result


Step = Connect | Save | Send | Await | HangUp | Complete


class Happened(Enum):
    """What became of a step."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    DONE = "done"
    FAILED = "failed"
    FRAME = "frame"
    SILENCE = "silence"
    LOST = "lost"


class Reply(NamedTuple):
    """What became of a step; `frame` is the message after its length prefix."""

    happened: Happened
    frame: bytes = b""

    def __repr__(self) -> str:
        return f"Reply({self.happened}, {len(self.frame)} bytes)"


Talk = Generator[Step, Reply, Result]
"""One conversation: `send(None)` gives its first step, `send(reply)` the next, `StopIteration.value` its result."""
