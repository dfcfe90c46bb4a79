"""The filter: which rows may disagree at all, found without holding the sides.

Rule: both sides are cut into buckets by the hash of their key, and the re-mixed hashes of a bucket's rows are summed,
one side taken away from the other. Rows of a bucket that comes to 0 agree and are left alone; all others go on. The
filter decides nothing: without it the same findings come out. XOR would be no digest: two equal changes cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps.fees import FEE_DUE, odd_fees
from storno.statements.digest import KEY_BITS, LINE_DAY, LINE_STAN, LIVE, MOVES, UNLIKE, key_hash, row_hash
from storno.statements.line import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storno.recon.steps.sides import Shaping

_HOLDS = "kind <> 'preauth' AND kind <> 'preauth_void'"
_NEITHER = "(position <> 'effect' AND state <> 'declined' AND state <> 'not_sent')"
"""Transactions without a booked effect that may still have a line outside."""
_UNTOLD = "(position <> 'effect' OR told <> 'approved')"
"""Transactions without a digest in the terminal's leg. All go on, as do all lines that do not count: only what agrees
and counts is left alone, or another sale's line would be taken for that of an undone one whose own was left out."""


@dataclass(frozen=True, slots=True)
class Filter:
    """How finely, and on which columns the sides can be compared; a column a side lacks is left out."""

    buckets_log2: int
    """0: no filter, everything goes on."""
    network_columns: tuple[str, ...] = ("mid", "tid", "stan")
    terminal_columns: tuple[str, ...] = ("mid",)
    terminal_batch: bool = True
    lines_hashed: bool = False
    """The hashes of the outside lines are stored with them, over just these columns."""
    books_hashed: bool = False
    """The same of our books."""
    noted: bool = False
    """The network's files say which lines do not keep to their merchant's rate."""
    summed: bool = False
    """Both sides' hashes are stored and the sums of their buckets compared: `differing_<s>` has those that differ."""

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


_DIGEST = "SELECT $key AS b, $hash AS d FROM $side AS n WHERE $where"
_DIGEST_WITH_FEES = """
SELECT $key AS b, $hash + CASE WHEN n.kind = 'payment' AND n.fee <> $due THEN 1125899906842624 ELSE 0 END AS d
FROM net AS n LEFT JOIN rates AS r ON n.mid = r.mid WHERE $where
"""
# Ours for both legs from one reading; -1: a row has no digest in this leg.
_DIGEST_BOOKS = """
SELECT CASE WHEN $in_n THEN $key_n ELSE -1 END AS b_n, $hash_n AS d_n,
    CASE WHEN $in_t THEN $key_t ELSE -1 END AS b_t, $hash_t AS d_t
FROM books WHERE $where
"""
# Ours are taken away from theirs: a sum of 0 where a bucket holds the same rows on both sides.
_BOTH = "SELECT b, d FROM digest_$s UNION ALL SELECT b_$s AS b, -d_$s AS d FROM digest_books WHERE b_$s >= 0"
_UNEQUAL = "SELECT b FROM (SELECT b // $width AS b, d FROM both_$s) AS r GROUP BY b HAVING sum(d) <> 0"
# Once more by the whole hash of the key, over what the first sums left.
_BAD = "SELECT b FROM both_$s WHERE in_set(b // $width, 'unequal_$s') GROUP BY b HAVING sum(d) <> 0"
_OR_ODD = " UNION SELECT b FROM odd_n"
_ODD_VOIDS = f"""
SELECT DISTINCT {key_hash("v.rrn")} AS b FROM
    (
        SELECT rrn, original FROM books
        WHERE kind IN ('void', 'completion_void') AND position = 'effect' AND rrn <> '' AND original <> ''
    ) AS v
    JOIN (SELECT tx_id FROM books WHERE state = 'reversed') AS o ON v.original = o.tx_id
"""  # noqa: S608 - our own text
# Where the sums came with the files, only hashes in unequal buckets are read, and those of rows that go on anyway.
_SOME_LINES = "SELECT key_hash AS b, row_hash AS d FROM ${role}_src WHERE $where"
_SOME_BOOKS = """
SELECT key_hash_n AS b_n, row_hash_n AS d_n, key_hash_t AS b_t, row_hash_t AS d_t FROM books_src WHERE $where
"""
_BOTH_SOME = """
SELECT b, d FROM some_$s WHERE d IS NOT NULL
UNION ALL SELECT b_$s AS b, -d_$s AS d FROM some_books WHERE d_$s IS NOT NULL AND in_set($bucket, 'unequal_$s')
"""

# Refused and unsent ones take part only where a line has their key.
_BOOKS = f"SELECT * FROM books_near_$s WHERE position = 'effect' OR {_NEITHER} OR $asked"  # noqa: S608 - our own text
_ASKED = {
    "n": "rrn IN (SELECT rrn FROM lines_n WHERE rrn <> '')",
    "t": "(tid, stan, day) IN (SELECT tid, stan, day FROM lines_t)",
}


@dataclass(frozen=True, slots=True)
class _Near:
    """Whether a row may disagree: `wide` is asked of every row, `narrow` of the rows it lets through."""

    wide: str = "TRUE"
    narrow: str = "TRUE"

    def unless(self, other: str) -> str:
        """Write the whole question, which a row that meets another condition need not be asked."""
        return f"({other} OR {self.wide}) AND ({other} OR {self.narrow})"


def _near(how: Filter, key: str, s: str) -> _Near:
    """Write the question of a key's hash: first a set of bits, quick to ask, then the fine buckets themselves."""
    return _Near(f"in_set({how.bucket(key)}, 'near_{s}')", f"{key} IN (SELECT b FROM bad_{s})")  # noqa: S608


def _near_books_n(how: Filter) -> _Near:
    if not how.buckets_log2:
        return _Near()
    key, keyed = ("key_hash_n", "key_hash_n >= 0") if how.books_hashed else (key_hash("rrn"), "rrn <> ''")
    near = _near(how, key, "n")
    ours = f"(({keyed} AND {{}}) OR (NOT {keyed} AND position = 'effect') OR {_NEITHER})"
    return _Near(ours.format(near.wide), ours.format(near.narrow))


def _near_books_t(how: Filter, key: str) -> _Near:
    """Write it of our books; `key` are the columns where no hash is stored."""
    if not how.buckets_log2:
        return _Near()
    near = _near(how, "key_hash_t" if how.books_hashed else key_hash(key), "t")
    return _Near(f"({near.wide} OR {_UNTOLD})", f"({near.narrow} OR {_UNTOLD})")


def _keys(name: str, key: str, source: str, near: str, chosen: str) -> Step:
    """Give the step that lists the stored hashes of the rows that go on.

    Asking for them by one column, in a step of its own, is what an engine can do while it reads: a row that is not
    wanted is not put together. Asked by many columns, all rows are put together first; that took three times as long.
    """
    return Step(f"{name}_keys", f"SELECT {key} AS k FROM {source} WHERE {near} AND {chosen}")  # noqa: S608


def _of_keys(name: str, key: str) -> str:
    return f"{key} IN (SELECT k FROM {name}_keys)"  # noqa: S608 - our own text


def choose(shaping: Shaping, network: Filter, terminal: Filter | None, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps that choose the rows that go on: `net_open`, `term_open` and `books_near_<s>`.

    `terminal` None: there is no terminal leg.
    """
    steps: list[Step] = []
    if network.summed:
        steps += _compared(network, terminal, fees=fees)
    elif network.buckets_log2:
        steps.append(_digest_books(network, terminal or network))
    steps += _network(shaping, network, fees=fees)
    in_n = _near_books_n(network)
    wide, narrow = in_n.wide, in_n.narrow
    if terminal:
        steps += _terminal(shaping, terminal)
        in_t = _near_books_t(terminal, _RAW_KEY)
        wide, narrow = f"{wide} OR {in_t.wide}", f"{narrow} OR {in_t.narrow}"
    chosen = f"({wide}) AND ({narrow})"
    if network.summed:
        steps.append(Step("books_keys", _SOME_KEYS_ALONE if terminal is None else _SOME_KEYS))
        chosen = _of_keys("books", "key_hash_t")
    elif network.buckets_log2 and (terminal or network).books_hashed:
        asked = f"{_HOLDS} AND ({narrow})"
        steps.append(_keys("books", "key_hash_t", "books_src", shaping.near('"date"'), asked))
        chosen = _of_keys("books", "key_hash_t")
    picked = (
        f"SELECT * EXCLUDE (row_hash_n, row_hash_t) FROM ({shaping.books(f'{_HOLDS} AND {chosen}')}) AS b"  # noqa: S608
    )
    steps += [
        Step("books_open", picked, keep=bool(network.buckets_log2)),
        Step("books_near_n", f"SELECT * FROM books_open WHERE {in_n.narrow}", keep=False),  # noqa: S608 - our own text
    ]
    if terminal:
        in_t = _near_books_t(terminal, _TERMINAL_KEY)
        steps.append(Step("books_near_t", f"SELECT * FROM books_open WHERE {in_t.narrow}", keep=False))  # noqa: S608
    return tuple(steps)


def books_open(s: str) -> Step:
    """Give the step that narrows the chosen books to a leg; it asks the leg's lines."""
    return Step(f"books_open_{s}", fill(_BOOKS, s=s, asked=_ASKED[s]), keep=False)


_TERMINAL_KEY = "tid, stan, day"
_RAW_KEY = 'tid, stan, "date"'
_RAW_LINE_KEY = f"tid, {LINE_STAN}, {LINE_DAY}"


def _digest_books(network: Filter, terminal: Filter) -> Step:
    key, batch = key_hash("rrn"), ("batch",) if terminal.terminal_batch else ()
    hash_n = row_hash("rrn", ("effect", "currency", "day", "1", *network.network_columns))
    in_n, in_t, where = "rrn <> ''", "told = 'approved'", "position = 'effect' AND klass <> 'hold'"
    key_t = key_hash(_TERMINAL_KEY)
    hash_t = row_hash(_TERMINAL_KEY, ("effect", "currency", *terminal.terminal_columns, *batch))
    hash_t = f"{hash_t} + {UNLIKE}"
    if network.books_hashed:
        key, hash_n, in_n = "key_hash_n", "row_hash_n", "row_hash_n IS NOT NULL"
    if terminal.books_hashed:
        key_t, hash_t, in_t = "key_hash_t", "row_hash_t", "row_hash_t IS NOT NULL"
    if network.books_hashed and terminal.books_hashed:
        where = f"{in_n} OR {in_t}"
    return Step("digest_books", fill(
        _DIGEST_BOOKS, in_n=in_n, key_n=key, hash_n=hash_n, in_t=in_t, key_t=key_t, hash_t=hash_t, where=where,
    ))  # fmt: skip


def _compared(network: Filter, terminal: Filter | None, *, fees: bool) -> Iterable[Step]:
    """Give the steps from the sums that differ to the hashes of our books that have to be looked at."""
    odd = _ODD_VOIDS + (f" UNION {odd_fees(noted=network.noted)}" if fees else "")
    unequal = f"SELECT b FROM differing_n UNION SELECT b // {network.width} AS b FROM odd_n"  # noqa: S608 - our own text
    yield Step("odd_n", odd)
    yield Step("unequal_n", unequal, below=network.buckets)
    if terminal:
        yield Step("unequal_t", "SELECT b FROM differing_t", below=terminal.buckets)
    yield _some_books(network, terminal)


def _some_books(network: Filter, terminal: Filter | None) -> Step:
    where = f"row_hash_n IS NULL OR in_set({network.bucket('key_hash_n')}, 'unequal_n')"
    if terminal:
        where += f" OR row_hash_t IS NULL OR in_set({terminal.bucket('key_hash_t')}, 'unequal_t')"
    return Step("some_books", fill(_SOME_BOOKS, where=where))


# What has no row hash in a leg may have to go on for all its sums say; what need not is left out behind.
_SOME_KEYS_ALONE = "SELECT b_t AS k FROM some_books WHERE d_n IS NULL OR b_n IN (SELECT b FROM bad_n)"
_SOME_KEYS = f"{_SOME_KEYS_ALONE} OR d_t IS NULL OR b_t IN (SELECT b FROM bad_t)"  # noqa: S608 - our own text


def _unequal(s: str, how: Filter, odd: str = "") -> tuple[Step, ...]:
    """Give the steps from the digests of both sides to the keys that differ, and to what is quick to ask."""
    bad = fill(_BAD, s=s, width=how.width) + odd
    if how.summed:
        both = fill(_BOTH_SOME, s=s, bucket=how.bucket(f"b_{s}"))
        return (Step(f"both_{s}", both, keep=False), Step(f"bad_{s}", bad))
    return (
        Step(f"both_{s}", fill(_BOTH, s=s), keep=False),
        Step(f"unequal_{s}", fill(_UNEQUAL, s=s, width=how.width), below=how.buckets),
        Step(f"bad_{s}", bad),
        Step(f"near_{s}", f"SELECT b // {how.width} AS b FROM bad_{s}", below=how.buckets),  # noqa: S608
    )


def _network(shaping: Shaping, how: Filter, *, fees: bool) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("net_open", shaping.lines("network", MOVES, "moves"), keep=False),)
    if how.lines_hashed:
        key, hashed, where, keyless = "key_hash", "row_hash", "row_hash IS NOT NULL", "key_hash < 0"
    else:
        key, where, keyless = key_hash("rrn"), "moves AND rrn <> ''", "rrn = ''"
        values = ("amount", "currency", "day", "live", *(f"n.{one}" for one in how.network_columns))
        hashed = row_hash("rrn", values)
    digest = fill(
        _DIGEST_WITH_FEES if fees else _DIGEST, key=key, hash=hashed, side="net", where=where, due=FEE_DUE
    )
    near = _near(how, key, "n")
    keys: tuple[Step, ...] = ()
    chosen = near.unless(keyless)
    digests: tuple[Step, ...] = (Step("digest_n", digest),)
    if how.summed:
        some = fill(_SOME_LINES, role="network", where=f"in_set({how.bucket(key)}, 'unequal_n')")
        digests = (Step("some_n", some),)
        keys = (Step("net_keys", "SELECT b AS k FROM bad_n UNION ALL SELECT -1 AS k"),)
        chosen = _of_keys("net", key)
    elif how.lines_hashed:
        keys = (_keys("net", key, "network_src", shaping.near(LINE_DAY), f"({keyless} OR {near.narrow})"),)
        chosen = _of_keys("net", key)
    return (
        *digests,
        *(() if how.summed else (Step("odd_n", _ODD_VOIDS),)),
        *_unequal("n", how, _OR_ODD),
        *keys,
        Step(
            "net_open", shaping.lines("network", f"{MOVES} AND {chosen}", f"moves AND {chosen}"), keep=False
        ),
    )


_SOME_TERM_KEYS = "SELECT b AS k FROM bad_t UNION ALL SELECT b AS k FROM some_t WHERE d IS NULL"


def _terminal(shaping: Shaping, how: Filter) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("term_open", shaping.lines("terminal", MOVES, "moves"), keep=False),)
    batch = ("batch",) if how.terminal_batch else ()
    keys: tuple[Step, ...] = ()
    if how.lines_hashed:
        key, hashed, where = "key_hash", "row_hash", "row_hash IS NOT NULL"
        asked = f"(row_hash IS NULL OR {_near(how, key, 't').narrow})"
        keys = (_keys("term", key, "terminal_src", shaping.near(LINE_DAY), asked),)
        if how.summed:
            keys = (Step("term_keys", _SOME_TERM_KEYS),)
        chosen = shaped = f"{_of_keys('term', key)} AND {asked}"
    else:
        key, where = key_hash(_TERMINAL_KEY), "moves AND live = 1"
        hashed = row_hash(_TERMINAL_KEY, ("amount", "currency", *how.terminal_columns, *batch))
        chosen = _near(how, key_hash(_RAW_LINE_KEY), "t").unless(f"mark NOT IN ({LIVE[Role.TERMINAL]})")
        shaped = _near(how, key, "t").unless("live = 0")
    first = Step("digest_t", fill(_DIGEST, key=key, hash=hashed, side="term", where=where))
    if how.summed:
        asked = f"row_hash IS NULL OR in_set({how.bucket(key)}, 'unequal_t')"
        first = Step("some_t", fill(_SOME_LINES, role="terminal", where=asked))
    return (
        first,
        *_unequal("t", how),
        *keys,
        Step(
            "term_open", shaping.lines("terminal", f"{MOVES} AND {chosen}", f"moves AND {shaped}"), keep=False
        ),
    )
