"""Measure MAC, token and seal per message: `python bench/mac.py [--json]`. Ratios travel, microseconds do not."""

from __future__ import annotations

import argparse
import json
import timeit
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from storno.iso8583.mac import mac_algorithm
from storno.vault.file import FileCardVault, FileKeyStore

MAB = bytes(range(256))
PAN = "6225881234561234"
MAK = bytes(range(16))
PROFILES = {"cup_ecb": 16, "x919": 16, "x99": 8, "cbc_3des": 16, "sm4_ecb": 16, "sm4_cbc": 16}
ROUNDS, CALLS = 7, 10_000


def micros(work: Callable[[], object]) -> float:
    """Best of several rounds: what the code costs when nothing else runs."""
    return min(timeit.repeat(work, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def fresh_context() -> bytes:
    """The CUP MAC the plain way: a loop over blocks and a new cipher for each of the two encryptions."""
    total = bytes(8)
    for at in range(0, len(MAB), 8):
        total = bytes(a ^ b for a, b in zip(total, MAB[at : at + 8], strict=True))
    text = total.hex().upper().encode()
    first = Cipher(TripleDES(MAK + MAK[:8]), modes.ECB()).encryptor().update(text[:8])
    mixed = bytes(a ^ b for a, b in zip(first, text[8:], strict=True))
    return Cipher(TripleDES(MAK + MAK[:8]), modes.ECB()).encryptor().update(mixed)[:4].hex().upper().encode()


def measure() -> dict[str, float]:
    figures = {"cup_ecb, new contexts, loop over blocks": micros(fresh_context)}
    for name, size in PROFILES.items():
        mac = mac_algorithm(name, MAK[:size])
        good = mac.compute(MAB)
        figures[f"{name} verify"] = micros(lambda mac=mac, good=good: mac.verify(MAB, good))
    with TemporaryDirectory() as folder:
        store = FileKeyStore(Path(folder) / "keys.db", bytes(32))
        store.add_link_key("cups", MAK)
        figures["key store look-up"] = micros(lambda: store.link_mac("cups", "cup_ecb"))
        cards = FileCardVault(Path(folder) / "cards.db", bytes(32))
        figures["PAN token"] = micros(lambda: cards.token(PAN))
        figures["PAN seal"] = micros(lambda: cards.seal(PAN, "tx-1", "20260105"))
        sealed = cards.seal(PAN, "tx-1", "20260105")
        figures["PAN open"] = micros(lambda: cards.open(sealed, "tx-1"))
        store.close()
        cards.close()
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    figures = measure()
    if parser.parse_args().json:
        print(json.dumps(figures))
        return
    print(f"microseconds per call, MAB of {len(MAB)} bytes, best of {ROUNDS} x {CALLS}")
    for name, value in figures.items():
        print(f"{name:<44}{value:>8.2f}")


if __name__ == "__main__":
    main()
