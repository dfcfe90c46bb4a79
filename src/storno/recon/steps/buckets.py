"""What both ways of the filter share: the buckets, who takes part, and what the rows that go on are asked.

Rule: a bucket is the keys' hashes with the same highest bits, so that a coarser cut adds up neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

from storno.statements.digest import KEY_BITS, key_hash

NEITHER = "(position <> 'effect' AND state <> 'declined' AND state <> 'not_sent')"
"""Transactions without a booked effect that may still have a line outside."""
UNTOLD = "(position <> 'effect' OR told <> 'approved')"
"""Transactions without a digest in the terminal's leg. All go on, as do all lines that do not count: only what agrees
and counts is left alone, or another sale's line would be taken for that of an undone one whose own was left out."""
TERMINAL_KEY = "tid, stan, day"


@dataclass(frozen=True, slots=True)
class Filter:
    """How finely, and on which columns the sides can be compared; a column a side lacks is left out."""

    buckets_log2: int
    """0: no filter, everything goes on."""
    network_columns: tuple[str, ...] = ("mid", "tid", "stan")
    terminal_columns: tuple[str, ...] = ("mid",)
    terminal_batch: bool = True
    hashed: bool = False
    """The rows of both sides come with hashes, over just these columns; so do those of the other leg."""
    given: bool = False
    """Of these, the buckets that differ are known already: `differing_<s>`."""
    noted: bool = False
    """The network's files say which lines do not keep to their merchant's rate."""

    @property
    def buckets(self) -> int:
        """Give the number of buckets."""
        return 1 << self.buckets_log2

    @property
    def width(self) -> int:
        """Give the number of keys' hashes to a bucket: those with the same highest bits."""
        return 1 << (KEY_BITS - self.buckets_log2)

    def bucket(self, key: str) -> str:
        """Write the bucket of a key's hash; that of no key is any."""
        return f"CAST(({key} & {(1 << KEY_BITS) - 1}) >> {KEY_BITS - self.buckets_log2} AS INT)"


@dataclass(frozen=True, slots=True)
class Asked:
    """Conditions on the raw rows of each side, and on those of the lines in shape: they let through what goes on."""

    books: str = "TRUE"
    network: str = "TRUE"
    terminal: str = "TRUE"
    shaped_network: str = "TRUE"
    shaped_terminal: str = "TRUE"


# Once more by the whole hash of the key, over what the first sums left.
BAD = "SELECT b FROM both_$s WHERE in_set(b // $width, 'unequal_$s') GROUP BY b HAVING sum(d) <> 0"
OR_ODD = " UNION SELECT b FROM odd_n"
ODD_VOIDS = f"""
SELECT DISTINCT {key_hash("v.rrn")} AS b FROM
    (
        SELECT rrn, original FROM books
        WHERE kind IN ('void', 'completion_void') AND position = 'effect' AND rrn <> '' AND original <> ''
    ) AS v
    JOIN (SELECT tx_id FROM books WHERE state = 'reversed') AS o ON v.original = o.tx_id
"""  # noqa: S608 - our own text
"""Voids of what was reversed: wrong, though our side and theirs agree."""


def near_books_n(key: str, keyed: str, near: str) -> str:
    """Write which transactions go on in the network's leg; `near` asks it of those that have a key."""
    return f"(({keyed} AND {near.format(key)}) OR (NOT {keyed} AND position = 'effect') OR {NEITHER})"


def near_books_t(key: str, near: str) -> str:
    """Write the same of the terminal's leg."""
    return f"({near.format(key)} OR {UNTOLD})"


def is_bad(s: str) -> str:
    """Write the question whether a key's hash is among those that differ, with a place for it."""
    return f"{{}} IN (SELECT b FROM bad_{s})"  # noqa: S608 - our own text
