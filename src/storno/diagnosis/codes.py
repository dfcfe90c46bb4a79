"""Codes of F39 in words: responses, a reversal's reasons, and answers to a reversal are three different tables.

The same two characters mean different things in an answer and in a reversal (98, 96, A0, 06), so nothing here looks a
code up in a table that is not its own. A code without words stays visible as it is. Pure; data/response_codes.toml
holds the words and their sources.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any


class Outcome(Enum):
    """What a response code says about the money."""

    APPROVED = "approved"
    DECLINED = "declined"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Code:
    """One code with its words; `sources` names what the meaning rests on (see the data file)."""

    code: str
    english: str
    chinese: str
    sources: tuple[str, ...]
    outcome: Outcome | None = None
    """Set for response codes only."""
    advice_en: str = ""
    advice_zh: str = ""


def response(code: str) -> Code | None:
    """Find a response code (F39 of an answer to a request); None when there are no words for it."""
    return _table("codes").get(code)


def response_codes() -> tuple[Code, ...]:
    """List all response codes that have words, in order."""
    return tuple(_table("codes").values())


def meaning(code: str, lang: str) -> str:
    """Say what a response code means, the raw code first; unknown codes keep the raw code."""
    return _say("codes", code, lang)


def advice(code: str, lang: str) -> str:
    """Say what the cashier does about a response code; empty when we do not know."""
    found = response(code)
    return "" if found is None else found.advice_zh if lang == "zh" else found.advice_en


def reason(code: str, lang: str) -> str:
    """Say what a reversal's reason means (F39 of a 0400, F60.1 of a 0420)."""
    return _say("reasons", code, lang)


def reversal_answer(code: str, lang: str) -> str:
    """Say what the answer to a reversal means (F39 of a 0410 or 0430); what has no words of its own is a response."""
    table = "reversal_answers" if code in _table("reversal_answers") else "codes"
    return _say(table, code, lang)


def _say(table: str, code: str, lang: str) -> str:
    if not code:
        return "没有应答码" if lang == "zh" else "no code"
    found = _table(table).get(code)
    if found is None:
        return f"{code}（未收录）" if lang == "zh" else f"{code} (no words for it)"
    return f"{code}（{found.chinese}）" if lang == "zh" else f"{code} ({found.english})"


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("storno.diagnosis").joinpath("data/response_codes.toml").read_text("utf-8"))


@cache
def _table(name: str) -> dict[str, Code]:
    data = _data()
    if name != "codes":
        return {code: Code(code, en, zh, tuple(src.split())) for code, (en, zh, src) in data[name].items()}
    table = {}
    for code, (outcome, advised, english, chinese, sources) in data[name].items():
        advice_en, advice_zh = data["advice"][advised]
        table[code] = Code(
            code, english, chinese, tuple(sources.split()), Outcome(outcome), advice_en, advice_zh
        )
    return table
