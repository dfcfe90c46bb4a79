"""What each column of a file that nobody has described is thought to be: its member, how sure, and why.

By its name first, held against its values; then columns are looked at beside each other. Decides nothing about signs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storno.statements import guess, mask
from storno.statements.cells import clean
from storno.statements.guess import Name
from storno.statements.sample import Sample
from storno.statements.words import bare

MONEY = ("amount", "debit", "credit", "balance", "fee", "net")
_TERMINAL = frozenset({"tid", "batch", "rrn", "auth_code"})
"""Columns that only lists of terminals' transactions have."""
_PAID = re.compile("^(交易|消费|发生)|transaction|trans|txn")
_BOOKED = re.compile("清算|结算|入账|记账|settle|post|book")
_POS = re.compile("终端|pos|批次|参考号|刷卡")
_VOUCHERS = {"流水号": 60, "凭证号": 50}
"""Names that terminals and banks use for different things; how sure each is as a bank's reference."""
TIMES = ("date", "time", "at", "original_at")


@dataclass(frozen=True, slots=True)
class Column:
    """What is thought of one column."""

    place: int
    """From 1."""
    name: str
    member: str
    """What it becomes; empty: nothing."""
    sure: int
    """Percent."""
    english: str
    chinese: str
    samples: tuple[str, ...] = ()


def columns_of(sample: Sample) -> dict[int, Column]:
    """Guess each column; of several for one member the surest is kept."""
    guessed = {}
    for place, header in enumerate(sample.header):
        values = sample.values(place)
        member, sure, english, chinese = _member(header, values)
        distinct = tuple(dict.fromkeys(clean(value) for value in values if clean(value)))[:3]
        shown = tuple(mask.card(one) if member == "card" else mask.mask_text(one) for one in distinct)
        guessed[place] = Column(place + 1, clean(header), member, sure, english, chinese, shown)
    _vouchers(guessed)
    _traded(guessed)
    _booked(guessed)
    best: dict[str, Column] = {}
    for column in guessed.values():
        if column.member and _rank(column, sample) > _rank(best.get(column.member), sample):
            best[column.member] = column
    for place, column in guessed.items():
        if column.member and best[column.member] is not column:
            other = best[column.member].name
            guessed[place] = replace(
                column, member="", sure=0,
                english=f"could also be {column.member}, but {other!r} fits better",
                chinese=f"也可能是 {column.member}，但 {other!r} 更合适",
            )  # fmt: skip
    return guessed


def _vouchers(guessed: dict[int, Column]) -> None:
    """Take what may be a terminal's STAN for a bank's voucher or serial number, where nothing speaks of a terminal."""
    members = {column.member for column in guessed.values()}
    if members & _TERMINAL or any(_POS.search(bare(column.name)) for column in guessed.values()):
        return
    for place, column in guessed.items():
        named = next((one for one in _VOUCHERS if bare(column.name).endswith(one)), "")
        if column.member == "stan" and named:
            guessed[place] = replace(
                column, member="reference", sure=_VOUCHERS[named],
                english="a number of the bank's: no column speaks of a terminal",
                chinese="银行的凭证号或流水号：没有与终端有关的列",
            )  # fmt: skip


def _traded(guessed: dict[int, Column]) -> None:
    """Where one date says when the money was booked and another when it was paid, the time of day is the latter's."""
    dates = {place: column for place, column in guessed.items() if column.member == "date"}
    paid = [place for place, column in dates.items() if _PAID.search(bare(column.name))]
    if len(paid) == 1 and any(_BOOKED.search(bare(column.name)) for column in dates.values()):
        guessed[paid[0]] = replace(
            guessed[paid[0]], member="traded",
            english="the day of the transaction; another column says when it was booked",
            chinese="交易当日；记账或清算日另有一列",
        )  # fmt: skip


def _booked(guessed: dict[int, Column]) -> None:
    """Where a booked amount has its own column of currencies, the account has that, not what was paid."""
    names = {place: bare(column.name) for place, column in guessed.items()}
    own = next(
        (
            (place, other)
            for place, name in names.items()
            for other, money in names.items()
            if name in ("入账金额", "记账金额")
            and money in (f"{name[:2]}货币", f"{name[:2]}币种")
            and guessed[place].member
        ),
        None,
    )
    if own is None or not {"debit", "credit"}.isdisjoint(column.member for column in guessed.values()):
        return
    for place, column in guessed.items():
        if place in own:
            member = "amount" if place == own[0] else "currency"
            guessed[place] = replace(
                column, member=member, sure=95,
                english="what was booked, with a column of currencies of its own",
                chinese="入账的金额与其币种各有一列",
            )  # fmt: skip
        elif column.member in ("amount", "currency"):
            guessed[place] = replace(
                column, member="", sure=0,
                english=f"{column.member} of what was paid; what was booked stands elsewhere",
                chinese="交易时的金额或币种；入账的另有一列",
            )  # fmt: skip


def _rank(column: Column | None, sample: Sample) -> tuple[int, int, int]:
    """Say how well a column fits; of two that could be the narrative, the one that says more."""
    if column is None:
        return (0, 0, 0)
    if column.member != "text":  # of what was paid and what was booked, the account has what was booked
        return (column.sure, int(column.name.startswith(("记账", "入账"))), 0)
    distinct = set(map(clean, sample.values(column.place - 1))) - {""}
    says = guess.names_a_party(column.name)
    return (column.sure, 2 * len(distinct) - says, sum(map(len, distinct)))


def _member(header: str, values: Sequence[str]) -> tuple[str, int, str, str]:
    name = guess.by_name(header)
    if not name.member:
        return _by_values(values)
    filled = [value for value in values if clean(value)]
    if not filled and name.member == "currency" and name.sure < 90:  # the amount's own name may say it
        return _unfit(name, "no values were seen", "未见到值")
    if not filled:
        return name.member, min(name.sure, 50), "by its name; no values seen", "按列名判断；未见到值"
    if name.member in MONEY:
        if guess.money(header, values).ok:
            return _named(name, "every value is an amount", "各值均为金额")
        return _unfit(name, "not every value is an amount", "并非每个值都是金额")
    if name.member in TIMES:
        what = guess.when(values).what
        if not what:
            return _unfit(name, "not every value is a date or time", "并非每个值都是日期或时间")
        member = name.member if name.member == "original_at" else what
        return _named(
            replace(name, member=member), f"every value is a {_WHAT[what][0]}", f"各值均为{_WHAT[what][1]}"
        )
    if name.member in ("kind", "mark") and guess.sign_words(values):
        return _named(
            replace(name, member="sign"), "every value is a word for in or away", "各值均为收支方向"
        )
    if name.member == "card" and any("." in value for value in filled):
        return _unfit(name, "its values are amounts", "取值是金额")
    if name.member == "account" and guess.differs(values):
        return _unfit(name, "it differs in nearly every row: the other side's", "几乎每行不同：是对方账号")
    if name.member == "sign" and not guess.sign_words(values):
        return _unfit(name, "its values are no words for in and away", "取值不是收支方向")
    return _named(name, "", "")


_WHAT = {"date": ("date", "日期"), "at": ("date with time", "日期时间"), "time": ("time", "时间")}


def _named(name: Name, english: str, chinese: str) -> tuple[str, int, str, str]:
    how = f"the name is {name.word!r}" if name.sure > 90 else f"the name holds {name.word!r}"
    how_zh = f"列名即 {name.word!r}" if name.sure > 90 else f"列名含 {name.word!r}"
    return (
        name.member, name.sure,
        f"{how}, {english}" if english else how, f"{how_zh}，{chinese}" if chinese else how_zh,
    )  # fmt: skip


def _unfit(name: Name, english: str, chinese: str) -> tuple[str, int, str, str]:
    return "", 0, f"named like {name.member}, but {english}", f"列名像 {name.member}，但{chinese}"


def _by_values(values: Sequence[str]) -> tuple[str, int, str, str]:
    found = guess.when(values)
    if found.what in ("date", "at") and len(set(map(clean, values))) > 0 and found.formats != ("YYMMDD",):
        return found.what, 40, "unknown name, but every value is a date", "列名未知，但各值均为日期"
    return "", 0, "unknown name; left out", "列名未知；不采用"
