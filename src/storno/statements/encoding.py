"""The encodings of statement files: UTF-8 (BOM or not), UTF-16, GB18030 (which holds GBK and GB2312), Windows-1252.

Recognised on bytes, decoded line by line so that one bad byte costs one line and its place is known. UTF-16 is turned
into UTF-8 while it is read, so that everything else may cut lines at byte 0x0A. Must not hold a file in memory.
"""

from __future__ import annotations

import codecs
import io
import re
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO, cast

from storno.statements.base import HEAD_BYTES, Head

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 1 << 18
_BOM8 = codecs.BOM_UTF8
_HIGH = re.compile(rb"[\x80-\xff]+")
_FOUR_BYTES = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")
"""How GB18030 writes rare characters."""
_IN_A_WORD = re.compile(rb"[A-Za-z][\xc0-\xff][a-z]")
_CONTROL = bytes(set(range(32)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1A, 0x1B})


class Encoding(Enum):
    """How a file's text is written; the value is the codec's name."""

    ASCII = "ascii"
    """No byte over 0x7F seen so far: what it is shows later."""
    UTF_8 = "utf-8"
    GB18030 = "gb18030"
    CP1252 = "cp1252"
    """Western European, also for files in ISO 8859-1."""
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"


def detect(data: bytes, *, whole: bool = False) -> Encoding | None:
    """Name the encoding of a file's first bytes; None where they are no text.

    `whole`: the bytes are the whole file, so a character cut at the end is a fault and not a border.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        wide = Encoding.UTF_16_LE if data.startswith(codecs.BOM_UTF16_LE) else Encoding.UTF_16_BE
        return wide if _decodes(data, wide, whole=whole) is not None else None
    wide16 = _bare_utf16(data)
    if wide16 is not None:
        return wide16 if _decodes(data, wide16, whole=whole) is not None else None
    if _binary(data):
        return None
    if data.isascii():
        return Encoding.ASCII
    if _decodes(data, Encoding.UTF_8, whole=whole) is not None:
        return Encoding.UTF_8
    if _western(data):
        return Encoding.CP1252
    return Encoding.GB18030 if _decodes(data, Encoding.GB18030, whole=whole) is not None else _mostly(data)


def _western(data: bytes) -> bool:
    """Say whether most bytes over 0x7F stand alone, as accented letters do; Chinese comes in pairs and longer runs.

    GB18030 would take nearly every such byte together with the letter behind it.
    """
    bare = _FOUR_BYTES.sub(b"", data)
    runs = [len(run) for run in _HIGH.findall(bare)]
    alone = runs.count(1)
    return 2 * alone > len(runs) and (alone >= 2 or _IN_A_WORD.search(bare) is not None)


def _binary(data: bytes) -> bool:
    """Say whether control bytes make this no text: one in two hundred is more than any statement has."""
    return 200 * (len(data) - len(data.translate(None, _CONTROL))) > len(data)


def _bare_utf16(data: bytes) -> Encoding | None:
    """Recognise UTF-16 without its mark by the zero bytes of its ASCII part."""
    even, odd = data[0:512:2].count(0), data[1:512:2].count(0)
    size = min(len(data), 512) // 2
    if size < 8:
        return None
    if odd * 2 > size and not even:
        return Encoding.UTF_16_LE
    if even * 2 > size and not odd:
        return Encoding.UTF_16_BE
    return None


def _decodes(data: bytes, encoding: Encoding, *, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding.value)().decode(data, whole)
    except UnicodeDecodeError:
        return None


def _mostly(data: bytes) -> Encoding | None:
    """Choose for a text with a few damaged places the encoding in which more lines are whole; None if most are not."""
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    whole = {
        encoding: sum(_decodes(line, encoding, whole=True) is not None for line in lines)
        for encoding in (Encoding.UTF_8, Encoding.GB18030)
    }
    best = max(whole, key=lambda encoding: whole[encoding])
    if 2 * whole[best] >= len(lines):
        return best
    high = list(map(len, _HIGH.findall(data)))  # a name or two with accents, too few to tell otherwise
    few = max(high) <= 2 and 20 * sum(high) <= len(data)
    return Encoding.CP1252 if few and _decodes(data, Encoding.CP1252, whole=True) is not None else None


def head_text(data: bytes) -> str | None:
    """Decode a file's first bytes for recognition, damaged places replaced; None where they are no text."""
    encoding = detect(data)
    if encoding is None:
        return None
    text = codecs.getincrementaldecoder(encoding.value)("replace").decode(data)
    text = text.removeprefix("\ufeff")
    return text[1:] if text[:1] == "?" and text[1:2] > "\x7f" else text  # a mark that became a question mark


def make_head(name: str, data: bytes) -> Head:
    """Give what formats are shown of a file: the last part of its name, its first bytes, the same as text."""
    first = data[:HEAD_BYTES]
    return Head(name.replace("\\", "/").rpartition("/")[2], first, head_text(first))


class Utf8Stream(io.RawIOBase):
    """A UTF-16 file read as UTF-8; a damaged place becomes U+FFFD, which a line decoder reports.

    `old_mac`: its lines end with a carriage return alone, which comes out as a line feed.
    """

    def __init__(self, source: BinaryIO, encoding: Encoding, *, old_mac: bool = False) -> None:
        self._source = source
        self._old_mac = old_mac
        self._decode = codecs.getincrementaldecoder(encoding.value)("replace").decode
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        """Say yes: the stream reads and neither writes nor seeks."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from the next characters."""
        view = memoryview(buffer).cast("B")
        while not self._left and not self._ended:
            chunk = self._source.read(CHUNK_BYTES)
            self._ended = not chunk
            text = self._decode(chunk, self._ended)
            self._left = (text.replace("\r", "\n") if self._old_mac else text).encode("utf-8", "replace")
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def open_text(source: BinaryIO) -> tuple[BinaryIO, Encoding | None]:
    """Give the file as ASCII-compatible bytes from its start, and its encoding (None: no text).

    UTF-16 comes out as UTF-8 bytes, under its own name so that a line decoder knows what U+FFFD means there.
    `source` is read from where it stands and needs not be seekable.
    """
    first = _read_exactly(source, HEAD_BYTES)
    encoding = detect(first, whole=len(first) < HEAD_BYTES)
    wide = encoding if encoding in (Encoding.UTF_16_LE, Encoding.UTF_16_BE) else None
    # In UTF-16 either byte may be half of another character: only the text shows how lines end.
    begin: str | bytes = first if wide is None else head_text(first) or ""
    old_mac = (
        "\r" in begin and "\n" not in begin
        if isinstance(begin, str)
        else b"\r" in begin and b"\n" not in begin
    )
    joined = _Joined(first, source, old_mac=wide is None and old_mac)
    rest = cast("BinaryIO", io.BufferedReader(joined, CHUNK_BYTES))
    if wide is not None:
        return cast("BinaryIO", io.BufferedReader(Utf8Stream(rest, wide, old_mac=old_mac), CHUNK_BYTES)), wide
    return rest, encoding


def flat(data: bytes) -> bytes:
    """Give a file's first bytes as `open_text` gives them."""
    stream, _ = open_text(io.BytesIO(data))
    return stream.read()


def _read_exactly(source: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    left = size
    while left and (chunk := source.read(left)):
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts)


class _Joined(io.RawIOBase):
    """Bytes that were looked at, then the rest of the file they came from.

    `old_mac`: its lines end with a carriage return alone, which comes out as a line feed.
    """

    def __init__(self, first: bytes, rest: BinaryIO, *, old_mac: bool = False) -> None:
        self._first = first
        self._rest = rest
        self._old_mac = old_mac

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._first[: len(view)] if self._first else self._rest.read(len(view))
        self._first = self._first[len(view) :]
        view[: len(data)] = data.replace(b"\r", b"\n") if self._old_mac else data
        return len(data)


class LineDecoder:
    """Decodes line after line. A file that was ASCII so far is decided by the first line that is not."""

    def __init__(self, encoding: Encoding | None) -> None:
        self.encoding = encoding or Encoding.ASCII
        """What the file is taken for; changes once, from ASCII to what the first other byte shows."""

    def decode(self, data: bytes) -> tuple[str, int]:
        """Give the text and the byte (from 1) that could not be decoded, 0 if all could.

        The text of a damaged line has U+FFFD where the damage is: fit to be shown, not to be used.
        """
        if data.isascii():
            return data.decode("ascii"), 0
        if self.encoding in (Encoding.UTF_16_LE, Encoding.UTF_16_BE):  # UTF-8 by now, see Utf8Stream
            text = data.decode("utf-8", "replace")
            return text, text.find("\ufffd") + 1
        both = (Encoding.UTF_8, Encoding.GB18030)
        tried = both if self.encoding is Encoding.ASCII else (self.encoding,)
        at = 0
        for encoding in tried:
            try:
                text = data.decode(encoding.value)
            except UnicodeDecodeError as error:
                at = at or error.start + 1
                continue
            self.encoding = encoding
            return text, 0
        return data.decode(tried[-1].value, "replace"), at

    def settle(self, data: bytes) -> None:
        """Decide by the first of many lines that is not ASCII what the file is, if it is not known yet."""
        if (
            self.encoding is Encoding.ASCII
            and not data.isascii()
            and (high := _HIGH.search(data)) is not None
        ):
            start, end = data.rfind(b"\n", 0, high.start()) + 1, data.find(b"\n", high.start())
            self.decode(data[start : end if end >= 0 else None])

    def decode_all(self, data: bytes) -> str | None:
        """Give many lines as text, as `decode` gives each of them; None where one of them could not be decoded."""
        self.settle(data)
        text, bad = self.decode(data)
        return None if bad else text
