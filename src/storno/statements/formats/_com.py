"""The columns com1 to com34 that UnionPay's institution files share, as they are cut and read.

Rows without an amount, and rows that move no money (pre-authorisations, enquiries), are frames; a message the table of
directions does not have is a reject. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from storno.statements.amount import AmountError
from storno.statements.base import Head
from storno.statements.encoding import LineDecoder, detect, flat
from storno.statements.formats import _unionpay as up
from storno.statements.formats._cut import Cut, Layout
from storno.statements.formats._cut_block import CutBlock, Uneven
from storno.statements.line import Frame, Reject, StatementLine
from storno.statements.lines import RawLine, shown
from storno.statements.mask import card
from storno.statements.memo import Memo
from storno.statements.when import WhenError

COM = (
    11, 11, 6, 10, 19, 12, 12, 12, 4, 6, 4, 8, 15, 12, 2, 6, 11, 6, 2, 3, 12, 12, 12, 1, 3, 1, 1, 10, 11, 1, 2, 2, 12,
)  # fmt: skip
"""Widths of com1 to com33; com34 (other information, 14) follows in the longer layout."""
_PARTIAL = "10"


def score(head: Head, layout: Layout, names: tuple[str, ...]) -> int:
    """Rate a file by how many of its first lines have this layout's blanks and digits."""
    data = flat(head.data)
    lines = [line for line in data.splitlines()[:20] if line.strip()]
    if len(data) >= 4096 and lines and not data.endswith(b"\n"):
        lines = lines[:-1]  # the border of what we were shown, not of the line
    named = any(name in head.name.upper() for name in names)
    encoding = detect(data)
    if not lines:
        return 60 if named else 0
    good = 0
    for number, line in enumerate(lines, 1):
        cut = layout.cut(RawLine(number, line.removeprefix(b"\xef\xbb\xbf"), 0), LineDecoder(encoding))
        good += not isinstance(cut, Reject) and _is_com(cut)
    if 2 * good >= len(lines):
        return 98 if named else 95
    return 50 if named else 0


def _is_com(cut: Cut) -> bool:
    mti, f3, when_ = cut[8], cut[9], cut[3]
    return all(one.isascii() and one.isdigit() for one in (mti, f3, when_, cut[5].strip(), cut[2]))


def com_part(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame | Reject:
    """Read com1 to com34 of a line."""
    try:
        return _com_line(no, cut, days, currency)
    except AmountError as error:
        return Reject(no, "amount", error.english, error.chinese, raw_of(cut))
    except WhenError as error:
        return Reject(no, "date", error.english, error.chinese, raw_of(cut))


def raw_of(cut: Cut) -> str:
    """Show a line again: its card column masked whatever its digits are."""
    return shown(" ".join((*cut[:4], card(cut[4]).ljust(19), *cut[5:])))


def _com_line(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame | Reject:
    mti, f3, f25, code = cut[8], cut[9], cut[14].strip(), cut[18].strip()
    where = up.direction(mti, f3, f25)
    if where is None:
        return Reject(
            no, "code",
            f"message {mti} with F3 {f3} and F25 {f25 or '-'} is not in the table of directions",
            f"报文类型 {mti}、F3 {f3}、F25 {f25 or '-'} 不在资金方向表中", raw_of(cut),
        )  # fmt: skip
    gross = up.amount(cut[5])
    if code == _PARTIAL and 0 < (part := up.fee(cut[6], +1)) < gross:
        gross = part
    if not gross or not where.sign:
        return Frame(no, "no amount" if not gross else f"no money: {where.text}")
    at = days.moment(cut[3])
    stan = cut[17].strip()
    original = "" if not stan.strip("0") else stan
    return StatementLine(
        no, where.kind, where.sign * gross, currency,
        fee_minor=up.fee(cut[20], +1) + up.fee(cut[21], -1) + up.fee(cut[22], -1) + up.fee(cut[32], -1),
        settled_on=days.clearing or at[:8], at=at, tid=cut[11].strip(), mid=cut[12].strip(), stan=cut[2].strip(),
        rrn=cut[13].strip(), auth_code=cut[15].strip(),
        reference="-".join(one.strip() for one in (cut[3], cut[2], cut[0], cut[1])),
        original=original, original_at=days.original(cut[27]), card=card(cut[4]), account=cut[0].strip(),
        code=f"{mti}/{f3}/{f25}/{code}", text=where.text,
    )  # fmt: skip


class ComReader:
    """Reads com1 to com34 of many lines at once, as `com_part` reads those of each."""

    def __init__(self, days: up.Days) -> None:
        self._days = days
        self._ways = Memo[tuple[str, str, str], tuple[str, int, str]](_way)
        self._received = Memo[str, int](lambda text: up.fee(text, +1))
        self._paid = Memo[str, int](lambda text: up.fee(text, -1))
        self._originals = Memo[str, str](lambda stan: stan if stan.strip("0") else "")
        self._original_times = Memo[str, str](days.original)

    def read(self, cut: CutBlock) -> tuple[CutBlock, dict[str, Sequence[Any]]]:
        """Give the lines that move money, and their members without the currency.

        Raises Uneven, AmountError, WhenError: one of the lines would be a reject.
        """
        ways = self._ways.all(zip(cut[8], cut[9], cut[14], strict=True))
        grosses, codes = cut.amounts(5) or up.amounts(cut[5]), cut.stripped(18)
        if _PARTIAL in codes:
            grosses = [
                part if code == _PARTIAL and 0 < (part := self._received[text]) < gross else gross
                for code, text, gross in zip(codes, cut[6], grosses, strict=True)
            ]
        moved = [gross != 0 and sign != 0 for gross, (_, sign, _) in zip(grosses, ways, strict=True)]
        if not all(moved):
            cut, ways, grosses = cut.only(moved), list(compress(ways, moved)), list(compress(grosses, moved))
        members = self._members(cut) if grosses else {}
        kinds, signs, texts = zip(*ways, strict=True) if ways else ((), (), ())
        amounts = [sign * gross for sign, gross in zip(signs, grosses, strict=True)]
        return cut, members | {"kind": kinds, "text": texts, "amount_minor": amounts, "line_no": cut.numbers}

    def _members(self, cut: CutBlock) -> dict[str, Sequence[Any]]:
        when, at = cut[3], self._days.moments(cut[3])
        accounts, forwarders, stans = cut.stripped(0), cut.stripped(1), cut.stripped(2)
        received = cut.amounts(20) or self._received.all(cut[20])
        paid = [-fee for fee in found] if (found := cut.amounts(21)) else self._paid.all(cut[21])
        more, instalment = self._paid.all(cut[22]), self._paid.all(cut[32])
        codes = zip(cut[8], cut[9], cut.stripped(14), cut.stripped(18), strict=True)
        references = zip(map(str.strip, when), stans, accounts, forwarders, strict=True)
        clearing = self._days.clearing
        return {
            "fee_minor": [sum(fees) for fees in zip(received, paid, more, instalment, strict=True)],
            "settled_on": [clearing] * len(at) if clearing else [one[:8] for one in at],
            "at": at, "tid": cut.stripped(11), "mid": cut.stripped(12), "stan": stans, "rrn": cut.stripped(13),
            "auth_code": cut.stripped(15), "reference": list(map("-".join, references)),
            "original": self._originals.all(cut.stripped(17)), "original_at": self._original_times.all(cut[27]),
            "card": cut.cards(4), "account": accounts, "code": list(map("/".join, codes)),
        }  # fmt: skip


def _way(asked: tuple[str, str, str]) -> tuple[str, int, str]:
    """Give kind, sign and text of an MTI, F3 and F25. Raises Uneven: there is no such message."""
    way = up.direction(asked[0], asked[1], asked[2].strip())
    if way is None:
        raise Uneven
    return way.kind.value, way.sign, way.text
