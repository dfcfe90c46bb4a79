"""`--currency`: ISO 4217 letters, in any case; what is none is refused with the nearest that are.

Thin: the letters are those of `storno.money`.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from storno.cli.text import t
from storno.money import CURRENCIES, LETTERS

if TYPE_CHECKING:
    from collections.abc import Callable


class CurrencyType(click.ParamType):  # type: ignore[type-arg] # generic only in the newest stubs
    """A currency by its ISO 4217 letters."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it."""
        letters = str(value).strip().upper()
        if letters in LETTERS:
            return letters
        near = _near(letters)
        hint, hint_zh = (f"; near: {', '.join(near)}", f"；相近：{'、'.join(near)}") if near else ("", "")
        english = f"{value!r} is no ISO 4217 currency code such as CNY{hint}"
        raise click.BadParameter(
            t(english, f"{value!r} 不是 CNY 之类的 ISO 4217 币种代码{hint_zh}"), ctx, param
        )


def _near(letters: str) -> list[str]:
    """Give up to two currencies written nearly so; those with a sign of their own are likelier than all others."""
    return get_close_matches(letters, CURRENCIES, 2) or get_close_matches(letters, sorted(LETTERS), 2)


def currency_option(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the option `--currency`; `about` is its help."""
    return click.option(
        "--currency", default="CNY", show_default=True, type=CurrencyType(), metavar="ISO", help=about
    )
