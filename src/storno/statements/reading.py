"""Reading one statement to its end: recognised, counted, masked once more, and held against its own totals.

Nothing is decided here about other files. Whatever a format lets through, no card number passes this door.
"""

from __future__ import annotations

import hashlib
import io
import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from storno.statements.base import Format, Head, ReadOptions, Traits
from storno.statements.block import BLOCK_ROWS, Block
from storno.statements.catalogue import ANY_ACCOUNT, Sum
from storno.statements.formats import FORMATS, UnknownFormatError, statement_format
from storno.statements.identity import keys_of, numbered, prints_of
from storno.statements.line import FileRefused, Frame, LineKind, Reject, StatementLine, Total
from storno.statements.mapping_load import load_mapping
from storno.statements.mask import CARD_DIGITS, card, mask_ids, mask_text, mask_texts
from storno.statements.total_words import currency_of_all, said

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from storno.statements.store import LineWriter

CHUNK_BYTES = 1 << 18
REJECTS_SHOWN = 20
TOTALS_SHOWN = 5
HOPELESS = 1_000
"""So many rejects without a single good line end the reading."""
COVERAGE_MAX = 20_000
_PART = 1 << 18
_MAY_HOLD_CARD = re.compile(r"[0-9０-９]{4}")
_NOT_READ = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel file (.xls) or a workbook under a password: save it as XLSX or CSV, without a password",
        "旧版 Excel 文件（.xls）或带密码的工作簿：请另存为不带密码的 XLSX 或 CSV",
    ),
    (
        b"%PDF",
        "a PDF is for people: ask the bank for CSV, XLSX, CAMT, MT940 or OFX",
        "PDF 供人阅读：请向银行索取 CSV、XLSX、CAMT、MT940 或 OFX 文件",
    ),
    (
        b"PK\x03\x04",
        "an archive: unpack it, or let `storno import` open it",
        "压缩包：请先解压，或直接用 `storno import` 读取",
    ),
    *(
        (start, f"{what} archive is not opened: unpack it first", f"不支持 {name} 压缩包：请先解压")
        for start, what, name in (
            (b"BZh", "a bzip2", "bzip2"),
            (b"\xfd7zXZ\x00", "an xz", "xz"),
            (b"\x28\xb5\x2f\xfd", "a Zstandard", "Zstandard"),
        )
    ),
    (
        b"\x1f\x8b",
        "an archive: unpack it, or let `storno import` open it",
        "压缩包：请先解压，或直接用 `storno import` 读取",
    ),
    (b"Rar!", "a RAR archive is not opened: unpack it first", "不支持 RAR 压缩包：请先解压"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive is not opened: unpack it first", "不支持 7z 压缩包：请先解压"),
    (
        b"<xml>",
        "an answer of WeChat Pay and no bill: read what it says in return_msg",
        "微信支付接口的应答，不是账单：请查看其中的 return_msg",
    ),
    (
        b"{",
        "JSON, as interfaces answer, and no statement: read what it says",
        "JSON 格式的接口应答，不是对账文件：请查看其内容",
    ),
    (
        b"<html",
        "a web page, whatever its name says: open it in a spreadsheet and save it as XLSX or CSV",
        "文件实为网页：请用电子表格打开后另存为 XLSX 或 CSV",
    ),
    (
        b"<table",
        "a web page's table, whatever its name says: open it in a spreadsheet and save it as XLSX or CSV",
        "文件实为网页表格：请用电子表格打开后另存为 XLSX 或 CSV",
    ),
)
"""First bytes of what people try although it is not read, and what to do with it."""
_OTHER_FILES = re.compile(r"IN[A-Z]\d{8}(AERR|ALFEE|ZME)")
_OTHERS = {
    "AERR": ("errors and disputes (AERR)", "差错交易流水文件（AERR）"),
    "ALFEE": ("brand fees (ALFEE)", "品牌服务费文件（ALFEE）"),
    "ZME": ("a merchant's errors (ZME)", "商户差错交易文件（ZME）"),
}
"""Files that UnionPay sends beside those that are read."""
_NEVER = frozenset(start for start, _, _ in _NOT_READ if start[0] not in b"<{P")
"""Those that are no statement whatever their name says."""
_IDS = ("reference", "order", "original", "account", "code")


def choose(head: Head, name: str, mapping: str) -> Format:
    """Find the format of a file.

    Raises:
        FileRefused: codes `format` (no such), `unknown` (nothing fits), `ambiguous` (more than one does).

    """
    for start, english, chinese in _NOT_READ:
        if start in _NEVER and head.data.startswith(start):
            raise FileRefused("unknown", english, chinese)
    if name:
        try:
            return statement_format(name)
        except UnknownFormatError as error:
            raise FileRefused("format", str(error), str(error)) from None
    if mapping:
        layout = "xlsx" if head.data[:2] == b"PK" else load_mapping(mapping).layout
        return FORMATS["mapped_" + ("csv" if layout == "xlsx" and head.data[:2] != b"PK" else layout)]
    scores = {one.name: one.recognise(head) for one in FORMATS.values()}
    best = max(scores.values(), default=0)
    found = sorted(one for one, score in scores.items() if score == best)
    if best <= 0:  # a format may know an empty day by its name
        if not head.data.strip(b"\xef\xbb\xbf \t\r\n\x00\x1a"):
            raise FileRefused("empty", "nothing is in the file: fetch it again", "文件为空：请重新获取")
        for start, english, chinese in _NOT_READ:
            if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[: len(start)].lower() == start.lower():
                raise FileRefused("unknown", english, chinese)
        if other := _OTHER_FILES.match(head.name.upper()):
            english, chinese = _OTHERS[other[1]]
            raise FileRefused(
                "unknown",
                f"UnionPay's file of {english}: not read; a mapping for fixed width can describe it (docs/mapping.md)",
                f"银联{chinese}：不直接读取；可用定长映射描述（docs/mapping.zh-CN.md）",
            )
        known = ", ".join(sorted(FORMATS))
        raise FileRefused(
            "unknown",
            f"no format fits this file; name one with --format ({known}) or describe it with --mapping",
            f"没有格式符合该文件；请用 --format 指定（{known}），或用 --mapping 给出映射",
        )
    if len(found) > 1:
        names = ", ".join(found)
        raise FileRefused(
            "ambiguous",
            f"the file could be any of: {names}; say which with --format",
            f"文件可能是以下格式之一：{names}；请用 --format 指定",
        )
    return FORMATS[found[0]]


def traits_of(one: Format, head: Head, options: ReadOptions) -> Traits:
    """Give role, rank and variant of a file."""
    return Traits(one.role, one.rank) if one.traits is None else one.traits(head, options)


class Watched(io.RawIOBase):
    """A file that is being read: its bytes counted and digested as they pass."""

    def __init__(self, source: BinaryIO, tell: Callable[[int], None]) -> None:
        self._source = source
        self._tell = tell
        self._digest = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Pass the next bytes on."""
        view = memoryview(buffer).cast("B")
        data = self._source.read(len(view))
        view[: len(data)] = data
        self._digest.update(data)
        self.bytes += len(data)
        self._tell(self.bytes)
        return len(data)

    def close(self) -> None:
        """Stay open: a reader that ends closes what it was given, and the rest is still to be digested."""

    def rest(self) -> str:
        """Read what is left and give the SHA-256 of the whole."""
        while self.read(CHUNK_BYTES):
            pass
        return self._digest.hexdigest()


@dataclass(slots=True)
class Counted:
    """What came out of a file."""

    lines: int = 0
    rejects: int = 0
    first_rejects: list[Reject] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    coverage: set[tuple[str, str]] = field(default_factory=set)
    keys: array[int] = field(default_factory=lambda: array("q"))
    prints: array[int] = field(default_factory=lambda: array("q"))
    repeats: int = 0
    _sums: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def take(self, block: Block, keys: np.ndarray[Any, np.dtype[np.int64]], own: Sequence[bool]) -> None:
        """Count lines; `own`: which of them are numbered."""
        self.lines += block.rows
        nets = block["net_minor"]
        for kind, currency, amount, fee, net in zip(
            block["kind"], block["currency"], block["amount_minor"], block["fee_minor"], nets, strict=True
        ):
            sums = self._sums.get((kind, currency))
            if sums is None:
                sums = self._sums[kind, currency] = [0, 0, 0, 0]
            sums[0] += 1
            sums[1] += amount
            sums[2] += fee
            sums[3] += amount + fee if net is None else net
        self._cover(block)
        self.keys.frombytes(keys.tobytes())
        self.prints.extend(prints_of(block, own))

    def _cover(self, block: Block) -> None:
        days = block["settled_on"]
        if not all(days):
            days = [on or at[:8] for on, at in zip(days, block["at"], strict=True)]
        fresh = dict.fromkeys(zip(block["account"], days, strict=True))
        if len(self.coverage) + len(fresh) <= COVERAGE_MAX:
            self.coverage.update(fresh)
            return
        for pair in zip(block["account"], days, strict=True):
            self.coverage.add(pair)
            if len(self.coverage) > COVERAGE_MAX:
                self.coverage = {(ANY_ACCOUNT, day) for _, day in self.coverage}

    def sums(self) -> tuple[Sum, ...]:
        """Give the sums by kind and currency."""
        return tuple(
            Sum(LineKind(kind), currency, *sums) for (kind, currency), sums in sorted(self._sums.items())
        )

    def spread(self) -> tuple[tuple[str, str], ...]:
        """Give the accounts and days there are lines of; one (any account, day) each where there were too many."""
        return tuple(sorted(self.coverage))


def read_all(
    one: Format,
    traits: Traits,
    source: Watched,
    options: ReadOptions,
    writer: LineWriter,
    seen: Counted,
) -> None:
    """Read a file to its end into a writer; what is read is counted as it comes, whatever happens then.

    Raises:
        FileRefused: the format says no, or more lines were rejected than read.

    """
    stream = cast("BinaryIO", io.BufferedReader(source, CHUNK_BYTES))
    lines: list[StatementLine] = []
    """Waiting for others to make a block with."""

    def take(block: Block) -> None:
        clean = masked_block(block)
        own = numbered(clean)
        keys = keys_of(clean, traits.role, own)
        seen.take(clean, keys, own)
        writer.block(clean, keys)

    def gather() -> None:
        if lines:
            take(Block.gathered(lines))
            lines.clear()

    try:
        for part in (one.blocks or one.read)(stream, options):
            if isinstance(part, StatementLine):
                lines.append(part)
                if len(lines) >= BLOCK_ROWS:
                    gather()
            elif isinstance(part, Block):
                gather()
                take(part)
            elif isinstance(part, Reject):
                _take_reject(seen, part, writer, any_line=bool(lines or seen.lines))
            elif isinstance(part, Total):
                seen.totals.append(part)
            else:
                assert isinstance(part, Frame), f"{one.name} yielded a {type(part).__name__}"
    finally:
        gather()
    if seen.rejects > seen.lines:
        raise _hopeless(seen)
    seen.repeats = _repeats(seen.prints)
    seen.prints = array("q")


def _repeats(prints: array[int]) -> int:
    """Count the prints that stood there before; sorts them where they are, for they may be many."""
    sorted_prints = np.frombuffer(prints, dtype=np.int64)
    sorted_prints.sort()
    return sum(
        int(np.count_nonzero(part[1:] == part[:-1]))
        for start in range(0, len(sorted_prints), _PART)
        for part in (sorted_prints[start : start + _PART + 1],)
    )


def _take_reject(seen: Counted, reject: Reject, writer: LineWriter, *, any_line: bool) -> None:
    clean = replace(
        reject,
        english=mask_text(reject.english),
        chinese=mask_text(reject.chinese),
        raw=mask_text(reject.raw),
    )
    seen.rejects += 1
    if len(seen.first_rejects) < REJECTS_SHOWN:
        seen.first_rejects.append(clean)
    writer.reject(clean)
    if seen.rejects >= HOPELESS and not any_line:
        raise _hopeless(seen)


def _hopeless(seen: Counted) -> FileRefused:
    first, all_lines = seen.first_rejects[0], seen.rejects + seen.lines
    return FileRefused(
        "rejects",
        f"{seen.rejects} of {all_lines} lines cannot be read: another format, or swapped columns; "
        f"line {first.line_no}: {first.english}",
        f"{all_lines} 行中有 {seen.rejects} 行无法读取：格式不对或列错位；第 {first.line_no} 行：{first.chinese}",
        first.line_no,
    )


def masked(line: StatementLine) -> StatementLine:
    """Mask whatever card number a format let through."""
    return next(masked_block(Block.gathered([line])).lines())


def masked_block(block: Block) -> Block:
    """Mask whatever card numbers a format let through."""
    columns = dict(block.columns)
    for name in _IDS:
        if max(map(len, columns[name])) >= CARD_DIGITS:
            columns[name] = mask_ids(columns[name])
    if max(map(len, columns["text"])) >= CARD_DIGITS:
        columns["text"] = _masked_texts(columns["text"])
    if any(len(text) >= CARD_DIGITS and "*" not in text for text in columns["card"]):
        columns["card"] = [
            card(text) if len(text) >= CARD_DIGITS and "*" not in text else text for text in columns["card"]
        ]
    return Block(block.rows, columns)


def _masked_texts(texts: Sequence[str]) -> Sequence[str]:
    suspect = [len(text) >= CARD_DIGITS and _MAY_HOLD_CARD.search(text) is not None for text in texts]
    if not any(suspect):
        return texts
    masked_ones = iter(mask_texts(list(compress(texts, suspect))))
    return [next(masked_ones) if looked else text for text, looked in zip(texts, suspect, strict=True)]


def refuse_totals(seen: Counted) -> FileRefused | None:
    """Say which declared totals the lines do not meet; None if all are."""
    broken = [total for total in seen.totals if not total.met]
    if not broken:
        return None
    currency = currency_of_all(one.currency for one in seen.sums())
    told = [said(one, currency) for one in broken[:TOTALS_SHOWN]]
    english, chinese = "; ".join(each[0] for each in told), "；".join(each[1] for each in told)
    if len(broken) > TOTALS_SHOWN:
        english += f"; and {len(broken) - TOTALS_SHOWN} more"
        chinese += f"；另有 {len(broken) - TOTALS_SHOWN} 项"
    if seen.rejects:
        first = seen.first_rejects[0]
        english += f"; {seen.rejects} lines were rejected, first line {first.line_no}: {first.english}"
        chinese += f"；有 {seen.rejects} 行被拒收，首行为第 {first.line_no} 行：{first.chinese}"
    return FileRefused(
        "totals",
        f"the file does not keep its own totals ({english}); fetch it again, or take it with --accept-totals",
        f"文件与自身合计不符（{chinese}）；请重新获取，或用 --accept-totals 强制导入",
        broken[0].where,
    )


def refuse_doubled(seen: Counted) -> FileRefused | None:
    """Say that a file holds its lines twice; a few repeated lines are left for reconciliation to find."""
    if seen.repeats < 2 or 3 * seen.repeats <= seen.lines:
        return None
    return FileRefused(
        "doubled",
        f"{seen.repeats} of {seen.lines} lines repeat an earlier line word for word: the file was written twice over",
        f"{seen.lines} 行中有 {seen.repeats} 行与前面的行完全相同：文件内容被重复写入",
    )
