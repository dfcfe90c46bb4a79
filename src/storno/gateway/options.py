"""What a gateway can be told: bounds and policies, with working defaults.

Plain values; `storno.app.settings` reads them from `storno.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Unkeyed(Enum):
    """What happens to a terminal whose MAC key the gateway does not have."""

    REFUSE = "refuse"
    """Answer A0, which makes the terminal sign in (through the gateway, which then learns its keys)."""
    FORWARD = "forward"
    """Let the host judge the MAC. The gateway cannot send a MAC of its own then: its reversals wait for a sign-in."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """Bounds and policies of the deciding part."""

    utc_offset_min: int = 480
    unkeyed: Unkeyed = Unkeyed.REFUSE
    in_flight_max: int = 20_000
    terminal_open_max: int = 16
    reversals_in_flight_max: int = 256
    records_in_memory_max: int = 20_000
    passing_max: int = 5_000
    passing_timeout_ms: int = 30_000
    settlement_hold_ms: int = 15_000
    """How long a terminal's settlement waits for its reversals to be acknowledged by the host."""
    link_tid: str = "00000000"
    link_mid: str = "000000000000000"
    sign_on: bool = False
    echo_ms: int = 60_000
    echo_timeout_ms: int = 15_000
    host_tpdu: str = ""
    """Ten digits put before what goes to the host; empty keeps the terminal's."""
    host_header: str = ""
    """Hex digits of the header of our own messages to the host; empty for a terminal's usual one, or none."""
