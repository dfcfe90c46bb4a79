"""One row of a mapped file turned into a StatementLine or a Reject, as the mapping says.

A `RowReader` is a mapping bound to the header of one file: columns are looked up once, a missing or doubtful column
refuses the file. Must not know where rows come from; balances and totals are `tally.py`'s.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storno.money import CURRENCIES
from storno.statements import cells as cell_of
from storno.statements import mask
from storno.statements.amount import decimals_of
from storno.statements.cells import CellError, clean
from storno.statements.line import FileRefused, Mark, Reject, Role, StatementLine
from storno.statements.lines import shown
from storno.statements.meaning import agrees, bind_kind, bind_mark, bind_sign, signed
from storno.statements.words import bare, currency_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.statements.base import ReadOptions
    from storno.statements.header import Header
    from storno.statements.mapping import Mapping, MoneyRule, TextRule, WhenRule

    Cells = Sequence[str]

_NAMES = frozenset(
    {"tid", "mid", "batch", "stan", "rrn", "auth_code", "reference", "order", "original", "account"}
)
"""Members that name something: a spreadsheet may not have rounded them."""
TID_LONGEST = 8
"""Of a terminal's journal, which has the terminal number of F41; wallets and banks number devices as they like."""
ROW = -1
"""Stands for the place of what is wrong with a row and with no single column of it."""
_MASKED = re.compile(r"[0-9]{0,6}\*+[0-9]{0,4}")
_YEAR = re.compile(r"(?<!\d)(20\d\d)")


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A text member bound to its column."""

    name: str
    place: int
    of: Callable[[str], str]
    """Give the text of a cell. Raises CellError."""
    bare: bool = False
    """Nothing is done to a value but to clean and mask it."""
    named: bool = False
    """It names something: a spreadsheet may not have rounded it, and it is masked as an id."""
    longest: int = 0
    """More characters are an error; 0: there is no bound."""


@dataclass(frozen=True, slots=True)
class WhenColumn:
    """A day or a time bound to its columns."""

    name: str
    place: int
    of: Callable[[str], str]
    """Give the day or the time of the first cell; empty where it may be and is. Raises CellError."""
    second: int | None = None
    then: Callable[[str, str], str] = operator.add
    """Give the time of a day and the second cell. Raises CellError."""
    plain: bool = True
    """No zone is to be turned."""


@dataclass(frozen=True, slots=True)
class MoneyColumn:
    """An amount in a column of its own."""

    place: int
    fen: bool
    decimal: str
    blank: bool
    """It may be empty."""
    currency: str = ""
    """Of every line, where that is known: an amount that says another is an error."""
    way: Callable[[str], int] | None = None
    """Give the sign of a cell of another column, `way_at`. Raises CellError."""
    way_at: int = ROW

    def of(self, cell: str, places: int) -> int | None:
        """Give the amount without that sign; None where it may be empty and is. Raises CellError."""
        if self.blank and not clean(cell):
            return None
        return cell_of.money(cell, 0 if self.fen else places, self.decimal, self.currency)


@dataclass(frozen=True, slots=True)
class PairColumns:
    """An amount in two columns, money away and money in."""

    away: int
    inward: int
    fen: bool
    decimal: str
    debit_negative: bool
    currency: str = ""
    """As in `MoneyColumn`."""

    def one(self, cell: str, places: int) -> int:
        """Give one of the two; 0 where it is empty. Raises CellError."""
        if clean(cell) in ("", "-", "--"):
            return 0
        return cell_of.money(cell, 0 if self.fen else places, self.decimal, self.currency)

    def joined(self, debit: int, credit: int) -> int:
        """Give the amount of both. Raises CellError where both are filled."""
        if debit and credit:
            raise CellError("amount", "both debit and credit are filled", "借方与贷方同时有金额")
        return credit + debit if self.debit_negative else credit - debit


class RowReader:
    """A mapping bound to the header of one file."""

    def __init__(self, mapping: Mapping, header: Header, options: ReadOptions) -> None:
        self._mapping = mapping
        self._header = header
        self._options = options
        said = any(name == "currency" for name, _ in mapping.texts)
        self._one_currency = "" if said else mapping.currency or options.currency
        """Of every line, where no column says it."""
        self.currency = self._bind_currency()
        self.amount = self._bind_money(mapping.amount, "amount")
        self.fee = self._bind_money(mapping.fee, "fee") if mapping.fee else None
        self.net = self._bind_money(mapping.net, "net") if mapping.net else None
        self.kind = bind_kind(mapping.kind, header)
        self.mark = bind_mark(mapping.mark, header) if mapping.mark else None
        self.fixed = {
            name: value for name, value in (("account", mapping.account), ("mid", mapping.mid)) if value
        }
        self.whens = tuple(
            when for name, rule in mapping.whens if (when := self._bind_when(name, rule)) is not None
        )
        texts = [(name, self._bind_text(name, rule)) for name, rule in mapping.texts if name != "currency"]
        self.fixed |= {name: text for name, text in texts if isinstance(text, str)}
        self.texts = tuple(text for _, text in texts if isinstance(text, TextColumn))
        rule = mapping.balance
        self.balance_at = None if rule is None else header.need(rule.column, "balance.column")
        self._at = ROW

    # ------------------------------------------------------------ one row
    def read(self, line_no: int, cells: Cells) -> StatementLine | Reject:
        """Give the line of one row, or the reject that says which column is wrong and why."""
        try:
            return self._line(line_no, cells)
        except CellError as error:
            return self.reject(line_no, error, cells)

    def reject(self, line_no: int, error: CellError, cells: Cells) -> Reject:
        """Make the reject of a row; a card number in a wrong column is masked in the reason too."""
        english, chinese = error.english, error.chinese
        if self._at >= 0:
            name = clean(self._header.names[self._at]) if self._header.names else str(self._at + 1)
            english, chinese = f"column {name}: {english}", f"{name} 列：{chinese}"
        english, chinese = mask.mask_text(english), mask.mask_text(chinese)
        return Reject(line_no, error.code, english, chinese, self.shown(cells))

    def shown(self, cells: Cells) -> str:
        """Give a row as a reject keeps it: whatever stands in the card column masked, card or not."""
        rule = dict(self._mapping.texts).get("card")
        place = self._header.find(rule.column) if rule is not None and rule.column else None
        return shown(",".join(mask.card(cell) if at == place else cell for at, cell in enumerate(cells)))

    def _line(self, line_no: int, cells: Cells) -> StatementLine:
        self._at = ROW
        currency = self.currency if isinstance(self.currency, str) else self._text(self.currency, cells)
        places = decimals_of(currency)
        amount = self._money(self.amount, cells, places)
        if amount is None:
            raise CellError("amount", "the amount is empty", "金额为空")
        self._at = ROW
        kind = self.kind.of("" if self.kind.place is None else cells[self.kind.place], amount)
        amount = signed(amount, self._mapping.amount.sign, kind, amount)
        agrees(kind, amount)
        fee = self._money(self.fee, cells, places)
        net = self._money(self.net, cells, places)
        if fee is not None and self._mapping.fee is not None:
            fee = signed(fee, self._mapping.fee.sign, kind, amount)
        if net is not None and self._mapping.net is not None:
            net = signed(net, self._mapping.net.sign, kind, amount)
        members: dict[str, Any] = dict(self.fixed)
        for when in self.whens:
            members[when.name] = self._when(when, cells)
        for text in self.texts:
            members[text.name] = self._text(text, cells)
        self._at = ROW
        mark = Mark.NONE if self.mark is None else self.mark.of(cells[self.mark.place])
        return StatementLine(line_no, kind, amount, currency, fee or 0, net, mark=mark, **members)

    def _text(self, column: TextColumn, cells: Cells) -> str:
        self._at = column.place
        return column.of(cells[column.place])

    def _when(self, column: WhenColumn, cells: Cells) -> str:
        self._at = column.place
        found = column.of(cells[column.place])
        if column.second is None or not found:
            return found
        self._at = column.second
        return column.then(found, cells[column.second])

    def _money(self, column: MoneyColumn | PairColumns | None, cells: Cells, places: int) -> int | None:
        if column is None:
            return None
        if isinstance(column, MoneyColumn):
            self._at = column.place
            value = column.of(cells[column.place], places)
            if column.way is None or value is None:
                return value
            self._at = ROW
            return value * column.way(cells[column.way_at])
        if not clean(cells[column.away]) and not clean(cells[column.inward]):
            return None
        self._at = column.away
        debit = column.one(cells[column.away], places)
        self._at = column.inward
        credit = column.one(cells[column.inward], places)
        self._at = ROW
        return column.joined(debit, credit)

    def balance(self, cells: Cells, currency: str) -> int | None:
        """Give the running balance after this row; None where the cell is empty. Raises CellError."""
        if self.balance_at is None:
            return None
        self._at = self.balance_at
        return self.balance_of(cells[self.balance_at], decimals_of(currency))

    def balance_of(self, cell: str, places: int) -> int | None:
        """Give the running balance in a cell; None where it is empty. Raises CellError."""
        rule = self._mapping.balance
        if rule is None or not clean(cell):
            return None
        try:
            return cell_of.money(cell, 0 if rule.unit == "fen" else places, rule.decimal)
        except CellError as error:
            raise CellError("balance", error.english, error.chinese) from None

    # ------------------------------------------------------------ columns bound
    def _bind_currency(self) -> TextColumn | str:
        rule = dict(self._mapping.texts).get("currency")
        if rule is None:
            return self._mapping.currency or self._options.currency
        text = self._bind_text("currency", rule)
        if text is None:
            return self._options.currency
        if isinstance(text, str):
            return TextColumn("currency", ROW, lambda _cell: self._letters(text))
        return TextColumn("currency", text.place, lambda cell: self._letters(text.of(cell)))

    def _letters(self, word: str) -> str:
        """Give the ISO letters of a currency's word."""
        if word in CURRENCIES:
            return word
        if not word:
            return self._options.currency
        letters = currency_words().get(bare(word), word.upper())
        if not (len(letters) == 3 and letters.isascii() and letters.isalpha()):
            raise CellError("currency", f"{word[:24]!r} is no currency", f"{word[:24]!r} 不是币种")
        return letters

    def _bind_text(self, name: str, rule: TextRule) -> TextColumn | str | None:
        """Bind a text to its column; a constant is its text, an optional column that is not there None."""
        if not rule.column:
            return rule.constant
        place = self._header.find(rule.column)
        if place is None:
            if rule.optional:
                return None
            self._header.need(rule.column, f"columns.{name}")
        assert place is not None, "need refuses what find does not find"
        values = dict(rule.values)
        named = name in _NAMES or name == "card"
        bare_column = not (rule.strip or rule.keep or rule.values or rule.digits) and name != "card"
        longest = TID_LONGEST if name == "tid" and self._mapping.role is Role.TERMINAL else 0

        def read(cell: str) -> str:
            text = cell_of.identifier(cell) if named else clean(cell)
            if longest and len(text) > longest:
                raise CellError(
                    "tid", f"{text[:24]!r} is too long for a TID", f"{text[:24]!r} 过长，不是终端号"
                )
            if bare_column and len(text) < mask.CARD_DIGITS:
                return text
            text = text.strip(rule.strip) if rule.strip else text
            if rule.keep is not None:
                found = rule.keep.search(text)
                text = "" if found is None else found[1 if rule.keep.groups else 0] or ""
            text = values.get(text, text)
            if rule.digits and text.isdigit():
                text = text.zfill(rule.digits)
            if name == "card":
                return text if _MASKED.fullmatch(text) else mask.card(text)
            if len(text) < mask.CARD_DIGITS:
                return text
            return mask.mask_id(text) if named else mask.mask_text(text)

        return TextColumn(name, place, read, bare_column, named, longest)

    def _bind_when(self, name: str, rule: WhenRule) -> WhenColumn | None:
        place = self._header.find(rule.column)
        if place is None:
            if rule.optional:
                return None
            self._header.need(rule.column, f"columns.{name}")
        assert place is not None, "need refuses what find does not find"
        second = self._header.find(rule.time)
        if rule.time and second is None:
            if rule.optional:
                return None
            self._header.need(rule.time, f"columns.{name}.time")
        year = self._year(name, rule)
        # A time with a zone of its own is turned by its zone, one without by the mapping's.
        books = self._options.utc_offset_min
        there = books if self._mapping.utc_offset_min is None else self._mapping.utc_offset_min

        def day(cell: str) -> str:
            return "" if rule.optional and not clean(cell) else cell_of.day(cell, rule.formats, year)

        def moment(cell: str) -> str:
            if rule.optional and not clean(cell):
                return ""
            return cell_of.shifted(cell_of.moment(cell, rule.formats, year, there), books - there)

        def moment_of(day8: str, cell: str) -> str:
            if rule.optional and not clean(cell):
                return ""
            return cell_of.shifted(cell_of.moment_of(day8, cell, there), books - there)

        if name == "settled_on":
            return WhenColumn(name, place, day)
        if second is None:
            return WhenColumn(name, place, moment)
        return WhenColumn(name, place, day, second, moment_of, plain=books == there)

    def _year(self, name: str, rule: WhenRule) -> int:
        if all(one in ("auto", "excel") or cell_of.format_parts(one) & {"Y", "y"} for one in rule.formats):
            return 0
        found = _YEAR.search(self._options.name)
        if not self._options.year and found is None:
            raise FileRefused(
                "year",
                f"the dates of columns.{name} have no year and the file's name has none: say it with --year",
                f"columns.{name} 的日期没有年份，文件名中也没有：请用 --year 给出",
            )
        return self._options.year or int(found[1] if found else 0)

    def _bind_money(self, rule: MoneyRule, name: str) -> MoneyColumn | PairColumns | None:
        where, fen = f"columns.{name}", rule.unit == "fen"
        if rule.optional and all(self._header.find(one) is None for one in (rule.column, rule.debit) if one):
            return None
        if not rule.column:
            away = self._header.need(rule.debit, f"{where}.debit")
            inward = self._header.need(rule.credit, f"{where}.credit")
            return PairColumns(away, inward, fen, rule.decimal, rule.debit_negative, self._one_currency)
        place = self._header.need(rule.column, where)
        blank = rule.optional or name != "amount"
        if rule.sign != "marked":
            return MoneyColumn(place, fen, rule.decimal, blank, self._one_currency)
        way_at, way = bind_sign(rule, self._header, where)
        return MoneyColumn(place, fen, rule.decimal, blank, self._one_currency, way, way_at)
