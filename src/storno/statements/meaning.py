"""What the words of a row mean: its kind, its result, the way its money goes; and whether they contradict the sign.

A word the mapping does not know is a CellError that says where to add it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.statements.cells import CellError, clean
from storno.statements.line import LineKind, Mark
from storno.statements.line_words import KINDS
from storno.statements.words import bare, kind_words, mark_words, plain

if TYPE_CHECKING:
    from storno.statements.header import Header
    from storno.statements.mapping import KindRule, MarkRule, MoneyRule

WORDS_KEPT = 1000
"""Words looked up once; a column with more is text and no vocabulary."""
AWAY = frozenset({LineKind.REFUND, LineKind.VOID, LineKind.REVERSAL, LineKind.FEE, LineKind.CHARGEBACK})
INWARD = frozenset({LineKind.PAYMENT, LineKind.PREAUTH})
"""A deposit is not among them: the net of a day with more refunds than sales is taken from the account."""


def signed(value: int, rule: str, kind: LineKind, amount: int) -> int:
    """Give an amount with the sign its mapping rule says; `amount` is that of the line. Raises CellError."""
    if rule == "negated":
        return -value
    if rule == "cost":
        return -abs(value) if amount >= 0 else abs(value)
    if rule == "by_kind":
        if kind in INWARD and value < 0:
            raise CellError(
                "sign", f"a {kind.value} cannot be negative", f"类型“{KINDS[kind][1]}”的金额不能为负"
            )
        return -abs(value) if kind in AWAY else value
    return value


def agrees(kind: LineKind, amount: int) -> None:
    """Raise CellError where the kind says one way and the sign the other."""
    if (kind in INWARD and amount < 0) or (kind is LineKind.REFUND and amount > 0):
        way, way_zh = ("away", "支出") if amount < 0 else ("in", "收入")
        raise CellError(
            "sign",
            f"kind {kind.value} with money {way}: kind and sign contradict",
            f"类型“{KINDS[kind][1]}”与{way_zh}方向矛盾",
        )


def bind_sign(rule: MoneyRule, header: Header, where: str) -> tuple[int, Callable[[str], int]]:
    """Give the sign column and what reads a row's way from its cell: 1 in, -1 away."""
    place = header.need(rule.sign_column, f"{where}.sign_column")
    ways = {plain(word): 1 for word in rule.plus} | {plain(word): -1 for word in rule.minus}

    def read(cell: str) -> int:
        word = clean(cell)
        way = ways.get(plain(word))
        if way is None:
            raise CellError(
                "sign", f"{word[:24]!r} says neither in nor away", f"{word[:24]!r} 不能确定收支方向"
            )
        return way

    return place, read


@dataclass(frozen=True, slots=True)
class KindColumn:
    """Where a row's kind is read."""

    place: int | None
    """None: there is no such column, the kind is constant or goes by the sign."""
    of: Callable[[str, int], LineKind]
    """Give the kind of a cell and an amount's sign. Raises CellError."""


@dataclass(frozen=True, slots=True)
class MarkColumn:
    """Where it is read what became of a row's transaction."""

    place: int
    of: Callable[[str], Mark]
    """Give the mark of a cell. Raises CellError."""


def bind_kind(rule: KindRule, header: Header) -> KindColumn:
    """Give what reads a row's kind: its word, a pattern, else its sign."""
    if rule.constant is not None:
        constant = rule.constant
        return KindColumn(None, lambda _cell, _amount: constant)
    place = header.need(rule.column, "columns.kind") if rule.column else None
    values = {plain(word): kind for word, kind in rule.values}
    common = kind_words() if rule.common else {}

    seen: dict[str, LineKind] = {}

    def read(cell: str, amount: int) -> LineKind:
        word = clean(cell)
        if word in seen:
            return seen[word]
        found = values.get(plain(word)) or common.get(bare(word))
        if found is None:
            found = next((kind for pattern, kind in rule.patterns if pattern.search(word)), None)
        if found is not None and len(seen) < WORDS_KEPT:
            seen[word] = found
        found = found or (rule.positive if amount >= 0 else rule.negative)
        if found is None:
            raise CellError(
                "kind",
                f"the kind {word[:24]!r} is not in the mapping: add it to columns.kind.values",
                f"映射中没有类型 {word[:24]!r}：请加入 columns.kind.values",
            )
        return found

    return KindColumn(place, read)


def bind_mark(rule: MarkRule, header: Header) -> MarkColumn | None:
    """Give what reads what became of a row's transaction; None where an optional column is not there."""
    place = header.find(rule.column)
    if place is None:
        if not rule.optional:
            header.need(rule.column, "columns.mark")
        return None
    values = {plain(word): mark for word, mark in rule.values}
    common = {} if rule.values else mark_words()

    seen: dict[str, Mark] = {}

    def read(cell: str) -> Mark:
        word = clean(cell)
        if word in seen:
            return seen[word]
        found = values.get(plain(word)) or common.get(bare(word))
        if found is None:
            raise CellError(
                "mark",
                f"the result {word[:24]!r} is not in the mapping: add it to columns.mark.values",
                f"映射中没有结果 {word[:24]!r}：请加入 columns.mark.values",
            )
        if len(seen) < WORDS_KEPT:
            seen[word] = found
        return found

    return MarkColumn(place, read)
