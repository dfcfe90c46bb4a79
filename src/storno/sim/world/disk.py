"""The gateway's disk: batches become durable in groups, after a while, or not at all.

Rule: a group is stored whole or not at all, in order, and reported only after it is stored. A crash loses what was
submitted and not yet stored, tears the group being written (which then counts as never written), or strikes between
storing and reporting. A full disk stores nothing more and says so. The journal below is the production memory engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from storno.journal.fact import Change
from storno.journal.memory import MemoryJournal
from storno.sim.world.clock import Clock

Batch = tuple[int, list[Change]]


@dataclass(slots=True)
class DiskFaults:
    """How bad a disk is. Shares from 0 to 1, times in milliseconds."""

    sync_ms: int = 2
    slow: float = 0.0
    slow_ms: int = 0
    full: float = 0.0
    """Share of groups that find the disk full."""

    def calm(self) -> None:
        """Let the faults stop."""
        self.slow = self.full = 0.0


class Disk:
    """One journal on one disk, with one writer."""

    def __init__(
        self,
        clock: Clock,
        rng: Random,
        faults: DiskFaults,
        journal: MemoryJournal,
        stored: Callable[[Sequence[Change]], None],
        note: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._faults = faults
        self._stored = stored
        self._note = note
        self._queue: list[Batch] = []
        self._writing: list[Batch] = []
        self._life = 0
        self._report: Callable[[int], None] = _nobody
        self._failed: Callable[[], None] = _silent
        self.journal = journal

    def open(self, report: Callable[[int], None], failed: Callable[[], None]) -> int:
        """Start a writer; give the number of this start."""
        self._life += 1
        self._report, self._failed = report, failed
        return self.journal.next_incarnation()

    def submit(self, token: int, changes: list[Change]) -> None:
        """Hand over a batch."""
        self._queue.append((token, changes))
        if not self._writing:
            self._begin()

    @property
    def waiting(self) -> list[Change]:
        """What was handed over and is not stored."""
        return [change for _, changes in (*self._writing, *self._queue) for change in changes]

    def crash(self) -> None:
        """Lose the process: the group being written may still be stored, what waited behind it is gone."""
        self._life += 1
        group, self._writing, waited, self._queue = self._writing, [], self._queue, []
        if not group:
            return
        if self._rng.random() < 0.5:
            self._note("disk_unreported")
            self._store(group)
            if waited and self._rng.random() < 0.5:  # a writer of its own outlives the process that fed it
                self._store(waited)
            elif waited:
                self._note("disk_tail_lost")
        else:
            self._note("disk_torn")

    def _begin(self) -> None:
        self._writing, self._queue = self._queue, []
        faults = self._faults
        wait = faults.sync_ms
        if faults.slow and self._rng.random() < faults.slow:
            self._note("disk_slow")
            wait += int(self._rng.random() * faults.slow_ms)
        self._clock.after(wait, self._synced, self._life)

    def _synced(self, life: int) -> None:
        if life != self._life:
            return
        faults = self._faults
        if faults.full and self._rng.random() < faults.full:
            self._note("disk_full")
            self._writing, self._queue = [], []
            self._life += 1
            self._failed()
            return
        group = self._writing
        self._store(group)
        self._clock.after(1, self._acknowledge, life, group[-1][0])
        self._writing = []
        if self._queue:
            self._begin()

    def _acknowledge(self, life: int, token: int) -> None:
        if life == self._life:
            self._report(token)

    def _store(self, group: list[Batch]) -> None:
        changes = group[0][1] if len(group) == 1 else [change for _, batch in group for change in batch]
        self.journal.commit(changes)
        self._stored(changes)


def _nobody(_token: int) -> None:
    """Report to nobody: no writer was started yet."""


def _silent() -> None:
    """Tell nobody: no writer was started yet."""
