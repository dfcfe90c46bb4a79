"""An exception as facts: what happened to one finding, folded into the record that the queue shows.

Facts of exceptions share the chain with those of transactions; `tx_id` is `finding:<id>` there. The row carries the
whole record, so that a look-up needs no fold; `verify` holds the two together. Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from storno.journal.exception_table import TABLE, UNSETTLED, How, Move, Standing, needs_second

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.journal.fact import FactRow

ITEM: Final = "finding:"
"""What the facts of exceptions have in front of the id, in the place of a transaction's id."""

ExceptionRow: TypeAlias = tuple[Any, ...]
"""Values in the order of EXCEPTION_COLUMNS."""

EXCEPTION_COLUMNS: Final = (
    "item", "rule", "leg", "key", "amount_minor", "currency", "sure", "settled_on", "date", "mid", "tid", "rrn",
    "tx_id", "lines", "matched_by", "expected_minor", "found_minor", "standing", "unsettled", "owner", "how",
    "reference", "note", "proposer", "run", "evidence", "moves", "version", "found_ms", "updated_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """What a finding says: the members of `recon.finding.Finding`, as plain values."""

    rule: str
    leg: str
    key: str
    amount_minor: int
    currency: str
    sure: str
    settled_on: str = ""
    date: str = ""
    mid: str = ""
    tid: str = ""
    rrn: str = ""
    tx_id: str = ""
    lines: tuple[str, ...] = ()
    matched_by: str = ""
    expected_minor: int | None = None
    found_minor: int | None = None

    def same_difference(self, other: About) -> bool:
        """Say whether kind and money are the same; evidence may differ."""
        return (self.rule, self.amount_minor, self.currency) == (
            other.rule,
            other.amount_minor,
            other.currency,
        )


@dataclass(frozen=True, slots=True)
class ExceptionFact:
    """One thing that happened to an exception. Who did it: a run (`run`) or a person (`operator`)."""

    finding_id: str
    at_ms: int
    move: Move
    standing: Standing
    about: About | None = None
    run: str = ""
    lines: tuple[str, ...] = ()
    """Evidence lines of a closing."""
    operator: str = ""
    owner: str = ""
    how: How | None = None
    reference: str = ""
    note: str = ""
    limit_minor: int | None = None
    """The bound that decided whether a second person was needed."""


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """An exception as its facts make it."""

    finding_id: str
    about: About
    standing: Standing
    run: str
    found_ms: int
    updated_ms: int
    owner: str = ""
    how: How | None = None
    reference: str = ""
    note: str = ""
    """What the resolution, or the proposal, is based on."""
    proposer: str = ""
    evidence: tuple[str, ...] = ()
    moves: int = 1
    version: int = 1
    """Counts what a person must know of before deciding: everything but notes and the same difference seen again."""


class NotAllowed(AssertionError):  # noqa: N818 it names what is so
    """The facts of an exception do not follow from each other, or a step was taken that the table does not have."""


def is_item(tx_id: str) -> bool:
    """Say whether this stands for an exception, not for a transaction."""
    return tx_id.startswith(ITEM)


def step(record: ExceptionRecord | None, fact: ExceptionFact) -> ExceptionRecord:
    """Apply a fact; it must say the standing that the table gives.

    Raises:
        NotAllowed: there is no such cell, or the fact contradicts the record.

    """
    if record is None or fact.move is Move.FOUND:
        if (
            record is not None
            or fact.move is not Move.FOUND
            or fact.about is None
            or fact.standing is not Standing.OPEN
        ):
            raise NotAllowed("a finding is missing or doubled")
        return ExceptionRecord(fact.finding_id, fact.about, Standing.OPEN, fact.run, fact.at_ms, fact.at_ms)
    if TABLE.get((record.standing, fact.move)) is not fact.standing:
        raise NotAllowed(f"{record.standing.value} and {fact.move.value} do not give {fact.standing.value}")
    _lawful(record, fact)
    return replace(
        _told(record, fact),
        standing=fact.standing,
        updated_ms=fact.at_ms,
        moves=record.moves + 1,
        version=record.version + (fact.move not in (Move.NOTED, Move.SEEN_AGAIN)),
    )


def _lawful(record: ExceptionRecord, fact: ExceptionFact) -> None:
    """Hold a fact to what the table cannot say: who, and how much."""
    move = fact.move
    if move in (Move.SEEN_AGAIN, Move.CHANGED):
        same = fact.about is not None and fact.about.same_difference(record.about)
        if fact.about is None or same is (move is Move.CHANGED):
            raise NotAllowed(f"{move.value} does not fit the difference")
    elif move in (Move.RESOLVED, Move.PROPOSED):
        if fact.how is None or fact.limit_minor is None or not fact.operator:
            raise NotAllowed("a resolution without how, bound or name")
        if needs_second(fact.how, record.about.amount_minor, fact.limit_minor) is (move is Move.RESOLVED):
            raise NotAllowed("a resolution on the wrong side of its bound")
    elif move is Move.CONFIRMED and same_person(fact.operator, record.proposer):
        raise NotAllowed("a proposal confirmed by its maker")


def same_person(one: str, other: str) -> bool:
    """Say whether two names are one person's: case and spaces make no second person."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _told(record: ExceptionRecord, fact: ExceptionFact) -> ExceptionRecord:
    match fact.move:
        case Move.SEEN_AGAIN if fact.about is not None:
            return replace(record, about=fact.about, run=fact.run)
        case Move.CHANGED if fact.about is not None:
            return replace(_undecided(record), about=fact.about, run=fact.run)
        case Move.CLOSED_BY_EVIDENCE:
            return replace(record, run=fact.run, evidence=fact.lines)
        case Move.REOPENED:
            return replace(_undecided(record), about=fact.about or record.about, run=fact.run or record.run)
        case Move.ASSIGNED:
            return replace(record, owner=fact.owner)
        case Move.PROPOSED | Move.RESOLVED:
            return replace(
                record,
                how=fact.how,
                reference=fact.reference,
                note=fact.note,
                proposer=fact.operator if fact.move is Move.PROPOSED else "",
            )
        case Move.REJECTED:
            return _undecided(record)
        case _:
            return record


def _undecided(record: ExceptionRecord) -> ExceptionRecord:
    return replace(record, how=None, reference="", note="", proposer="", evidence=())


def fold(facts: Iterable[ExceptionFact]) -> ExceptionRecord | None:
    """Fold the facts of one exception."""
    record: ExceptionRecord | None = None
    for fact in facts:
        record = step(record, fact)
    return record


# -------------------------------------------------------------------- rows
_PLAIN = ("run", "operator", "owner", "reference", "note")
_ABOUT = {one.name: one.default for one in fields(About)}


def exception_fact_row(fact: ExceptionFact) -> FactRow:
    """Write a fact as a row of the chain."""
    body: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(fact, name))}
    if fact.about is not None:
        body["about"] = about_body(fact.about)
    if fact.lines:
        body["lines"] = list(fact.lines)
    if fact.how is not None:
        body["how"] = fact.how.value
    if fact.limit_minor is not None:
        body["limit_minor"] = fact.limit_minor
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return (ITEM + fact.finding_id, fact.at_ms, fact.move.value, fact.standing.value, text)


def read_exception_fact(row: FactRow) -> ExceptionFact:
    """Read a fact back from its row."""
    item, at_ms, move, standing, text = row
    body = json.loads(text)
    return ExceptionFact(
        item.removeprefix(ITEM), at_ms, Move(move), Standing(standing),
        about=read_about(body["about"]) if "about" in body else None,
        lines=tuple(body.get("lines", ())),
        how=How(body["how"]) if "how" in body else None,
        limit_minor=body.get("limit_minor"),
        **{name: body[name] for name in _PLAIN if name in body},
    )  # fmt: skip


def about_body(about: About) -> dict[str, Any]:
    """Write what a finding says as JSON members; what is empty is left out."""
    body = {name: value for name, empty in _ABOUT.items() if (value := getattr(about, name)) != empty}
    return body | ({"lines": list(about.lines)} if about.lines else {})


def read_about(body: dict[str, Any]) -> About:
    """Read it back. Raises TypeError or KeyError when it is none."""
    return About(**{**body, "lines": tuple(body.get("lines", ()))})


def exception_row(record: ExceptionRecord) -> ExceptionRow:
    """Give the queryable row of an exception."""
    one = record.about
    return (
        ITEM + record.finding_id, one.rule, one.leg, one.key, one.amount_minor, one.currency, one.sure, one.settled_on,
        one.date, one.mid, one.tid, one.rrn, one.tx_id, "\n".join(one.lines), one.matched_by, one.expected_minor,
        one.found_minor, record.standing.value, int(record.standing in UNSETTLED), record.owner,
        None if record.how is None else record.how.value, record.reference, record.note, record.proposer, record.run,
        "\n".join(record.evidence), record.moves, record.version, record.found_ms, record.updated_ms,
    )  # fmt: skip


def read_exception_row(row: ExceptionRow) -> ExceptionRecord:
    """Read an exception back from its row."""
    (
        item, rule, leg, key, amount, currency, sure, settled_on, date, mid, tid, rrn, tx_id, lines, matched_by,
        expected, found, standing, _, owner, how, reference, note, proposer, run, evidence, moves, version, found_ms,
        updated_ms,
    ) = row  # fmt: skip
    about = About(
        rule, leg, key, amount, currency, sure, settled_on, date, mid, tid, rrn, tx_id, _split(lines), matched_by,
        expected, found,
    )  # fmt: skip
    return ExceptionRecord(
        item.removeprefix(ITEM), about, Standing(standing), run, found_ms, updated_ms, owner,
        None if how is None else How(how), reference, note, proposer, _split(evidence), moves, version,
    )  # fmt: skip


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()
