"""Signals: what can be seen of one transaction by somebody who asks why it failed, and of those around it.

All of it is optional: None means "not known", never "no". `symptoms` turns it into named findings, each present, absent
or left out; the words for them are data (causes.toml). Pure: no log, clock or journal is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from storno.diagnosis import codes
from storno.diagnosis.fleet import Tally, excess

WEAK_DBM, SLOW_CONNECT_MS, SLOW_HOST_MS, SLOW_ISSUER_MS = -95, 700, 1_500, 4_000
STALE_HOURS, SHORT_TIMER_MS, AGED_DAYS, MANY_LINK_ERRORS = 24, 30_000, 1_700, 3
SEQUEL_MS, NEAR_MS = 15 * 60_000, 10 * 60_000
UNLIKELY = 0.002
"""A tally this improbable by chance counts as a cluster."""


class Software(Enum):
    """How the terminal's software stands to the releases that are allowed."""

    CURRENT = "current"
    OLD = "old"
    UNOFFICIAL = "unofficial"


@dataclass(frozen=True, slots=True)
class Signals:
    """One transaction as seen. Texts are empty where they are known to be nothing, None where they are not known."""

    tx_id: str = ""
    at_ms: int = 0
    kind: str = "sale"
    amount_minor: int | None = None
    card: str | None = None
    """A token of the card, never its number."""
    tid: str | None = None
    site: str | None = None
    issuer: str | None = None
    carrier: str | None = None
    model: str | None = None
    version: str | None = None
    operator: str | None = None
    entry_mode: str | None = None
    """F22."""
    response: str | None = None
    """F39 of the answer; empty: none came."""
    reason: str | None = None
    """F39 of the 0400; empty: no reversal."""
    local: str | None = None
    """The terminal's own condition, L01 to L09; empty: none."""
    software: Software | None = None
    age_days: int | None = None
    rssi_dbm: int | None = None
    link_errors: int | None = None
    read_errors: int | None = None
    restarts: int | None = None
    sign_in_hours: int | None = None
    connect_ms: int | None = None
    host_ms: int | None = None
    issuer_ms: int | None = None
    timer_ms: int | None = None
    card_removed: bool | None = None
    cancel_key: bool | None = None
    original: str = ""
    """Id of what it voids or completes, where known."""

    @property
    def sort(self) -> str:
        """Name what became of it by what was seen: a reversal's reason first, then the answer, then the condition."""
        return _sort(self.reason, self.response, self.local)

    @property
    def failed(self) -> bool:
        """Say whether it went wrong for a technical reason; refusals for business reasons do not count."""
        if self.reason or self.sort in ("silent", "local L01", "local L06", "local L09"):
            return True
        found = codes.response(self.response or "")
        return found is not None and found.derived is not None and found.derived.technical


_SAME_REASON = {
    **dict.fromkeys(("68", "4006", "4021", "4353", "4354", "4360", "4361"), "98"),
    **dict.fromkeys(("22", "4007"), "96"), **dict.fromkeys(("4020", "4355", "4362"), "A0"),
    **dict.fromkeys(("17", "4013", "4351", "4352", "4356", "4363"), "06"),
}  # fmt: skip
"""Other networks' reasons by the four that terminals use."""


@lru_cache(maxsize=4096)
def _sort(reason: str | None, response: str | None, local: str | None) -> str:
    if reason:
        return f"reversed {_SAME_REASON.get(reason, reason)}"
    if response:
        found = codes.response(response)
        good = found is not None and found.outcome is codes.Outcome.APPROVED
        return "approved" if good else f"answer {response}"
    if local in ("L01", "L06", "L09"):
        return f"local {local}"
    return "silent" if response == "" else "not known"


@dataclass(frozen=True, slots=True)
class Around:
    """What went on around it: the same terminal that day, and everybody within some minutes."""

    terminal: Sequence[Signals] = ()
    near: Sequence[Signals] = ()


ALONE = Around()
_LINK = frozenset({"reversed 98", "local L01", "silent"})
_ISSUER = frozenset({"reversed 98", "answer 91", "answer 98", "answer 68", "answer 06"})
_HOST = frozenset({"reversed 98", "answer 92", "answer 96", "answer A7"})
_KEYS = frozenset({"answer A0", "answer 99", "answer 77", "reversed A0"})
_SOFTWARE = frozenset({"answer 30", "answer 63", "answer A0", "reversed A0", "reversed 96"})
_DEVICE = frozenset({"reversed 96"})
_USUAL = {"link": 0.012, "issuer": 0.012, "host": 0.010, "keys": 0.004, "software": 0.006, "device": 0.006,
          "reads": 0.05, "restarts": 0.02, "links": 0.03}  # fmt: skip
"""Shares that are nothing special, rather high, so that chance is not taken for a cluster."""


def symptoms(me: Signals, around: Around = ALONE) -> dict[str, bool]:
    """Give every symptom that can be judged: present (True) or absent (False); what is not known is left out."""
    found: dict[str, bool | None] = {
        "weak_signal": _below(me.rssi_dbm, WEAK_DBM),
        "link_errors": _over(me.link_errors, 1),
        "many_link_errors": _over(me.link_errors, MANY_LINK_ERRORS),
        "read_errors": _over(me.read_errors, 1),
        "restarts": _over(me.restarts, 1),
        "stale_sign_in": _over(me.sign_in_hours, STALE_HOURS),
        "slow_connect": _over(me.connect_ms, SLOW_CONNECT_MS),
        "slow_host": _over(me.host_ms, SLOW_HOST_MS),
        "slow_issuer": _over(me.issuer_ms, SLOW_ISSUER_MS),
        "short_timer": _below(me.timer_ms, SHORT_TIMER_MS),
        "late_answer": None if me.local is None else me.local == "L07",
        "repeated": None if me.local is None else me.local == "L08",
        "fallback": None if me.entry_mode is None else me.entry_mode[:2] in ("80", "79"),
        "card_removed": me.card_removed,
        "cancel_key": me.cancel_key,
        "old_version": None if me.software is None else me.software is Software.OLD,
        "unofficial_version": None if me.software is None else me.software is Software.UNOFFICIAL,
        "aged_terminal": _over(me.age_days, AGED_DAYS),
    }
    found |= _sequel(me, around.terminal)
    found |= _terminal(me, around.terminal)
    found |= _clusters(me, around.near)
    return {name: value for name, value in found.items() if value is not None}


def _over(value: int | None, bound: int) -> bool | None:
    return None if value is None else value >= bound


def _below(value: int | None, bound: int) -> bool | None:
    return None if value is None else value < bound


def _sequel(me: Signals, terminal: Sequence[Signals]) -> dict[str, bool | None]:
    """See what the shop did next with the same card at the same terminal."""
    if me.card is None or not terminal:
        return {}
    later = [
        one for one in terminal
        if one.card == me.card and one.tx_id != me.tx_id and 0 <= one.at_ms - me.at_ms <= SEQUEL_MS
    ]  # fmt: skip
    voided = any(one.kind == "void" and (one.original in ("", me.tx_id)) for one in later)
    again = [one for one in later if one.kind == me.kind and one.amount_minor is not None]
    other = me.amount_minor is not None and any(
        mistyped(me.amount_minor, one.amount_minor or 0) for one in again
    )
    same = any(one.amount_minor == me.amount_minor for one in again)
    return {
        "voided_soon": voided,
        "other_amount_after": other,
        "same_amount_after_void": voided and same,
        "tried_again": same and not voided,
    }


def mistyped(first: int, second: int) -> bool:
    """Say whether two amounts (minor units) differ as by a slip: a nought or two, or two digits swapped."""
    if first == second or not first or not second:
        return False
    high, low = max(first, second), min(first, second)
    if high // 10 == low or high // 100 == low:
        return True
    a, b = str(first), str(second)
    if len(a) != len(b):
        return False
    places = [at for at in range(len(a)) if a[at] != b[at]]
    swapped = 2
    return len(places) == swapped and a[places[0]] == b[places[1]] and a[places[1]] == b[places[0]]


def _terminal(me: Signals, terminal: Sequence[Signals]) -> dict[str, bool | None]:
    """See what the terminal did that day with other cards."""
    others = [one for one in terminal if one.tx_id != me.tx_id and (me.card is None or one.card != me.card)]
    if not others:
        return {}
    read = [one.read_errors for one in others if one.read_errors is not None]
    restarted = [one.restarts for one in others if one.restarts is not None]
    linked = [one.link_errors for one in others if one.link_errors is not None]
    return {
        "terminal_reads_badly": _many(len(read), sum(map(bool, read)), "reads") if read else None,
        "terminal_restarts": _many(len(restarted), sum(map(bool, restarted)), "restarts")
        if restarted
        else None,
        "terminal_link_errors": _many(len(linked), sum(map(bool, linked)), "links") if linked else None,
        "terminal_link_fails": _often(others, _LINK, "link"),
        "terminal_keys_fail": _often(others, _KEYS, "keys"),
        "terminal_breaks_off": _often(others, _DEVICE, "device"),
        "terminal_not_sent": _often(others, frozenset({"local L01"}), "device"),
    }


def _often(rows: Sequence[Signals], sorts: frozenset[str], usual: str) -> bool:
    return _many(len(rows), sum(one.sort in sorts for one in rows), usual)


def _many(seen: int, hit: int, usual: str) -> bool:
    return hit > 1 and excess(Tally(seen, hit), _USUAL[usual]) < UNLIKELY


def _clusters(me: Signals, near: Sequence[Signals]) -> dict[str, bool | None]:
    """See who else failed within the same minutes: one issuer, one carrier, one version, or everybody."""
    counts: dict[str, list[int]] = {}
    for one in near:
        if one.tx_id == me.tx_id or (me.tid is not None and one.tid == me.tid):
            continue
        sort = one.sort
        for name, same, hit in (
            ("issuer_fails", _alike(me.issuer, one.issuer), _ISSUER),
            ("other_issuers_fail", _unlike(me.issuer, one.issuer), _HOST),
            ("carrier_fails", _alike(me.carrier, one.carrier), _LINK),
            ("other_carriers_fail", _unlike(me.carrier, one.carrier), _HOST),
            ("site_fails", _alike(me.site, one.site), _LINK),
            ("version_fails", _alike(me.version, one.version), _SOFTWARE),
        ):
            if same:
                tally = counts.setdefault(name, [0, 0])
                tally[0] += 1
                tally[1] += sort in hit
    return {name: _many(seen, hit, _CLUSTER_USUAL[name]) for name, (seen, hit) in counts.items()}


_CLUSTER_USUAL = {"issuer_fails": "issuer", "other_issuers_fail": "host", "carrier_fails": "link",
                  "other_carriers_fail": "host", "site_fails": "link", "version_fails": "software"}  # fmt: skip


def _alike(mine: str | None, other: str | None) -> bool:
    return bool(mine) and mine == other


def _unlike(mine: str | None, other: str | None) -> bool:
    return bool(mine) and bool(other) and mine != other


SYMPTOMS = (
    "weak_signal", "link_errors", "many_link_errors", "read_errors", "restarts", "stale_sign_in", "slow_connect",
    "slow_host", "slow_issuer", "short_timer", "late_answer", "repeated", "fallback", "card_removed", "cancel_key",
    "old_version", "unofficial_version", "aged_terminal", "voided_soon", "other_amount_after",
    "same_amount_after_void", "tried_again", "terminal_reads_badly", "terminal_restarts", "terminal_link_errors",
    "terminal_link_fails", "terminal_keys_fail", "terminal_breaks_off", "terminal_not_sent", "issuer_fails",
    "other_issuers_fail", "carrier_fails", "other_carriers_fail", "site_fails", "version_fails",
)  # fmt: skip
"""Every symptom there is, in the order of the model's columns."""
