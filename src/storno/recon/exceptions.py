"""Findings become exceptions: a run reports what it found and what is no longer there, and the journal keeps it.

Recording is idempotent: what the journal knows already makes no fact. Groups are written whole; a run that dies leaves
a prefix, and the same run again completes it. Writing goes through a door, because a running gateway holds the journal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from storno.journal.exception_fact import About
from storno.journal.exception_order import Gone, Outcome, Seen, take
from storno.journal.exception_table import Standing
from storno.recon.finding import Finding, Leg, Sureness

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from storno.journal.base import Journal
    from storno.journal.exception_fact import ExceptionRecord
    from storno.journal.exception_order import Order

GROUP = 1_000
"""Orders of a run that are written together; a gateway's terminals wait for such a group some 20 ms at the most."""
LINES_MAX = 100
"""Outside lines kept of one finding; a deposit may rest on many thousands, which the difference files list."""


class Door(Protocol):
    """Where orders about exceptions are taken: a running gateway, or the journal itself."""

    def take(self, orders: Sequence[Order]) -> Outcome:
        """Carry out a group, durably and whole, or refuse it.

        Raises:
            JournalError: it could not be written; nothing of the group was.

        """
        ...


class JournalDoor:
    """The door to a journal of this process."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def take(self, orders: Sequence[Order]) -> Outcome:
        """Carry out a group."""
        taken = take(self._journal.exception, orders)
        if taken.refusals:
            return Outcome(refused=len(taken.refusals), refusals=tuple(taken.refusals))
        self._journal.commit(taken.changes)
        return Outcome(tuple(sorted(taken.counts.items())))


@dataclass(frozen=True, slots=True)
class Closed:
    """A difference that a run covered and no longer found; `lines` (`file id:line number`) show why."""

    finding_id: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run changed in the queue."""

    found: int
    changed: int
    seen_again: int
    reopened: int
    closed: int
    unchanged: int

    @property
    def facts(self) -> int:
        """How many facts it wrote."""
        return self.found + self.changed + self.seen_again + self.reopened + self.closed


def record_findings(
    door: Door, findings: Iterable[Finding], closed: Iterable[Closed], now_ms: int, run_id: str
) -> Recorded:
    """Bring the queue to what a run found; the same again changes nothing.

    Args:
        door: `storno.app.exceptions.HomeDoor(home)`, or `JournalDoor` over a journal of this process.
        findings: everything found within what the run covered; each id once.
        closed: what the queue had within it and the run did not find (see `no_longer_there`).
        now_ms: milliseconds since 1970, UTC.
        run_id: names the run in the history.

    """
    ids: set[str] = set()

    def once(finding_id: str) -> str:
        """Hold a run to one word about each difference: two would change it to and fro for ever."""
        if finding_id in ids:
            raise AssertionError(f"a run reports {finding_id} twice")
        ids.add(finding_id)
        return finding_id

    seen = (Seen(once(one.finding_id), about(one), run_id, now_ms) for one in findings)
    gone = (Gone(once(one.finding_id), _bounded(one.lines), run_id, now_ms) for one in closed)
    orders: Iterator[Order] = chain(seen, gone)
    counts: Counter[str] = Counter()
    while group := tuple(islice(orders, GROUP)):
        outcome = door.take(group)
        if outcome.refused:
            first = outcome.refusals[0]
            raise AssertionError(f"a run's report was refused: {first.finding_id} {first.code}")
        counts.update(dict(outcome.counts))
    return Recorded(
        found=counts["found"],
        changed=counts["changed"],
        seen_again=counts["seen_again"],
        reopened=counts["reopened"],
        closed=counts["closed_by_evidence"],
        unchanged=counts["nothing"],
    )


def no_longer_there(
    known: Iterable[ExceptionRecord],
    found: Collection[str],
    covered: Callable[[ExceptionRecord], tuple[str, ...] | None],
) -> Iterator[Closed]:
    """Give what a run closes: known, not closed yet, covered by the run, and not among what it found.

    Args:
        known: `journal.exceptions()`.
        found: ids of the run's findings.
        covered: gives the outside lines that show that the difference is gone (possibly none); None where the run did
            not look.

    """
    for record in known:
        if record.finding_id in found or record.standing is Standing.CLOSED:
            continue
        lines = covered(record)
        if lines is not None:
            yield Closed(record.finding_id, lines)


def about(finding: Finding) -> About:
    """Write a finding as the journal keeps it."""
    return About(
        finding.rule, finding.leg.value, _line(finding.key), finding.amount_minor, finding.currency, finding.sure.value,
        finding.settled_on, finding.date, finding.mid, finding.tid, finding.rrn, finding.tx_id,
        _bounded(finding.lines), finding.matched_by, finding.expected_minor, finding.found_minor,
    )  # fmt: skip


def finding(record: ExceptionRecord) -> Finding:
    """Give the finding of an exception."""
    one = record.about
    return Finding(
        record.finding_id, one.rule, Leg(one.leg), one.key, one.amount_minor, one.currency, Sureness(one.sure),
        one.settled_on, one.date, one.mid, one.tid, one.rrn, one.tx_id, one.lines, one.matched_by, one.expected_minor,
        one.found_minor,
    )  # fmt: skip


def _bounded(lines: tuple[str, ...]) -> tuple[str, ...]:
    if len(lines) > LINES_MAX:
        lines = (*lines[: LINES_MAX - 1], f"+{len(lines) - LINES_MAX + 1}")
    return tuple(map(_line, lines))


def _line(text: str) -> str:
    return text.replace("\n", " ")
