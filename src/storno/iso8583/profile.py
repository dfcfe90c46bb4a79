"""The acquirer profile: what acquirers and networks decide differently, as data.

Field facts stay in the dialect; everything a contract or a test laboratory may change stands here, with the usual
value as default. A dialect file carries its own default profile; `storno.toml` overrides single entries.
Pure data: this module imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Reason(Enum):
    """Why a reversal is sent; the code on the wire is the profile's."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    TIMEOUT = "timeout"
    MAC_ERROR = "mac_error"
    TERMINAL_FAULT = "terminal_fault"
    UNDELIVERABLE = "undeliverable"
    LATE_ANSWER = "late_answer"
    RECOVERED = "recovered"
    OTHER = "other"


class OriginalData(Enum):
    """What a reversal carries in F61 (or F90) about its original."""

    KEEP = "keep"
    """Only what the original itself carried (void, completion)."""
    OWN = "own"
    """Batch, STAN and date of the transaction being reversed (seen at CCB and others)."""
    F90 = "f90"
    """The 42-digit network form: MTI, STAN, F7, F32, F33."""


class WhenExhausted(Enum):
    """What a terminal does with a reversal whose attempts are used up."""

    BLOCK = "block"
    """Refuse new transactions until somebody clears it."""
    ALARM = "alarm"
    """Set it aside as a named exception, print a slip, go on."""


class MacScope(Enum):
    """Whose key makes the MAC."""

    TERMINAL = "terminal"
    """Each terminal's MAK, from its sign-in."""
    LINK = "link"
    """One key of the whole line to the network."""


class CrossDay(Enum):
    """What happens to a reversal whose original belongs to an earlier settlement day."""

    SEND = "send"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Profile:
    """Parameters of one acquirer or network. Times in milliseconds, codes as on the wire."""

    # security
    mac: str = "cup_ecb"
    mac_scope: MacScope = MacScope.TERMINAL
    mac_on_declines: bool = False
    mac_on_reversal_answers: bool = True

    # what an answer means
    approved: frozenset[str] = frozenset({"00", "10", "11", "A2", "A4", "A5", "A6"})
    partial: frozenset[str] = frozenset({"10"})
    doubtful: frozenset[str] = frozenset({"09", "68", "91", "94", "96", "98"})
    reverse_on: frozenset[str] = frozenset()
    reversal_accepted: frozenset[str] = frozenset({"00", "12", "25"})
    reversal_retry: frozenset[str] = frozenset(
        {"68", "77", "90", "91", "92", "94", "96", "98", "99", "A0", "A7"}
    )

    # how a reversal is built
    reversal_mti: str = "0400"
    network_mti: str = "0800"
    repeat_marked: bool = False
    reason_field: int | None = 39
    reason_codes: tuple[tuple[Reason, str], ...] = (
        (Reason.TIMEOUT, "98"),
        (Reason.MAC_ERROR, "A0"),
        (Reason.TERMINAL_FAULT, "96"),
        (Reason.UNDELIVERABLE, "96"),
        (Reason.LATE_ANSWER, "98"),
        (Reason.RECOVERED, "06"),
        (Reason.OTHER, "06"),
    )
    original_data: OriginalData = OriginalData.KEEP
    reversal_copies: tuple[int, ...] = ()
    reversal_icc_tags: tuple[str, ...] = ("95", "9F1E", "9F10", "9F36", "DF31")
    pan_on_magstripe_reversal: bool = True

    # how long, how often
    answer_timeout_ms: int = 60_000
    reversal_timeout_ms: int = 60_000
    attempts_max: int = 19
    backoff_first_ms: int = 1_000
    backoff_max_ms: int = 300_000
    deadline_ms: int = 24 * 3600 * 1000
    key_reuse_after_ms: int = 20 * 3600 * 1000

    # policies
    cross_day: CrossDay = CrossDay.SEND
    undeliverable_reverses: bool = True

    # the terminal's own rules
    terminal_resends_max: int = 3
    terminal_connect_failures_max: int = 3
    when_exhausted: WhenExhausted = WhenExhausted.ALARM
    mismatch_reverses: bool = True

    # what the gateway answers on its own account
    code_unknown: str = "98"
    code_not_sent: str = "92"
    code_duplicate: str = "94"
    code_tombstone: str = "22"
    code_original_state: str = "22"
    code_amount_differs: str = "64"
    code_not_reversible: str = "40"
    code_unknown_terminal: str = "97"
    code_bad_mac: str = "A0"
    code_bad_format: str = "30"
    code_overload: str = "96"

    notes: tuple[str, ...] = field(default=())

    def reason_code(self, reason: Reason) -> str:
        """Give the wire code of a reason; every reason has one."""
        for known, code in self.reason_codes:
            if known is reason:
                return code
        raise AssertionError(f"profile has no code for {reason}")

    def reason_of(self, code: str) -> Reason:
        """Give the reason behind a wire code; what is not in the table is OTHER."""
        for known, ours in self.reason_codes:
            if ours == code:
                return known
        return Reason.OTHER
