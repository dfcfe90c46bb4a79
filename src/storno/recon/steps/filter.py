"""The filter: which rows may disagree at all, found without holding the sides.

Rule: both sides are cut into buckets by the hash of their key; a bucket has a count and the sum of its rows' re-mixed
hashes. Rows in equal buckets agree and are left alone; everything of an unequal bucket goes on. The filter never
decides anything: without it the same findings come out. XOR of hashes is no digest: two equal changes cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

from storno.recon.plan import Step, fill

_SPECIAL = "('reversed', 'refused', 'exhausted', 'reversing', 'unknown', 'closed', 'authorizing', 'advising')"
"""States in which a transaction without a booked effect may still have a line outside."""


@dataclass(frozen=True, slots=True)
class Filter:
    """How finely, and on which columns the sides can be compared; a column a side lacks is left out."""

    buckets_log2: int
    """0: no filter, everything goes on."""
    network_columns: tuple[str, ...] = ("mid", "tid", "stan")
    terminal_columns: tuple[str, ...] = ("mid",)
    terminal_batch: bool = True
    sampled: bool = False
    """Rates are learned from one line in ten (by the RRN's last digit). Follows from the data, never from the effort."""

    @property
    def mask(self) -> int:
        """Give the bits of a hash that name a bucket."""
        return (1 << self.buckets_log2) - 1


_DIGEST = """
SELECT CAST(hash($key) & $mask AS BIGINT) AS b, count(*) AS c, sum(hash(hash($key, $values)) >> 20) AS d
FROM $side WHERE $where GROUP BY 1
"""
_DIGEST_WITH_FEES = """
SELECT CAST(hash($key) & $mask AS BIGINT) AS b,
    count(*) + CAST(sum(CASE WHEN n.kind = 'payment' AND n.fee <> $due THEN 1000000 ELSE 0 END) AS BIGINT) AS c,
    sum(hash(hash($key, $values)) >> 20) AS d
FROM net AS n LEFT JOIN rates AS r ON n.mid = r.mid WHERE $where GROUP BY 1
"""
_UNEQUAL = """
SELECT coalesce(x.b, y.b) AS b FROM $left AS x FULL JOIN $right AS y ON x.b = y.b
WHERE coalesce(x.c, 0) <> coalesce(y.c, 0) OR coalesce(x.d, 0) <> coalesce(y.d, 0)
"""
_ODD_VOIDS = """
SELECT DISTINCT CAST(hash(v.rrn) & $mask AS BIGINT) AS b FROM
    (SELECT rrn, original FROM books WHERE kind IN ('void', 'completion_void') AND position = 'effect' AND rrn <> '' AND original <> '') AS v
    JOIN (SELECT tx_id FROM books WHERE state = 'reversed') AS o ON v.original = o.tx_id
"""

FEE_DUE = (
    "CASE WHEN n.amount > 0 THEN -((n.amount * r.basis_points + 5000) // 10000) "
    "ELSE (-n.amount * r.basis_points + 5000) // 10000 END"
)

_IN_BAD = "CAST(hash($key) & $mask AS BIGINT) IN (SELECT b FROM $bad)"


_NEITHER = f"(position = 'suspense' OR (position = 'none' AND state IN {_SPECIAL}))"
_BOOKS_OPEN = """
SELECT *, $network AS in_n, $terminal AS in_t FROM books WHERE klass <> 'hold' AND ($network OR $terminal)
"""
_BOOKS_N = f"""
SELECT * EXCLUDE (in_n, in_t) FROM books_open WHERE in_n AND (
    position = 'effect' OR {_NEITHER} OR rrn IN (SELECT rrn FROM net_open WHERE rrn <> '')
)
"""  # noqa: S608 - our own text
_BOOKS_T = "SELECT * EXCLUDE (in_n, in_t) FROM books_open WHERE in_t"


def choose(network: Filter, terminal: Filter | None, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps that choose the rows that go on: `net_open`, `term_open`, and `books_open_n` and `books_open_t`.

    `terminal` None: there is no terminal leg.
    """
    steps = [*_network(network, fees=fees), *(_terminal(terminal) if terminal else ())]
    in_n = "TRUE"
    if network.buckets_log2:
        in_n = f"((rrn <> '' AND {_in_bad(network, 'rrn', 'bad_n')}) OR (rrn = '' AND position = 'effect') OR {_NEITHER})"
    in_t = "FALSE"
    if terminal:
        in_t = _in_bad(terminal, _TERMINAL_KEY, "bad_t") if terminal.buckets_log2 else "TRUE"
    keep = bool(network.buckets_log2)
    steps += [
        Step("books_open", fill(_BOOKS_OPEN, network=in_n, terminal=in_t), keep=keep),
        Step("books_open_n", _BOOKS_N, keep=False),
    ]
    return (*steps, Step("books_open_t", _BOOKS_T, keep=False)) if terminal else tuple(steps)


_TERMINAL_KEY = "tid, stan, day"


def _in_bad(how: Filter, key: str, bad: str) -> str:
    return fill(_IN_BAD, key=key, mask=how.mask, bad=bad)


def _network(how: Filter, *, fees: bool) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("net_open", "SELECT * FROM net WHERE moves", keep=False),)
    columns = "".join(f", {one}" for one in how.network_columns)
    theirs = "".join(f", n.{one}" for one in how.network_columns)
    if fees:
        digest = fill(_DIGEST_WITH_FEES, key="n.rrn", mask=how.mask, where="n.moves AND n.rrn <> ''", due=FEE_DUE,
                      values=f"n.amount, n.currency, n.day, n.live{theirs}")  # fmt: skip
    else:
        digest = fill(_DIGEST, key="rrn", mask=how.mask, side="net", where="moves AND rrn <> ''",
                      values=f"amount, currency, day, live{columns}")  # fmt: skip
    return (
        Step("digest_net", digest),
        Step("digest_books_n", fill(_DIGEST, key="rrn", mask=how.mask, side="books",
                                    where="position = 'effect' AND klass <> 'hold' AND rrn <> ''",
                                    values=f"effect, currency, day, 1{columns}")),
        Step("unequal_n", fill(_UNEQUAL, left="digest_net", right="digest_books_n")),
        Step("odd_voids", fill(_ODD_VOIDS, mask=how.mask)),
        Step("bad_n", "SELECT b FROM unequal_n UNION SELECT b FROM odd_voids"),
        Step("net_open", f"SELECT * FROM net WHERE moves AND (rrn = '' OR {_in_bad(how, 'rrn', 'bad_n')})"),  # noqa: S608
    )  # fmt: skip


def _terminal(how: Filter) -> tuple[Step, ...]:
    if not how.buckets_log2:
        return (Step("term_open", "SELECT * FROM term WHERE moves", keep=False),)
    columns = "".join(f", {one}" for one in how.terminal_columns) + (", batch" if how.terminal_batch else "")
    return (
        Step("digest_term", fill(_DIGEST, key=_TERMINAL_KEY, mask=how.mask, side="term", where="moves AND live = 1",
                                 values=f"amount, currency{columns}")),
        Step("digest_books_t", fill(_DIGEST, key=_TERMINAL_KEY, mask=how.mask, side="books",
                                    where="position = 'effect' AND klass <> 'hold' AND told = 'approved'",
                                    values=f"effect, currency{columns}")),
        Step("bad_t", fill(_UNEQUAL, left="digest_term", right="digest_books_t")),
        Step("term_open", f"SELECT * FROM term WHERE moves AND {_in_bad(how, _TERMINAL_KEY, 'bad_t')}"),  # noqa: S608
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
    sample = "right(rrn, 1) = '7'" if how.sampled else "TRUE"
    return (
        Step("fee_sample", fill(_SAMPLE, sample=sample)),
        Step("rate_votes", _VOTES),
        Step("rate_shortlist", _SHORTLIST),
        Step("rates", fill(_RATES, due=FEE_DUE)),
    )
