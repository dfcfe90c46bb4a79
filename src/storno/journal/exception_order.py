"""Orders about exceptions: what a run reports and what people decide, turned into changes to commit, or refused.

The decision is made where the writing is, against what is stored at that moment, so that two runs or two people at once
cannot contradict each other: the loser is refused, or finds nothing left to do. Pure but for the look-up it is given.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from storno.iso8583.mask import scrub
from storno.journal.exception_fact import (
    About,
    ExceptionFact,
    ExceptionRecord,
    about_body,
    exception_fact_row,
    exception_row,
    read_about,
    same_person,
    step,
)
from storno.journal.exception_table import (
    PEOPLE,
    REFERENCED,
    TABLE,
    TITLES,
    How,
    Move,
    Standing,
    needs_second,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storno.journal.fact import Change

NAME_MAX: Final = 64
REFERENCE_MAX: Final = 100
NOTE_MAX: Final = 500
GROUP_MAX: Final = 5_000
"""Orders that may be taken in one go, all or nothing."""
_ID = re.compile(r"[0-9a-f]{16}")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ .\-]+(?=\d)")


@dataclass(frozen=True, slots=True)
class Seen:
    """A run found this difference."""

    finding_id: str
    about: About
    run: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A run looked at everything this difference rests on, and it is no longer there; `lines` show it."""

    finding_id: str
    lines: tuple[str, ...]
    run: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Act:
    """A person's order. `version` is what the person looked at; 0 takes it as it is."""

    finding_id: str
    move: Move
    operator: str
    at_ms: int
    note: str = ""
    owner: str = ""
    how: How | None = None
    reference: str = ""
    limit_minor: int = 0
    """A resolution that nobody outside answers for needs a second person above this."""
    version: int = 0


Order: TypeAlias = Seen | Gone | Act


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order cannot be taken: the place of the order in its group, a code, and the reason in both languages."""

    place: int
    finding_id: str
    code: str
    english: str
    chinese: str


@dataclass(slots=True)
class Taken:
    """A group of orders as changes; with a refusal nothing of the group may be written."""

    changes: list[Change] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """How often each move was made; `nothing` counts orders that found nothing to do."""
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group: carried out whole (then `refused` is 0), or not at all."""

    counts: tuple[tuple[str, int], ...] = ()
    """How often each move was made, sorted by name."""
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    """The first of them."""

    def count(self, *names: str) -> int:
        """Sum the counts of these moves."""
        return sum(number for name, number in self.counts if name in names)


class Taker:
    """Takes the orders of one group, in order; several about one exception see each other."""

    def __init__(self, look_up: Callable[[str], ExceptionRecord | None]) -> None:
        self._look_up = look_up
        self._mine: dict[str, ExceptionRecord] = {}
        self.taken = Taken()
        self._place = 0

    def take(self, orders: Sequence[Order]) -> None:
        """Take some more orders of the group."""
        for order in orders:
            self._one(order)
            self._place += 1

    def _one(self, order: Order) -> None:
        known = self._mine.get(order.finding_id)
        if known is None and _ID.fullmatch(order.finding_id):
            known = self._look_up(order.finding_id)
        decided = _decide(known, order)
        if isinstance(decided, tuple):
            self.taken.refusals.append(Refusal(self._place, scrub(order.finding_id), *decided))
        elif decided is None:
            self.taken.counts["nothing"] += 1
        else:
            record = step(known, decided)
            self._mine[record.finding_id] = record
            self.taken.changes.append((exception_fact_row(decided), exception_row(record), None, None))
            self.taken.counts[decided.move.value] += 1


def take(look_up: Callable[[str], ExceptionRecord | None], orders: Sequence[Order]) -> Taken:
    """Turn a group of orders into changes; commit them only if nothing was refused."""
    taker = Taker(look_up)
    taker.take(orders)
    return taker.taken


_Reason = tuple[str, str, str]


def _decide(known: ExceptionRecord | None, order: Order) -> ExceptionFact | _Reason | None:
    if not _ID.fullmatch(order.finding_id):
        named = repr(scrub(order.finding_id))  # people paste card numbers where an id belongs
        return ("unknown", f"{named} is no id of a finding", f"{named} 不是差异编号")
    if isinstance(order, Seen):
        return _seen(known, order)
    if isinstance(order, Gone):
        return _gone(known, order)
    if known is None:
        return ("unknown", f"there is no finding {order.finding_id}", f"没有差异 {order.finding_id}")
    return unsound(order) or _act(known, order)


def _seen(known: ExceptionRecord | None, order: Seen) -> ExceptionFact | None:
    about = order.about
    if known is None:
        return ExceptionFact(order.finding_id, order.at_ms, Move.FOUND, Standing.OPEN, about, order.run)
    if not about.same_difference(known.about):
        move = Move.CHANGED
    elif known.standing is Standing.CLOSED:
        move = Move.REOPENED
    elif about != known.about:
        move = Move.SEEN_AGAIN
    else:
        return None
    standing = TABLE[known.standing, move]
    return ExceptionFact(order.finding_id, order.at_ms, move, standing, about, order.run)


def _gone(known: ExceptionRecord | None, order: Gone) -> ExceptionFact | None:
    if known is None or known.standing is Standing.CLOSED:
        return None
    standing = TABLE[known.standing, Move.CLOSED_BY_EVIDENCE]
    return ExceptionFact(
        order.finding_id, order.at_ms, Move.CLOSED_BY_EVIDENCE, standing, run=order.run, lines=order.lines
    )


def _act(known: ExceptionRecord, order: Act) -> ExceptionFact | _Reason:
    if order.version and order.version != known.version:
        return (
            "changed",
            f"{order.finding_id} has changed since it was looked at: look again before deciding",
            f"{order.finding_id} 在查看之后已有变化：请重新查看后再处理",
        )
    move = order.move
    if (
        move is Move.RESOLVED
        and order.how
        and needs_second(order.how, known.about.amount_minor, order.limit_minor)
    ):
        move = Move.PROPOSED
    standing = TABLE.get((known.standing, move))
    if standing is None:
        return (
            "not_allowed",
            f"{order.finding_id} is {TITLES[known.standing][0]}: it cannot be {TITLES[move][0]}",
            f"{order.finding_id} 状态为“{TITLES[known.standing][1]}”，不能{TITLES[move][1]}",
        )
    if move is Move.CONFIRMED and same_person(order.operator, known.proposer):
        return (
            "same_person",
            f"{known.proposer} proposed it: another person has to confirm",
            f"该处理由 {known.proposer} 提出：须由另一人复核",
        )
    deciding = move in (Move.RESOLVED, Move.PROPOSED)
    return ExceptionFact(
        order.finding_id, order.at_ms, move, standing,
        operator=order.operator.strip(), note=order.note.strip(),
        owner=order.owner.strip() if move is Move.ASSIGNED else "",
        how=order.how if deciding else None,
        reference=order.reference.strip() if deciding else "",
        limit_minor=order.limit_minor if deciding else None,
    )  # fmt: skip


# -------------------------------------------------------------------- what people write
_NOTED = frozenset({Move.NOTED, Move.RESOLVED, Move.REJECTED, Move.REOPENED})
"""Orders that mean nothing without saying why."""


def unsound(order: Act) -> _Reason | None:
    """Say what is wrong with an order by itself; None when it is sound."""
    if order.move not in PEOPLE:
        return ("not_allowed", f"nobody can order {order.move.value}", f"不能下达“{TITLES[order.move][1]}”")
    if not _is_name(order.operator):
        return (
            "operator",
            f"an order needs the name of who gives it, 1 to {NAME_MAX} printable characters",
            f"须注明操作员，1 至 {NAME_MAX} 个可见字符",
        )
    if order.move is Move.ASSIGNED and not _is_name(order.owner):
        return (
            "owner",
            f"an owner is a name of 1 to {NAME_MAX} printable characters",
            f"负责人须为 1 至 {NAME_MAX} 个可见字符",
        )
    if order.move in _NOTED and not order.note.strip():
        return ("note", "an order needs a note: what is it based on?", "须附说明：依据是什么？")
    if order.move is Move.RESOLVED:
        if order.how is None:
            return ("how", "say how it was resolved", "请说明处理方式")
        if order.how in REFERENCED and not order.reference.strip():
            return (
                "reference",
                f"{order.how.value} needs the reference it can be looked up by",
                f"“{TITLES[order.how][1]}”须填写可查询的凭证号",
            )
    for text, longest in ((order.note, NOTE_MAX), (order.reference, REFERENCE_MAX)):
        if len(text.strip()) > longest or not text.strip().isprintable():
            return (
                "note",
                f"a note is one line of at most {NOTE_MAX} printable characters, a reference of {REFERENCE_MAX}",
                f"说明须为一行，最多 {NOTE_MAX} 个可见字符；凭证号最多 {REFERENCE_MAX} 个",
            )
    return _card(order)


def _is_name(text: str) -> bool:
    name = text.strip()
    return bool(name) and len(name) <= NAME_MAX and name.isprintable()


def _card(order: Act) -> _Reason | None:
    for text in (order.operator, order.owner, order.note, order.reference):
        joined = _BETWEEN_DIGITS.sub("", text)
        if scrub(joined) != joined:
            return (
                "card",
                "the text holds a card number: write the first six and last four digits only",
                "文字中含有完整卡号：请只写前六位和后四位",
            )
    return None


# -------------------------------------------------------------------- over a socket
def order_body(order: Order) -> dict[str, Any]:
    """Write an order as JSON members."""
    base: dict[str, Any] = {"id": order.finding_id, "at_ms": order.at_ms}
    if isinstance(order, Seen):
        return {**base, "order": "seen", "about": about_body(order.about), "run": order.run}
    if isinstance(order, Gone):
        return {**base, "order": "gone", "lines": list(order.lines), "run": order.run}
    return {
        **base, "order": "act", "move": order.move.value, "operator": order.operator, "note": order.note,
        "owner": order.owner, "how": None if order.how is None else order.how.value, "reference": order.reference,
        "limit_minor": order.limit_minor, "version": order.version,
    }  # fmt: skip


def read_order(body: dict[str, Any]) -> Order:
    """Read an order back.

    Raises:
        ValueError, KeyError or TypeError: it is none.

    """
    match body["order"]:
        case "seen":
            about = _sound(read_about(body["about"]))
            return Seen(_text(body["id"]), about, _text(body["run"]), _whole(body["at_ms"]))
        case "gone":
            lines = tuple(_text(line) for line in body["lines"])
            return Gone(_text(body["id"]), lines, _text(body["run"]), _whole(body["at_ms"]))
        case "act":
            how = body["how"]
            return Act(
                _text(body["id"]), Move(body["move"]), _text(body["operator"]), _whole(body["at_ms"]),
                _text(body["note"]), _text(body["owner"]), None if how is None else How(how), _text(body["reference"]),
                _whole(body["limit_minor"]), _whole(body["version"]),
            )  # fmt: skip
    raise ValueError("no such order")


_NUMBERS = ("amount_minor", "expected_minor", "found_minor")
INT64: Final = 1 << 63


def _text(value: object) -> str:
    """Take a text that a row can hold: what does not fit would stop the journal, and the gateway with it."""
    if not isinstance(value, str) or "\n" in value:
        raise TypeError("a line of text expected")
    value.encode()
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -INT64 <= value < INT64:
        raise TypeError("whole number expected")
    return value


def _sound(about: About) -> About:
    for name in about.__slots__:
        value = getattr(about, name)
        if name == "lines":
            for line in value:
                _text(line)
        elif name not in _NUMBERS:
            _text(value)
        elif value is not None or name == "amount_minor":
            _whole(value)
    return about
