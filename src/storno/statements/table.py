"""Rows of a mapped file turned into parts: preamble, header, lines, rejects, totals and running balances.

Every row is exactly one part, and so is every physical line: those that a quoted line break joins to a row are frames.
Must not know whether the rows come from text, a spreadsheet or fixed-width records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, compress
from typing import TYPE_CHECKING

from storno.statements.amount import decimals_of
from storno.statements.cells import CellError, clean, money
from storno.statements.header import Header
from storno.statements.line import FileRefused, Frame, Part, Reject, Total
from storno.statements.lines import shown
from storno.statements.mapped import RowReader
from storno.statements.mapped_block import BlockReader, Uneven
from storno.statements.tally import Chain, Tally
from storno.statements.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from storno.statements.base import ReadOptions
    from storno.statements.block import Block
    from storno.statements.mapping import Mapping, TotalRule

COUNTS = frozenset({"lines", "credits_count", "debits_count", "payments_count", "refunds_count"})
ACCOUNTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row before it has a meaning."""

    line_no: int
    cells: Sequence[str]
    lines: int = 1
    """Physical lines it covers."""
    broken: Reject | None = None


@dataclass(slots=True)
class _Declared:
    name: str
    value: int
    where: int


@dataclass(slots=True)
class Session:
    """What is known of one file while it is read."""

    mapping: Mapping
    options: ReadOptions
    reader: RowReader | None = None
    blocks: BlockReader | None = None
    header: Header | None = None
    tally: Tally = field(default_factory=Tally)
    _width: int = 0
    _plain_header: tuple[str, ...] = ()
    _seen: int = 0
    _nearest: tuple[int, tuple[str, ...]] = (0, ())
    _chains: dict[tuple[str, str], Chain] = field(default_factory=dict)
    _declared: list[_Declared] = field(default_factory=list)
    _met: set[int] = field(default_factory=set)

    def bind(self, names: Sequence[str]) -> None:
        """Take a row as the header. FileRefused where a column the mapping needs is missing or doubtful."""
        cut = len(names)
        while cut and not clean(names[cut - 1]):
            cut -= 1
        self.header = Header(names[:cut], self.mapping)
        self.reader = RowReader(self.mapping, self.header, self.options)
        self.blocks = BlockReader(self.reader, self.mapping)
        self._width = cut
        self._plain_header = tuple(plain(name) for name in names[:cut])

    def take(self, row: Row) -> Sequence[Part]:
        """Give the parts of the next row."""
        found: Sequence[Part]
        if row.broken is not None:
            found = (row.broken,)
        elif not any(map(clean, row.cells)) or list(map(clean, row.cells)) == ["\x1a"]:
            found = (Frame(row.line_no, "blank"),)
        else:
            found = self._filled(row)
        if row.lines == 1:
            return found
        return (*found, *(Frame(row.line_no + more, "continuation") for more in range(1, row.lines)))

    def take_all(self, line_no: int, rows: Sequence[list[str]]) -> Sequence[Part | Block]:
        """Give the parts of rows of a line each, the first of that number, at once, without frames.

        Raises Uneven or CellError: one of them is no line and no ignored row. Nothing was taken then.
        """
        assert self.blocks is not None, "asked only behind the header"
        numbers = list(range(line_no, line_no + len(rows)))
        if self.mapping.table.ignore:
            kept = [not self._ignored(cells) for cells in rows]
            rows, numbers = list(compress(rows, kept)), list(compress(numbers, kept))
        if not rows:
            return ()
        columns = self._columns(rows)
        try:
            block = self.blocks.read(numbers, columns)
        except IndexError:  # without a header only the rows themselves show that they are short
            raise Uneven from None
        if len(self._chains) + len(rows) > ACCOUNTS_MAX:
            raise Uneven
        broken: tuple[Total, ...] = ()
        if self.mapping.balance is not None:
            balances = self.blocks.balances(columns, block["currency"][0])
            members = (block["account"], block["currency"], block["amount_minor"], balances, numbers)
            broken = tuple(
                total for one in zip(*members, strict=True) if (total := self._follow(*one)) is not None
            )
        if self.mapping.totals:
            self.tally.take(block)
        return (block, *broken)

    def _columns(self, rows: Sequence[list[str]]) -> Sequence[Sequence[str]]:
        """Turn rows that have nothing unusual into columns. Raises Uneven."""
        assert self.header is not None, "asked only behind the header"
        names, width = self.header.names, self._width or self.mapping.table.width
        found = len(rows[0])
        if set(map(len, rows)) != {found} or found < width:
            raise Uneven
        columns = list(zip(*rows, strict=True))
        if names and names[0] in columns[0]:
            raise Uneven  # the header stands there once more
        if width and any(map(clean, chain.from_iterable(columns[width:]))):
            raise Uneven
        patterns = [rule.match for rule in self.mapping.totals] + list(self.mapping.table.skip)
        if patterns:
            joined = list(map(_joined, rows))
            if any(pattern.search(text) for pattern in patterns for text in joined):
                raise Uneven
        return columns

    def end(self) -> Iterator[Part]:
        """Give the totals the file declared, compared with what was read.

        Raises:
            FileRefused: no header was found, or a required totals row is missing.

        """
        if self.reader is None:
            self._no_header()
        for number, rule in enumerate(self.mapping.totals):
            if rule.required and number not in self._met:
                raise FileRefused(
                    "totals",
                    f"the totals row ({rule.match.pattern}) is missing: the file is cut short; get it again",
                    f"缺少合计行（{rule.match.pattern}）：文件不完整，请重新获取",
                )
        for one in self._declared:
            yield self.tally.total(one.name, one.value, one.where)
        for run in self._chains.values():
            if (total := run.closing()) is not None:
                yield total

    # ------------------------------------------------------------ one row that is not blank
    def _filled(self, row: Row) -> Sequence[Part]:
        if self.reader is None:
            return (self._before(row, _joined(row.cells)),)
        if self.mapping.totals or self.mapping.table.skip:
            joined = _joined(row.cells)
            found = self._total(row, joined)
            if found is not None:
                return (found,)
            if any(rule.search(joined) for rule in self.mapping.table.skip):
                return (Frame(row.line_no, "skipped"),)
        if self._is_header(row.cells):
            return (Frame(row.line_no, "header"),)
        return self._data(row, self.reader)

    def _before(self, row: Row, joined: str) -> Part:
        header = Header(row.cells, self.mapping)
        if header.holds_all():
            self.bind(row.cells)
            return Frame(row.line_no, "header")
        found = self._total(row, joined)
        self._seen += 1
        if self._seen >= self.mapping.table.header_within:
            self._no_header()
        hits = sum(plain(cell) in self._wanted() for cell in row.cells)
        if hits > self._nearest[0]:
            self._nearest = (hits, tuple(row.cells))
        return found or Frame(row.line_no, "preamble")

    def _wanted(self) -> set[str]:
        mapping = self.mapping
        columns = [mapping.amount.column, mapping.amount.debit, mapping.amount.credit, mapping.kind.column]
        columns += [rule.column for _, rule in mapping.whens] + [rule.column for _, rule in mapping.texts]
        return {plain(one) for alternatives in columns for one in alternatives if isinstance(one, str)}

    def _no_header(self) -> None:
        if self._nearest[0]:
            RowReader(
                self.mapping, Header(self._nearest[1], self.mapping), self.options
            )  # says what is missing
        raise FileRefused(
            "header",
            f"no header row for mapping {self.mapping.name!r} in the first {self.mapping.table.header_within} rows: "
            "use another mapping, or make one with `storno statement map FILE`",
            f"前 {self.mapping.table.header_within} 行内没有映射 {self.mapping.name!r} 的表头：请换用其他映射，"
            "或用 `storno statement map 文件` 生成",
        )

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Say whether the header stands here once more, as at the top of a printed page."""
        assert self.header is not None, "asked only behind the header"
        names = self.header.names
        return (
            bool(names)
            and cells[0] == names[0]
            and tuple(map(plain, cells[: self._width])) == self._plain_header
        )

    def _data(self, row: Row, reader: RowReader) -> Sequence[Part]:
        cells = row.cells
        width = self._width or self.mapping.table.width
        if width and len(cells) != width and (len(cells) < width or any(map(clean, cells[width:]))):
            return (Reject(
                row.line_no, "columns",
                f"{len(cells)} columns where the header has {width}", f"该行 {len(cells)} 列，表头 {width} 列",
                reader.shown(cells),
            ),)  # fmt: skip
        try:
            if self.mapping.table.ignore and self._ignored(cells):
                return (Frame(row.line_no, "ignored"),)
            part = reader.read(row.line_no, cells)
            if isinstance(part, Reject):
                return (part,)
            balance = reader.balance(cells, part.currency) if self.mapping.balance is not None else None
        except CellError as error:
            return (reader.reject(row.line_no, error, cells),)
        except IndexError:  # without a header only the row itself shows that it is short
            return (
                Reject(row.line_no, "columns", "the row is too short", "该行列数不足", reader.shown(cells)),
            )
        if self.mapping.totals:
            self.tally.add(part)
        if self.mapping.balance is None:
            return (part,)
        broken = self._follow(part.account, part.currency, part.amount_minor, balance, part.line_no)
        return (part,) if broken is None else (part, broken)

    def _ignored(self, cells: Sequence[str]) -> bool:
        assert self.header is not None, "rows are data only behind a header"
        for rule in self.mapping.table.ignore:
            place = self.header.need(rule.column, "table.ignore")
            if plain(clean(cells[place])) in {plain(value) for value in rule.values}:
                return True
        return False

    def _follow(
        self, account: str, currency: str, amount: int, balance: int | None, line_no: int
    ) -> Total | None:
        assert self.mapping.balance is not None, "asked only where there is a balance"
        if len(self._chains) >= ACCOUNTS_MAX:
            raise FileRefused("balance", "more accounts than one file may hold", "一个文件中的账户过多")
        key = (account, currency)
        run = self._chains.get(key)
        if run is None:
            run = self._chains[key] = Chain(self.mapping.balance.order, currency)
        return run.add(amount, balance, line_no)

    # ------------------------------------------------------------ totals
    def _total(self, row: Row, joined: str) -> Part | None:
        for number, rule in enumerate(self.mapping.totals):
            found = rule.match.search(joined)
            if found is None:
                continue
            declared = {name: text for name, text in found.groupdict().items() if text}
            try:
                if self.header is not None:
                    for name, columns in rule.columns:
                        if (place := self.header.find(columns)) is not None:
                            declared[name] = row.cells[place]
                if not any(clean(text) for text in declared.values()):
                    raise CellError("total", "it declares nothing", "没有合计数")  # noqa: TRY301 - one way out
                self._declared += [
                    _Declared(name, self._value(rule, name, text), row.line_no)
                    for name, text in declared.items()
                    if clean(text)
                ]
            except (CellError, IndexError) as error:
                english, chinese = (
                    getattr(error, "english", "a column is missing"),
                    getattr(error, "chinese", "缺少列"),
                )
                return Reject(
                    row.line_no, "total", f"the totals row cannot be read: {english}", f"合计行无法读取：{chinese}",
                    shown(",".join(row.cells)),
                )  # fmt: skip
            self._met.add(number)
            return Frame(row.line_no, "total")
        return None

    def _value(self, rule: TotalRule, name: str, text: str) -> int:
        if name in COUNTS or rule.unit == "fen":
            return money(text, 0, rule.decimal)
        currency = self.mapping.currency or self.options.currency
        return money(text, decimals_of(currency), rule.decimal)


def _joined(cells: Sequence[str]) -> str:
    """Give a row as patterns see it: its cells that are not empty, joined by blanks."""
    return " ".join(text for cell in cells if (text := clean(cell)))


def parts(rows: Iterable[Row], session: Session) -> Iterator[Part]:
    """Give the parts of a whole file."""
    for row in rows:
        yield from session.take(row)
    yield from session.end()
