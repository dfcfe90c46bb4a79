"""One field between bytes and text: the plain, table-driven truth the compiled code must agree with.

Rule: every refusal is a DecodeError with the byte, or an EncodeError, and holds no content. Structure (where the field
ends) and content (what it holds) are separate, so a person can be shown the rest of a damaged message.
"""

from __future__ import annotations

from storno.iso8583.errors import Code, DecodeError, EncodeError, Problem
from storno.iso8583.spec import Field, Form, Prefix

HEX_UPPER = frozenset("0123456789ABCDEF")
PREFIX_WIDTH = {Prefix.FIXED: 0, Prefix.BCD2: 1, Prefix.BCD4: 2, Prefix.ASCII2: 2, Prefix.ASCII3: 3}
_PREFIX_DIGITS = {Prefix.BCD2: 2, Prefix.BCD4: 4, Prefix.ASCII2: 2, Prefix.ASCII3: 3}
_NIBBLES = (Form.BCD, Form.TRACK)


def content_bytes(form: Form, units: int) -> int:
    """Give the wire bytes of `units` digits, characters or bytes."""
    if form in _NIBBLES:
        return (units + 1) // 2
    return units * 2 if form is Form.HEX else units


def _units(field: Field, frame: bytes, at: int, *, wide: bool) -> int:
    """Read how long the content is, in the units of the form."""
    if field.prefix is Prefix.FIXED:
        return field.also if wide and field.also is not None else field.size
    width = PREFIX_WIDTH[field.prefix]
    wire = frame[at : at + width]
    if len(wire) < width:
        raise DecodeError(Problem(Code.TRUNCATED, field.number, at, width, len(wire)))
    text = wire.hex() if field.prefix in (Prefix.BCD2, Prefix.BCD4) else wire.decode("latin-1")
    if not text.isdecimal():
        raise DecodeError(Problem(Code.LENGTH_DIGITS, field.number, at))
    units = int(text)
    if units > field.size:
        raise DecodeError(Problem(Code.LENGTH_MAX, field.number, at, field.size, units))
    return units


def span(field: Field, frame: bytes, at: int, *, wide: bool) -> tuple[int, int, int]:
    """Find content start, end and units of the field starting at `at`; DecodeError when it does not fit."""
    units = _units(field, frame, at, wide=wide)
    start = at + PREFIX_WIDTH[field.prefix]
    end = start + content_bytes(field.form, units)
    if end > len(frame):
        raise DecodeError(Problem(Code.TRUNCATED, field.number, at, end - start, max(0, len(frame) - start)))
    return start, end, units


def loose_text(field: Field, content: bytes, units: int) -> str:
    """Give the text of the content whatever it holds; digits that are none stay as hex."""
    if field.form in _NIBBLES:
        nibbles = content.hex().upper()
        lead = field.prefix is Prefix.FIXED and not field.left
        return nibbles[len(nibbles) - units :] if lead else nibbles[:units]
    if field.form is Form.BINARY:
        return content.hex().upper()
    if field.form is Form.GBK:
        return content.decode("gbk", "replace")
    text = content.decode("latin-1")
    return text.upper() if field.form is Form.HEX else text


def _first_bad(field: Field, content: bytes, units: int) -> tuple[Code, int] | None:
    """Find the first byte the form forbids, as (rule, offset in the content)."""
    form = field.form
    if form is Form.BCD:
        digits = loose_text(field, content, units)
        bad = next((i for i, c in enumerate(digits) if c not in "0123456789"), None)
        if bad is None:
            return None
        lead = units & 1 if field.prefix is Prefix.FIXED and not field.left else 0
        return Code.DIGITS, (bad + lead) // 2
    if form in (Form.TRACK, Form.BINARY, Form.GBK):
        return None
    allowed, code = {
        Form.DIGITS: (b"0123456789", Code.DIGITS),
        Form.HEX: (b"0123456789ABCDEFabcdef", Code.HEX),
        Form.ASCII: (bytes(range(128)), Code.CHARSET),
    }[form]
    bad = next((i for i, c in enumerate(content) if c not in allowed), None)
    return None if bad is None else (code, bad)


def check(field: Field, content: bytes, units: int, start: int) -> None:
    """Refuse content the form forbids, naming the byte."""
    bad = _first_bad(field, content, units)
    if bad is not None:
        raise DecodeError(Problem(bad[0], field.number, start + bad[1]))


def _nibbles(field: Field, text: str) -> bytes:
    allowed = "0123456789" if field.form is Form.BCD else "0123456789ABCDEFabcdef"
    if any(c not in allowed for c in text):
        raise EncodeError(field.number, Code.DIGITS)
    pad = "0" if len(text) & 1 else ""
    lead = field.prefix is Prefix.FIXED and not field.left
    return bytes.fromhex(pad + text if lead else text + pad)


def _content(field: Field, text: str) -> tuple[bytes, int]:
    """Write the content alone: (bytes, units)."""
    form = field.form
    if form in _NIBBLES:
        return _nibbles(field, text), len(text)
    if form in (Form.BINARY, Form.HEX):
        upper = text.upper()
        if len(upper) & 1 or not HEX_UPPER.issuperset(upper) or not text.isascii():
            raise EncodeError(field.number, Code.HEX)
        return (bytes.fromhex(upper) if form is Form.BINARY else upper.encode("ascii")), len(upper) // 2
    if form is Form.DIGITS and any(c not in "0123456789" for c in text):
        raise EncodeError(field.number, Code.DIGITS)
    try:
        wire = text.encode("gbk" if form is Form.GBK else "ascii")
    except UnicodeEncodeError:
        raise EncodeError(field.number, Code.CHARSET) from None
    return wire, len(wire)


def write(field: Field, text: object) -> bytes:
    """Write one field with its length prefix. EncodeError names the field and the rule."""
    if not isinstance(text, str):
        raise EncodeError(field.number, Code.TYPE)
    wire, units = _content(field, text)
    if field.prefix is Prefix.FIXED:
        if units not in (field.size, field.also):
            raise EncodeError(field.number, Code.LENGTH_FIXED, field.size, units)
        return wire
    if units > field.size:
        raise EncodeError(field.number, Code.LENGTH_MAX, field.size, units)
    digits = str(units).zfill(_PREFIX_DIGITS[field.prefix])
    if field.prefix in (Prefix.BCD2, Prefix.BCD4):
        return bytes.fromhex(digits) + wire
    return digits.encode("ascii") + wire
