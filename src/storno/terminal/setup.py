"""What a terminal is: its numbers at the acquirer, its wire, its keys' name, its timers.

Rule: one value, built once and checked when built; everything an acquirer may change stands in the dialect's profile.
Pure data: imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from storno.iso8583.dialects import dialect
from storno.iso8583.profile import Profile
from storno.iso8583.spec import Dialect

TEST_TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
TID_SIZE, MID_SIZE = 8, 15
SIGN_IN_CODES = ("001", "003", "004", "005")


@dataclass(frozen=True, slots=True)
class Setup:
    """Parameters of one terminal. Times in milliseconds; `tpdu` and `header` as hex digits.

    `keep_open` says that the connection outlives a transaction: then a late answer can arrive and is never ours.
    """

    tid: str = "00000001"
    mid: str = "000000000000001"
    tpdu: str = "6000030000"
    header: str = "603100311003"
    dialect: Dialect = field(default_factory=lambda: dialect("cup_pos"))
    profile: Profile = field(default_factory=lambda: dialect("cup_pos").profile)
    tmk: bytes = field(default=TEST_TMK, repr=False)
    sign_in_code: str = "003"
    operator: str = "001"
    currency: str = "156"
    answer_ms: int = 60_000
    reversal_ms: int = 60_000
    keep_open: bool = False
    takes_partial: bool = True
    utc_offset_min: int = 480

    def __post_init__(self) -> None:
        if len(self.tid) != TID_SIZE or not self.tid.isascii() or not self.tid.isprintable():
            raise ValueError(f"a TID has {TID_SIZE} ASCII characters, not {self.tid!r}")
        if len(self.mid) != MID_SIZE or not self.mid.isascii() or not self.mid.isprintable():
            raise ValueError(f"a MID has {MID_SIZE} ASCII characters, not {self.mid!r}")
        if self.sign_in_code not in SIGN_IN_CODES:
            raise ValueError(f"sign-in code {self.sign_in_code!r} is none of {', '.join(SIGN_IN_CODES)}")
        if min(self.answer_ms, self.reversal_ms) <= 0:
            raise ValueError("timers must be positive")

    def local(self, now_ms: int) -> datetime:
        """Give the terminal's local time of a moment (Unix milliseconds)."""
        return datetime.fromtimestamp(now_ms // 1000, UTC) + timedelta(minutes=self.utc_offset_min)
