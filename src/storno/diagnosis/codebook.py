"""The table of response codes as one acquirer reads it: base, edition, acquirer, then the acquirer's own file.

Codes 05, 12, 21 and 59 changed their meaning, A1 to A5 mean something else at one acquirer, and a table copied from a
vendor may be shifted by a row: an override is checked against what we know before it counts. Pure: text arrives.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from storno.diagnosis import codes
from storno.diagnosis.codes import Code, Derived, Effect, Outcome, Retry

OWN = "own"
_TEXTS = ("english", "chinese", "advice", "outcome", "retry", "money", "nature", "reversal", "source")
_KEYS = (*_TEXTS, "suspects", "technical", "reviewed")
_CODE_LENGTH = 2


class OverrideError(Exception):
    """An override that cannot be used: where it stands and what to do, in both languages."""

    def __init__(self, where: str, english: str, chinese: str) -> None:
        super().__init__(f"{where}: {english}")
        self.where, self.english, self.chinese = where, english, chinese


@dataclass(frozen=True, slots=True)
class Acquirer:
    """What an overrides' file says of one acquirer."""

    name: str
    edition: str = ""
    based_on: str = ""
    codes: Mapping[str, Code] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overrides:
    """An overrides' file, checked."""

    default: str = ""
    acquirers: Mapping[str, Acquirer] = field(default_factory=dict)


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class Codebook:
    """All response codes as one acquirer reads them."""

    edition: str
    acquirer: str
    codes: Mapping[str, Code]

    def find(self, code: str) -> Code | None:
        """Find a code; None when there are no words for it."""
        return self.codes.get(code)

    def meaning(self, code: str, lang: str) -> str:
        """Say what a code means, the raw code first."""
        if not code:
            return "没有应答码" if lang == "zh" else "no code"
        found = self.find(code)
        if found is None:
            return f"{code}（未收录）" if lang == "zh" else f"{code} (no words for it)"
        return f"{code}（{found.chinese}）" if lang == "zh" else f"{code} ({found.english})"


def codebook(edition: str = "", acquirer: str = "", overrides: Overrides = NO_OVERRIDES) -> Codebook:
    """Give the table of an edition and an acquirer; empty names: what is true of all, and the file's default.

    Raises:
        OverrideError: there is no such edition or acquirer; the known ones are named.

    """
    name = acquirer or overrides.default
    own = overrides.acquirers.get(name)
    if name and own is None and name not in codes.acquirers():
        known = ", ".join((*overrides.acquirers, *codes.acquirers()))
        raise OverrideError(name, f"no such acquirer; known: {known}", f"没有收单机构 {name}；已知：{known}")
    chosen = edition or (own.edition if own else "")
    if chosen and chosen not in codes.editions():
        known = ", ".join(codes.editions())
        raise OverrideError(chosen, f"no such edition; known: {known}", f"没有版本 {chosen}；已知：{known}")
    table = {one.code: one for one in codes.response_codes()}
    if chosen:
        table |= codes.of_edition(chosen)
    based = own.based_on if own else name
    if based:
        table |= codes.of_acquirer(based)
    if own:
        table |= own.codes
    return Codebook(chosen, name, MappingProxyType(dict(sorted(table.items()))))


# -------------------------------------------------------------------- the overrides' file
def read_overrides(text: str, source: str = "codes.toml") -> Overrides:
    """Read and check an overrides' file: `default = "name"` and a table per acquirer (see docs/diagnosis.md).

    Raises:
        OverrideError: it is not TOML, has a key we do not know, or contradicts what we know without `reviewed = true`.

    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OverrideError(source, f"not TOML: {error}", f"不是 TOML：{error}") from None
    default = data.pop("default", "")
    found = {name: _acquirer(name, body, f"{source} [{name}]") for name, body in data.items()}
    if default and default not in found and default not in codes.acquirers():
        raise OverrideError(
            f"{source} default", f"there is no table [{default}]", f"没有名为 [{default}] 的表"
        )
    return Overrides(default, MappingProxyType(found))


def _acquirer(name: str, body: object, where: str) -> Acquirer:
    if not isinstance(body, dict):
        raise OverrideError(where, "should be a table", "应为一个表")
    _known(body, ("edition", "based_on", "codes"), where)
    edition, based = body.get("edition", ""), body.get("based_on", "")
    if edition and edition not in codes.editions():
        known = ", ".join(codes.editions())
        raise OverrideError(
            f"{where} edition", f"{edition!r} is none of {known}", f"{edition!r} 不在 {known} 之中"
        )
    if based and based not in codes.acquirers():
        known = ", ".join(codes.acquirers())
        raise OverrideError(
            f"{where} based_on", f"{based!r} is none of {known}", f"{based!r} 不在 {known} 之中"
        )
    table = {one.code: one for one in codes.response_codes()}
    if edition:
        table |= codes.of_edition(edition)
    if based:
        table |= codes.of_acquirer(based)
    listed = body.get("codes", {})
    if not isinstance(listed, dict):
        raise OverrideError(f"{where} codes", "should be a table", "应为一个表")
    made = {code: _row(code, row, table, f"{where} codes.{code}", name) for code, row in listed.items()}
    return Acquirer(name, edition, based, MappingProxyType(made))


def _row(code: str, row: object, table: Mapping[str, Code], where: str, name: str) -> Code:
    if len(code) != _CODE_LENGTH or not code.isascii() or not code.isalnum():
        raise OverrideError(where, "a code has two characters, such as 05 or A1", "应答码为两位，如 05 或 A1")
    if not isinstance(row, dict):
        raise OverrideError(where, "should be a table", "应为一个表")
    _known(row, _KEYS, where)
    _typed(row, where)
    base = table.get(code)
    if base is None:
        missing = [one for one in ("english", "chinese", "outcome") if one not in row]
        if missing:
            words = ", ".join(missing)
            raise OverrideError(where, f"a new code needs {words}", f"新的应答码须给出 {words}")
        base = Code(code, "", "", (), Outcome.DECLINED, *codes.advices()["acquirer"], "", 0, None)
    made = _changed(base, row, where, name)
    if not row.get("reviewed", False):
        _plausible(made, base, table, where)
    return made


def _changed(base: Code, row: Mapping[str, Any], where: str, name: str) -> Code:
    derived = base.derived or Derived(
        "unknown", Retry.QUERY_FIRST, Effect.UNKNOWN, "no", technical=False, suspects=()
    )
    advice_en, advice_zh = base.advice_en, base.advice_zh
    if "advice" in row:
        advice_en, advice_zh = codes.advices()[_one_of(row["advice"], codes.advices(), f"{where}.advice")]
    return replace(
        base,
        english=row.get("english", base.english),
        chinese=row.get("chinese", base.chinese),
        sources=(row.get("source", OWN),),
        outcome=Outcome(_one_of(row["outcome"], [one.value for one in Outcome], f"{where}.outcome"))
        if "outcome" in row else base.outcome,
        advice_en=advice_en,
        advice_zh=advice_zh,
        derived=replace(
            derived,
            nature=row.get("nature", derived.nature),
            retry=Retry(_one_of(row.get("retry", derived.retry.value), [one.value for one in Retry], f"{where}.retry")),
            effect=Effect(
                _one_of(row.get("money", derived.effect.value), [one.value for one in Effect], f"{where}.money")
            ),
            reversal=row.get("reversal", derived.reversal),
            technical=row.get("technical", derived.technical),
            suspects=tuple(row.get("suspects", derived.suspects)),
        ),
        origin=f"{OWN}:{name}",
    )  # fmt: skip


def _plausible(made: Code, base: Code, table: Mapping[str, Code], where: str) -> None:
    """Refuse what looks like a table shifted by a row, or what turns a refusal into an approval unnoticed."""
    for other in table.values():
        if other.code != made.code and made.chinese == other.chinese and other.chinese != base.chinese:
            raise OverrideError(
                where,
                f"these are the words of {other.code}: is the table shifted by a row? If not, add reviewed = true",
                f"这是 {other.code} 的释义：是否整表错位一行？如确认无误，请加 reviewed = true",
            )
    if base.english and Outcome.APPROVED in (made.outcome, base.outcome) and made.outcome is not base.outcome:
        was, now = base.outcome.value if base.outcome else "", made.outcome.value if made.outcome else ""
        raise OverrideError(
            where,
            f"{was} becomes {now}: that decides about money; if the acquirer says so, add reviewed = true",
            f"由 {was} 改为 {now}，涉及资金判断；如收单机构确认，请加 reviewed = true",
        )


def _known(body: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    for key in body:
        if key not in known:
            listed = ", ".join(known)
            raise OverrideError(f"{where}.{key}", f"not known; known: {listed}", f"未知项；可用：{listed}")


def _typed(row: Mapping[str, Any], where: str) -> None:
    for key in _TEXTS:
        if key in row and not isinstance(row[key], str):
            raise OverrideError(f"{where}.{key}", "should be text", "应为文本")
    for key in ("technical", "reviewed"):
        if key in row and not isinstance(row[key], bool):
            raise OverrideError(f"{where}.{key}", "should be true or false", "应为 true 或 false")
    suspects = row.get("suspects", [])
    if not isinstance(suspects, list) or not all(isinstance(one, str) for one in suspects):
        raise OverrideError(f"{where}.suspects", "should be a list of texts", "应为文本列表")


def _one_of(value: str, known: Any, where: str) -> str:
    if value not in known:
        listed = ", ".join(known)
        raise OverrideError(where, f"{value!r} is none of {listed}", f"{value!r} 不在 {listed} 之中")
    return value
