"""`-n`, `--limit`: how much of a list is printed, and how the rest is seen; for programs a list is whole without it.

Thin: a number and its words; the commands hold the lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from storno.cli.text import t

if TYPE_CHECKING:
    from collections.abc import Callable


def count_option(listed: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the option; without it `listed` are printed and all go into `--json`."""
    about = t(
        f"At most so many ({listed} are printed without it; --json gives all).",
        f"最多条数（缺省显示 {listed} 条；--json 缺省给出全部）。",
    )
    return click.option("-n", "--limit", "count", type=click.IntRange(1), default=None, help=about)


def how_many(count: int | None, listed: int, *, as_json: bool) -> int | None:
    """Give how many are wanted; None: all."""
    return listed if count is None and not as_json else count


def rest(number: int, shown: int) -> str:
    """Say how many more there are and how to see them; empty where all are shown."""
    if shown >= number:
        return ""
    return t(
        f"{number - shown} more not shown: -n {number} shows all, --json gives all to programs",
        f"另有 {number - shown} 条未显示：-n {number} 显示全部，--json 供程序读取全部",
    )
