"""What a gateway is put together from: files under one home, test keys only where nobody else can come."""

from __future__ import annotations

import asyncio
import gc

import pytest

from storno.app.build import (
    CARDS,
    JOURNAL,
    KEYS,
    MASTER,
    TrialKeyStore,
    build_gateway,
    build_parts,
    settle_memory,
)
from storno.app.settings import SettingsError, from_tables
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.profile import MacScope
from storno.vault import FileKeyStore, WrongMaster
from storno.vault.testkeys import TEST_LINK_MAK, TEST_TMK

MASTER_KEY = bytes(range(32))


@pytest.fixture
def home(storno_home):
    storno_home.mkdir()
    return storno_home


def built(home, **tables):
    return build_parts(from_tables(tables, "test"), home)


def test_everything_lies_in_the_home_and_the_same_files_open_again(home):
    for _ in range(2):
        parts = built(home)
        assert parts.node.dialect.name == "cup_pos"
        parts.writer.close()
        parts.close()
    assert {JOURNAL, KEYS, CARDS, MASTER} <= {one.name for one in home.iterdir()}
    assert (home / MASTER).stat().st_mode & 0o077 == 0


def test_another_master_key_opens_nothing(home, monkeypatch):
    parts = built(home)
    parts.writer.close()
    parts.close()
    monkeypatch.setenv("STORNO_MASTER_KEY", "5A" * 32)
    with pytest.raises(WrongMaster):
        built(home)


def test_a_trial_takes_in_terminals_and_the_link_with_the_published_keys(home):
    keys = TrialKeyStore(home / KEYS, MASTER_KEY)
    assert keys.has_terminal("00000042")
    assert keys.terminals() == ("00000042",)
    assert not keys.has_terminal("   ")
    mab = b"0200" + bytes(60)
    expected = mac_algorithm("cbc_3des", TEST_LINK_MAK).compute(mab)
    assert keys.link_mac("host", "cbc_3des").compute(mab) == expected
    keys.close()
    kept = FileKeyStore(home / KEYS, MASTER_KEY)
    assert kept.link_mac("host", "cbc_3des").compute(mab) == expected
    kept.close()


def test_a_trial_never_replaces_a_key_that_was_imported(home):
    real = FileKeyStore(home / KEYS, MASTER_KEY)
    real.add_link_key("host", bytes(range(1, 17)))
    value = real.add_master_key("00000042", bytes(range(1, 17)))
    real.close()
    trial = TrialKeyStore(home / KEYS, MASTER_KEY)
    mab = bytes(64)
    assert trial.has_terminal("00000042")
    assert trial.link_mac("host", "cbc_3des").compute(mab) == (
        mac_algorithm("cbc_3des", bytes(range(1, 17))).compute(mab)
    )
    assert trial.add_master_key("00000043", TEST_TMK) != value
    trial.close()


def test_without_a_trial_an_unknown_terminal_or_link_has_no_key(home):
    network = {"dialect": "cups", "test_terminals": False}
    parts = built(home, gateway=network)
    try:
        assert not parts.keys.has_terminal("00000042")
        assert parts.node.profile.mac_scope is MacScope.LINK
        assert parts.keys.link_mac("host", parts.node.profile.mac) is None
    finally:
        parts.writer.close()
        parts.close()


@pytest.mark.parametrize("listen", ["0.0.0.0:7000", "192.0.2.1:7000", "[::]:7000"])
def test_test_keys_are_refused_where_others_can_come(home, listen):
    with pytest.raises(SettingsError, match="test_terminals") as caught:
        built(home, gateway={"listen": listen, "test_terminals": True})
    assert "storno keys" in caught.value.zh
    assert not (home / JOURNAL).exists()


@pytest.mark.parametrize("table", ["tls", "host_tls"])
def test_certificates_that_cannot_be_used_are_named(home, table):
    (home / "bad.pem").write_text("no certificate")

    async def story(file):
        settings = from_tables({table: {"certificate": str(file)}}, "test")
        parts = build_parts(settings, home)
        try:
            build_gateway(settings, parts, lambda _: None)
        finally:
            parts.writer.close()
            parts.close()

    for file in (home / "bad.pem", home / "none.pem"):
        with pytest.raises(SettingsError) as caught:
            asyncio.run(story(file))
        for text in (caught.value.en, caught.value.zh):
            assert f"[{table}]" in text
            assert str(file) in text


def test_a_settled_memory_can_be_given_back():
    before = gc.get_threshold()
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
