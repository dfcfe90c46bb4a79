"""At which levels rates are watched, and what is known of each terminal: carrier, model, version, site.

Attributes come from `fleet.toml` or `fleet.csv` in the home folder; what is not there is unknown and is not watched at
that level. Reads these two files, nothing else.
"""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING

from storno.watch.tally import TallyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Level(Enum):
    """What transactions are put together by."""

    __hash__ = object.__hash__  # identity: looked up for every outcome

    ALL = "all"
    """Everything: host, acquirer, gateway, links."""
    ISSUER = "issuer"
    CARRIER = "carrier"
    MODEL = "model"
    VERSION = "version"
    SITE = "site"
    MERCHANT = "merchant"
    TERMINAL = "terminal"
    SET = "set"
    """Several attributes together; only as a common cause."""

    @property
    def pooled(self) -> bool:
        """Say whether there are few enough of them to page somebody for each."""
        return self in _POOLED


_POOLED = frozenset({Level.ALL, Level.ISSUER, Level.CARRIER, Level.MODEL, Level.VERSION})
EVERYTHING = "*"
"""The value at level ALL."""
FLEET_TOML, FLEET_CSV = "fleet.toml", "fleet.csv"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of a terminal; empty: unknown."""

    carrier: str = ""
    model: str = ""
    version: str = ""
    site: str = ""


UNKNOWN = Attributes()
_NAMES = tuple(one.name for one in fields(Attributes))
Fleet = dict[str, Attributes]


def read_fleet(home: Path) -> Fleet:
    """Read the fleet file of a home folder; empty when there is none.

    Raises:
        TallyError: it is no fleet file; says which line or key.

    """
    for name, read in ((FLEET_TOML, _toml), (FLEET_CSV, _csv)):
        path = home / name
        if path.exists():
            try:
                return read(path.read_text("utf-8-sig"), name)
            except UnicodeDecodeError:
                raise TallyError(f"{name} is not UTF-8 text", f"{name} 不是 UTF-8 文本") from None
    return {}


def _toml(text: str, name: str) -> Fleet:
    try:
        listed = tomllib.loads(text).get("terminals", {})
    except tomllib.TOMLDecodeError as error:
        raise TallyError(f"{name}: {error}", f"{name}：{error}") from None
    if not isinstance(listed, dict) or not all(isinstance(one, dict) for one in listed.values()):
        raise TallyError(
            f"{name}: each terminal is a table [terminals.TID]", f"{name}：每台终端应为一个表 [terminals.TID]"
        )
    return {tid: _attributes(one, f"{name} [terminals.{tid}]") for tid, one in listed.items()}


def _csv(text: str, name: str) -> Fleet:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = reader.fieldnames or ()
    if "tid" not in header:
        raise TallyError(f"{name} line 1: there is no column tid", f"{name} 第 1 行：没有 tid 列")
    wanted = [one for one in header if one in _NAMES]
    found: Fleet = {}
    for row in reader:
        if None in row or None in row.values():
            raise TallyError(
                f"{name} line {reader.line_num}: not {len(header)} values",
                f"{name} 第 {reader.line_num} 行：列数不是 {len(header)}",
            )
        tid = row["tid"].strip()
        if tid in found:
            raise TallyError(
                f"{name} line {reader.line_num}: terminal {tid} a second time",
                f"{name} 第 {reader.line_num} 行：终端 {tid} 重复",
            )
        found[tid] = Attributes(**{one: row[one].strip() for one in wanted})
    return found


def _attributes(row: Mapping[str, object], where: str) -> Attributes:
    odd = [key for key, value in row.items() if key not in _NAMES or not isinstance(value, str)]
    if odd:
        raise TallyError(
            f"{where}: {odd[0]} is none of {', '.join(_NAMES)}, or no text",
            f"{where}：{odd[0]} 不在 {'、'.join(_NAMES)} 之中，或不是文本",
        )
    return Attributes(**{key: str(value) for key, value in row.items()})
