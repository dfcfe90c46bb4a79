"""BER-TLV as EMV uses it in F55: parse, build, keep some tags.

Rule: bounded in depth, elements and tag size, whatever the bytes say; a constructed tag whose inside is no TLV is kept
as a plain value (UnionPay's e-signature uses such tags). Errors hold no content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from storno.iso8583.errors import SubfieldError

DEPTH_MAX = 4
ELEMENTS_MAX = 128
_TAG_BYTES_MAX = 4
_LENGTH_BYTES_MAX = 2
_VALUE_BYTES_MAX = 0xFFFF

TAG_NAMES: dict[str, tuple[str, str]] = {
    "4F": ("应用标识(AID)", "application identifier"),
    "57": ("二磁道等价数据", "track 2 equivalent data"),
    "5A": ("应用主账号", "application PAN"),
    "5F24": ("应用失效日期", "application expiration date"),
    "5F2A": ("交易货币代码", "transaction currency code"),
    "5F34": ("主账号序列号", "PAN sequence number"),
    "71": ("发卡行脚本1", "issuer script 1"),
    "72": ("发卡行脚本2", "issuer script 2"),
    "82": ("应用交互特征(AIP)", "application interchange profile"),
    "84": ("专用文件名", "dedicated file name"),
    "8A": ("授权响应码", "authorisation response code"),
    "91": ("发卡行认证数据", "issuer authentication data"),
    "95": ("终端验证结果(TVR)", "terminal verification results"),
    "9A": ("交易日期", "transaction date"),
    "9B": ("交易状态信息(TSI)", "transaction status information"),
    "9C": ("交易类型", "transaction type"),
    "9F02": ("授权金额", "amount, authorised"),
    "9F03": ("其他金额", "amount, other"),
    "9F06": ("应用标识(终端)", "application identifier, terminal"),
    "9F09": ("应用版本号", "application version number"),
    "9F10": ("发卡行应用数据", "issuer application data"),
    "9F1A": ("终端国家代码", "terminal country code"),
    "9F1E": ("接口设备序列号", "interface device serial number"),
    "9F26": ("应用密文", "application cryptogram"),
    "9F27": ("密文信息数据", "cryptogram information data"),
    "9F33": ("终端性能", "terminal capabilities"),
    "9F34": ("持卡人验证方法结果", "CVM results"),
    "9F35": ("终端类型", "terminal type"),
    "9F36": ("应用交易计数器(ATC)", "application transaction counter"),
    "9F37": ("不可预知数", "unpredictable number"),
    "9F41": ("交易序列计数器", "transaction sequence counter"),
    "9F63": ("卡产品标识", "card product identification"),
    "DF31": ("发卡行脚本结果", "issuer script results"),
}


@dataclass(frozen=True, slots=True)
class Tlv:
    """One element: tag and value as upper-case hex; a constructed one also has its children."""

    tag: str
    value: str
    children: tuple[Tlv, ...] = ()

    def name(self, lang: str) -> str:
        """Give the tag's name, or an empty text when it is a private one."""
        zh, en = TAG_NAMES.get(self.tag, ("", ""))
        return zh if lang == "zh" else en


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.elements = 0

    def byte(self, at: int, end: int) -> int:
        if at >= end:
            raise SubfieldError("F55", at)
        return self.data[at]

    def tag(self, at: int, end: int) -> int:
        """Give where the tag that starts at `at` ends."""
        start = at
        at += 1
        if self.data[start] & 0x1F == 0x1F:
            while self.byte(at, end) & 0x80:
                at += 1
                if at - start >= _TAG_BYTES_MAX:
                    raise SubfieldError("F55", start)
            at += 1
        return at

    def length(self, at: int, end: int) -> tuple[int, int]:
        """Read a definite length: (length, where the value starts)."""
        first = self.byte(at, end)
        if first < 0x80:
            return first, at + 1
        size = first & 0x7F
        if not 1 <= size <= _LENGTH_BYTES_MAX or at + 1 + size > end:
            raise SubfieldError("F55", at)
        return int.from_bytes(self.data[at + 1 : at + 1 + size], "big"), at + 1 + size

    def items(self, at: int, end: int, depth: int) -> tuple[Tlv, ...]:
        found = []
        while at < end:
            if self.data[at] == 0:
                at += 1
                continue
            self.elements += 1
            if self.elements > ELEMENTS_MAX:
                raise SubfieldError("F55", at)
            start = at
            at = self.tag(at, end)
            tag = self.data[start:at].hex().upper()
            size, at = self.length(at, end)
            if at + size > end:
                raise SubfieldError("F55", at)
            children: tuple[Tlv, ...] = ()
            if self.data[start] & 0x20 and depth < DEPTH_MAX:
                try:
                    children = self.items(at, at + size, depth + 1)
                except SubfieldError:
                    children = ()
            found.append(Tlv(tag, self.data[at : at + size].hex().upper(), children))
            at += size
        return tuple(found)


def parse_tlv(hex_text: str) -> tuple[Tlv, ...]:
    """Read the elements of F55 (upper- or lower-case hex). SubfieldError gives the byte."""
    try:
        data = bytes.fromhex(hex_text)
    except ValueError:
        raise SubfieldError("F55", 0) from None
    return _Reader(data).items(0, len(data), 1)


def build_tlv(items: Iterable[Tlv]) -> str:
    """Write elements as upper-case hex, lengths in their shortest form; a value counts, not its children."""
    parts = []
    for item in items:
        try:
            value = bytes.fromhex(item.value)
            tag = bytes.fromhex(item.tag)
        except ValueError:
            raise SubfieldError("F55", 0) from None
        if len(value) > _VALUE_BYTES_MAX or not 1 <= len(tag) <= _TAG_BYTES_MAX:
            raise SubfieldError("F55", 0)
        parts.append(tag + _length(len(value)) + value)
    return b"".join(parts).hex().upper()


def _length(size: int) -> bytes:
    """Write a length in its shortest form; at most two bytes of it."""
    if size < 0x80:
        return bytes((size,))
    return bytes((0x81, size)) if size <= 0xFF else b"\x82" + size.to_bytes(2, "big")


def icc_keep(hex_text: str, tags: tuple[str, ...]) -> str:
    """Keep only these top-level tags, in the order they stood in: what a reversal's F55 is made of.

    Every chip transaction passes here. The chip data of one kind of terminal always have the same layout: a layout met
    twice becomes a pattern that checks and cuts it in one step.
    """
    try:
        data = bytes.fromhex(hex_text)
    except ValueError:
        raise SubfieldError("F55", 0) from None
    pattern = _LAYOUTS.get((len(data), tags))
    if pattern is not None:
        found = pattern.fullmatch(data)
        if found is not None:
            return b"".join(found.groups()).hex().upper()
    return _keep_slowly(data, tags).hex().upper()


def _keep_slowly(data: bytes, tags: tuple[str, ...]) -> bytes:
    """Keep tags element by element; learn the layout if it has no padding and no length longer than it must be."""
    wanted = _tag_bytes(tags)
    reader = _Reader(data)
    at, end = 0, len(data)
    kept: list[bytes] = []
    layout: list[bytes] = []
    plain = True
    while at < end:
        if data[at] == 0:
            at += 1
            plain = False
            continue
        reader.elements += 1
        if reader.elements > ELEMENTS_MAX:
            raise SubfieldError("F55", at)
        start = at
        at = start + 1
        if data[start] & 0x1F == 0x1F:
            at = start + 2 if at < end and data[at] < 0x80 else reader.tag(start, end)
        tag = data[start:at]
        if at < end and data[at] < 0x80:
            size, at = data[at], at + 1
        else:
            size, at = reader.length(at, end)
        if at + size > end:
            raise SubfieldError("F55", at)
        head = tag + _length(size)
        plain = plain and data[start:at] == head
        layout.append((b"(%s.{%d})" if tag in wanted else b"%s.{%d}") % (re.escape(head), size))
        if tag in wanted:
            kept.append(head + data[at : at + size])
        at += size
    if plain:
        _learn((len(data), tags), b"".join(layout))
    return b"".join(kept)


_LAYOUTS_MAX: Final = 64
_LAYOUTS: Final[dict[tuple[int, tuple[str, ...]], re.Pattern[bytes]]] = {}
_MET: Final[dict[tuple[int, tuple[str, ...]], bytes]] = {}
"""The last layout met of a length: only one met again is worth a pattern. Both are bounded, whatever comes in."""


def _learn(spot: tuple[int, tuple[str, ...]], layout: bytes) -> None:
    if _MET.get(spot) == layout and len(_LAYOUTS) < _LAYOUTS_MAX:
        _LAYOUTS[spot] = re.compile(layout, re.DOTALL)
    elif spot in _MET or len(_MET) < _LAYOUTS_MAX:
        _MET[spot] = layout


@lru_cache(maxsize=16)
def _tag_bytes(tags: tuple[str, ...]) -> frozenset[bytes]:
    return frozenset(map(bytes.fromhex, tags))
