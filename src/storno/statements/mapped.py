"""One row of a mapped file turned into a StatementLine or a Reject, as the mapping says.

A `RowReader` is a mapping bound to the header of one file: columns are looked up once, a missing or doubtful column
refuses the file. Must not know where rows come from; balances and totals are `tally.py`'s.
"""

from __future__ import annotations

import re
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
    from collections.abc import Callable, Sequence

    from storno.statements.base import ReadOptions
    from storno.statements.header import Header
    from storno.statements.mapping import Mapping, MoneyRule, TextRule, WhenRule

    Cells = Sequence[str]
    Text = Callable[[Cells], str]

_NAMES = frozenset(
    {"tid", "mid", "batch", "stan", "rrn", "auth_code", "reference", "order", "original", "account"}
)
"""Members that name something: a spreadsheet may not have rounded them."""
CARD_DIGITS = 13
"""Nothing shorter can be a card number."""
TID_LONGEST = 8
"""Of a terminal's journal, which has the terminal number of F41; wallets and banks number devices as they like."""
ROW = -1
"""Stands for the place of what is wrong with a row and with no single column of it."""
_MASKED = re.compile(r"[0-9]{0,6}\*+[0-9]{0,4}")
_YEAR = re.compile(r"(?<!\d)(20\d\d)")


class RowReader:
    """A mapping bound to the header of one file."""

    def __init__(self, mapping: Mapping, header: Header, options: ReadOptions) -> None:
        self._mapping = mapping
        self._header = header
        self._options = options
        said = any(name == "currency" for name, _ in mapping.texts)
        self._one_currency = "" if said else mapping.currency or options.currency
        """Of every line, where no column says it."""
        self._currency = self._bind_currency()
        self._amount = self._bind_money(mapping.amount, "amount")
        self._fee = self._bind_money(mapping.fee, "fee") if mapping.fee else None
        self._net = self._bind_money(mapping.net, "net") if mapping.net else None
        self._kind = bind_kind(mapping.kind, header)
        self._mark = bind_mark(mapping.mark, header) if mapping.mark else None
        self._whens = [(name, self._bind_when(name, rule)) for name, rule in mapping.whens]
        self._texts = [
            (name, text)
            for name, rule in mapping.texts
            if name != "currency" and (text := self._bind_text(name, rule)) is not None
        ]
        self._balance: tuple[int, str] | None = None
        if mapping.balance is not None:
            place = header.need(mapping.balance.column, "balance.column")
            self._balance = (place, mapping.balance.unit)
        self._at = ROW
        self._fixed = {"account": mapping.account, "mid": mapping.mid}

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
        currency = self._currency(cells)
        places = decimals_of(currency)
        amount = self._amount(cells, places)
        if amount is None:
            raise CellError("amount", "the amount is empty", "金额为空")
        self._at = ROW
        kind = self._kind(cells, amount)
        amount = signed(amount, self._mapping.amount.sign, kind, amount)
        agrees(kind, amount)
        fee = self._fee(cells, places) if self._fee is not None else None
        net = self._net(cells, places) if self._net is not None else None
        if fee is not None and self._mapping.fee is not None:
            fee = signed(fee, self._mapping.fee.sign, kind, amount)
        if net is not None and self._mapping.net is not None:
            net = signed(net, self._mapping.net.sign, kind, amount)
        members: dict[str, Any] = {name: value for name, value in self._fixed.items() if value}
        for name, when in self._whens:
            members[name] = when(cells)
        for name, text in self._texts:
            members[name] = text(cells)
        self._at = ROW
        mark = self._mark(cells) if self._mark is not None else Mark.NONE
        return StatementLine(line_no, kind, amount, currency, fee or 0, net, mark=mark, **members)

    def balance(self, cells: Cells, currency: str) -> int | None:
        """Give the running balance after this row; None where the cell is empty. Raises CellError."""
        rule = self._mapping.balance
        if self._balance is None or rule is None:
            return None
        place, unit = self._balance
        if not clean(cells[place]):
            return None
        places = 0 if unit == "fen" else decimals_of(currency)
        self._at = place
        try:
            return cell_of.money(cells[place], places, rule.decimal)
        except CellError as error:
            raise CellError("balance", error.english, error.chinese) from None

    # ------------------------------------------------------------ columns bound
    def _bind_currency(self) -> Text:
        rule = dict(self._mapping.texts).get("currency")
        if rule is None:
            constant = self._mapping.currency or self._options.currency
            return lambda _cells: constant
        text = self._bind_text("currency", rule)
        if text is None:
            return lambda _cells: self._options.currency
        words = currency_words()

        def read(cells: Cells) -> str:
            word = text(cells)
            if word in CURRENCIES:
                return word
            if not word:
                return self._options.currency
            letters = words.get(bare(word), word.upper())
            if not (len(letters) == 3 and letters.isascii() and letters.isalpha()):
                raise CellError("currency", f"{word[:24]!r} is no currency", f"{word[:24]!r} 不是币种")
            return letters

        return read

    def _bind_text(self, name: str, rule: TextRule) -> Text | None:
        if not rule.column:
            return lambda _cells: rule.constant
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

        def read(cells: Cells) -> str:
            self._at = place
            text = cell_of.identifier(cells[place]) if named else clean(cells[place])
            if longest and len(text) > longest:
                raise CellError(
                    "tid", f"{text[:24]!r} is too long for a TID", f"{text[:24]!r} 过长，不是终端号"
                )
            if bare_column and len(text) < CARD_DIGITS:
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
            if len(text) < CARD_DIGITS:
                return text
            return mask.mask_id(text) if named else mask.mask_text(text)

        return read

    def _bind_when(self, name: str, rule: WhenRule) -> Text:
        place = self._header.find(rule.column)
        if place is None:
            if rule.optional:
                return lambda _cells: ""
            self._header.need(rule.column, f"columns.{name}")
        assert place is not None, "need refuses what find does not find"
        second = self._header.find(rule.time)
        if rule.time and second is None:
            if rule.optional:
                return lambda _cells: ""
            self._header.need(rule.time, f"columns.{name}.time")
        year = self._year(name, rule)
        # A time with a zone of its own is turned by its zone, one without by the mapping's.
        books = self._options.utc_offset_min
        there = books if self._mapping.utc_offset_min is None else self._mapping.utc_offset_min

        def read(cells: Cells) -> str:
            self._at = place
            if rule.optional and not clean(cells[place]):
                return ""
            if name == "settled_on":
                return cell_of.day(cells[place], rule.formats, year)
            if second is None:
                stamp = cell_of.moment(cells[place], rule.formats, year, there)
            else:
                day8 = cell_of.day(cells[place], rule.formats, year)
                self._at = second
                if rule.optional and not clean(cells[second]):
                    return ""
                stamp = cell_of.moment_of(day8, cells[second], there)
            return cell_of.shifted(stamp, books - there) if books != there else stamp

        return read

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

    def _bind_money(self, rule: MoneyRule, name: str) -> Callable[[Cells, int], int | None]:
        where = f"columns.{name}"
        if rule.optional and all(self._header.find(one) is None for one in (rule.column, rule.debit) if one):
            return lambda _cells, _places: None
        if not rule.column:
            return self._bind_pair(rule, where)
        place = self._header.need(rule.column, where)
        sign = bind_sign(rule, self._header, where) if rule.sign == "marked" else None

        def read(cells: Cells, places: int) -> int | None:
            self._at = place
            if (rule.optional or name != "amount") and not clean(cells[place]):
                return None
            value = cell_of.money(
                cells[place], 0 if rule.unit == "fen" else places, rule.decimal, self._one_currency
            )
            if sign is None:
                return value
            self._at = ROW
            return value * sign(cells)

        return read

    def _bind_pair(self, rule: MoneyRule, where: str) -> Callable[[Cells, int], int | None]:
        away = self._header.need(rule.debit, f"{where}.debit")
        inward = self._header.need(rule.credit, f"{where}.credit")

        def one(place: int, cells: Cells, places: int) -> int:
            if clean(cells[place]) in ("", "-", "--"):
                return 0
            self._at = place
            return cell_of.money(
                cells[place], 0 if rule.unit == "fen" else places, rule.decimal, self._one_currency
            )

        def read(cells: Cells, places: int) -> int | None:
            if not clean(cells[away]) and not clean(cells[inward]):
                return None
            debit, credit = one(away, cells, places), one(inward, cells, places)
            self._at = ROW
            if debit and credit:
                raise CellError("amount", "both debit and credit are filled", "借方与贷方同时有金额")
            return credit + debit if rule.debit_negative else credit - debit

        return read
