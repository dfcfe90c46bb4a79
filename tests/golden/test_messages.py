"""Real bytes in, exact fields out, the same bytes back: every message of `data/`, by both paths of the codec.

STORNO_VECTORS may name one more folder with files of the same names and layout.
"""

import json
import os
from pathlib import Path

import pytest

from storno.iso8583 import _walk
from storno.iso8583.codec import Codec
from storno.iso8583.detect import detect
from storno.iso8583.dialects import dialect
from storno.iso8583.errors import Code
from storno.iso8583.message import Message

DATA = Path(__file__).parent / "data"
FOLDERS = [DATA] + [Path(extra) for extra in [os.environ.get("STORNO_VECTORS")] if extra]


def load(name):
    for folder in FOLDERS:
        yield from json.loads((folder / name).read_text(encoding="utf-8"))["vectors"]


def pos_cases():
    for one in load("cup_pos_messages.json"):
        prefix = one["length_prefix"] if "length_prefix" in one else one["has_length_prefix"]
        head = one["head"] if "head" in one else one["has_tpdu_and_6_byte_header"]
        yield pytest.param(one, prefix, head, id=one["id"])


def fields_of(one):
    return {int(key): text for key, text in one["fields"].items() if key.isdigit()}


def both_ways(codec, frame, expected: Message):
    """The first calls go through the tables, the later ones through compiled code: all must agree."""
    for _ in range(4):
        message = codec.decode(frame)
        assert message.mti == expected.mti
        assert message.fields == expected.fields
        assert (message.tpdu, message.header) == (expected.tpdu, expected.header)
        assert codec.encode(message) == frame
    assert codec.kinds
    lenient, problems = codec.decode_lenient(frame)
    assert problems == ()
    assert lenient.fields == expected.fields


@pytest.mark.parametrize(("one", "prefix", "head"), list(pos_cases()))
def test_a_pos_message(one, prefix, head):
    whole = bytes.fromhex(one["hex"])
    codec = Codec(dialect("cup_pos") if head else dialect("cup_pos").framed(0, 0))
    frame = whole[2:] if prefix else whole
    both_ways(codec, frame, Message(one["mti"], fields_of(one), one["tpdu"] or "", one["header"] or ""))
    if prefix:
        assert codec.frame(frame) == whole


@pytest.mark.parametrize(("one", "prefix", "head"), list(pos_cases()))
def test_a_pos_message_is_recognised(one, prefix, head):
    found = detect(bytes.fromhex(one["hex"]))
    assert found.dialect.name == "cup_pos"
    assert found.problems == ()
    assert found.message.fields == fields_of(one)
    assert found.bitmap.hex().upper() == one["bitmap"]
    assert ("length_prefix" in found.assumed) == prefix
    assert ("no_tpdu" in found.assumed) == (not head)


@pytest.mark.parametrize("one", list(load("cups_network_messages.json")), ids=lambda one: one["id"])
def test_a_network_message(one):
    frame = bytes.fromhex(one["hex"])
    both_ways(Codec(dialect("cups")), frame, Message(one["fields"]["mti"], fields_of(one)))
    found = detect(frame)
    assert (found.dialect.name, found.problems) == ("cups", ())
    assert found.bitmap.hex().upper() == one["fields"]["bitmap"]


def test_a_network_message_with_its_46_byte_header():
    one = next(load("cups_network_messages.json"))
    body = bytes.fromhex(one["hex"])
    header = (
        bytes.fromhex("2E02")
        + f"{len(body) + 46:04d}".encode()
        + b"00010344   "
        + b"00010000   "
        + bytes(13)
        + b"00000"
    )
    assert len(header) == 46
    both_ways(
        Codec(dialect("cups")), header + body, Message("0200", fields_of(one), header=header.hex().upper())
    )
    assert detect(header + body).message.header == header.hex().upper()


def iso_cases():
    return [(one["file"], one["ascii"].encode()) for one in load("iso8583_ascii_messages.json")]


@pytest.mark.parametrize(("name", "frame"), iso_cases(), ids=[name for name, _ in iso_cases()])
def test_a_text_message(name, frame):
    codec = Codec(dialect("iso87_ascii"))
    both_ways(codec, frame, _walk.read(codec.dialect, frame, wide=False))
    found = detect(frame)
    assert (found.dialect.name, found.problems) == ("iso87_ascii", ())


def test_the_text_reversal_has_the_published_fields():
    data = json.loads((DATA / "iso8583_ascii_messages.json").read_text(encoding="utf-8"))
    truth = data["decoded_0400"]
    frame = next(one["ascii"] for one in data["vectors"] if one["file"].endswith("iso_reversal_message.dat"))
    message = Codec(dialect("iso87_ascii")).decode(frame.encode())
    assert message.mti == truth["mti"]
    assert message.fields == {int(n): text for n, text in truth["elements"].items() if n != "1"}


def test_the_published_example_of_pyiso8583():
    data = json.loads((DATA / "pyiso8583_doc_example.json").read_text(encoding="utf-8"))
    message = Codec(dialect("iso87_ascii")).decode(data["ascii"].encode())
    assert message.fields == fields_of(data)


def test_a_foreign_header_and_a_prefix_that_counts_hex_characters_are_named():
    line = (DATA / "non_cup_dialects.txt").read_text(encoding="utf-8").splitlines()[-1]
    found = detect(bytes.fromhex(line))
    assert [problem.code for problem in found.problems] == [
        Code.LENGTH_PREFIX_HEX,
        Code.HEADER_LENGTH,
        Code.TRAILING,
    ]
    assert [problem.offset for problem in found.problems] == [0, 7, 55]
    assert found.message.mti == "0800"
    assert found.message.get(3) == "800000"
    assert found.message.get(38) == "712233"
