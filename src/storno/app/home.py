"""The home folder: all state lives under it.

Created on first use with access for its owner only. The option wins, then STORNO_HOME, then `~/.storno`.
"""

from __future__ import annotations

import os
from pathlib import Path


def home_dir(option: str | Path | None = None) -> Path:
    """Give the folder that holds all state, creating it (mode 0700) on first use."""
    chosen = option or os.environ.get("STORNO_HOME") or "~/.storno"
    home = Path(chosen).expanduser()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home
