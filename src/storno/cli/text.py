"""The language of everything the command line says: English or Chinese, chosen once at start-up.

`t(en, zh)` returns the text in the chosen language; help texts use it too, since a command's module is
loaded only after the choice. It must not import click or any command.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Language(StrEnum):
    """A language Storno speaks."""

    EN = "en"
    ZH = "zh"


class UnknownLanguageError(ValueError):
    """Say that a language was asked for that Storno does not speak; `name` is what was asked."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown language {name!r}")
        self.name = name


_chosen = Language.EN


def t(en: str, zh: str) -> str:
    """Return the text in the chosen language."""
    return zh if _chosen is Language.ZH else en


def language() -> Language:
    """Return the chosen language."""
    return _chosen


def speak(chosen: Language) -> None:
    """Choose the language of all texts from here on."""
    global _chosen  # noqa: PLW0603 - one process speaks one language, and help texts are made at import
    _chosen = chosen


def split_language(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[Language, list[str]]:
    """Return the language asked for and the arguments without `--lang`.

    `--lang` may stand anywhere before a lone `--`, so that every command takes it. Without it STORNO_LANG,
    LC_ALL, LC_MESSAGES and LANG are asked in this order. Raises UnknownLanguageError for a `--lang` or
    STORNO_LANG we lack; a locale that we lack only means English.
    """
    rest: list[str] = []
    asked: str | None = None
    words = iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang":
            asked = next(words, "")
        elif word.startswith("--lang="):
            asked = word.removeprefix("--lang=")
        else:
            rest.append(word)
    asked = asked if asked is not None else environ.get("STORNO_LANG") or None
    return (_locale(environ) if asked is None else _named(asked)), rest


def _named(name: str) -> Language:
    head = name.strip().lower().replace("-", "_").split("_")[0]
    if head not in set(Language):
        raise UnknownLanguageError(name)
    return Language(head)


def _locale(environ: Mapping[str, str]) -> Language:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable):
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN
