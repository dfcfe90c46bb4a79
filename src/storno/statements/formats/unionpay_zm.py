"""UnionPay merchant file ZM (全渠道 商户一般交易明细): one line for each transaction of a merchant, 40 fields and more.

Layouts differ behind field 40 only: one reserved field of 131, or the original order (32) and reserved ones. Written in
GBK or UTF-8. Direction by txnType, held against the D/C sign of the settled amount. Must not know institution files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Any, BinaryIO

from storno.statements.amount import AmountError, signed_fen
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.block import Block
from storno.statements.encoding import LineDecoder, detect, flat, open_text
from storno.statements.formats import _unionpay as up
from storno.statements.formats._cut import Cut, Layout
from storno.statements.formats._cut_block import CutBlock, Uneven, cut_all, read_pieces
from storno.statements.formats._row import RowError
from storno.statements.line import Frame, LineKind, Part, Reject, Role, StatementLine
from storno.statements.lines import RawLine, raw_lines, shown
from storno.statements.mask import card, mask_id, mask_ids, mask_text
from storno.statements.memo import Memo
from storno.statements.when import WhenError

ZM = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1,
)  # fmt: skip
"""Widths of fields 1 to 40; 131 bytes of original order (32) and reserved fields follow."""
LAYOUT = Layout((*ZM, 32, 98), needed=33, complete=41)
LONGER = Layout((*ZM, 32, 99), needed=33, complete=41)
_K = LineKind
TYPES: dict[str, tuple[LineKind, int, str]] = {
    "01": (_K.PAYMENT, +1, "消费"),
    "02": (_K.PREAUTH, 0, "预授权"),
    "03": (_K.PAYMENT, +1, "预授权完成"),
    "04": (_K.REFUND, -1, "退货"),
    "05": (_K.OTHER, 0, "圈存"),
    "11": (_K.PAYMENT, +1, "代收"),
    "12": (_K.OTHER, -1, "代付"),
    "13": (_K.PAYMENT, +1, "账单支付"),
    "31": (_K.VOID, -1, "消费撤销"),
    "32": (_K.PREAUTH, 0, "预授权撤销"),
    "33": (_K.VOID, -1, "预授权完成撤销"),
}
"""txnType: kind, direction, name."""


def recognise(head: Head) -> int:
    """Know the file by its columns, less surely by its name (`INN<yymmdd>88ZM_<merchant>`)."""
    data = flat(head.data)
    lines = [line for line in data.splitlines()[:20] if line.strip()]
    if len(data) >= 4096 and lines and not data.endswith(b"\n"):
        lines = lines[:-1]
    upper = head.name.upper()
    named = "ZM" in upper and "ZME" not in upper
    if not lines:
        return 60 if named else 0
    encoding = detect(data)
    cuts = (
        _cut(RawLine(n, line.removeprefix(b"\xef\xbb\xbf"), 0), LineDecoder(encoding))
        for n, line in enumerate(lines)
    )
    good = sum(not isinstance(cut, Reject) and _digits(cut[3], cut[4], cut[6], cut[19]) for cut in cuts)
    if 2 * good >= len(lines):
        return 98 if named else 95
    return 50 if named else 0


def _digits(*parts: str) -> bool:
    return all(part.isascii() and part.isdigit() for part in parts)


def _cut(raw: RawLine, decoder: LineDecoder) -> Cut | Reject:
    longer = len(raw.data.rstrip(b" ")) > LAYOUT.length
    return (LONGER if longer else LAYOUT).cut(raw, decoder)


def read(stream: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Yield every line of the file."""
    return map(_reader(options, LineDecoder(None)), raw_lines(open_text(stream)[0]))


def _reader(options: ReadOptions, decoder: LineDecoder) -> Callable[[RawLine], Part]:
    days = up.days_of(options)

    def read_one(raw: RawLine) -> Part:
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            return Frame(raw.no, "blank")
        cut = _cut(raw, decoder)
        return cut if isinstance(cut, Reject) else _part(raw.no, cut, days, options.currency)

    return read_one


def _part(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame | Reject:
    try:
        return _line(no, cut, days, currency)
    except RowError as error:
        return Reject(no, error.code, error.english, error.chinese, _raw(cut))
    except AmountError as error:
        return Reject(no, "amount", error.english, error.chinese, _raw(cut))
    except WhenError as error:
        return Reject(no, "date", error.english, error.chinese, _raw(cut))


def _raw(cut: Cut) -> str:
    """Show a line again: its card column masked whatever its digits are."""
    return shown(" ".join((*cut[:5], card(cut[5]).ljust(19), *cut[6:])))


def _line(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame:
    gross, fee = up.amount(cut[6]), signed_fen(cut[15])
    net = signed_fen(cut[16]) if cut[16].strip() else None
    kind, sign, text = _type(cut[19].strip(), net)
    if not gross or not sign:
        return Frame(no, f"no money: {text}" if gross else "no amount")
    if _contradicts(sign, fee, net):
        raise RowError(
            "sign",
            f"{text or cut[19].strip()} is settled with the sign of the other direction: {cut[16].strip()}",
            f"{text or cut[19].strip()}的结算金额方向相反：{cut[16].strip()}",
        )
    at = days.moment(cut[4])
    return StatementLine(
        no, kind, sign * gross, currency,
        fee_minor=fee + signed_fen(cut[37]), net_minor=net, settled_on=days.clearing or at[:8], at=at,
        tid=cut[33].strip(), mid=cut[27].strip(), stan=cut[3].strip(), reference=cut[9].strip(),
        order=mask_id(cut[11].strip()), original=mask_id(_original(cut[26], cut[40], cut[13])),
        original_at=days.original(cut[14]), card=card(cut[5]), account=cut[27].strip() or cut[0].strip(),
        code="/".join((cut[0].strip(), cut[19].strip(), cut[20].strip())), text=_text(text, cut[30], cut[34]),
    )  # fmt: skip


def blocks(stream: BinaryIO, options: ReadOptions) -> Iterator[Part | Block]:
    """Yield the same, lines in blocks."""
    decoder, reader = LineDecoder(None), _Reader(options)
    return read_pieces(
        open_text(stream)[0],
        lambda piece: reader.read(cut_all(LONGER, piece, decoder)),
        _reader(options, decoder),
    )


class _Reader:
    """Reads many lines at once, as `_line` reads each."""

    def __init__(self, options: ReadOptions) -> None:
        self._days = up.days_of(options)
        self._currency = options.currency
        self._original_times = Memo[str, str](self._days.original)
        self._texts = Memo[tuple[str, str, str], str](lambda asked: _text(*asked))

    def read(self, cut: CutBlock) -> Block | None:
        """Give the lines that move money. Raises Uneven, AmountError, WhenError."""
        grosses = up.amounts(cut[6])
        fees = up.signed_amounts(cut[15])
        nets = [
            net if text else None
            for net, text in zip(up.signed_amounts(cut[16]), cut.stripped(16), strict=True)
        ]
        try:
            ways = list(map(_type, cut.stripped(19), nets))
        except RowError:
            raise Uneven from None
        moved = [gross != 0 and sign != 0 for gross, (_, sign, _) in zip(grosses, ways, strict=True)]
        if not all(moved):
            cut = cut.only(moved)
            grosses, fees = list(compress(grosses, moved)), list(compress(fees, moved))
            nets, ways = list(compress(nets, moved)), list(compress(ways, moved))
        if not grosses:
            return None
        kinds, signs, names = zip(*ways, strict=True)
        if any(map(_contradicts, signs, fees, nets)):
            raise Uneven
        return self._block(cut, {
            "kind": [kind.value for kind in kinds], "net_minor": nets,
            "amount_minor": [sign * gross for sign, gross in zip(signs, grosses, strict=True)],
            "fee_minor": [fee + more for fee, more in zip(fees, up.signed_amounts(cut[37]), strict=True)],
            "text": self._texts.all(zip(names, cut[30], cut[34], strict=True)),
        })  # fmt: skip

    def _block(self, cut: CutBlock, members: dict[str, Sequence[Any]]) -> Block:
        rows, at = len(cut.numbers), self._days.moments(cut[4])
        clearing, codes, mids = self._days.clearing, cut.stripped(0), cut.stripped(27)
        originals = list(map(_original, cut[26], cut[40], cut[13]))
        return Block.of(rows, members | {
            "line_no": cut.numbers, "currency": [self._currency] * rows,
            "settled_on": [clearing] * rows if clearing else [one[:8] for one in at], "at": at,
            "tid": cut.stripped(33), "mid": mids, "stan": cut.stripped(3), "reference": cut.stripped(9),
            "order": mask_ids(cut.stripped(11)), "original": mask_ids(originals),
            "original_at": self._original_times.all(cut[14]), "card": cut.cards(5),
            "account": [mid or code for mid, code in zip(mids, codes, strict=True)],
            "code": list(map("/".join, zip(codes, cut.stripped(19), cut.stripped(20), strict=True))),
        })  # fmt: skip


def _type(kind: str, net: int | None) -> tuple[LineKind, int, str]:
    """Give kind, direction and name of a txnType. Raises RowError: it is not known, and no settled amount says more."""
    found = TYPES.get(kind)
    if found is not None:
        return found
    if not net:
        raise RowError(
            "code",
            f"transaction type {kind!r} is not known and no settled amount says its direction",
            f"交易类型 {kind!r} 未知，且无结算金额可判断方向",
        )
    return LineKind.OTHER, 1 if net > 0 else -1, ""


def _contradicts(sign: int, fee: int, net: int | None) -> bool:
    """Say whether a net goes the other way: a fee may be larger than the amount only where both are a few fen."""
    return net is not None and net * sign < 0 and abs(net) > abs(fee)


def _original(query: str, order: str, trace: str) -> str:
    trace = trace.strip()
    return query.strip() or order.strip() or ("" if not trace.strip("0") else trace)


def _text(name: str, shop: str, note: str) -> str:
    return " ".join(mask_text(f"{name} {shop} {note}").split())


FORMAT = Format(
    name="unionpay_zm",
    role=Role.NETWORK,
    english="UnionPay merchant file ZM: a merchant's transactions, fixed width",
    chinese="银联全渠道商户一般交易明细文件（ZM），定长",
    source="全渠道平台接入接口规范 part 3, file 6.1",
    recognise=recognise,
    read=read,
    blocks=blocks,
    skip_members=("*ZME_*",),
)
