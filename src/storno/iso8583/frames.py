"""A byte stream cut into frames, whatever the pieces it arrives in.

Rule: no I/O and every bound explicit: the longest frame and the most bytes that may wait. After a FrameError the
stream has no meaning any more and the connection must be closed.
"""

from __future__ import annotations

from storno.iso8583.errors import Code, FrameError
from storno.iso8583.spec import PREFIX_BYTES, Framing

BUFFER_BYTES_MAX = 1 << 20


class Frames:
    """Collect bytes with `receive_data`, take frames (without their length prefix) with `next_frame`."""

    __slots__ = ("_buffer", "_buffer_max", "_error", "_frame_max", "_start")

    def __init__(
        self, framing: Framing, frame_bytes_max: int | None = None, buffer_bytes_max: int = BUFFER_BYTES_MAX
    ) -> None:
        self._frame_max = framing.frame_bytes_max if frame_bytes_max is None else frame_bytes_max
        self._buffer_max = max(buffer_bytes_max, self._frame_max + PREFIX_BYTES)
        self._buffer = bytearray()
        self._start = 0
        self._error: FrameError | None = None

    @property
    def buffered(self) -> int:
        """Give the bytes received and not yet handed out."""
        return len(self._buffer) - self._start

    def receive_data(self, data: bytes) -> None:
        """Add bytes from the peer. FrameError when more wait than the buffer may hold."""
        if self._error is not None:
            raise self._error
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        if len(self._buffer) + len(data) > self._buffer_max:
            raise self._broken(FrameError(Code.BUFFER_MAX, self._buffer_max, len(self._buffer) + len(data)))
        self._buffer += data

    def whole(self, data: bytes) -> bytes | None:
        """Give the frame that `data` is, where nothing waits and it is exactly one, as nearly always.

        None says nothing about `data`, which is not taken: `receive_data` then does, with every check.
        """
        size = len(data) - PREFIX_BYTES
        if (
            size < 1
            or size > self._frame_max
            or data[0] << 8 | data[1] != size
            or len(self._buffer) > self._start
            or self._error is not None
        ):
            return None
        return data[PREFIX_BYTES:]

    def next_frame(self) -> bytes | None:
        """Give the next whole frame, or None while it is incomplete. FrameError: zero or too long."""
        if self._error is not None:
            raise self._error
        buffer, start = self._buffer, self._start
        body = start + PREFIX_BYTES
        if len(buffer) < body:
            return None
        size = buffer[start] << 8 | buffer[start + 1]
        if size == 0:
            raise self._broken(FrameError(Code.FRAME_EMPTY))
        if size > self._frame_max:
            raise self._broken(FrameError(Code.FRAME_MAX, self._frame_max, size))
        end = body + size
        if len(buffer) < end:
            return None
        self._start = end
        return bytes(buffer[body:end])

    def _broken(self, error: FrameError) -> FrameError:
        self._error = error
        self._buffer.clear()
        self._start = 0
        return error
