"""The vocabulary a dialect is written in: fields, framing, dialect, all frozen data.

Rule: a dialect that cannot work is refused when it is built, with the field and the reason. No field is read or written
here; see `codec`. Imports only the profile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as _replace
from enum import Enum

from storno.iso8583.profile import Profile

FIELD_MAX = 128
FRAME_BYTES_MAX = 8192
PREFIX_BYTES = 2
FRAME_BYTES_LIMIT = 0xFFFF


class Form(Enum):
    """How a field's content stands on the wire."""

    BCD = "bcd"
    """Decimal digits, two in a byte. Lengths count digits."""
    TRACK = "track"
    """Nibbles 0-9 and D (any nibble once the track is encrypted). Lengths count nibbles."""
    DIGITS = "digits"
    """ASCII decimal digits."""
    ASCII = "ascii"
    """ASCII characters."""
    GBK = "gbk"
    """Text that may be Chinese. Lengths count bytes."""
    BINARY = "binary"
    """Bytes; the text is upper-case hex. Lengths count bytes."""
    HEX = "hex"
    """Bytes sent as hex characters; lengths count bytes."""


class Prefix(Enum):
    """How a variable field says its length."""

    FIXED = "fixed"
    BCD2 = "bcd2"
    """One byte, two BCD digits."""
    BCD4 = "bcd4"
    """Two bytes, four BCD digits (LLL, right aligned)."""
    ASCII2 = "ascii2"
    ASCII3 = "ascii3"


class Sensitivity(Enum):
    """What must never be shown whole."""

    NONE = "none"
    PAN = "pan"
    TRACK = "track"
    PIN = "pin"
    KEY = "key"
    ICC = "icc"
    """TLV in which some tags are card data."""
    PRIVATE = "private"
    """Free use: shown, but searched for card numbers first."""


class Head(Enum):
    """How MTI and bitmap are written."""

    BCD = "bcd"
    """MTI two BCD bytes, bitmap binary."""
    ASCII = "ascii"
    """MTI four ASCII digits, bitmap binary."""
    ASCII_HEX = "ascii_hex"
    """MTI four ASCII digits, bitmap as hex characters."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: number, name, form and bounds.

    `size` is the fixed length or the maximum, in the units of the form. `left` puts the digit of an odd fixed BCD field
    first (pad nibble at the end). `also` is a second fixed length some messages use.
    """

    number: int
    name_zh: str
    name_en: str
    form: Form
    size: int
    prefix: Prefix = Prefix.FIXED
    left: bool = False
    also: int | None = None
    sensitivity: Sensitivity = Sensitivity.NONE

    def __post_init__(self) -> None:
        if not 2 <= self.number <= FIELD_MAX:
            raise ValueError(f"field {self.number}: a dialect defines fields 2 to {FIELD_MAX}")
        longest = {
            Prefix.FIXED: 999,
            Prefix.BCD2: 99,
            Prefix.BCD4: 9999,
            Prefix.ASCII2: 99,
            Prefix.ASCII3: 999,
        }
        if not 1 <= self.size <= longest[self.prefix]:
            raise ValueError(
                f"field {self.number}: size {self.size} does not fit the prefix {self.prefix.value}"
            )
        if self.also is not None and (
            self.prefix is not Prefix.FIXED or self.form not in (Form.BINARY, Form.HEX)
        ):
            raise ValueError(f"field {self.number}: a second length is for fixed binary fields")

    def name(self, lang: str) -> str:
        """Give the field's name in `zh` or `en`."""
        return self.name_zh if lang == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands around the message on a TCP stream.

    Two-byte big-endian length prefix that counts what follows; then TPDU and header of these sizes. A header with a
    mark is optional: it is there when its first byte is the mark.
    """

    tpdu_bytes: int = 0
    header_bytes: int = 0
    header_mark: int | None = None
    frame_bytes_max: int = FRAME_BYTES_MAX

    def __post_init__(self) -> None:
        if not 1 <= self.frame_bytes_max <= FRAME_BYTES_LIMIT:
            raise ValueError(f"frame_bytes_max must be 1 to {FRAME_BYTES_LIMIT}")
        if self.tpdu_bytes < 0 or self.header_bytes < 0:
            raise ValueError("TPDU and header sizes cannot be negative")
        if self.header_mark is not None and (self.tpdu_bytes or not self.header_bytes):
            raise ValueError("an optional header needs a size and no TPDU before it")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dialect:
    """One network's wire: compared by identity, so it can key a cache cheaply.

    `match_key` are the fields that (with the message class) tie an answer to its request; `match_check` must agree as
    well, but a difference there is an event of its own, not a foreign message.
    """

    name: str
    title_zh: str
    title_en: str
    framing: Framing
    head: Head
    fields: tuple[Field, ...]
    match_key: tuple[int, ...]
    match_check: tuple[int, ...] = ()
    mac_field: int | None = 64
    profile: Profile = field(default_factory=Profile)
    table: tuple[Field | None, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table: list[Field | None] = [None] * (FIELD_MAX + 1)
        for one in self.fields:
            if table[one.number] is not None:
                raise ValueError(f"dialect {self.name}: field {one.number} is defined twice")
            table[one.number] = one
        object.__setattr__(self, "table", tuple(table))
        for number in (*self.match_key, *self.match_check):
            if not 2 <= number <= FIELD_MAX or table[number] is None:
                raise ValueError(f"dialect {self.name}: match field {number} is not defined")
        if self.mac_field is not None:
            mac = table[self.mac_field] if self.mac_field in (64, 128) else None
            if mac is None or mac.size != 8 or mac.form not in (Form.BINARY, Form.HEX):
                raise ValueError(f"dialect {self.name}: the MAC field is 64 or 128, 8 bytes")

    def __repr__(self) -> str:
        return f"<Dialect {self.name}>"

    def field(self, number: int) -> Field | None:
        """Give the definition of a field, or None when the dialect has none."""
        return self.table[number] if 2 <= number <= FIELD_MAX else None

    def title(self, lang: str) -> str:
        """Give the dialect's name for people."""
        return self.title_zh if lang == "zh" else self.title_en

    def framed(self, tpdu_bytes: int, header_bytes: int) -> Dialect:
        """Make the same dialect with another head, for dumps taken without (part of) it."""
        bare = Framing(tpdu_bytes, header_bytes, None, self.framing.frame_bytes_max)
        return _replace(self, framing=bare)
