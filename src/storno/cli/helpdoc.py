"""Writes docs/commands.md: the help of every command, as the commands themselves tell it.

`make docs` runs it once per language and a test compares the pages with it, so they cannot grow old.
It must not describe a command in words of its own.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from storno.cli.main import build, choose
from storno.cli.text import t

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100


def page() -> str:
    """Return the page in the chosen language, as Markdown."""
    head = t(
        "# Commands\n\nWritten by `make docs` from the commands' own help; do not edit.",
        "# 命令\n\n由 `make docs` 根据各命令自身的帮助生成，请勿手工修改。",
    )
    return "\n\n".join([head, *_sections(build(), "storno", None)]) + "\n"


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    context.help_option_names = ["-h", "--help"]
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {context.command_path}\n\n```text\n{text.strip()}\n```"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None, f"{context.command_path} lists {child} but does not have it"
            yield from _sections(found, child, context)


if __name__ == "__main__":
    choose(sys.argv[1:], os.environ)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(page())
