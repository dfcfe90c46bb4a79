"""A whole message, field by field: the table-driven path.

Used for the first message of each kind, for anything irregular, for damaged messages shown to people, and as the
oracle the compiled path is tested against. Strict reading raises at the first problem; lenient reading goes on while
it still knows where the next field starts.
"""

from __future__ import annotations

from dataclasses import dataclass

from storno.iso8583 import _element
from storno.iso8583.errors import Code, DecodeError, EncodeError, Problem
from storno.iso8583.message import Message
from storno.iso8583.mti import well_formed
from storno.iso8583.spec import Dialect, Head

_HALF = 64
_HALF_BYTES = 8
_CONTENT = frozenset({Code.DIGITS, Code.CHARSET, Code.HEX})


@dataclass(slots=True)
class Walked:
    """What a reading gave: the message, its problems, the bitmap bytes, and where reading stopped."""

    message: Message
    problems: list[Problem]
    bitmap: bytes
    stop: int


def bitmap_of(numbers: list[int]) -> bytes:
    """Make the 8 or 16 bitmap bytes for these fields."""
    double = bool(numbers) and max(numbers) > _HALF
    bits = 1 << 127 if double else 0
    for number in numbers:
        bits |= 1 << (128 - number)
    return bits.to_bytes(16, "big")[: 16 if double else _HALF_BYTES]


def numbers_of(bitmap: bytes) -> list[int]:
    """List the fields 2..128 a bitmap names."""
    bits = int.from_bytes(bitmap, "big")
    size = len(bitmap) * 8
    return [n for n in range(2, size + 1) if bits >> (size - n) & 1]


def head_at(dialect: Dialect, frame: bytes) -> int:
    """Give the offset of the MTI."""
    framing = dialect.framing
    if framing.header_mark is not None:
        return framing.header_bytes if frame[:1] == bytes((framing.header_mark,)) else 0
    return framing.tpdu_bytes + framing.header_bytes


class _Walk:
    """One reading in progress."""

    def __init__(self, dialect: Dialect, frame: bytes, *, wide: bool, strict: bool) -> None:
        self.dialect = dialect
        self.frame = frame
        self.wide = wide
        self.strict = strict
        self.message = Message("")
        self.problems: list[Problem] = []
        self.bitmap = b""
        self.at = 0

    def problem(self, problem: Problem) -> None:
        if self.strict:
            raise DecodeError(problem)
        self.problems.append(problem)

    def take(self, size: int, code: Code, field: int | None) -> bytes:
        """Read `size` bytes of the head; raises in both modes, since nothing after it can be found."""
        wire = self.frame[self.at : self.at + size]
        if len(wire) < size:
            raise DecodeError(Problem(code, field, self.at, size, len(wire)))
        self.at += size
        return wire

    def head(self) -> None:
        framing = self.dialect.framing
        if framing.tpdu_bytes:
            self.message.tpdu = self.take(framing.tpdu_bytes, Code.TPDU, None).hex().upper()
        if framing.header_bytes and (framing.header_mark is None or head_at(self.dialect, self.frame)):
            self.message.header = self.take(framing.header_bytes, Code.HEADER, None).hex().upper()
        at = self.at
        bcd = self.dialect.head is Head.BCD
        wire = self.take(2 if bcd else 4, Code.TRUNCATED, 0)
        mti = wire.hex().upper() if bcd else wire.decode("latin-1")
        if not well_formed(mti):
            self.problem(Problem(Code.MTI, 0, at))
        self.message.mti = mti

    def read_bitmap(self) -> list[int]:
        start = self.at
        primary = self.half()
        self.bitmap = primary
        if primary[0] & 0x80:
            self.bitmap += self.half()
        numbers = numbers_of(self.bitmap)
        wire = self.frame[start : self.at]
        ours = bitmap_of(numbers)
        if wire != (ours.hex().upper().encode() if self.dialect.head is Head.ASCII_HEX else ours):
            self.message.raw[1] = wire
        return numbers

    def half(self) -> bytes:
        if self.dialect.head is not Head.ASCII_HEX:
            return self.take(_HALF_BYTES, Code.TRUNCATED, 1)
        at = self.at
        wire = self.take(_HALF_BYTES * 2, Code.TRUNCATED, 1)
        bad = next((i for i, c in enumerate(wire) if c not in b"0123456789ABCDEFabcdef"), None)
        if bad is not None:
            raise DecodeError(Problem(Code.BITMAP, 1, at + bad))
        return bytes.fromhex(wire.decode("ascii"))

    def fields(self, numbers: list[int]) -> None:
        for number in numbers:
            field = self.dialect.table[number]
            if field is None:
                raise DecodeError(Problem(Code.NO_FIELD, number, self.at))
            start, end, units = _element.span(field, self.frame, self.at, wide=self.wide)
            content = self.frame[start:end]
            sound = True
            try:
                _element.check(field, content, units, start)
            except DecodeError as error:
                sound = False
                self.problem(error.problem)
            text = _element.loose_text(field, content, units)
            self.message.fields[number] = text
            wire = self.frame[self.at : end]
            try:
                exact = sound and _element.write(field, text) == wire
            except EncodeError:
                exact = False
            if not exact:
                self.message.raw[number] = wire
            self.at = end

    def run(self) -> Walked:
        try:
            self.head()
            self.fields(self.read_bitmap())
        except DecodeError as error:
            self.problem(error.problem)
        else:
            if self.at != len(self.frame):
                self.problem(Problem(Code.TRAILING, None, self.at, 0, len(self.frame) - self.at))
        return Walked(self.message, self.problems, self.bitmap, self.at)


def read(dialect: Dialect, frame: bytes, *, wide: bool) -> Message:
    """Read a whole message strictly. `wide` takes the second length of the fields that have two."""
    return _Walk(dialect, frame, wide=wide, strict=True).run().message


def read_lenient(dialect: Dialect, frame: bytes, *, wide: bool) -> Walked:
    """Read what can be read."""
    return _Walk(dialect, frame, wide=wide, strict=False).run()


def structural(problem: Problem) -> bool:
    """Tell whether reading could not go on after this problem."""
    return problem.code not in _CONTENT and problem.code is not Code.MTI


def head_bytes(dialect: Dialect, message: Message) -> bytes:
    """Write TPDU and header, checking their sizes."""
    framing = dialect.framing
    parts = []
    for text, size, code in (
        (message.tpdu, framing.tpdu_bytes, Code.TPDU),
        (message.header, framing.header_bytes, Code.HEADER),
    ):
        if code is Code.HEADER and framing.header_mark is not None and not text:
            continue
        if not text.isascii() or not _element.HEX_UPPER.issuperset(text.upper()):
            raise EncodeError(None, code)
        if len(text) != size * 2:
            raise EncodeError(None, code, size * 2, len(text))
        parts.append(bytes.fromhex(text))
    head = b"".join(parts)
    if framing.header_mark is not None and head and head[0] != framing.header_mark:
        raise EncodeError(None, Code.HEADER)
    return head


def _original(dialect: Dialect, number: int, text: str, wire: bytes) -> bool:
    """Tell whether the kept wire bytes still say what the text says."""
    field = dialect.table[number]
    if field is None:
        return False
    for wide in (False, True):
        try:
            start, end, units = _element.span(field, wire, 0, wide=wide)
            _element.check(field, wire[start:end], units, start)
        except DecodeError:
            continue
        if end == len(wire) and _element.loose_text(field, wire[start:end], units) == text:
            return True
    return False


def _bitmap(dialect: Dialect, message: Message, numbers: list[int]) -> bytes:
    ours = bitmap_of(numbers)
    wire = ours.hex().upper().encode() if dialect.head is Head.ASCII_HEX else ours
    kept = message.raw.get(1)
    if kept is None:
        return wire
    try:
        bits = bytes.fromhex(kept.decode("ascii")) if dialect.head is Head.ASCII_HEX else kept
    except ValueError:
        return wire
    whole = len(bits) in (_HALF_BYTES, 16) and bool(bits[0] & 0x80) == (len(bits) > _HALF_BYTES)
    return kept if whole and numbers_of(bits) == numbers else wire


def write(dialect: Dialect, message: Message) -> bytes:
    """Write a whole message. EncodeError names the field and the rule."""
    if not well_formed(message.mti):
        raise EncodeError(0, Code.MTI)
    numbers = sorted(message.fields)
    bad = next((n for n in numbers if dialect.field(n) is None), None)
    if bad is not None:
        raise EncodeError(bad, Code.NO_FIELD)
    mti = message.mti.encode("ascii")
    parts = [head_bytes(dialect, message), bytes.fromhex(message.mti) if dialect.head is Head.BCD else mti]
    parts.append(_bitmap(dialect, message, numbers))
    for number in numbers:
        text = message.fields[number]
        kept = message.raw.get(number)
        field = dialect.table[number]
        assert field is not None
        if kept is not None and _original(dialect, number, text, kept):
            parts.append(kept)
        else:
            parts.append(_element.write(field, text))
    return b"".join(parts)
