"""The short notation a dialect file writes its field table in.

One line per field, `number kind size [flag]`, so the table reads like the printed specification. `n` digits, `z`
track, `x` ASCII text, `t` text that may be Chinese, `b` bytes; LL and LLL say that the length is sent. How digits,
lengths and bytes stand on the wire comes from the dialect, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from storno.iso8583.dialects._names import NAMES
from storno.iso8583.spec import Field, Form, Prefix, Sensitivity

SENSITIVE: dict[int, Sensitivity] = {
    2: Sensitivity.PAN,
    34: Sensitivity.PAN,
    35: Sensitivity.TRACK,
    36: Sensitivity.TRACK,
    45: Sensitivity.TRACK,
    52: Sensitivity.PIN,
    55: Sensitivity.ICC,
    96: Sensitivity.KEY,
    102: Sensitivity.PAN,
    103: Sensitivity.PAN,
    **dict.fromkeys((*range(46, 49), *range(56, 60), 62, 63, *range(104, 128)), Sensitivity.PRIVATE),
}


@dataclass(frozen=True, slots=True)
class Wire:
    """How one network writes digits, tracks, bytes and lengths."""

    digits: Form
    track: Form
    binary: Form
    ll: Prefix
    lll: Prefix


BCD = Wire(Form.BCD, Form.TRACK, Form.BINARY, Prefix.BCD2, Prefix.BCD4)
CHARACTERS = Wire(Form.DIGITS, Form.ASCII, Form.BINARY, Prefix.ASCII2, Prefix.ASCII3)
CHARACTERS_HEX = replace(CHARACTERS, binary=Form.HEX)


def table(text: str, wire: Wire, names: dict[int, tuple[str, str]] | None = None) -> tuple[Field, ...]:
    """Read a field table.

    A line is `2 n LL 19`, `22 n 3 left`, `52 b 8 also 16`, `105-127 t LLL 999`. ValueError names the bad line.
    """
    forms = {"n": wire.digits, "z": wire.track, "x": Form.ASCII, "t": Form.GBK, "b": wire.binary}
    prefixes = {"LL": wire.ll, "LLL": wire.lll}
    own = names or {}
    fields = []
    for line in text.strip().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            low, _, high = words[0].partition("-")
            prefix = prefixes.get(words[2], Prefix.FIXED)
            rest = words[2:] if prefix is Prefix.FIXED else words[3:]
            size = int(rest[0])
            also = int(rest[2]) if rest[1:2] == ["also"] else None
            for number in range(int(low), int(high or low) + 1):
                zh, en = own.get(number, NAMES[number])
                hidden = SENSITIVE.get(number, Sensitivity.NONE)
                left = rest[1:2] == ["left"]
                fields.append(Field(number, zh, en, forms[words[1]], size, prefix, left, also, hidden))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"field table, line {line!r}: {error}") from error
    return tuple(fields)
