"""The filter where rows come without hashes: they are worked out of their texts, written down, and summed by bucket.

Our books are read once for both legs; digests are written down because an engine sums by place only what it knows the
range of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps.buckets import (
    BAD,
    ODD_VOIDS,
    OR_ODD,
    TERMINAL_KEY,
    Asked,
    Filter,
    is_bad,
    near_books_n,
    near_books_t,
)
from storno.recon.steps.fees import FEE_DUE
from storno.statements.digest import LINE_DAY, LINE_STAN, LIVE, UNLIKE, key_hash, row_hash
from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = "SELECT $key AS b, $hash AS d FROM $side AS n WHERE $where"
_DIGEST_WITH_FEES = """
SELECT $key AS b, $hash + CASE WHEN n.kind = 'payment' AND n.fee <> $due THEN 1125899906842624 ELSE 0 END AS d
FROM net AS n LEFT JOIN rates AS r ON n.mid = r.mid WHERE $where
"""
# Ours for both legs from one reading; -1: a row has no digest in this leg.
_DIGEST_BOOKS = """
SELECT CASE WHEN rrn <> '' THEN $key_n ELSE -1 END AS b_n, $hash_n AS d_n,
    CASE WHEN told = 'approved' THEN $key_t ELSE -1 END AS b_t, $hash_t AS d_t
FROM books WHERE position = 'effect' AND klass <> 'hold'
"""
# Ours are taken away from theirs: a sum of 0 where a bucket holds the same rows on both sides.
_BOTH = "SELECT b, d FROM digest_$s UNION ALL SELECT b_$s AS b, -d_$s AS d FROM digest_books WHERE b_$s >= 0"
_UNEQUAL = "SELECT b FROM (SELECT b // $width AS b, d FROM both_$s) AS r GROUP BY b HAVING sum(d) <> 0"
_RAW_KEY = 'tid, stan, "date"'
_RAW_LINE_KEY = f"tid, {LINE_STAN}, {LINE_DAY}"


def asked(network: Filter, terminal: Filter | None) -> Asked:
    """Give what rows are asked after the steps: first a set of bits, quick to ask, then the keys themselves."""
    rrn = key_hash("rrn")
    wide, narrow = _in_near(network, "n"), is_bad("n")
    books = [near_books_n(rrn, "rrn <> ''", one) for one in (wide, narrow)]
    lines = f"(rrn = '' OR {wide.format(rrn)}) AND (rrn = '' OR {narrow.format(rrn)})"
    if terminal is None:
        return Asked(" AND ".join(books), lines, shaped_network=lines)
    wide, narrow = _in_near(terminal, "t"), is_bad("t")
    ours = [near_books_t(key_hash(_RAW_KEY), one) for one in (wide, narrow)]
    raw, shaped = (
        f"({dead} OR {wide.format(key_hash(key))}) AND ({dead} OR {narrow.format(key_hash(key))})"
        for key, dead in (
            (_RAW_LINE_KEY, f"mark NOT IN ({LIVE[Role.TERMINAL]})"),
            (TERMINAL_KEY, "live = 0"),
        )
    )
    both = f"({books[0]} OR {ours[0]}) AND ({books[1]} OR {ours[1]})"
    return Asked(both, lines, raw, lines, shaped)


def _in_near(how: Filter, s: str) -> str:
    return f"in_set({how.bucket('{}')}, 'near_{s}')"


def steps(network: Filter, terminal: Filter | None, *, fees: bool) -> Iterator[Step]:
    """Give the steps up to the sets of keys that differ."""
    yield _books(network, terminal or network)
    values = ("klass", "amount", "currency", "day", "live", *(f"n.{one}" for one in network.network_columns))
    yield Step("digest_n", fill(
        _DIGEST_WITH_FEES if fees else _DIGEST, key=key_hash("rrn"), hash=row_hash("rrn", values), side="net",
        where="moves AND rrn <> ''", due=FEE_DUE,
    ))  # fmt: skip
    yield Step("odd_n", ODD_VOIDS)
    yield from _unequal("n", network, OR_ODD)
    if terminal:
        batch = ("batch",) if terminal.terminal_batch else ()
        hashed = row_hash(TERMINAL_KEY, ("klass", "amount", "currency", *terminal.terminal_columns, *batch))
        yield Step("digest_t", fill(
            _DIGEST, key=key_hash(TERMINAL_KEY), hash=hashed, side="term", where="moves AND live = 1",
        ))  # fmt: skip
        yield from _unequal("t", terminal)


def _books(network: Filter, terminal: Filter) -> Step:
    batch = ("batch",) if terminal.terminal_batch else ()
    hash_t = row_hash(TERMINAL_KEY, ("klass", "effect", "currency", *terminal.terminal_columns, *batch))
    return Step("digest_books", fill(
        _DIGEST_BOOKS, key_n=key_hash("rrn"), key_t=key_hash(TERMINAL_KEY), hash_t=f"{hash_t} + {UNLIKE}",
        hash_n=row_hash("rrn", ("klass", "effect", "currency", "day", "1", *network.network_columns)),
    ))  # fmt: skip


def _unequal(s: str, how: Filter, odd: str = "") -> Iterator[Step]:
    """Give the steps from the digests of both sides to the keys that differ, and to what is quick to ask."""
    yield Step(f"both_{s}", fill(_BOTH, s=s), keep=False)
    yield Step(f"unequal_{s}", fill(_UNEQUAL, s=s, width=how.width), below=how.buckets)
    yield Step(f"bad_{s}", fill(BAD, s=s, width=how.width) + odd)
    yield Step(f"near_{s}", f"SELECT b // {how.width} AS b FROM bad_{s}", below=how.buckets)  # noqa: S608
