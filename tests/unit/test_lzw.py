"""Files of Unix `compress`: what a compressor writes comes back, what none writes is an error, and no bomb passes."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.statements.containers import Limits, members
from storno.statements.importing import import_file
from storno.statements.line import FileRefused
from storno.statements.lzw import Lzw
from wallet_bank_rig import DATA

ACOMN = (DATA / "unionpay_acom/IND26112301ACOMN").read_bytes()
# Made by nobody's program but by hand: "abab" as the codes 97, 98, 257 of nine bits each, blocks allowed.
BY_HAND = b"\x1f\x9d\x90" + (97 | 98 << 9 | 257 << 18).to_bytes(4, "little")


def compress(data, bits=16, clear_every=0):
    """Write a file of `compress`; `clear_every` so many codes the table is thrown away."""
    out, group, width = bytearray(b"\x1f\x9d" + bytes((bits | 0x80,))), [], 9
    table, free = {bytes((n,)): n for n in range(256)}, 257

    def flush(*, padded):
        value = sum(code << at * width for at, code in enumerate(group))
        size = width if padded else (len(group) * width + 7) // 8
        out.extend(value.to_bytes(size, "little"))
        group.clear()

    def put(code):
        group.append(code)
        if len(group) == 8:
            flush(padded=True)

    text, codes = b"", 0
    for at in range(len(data)):
        sign = data[at : at + 1]
        if text + sign in table:
            text += sign
            continue
        put(table[text])
        codes += 1
        if clear_every and codes % clear_every == 0:
            put(256)
            if group:
                flush(padded=True)
            table, free, width = {bytes((n,)): n for n in range(256)}, 257, 9
        elif free < 1 << bits:
            table[text + sign], free = free, free + 1
            # The reader is one entry behind, so its width changes a code later.
            if free - 1 == 1 << width and width < bits:
                if group:
                    flush(padded=True)
                width += 1
        text = sign
    if text:
        put(table[text])
    if group:
        flush(padded=False)
    return bytes(out)


def unpacked(data):
    return io.BufferedReader(Lzw(io.BytesIO(data))).read()


def test_a_file_made_by_hand_is_read():
    assert unpacked(BY_HAND) == b"abab"


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("clear_every", [0, 700])
@pytest.mark.parametrize("data", [b"", b"a", b"a" * 5_000, ACOMN * 40, bytes(range(256)) * 90])
def test_what_was_compressed_comes_back(data, bits, clear_every):
    assert unpacked(compress(data, bits, clear_every)) == data


@given(st.binary(max_size=4_000), st.integers(10, 16))
@settings(deadline=None)
def test_any_bytes_come_back(data, bits):
    assert unpacked(compress(data, bits)) == data


@given(st.binary(max_size=600))
@settings(deadline=None)
def test_what_no_compressor_writes_is_an_error_and_nothing_else(junk):
    try:
        unpacked(b"\x1f\x9d" + junk)
    except ValueError as error:
        assert str(error)  # noqa: PT017 any other error is the test's failure


def test_unionpays_files_are_imported_as_they_are_sent(tmp_path):
    plain, packed = tmp_path / "IND26112301ACOMN", tmp_path / "IND26112301ACOMN.Z"
    plain.write_bytes(ACOMN)
    packed.write_bytes(compress(ACOMN))
    (one,), (other,) = (import_file(path, tmp_path / f"home of {path.name}") for path in (plain, packed))
    assert one.stored.complete
    assert other.source == "IND26112301ACOMN.Z/IND26112301ACOMN"
    assert (other.stored.name, other.stored.sums) == (one.stored.name, one.stored.sums)


@pytest.mark.parametrize("spoil", [lambda data: data[:2], lambda data: data[:2] + b"\xff" + data[3:],
                                   lambda data: data[:3] + b"\xff" * 40])  # fmt: skip
def test_a_damaged_file_is_refused_in_words(spoil, tmp_path):
    path = tmp_path / "IND26112301ACOMN.Z"
    path.write_bytes(spoil(compress(ACOMN)))
    (outcome,) = import_file(path, tmp_path / "home")
    assert outcome.refused.code == "container"
    assert outcome.refused.chinese


def test_a_bomb_is_refused_by_what_comes_out(tmp_path):
    path = tmp_path / "bomb.Z"
    path.write_bytes(compress(b"0" * 3_000_000))

    def read_all():
        with members(path, limits=Limits(ratio=10, free_bytes=10)) as found:
            return [member.open().read() for member in found]

    with pytest.raises(FileRefused) as refused:
        read_all()
    assert refused.value.code == "bomb"
