"""The words statement files use for kinds, results, currencies and headers, in Chinese and English, as data.

`plain` says when two words are the same. The words stand in `presets/_words.toml`; nothing here reads other files.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources

from storno.statements.line import LineKind, Mark

_BLANK = re.compile(r"[\s\u3000\ufeff`*:'\"]+")
_UNIT = re.compile(r"\((?:单位)?:?(?:人民币)?(?:元|分|yuan|fen|cny|rmb|cents?|minor|usd|eur)\)$")


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """Give a header name or a word as it is compared: NFKC, without blanks and quotes, in lower case."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", name)).casefold()


@lru_cache(maxsize=8192)
def bare(name: str) -> str:
    """Give `plain` without a unit in brackets at the end and without underlines: what synonyms are found by."""
    return _UNIT.sub("", plain(name)).replace("_", "").removesuffix("/元").removesuffix("/分")


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    text = (resources.files("storno.statements") / "presets" / "_words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _turned(table: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for meaning, words in _tables()[table].items():
        for word in words:
            assert out.setdefault(bare(word), meaning) == meaning, f"{word!r} means two things in {table}"
    return out


@cache
def kind_words() -> dict[str, LineKind]:
    """Give the common words for kinds of transactions, by `bare` word."""
    return {word: LineKind(meaning) for word, meaning in _turned("kinds").items()}


@cache
def mark_words() -> dict[str, Mark]:
    """Give the common words for results of transactions, by `bare` word."""
    return {word: Mark(meaning) for word, meaning in _turned("marks").items()}


@cache
def currency_words() -> dict[str, str]:
    """Give ISO letters by the common names and numbers of currencies, by `bare` word."""
    return _turned("currencies")


@cache
def header_words() -> dict[str, str]:
    """Give the member (or part of one) a header name means, by `bare` name."""
    return _turned("headers")


def header_names(member: str) -> tuple[str, ...]:
    """Give the header names that mean a member, as they are written."""
    return tuple(_tables()["headers"][member])
