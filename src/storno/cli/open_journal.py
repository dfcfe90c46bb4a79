"""The one way a command gets at the journal: read-only, beside a running gateway.

Turns the journal's refusals into `Trouble`. Must not know what a command does with it.
"""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.journal.base import JournalError
from storno.journal.sqlite_reader import SqliteReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOURNAL_FILE = "journal.db"


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--home` to a command."""
    text = t(
        "Folder of all state (default: STORNO_HOME or ~/.storno).",
        "数据目录（默认 STORNO_HOME 或 ~/.storno）。",
    )
    return click.option("--home", type=click.Path(file_okay=False), default=None, help=text)(command)


def same_home(command: str, home: str | None) -> str:
    """Write a command for the folder that was named, so that it can be copied as it stands."""
    return command if home is None else f"{command} --home {shlex.quote(home)}"


@contextmanager
def open_journal(home: str | None) -> Iterator[SqliteReader]:
    """Open the journal of a home folder for reading.

    Raises:
        Trouble: there is none, or it cannot be trusted.

    """
    try:
        with SqliteReader(home_dir(home) / JOURNAL_FILE) as reader:
            yield reader
    except JournalError as error:
        code = ExitCode.DISAGREES if error.code == "corrupt" else ExitCode.BAD_INPUT
        raise Trouble(t(error.english, error.chinese), code=code) from None
