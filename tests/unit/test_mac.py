"""MAC profiles against plain reference formulations, wrong keys, wrong MACs, and what errors may say."""

from __future__ import annotations

import pickle

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from storno.iso8583.cipher import Chain, KeyKind
from storno.iso8583.mac import (
    MAC_PROFILES,
    KeyKindError,
    KeyLengthError,
    UnknownMacProfile,
    mac_algorithm,
    profile_for,
)

KEY_SIZES = {"cup_ecb": (8, 16, 24), "x919": (16, 32), "x99": (8,), "cbc_3des": (16, 24)}
KEY_SIZES |= {"sm4_ecb": (16,), "sm4_cbc": (16,)}
mabs = st.binary(min_size=1, max_size=300)


def ecb(key: bytes, block: bytes, *, sm4: bool, back: bool = False) -> bytes:
    """One block, a new context each time."""
    if not sm4:
        key = {8: key * 3, 16: key + key[:8], 24: key}[len(key)]
    cipher = Cipher(algorithms.SM4(key) if sm4 else TripleDES(key), modes.ECB())
    context = cipher.decryptor() if back else cipher.encryptor()
    return context.update(block) + context.finalize()


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def blocks(data: bytes, size: int) -> list[bytes]:
    data += bytes(-len(data) % size)
    return [data[at : at + size] for at in range(0, len(data), size)]


def plain_xor_text(key: bytes, mab: bytes, *, sm4: bool) -> bytes:
    size = 16 if sm4 else 8
    total = bytes(size)
    for block in blocks(mab, size):
        total = xor(total, block)
    text = total.hex().upper().encode()
    return ecb(key, xor(ecb(key, text[:size], sm4=sm4), text[size:]), sm4=sm4)


def plain_cbc(key: bytes, mab: bytes, *, sm4: bool) -> bytes:
    state = bytes(16 if sm4 else 8)
    for block in blocks(mab, len(state)):
        state = ecb(key, xor(state, block), sm4=sm4)
    return state


def plain_retail(key: bytes, mab: bytes) -> bytes:
    half = len(key) // 2
    state = plain_cbc(key[:half], mab, sm4=False)
    return ecb(key[:half], ecb(key[half:], state, sm4=False, back=True), sm4=False)


def plain(profile: str, key: bytes, mab: bytes) -> bytes:
    if profile == "x919":
        return plain_retail(key, mab)
    if profile.endswith("ecb"):
        return plain_xor_text(key, mab, sm4=profile.startswith("sm4"))
    return plain_cbc(key, mab, sm4=profile.startswith("sm4"))


@pytest.mark.parametrize(
    ("profile", "size"), [(name, size) for name, sizes in KEY_SIZES.items() for size in sizes]
)
@given(data=st.data())
def test_every_profile_equals_the_plain_formulation_on_a_kept_context(profile, size, data):
    key = data.draw(st.binary(min_size=size, max_size=size))
    text, binary, short = (mac_algorithm(f"{profile}/{cut}", key) for cut in ("hex", "bin", "bin4"))
    for mab in data.draw(st.lists(mabs, min_size=1, max_size=4)):
        last = plain(profile, key, mab)
        assert text.compute(mab) == last[:4].hex().upper().encode()
        assert binary.compute(mab) == last[:8]
        assert short.compute(mab) == last[:4] + bytes(4)


def test_the_registry_and_this_test_name_the_same_profiles():
    assert set(MAC_PROFILES) == {"none", *KEY_SIZES}
    assert all(profile.en and profile.zh for profile in MAC_PROFILES.values())


@given(key=st.binary(min_size=8, max_size=8), mab=mabs)
def test_single_des_is_triple_des_with_equal_keys(key, mab):
    single = mac_algorithm("cup_ecb", key).compute(mab)
    assert (
        single
        == mac_algorithm("cup_ecb", key * 2).compute(mab)
        == mac_algorithm("cup_ecb", key * 3).compute(mab)
    )
    assert mac_algorithm("x99", key).compute(mab) == mac_algorithm("cbc_3des", key * 2).compute(mab)
    assert mac_algorithm("x919", key * 2).compute(mab) == mac_algorithm("x99", key).compute(mab)


@pytest.mark.parametrize("profile", KEY_SIZES)
@given(mab=mabs, bit=st.integers(0, 63), data=st.data())
def test_verify_takes_its_own_mac_and_no_other(profile, mab, bit, data):
    mac = mac_algorithm(profile, bytes(range(KEY_SIZES[profile][0])))
    good = mac.compute(mab)
    assert len(good) == 8
    assert mac.verify(mab, good)
    bad = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(8, "big")
    same_hex = MAC_PROFILES[profile].cut.value == "hex" and bad.upper() == good
    assert mac.verify(mab, bad) is same_hex
    assert not mac.verify(mab, good[: data.draw(st.integers(0, 7))])
    assert not mac.verify(mab, good + b"\0")


def test_hex_macs_are_taken_in_either_case():
    mac = mac_algorithm("cup_ecb", b"\x01" * 8)
    assert mac.verify(b"\x02\x00", mac.compute(b"\x02\x00").lower())


def test_another_key_refuses():
    mab = b"\x04\x00" * 50
    for profile, sizes in KEY_SIZES.items():
        theirs = mac_algorithm(profile, bytes(range(1, sizes[0] * 2 + 1, 2))).compute(mab)
        assert not mac_algorithm(profile, bytes(range(2, sizes[0] * 2 + 2, 2))).verify(mab, theirs)


def test_none_is_no_field_and_accepts():
    mac = mac_algorithm("none", b"")
    assert mac.compute(b"x") == b""
    assert mac.verify(b"x", b"")


@pytest.mark.parametrize(("profile", "sizes"), KEY_SIZES.items())
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 16, 17, 24, 25, 32, 33])
def test_wrong_key_lengths_are_refused_without_showing_the_key(profile, sizes, size):
    key = b"\xc7" * size
    if size in sizes:
        assert len(mac_algorithm(profile, key).compute(b"mab")) == 8
        return
    with pytest.raises(KeyLengthError) as caught:
        mac_algorithm(profile, key)
    shown = f"{caught.value}{caught.value.say('zh')}{caught.value!r}".lower()
    assert "c7c7" not in shown
    assert r"\xc7" not in shown
    assert str(size) in caught.value.say("zh")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("name", ["", "cup", "cup_ecb/", "cup_ecb/half", "x919/pad4", "none/hex", "/hex"])
def test_unknown_profiles_are_named(name):
    with pytest.raises(UnknownMacProfile) as caught:
        mac_algorithm(name, bytes(8))
    assert "cup_ecb" in str(caught.value)
    assert "未知" in caught.value.say("zh")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_key_of_another_cipher_gets_the_same_construction_or_a_named_error():
    assert profile_for("cup_ecb", KeyKind.SM4) == "sm4_ecb"
    assert profile_for("cup_ecb/bin", KeyKind.SM4) == "sm4_ecb/bin"
    assert profile_for("none", KeyKind.SM4) == "none"
    for name in KEY_SIZES:
        assert profile_for(name, KeyKind.SM4 if name.startswith("sm4") else KeyKind.DES) == name
    for name, kind in (("x919", KeyKind.SM4), ("sm4_ecb", KeyKind.TRIPLE_DES), ("sm4_cbc", KeyKind.DES)):
        with pytest.raises(KeyKindError) as caught:
            profile_for(name, kind)
        assert name in caught.value.say("zh")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_repr_names_the_profile_and_nothing_else():
    assert repr(mac_algorithm("sm4_cbc/bin", b"k" * 16)) == "Mac('sm4_cbc/bin')"
    assert mac_algorithm("sm4_cbc/bin", b"k" * 16).profile == "sm4_cbc/bin"


def test_a_chain_starts_at_zero_again_after_a_failed_message():
    chain = Chain(b"\x05" * 16, KeyKind.TRIPLE_DES)
    first = chain.last_block(b"a" * 24)

    class Broken:
        def update(self, data):
            raise MemoryError

    chain._context = Broken()
    with pytest.raises(MemoryError):
        chain.last_block(b"a" * 24)
    assert chain.last_block(b"a" * 24) == first


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_chain_refuses_broken_blocks(size):
    with pytest.raises(AssertionError, match="whole blocks"):
        Chain(bytes(16), KeyKind.TRIPLE_DES).last_block(bytes(size))


def test_an_empty_mab_is_one_zero_block():
    for profile, sizes in KEY_SIZES.items():
        mac = mac_algorithm(profile, bytes(range(sizes[0])))
        assert mac.compute(b"") == mac.compute(bytes(8)) == mac.compute(bytes(1))
