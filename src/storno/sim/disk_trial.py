"""One failing disk under a running gateway: it goes bad, the gateway must stop by itself, the disk is well again.

Rule: it looks at the process from outside: its exit code, what it said, never its files. That nothing promised was lost
is not decided here but by the comparison at the end of the run.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storno.sim import bad_disk
from storno.sim.bad_disk import DiskFault
from storno.sim.supervisor import ProcessTrouble

if TYPE_CHECKING:
    from random import Random

    from storno.sim.supervisor import Supervisor

_OUTSIDE = 3
"""The documented exit code for what lies outside the program."""
_SAID = ("make room or mend the disk", "free disk space or repair the disk", "ended unexpectedly")
_NOTICED_S = 12.0
_WELL_S = (0.2, 1.2)
_LIMIT_BYTES = (60_000, 600_000)
_KILLED_BEFORE = 1 / 2
_TRIED_WHILE_BAD = 1 / 2


@dataclass(slots=True)
class DiskTrials:
    """What happened so far."""

    failures: Counter[str] = field(default_factory=Counter)
    """By fault: the gateway met it and stopped."""
    refused: int = 0
    """Starts on a disk that was still bad: refused with a clear message."""
    unnoticed: int = 0
    """Nothing was written while the disk was bad."""


async def try_disk(supervisor: Supervisor, rng: Random, fault: DiskFault, trials: DiskTrials) -> bool:
    """Put a gateway on a disk that fails; leaves it stopped and the disk well. True when the fault was met.

    Raises:
        AssertionError: the gateway went on over the failed disk, or ended in another way than documented.

    """
    gateway, home = supervisor.gateway, supervisor.home
    well, healthy = rng.uniform(*_WELL_S), gateway.command
    share, again, killed = rng.random(), rng.random() < _TRIED_WHILE_BAD, rng.random() < _KILLED_BEFORE
    limit = rng.randint(*_LIMIT_BYTES) if fault is DiskFault.FILE_LIMIT else 0
    if killed:
        gateway.kill(group=True)
    else:
        await gateway.stop()
    gateway.command = bad_disk.command(home, supervisor.gateway_words, limit)
    try:
        met = await _start(supervisor)
        if not met:
            if not limit:
                await asyncio.sleep(well)
                bad_disk.order(home, fault, share)
            met = await gateway.wait(_NOTICED_S)
        if not met:
            trials.unnoticed += 1
            return False
        _must_have_stopped(supervisor)
        trials.failures[fault.value] += 1
        if again and not limit:
            trials.refused += await _start(supervisor)
            await gateway.wait(
                _NOTICED_S
            )  # where nothing had to be written to start, the first request meets it
        return True
    finally:
        gateway.kill(group=True)
        bad_disk.heal(home)
        gateway.command = healthy


async def _start(supervisor: Supervisor) -> bool:
    """Start the gateway; True when the disk kept it from coming up."""
    try:
        await supervisor.start_gateway()
    except ProcessTrouble:
        _must_have_stopped(supervisor)
        return True
    return False


def _must_have_stopped(supervisor: Supervisor) -> None:
    code, said = supervisor.gateway.code, supervisor.gateway.tail()
    if code != _OUTSIDE or not any(text in said for text in _SAID):
        raise AssertionError(f"over a failed disk the gateway ended with {code}: {said[-300:]}")
