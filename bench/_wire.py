"""What load generator and lean host agree on: keys, terminals, and requests with valid MACs, made by the thousand.

A request is the codec's own encoding of one chip sale in which only TID, STAN and MAC are put in place of the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.keys import KeyKind, WorkingKeys
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.vault import FileKeyStore, load_master
from storno.vault.keystore import _pack
from storno.vault.testkeys import TEST_TMK

MAK = bytes.fromhex("1122334455667788")
PIK = bytes.fromhex("99AABBCCDDEEFF001122334455667799")
MID, BATCH, AMOUNT_MINOR = "302440380621100", "000705", 10_000
F55 = (
    "9F2608A1B2C3D4E5F607189F2701809F101307010103A02000010A010000000000A1B2C3D49F37041122334495050000000000"
    "9A032411239C01009F02060000000100005F2A02015682027C009F1A0201569F03060000000000009F3303E0E9C89F34031E0300"
    "9F3501229F1E0831323334353637388408A0000003330101029F0902008C9F410400000001"
)
CODEC = codec_for(dialect("cup_pos"))
MAC = mac_algorithm("cup_ecb", MAK)
_TID_MARK, _STAN_MARK = "7#@!5%&9", "918273"


def tid_of(number: int) -> str:
    return f"{number:08d}"


def sale(tid: str, stan: str) -> Message:
    fields = {
        2: "6225000000000014", 3: "000000", 4: f"{AMOUNT_MINOR:012d}", 11: stan, 22: "051", 23: "001", 25: "00",
        26: "06", 35: "6225000000000014D30122010000000000", 41: tid, 42: MID, 49: "156", 52: "A1B2C3D4E5F60718",
        53: "2600000000000000", 55: F55, 60: f"22{BATCH}000500", 63: "CUP",
    }  # fmt: skip
    return Message("0200", fields, "6000030000", "603100000000")


def requests(tid: str, start: int = 1) -> Iterator[bytes]:
    """Frames with length prefix, STAN after STAN, without end."""
    body = CODEC.seal(sale(_TID_MARK, _STAN_MARK), MAC.compute)
    tid_at, stan_at = body.index(_TID_MARK.encode()), body.index(bytes.fromhex(_STAN_MARK))
    head = len(body).to_bytes(2, "big") + body[:11]
    before = body[11:stan_at]
    between = body[stan_at + 3 : tid_at] + tid.encode() + body[tid_at + 8 : -8]
    for number in itertools.count(start):
        mab = before + bytes.fromhex(f"{number:06d}") + between
        yield head + mab + MAC.compute(mab)


def make_home(home: Path, terminals: int) -> None:
    """Make a gateway's folder in which these terminals have signed in already."""
    home.mkdir(mode=0o700, parents=True)
    store = FileKeyStore(
        home / "keys.db", load_master({}, home / "master.key", create=True, warn=lambda *_: None)
    )
    keys = _pack(WorkingKeys(PIK, MAK, None, KeyKind.TRIPLE_DES))
    tids = [tid_of(n) for n in range(1, terminals + 1)]
    rows = [("tmk", tid, TEST_TMK) for tid in tids] + [("working", tid, keys) for tid in tids]
    store._rows.apply(rows)  # one durable step instead of two thousand
    store.close()
