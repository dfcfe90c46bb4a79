"""Keys and card numbers at rest: a key store, a card vault, and the master key both are sealed under.

Callers never see key bytes; a hardware module may stand behind the protocols of `base`. Beside the journal in the
import order: knows iso8583, nothing of the gateway or the application.
"""

from __future__ import annotations

from storno.vault.base import (
    CardNumberError,
    CardVault,
    DamagedVault,
    KeyStore,
    NoMasterKey,
    Shredded,
    Tampered,
    UnsafePermissions,
    VaultError,
    VaultUnwritable,
    WorkingKeysHandle,
    WrongMaster,
)
from storno.vault.components import ImportedKey, import_components
from storno.vault.file import FileCardVault, FileKeyStore
from storno.vault.master import load_master
from storno.vault.memory import MemoryCardVault, MemoryKeyStore
from storno.vault.rotate import rotate_key_file, rotate_master

__all__ = [
    "CardNumberError",
    "CardVault",
    "DamagedVault",
    "FileCardVault",
    "FileKeyStore",
    "ImportedKey",
    "KeyStore",
    "MemoryCardVault",
    "MemoryKeyStore",
    "NoMasterKey",
    "Shredded",
    "Tampered",
    "UnsafePermissions",
    "VaultError",
    "VaultUnwritable",
    "WorkingKeysHandle",
    "WrongMaster",
    "import_components",
    "load_master",
    "rotate_key_file",
    "rotate_master",
]
