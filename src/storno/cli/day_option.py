"""A day on the command line: 2026-11-30 or 20261130, and a refusal that says so in the chosen language.

Rule: what is not plainly one day is refused, never guessed at. Must not know any command.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import click

from storno.cli.text import t

_WRITTEN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})(\d{2})(\d{2})", re.ASCII)


class Day(click.ParamType):  # type: ignore[type-arg] # generic only in the newest stubs
    """Reads a day; click's own type names its formats in the language of strptime, and takes 2026111 for one."""

    name = "day"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Show how a day is written."""
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, or refuse it."""
        if isinstance(value, datetime):
            return value
        found = _WRITTEN.fullmatch(str(value).strip())
        try:
            year, month, day = (int(one) for one in (found.groups() if found else ()) if one)
            return datetime(year, month, day)  # noqa: DTZ001 - a business day has no zone
        except ValueError:
            said = t(
                f"{value!r} is no day: write it like 2026-11-30",
                f"{value!r} 不是日期：请写成 2026-11-30 的形式",
            )
            self.fail(said, param, ctx)


DAY = Day()
