"""UnionPay COMA: ACOM with 35 more columns, 951 bytes, among them what became of a transaction (R/C) and its merchant.

Rule: a line flagged R (reversed) or C (voided) keeps its amount and carries the flag as its mark, unless the line is
the undoing itself; both lines of such a pair have one RRN. Must not know the merchant files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import compress
from typing import BinaryIO

from storno.money import CurrencyError, currency_of
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.block import Block
from storno.statements.encoding import LineDecoder, open_text
from storno.statements.formats import _unionpay as up
from storno.statements.formats._com import COM, ComReader, com_part, raw_of, score
from storno.statements.formats._cut import Cut, Layout
from storno.statements.formats._cut_block import CutBlock, Uneven, cut_all, read_pieces
from storno.statements.line import Frame, LineKind, Mark, Part, Reject, Role, StatementLine
from storno.statements.lines import RawLine, raw_lines
from storno.statements.mask import mask_id, mask_text
from storno.statements.memo import Memo
from storno.statements.when import WhenError

PAIRS = (11, 9) * 9
"""Roles in the service and their fees, nine times."""
COMA = (11, 11, 1, 1, 4, 2, 40, 3, 9, 9, 11, 9, *PAIRS[:-2], 11, 9, 9, 9, 9, 19, 280)
LAYOUT = Layout((*COM, 14, *COMA), needed=34 + 8, complete=34 + 34)
_REVERSED, _VOIDED, _CLEARED, _NAME, _CURRENCY, _REST = 36, 37, 38, 40, 41, 68
_R, _C = ("", "R", "0"), ("", "C", "0")
_UNDOING = (LineKind.REVERSAL, LineKind.VOID)


def recognise(head: Head) -> int:
    """Know the file by its columns, less surely by its name."""
    return score(head, LAYOUT, ("COMA",))


def read(stream: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every line of the file."""
    return map(_reader(options, LineDecoder(None)), raw_lines(open_text(stream)[0]))


def _reader(options: ReadOptions, decoder: LineDecoder) -> Callable[[RawLine], Part]:
    days = up.days_of(options)

    def read_one(raw: RawLine) -> Part:
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            return Frame(raw.no, "blank")
        cut = LAYOUT.cut(raw, decoder)
        return cut if isinstance(cut, Reject) else _part(raw.no, cut, days, options.currency)

    return read_one


def blocks(stream: BinaryIO, options: ReadOptions) -> Iterator[Part | Block]:
    """Yield the same, lines in blocks."""
    decoder, reader = LineDecoder(None), _Reader(options)
    return read_pieces(
        open_text(stream)[0],
        lambda piece: reader.read(cut_all(LAYOUT, piece, decoder)),
        _reader(options, decoder),
    )


class _Reader:
    """Reads many lines at once, as `_part` reads each."""

    def __init__(self, options: ReadOptions) -> None:
        days = up.days_of(options)
        self._com = ComReader(days)
        self._currencies = Memo[str, str](
            lambda text: currency_of(text.strip()) if text.strip() else options.currency
        )
        self._cleared = Memo[str, str](lambda text: days.day(text.strip()) if text.strip().strip("0") else "")
        self._flags = Memo[tuple[str, str], Mark](_mark)
        self._marks = Memo[tuple[str, Mark], str](
            lambda asked: _unless_undoing(LineKind(asked[0]), asked[1]).value
        )
        self._names = Memo[str, str](lambda text: " ".join(mask_text(text).split()))

    def read(self, cut: CutBlock) -> Block | None:
        """Give the lines that move money. Raises Uneven, AmountError, WhenError."""
        try:
            currencies = self._currencies.all(cut[_CURRENCY])
        except CurrencyError:
            raise Uneven from None
        cleared = self._cleared.all(cut[_CLEARED])
        flags = self._flags.all(zip(cut[_REVERSED], cut[_VOIDED], strict=True))
        all_lines = cut.numbers
        cut, members = self._com.read(cut)
        if not cut.numbers:
            return None
        if len(cut.numbers) < len(all_lines):
            kept = set(cut.numbers)
            which = [number in kept for number in all_lines]
            currencies, cleared = list(compress(currencies, which)), list(compress(cleared, which))
            flags = list(compress(flags, which))
        names = self._names.all(cut[_NAME])
        return Block.of(len(names), members | {
            "currency": currencies,
            "mark": self._marks.all(zip(members["kind"], flags, strict=True)),
            "settled_on": [own or day for own, day in zip(cleared, members["settled_on"], strict=True)],
            "order": list(map(_order, cut[_REST])),
            "text": [f"{text} {name}".strip() for text, name in zip(members["text"], names, strict=True)],
        })  # fmt: skip


def _order(rest: str) -> str:
    """Give the order among the last columns: instalments (2), order (40), how it was paid (4), reserved."""
    return mask_id(rest[3:43].strip()) if rest[2:3] == " " and rest[43:44] in ("", " ") else ""


def _mark(flags: tuple[str, str]) -> Mark:
    """Give what two flags say. Raises Uneven for others than R and C."""
    reversed_, voided = flags[0].strip(), flags[1].strip()
    if reversed_ not in _R or voided not in _C:
        raise Uneven
    return Mark.REVERSED if reversed_ == "R" else Mark.VOIDED if voided == "C" else Mark.NONE


def _unless_undoing(kind: LineKind, mark: Mark) -> Mark:
    """Give a line's mark: the undoing itself has none, unless it is a void that was reversed."""
    undoing = kind in _UNDOING and not (kind is LineKind.VOID and mark is Mark.REVERSED)
    return Mark.NONE if undoing else mark


def _part(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame | Reject:
    digits = cut[_CURRENCY].strip()
    try:
        currency = currency_of(digits) if digits else currency
        settled = cut[_CLEARED].strip()
        cleared = days.day(settled) if settled.strip("0") else ""
    except CurrencyError:
        return Reject(
            no, "currency", f"currency {digits!r} is not known", f"币种 {digits!r} 未知", raw_of(cut)
        )
    except WhenError as error:
        return Reject(no, "date", error.english, error.chinese, raw_of(cut))
    flags = (cut[_REVERSED].strip(), cut[_VOIDED].strip())
    if flags[0] not in _R or flags[1] not in _C:
        return Reject(
            no, "flag",
            f"flags {flags[0]!r} and {flags[1]!r} are neither R nor C",
            f"标志 {flags[0]!r}、{flags[1]!r} 既非 R 也非 C", raw_of(cut),
        )  # fmt: skip
    part = com_part(no, cut, days, currency)
    if not isinstance(part, StatementLine):
        return part
    mark = Mark.REVERSED if flags[0] == "R" else Mark.VOIDED if flags[1] == "C" else Mark.NONE
    name = " ".join(mask_text(cut[_NAME]).split())
    return replace(
        part,
        mark=_unless_undoing(part.kind, mark),
        settled_on=cleared or part.settled_on,
        order=_order(cut[_REST]),
        text=f"{part.text} {name}".strip(),
    )


FORMAT = Format(
    name="unionpay_coma",
    role=Role.NETWORK,
    english="UnionPay COMA: cleared transactions with flags R (reversed) and C (voided), 951 bytes a line",
    chinese="银联 COMA 扩展一般交易流水文件，含冲正/撤销标志，每行 951 字节",
    source="Q/CUP 006.3 institution files, com1 to com34 and coma1 to coma35",
    recognise=recognise,
    read=read,
    blocks=blocks,
    rank=11,  # the same transactions as ACOM, and more about each
)
