"""Which dialect, and with which head, are these bytes? For dumps that come without a label.

Rule: what reads cleanly wins, in the order of likelihood; otherwise the reading that gets furthest, with every
assumption named. Never raises for bytes; empty input is the caller's to refuse. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from storno.iso8583 import mti as message_type
from storno.iso8583._walk import structural
from storno.iso8583.codec import Codec, codec_for
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.errors import Code, Problem
from storno.iso8583.message import Message
from storno.iso8583.spec import PREFIX_BYTES, Dialect

_ODD_HEADERS = (2, 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the bytes: dialect (with the head assumed), message, problems, and what was assumed.

    `problems` count bytes of the input, prefix included. `assumed` are codes `words` can say.
    """

    dialect: Dialect
    message: Message
    problems: tuple[Problem, ...]
    bitmap: bytes
    assumed: tuple[str, ...]
    reach: float


_WORDS = {
    "dialect": ("未指定方言，按最吻合者解析", "dialect not given, the best fitting one taken"),
    "length_prefix": ("含2字节长度前缀", "starts with a 2-byte length prefix"),
    "length_prefix_wrong": ("含长度前缀但数值不符", "starts with a length prefix, which is wrong"),
    "no_length_prefix": ("不含长度前缀", "no length prefix"),
    "no_tpdu": ("不含TPDU和报文头", "no TPDU and header"),
    "tpdu_only": ("有TPDU但无报文头", "TPDU without header"),
    "short_header": ("TPDU后只有2字节版本号", "TPDU, then a 2-byte version in place of the header"),
}


def words(assumed: str, lang: str) -> str:
    """Say an assumption in `zh` or `en`."""
    return _WORDS[assumed][0 if lang == "zh" else 1]


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the frame starts in the input, and what the prefix said."""

    at: int
    assumed: str
    problem: Problem | None = None


def _starts(data: bytes) -> list[_Start]:
    rest = len(data) - PREFIX_BYTES
    said = int.from_bytes(data[:PREFIX_BYTES], "big")
    none = _Start(0, "no_length_prefix")
    if rest <= 0:
        return [none]
    if said == rest:
        return [_Start(PREFIX_BYTES, "length_prefix"), none]
    if said == rest * 2:
        problem = Problem(Code.LENGTH_PREFIX_HEX, None, 0, rest, said)
    else:
        problem = Problem(Code.LENGTH_PREFIX, None, 0, rest, said)
    return [none, _Start(PREFIX_BYTES, "length_prefix_wrong", problem)]


def _heads(dialect: Dialect) -> Iterator[tuple[Codec, tuple[str, ...], int | None]]:
    """Give the ways the head may be cut: codec, assumptions, the header size found where it is a wrong one."""
    yield codec_for(dialect), (), None
    framing = dialect.framing
    if framing.tpdu_bytes:
        yield _framed(dialect, 0, 0), ("no_tpdu",), None
        for size in _ODD_HEADERS:
            if size != framing.header_bytes:
                assumed = "tpdu_only" if size == 0 else "short_header"
                yield _framed(dialect, framing.tpdu_bytes, size), (assumed,), size


_CODECS: dict[tuple[str, int, int], Codec] = {}


def _framed(dialect: Dialect, tpdu: int, header: int) -> Codec:
    """Keep one codec for each head a registered dialect may be cut with."""
    key = (dialect.name, tpdu, header)
    known = _CODECS.get(key)
    if known is None or known.dialect.fields is not dialect.fields:
        known = _CODECS[key] = Codec(dialect.framed(tpdu, header))
    return known


def _score(message: Message, problems: Iterable[Problem], stop: int, size: int) -> float:
    """Weigh a reading: how far it got, a sensible message type, and few problems."""
    reach = stop / size if size else 0.0
    reach += 1.0 if message_type.plausible(message.mti) else 0.0
    return reach - 0.05 * sum(2 if structural(p) else 1 for p in problems)


def _read(data: bytes, start: _Start, dialect: Dialect) -> Iterator[Reading]:
    frame = data[start.at :]
    for codec, assumed, header in _heads(dialect):
        walked = codec.walk_lenient(frame)
        problems = [replace(p, offset=p.offset + start.at) for p in walked.problems]
        score = _score(walked.message, problems, walked.stop, len(frame))
        if header is not None:
            at = start.at + dialect.framing.tpdu_bytes
            problems.insert(0, Problem(Code.HEADER_LENGTH, None, at, dialect.framing.header_bytes, header))
            score -= 0.1
        if start.problem is not None:
            problems.insert(0, start.problem)
            score -= 0.02
        if walked.message.tpdu and walked.message.tpdu[:1] != "6":
            score -= 0.2
        yield Reading(
            codec.dialect, walked.message, tuple(problems), walked.bitmap, (start.assumed, *assumed), score
        )


def readings(data: bytes, dialect: Dialect | None = None) -> list[Reading]:
    """Give all ways to read the bytes, the best first."""
    chosen = [dialect] if dialect is not None else list(DIALECTS.values())
    found = [one for start in _starts(data) for name in chosen for one in _read(data, start, name)]
    if dialect is None:
        found = [replace(one, assumed=("dialect", *one.assumed)) for one in found]
    return sorted(
        found, key=lambda one: (bool(one.problems), not message_type.plausible(one.message.mti), -one.reach)
    )


def detect(data: bytes, dialect: Dialect | None = None) -> Reading:
    """Give the best way to read the bytes, with its problems and assumptions."""
    return readings(data, dialect)[0]
