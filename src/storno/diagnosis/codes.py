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
    """What a response code says about what was asked."""

    APPROVED = "approved"
    DECLINED = "declined"
    DOUBTFUL = "doubtful"


class Effect(Enum):
    """What a response code lets us expect of the money at the issuer."""

    APPROVED = "approved"
    APPROVED_PARTIAL = "approved_partial"
    APPROVED_UNCONFIRMED = "approved_unconfirmed"
    NONE = "none"
    UNKNOWN = "unknown"
    UNKNOWN_SWITCH_REVERSES = "unknown_switch_or_host"
    """Unknown; the switch or the host undoes it by itself as a rule."""
    EARLIER = "possible_earlier_success"


class Retry(Enum):
    """Whether the payment may be tried again."""

    NONE = "none"
    NEVER = "never"
    LATER = "later"
    OTHER_CARD = "other_card"
    SAME_CARD_ONCE = "same_card_once"
    SAME_CARD_INSERT = "same_card_insert"
    AFTER_FIX = "after_fix"
    AFTER_SIGN_IN = "after_signin"
    QUERY_FIRST = "query_first"


@dataclass(frozen=True, slots=True)
class Derived:
    """Our judgement about a response code: in no source, to be reviewed with the acquirer."""

    nature: str
    """approved, approved_unconfirmed, business, card_data, pin, fraud_block, operator, technical, configuration, …"""
    retry: Retry
    effect: Effect
    reversal: str
    """Whether a reversal follows this answer: no, yes, switch_or_host, …"""
    technical: bool
    """True: a technical decline; False for business declines and approvals (the NPCI split)."""
    suspects: tuple[str, ...]


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
    operator_class: str = ""
    """A done, B may be tried again, C not as it is, D a person acts, E the other side is out of order."""
    visa: int = 0
    """Visa's retry category; 0 where none was seen."""
    derived: Derived | None = None
    origin: str = "base"
    """Which table it comes from: base, edition:NAME, acquirer:NAME or the overrides' file."""


@dataclass(frozen=True, slots=True)
class ReasonFact:
    """What a reversal's reason says: derived, see `Derived`."""

    code: str
    money: str
    """At the issuer: approved, unknown, or untrusted (an answer that cannot be believed)."""
    iso_2003: str
    suspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerFact:
    """How to go on after an answer to a reversal; `may_mean` lists what the one code can hide."""

    code: str
    then: str
    """taken, nothing_to_undo, reconcile, manual, query, sign_in or repeat."""
    may_mean_en: tuple[str, ...]
    may_mean_zh: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def proves_undone(self) -> bool:
        """Say whether it alone proves that the money is back: no answer does, clearing or a statement has to."""
        return False


def reason_fact(code: str) -> ReasonFact | None:
    """Find what a reversal's reason says of the money; None for one we do not know."""
    found = _data()["reason_facts"].get(code)
    return None if found is None else ReasonFact(code, found[0], found[1], tuple(found[2].split()))


def answer_fact(code: str) -> AnswerFact | None:
    """Find how to go on after an answer to a reversal; None for one we do not know."""
    found = _data()["answer_facts"].get(code)
    if found is None:
        return None
    then, english, chinese, sources = found
    return AnswerFact(code, then, tuple(english), tuple(chinese), tuple(sources.split()))


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
    return rows(data[name], "base")


def rows(listed: dict[str, list[Any]], origin: str) -> dict[str, Code]:
    """Read rows `code = [outcome, advice, English, Chinese, sources]` with what is known of each code beside."""
    data = _data()
    table = {}
    for code, (outcome, advised, english, chinese, sources) in listed.items():
        advice_en, advice_zh = data["advice"][advised]
        table[code] = Code(
            code, english, chinese, tuple(sources.split()), Outcome(outcome), advice_en, advice_zh,
            _classes().get(code, ""), _visa().get(code, 0), _derived(code), origin,
        )  # fmt: skip
    return table


def editions() -> tuple[str, ...]:
    """Name the editions of the UnionPay table that we know apart."""
    return tuple(_data()["editions"])


def acquirers() -> tuple[str, ...]:
    """Name the acquirers that we know codes of."""
    return tuple(_data()["acquirers"])


def of_edition(name: str) -> dict[str, Code]:
    """Give the rows that an edition reads differently."""
    return rows(_data()["editions"][name], f"edition:{name}")


def of_acquirer(name: str) -> dict[str, Code]:
    """Give the rows that an acquirer reads differently."""
    return rows(_data()["acquirers"][name], f"acquirer:{name}")


def advices() -> dict[str, tuple[str, str]]:
    """Give the advice texts by name: English, Chinese."""
    return {name: (english, chinese) for name, (english, chinese) in _data()["advice"].items()}


@cache
def _classes() -> dict[str, str]:
    return {code: letter for letter, listed in _data()["classes"].items() for code in listed.split()}


@cache
def _visa() -> dict[str, int]:
    return {code: int(number) for number, listed in _data()["visa"].items() for code in listed.split()}


def _derived(code: str) -> Derived | None:
    found = _data()["derived"].get(code)
    if found is None:
        return None
    nature, retry, effect, reversal, technical, suspects = found
    return Derived(nature, Retry(retry), Effect(effect), reversal, technical, tuple(suspects.split()))
