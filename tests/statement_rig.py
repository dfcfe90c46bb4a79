"""Writes UnionPay's files as their layouts say, for tests: test cards only, fields by name, every other one blank."""

from __future__ import annotations

from dataclasses import dataclass

CARD = "6222021234567890128"
VISA = "4111111111111111"
ACOM_WIDTHS = (
    11, 11, 6, 10, 19, 12, 12, 12, 4, 6, 4, 8, 15, 12, 2, 6, 11, 6, 2, 3, 12, 12, 12, 1, 3, 1, 1, 10, 11, 1, 2, 2, 12,
)  # fmt: skip
COMA_WIDTHS = (11, 11, 1, 1, 4, 2, 40, 3, 9, 9, 11, 9, *(11, 9) * 9, 9, 9, 9, 19, 280)
ZM_WIDTHS = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 131,
)  # fmt: skip


@dataclass(frozen=True)
class Sale:
    """One transaction as the clearing file shows it."""

    stan: str = "000101"
    at: str = "1123093015"
    amount: int = 10_000
    mti: str = "0200"
    f3: str = "000000"
    f25: str = "00"
    rrn: str = "112309300101"
    card: str = CARD
    tid: str = "12345678"
    mid: str = "898310148160001"
    auth: str = "123456"
    received: str = "000000000000"
    paid: str = "000000000035"
    network: str = "D00000000004"
    instalment: str = "C00000000000"
    original: str = "000000"
    original_at: str = "0000000000"
    code: str = "00"
    flags: str = "  "
    name: str = "测试商户"
    partial: int = 0


def join(values: list[str], widths: tuple[int, ...], codec: str = "gb18030") -> bytes:
    """Lay values out in fields of so many bytes, one blank between them."""
    out = []
    for value, width in zip(values, widths, strict=True):
        raw = value.encode(codec)
        assert len(raw) <= width, value
        out.append(raw.ljust(width))
    return b" ".join(out)


def _com(s: Sale) -> list[str]:
    return [
        "48021000", "00010000", s.stan, s.at, s.card, f"{s.amount:012d}", f"{s.partial:012d}", "000000000000", s.mti,
        s.f3, "5411", s.tid, s.mid, s.rrn, s.f25, s.auth, "01020000", s.original, s.code, "051", s.received, s.paid,
        s.network, "1", "001", "5", "0", s.original_at, "01020000", "1", "03", "", s.instalment,
    ]  # fmt: skip


def acom(s: Sale, *, longer: bool = False) -> bytes:
    """Write a line of ACOM: 33 fields, or 34."""
    if longer:
        return join([*_com(s), "QR"], (*ACOM_WIDTHS, 14))
    return join(_com(s), ACOM_WIDTHS)


def acomn(s: Sale, order: str = "SZUP0320261123215228025551") -> bytes:
    """Write a line of ACOMN."""
    return join([*_com(s), "000201 0000", "", "", order, "0401", ""], (*ACOM_WIDTHS, 14, 19, 2, 40, 4, 131))


def coma(s: Sale, cleared: str = "1123", order: str = "") -> bytes:
    """Write a line of COMA."""
    rest = ["48021000", "01020000", s.flags[0], s.flags[1], cleared, "01", s.name, "156"]
    rest += [""] * (len(COMA_WIDTHS) - len(rest))
    rest[-1] = f"   {order:40} 0401" if order else ""
    return join([*_com(s), "", *rest], (*ACOM_WIDTHS, 14, *COMA_WIDTHS))


@dataclass(frozen=True)
class Order:
    """One transaction as a merchant's ZM file shows it."""

    kind: str = "01"
    amount: int = 10_000
    fee: str = "D000000000060"
    net: str = "C000000009940"
    at: str = "1123101500"
    stan: str = "000201"
    query: str = "782011231015000002011"
    order: str = "ORDER20261123000001"
    original: str = ""
    original_order: str = ""
    original_at: str = ""
    mid: str = "777290058110097"
    tid: str = "87654321"
    shop: str = ""
    card: str = VISA
    code: str = "S22"


def zm(o: Order, *, split: bool = False, codec: str = "gb18030") -> bytes:
    """Write a line of ZM, the rest in one field or split into the original order and what is reserved."""
    values = [
        o.code, "00010000", "00010000", o.stan, o.at, o.card, f"{o.amount:012d}", "5411", "07", o.query, "", o.order,
        "01", "", o.original_at, o.fee, o.net, "0001", "", o.kind, "01", "000201", "01", "", "", "0", o.original,
        o.mid, "", "", o.shop, "", o.net, o.tid, "", "", "", "", "", "0",
    ]  # fmt: skip
    if split:
        return join([*values, o.original_order, ""], (*ZM_WIDTHS[:-1], 32, 98), codec)
    return join([*values, o.original_order], ZM_WIDTHS, codec)
