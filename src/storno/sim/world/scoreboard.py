"""What many worlds come to, in numbers: what was tried, what went wrong around us, and what we did wrong.

Rule: only numerators and denominators, added up world by world, so that the order of the worlds does not matter. Lost
and doubled money are counted even though a single one of them already ends the run with failure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from storno.reversal.key import TxKey
from storno.reversal.lifecycle import TABLE, Input, State
from storno.sim.compare import Class
from storno.sim.world.checkers import silent
from storno.sim.world.facts import Follower, Row
from storno.sim.world.swarm import MORNING_MS, draw
from storno.sim.world.violation import Violation
from storno.sim.world.world import World

_IN_FLIGHT = frozenset({State.AUTHORIZING, State.ADVISING})
_ANSWERS = frozenset(
    {Input.RESPONSE_APPROVED, Input.RESPONSE_DECLINED, Input.RESPONSE_DOUBTFUL, Input.RESPONSE_INVALID}
)


@dataclass(frozen=True, slots=True)
class Broken:
    """A world in which a promise was broken."""

    seed: int
    promise: str
    text: str
    key: TxKey | None = None
    small: bool = False

    @property
    def replay(self) -> str:
        """Give the line that plays it again."""
        return f"storno sim --seed {self.seed:#x}" + (" --small" if self.small else "")


@dataclass(slots=True)
class Score:
    """The sums."""

    worlds: int = 0
    worlds_proven: int = 0
    """Worlds that lived through their evening with every promise kept: what `silent`, `lost` and `doubled` say of these
    is proven."""
    worlds_broken: int = 0
    """Worlds that a broken promise ended: nobody compared their books to the end."""
    worlds_stopped: int = 0
    """Worlds that were ended before their evening (`until_ms`) with no promise broken so far."""
    trusted: int = 0
    """Worlds whose host kept its books and what it reversed unseen: there, nothing may be left to reconciliation."""
    transactions: int = 0
    touched: int = 0
    """Transactions struck by at least one fault."""
    simulated_ms: int = 0
    reversed: int = 0
    repeats: int = 0
    terminal_reversals: int = 0
    late_answers: int = 0
    cases: int = 0
    named: int = 0
    """Differences between the books in the evening that an open exception already named."""
    found: int = 0
    """Differences that only the comparison found; in trusted worlds each is a violation."""
    silent: int = 0
    lost: int = 0
    doubled: int = 0
    """After the evening's work, these must be 0 everywhere. Of a world that broke or was stopped they count what was
    seen, which may be less than there is."""
    faults: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    """What the days were made of that is no fault."""
    rows: Counter[Row] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add another score."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, one.name, mine + theirs)

    @property
    def never(self) -> tuple[tuple[State, Input], ...]:
        """Give the rows of the life cycle that no world has taken."""
        return tuple(cell for cell in TABLE if cell not in self.rows)

    @property
    def reached(self) -> int:
        """Count the rows of the life cycle that were taken."""
        return len(TABLE) - len(self.never)

    def as_json(self) -> dict[str, Any]:
        """Give it as one JSON-able object."""
        return {
            **{one.name: getattr(self, one.name) for one in fields(self) if one.type == "int"},
            "faults": dict(sorted(self.faults.items())),
            "happened": dict(sorted(self.happened.items())),
            "rows": len(TABLE),
            "rows_reached": self.reached,
            "rows_never": [f"{state.value}+{what.value}" for state, what in self.never],
            "broken": [
                {
                    "seed": f"{one.seed:#x}",
                    "promise": one.promise,
                    "text": one.text,
                    "key": str(one.key or ""),
                }
                for one in self.broken
            ],
        }


def live(seed: int, until_ms: int | None = None, *, small: bool = False) -> Score:
    """Live through the world of a seed and give its score; a broken promise is in it, not raised."""
    world = World(draw(seed, small=small))
    broken: list[Broken] = []
    try:
        world.run(until_ms)
    except Violation as violation:
        broken.append(Broken(seed, violation.promise, violation.text, violation.key, small))
    except AssertionError as error:
        broken.append(Broken(seed, "contract", str(error) or type(error).__name__, None, small))
    except Exception as error:  # noqa: BLE001 - whatever the code under test raises is a finding with a seed
        broken.append(Broken(seed, "crash", f"{type(error).__name__}: {error}", None, small))
    return _score(world, broken)


def _score(world: World, broken: list[Broken]) -> Score:
    score = Score(worlds=1, trusted=int(world.swarm.trusted), broken=broken, faults=world.faults)
    score.worlds_broken = int(bool(broken))
    score.worlds_proven = int(not broken and world.last is not None)
    score.worlds_stopped = int(not broken and world.last is None)
    score.happened = +world.happened
    followers = [world.auditor.follower(gateway.number) for gateway in world.gateways]
    score.transactions = sum(len(follower.transactions) for follower in followers)
    if len(followers) > 1:
        score.happened["tx_with_several_gateways"] += score.transactions
    if world.rogues:
        score.happened["tx_beside_rogue_terminals"] += score.transactions
    if world.swarm.start_ms != MORNING_MS:
        score.happened["tx_around_midnight"] += score.transactions
    score.touched = sum(
        (one.key.tid, one.key.stan) in world.touched
        for follower in followers
        for one in follower.transactions.values()
    )
    score.simulated_ms = world.clock.now_ms - world.swarm.start_ms
    score.terminal_reversals = world.auditor.counts["terminal_reversals"]
    for follower in followers:
        _count(score, follower)
    if world.first is not None:
        unnamed = silent(world.first)
        score.found = len(unnamed)
        score.named = len(world.first.findings) - len(unnamed)
    if world.last is not None:
        score.lost, score.doubled = world.last.count(Class.LOST), world.last.count(Class.DOUBLED)
        score.silent = world.last.count(Class.SILENT)
    return score


def _count(score: Score, follower: Follower) -> None:
    score.rows.update(follower.rows)
    score.cases += follower.cases
    for stored in follower.transactions.values():
        score.reversed += stored.dues > 0
        score.repeats += max(0, stored.dues - 1)
    score.late_answers += sum(
        times
        for (state, what), times in follower.rows.items()
        if what in _ANSWERS and state not in _IN_FLIGHT
    )
