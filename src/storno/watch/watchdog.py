"""The watchdog: no transactions at all, no gateway, or a watcher that is behind itself.

Silence is judged by what the same hours of earlier weeks let expect; without that, by a plain bound. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storno.watch.counts import Expected

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class WatchdogOptions:
    """Bounds."""

    silent_ms: int = _HOUR_MS
    """Silence without any expectation."""
    silent_least_ms: int = 300_000
    missed: float = 20.0
    """Transactions that should have come by then: chance alone leaves out so many once in 500 million times."""
    behind_ms: int = 300_000
    behind_facts: int = 50_000
    gateway_ms: int = 120_000


@dataclass(frozen=True, slots=True)
class Bark:
    """What is missing: `transactions`, `gateway` or `watcher`; since when, and what should have been."""

    what: str
    since_ms: int
    missed: float = 0.0


def listen(
    now_ms: int,
    last_ms: int,
    expected: Expected | None,
    *,
    read_ms: int,
    facts_left: int = 0,
    gateway_ms: int | None = None,
    options: WatchdogOptions | None = None,
) -> list[Bark]:
    """Say what is missing.

    Args:
        now_ms: the present.
        last_ms: when the last transaction came; 0 for never.
        expected: transactions to expect in this hour, if there is a history.
        read_ms: the time up to which the journal was read.
        facts_left: facts in the journal that are not read yet.
        gateway_ms: when the gateway was last seen; None when nobody asked.
        options: bounds.

    """
    options = options or WatchdogOptions()
    found = []
    if facts_left and (now_ms - read_ms > options.behind_ms or facts_left > options.behind_facts):
        found.append(Bark("watcher", read_ms, float(facts_left)))
    silent = now_ms - last_ms
    if last_ms and not facts_left and silent > options.silent_least_ms:
        missed = (
            0.0 if expected is None else silent / _HOUR_MS * expected.mean / max(expected.dispersion, 1.0)
        )
        if missed >= options.missed or (expected is None and silent > options.silent_ms):
            found.append(Bark("transactions", last_ms, missed))
    if gateway_ms is not None and now_ms - gateway_ms > options.gateway_ms:
        found.append(Bark("gateway", gateway_ms))
    return found
