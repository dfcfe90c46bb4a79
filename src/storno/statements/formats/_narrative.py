"""Text of bank statements in the encodings banks use, and the words their narratives are made of.

UTF-8 first; then the one-byte encoding the whole file shows, if it shows one; else GB18030 where the bytes over 0x7F
come in pairs, as Chinese does, else Windows-1252. Never fails: what money depends on is ASCII and is checked by the
formats.
"""

from __future__ import annotations

import re
from io import BufferedReader
from typing import BinaryIO, cast

from storno.statements.base import HEAD_BYTES
from storno.statements.encoding import open_text
from storno.statements.formats._codec import codec_of
from storno.statements.line import FileRefused
from storno.statements.mask import mask_text

_HIGH = re.compile(rb"[\x80-\xff]+")
_CONTROLS = bytes(set(range(32)) - {0x01, 0x03, 0x04, 0x09, 0x0A, 0x0C, 0x0D, 0x1A, 0x1B})
_SPACES = re.compile(r"\s+")
TEXT_CHARS_MAX = 1000


class Decoder:
    """Decodes the lines of one file."""

    def __init__(self, head: bytes) -> None:
        self._codec = codec_of(head)

    def decode(self, data: bytes) -> str:
        """Decode one line of a bank's file."""
        if data.isascii():
            return data.decode("ascii")
        for codec in ("utf-8", self._codec):
            try:
                return data.decode(codec or "ascii")
            except UnicodeDecodeError:
                continue
        return _by_itself(data)


def opened(source: BinaryIO) -> tuple[BinaryIO, Decoder]:
    """Open a bank's text file from its start. Raises FileRefused, code `binary`."""
    stream, encoding = open_text(source)
    head = cast("BufferedReader", stream).peek(HEAD_BYTES)[:HEAD_BYTES]
    if encoding is None and binary(head[:4096]):
        raise FileRefused("binary", "this is no text file", "不是文本文件", 1)
    return stream, Decoder(head)


def _by_itself(data: bytes) -> str:
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
