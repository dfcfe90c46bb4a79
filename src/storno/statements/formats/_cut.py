"""Fixed-width lines with one blank between the fields, cut by bytes and then decoded.

Widths count bytes of GB18030. Files that somebody turned into UTF-8 are cut as they stand if the blanks are where they
belong, else as GB18030, else by characters. A line whose blanks are elsewhere is no line of this layout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from storno.statements.encoding import Encoding, LineDecoder
from storno.statements.line import Reject
from storno.statements.lines import LINE_BYTES_MAX, RawLine, shown

Cut = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A line of fields with their widths in bytes."""

    widths: tuple[int, ...]
    needed: int
    """So many fields must be whole; what is missing behind them was blank and trimmed, if the line has its end."""
    complete: int
    """So many fields make a whole line even where the file ends without a line end."""
    starts: tuple[int, ...] = field(init=False)
    """Where each field begins."""
    gaps: tuple[int, ...] = field(init=False)
    """Where the blanks between the fields are."""
    _bytes: re.Pattern[bytes] = field(init=False)
    _text: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = " ".join(f"(.{{{width}}})" for width in self.widths) + r" *\Z"
        object.__setattr__(self, "_bytes", re.compile(pattern.encode(), re.DOTALL))
        object.__setattr__(self, "_text", re.compile(pattern, re.DOTALL))
        starts = tuple(self._upto(count) + (count > 0) for count in range(len(self.widths)))
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "gaps", tuple(start - 1 for start in starts[1:]))

    @property
    def length(self) -> int:
        """Give the length of a whole line in bytes."""
        return sum(self.widths) + len(self.widths) - 1

    @property
    def shortest(self) -> int:
        """Give the length of a line with every needed field."""
        return self._upto(self.needed)

    def _upto(self, count: int) -> int:
        return sum(self.widths[:count]) + max(0, count - 1)

    def least(self, *, ended: bool) -> int:
        """Give the length of a line that is not cut off; one without its end must have more fields."""
        return self._upto(self.needed if ended else self.complete)

    def cut_bytes(self, data: bytes, ended: bool = True) -> tuple[bytes, ...] | None:  # noqa: FBT001, FBT002
        """Cut a line; None if it is too short, too long, or its blanks are elsewhere."""
        if len(data) < self.least(ended=ended):
            return None
        found = self._bytes.match(data.ljust(self.length))
        return None if found is None else found.groups()

    def cut(self, raw: RawLine, decoder: LineDecoder) -> Cut | Reject:
        """Cut and decode a line, or say why it cannot be."""
        text, bad = decoder.decode(raw.data)
        if raw.too_long:
            return Reject(
                raw.no, "too_long",
                f"the line is longer than {LINE_BYTES_MAX} bytes", f"该行超过 {LINE_BYTES_MAX} 字节",
                shown(text),
            )  # fmt: skip
        if bad:
            return Reject(
                raw.no, "encoding",
                f"byte {bad} of the line is no character of the file's encoding",
                f"该行第 {bad} 字节不是本文件编码的字符", shown(text),
            )  # fmt: skip
        if raw.data.isascii() and len(text) >= self.least(ended=raw.ended):
            ascii_found = self._text.match(text.ljust(self.length))
            return self._misfit(raw, text) if ascii_found is None else ascii_found.groups()
        found = self.cut_bytes(raw.data, raw.ended)
        codec = decoder.encoding.value
        if found is None and decoder.encoding is Encoding.UTF_8 and not raw.data.isascii():
            codec = Encoding.GB18030.value
            found = self.cut_bytes(text.encode(codec, "replace"), raw.ended)
            if found is None and len(text) >= self.least(ended=raw.ended):
                by_signs = self._text.match(text.ljust(self.length))
                if by_signs is not None:
                    return by_signs.groups()
        if found is not None:
            return tuple(one.decode(codec, "replace") for one in found)
        return self._misfit(raw, text)

    def _misfit(self, raw: RawLine, text: str) -> Reject:
        size = len(raw.data.rstrip(b" "))
        if size < self.least(ended=raw.ended):
            return Reject(
                raw.no, "length",
                f"the line has {len(raw.data)} bytes, the layout {self.length}: it was cut off",
                f"该行 {len(raw.data)} 字节，格式应为 {self.length} 字节：内容被截断", shown(text),
            )  # fmt: skip
        return Reject(
            raw.no, "columns",
            f"the blanks between the fields are not where the layout of {self.length} bytes has them",
            f"字段间空格的位置与 {self.length} 字节的格式不符", shown(text),
        )  # fmt: skip
