"""The codec: one per dialect, from frame to Message and back.

Rule: `decode` raises DecodeError and nothing else, `encode` EncodeError and nothing else. Messages of a kind seen
before go through code compiled for their bitmap; anything irregular falls back to the table-driven path, which gives
the same result or the exact error. The number of compiled kinds is bounded, so nobody can grow it from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from storno.iso8583 import _compile, _walk
from storno.iso8583.errors import Code, DecodeError, EncodeError, Problem
from storno.iso8583.message import Message
from storno.iso8583.spec import Dialect, Form, Head

KINDS_MAX = 256
_SEEN_MAX = 1024
_MAC_BYTES = 8
_HALF = 64


class Codec:
    """Decode and encode one dialect's messages."""

    def __init__(self, dialect: Dialect, kinds_max: int = KINDS_MAX) -> None:
        self.dialect = dialect
        self._kinds_max = kinds_max
        self._decoders: dict[bytes, _compile.Decoder] = {}
        self._wide_decoders: dict[bytes, _compile.Decoder] = {}
        self._encoders: dict[tuple[int, ...], _compile.Encoder] = {}
        self._seen: set[object] = set()
        self._wide = tuple(f.number for f in dialect.fields if f.also is not None)
        self._mti_at = dialect.framing.tpdu_bytes + dialect.framing.header_bytes
        mark = dialect.framing.header_mark
        self._mark = None if mark is None else bytes((mark,))
        self._hex = dialect.head is Head.ASCII_HEX
        self._bitmap_after = 2 if dialect.head is Head.BCD else 4
        mac_field = dialect.table[dialect.mac_field or _HALF]
        in_hex = mac_field is not None and mac_field.form is Form.HEX
        self._mac_wire_bytes = 2 * _MAC_BYTES if in_hex else _MAC_BYTES

    @property
    def kinds(self) -> int:
        """Give the number of compiled message kinds (decoders and encoders)."""
        return len(self._decoders) + len(self._wide_decoders) + len(self._encoders)

    def decode(self, frame: bytes) -> Message:
        """Read a frame (what follows the length prefix). DecodeError names rule, field and byte."""
        at = self._mti_at
        if self._mark is not None and frame[:1] != self._mark:
            at = 0
        start = at + self._bitmap_after
        if self._hex:
            key = frame[start : start + 16]
            if key[:1] >= b"8":
                key = frame[start : start + 32]
        else:
            key = frame[start : start + 8]
            if key[:1] >= b"\x80":
                key = frame[start : start + 16]
        fast = self._decoders.get(key)
        if fast is not None:
            message = fast(frame, at)
            if message is not None:
                return message
            if self._wide_decoders:
                fast_wide = self._wide_decoders.get(key)
                message = None if fast_wide is None else fast_wide(frame, at)
                if message is not None:
                    return message
        message, wide = self._walk(frame)
        if 1 not in message.raw:
            self._learn_decoder(key, message, wide=wide)
        return message

    def decode_lenient(self, frame: bytes) -> tuple[Message, tuple[Problem, ...]]:
        """Read all that can be read, for people, with the problems met."""
        walked = self.walk_lenient(frame)
        return walked.message, tuple(walked.problems)

    def walk_lenient(self, frame: bytes) -> _walk.Walked:
        """Read all that can be read and tell where reading stopped; of two lengths the one that reads further."""
        first = _walk.read_lenient(self.dialect, frame, wide=False)
        if not first.problems or not any(n in first.message.fields for n in self._wide):
            return first
        second = _walk.read_lenient(self.dialect, frame, wide=True)
        return second if not second.problems else first

    def encode(self, msg: Message) -> bytes:
        """Write a message as a frame, without length prefix. EncodeError names the field."""
        if not msg.raw:
            key = tuple(msg.fields)
            fast = self._encoders.get(key)
            if fast is not None:
                wire = fast(msg)
                if wire is not None:
                    return wire
            else:
                wire = _walk.write(self.dialect, msg)
                self._learn_encoder(key)
                return wire
        return _walk.write(self.dialect, msg)

    def frame(self, body: bytes) -> bytes:
        """Put the length prefix before a body. EncodeError when empty or over the maximum."""
        most = self.dialect.framing.frame_bytes_max
        if not 0 < len(body) <= most:
            raise EncodeError(None, Code.FRAME_MAX if body else Code.FRAME_EMPTY, most, len(body))
        return len(body).to_bytes(2, "big") + body

    def mab(self, frame: bytes) -> bytes:
        """Give the MAC input: MTI to the last byte before the MAC field, which must be the last field."""
        at = _walk.head_at(self.dialect, frame)
        start = at + self._bitmap_after
        try:
            bits = (
                bytes.fromhex(frame[start : start + 32].decode("ascii"))
                if self._hex
                else frame[start : start + 16]
            )
        except ValueError:
            raise DecodeError(Problem(Code.BITMAP, 1, start)) from None
        double = bits[:1] >= b"\x80"
        last = bits[15:16] if double else bits[7:8]
        size = self._mac_wire_bytes
        body = start + (2 if self._hex else 1) * (16 if double else 8)
        if not last or not last[0] & 1 or len(frame) < body + size:
            raise DecodeError(Problem(Code.MAC_ABSENT, self.dialect.mac_field, len(frame)))
        return frame[at : len(frame) - size]

    def seal(self, msg: Message, mac: Callable[[bytes], bytes]) -> bytes:
        """Encode with the MAC field set to `mac(mab)`, 8 bytes as they go on the wire; `msg` is not changed.

        The MAC is F64, or F128 when the message has fields above 64 or the dialect always puts it there.
        """
        if self.dialect.mac_field is None:
            raise EncodeError(None, Code.MAC_ABSENT)
        fields = {n: text for n, text in msg.fields.items() if n not in (_HALF, 128)}
        number = 128 if self.dialect.mac_field != _HALF or (fields and max(fields) > _HALF) else _HALF
        fields[number] = "0" * (_MAC_BYTES * 2)
        raw = {n: wire for n, wire in msg.raw.items() if n not in (_HALF, 128)} if msg.raw else None
        draft = self.encode(Message(msg.mti, fields, msg.tpdu, msg.header, raw))
        at = _walk.head_at(self.dialect, draft)
        end = len(draft) - self._mac_wire_bytes
        value = mac(draft[at:end])
        if len(value) != _MAC_BYTES:
            raise EncodeError(number, Code.MAC_LENGTH, _MAC_BYTES, len(value))
        return draft[:end] + (value.hex().upper().encode("ascii") if end + 16 == len(draft) else value)

    def _walk(self, frame: bytes) -> tuple[Message, bool]:
        """Read strictly; where a field has two lengths, the first that makes the whole message fit is right."""
        try:
            return _walk.read(self.dialect, frame, wide=False), False
        except DecodeError as error:
            if not self._wide:
                raise
            try:
                return _walk.read(self.dialect, frame, wide=True), True
            except DecodeError:
                raise error from None

    def _again(self, key: object) -> bool:
        """Tell whether this kind was seen before and may be compiled; one-off kinds never are."""
        if key in self._seen:
            self._seen.discard(key)
            return True
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen.add(key)
        return False

    def _learn_decoder(self, key: bytes, message: Message, *, wide: bool) -> None:
        numbers = tuple(message.fields)
        if key not in self._decoders:
            if len(self._decoders) < self._kinds_max and self._again(key):
                self._decoders[key] = _compile.decoder(self.dialect, numbers)
        elif wide and key not in self._wide_decoders and self._again(key):
            self._wide_decoders[key] = _compile.decoder(self.dialect, numbers, wide=True)

    def _learn_encoder(self, key: tuple[int, ...]) -> None:
        if len(self._encoders) < self._kinds_max and self._again(key):
            self._encoders[key] = _compile.encoder(self.dialect, tuple(sorted(key)))


@lru_cache(maxsize=64)
def codec_for(dialect: Dialect) -> Codec:
    """Give the codec of a dialect, always the same one."""
    return Codec(dialect)
