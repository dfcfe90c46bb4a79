"""The filter where all rows come with their hashes: only those in buckets that differ are looked at, and no text.

What goes on is asked for by one column, in a step of its own: an engine can do that while it reads, and does not put
together a row that is not wanted. Asked by many columns, it puts all together first; that took three times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps.buckets import BAD, ODD_VOIDS, OR_ODD, Asked, Filter, is_bad
from storno.recon.steps.fees import odd_fees
from storno.statements.digest import LINE_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.recon.steps.sides import Shaping

# Ours are taken away from theirs: a sum of 0 where a bucket holds the same rows on both sides.
_DIFFERING = """
SELECT b FROM (
    SELECT key_hash // $width AS b, row_hash AS d FROM ${role}_src WHERE row_hash IS NOT NULL AND $near_lines
    UNION ALL
    SELECT key_hash_$s // $width AS b, -row_hash_$s AS d FROM books_src WHERE row_hash_$s IS NOT NULL AND $near_books
) AS r GROUP BY b HAVING sum(d) <> 0
"""
_LINES = "SELECT key_hash AS b, row_hash AS d FROM ${role}_src WHERE ($asked) AND $near"
_BOOKS = """
SELECT key_hash_n AS b_n, row_hash_n AS d_n, key_hash_t AS b_t, row_hash_t AS d_t FROM books_src
WHERE ($asked) AND $near
"""
_BOTH = """
SELECT b, d FROM some_$s WHERE d IS NOT NULL
UNION ALL SELECT b_$s AS b, -d_$s AS d FROM some_books WHERE d_$s IS NOT NULL AND in_set($bucket, 'unequal_$s')
"""
# What has no row hash in a leg may have to go on for all its sums say; what need not is left out behind.
_BOOKS_KEYS = "SELECT b_t AS k FROM some_books WHERE d_n IS NULL OR b_n IN (SELECT b FROM bad_n)"
_OR_TERMINAL = " OR d_t IS NULL OR b_t IN (SELECT b FROM bad_t)"
_NETWORK_KEYS = "SELECT b AS k FROM bad_n UNION ALL SELECT -1 AS k"
_TERMINAL_KEYS = "SELECT b AS k FROM bad_t UNION ALL SELECT b AS k FROM some_t WHERE d IS NULL"


def asked(terminal: Filter | None) -> Asked:
    """Give what rows are asked after the steps; a terminal's line that does not count goes on whatever its key."""
    network = "key_hash IN (SELECT k FROM network_keys)"
    uncounted = f"(row_hash IS NULL OR {is_bad('t').format('key_hash')})"
    lines = f"key_hash IN (SELECT k FROM terminal_keys) AND {uncounted}" if terminal else "TRUE"  # noqa: S608
    return Asked("key_hash_t IN (SELECT k FROM books_keys)", network, lines, network, lines)


def steps(shaping: Shaping, network: Filter, terminal: Filter | None, *, fees: bool) -> Iterator[Step]:
    """Give the steps up to the lists of keys."""
    near = shaping.near('"date"')
    yield Step("odd_n", ODD_VOIDS + (f" UNION {odd_fees(noted=network.noted)}" if fees else ""))
    odd = f"SELECT b // {network.width} AS b FROM odd_n"  # noqa: S608 - our own text
    yield Step(
        "unequal_n", f"{_differing(shaping, 'n', 'network', network)} UNION {odd}", below=network.buckets
    )
    wanted = f"row_hash_n IS NULL OR in_set({network.bucket('key_hash_n')}, 'unequal_n')"
    if terminal:
        yield Step("unequal_t", _differing(shaping, "t", "terminal", terminal), below=terminal.buckets)
        wanted += f" OR row_hash_t IS NULL OR in_set({terminal.bucket('key_hash_t')}, 'unequal_t')"
    yield Step("some_books", fill(_BOOKS, asked=wanted, near=near))
    yield from _leg(shaping, "n", "network", network, _NETWORK_KEYS)
    if terminal:
        yield from _leg(shaping, "t", "terminal", terminal, _TERMINAL_KEYS)
    yield Step("books_keys", _BOOKS_KEYS + (_OR_TERMINAL if terminal else ""))


def _differing(shaping: Shaping, s: str, role: str, how: Filter) -> str:
    if how.given:
        return f"SELECT b FROM differing_{s}"  # noqa: S608 - our own text
    near_lines, near_books = shaping.near(LINE_DAY), shaping.near('"date"')
    return fill(_DIFFERING, s=s, role=role, width=how.width, near_lines=near_lines, near_books=near_books)


def _leg(shaping: Shaping, s: str, role: str, how: Filter, keys: str) -> Iterator[Step]:
    wanted = f"in_set({how.bucket('key_hash')}, 'unequal_{s}')"
    if s == "t":
        wanted = f"row_hash IS NULL OR {wanted}"
    yield Step(f"some_{s}", fill(_LINES, role=role, asked=wanted, near=shaping.near(LINE_DAY)))
    yield Step(f"both_{s}", fill(_BOTH, s=s, bucket=how.bucket(f"b_{s}")), keep=False)
    yield Step(f"bad_{s}", fill(BAD, s=s, width=how.width) + (OR_ODD if s == "n" else ""))
    yield Step(f"{role}_keys", keys)
