"""MT940 and MT942: SWIFT account statements, of several accounts and pages in one file.

Each statement's opening balance and entries must give its closing balance; MT942 sums (:90:) must equal the entries;
pages must join. Marks RC and RD turn the sign. Expected entries (EC, ED) have moved no money and are frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from storno.money import LETTERS
from storno.statements.amount import decimals_of
from storno.statements.base import Format, Head, ReadOptions, Traits
from storno.statements.formats._narrative import narrative, opened
from storno.statements.formats._swift import (
    FIELD_LINES_MAX,
    Entry,
    FieldError,
    SwiftField,
    details_text,
    minor,
    read_balance,
    read_entry,
    read_sum,
    swift_fields,
)
from storno.statements.line import FileRefused, Frame, LineKind, Part, Reject, Role, StatementLine, Total
from storno.statements.lines import raw_lines, shown
from storno.statements.mask import mask_id

_TAGS = re.compile(rb"(?m)^:(\d\d[A-Z]?|NS):")
_FEES = ("CHG", "COM", "FEE", "BRF")
_CHARGES = "808"
"""The business transaction code (GVC) of German banks for charges, in front of the narrative."""


def recognise(head: Head) -> int:
    """Know the file by its tags at the start of lines."""
    data = head.data.replace(b"\0", b"") if head.data[:2] in (b"\xff\xfe", b"\xfe\xff") else head.data
    if b"{1:F01" in data[:200] and re.search(rb"\{2:[IO]94[02]", data[:400]):
        return 98
    there = {tag[:2] for tag in _TAGS.findall(data[:16_384].replace(b"\r", b"\n"))}
    if there >= {b"20", b"25"} and there & {b"60", b"61", b"62", b"34"}:
        return 95
    if b"61" in there:
        return 70
    return 45 if there & {b"20", b"25", b"28", b"60", b"62", b"NS"} else 0


def traits(head: Head, options: ReadOptions) -> Traits:  # noqa: ARG001 part of the door
    """Rank the day's final statement over interim reports (MT942)."""
    there = {tag[:2] for tag in _TAGS.findall(head.data.replace(b"\0", b"").replace(b"\r", b"\n"))}
    interim = b"60" not in there and bool(there & {b"34", b"90"})
    return Traits(Role.BANK, 4, "MT942") if interim else Traits(Role.BANK, 10, "MT940")


@dataclass(slots=True)
class _Statement:
    """What the current statement has said so far."""

    account: str = ""
    currency: str = ""
    opening: int | None = None
    """Minor units."""
    closed: bool = False
    ended: bool = False
    """Closed, or summed, or behind its last line stands the hyphen that ends a message."""
    headed: bool = False
    booked: int = 0
    sides: dict[str, list[int]] = field(default_factory=lambda: {"C": [0, 0], "D": [0, 0]})


class _File:
    """One file being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._now = _Statement()
        self._entry: Entry | None = None
        self._entry_at = 0
        self._details: list[str] = []
        self._extra: list[str] = []
        self._opened = self._closed = self._stray = 0
        self._page: tuple[str, int] | None = None
        self._envelopes = 0
        self.telling = False
        """There was a field that says something of money."""

    def take(self, item: SwiftField) -> Iterator[Part]:
        """Read one field."""
        self.telling |= item.tag[:2] in ("60", "61", "62", "34", "90")
        if item.tag in ("86", "NS") and self._entry:
            kept = self._details if item.tag == "86" else self._extra
            kept.extend(item.lines[: max(0, FIELD_LINES_MAX - len(kept))])
            return
        if item.tag == "25" and self._entry:  # some bank wrote 25 where it meant 86
            self._extra.extend(item.lines[: max(0, FIELD_LINES_MAX - len(self._extra))])
            return
        yield from self._finish()
        try:
            yield from self._read(item)
        except FieldError as error:
            if item.tag != "61":
                raise FileRefused(
                    error.code, f"line {item.line_no}: {error.english}",
                    f"第 {item.line_no} 行：{error.chinese}", item.line_no,
                ) from None  # fmt: skip
            yield Reject(item.line_no, error.code, error.english, error.chinese, shown(item.value))

    def _read(self, item: SwiftField) -> Iterator[Part]:
        now = self._now
        if item.tag == "61":
            self._entry, self._entry_at = read_entry(item, self._currency()), item.line_no
            side = now.sides["C" if self._entry.amount_minor >= 0 else "D"]
            side[0] += 1
            side[1] += abs(self._entry.amount_minor)
            self._stray += now.closed
            return
        if item.tag == "20":
            yield from self._unproved()
            self._now = _Statement(currency=now.currency if now.closed else "", headed=True)
        elif item.tag in ("25", "25P"):
            account = item.value.replace("\n", " ").strip()[:64]
            if (
                account[-4:-3] == " " and account[-3:] in LETTERS
            ):  # Rabobank and others write the currency behind it
                account = account[:-4].rstrip()
            now.account = mask_id(account)
        elif item.tag in ("34", "34F") and not now.currency and item.value[:3].isalpha():
            now.currency = item.value[:3].upper()
        elif item.tag.startswith("60"):
            yield from self._open(item)
        elif item.tag.startswith("62"):
            yield from self._close(item)
        elif item.tag in ("90C", "90D"):
            yield from self._sum(item)
        elif not item.tag:
            now.ended = now.ended or item.value.startswith("-")
            self._envelopes += ("{4:" in item.value) - item.value.startswith("-}")
        yield Frame(item.line_no, f":{item.tag}:" if item.tag else "envelope")

    def _unproved(self) -> Iterator[Part]:
        """Say so where a statement has entries and nothing that shows that they are all."""
        now = self._now
        if now.headed and now.opening is None and not now.ended and (now.sides["C"][0] or now.sides["D"][0]):
            yield Total("sums", 1, 0)

    def _currency(self) -> str:
        return self._now.currency or self._options.currency

    def _open(self, item: SwiftField) -> Iterator[Part]:
        units, _, currency = read_balance(item)
        if self._now.opening is not None:
            self._now = _Statement(self._now.account, self._now.currency)
        self._now.currency = currency or self._currency()
        self._now.opening = self._minor(units)
        self._opened += 1
        if self._page and item.tag == "60M" and self._page[0] == self._now.account:
            yield Total("page_balance", self._now.opening, self._page[1], item.line_no, self._now.currency)
        self._page = None

    def _close(self, item: SwiftField) -> Iterator[Part]:
        units, _, currency = read_balance(item)
        now = self._now
        if currency and now.opening is not None and currency != now.currency:
            raise FieldError(
                "currency", f"the closing balance is in {currency}, the opening in {now.currency}",
                f"期末余额币种 {currency} 与期初 {now.currency} 不同",
            )  # fmt: skip
        now.currency = currency or self._currency()
        declared = self._minor(units)
        if now.opening is not None and not now.closed:
            yield Total("closing_balance", declared, now.opening + now.booked, item.line_no, now.currency)
        self._closed += 1
        now.closed = now.ended = True
        self._page = (now.account, declared) if item.tag == "62M" else None

    def _sum(self, item: SwiftField) -> Iterator[Part]:
        lines, currency, amount = read_sum(item)
        known = self._now.currency
        if known and currency != known:
            raise FieldError(
                "currency", f"a sum is in {currency} beside {known}", f"合计币种 {currency} 与 {known} 不同"
            )
        self._now.currency = currency
        self._now.ended = True
        counted = self._now.sides[item.tag[2]]
        sign, name = (1, "credit") if item.tag == "90C" else (-1, "debit")
        yield Total(f"{name}_lines", lines, counted[0], item.line_no)
        yield Total(f"{name}s", sign * minor(amount, currency), sign * counted[1], item.line_no, currency)

    def _minor(self, units: int) -> int:
        scale: int = 10 ** (5 - decimals_of(self._now.currency))
        if units % scale:
            raise FieldError("balance", "the balance has too many decimals", "余额小数位过多")
        return units // scale

    def _finish(self) -> Iterator[Part]:
        """Give the entry whose narrative is complete now."""
        entry, self._entry = self._entry, None
        if entry is None:
            return
        code, order, text = details_text(self._details) if self._details else ("", "", "")
        text = narrative(text, entry.details, *self._extra)
        self._details, self._extra = [], []
        if entry.expected:
            yield Frame(self._entry_at, "expected, not booked")
            return
        if not self._now.closed:
            self._now.booked += entry.amount_minor
        kind = LineKind.DEPOSIT if entry.amount_minor >= 0 else LineKind.OTHER
        if entry.reversal:
            kind = LineKind.REVERSAL
        elif entry.code[1:] in _FEES or code == _CHARGES:
            kind = LineKind.FEE
        yield StatementLine(
            self._entry_at, kind, entry.amount_minor, self._currency(), settled_on=entry.booked_day,
            reference=mask_id(entry.bank), order=mask_id(entry.customer or order),
            original=mask_id(entry.customer or order) if entry.reversal else "",
            account=self._now.account, code="/".join(filter(None, (entry.code, code))), text=text,
        )  # fmt: skip

    def end(self) -> Iterator[Part]:
        """Give the last entry, and say whether every statement was closed."""
        yield from self._finish()
        yield from self._unproved()
        if not self.telling:
            raise FileRefused(
                "empty", "the file has neither a balance nor an entry", "文件中既没有余额也没有明细"
            )
        if self._envelopes > 0:
            raise FileRefused(
                "truncated",
                "the last message does not end: fetch it again",
                "最后一条报文没有结束，请重新下载",
            )
        if self._opened or self._closed:
            yield Total("statements", self._opened, self._closed)
            yield Total("lines_outside_statements", 0, self._stray)
        if self._page:
            yield Total("final_balances", 1, 0)


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a file field by field; only one entry is held at a time."""
    stream, decoder = opened(source)
    file = _File(options)
    for item in swift_fields(raw_lines(stream), decoder):
        yield from file.take(item)
    yield from file.end()


FORMAT = Format(
    "mt940", Role.BANK, "SWIFT MT940/MT942 statement", "SWIFT MT940/MT942 对账单",
    "SWIFT User Handbook, category 9", recognise, read, (".sta", ".mt940", ".940", ".942", ".txt"),
    line_based=False, traits=traits,
)  # fmt: skip
