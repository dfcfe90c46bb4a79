"""The filter: which rows may disagree at all, found without holding the sides.

Rule: both sides are cut into buckets by the hash of their key, and the re-mixed hashes of a bucket's rows are summed,
one side taken away from the other. Rows of a bucket that comes to 0 agree and are left alone; all others go on. The
filter decides nothing: without it the same findings come out. XOR would be no digest: two equal changes cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps.sides import LINE_DAY

if TYPE_CHECKING:
    from storno.recon.steps.sides import Shaping

_HOLDS = "kind <> 'preauth' AND kind <> 'preauth_void'"
_NEITHER = "(position <> 'effect' AND state <> 'declined' AND state <> 'not_sent')"
"""Transactions without a booked effect that may still have a line outside."""


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
    roomy: bool = True
    """Row digests are kept before they are summed: faster, 12 bytes for each row."""

    @property
    def mask(self) -> int:
        """Give the bits of a hash that name a bucket."""
        return (1 << self.buckets_log2) - 1


# One sum over both sides, ours taken away from theirs: 0 where a bucket holds the same rows on both.
_UNEQUAL = """
SELECT b FROM $rows GROUP BY b HAVING sum(d) <> 0
"""
_DIGEST = """
SELECT CAST(hash($key) & $mask AS INT) AS b, $sign CAST(hash(hash($key, $values)) >> 20 AS BIGINT) AS d
FROM $side WHERE $where
"""
_DIGEST_WITH_FEES = """
SELECT CAST(hash($key) & $mask AS INT) AS b, CAST(hash(hash($key, $values)) >> 20 AS BIGINT)
    + CASE WHEN n.kind = 'payment' AND n.fee <> $due THEN 1125899906842624 ELSE 0 END AS d
FROM net AS n LEFT JOIN rates AS r ON n.mid = r.mid WHERE $where
"""
_ODD_VOIDS = """
SELECT DISTINCT CAST(hash(v.rrn) & $mask AS INT) AS b FROM
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

_IN_BAD = "in_set(CAST(hash($key) & $mask AS INT), '$bad')"


_BOOKS_N = """
SELECT * FROM books_open WHERE in_n AND (
    position = 'effect' OR (position <> 'effect' AND state <> 'declined' AND state <> 'not_sent')
    OR rrn IN (SELECT rrn FROM lines_n WHERE rrn <> '')
)
"""
_BOOKS_T = "SELECT * FROM books_open WHERE in_t"


def choose(shaping: Shaping, network: Filter, terminal: Filter | None, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps that choose the rows that go on: `net_open`, `term_open` and `books_open`.

    `terminal` None: there is no terminal leg.
    """
    steps = [*_network(shaping, network, fees=fees), *(_terminal(shaping, terminal) if terminal else ())]
    in_n = "TRUE"
    if network.buckets_log2:
        bad = _in_bad(network, "rrn", "bad_n")
        in_n = f"((rrn <> '' AND {bad}) OR (rrn = '' AND position = 'effect') OR {_NEITHER})"
    in_t = "FALSE"
    if terminal:
        in_t = _in_bad(terminal, _RAW_KEY, "bad_t") if terminal.buckets_log2 else "TRUE"
    picked = shaping.books(f"{_HOLDS} AND ({in_n} OR {in_t})")
    in_t = in_t.replace(_RAW_KEY, _TERMINAL_KEY)
    open_ = f"SELECT *, {in_n} AS in_n, {in_t} AS in_t FROM ({picked}) AS b"  # noqa: S608 - our own text
    return (*steps, Step("books_open", open_, keep=bool(network.buckets_log2)))


def books_open(s: str) -> Step:
    """Give the step that narrows `books_open` to a leg; the network's asks `lines_n`."""
    return Step(f"books_open_{s}", _BOOKS_N if s == "n" else _BOOKS_T, keep=False)


_TERMINAL_KEY = "tid, stan, day"
_RAW_KEY = 'tid, stan, "date"'
_MOVES = "kind IN ('payment', 'refund', 'void', 'reversal') AND amount_minor <> 0"


def _in_bad(how: Filter, key: str, bad: str) -> str:
    return fill(_IN_BAD, key=key, mask=how.mask, bad=bad)


def _network(shaping: Shaping, how: Filter, *, fees: bool) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("net_open", shaping.lines("network", _MOVES, "moves"), keep=False),)
    columns = "".join(f", {one}" for one in how.network_columns)
    theirs = "".join(f", n.{one}" for one in how.network_columns)
    if fees:
        digest = fill(_DIGEST_WITH_FEES, key="n.rrn", mask=how.mask, where="n.moves AND n.rrn <> ''", due=FEE_DUE,
                      values=f"n.amount, n.currency, n.day, n.live{theirs}")  # fmt: skip
    else:
        digest = fill(_DIGEST, key="rrn", mask=how.mask, side="net", where="moves AND rrn <> ''", sign="",
                      values=f"amount, currency, day, live{columns}")  # fmt: skip
    ours = fill(_DIGEST, key="rrn", mask=how.mask, side="books", sign="-",
                where="position = 'effect' AND klass <> 'hold' AND rrn <> ''",
                values=f"effect, currency, day, 1{columns}")  # fmt: skip
    chosen = f"(rrn = '' OR {_in_bad(how, 'rrn', 'bad_n')})"
    return (
        Step("digest_n", f"{digest} UNION ALL {ours}", keep=how.roomy),
        Step("unequal_n", fill(_UNEQUAL, rows="digest_n")),
        Step("odd_voids", fill(_ODD_VOIDS, mask=how.mask)),
        Step("bad_n", "SELECT b FROM unequal_n UNION SELECT b FROM odd_voids", below=how.mask + 1),
        Step("net_open", shaping.lines("network", f"{_MOVES} AND {chosen}", f"moves AND {chosen}"), keep=False),
    )  # fmt: skip


def _terminal(shaping: Shaping, how: Filter) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("term_open", shaping.lines("terminal", _MOVES, "moves"), keep=False),)
    columns = "".join(f", {one}" for one in how.terminal_columns) + (", batch" if how.terminal_batch else "")
    theirs = fill(_DIGEST, key=_TERMINAL_KEY, mask=how.mask, side="term", where="moves AND live = 1", sign="",
                  values=f"amount, currency{columns}")  # fmt: skip
    ours = fill(_DIGEST, key=_TERMINAL_KEY, mask=how.mask, side="books", sign="-",
                where="position = 'effect' AND klass <> 'hold' AND told = 'approved'",
                values=f"effect, currency{columns}")  # fmt: skip
    return (
        Step("digest_t", f"{theirs} UNION ALL {ours}", keep=how.roomy),
        Step("bad_t", fill(_UNEQUAL, rows="digest_t"), below=how.mask + 1),
        Step("term_open", shaping.lines(
            "terminal", f"{_MOVES} AND {_in_bad(how, f'tid, stan, {LINE_DAY}', 'bad_t')}",
            f"moves AND {_in_bad(how, _TERMINAL_KEY, 'bad_t')}",
        ), keep=False),
    )  # fmt: skip


_SAMPLE = "SELECT mid, amount, fee FROM net WHERE kind = 'payment' AND moves AND live = 1 AND $sample"
_VOTES = """
SELECT mid, (abs(fee) * 20000 + abs(amount)) // (2 * abs(amount)) AS basis_points, count(*) AS votes
FROM fee_sample WHERE abs(amount) >= 5000 GROUP BY 1, 2
"""
_SHORTLIST = """
SELECT mid, basis_points FROM (
    SELECT mid, basis_points, row_number() OVER (PARTITION BY mid ORDER BY votes DESC, basis_points) AS place
    FROM rate_votes
) AS v WHERE place <= 3
"""
_RATES = """
SELECT mid, basis_points FROM (
    SELECT mid, basis_points, kept, all_, row_number() OVER (PARTITION BY mid ORDER BY kept DESC, basis_points) AS place
    FROM (
        SELECT n.mid, r.basis_points, count(*) AS all_,
            CAST(sum(CASE WHEN n.fee = $due THEN 1 ELSE 0 END) AS BIGINT) AS kept
        FROM fee_sample AS n JOIN rate_shortlist AS r ON n.mid = r.mid GROUP BY 1, 2
    ) AS k
) AS p WHERE place = 1 AND all_ >= 5 AND kept * 5 >= all_ * 4
    AND mid NOT IN (SELECT mid FROM rates_given)
UNION ALL SELECT mid, basis_points FROM rates_given
"""


def rates(how: Filter) -> tuple[Step, ...]:
    """Give the steps that find each merchant's agreed rate: the given one, else that of four fifths of its lines."""
    number = "stan" if "stan" in how.network_columns else "rrn"
    sample = f"right({number}, 1) = '7'" if how.sampled else "TRUE"
    return (
        Step("fee_sample", fill(_SAMPLE, sample=sample)),
        Step("rate_votes", _VOTES),
        Step("rate_shortlist", _SHORTLIST),
        Step("rates", fill(_RATES, due=FEE_DUE)),
    )
