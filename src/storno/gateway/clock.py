"""The gateway's clock: wall time that never jumps.

It starts from the wall clock and runs on the monotonic one, so that setting the machine's clock neither fires every
time-out at once nor stops them all. A jump is reported; restarting takes over the new wall time.
"""

from __future__ import annotations

import time

JUMP_MS = 2_000


class SteadyClock:
    """Milliseconds since 1970 (UTC), steady."""

    def __init__(self) -> None:
        self._base_ns = time.time_ns() - time.monotonic_ns()
        self._told_ms = 0

    def now_ms(self) -> int:
        """Give the time."""
        return (self._base_ns + time.monotonic_ns()) // 1_000_000

    def jump_ms(self) -> int:
        """Give by how much the wall clock has newly been set against ours; 0 when it has not."""
        off = time.time_ns() // 1_000_000 - self.now_ms()
        if abs(off - self._told_ms) < JUMP_MS:
            return 0
        self._told_ms = off
        return off
