"""The physical lines of a mapped text file, in the encoding its mapping names or its bytes show.

Gives the first bytes too, so that a preset can be chosen before the first line is read. Must not know any mapping.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from storno.statements.base import HEAD_BYTES
from storno.statements.encoding import CHUNK_BYTES, Encoding, LineDecoder, open_text
from storno.statements.line import FileRefused
from storno.statements.lines import RawLine, TextLine, raw_lines

if TYPE_CHECKING:
    from collections.abc import Iterator


class Decoder:
    """Decodes line after line in one named encoding, or in the one the bytes show."""

    def __init__(self, name: str, found: Encoding | None) -> None:
        self._name = name
        self._auto = LineDecoder(found) if name == "auto" else None

    def decode(self, data: bytes) -> tuple[str, int]:
        """Give the text and the byte (from 1) that could not be decoded, 0 if all could."""
        if self._auto is not None:
            return self._auto.decode(data)
        try:
            return data.decode(self._name), 0
        except UnicodeDecodeError as error:
            return data.decode(self._name, "replace"), error.start + 1

    def decode_all(self, data: bytes) -> str | None:
        """Give many lines as text; None where one of them could not be decoded."""
        if self._auto is not None:
            return self._auto.decode_all(data)
        try:
            return data.decode(self._name)
        except UnicodeDecodeError:
            return None


def opened(source: BinaryIO, encoding: str) -> tuple[bytes, BinaryIO, Decoder]:
    """Give the first bytes, the file as bytes that may be cut at line feeds, and what decodes them.

    Raises:
        FileRefused: code `binary`, the file is no text.

    """
    stream, found = open_text(source)
    if found is None and (
        encoding == "auto" or b"\0" in cast("io.BufferedReader", stream).peek(1)[:HEAD_BYTES]
    ):
        raise FileRefused(
            "binary",
            "no text: neither UTF-8, UTF-16, GB18030 nor Windows-1252; a spreadsheet is read by mapped_xlsx",
            "不是文本文件：不是 UTF-8、UTF-16、GB18030 或 Windows-1252；电子表格请用 mapped_xlsx",
            1,
        )
    head = cast("io.BufferedReader", stream).peek(CHUNK_BYTES)[:HEAD_BYTES]
    return head, stream, Decoder(encoding, found)


def open_lines(source: BinaryIO, encoding: str) -> tuple[bytes, Iterator[RawLine], Decoder]:
    """Give the first bytes, the lines as bytes, and what decodes them. Raises FileRefused, code `binary`."""
    head, stream, decoder = opened(source, encoding)
    return head, raw_lines(stream), decoder


def lines_of(source: BinaryIO, encoding: str) -> tuple[bytes, Iterator[TextLine]]:
    """Give the first bytes and every line as text. Raises FileRefused, code `binary`."""
    head, raw, decoder = open_lines(source, encoding)
    return head, as_text(raw, decoder)


def as_text(lines: Iterator[RawLine], decoder: Decoder) -> Iterator[TextLine]:
    """Decode lines."""
    return (TextLine(line.no, *decoder.decode(line.data), line.too_long) for line in lines)
