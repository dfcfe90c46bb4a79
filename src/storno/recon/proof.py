"""The proof of a run: every row counted once, the files' own totals met, and the bridge from books to outside.

Rule: the sums on both ends of the bridge come from the sides alone, without any matching; the differences come from the
pairs. Only when both agree to the last minor unit is there a verdict other than INCOMPLETE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storno.recon.finding import LEGS, Leg
from storno.recon.plan import fill, text
from storno.recon.result import Account, Bridge, Gap, Reason, Within
from storno.statements.line import Role

if TYPE_CHECKING:
    from storno.recon.engines.base import Engine
    from storno.recon.sides import EmptyFile, LineFile, Options, Sides

_SUFFIX = {Leg.NETWORK: "n", Leg.TERMINAL: "t", Leg.BANK: "b"}
_LINES = {Leg.NETWORK: "net", Leg.TERMINAL: "term", Leg.BANK: "bank"}
_BOOKS_OPEN = """
SELECT count(*), count(CASE WHEN position = 'effect' THEN 1 END),
    count(CASE WHEN position = 'effect' AND told = 'approved' THEN 1 END) FROM matchable_$s
"""
_LEGS_OF = {
    Role.NETWORK: (Leg.NETWORK, Leg.BANK), Role.TERMINAL: (Leg.TERMINAL,), Role.BANK: (Leg.BANK,),
}  # fmt: skip
_EXPLAINED = ("held", "outside", "uncovered")
_MONEY = ("payment", "refund", "void", "reversal")
_BANK_ASIDE = """
SELECT CASE WHEN b.kind = 'preauth' THEN 'preauth' WHEN b.amount = 0 THEN 'no_money' WHEN b.live = 0 THEN 'no_effect'
    ELSE 'not_payout' END AS what, count(*) AS rows_
FROM bank AS b ANTI JOIN deposits AS d ON b.row_id = d.row_id
GROUP BY CASE WHEN b.kind = 'preauth' THEN 'preauth' WHEN b.amount = 0 THEN 'no_money' WHEN b.live = 0 THEN 'no_effect'
    ELSE 'not_payout' END
"""
_OF_BOOKS = """
SELECT currency, CAST(sum(rows_) AS BIGINT), CAST(sum(CASE WHEN klass <> 'hold' THEN effect ELSE 0 END) AS BIGINT)
FROM books_totals WHERE day BETWEEN $first AND $last GROUP BY currency
"""
_OF_LINES = """
SELECT currency, CAST(sum(rows_) AS BIGINT), CAST(sum(CASE WHEN moves AND live = 1 THEN amount ELSE 0 END) AS BIGINT)
FROM ${lines}_totals WHERE day BETWEEN $first AND $last GROUP BY currency
"""
_OF_BANK = """
SELECT b.currency, count(*), CAST(sum(CASE WHEN d.row_id IS NOT NULL THEN d.amount ELSE 0 END) AS BIGINT)
FROM bank AS b LEFT JOIN deposits AS d ON b.row_id = d.row_id WHERE b.day BETWEEN $first AND $last GROUP BY b.currency
"""
_LEARNED = """
SELECT count(*), coalesce(min(n), 0), coalesce(max(n), 0) FROM (
    SELECT mid, max(learned_from) AS n FROM result_n
    WHERE rule = 'fee_mismatch' AND what = 'finding' AND learned_from > 0 GROUP BY mid
) AS m
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """The pairs of one leg of one outcome and currency, added up."""

    what: str
    currency: str
    pairs: int
    books: int
    lines: int
    b_effect: int
    o_effect: int


@dataclass(frozen=True, slots=True)
class Ends:
    """One leg's pairs and its matched rows, as the engine counted them."""

    leg: Leg
    judged: tuple[Judged, ...]
    lines_open: int = 0
    """Rows that passed the filter."""
    lines_open_live: int = 0
    books_open: int = 0
    books_open_effect: int = 0
    books_open_told: int = 0
    """Of those with an effect: the ones the terminal was told are approved."""
    clean: int = 0
    """Pairs found equal in everything among those."""

    def sum_of(self, name: str, *whats: str) -> int:
        """Add up a member over outcomes."""
        return sum(getattr(one, name) for one in self.judged if one.what in whats)


def ends(engine: Engine, leg: Leg) -> Ends:
    """Read what a leg came to."""
    s = _SUFFIX[leg]
    judged = tuple(Judged(*row) for row in engine.rows(
        f"SELECT what, currency, pairs, books_, lines_, b_effect, o_effect FROM account_{s}"  # noqa: S608
    ))  # fmt: skip
    if leg is Leg.BANK:
        return Ends(leg, judged)
    lines = engine.rows(f"SELECT count(*), count(CASE WHEN live = 1 THEN 1 END) FROM lines_{s}")[0]  # noqa: S608
    books = engine.rows(fill(_BOOKS_OPEN, s=s))[0]
    clean = engine.rows(f"SELECT count(*) FROM link_{s}_0")[0]  # noqa: S608 - our own names
    return Ends(leg, judged, *lines, *books, *clean)


def line_totals(engine: Engine, leg: Leg) -> list[dict[str, Any]]:
    """Read the sums of a leg's outside lines by kind, mark and currency."""
    names = ("kind", "mark", "live", "moves", "currency", "rows_", "amount")
    return [
        dict(zip(names, row, strict=True))
        for row in engine.rows(f"SELECT {', '.join(names)} FROM {_LINES[leg]}_totals")  # noqa: S608
    ]


def books_totals(engine: Engine) -> list[dict[str, Any]]:
    """Read the sums of our books by class, position and currency."""
    names = ("klass", "position", "told", "currency", "rows_", "effect")
    return [
        dict(zip(names, row, strict=True))
        for row in engine.rows(f"SELECT {', '.join(names)} FROM books_totals")  # noqa: S608
    ]


def lines_account(leg: Leg, lines: list[dict[str, Any]], end: Ends) -> Account:
    """Say where every outside line of a leg went."""
    rows = sum(one["rows_"] for one in lines)
    aside: dict[str, int] = defaultdict(int)
    for one in lines:
        if not one["moves"]:
            aside["no_money" if one["kind"] in _MONEY else one["kind"]] += one["rows_"]
    live, dead = _moving(lines)
    judged = {name: end.sum_of("lines", name) for name in ("finding", "held", "cancelled", "outside")}
    matched = live - end.lines_open_live + end.clean + end.sum_of("lines", "matched")
    quiet = dead - (end.lines_open - end.lines_open_live) + end.sum_of("lines", "no_effect", "uncovered")
    parts = {"matched": matched, **judged, "no_effect": quiet}
    parts |= {name: aside[name] for name in sorted(aside)}
    return Account(
        leg, _LINES_SIDE[leg], rows, tuple((name, count) for name, count in parts.items() if count)
    )


def _moving(lines: list[dict[str, Any]]) -> tuple[int, int]:
    """Count the lines that move money: those that count, and those marked as undone or refused."""
    live = sum(one["rows_"] for one in lines if one["moves"] and one["live"])
    return live, sum(one["rows_"] for one in lines if one["moves"]) - live


def left_alone(lines: list[dict[str, Any]], end: Ends) -> int:
    """Count the lines that the filter found equal: they agree with a transaction of ours in everything."""
    return _moving(lines)[0] - end.lines_open_live


def filter_reasons(
    leg: Leg, lines: list[dict[str, Any]], books: list[dict[str, Any]], end: Ends
) -> Iterable[Reason]:
    """Give what is wrong with the rows the filter left alone: on both sides there must be the same number of them."""
    opened = end.books_open_told if leg is Leg.TERMINAL else end.books_open_effect
    ours = sum(one["rows_"] for one in books if _counts(leg, one)) - opened
    theirs = left_alone(lines, end)
    if ours != theirs:
        english, chinese = LEGS[leg]
        yield Reason(
            "filter", f"{english}: {ours} transactions and {theirs} lines were taken as equal",
            f"{chinese}：判为一致的交易 {ours} 笔、记录 {theirs} 条，数量不等", _nothing_proved(leg),
        )  # fmt: skip


_LINES_SIDE = {Leg.NETWORK: "network", Leg.TERMINAL: "terminal", Leg.BANK: "bank"}


def _counts(leg: Leg, one: dict[str, Any]) -> bool:
    """Say whether transactions are such that the outside must have them: booked, and for a terminal told so too."""
    booked = one["klass"] != "hold" and one["position"] == "effect"
    return booked and (leg is not Leg.TERMINAL or one["told"] == "approved")


def books_account(leg: Leg, books: list[dict[str, Any]], end: Ends) -> Account:
    """Say where every transaction of ours went in a leg."""
    rows = sum(one["rows_"] for one in books)
    holds = sum(one["rows_"] for one in books if one["klass"] == "hold")
    counts = sum(one["rows_"] for one in books if _counts(leg, one))
    judged = {
        name: end.sum_of("books", name) for name in ("finding", "held", "cancelled", "outside", "uncovered")
    }
    opened = end.books_open_told if leg is Leg.TERMINAL else end.books_open_effect
    matched = counts - opened + end.clean + end.sum_of("books", "matched")
    quiet = rows - holds - counts - (end.books_open - opened) + end.sum_of("books", "no_effect")
    parts = {"matched": matched, **judged, "no_effect": quiet, "preauth": holds}
    return Account(leg, "books", rows, tuple((name, count) for name, count in parts.items() if count))


def bank_account(engine: Engine, end: Ends | None) -> Account:
    """Say where every line of the bank went: by its deposit's pair, or why it is no deposit; None: not compared."""
    rows = sum(one["rows_"] for one in line_totals(engine, Leg.BANK))
    if end is None:
        parts = {"uncovered": rows}
    else:
        aside = {str(what): int(count) for what, count in engine.rows(_BANK_ASIDE)}
        quiet = end.sum_of("lines", "no_effect", "uncovered") + aside.pop("no_effect", 0)
        names = ("matched", "finding", "held", "cancelled", "outside")
        parts = {**{name: end.sum_of("lines", name) for name in names}, "no_effect": quiet}
        parts |= {name: aside[name] for name in sorted(aside)}
    return Account(
        Leg.BANK, _LINES_SIDE[Leg.BANK], rows, tuple((name, count) for name, count in parts.items() if count)
    )


def bank_note(account: Account) -> Reason:
    """Say that the bank's lines were not compared, for nothing says what was due."""
    lines = "1 line" if account.rows == 1 else f"{account.rows} lines"
    return Reason(
        "bank", f"the bank statements ({lines}) were not compared: without a clearing file nothing says "
        "what was due", f"银行流水（{account.rows} 行）未核对：没有清算文件，无从得知应付金额",
    )  # fmt: skip


def within(engine: Engine, legs: Iterable[Leg], first: str, last: str) -> Iterable[Within]:
    """Give what of each side is of the days from first to last: a day's turnover, where the proof counts more days."""
    for leg in legs:
        asked = (
            {_LINES_SIDE[leg]: _OF_BANK}
            if leg is Leg.BANK
            else {_LINES_SIDE[leg]: _OF_LINES, "books": _OF_BOOKS}
        )
        for side, sql in asked.items():
            rows, sums = 0, dict[str, int]()
            for currency, count, minor in engine.rows(
                fill(sql, lines=_LINES[leg], first=text(first), last=text(last))
            ):
                rows += count
                if minor:
                    sums[str(currency)] = int(minor)
            yield Within(leg, side, rows, tuple(sorted(sums.items())))


def rate_notes(engine: Engine) -> Iterable[Reason]:
    """Say that fees were found wrong by rates that nobody gave, and what to do."""
    ((merchants, least, most),) = engine.rows(_LEARNED)
    if not merchants:
        return
    of, of_zh = (f"{least} to {most}", f"{least} 至 {most}") if least != most else (str(most),) * 2
    whose = "1 merchant was" if merchants == 1 else f"{merchants} merchants were"
    yield Reason(
        "rates", f"the fee rates of {whose} not given but learned from {of} lines of each: fees that differ from them "
        "are likely at most; give the agreed rates with --fees",
        f"有 {merchants} 个商户的费率未给出，由各自 {of_zh} 笔交易推断：据此得出的手续费不符最多为“很可能”；"
        "请用 --fees 给出协议费率",
    )  # fmt: skip


def network_bridge(lines: list[dict[str, Any]], books: list[dict[str, Any]], found: dict[str, dict[str, int]],
                   end: Ends) -> list[Bridge]:  # fmt: skip
    """Give the bridge from our books to what was cleared, one for each currency."""
    ours: dict[str, int] = defaultdict(int)
    theirs: dict[str, int] = defaultdict(int)
    for one in books:
        if one["klass"] != "hold":
            ours[one["currency"]] += one["effect"]
    for one in lines:
        if one["moves"] and one["live"]:
            theirs[one["currency"]] += one["amount"]
    return _bridges(end, ours, theirs, found)


def bank_bridge(engine: Engine, found: dict[str, dict[str, int]], end: Ends) -> list[Bridge]:
    """Give the bridge from what was cleared to what the bank paid."""
    summed = "SELECT currency, CAST(sum($what) AS BIGINT) FROM $table GROUP BY currency"
    ours: dict[str, int] = dict(engine.rows(fill(summed, what="expected", table="groups")))
    theirs: dict[str, int] = dict(engine.rows(fill(summed, what="amount", table="deposits")))
    return _bridges(end, ours, theirs, found)


def _bridges(
    end: Ends, ours: dict[str, int], theirs: dict[str, int], found: dict[str, dict[str, int]]
) -> list[Bridge]:
    made = []
    for currency in sorted({*ours, *theirs}):
        parts = [*sorted(found.get(currency, {}).items())]
        for name in _EXPLAINED:
            mine = [one for one in end.judged if one.what == name and one.currency == currency]
            if mine:
                parts.append((name, sum(one.o_effect - one.b_effect for one in mine)))
        made.append(Bridge(end.leg, currency, ours.get(currency, 0), theirs.get(currency, 0), tuple(parts)))
    return made


def _nothing_proved(*legs: Leg) -> tuple[Gap, ...]:
    return tuple(Gap(leg) for leg in legs)


def _left_open(one: LineFile | EmptyFile) -> tuple[Gap, ...]:
    """Give what the days of a file that is not whole leave open; of clearing also the deposits."""
    return tuple(Gap(leg, one.role, one.first, one.last) for leg in _LEGS_OF.get(one.role, ()))


def _not_whole(one: LineFile | EmptyFile) -> Iterable[Reason]:
    """Give what of a file's own lines and totals is amiss."""
    gaps = _left_open(one)
    if one.rejects:
        yield Reason(
            "rejects", f"file {one.file_id}: {one.rejects} lines could not be read",
            f"文件 {one.file_id}：有 {one.rejects} 行无法读取", gaps,
        )  # fmt: skip
    if not one.totals_met:
        yield Reason(
            "totals", f"file {one.file_id}: its own totals are not met, and it was taken all the same",
            f"文件 {one.file_id}：与其自带合计不符，但仍被接受", gaps,
        )  # fmt: skip


def file_reasons(sides: Sides, counted: dict[str, int]) -> Iterable[Reason]:
    """Give what the files themselves leave open. `counted` are the lines read of each file."""
    for empty in sides.empty:
        yield from _not_whole(empty)
    for one in sides.lines:
        gaps = _left_open(one)
        yield from _not_whole(one)
        if not one.complete:
            yield Reason("part", f"file {one.file_id} is not complete", f"文件 {one.file_id} 不完整", gaps)
        lines = counted.get(one.file_id, 0)
        if one.lines is not None and not one.without and lines != one.lines:
            yield Reason(
                "lines", f"file {one.file_id}: {one.lines} lines were imported, {lines} are there",
                f"文件 {one.file_id}：导入 {one.lines} 行，现有 {lines} 行", gaps,
            )  # fmt: skip


def side_reasons(sides: Sides, options: Options) -> Iterable[Reason]:
    """Give the sides without which nothing can be said."""
    if not sides.books:
        gaps = _nothing_proved(Leg.TERMINAL, Leg.NETWORK)
        yield Reason("no_books", "there are no books to compare with", "没有可供核对的本方账目", gaps)
    names = {
        Role.NETWORK: ("clearing file of a network or wallet", "清算或钱包账单文件"),
        Role.TERMINAL: ("terminal journal", "终端流水"), Role.BANK: ("bank statement", "银行流水"),
    }  # fmt: skip
    for role in sorted(options.need, key=lambda one: one.value):
        if not sides.of(role):
            english, chinese = names[role]
            gaps = tuple(Gap(leg, role) for leg in _LEGS_OF.get(role, ()))
            yield Reason(f"no_{role.value}", f"there is no {english}", f"缺少{chinese}", gaps)


def proof_reasons(
    accounts: Iterable[Account], bridges: Iterable[Bridge], all_ends: Iterable[Ends]
) -> Iterable[Reason]:
    """Give what does not add up."""
    for one in accounts:
        if not one.whole:
            (english, chinese), own = LEGS[one.leg], one.side == "books"
            side, side_zh = ("our books", "本方账目") if own else ("their side", "对方")
            yield Reason(
                "rows", f"{english}, {side}: {one.rows} rows, {one.counted} counted",
                f"{chinese}，{side_zh}：共 {one.rows} 行，计入 {one.counted} 行", _nothing_proved(one.leg),
            )  # fmt: skip
    for bridge in bridges:
        if bridge.residual_minor:
            english, chinese = LEGS[bridge.leg]
            yield Reason(
                "bridge", f"{english}: {bridge.residual_minor} {bridge.currency} minor units are unexplained",
                f"{chinese}：有 {bridge.residual_minor} 个最小货币单位（{bridge.currency}）无法解释",
                _nothing_proved(bridge.leg),
            )  # fmt: skip
    for end in all_ends:
        if end.leg is Leg.NETWORK:
            loose = end.sum_of("o_effect", "matched") - end.sum_of("b_effect", "matched")
            if loose:
                yield Reason(
                    "matched", f"matched pairs differ by {loose}", f"已匹配的交易相差 {loose}",
                    _nothing_proved(end.leg),
                )  # fmt: skip
