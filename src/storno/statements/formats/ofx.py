"""OFX, QFX and QBO statements: 1.x SGML (values without end tags) and 2.x XML, bank and card accounts.

Own reader of tags, since the usual library is under the GPL: one transaction is held at a time, other parts are passed
over. A FITID that comes twice for an account is a Reject, and so is a transaction with a value given twice. The format
declares no sums; its end tag is what proves that nothing was cut off.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from io import BufferedReader
from typing import BinaryIO, cast

from storno.statements.amount import AmountError, decimals_of, scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.encoding import CHUNK_BYTES, open_text
from storno.statements.formats._narrative import binary, decode, narrative
from storno.statements.line import FileRefused, Frame, LineKind, Part, Reject, Role, StatementLine
from storno.statements.lines import shown
from storno.statements.mask import mask_id
from storno.statements.when import WhenError, plain_day, plain_moment

_TAG = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9_.]{0,63})\s*(/?)>([^<]*)")
_AMOUNT = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{0,8})?|[+-]?[.,]\d{1,8}")
_WHEN = re.compile(
    r"(\d{8})(\d{6})?(\d{4})?(?:[.:]\d{1,6})?\s*(?:\[\s*([+-]?\d{1,2}(?:\.\d{1,2})?)(?::[^\]]*)?\])?"
)
_WHEN_SHORT = re.compile(r"(\d{8})(\d{4})")
_VALUES = frozenset(
    {
        "TRNTYPE",
        "DTPOSTED",
        "TRNAMT",
        "FITID",
        "CORRECTFITID",
        "CORRECTACTION",
        "CHECKNUM",
        "REFNUM",
        "NAME",
        "MEMO",
    }
)
_ONCE = frozenset({"TRNTYPE", "DTPOSTED", "TRNAMT", "FITID"})
_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"})
_FEES = frozenset({"FEE", "SRVCHG"})
TOKEN_BYTES_MAX = 64 * 1024


def recognise(head: Head) -> int:
    """Know the file by its header or its root tag."""
    data = head.data[:4096].replace(b"\0", b"").upper()
    if b"OFXHEADER" in data and b"<OFX>" in data:
        return 98
    return 95 if b"<OFX>" in data else 80 if b"OFXHEADER:" in data else 0


@dataclass(slots=True)
class _Transaction:
    """One STMTTRN while its values come in."""

    line_no: int
    values: dict[str, str] = field(default_factory=dict)
    currency: str = ""
    twice: str = ""


class _File:
    """One file being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._now: _Transaction | None = None
        self._money = ""
        self._in_account = False
        self._account = ""
        self._currency = ""
        self._seen: set[str] = set()
        self._code = ""
        self.began = self.ended = False

    def take(self, line_no: int, end: bool, name: str, text: str) -> Iterator[Part]:  # noqa: FBT001 part of a token
        """Read one tag with the value behind it."""
        if name == "OFX":
            self.began, self.ended = True, end
        elif name == "STMTTRN":
            if self._now:
                yield self._finish(self._now)
            self._now = None if end else _Transaction(line_no)
        elif self._now:
            self._value(self._now, end, name, text)
        elif name in _ACCOUNTS:
            self._in_account = not end
            if not end:
                self._account = ""
        elif end:
            return
        elif name == "ACCTID" and self._in_account:
            self._account = mask_id(text)
            self._seen = set()
        elif name in ("STMTRS", "CCSTMTRS", "INVSTMTRS"):
            self._account, self._currency, self._seen = "", "", set()
        elif name == "CURDEF" and text:
            self._currency = text.upper()
        elif name == "BALAMT":
            yield Frame(line_no, f"balance {text[:32]}")
        elif name == "CODE":
            self._code = text
        elif name == "SEVERITY" and text.upper() == "ERROR":
            raise FileRefused(
                "status", f"line {line_no}: the bank answered with error {self._code[:8]}, no statement",
                f"第 {line_no} 行：银行返回错误 {self._code[:8]}，没有对账单", line_no,
            )  # fmt: skip

    def _value(self, now: _Transaction, end: bool, name: str, text: str) -> None:  # noqa: FBT001 part of a token
        if name in ("CURRENCY", "ORIGCURRENCY"):
            self._money = "" if end else name
        elif name == "CURSYM" and self._money == "CURRENCY" and text:
            now.currency = text.upper()
        elif not end and name in _VALUES:
            if name in now.values and name in _ONCE and not now.twice:
                now.twice = name
            now.values.setdefault(name, text)

    def _finish(self, now: _Transaction) -> Part:
        """Turn a transaction into its line, or say why not."""
        values = now.values
        if now.twice:
            what = now.twice
            return Reject(now.line_no, "twice", f"{what} is given twice", f"{what} 出现两次", _raw(values))
        try:
            currency = now.currency or self._currency or self._options.currency
            units = _amount(values.get("TRNAMT", ""), currency)
            day, at = _when(values.get("DTPOSTED", ""), self._options.utc_offset_min)
        except (AmountError, WhenError) as error:
            code = "amount" if isinstance(error, AmountError) else "date"
            return Reject(now.line_no, code, error.english, error.chinese, _raw(values))
        fitid = values.get("FITID", "")
        if fitid and fitid in self._seen:
            return Reject(
                now.line_no, "duplicate", f"FITID {mask_id(fitid)[:40]} comes twice for this account",
                f"同一账户内 FITID {mask_id(fitid)[:40]} 重复", _raw(values),
            )  # fmt: skip
        self._seen.add(fitid)
        corrects = values.get("CORRECTFITID", "")
        kind = LineKind.DEPOSIT if units >= 0 else LineKind.OTHER
        if values.get("TRNTYPE", "").upper() in _FEES:
            kind = LineKind.FEE
        elif corrects and values.get("CORRECTACTION", "").upper() == "DELETE":
            kind = LineKind.REVERSAL
        elif corrects:
            kind = LineKind.ADJUSTMENT
        return StatementLine(
            now.line_no, kind, units, currency, settled_on=day, at=at,
            reference=mask_id(fitid), order=mask_id(values.get("REFNUM", "") or values.get("CHECKNUM", "")),
            original=mask_id(corrects), account=self._account, code=values.get("TRNTYPE", "")[:16],
            text=narrative(values.get("NAME", ""), values.get("MEMO", "")),
        )  # fmt: skip

    def end(self) -> Iterator[Part]:
        """Refuse what does not end."""
        if not self.began:
            raise FileRefused("empty", "there is no <OFX> in the file", "文件中没有 <OFX>")
        if self._now or not self.ended:
            raise FileRefused(
                "truncated",
                "the file ends before </OFX>: fetch it again",
                "文件在 </OFX> 之前中断，请重新下载",
            )
        yield from ()


def _raw(values: dict[str, str]) -> str:
    return shown(" ".join(f"{name}={text}" for name, text in values.items()))


def _amount(text: str, currency: str) -> int:
    """Read TRNAMT: a point or a comma is the decimal mark, there are no thousands marks."""
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise AmountError(f"{currency[:8]!r} is no currency", f"{currency[:8]!r} 不是币种")
    if not _AMOUNT.fullmatch(text):
        raise AmountError(f"TRNAMT {text[:24]!r} is no amount", f"TRNAMT {text[:24]!r} 不是金额")
    return scaled(text.replace(",", "."), decimals_of(currency))


def _when(text: str, utc_offset_min: int) -> tuple[str, str]:
    """Read DTPOSTED: the bank's day, and the time in the books' zone if there is one; without a zone it is UTC."""
    found = _WHEN_SHORT.fullmatch(text) or _WHEN.fullmatch(text)
    if found is None:
        raise WhenError(f"DTPOSTED {text[:32]!r} is no date", f"DTPOSTED {text[:32]!r} 不是日期")
    day = plain_day(found[1])
    clock = found[2]
    if not clock:
        return day, ""
    stamp = plain_moment(day + clock.ljust(6, "0"))
    zone = found[4] if found.re is _WHEN else None
    if zone is None:  # hardly any bank means UTC where it names no zone: the time is the bank's own
        return day, stamp
    hours = float(zone) if abs(float(zone)) <= 14 else 0.0
    moved = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=timezone(timedelta(hours=hours)))
    try:
        there = moved.astimezone(timezone(timedelta(minutes=utc_offset_min)))
    except OverflowError:
        raise WhenError(
            f"DTPOSTED {text[:32]!r} is out of range", f"DTPOSTED {text[:32]!r} 超出范围"
        ) from None
    return day, f"{there.year:04d}" + there.replace(tzinfo=UTC).strftime("%m%d%H%M%S")


def _tokens(stream: BinaryIO) -> Iterator[tuple[int, bool, str, str]]:
    """Give each tag: its line, whether it ends, its name, the value behind it."""
    left, line = b"", 1
    while True:
        chunk = stream.read(CHUNK_BYTES)
        data = left + chunk
        # The last tag's value may go on in the next chunk.
        stop = data.rfind(b"<") if chunk else len(data)
        if stop < 0 or (chunk and len(data) - stop > TOKEN_BYTES_MAX):
            stop = len(data)
        at = 0
        for found in _TAG.finditer(data, 0, stop):
            line += data.count(b"\n", at, found.start())
            at = found.start()
            name = found[2].decode("ascii").upper()
            text = html.unescape(decode(found[4]).strip())[:TOKEN_BYTES_MAX]
            yield line, bool(found[1]), name, text
            if found[3]:
                yield line, True, name, ""
        line += data.count(b"\n", at, stop)
        left = data[stop:]
        if not chunk:
            return


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a file tag by tag; line numbers are those of `<STMTTRN>`."""
    stream, encoding = open_text(source)
    if encoding is None and binary(cast("BufferedReader", stream).peek(4096)[:4096]):
        raise FileRefused("binary", "this is no text file", "不是文本文件", 1)
    file = _File(options)
    for token in _tokens(stream):
        yield from file.take(*token)
    yield from file.end()


FORMAT = Format(
    "ofx", Role.BANK, "OFX/QFX/QBO statement", "OFX/QFX/QBO 对账单",
    "Open Financial Exchange 1.6 and 2.3", recognise, read, (".ofx", ".qfx", ".qbo"), line_based=False,
)  # fmt: skip
