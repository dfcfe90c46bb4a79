"""What the host wants done with a connection, as data.

Rule: the core decides, an edge (asyncio, or a virtual clock) does. Bytes are as on the wire, length prefix included;
times count in milliseconds from the moment the action is handed over. Imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from storno.sim.entry import Identity


class Send(NamedTuple):
    """Write these bytes after a delay; if the connection is gone by then, they are lost."""

    data: bytes
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class SlowDrip:
    """Write these bytes one at a time."""

    data: bytes
    ms_per_byte: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Answer nothing; the connection stays open."""


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close after a delay; `abort` resets it (RST) instead of closing it in order."""

    after_ms: int = 0
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """Drop every connection and everything that waits, and begin again with or without the books."""

    with_memory: bool


@dataclass(frozen=True, slots=True)
class HostReversal:
    """After a delay, undo this transaction on the host's own account and tell the peer (0420)."""

    identity: Identity
    after_ms: int


Action = Send | SlowDrip | Drop | CloseConnection | Restart | HostReversal
