"""When two lines are the same: the key by which files are held against each other, and the print of a whole line.

A transaction keeps its key when a corrected file changes its amount; a bank booking without a number of its own has
nothing but what it says. A key is stable across processes and machines. Pure.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storno.statements.block import Block

_TRANSACTION = (
    "kind",
    "currency",
    "at",
    "tid",
    "mid",
    "batch",
    "stan",
    "rrn",
    "reference",
    "order",
    "account",
)
_BOOKING = (
    "kind",
    "currency",
    "amount_minor",
    "settled_on",
    "at",
    "reference",
    "order",
    "account",
    "code",
    "text",
)
_NO_NUMBERS = ("", "NONREF", "NOTPROVIDED")


def numbered(block: Block) -> list[bool]:
    """Say of each line whether it has a number of its own, so that saying it twice means the transaction twice."""
    return [
        bool(rrn or stan) or reference.upper() not in _NO_NUMBERS
        for rrn, stan, reference in zip(block["rrn"], block["stan"], block["reference"], strict=True)
    ]


def keys_of(block: Block, role: Role, own: Sequence[bool]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Give each line's identity, a signed 64-bit integer; `own`: which of them are `numbered`."""
    if role is Role.BANK or not any(own):
        return _digests(block, _BOOKING)
    keys = _digests(block, _TRANSACTION)
    if not all(own):
        plain = np.asarray(own)
        keys = np.where(plain, keys, _digests(block, _BOOKING))
    return keys


def prints_of(block: Block, own: Sequence[bool]) -> Iterable[int]:
    """Give the print of everything but its place that each numbered line says: 64 bits, for this process only."""
    said = zip(*(column for name, column in block.columns.items() if name != "line_no"), strict=True)
    return map(hash, said if all(own) else compress(said, own))


def _digests(block: Block, members: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    columns = (map(str, block[name]) if name == "amount_minor" else block[name] for name in members)
    texts = map("\x1f".join, zip(*columns, strict=True))
    made = b"".join(
        [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    )
    return np.frombuffer(made, dtype=">i8").astype(np.int64)
