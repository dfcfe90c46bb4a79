"""The filter: which rows may disagree at all, found without holding the sides.

Rule: both sides are cut into buckets by the hash of their key, and the re-mixed hashes of a bucket's rows are summed,
one side taken away from the other. Rows of a bucket that comes to 0 agree and are left alone; all others go on. The
filter decides nothing: without it the same findings come out. XOR would be no digest: two equal changes cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.statements.digest import LINE_DAY, LINE_STAN, LIVE, MOVES, UNLIKE, key_hash, row_hash
from storno.statements.line import Role

if TYPE_CHECKING:
    from storno.recon.steps.sides import Shaping

_HOLDS = "kind <> 'preauth' AND kind <> 'preauth_void'"
_NEITHER = "(position <> 'effect' AND state <> 'declined' AND state <> 'not_sent')"
"""Transactions without a booked effect that may still have a line outside."""
_UNTOLD = "(position <> 'effect' OR told <> 'approved')"
"""Transactions without a digest in the terminal's leg. All go on, as do all lines that do not count: only what agrees
and counts is left alone, or another sale's line would be taken for that of an undone one whose own was left out."""


FINE = 16
"""Each bucket has so many finer ones: the first sums go over few places, the second only over what they left."""
_FINE_BITS = 4


@dataclass(frozen=True, slots=True)
class Filter:
    """How finely, and on which columns the sides can be compared; a column a side lacks is left out."""

    buckets_log2: int
    """0: no filter, everything goes on."""
    network_columns: tuple[str, ...] = ("mid", "tid", "stan")
    terminal_columns: tuple[str, ...] = ("mid",)
    terminal_batch: bool = True
    sampled: bool = False
    """Rates are learned from one line in ten, by a number's last digit: the data decide that, never the effort."""
    lines_hashed: bool = False
    """The hashes of the outside lines are stored with them, over just these columns."""
    books_hashed: bool = False
    """The same of our books."""

    @property
    def buckets(self) -> int:
        """Give the number of buckets."""
        return 1 << self.buckets_log2

    def bucket(self, key: str) -> str:
        """Write the bucket of a key's hash."""
        return f"CAST(({key} >> {_FINE_BITS}) & {self.buckets - 1} AS INT)"

    def fine(self, key: str) -> str:
        """Write the fine bucket of a key's hash: `bucket` * 16 and more."""
        return f"CAST({key} & {self.buckets * FINE - 1} AS INT)"


_DIGEST = "SELECT $fine AS b, $hash AS d FROM $side AS n WHERE $where"
_DIGEST_WITH_FEES = """
SELECT $fine AS b, $hash + CASE WHEN n.kind = 'payment' AND n.fee <> $due THEN 1125899906842624 ELSE 0 END AS d
FROM net AS n LEFT JOIN rates AS r ON n.mid = r.mid WHERE $where
"""
# Ours for both legs from one reading; -1: a row has no digest in this leg.
_DIGEST_BOOKS = """
SELECT CASE WHEN $in_n THEN $fine_n ELSE -1 END AS b_n, $hash_n AS d_n,
    CASE WHEN $in_t THEN $fine_t ELSE -1 END AS b_t, $hash_t AS d_t
FROM books WHERE $where
"""
# Ours are taken away from theirs: a sum of 0 where a bucket holds the same rows on both sides.
_BOTH = "SELECT b, d FROM digest_$s UNION ALL SELECT b_$s AS b, -d_$s AS d FROM digest_books WHERE b_$s >= 0"
_UNEQUAL = "SELECT b FROM (SELECT b // $of AS b, d FROM both_$s) AS r GROUP BY b HAVING sum(d) <> 0"
_BAD = "SELECT b FROM both_$s WHERE in_set(b // $of, 'unequal_$s') GROUP BY b HAVING sum(d) <> 0"
_BAD_OR_ODD = f"{_BAD} UNION SELECT b FROM odd_voids"  # noqa: S608 - our own text
_ODD_VOIDS = """
SELECT DISTINCT $fine AS b FROM
    (
        SELECT rrn, original FROM books
        WHERE kind IN ('void', 'completion_void') AND position = 'effect' AND rrn <> '' AND original <> ''
    ) AS v
    JOIN (SELECT tx_id FROM books WHERE state = 'reversed') AS o ON v.original = o.tx_id
"""

FEE_DUE = (
    "CASE WHEN n.amount > 0 THEN -((n.amount * r.basis_points + 5000) // 10000) "
    "ELSE (-n.amount * r.basis_points + 5000) // 10000 END"
)

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
    return _Near(f"in_set({how.bucket(key)}, 'near_{s}')", f"{how.fine(key)} IN (SELECT b FROM bad_{s})")  # noqa: S608


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
    if network.buckets_log2:
        steps.append(_digest_books(network, terminal or network))
    steps += _network(shaping, network, fees=fees)
    in_n = _near_books_n(network)
    wide, narrow = in_n.wide, in_n.narrow
    if terminal:
        steps += _terminal(shaping, terminal)
        in_t = _near_books_t(terminal, _RAW_KEY)
        wide, narrow = f"{wide} OR {in_t.wide}", f"{narrow} OR {in_t.narrow}"
    chosen = f"({wide}) AND ({narrow})"
    if network.buckets_log2 and (terminal or network).books_hashed:
        asked = f"{_HOLDS} AND ({narrow})"
        steps.append(_keys("books", "key_hash_t", "books_src", shaping.near('"date"'), asked))
        chosen = _of_keys("books", "key_hash_t")
    picked = shaping.books(f"{_HOLDS} AND {chosen}")
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
        _DIGEST_BOOKS, in_n=in_n, fine_n=network.fine(key), hash_n=hash_n, in_t=in_t, fine_t=terminal.fine(key_t),
        hash_t=hash_t, where=where,
    ))  # fmt: skip


def _unequal(s: str, how: Filter, bad: str) -> tuple[Step, ...]:
    """Give the steps from the digests of both sides to the fine buckets that differ, and to what is quick to ask."""
    return (
        Step(f"both_{s}", fill(_BOTH, s=s), keep=False),
        Step(f"unequal_{s}", fill(_UNEQUAL, s=s, of=FINE), below=how.buckets),
        Step(f"bad_{s}", bad),
        Step(f"near_{s}", f"SELECT b // {FINE} AS b FROM bad_{s}", below=how.buckets),  # noqa: S608
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
    digest = fill(_DIGEST_WITH_FEES if fees else _DIGEST, fine=how.fine(key), hash=hashed, side="net", where=where,
                  due=FEE_DUE)  # fmt: skip
    near = _near(how, key, "n")
    keys: tuple[Step, ...] = ()
    chosen = near.unless(keyless)
    if how.lines_hashed:
        keys = (_keys("net", key, "network_src", shaping.near(LINE_DAY), f"({keyless} OR {near.narrow})"),)
        chosen = _of_keys("net", key)
    return (
        Step("digest_n", digest),
        Step("odd_voids", fill(_ODD_VOIDS, fine=how.fine(key_hash("v.rrn")))),
        *_unequal("n", how, fill(_BAD_OR_ODD, s="n", of=FINE)),
        *keys,
        Step(
            "net_open", shaping.lines("network", f"{MOVES} AND {chosen}", f"moves AND {chosen}"), keep=False
        ),
    )


def _terminal(shaping: Shaping, how: Filter) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("term_open", shaping.lines("terminal", MOVES, "moves"), keep=False),)
    batch = ("batch",) if how.terminal_batch else ()
    keys: tuple[Step, ...] = ()
    if how.lines_hashed:
        key, hashed, where = "key_hash", "row_hash", "row_hash IS NOT NULL"
        asked = f"(row_hash IS NULL OR {_near(how, key, 't').narrow})"
        keys = (_keys("term", key, "terminal_src", shaping.near(LINE_DAY), asked),)
        chosen = shaped = f"{_of_keys('term', key)} AND {asked}"
    else:
        key, where = key_hash(_TERMINAL_KEY), "moves AND live = 1"
        hashed = row_hash(_TERMINAL_KEY, ("amount", "currency", *how.terminal_columns, *batch))
        chosen = _near(how, key_hash(_RAW_LINE_KEY), "t").unless(f"mark NOT IN ({LIVE[Role.TERMINAL]})")
        shaped = _near(how, key, "t").unless("live = 0")
    return (
        Step("digest_t", fill(_DIGEST, fine=how.fine(key), hash=hashed, side="term", where=where)),
        *_unequal("t", how, fill(_BAD, s="t", of=FINE)),
        *keys,
        Step(
            "term_open", shaping.lines("terminal", f"{MOVES} AND {chosen}", f"moves AND {shaped}"), keep=False
        ),
    )


_SAMPLE = "SELECT mid, amount, fee FROM net WHERE kind = 'payment' AND moves AND live = 1 AND $sample"
_VOTES = """
SELECT mid, (abs(fee) * 20000 + abs(amount)) // (2 * abs(amount)) AS basis_points, count(*) AS votes
FROM fee_sample WHERE abs(amount) >= 5000 GROUP BY 1, 2
"""
# A rounded fee may vote for the rate beside the true one; of many lines most do not, of few all of them may.
_SHORTLIST = """
SELECT mid, basis_points, min(place) AS place FROM (
    SELECT mid, basis_points, place FROM rate_places WHERE place <= 3
    UNION ALL SELECT mid, basis_points - 1, place + 3 FROM rate_places WHERE place <= 3 AND voters <= 50
    UNION ALL SELECT mid, basis_points + 1, place + 3 FROM rate_places WHERE place <= 3 AND voters <= 50
) AS c GROUP BY mid, basis_points
"""
_PLACES = """
SELECT mid, basis_points, row_number() OVER (PARTITION BY mid ORDER BY votes DESC, basis_points) AS place,
    sum(votes) OVER (PARTITION BY mid) AS voters
FROM rate_votes
"""
_RATES = """
SELECT mid, basis_points, all_ AS learned_from FROM (
    SELECT mid, basis_points, kept, all_,
        row_number() OVER (PARTITION BY mid ORDER BY kept DESC, tried, basis_points) AS place
    FROM (
        SELECT n.mid, r.basis_points, r.place AS tried, count(*) AS all_,
            CAST(sum(CASE WHEN n.fee = $due THEN 1 ELSE 0 END) AS BIGINT) AS kept
        FROM fee_sample AS n JOIN rate_shortlist AS r ON n.mid = r.mid GROUP BY 1, 2, 3
    ) AS k
) AS p WHERE place = 1 AND all_ >= 5 AND kept * 5 >= all_ * 4
    AND mid NOT IN (SELECT mid FROM rates_given)
UNION ALL SELECT mid, basis_points, CAST(0 AS BIGINT) AS learned_from FROM rates_given
"""


def rates(how: Filter) -> tuple[Step, ...]:
    """Give the steps that find each merchant's agreed rate: the given one, else that of four fifths of its lines."""
    number = "stan" if "stan" in how.network_columns else "rrn"
    sample = f"right({number}, 1) = '7'" if how.sampled else "TRUE"
    return (
        Step("fee_sample", fill(_SAMPLE, sample=sample)),
        Step("rate_votes", _VOTES),
        Step("rate_places", _PLACES),
        Step("rate_shortlist", _SHORTLIST),
        Step("rates", fill(_RATES, due=FEE_DUE)),
    )
