"""click's own words in Chinese: "Usage", "Missing argument", "Show this message and exit." and their like.

click asks gettext through a name `_` in each of its modules; `install` puts this table in that place, so
that no binary catalogue has to be built and shipped. A sentence the table lacks stays English. click counts
characters where it lays out a page; here it counts columns, since a Chinese character takes two.
"""

from __future__ import annotations

from typing import Any

from click import core, decorators, exceptions, formatting, parser, types

from storno.cli.width import cells, wrap

CHINESE = {
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "参数",
    "Show this message and exit.": "显示本帮助并退出。",
    "Show the version and exit.": "显示版本号并退出。",
    "Aborted!": "已中断！",
    "Missing argument": "缺少参数",
    "Missing option": "缺少选项",
    "Missing parameter": "缺少参数",
    "Missing command.": "缺少命令。",
    "Missing {param_type}": "缺少 {param_type}",
    "Choose from:\n\t{choices}": "可选：\n\t{choices}",
    "No such command {name!r}.": "没有命令 {name!r}。",
    "No such option {name!r}.": "没有选项 {name!r}。",
    "Option {name!r} does not take a value.": "选项 {name!r} 不带值。",
    "Invalid value: {message}": "值无效：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} 的值无效：{message}",
    "Could not open file {filename!r}: {message}": "无法打开文件 {filename!r}：{message}",
    "{name} {filename!r} does not exist.": "{name} {filename!r} 不存在。",
    "{name} {filename!r} is a directory.": "{name} {filename!r} 是目录。",
    "{name} {filename!r} is a file.": "{name} {filename!r} 是文件。",
    "{name} {filename!r} is not readable.": "{name} {filename!r} 不可读。",
    "{name} {filename!r} is not writable.": "{name} {filename!r} 不可写。",
    "{value!r} is not a valid {number_type}.": "{value!r} 不是有效的 {number_type}。",
    "{value} is not in the range {range}.": "{value} 不在范围 {range} 内。",
    "default: {default}": "默认：{default}",
    "env var: {var}": "环境变量：{var}",
    "required": "必填",
    "(dynamic)": "（动态）",
    "file": "文件",
    "directory": "目录",
    "path": "路径",
    "unknown error": "未知错误",
    "{value!r} is not {choice}.": "{value!r} 不是 {choice}。",
    "{value!r} is not one of {choices}.": "{value!r} 不在 {choices} 之中。",
    "Got unexpected extra argument ({args})": "多余的参数（{args}）",
    "Got unexpected extra arguments ({args})": "多余的参数（{args}）",
    "Option {name!r} requires an argument.": "选项 {name!r} 需要一个值。",
    "Option {name!r} requires {nargs} arguments.": "选项 {name!r} 需要 {nargs} 个值。",
    "Did you mean {possibility}?": "是否要用 {possibility}？",
    "(Did you mean one of: {possibilities}?)": "（是否要用其中之一：{possibilities}？）",
}


PLACEHOLDERS = (("[OPTIONS]", "[选项]"), ("COMMAND [ARGS]...", "命令 [参数]..."))
"""What stands for something else in a usage line."""

TYPES: tuple[tuple[type[types.ParamType[Any]], str], ...] = (
    (types.StringParamType, "文本"),
    (types.IntParamType, "整数"),
    (types.IntRange, "整数"),
    (types.FloatParamType, "数值"),
    (types.FloatRange, "数值"),
)


class Formatter(formatting.HelpFormatter):
    """click's help page with Chinese marks."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        for english, chinese in PLACEHOLDERS:
            args = args.replace(english, chinese)
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write a heading with a full-width colon."""
        self.write(f"{'':>{self.current_indent}}{heading}：\n")


def install() -> None:
    """Make click speak Chinese in this process."""
    formatting.term_len = cells  # type: ignore[assignment, attr-defined]
    formatting.wrap_text = _wrap_text
    core.Context.formatter_class = Formatter
    for kind, name in TYPES:
        kind.name = name
    for module in (core, decorators, exceptions, formatting, parser, types):
        for name, function in (("_", _one), ("ngettext", _many)):
            if hasattr(module, name):
                setattr(module, name, function)


def _wrap_text(
    text: str,
    width: int = 78,
    initial_indent: str = "",
    subsequent_indent: str = "",
    preserve_paragraphs: bool = False,  # noqa: FBT001, FBT002 - click's signature
) -> str:
    """Wrap as click does, by columns."""
    paragraphs = text.split("\n\n") if preserve_paragraphs else [text]
    wrapped: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        first = subsequent_indent if number else initial_indent
        lines = wrap(first + " ".join(paragraph.split()), width, subsequent_indent)
        wrapped.append("\n".join(lines))
    return "\n\n".join(wrapped)


def _one(message: str) -> str:
    return CHINESE.get(message, message)


def _many(singular: str, plural: str, number: int) -> str:
    return _one(singular if number == 1 else plural)
