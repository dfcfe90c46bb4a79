"""Which one-byte encoding a bank's narratives are in: Windows-1250 (Poland, Czechia), 1251, 1252, Latin 2 or DOS 852.

Rule: judged once for a file by its first bytes, and only where they show it: a byte that stands between two letters is
a letter itself (`P³atno¶æ` is Płatność). What shows nothing stays Windows-1252, or is judged line by line. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_HIGH = re.compile(rb"[\x80-\xff]+")
_LONG = re.compile(rb"[\x80-\xff]{3,}")
_INNER = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?=[A-Za-z])")
_BESIDE = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]|[\x80-\xff](?=[A-Za-z])")
_GB2312 = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_CODECS = ("cp1252", "cp1250", "iso8859-2", "cp852")
_CARONS = re.compile(rb"[\x9a\x9e]")
"""š and ž, where Windows-1250 and 1252 agree: Western languages have them in names only."""
_CZECH = re.compile(rb"[\xe8\xec\xf2\xf8\xf9]")
"""č ě ň ř ů in Windows-1250; è ì ò ø ù in 1252."""
_WESTERN = re.compile(rb"[\xe0\xe2\xe5\xe6\xe7\xea\xf1\xdf]")
_CYRILLIC = bytes((*range(0xC0, 0x100), 0xA8, 0xB8, 0xB9))


def codec_of(head: bytes) -> str:
    """Name the encoding of the lines that are neither ASCII nor UTF-8; empty where they are Chinese or show nothing."""
    text = b"\n".join(line for line in head.splitlines() if not line.isascii() and not _utf8(line))
    if not text:
        return ""
    if _cyrillic(text):
        return "cp1251"
    return "" if _chinese(text) else _european(text)


def _utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _cyrillic(text: bytes) -> bool:
    """Say whether whole words are over 0xC0: in Western words one letter is, in Chinese every second byte is lower."""
    words = _LONG.findall(text)
    long = b"".join(words)
    return len(words) >= 3 and 20 * len(long.translate(None, _CYRILLIC)) <= len(long)


def _chinese(text: bytes) -> bool:
    runs = _HIGH.findall(text)
    return 2 * sum(len(run) for run in runs if _GB2312.fullmatch(run)) > sum(map(len, runs))


def _european(text: bytes) -> str:
    inner = set(_INNER.findall(text))
    fits = [codec for codec in _CODECS if inner <= _letters(codec)]
    if not fits:
        return ""
    if fits[0] == "cp1252":
        carons, czech = len(_CARONS.findall(text)), len(_CZECH.findall(text))
        central = carons >= 2 and 0 < czech <= 4 * carons and not _WESTERN.search(text)
        return "cp1250" if central else "cp1252"
    beside = _BESIDE.findall(text)
    return max(fits, key=lambda codec: sum(one in _letters(codec) for one in beside))


@cache
def _letters(codec: str) -> frozenset[bytes]:
    each = (bytes((one,)) for one in range(0x80, 0x100))
    return frozenset(
        one for one in each if unicodedata.category(one.decode(codec, "replace")) in ("Lu", "Ll")
    )
