"""The host's keys: a key file is read or refused without showing a key; keys of a sign-in suit the MAC profile."""

from random import Random

import pytest

from host_rig import NOW, TID
from storno.sim.host_keys import SIGN_IN_CODES, TEST_TMK, HostKeys, KeyFileError, load_keys

OTHER = "11111111111111112222222222222222"


def test_a_key_file_gives_keys_by_terminal(tmp_path):
    file = tmp_path / "keys.toml"
    file.write_text(f'link_mak = "{OTHER}"\n[terminals]\n00000009 = "{OTHER}"\n')
    keys = load_keys(file)
    assert keys.tmk("00000009") == bytes.fromhex(OTHER)
    assert keys.tmk(TID) == TEST_TMK
    assert keys.link_mac("cbc_3des").compute(b"x") != HostKeys().link_mac("cbc_3des").compute(b"x")


@pytest.mark.parametrize(
    "text",
    [
        "=",
        'other = "1"',
        f'default = "{OTHER}AB"',
        f'[terminals]\n1 = "{OTHER}ZZ"',
        "default = 1",
        'terminals = "x"',
    ],
)
def test_a_bad_key_file_is_refused_without_its_content(tmp_path, text):
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(KeyFileError, match=r"keys\.toml") as caught:
        load_keys(file)
    assert OTHER not in caught.value.say("en") + caught.value.say("zh")


@pytest.mark.parametrize("code", SIGN_IN_CODES)
@pytest.mark.parametrize("profile", ["cup_ecb", "none"])
def test_issued_keys_unwrap_and_differ_each_time(code, profile):
    keys, rng = HostKeys(), Random(5)
    first, second = (keys.issue(TID, code, profile, NOW, rng) for _ in range(2))
    one, two = keys.working_keys(TID, first), keys.working_keys(TID, second)
    assert {one.mak, one.pik}.isdisjoint({two.mak, two.pik})
    assert (one.tdk is not None) == (code == "004")


def test_des_keys_have_odd_parity():
    signed = HostKeys().issue(TID, "003", "cup_ecb", NOW, Random(1))
    assert all(byte.bit_count() % 2 for byte in HostKeys().working_keys(TID, signed).pik)
