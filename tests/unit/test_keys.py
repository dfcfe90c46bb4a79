"""Working keys, check values, components and PIN blocks: layouts, proofs, refusals, and nothing secret in print."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.iso8583.cipher import CryptoError, KeyKind
from storno.iso8583.keys import (
    ComponentError,
    KeyCheckError,
    KeyLengthError,
    PinBlockError,
    WorkingKeys,
    check_value,
    combine_components,
    decode_pin_block,
    decrypt_pin,
    encode_pin_block,
    encrypt_pin,
    key_from_hex,
    unwrap_working_keys,
    wrap_working_keys,
)

TMK = bytes(range(16, 32))
K8, K16, L16 = bytes(range(40, 48)), bytes(range(60, 76)), bytes(range(80, 96))


def key(*sizes: int) -> st.SearchStrategy[bytes]:
    return st.sampled_from(sizes).flatmap(lambda size: st.binary(min_size=size, max_size=size))


SETS = {
    "001": st.builds(WorkingKeys, key(8), key(8), st.none(), st.just(KeyKind.DES)),
    "003": st.builds(WorkingKeys, key(16), key(8, 16), st.none(), st.just(KeyKind.TRIPLE_DES)),
    "004": st.builds(WorkingKeys, key(16), key(8, 16), key(16), st.just(KeyKind.TRIPLE_DES)),
    "005": st.builds(WorkingKeys, key(16), key(16), st.none() | key(16), st.just(KeyKind.SM4)),
}
SIZES = {"001": {24}, "003": {40}, "004": {60}, "005": {40, 60}}
ONE = {
    "001": WorkingKeys(K8, K8[::-1], None, KeyKind.DES),
    "003": WorkingKeys(K16, K8, None, KeyKind.TRIPLE_DES),
    "004": WorkingKeys(K16, K8, L16, KeyKind.TRIPLE_DES),
    "005": WorkingKeys(K16, L16, K16[::-1], KeyKind.SM4),
}


@pytest.mark.parametrize("code", SETS)
@given(data=st.data())
def test_what_a_host_wraps_a_terminal_unwraps(code, data):
    keys = data.draw(SETS[code])
    tmk = data.draw(key(16) if code == "005" else key(8, 16, 24))
    field62 = wrap_working_keys(tmk, keys, code)
    assert len(field62) in SIZES[code]
    assert unwrap_working_keys(tmk, field62, code) == keys


@pytest.mark.parametrize(
    ("code", "said"),
    # 004 promises a TDK, so it does not take a set without one: test_004_needs_its_tdk
    [(code, said) for code in ONE for said in (*ONE, "011", "") if said != "004" or ONE[code].tdk],
)
def test_check_values_prove_a_layout_60_3_did_not_name(code, said):
    field62 = wrap_working_keys(TMK, ONE[code], code)
    assert unwrap_working_keys(TMK, field62, said) == ONE[code]


@pytest.mark.parametrize("code", ONE)
def test_f62_as_hex_text(code):
    text = wrap_working_keys(TMK, ONE[code], code).hex().upper().encode()
    assert unwrap_working_keys(TMK, text, code) == ONE[code]


def test_bytes_behind_the_keys_do_not_matter():
    field62 = wrap_working_keys(TMK, ONE["003"], "003")
    assert unwrap_working_keys(TMK, field62 + b"\xff" * 20, "003") == ONE["003"]


def test_a_short_mak_whose_filler_is_not_zero():
    field62 = bytearray(wrap_working_keys(TMK, ONE["003"], "003"))
    field62[28:36] = b"\xff" * 8
    assert unwrap_working_keys(TMK, bytes(field62), "003") == ONE["003"]


@pytest.mark.parametrize("code", ONE)
@given(data=st.data())
def test_one_changed_bit_in_a_key_or_check_value_refuses_that_key(code, data):
    field62 = wrap_working_keys(TMK, ONE[code], code)
    names = [name for name, _ in ONE[code].named()]
    step = len(field62) // len(names)
    at = data.draw(st.integers(0, len(field62) - 1))
    filler = code in ("003", "004") and at // step == 1 and 8 <= at % step < 16
    broken = bytearray(field62)
    broken[at] ^= 1 << data.draw(st.integers(0, 7))
    if filler:
        assert unwrap_working_keys(TMK, bytes(broken), code) == ONE[code]
        return
    with pytest.raises(KeyCheckError) as caught:
        unwrap_working_keys(TMK, bytes(broken), code)
    assert caught.value.which == names[at // step]
    assert names[at // step] in caught.value.say("zh")


def test_a_wrong_tmk_blames_the_pik():
    field62 = wrap_working_keys(TMK, ONE["003"], "003")
    with pytest.raises(KeyCheckError) as caught:
        unwrap_working_keys(TMK[::-1], field62, "003")
    assert caught.value.which == "PIK"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_004_needs_its_tdk():
    with pytest.raises(KeyCheckError) as caught:
        unwrap_working_keys(TMK, wrap_working_keys(TMK, ONE["003"], "003"), "004")
    assert caught.value.which == "F62"


@given(field62=st.binary(max_size=130), code=st.sampled_from(["001", "003", "004", "005", "007", "x"]))
def test_noise_is_refused_by_name(field62, code):
    with pytest.raises(KeyCheckError) as caught:
        unwrap_working_keys(TMK, field62, code)
    assert caught.value.which in {"PIK", "MAK", "TDK", "F62"}
    assert caught.value.say("zh") != str(caught.value)


@pytest.mark.parametrize("size", [0, 7, 15, 17, 32])
def test_a_tmk_of_another_length_is_refused(size):
    with pytest.raises(KeyLengthError):
        unwrap_working_keys(bytes(size), bytes(40), "003")


@pytest.mark.parametrize(
    ("code", "keys", "error"),
    [
        ("002", ONE["003"], CryptoError),
        ("004", ONE["003"], CryptoError),
        ("005", ONE["003"], CryptoError),
        ("003", ONE["005"], CryptoError),
        ("001", ONE["003"], KeyLengthError),
        ("003", ONE["001"], KeyLengthError),
    ],
)
def test_a_host_cannot_wrap_what_does_not_fit(code, keys, error):
    with pytest.raises(error):
        wrap_working_keys(TMK, keys, code)


def test_003_leaves_the_tdk_out():
    assert wrap_working_keys(TMK, ONE["004"], "003") == wrap_working_keys(TMK, ONE["003"], "003")


def test_keys_stay_out_of_repr_and_errors():
    for keys in ONE.values():
        shown = repr(keys)
        for _, secret in keys.named():
            assert secret.hex() not in shown
            assert repr(secret)[2:-1] not in shown
    with pytest.raises(KeyLengthError) as caught:
        WorkingKeys(b"secret!", K8, None, KeyKind.DES)
    assert "secret!" not in f"{caught.value!r}{caught.value.say('zh')}"


def test_the_kind_may_be_text():
    assert WorkingKeys(K16, K8, None, "3des").kind is KeyKind.TRIPLE_DES
    with pytest.raises(KeyLengthError):
        WorkingKeys(K16, K8, None, "sm4")


def test_check_values_by_kind():
    assert check_value(K8, "des") == check_value(K8 * 2, "3des") == check_value(K8 * 3, KeyKind.TRIPLE_DES)
    assert check_value(K16, "sm4") != check_value(K16, "3des")
    assert check_value(bytes(8), "des").hex().upper() == "8CA64DE9"


@given(parts=st.lists(st.binary(min_size=16, max_size=16).filter(any), min_size=2, max_size=3, unique=True))
def test_components_combine_in_any_order(parts):
    whole = bytes(16)
    for part in parts:
        whole = bytes(a ^ b for a, b in zip(whole, part, strict=True))
    if not any(whole):
        return
    assert combine_components(parts) == combine_components(parts[::-1]) == whole


@pytest.mark.parametrize(
    "parts",
    [[], [K16], [K16] * 4, [K16, K8], [K16, K16], [K16, bytes(16)], [b"\x01" * 7, b"\x02" * 7]],
)
def test_components_that_cannot_make_a_key(parts):
    with pytest.raises(ComponentError) as caught:
        combine_components(parts)
    assert K16.hex() not in repr(caught.value).lower()


def test_typed_keys():
    assert key_from_hex("00112233 44556677\n8899aabb ccddeeff") == bytes.fromhex(
        "00112233445566778899AABBCCDDEEFF"
    )
    for wrong in ("", "00112233", "zz" * 16, "SECRET" * 8):
        with pytest.raises(CryptoError) as caught:
            key_from_hex(wrong)
        assert not wrong or wrong not in f"{caught.value}{caught.value.say('zh')}"


pins = st.text("0123456789", min_size=4, max_size=12)
pans = st.text("0123456789", min_size=13, max_size=19)


@pytest.mark.parametrize(("kind", "size"), [("des", 8), ("3des", 8), ("sm4", 16)])
@given(pin=pins, pan=pans | st.none(), pik=st.binary(min_size=16, max_size=16))
def test_pin_blocks_come_back(kind, size, pin, pan, pik):
    clear = encode_pin_block(pin, pan, kind)
    assert len(clear) == size
    assert decode_pin_block(clear, pan) == pin
    field52 = encrypt_pin(pik, pin, pan, kind)
    assert len(field52) == size
    assert decrypt_pin(pik, field52, pan, kind) == pin


@given(block=st.binary(max_size=20), pan=pans | st.none())
def test_any_bytes_are_a_pin_or_a_named_error(block, pan):
    try:
        pin = decode_pin_block(block, pan)
    except PinBlockError:
        return
    assert encode_pin_block(pin, pan, "sm4" if len(block) == 16 else "3des") == block


@pytest.mark.parametrize(
    ("pin", "pan"), [("123", "6225881234561234"), ("1234567890123", None), ("12a4", None)]
)
def test_pins_that_are_none(pin, pan):
    with pytest.raises(PinBlockError) as caught:
        encode_pin_block(pin, pan)
    assert pin not in str(caught.value)


@pytest.mark.parametrize("pan", ["", "1", "62258812345612345678", "622588******1234", "٣٣٣٣٣٣٣٣٣٣٣٣٣٣"])
def test_pans_that_are_none(pan):
    with pytest.raises(PinBlockError):
        encode_pin_block("1234", pan)


def test_a_field_52_of_another_size_is_refused():
    with pytest.raises(PinBlockError):
        decrypt_pin(K16, bytes(8), None, "sm4")
