"""What only the files promise: privacy, masters, damage, full disks, kills, rotation."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from storno.iso8583.mac import mac_algorithm
from storno.vault import (
    DamagedVault,
    FileCardVault,
    FileKeyStore,
    KeyStore,
    Shredded,
    UnsafePermissions,
    VaultError,
    VaultUnwritable,
    WrongMaster,
    load_master,
    rotate_key_file,
    rotate_master,
)
from storno.vault.master import NoMasterFile, RotationUnfinished, next_file, write_key_file
from storno.vault.sealed import SealedFile
from vault_rig import (
    DAY,
    FIRST,
    MAB,
    MASTER,
    NEW_MASTER,
    NEXT_DAY,
    OTHER,
    PAN,
    SECOND,
    TID,
    TMK,
    f62,
)

pytestmark = pytest.mark.contract

# ------------------------------------------------------------------ files


def trace(folder: Path, *needles: bytes) -> list[str]:
    """Name the files of a folder that hold any of the needles."""
    return [path.name for path in folder.iterdir() if any(needle in path.read_bytes() for needle in needles)]


def test_a_file_survives_closing(key_path):
    store = FileKeyStore(key_path, MASTER)
    store.add_master_key(TID, TMK)
    store.add_link_key("cups", TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    store.close()
    again = FileKeyStore(key_path, MASTER)
    assert again.terminals() == (TID,)
    assert again.terminal_mac(TID, "cup_ecb").compute(MAB) == mac_algorithm("cup_ecb", FIRST.mak).compute(MAB)
    assert again.link_mac("cups", "cbc_3des") is not None
    again.close()


def test_files_are_private_and_hold_no_clear_key_or_card(tmp_path):
    folder = tmp_path / "vault"
    store, cards = FileKeyStore(folder / "keys.db", MASTER), FileCardVault(folder / "cards.db", MASTER)
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(SECOND, "004"), "004"))
    cards.seal(PAN, "a", DAY)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) >= 4
    secrets = (TMK, MASTER, SECOND.pik, SECOND.mak, PAN.encode())
    assert trace(folder, *secrets, *(secret.hex().encode() for secret in secrets)) == []
    store.close()
    cards.close()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_others_can_reach_is_refused(key_path, mode):
    FileKeyStore(key_path, MASTER).close()
    key_path.chmod(mode)
    with pytest.raises(UnsafePermissions) as caught:
        FileKeyStore(key_path, MASTER)
    assert f"chmod 600 {key_path}" in caught.value.say("zh")


def test_a_folder_others_can_write_is_refused(key_path):
    key_path.parent.mkdir()
    key_path.parent.chmod(0o777)
    with pytest.raises(UnsafePermissions):
        FileKeyStore(key_path, MASTER)


def test_a_link_or_folder_in_place_of_the_file_is_refused(tmp_path):
    FileKeyStore(tmp_path / "real.db", MASTER).close()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    (tmp_path / "folder.db").mkdir()
    for name in ("link.db", "folder.db"):
        with pytest.raises(VaultError):
            FileKeyStore(tmp_path / name, MASTER)


@pytest.mark.parametrize("vault", [FileKeyStore, FileCardVault])
def test_another_master_key_is_named_as_such(tmp_path, vault):
    path = tmp_path / "vault.db"
    vault(path, MASTER).close()
    with pytest.raises(WrongMaster) as caught:
        vault(path, NEW_MASTER)
    assert "主密钥" in caught.value.say("zh")
    assert MASTER.hex() not in str(caught.value)
    vault(path, MASTER).close()


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(key_path, size):
    with pytest.raises(VaultError, match="32 bytes"):
        FileKeyStore(key_path, b"m" * size)


def test_the_two_kinds_of_file_are_not_mixed_up(tmp_path):
    FileKeyStore(tmp_path / "keys.db", MASTER).close()
    with pytest.raises(VaultError, match="vault of keys"):
        FileCardVault(tmp_path / "keys.db", MASTER)


def test_a_file_that_is_no_database(key_path):
    key_path.parent.mkdir(mode=0o700)
    key_path.write_bytes(b"this is not a database, it is a letter" * 100)
    key_path.chmod(0o600)
    with pytest.raises(DamagedVault) as caught:
        FileKeyStore(key_path, MASTER)
    assert "损坏" in caught.value.say("zh")


def test_random_damage_is_a_named_refusal_or_harmless(key_path):
    store = FileKeyStore(key_path, MASTER)
    for number in range(60):
        store.add_master_key(f"{number:08d}", TMK)
    store.keep("00000007", store.learn("00000007", f62(FIRST, "003"), "003"))
    store.close()
    whole = key_path.read_bytes()
    dice = random.Random(7)
    seen = set()
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(dice.randrange(1, 40)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        key_path.write_bytes(broken)
        try:
            store = FileKeyStore(key_path, MASTER)
        except VaultError as error:
            seen.add(type(error).__name__)
            continue
        try:
            for tid in store.terminals():
                if store.has_terminal(tid):
                    store.learn(tid, f62(FIRST, "003"), "003")
        except VaultError as error:
            seen.add(type(error).__name__)
        finally:
            store.close()
    assert "DamagedVault" in seen


def test_a_value_cannot_be_moved_to_another_terminal(key_path):
    store = FileKeyStore(key_path, MASTER)
    store.add_master_key(TID, TMK)
    store.add_master_key(OTHER, TMK[::-1])
    store.close()
    raw = apsw.Connection(str(key_path))
    raw.execute(
        "UPDATE rows SET value = (SELECT value FROM rows WHERE name = ?) WHERE name = ?", (OTHER, TID)
    )
    raw.close()
    store = FileKeyStore(key_path, MASTER)
    with pytest.raises(DamagedVault, match=f"tmk {TID}"):
        store.learn(TID, f62(FIRST, "003"), "003")
    store.close()


def test_an_unwritable_file_says_so_and_keeps_the_old_mak(key_path, monkeypatch):
    store = FileKeyStore(key_path, MASTER)
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    handle = store.learn(TID, f62(SECOND, "003"), "003")
    blocker = apsw.Connection(str(key_path))
    blocker.execute("BEGIN IMMEDIATE")
    store._file._db.set_busy_timeout(1)
    with pytest.raises(VaultUnwritable) as caught:
        store.keep(TID, handle)
    assert str(key_path) in caught.value.say("zh")
    assert store.terminal_mac(TID, "cup_ecb").verify(MAB, mac_algorithm("cup_ecb", FIRST.mak).compute(MAB))
    blocker.execute("ROLLBACK")
    blocker.close()
    store.keep(TID, handle)
    assert store.terminal_mac(TID, "cup_ecb").verify(MAB, mac_algorithm("cup_ecb", SECOND.mak).compute(MAB))
    store.close()


def _add_many(store: KeyStore) -> None:
    for number in range(200):
        store.add_master_key(f"{number:08d}", TMK)


def test_a_full_disk_says_so_and_changes_nothing(key_path):
    store = FileKeyStore(key_path, MASTER)
    store.add_master_key(TID, TMK)
    pages = store._file._query("PRAGMA page_count")[0][0]
    store._file._query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(VaultUnwritable):
        _add_many(store)
    assert store.has_terminal(TID)
    store.close()


def test_shredding_leaves_no_wrapped_key_in_any_file(tmp_path):
    folder = tmp_path / "vault"
    cards = FileCardVault(folder / "cards.db", MASTER)
    sealed = cards.seal(PAN, "a", DAY)
    wrapped = cards._file._query("SELECT value FROM rows WHERE kind = 'day'")[0][0]
    assert trace(folder, wrapped)
    assert cards.shred(NEXT_DAY) == 1
    assert trace(folder, wrapped) == []
    cards.close()
    again = FileCardVault(folder / "cards.db", MASTER)
    with pytest.raises(Shredded):
        again.open(sealed, "a")
    again.close()


def test_two_processes_opening_a_new_card_vault_agree_on_the_token_key(tmp_path):
    one = SealedFile(tmp_path / "cards.db", MASTER, "cards")
    two = SealedFile(tmp_path / "cards.db", MASTER, "cards")
    assert one.put_new("token", "key", b"1" * 32) == two.put_new("token", "key", b"2" * 32) == b"1" * 32
    one.close()
    two.close()


# ------------------------------------------------------------------ kill -9

WRITER = """
import sys
from storno.iso8583.cipher import KeyKind
from storno.iso8583.keys import WorkingKeys, wrap_working_keys
from storno.vault.file import FileKeyStore
path, tmk = sys.argv[1], bytes.fromhex(sys.argv[2])
store = FileKeyStore(path, b"m" * 32)
number = int(sys.argv[3])
while True:
    number += 1
    keys = WorkingKeys(b"P" * 16, number.to_bytes(16, "big"), None, KeyKind.TRIPLE_DES)
    handle = store.learn("10000001", wrap_working_keys(tmk, keys, "003"), "003")
    print("begin", number, flush=True)
    store.keep("10000001", handle)
    print("kept", number, flush=True)
"""


def test_kill_9_during_keep_leaves_the_last_kept_key_or_the_one_being_kept(key_path):
    store = FileKeyStore(key_path, MASTER)
    store.add_master_key(TID, TMK)
    store.close()
    dice = random.Random(20260105)
    number = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(key_path), TMK.hex(), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [child.stdout.readline() for _ in range(dice.randrange(3, 12))]
        timer = threading.Timer(dice.random() * 0.006, os.kill, (child.pid, signal.SIGKILL))
        timer.start()
        lines += child.stdout.readlines()
        timer.join()
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        begun = max(
            int(line.split()[1]) for line in lines if line.startswith("begin") and line.endswith("\n")
        )
        kept = max(int(line.split()[1]) for line in lines if line.startswith("kept") and line.endswith("\n"))
        store = FileKeyStore(key_path, MASTER)
        found = store.terminal_mac(TID, "cup_ecb").compute(MAB)
        store.close()
        allowed = {
            mac_algorithm("cup_ecb", value.to_bytes(16, "big")).compute(MAB): value
            for value in range(kept, begun + 1)
        }
        assert found in allowed
        number = begun
    assert number >= 12


# ------------------------------------------------------------------ master key


def test_the_environment_comes_first(tmp_path):
    assert (
        load_master({"STORNO_MASTER_KEY": f" {MASTER.hex().upper()}\n"}, tmp_path / "none", False) == MASTER
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("value", ["SECRET", "ab" * 31, "zz" * 32])
def test_a_malformed_master_key_is_not_repeated(tmp_path, value):
    with pytest.raises(VaultError) as caught:
        load_master({"STORNO_MASTER_KEY": value}, tmp_path / "master.key", True)
    assert value not in f"{caught.value}{caught.value.say('zh')}"
    assert "STORNO_MASTER_KEY" in str(caught.value)


def test_first_use_makes_a_private_file_and_warns_once(tmp_path):
    path = tmp_path / "home" / "master.key"
    told = []
    key = load_master({"STORNO_MASTER_KEY": ""}, path, True, lambda en, zh: told.append((en, zh)))
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_master({}, path, True, lambda en, zh: told.append((en, zh))) == key
    ((en, zh),) = told
    assert "move it" in en
    assert "分开存放" in zh
    assert key.hex() not in en + zh
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_without_a_listener_the_log_is_told(tmp_path, caplog):
    load_master({}, tmp_path / "master.key", True)
    assert "move it" in caplog.text


def test_no_file_and_no_permission_to_make_one(tmp_path):
    with pytest.raises(NoMasterFile, match="STORNO_MASTER_KEY"):
        load_master({}, tmp_path / "master.key", False)


def test_a_key_file_others_can_read_is_refused(tmp_path):
    path = tmp_path / "master.key"
    load_master({}, path, True, lambda en, zh: None)
    path.chmod(0o644)
    with pytest.raises(UnsafePermissions) as caught:
        load_master({}, path, False)
    assert "chmod 600" in str(caught.value)


def test_two_first_uses_at_once_end_with_one_key(tmp_path):
    path = tmp_path / "master.key"
    write_key_file(path, MASTER)
    write_key_file(path, NEW_MASTER)
    assert load_master({}, path, True) == MASTER


# ------------------------------------------------------------------ rotation


@pytest.fixture
def both(tmp_path):
    """A key store, a card vault, and what must survive: a MAC, a token and a sealed card number."""
    folder = tmp_path / "vault"
    master = load_master({}, folder / "master.key", True, lambda en, zh: None)
    store, cards = FileKeyStore(folder / "keys.db", master), FileCardVault(folder / "cards.db", master)
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    kept = (store.terminal_mac(TID, "cup_ecb").compute(MAB), cards.token(PAN), cards.seal(PAN, "a", DAY))
    store.close()
    cards.close()
    return folder, master, kept


def check_both(folder: Path, master: bytes, kept: tuple[bytes, str, bytes]) -> None:
    store, cards = FileKeyStore(folder / "keys.db", master), FileCardVault(folder / "cards.db", master)
    assert store.terminal_mac(TID, "cup_ecb").compute(MAB) == kept[0]
    assert cards.token(PAN) == kept[1]
    assert cards.open(kept[2], "a") == PAN
    store.close()
    cards.close()


def test_rotation_changes_the_key_and_keeps_everything_else(both):
    folder, master, kept = both
    paths = [folder / "keys.db", folder / "cards.db"]
    sealed_before = SealedFile(paths[0], master, "keys")
    old_value = sealed_before._query("SELECT value FROM rows WHERE kind = 'tmk'")[0][0]
    sealed_before.close()
    assert rotate_key_file(folder / "master.key", paths) == 2
    fresh = load_master({}, folder / "master.key", False)
    assert fresh != master
    check_both(folder, fresh, kept)
    assert trace(folder, old_value) == []
    with pytest.raises(WrongMaster):
        FileKeyStore(paths[0], master)


@pytest.mark.parametrize("done", [0, 1, 2])
def test_an_interrupted_rotation_is_refused_and_then_resumed(both, done):
    folder, master, kept = both
    paths = [folder / "keys.db", folder / "cards.db"]
    write_key_file(next_file(folder / "master.key"), NEW_MASTER)
    assert rotate_master(paths[:done], master, NEW_MASTER) == done
    with pytest.raises(RotationUnfinished):
        load_master({}, folder / "master.key", False)
    assert rotate_key_file(folder / "master.key", paths) == 2 - done
    assert load_master({}, folder / "master.key", False) == NEW_MASTER
    check_both(folder, NEW_MASTER, kept)


def test_rotation_of_a_file_under_neither_key_stops(both):
    folder = both[0]
    with pytest.raises(WrongMaster):
        rotate_master([folder / "keys.db"], b"x" * 32, b"y" * 32)


def test_a_process_that_slept_through_a_rotation_cannot_write(both):
    folder, master, kept = both
    store = FileKeyStore(folder / "keys.db", master)
    assert rotate_master([folder / "keys.db", folder / "cards.db"], master, NEW_MASTER) == 2
    with pytest.raises(WrongMaster, match="restart"):
        store.add_master_key(OTHER, TMK)
    with pytest.raises(WrongMaster, match="restart"):
        store.learn(TID, f62(FIRST, "003"), "003")
    store.close()
    check_both(folder, NEW_MASTER, kept)


@pytest.mark.parametrize("name", ["missing.db", "letter.db"])
def test_rotation_of_what_is_no_vault(tmp_path, name):
    (tmp_path / "letter.db").write_bytes(b"dear sir" * 200)
    (tmp_path / "letter.db").chmod(0o600)
    with pytest.raises(VaultError):
        rotate_master([tmp_path / name], MASTER, NEW_MASTER)
    assert not (tmp_path / "missing.db").exists()
