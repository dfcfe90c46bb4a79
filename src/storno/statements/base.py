"""What a statement format is: how it knows a file, and how it reads one.

A format is one module of `formats/` with one constant `FORMAT`; it is found by being there and runs through the shared
contract tests. Reading is streamed: no format may hold a whole file of a line format in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from storno.statements.block import Block
from storno.statements.line import Part, Role

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Head:
    """What a format sees when it is asked whether a file is its own."""

    name: str
    """File name without folders (the member's name inside a zip)."""
    data: bytes
    """The first 64 KiB."""
    text: str | None
    """The same decoded (UTF-8 with or without BOM, UTF-16 with BOM, else GB18030), None where it is no text."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader is told from outside."""

    name: str = ""
    """File name, which in some formats carries the day or the institution."""
    utc_offset_min: int = 480
    """The books' time zone: times that carry a zone are turned into it, others are taken as they are."""
    currency: str = "CNY"
    """Where the file names none."""
    year: int = 0
    """The year of MMDD dates where the file has none; 0: from the file name, else refuse with what to do."""
    day: str = ""
    """The clearing or statement day, YYYYMMDD, where neither the file nor its name says it."""
    mapping: str = ""
    """Generic formats: name of a preset or path of a TOML mapping."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a format that covers several kinds of file says of this one."""

    role: Role
    rank: int
    variant: str = ""
    """Which kind of file of the format it is: `camt.052`, `MT942`, the name of a mapping."""


@dataclass(frozen=True, slots=True)
class Format:
    """One statement format."""

    name: str
    """As in `storno import --format`."""
    role: Role
    english: str
    chinese: str
    source: str
    """Where the layout is described."""
    recognise: Callable[[Head], int]
    """0 (not mine) to 100 (certain). Two formats with the same highest score make the file ambiguous."""
    read: Callable[[BinaryIO, ReadOptions], Iterator[Part]]
    """Yield every part in order. Raises FileRefused; never another error, whatever the bytes."""
    suffixes: tuple[str, ...] = ()
    line_based: bool = True
    """True: every physical line is in exactly one part (a contract test counts them)."""
    rank: int = 10
    """Of two formats that report one account's day the higher counts: interim reports stand under final ones."""
    traits: Callable[[Head, ReadOptions], Traits] | None = None
    """Role, rank and variant where they depend on the file; without it every file has those of the format."""
    blocks: Callable[[BinaryIO, ReadOptions], Iterator[Part | Block]] | None = None
    """The same as `read`, faster: lines in blocks, in the same order, frames left out where they stand among them."""
    skip_members: tuple[str, ...] = ()
    """Members of a zip that are no data although they look like it (summaries): patterns as of a shell."""
