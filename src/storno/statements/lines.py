"""The physical lines of a statement file: counted from 1, bounded in length, decoded one by one.

Lines end at LF or CRLF. Bytes come in, so a fixed-width format can cut before it decodes. A line over the bound is
skipped to its end and reported: no file can make a reader hold more than that. Must not know any format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from storno.statements.encoding import LineDecoder, open_text
from storno.statements.line import FileRefused, Reject
from storno.statements.mask import mask_text

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES_MAX = 64 * 1024
RAW_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class RawLine:
    """One physical line without its end."""

    no: int
    data: bytes
    start: int
    """Byte offset of the line in its source."""
    too_long: bool = False
    """The line went over the bound; `data` is its beginning."""
    ended: bool = True
    """False for a last line without its end: it may have been cut."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One physical line as text."""

    no: int
    text: str
    bad_byte: int = 0
    """Byte of the line, from 1, that could not be decoded; 0: the text is whole."""
    too_long: bool = False

    @property
    def blank(self) -> bool:
        """Say whether nothing but white space stands in it."""
        return not self.text.strip(" \t\x1a\ufeff\u3000\xa0")


def raw_lines(source: BinaryIO, bytes_max: int = LINE_BYTES_MAX, before: int = 0) -> Iterator[RawLine]:
    """Give each line; a byte order mark in front of the first is taken off, a last line needs no end.

    `before`: so many lines of the file stand before the source.
    """
    no, start = before, 0
    while data := source.readline(bytes_max + 2):
        no += 1
        size, ended = len(data), data.endswith(b"\n")
        too_long = not ended and size > bytes_max
        if too_long:
            data = data[:bytes_max]
            while (more := source.readline(LINE_BYTES_MAX)) and not more.endswith(b"\n"):
                size += len(more)
            size += len(more)
            ended = bool(more)
        else:
            data = data.removesuffix(b"\n").rstrip(b"\r")  # a transfer as text may add a second one
        if no == 1:
            data = unmarked(data)
        yield RawLine(no, data, start, too_long, ended)
        start += size


def unmarked(data: bytes) -> bytes:
    """Take the mark off a file's first bytes: once, twice, or as the question mark a change of encoding made of it."""
    while data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    return data[1:] if data[:1] == b"?" and data[1:2] > b"\x7f" else data


def text_lines(source: BinaryIO, bytes_max: int = LINE_BYTES_MAX) -> Iterator[TextLine]:
    """Recognise the encoding and give each line as text.

    Raises:
        FileRefused: code `binary`, the file is no text.

    """
    stream, encoding = open_text(source)
    if encoding is None:
        raise FileRefused(
            "binary",
            "this is no text file: neither UTF-8, UTF-16 nor GB18030",
            "不是文本文件：既非 UTF-8、UTF-16，也非 GB18030",
            1,
        )
    decoder = LineDecoder(encoding)
    for line in raw_lines(stream, bytes_max):
        text, bad = decoder.decode(line.data)
        yield TextLine(line.no, text, bad, line.too_long)


def shown(text: str) -> str:
    """Make a line fit to be kept and shown: masked, control characters replaced, cut to 500 characters."""
    # Cut twice: a card number at the first border is masked whole, and none is cut in two before it is looked at.
    masked = mask_text(text[: RAW_CHARS_MAX + 100])[:RAW_CHARS_MAX]
    return "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in masked)


def broken(line: TextLine) -> Reject | None:
    """Give the reject of a line that is too long or not decodable; None for a line in order."""
    if line.too_long:
        return Reject(
            line.no, "too_long",
            f"the line is longer than {LINE_BYTES_MAX} bytes", f"该行超过 {LINE_BYTES_MAX} 字节",
            shown(line.text),
        )  # fmt: skip
    if line.bad_byte:
        return Reject(
            line.no, "encoding",
            f"byte {line.bad_byte} of the line is no character of the file's encoding",
            f"该行第 {line.bad_byte} 字节不是本文件编码的字符",
            shown(line.text),
        )  # fmt: skip
    return None
