"""UnionPay COMA: ACOM with 35 more columns, 951 bytes, among them what became of a transaction (R/C) and its merchant.

Rule: a line flagged R (reversed) or C (voided) keeps its amount and carries the flag as its mark, unless the line is
the undoing itself; both lines of such a pair have one RRN. Must not know the merchant files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from storno.money import CurrencyError, currency_of
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.encoding import LineDecoder
from storno.statements.formats import _unionpay as up
from storno.statements.formats._com import COM, com_part, raw_of, score
from storno.statements.formats._cut import Cut, Layout
from storno.statements.line import Frame, LineKind, Mark, Part, Reject, Role, StatementLine
from storno.statements.lines import raw_lines
from storno.statements.mask import mask_text
from storno.statements.when import WhenError

PAIRS = (11, 9) * 9
"""Roles in the service and their fees, nine times."""
COMA = (11, 11, 1, 1, 4, 2, 40, 3, 9, 9, 11, 9, *PAIRS[:-2], 11, 9, 9, 9, 9, 19, 280)
LAYOUT = Layout((*COM, 14, *COMA), needed=34 + 8, complete=34 + 34)
_REVERSED, _VOIDED, _CLEARED, _NAME, _CURRENCY = 36, 37, 38, 40, 41
_UNDOING = (LineKind.REVERSAL, LineKind.VOID)


def recognise(head: Head) -> int:
    """Know the file by its columns, less surely by its name."""
    return score(head, LAYOUT, ("COMA",))


def read(stream: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every line of the file."""
    days = up.days_of(options)
    decoder = LineDecoder(None)
    for raw in raw_lines(stream):
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            yield Frame(raw.no, "blank")
            continue
        cut = LAYOUT.cut(raw, decoder)
        yield cut if isinstance(cut, Reject) else _part(raw.no, cut, days, options.currency)


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
    if flags[0] not in ("", "R", "0") or flags[1] not in ("", "C", "0"):
        return Reject(
            no, "flag",
            f"flags {flags[0]!r} and {flags[1]!r} are neither R nor C",
            f"标志 {flags[0]!r}、{flags[1]!r} 既非 R 也非 C", raw_of(cut),
        )  # fmt: skip
    part = com_part(no, cut, days, currency)
    if not isinstance(part, StatementLine):
        return part
    mark = Mark.REVERSED if flags[0] == "R" else Mark.VOIDED if flags[1] == "C" else Mark.NONE
    undoing = part.kind in _UNDOING and not (part.kind is LineKind.VOID and mark is Mark.REVERSED)
    name = " ".join(mask_text(cut[_NAME]).split())
    return replace(
        part,
        mark=Mark.NONE if undoing else mark,
        settled_on=cleared or part.settled_on,
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
    rank=11,  # the same transactions as ACOM, and more about each
)
