"""The vault in files: FileKeyStore and FileCardVault, each one sealed SQLite file.

Keys and nonces come from the operating system. Both files are small: a few hundred bytes a terminal, one key a day.
"""

from __future__ import annotations

import os
from pathlib import Path

from storno.vault.cardvault import SoftCardVault
from storno.vault.keystore import SoftKeyStore
from storno.vault.sealed import SealedFile

KEYS, CARDS = "keys", "cards"


class FileKeyStore(SoftKeyStore):
    """A key store in one file, created when missing.

    Raises:
        WrongMaster, DamagedVault, UnsafePermissions, VaultUnwritable: the file cannot be used; says why.

    """

    def __init__(self, path: Path | str, master: bytes) -> None:
        self._file = SealedFile(Path(path), master, KEYS)
        super().__init__(self._file)

    def rotate(self, master: bytes) -> None:
        """Seal everything anew under another master key, in one step."""
        self._file.rotate(master)


class FileCardVault(SoftCardVault):
    """A card vault in one file, created when missing.

    Raises:
        WrongMaster, DamagedVault, UnsafePermissions, VaultUnwritable: the file cannot be used; says why.

    """

    def __init__(self, path: Path | str, master: bytes) -> None:
        self._file = SealedFile(Path(path), master, CARDS)
        super().__init__(self._file, _System())

    def rotate(self, master: bytes) -> None:
        """Wrap the token key and the day keys anew; tokens and sealed card numbers stay valid."""
        self._file.rotate(master)


class _System:
    """Chance from the operating system."""

    __slots__ = ()

    @staticmethod
    def key(_label: str, size: int) -> bytes:
        return os.urandom(size)

    @staticmethod
    def nonce(_pan: str, _tx_id: str) -> bytes:
        return os.urandom(12)
