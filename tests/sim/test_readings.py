"""The codec that worlds share: what was read once is not read again, and nobody sees what another one changed."""

import pytest

from storno.iso8583.codec import Codec
from storno.iso8583.dialects import dialect
from storno.iso8583.errors import DecodeError
from storno.iso8583.message import Message
from storno.sim.world.readings import Readings

pytestmark = pytest.mark.sim
CUP = dialect("cup_pos")


def frame(stan: int) -> bytes:
    fields = {3: "000000", 4: "000000000100", 11: f"{stan:06d}", 41: "00000001", 60: "22000001000"}
    return Codec(CUP).encode(Message("0200", fields, "6000030000", "603100311003"))


@pytest.fixture
def counted(monkeypatch):
    """Count what the production codec reads."""
    seen = []
    real = Codec.decode

    def decode(self, data):
        seen.append(data)
        return real(self, data)

    monkeypatch.setattr(Codec, "decode", decode)
    return seen


def test_each_message_is_read_by_the_production_codec_once(counted):
    codec = Readings(CUP)
    first, again, other = codec.decode(frame(1)), codec.decode(frame(1)), codec.look(frame(2))
    assert counted == [frame(1), frame(2)]
    assert first == again != other
    assert first == Codec(CUP).decode(frame(1))


def test_a_message_may_be_changed_without_another_reader_seeing_it():
    codec = Readings(CUP)
    mine = codec.decode(frame(1))
    mine.fields[4] = "000000000999"
    mine.raw[4] = b"spoilt"
    assert codec.decode(frame(1)).fields[4] == "000000000100"
    assert codec.look(frame(1)).raw == {}


def test_what_cannot_be_read_is_refused_every_time(counted):
    codec = Readings(CUP)
    for _ in range(2):
        with pytest.raises(DecodeError):
            codec.decode(frame(1)[:-3])
    assert len(counted) == 2


def test_only_so_many_readings_are_kept(counted):
    codec = Readings(CUP, kept_max=3)
    for stan in (1, 2, 3, 4, 1):
        assert codec.decode(frame(stan)).fields[11] == f"{stan:06d}"
    assert len(counted) == 5
