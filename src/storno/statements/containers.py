"""Files inside files: zip (nested, under a password, AES too), tar, gzip and compress, opened as streams.

Bounds hold against bombs: depth, number of members, and how much a file may grow when it is unpacked, counted on what
really comes out. An XLSX is a file and no container. Members that are no data are skipped by name. Knows no format.
"""

from __future__ import annotations

import gzip
import io
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyzipper  # type: ignore[import-untyped]

from storno.statements import lzw
from storno.statements.line import FileRefused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 1 << 18
NOT_DATA = ("__MACOSX/*", "*/__MACOSX/*", ".*", "*/.*", "Thumbs.db", "*/Thumbs.db", "*汇总*")
"""Members nobody means: what systems leave behind, and the summaries that stand beside a bill."""
# What the libraries raise on hostile bytes, seen by flipping every one of a good archive's.
_BROKEN = (
    zipfile.BadZipFile, pyzipper.BadZipFile, tarfile.TarError, zlib.error, struct.error, gzip.BadGzipFile, EOFError,
    LZMAError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
    OverflowError, OSError,
)  # fmt: skip
HEAD_BYTES = 512
_TAR_AT = 257
"""Where a tar archive's first header says `ustar`."""
_OFFICE = ("[Content_Types].xml", "xl/workbook.xml", "mimetype")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may do."""

    depth: int = 3
    """Archives within archives."""
    members: int = 10_000
    ratio: int = 300
    """Times the size of the outermost file that all members together may come to…"""
    free_bytes: int = 256 << 20
    """…over this much, which is always allowed."""


@dataclass(slots=True)
class _Budget:
    """What is left of what the outermost file may grow to."""

    limits: Limits
    packed: int
    out: int = 0
    members: int = 0

    def grow(self, size: int) -> None:
        self.out += size
        if self.out > self.limits.free_bytes + self.limits.ratio * self.packed:
            raise FileRefused(
                "bomb",
                f"the archive of {self.packed} bytes unpacks to more than {self.limits.ratio} times its size: refused",
                f"压缩包仅 {self.packed} 字节，解压后超过其 {self.limits.ratio} 倍：已拒绝",
            )

    def count(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise FileRefused(
                "bomb",
                f"the archive has more than {self.limits.members} members: refused",
                f"压缩包内文件超过 {self.limits.members} 个：已拒绝",
            )


@dataclass(slots=True)
class Member:
    """One file to be read: a plain file, or one inside an archive."""

    name: str
    """Its own name, without folders."""
    path: str
    """Where it lies: `bills.zip/2026/a.csv`."""
    size: int | None
    """Bytes, where the archive says."""
    _open: Callable[[], BinaryIO] = field(repr=False)
    skipped: bool = False
    """It is no data: not to be read."""

    def open(self) -> BinaryIO:
        """Open it for reading from its start; may be done again. Raises FileRefused, while reading too."""
        return self._open()


class _Guarded(io.RawIOBase):
    """A member's bytes: counted once against the bounds, every fault of the archive said in words."""

    def __init__(self, source: BinaryIO, name: str, charge: Callable[[int], None]) -> None:
        self._source = source
        self._name = name
        self._charge = charge
        self._place = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._source.read(len(view))
        except _BROKEN as error:
            raise broken(self._name, error) from None
        view[: len(data)] = data
        self._place += len(data)
        self._charge(self._place)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def broken(name: str, error: Exception) -> FileRefused:
    """Say that an archive cannot be read. A wrong password can look like this too."""
    kind = type(error).__name__
    return FileRefused(
        "container",
        f"{name}: the archive is damaged or its password is wrong ({kind}); fetch it again",
        f"{name}：压缩包已损坏或密码不正确（{kind}），请重新下载",
    )


@contextmanager
def members(
    path: Path, passwords: tuple[str, ...] = (), skip: tuple[str, ...] = (), limits: Limits | None = None
) -> Iterator[Iterator[Member]]:
    """Give the files to be read in a file: itself, or the members of an archive, in the archive's order.

    Temporary files live until the block is left.

    Raises:
        FileRefused: codes `container` (damaged), `password`, `bomb`, `depth`; members raise it while they are read.
        OSError: the file itself cannot be opened.

    """
    with ExitStack() as stack:
        bounds = limits or Limits()
        walk = _Walk(passwords, (*NOT_DATA, *skip), _Budget(bounds, path.stat().st_size), stack)
        yield walk.file(path, path.name, path.name, bounds.depth)


class _Walk:
    """One way through an outermost file."""

    def __init__(
        self, passwords: tuple[str, ...], skip: tuple[str, ...], budget: _Budget, stack: ExitStack
    ) -> None:
        self._passwords = passwords
        self._skip = skip
        self._budget = budget
        self._stack = stack

    def file(self, real: Path, name: str, shown: str, depth: int) -> Iterator[Member]:
        """Walk a file on disk."""
        with real.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        if head[:2] in _PACKED:
            yield from self._packed(real, name, shown, depth, head[:2])
        elif head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08") and not _is_office(real):
            yield from self._zip(real, shown, depth)
        elif _is_tar(head):
            yield from self._tar(real, shown, depth)
        else:
            yield Member(name, shown, real.stat().st_size, lambda: real.open("rb"))

    def _packed(self, real: Path, name: str, shown: str, depth: int, magic: bytes) -> Iterator[Member]:
        inner = name
        for suffix, instead in ((".gz", ""), (".z", ""), (".tgz", ".tar"), (".taz", ".tar")):
            if name.lower().endswith(suffix):
                inner = name[: -len(suffix)] + instead
        yield from self._inside(lambda: _PACKED[magic](real), inner, f"{shown}/{inner}", None, depth)

    def _zip(self, real: Path, shown: str, depth: int) -> Iterator[Member]:
        try:
            archive = self._stack.enter_context(pyzipper.AESZipFile(real))
            infos = archive.infolist()
        except _BROKEN as error:
            raise broken(shown, error) from None
        for info in infos:
            inside = _name_of(info)
            if info.is_dir():
                continue
            self._budget.count()
            own = inside.rpartition("/")[2]
            where = f"{shown}/{inside}"
            if self._is_no_data(inside):
                yield Member(own, where, info.file_size, _nothing, skipped=True)
                continue
            password = self._unlock(archive, info, where)
            yield from self._inside(
                lambda info=info, password=password: archive.open(info, pwd=password),  # type: ignore[misc]
                own, where, info.file_size, depth,
            )  # fmt: skip

    def _tar(self, real: Path, shown: str, depth: int) -> Iterator[Member]:
        """Walk a tar archive; links, devices and folders are passed over."""
        try:
            archive = self._stack.enter_context(tarfile.open(real, "r:"))  # noqa: SIM115 the stack closes it
            infos = iter(archive)
            while (info := next(infos, None)) is not None:
                if not info.isfile():
                    continue
                self._budget.count()
                inside = info.name.encode("utf-8", "surrogateescape")
                name = _text_of(inside, info.name)
                own, where = name.rpartition("/")[2], f"{shown}/{name}"
                if self._is_no_data(name):
                    yield Member(own, where, info.size, _nothing, skipped=True)
                    continue
                yield from self._inside(
                    lambda info=info: _extracted(archive, info),  # type: ignore[misc]
                    own, where, info.size, depth,
                )  # fmt: skip
        except tarfile.TarError as error:
            raise broken(shown, error) from None

    def _is_no_data(self, inside: str) -> bool:
        """Say whether a member is no data: by its own name, by its folders only where a pattern names folders."""
        parts = [one for one in inside.split("/") if one not in ("", ".", "..")]
        own, whole = parts[-1] if parts else inside, "/".join(parts)
        return any(fnmatchcase(whole if "/" in one else own, one) for one in self._skip)

    def _unlock(self, archive: pyzipper.AESZipFile, info: zipfile.ZipInfo, where: str) -> bytes | None:
        """Find the password that opens a member: its first bytes must unpack, a short member to its check sum."""
        if not info.flag_bits & 0x1:
            return None
        if not self._passwords:
            raise FileRefused(
                "password",
                f"{where} is under a password: give it with --password or --password-file",
                f"{where} 已加密：请用 --password 或 --password-file 给出密码",
            )
        for text in self._passwords:
            for password in dict.fromkeys((text.encode("utf-8"), text.encode("gb18030"))):
                try:
                    with archive.open(info, pwd=password) as trial:
                        trial.read(CHUNK_BYTES)
                except _BROKEN:
                    continue
                return password
        raise FileRefused(
            "password", f"none of the passwords given opens {where}", f"所给密码均无法打开 {where}"
        )

    def _inside(
        self, opener: Callable[[], BinaryIO], name: str, where: str, size: int | None, depth: int
    ) -> Iterator[Member]:
        """Give a member, or what is in it if it is an archive too."""
        highest = 0

        def charge(place: int) -> None:
            nonlocal highest
            if place > highest:
                highest, more = place, place - highest
                self._budget.grow(more)

        def guarded() -> BinaryIO:
            try:
                source = opener()
            except _BROKEN as error:
                raise broken(where, error) from None
            return cast("BinaryIO", io.BufferedReader(_Guarded(source, where, charge), CHUNK_BYTES))

        with guarded() as stream:
            head = stream.read(HEAD_BYTES)
        packed = head[:2] in _PACKED or head[:4] in (b"PK\x03\x04", b"PK\x05\x06") or _is_tar(head)
        if not packed:
            yield Member(name, where, size, guarded)
            return
        real = self._spool(guarded, name)
        if head[:2] == b"PK" and _is_office(real):
            yield Member(name, where, real.stat().st_size, lambda: real.open("rb"))
            return
        if depth <= 1:
            raise FileRefused(
                "depth",
                f"{where}: archives lie too deep in each other ({self._budget.limits.depth} levels are read)",
                f"{where}：压缩包嵌套过深（最多 {self._budget.limits.depth} 层）",
            )
        yield from self.file(real, name, where, depth - 1)

    def _spool(self, opener: Callable[[], BinaryIO], name: str) -> Path:
        """Unpack an inner archive to disk: its directory is at its end."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="storno-")))
        real = folder / f"inner{Path(name).suffix[:8]}"
        with opener() as source, real.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        return real


def _compressed(real: Path) -> BinaryIO:
    source = real.open("rb")
    try:
        return cast("BinaryIO", io.BufferedReader(lzw.Lzw(source), CHUNK_BYTES))
    except ValueError:
        source.close()
        raise


_PACKED: dict[bytes, Callable[[Path], BinaryIO]] = {
    b"\x1f\x8b": lambda real: cast("BinaryIO", gzip.GzipFile(real)),
    lzw.MAGIC: _compressed,
}
"""What opens a packed file, by its first bytes."""


def _nothing() -> BinaryIO:
    raise AssertionError("a skipped member was opened")


def _is_office(real: Path) -> bool:
    """Say whether a zip is a spreadsheet: a file by itself."""
    try:
        with zipfile.ZipFile(real) as archive:
            names = set(archive.namelist()[:1000])
    except _BROKEN:
        return False
    return any(name in names for name in _OFFICE)


def _name_of(info: zipfile.ZipInfo) -> str:
    """Give a member's name: UTF-8 where the zip says so, else what its bytes are, UTF-8 or GB18030."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    return _text_of(raw, info.filename)


def _text_of(raw: bytes, otherwise: str) -> str:
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return otherwise


def _is_tar(head: bytes) -> bool:
    return head[_TAR_AT : _TAR_AT + 5] == b"ustar"


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    found = archive.extractfile(info)
    assert found is not None, "asked for files only"
    return cast("BinaryIO", found)
