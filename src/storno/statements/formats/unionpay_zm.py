"""UnionPay merchant file ZM (全渠道 商户一般交易明细): one line for each transaction of a merchant, 40 fields and more.

Layouts differ behind field 40 only: one reserved field of 131, or the original order (32) and reserved ones. Written in
GBK or UTF-8. Direction by txnType, held against the D/C sign of the settled amount. Must not know institution files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from storno.statements.amount import AmountError, signed_fen
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.encoding import LineDecoder, detect
from storno.statements.formats import _unionpay as up
from storno.statements.formats._cut import Cut, Layout
from storno.statements.line import Frame, LineKind, Part, Reject, Role, StatementLine
from storno.statements.lines import RawLine, raw_lines, shown
from storno.statements.mask import card, mask_id, mask_text
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
    lines = [line for line in head.data.splitlines()[:20] if line.strip()]
    if len(head.data) >= 4096 and lines and not head.data.endswith(b"\n"):
        lines = lines[:-1]
    upper = head.name.upper()
    named = "ZM" in upper and "ZME" not in upper
    if not lines:
        return 60 if named else 0
    encoding = detect(head.data)
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
    days = up.days_of(options)
    decoder = LineDecoder(None)
    for raw in raw_lines(stream):
        if not raw.data.strip(b" \t\x1a\x00") and not raw.too_long:
            yield Frame(raw.no, "blank")
            continue
        cut = _cut(raw, decoder)
        yield cut if isinstance(cut, Reject) else _part(raw.no, cut, days, options.currency)


def _part(no: int, cut: Cut, days: up.Days, currency: str) -> StatementLine | Frame | Reject:
    raw = shown(" ".join((*cut[:5], card(cut[5]).ljust(19), *cut[6:])))
    try:
        return _line(no, cut, days, currency, raw)
    except AmountError as error:
        return Reject(no, "amount", error.english, error.chinese, raw)
    except WhenError as error:
        return Reject(no, "date", error.english, error.chinese, raw)


def _line(no: int, cut: Cut, days: up.Days, currency: str, raw: str) -> StatementLine | Frame | Reject:
    gross, fee = up.amount(cut[6]), signed_fen(cut[15])
    net = signed_fen(cut[16]) if cut[16].strip() else None
    kind, sign, text = TYPES.get(cut[19].strip(), (LineKind.OTHER, 0, ""))
    if not text:
        if not net:
            return Reject(
                no, "code",
                f"transaction type {cut[19].strip()!r} is not known and no settled amount says its direction",
                f"交易类型 {cut[19].strip()!r} 未知，且无结算金额可判断方向", raw,
            )  # fmt: skip
        sign = 1 if net > 0 else -1
    if not gross or not sign:
        return Frame(no, f"no money: {text}" if gross else "no amount")
    # A fee may be larger than the amount only where both are a few fen; otherwise a sign is wrong.
    if net and net * sign < 0 and abs(net) > abs(fee):
        return Reject(
            no, "sign",
            f"{text or cut[19].strip()} is settled with the sign of the other direction: {cut[16].strip()}",
            f"{text or cut[19].strip()}的结算金额方向相反：{cut[16].strip()}", raw,
        )  # fmt: skip
    trace, at = cut[13].strip(), days.moment(cut[4])
    original = cut[26].strip() or cut[40].strip() or ("" if not trace.strip("0") else trace)
    return StatementLine(
        no, kind, sign * gross, currency,
        fee_minor=fee + signed_fen(cut[37]), net_minor=net, settled_on=days.clearing or at[:8], at=at,
        tid=cut[33].strip(), mid=cut[27].strip(), stan=cut[3].strip(), reference=cut[9].strip(),
        order=mask_id(cut[11].strip()), original=mask_id(original), original_at=days.original(cut[14]),
        card=card(cut[5]) if cut[5].strip() else "", account=cut[27].strip() or cut[0].strip(),
        code="/".join((cut[0].strip(), cut[19].strip(), cut[20].strip())),
        text=" ".join(mask_text(f"{text} {cut[30]} {cut[34]}").split()),
    )  # fmt: skip


FORMAT = Format(
    name="unionpay_zm",
    role=Role.NETWORK,
    english="UnionPay merchant file ZM: a merchant's transactions, fixed width",
    chinese="银联全渠道商户一般交易明细文件（ZM），定长",
    source="全渠道平台接入接口规范 part 3, file 6.1",
    recognise=recognise,
    read=read,
    skip_members=("*ZME_*",),
)
