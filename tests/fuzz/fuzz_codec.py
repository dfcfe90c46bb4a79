"""Coverage-guided fuzzing of everything that reads bytes from a peer: `make fuzz`.

The first byte picks the dialect, the rest is a frame. Reading ends in a Message or a DecodeError; a Message is written
back to the same bytes; the compiled path agrees with the tables; nothing shown to people fails.
"""

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["storno"]):
    from storno.iso8583 import _compile, _walk
    from storno.iso8583.codec import codec_for
    from storno.iso8583.describe import describe
    from storno.iso8583.detect import detect
    from storno.iso8583.dialects import DIALECTS
    from storno.iso8583.errors import DecodeError, EncodeError, FrameError, SubfieldError
    from storno.iso8583.frames import Frames
    from storno.iso8583.tlv import build_tlv, parse_tlv

EVERY = list(DIALECTS.values())


def one_frame(pick: int, frame: bytes) -> None:
    dialect = EVERY[pick % len(EVERY)]
    codec = codec_for(dialect)
    try:
        message = codec.decode(frame)
    except DecodeError:
        message, problems = codec.decode_lenient(frame)
        assert problems
        with suppress(EncodeError):
            codec.encode(message)
    else:
        assert codec.encode(message) == frame
        if pick & 0x40 and not message.raw:
            numbers = tuple(message.fields)
            fast = _compile.decoder(dialect, numbers)(frame, _walk.head_at(dialect, frame))
            assert fast in (message, None)
            assert _compile.encoder(dialect, numbers)(message) in (frame, None)
    describe(message, dialect, "zh")
    with suppress(DecodeError):
        codec.mab(frame)


def stream(data: bytes) -> None:
    frames = Frames(EVERY[0].framing, frame_bytes_max=64)
    with suppress(FrameError):
        for byte in data:
            frames.receive_data(bytes((byte,)))
            while (frame := frames.next_frame()) is not None:
                assert 0 < len(frame) <= 64


def one_input(data: bytes) -> None:
    if not data:
        return
    pick, frame = data[0], data[1:]
    if pick & 0x80:
        detect(frame)
        stream(frame)
        with suppress(SubfieldError):
            items = parse_tlv(frame.hex())
            assert parse_tlv(build_tlv(items)) == items
        return
    one_frame(pick, frame)


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-max_len=1024"], one_input)
    atheris.Fuzz()
