"""What a gateway shows of itself, as settings: metrics, log, traces. All of it is off or plain text by default.

Values only; `storno.app.settings` reads them, the command line starts what they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from storno.gateway.serve import Address


class LogFormat(Enum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where `/metrics` is; nowhere without an address."""

    listen: Address | None = None


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the gateway's log is written."""

    format: LogFormat = LogFormat.TEXT


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where spans go (OTLP over HTTP); without an endpoint nothing is traced and nothing imported."""

    endpoint: str = ""
    service: str = "storno-gateway"
