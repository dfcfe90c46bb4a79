"""Text of bank statements in the encodings banks use, and the words their narratives are made of.

UTF-8 first; then GB18030 where the bytes over 0x7F come in pairs, as Chinese does; then Windows-1252, where they stand
alone between letters, as umlauts do. Never fails: what money depends on is ASCII and is checked by the formats.
"""

from __future__ import annotations

import re

from storno.statements.mask import mask_text

_HIGH = re.compile(rb"[\x80-\xff]+")
_CONTROLS = bytes(set(range(32)) - {0x01, 0x03, 0x04, 0x09, 0x0A, 0x0C, 0x0D, 0x1A, 0x1B})
_SPACES = re.compile(r"\s+")
TEXT_CHARS_MAX = 1000


def decode(data: bytes) -> str:
    """Decode one line of a bank's file."""
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if all(len(run) % 2 == 0 for run in _HIGH.findall(data)):
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def binary(data: bytes) -> bool:
    """Say whether these first bytes are no text: too many control bytes."""
    return 100 * (len(data) - len(data.translate(None, _CONTROLS))) > len(data)


def narrative(*parts: str) -> str:
    """Join parts into one line for people, card numbers masked, at most 1,000 characters."""
    text = " ".join(part for part in parts if part)
    return mask_text(_SPACES.sub(" ", text).strip())[:TEXT_CHARS_MAX]
