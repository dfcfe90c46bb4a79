"""Card data made safe to show.

Rule: at most the first six and last four digits of a card number, nothing of tracks beyond that, nothing of PIN blocks
and keys. Free fields are searched for card numbers, the message's own first. Pure text functions.
"""

from __future__ import annotations

import re

from storno.iso8583.errors import SubfieldError
from storno.iso8583.message import Message
from storno.iso8583.spec import Dialect, Field, Form, Sensitivity
from storno.iso8583.tlv import Tlv, parse_tlv

_SHORTEST = 13
_SENSITIVE_TAGS = frozenset({"57", "5A", "56", "9F6B", "9F1F", "9F20", "5F20", "9F0B", "99"})
_DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}
_RUN = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")


def mask_pan(pan: str) -> str:
    """Show first six and last four; a number too short for that shows its last two at most."""
    if len(pan) < _SHORTEST:
        return "*" * len(pan) if len(pan) <= 8 else "*" * (len(pan) - 2) + pan[-2:]
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def mask_track(track: str) -> str:
    """Show the masked card number and the separator of a track 2; anything else is all stars."""
    for mark in ("D", "=", "d"):
        pan, found, rest = track.partition(mark)
        if found and pan.isascii() and pan.isdecimal() and _SHORTEST <= len(pan) <= 19:
            return mask_pan(pan) + found + "*" * len(rest)
    return "*" * len(track)


def _luhn(digits: str) -> bool:
    return (sum(map(int, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))) % 10 == 0


def own_pans(message: Message) -> tuple[str, ...]:
    """List the card numbers the message itself carries, to look for them elsewhere."""
    found = [message.fields.get(2, ""), message.fields.get(34, "")]
    track = message.fields.get(35, "")
    found += [track.replace("=", "D").partition("D")[0]]
    return tuple({pan for pan in found if len(pan) >= _SHORTEST})


def scrub(text: str, pans: tuple[str, ...] = ()) -> str:
    """Mask card numbers in free text: the known ones anywhere, others where a digit run passes the check digit."""
    for pan in pans:
        text = text.replace(pan, mask_pan(pan))
    return _RUN.sub(lambda run: mask_pan(run[0]) if _luhn(run[0]) else run[0], text)


def _scrub_hex(text: str, pans: tuple[str, ...]) -> str:
    """Mask card numbers in bytes shown as hex: as BCD digits, and as ASCII characters."""
    for pan in pans:
        text = text.replace(pan, mask_pan(pan))
        coded = pan.encode("ascii").hex().upper()
        text = text.replace(coded, "*" * len(coded))
    return re.sub(
        r"(?:3[0-9]){13,19}", lambda run: "*" * len(run[0]) if _luhn(run[0][1::2]) else run[0], text
    )


def _mask_tlv(item: Tlv) -> str:
    """Write one element as hex with card data starred out."""
    size = len(item.value) // 2
    length = f"{size:02X}" if size < 0x80 else f"81{size:02X}" if size <= 0xFF else f"82{size:04X}"
    if item.tag in _SENSITIVE_TAGS:
        return item.tag + length + "*" * len(item.value)
    inside = "".join(_mask_tlv(child) for child in item.children)
    return item.tag + length + (inside if len(inside) == len(item.value) else item.value)


def mask_icc(hex_text: str, pans: tuple[str, ...] = ()) -> str:
    """Show F55 with card number, track and cardholder tags starred; not TLV: searched for the card number."""
    try:
        items = parse_tlv(hex_text)
    except SubfieldError:
        return _scrub_hex(hex_text, pans)
    return _scrub_hex("".join(_mask_tlv(item) for item in items), pans)


def holds_keys(mti: str, number: int, text: str) -> bool:
    """Tell whether this field carries wrapped keys: F62 of a sign-in answer, F48 of a network key change (`NK…`).

    They are cryptograms under a master key and worth nothing without it, so they are shown: a sign-in that fails is
    mended by looking at them and their check values.
    """
    if number == 62:
        return mti[:2] == "08" and mti[2:3] in ("1", "3")
    return number == 48 and mti[:2] == "08" and text[:2] == "NK"


def mask_field(field: Field, text: str, mti: str, pans: tuple[str, ...] = ()) -> str:
    """Show one field's text safely."""
    kind = field.sensitivity
    if kind is Sensitivity.PAN:
        return mask_pan(text)
    if kind is Sensitivity.TRACK:
        return mask_track(text) if field.number == 35 else "*" * len(text)
    if kind in (Sensitivity.PIN, Sensitivity.KEY):
        return "*" * len(text)
    if holds_keys(mti, field.number, text):
        return text
    hexed = field.form in (Form.BINARY, Form.HEX)
    if kind is Sensitivity.ICC:
        return mask_icc(text, pans)
    if kind is Sensitivity.PRIVATE:
        return _scrub_hex(text, pans) if hexed else scrub(text, pans)
    for pan in pans:
        text = text.replace(pan, mask_pan(pan))
    return text


def masked_fields(msg: Message, dialect: Dialect) -> dict[int, str]:
    """Give all fields in order, safe to show or to store."""
    pans = own_pans(msg)
    shown = {}
    for number in sorted(msg.fields):
        field = dialect.field(number)
        text = msg.fields[number]
        shown[number] = "*" * len(text) if field is None else mask_field(field, text, msg.mti, pans)
    return shown
