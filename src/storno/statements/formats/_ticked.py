"""The frame of a wallet's ticked bill: a header, rows of back-ticked values, a header of totals and the totals.

A bill says which columns it needs and reads its rows and totals; what every such bill does alike is here: damaged lines
become rejects, what comes after the totals too, a totals header cut off and a bill without totals are refused.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from storno.statements.amount import AmountError
from storno.statements.formats._row import (
    Columns,
    Row,
    RowError,
    bare,
    header_of,
    no_header,
    reject,
    ticked_cells,
)
from storno.statements.line import FileRefused, Frame, Part, StatementLine
from storno.statements.lines import TextLine, broken, text_lines
from storno.statements.when import WhenError

if TYPE_CHECKING:
    from collections.abc import Iterator


def first_line(text: str | None) -> str:
    """Give the first line that says anything, to know a bill by its header."""
    return (text or "").lstrip("\ufeff \r\n").partition("\n")[0]


class TickedBill(ABC):
    """One bill being read, line by line."""

    free_text: ClassVar[str]
    """The column whose text may hold the separator."""
    totals_from: ClassVar[tuple[str, ...]]
    """What the header of the totals begins with."""

    def __init__(self) -> None:
        self._columns: Columns | None = None
        self._declared: Columns | None = None
        self._done = False

    @abstractmethod
    def missing(self, columns: Columns) -> list[str]:
        """List the columns this bill cannot do without and its header lacks."""

    def missing_totals(self, columns: Columns) -> list[str]:  # noqa: ARG002 - for those that need some
        """List the totals this bill cannot do without and its header of totals lacks."""
        return []

    @abstractmethod
    def line(self, no: int, row: Row) -> StatementLine:
        """Read a row. Raises RowError, AmountError, WhenError."""

    @abstractmethod
    def totals(self, no: int, row: Row) -> Iterator[Part]:
        """Compare the totals with the rows. Raises RowError, AmountError."""

    def take(self, line: TextLine) -> Iterator[Part]:
        """Read one line."""
        if line.blank:
            yield Frame(line.no, "blank")
        elif self._columns is None:
            yield self._header(line)
        elif self._done:
            yield reject(line, RowError("after_total", "a line after the totals", "汇总行之后还有内容"))
        elif self._declared is not None:
            yield from self._totals(line, self._declared)
        elif bare(line.text).startswith(self.totals_from):
            self._declared = self._totals_header(line)
            yield Frame(line.no, "totals header")
        else:
            yield self._row(line, self._columns)

    def end(self) -> None:
        """Refuse a bill without its totals."""
        if self._columns is None:
            raise FileRefused("empty", "the bill is empty", "账单为空")
        if not self._done:
            raise FileRefused(
                "truncated",
                "the bill ends before its totals: fetch it again",
                "账单在汇总行之前结束，请重新下载",
            )

    def _header(self, line: TextLine) -> Frame:
        columns = header_of(line)
        if missing := self.missing(columns):
            raise no_header(line, ", ".join(missing))
        self._columns = columns
        return Frame(line.no, "header")

    def _totals_header(self, line: TextLine) -> Columns:
        try:
            columns = header_of(line)
        except FileRefused:
            raise FileRefused(
                "truncated",
                f"line {line.no}: the header of the totals is cut off or damaged: fetch it again",
                f"第 {line.no} 行：汇总表头被截断或损坏，请重新下载",
                line.no,
            ) from None
        if self.missing_totals(columns):
            raise _bad_totals(line.no, "a column is missing", "缺少列")
        return columns

    def _row(self, line: TextLine, columns: Columns) -> Part:
        if bad := broken(line):
            return bad
        try:
            return self.line(line.no, columns.row(ticked_cells(line.text), columns.at(self.free_text)))
        except (RowError, AmountError, WhenError) as error:
            return reject(line, error)

    def _totals(self, line: TextLine, declared: Columns) -> Iterator[Part]:
        try:
            compared = list(self.totals(line.no, declared.row(ticked_cells(line.text))))
        except (RowError, AmountError) as error:
            raise _bad_totals(line.no, error.english, error.chinese) from None
        self._done = True
        yield Frame(line.no, "totals")
        yield from compared


def _bad_totals(no: int, english: str, chinese: str) -> FileRefused:
    return FileRefused(
        "totals",
        f"line {no}: the totals cannot be read: {english}",
        f"第 {no} 行：汇总无法读取：{chinese}",
        no,
    )


def read_bill(source: BinaryIO, bill: TickedBill) -> Iterator[Part]:
    """Read a bill line by line."""
    for line in text_lines(source):
        yield from bill.take(line)
    bill.end()
