"""One suite over every key store and card vault: the same promises whatever holds them."""

from __future__ import annotations

import inspect
import threading

import pytest

from storno.iso8583.keys import KeyCheckError, KeyLengthError, check_value
from storno.iso8583.mac import KeyKindError, UnknownMacProfile, mac_algorithm
from storno.vault import (
    CardNumberError,
    CardVault,
    FileCardVault,
    FileKeyStore,
    KeyStore,
    MemoryCardVault,
    MemoryKeyStore,
    NoMasterKey,
    Shredded,
    Tampered,
    VaultError,
    import_components,
)
from storno.vault.components import CheckValueError
from vault_rig import (
    DAY,
    FIRST,
    MAB,
    MASTER,
    NATIONAL,
    NEXT_DAY,
    OTHER,
    PAN,
    SECOND,
    TID,
    TMK,
    f62,
)

pytestmark = pytest.mark.contract

# ------------------------------------------------------------------ key stores


@pytest.mark.parametrize(
    ("protocol", "made"),
    [
        (KeyStore, MemoryKeyStore),
        (KeyStore, FileKeyStore),
        (CardVault, MemoryCardVault),
        (CardVault, FileCardVault),
    ],
)
def test_every_engine_has_every_door(protocol, made):
    doors = [name for name in vars(protocol) if not name.startswith("_")]
    assert doors
    for name in doors:
        ours, theirs = inspect.signature(getattr(made, name)), inspect.signature(getattr(protocol, name))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_a_sign_in_from_tmk_to_mac(store):
    assert store.add_master_key(TID, TMK) == "08D7B4FB"
    assert store.terminal_mac(TID, "cup_ecb") is None
    assert store.working(TID) is None
    handle = store.learn(TID, f62(FIRST, "003"), "003")
    assert store.terminal_mac(TID, "cup_ecb") is None
    store.keep(TID, handle)
    mac = store.terminal_mac(TID, "cup_ecb")
    assert mac.compute(MAB) == mac_algorithm("cup_ecb", FIRST.mak).compute(MAB)
    assert store.terminal_mac(TID, "cup_ecb") is mac
    assert store.working(TID).check_values == handle.check_values
    assert dict(handle.check_values)["MAK"] == check_value(FIRST.mak, "3des").hex().upper()


def test_the_old_mak_stands_until_the_new_one_is_kept(store):
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    old = store.terminal_mac(TID, "cup_ecb").compute(MAB)
    handle = store.learn(TID, f62(SECOND, "004"), "004")
    assert store.terminal_mac(TID, "cup_ecb").compute(MAB) == old
    store.keep(TID, handle)
    assert store.terminal_mac(TID, "cup_ecb").compute(MAB) == mac_algorithm("cup_ecb", SECOND.mak).compute(
        MAB
    )
    assert store.terminal_mac(TID, "x919").verify(MAB, mac_algorithm("x919", SECOND.mak).compute(MAB))


def test_sm4_keys(store):
    assert store.add_master_key(TID, TMK, "sm4") != store.add_master_key(OTHER, TMK)
    store.keep(TID, store.learn(TID, f62(NATIONAL, "005"), "005"))
    assert store.terminal_mac(TID, "sm4_ecb/bin").compute(MAB) == mac_algorithm(
        "sm4_ecb/bin", b"S" * 16
    ).compute(MAB)
    assert len(store.pin_block(TID, "123456", PAN)) == 16
    # one acquirer profile serves DES and SM4 terminals
    assert store.terminal_mac(TID, "cup_ecb").compute(MAB) == mac_algorithm("sm4_ecb", b"S" * 16).compute(MAB)
    with pytest.raises(KeyKindError):
        store.terminal_mac(TID, "x919")


def test_a_refused_sign_in_changes_nothing(store):
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    broken = bytearray(f62(SECOND, "003"))
    broken[-1] ^= 1
    with pytest.raises(KeyCheckError) as caught:
        store.learn(TID, bytes(broken), "003")
    assert caught.value.which == "MAK"
    assert store.terminal_mac(TID, "cup_ecb").verify(MAB, mac_algorithm("cup_ecb", FIRST.mak).compute(MAB))


def test_a_mak_that_does_not_fit_the_profile_is_refused_at_the_sign_in(store):
    store.add_master_key(TID, TMK)
    assert store.learn(TID, f62(SECOND, "003"), "003", "x919").tid == TID
    with pytest.raises(KeyLengthError):
        store.learn(TID, f62(FIRST, "003"), "003", "x919")
    with pytest.raises(KeyKindError):
        store.learn(TID, f62(NATIONAL, "005"), "005", "x919")
    assert store.working(TID) is None


def test_no_master_key(store):
    with pytest.raises(NoMasterKey) as caught:
        store.learn(OTHER, f62(FIRST, "003"), "003")
    assert OTHER in caught.value.say("zh")
    assert store.terminal_mac(OTHER, "cup_ecb") is None
    assert not store.has_terminal(OTHER)
    assert store.pin_block(OTHER, "123456", PAN) is None


def test_terminals_come_and_go(store):
    for tid in (OTHER, TID):
        store.add_master_key(tid, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    assert store.terminals() == (TID, OTHER)
    assert store.terminal_mac(TID, "cup_ecb") is not None
    assert store.remove_terminal(TID)
    assert not store.remove_terminal(TID)
    assert store.terminals() == (OTHER,)
    assert store.terminal_mac(TID, "cup_ecb") is None


def test_a_new_tmk_leaves_the_working_keys(store):
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    store.add_master_key(TID, TMK[::-1])
    assert store.terminal_mac(TID, "cup_ecb") is not None
    with pytest.raises(KeyCheckError):
        store.learn(TID, f62(SECOND, "003"), "003")


def test_links(store):
    assert store.link_mac("cups", "cbc_3des") is None
    store.add_link_key("cups", TMK)
    assert store.link_mac("cups", "cbc_3des").compute(MAB) == mac_algorithm("cbc_3des", TMK).compute(MAB)
    store.add_link_key("cups", TMK[::-1])
    assert store.link_mac("cups", "cbc_3des").compute(MAB) == mac_algorithm("cbc_3des", TMK[::-1]).compute(
        MAB
    )
    with pytest.raises(KeyLengthError):
        store.add_link_key("cups", b"short")


def test_profile_none_needs_no_sign_in(store):
    assert store.terminal_mac(OTHER, "none").verify(MAB, b"")
    assert store.link_mac("any", "none").verify(MAB, b"")


def test_profiles_that_do_not_fit_are_named(store):
    store.add_master_key(TID, TMK)
    store.keep(TID, store.learn(TID, f62(FIRST, "003"), "003"))
    with pytest.raises(KeyLengthError):
        store.terminal_mac(TID, "x919")
    with pytest.raises(UnknownMacProfile):
        store.terminal_mac(TID, "cup")


@pytest.mark.parametrize(
    ("tid", "tmk", "error"),
    [
        ("", TMK, VaultError),
        ("a" * 65, TMK, VaultError),
        ("a\nb", TMK, VaultError),
        (TID, bytes(16), VaultError),
        (TID, b"", VaultError),
        (TID, b"x" * 15, KeyLengthError),
    ],
)
def test_master_keys_that_are_none(store, tid, tmk, error):
    with pytest.raises(error):
        store.add_master_key(tid, tmk)
    assert store.terminals() == ()


def test_a_handle_belongs_to_its_terminal(store):
    for tid in (TID, OTHER):
        store.add_master_key(tid, TMK)
    handle = store.learn(TID, f62(FIRST, "003"), "003")
    with pytest.raises(AssertionError):
        store.keep(OTHER, handle)


def test_nothing_secret_in_print(store):
    store.add_master_key(TID, TMK)
    handle = store.learn(TID, f62(FIRST, "003"), "003")
    store.keep(TID, handle)
    shown = f"{handle!r}{store!r}{store.terminal_mac(TID, 'cup_ecb')!r}{store.working(TID)!s}"
    assert "first" not in shown
    assert "PPPP" not in shown


def test_a_keep_on_another_thread_never_leaves_the_old_mac_behind(store):
    store.add_master_key(TID, TMK)
    handles = [store.learn(TID, f62(keys, "003"), "003") for keys in (FIRST, SECOND)]
    goods = [mac_algorithm("cup_ecb", keys.mak).compute(MAB) for keys in (FIRST, SECOND)]
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            store.terminal_mac(TID, "cup_ecb")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for turn in range(20):
            store.keep(TID, handles[turn % 2])
            store.terminal_mac(TID, "cup_ecb")
            assert store.working(TID).check_values == handles[turn % 2].check_values
    finally:
        stop.set()
        thread.join()
    assert store.terminal_mac(TID, "cup_ecb").compute(MAB) == goods[1]


def test_components(store):
    parts = [b"\x01" * 16, b"\x02" * 16, b"\x05" * 16]
    made = import_components(store, TID, parts, expected_check_value="e81 87")
    assert made.check_value == check_value(b"\x06" * 16, "3des").hex().upper()
    assert made.component_check_values == tuple(check_value(part, "3des").hex().upper() for part in parts)
    with pytest.raises(CheckValueError) as caught:
        import_components(store, OTHER, parts, expected_check_value="0000")
    assert made.check_value in caught.value.say("zh")
    assert not store.has_terminal(OTHER)


# ------------------------------------------------------------------ card vaults


def test_tokens_match_cards_and_hide_them(cards):
    token = cards.token(PAN)
    assert token == cards.token(PAN)
    assert len(bytes.fromhex(token)) >= 16
    assert token != cards.token(PAN[:-1] + "8")
    assert PAN not in token


def test_a_sealed_card_number_opens_for_its_transaction_only(cards):
    sealed = cards.seal(PAN, "tx-1", DAY)
    assert PAN.encode() not in sealed
    assert cards.open(sealed, "tx-1") == PAN
    with pytest.raises(Tampered):
        cards.open(sealed, "tx-2")


def test_every_changed_byte_is_seen(cards):
    sealed = cards.seal(PAN, "tx-1", DAY)
    for at in range(len(sealed)):
        broken = bytearray(sealed)
        broken[at] ^= 0x10
        with pytest.raises(Tampered):
            cards.open(bytes(broken), "tx-1")
    for size in range(len(sealed)):
        with pytest.raises(Tampered):
            cards.open(sealed[:size], "tx-1")


def test_shredding_destroys_the_days_before(cards):
    old, late, kept = (
        cards.seal(PAN, "a", "2026-01-04"),
        cards.seal(PAN, "b", DAY),
        cards.seal(PAN, "c", NEXT_DAY),
    )
    assert cards.shred("2026-01-06") == 2
    for sealed, tx_id, day in ((old, "a", "20260104"), (late, "b", DAY)):
        with pytest.raises(Shredded) as caught:
            cards.open(sealed, tx_id)
        assert day in caught.value.say("zh")
    assert cards.open(kept, "c") == PAN
    assert cards.shred(NEXT_DAY) == 0
    assert cards.token(PAN) == cards.token(PAN)


def test_a_shredded_day_may_be_used_again_but_its_past_stays_gone(cards):
    before = cards.seal(PAN, "a", DAY)
    cards.shred(NEXT_DAY)
    after = cards.seal(PAN, "a", DAY)
    assert cards.open(after, "a") == PAN
    with pytest.raises(Shredded):
        cards.open(before, "a")
    assert cards.shred(NEXT_DAY) == 1
    with pytest.raises(Shredded):
        cards.open(after, "a")


def test_both_spellings_of_a_day_are_one_day(cards):
    cards.prepare("2026-01-05")
    cards.seal(PAN, "a", DAY)
    assert cards.shred(NEXT_DAY) == 1


@pytest.mark.parametrize("pan", ["", "622588******6789", "6" * 20, "６２２５", "62 25"])
def test_what_is_no_card_number_is_refused_unseen(cards, pan):
    for work in (lambda: cards.token(pan), lambda: cards.seal(pan, "a", DAY)):
        with pytest.raises(CardNumberError) as caught:
            work()
        assert not pan or pan not in f"{caught.value!r}{caught.value.say('zh')}"


@pytest.mark.parametrize("day", ["", "2026010", "2026-1-05", "20260105x", "2026/01/05"])
def test_what_is_no_day_is_refused(cards, day):
    with pytest.raises(VaultError):
        cards.seal(PAN, "a", day)
    with pytest.raises(VaultError):
        cards.shred(day)


def test_the_simulators_vault_repeats_itself_under_its_seed():
    first, again, other = MemoryCardVault(b"1"), MemoryCardVault(b"1"), MemoryCardVault(b"2")
    assert first.token(PAN) == again.token(PAN) != other.token(PAN)
    assert first.seal(PAN, "a", DAY) == again.seal(PAN, "a", DAY) != first.seal(PAN, "b", DAY)
    with pytest.raises(Tampered):
        other.open(first.seal(PAN, "a", DAY), "a")


def test_the_real_vault_never_seals_twice_alike(tmp_path):
    cards = FileCardVault(tmp_path / "cards.db", MASTER)
    assert len({cards.seal(PAN, "a", DAY) for _ in range(100)}) == 100
    cards.close()
