"""The exception queue: findings and the transactions' own open cases in one list, with age, severity and next step.

One place to look, two sources: findings are worked on here, cases by `storno cases`. Reads the journal only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from storno.journal.exception_table import UNSETTLED, Standing
from storno.journal.fact import TX_COLUMNS
from storno.recon.ageing import ORDER, age, local_day
from storno.recon.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from storno.journal.base import Journal
    from storno.journal.exception_fact import About, ExceptionRecord
    from storno.journal.fact import TxRow
    from storno.journal.sqlite_reader import SqliteReader
    from storno.recon.ageing import Age, Calendar, ExceptionOptions
    from storno.recon.finding import Rule, Words

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
EVERY = 1_000_000_000


class Source(Enum):
    """Where an entry of the queue comes from."""

    FINDING = "finding"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the queue. `kind` is a rule's name, or the case's (a reversal under way: `reversing`)."""

    source: Source
    id: str
    kind: str
    standing: Standing
    amount_minor: int
    currency: str
    mid: str
    tid: str
    rrn: str
    tx_id: str
    owner: str
    since_ms: int
    age: Age
    record: ExceptionRecord | None = None


@dataclass(frozen=True, slots=True)
class View:
    """How the queue is looked at: bounds, working days, the books' zone and day."""

    options: ExceptionOptions
    calendar: Calendar
    utc_offset_min: int
    today: date

    def finding(self, record: ExceptionRecord) -> Entry:
        """Give the entry of a finding."""
        one, rule = record.about, rule_of(record.about.rule)
        days = None if rule is None else rule.days
        aged = self._age(one.amount_minor, record.found_ms, days)
        if record.standing not in UNSETTLED:
            aged = replace(aged, overdue=False)  # somebody has acted
        return Entry(
            Source.FINDING, record.finding_id, one.rule, record.standing, one.amount_minor, one.currency, one.mid,
            one.tid, one.rrn, one.tx_id, record.owner, record.found_ms,
            aged, record,
        )  # fmt: skip

    def case(self, row: TxRow) -> Entry:
        """Give the entry of a transaction with an open case, or whose reversal is not through."""
        amount = row[_AT["approved_minor"]]
        minor: int = row[_AT["amount_minor"]] if amount is None else amount
        since: int = row[_AT["opened_ms"]]
        return Entry(
            Source.CASE, row[0], row[_AT["case_kind"]] or row[_AT["state"]], Standing.OPEN, minor, row[_AT["currency"]],
            row[_AT["mid"]], row[_AT["tid"]], row[_AT["rrn"]], row[0], "", since, self._age(minor, since, None),
        )  # fmt: skip

    def _age(self, amount_minor: int, since_ms: int, days: int | None) -> Age:
        since = local_day(since_ms, self.utc_offset_min)
        return age(self.options, self.calendar, amount_minor, since, self.today, days)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; empty members ask for nothing in particular."""

    every: bool = False
    """Also what is resolved or closed."""
    owner: str = ""
    kind: str = ""
    mid: str = ""
    overdue: bool = False

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is wanted."""
        return (
            (self.every or entry.standing in UNSETTLED)
            and (not self.owner or entry.owner.casefold() == self.owner.casefold())
            and self.kind in ("", entry.kind)
            and self.mid in ("", entry.mid)
            and (not self.overdue or entry.age.overdue)
        )


def rule_of(name: str) -> Rule | None:
    """Give the rule of a finding; None for one that this version no longer has."""
    return RULES.get(name)


def words_of(about: About) -> Words | None:
    """Give what is said of a finding as it is; None for one of a rule that this version no longer has."""
    rule = rule_of(about.rule)
    return None if rule is None else rule.words(about.amount_minor, about.matched_by)


def entries(journal: SqliteReader | Journal, view: View, wanted: Wanted) -> Iterator[Entry]:
    """Give the wanted entries of both sources, as they come."""
    for record in journal.exceptions(unsettled_only=not wanted.every):
        entry = view.finding(record)
        if wanted.takes(entry):
            yield entry
    for row in _cases(journal):
        entry = view.case(row)
        if wanted.takes(entry):
            yield entry


def by_urgency(entry: Entry) -> tuple[Any, ...]:
    """Give the key that puts what burns first: overdue, severity, due day, money, id."""
    settled = entry.standing not in UNSETTLED
    rank = ORDER.index(entry.age.severity)
    return (settled, not entry.age.overdue, rank, entry.age.due, -abs(entry.amount_minor), entry.id)


def _cases(journal: SqliteReader | Journal) -> Iterator[TxRow]:
    rows = {row[0]: row for row in journal.rows(cases_only=True, limit=EVERY)}
    for row in journal.rows(pending_only=True, limit=EVERY):
        if row[_AT["state"]] == "reversing":
            rows[row[0]] = row
    yield from rows.values()
