"""What the vault's tests share: keys, a card, and the engines as fixtures.

Test keys and a test card only.
"""

from __future__ import annotations

from storno.iso8583.cipher import KeyKind
from storno.iso8583.keys import WorkingKeys, wrap_working_keys

TID, OTHER = "10000001", "10000002"
TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
FIRST = WorkingKeys(b"P" * 16, b"first!!!", None, KeyKind.TRIPLE_DES)
SECOND = WorkingKeys(b"Q" * 16, b"second_mak_of_16"[:16], b"T" * 16, KeyKind.TRIPLE_DES)
NATIONAL = WorkingKeys(b"R" * 16, b"S" * 16, b"U" * 16, KeyKind.SM4)
MASTER, NEW_MASTER = b"m" * 32, b"n" * 32
MAB = b"\x02\x00" + bytes(range(100))
PAN = "6225880123456789"
DAY, NEXT_DAY = "20260105", "20260106"


def f62(keys: WorkingKeys, code: str) -> bytes:
    return wrap_working_keys(TMK, keys, code)
