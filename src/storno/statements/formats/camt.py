"""CAMT.052, .053 and .054 of every version, read by local names whatever the namespace, entry by entry.

Opening and closing booked balances must differ by the booked entries, and the message's own counts and sums
(TxsSummry) must be theirs. DTDs, entities and external references are refused; nesting and memory are bounded: an entry
is let go as soon as its lines are given.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast
from xml.etree.ElementTree import Element, TreeBuilder  # what is built; the parsing goes through defusedxml

from defusedxml import ElementTree as Defused  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

from storno.statements.base import HEAD_BYTES, Format, Head, ReadOptions, Traits
from storno.statements.encoding import CHUNK_BYTES, Encoding, Utf8Stream
from storno.statements.formats._camt_entry import (
    BOOKED,
    Detail,
    EntryError,
    decimal,
    detail,
    lines_of,
    local,
    signed,
    status,
    text_at,
    walk,
)
from storno.statements.line import FileRefused, Frame, Part, Reject, Role, Total
from storno.statements.lines import shown
from storno.statements.mask import mask_id

DEPTH_MAX = 60
_MESSAGES = {"BkToCstmrAcctRpt": "Rpt", "BkToCstmrStmt": "Stmt", "BkToCstmrDbtCdtNtfctn": "Ntfctn"}
_WRAPPERS = frozenset({"Document", "Xchg", "Envelope", "DataPDU", "BizMsgEnvlp", "Message"})
_STATEMENTS = frozenset(_MESSAGES.values())
_DECLARED = re.compile(rb"^[^>]{0,120}?encoding\s*=\s*[\"']([A-Za-z0-9_.-]+)[\"']")
_BEFORE = re.compile(rb"\A(?:\xef\xbb\xbf|[ \t\r\n?])+(?=<)")
_GB = frozenset({"gb2312", "gbk", "gb18030", "cp936", "hz-gb-2312"})


def recognise(head: Head) -> int:
    """Know the message by its name."""
    data = head.data.replace(b"\0", b"")[:8192]
    if b"<" not in data[:200]:
        return 0
    if b"camt.05" in data or any(name.encode() in data for name in _MESSAGES):
        return 97
    return 0


def traits(head: Head, options: ReadOptions) -> Traits:  # noqa: ARG001 part of the door
    """Rank the day's final statement (053) over its notifications (054) and interim reports (052)."""
    data = head.data.replace(b"\0", b"")
    message = next((name for name in _MESSAGES if name.encode() in data), "BkToCstmrStmt")
    rank, variant = {
        "BkToCstmrAcctRpt": (4, "camt.052"),
        "BkToCstmrStmt": (10, "camt.053"),
        "BkToCstmrDbtCdtNtfctn": (6, "camt.054"),
    }[message]
    return Traits(Role.BANK, rank, variant)


@dataclass(slots=True)
class _Statement:
    """What one Stmt, Rpt or Ntfctn has said so far."""

    account: str = ""
    currency: str = ""
    balances: dict[str, tuple[int, str]] = field(default_factory=dict)
    interims: list[tuple[int, str]] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    """Balances that do not say whether they are credit or debit."""
    summary: Element | None = None
    booked: dict[str, int] = field(default_factory=dict)
    sides: dict[str, list[int]] = field(default_factory=lambda: {"CRDT": [0, 0], "DBIT": [0, 0]})
    pending: dict[str, list[int]] = field(default_factory=lambda: {"CRDT": [0, 0], "DBIT": [0, 0]})


class _Message:
    """One message being read."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._now = _Statement()
        self._details: list[Detail] = []
        self._open: list[Element] = []
        self.entries = 0
        self.statements = 0

    def start(self, element: Element) -> None:
        """Enter an element."""
        name = local(element.tag)
        self._open.append(element)
        if len(self._open) > DEPTH_MAX:
            raise FileRefused("depth", "the XML is nested too deeply", "XML 嵌套过深")
        if len(self._open) == 1 and name not in _MESSAGES and name not in _WRAPPERS:
            raise FileRefused(
                "root", f"the root element is {name[:40]!r}, no CAMT message",
                f"根元素为 {name[:40]!r}，不是 CAMT 报文", 1,
            )  # fmt: skip
        if name in _STATEMENTS and self._parent() in _MESSAGES:
            self._now = _Statement()
            self.statements += 1

    def _parent(self) -> str:
        return local(self._open[-2].tag) if len(self._open) > 1 else ""

    def close(self, element: Element) -> Iterator[Part]:
        """Leave an element; what is done with is let go."""
        name, parent = local(element.tag), self._parent()
        done = False
        if parent in _STATEMENTS:
            done = True
            if name == "Ntry":
                self.entries += 1
                yield from self._entry(element)
                self._details = []
            elif name == "Bal":
                self._balance(element)
            elif name == "TxsSummry":
                self._now.summary, done = element, False
            elif name == "Acct":
                self._now.account = mask_id(text_at(element, "Id/IBAN", "Id/Othr/Id", "Id/PrtryAcct/Id"))
                self._now.currency = text_at(element, "Ccy")
        elif name == "TxDtls" and parent == "NtryDtls":
            entry = self._open[-3] if len(self._open) > 2 else element
            self._details.append(self._detail(element, entry))
            done = True
        elif name in _STATEMENTS and parent in _MESSAGES:
            yield from self._totals()
            done = True
        elif parent in _MESSAGES:
            done = True
        self._open.pop()
        if done and self._open:
            self._open[-1].remove(element)

    def _detail(self, element: Element, entry: Element) -> Detail:
        sign = {"CRDT": 1, "DBIT": -1}.get(text_at(entry, "CdtDbtInd"), 0)
        amount = next(walk(entry, "Amt"), None)
        return detail(element, amount.get("Ccy", "").upper() if amount is not None else "", sign)

    def _entry(self, element: Element) -> Iterator[Part]:
        now = self._now
        try:
            amount, _ = signed(element)
            counted = now.sides if status(element) == BOOKED else now.pending
            if counted is now.sides:
                lines = lines_of(
                    element, self.entries, self._details, now.account, self._options.utc_offset_min
                )
            else:
                lines = []
                yield Frame(self.entries, f"not booked: {status(element)[:8]}")
            side = counted["CRDT" if amount >= 0 else "DBIT"]
            side[0] += 1
            side[1] += abs(amount)
        except EntryError as error:
            raw = shown(" ".join((text_at(element, "NtryRef", "AcctSvcrRef"), text_at(element, "Amt"))))
            yield Reject(self.entries, error.code, error.english, error.chinese, raw)
            return
        for line in lines:
            now.booked[line.currency] = now.booked.get(line.currency, 0) + line.amount_minor
            yield line

    def _balance(self, element: Element) -> None:
        code = text_at(element, "Tp/CdOrPrtry/Cd", "Tp/Cd", "Tp/CdOrPrtry/Prtry")
        if code not in ("OPBD", "PRCD", "CLBD", "ITBD"):
            return
        if not text_at(element, "CdtDbtInd"):  # required, and left out by some
            self._now.unsigned.append(code)
            return
        try:
            units = signed(element)
        except EntryError as error:
            raise FileRefused(
                "balance",
                f"a {code} balance cannot be read: {error.english}",
                f"{code} 余额无法读取：{error.chinese}",
            ) from None
        if code == "ITBD":
            self._now.interims.append(units)
        else:
            self._now.balances.setdefault(code, units)

    def _totals(self) -> Iterator[Part]:
        now = self._now
        if now.unsigned:
            yield Frame(
                self.entries, f"balances without CdtDbtInd ({', '.join(now.unsigned)}): nothing to compare"
            )
        opening = now.balances.get("OPBD") or now.balances.get("PRCD")
        closing = now.balances.get("CLBD")
        if len(now.interims) == 1 and self._open and local(self._open[-1].tag) == "Stmt":
            opening, closing = (
                opening or now.interims[0],
                closing or now.interims[0],
            )  # pages of one statement
        if opening and closing and opening[1] != closing[1]:
            yield Frame(self.entries, f"balances in {opening[1]} and {closing[1]}: nothing to compare")
        elif opening and closing:
            booked = now.booked.pop(opening[1], 0)
            yield Total("closing_balance", closing[0], opening[0] + booked, currency=opening[1])
            yield Total("other_currencies", 0, len(now.booked))
        if now.summary is not None:
            yield from self._summary(now.summary)

    def _summary(self, element: Element) -> Iterator[Part]:
        """Compare TxsSummry with the entries; where some are pending, it may count them or not."""
        currency = self._summary_currency()
        for path, sides in (
            ("TtlNtries", ("CRDT", "DBIT")),
            ("TtlCdtNtries", ("CRDT",)),
            ("TtlDbtNtries", ("DBIT",)),
        ):
            for one in walk(element, path):
                name = {"TtlNtries": "entries", "TtlCdtNtries": "credits", "TtlDbtNtries": "debits"}[path]
                try:
                    yield from self._summed(one, name, sides, currency)
                except EntryError as error:
                    raise FileRefused(
                        "totals",
                        f"{path} cannot be read: {error.english}",
                        f"{path} 无法读取：{error.chinese}",
                    ) from None

    def _summary_currency(self) -> str:
        known = next(iter(self._now.balances.values()), (0, ""))[1]
        return self._now.currency or known or self._options.currency

    def _summed(self, one: Element, name: str, sides: tuple[str, ...], currency: str) -> Iterator[Part]:
        now = self._now
        booked = [sum(now.sides[side][i] for side in sides) for i in (0, 1)]
        every = [booked[i] + sum(now.pending[side][i] for side in sides) for i in (0, 1)]
        lines, total = text_at(one, "NbOfNtries"), text_at(one, "Sum")
        if lines:
            if not (lines.isascii() and lines.isdigit() and len(lines) < 16):
                raise EntryError("totals", f"NbOfNtries is {lines[:20]!r}", f"NbOfNtries 为 {lines[:20]!r}")
            yield Total(f"{name}_lines", int(lines), every[0] if int(lines) == every[0] else booked[0])
        if total:
            declared = decimal(total, currency)
            yield Total(name, declared, every[1] if declared == every[1] else booked[1], currency=currency)
        net, side = (
            text_at(one, "TtlNetNtryAmt", "TtlNetNtry/Amt"),
            text_at(one, "CdtDbtInd", "TtlNetNtry/CdtDbtInd"),
        )
        if net and side:
            declared = decimal(net, currency) * (-1 if side == "DBIT" else 1)
            pend = now.pending["CRDT"][1] - now.pending["DBIT"][1]
            mine = now.sides["CRDT"][1] - now.sides["DBIT"][1]
            counted = mine + pend if declared == mine + pend else mine
            yield Total(f"{name}_net", declared, counted, currency=currency)


def _source(source: BinaryIO) -> tuple[BinaryIO, str]:
    """Give the bytes and the encoding to tell the parser; it cannot read GB18030 itself."""
    buffered = io.BufferedReader(cast("io.RawIOBase", _Raw(source)), CHUNK_BYTES)
    head = buffered.peek(HEAD_BYTES)[:400]
    for mark, wide in ((codecs.BOM_UTF16_LE, Encoding.UTF_16_LE), (codecs.BOM_UTF16_BE, Encoding.UTF_16_BE)):
        if head.startswith(mark):  # whatever the declaration says, which an editor did not change
            return cast("BinaryIO", io.BufferedReader(Utf8Stream(buffered, wide), CHUNK_BYTES)), "utf-8"
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    if declared and declared[1].decode().lower() in _GB:
        return cast(
            "BinaryIO", io.BufferedReader(Utf8Stream(buffered, Encoding.GB18030), CHUNK_BYTES)
        ), "utf-8"
    return buffered, ""


class _Raw(io.RawIOBase):
    """Any readable as a raw stream, without what transfers and editors put around a document.

    That is marks and blanks before it, where XML wants its declaration first, and the marks of an end behind it.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._begun = self._wide = False
        self._held = b""
        """Marks of an end that may turn out not to be at the end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = b""
        while not data and (data := self._source.read(len(buffer) - len(self._held))):
            if not self._begun:
                self._begun, self._wide = True, b"\0" in data[:200]
                data = data if self._wide else _BEFORE.sub(b"", data, count=1)
            if not self._wide:
                data = self._held + data
                bare = data.rstrip(b"\0\x1a")
                if (
                    len(data) - len(bare) > len(buffer) // 2
                ):  # so many are no mark: the parser says what they are
                    bare = data
                self._held, data = data[len(bare) :], bare
        buffer[: len(data)] = data
        return len(data)


def read(source: BinaryIO, options: ReadOptions) -> Iterator[Part]:
    """Read a message entry by entry; line numbers count entries."""
    stream, encoding = _source(source)
    message = _Message(options)
    # defusedxml parses with the library's Python half, whose own elements are slow to make and slower to walk through.
    parser = Defused.XMLParser(
        target=TreeBuilder(),
        encoding=encoding or None,
        forbid_dtd=True,
        forbid_entities=True,
        forbid_external=True,
    )
    try:
        for event, element in Defused.iterparse(stream, ("start", "end"), parser):
            if event == "start":
                message.start(element)
            else:
                yield from message.close(element)
    except Defused.ParseError as error:
        line = error.position[0] if getattr(error, "position", None) else 0
        raise FileRefused(
            "xml",
            f"line {line}: the XML is broken or cut off: {error}",
            f"第 {line} 行：XML 损坏或被截断",
            line,
        ) from None
    except DefusedXmlException as error:
        raise FileRefused(
            "dtd", f"the XML carries a document type or entities ({type(error).__name__}): not read",
            "XML 含有文档类型声明或实体，不予读取",
        ) from None  # fmt: skip
    except (ValueError, LookupError) as error:
        if isinstance(error, FileRefused):
            raise
        raise FileRefused(
            "encoding", f"the XML's encoding cannot be read: {error}", "无法识别 XML 的编码"
        ) from None
    if not message.statements:
        raise FileRefused("empty", "there is no statement in the message", "报文中没有对账单")


FORMAT = Format(
    "camt", Role.BANK, "ISO 20022 CAMT.052/053/054", "ISO 20022 CAMT.052/053/054 对账单",
    "iso20022.org: camt.052, camt.053, camt.054", recognise, read, (".xml", ".camt"), line_based=False,
    traits=traits,
)  # fmt: skip
