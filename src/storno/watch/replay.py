"""A past journal looked at again, in memory: which alerts would have been raised, in what order, with what cause.

Facts are taken in the order of their time: journals written transaction by transaction (the generator's) work as well.
Must not write anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.journal.base import Head
from storno.journal.fact import GENESIS, Stored
from storno.watch.run import Watcher
from storno.watch.store import AlertStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storno.reversal.record import Fact
    from storno.watch.levels import Attributes
    from storno.watch.run import Source, WatchOptions


class ByTime:
    """A journal's facts in the order of their time, numbered anew."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._facts = sorted(source.read(), key=lambda one: (one.row[1], one.seq))

    def head(self) -> Head:
        """Give the last fact's number."""
        return Head(len(self._facts), GENESIS)

    def read(self, after_seq: int = 0) -> Iterator[Stored]:
        """Give the facts after a number."""
        for seq in range(after_seq, len(self._facts)):
            one = self._facts[seq]
            yield Stored(seq + 1, one.row, one.digest)

    def facts(self, tx_id: str) -> tuple[Fact, ...]:
        """Give all facts of a transaction."""
        return self._source.facts(tx_id)


def replay(source: Source, fleet: Mapping[str, Attributes], options: WatchOptions | None = None) -> Watcher:
    """Follow a whole journal in the order of time; the watcher's store has the alerts."""
    watcher = Watcher(AlertStore(None), ByTime(source), fleet, options)
    watcher.follow()
    return watcher
