"""What a mapping says: how a table or a fixed-width file of any sender becomes statement lines.

Frozen data, one class for each part of the TOML; `mapping_load.py` makes it and checks it, `mapped.py` obeys it.
Must not read files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from storno.statements.line import LineKind, Mark, Role

Column: TypeAlias = str | int
"""A header name, or a position from 1."""
Columns: TypeAlias = tuple[Column, ...]
"""Alternatives: the first that the file has. Empty: none."""

PLUS_WORDS = (
    "C", "CR", "CREDIT", "IN", "+", "贷", "贷方", "收", "收入", "入账", "存入", "转入", "来账", "贷 Cr", "贷Cr.",
    "K", "H", "Haben", "Bij", "Crédit",
)  # fmt: skip
MINUS_WORDS = (
    "D", "DR", "DB", "DEBIT", "OUT", "-", "借", "借方", "支", "付", "支出", "出账", "支取", "转出", "往账",
    "借 Dr", "借Dr.", "S", "Soll", "Af", "Débit",
)  # fmt: skip
"""Also in Dutch, German, French and the Baltic languages."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """Where a text member comes from and what is done to it."""

    column: Columns = ()
    constant: str = ""
    optional: bool = False
    strip: str = ""
    digits: int = 0
    keep: re.Pattern[str] | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WhenRule:
    """Where a day or a time comes from."""

    column: Columns
    time: Columns = ()
    formats: tuple[str, ...] = ("auto",)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MoneyRule:
    """Where an amount comes from, in which unit, and which way its sign goes."""

    column: Columns = ()
    debit: Columns = ()
    credit: Columns = ()
    debit_negative: bool = False
    unit: str = "yuan"
    decimal: str = "."
    sign: str = "given"
    sign_column: Columns = ()
    plus: tuple[str, ...] = PLUS_WORDS
    minus: tuple[str, ...] = MINUS_WORDS
    optional: bool = False


@dataclass(frozen=True, slots=True)
class KindRule:
    """How a line's kind is found: by words, by patterns, by its sign, or always the same."""

    column: Columns = ()
    constant: LineKind | None = None
    values: tuple[tuple[str, LineKind], ...] = ()
    common: bool = False
    patterns: tuple[tuple[re.Pattern[str], LineKind], ...] = ()
    positive: LineKind | None = None
    negative: LineKind | None = None


@dataclass(frozen=True, slots=True)
class MarkRule:
    """What the file says became of a transaction."""

    column: Columns
    values: tuple[tuple[str, Mark], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class BalanceRule:
    """The running balance of an account statement."""

    column: Columns
    unit: str = "yuan"
    decimal: str = "."
    order: str = "auto"


@dataclass(frozen=True, slots=True)
class TotalRule:
    """A row in which the file declares its own counts and sums."""

    match: re.Pattern[str]
    columns: tuple[tuple[str, Columns], ...] = ()
    unit: str = "yuan"
    decimal: str = "."
    required: bool = False


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Rows that carry no money by their own word."""

    column: Columns
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """How the rows of a table are told apart."""

    header: tuple[tuple[str, ...], ...] = ()
    """Signatures: whole header rows, any of which makes a file known without asking."""
    no_header: bool = False
    width: int = 0
    header_within: int = 60
    skip: tuple[re.Pattern[str], ...] = ()
    ignore: tuple[IgnoreRule, ...] = ()


@dataclass(frozen=True, slots=True)
class FixedField:
    """One field of a fixed-width record, in bytes from 0."""

    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping."""

    name: str
    role: Role
    amount: MoneyRule
    kind: KindRule
    layout: str = "csv"
    title: str = ""
    title_zh: str = ""
    source: str = ""
    encoding: str = "auto"
    currency: str = ""
    account: str = ""
    mid: str = ""
    utc_offset_min: int | None = None
    delimiter: str = ""
    """Empty: the one with which the header is found."""
    quote: str = '"'
    sheet: str | int = ""
    record_bytes: int = 0
    fields: tuple[FixedField, ...] = ()
    table: Table = field(default_factory=Table)
    fee: MoneyRule | None = None
    net: MoneyRule | None = None
    mark: MarkRule | None = None
    whens: tuple[tuple[str, WhenRule], ...] = ()
    texts: tuple[tuple[str, TextRule], ...] = ()
    balance: BalanceRule | None = None
    totals: tuple[TotalRule, ...] = ()


class MappingError(ValueError):
    """A mapping that cannot be used: says where in the TOML, what is wrong and what to do, in both languages."""

    def __init__(self, where: str, english: str, chinese: str) -> None:
        super().__init__(f"{where}: {english}" if where else english)
        self.where = where
        self.english = f"{where}: {english}" if where else english
        self.chinese = f"{where}：{chinese}" if where else chinese
