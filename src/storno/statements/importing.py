"""Importing a file: the public door of the folder.

Each statement inside is taken whole or not at all. The same bytes again are `already`; lines that an imported file of
this format has are refused until somebody says whether it is a correction. Must not know the journal or reconciliation.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from storno.statements.base import HEAD_BYTES, Format, Head, ReadOptions, Traits
from storno.statements.catalogue import FOLDER, Catalogue, StoredFile
from storno.statements.containers import Member, members
from storno.statements.encoding import make_head
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, Reject
from storno.statements.mask import mask_id
from storno.statements.overlap import superseded
from storno.statements.reading import (
    CHUNK_BYTES,
    Counted,
    Watched,
    choose,
    read_all,
    refuse_doubled,
    refuse_totals,
    traits_of,
)
from storno.statements.store import LineWriter, commit, writing
from storno.statements.store import name as rename_manifest
from storno.statements.stored import checked
from storno.statements.when import day_in_name

Progress = Callable[[str, int, int | None], None]
"""Told the member's path, the bytes read so far and, where known, how many there are (each file is read twice)."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be taken."""

    read: ReadOptions = field(default_factory=ReadOptions)
    format_name: str = ""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    accept_totals: bool = False
    """Take a file that does not keep its totals; reconciliation of its days is then INCOMPLETE."""
    correct: bool = False
    """The file is the corrected one of files whose lines it has."""
    supersedes: tuple[str, ...] = ()
    """Ids of the files it takes the place of."""
    beside: bool = False
    """Its lines count although another file has them too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one statement."""

    name: str
    source: str
    stored: StoredFile | None = None
    already: bool = False
    """The same bytes were imported before; nothing was done."""
    refused: FileRefused | None = None
    skipped: bool = False
    """A member of an archive that is no data."""
    first_rejects: tuple[Reject, ...] = ()
    """Up to 20, of a refused file too."""
    read: StoredFile | None = None
    """What a refused file said until it was refused, where its format was known; nothing of it is kept."""


def import_file(
    path: Path,
    home: Path,
    options: ImportOptions | None = None,
    progress: Progress | None = None,
    now_ms: int | None = None,
) -> Iterator[Outcome]:
    """Import a file, or each statement in an archive, and say what became of each as soon as it is known.

    A refusal is an outcome and no exception. Raises OSError: the file cannot be opened, the disk is full.
    """
    with_options = options or ImportOptions()
    clock = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    skip = tuple(pattern for one in FORMATS.values() for pattern in one.skip_members)
    name = mask_id(path.name)
    if not path.is_file():
        raise FileNotFoundError(2, "no such file", str(path))
    count = 0
    try:
        with writing(home) as work, members(path, with_options.passwords, skip) as inside:
            for member in inside:
                count += 1
                yield _import(member, home, work, with_options, progress, clock)
    except FileRefused as error:
        yield Outcome(name, name, refused=error)
        return
    if not count:
        empty = FileRefused("empty", "the archive holds no file", "压缩包中没有文件")
        yield Outcome(name, name, refused=empty)


def withdraw(start: str, home: Path, now_ms: int | None = None) -> StoredFile:
    """Take a file back by the beginning of its id: it stays listed but counts no more; what it replaced counts again.

    Raises:
        FileRefused: codes `withdraw` (no single such file) and `busy`.

    """
    with writing(home):
        found = [one for one in Catalogue(home).find(start.lower()) if not one.withdrawn_ms]
        if len(found) != 1 or len(start) < 4:
            raise FileRefused(
                "withdraw",
                f"no single file with id {start!r} is there to withdraw; see `storno import --list`",
                f"没有唯一的编号为 {start!r} 的文件可撤回；请用 `storno import --list` 查看",
            )
        clock = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        gone = replace(found[0], withdrawn_ms=clock)
        rename_manifest(home, gone)
        return gone


def _import(
    member: Member, home: Path, work: Path, options: ImportOptions, progress: Progress | None, now_ms: int
) -> Outcome:
    """Take one statement."""
    name, source = mask_id(member.name), mask_id(member.path)
    if member.skipped:
        return Outcome(name, source, skipped=True)
    twice = None if member.size is None else 2 * member.size

    def tell(done: int) -> None:
        if progress is not None:
            progress(source, done, twice)

    seen = Counted()
    coming: _Coming | None = None
    try:
        digest, size, first = _look(member, tell)
        # Bills of days without sales are often the same few bytes: only their name tells them apart.
        known = [
            one
            for one in Catalogue(home).files()
            if one.sha256 == digest
            and not one.withdrawn_ms
            and (one.lines or one.rejects or one.name == name)
        ]
        if known and _whole(Catalogue(home), known[0]):
            return Outcome(name, source, stored=known[0], already=True)
        head = make_head(member.name, first)
        coming = _Coming(member, name, source, digest, size, head, options)
        lost = known[0] if known else None
        stored = coming.take(home, work, now_ms, lambda done: tell(size + done), seen, lost)
    except FileRefused as error:
        read = None if coming is None else coming.read(seen)
        return Outcome(name, source, refused=error, first_rejects=tuple(seen.first_rejects), read=read)
    return Outcome(name, source, stored=stored, first_rejects=tuple(seen.first_rejects))


def _whole(catalogue: Catalogue, one: StoredFile) -> bool:
    """Say whether what was stored of a file is there; else the same bytes put it back."""
    try:
        checked(catalogue, one)
    except FileRefused:
        return False
    return True


def _look(member: Member, tell: Callable[[int], None]) -> tuple[str, int, bytes]:
    """Digest a file and keep its beginning."""
    digest, size, first = hashlib.sha256(), 0, b""
    with member.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if len(first) < HEAD_BYTES:
                first += chunk[: HEAD_BYTES - len(first)]
            digest.update(chunk)
            size += len(chunk)
            tell(size)
    return digest.hexdigest(), size, first


@dataclass(slots=True)
class _Coming:
    """A statement on its way in."""

    member: Member
    name: str
    source: str
    sha256: str
    size: int
    head: Head
    options: ImportOptions
    known: tuple[Format, Traits] | None = None
    """Its format, once it is known."""

    def take(
        self,
        home: Path,
        work: Path,
        now_ms: int,
        tell: Callable[[int], None],
        seen: Counted,
        lost: StoredFile | None = None,
    ) -> StoredFile:
        """Read, check, write and make visible. Raises FileRefused; then nothing of it is there.

        `lost` is the same file, whose stored lines are damaged: what was said of it then is not asked again.
        """
        told = replace(self.options.read, name=self.member.name)
        one = choose(self.head, self.options.format_name, told.mapping)
        traits = traits_of(one, self.head, told)
        self.known = one, traits
        writer = LineWriter(work, (self._id(lines=1), traits.role.value, one.name, self.source))
        try:
            self._read(one, traits, told, writer, tell, seen)
        finally:
            writer.close()
        unmet = refuse_totals(seen)
        for refusal in (None if self.options.accept_totals else unmet, refuse_doubled(seen)):
            if refusal is not None:
                raise refusal
        fresh = self._stored(one, traits, seen, now_ms)
        if lost is not None and (lost.format, lost.variant, lost.lines) == (
            fresh.format,
            fresh.variant,
            fresh.lines,
        ):
            instead = lost.supersedes
        else:
            instead = superseded(
                Catalogue(home), fresh, seen.keys, self.options.supersedes,
                correct=self.options.correct, beside=self.options.beside,
            )  # fmt: skip
        return commit(home, work, replace(fresh, accepted=unmet is not None, supersedes=instead))

    def _read(
        self,
        one: Format,
        traits: Traits,
        told: ReadOptions,
        writer: LineWriter,
        tell: Callable[[int], None],
        seen: Counted,
    ) -> None:
        with self.member.open() as raw:
            watched = Watched(raw, tell)
            read_all(one, traits, watched, told, writer, seen)
            if watched.rest() != self.sha256:
                raise FileRefused(
                    "changed",
                    "the file changed while it was read: wait until it is whole",
                    "读取过程中文件被修改：请等文件传输完成后再导入",
                )

    def read(self, seen: Counted) -> StoredFile | None:
        """Say what was read of a file that was refused; None if it was not known what it is."""
        return None if self.known is None else self._stored(*self.known, seen, 0)

    def _id(self, lines: int) -> str:
        named = "" if lines else hashlib.sha256(f"{self.sha256}\n{self.name}".encode()).hexdigest()
        return (named or self.sha256)[:16]

    def _stored(self, one: Format, traits: Traits, seen: Counted, now_ms: int) -> StoredFile:
        spread = seen.spread()
        days = sorted({day for _, day in spread if day} or {day_in_name(self.name)} - {""})
        file_id = self._id(seen.lines + seen.rejects)
        place = f"{FOLDER}/{days[0][:6] if days else 'undated'}/{file_id}"
        return StoredFile(
            file_id, self.sha256, self.name, self.source, self.size, one.name, traits.variant, traits.role,
            traits.rank, seen.lines, seen.rejects, seen.repeats, days[0] if days else "", days[-1] if days else "",
            spread, seen.sums(), tuple(seen.totals), accepted=False, imported_ms=now_ms,
            parquet=f"{place}.parquet" if seen.lines else "",
            rejects_file=f"{place}.rejects.csv" if seen.rejects else "",
        )  # fmt: skip
