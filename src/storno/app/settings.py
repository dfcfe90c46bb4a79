"""Settings: `storno.toml` read, checked and turned into the options of each part.

Every name that is not known is an error that lists the known ones: a misspelt policy must not become the default.
Times are written in seconds and amounts of data in their unit, as the names say.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from storno.gateway.options import NodeOptions
from storno.gateway.serve import Address, ServeOptions
from storno.iso8583.cipher import BilingualError
from storno.iso8583.dialects import dialect as dialect_named
from storno.iso8583.mac import UnknownMacProfile, mac_profile
from storno.iso8583.profile import Profile, Reason
from storno.iso8583.spec import Dialect

FILE = "storno.toml"
T = TypeVar("T")
_REASONS = "reason_codes"


class SettingsError(BilingualError):
    """A setting that cannot be used: which, where, and what is allowed."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate files (PEM) of one side."""

    certificate: str = ""
    key: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a gateway is told."""

    source: str
    dialect: Dialect
    node: NodeOptions = field(default_factory=NodeOptions)
    serve: ServeOptions = field(default_factory=ServeOptions)
    test_terminals: bool = True
    """Terminals without a master key are taken in with the published test key; only for trials on this machine."""
    tls: TlsFiles = field(default_factory=TlsFiles)
    host_tls: TlsFiles | None = None


def load(
    path: str | Path | None, home: Path, *, listen: str | None = None, hosts: tuple[str, ...] = ()
) -> Settings:
    """Read the settings: the file named, else STORNO_CONFIG, else `storno.toml` in the home folder, else defaults.

    `listen` and `hosts` (HOST:PORT) win over the file.

    Raises:
        SettingsError: the file is missing, is not TOML, or says something that cannot be used.

    """
    chosen = path or os.environ.get("STORNO_CONFIG")
    file = Path(chosen) if chosen else home / FILE
    if not file.exists():
        if chosen:
            raise SettingsError(f"{file} does not exist", f"{file} 不存在")
        return from_tables(_with_addresses({}, listen, hosts), "defaults")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}", f"{file} 不是合法的 TOML：{error}") from None
    return from_tables(_with_addresses(tables, listen, hosts), str(file))


def _with_addresses(tables: dict[str, Any], listen: str | None, hosts: tuple[str, ...]) -> dict[str, Any]:
    gateway = dict(_table(tables, "gateway", ""))
    if listen:
        gateway["listen"] = listen
    if hosts:
        gateway["hosts"] = list(hosts)
    return {**tables, "gateway": gateway}


def from_tables(tables: dict[str, Any], source: str) -> Settings:
    """Turn parsed TOML tables into settings."""
    _known(tables, ("gateway", "profile", "tls", "host_tls", "terminal", "host"), source, "")
    gateway = dict(_table(tables, "gateway", source))
    where = f"{source} [gateway]"
    try:
        base = dialect_named(str(gateway.pop("dialect", "cup_pos")))
    except (KeyError, ValueError) as error:
        raise SettingsError(f"{where}: {error}", f"{where}：{error}") from None
    listen = _address(gateway.pop("listen", "127.0.0.1:7000"), where)
    hosts = tuple(_address(one, where) for one in _list(gateway.pop("hosts", ["127.0.0.1:7001"]), where))
    test_terminals = _flag(gateway.pop("test_terminals", listen.host in LOOPBACK), where, "test_terminals")
    node_names = {one.name for one in fields(NodeOptions)}
    serve_names = {one.name for one in fields(ServeOptions)} - {"listen", "hosts", "tls", "host_tls"}
    _known(
        gateway,
        (*sorted(node_names | serve_names), "listen", "hosts", "dialect", "test_terminals"),
        source,
        "gateway",
    )
    node = _built(NodeOptions(), {k: v for k, v in gateway.items() if k in node_names}, where)
    base_serve = ServeOptions(listen=listen, hosts=hosts)
    serve = _built(base_serve, {k: v for k, v in gateway.items() if k in serve_names}, where)
    profile = _profile(base.profile, _table(tables, "profile", source), f"{source} [profile]")
    return Settings(
        source=source,
        dialect=base if profile == base.profile else replace_profile(base, profile),
        node=node,
        serve=serve,
        test_terminals=test_terminals,
        tls=_built(TlsFiles(), _table(tables, "tls", source), f"{source} [tls]"),
        host_tls=_built(TlsFiles(), tables["host_tls"], f"{source} [host_tls]")
        if "host_tls" in tables
        else None,
    )


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def replace_profile(base: Dialect, profile: Profile) -> Dialect:
    """Give a dialect another profile; everything else stays."""
    return Dialect(
        base.name, base.title_zh, base.title_en, base.framing, base.head, base.fields, base.match_key,
        base.match_check, base.mac_field, profile,
    )  # fmt: skip


def _profile(base: Profile, table: dict[str, Any], where: str) -> Profile:
    values = dict(table)
    if _REASONS in values:
        given = values.pop(_REASONS)
        allowed = {one.value: one for one in Reason}
        _known(given, tuple(allowed), where, _REASONS)
        known = dict(base.reason_codes)
        known.update({allowed[name]: str(code) for name, code in given.items()})
        base = replace(base, reason_codes=tuple(known.items()))
    if "reversal_copies" in values:
        base = replace(
            base, reversal_copies=tuple(int(one) for one in _list(values.pop("reversal_copies"), where))
        )
    profile = _built(base, values, where)
    try:
        mac_profile(profile.mac)
    except UnknownMacProfile as error:
        raise SettingsError(f"{where} mac: {error.en}", f"{where} mac：{error.zh}") from None
    return profile


def _built(base: T, values: dict[str, Any], where: str) -> T:
    """Override members of an options object, each checked against the type of its default."""
    hints = {one.name: str(one.type) for one in fields(base)}  # type: ignore[arg-type]
    _known(values, tuple(hints), where, "")
    checked = {
        name: _checked(getattr(base, name), hints[name], value, f"{where} {name}")
        for name, value in values.items()
    }
    return replace(base, **checked)  # type: ignore[type-var]


def _checked(default: object, hint: str, value: object, where: str) -> object:
    if isinstance(default, Enum):
        names = {one.value: one for one in type(default)}
        if value not in names:
            raise _wrong(where, value, ", ".join(names))
        return names[value]
    if isinstance(default, bool):
        return _flag(value, where, "")
    if isinstance(default, frozenset):
        return frozenset(str(one) for one in _list(value, where))
    if isinstance(default, tuple):
        return tuple(str(one) for one in _list(value, where))
    if isinstance(default, float):
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise _wrong(where, value, "a number >= 0")
        return float(value)
    if isinstance(default, int) or hint == "int | None":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _wrong(where, value, "a whole number >= 0")
        return value
    if not isinstance(value, str):
        raise _wrong(where, value, "text")
    return value


def _wrong(where: str, value: object, allowed: str) -> SettingsError:
    return SettingsError(
        f"{where}: {value!r} cannot be used; allowed: {allowed}",
        f"{where}：不能用 {value!r}；允许：{allowed}",
    )


def _flag(value: object, where: str, name: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(f"{where} {name}".strip(), value, "true, false")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _wrong(where, value, "a list [...]")
    return value


def _table(tables: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise _wrong(f"{source} {name}", table, f"a table [{name}]")
    return table


def _known(given: dict[str, Any], allowed: tuple[str, ...], source: str, table: str) -> None:
    for name in given:
        if name not in allowed:
            where = f"{source} [{table}]" if table else source
            names = ", ".join(allowed)
            raise SettingsError(
                f"{where}: {name!r} is not a setting; settings here: {names}",
                f"{where}：没有 {name!r} 这个设置；可用：{names}",
            )


def _address(text: object, where: str) -> Address:
    """Read `host:port` ([::1]:7000 for IPv6)."""
    host, separator, port = str(text).rpartition(":")
    if not separator or not host or not port.isdigit() or not int(port) < 65_536:
        raise _wrong(where, text, "HOST:PORT")
    return Address(host.strip("[]"), int(port))
