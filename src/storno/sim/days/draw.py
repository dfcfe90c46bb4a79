"""Draws by counting: the n-th value of a named stream is a mix of seed, name and n, nothing else.

Rule: integers only, so a seed gives the same values on any machine and with any numpy; streams do not know each other,
so a new draw in one place changes nothing elsewhere. (SplitMix64: Steele, Lea, Flood 2014.)
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Words: TypeAlias = NDArray[np.uint64]
Texts: TypeAlias = NDArray[np.str_]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
MILLION = 1_000_000


class Draws:
    """One named stream of draws; each call goes on where the last one ended."""

    def __init__(self, seed: int, *names: object) -> None:
        text = "/".join(map(str, (seed, *names)))
        self._key = np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
        self._next = 0

    def words(self, size: int) -> Words:
        """Give evenly spread 64-bit words."""
        count = np.arange(self._next + 1, self._next + size + 1, dtype=np.uint64)
        self._next += size
        count *= _STEP
        count += self._key
        count ^= count >> np.uint64(30)
        count *= _MIX_A
        count ^= count >> np.uint64(27)
        count *= _MIX_B
        count ^= count >> np.uint64(31)
        return count

    def below(self, limit: int | Ints, size: int) -> Ints:
        """Give integers from 0 to `limit` - 1; a limit of its own for each value is allowed. Limits below 2**31."""
        high = (self.words(size) >> np.uint64(32)).astype(np.int64)
        return (high * limit) >> 32

    def between(self, low: int, high: int, size: int) -> Ints:
        """Give integers from `low` to `high`, both included."""
        return low + self.below(high - low + 1, size)

    def hits(self, per_million: int | Ints, size: int) -> Flags:
        """Say for each value whether something of this chance happens."""
        return self.below(MILLION, size) < per_million

    def pick(self, weights: Ints, size: int) -> Ints:
        """Give places in `weights` (positive integers), each as often as its weight says."""
        edges = np.cumsum(weights)
        return np.searchsorted(edges, self.below(int(edges[-1]), size), side="right").astype(np.int64)

    def curve(self, quantiles: Ints, size: int, row: Ints | int = 0) -> Ints:
        """Give values of a distribution told by its quantiles (rows x points), straight lines between the points."""
        cells = quantiles.shape[1] - 1
        place = self.below(cells << 16, size)
        cell, part = place >> 16, place & 0xFFFF
        flat = quantiles.ravel()
        at = cell + np.asarray(row) * quantiles.shape[1]
        low: Ints = flat[at]
        between: Ints = low + (((flat[at + 1] - low) * part) >> 16)
        return between

    def some(self, candidates: Ints, count: int) -> Ints:
        """Choose `count` of the candidates (all, if there are fewer), in an order of chance."""
        order = np.argsort(self.words(len(candidates)), kind="stable")
        return candidates[order[:count]]

    def one(self, limit: int) -> int:
        """Give one integer below a limit."""
        return int(self.below(limit, 1)[0])
