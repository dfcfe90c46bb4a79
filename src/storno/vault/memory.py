"""The vault in memory, for tests and the simulator; the card vault is deterministic under its seed.

The same seed, calls and card numbers give the same tokens and sealed bytes, so a simulated run can be repeated to
the byte. Nothing here is for production: the seed is no secret.
"""

from __future__ import annotations

import hmac

from storno.vault.cardvault import SoftCardVault
from storno.vault.keystore import SoftKeyStore
from storno.vault.rows import MemoryRows


class MemoryKeyStore(SoftKeyStore):
    """A key store that lives as long as the process."""

    def __init__(self) -> None:
        super().__init__(MemoryRows())


class MemoryCardVault(SoftCardVault):
    """A card vault that lives as long as the process, repeatable under its seed."""

    def __init__(self, seed: bytes = b"storno simulator") -> None:
        super().__init__(MemoryRows(), _Seeded(seed))


class _Seeded:
    """Keys and nonces derived from a seed; a nonce repeats only with the very same text."""

    __slots__ = ("_mac", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._mac = hmac.new(seed, digestmod="sha256")

    def key(self, label: str, size: int) -> bytes:
        """Derive key bytes, at most 32."""
        return hmac.digest(self._seed, b"key\0" + label.encode(), "sha256")[:size]

    def nonce(self, pan: str, tx_id: str) -> bytes:
        """Derive a nonce from everything it protects."""
        mac = self._mac.copy()  # keyed once
        mac.update(f"nonce\0{pan}\0{tx_id}".encode())
        return mac.digest()[:12]
