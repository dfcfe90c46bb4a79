"""Many rows of a mapped file turned into a Block, column by column: what `mapped.py` says of each row, said at once.

Only for rows in which nothing is wrong: whatever would be a Reject raises, and the rows are then read one by one.
Must not decide anything that `mapped.py` does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from storno.statements import mask
from storno.statements.amount import decimals_of
from storno.statements.block import Block
from storno.statements.cells import clean, destroyed
from storno.statements.line import LineKind
from storno.statements.mapped import MoneyColumn
from storno.statements.meaning import AWAY, agrees, signed
from storno.statements.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.statements.mapped import PairColumns, RowReader, TextColumn, WhenColumn
    from storno.statements.mapping import Mapping

    Cells = Sequence[str]

_LOOSE = re.compile("[ \t\r\n\x0b\x0c\u3000\xa0\ufeff`'=]")
"""What `clean` takes off; without any of these it does nothing."""
_WIDE_DIGIT = re.compile("[０-９]")
_WHOLE = re.compile(r"(?:-?[0-9]{1,13}+\n)++")
_POINTED = {places: re.compile(rf"(?:-?[0-9]{{1,13}}+\.[0-9]{{{places}}}\n)++") for places in range(1, 7)}
_CLOCKS = re.compile(r"(?:(?:[01][0-9]|2[0-3])(?::[0-5][0-9]:[0-5][0-9]|[0-5][0-9][0-5][0-9])\n)++")
_AWAY = frozenset(kind.value for kind in AWAY)


class Uneven(Exception):  # noqa: N818 it says what the rows are
    """Rows that cannot be read at once: one of them is wrong, or is no line."""


class BlockReader:
    """A mapping bound to the header of one file, for many rows at once."""

    def __init__(self, reader: RowReader, mapping: Mapping) -> None:
        self._reader = reader
        self._mapping = mapping
        kind_of, mark = reader.kind.of, reader.mark
        self._kinds = Memo[tuple[str, bool], str](
            lambda asked: kind_of(asked[0], 0 if asked[1] else -1).value
        )
        self._marks = None if mark is None else Memo[str, str](lambda cell: mark.of(cell).value)
        texts = reader.texts if isinstance(reader.currency, str) else (*reader.texts, reader.currency)
        self._texts = {text.name: Memo[str, str](text.of) for text in texts}
        self._whens = {when.name: Memo[str, str](when.of) for when in reader.whens}

    def read(self, numbers: Sequence[int], columns: Sequence[Cells]) -> Block:
        """Give the lines of rows that are all lines. Raises Uneven or CellError: one of them is not."""
        reader, rows = self._reader, len(numbers)
        currency = reader.currency
        currencies = [currency] * rows if isinstance(currency, str) else self._text(currency, columns)
        some = set(currencies)
        if len(some) != 1:
            raise Uneven  # their amounts have decimals of their own
        places = decimals_of(some.pop())
        amounts = self._money(reader.amount, columns, places)
        if amounts is None or None in amounts:
            raise Uneven
        words = [""] * rows if reader.kind.place is None else columns[reader.kind.place]
        kinds = self._kinds.all(zip(words, [amount >= 0 for amount in amounts], strict=True))
        amounts = _signed(amounts, self._mapping.amount.sign, kinds, amounts)
        _agree(kinds, amounts)
        found: dict[str, Sequence[Any]] = {name: [value] * rows for name, value in reader.fixed.items()}
        found |= {
            "line_no": numbers, "kind": kinds, "amount_minor": amounts, "currency": currencies,
            "fee_minor": [0] * rows,
        }  # fmt: skip
        for name, money, rule in (
            ("fee", reader.fee, self._mapping.fee),
            ("net", reader.net, self._mapping.net),
        ):
            values = self._money(money, columns, places)
            if values is not None and rule is not None:
                values = _signed(values, rule.sign, kinds, amounts)
                found[f"{name}_minor"] = [value or 0 for value in values] if name == "fee" else values
        found |= {when.name: self._when(when, columns) for when in reader.whens}
        found |= {text.name: self._text(text, columns) for text in reader.texts}
        if reader.mark is not None and self._marks is not None:
            found["mark"] = self._marks.all(columns[reader.mark.place])
        return Block.of(rows, found)

    def balances(self, columns: Sequence[Cells], currency: str) -> list[int | None]:
        """Give the running balance after each row. Raises CellError."""
        place, places = self._reader.balance_at, decimals_of(currency)
        if place is None:
            return []
        return [self._reader.balance_of(cell, places) for cell in columns[place]]

    def _text(self, column: TextColumn, columns: Sequence[Cells]) -> Sequence[str]:
        """Read a column of texts; one in which nothing needs a look is taken as it stands."""
        cells = columns[column.place]
        if not column.bare:
            return self._texts[column.name].all(cells)
        joined = "".join(cells)
        if _LOOSE.search(joined):
            cells = list(map(clean, cells))
        if column.named and ("E" in joined or "e" in joined) and any(map(destroyed, cells)):
            raise Uneven
        longest = max(map(len, cells))
        if longest > (column.longest or longest):
            raise Uneven
        if longest < mask.CARD_DIGITS:
            return cells
        if column.named:
            return mask.mask_ids(cells)
        if _WIDE_DIGIT.search(joined):  # made narrow in long texts only
            return self._texts[column.name].all(columns[column.place])
        return mask.mask_texts(cells)

    def _when(self, column: WhenColumn, columns: Sequence[Cells]) -> Sequence[str]:
        days = self._whens[column.name].all(columns[column.place])
        if column.second is None:
            return days
        clocks = columns[column.second]
        if column.plain and all(days) and _CLOCKS.fullmatch("\n".join([*clocks, ""])):
            return [day + clock.replace(":", "") for day, clock in zip(days, clocks, strict=True)]
        return [column.then(day, clock) if day else "" for day, clock in zip(days, clocks, strict=True)]

    def _money(
        self, column: MoneyColumn | PairColumns | None, columns: Sequence[Cells], places: int
    ) -> list[Any] | None:
        """Read a column of amounts, None where a cell may be empty and is; None: there is no such column."""
        if column is None:
            return None
        if not isinstance(column, MoneyColumn):
            pairs = zip(columns[column.away], columns[column.inward], strict=True)
            return [
                column.joined(column.one(debit, places), column.one(credit, places))
                if clean(debit) or clean(credit)
                else None
                for debit, credit in pairs
            ]
        cells = columns[column.place]
        if column.decimal != ".":
            values: list[Any] = [column.of(cell, places) for cell in cells]
        else:
            values = _plain_money(cells, 0 if column.fen else places) or [
                column.of(cell, places) for cell in cells
            ]
        if column.way is None:
            return values
        ways = map(column.way, columns[column.way_at])
        return [None if value is None else value * way for value, way in zip(values, ways, strict=True)]


def _plain_money(cells: Cells, places: int) -> list[int] | None:
    """Read amounts that are all written alike and plainly; None where they are not."""
    joined = "\n".join([*cells, ""])
    if (_WHOLE if places == 0 else _POINTED[places]).fullmatch(joined) is None:
        return None
    return list(map(int, joined.replace(".", "").split()))


def _signed(values: list[Any], rule: str, kinds: list[str], amounts: list[int]) -> list[Any]:
    """Give amounts the sign their mapping rule says, as `meaning.signed` does each of them."""
    if rule in ("given", "marked"):
        return values
    if rule == "by_kind" and None not in values and min(values) >= 0:
        return [-value if kind in _AWAY else value for value, kind in zip(values, kinds, strict=True)]
    return [
        None if value is None else signed(value, rule, LineKind(kind), amount)
        for value, kind, amount in zip(values, kinds, amounts, strict=True)
    ]


def _agree(kinds: list[str], amounts: list[int]) -> None:
    """Raise CellError where a kind says one way and its sign the other."""
    for kind, away in set(zip(kinds, [(amount > 0) - (amount < 0) for amount in amounts], strict=True)):
        agrees(LineKind(kind), away)
