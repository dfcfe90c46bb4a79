"""Files of Unix `compress` (`.Z`), in which UnionPay's institution files are often sent, unpacked as a stream.

Codes of nine bits and more, low bits first, in groups of eight: where the width changes, the rest of a group is let go.
Bytes that no compressor writes are a ValueError. Pure but for the file it reads.
"""

from __future__ import annotations

import io
from array import array
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC = b"\x1f\x9d"
_CLEAR = 256
_NARROWEST, _WIDEST = 9, 16


class Lzw(io.RawIOBase):
    """A compressed file as its bytes."""

    def __init__(self, source: BinaryIO) -> None:
        head = source.read(3)
        self._bits = head[2] & 0x1F if len(head) == 3 else 0
        if head[:2] != MAGIC or not _NARROWEST <= self._bits <= _WIDEST:
            raise ValueError("no file of compress")
        self._bits = max(self._bits, _NARROWEST + 1)  # compressors that were told nine write ten
        self._source = source
        self._clears = bool(head[2] & 0x80)
        self._prefix = array("H", bytes(2 << self._bits))
        self._suffix = bytearray(1 << self._bits)
        self._width, self._old, self._first = _NARROWEST, -1, 0
        self._free = self._lowest = _CLEAR + self._clears
        self._left = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Unpack the next bytes."""
        view = memoryview(buffer).cast("B")
        out = bytearray(self._left)
        while len(out) < len(view):
            group = self._source.read(self._width)
            if not group:
                break
            self._unpack(group, out)
        count = min(len(view), len(out))
        view[:count] = out[:count]
        self._left = bytes(out[count:])
        return count

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self._source.close()
        super().close()

    def _unpack(self, group: bytes, out: bytearray) -> None:
        """Unpack up to eight codes."""
        value, width, mask = int.from_bytes(group, "little"), self._width, (1 << self._width) - 1
        for at in range(8 * len(group) // width):
            code = value >> at * width & mask
            if code == _CLEAR and self._clears:
                self._width, self._free, self._old = _NARROWEST, self._lowest, -1
                return
            self._put(code, out)
            if self._width != width:
                return

    def _put(self, code: int, out: bytearray) -> None:
        old, free, told = self._old, self._free, code
        if code >= (free + 1 if old >= 0 else _CLEAR):
            raise ValueError("a code that was not told yet")
        text = bytearray()
        if code == free and old >= 0:  # the text before, with its own first byte behind it
            text.append(self._first)
            code = old
        while code >= _CLEAR:
            text.append(self._suffix[code])
            code = self._prefix[code]
        text.append(code)
        text.reverse()
        out += text
        self._first = code
        if old >= 0 and free < 1 << self._bits:
            self._prefix[free], self._suffix[free] = old, code
            self._free = free + 1
            if self._free == 1 << self._width and self._width < self._bits:
                self._width += 1
        self._old = told
