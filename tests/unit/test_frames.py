"""A stream cut at any byte gives the same frames; every bound closes the stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.iso8583.errors import Code, FrameError
from storno.iso8583.frames import Frames
from storno.iso8583.spec import Framing


def wire(*bodies):
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def drain(frames):
    found = []
    while (frame := frames.next_frame()) is not None:
        found.append(frame)
    return found


def test_two_frames_split_at_every_byte():
    stream = wire(b"first", b"second one")
    for at in range(len(stream) + 1):
        frames = Frames(Framing())
        frames.receive_data(stream[:at])
        found = drain(frames)
        frames.receive_data(stream[at:])
        assert found + drain(frames) == [b"first", b"second one"]
        assert frames.buffered == 0


@given(bodies=st.lists(st.binary(min_size=1, max_size=50), max_size=8), cuts=st.lists(st.integers(1, 30)))
def test_any_pieces_give_the_same_frames(bodies, cuts):
    stream, frames, found = wire(*bodies), Frames(Framing()), []
    for cut in [*cuts, len(stream)]:
        frames.receive_data(stream[:cut])
        stream = stream[cut:]
        found += drain(frames)
    assert found == bodies


@given(bodies=st.lists(st.binary(min_size=1, max_size=50), max_size=8), cuts=st.lists(st.integers(1, 30)))
def test_taking_whole_frames_first_gives_the_same_frames(bodies, cuts):
    stream, frames, found = wire(*bodies), Frames(Framing()), []
    sizes = [len(body) + 2 for body in bodies]
    for cut in [*cuts, *sizes, len(stream)]:
        piece, stream = stream[:cut], stream[cut:]
        whole = frames.whole(piece)
        if whole is not None:
            found.append(whole)
            continue
        frames.receive_data(piece)
        found += drain(frames)
    assert found == bodies


def test_only_one_exact_frame_with_nothing_before_it_is_whole():
    one = wire(b"abc")
    assert Frames(Framing()).whole(one) == b"abc"
    for data in (b"", one[:2], one[:-1], one + b"\x00", one + one, b"\x00\x00", b"\x00\x0b" + bytes(11)):
        frames = Frames(Framing(), frame_bytes_max=10)
        assert frames.whole(data) is None
        assert frames.buffered == 0
    frames = Frames(Framing())
    frames.receive_data(one[:1])
    assert frames.whole(one) is None  # it is the middle of something else
    frames = Frames(Framing())
    frames.receive_data(b"\x00\x00")
    with pytest.raises(FrameError):
        frames.next_frame()
    assert frames.whole(one) is None  # the stream has no meaning any more


def test_buffered_counts_what_waits():
    frames = Frames(Framing())
    frames.receive_data(wire(b"abc") + b"\x00")
    assert frames.buffered == 6
    assert frames.next_frame() == b"abc"
    assert frames.buffered == 1
    assert frames.next_frame() is None


@pytest.mark.parametrize(
    ("data", "code"), [(b"\x00\x00", Code.FRAME_EMPTY), (b"\x00\x0b", Code.FRAME_MAX)], ids=["zero", "long"]
)
def test_a_bad_length_ends_the_stream_for_good(data, code):
    frames = Frames(Framing(), frame_bytes_max=10)
    frames.receive_data(data)
    for _ in range(2):
        with pytest.raises(FrameError) as caught:
            frames.next_frame()
        assert caught.value.code is code
    with pytest.raises(FrameError):
        frames.receive_data(b"more")
    assert frames.buffered == 0


def test_a_frame_of_the_maximum_passes():
    frames = Frames(Framing(frame_bytes_max=10))
    frames.receive_data(wire(b"0123456789"))
    assert frames.next_frame() == b"0123456789"


def test_a_peer_cannot_fill_the_memory():
    frames = Frames(Framing(frame_bytes_max=10), buffer_bytes_max=20)
    frames.receive_data(b"\x00\x0a" + b"x" * 18)
    with pytest.raises(FrameError) as caught:
        frames.receive_data(b"x")
    assert caught.value.code is Code.BUFFER_MAX
