"""What a reconciliation comes to: findings, what is held, the account of every row, the bridge, and the verdict.

Rule: the verdict is derived from the proof and never set. Pure data; tables are Arrow, so that a million findings cost
no million objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from storno.recon.exceptions import Closed
from storno.recon.finding import Finding, Leg, Sureness
from storno.statements.line import Role

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


class Verdict(Enum):
    """How a run ended."""

    OK = "ok"
    """Everything agrees, or waits within its days, and the proof holds."""
    BREAKS = "breaks"
    """There are differences, and they explain all of the money."""
    INCOMPLETE = "incomplete"
    """Something is missing or does not add up: no figure of this run may be called final."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The part of a leg on which a run has no last word, because something is missing or does not add up."""

    leg: Leg
    missing: Role | None = None
    """The side that lacks lines; None: the leg's figures are no proof of anything."""
    first: str = ""
    """Days of what is missing, YYYYMMDD, both included; empty: open. Clearing days, also where the bank is missing."""
    last: str = ""
    mids: frozenset[str] = frozenset()
    """Merchants it is about; empty: all."""
    tids: frozenset[str] = frozenset()
    """Terminals it is about; empty: all."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run is incomplete, or a note on what it did not compare."""

    code: str
    english: str
    chinese: str
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Where every row of one side went, in one leg. `counted` must be `rows`."""

    leg: Leg
    side: str
    rows: int
    parts: tuple[tuple[str, int], ...]
    """matched, finding, held, cancelled, no_effect, outside, uncovered, and what was left aside with its reason; of the
    bank's lines also not_payout: bookings that are none of a merchant of ours."""

    @property
    def counted(self) -> int:
        """Add up the parts."""
        return sum(count for _, count in self.parts)

    @property
    def whole(self) -> bool:
        """Say whether every row was counted exactly once."""
        return self.rows == self.counted


@dataclass(frozen=True, slots=True)
class Within:
    """What of one side is of the period's own days, in one leg; the proof also counts the days beside them."""

    leg: Leg
    side: str
    rows: int
    sums: tuple[tuple[str, int], ...]
    """Money that counts by currency, signed minor units: booked, or moved outside; of the bank what it paid out."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """From our books to the outside, in minor units: books + every difference = outside, to the last one."""

    leg: Leg
    currency: str
    books_minor: int
    outside_minor: int
    parts: tuple[tuple[str, int], ...]
    """Sums of differences: by finding, held, outside the period, and not covered by any file."""

    @property
    def residual_minor(self) -> int:
        """Give what no difference explains; anything but 0 makes the run incomplete."""
        return self.outside_minor - self.books_minor - sum(minor for _, minor in self.parts)


@dataclass(frozen=True, slots=True)
class Result:
    """One reconciliation."""

    run_id: str
    first: str
    """First day that occurs or was asked for, YYYYMMDD."""
    last: str
    as_of: str
    table: pa.Table
    """In the columns of `Finding` after `what`, which is `finding`, `held` (may wait) or `provisional` (a reason says
    that what would explain it may be missing); sorted."""
    accounts: tuple[Account, ...]
    bridges: tuple[Bridge, ...]
    passes: tuple[tuple[Leg, str, int], ...]
    """Lines that each pass brought to their transaction."""
    reasons: tuple[Reason, ...]
    compared: tuple[Leg, ...]
    """Legs both sides of which there were."""
    closed: tuple[Closed, ...] = ()
    """Differences of earlier runs that are gone, with their evidence."""
    notes: tuple[Reason, ...] = ()
    """What was not compared although nothing is missing: named, so that nothing is silently absent."""
    as_of_by_leg: tuple[tuple[Leg, str], ...] = ()
    """The last day each leg's files are in for: without an order, that of its own files."""

    within: tuple[Within, ...] = ()
    """Each account's share of the period's own days, by the rows' own day; empty where no period was asked for."""

    @property
    def as_of_apart(self) -> tuple[tuple[Leg, str], ...]:
        """Give the legs that went by another day than `as_of` says."""
        return tuple(one for one in self.as_of_by_leg if one[0] in self.compared and one[1] != self.as_of)

    @property
    def verdict(self) -> Verdict:
        """Derive the verdict."""
        if self.reasons:
            return Verdict.INCOMPLETE
        return Verdict.BREAKS if self.count("finding") else Verdict.OK

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Give every part of a leg on which there is no last word."""
        return tuple(gap for one in (*self.reasons, *self.notes) for gap in one.gaps)

    def count(self, what: str) -> int:
        """Count what is found (`finding`), held (`held`) or provisional (`provisional`)."""
        return sum(1 for one in self.table.column("what").to_pylist() if one == what)

    def findings(self, what: str = "finding") -> Iterator[Finding]:
        """Give what is found (`finding`), held (`held`) or provisional (`provisional`), in its order."""
        for batch in self.table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                if row.pop("what") == what:
                    yield Finding(
                        **{**row, "leg": Leg(row["leg"]), "sure": Sureness(row["sure"]),
                           "lines": tuple(row["lines"].split())}
                    )  # fmt: skip

    def moved(self, what: str = "finding") -> dict[tuple[str, str, str], int]:
        """Sum by leg, rule and currency what the outside has more: what each kind counts for in the proof."""
        found: dict[tuple[str, str, str], int] = {}
        names = ("what", "leg", "rule", "currency", "expected_minor", "found_minor")
        for kind, leg, rule, currency, expected, there in zip(
            *(self.table.column(name).to_pylist() for name in names), strict=True
        ):
            if kind == what:
                found[leg, rule, currency] = found.get((leg, rule, currency), 0) + there - expected
        return found

    def summary(self, what: str = "finding") -> list[tuple[str, str, str, int, int]]:
        """Give leg, rule, currency, count and money of each kind, in the rules' order."""
        found: dict[tuple[str, str, str], tuple[int, int]] = {}
        columns = (
            self.table.column(one).to_pylist() for one in ("what", "leg", "rule", "currency", "amount_minor")
        )
        for kind, leg, rule, currency, minor in zip(*columns, strict=True):
            if kind == what:
                count, money = found.get((leg, rule, currency), (0, 0))
                found[leg, rule, currency] = (count + 1, money + minor)
        return [(*key, *value) for key, value in found.items()]
