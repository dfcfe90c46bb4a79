"""The statement formats: every module of this folder that declares `FORMAT`.

Rule: one file is one format and is found by being here; a module starting with an underscore is none. Loading is
eager and fails loudly: a file without FORMAT, or two with one name, stops the start.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from storno.statements.base import Format


def _scan() -> dict[str, Format]:
    found: dict[str, Format] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        one = getattr(import_module(f"{__name__}.{info.name}"), "FORMAT", None)
        if not isinstance(one, Format):
            raise TypeError(f"{__name__}.{info.name} must declare FORMAT = Format(...)")
        if one.name in found:
            raise ValueError(f"two statement formats are named {one.name!r}")
        found[one.name] = one
    return found


FORMATS: dict[str, Format] = _scan()


class UnknownFormatError(LookupError):
    """No statement format of that name; the text lists those there are."""


def statement_format(name: str) -> Format:
    """Give the format of that name, hyphens or underscores. UnknownFormatError lists the names there are."""
    try:
        return FORMATS[name.strip().lower().replace("-", "_")]
    except KeyError:
        known = ", ".join(sorted(FORMATS))
        raise UnknownFormatError(f"no such format {name!r} / 没有此格式; there are / 可用: {known}") from None
