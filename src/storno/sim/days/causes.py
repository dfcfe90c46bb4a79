"""Why transactions go wrong: troubles of terminals, incidents of a day, cards and people, each with its consequences.

Rule: the cause is drawn first, from what is hidden in the world, and what everybody sees follows from it; the cause
itself goes into the truth only. The names are those that diagnosis uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storno.sim.days.day import CARD, Day
from storno.sim.days.draw import MILLION, Draws, Flags, Ints
from storno.sim.days.fates import FATE_OF, SALE
from storno.sim.days.fleet import Fleet, Trouble
from storno.sim.days.tables import CARRIERS, CODE_OF, DECLINES, FALLBACK, ISSUERS

CAUSES = (
    "", "wrong_card_data", "wrong_pin", "card_unreadable", "card_expired", "unstable_network",
    "wrong_network_settings", "terminal_fault", "ageing_hardware", "host_failure", "issuer_failure",
    "keys_out_of_step", "wrong_amount", "unofficial_software", "old_software", "operator_mistake", "business_decline",
)  # fmt: skip
"""Empty: nothing was wrong."""
CAUSE_OF = {name: at for at, name in enumerate(CAUSES)}

_OF_TROUBLE = {
    Trouble.SIGNAL: ("unstable_network", 14), Trouble.SETTINGS: ("wrong_network_settings", 60),
    Trouble.READER: ("ageing_hardware", 14), Trouble.DEVICE: ("terminal_fault", 14), Trouble.OLD: ("old_software", 8),
    Trouble.ODD: ("unofficial_software", 20), Trouble.KEYS: ("keys_out_of_step", 60),
    Trouble.STAFF: ("operator_mistake", 5),
}  # fmt: skip
"""What a terminal's trouble causes, and how many times more often something fails there."""
_GENERAL = (
    ("unstable_network", 30), ("issuer_failure", 22), ("host_failure", 10), ("terminal_fault", 8),
    ("card_unreadable", 12), ("operator_mistake", 9), ("wrong_amount", 6), ("keys_out_of_step", 3),
)  # fmt: skip
"""What goes wrong anywhere, now and then."""
_OWN_SHARE = 880_000
_DECLINED_SHARE = 26_000
_KEYS_HOURS = (9, 13)
"""Terminals with stale keys fail between these hours, until somebody signs in again."""
_INCIDENT_BOOST = 120
_SETTINGS_FROM = 10 * 3600

Consequence = tuple[str, str, int]
"""Fate, F39 (empty: 00), share."""
CONSEQUENCES: dict[str, tuple[Consequence, ...]] = {
    "unstable_network": (
        ("request_lost", "", 30), ("answer_lost", "", 28), ("answer_lost_unlisted", "", 6), ("late_answer", "", 4),
        ("reversal_repeated", "", 6), ("not_sent", "", 26)),
    "wrong_network_settings": (("not_sent", "", 65), ("late_answer", "", 35)),
    "host_failure": (
        ("request_lost", "", 35), ("answer_lost", "", 15), ("declined", "92", 20), ("doubt_uncharged", "96", 20),
        ("reversal_repeated", "", 10)),
    "issuer_failure": (
        ("request_lost", "", 30), ("doubt_uncharged", "91", 40), ("answer_lost", "", 15), ("late_answer", "", 15)),
    "keys_out_of_step": (
        ("declined", "A0", 40), ("declined", "99", 15), ("declined", "77", 15), ("terminal_mac", "", 22),
        ("bad_mac", "", 8)),
    "terminal_fault": (("terminal_fault", "", 100),),
    "ageing_hardware": (("terminal_fault", "", 45), ("approved", "", 55)),
    "card_unreadable": (("approved", "", 50), ("cancelled", "", 25), ("not_sent", "", 25)),
    "operator_mistake": (("cancelled", "", 60), ("approved", "", 40)),
    "wrong_amount": (("approved", "", 70), ("declined", "13", 12), ("declined", "61", 10), ("declined", "64", 8)),
    "old_software": (("declined", "30", 55), ("terminal_mac", "", 25), ("terminal_fault", "", 20)),
    "unofficial_software": (
        ("declined", "A0", 30), ("declined", "63", 30), ("terminal_mac", "", 25), ("declined", "30", 15)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that failed for many at once: an issuer, the host, a carrier, for some minutes."""

    what: str
    """The cause."""
    which: int
    """Issuer or carrier; the host has none."""
    from_s: int
    to_s: int

    def name(self) -> str:
        """Say who failed."""
        if self.what == "issuer_failure":
            return ISSUERS[self.which][0]
        return CARRIERS[self.which][0] if self.what == "unstable_network" else "host"


def incidents(draws: Draws) -> tuple[Incident, ...]:
    """Draw the incidents of a day: none, one or two."""
    found = []
    for what, per_million, which in (
        ("issuer_failure", 400_000, len(ISSUERS)),
        ("unstable_network", 250_000, len(CARRIERS) - 1),
        ("host_failure", 150_000, 1),
    ):
        happens = bool(draws.hits(per_million, 1)[0])
        who, start, length = draws.one(which), 9 * 3600 + draws.one(11 * 3600), 300 + draws.one(1500)
        if happens:
            found.append(Incident(what, who, start, start + length))
    return tuple(found)


def issuer_of(card: Ints) -> Ints:
    """Give the issuer of each card: shares as in the table, the same for a card always."""
    edges = np.cumsum(np.array([one[2] for one in ISSUERS], dtype=np.int64))
    spread = (card * 7919 + 13) % int(edges[-1])
    return np.searchsorted(edges, spread, side="right").astype(np.int64)


def let_fail(day: Day, fleet: Fleet, draws: Draws, faults: float, happened: tuple[Incident, ...]) -> None:
    """Decide which of the day's sales fail and why, and what follows for each."""
    size = day.size
    card = day.channel == CARD
    cause, weight = _exposure(day, fleet, happened)
    chance = (weight * (int(faults * MILLION) * size)) // max(1, int(weight.sum()))
    struck = draws.hits(np.minimum(chance, 700_000), size) & card & (day.kind == SALE)
    own = draws.hits(_OWN_SHARE, size) & (cause > 0)
    names = np.array([CAUSE_OF[name] for name, _ in _GENERAL], dtype=np.int64)
    general = names[draws.pick(np.array([share for _, share in _GENERAL], dtype=np.int64), size)]
    day.cause = np.where(struck, np.where(own, cause, general), 0)
    both = draws.hits(60_000, size) & struck & own & (general != cause)
    day.second_cause = np.where(both, general, 0)
    for name, ways in CONSEQUENCES.items():
        _follow(day, draws, CAUSE_OF[name], ways)
    worn = np.isin(day.cause, (CAUSE_OF["ageing_hardware"], CAUSE_OF["card_unreadable"]))
    day.entry[worn & draws.hits(700_000, size)] = FALLBACK
    _decline(day, draws, ~struck & (day.kind == SALE))


def _exposure(day: Day, fleet: Fleet, happened: tuple[Incident, ...]) -> tuple[Ints, Ints]:
    """Give each sale's likeliest cause (0: none) and how much likelier than usual it is to fail."""
    trouble = fleet.trouble[day.terminal]
    causes = np.zeros(len(Trouble), dtype=np.int64)
    weights = np.ones(len(Trouble), dtype=np.int64)
    for one, (name, times) in _OF_TROUBLE.items():
        causes[one], weights[one] = CAUSE_OF[name], times
    cause, weight = causes[trouble], weights[trouble]
    hour = day.second // 3600
    quiet = (trouble == Trouble.KEYS) & ((hour < _KEYS_HOURS[0]) | (hour >= _KEYS_HOURS[1]))
    quiet |= (trouble == Trouble.SETTINGS) & (day.second < _SETTINGS_FROM)
    cause[quiet], weight[quiet] = 0, 1
    for event in happened:
        hit = (day.second >= event.from_s) & (day.second < event.to_s)
        if event.what == "issuer_failure":
            hit &= issuer_of(day.card) == event.which
        elif event.what == "unstable_network":
            hit &= fleet.carrier[day.terminal] == event.which
        cause[hit], weight[hit] = CAUSE_OF[event.what], _INCIDENT_BOOST
    return cause, weight


def _follow(day: Day, draws: Draws, cause: int, ways: tuple[Consequence, ...]) -> None:
    """Give the sales with this cause their fate and F39."""
    rows = np.flatnonzero(day.cause == cause)
    chosen = draws.pick(np.array([share for _, _, share in ways], dtype=np.int64), len(rows))
    day.fate[rows] = np.array([FATE_OF[name] for name, _, _ in ways], dtype=np.int64)[chosen]
    day.code[rows] = np.array([CODE_OF[code or "00"] for _, code, _ in ways], dtype=np.int64)[chosen]


def _decline(day: Day, draws: Draws, open_to: Flags) -> None:
    """Let issuers refuse their usual share."""
    rows = np.flatnonzero(draws.hits(_DECLINED_SHARE, day.size) & open_to)
    chosen = draws.pick(np.array([share for _, _, share in DECLINES], dtype=np.int64), len(rows))
    day.code[rows] = np.array([CODE_OF[code] for code, _, _ in DECLINES], dtype=np.int64)[chosen]
    day.cause[rows] = np.array([CAUSE_OF[name] for _, name, _ in DECLINES], dtype=np.int64)[chosen]
    zero = draws.hits(20_000, len(rows))
    day.fate[rows] = np.where(zero, FATE_OF["declined_zero"], FATE_OF["declined"])
