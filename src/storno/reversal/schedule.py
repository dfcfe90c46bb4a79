"""Store and forward: when a reversal is tried again, and when it is given up.

Back-off doubles up to a maximum. The jitter is drawn from the transaction's own identity, so that a replay gives the
same times and a crowd of terminals still spreads out. Attempts count whether or not an answer came.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storno.iso8583.profile import Profile
    from storno.reversal.record import Record


def backoff_ms(profile: Profile, tx_id: str, attempts: int) -> int:
    """Give the pause after the n-th sending (1-based), between half and the whole of the doubled step."""
    step = min(profile.backoff_first_ms << min(max(attempts - 1, 0), 32), profile.backoff_max_ms)
    draw = zlib.crc32(f"{tx_id}/{attempts}".encode()) / 0x1_0000_0000
    return int(step * (0.5 + draw / 2))


def next_due_ms(profile: Profile, tx_id: str, attempts: int, now_ms: int) -> int:
    """Give the time of the sending after the n-th: its answer time-out, then the pause."""
    return now_ms + profile.reversal_timeout_ms + backoff_ms(profile, tx_id, attempts)


def exhausted(profile: Profile, record: Record, now_ms: int) -> bool:
    """Say whether a reversal that is due again must be given up instead."""
    return record.attempts >= profile.attempts_max or now_ms >= record.deadline_ms
