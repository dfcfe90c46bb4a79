"""The dialects Storno speaks: every module of this folder that declares `DIALECT`.

Rule: one file is one dialect and is found by being here; a module starting with an underscore is none. Loading is
eager and fails loudly: a file without DIALECT, or two with one name, stops the start.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from storno.iso8583.spec import Dialect


def _scan() -> dict[str, Dialect]:
    found: dict[str, Dialect] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        one = getattr(import_module(f"{__name__}.{info.name}"), "DIALECT", None)
        if not isinstance(one, Dialect):
            raise TypeError(f"{__name__}.{info.name} must declare DIALECT = Dialect(...)")
        if one.name in found:
            raise ValueError(f"two dialects are named {one.name!r}")
        found[one.name] = one
    return found


DIALECTS: dict[str, Dialect] = _scan()


class UnknownDialectError(LookupError):
    """No dialect of that name; the text lists those there are."""


def dialect(name: str) -> Dialect:
    """Give the dialect of that name. UnknownDialectError lists the names there are."""
    try:
        return DIALECTS[name]
    except KeyError:
        known = ", ".join(sorted(DIALECTS))
        raise UnknownDialectError(
            f"no such dialect {name!r} / 没有此方言; there are / 可用: {known}"
        ) from None
