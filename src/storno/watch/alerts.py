"""Alerts: the life cycle as a table, `TABLE[(Standing, Move)] -> Standing`, and what an alert says.

Rule: a cell that is not here is refused; a closed alert stays closed, what comes again is a new one. Evidence closes,
people may too, with their name; a silence has a reason and an end. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Standing(Enum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    """Explained by another alert, its common cause."""
    CLOSED = "closed"


class Move(Enum):
    """What can happen to an alert."""

    RAISED = "raised"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    SILENCE_ENDED = "silence_ended"
    OVER = "over"
    """Closed by evidence."""
    CAUSE_OVER = "cause_over"
    """Closed because its common cause is over."""
    CLOSE = "close"


class Severity(Enum):
    """How soon somebody should look."""

    PAGE = "page"
    """At once."""
    TICKET = "ticket"
    """On the working day."""


S, M = Standing, Move
TABLE: dict[tuple[Standing, Move], Standing] = {
    (S.OPEN, M.EXPLAINED): S.INHIBITED,
    (S.OPEN, M.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.OPEN, M.SILENCE): S.SILENCED,
    (S.OPEN, M.OVER): S.CLOSED,
    (S.OPEN, M.CLOSE): S.CLOSED,
    (S.ACKNOWLEDGED, M.EXPLAINED): S.INHIBITED,
    (S.ACKNOWLEDGED, M.SILENCE): S.SILENCED,
    (S.ACKNOWLEDGED, M.OVER): S.CLOSED,
    (S.ACKNOWLEDGED, M.CLOSE): S.CLOSED,
    (S.SILENCED, M.SILENCE): S.SILENCED,
    (S.SILENCED, M.SILENCE_ENDED): S.OPEN,
    (S.SILENCED, M.OVER): S.CLOSED,
    (S.SILENCED, M.CLOSE): S.CLOSED,
    (S.INHIBITED, M.UNEXPLAINED): S.OPEN,
    (S.INHIBITED, M.SILENCE): S.SILENCED,
    (S.INHIBITED, M.OVER): S.CLOSED,
    (S.INHIBITED, M.CAUSE_OVER): S.CLOSED,
    (S.INHIBITED, M.CLOSE): S.CLOSED,
}
"""A silenced alert is not explained away: the silence says that somebody knows."""
LIVE = frozenset(S) - {S.CLOSED}
LOUD = frozenset({S.OPEN, S.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Signal:
    """What an alert is about; `source` is rate, burn, count, money, age or watchdog."""

    source: str
    measure: str
    level: str
    value: str

    @property
    def key(self) -> str:
        """Name it: two live alerts never have the same."""
        return f"{self.source}/{self.measure}/{self.level}/{self.value}"


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers that it rests on; what does not apply is 0."""

    score: float = 0.0
    rate: float = 0.0
    expected: float = 0.0
    failed: float = 0.0
    total: float = 0.0
    amount_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands. Times in milliseconds since 1970, UTC."""

    id: int
    signal: Signal
    severity: Severity
    standing: Standing
    raised_ms: int
    updated_ms: int
    figures: Figures
    cause: int = 0
    """Id of the alert that explains it; 0 for none."""
    common: str = ""
    """At a common cause: what it is, in words, `carrier=a & model=b`; `*` for everything."""
    values: tuple[tuple[str, str], ...] = ()
    """At a common cause: the attribute values."""
    measures: tuple[str, ...] = ()
    """At a common cause: the measures that it was seen in."""
    examples: tuple[str, ...] = ()
    """Transactions that show it, newest last."""
    silent_until_ms: int = 0
    operator: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an alert's history."""

    alert: int
    at_ms: int
    move: Move
    standing: Standing
    operator: str = ""
    note: str = ""


class NotAllowed(Exception):  # noqa: N818 it names what is so
    """The table has no such cell; in both languages."""

    def __init__(self, standing: Standing, move: Move) -> None:
        super().__init__(f"{move.value}: the alert is {standing.value}")
        self.standing, self.move = standing, move


def after(standing: Standing, move: Move) -> Standing:
    """Give where an alert stands after a move.

    Raises:
        NotAllowed: the table has no such cell.

    """
    found = TABLE.get((standing, move))
    if found is None:
        raise NotAllowed(standing, move)
    return found
