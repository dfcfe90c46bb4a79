"""OFX, QFX and QBO statements: 1.x SGML (values without end tags) and 2.x XML, bank and card accounts.

Own reader of tags, since the usual library is under the GPL: one transaction is held at a time, other parts are passed
over. A FITID that comes twice for an account with the same day and amount is a Reject, and so is a transaction with a
value given twice. Of investment accounts, what moves cash is read. The format declares no sums; its end tag is what
proves that nothing was cut off.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import BinaryIO

from storno.statements.amount import AmountError, decimals_of, scaled
from storno.statements.base import Format, Head, ReadOptions
from storno.statements.encoding import CHUNK_BYTES
from storno.statements.formats._narrative import Decoder, narrative, opened
from storno.statements.line import FileRefused, Frame, LineKind, Part, Reject, Role, StatementLine
from storno.statements.lines import shown
from storno.statements.mask import mask_id
from storno.statements.when import WhenError, plain_day, plain_moment

_TAG = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9_.]{0,63})(?:\s[^<>]{0,1000}?)?(/?)>([^<]*)")
"""A tag, with attributes let go (only namespaces are ever written), and the value behind it."""
_ROOT = re.compile(rb"<OFX[\s>]")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_AMOUNT = re.compile(
    r"([+-]?)(\d{1,18}|\d{1,3}(?:([ .,'\u00a0\u202f])\d{3})(?:\3\d{3}){0,5})?(?:([.,])(\d{0,8}))?"
)
_WHEN = re.compile(
    r"(\d{8})(\d{6})?(\d{4})?(?:[.:]\d{1,6})?\s*(?:\[\s*([+-]?\d{1,2}(?:\.\d{1,2}|:?\d\d)?)?(?::[^\]]*)?\])?"
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
_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS", "STMTTRNRS", "CCSTMTTRNRS"})
_FEES = frozenset({"FEE", "SRVCHG"})
_SECURITIES = frozenset(
    {f"{way}{what}" for way in ("BUY", "SELL") for what in ("DEBT", "MF", "OPT", "OTHER", "STOCK")}
    | {"INCOME", "INVEXPENSE", "MARGININTEREST", "RETOFCAP", "CLOSUREOPT", "JRNLFUND", "JRNLSEC", "REINVEST",
       "SPLIT", "TRANSFER"}
)  # fmt: skip
_NO_CASH = frozenset({"CLOSUREOPT", "JRNLFUND", "JRNLSEC", "REINVEST", "SPLIT", "TRANSFER"})
_SAME = {"DTTRADE": "DTPOSTED", "TOTAL": "TRNAMT"}
TOKEN_BYTES_MAX = 64 * 1024


def recognise(head: Head) -> int:
    """Know the file by its header or its root tag."""
    data = head.data[:4096].replace(b"\0", b"").upper()
    root = _ROOT.search(data)
    if b"OFXHEADER" in data and root:
        return 98
    return 95 if root else 80 if b"OFXHEADER:" in data else 0


@dataclass(slots=True)
class _Transaction:
    """One STMTTRN while its values come in."""

    line_no: int
    values: dict[str, str] = field(default_factory=dict)
    currency: str = ""
    twice: str = ""
    security: str = ""
    """What was done with a security, where it is no bank transaction."""


class _File:
    """One file being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._now: _Transaction | None = None
        self._money = ""
        self._in_account = False
        self._account = ""
        self._currency = ""
        self._seen: set[tuple[str, str, int]] = set()
        self._code = ""
        self._statements = 0
        self.began = self.ended = False

    def take(self, line_no: int, end: bool, name: str, text: str) -> Iterator[Part]:  # noqa: FBT001 part of a token
        """Read one tag with the value behind it."""
        if name == "OFX":
            self.began, self.ended = True, end
        elif name == "STMTTRN":
            if self._now:
                yield self._finish(self._now)
            self._now = None if end else _Transaction(line_no)
        elif name in _SECURITIES and (end or self._now is None):
            if self._now and end:
                yield self._finish(self._now)
            self._now = None if end else _Transaction(line_no, {"TRNTYPE": name}, security=name)
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
        elif name in _STATEMENTS:
            self._account, self._currency, self._seen = "", "", set()
            self._statements += not name.endswith("TRNRS")
        elif name == "BANKTRANLIST":  # some senders leave STMTRS out around it
            self._statements += 1
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
        elif not end and (name in _VALUES or (now.security and name in _SAME)):
            name = _SAME.get(name, name)
            if name in now.values and name in _ONCE and not now.twice:
                now.twice = name
            now.values.setdefault(name, text)

    def _finish(self, now: _Transaction) -> Part:
        """Turn a transaction into its line, or say why not."""
        values = now.values
        if now.security in _NO_CASH or (now.security and not values.get("TRNAMT")):
            return Frame(now.line_no, f"{now.security.lower()}: no cash moved")
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
        one = (fitid, day, units)  # some banks give one id to several bookings, or zeros to all
        if fitid.strip("0") and one in self._seen:
            return Reject(
                now.line_no, "duplicate", f"FITID {mask_id(fitid)[:40]} comes twice for this account",
                f"同一账户内 FITID {mask_id(fitid)[:40]} 重复", _raw(values),
            )  # fmt: skip
        self._seen.add(one)
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
        if not self._statements:
            raise FileRefused(
                "empty", "there is no statement in the answer of the bank", "银行的应答中没有对账单"
            )
        yield from ()


def _raw(values: dict[str, str]) -> str:
    return shown(" ".join(f"{name}={text}" for name, text in values.items()))


def _amount(text: str, currency: str) -> int:
    """Read TRNAMT: a point or a comma is the decimal mark; thousands marks are taken where they can be nothing else."""
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise AmountError(f"{currency[:8]!r} is no currency", f"{currency[:8]!r} 不是币种")
    found = _AMOUNT.fullmatch(text)
    if found is None or not (found[2] or found[5]):
        raise AmountError(f"TRNAMT {text[:24]!r} is no amount", f"TRNAMT {text[:24]!r} 不是金额")
    sign, whole, mark, point, part = found.groups("")
    if mark and point == mark:
        raise AmountError(f"TRNAMT {text[:24]!r} is no amount", f"TRNAMT {text[:24]!r} 不是金额")
    if (
        mark in (".", ",") and not point and whole.count(mark) == 1
    ):  # a point or comma alone is the decimal mark
        whole, _, part = whole.partition(mark)
    return scaled(f"{sign}{whole.replace(mark, '') if mark else whole}.{part}", decimals_of(currency))


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
    moved = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=_zone(zone))
    try:
        there = moved.astimezone(timezone(timedelta(minutes=utc_offset_min)))
    except OverflowError:
        raise WhenError(
            f"DTPOSTED {text[:32]!r} is out of range", f"DTPOSTED {text[:32]!r} 超出范围"
        ) from None
    return day, f"{there.year:04d}" + there.replace(tzinfo=UTC).strftime("%m%d%H%M%S")


def _zone(text: str) -> timezone:
    """Read an offset: hours, with a part (`-3.5`) or with minutes (`-0330`, `-03:30`). One out of range is UTC."""
    digits = text.lstrip("+-").replace(":", "")
    hours = int(digits[:2]) + int(digits[2:]) / 60 if digits.isdigit() and len(digits) == 4 else float(digits)
    return timezone(timedelta(hours=(-hours if text.startswith("-") else hours) if hours <= 14 else 0))


def _tokens(stream: BinaryIO, decoder: Decoder) -> Iterator[tuple[int, bool, str, str]]:
    """Give each tag: its line, whether it ends, its name, the value behind it."""
    left, line = b"", 1
    while True:
        chunk = stream.read(CHUNK_BYTES)
        data = left + chunk
        if b"<!--" in data:
            data = _COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), data)
        # The last tag's value may go on in the next chunk.
        stop = data.rfind(b"<") if chunk else len(data)
        open_comment = data.find(b"<!--") if chunk else -1
        if open_comment >= 0:
            stop = open_comment
        elif stop < 0 or (chunk and len(data) - stop > TOKEN_BYTES_MAX):
            stop = len(data)
        at = 0
        for found in _TAG.finditer(data, 0, stop):
            line += data.count(b"\n", at, found.start())
            at = found.start()
            name = found[2].decode("ascii").upper()
            text = html.unescape(decoder.decode(found[4]).strip())[:TOKEN_BYTES_MAX]
            yield line, bool(found[1]), name, text
            if found[3]:
                yield line, True, name, ""
        line += data.count(b"\n", at, stop)
        left = data[stop:]
        if open_comment >= 0:  # what a comment says is let go; its end may be cut by the chunk's
            line += left.count(b"\n", 4, -2)
            left = b"<!--" + left[4:][-2:]
        if not chunk:
            return


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a file tag by tag; line numbers are those of `<STMTTRN>`."""
    stream, decoder = opened(source)
    file = _File(options)
    for token in _tokens(stream, decoder):
        yield from file.take(*token)
    yield from file.end()


FORMAT = Format(
    "ofx", Role.BANK, "OFX/QFX/QBO statement", "OFX/QFX/QBO 对账单",
    "Open Financial Exchange 1.6 and 2.3", recognise, read, (".ofx", ".qfx", ".qbo"), line_based=False,
)  # fmt: skip
