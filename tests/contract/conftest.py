"""Every key store and card vault as fixtures, for the contract suites.

Test keys only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from storno.vault import FileCardVault, FileKeyStore, MemoryCardVault, MemoryKeyStore
from vault_rig import MASTER


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    made = (
        MemoryKeyStore()
        if request.param == "memory"
        else FileKeyStore(tmp_path / "vault" / "keys.db", MASTER)
    )
    yield made
    made.close()


@pytest.fixture(params=["memory", "file"])
def cards(request, tmp_path):
    made = (
        MemoryCardVault()
        if request.param == "memory"
        else FileCardVault(tmp_path / "vault" / "cards.db", MASTER)
    )
    yield made
    made.close()


@pytest.fixture
def key_path(tmp_path) -> Path:
    return tmp_path / "vault" / "keys.db"
