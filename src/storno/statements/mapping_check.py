"""Check the tables of a mapping's TOML against the keys there are: nothing unknown, nothing of the wrong type.

Every refusal says where in the TOML, what is wrong and what to do. Must not read files nor know what a key is for.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from storno.statements.line import LineKind, Mark
from storno.statements.mapping import MappingError
from storno.statements.mapping_keys import TABLES, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ABSENT = object()


def check(table: str, found: object, where: str, extra: Iterable[str] = ()) -> dict[str, Any]:
    """Give the checked values of one table by key; keys that are not there are left out.

    `extra` names keys that the caller checks itself.

    Raises:
        MappingError: not a table, an unknown key, a wrong type, or a required key missing.

    """
    if not isinstance(found, dict):
        raise MappingError(
            where,
            f"must be a table, not {found!r}; write {where} = {{ … }}",
            f"应为表 {{ … }}，而不是 {found!r}",
        )
    keys = {key.name: key for key in TABLES[table]}
    known = [*keys, *extra]
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name in keys:
            place = f"{where}.{name}" if where else name
            values[name] = _typed(keys[name], value, place)
        elif name not in known:
            raise unknown(where, name, known)
    for key in keys.values():
        if key.default == "required" and key.name not in values:
            raise MappingError(where, f"{key.name!r} is missing: {key.en}", f"缺少 {key.name!r}：{key.zh}")
    return values


def unknown(where: str, name: str, known: Iterable[str]) -> MappingError:
    """Give the refusal of a key that nobody knows, with the nearest names."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    return MappingError(
        where,
        f"unknown key {name!r}; "
        + (f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names)}"),
        f"未知键 {name!r}；" + (f"是否为 {'、'.join(close)}？" if close else f"可用：{'、'.join(names)}"),
    )


def _typed(key: Key, value: object, where: str) -> Any:
    reader = _READERS.get(key.type)
    if reader is not None:
        return reader(value, where)
    choices = key.type.split("|")
    assert len(choices) > 1, f"key {key.name} has the unknown type {key.type}"
    if value not in choices:
        raise MappingError(
            where,
            f"{value!r} is none of {', '.join(choices)}",
            f"{value!r} 不在可选值之内：{'、'.join(choices)}",
        )
    return value


def _wrong(where: str, value: object, english: str, chinese: str) -> MappingError:
    return MappingError(where, f"{value!r} must be {english}", f"{value!r} 应为{chinese}")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "text in quotes", "带引号的文本")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise _wrong(where, value, "a list that is not empty", "非空列表")
    return tuple(_text(one, where) for one in items)


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false", " true 或 false")
    return value


def _whole(low: int, high: int) -> Callable[[object, str], int]:
    def read(value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(where, value, f"a whole number from {low} to {high}", f" {low} 到 {high} 的整数")
        return value

    return read


_POSITION = _whole(1, 16_384)


def _column(value: object, where: str) -> str | int:
    if isinstance(value, int):
        return _POSITION(value, where)
    text = _text(value, where)
    if not text.strip():
        raise _wrong(where, value, "a header name or a position from 1", "表头名称或列序号（从 1 起）")
    return text


def _columns(value: object, where: str) -> tuple[str | int, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise _wrong(where, value, "a list that is not empty", "非空列表")
    return tuple(_column(one, where) for one in items)


def _regex(value: object, where: str) -> re.Pattern[str]:
    text = _text(value, where)
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise MappingError(
            where, f"{text!r} is no regular expression: {error}", f"{text!r} 不是正则表达式：{error}"
        ) from None


def _regexes(value: object, where: str) -> tuple[re.Pattern[str], ...]:
    return tuple(_regex(one, where) for one in (value if isinstance(value, list) else [value]))


def _pairs(value: object, where: str, read: Callable[[object, str], Any]) -> tuple[tuple[str, Any], ...]:
    if not isinstance(value, dict):
        raise _wrong(where, value, "a table of words { 'from' = 'to' }", "对照表 { '原值' = '新值' }")
    return tuple((word, read(one, f"{where}.{word}")) for word, one in value.items())


def _enum(kinds: type[LineKind | Mark]) -> Callable[[object, str], Any]:
    def read(value: object, where: str) -> Any:
        names = [one.value for one in kinds]
        if value not in names:
            close = get_close_matches(str(value), names, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise MappingError(
                where,
                f"{value!r} is none of {', '.join(names)}{hint}",
                f"{value!r} 不在可选值之内：{'、'.join(names)}",
            )
        return kinds(value)

    return read


_KIND = _enum(LineKind)
_MARK = _enum(Mark)


def _listed(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(where, value, "a list of tables [{ … }]", "表的列表 [{ … }]")
    return value


def _rules(value: object, where: str) -> tuple[tuple[tuple[str | int, ...], tuple[str, ...]], ...]:
    out = []
    for number, one in enumerate(_listed(value, where), 1):
        place = f"{where}[{number}]"
        if not isinstance(one, dict) or set(one) != {"column", "values"}:
            raise _wrong(place, one, "{ column = …, values = [ … ] }", " { column = …, values = [ … ] }")
        out.append((_columns(one["column"], f"{place}.column"), _texts(one["values"], f"{place}.values")))
    return tuple(out)


def _patterns(value: object, where: str) -> tuple[tuple[re.Pattern[str], LineKind], ...]:
    out = []
    for number, one in enumerate(_listed(value, where), 1):
        place = f"{where}[{number}]"
        if not isinstance(one, dict) or set(one) != {"match", "kind"}:
            raise _wrong(place, one, "{ match = …, kind = … }", " { match = …, kind = … }")
        out.append((_regex(one["match"], f"{place}.match"), _KIND(one["kind"], f"{place}.kind")))
    return tuple(out)


def _fields(value: object, where: str) -> tuple[tuple[str, int, int], ...]:
    if not isinstance(value, dict) or not value:
        raise _wrong(where, value, "a table of fields", "字段表")
    out = []
    for name, one in value.items():
        place = f"{where}.{name}"
        if not isinstance(one, dict) or set(one) != {"at", "length"}:
            raise _wrong(place, one, "{ at = …, length = … }", " { at = …, length = … }")
        start = _whole(1, 60_000)(one["at"], f"{place}.at")
        out.append((name, start - 1, _whole(1, 60_000)(one["length"], f"{place}.length")))
    return tuple(out)


def _signature(value: object, where: str) -> tuple[tuple[str, ...], ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise _wrong(where, value, "a list of header names", "表头名称列表")
    several = items if isinstance(items[0], list) else [items]
    return tuple(_texts(one, where) for one in several)


def _delimiter(value: object, where: str) -> str:
    named = {"auto": "", "tab": "\t", "pipe": "|"}
    text = named.get(str(value), value)
    if text not in ("", ",", ";", "\t", "|"):
        raise _wrong(where, value, "auto, a comma, ;, tab or pipe", " auto、逗号、分号、tab 或 pipe")
    return str(text)


def _sheet(value: object, where: str) -> str | int:
    return _POSITION(value, where) if isinstance(value, int) else _text(value, where)


_READERS: dict[str, Callable[[object, str], Any]] = {
    "text": _text,
    "texts": _texts,
    "flag": _flag,
    "count": _whole(0, 1_000_000),
    "offset": _whole(-900, 900),
    "columns": _columns,
    "regex": _regex,
    "regexes": _regexes,
    "rules": _rules,
    "patterns": _patterns,
    "fields": _fields,
    "signature": _signature,
    "sheet": _sheet,
    "delimiter": _delimiter,
    "words": lambda value, where: _pairs(value, where, _text),
    "counters": lambda value, where: _pairs(value, where, _columns),
    "kinds": lambda value, where: _pairs(value, where, _KIND),
    "marks": lambda value, where: _pairs(value, where, _MARK),
}
