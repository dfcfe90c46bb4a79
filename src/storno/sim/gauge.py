"""What a run looks like from outside: the journal and the host's notes read on, a little more each time.

Rule: read only, beside the running processes, from where the last look ended; nothing is counted twice and a process
that is killed and restarted changes nothing here. The host's own notes say which faults it injected.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storno.journal.base import JournalError
from storno.journal.exception_fact import is_item
from storno.journal.fact import TX_COLUMNS, read_fact
from storno.journal.sqlite_reader import SqliteReader
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.record import Trigger
from storno.sim.three_books import JOURNAL, ROWS_MAX

if TYPE_CHECKING:
    from pathlib import Path

    from storno.reversal.record import Fact

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_ANSWERS = frozenset(
    {
        Input.RESPONSE_APPROVED,
        Input.RESPONSE_DECLINED,
        Input.RESPONSE_DOUBTFUL,
        Input.RESPONSE_INVALID,
        Input.CONTRADICTED,
    }
)
_FLYING = frozenset({State.AUTHORIZING, State.ADVISING})


@dataclass(frozen=True, slots=True)
class OpenReversal:
    """One reversal under way."""

    tx_id: str
    tid: str
    stan: str
    amount_minor: int
    trigger: str
    attempts: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One exception that waits for a person."""

    tx_id: str
    tid: str
    stan: str
    amount_minor: int
    case: Case
    state: State
    at_risk: bool
    """Its money is in suspense."""


@dataclass(slots=True)
class Figures:
    """Everything counted so far."""

    opened: int = 0
    approved: int = 0
    timeouts: int = 0
    reversals: int = 0
    """Transactions that began to be undone."""
    reversed: int = 0
    sendings: int = 0
    repeats: int = 0
    late_answers: int = 0
    recovered: int = 0
    """In doubt when a gateway came back after a crash."""
    causes: Counter[str] = field(default_factory=Counter)


class Gauge:
    """The journal of one home folder, followed while it grows."""

    def __init__(self, home: Path) -> None:
        self._path = home / JOURNAL
        self._reader: SqliteReader | None = None
        self._seq = 0
        self._state: dict[str, State] = {}
        self._sent: set[str] = set()
        self.late: set[str] = set()
        """Transactions that saw an answer after their decision."""
        self.figures = Figures()

    def look(self) -> Figures:
        """Read on; before there is a journal nothing is counted."""
        reader = self._open()
        if reader is not None:
            for stored in reader.read(self._seq):
                self._seq = stored.seq
                if not is_item(stored.row[0]):
                    self._count(read_fact(stored.row))
        return self.figures

    def _open(self) -> SqliteReader | None:
        if self._reader is None:
            try:
                self._reader = SqliteReader(self._path)
            except JournalError:
                return None
        return self._reader

    def _count(self, fact: Fact) -> None:
        figures, before = self.figures, self._state.get(fact.tx_id)
        if fact.opening is not None:
            figures.opened += 1
        if fact.input in _ANSWERS and before not in _FLYING:
            figures.late_answers += 1
            self.late.add(fact.tx_id)
        elif fact.input is Input.RESPONSE_APPROVED:
            figures.approved += 1
        figures.timeouts += fact.input is Input.RESPONSE_TIMEOUT
        figures.recovered += fact.input is Input.RECOVERED
        if fact.state is State.REVERSING and before is not State.REVERSING:
            figures.reversals += before is not State.REVERSED
            trigger = fact.detail.trigger or (fact.opening.trigger if fact.opening is not None else None)
            figures.causes[(trigger or Trigger.TERMINAL).value] += 1
        if fact.input is Input.REVERSAL_DUE:
            figures.sendings += 1
            figures.repeats += fact.tx_id in self._sent
            self._sent.add(fact.tx_id)
        figures.reversed += fact.state is State.REVERSED and before is not State.REVERSED
        self._state[fact.tx_id] = fact.state

    def open_reversals(self) -> tuple[OpenReversal, ...]:
        """Give the reversals under way, oldest first."""
        return tuple(
            OpenReversal(
                row[_AT["tx_id"]],
                row[_AT["tid"]],
                row[_AT["stan"]],
                _amount(row),
                row[_AT["trigger"]] or "",
                row[_AT["attempts"]],
                row[_AT["opened_ms"]],
            )
            for row in self._rows(pending_only=True)
            if row[_AT["state"]] == State.REVERSING.value
        )

    def in_flight(self) -> int:
        """Count transactions that are not decided yet, reversals included."""
        return len(self._rows(pending_only=True))

    def cases(self) -> tuple[OpenCase, ...]:
        """Give the open exceptions, oldest first."""
        return tuple(
            OpenCase(
                row[_AT["tx_id"]],
                row[_AT["tid"]],
                row[_AT["stan"]],
                _amount(row),
                Case(row[_AT["case_kind"]]),
                State(row[_AT["state"]]),
                row[_AT["position"]] == "suspense",
            )
            for row in self._rows(cases_only=True)
        )

    def most_telling(self) -> str:
        """Give the id of the transaction that is best worth explaining: reversed, with repeats or a late answer."""
        best, found = -1, ""
        for row in self._rows():
            if row[_AT["state"]] != State.REVERSED.value or row[_AT["tombstone"]]:
                continue
            tx_id = row[_AT["tx_id"]]
            sale = row[_AT["kind"]] == "sale"
            score = 4 * (tx_id in self.late) + 3 * sale + min(row[_AT["attempts"]], 4)
            if score > best:
                best, found = score, tx_id
        return found

    def _rows(self, *, cases_only: bool = False, pending_only: bool = False) -> tuple[tuple[Any, ...], ...]:
        reader = self._open()
        if reader is None:
            return ()
        return reader.rows(cases_only=cases_only, pending_only=pending_only, limit=ROWS_MAX)

    def close(self) -> None:
        """Let go of the journal."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _amount(row: tuple[Any, ...]) -> int:
    approved = row[_AT["approved_minor"]]
    return int(row[_AT["amount_minor"]] if approved is None else approved)


class FaultTail:
    """The host's notes, read on: how many messages had which fault."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self.counts: Counter[str] = Counter()
        self.messages = 0

    def look(self) -> Counter[str]:
        """Read what the host wrote since the last look; a line that a kill cut off is passed over."""
        if not self._path.exists():
            return self.counts
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        return self.counts

    def _line(self, line: bytes) -> None:
        try:
            note = json.loads(line)
        except ValueError:
            return
        if isinstance(note, dict) and note.get("event") == "message":
            self.messages += 1
            if note.get("fault"):
                self.counts[str(note["fault"]).partition(":")[0]] += 1
