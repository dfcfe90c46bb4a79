"""Taking in key material: from a hidden prompt, private files or standard input, never from the command line.

What was entered is never printed, logged or repeated in an error; people compare check values. Must not know where a
key is stored.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storno.cli.text import t
from storno.cli.trouble import Trouble
from storno.iso8583.keys import check_value, combine_components, key_from_hex
from storno.vault.components import CheckValueError
from storno.vault.permissions import private_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FILE_MAX = 4_096
LENGTHS = {"3des": (16, 24), "sm4": (16,)}
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")
_BLANKS = re.compile(r"[\s:,-]")
_TID_MAX = 16


@dataclass(frozen=True, slots=True)
class Entered:
    """A key put together, and what people compare: check values as 8 hex digits."""

    key: bytes = field(repr=False)
    component_check_values: tuple[str, ...]
    check_value: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the key comes from; at most one of them is given, none means the prompt."""

    component_files: tuple[str, ...] = ()
    key_file: str = ""
    stdin: bool = False
    prompted: int = 2


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where a key comes from."""
    add = click.option
    command = add(
        "--check-value",
        default="",
        metavar="HEX",
        help=t("What the key's check value must be.", "密钥应有的校验值。"),
    )(command)
    command = add(
        "--components", "prompted", type=click.IntRange(1, 3), default=2, show_default=True,
        help=t("How many components to ask for (1: a whole key).", "输入的分量个数（1 表示完整密钥）。"),
    )(command)  # fmt: skip
    command = add(
        "--stdin",
        is_flag=True,
        help=t("Read components from standard input, a line each.", "从标准输入读取，每行一个分量。"),
    )(command)
    command = add(
        "--key-file",
        default="",
        metavar="FILE",
        help=t("Private file (0600) with a whole key in hex.", "存放完整密钥的私有文件（0600）。"),
    )(command)
    return add(
        "--component-file", "component_files", multiple=True, metavar="FILE",
        help=t("Private file (0600) with one component; 2 or 3 times.", "存放一个分量的私有文件（0600），2 或 3 次。"),
    )(command)  # fmt: skip


def refuse_argv(extra: list[str]) -> None:
    """Refuse what stands on the command line too much, above all keys, without repeating it.

    Raises:
        Trouble: there is something.

    """
    if any(_HEX.search(_BLANKS.sub("", text)) for text in (*extra, "".join(extra))):
        raise Trouble(
            t(
                "a key may not stand on the command line: others see it in the process list and the shell's history",
                "密钥不能写在命令行：其他用户可在进程列表中看到，shell 也会记入历史",
            ),
            todo=t(
                "use the prompt, --component-file, --key-file or --stdin; if it was a real key, have it replaced",
                "请用提示输入、--component-file、--key-file 或 --stdin；若为真实密钥，应视为已泄露并更换",
            ),
        )
    if extra:
        raise Trouble(
            t(f"{len(extra)} arguments too many", f"多了 {len(extra)} 个参数"),
            todo=t("see --help", "请看 --help"),
        )


def sound_tid(tid: str) -> str:
    """Check a TID; what looks like a key is refused without being repeated."""
    refuse_argv([tid] if _HEX.search(tid) else [])
    if not (0 < len(tid) <= _TID_MAX and tid.isascii() and tid.isprintable() and " " not in tid):
        raise Trouble(
            t(
                f"a TID has 1 to {_TID_MAX} printable characters, usually 8",
                f"终端号为 1 至 {_TID_MAX} 个可见字符，通常 8 位",
            )
        )
    return tid


def enter(sources: Sources, kind: str, expected: str, lengths: tuple[int, ...]) -> Entered:
    """Read the components, show people their check values, and put the key together.

    Raises:
        Trouble: more than one source, or one that cannot be used.
        BilingualError: the components make no key, or its check value is not the expected one.

    """
    given = [bool(sources.component_files), bool(sources.key_file), sources.stdin]
    if sum(given) > 1:
        raise Trouble(t("give one source for the key", "密钥来源只能选一种"))
    prompted = not any(given)
    parts = (
        _prompted(sources.prompted, kind) if prompted else [key_from_hex(text) for text in _texts(sources)]
    )
    key = parts[0] if len(parts) == 1 else combine_components(parts)
    if len(key) not in lengths:
        allowed = "/".join(str(2 * one) for one in lengths)
        raise Trouble(
            t(
                f"this key has {2 * len(key)} hex digits, it needs {allowed}",
                f"该密钥为 {2 * len(key)} 位十六进制，应为 {allowed} 位",
            )
        )
    value = check_value(key, kind).hex().upper()
    values = tuple(check_value(part, kind).hex().upper() for part in parts)
    wanted = "".join(expected.split()).upper()
    if wanted and not (4 <= len(wanted) <= len(value) and value.startswith(wanted)):
        raise CheckValueError(
            f"the key has check value {value}, expected {wanted[:16]}; nothing was stored",
            f"密钥校验值为 {value}, 应为 {wanted[:16]}; 未保存",
        )
    if prompted:
        question = t(
            f"Check value of the whole key: {value}. Store it?", f"完整密钥的校验值：{value}。是否保存？"
        )
        if not wanted and not click.confirm(question, err=True):
            raise click.Abort
    return Entered(key, values, value)


def _prompted(count: int, kind: str) -> list[bytes]:
    if not sys.stdin.isatty():
        raise Trouble(
            t("there is no terminal to type a key at", "没有可供输入密钥的终端"),
            todo=t(
                "use --component-file, --key-file or --stdin", "请用 --component-file、--key-file 或 --stdin"
            ),
        )
    parts = []
    for number in range(1, count + 1):
        label = t(f"Component {number} (hex, not shown)", f"分量 {number}（十六进制，不回显）")
        part = key_from_hex(click.prompt(label, hide_input=True, err=True))
        value = check_value(part, kind if len(part) == 16 else "3des").hex().upper()
        click.echo(t(f"  its check value: {value}", f"  该分量校验值：{value}"), err=True)
        parts.append(part)
    return parts


def _texts(sources: Sources) -> list[str]:
    if sources.key_file:
        texts = [*_file_lines(sources.key_file)]
        if len(texts) != 1:
            raise Trouble(t("the file must hold one key", "文件中应只有一个密钥"), where=sources.key_file)
        return texts
    if sources.component_files:
        texts = []
        for name in sources.component_files:
            lines = _file_lines(name)
            if len(lines) != 1:
                raise Trouble(t("the file must hold one component", "文件中应只有一个分量"), where=name)
            texts += lines
        if len(texts) not in (2, 3):
            raise Trouble(
                t("a key has two or three components", "密钥应有两个或三个分量"),
                todo=t("for a whole key use --key-file", "完整密钥请用 --key-file"),
            )
        return texts
    texts = _lines(sys.stdin.read(FILE_MAX + 1))
    if len(texts) not in (1, 2, 3):
        raise Trouble(
            t(
                "standard input must hold one key, or two or three components",
                "标准输入应为一个密钥，或两到三个分量",
            )
        )
    return texts


def _file_lines(name: str) -> list[str]:
    path = Path(name)
    private_file(path)
    with path.open(encoding="ascii", errors="replace") as file:
        return _lines(file.read(FILE_MAX + 1))


def _lines(text: str) -> list[str]:
    if len(text) > FILE_MAX:
        raise Trouble(t("that is too long for a key", "内容过长，不是密钥"))
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
