"""BAI2 (cash management balance reporting): files, groups, accounts, transactions, continuations.

Amounts are in minor units without a sign: the type code says whether money came (100-399) or went (400-699). The
control totals and record counts of accounts, groups and the file are compared with what was read; a file without its
99 is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from storno.statements.base import Format, Head, ReadOptions
from storno.statements.formats._narrative import narrative, opened
from storno.statements.line import FileRefused, Frame, LineKind, Part, Reject, Role, StatementLine, Total
from storno.statements.lines import raw_lines, shown
from storno.statements.mask import mask_id
from storno.statements.when import WhenError, plain_day

_RECORD = re.compile(r"^(01|02|03|16|49|88|98|99)(?=[,/]|$)")
_NEXT = re.compile(r"/\s+(?=(?:01|02|03|16|49|88|98|99),)")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,18}")
_PARTS = re.compile(r"[0-9]{1,3}|1000")
_REVERSALS = frozenset({"252", "258", "552", "558"})
_FEES = frozenset({"661", "693", "694", "695", "696", "697", "698", "699"})
FIELDS_MAX = 20_000
CONTINUATIONS_MAX = 2_000


def recognise(head: Head) -> int:
    """Know the file by its opening record."""
    first = (head.text or head.data[:200].decode("latin-1")).lstrip("\ufeff \r\n")[:200]
    if re.match(r"01,[^,\r\n]*,[^,\r\n]*,\d{6}(?:\d\d)?,\d{4}?,", first):
        return 97
    return 60 if first.startswith("01,") else 0


class RecordError(ValueError):
    """A record that cannot be taken."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


@dataclass(slots=True)
class _Record:
    """A logical record: a physical one and its continuations."""

    code: str
    line_no: int
    fields: list[str]
    physical: int = 1
    open: bool = False
    """It did not end with a slash: what follows may be the rest of its text."""
    lines: int = 1
    too_many: bool = False


def _records(lines: Iterator[tuple[int, str]]) -> Iterator[_Record]:
    """Join continuations (88, or the rest of a text without any code) to what they continue."""
    current: _Record | None = None
    for no, text in lines:
        for piece in _NEXT.sub("/\n", text).split("\n"):
            bare = piece.strip(" \t\r\x1a\ufeff")
            if not bare:
                continue
            found = _RECORD.match(bare)
            ended = bare.endswith("/")
            fields = bare.removesuffix("/").split(",")
            if found and found[1] != "88":
                if current:
                    yield current
                current = _Record(found[1], no, fields[1:], open=not ended)
            elif current is None:
                yield _Record("", no, [bare])
            elif found:
                current.physical += 1
                _extend(current, fields[1:])
                current.open = not ended
            elif current.code == "16" and current.open:
                _extend(current, [bare.removesuffix("/")])
                current.open = not ended
            else:
                yield current
                yield _Record("", no, [bare])
                current = _Record("+", no, [])
    if current:
        yield current


def _extend(record: _Record, fields: list[str]) -> None:
    record.lines += 1
    if record.lines > CONTINUATIONS_MAX or len(record.fields) + len(fields) > FIELDS_MAX:
        record.too_many = True
    else:
        record.fields.extend(fields)


@dataclass(slots=True)
class _Level:
    """An account, a group or the file while it is being read."""

    currency: str = ""
    day: str = ""
    total: int = 0
    parts: int = 0
    records: int = 0
    open: bool = False
    account: str = ""
    currencies: set[str] = field(default_factory=set)
    """Of the accounts below it."""

    @property
    def told_in(self) -> str:
        """Give the currency of its control total; empty where it adds up several."""
        return min(self.currencies, default=self.currency) if len(self.currencies) <= 1 else ""


class _File:
    """One file being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._file = _Level()
        self._group = _Level()
        self._account = _Level()
        self._ended = False
        self.records = 0

    def take(self, record: _Record) -> Iterator[Part]:
        """Read one logical record."""
        self.records += 1
        if record.code == "+":
            return
        for level in (self._file, self._group, self._account):
            level.records += record.physical if record.code else 0
        try:
            yield from self._read(record)
        except RecordError as error:
            raw = shown(",".join((record.code, *record.fields)))
            if record.code in ("16", ""):
                yield Reject(record.line_no, error.code, error.english, error.chinese, raw)
                return
            raise FileRefused(
                error.code, f"line {record.line_no}: {error.english}",
                f"第 {record.line_no} 行：{error.chinese}", record.line_no,
            ) from None  # fmt: skip

    def _read(self, record: _Record) -> Iterator[Part]:
        if record.too_many:
            raise RecordError("too_long", "the record has too many continuations", "该记录续行过多")
        if self._ended:
            raise RecordError("after_total", "a record after the file's 99", "文件尾记录 99 之后还有内容")
        if record.code == "16":
            yield self._transaction(record)
            return
        if not record.code:
            raise RecordError("record", "the line starts with no record code", "该行没有记录代码")
        yield Frame(record.line_no, f"record {record.code}")
        if record.code == "01":
            if self._file.open:
                raise RecordError(
                    "order", "a second file begins before the first ends", "前一文件未结束又开始新文件"
                )
            self._file = _Level(open=True, records=record.physical)
        elif record.code == "02":
            self._begin_group(record)
        elif record.code == "03":
            self._begin_account(record)
        else:
            yield from self._end_level(record)

    def _begin_group(self, record: _Record) -> None:
        if not self._file.open or self._group.open:
            raise RecordError("order", "a group begins outside a file or inside a group", "组头位置不对")
        given = [*record.fields, *([""] * 8)]
        currency = given[5].strip().upper() or "USD"
        self._group = _Level(currency, _day(given[3].strip()), open=True, records=record.physical)

    def _begin_account(self, record: _Record) -> None:
        if not self._group.open or self._account.open:
            raise RecordError(
                "order", "an account begins outside a group or inside an account", "账户头位置不对"
            )
        fields = [*record.fields, "", ""]
        currency = fields[1].strip().upper() or self._group.currency
        self._account = _Level(currency, self._group.day, open=True, records=record.physical)
        self._account.account = mask_id(fields[0].strip())
        self._account.total = sum(_status_amounts(record.fields[2:]))

    def _transaction(self, record: _Record) -> StatementLine:
        if not self._account.open:
            raise RecordError("order", "a transaction outside an account", "交易记录不在账户之内")
        fields = record.fields
        if len(fields) < 2:
            raise RecordError("columns", "the record has no amount", "该记录没有金额")
        code = fields[0].strip()
        amount = _amount(fields[1])
        sign = _direction(code)
        if amount and not sign:
            raise RecordError(
                "type",
                f"type code {code[:8]!r} is neither credit nor debit",
                f"类型码 {code[:8]!r} 无法判断借贷",
            )
        funds, rest = fields[2].strip().upper() if len(fields) > 2 else "", fields[3:]
        day, rest = _past_funds(funds, rest)
        bank, customer, *text = [*rest, "", ""][: max(2, len(rest))]
        self._account.total += amount
        kind = LineKind.DEPOSIT if sign * amount >= 0 else LineKind.OTHER
        if code in _REVERSALS:
            kind = LineKind.REVERSAL
        elif code in _FEES:
            kind = LineKind.FEE
        return StatementLine(
            record.line_no, kind, sign * amount, self._account.currency, settled_on=self._account.day,
            reference=mask_id(bank.strip()), order=mask_id(customer.strip()),
            original=mask_id(customer.strip()) if kind is LineKind.REVERSAL else "",
            account=self._account.account, code=code, text=narrative(",".join(text), f"({funds}{day})" if day else ""),
        )  # fmt: skip

    def _end_level(self, record: _Record) -> Iterator[Part]:
        level, above, name, parts = {
            "49": (self._account, self._group, "account", ""),
            "98": (self._group, self._file, "group", "accounts"),
            "99": (self._file, None, "file", "groups"),
        }[record.code]
        below = {"98": self._account, "99": self._group}.get(record.code)
        if not level.open or (below is not None and below.open):
            raise RecordError(
                "order", f"record {record.code} closes what is not open", f"记录 {record.code} 位置不对"
            )
        fields = [one.strip() for one in record.fields] or [""]
        wanted = 3 if parts else 2
        control = fields[0] or str(level.total)  # left blank, it declares nothing; the counts still do
        if len(fields) < wanted or not all(_AMOUNT.fullmatch(one) for one in (control, *fields[1:wanted])):
            raise RecordError("totals", f"record {record.code} has no totals", f"记录 {record.code} 没有合计")
        if fields[0]:
            yield Total(f"{name}_control", int(control), level.total, record.line_no, level.told_in)
        if parts:
            yield Total(f"{name}_{parts}", int(fields[1]), level.parts, record.line_no)
        yield Total(f"{name}_records", int(fields[wanted - 1]), level.records, record.line_no)
        level.open = False
        if above is not None:
            above.total += int(control)
            above.currencies |= level.currencies or {level.currency}
            above.parts += 1
        else:
            self._ended = True

    def end(self) -> None:
        """Refuse a file that does not end."""
        if not self.records:
            raise FileRefused("empty", "there is no BAI2 record in the file", "文件中没有 BAI2 记录")
        if not self._ended:
            raise FileRefused(
                "truncated",
                "the file ends before its record 99: fetch it again",
                "文件在尾记录 99 之前中断，请重新下载",
            )


def _amount(text: str) -> int:
    bare = text.strip()
    if not _AMOUNT.fullmatch(bare):
        raise RecordError("amount", f"{bare[:24]!r} is no amount", f"{bare[:24]!r} 不是金额")
    if bare.startswith("-"):
        raise RecordError("amount", "a transaction's amount is negative", "交易金额为负数")
    return int(bare)


def _direction(code: str) -> int:
    """Give 1 for credits, -1 for debits, 0 for neither: the standard's ranges, and those for customers' own codes."""
    if len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise RecordError("type", f"{code[:8]!r} is no type code", f"{code[:8]!r} 不是类型码")
    number = int(code)
    if 100 <= number <= 399 or 920 <= number <= 959:
        return 1
    return -1 if 400 <= number <= 699 or 960 <= number <= 999 else 0


def _past_funds(funds: str, rest: list[str]) -> tuple[str, list[str]]:
    """Take off what a funds type brings with it: its value day, and the fields behind."""
    if funds not in ("", "0", "1", "2", "S", "V", "D", "Z"):
        raise RecordError("funds", f"unknown funds type {funds[:8]!r}", f"未知的资金类型 {funds[:8]!r}")
    if funds == "V":
        return (rest[0].strip() if rest else ""), rest[2:]
    if funds == "S":
        for one in rest[:3]:
            if one.strip() and not _AMOUNT.fullmatch(one.strip()):
                raise RecordError("funds", f"{one[:24]!r} is no amount", f"{one[:24]!r} 不是金额")
        return "", rest[3:]
    if funds == "D":
        if not rest or not _PARTS.fullmatch(rest[0].strip()):
            raise RecordError("funds", "a distribution without its number of parts", "分期资金缺少期数")
        return "", rest[1 + 2 * int(rest[0]) :]
    return "", rest


def _status_amounts(fields: list[str]) -> Iterator[int]:
    """Give the amounts of an account's balances and summaries: type, amount, count, funds type with its fields."""
    rest = fields
    while rest:
        code = rest[0].strip()
        if not code:  # unused, or one comma too many at the end of a physical record
            rest = rest[1:]
            continue
        if len(rest) == 1:
            raise RecordError("columns", f"type {code[:8]!r} has no amount", f"类型码 {code[:8]!r} 没有金额")
        amount = rest[1].strip()
        _direction(code)
        if amount and not _AMOUNT.fullmatch(amount):
            raise RecordError(
                "amount", f"{amount[:24]!r} is no amount of a type", f"{amount[:24]!r} 不是该类型的金额"
            )
        yield int(amount or "0")
        funds = rest[3].strip().upper() if len(rest) > 3 else ""
        _, rest = _past_funds(funds, rest[4:])


def _day(text: str) -> str:
    """Read YYMMDD; some banks write the century too."""
    try:
        return plain_day(text if len(text) == 8 else "20" + text)
    except WhenError as error:
        raise RecordError("date", error.english, error.chinese) from None


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a file record by record."""
    stream, decoder = opened(source)
    file = _File(options)
    for record in _records((line.no, decoder.decode(line.data)) for line in raw_lines(stream)):
        yield from file.take(record)
    file.end()


FORMAT = Format(
    "bai2", Role.BANK, "BAI2 balance report", "BAI2 现金管理对账单",
    "BAI Cash Management Balance Reporting Specifications, version 2", recognise, read, (".bai", ".bai2", ".txt"),
    line_based=False,
)  # fmt: skip
