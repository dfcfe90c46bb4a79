"""`storno decode`: bytes from a dump to fields people can read, masked by default.

Rule: bad bytes are an answer, not an error: what can be read is shown, what is wrong is named with field and byte, and
the exit code says which. What was assumed about the bytes is part of the output.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storno.cli.text import Language, language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.iso8583 import mti as message_type
from storno.iso8583.describe import describe_rows, masked_fields
from storno.iso8583.detect import Reading, detect, words
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.errors import Problem
from storno.iso8583.spec import FRAME_BYTES_LIMIT, PREFIX_BYTES, Dialect

INPUT_BYTES_MAX = 16 << 20
_MESSAGE_BYTES_MAX = FRAME_BYTES_LIMIT + PREFIX_BYTES
_HEX = re.compile(r"[0-9A-Fa-f]+")
_PATH_LIKE = re.compile(r"[/\\]|\.[A-Za-z0-9]{1,5}$")
_HEX_ONLY = re.compile(r"[0-9A-Fa-fxX\s,:;]+")
_CLUTTER = re.compile(r"\b0[xX]|[\s,:;]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of the input, in the ways its characters may be meant."""

    ways: tuple[bytes, ...]


def _hex_bytes(text: str) -> bytes | None:
    clean = _CLUTTER.sub("", text)
    return bytes.fromhex(clean) if len(clean) % 2 == 0 and _HEX.fullmatch(clean) else None


def _text_piece(text: str) -> Piece | None:
    """Read characters as hex, and as an ASCII message when they start like one; None when they are neither."""
    hexed = _hex_bytes(text)
    ways = [] if hexed is None else [hexed]
    plain = text.strip("\r\n")
    if message_type.plausible(plain[:4]) and plain.isascii():
        ways.append(plain.encode("ascii"))
    return Piece(tuple(ways)) if ways else None


def _frames(data: bytes) -> list[Piece]:
    """Cut bytes that are a row of length-prefixed messages; anything else is one message."""
    pieces, at = [], 0
    while at + PREFIX_BYTES < len(data):
        end = at + PREFIX_BYTES + int.from_bytes(data[at : at + PREFIX_BYTES], "big")
        pieces.append(Piece((data[at:end],)))
        at = end
    return pieces if at == len(data) and len(pieces) > 1 else [Piece((data,))]


def _pieces(data: bytes, dialect: Dialect | None) -> list[Piece]:
    """Split the input into messages: one hex dump over several lines, one message in each line, or binary."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return _frames(data)
    if not all(c.isprintable() or c.isspace() for c in text):
        return _frames(data)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = _text_piece("\n".join(lines)) if lines else None
    if whole is not None and (len(lines) == 1 or not _best(whole, dialect).problems):
        return [whole]
    each = [_text_piece(line) for line in lines]
    found = [piece for piece in each if piece is not None]
    readable = [p for p in found if message_type.plausible(_best(p, dialect).message.mti)]
    if whole is not None and len(readable) < len(lines):
        return [whole]
    if not found or len(found) < len(lines):
        raise _unreadable(next((n for n, piece in enumerate(each, 1) if piece is None), 1), len(lines))
    return found


def _unreadable(line: int, lines: int) -> Trouble:
    return Trouble(
        t("neither hex nor an ISO 8583 message", "既不是十六进制，也不是 ISO 8583 报文"),
        where=t(f"line {line}", f"第 {line} 行") if lines > 1 else "",
        todo=t(
            "give an even number of hex digits, a file name, or - for standard input",
            "请给出偶数个十六进制字符、文件名，或用 - 读标准输入",
        ),
    )


def _best(piece: Piece, dialect: Dialect | None) -> Reading:
    found = [detect(way, dialect) for way in piece.ways]
    return min(found, key=lambda r: (bool(r.problems), not message_type.plausible(r.message.mti), -r.reach))


def _read_input(source: str) -> bytes:
    """Give the bytes of the file, of standard input, or of the argument itself."""
    if source == "-":
        data = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    elif _is_file(source):
        with Path(source).open("rb") as file:
            data = file.read(INPUT_BYTES_MAX + 1)
    elif _PATH_LIKE.search(source) and not _HEX_ONLY.fullmatch(source):
        raise Trouble(
            t(f"there is no file {source!r}", f"没有文件 {source!r}"),
            todo=t(
                "give hex digits, a file name, or - for standard input",
                "请给出十六进制、文件名，或用 - 读标准输入",
            ),
        )
    else:
        data = source.encode("utf-8", "surrogateescape")
    if len(data) > INPUT_BYTES_MAX:
        raise Trouble(t("the input is larger than 16 MiB", "输入超过 16 MiB"), where=source[:80])
    if not data.strip():
        raise Trouble(t("there is no message in the input", "输入中没有报文"))
    return data


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # a long hex text is no path the system knows
        return False


def _problem_json(problem: Problem, lang: str) -> dict[str, object]:
    return {
        "code": problem.code.value,
        "field": problem.field,
        "offset": problem.offset,
        "text": problem.say(lang),
    }


def as_json(reading: Reading, lang: str, *, unmask: bool) -> dict[str, object]:
    """Give one message as the documented object. Offsets count bytes of the input message."""
    message = reading.message
    fields = message.fields if unmask else masked_fields(message, reading.dialect)
    return {
        "dialect": reading.dialect.name,
        "mti": message.mti or None,
        "tpdu": message.tpdu or None,
        "header": message.header or None,
        "bitmap": reading.bitmap.hex().upper() or None,
        "fields": {str(n): fields[n] for n in sorted(fields)},
        "problems": [_problem_json(p, lang) for p in reading.problems],
        "assumed": list(reading.assumed),
    }


def _printable(text: str) -> str:
    """Keep control characters of a message from reaching the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _show(console: Console, reading: Reading, lang: str, *, unmask: bool) -> None:
    message = reading.message
    head = f"{message.mti or '????'}  {message_type.title(message.mti, lang)}"
    console.print(Text(_printable(head), style="bold"))
    bitmap = reading.bitmap.hex().upper()
    for label, value in (
        (t("dialect", "方言"), f"{reading.dialect.name} · {reading.dialect.title(lang)}"),
        ("TPDU", message.tpdu),
        (t("header", "报文头"), message.header),
        (t("bitmap", "位图"), bitmap),
        (t("assumed", "推定"), t("; ", "；").join(words(a, lang) for a in reading.assumed)),
    ):
        if value:
            console.print(Text(f"{label}{t(': ', '：')}{value}"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(t("field", "域"), no_wrap=True)
    table.add_column(t("name", "名称"))
    table.add_column(t("value", "值"), overflow="fold")
    for row in describe_rows(message, reading.dialect, lang, unmask=unmask):
        table.add_row(Text("  " * row.depth + row.label), Text(row.name), Text(_printable(row.value)))
    console.print(table)
    for problem in reading.problems:
        at = t(f"byte {problem.offset}", f"第 {problem.offset} 字节")
        console.print(Text(f"! {problem.code.value}  {at}  {problem.say(lang)}", style="red"))


@click.command(
    help=t(
        "Read ISO 8583 messages: hex, a file (binary or hex text, one message or one in each line) or - for"
        " standard input; with or without length prefix, TPDU and header. Card numbers, tracks and PIN blocks are"
        " masked; working keys appear as they are sent, wrapped under the master key. Offsets count bytes from the"
        " start of the message as given. Exit code: 0 clean, 1 read with problems, 2 not readable.",
        "解析 ISO 8583 报文：十六进制、文件（二进制或十六进制文本，整份一条或每行一条）或用 - 读标准输入；"
        "有无长度前缀、TPDU、报文头均可。卡号、磁道和 PIN 默认掩码；工作密钥按报文原样（主密钥加密的密文）显示。"
        "偏移从所给报文的首字节算起。退出码：0 无误，1 有问题但可读，2 无法读取。",
    )
)
@click.argument("source", metavar="HEX|FILE|-")
@click.option(
    "--dialect",
    "name",
    metavar="NAME",
    help=t("Dialect; the best fitting one without it.", "方言；不给则取最吻合者。"),
)
@click.option(
    "--json",
    "json_out",
    is_flag=True,
    help=t("One JSON object for each message.", "每条报文输出一个 JSON 对象。"),
)
@click.option("--unmask", is_flag=True, help=t("Show card data in clear.", "明文显示卡数据。"))
@click.option("--lang", "lang", type=click.Choice(["zh", "en"]), help=t("Language.", "语言。"))
def decode(source: str, name: str | None, lang: str | None, *, json_out: bool, unmask: bool) -> None:
    """Show each message of the input."""
    tongue = lang or ("zh" if language() is Language.ZH else "en")
    if name is not None and name not in DIALECTS:
        known = ", ".join(sorted(DIALECTS))
        raise Trouble(t(f"no dialect {name!r}", f"没有方言 {name!r}"), where="--dialect", todo=known)
    dialect = None if name is None else DIALECTS[name]
    pieces = _pieces(_read_input(source), dialect)
    if unmask:
        click.echo(t("warning: card data is shown in clear", "警告：卡数据以明文显示"), err=True)
    console = Console(file=sys.stdout, highlight=False, soft_wrap=False)
    code = ExitCode.DONE
    for number, piece in enumerate(pieces):
        if max(len(way) for way in piece.ways) > _MESSAGE_BYTES_MAX:
            raise Trouble(t("a message is at most 65535 bytes", "一条报文最多 65535 字节"))
        reading = _best(piece, dialect)
        if json_out:
            click.echo(json.dumps(as_json(reading, tongue, unmask=unmask), ensure_ascii=False))
        else:
            if number:
                console.print()
            _show(console, reading, tongue, unmask=unmask)
        if not reading.bitmap:
            code = ExitCode.BAD_INPUT
        elif reading.problems and code is ExitCode.DONE:
            code = ExitCode.DISAGREES
    click.get_current_context().exit(code)
