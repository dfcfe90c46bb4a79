"""The whole story of one transaction: the summary first, then every fact in order, in words and with money.

`tell` is the door. It replays the facts, so what it says of the money is what the ledger holds. Pure: the zone of the
shop arrives as an argument, times are shown in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from storno.diagnosis import advice, standing
from storno.diagnosis.events import Event, event
from storno.diagnosis.path import replay
from storno.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.diagnosis.advice import NextStep
    from storno.diagnosis.standing import MoneyWords, Sums
    from storno.reversal.record import Fact, Record

UTC_OFFSET_MIN = 480
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a person wants to know first."""

    headline: str
    money: MoneyWords
    sums: Sums
    told: str
    next: NextStep
    due_local: str
    """When the next attempt is due, in local time; empty where nothing runs."""
    deadline_local: str
    """When Storno gives up and calls a person; empty where nothing runs."""
    do_not: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A transaction told."""

    record: Record
    kind: str
    amount: str
    card: str
    summary: Summary
    events: tuple[Event, ...]


def tell(record: Record, facts: Sequence[Fact], lang: str, utc_offset_min: int = UTC_OFFSET_MIN) -> Story:
    """Tell the story of a transaction in `lang` (zh or en) from its facts, oldest first.

    Raises:
        ContractBroken: the facts do not follow from each other.
        AssertionError: the record is not what the facts make of it.

    """
    path = replay(facts)
    if path.record != record:
        raise AssertionError(f"{record.tx_id}: the record is not the fold of these facts")
    step = advice.next_step(path, lang)
    summary = Summary(
        headline=advice.headline(path, lang),
        money=standing.in_words(path.sums, lang),
        sums=path.sums,
        told=advice.told(path, lang),
        next=step,
        due_local=local_text(step.due_ms, utc_offset_min),
        deadline_local=local_text(step.deadline_ms, utc_offset_min),
        do_not=advice.do_not(path, lang),
    )
    opening = record.opening
    return Story(
        record=record,
        kind=record.kind.title(lang),
        amount=str(Money(opening.amount_minor, opening.currency)),
        card=opening.pan_masked,
        summary=summary,
        events=tuple(event(one, local_text(one.fact.at_ms, utc_offset_min), lang) for one in path.moments),
    )


def local_text(at_ms: int, utc_offset_min: int = UTC_OFFSET_MIN) -> str:
    """Write an instant (milliseconds since 1970, UTC) as the shop's clock shows it; empty for 0."""
    if not at_ms:
        return ""
    when = _EPOCH + timedelta(milliseconds=at_ms, minutes=utc_offset_min)
    return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d}"
