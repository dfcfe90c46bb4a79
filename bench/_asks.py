"""What the bench of diagnosis asks about: generated days with planted causes, read as signals, with the truth beside.

A day gives every card transaction that has a true cause, and one clean approval for each ten of them, so that "nothing
was wrong" is an answer too. Signals can be taken away at random on top of the generator's own gaps.
"""

from __future__ import annotations

import random
import tempfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from storno.cli.signal_file import Releases, read_signals
from storno.diagnosis.signals import NEAR_MS, Around, Signals
from storno.sim.days.plan import Plan
from storno.sim.days.run import Generator

RELEASES = Releases(frozenset({"3.2.1", "3.2.0", "3.1.7"}), frozenset({"2.9.4"}))
NOTHING = ""
CLEAN_EVERY = 10
LOSABLE = (
    "local", "rssi_dbm", "link_errors", "read_errors", "restarts", "sign_in_hours", "connect_ms", "host_ms",
    "issuer_ms", "timer_ms", "card_removed", "cancel_key", "software", "age_days", "operator", "entry_mode", "carrier",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, and what is true."""

    me: Signals
    around: Around
    cause: str
    second: str


def asks(seed: int, days: int, sales: int, faults: float, lost: float = 0.0) -> Iterator[Ask]:
    """Generate a town and ask about everything that went wrong in it."""
    with tempfile.TemporaryDirectory() as folder:
        out, truth = Path(folder) / "out", Path(folder) / "truth"
        out.mkdir()
        plan = Plan(out, truth, days=days, sales=sales, faults=faults, seed=seed, merchants=80, terminals=240,
                    plant=())  # fmt: skip
        Generator(plan).run()
        for path in sorted((out / "signals").glob("*.parquet")):
            causes = truth / path.name.replace("signals", "causes")
            yield from _day(path, causes, random.Random(seed), lost)


def _day(path: Path, causes: Path, chance: random.Random, lost: float) -> Iterator[Ask]:
    rows = list(read_signals(path, RELEASES))
    true = pq.read_table(causes, columns=["cause", "second_cause"]).to_pydict()
    terminals: dict[str, list[Signals]] = defaultdict(list)
    for row in rows:
        terminals[row.tid or ""].append(row)
    times = [row.at_ms for row in rows]
    wrong = [at for at, cause in enumerate(true["cause"]) if cause]
    clean = [
        at for at, row in enumerate(rows) if not true["cause"][at] and row.sort == "approved" and row.card
    ]
    for at in sorted(wrong + chance.sample(clean, len(wrong) // CLEAN_EVERY)):
        me = rows[at]
        near = rows[bisect_left(times, me.at_ms - NEAR_MS) : bisect_right(times, me.at_ms + NEAR_MS)]
        around = Around(tuple(terminals[me.tid or ""]), tuple(near))
        if lost:
            me = replace(me, **{name: None for name in LOSABLE if chance.random() < lost})
        yield Ask(me, around, true["cause"][at], true["second_cause"][at])
