"""One codec for a whole world: what is read once is not read again.

The same bytes are read by the gateway, the host, a terminal, the lines that note whom a fault struck, and the auditor.
Reading is a pure function of the bytes, so its result is kept, for a bounded number of messages; the production codec
still reads every message there is, once. Whoever asks gets a message of its own that it may change. Nothing but reading
is kept: a MAC is made and checked anew each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from storno.iso8583.codec import Codec

if TYPE_CHECKING:
    from storno.iso8583.message import Message
    from storno.iso8583.spec import Dialect

KEPT_MAX = 4_096


class Readings(Codec):
    """A codec that remembers what it read."""

    def __init__(self, dialect: Dialect, kept_max: int = KEPT_MAX) -> None:
        super().__init__(dialect)
        self._kept: dict[bytes, Message] = {}
        self._kept_max = kept_max

    def decode(self, frame: bytes) -> Message:
        """Read a frame; DecodeError names rule, field and byte."""
        return self.look(frame).copy()

    def look(self, frame: bytes) -> Message:
        """Read a frame for somebody who only looks: the message is shared and must not be changed."""
        message = self._kept.get(frame)
        if message is None:
            if len(self._kept) >= self._kept_max:
                self._kept.clear()
            message = self._kept[frame] = super().decode(frame)
        return message


@lru_cache(maxsize=8)
def readings_of(dialect: Dialect) -> Readings:
    """Give the codec that the worlds of this process share."""
    return Readings(dialect)
