"""Differences of earlier runs: which of them this run no longer has, and the outside lines that show why.

Rule: a difference is gone only where this run looked: its leg was compared, its day is within the period, and nothing
is missing there that could bring it back. One that is held or provisional is not gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.recon.exceptions import Closed
from storno.recon.provisional import hidden

if TYPE_CHECKING:
    from storno.journal.exception_fact import ExceptionRecord
    from storno.recon.engines.base import Engine
    from storno.recon.finding import Finding
    from storno.recon.provisional import Waiting
    from storno.recon.result import Result

_COLUMNS = {"finding_id": "text", "leg": "text", "rrn": "text", "tid": "text", "stan": "text", "head": "text"}
_NETWORK = """
SELECT e.finding_id, n.row_id FROM net AS n JOIN earlier AS e ON n.rrn = e.rrn AND e.rrn <> '' WHERE e.leg = 'network'
UNION SELECT e.finding_id, n.row_id FROM net AS n JOIN earlier AS e
    ON n.tid = e.tid AND n.stan = e.stan AND e.stan <> '' AND e.tid <> '' WHERE e.leg = 'network'
"""
_TERMINAL = """
SELECT e.finding_id, n.row_id FROM term AS n JOIN earlier AS e
    ON n.tid = e.tid AND n.stan = e.stan AND e.stan <> '' AND e.tid <> '' WHERE e.leg = 'terminal'
"""
_BANK = """
SELECT e.finding_id, h.row_id FROM earlier AS e
    JOIN heads AS g ON e.head = g.group_id JOIN headed AS h ON g.head = h.head
WHERE e.leg = 'bank'
"""
_QUESTIONS = {"network": _NETWORK, "terminal": _TERMINAL, "bank": _BANK}
LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Earlier:
    """A difference that an earlier run found and nobody has closed."""

    finding_id: str
    leg: str
    key: str
    day: str
    """Business day, or the outside's day where our books have nothing; YYYYMMDD."""
    rrn: str
    tid: str
    currency: str


def of_finding(one: Finding) -> Earlier:
    """Take it from a finding."""
    return Earlier(
        one.finding_id, one.leg.value, one.key, one.date or one.settled_on, one.rrn, one.tid, one.currency
    )


def of_record(record: ExceptionRecord) -> Earlier:
    """Take it from the exception queue."""
    one = record.about
    return Earlier(
        record.finding_id, one.leg, one.key, one.date or one.settled_on, one.rrn, one.tid, one.currency
    )


def gone(engine: Engine, result: Result, known: Iterable[Earlier], waiting: Waiting) -> tuple[Closed, ...]:
    """Give what is gone, with its evidence. The engine still holds the run."""
    listed = tuple(known)
    if not listed:
        return ()
    still = set(result.table.column("finding_id").to_pylist())
    legs = {one.value for one in result.compared}
    left = {
        one.finding_id: one for one in listed
        if one.finding_id not in still and one.leg in legs and result.first <= one.day <= result.last
        and not hidden(result.gaps, one.leg, one.day, _mid(one), one.tid, waiting)
    }  # fmt: skip
    if not left:
        return ()
    engine.table("earlier", _COLUMNS, (_row(left[name]) for name in sorted(left)))
    lines: dict[str, list[str]] = {}
    for leg in sorted({one.leg for one in left.values()}):
        for name, line in engine.rows(_QUESTIONS[leg]):
            lines.setdefault(str(name), []).append(str(line))
    engine.drop(("earlier",))
    return tuple(Closed(name, tuple(sorted(set(lines.get(name, ()))))[:LINES_MAX]) for name in sorted(left))


def _mid(one: Earlier) -> str:
    parts = one.key.split("/")
    return parts[1] if len(parts) in (3, 4, 5) else ""


def _row(one: Earlier) -> tuple[str, ...]:
    parts = one.key.split("/")
    stan = parts[3] if len(parts) == 5 else ""
    head = f"{parts[1]}/{parts[2]}/{one.currency}" if one.leg == "bank" and len(parts) == 3 else ""
    return (one.finding_id, one.leg, one.rrn, one.tid or parts[0], stan, head)
