"""What ties a request, its answer and its reversal together.

The terminal's identity of a transaction is TID + MID + batch + STAN; the RRN is the host's and is unknown when an
answer is lost. The message class is part of every match, so a late 0210 can never answer a 0400.
"""

from __future__ import annotations

from typing import NamedTuple


class TxKey(NamedTuple):
    """Identity of an original, as its terminal numbered it."""

    tid: str
    mid: str
    batch: str
    stan: str

    def __str__(self) -> str:
        return f"{self.tid}/{self.stan} (batch {self.batch or '-'})"


class WireKey(NamedTuple):
    """What an answer must carry to belong to a request in flight on a host link."""

    klass: str
    """Second digit of the MTI: 1 authorisation, 2 financial, 4 reversal, 8 network management, ..."""
    tid: str
    mid: str
    stan: str
    extra: str = ""
    """Network identity where the dialect has one (F7 + F32)."""
