"""The registry of journal engines: every module of this folder with a constant ENGINE is one.

An engine found here runs through the shared contract tests without a new test. Must not import an engine by name.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.journal.base import Journal


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to keep a journal: its name, its door for the one writer, and whether it outlives the process."""

    name: str
    open: Callable[[Path], Journal]
    durable: bool


def engines() -> tuple[Engine, ...]:
    """Give all engines of this folder, by name."""
    folder = str(Path(__file__).parent)
    modules = (import_module(f"storno.journal.{module.name}") for module in pkgutil.iter_modules([folder]))
    found = (engine for module in modules if isinstance(engine := getattr(module, "ENGINE", None), Engine))
    return tuple(sorted(found, key=lambda engine: engine.name))
