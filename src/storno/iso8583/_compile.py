"""Python source made once for one dialect and one set of fields, then run for every message of that kind.

Rule: a compiled function gives exactly what the table-driven path gives, or None, which means "take the table-driven
path" (that one has the error). The source is built from the dialect's own data only; no byte of a message ever enters
it. Runs of fixed fields are cut in one step and checked in one step: that is where the speed comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import Any, cast

from storno.iso8583 import _element, _walk
from storno.iso8583.message import Message
from storno.iso8583.spec import Dialect, Field, Form, Head, Prefix

Decoder = Callable[[bytes, int], Message | None]
Encoder = Callable[[Message], bytes | None]

_NIBBLES = (Form.BCD, Form.TRACK)
_GBK = "gbk"


@lru_cache(maxsize=256)
def _lengths(prefix: Prefix, most: int) -> dict[Any, int]:
    """Map a length prefix as it is read to the length; what is not in the map is wrong or too long."""
    if prefix is Prefix.BCD2:
        return {n // 10 * 16 + n % 10: n for n in range(most + 1)}
    width = {Prefix.BCD4: 4, Prefix.ASCII2: 2, Prefix.ASCII3: 3}[prefix]
    return {str(n).zfill(width): n for n in range(most + 1)}


def _kept_gbk(number: int, frame: bytes, at: int, start: int, end: int, raw: dict[int, bytes]) -> str:
    """Decode text that is not ASCII, keeping its bytes when they would not come back."""
    content = frame[start:end]
    text = content.decode(_GBK, "replace")
    try:
        same = text.encode(_GBK) == content
    except UnicodeEncodeError:
        same = False
    if not same:
        raw[number] = frame[at:end]
    return text


def _gbk_bytes(text: str) -> str:
    """Give GBK bytes as text of the same length, so they join with ASCII."""
    return text.encode(_GBK).decode("latin-1")


class _Source:
    """Lines of a function being written and the names it uses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "LookupError": LookupError,
            "ValueError": ValueError,
            "Message": Message,
        }

    def add(self, line: str) -> None:
        self.lines.append(line)

    def name(self, stem: str, value: Any) -> str:
        known = f"{stem}{len(self.names)}"
        self.names[known] = value
        return known

    def build(self, signature: str) -> Any:
        body = "\n".join(f"        {line}" for line in self.lines)
        caught = "except (LookupError, ValueError, TypeError):\n        return None"
        text = f"def made({signature}):\n    try:\n{body}\n    {caught}\n"
        self.names["TypeError"] = TypeError
        space: dict[str, Any] = {"__builtins__": {"len": len, "map": map}, **self.names}
        exec(compile(text, "<storno codec>", "exec"), space)  # noqa: S102 - built from the dialect's data alone
        return space["made"]


class _Decode:
    """Write one decoder: positions are `base + constant`, the base moves at each variable field."""

    def __init__(self, dialect: Dialect, numbers: tuple[int, ...], *, wide: bool) -> None:
        self.dialect = dialect
        self.fields = [cast("Field", dialect.table[n]) for n in numbers]
        self.wide = wide
        self.out = _Source()
        self.values: dict[int, str] = {}
        self.digits: list[str] = []
        self.decimals: list[str] = []
        self.ascii: list[str] = []
        self.base = 0
        self.at = 0

    def byte(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return f"p{self.base}+{at}" if at else f"p{self.base}"

    def nibble(self, ahead: int = 0) -> str:
        at = (self.at + ahead) * 2
        return f"q{self.base}+{at}" if at else f"q{self.base}"

    def move(self, end: str) -> None:
        self.base += 1
        self.at = 0
        self.out.add(f"p{self.base} = {end}")
        self.out.add(f"q{self.base} = p{self.base} * 2")

    def head(self) -> tuple[str, str, str]:
        framing = self.dialect.framing
        size = framing.tpdu_bytes + framing.header_bytes
        out = self.out
        out.add("raw = {}")
        out.add("h = frame.hex()")
        out.add("s = frame.decode('latin-1')")
        tpdu = header = "''"
        if framing.header_mark is not None:
            header = f"h[:at*2].upper() if at else {header}"
        elif size:
            tpdu = f"h[:{framing.tpdu_bytes * 2}].upper()" if framing.tpdu_bytes else tpdu
            header = f"h[{framing.tpdu_bytes * 2}:{size * 2}].upper()" if framing.header_bytes else header
        out.add("p0 = at")
        out.add("q0 = at * 2")
        bcd = self.dialect.head is Head.BCD
        out.add(
            f"mti = {f'h[{self.nibble()}:{self.nibble(2)}]' if bcd else f's[{self.byte()}:{self.byte(4)}]'}"
        )
        (self.digits if bcd else self.decimals).append("mti")
        bitmap = 16 if any(f.number > 64 for f in self.fields) else 8
        self.at += (2 if bcd else 4) + bitmap * (2 if self.dialect.head is Head.ASCII_HEX else 1)
        return tpdu, header, "mti"

    def group(self, field: Field) -> str | None:
        """Name the run a fixed field can be read in, None when it is read alone."""
        if field.prefix is not Prefix.FIXED or field.form in (Form.GBK, Form.HEX):
            return None
        bcd = self.dialect.head is Head.BCD
        if field.form is Form.BINARY:
            return "binary" if bcd else None
        return {Form.BCD: "bcd", Form.TRACK: "binary", Form.DIGITS: "digits", Form.ASCII: "ascii"}[field.form]

    def run(self, kind: str, fields: list[Field]) -> None:
        """Cut a run of fixed fields of one kind out of the hex or the text in one step."""
        hexed = kind in ("bcd", "binary")
        cuts: list[slice] = []
        names: list[str] = []
        pads: list[tuple[str, Field, int, int]] = []
        place = total = 0
        for field in fields:
            size = field.also if self.wide and field.also is not None else field.size
            wire = _element.content_bytes(field.form, size)
            units = size * 2 if field.form is Form.BINARY else size
            odd = 1 if hexed and units & 1 else 0
            first = place + (0 if field.left else odd)
            cuts.append(slice(first, first + units))
            names.append(f"f{field.number}")
            if odd:
                spare = place + units if field.left else place
                cuts.append(slice(spare, spare + 1))
                names.append(f"x{field.number}")
                pads.append((f"x{field.number}", field, total, total + wire))
            place += units + odd
            total += wire
        source = (
            f"h[{self.nibble()}:{self.nibble(total)}]" if hexed else f"s[{self.byte()}:{self.byte(total)}]"
        )
        upper = ".upper()" if kind == "binary" else ""
        whole = names[0] if len(names) == 1 else f"r{fields[0].number}"
        self.out.add(f"{whole} = {source}{upper}")
        if len(names) > 1:
            self.out.add(f"{', '.join(names)} = {self.out.name('cut', itemgetter(*cuts))}({whole})")
        checks = {"bcd": self.digits, "digits": self.decimals, "ascii": self.ascii}.get(kind)
        if checks is not None:
            checks.append(whole)  # with its padding: a padding nibble that is no digit takes the tables' path
        for pad, field, first, end in pads:
            self.out.add(f"if {pad} != '0': raw[{field.number}] = frame[{self.byte(first)}:{self.byte(end)}]")
        for field in fields:
            self.values[field.number] = f"f{field.number}"
        self.at += total

    def single(self, field: Field) -> None:
        """Read one fixed field that stands alone: bytes in a text dialect, hex characters, GBK text."""
        n = field.number
        size = field.also if self.wide and field.also is not None else field.size
        wire = _element.content_bytes(field.form, size)
        start, end = self.byte(), self.byte(wire)
        self.content(field, f"s[{start}:{end}]", f"frame[{start}:{end}].hex().upper()", start, start, end)
        self.values[n] = f"f{n}"
        self.at += wire

    def content(self, field: Field, text: str, binary: str, at: str, start: str, end: str) -> None:
        """Write the lines that take a text or byte content and check it."""
        n, out = field.number, self.out
        if field.form is Form.BINARY:
            out.add(f"f{n} = {binary}")
            return
        out.add(f"f{n} = {text}")
        if field.form is Form.HEX:
            upper = out.name("upper", _element.HEX_UPPER.issuperset)
            out.add(f"if not {upper}(f{n}): return None")
        elif field.form is Form.GBK:
            kept = out.name("kept", _kept_gbk)
            out.add(f"if not f{n}.isascii(): f{n} = {kept}({n}, frame, {at}, {start}, {end}, raw)")
        else:
            (self.decimals if field.form is Form.DIGITS else self.ascii).append(f"f{n}")

    def variable(self, field: Field) -> None:
        """Read one field that sends its length."""
        n, out = field.number, self.out
        known = out.name("size", _lengths(field.prefix, field.size))
        width = _element.PREFIX_WIDTH[field.prefix]
        at, start = self.byte(), self.byte(width)
        if field.prefix is Prefix.BCD2:
            out.add(f"n = {known}[frame[{at}]]")
        elif field.prefix is Prefix.BCD4:
            out.add(f"n = {known}[h[{self.nibble()}:{self.nibble(width)}]]")
        else:
            out.add(f"n = {known}[s[{at}:{start}]]")
        if field.form in _NIBBLES:
            out.add(f"a = {self.nibble(width)}")
            upper = ".upper()" if field.form is Form.TRACK else ""
            out.add(f"f{n} = h[a:a+n]{upper}")
            self.move(f"{start} + (n + 1 >> 1)")
            out.add(f"if n & 1 and h[a+n] != '0': raw[{n}] = frame[(a >> 1) - {width}:p{self.base}]")
            if field.form is Form.BCD:
                self.digits.append(f"f{n}")
        else:
            out.add(f"a = {start}")
            self.move(f"a + n{' * 2' if field.form is Form.HEX else ''}")
            end = f"p{self.base}"
            hexed = f"h[a+a:q{self.base}].upper()"
            self.content(field, f"s[a:{end}]", hexed, f"a-{width}", "a", end)
        self.values[n] = f"f{n}"

    def body(self) -> None:
        index = 0
        while index < len(self.fields):
            kind = self.group(self.fields[index])
            if kind is None:
                one = self.fields[index]
                (self.single if one.prefix is Prefix.FIXED else self.variable)(one)
                index += 1
                continue
            run = []
            while index < len(self.fields) and self.group(self.fields[index]) == kind:
                run.append(self.fields[index])
                index += 1
            self.run(kind, run)

    def build(self) -> Decoder:
        tpdu, header, mti = self.head()
        self.body()
        out = self.out
        out.add(f"if {self.byte()} != len(frame): return None")
        for parts, method in (
            (self.digits, "isdecimal"),
            (self.decimals, "isdecimal"),
            (self.ascii, "isascii"),
        ):
            if parts:
                joined = (
                    parts[0] if len(parts) == 1 else "f'" + "".join(f"{{{part}}}" for part in parts) + "'"
                )
                out.add(f"if not {joined}.{method}(): return None")
        values = ", ".join(f"{n}: {self.values[n]}" for n in sorted(self.values))
        out.add(f"return Message({mti}, {{{values}}}, {tpdu}, {header}, raw)")
        return cast("Decoder", out.build("frame, at"))


class _Encode:
    """Write one encoder: neighbouring fields of one domain become one string, converted once."""

    def __init__(self, dialect: Dialect, numbers: tuple[int, ...]) -> None:
        self.dialect = dialect
        self.numbers = numbers
        self.fields = [cast("Field", dialect.table[n]) for n in numbers]
        self.out = _Source()
        self.pieces: list[tuple[str, list[str]]] = []
        self.decimals: list[str] = ["mti"]
        self.ascii: list[str] = []

    def piece(self, domain: str, text: str) -> None:
        if not self.pieces or self.pieces[-1][0] != domain:
            self.pieces.append((domain, []))
        self.pieces[-1][1].append(text)

    def head(self) -> None:
        framing, out = self.dialect.framing, self.out
        out.add("fields = m.fields")
        out.add("mti = m.mti")
        out.add("if len(mti) != 4: return None")
        bits = _walk.bitmap_of(list(self.numbers)).hex().upper()
        if framing.header_mark is not None or self.dialect.head is not Head.BCD:
            out.add("if m.tpdu or m.header: return None")
        else:
            sizes = (framing.tpdu_bytes * 2, framing.header_bytes * 2)
            out.add("tpdu = m.tpdu")
            out.add("header = m.header")
            out.add(f"if len(tpdu) != {sizes[0]} or len(header) != {sizes[1]}: return None")
            self.piece("hex", "{tpdu}{header}")
        if self.dialect.head is Head.BCD:
            self.piece("hex", "{mti}" + bits)
            return
        self.piece("text", "{mti}")
        self.piece(*(("text", bits) if self.dialect.head is Head.ASCII_HEX else ("hex", bits)))

    def pick(self, fields: list[Field]) -> str:
        numbers = [f.number for f in fields]
        if len(numbers) == 1:
            return f"(fields[{numbers[0]}],)"
        return f"{self.out.name('pick', itemgetter(*numbers))}(fields)"

    def load(self) -> None:
        """Take all values, and check all fixed lengths in one comparison."""
        fixed = [
            f for f in self.fields if f.prefix is Prefix.FIXED and f.form is not Form.GBK and f.also is None
        ]
        other = [f for f in self.fields if f not in fixed]
        out = self.out
        if fixed:
            double = (Form.BINARY, Form.HEX)
            sizes = [f.size * 2 if f.form in double else f.size for f in fixed]
            out.add(f"v = {self.pick(fixed)}")
            out.add(f"if [*map(len, v)] != {out.name('sizes', sizes)}: return None")
            out.add(f"{', '.join(f'f{f.number}' for f in fixed)}, = v")
        if other:
            out.add(f"{', '.join(f'f{f.number}' for f in other)}, = {self.pick(other)}")
        for field in other:
            n = field.number
            if field.form is Form.GBK:
                out.add(f"if not f{n}.isascii(): f{n} = {out.name('gbk', _gbk_bytes)}(f{n})")
            out.add(f"n{n} = len(f{n})")
            if field.also is not None:
                out.add(f"if n{n} != {field.size * 2} and n{n} != {field.also * 2}: return None")
            elif field.prefix is Prefix.FIXED:
                out.add(f"if n{n} != {field.size}: return None")

    def prefix(self, field: Field) -> None:
        if field.prefix is Prefix.FIXED:
            return
        width = {Prefix.BCD2: 2, Prefix.BCD4: 4, Prefix.ASCII2: 2, Prefix.ASCII3: 3}[field.prefix]
        digits = tuple(str(n).zfill(width) for n in range(field.size + 1))
        length = f"n{field.number}"
        if field.form in (Form.BINARY, Form.HEX):
            self.out.add(f"if {length} & 1: return None")
            length = f"{length} >> 1"
        text_prefix = field.prefix in (Prefix.ASCII2, Prefix.ASCII3)
        joins_text = not text_prefix and field.form in (Form.ASCII, Form.GBK) and self.pieces[-1][0] == "text"
        if joins_text:  # BCD length before text: written as characters so the text run is not broken
            digits = tuple(bytes.fromhex(d).decode("latin-1") for d in digits)
        known = self.out.name("prefix", digits)
        self.piece("text" if text_prefix or joins_text else "hex", f"{{{known}[{length}]}}")

    def field(self, field: Field) -> None:
        n, form = field.number, field.form
        self.prefix(field)
        if form in _NIBBLES:
            if form is Form.BCD:
                self.decimals.append(f"f{n}")
            if field.prefix is not Prefix.FIXED:
                pads = self.out.name("pad", ("", "0"))
                self.piece("hex", f"{{f{n}}}{{{pads}[n{n} & 1]}}")
            elif field.size & 1:
                self.piece("hex", f"{{f{n}}}0" if field.left else f"0{{f{n}}}")
            else:
                self.piece("hex", f"{{f{n}}}")
            return
        if form is Form.HEX:
            self.out.add(f"if not {self.out.name('upper', _element.HEX_UPPER.issuperset)}(f{n}): return None")
        elif form is Form.DIGITS:
            self.decimals.append(f"f{n}")
        elif form is Form.ASCII:
            self.ascii.append(f"f{n}")
        self.piece("hex" if form is Form.BINARY else "text", f"{{f{n}}}")

    def build(self) -> Encoder:
        self.head()
        self.load()
        for field in self.fields:
            self.field(field)
        out = self.out
        out.add("if not f'" + "".join(f"{{{d}}}" for d in self.decimals) + "'.isdecimal(): return None")
        if self.ascii:
            out.add("if not f'" + "".join(f"{{{a}}}" for a in self.ascii) + "'.isascii(): return None")
        names = []
        for index, (domain, parts) in enumerate(self.pieces):
            text = "f'" + "".join(parts) + "'"
            name = f"w{index}"
            names.append(name)
            if domain == "text":
                out.add(f"{name} = {text}.encode('latin-1')")
            else:
                out.add(f"x = {text}")
                out.add(f"{name} = {out.name('unhex', bytes.fromhex)}(x)")
                out.add(f"if len({name}) * 2 != len(x): return None")
        out.add(f"return {out.name('join', b''.join)}(({', '.join(names)},))")
        return cast("Encoder", out.build("m"))


def decoder(dialect: Dialect, numbers: tuple[int, ...], *, wide: bool = False) -> Decoder:
    """Make the decoder for messages that carry exactly these fields."""
    return _Decode(dialect, numbers, wide=wide).build()


def encoder(dialect: Dialect, numbers: tuple[int, ...]) -> Encoder:
    """Make the encoder for messages that carry exactly these fields (ascending)."""
    return _Encode(dialect, numbers).build()
