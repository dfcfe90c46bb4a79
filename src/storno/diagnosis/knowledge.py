"""What is known of causes, symptoms, terminal-local conditions and entry modes: reviewed data with words and sources.

The tables are data/causes.toml and data/conditions.toml; a cause always has its six parts of advice in both languages.
Pure: the files are read through the package, nothing else.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

NOTHING = ""
"""The cause of what did not go wrong."""


class Part(Enum):
    """The six parts of advice, in their order."""

    HAPPENED = "happened"
    MONEY = "money"
    WHO = "who"
    WHEN = "when"
    TELL = "tell"
    DONT = "dont"

    def title(self, lang: str) -> str:
        """Name it."""
        return _PARTS[self][lang == "zh"]


_PARTS = {
    Part.HAPPENED: ("What happened", "发生了什么"),
    Part.MONEY: ("Where the money is", "钱在哪里"),
    Part.WHO: ("Who acts", "由谁处理"),
    Part.WHEN: ("By when", "何时之前"),
    Part.TELL: ("Tell the cardholder", "告知持卡人"),
    Part.DONT: ("Do not", "不要做"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """The same in both languages."""

    english: str
    chinese: str

    def say(self, lang: str) -> str:
        """Give it in a language."""
        return self.chinese if lang == "zh" else self.english


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `speaks_for` and `speaks_against` are for readers; how strongly symptoms speak is fitted."""

    name: str
    title: Text
    level: str
    """What it clings to: card, terminal, issuer, host, version, operator, transaction."""
    side: str
    """Who has to mend it."""
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    advice: dict[Part, Text]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A terminal-local condition, L01 to L09: what a terminal knows by itself, without F39."""

    code: str
    words: Text
    money: str
    reversal: str
    suspects: tuple[str, ...]
    sources: tuple[str, ...]
    note: Text | None


def causes() -> dict[str, Cause]:
    """Give all causes by name."""
    return _causes()


def cause_title(name: str, lang: str) -> str:
    """Name a cause; the empty one is that nothing went wrong."""
    if name == NOTHING:
        return "没有异常" if lang == "zh" else "nothing went wrong"
    return _causes()[name].title.say(lang)


def symptom(name: str, lang: str, *, present: bool) -> str:
    """Say a symptom in words."""
    english, chinese, no_english, no_chinese = _causes_file()["symptoms"][name]
    if present:
        return str(chinese if lang == "zh" else english)
    return str(no_chinese if lang == "zh" else no_english)


def symptom_names() -> tuple[str, ...]:
    """Name the symptoms that have words."""
    return tuple(_causes_file()["symptoms"])


def conditions() -> dict[str, Condition]:
    """Give the terminal-local conditions by code."""
    return {
        code: Condition(
            code, Text(*row["words"]), row["money"], row["reversal"], tuple(row["suspects"].split()),
            tuple(row["sources"].split()), Text(*row["note"]) if "note" in row else None,
        )
        for code, row in _conditions_file()["conditions"].items()
    }  # fmt: skip


def condition_title(code: str, lang: str) -> str:
    """Say a condition, the code first; one that is not known stays visible."""
    row = _conditions_file()["conditions"].get(code)
    if row is None:
        return f"{code}（未收录）" if lang == "zh" else f"{code} (no words for it)"
    english, chinese = row["words"]
    return f"{code}（{chinese}）" if lang == "zh" else f"{code} ({english})"


def entry_mode(f22: str, lang: str) -> str:
    """Say how the card was read (F22), and whether a PIN was entered."""
    row = _conditions_file()["entry_modes"].get(f22[:2])
    if row is None:
        return f"{f22}（未收录）" if lang == "zh" else f"{f22} (no words for it)"
    pin = {"1": (", with PIN", "，有密码"), "2": (", without PIN", "，无密码")}.get(f22[2:3], ("", ""))
    return str(row[1]) + pin[1] if lang == "zh" else str(row[0]) + pin[0]


def entry_modes() -> tuple[str, ...]:
    """List the first two digits of F22 that have words."""
    return tuple(_conditions_file()["entry_modes"])


@cache
def _causes() -> dict[str, Cause]:
    return {
        name: Cause(
            name, Text(*row["title"]), row["level"], row["side"], tuple(row["for"]), tuple(row["against"]),
            {part: Text(*row[part.value]) for part in Part}, tuple(row["sources"].split()),
        )
        for name, row in _causes_file()["causes"].items()
    }  # fmt: skip


def read_data(name: str) -> dict[str, Any]:
    """Read a data file of this package."""
    return tomllib.loads(files("storno.diagnosis").joinpath(f"data/{name}").read_text("utf-8"))


@cache
def _causes_file() -> dict[str, Any]:
    return read_data("causes.toml")


@cache
def _conditions_file() -> dict[str, Any]:
    return read_data("conditions.toml")
