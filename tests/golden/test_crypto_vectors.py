"""Published worked examples of MACs, working keys, check values and PIN blocks, reproduced byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storno.iso8583.cipher import KeyKind, decryptor, encryptor
from storno.iso8583.keys import (
    check_value,
    combine_components,
    decode_pin_block,
    encode_pin_block,
    encrypt_pin,
    unwrap_working_keys,
)
from storno.iso8583.mac import mac_algorithm

pytestmark = pytest.mark.golden

DATA = Path(__file__).parent / "data"
HEX = bytes.fromhex


def load(name: str) -> Any:
    return json.loads((DATA / f"crypto_{name}.json").read_text(encoding="utf-8"))


CUP = load("cup_mac")
KEYS = load("working_keys")
X919 = load("x919_0400")
ISO = load("iso9797")
PIN = load("pin_iso0")["vectors"]
SM4 = load("sm4")


def test_cup_mak_is_unwrapped_from_the_published_tmk() -> None:
    decrypt = decryptor(HEX(CUP["terminal_master_key"]), KeyKind.TRIPLE_DES)
    assert decrypt(HEX(CUP["mak_encrypted"])).hex().upper() == CUP["mak_clear"]


def test_cup_ecb_field_64() -> None:
    mac = mac_algorithm("cup_ecb", HEX(CUP["mak_clear"]))
    assert mac.compute(HEX(CUP["mab_hex"])) == CUP["field64_ascii"].encode()
    assert mac.verify(HEX(CUP["mab_hex"]), CUP["field64_ascii"].encode())


def test_cup_ecb_whole_last_block() -> None:
    mac = mac_algorithm("cup_ecb/bin", HEX(CUP["mak_clear"]))
    assert mac.compute(HEX(CUP["mab_hex"])) == HEX(CUP["enc_block2"])


def test_x919_field_64_of_a_whole_0400() -> None:
    message = HEX(X919["message_hex"])
    mac = mac_algorithm("x919", HEX(X919["mak"]))
    assert mac.compute(HEX(X919["mab_hex"])) == HEX(X919["mac_x919"])
    mab, field64 = message[2 + 5 + 6 : -8], message[-8:]
    assert mac.verify(mab, field64)
    assert not mac.verify(mab.replace(b"98", b"06"), field64)


@pytest.mark.parametrize("padding", [1, 2, 3])
def test_iso9797_algorithm_3(padding: int) -> None:
    key = (ISO["retail_mac"]["key1_ascii"] + ISO["retail_mac"]["key2_ascii"]).encode()
    mac = mac_algorithm(f"x919/pad{padding}", key)
    assert mac.compute(ISO["data_ascii"].encode()).hex().upper() == ISO["retail_mac"][f"padding_{padding}"]


@pytest.mark.parametrize("padding", [1, 2, 3])
def test_iso9797_algorithm_1(padding: int) -> None:
    mac = mac_algorithm(f"cbc_3des/pad{padding}", HEX(ISO["cbc_mac"]["key_hex"]))
    assert mac.compute(ISO["data_ascii"].encode()).hex().upper() == ISO["cbc_mac"][f"padding_{padding}"]


def test_sign_in_003_of_40_bytes() -> None:
    vector = KEYS["code456"]
    keys = unwrap_working_keys(HEX(vector["master_key"]), HEX(vector["field62_hex"]), "003")
    assert (keys.pik, keys.mak, keys.tdk) == (HEX(vector["pik_clear"]), HEX(vector["mak_clear"]), None)
    assert check_value(keys.pik, "3des") == HEX(vector["pik_cv"])
    assert check_value(keys.mak, "des") == HEX(vector["mak_cv"])


def test_sign_in_with_a_full_16_byte_mak_under_a_key_of_two_components() -> None:
    vector = KEYS["ajsgn"]
    parts = [HEX(vector["component1"]), HEX(vector["component2"])]
    assert [check_value(part, "3des") for part in parts] == [
        HEX(vector["component1_cv"]),
        HEX(vector["component2_cv"]),
    ]
    tmk = combine_components(parts)
    assert tmk == HEX(vector["zmk"])
    assert check_value(tmk, KeyKind.TRIPLE_DES) == HEX(vector["zmk_cv"])
    field62 = HEX(vector["pik_encrypted"] + vector["pik_cv"] + vector["mak_encrypted"] + vector["mak_cv"])
    keys = unwrap_working_keys(tmk, field62, "003")
    assert (keys.pik, keys.mak) == (HEX(vector["pik_clear"]), HEX(vector["mak_clear"]))


@pytest.mark.parametrize("cv_size", [3, 4, 8])
def test_sm4_sign_in_key_and_check_value(cv_size: int) -> None:
    vector = KEYS["sm4"]
    slot = HEX(vector["key_encrypted"]) + HEX(vector["check_value_8"])[:cv_size]
    keys = unwrap_working_keys(HEX(vector["tmk"]), slot * 3, "005")
    assert keys.kind is KeyKind.SM4
    assert keys.pik == keys.mak == keys.tdk == HEX(vector["key_clear"])


def test_sm4_pin_block_of_16_bytes() -> None:
    vector = KEYS["sm4"]
    clear = encode_pin_block(vector["pin"], vector["pan"], "sm4")
    assert clear == HEX(vector["clear_block"])
    assert decode_pin_block(clear, vector["pan"]) == vector["pin"]
    key = HEX(vector["key_clear"])
    assert encrypt_pin(key, vector["pin"], vector["pan"], "sm4") == encryptor(key, KeyKind.SM4)(clear)


@pytest.mark.parametrize("vector", PIN, ids=lambda v: f"{len(v['pin'])}-{len(v['pan'])}")
def test_iso0_pin_blocks(vector: dict[str, str]) -> None:
    block = encode_pin_block(vector["pin"], vector["pan"])
    assert block.hex().upper() == vector["clear_block"]
    assert decode_pin_block(block, vector["pan"]) == vector["pin"]


def test_sm4_standard_block() -> None:
    standard = SM4["standard"]
    assert encryptor(HEX(standard["key"]), KeyKind.SM4)(HEX(standard["plain"])) == HEX(standard["cipher"])


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("sm4_ecb", SM4["regression"]["ecb_xor_first8_hex_chars"].encode()),
        ("sm4_ecb/bin", HEX(SM4["regression"]["ecb_xor_final16"])[:8]),
        ("sm4_cbc", SM4["regression"]["cbc_final16"][:8].encode()),
        ("sm4_cbc/bin", HEX(SM4["regression"]["cbc_final16"])[:8]),
    ],
)
def test_sm4_macs_stay_as_derived(profile: str, expected: bytes) -> None:
    assert mac_algorithm(profile, HEX(SM4["standard"]["key"])).compute(HEX(CUP["mab_hex"])) == expected
