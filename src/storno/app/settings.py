"""Settings: `storno.toml` read, checked and turned into the options of each part.

Every name that is not known is an error that lists the known ones: a misspelt policy must not become the default. One
file describes a whole trial: dialect and profile hold for gateway, host and terminal. The names end in their unit.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from storno.app.setting_check import (
    Place,
    SettingsError,
    address,
    checked,
    known,
    reasons,
    sound_profile,
    wrong,
)
from storno.app.setting_table import TABLES
from storno.app.watching import LogFormat, LogSettings, MetricsSettings, TraceSettings
from storno.gateway.options import NodeOptions
from storno.gateway.serve import Address, ServeOptions
from storno.iso8583.dialects import dialect as dialect_named
from storno.iso8583.profile import Profile
from storno.iso8583.spec import Dialect
from storno.recon.ageing import ExceptionOptions

__all__ = [
    "FILE",
    "HostSettings",
    "Settings",
    "SettingsError",
    "TerminalSettings",
    "TlsFiles",
    "from_tables",
    "load",
]

FILE = "storno.toml"
DEFAULTS = "defaults"
"""The source of settings that no file holds."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate files (PEM) of one side."""

    certificate: str = ""
    key: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What the host simulator is told."""

    dialect: Dialect = field(default_factory=lambda: dialect_named("cup_pos"))
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 7001))
    faults: tuple[str, ...] = ()
    script: str = ""
    magic: bool = True
    seed: int | None = None
    keys: str = ""
    unknown_reversal: str = "25"
    tombstones: bool = True
    duplicate_code: str = ""
    memory_only: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class TerminalSettings:
    """What the terminal is told; times in milliseconds, `tpdu` and `header` as hex digits."""

    dialect: Dialect = field(default_factory=lambda: dialect_named("cup_pos"))
    host: Address = field(default_factory=lambda: Address("127.0.0.1", 7000))
    tid: str = "00000001"
    mid: str = "000000000000001"
    tpdu: str = "6000030000"
    header: str = "603100311003"
    tmk_file: str = ""
    sign_in_code: str = "003"
    operator: str = "001"
    currency: str = "156"
    answer_ms: int = 60_000
    reversal_ms: int = 60_000
    connect_ms: int = 10_000
    takes_partial: bool = True
    utc_offset_min: int = 480
    tls: bool = False
    tls_ca: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything gateway, host and terminal are told."""

    source: str
    dialect: Dialect
    node: NodeOptions = field(default_factory=NodeOptions)
    serve: ServeOptions = field(default_factory=ServeOptions)
    test_terminals: bool = True
    """Terminals without a master key are taken in with the published test key; only for trials on this machine."""
    tls: TlsFiles = field(default_factory=TlsFiles)
    host_tls: TlsFiles | None = None
    host: HostSettings = field(default_factory=HostSettings)
    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    exceptions: ExceptionOptions = field(default_factory=ExceptionOptions)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    log: LogSettings = field(default_factory=LogSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)


NODE_NAMES = tuple(one.name for one in fields(NodeOptions))
SERVE_NAMES = tuple(one.name for one in fields(ServeOptions) if not one.name.endswith("tls"))
NAMES: dict[str, tuple[str, ...]] = {
    "gateway": ("listen", "hosts", "dialect", "test_terminals", *NODE_NAMES, *SERVE_NAMES[2:]),
    "profile": tuple(one.name for one in fields(Profile)),
    "tls": tuple(one.name for one in fields(TlsFiles)),
    "host_tls": tuple(one.name for one in fields(TlsFiles)),
    "host": tuple(one.name for one in fields(HostSettings)),
    "terminal": tuple(one.name for one in fields(TerminalSettings)),
    "exceptions": tuple(one.name for one in fields(ExceptionOptions)),
    "metrics": tuple(one.name for one in fields(MetricsSettings)),
    "log": tuple(one.name for one in fields(LogSettings)),
    "trace": tuple(one.name for one in fields(TraceSettings)),
}
"""Every name a table may hold."""


def load(
    path: str | Path | None,
    home: Path,
    *,
    listen: str | None = None,
    hosts: tuple[str, ...] = (),
    dialect: str | None = None,
    metrics: str | None = None,
    log: str | None = None,
) -> Settings:
    """Read the settings: the file named, else STORNO_CONFIG, else `storno.toml` in the home folder, else defaults.

    `listen` and `hosts` (HOST:PORT of the gateway), `dialect` (of every part), `metrics` (HOST:PORT) and `log` (text or
    json) win over the file.

    Raises:
        SettingsError: the file is missing, is not TOML, or says something that cannot be used.

    """
    chosen = path or os.environ.get("STORNO_CONFIG")
    file = Path(chosen) if chosen else home / FILE
    tables: dict[str, Any] = {}
    source, folder = DEFAULTS, None
    if file.exists() or chosen:
        tables, source, folder = _read(file), str(file), file.parent
    if dialect is not None:
        tables = _spoken(tables, dialect, source)
    settings = from_tables(tables, source, folder)
    serve = settings.serve
    if listen:
        serve = replace(serve, listen=address(listen, "--listen"))
        said = "test_terminals" in tables.get("gateway", {})
        trial = settings.test_terminals if said else serve.listen.host in LOOPBACK
        settings = replace(settings, test_terminals=trial)
    if hosts:
        serve = replace(serve, hosts=tuple(address(one, "--host") for one in hosts))
    if metrics:
        settings = replace(settings, metrics=MetricsSettings(address(metrics, "--metrics")))
    if log:
        settings = replace(settings, log=LogSettings(LogFormat(log)))
    return replace(settings, serve=serve)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file} does not exist", f"{file} 不存在") from None
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}", f"{file} 无法读取：{error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}", f"{file} 不是合法的 TOML：{error}") from None


def _spoken(tables: dict[str, Any], dialect: str, source: str) -> dict[str, Any]:
    """Let every part speak the dialect that was asked for on the command line."""
    checked(Place("--dialect", "gateway", "dialect"), "", dialect)
    parts = {
        name: {k: v for k, v in _table(tables, name, source).items() if k != "dialect"}
        for name in ("host", "terminal")
    }
    gateway = {**_table(tables, "gateway", source), "dialect": dialect}
    return {**tables, **{name: part for name, part in parts.items() if name in tables}, "gateway": gateway}


def from_tables(tables: dict[str, Any], source: str, folder: Path | None = None) -> Settings:
    """Turn parsed TOML tables into settings; relative paths start from `folder`."""
    known(tables, tuple(TABLES), source)
    gateway = _table(tables, "gateway", source)
    known(gateway, NAMES["gateway"], Place(source, "gateway"))
    profile = _table(tables, "profile", source)
    name = str(_one(gateway, "dialect", "cup_pos", Place(source, "gateway", "dialect")))
    spoken = _with_profile(name, profile, source)
    serve = _built(
        ServeOptions(), {k: v for k, v in gateway.items() if k in SERVE_NAMES}, Place(source, "gateway")
    )
    node = _built(
        NodeOptions(), {k: v for k, v in gateway.items() if k in NODE_NAMES}, Place(source, "gateway")
    )
    _heads_fit(node, spoken, source)
    trial = _one(
        gateway, "test_terminals", serve.listen.host in LOOPBACK, Place(source, "gateway", "test_terminals")
    )

    def part(table: str, base: T) -> T:
        values = dict(_table(tables, table, source))
        own = str(_one(values, "dialect", name, Place(source, table, "dialect")))
        values.pop("dialect", None)
        built = _built(base, values, Place(source, table, folder=folder))
        return replace(built, dialect=_with_profile(own, profile, source))  # type: ignore[type-var]

    def plain(table: str, base: T) -> T:
        return _built(base, _table(tables, table, source), Place(source, table, folder=folder))

    def tls(table: str) -> TlsFiles:
        return plain(table, TlsFiles())

    return Settings(
        source=source,
        dialect=spoken,
        node=node,
        serve=serve,
        test_terminals=bool(trial),
        tls=tls("tls"),
        host_tls=tls("host_tls") if "host_tls" in tables else None,
        host=part("host", HostSettings(listen=_host_listens(serve))),
        terminal=part("terminal", TerminalSettings(host=_gateway_found(serve.listen))),
        exceptions=plain("exceptions", ExceptionOptions()),
        metrics=plain("metrics", MetricsSettings()),
        log=plain("log", LogSettings()),
        trace=plain("trace", TraceSettings()),
    )


def _host_listens(serve: ServeOptions) -> Address:
    """Let the simulator stand where the gateway looks for a host, if that is on this machine."""
    first = serve.hosts[0]
    return first if first.host in LOOPBACK else HostSettings().listen


def _gateway_found(listen: Address) -> Address:
    """Give where a terminal on this machine finds a gateway that may listen on every address."""
    return Address(_WILDCARDS.get(listen.host, listen.host), listen.port)


def _heads_fit(node: NodeOptions, spoken: Dialect, source: str) -> None:
    framing = spoken.framing
    if node.host_tpdu and not framing.tpdu_bytes:
        none = (f"nothing: {spoken.name} has no TPDU", f"不设：{spoken.name} 没有 TPDU")
        raise wrong(Place(source, "gateway", "host_tpdu"), node.host_tpdu, none)
    digits = 2 * framing.header_bytes
    if node.host_header and len(node.host_header) != digits:
        en, zh = f"{digits} hex digits with {spoken.name}", f"{spoken.name} 为 {digits} 位十六进制"
        raise wrong(Place(source, "gateway", "host_header"), node.host_header, (en, zh))


def replace_profile(base: Dialect, profile: Profile) -> Dialect:
    """Give a dialect another profile; everything else stays."""
    return Dialect(
        base.name, base.title_zh, base.title_en, base.framing, base.head, base.fields, base.match_key,
        base.match_check, base.mac_field, profile,
    )  # fmt: skip


def _with_profile(name: str, table: dict[str, Any], source: str) -> Dialect:
    """Give a dialect with the profile's entries of the file; the registry's own object when there are none."""
    base = dialect_named(name)
    values = dict(table)
    codes = values.pop("reason_codes", {})
    profile = _built(base.profile, values, Place(source, "profile"))
    if codes:
        given = reasons(Place(source, "profile", "reason_codes"), codes)
        profile = replace(profile, reason_codes=tuple((dict(profile.reason_codes) | given).items()))
    sound_profile(Place(source, "profile"), profile)
    return base if profile == base.profile else replace_profile(base, profile)


def _built(base: T, values: dict[str, Any], place: Place) -> T:
    """Override members of an options object, each checked against its default and its rule."""
    known(values, tuple(one.name for one in fields(base)), place)  # type: ignore[arg-type]
    given = {name: _one(values, name, getattr(base, name), replace(place, name=name)) for name in values}
    return replace(base, **given)  # type: ignore[type-var]


def _one(values: dict[str, Any], name: str, default: object, place: Place) -> object:
    return checked(place, default, values[name]) if name in values else default


def _table(tables: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise wrong(f"{source} {name}", table, (f"a table [{name}]", f"表 [{name}]"))
    return table
