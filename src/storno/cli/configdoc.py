"""Writes docs/configuration*.md and examples/storno.toml from the table of settings and the defaults in the code.

`make docs` runs it and a test compares, so the pages cannot grow old. It must not explain a setting in its own words.
"""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from storno.app.setting_table import TABLES, Setting, settings
from storno.app.settings import Settings, from_tables
from storno.cli.main import choose
from storno.cli.text import Language, language, t
from storno.gateway.serve import Address
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.profile import Profile, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAGS: dict[str, dict[str, str]] = {
    "gateway": {
        "--listen": "[gateway] listen", "--host": "[gateway] hosts",
        "--metrics": "[metrics] listen", "--log": "[log] format",
    },
    "host": {
        "--listen": "[host] listen", "--dialect": "[host] dialect", "--mac": "[profile] mac",
        "--fault": "[host] faults", "--script": "[host] script",
        "--magic": "[host] magic", "--seed": "[host] seed", "--keys": "[host] keys",
        "--unknown-reversal": "[host] unknown_reversal", "--tombstones": "[host] tombstones",
        "--duplicate-code": "[host] duplicate_code", "--memory-only": "[host] memory_only", "--quiet": "[host] quiet",
    },
    "terminal": {
        "--tid": "[terminal] tid", "--mid": "[terminal] mid", "--host": "[terminal] host",
        "--dialect": "[terminal] dialect", "--tmk-file": "[terminal] tmk_file",
        "--sign-in-code": "[terminal] sign_in_code", "--tls-ca": "[terminal] tls_ca",
        "--timeout": "[terminal] answer_ms, reversal_ms",
    },
}  # fmt: skip
"""Which setting an option of the command line wins over."""
_EXAMPLES = {"certificate": "gateway.pem", "key": "gateway.key", "authority": "ca.pem", "seed": 42}
_EXAMPLES |= {"calendar": "holidays-cn-2026.toml"}
_EXAMPLES |= {"listen": "127.0.0.1:9464", "endpoint": "http://127.0.0.1:4318/v1/traces"}
_EXAMPLES |= {"script": "faults.toml", "keys": "host-keys.toml", "tmk_file": "tmk.hex", "tls_ca": "ca.pem"}
_OPENINGS = {"gateway": ("listen", "hosts", "dialect")}
"""What the example sets although it is the default: the names a reader looks for first."""


def default_of(all_defaults: Settings, one: Setting) -> Any:
    """Give the value a setting has when nobody sets it."""
    if one.table == "profile":
        return getattr(all_defaults.dialect.profile, one.name)
    if one.table in ("tls", "host_tls"):
        return getattr(all_defaults.tls, one.name)
    if one.name == "dialect":
        return all_defaults.dialect.name
    if one.table in ("host", "terminal", "exceptions", "metrics", "log", "trace"):
        return getattr(getattr(all_defaults, one.table), one.name)
    if one.name == "test_terminals":
        return all_defaults.test_terminals
    return getattr(
        all_defaults.serve if hasattr(all_defaults.serve, one.name) else all_defaults.node, one.name
    )


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return f'"{value.value}"'
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, Address | str):
        return f'"{value}"'
    if value and isinstance(value, tuple) and isinstance(value[0], tuple):
        return "{ " + ", ".join(f"{reason.value} = {toml(code)}" for reason, code in value) + " }"
    if isinstance(value, frozenset):
        value = sorted(value)
    return "[" + ", ".join(map(toml, value)) + "]"


def allowed(one: Setting, default: Any) -> str:
    """Say in words what a setting may hold."""
    kind, _, rest = one.rule.partition(" ")
    if isinstance(default, bool):
        return "true, false"
    if isinstance(default, Enum):
        return ", ".join(member.value for member in type(default))
    if ".." in kind:
        low, _, high = kind.partition("..")
        number = t("number", "数") if isinstance(default, float) else t("whole number", "整数")
        return f"{number}, {low} – {high}"
    size = rest.rstrip("?")
    words = {
        "address": t("HOST:PORT", "主机:端口"),
        "address?": t("HOST:PORT, or empty", "主机:端口，或留空"),
        "url?": t("http(s) URL, or empty", "http(s) 网址，或留空"),
        "word": t("1 to 64 letters, digits, . _ -", "1 至 64 个字母、数字、. _ -"),
        "addresses": t("list of HOST:PORT", "主机:端口 列表"),
        "dialect": ", ".join(sorted(DIALECTS)),
        "mac": t("name, with /hex /bin /pad2 …", "名称，可加 /hex /bin /pad2 等"),
        "one": ", ".join(rest.split()),
        "code": t("2 characters", "2 位应答码"),
        "code?": t("2 characters, or empty", "2 位应答码，或留空"),
        "codes": t("list of codes", "应答码列表"),
        "codes?": t("list of codes, may be empty", "应答码列表，可为空"),
        "reasons": t("table: ", "表：") + ", ".join(reason.value for reason in Reason),
        "fields": t("list of field numbers", "域号列表"),
        "tags": t("list of tags", "标签列表"),
        "texts": t("list of texts", "文本列表"),
        "faults": t("list of texts", "文本列表"),
        "file": t("path, from this file's folder", "路径，相对于本文件所在目录"),
        "ascii": t(f"{size} characters", f"{size} 个字符"),
        "digits": t(f"{size} digits", f"{size} 位数字"),
        "hex": t(f"{size} hex digits", f"{size} 位十六进制") if size else t("hex digits", "十六进制"),
        "currency": t("ISO 4217 digits", "ISO 4217 数字代码"),
    }[kind]
    return words + (t(", or empty", "，或留空") if rest.endswith("?") else "")


def _cell(value: Any) -> str:
    if value is None or (value == "" and isinstance(value, str)):
        return ""
    return f"`{toml(value)}`"


def _text(one: Setting) -> str:
    return one.zh if language() is Language.ZH else one.en


def _table_of(table: str, defaults: Settings) -> Iterator[str]:
    yield t("| setting | default | allowed | what it does |", "| 设置 | 默认 | 允许 | 含义 |")
    yield "|---|---|---|---|"
    for one in settings():
        if one.table == table:
            default = default_of(defaults, one)
            yield f"| `{one.name}` | {_cell(default)} | {allowed(one, default)} | {_text(one)} |"


def _differences() -> Iterator[str]:
    """Show where the dialects' own profiles differ."""
    names = sorted(DIALECTS)
    yield t("| setting | ", "| 设置 | ") + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for one in fields(Profile):
        values = [getattr(DIALECTS[name].profile, one.name) for name in names]
        if one.name != "notes" and any(value != values[0] for value in values):
            yield f"| `{one.name}` | " + " | ".join(map(_cell, values)) + " |"


def _flags() -> Iterator[str]:
    yield t("| option | setting |", "| 命令行选项 | 设置 |")
    yield "|---|---|"
    for command, pairs in FLAGS.items():
        for flag, name in pairs.items():
            yield f"| `storno {command} {flag}` | `{name}` |"


def page() -> str:
    """Return the page in the chosen language, as Markdown."""
    defaults = from_tables({}, "defaults")
    parts = [_HEAD_ZH if language() is Language.ZH else _HEAD_EN]
    for table, (en, zh) in TABLES.items():
        if table == "host_tls":
            parts.append(
                f"## [host_tls]\n\n{t(en, zh)}{t(' The names are those of [tls].', '各项同 [tls]。')}"
            )
            continue
        parts.append(f"## [{table}]\n\n{t(en, zh)}\n\n" + "\n".join(_table_of(table, defaults)))
        if table == "profile":
            title = t("Where the dialects' own profiles differ:", "各方言默认值不同之处：")
            parts.append(f"{title}\n\n" + "\n".join(_differences()))
    parts.append(
        t("## Options that win over a setting", "## 优先于设置的命令行选项") + "\n\n" + "\n".join(_flags())
    )
    return "\n\n".join(parts) + "\n"


def example() -> str:
    """Return a storno.toml that sets nothing but what is the default already, with every setting explained."""
    defaults = from_tables({}, "defaults")
    lines = [
        "# storno.toml: every setting with its default. Uncomment what you change; ranges: docs/configuration.md",
        "# storno.toml：列出全部设置及其默认值，需要修改时去掉行首的 #；取值范围见 docs/configuration.zh-CN.md。",
    ]
    for table, (en, zh) in TABLES.items():
        mark = "# " if table == "host_tls" else ""
        lines += ["", f"# {en}", f"# {zh}", f"{mark}[{table}]"]
        for one in settings():
            if one.table == table:
                value = default_of(defaults, one)
                shown = _EXAMPLES[one.name] if value in (None, "") and one.name in _EXAMPLES else value
                off = "" if one.name in _OPENINGS.get(table, ()) else "# "
                lines += [f"# {one.en}", f"# {one.zh}", f"{off}{one.name} = {toml(shown)}"]
    return "\n".join(lines) + "\n"


_HEAD_EN = """# Configuration

Written by `make docs` from the code; do not edit. [简体中文](configuration.zh-CN.md) ·
[a file with every setting](../examples/storno.toml)

`storno gateway`, `storno host` and `storno terminal` read one file: `--config FILE`, else the file named by
`STORNO_CONFIG`, else `storno.toml` in the home folder (`--home`, `STORNO_HOME`, `~/.storno`), else defaults. An option
of the command line wins over the file. A name that is not known, a value of the wrong type or out of its range stops
the command with the file, the table, the name and what is allowed. Nothing misspelt becomes a default.

One file describes a whole trial:

```toml
[gateway]
listen = "127.0.0.1:7000"
hosts = ["127.0.0.1:7001"]     # storno host listens here, too
dialect = "cup_pos"            # for gateway, host and terminal

[profile]                      # for all three as well
answer_timeout_ms = 5000

[host]
faults = ["answer_lost=0.05", "late=0.02:8000", "reversal.answer_lost=0.1"]

[terminal]
tid = "00000001"
answer_ms = 8000               # above the gateway's answer_timeout_ms
```

- Durations end in `_ms` (milliseconds) or `_s` (seconds). Paths are relative to the folder of the file.
- `test_terminals` takes in every terminal, and the link to the host, with keys that everybody knows. The gateway
  refuses it while it listens beyond this machine. For real terminals import keys with `storno keys`.
- Several `hosts` must be front ends of **one** set of books: a reversal may leave over another one than its sale, and a
  host that does not know the sale answers 25, which counts as undone.
- A gateway speaks one dialect on both sides. With `cups` or `iso87_ascii` a switch stands where terminals stand;
  `storno terminal` speaks `cup_pos` only. With `mac_scope = "link"` one key makes the MAC on both sides
  (`storno keys link add`).
- `storno gateway --check` says what the settings come to and starts nothing."""

_HEAD_ZH = """# 配置

由 `make docs` 根据代码生成，请勿手工修改。[English](configuration.md) · [列出全部设置的文件](../examples/storno.toml)

`storno gateway`、`storno host`、`storno terminal` 读取同一个文件：`--config FILE`，其次是 `STORNO_CONFIG` 指定的文件，
再次是数据目录（`--home`、`STORNO_HOME`、`~/.storno`）中的 `storno.toml`，都没有则用默认值。命令行选项优先于文件。
名称不认识、类型不对或超出范围时，命令停止，并指出文件、表、名称和允许的取值；写错的名称不会悄悄变成默认值。

一个文件描述整套试验环境：

```toml
[gateway]
listen = "127.0.0.1:7000"
hosts = ["127.0.0.1:7001"]     # storno host 也在此监听
dialect = "cup_pos"            # 对网关、主机、终端都有效

[profile]                      # 同样对三者有效
answer_timeout_ms = 5000

[host]
faults = ["answer_lost=0.05", "late=0.02:8000", "reversal.answer_lost=0.1"]

[terminal]
tid = "00000001"
answer_ms = 8000               # 应大于网关的 answer_timeout_ms
```

- 时长以 `_ms`（毫秒）或 `_s`（秒）结尾。路径相对于配置文件所在目录。
- `test_terminals` 用公开密钥接受任何终端和主机链路；网关监听本机以外的地址时会拒绝启用。
  真实终端请用 `storno keys` 导入密钥。
- 多个 `hosts` 必须是**同一套账**的前置机：冲正可能不走原交易那一台，而不认识原交易的主机会答 25，等同于已冲正。
- 网关两侧使用同一种方言。使用 `cups` 或 `iso87_ascii` 时，接在终端位置上的是转接系统；`storno terminal`
  只会 `cup_pos`。`mac_scope = "link"` 时，两侧用同一把密钥计算 MAC（`storno keys link add`）。
- 不运行、只检查：`storno gateway --check` 会说明配置的实际含义。"""


if __name__ == "__main__":
    rest = choose(sys.argv[1:], os.environ)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(example() if "--example" in rest else page())
