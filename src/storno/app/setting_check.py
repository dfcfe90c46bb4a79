"""Check one value against its setting: the type of its default, then the rule of the table.

Whatever does not fit is a SettingsError that names the file, the table, the name, the value and what is allowed, in
both languages; nothing is guessed, cut or rounded. It must not import the parts that are configured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

from storno.app.setting_table import setting
from storno.gateway.serve import Address
from storno.iso8583.cipher import BilingualError
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.mac import UnknownMacProfile, mac_profile
from storno.iso8583.profile import Profile, Reason
from storno.money import CURRENCIES

FIELD_MAX = 128
PORT_MAX = 65_535
_CURRENCY_DIGITS = frozenset(digits for digits, _, _ in CURRENCIES.values())
Allowed = tuple[str, str]


class SettingsError(BilingualError):
    """A setting that cannot be used: which, where, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and the folder that relative paths start from."""

    source: str
    table: str
    name: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        return f"{self.source} [{self.table}] {self.name}".rstrip()


def wrong(where: object, value: object, allowed: Allowed) -> SettingsError:
    """Make the error for a value that cannot be used."""
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return SettingsError(
        f"{where}: {shown} cannot be used; allowed: {allowed[0]}",
        f"{where}：不能用 {shown}；允许：{allowed[1]}",
    )


def known(given: dict[str, Any], allowed: tuple[str, ...], where: object) -> None:
    """Refuse a name that is none of the allowed ones, and say which one may be meant."""
    for name in given:
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = (f" Did you mean {near[0]!r}?", f"是否想写 {near[0]!r}？") if near else ("", "")
            names = ", ".join(allowed)
            raise SettingsError(
                f"{where}: {name!r} is not a setting.{hint[0]} Settings here: {names}",
                f"{where}：没有 {name!r} 这个设置。{hint[1]}可用：{names}",
            )


def checked(place: Place, default: object, value: object) -> object:
    """Give a value as its option wants it.

    Raises:
        SettingsError: it has another type than the default, or the rule does not allow it.

    """
    rule = setting(place.table, place.name).rule
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise wrong(place, value, ("true, false", "true、false"))
        return value
    if isinstance(default, Enum):
        members = {one.value: one for one in type(default)}
        if not isinstance(value, str) or value not in members:
            raise wrong(place, value, (", ".join(members), "、".join(members)))
        return members[value]
    kind, _, rest = rule.partition(" ")
    if ".." in kind:
        return _number(place, kind, value, whole=not isinstance(default, float))
    if kind in _LISTS:
        return _list(place, kind, value)
    if kind == "one" and not isinstance(default, str):
        whole = tuple(int(word) for word in rest.split())
        if isinstance(value, bool) or not isinstance(value, int) or value not in whole:
            raise wrong(place, value, (", ".join(rest.split()), "、".join(rest.split())))
        return value or None
    if not isinstance(value, str):
        raise wrong(place, value, ("text in quotes", "带引号的文本"))
    return _text(place, kind, rest, value)


def _number(place: Place, span: str, value: object, *, whole: bool) -> object:
    low, _, high = span.partition("..")
    right = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not right or not float(low) <= value <= float(high):  # type: ignore[operator]
        en, zh = ("whole number", "整数") if whole else ("number", "数")
        raise wrong(place, value, (f"a {en} from {low} to {high}", f"{low} 到 {high} 的{zh}"))
    return value if whole else float(value)  # type: ignore[arg-type]


_CODE = re.compile(r"[0-9A-Z]{2}")
_URL = re.compile(r"https?://[!-~]{1,500}")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CODES = ("a list of codes of 2 digits or capitals", "2 位数字或大写字母的应答码列表")
_LISTS: dict[str, tuple[re.Pattern[str], Allowed]] = {
    "addresses": (re.compile(r".+"), ('a list of "HOST:PORT"', '"主机:端口" 的列表')),
    "codes": (_CODE, _CODES),
    "codes?": (_CODE, _CODES),
    "fields": (re.compile(r""), (f"a list of field numbers 2 to {FIELD_MAX}", f"2 到 {FIELD_MAX} 的域号列表")),
    "tags": (re.compile(r"([0-9A-F]{2}){1,3}"), ("a list of tags in hex", "十六进制标签的列表")),
    "faults": (re.compile(r".+"), ('a list of "NAME=PROBABILITY"', '"名称=概率" 的列表')),
    "texts": (re.compile(r".*"), ("a list of texts", "文本列表")),
}  # fmt: skip
_NEEDED = frozenset({"addresses", "codes"})
"""Lists that mean nothing when empty."""


def _list(place: Place, kind: str, value: object) -> object:
    pattern, allowed = _LISTS[kind]
    if not isinstance(value, list) or (kind in _NEEDED and not value):
        raise wrong(place, value, allowed)
    if kind == "fields":
        if not all(
            isinstance(one, int) and not isinstance(one, bool) and 2 <= one <= FIELD_MAX for one in value
        ):
            raise wrong(place, value, allowed)
        return tuple(value)
    if not all(isinstance(one, str) and pattern.fullmatch(one) for one in value):
        raise wrong(place, value, allowed)
    if kind == "addresses":
        found = tuple(address(one, place) for one in value)
        if not all(one.port for one in found):
            raise wrong(place, value, allowed)
        return found
    return frozenset(value) if kind.startswith("codes") else tuple(value)


def _text(place: Place, kind: str, rest: str, value: str) -> object:
    if kind == "address?" and not value:
        return None
    if kind in ("address", "address?"):
        return address(value, place)
    if kind == "file":
        return _file(place, value)
    if kind == "mac":
        try:
            return mac_profile(value).name
        except UnknownMacProfile as error:
            raise SettingsError(f"{place}: {error.en}", f"{place}：{error.zh}") from None
    allowed, fits = _form(kind, rest, value)
    if not fits:
        raise wrong(place, value, allowed)
    return value


def _form(kind: str, rest: str, value: str) -> tuple[Allowed, bool]:
    """Say what a text's rule allows, and whether the value is that."""
    optional = rest.endswith("?") or kind.endswith("?")
    size = rest.rstrip("?")
    empty_en, empty_zh = (", or empty", "，或留空") if optional else ("", "")
    if kind == "one":
        return (", ".join(rest.split()), "、".join(rest.split())), value in rest.split()
    if kind == "dialect":
        return (", ".join(sorted(DIALECTS)), "、".join(sorted(DIALECTS))), value in DIALECTS
    if kind == "currency":
        names = ", ".join(sorted(_CURRENCY_DIGITS))
        return (names, names), value in _CURRENCY_DIGITS
    if kind.startswith("code"):
        fits = _CODE.fullmatch(value) is not None
        en, zh = "a code of 2 digits or capitals", "2 位数字或大写字母的应答码"
    elif kind == "digits":
        fits = len(value) == int(size) and value.isascii() and value.isdigit()
        en, zh = f"{size} digits", f"{size} 位数字"
    elif kind == "hex":
        fits = re.fullmatch(r"([0-9A-F]{2})+", value) is not None and (not size or len(value) == int(size))
        en, zh = f"{size} hex digits in capitals".lstrip(), f"{size} 位大写十六进制".lstrip(" 位")
    elif kind == "url?":
        fits = _URL.fullmatch(value) is not None
        en, zh = "http://… or https://…", "http://… 或 https://…"
    elif kind == "word":
        fits = _WORD.fullmatch(value) is not None
        en, zh = "1 to 64 letters, digits, . _ -", "1 至 64 个字母、数字、. _ -"
    elif kind == "ascii":
        fits = len(value) == int(size) and value.isascii() and value.isprintable()
        en, zh = f"{size} ASCII characters", f"{size} 个 ASCII 字符"
    else:
        raise AssertionError(f"no such rule: {kind} {rest}")
    return (en + empty_en, zh + empty_zh), fits or (optional and not value)


def _file(place: Place, value: str) -> str:
    """Give a path, relative ones from the folder of the settings file."""
    if not value or "\0" in value:
        raise wrong(place, value, ("a file's path", "文件路径"))
    path = Path(value).expanduser()
    return str(path if place.folder is None else place.folder / path)


def address(text: str, where: object) -> Address:
    """Read `host:port` ([::1]:7000 for IPv6); port 0 lets the system choose where one listens."""
    host, separator, port = text.rpartition(":")
    right = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= PORT_MAX
    if not separator or not host.strip("[]") or not right or host != host.strip():
        raise wrong(where, text, ('"HOST:PORT"', '"主机:端口"'))
    return Address(host.strip("[]"), int(port))


def reasons(place: Place, value: object) -> dict[Reason, str]:
    """Read the table of reason codes; `sound_profile` checks their length, which the whole profile decides."""
    members = {one.value: one for one in Reason}
    if not isinstance(value, dict):
        raise wrong(place, value, ("a table [profile.reason_codes]", "表 [profile.reason_codes]"))
    known(value, tuple(members), place)
    for name, code in value.items():
        if not isinstance(code, str):
            raise wrong(f"{place} {name}", code, ("text in quotes", "带引号的文本"))
    return {members[name]: code for name, code in value.items()}


def sound_profile(place: Place, profile: Profile) -> None:
    """Refuse a profile whose entries contradict each other.

    Raises:
        SettingsError: a reason code does not fit its field, or a response code means two things.

    """
    size = 4 if profile.reason_field == 60 else 2
    for reason, code in profile.reason_codes:
        if profile.reason_field and re.fullmatch(rf"[0-9A-Z]{{{size}}}", code) is None:
            en = f"{size} digits or capitals, for reason_field = {profile.reason_field}"
            zh = f"{size} 位数字或大写字母（reason_field = {profile.reason_field}）"
            raise wrong(f"{place} reason_codes {reason.value}", code, (en, zh))
    for one, other in (
        ("approved", "doubtful"), ("approved", "reverse_on"), ("reversal_accepted", "reversal_retry"),
    ):  # fmt: skip
        if both := getattr(profile, one) & getattr(profile, other):
            codes = ", ".join(sorted(both))
            raise SettingsError(
                f"{place}: {codes} stands in {one} and in {other}; a code means one thing",
                f"{place}：{codes} 同时出现在 {one} 和 {other} 中；一个应答码只能有一种含义",
            )
    if stray := profile.partial - profile.approved:
        codes = ", ".join(sorted(stray))
        raise SettingsError(
            f"{place} partial: {codes} is not in approved", f"{place} partial：{codes} 不在 approved 中"
        )
