"""Codec: one UnionPay 0200 with F55 (about 260 bytes), decoded and encoded, against two maintained libraries.

Each library gets the same bytes and a table that says the same about every field, and must give the same F55 and the
same bytes back before it is timed. Rounds alternate between the libraries; the median round counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from _machine import hardware

from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message

RESULTS = Path(__file__).parent / "results" / "codec.jsonl"
F55 = (
    "9F2608A1B2C3D4E5F607189F2701809F101307010103A02000010A010000000000A1B2C3D49F37041122334495050000000000"
    "9A032411239C01009F02060000000100005F2A02015682027C009F1A0201569F03060000000000009F3303E0E9C89F34031E0300"
    "9F3501229F1E0831323334353637388408A0000003330101029F0902008C9F410400000001"
)
SALE = Message(
    "0200",
    {
        2: "6225000000000014",
        3: "000000",
        4: "000000010000",
        11: "000134",
        22: "051",
        23: "001",
        25: "00",
        26: "06",
        35: "6225000000000014D30122010000000000",
        41: "58402001",
        42: "302440380621100",
        49: "156",
        52: "A1B2C3D4E5F60718",
        53: "2600000000000000",
        55: F55,
        60: "22000007000500",
        63: "CUP",
        64: "3531443837343145",
    },
    "6000000510",
    "603100000000",
)


def storno() -> tuple[bytes, Callable[[], object], Callable[[], object]]:
    codec = codec_for(dialect("cup_pos"))
    wire = codec.encode(SALE)
    for _ in range(4):
        assert codec.decode(wire) == SALE
        assert codec.encode(SALE) == wire
    return wire, lambda: codec.decode(wire), lambda: codec.encode(SALE)


def pyiso(wire: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    import iso8583
    from iso8583.specs import default

    def field(kind: str, digits: int, width: int, count: str = "bytes") -> dict[str, object]:
        return {
            "data_enc": kind,
            "len_enc": "bcd",
            "len_type": width,
            "len_count": count,
            "max_len": digits,
            "left_pad": "0",
            "desc": "",
        }

    spec = {key: dict(value) for key, value in default.items()}
    spec["h"] = field("b", 11, 0)
    spec["t"] = field("b", 2, 0)
    spec["p"] = field("b", 8, 0)
    for number, size in (
        (3, 3),
        (4, 6),
        (11, 3),
        (22, 2),
        (23, 2),
        (25, 1),
        (26, 1),
        (52, 8),
        (53, 8),
        (64, 8),
    ):
        spec[str(number)] = field("b", size, 0)
    for number, size, width in ((2, 19, 1), (35, 37, 1), (60, 17, 2)):
        spec[str(number)] = field("b", size, width, "nibbles")
    for number, size in ((41, 8), (42, 15), (49, 3)):
        spec[str(number)] = field("ascii", size, 0)
    spec["55"] = field("b", 255, 2)
    spec["63"] = field("ascii", 163, 2)
    decoded, _ = iso8583.decode(wire, spec)
    assert decoded["55"] == F55
    assert bytes(iso8583.encode(decoded, spec)[0]) == wire
    return lambda: iso8583.decode(wire, spec), lambda: iso8583.encode(decoded, spec)


def starkbank(wire: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    from starkbank.iso8583 import parse, unparse
    from starkbank.iso8583.template.base import Template
    from starkbank.iso8583.utils.field import Field
    from starkbank.iso8583.utils.length import FixedLengthRule, VariableLengthRule
    from starkbank.iso8583.utils.parser import ParseBcdString, ParseBitmap, ParseHexadecimal, ParseString
    from starkbank.iso8583.version import IsoVersion

    class BcdLength(VariableLengthRule):
        """The library sends lengths as binary numbers only; UnionPay's are BCD."""

        def parse(self, data, **_kwargs):
            return int(data.hex())

        def unparse(self, value, **_kwargs):
            return bytes.fromhex(str(value).zfill(2 * self.byteLength()))

    class Head:
        """TPDU and header: 11 bytes of hex in front."""

        def parse(self, data, json):
            return data[11:], {**json, "Head": data[:11].hex().upper()}

        def unparse(self, data, json):
            return bytes.fromhex(json["Head"])

    def fixed(name, size, rule):
        return Field(name=name, lengthRule=FixedLengthRule(limit=size), parsingRule=rule)

    def sent(name, size, width, rule):
        return Field(name=name, lengthRule=BcdLength(limit=size, byteLength=width), parsingRule=rule)

    bcd, binary, text = ParseBcdString(), ParseHexadecimal(), ParseString()
    fields = [fixed("MTI", 4, bcd), fixed("DE000", 8, ParseBitmap(offset=0))]
    fields += [
        fixed(f"DE{n:03}", size, bcd)
        for n, size in ((3, 6), (4, 12), (11, 6), (23, 4), (25, 2), (26, 2), (53, 16))
    ]
    fields += [fixed(f"DE{n:03}", size, binary) for n, size in ((22, 2), (52, 8), (64, 8))]
    fields += [fixed(f"DE{n:03}", size, text) for n, size in ((41, 8), (42, 15), (49, 3))]
    fields += [sent("DE002", 19, 1, bcd), sent("DE035", 37, 1, bcd), sent("DE060", 17, 2, bcd)]
    fields += [sent("DE055", 255, 2, binary), sent("DE063", 163, 2, text)]
    template = {IsoVersion._1987: Template(headerRule=Head(), fields=fields)}
    decoded = parse(wire, template=template, encoding="ascii")
    assert str(decoded["DE055"]).upper() == F55
    assert unparse(decoded, template=template, encoding="ascii") == wire
    return (
        lambda: parse(wire, template=template, encoding="ascii"),
        lambda: unparse(decoded, template=template, encoding="ascii"),
    )


def rate(call: Callable[[], object], seconds: float) -> float:
    """Calls in a second, over about `seconds` of processor time."""
    count, done, start = 64, 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for _ in range(count):
            call()
        done += count
    return done / spent


def measure(rounds: int, seconds: float) -> tuple[int, dict[str, dict[str, float]]]:
    wire, decode, encode = storno()
    runners = {"storno": (decode, encode), "pyiso8583": pyiso(wire), "starkbank-iso8583": starkbank(wire)}
    seen: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in runners}
    for _ in range(rounds):
        for name, calls in runners.items():
            for kept, call in zip(seen[name], calls, strict=True):
                kept.append(rate(call, seconds))
    figures = {
        name: {"decode_per_s": round(statistics.median(d)), "encode_per_s": round(statistics.median(e))}
        for name, (d, e) in seen.items()
    }
    for way in ("decode", "encode"):
        base = figures["pyiso8583"][f"{way}_per_s"]
        for one in figures.values():
            one[f"{way}_x_pyiso8583"] = round(one[f"{way}_per_s"] / base, 2)
    return len(wire), figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="processor seconds for each figure of a round"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--save", action="store_true", help=f"append a line to {RESULTS.relative_to(Path(__file__).parent)}"
    )
    options = parser.parse_args()
    size, figures = measure(options.rounds, options.seconds)
    machine = hardware()
    record = {
        "bench": "codec",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "bytes": size,
        "rounds": options.rounds,
        "seconds": options.seconds,
        **machine,
        "figures": figures,
    }
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
    if options.json:
        print(json.dumps(record))
        return 0
    print(
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; 0200 with F55, {size} bytes"
    )
    print(f"{'messages per second, median':<28}{'decode':>10}{'encode':>10}{'x pyiso8583':>16}")
    for name, one in figures.items():
        times = f"{one['decode_x_pyiso8583']:.1f} / {one['encode_x_pyiso8583']:.1f}"
        print(f"{name:<28}{one['decode_per_s']:>10,}{one['encode_per_s']:>10,}{times:>16}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
