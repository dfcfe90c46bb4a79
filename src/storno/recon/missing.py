"""Days and merchants of which nothing came: named with the money that hangs on them, from what found no counterpart.

Rule: a day is missing when no file of a source covers it and at least a tenth of what the source brings on its busiest
day found no line, more than one booking at that, or one that the bank paid for; a file that is there and lacks lines
shows in the same way. A file without a line covers its day. Asks the engine; matches nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storno.money import Money
from storno.recon import days
from storno.recon.finding import Leg
from storno.recon.plan import text
from storno.recon.result import Gap, Reason
from storno.recon.steps.deposits import LAG_DAYS
from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from storno.recon.engines.base import Engine
    from storno.recon.provisional import Waiting
    from storno.recon.sides import LineFile, Options, Sides
    from storno.recon.steps.pairs import Terms

SHARE = 10
"""One in so many without a counterpart is more than differences make."""
MANY_LEAST = 50
SEVERAL = 2
"""One booking without a line may as well be lost: where a shop sells little, that is a whole day."""
FEE_MOST = 10
"""A payout for a lone booking is at most a tenth less than it."""
_BARE = """
SELECT date, mid, currency, count(*) AS rows_, CAST(sum(expected_minor) AS BIGINT) AS minor FROM result_n
WHERE rule IN ('approved_not_settled', 'booked_not_settled') AND lines = '' GROUP BY date, mid, currency
"""
_BOOKED = """
SELECT day, CAST(sum(rows_) AS BIGINT) AS rows_ FROM books_totals WHERE position = 'effect' AND klass <> 'hold'
GROUP BY day
"""
_OVERPAID = """
SELECT mid, settled_on, currency, found_minor - expected_minor FROM result_b
WHERE rule = 'deposit_over' AND what = 'finding'
"""
_UNPAID = """
SELECT date, mid, currency, expected_minor FROM result_b WHERE rule = 'deposit_short' AND lines = ''
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are compared: YYYYMMDD, both included, and the last day that files are in for."""

    first: str
    last: str
    as_of: str

    @property
    def until(self) -> str:
        """Give the last day of which files must be there."""
        return min(self.last, self.as_of)


@dataclass(frozen=True, slots=True)
class _Source:
    """Files that continue each other, and how much they bring."""

    titles: tuple[str, str]
    files: tuple[LineFile, ...]
    days: frozenset[str]
    """Covered one by one: by files without a line, or where the files do not say from when to when they are."""
    busiest: int

    def covers(self, day: str) -> bool:
        return day in self.days or any(one.first <= day <= one.last for one in self.files if one.first)


@dataclass(slots=True)
class _Lacking:
    """What found no counterpart on one day."""

    rows: int = 0
    mids: frozenset[str] = frozenset()
    money: str = ""
    days: frozenset[str] = frozenset()
    """Business or clearing days it is of."""
    minor: tuple[tuple[str, int], ...] = ()
    """By currency; what we count in plus is over nought."""


class _Open:
    """One-sided rows by day, merchant and currency."""

    def __init__(self, rows: Iterable[tuple[str, str, str, str, int, int]]) -> None:
        self._by_day: dict[str, list[tuple[str, str, str, int, int]]] = defaultdict(list)
        for day, of, mid, currency, count, minor in rows:
            self._by_day[day].append((of, mid, currency, count, minor))

    def days(self) -> list[str]:
        return sorted(self._by_day)

    def of(self, day: str, mids: frozenset[str]) -> _Lacking:
        rows = [one for one in self._by_day[day] if not mids or one[1] in mids]
        sums: dict[str, int] = defaultdict(int)
        for _, _, currency, _, minor in rows:
            sums[currency] += minor
        return _Lacking(
            sum(one[3] for one in rows), frozenset(one[1] for one in rows),
            ", ".join(str(Money(minor, currency)) for currency, minor in sorted(sums.items())),
            frozenset(one[0] for one in rows), tuple(sorted(sums.items())),
        )  # fmt: skip


class _Paid:
    """What the bank paid too much: it may be for lines that did not come."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = [(str(mid), str(day), str(currency), int(minor)) for mid, day, currency, minor in rows]

    def for_(self, lone: _Lacking, day: str) -> bool:
        """Say whether a deposit of the days after it is for a lone booking, less its fee."""
        ((currency, due),) = lone.minor
        return any(
            currency == paid_in and (mid in lone.mids or not mid) and day < on <= days.shifted(day, LAG_DAYS)
            and due * (FEE_MOST - 1) <= minor * FEE_MOST and minor <= due
            for mid, on, paid_in, minor in self._rows
        )  # fmt: skip


def network_days(
    engine: Engine, sides: Sides, options: Options, span: Span, *, paid: bool = False
) -> tuple[list[Reason], list[Reason]]:
    """Name the days for which clearing is missing: of every source, of one, or in part. Gives reasons, and notes.

    `paid` says that the bank's leg was worked out before.
    """
    sources = _sources(engine, sides, Role.NETWORK, "net_totals WHERE moves")
    over = _Paid(engine.rows(_OVERPAID) if paid else ())
    said = tuple(_cleared_days(engine, sources, options, span, over)) if sources else ()
    return [one for one in said if one.gaps], [one for one in said if not one.gaps]


def _cleared_days(
    engine: Engine, sources: list[_Source], options: Options, span: Span, over: _Paid
) -> Iterator[Reason]:
    found = _Open((str(day), str(day), str(mid), currency, int(rows), int(minor))
                  for day, mid, currency, rows, minor in engine.rows(_BARE))  # fmt: skip
    booked = {str(day): int(rows) for day, rows in engine.rows(_BOOKED)}
    for day in found.days():
        if not span.first <= day <= span.until or day in options.all_in:
            continue
        without = [one for one in sources if not one.covers(day)]
        whole, ours = found.of(day, frozenset()), booked.get(day, 0)
        if len(without) == len(sources) and whole.rows * SHARE >= max(one.busiest for one in sources):
            if whole.rows < SEVERAL and not over.for_(whole, day):
                yield _lone(day, whole)
                continue
            yield Reason(
                "day", f"no line of the network for {day}, on which we booked {ours}",
                f"{day} 本方记账 {ours} 笔，却没有任何清算记录", _cleared(day),
            )  # fmt: skip
            continue
        parts = [one for source in without for one in _part(engine, source, found, day, over)]
        yield from parts
        if not parts and whole.rows >= MANY_LEAST and whole.rows * SHARE >= ours:
            yield Reason(
                "many", f"{whole.rows} of {ours} bookings of {day}, {whole.money}, found no line: a file or a part of "
                "one is missing", f"{day} 本方 {ours} 笔中有 {whole.rows} 笔共 {whole.money} 未找到清算记录：应是缺少"
                "文件或文件不全", _cleared(day),
            )  # fmt: skip


def _part(engine: Engine, source: _Source, found: _Open, day: str, over: _Paid) -> Iterator[Reason]:
    """Name a source that lacks a day while others have it, if as much as it usually brings found no line."""
    mids = _merchants(engine, source.files)
    part = found.of(day, mids)
    if not part.rows or part.rows * SHARE < source.busiest:
        return
    if part.rows < SEVERAL and not over.for_(part, day):
        yield _lone(day, part, source.titles)
        return
    english, chinese = source.titles
    bookings = "1 booking" if part.rows == 1 else f"{part.rows} bookings"
    yield Reason(
        "source", f"no file of {english} for {day}, as there is for other days: {bookings} of {part.money} found no "
        f"line", f"{day} 没有 {chinese} 的文件（其他日期有）：本方 {part.rows} 笔共 {part.money} 未找到清算记录",
        _cleared(day, mids),
    )  # fmt: skip


def _lone(day: str, lone: _Lacking, titles: tuple[str, str] = ("the network", "清算机构")) -> Reason:
    """Note that a booking is judged as lost although its file may be missing: it leaves nothing open."""
    english, chinese = titles
    return Reason(
        "lone", f"no file of {english} covers {day}; the one booking without a line, of {lone.money}, is judged as it "
        "is, and a file that comes later closes it", f"{day} 没有 {chinese} 的文件；仅 1 笔 {lone.money} "
        "未找到清算记录，按现状判定，文件补到后自动关闭",
    )  # fmt: skip


def bank_days(
    engine: Engine, sides: Sides, options: Options, span: Span, waiting: Waiting
) -> Iterator[Reason]:
    """Name the days on which deposits were due and of which there is no bank statement."""
    sources = _sources(engine, sides, Role.BANK, "bank_totals")
    found = _Open(
        (waiting.days(str(day))[0], str(day), str(mid), currency, 1, minor)
        for day, mid, currency, minor in engine.rows(_UNPAID)
    )
    for day in found.days():
        if day > span.as_of or day in options.all_in:
            continue
        for one in sources:
            mids = frozenset() if len(sources) == 1 else _payees(engine, one.files)
            due = found.of(day, mids)
            if one.covers(day) or not due.rows or due.rows * SHARE < one.busiest:
                continue
            english, chinese = (f" ({title})" if len(sources) > 1 else "" for title in one.titles)
            whom = "1 merchant" if len(due.mids) == 1 else f"{len(due.mids)} merchants"
            yield Reason(
                "bank_day", f"no bank statement{english} for {day}, on which {due.money} was due to {whom}",
                f"{day} 没有银行流水{chinese}，当日应付 {len(due.mids)} 个商户共 {due.money}",
                (Gap(Leg.BANK, Role.BANK, min(due.days), max(due.days), mids),),
            )  # fmt: skip


def unpaid(engine: Engine, terms: Terms) -> Iterator[Reason]:
    """Name what was due to merchants no bank line mentions: their bank's file is missing, or nobody paid."""
    # Another acquirer's merchant, to whom a line strayed, is no business of our bank.
    asked = (
        "FROM (SELECT *, day AS about FROM groups) AS g WHERE mid NOT IN (SELECT mid FROM deposits) "  # noqa: S608
        "AND expected <> 0 AND NOT EXISTS (SELECT 1 FROM deposits WHERE mid = '') "
        f"AND due_n <= {terms.as_of_n} AND {terms.inside}"
    )
    if not engine.rows(f"SELECT 1 {asked} LIMIT 1"):
        return
    sums: dict[str, int] = defaultdict(int)
    mids: dict[str, set[str]] = defaultdict(set)
    for currency, mid, minor in engine.rows(
        f"SELECT currency, mid, CAST(sum(expected) AS BIGINT) {asked} "  # noqa: S608 - our own text
        "AND mid IN (SELECT mid FROM books_src) GROUP BY currency, mid"
    ):
        sums[currency] += minor
        mids[currency].add(mid)
    for currency, minor in sorted(sums.items()):
        those = mids[currency]
        yield Reason(
            "unpaid", f"{Money(minor, currency)} was due to {len(those)} merchants no bank file mentions "
            f"({min(those)} …)",
            f"有 {len(those)} 个商户没有任何银行入账记录，应付 {Money(minor, currency)}（{min(those)} 等）",
            (Gap(Leg.BANK, Role.BANK, mids=frozenset(those)),),
        )  # fmt: skip


def _cleared(day: str, mids: frozenset[str] = frozenset()) -> tuple[Gap, ...]:
    """Give what a missing day of clearing leaves open: its own leg, and the deposits for it."""
    return tuple(Gap(leg, Role.NETWORK, day, day, mids) for leg in (Leg.NETWORK, Leg.BANK))


def _sources(engine: Engine, sides: Sides, role: Role, totals: str) -> list[_Source]:
    parted: dict[str, list[LineFile]] = defaultdict(list)
    for one in sides.of(role):
        parted[one.source if one.first else ""].append(one)
    found = []
    for name, mine in sorted(parted.items()):
        covered: frozenset[str] = frozenset()
        busiest = max((_a_day(one) for one in mine if one.first), default=0)
        if not all(one.first for one in mine):
            # How many lines of a day came from which file is not known: then the side as a whole is looked at.
            counts = engine.rows(f"SELECT day, CAST(sum(rows_) AS BIGINT) FROM {totals} GROUP BY day")  # noqa: S608
            covered = frozenset(str(day) for day, _ in counts)
            busiest = max([busiest, *(int(rows) for _, rows in counts)])
        names = dict.fromkeys((one.titles[0] or one.source, one.titles[1] or one.source) for one in mine)
        titles = (", ".join(one for one, _ in names), "、".join(one for _, one in names))
        empty = frozenset(
            one.first for one in sides.empty if (one.role, one.source) == (role, name) and not one.rejects
        )
        found.append(_Source(titles, tuple(mine), covered | empty, busiest))
    return found


def _a_day(one: LineFile) -> int:
    first, last = days.parse(one.first), days.parse(one.last)
    span = 1 if first is None or last is None else (last - first).days + 1
    return (one.lines or 0) // max(1, span)


def _merchants(engine: Engine, files: tuple[LineFile, ...]) -> frozenset[str]:
    """Give the merchants a source has lines of; none where it does not name them."""
    those = ", ".join(text(one.file_id) for one in files)
    found = frozenset(str(one[0]) for one in engine.rows(
        f"SELECT DISTINCT mid FROM network_src WHERE file_id IN ({those})"  # noqa: S608 - our own ids
    ))  # fmt: skip
    return frozenset() if "" in found else found


def _payees(engine: Engine, files: tuple[LineFile, ...]) -> frozenset[str]:
    """Give the merchants a bank's files pay; none where a deposit does not say whom."""
    mine = {one.file_id for one in files}
    found = {str(mid) for row_id, mid in engine.rows("SELECT row_id, mid FROM deposits")
             if str(row_id).rpartition(":")[0] in mine}  # fmt: skip
    return frozenset() if "" in found else frozenset(found)
