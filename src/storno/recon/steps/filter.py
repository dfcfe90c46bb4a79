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
_UNEQUAL = """
SELECT coalesce(x.b, y.b) AS b FROM $left AS x FULL JOIN $right AS y ON x.b = y.b
WHERE coalesce(x.c, 0) <> coalesce(y.c, 0) OR coalesce(x.d, 0) <> coalesce(y.d, 0)
"""
_ODD_FEES = """
SELECT DISTINCT CAST(hash(n.rrn) & $mask AS BIGINT) AS b FROM net AS n JOIN rates AS r ON n.mid = r.mid
WHERE n.kind = 'payment' AND n.moves AND n.rrn <> '' AND n.fee <> $due
"""
_ODD_VOIDS = """
SELECT DISTINCT CAST(hash(v.rrn) & $mask AS BIGINT) AS b FROM
    (SELECT rrn, original FROM books WHERE klass = 'void' AND position = 'effect' AND rrn <> '' AND original <> '') AS v
    JOIN (SELECT tx_id FROM books WHERE state = 'reversed') AS o ON v.original = o.tx_id
"""

FEE_DUE = (
    "CASE WHEN n.amount > 0 THEN -((n.amount * r.basis_points + 5000) // 10000) "
    "ELSE (-n.amount * r.basis_points + 5000) // 10000 END"
)

_IN_BAD = "CAST(hash($key) & $mask AS BIGINT) IN (SELECT b FROM $bad)"


def network_filter(how: Filter, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps that choose the rows of our books and of the network that go on."""
    if not how.buckets_log2:
        return (
            Step("net_open", "SELECT * FROM net WHERE moves", keep=False),
            Step("books_open_n", fill(_BOOKS_OPEN, also="TRUE"), keep=False),
        )
    columns = "".join(f", {one}" for one in how.network_columns)
    bad = fill(_IN_BAD, key="rrn", mask=how.mask, bad="bad_n")
    unequal = ["SELECT b FROM unequal_n", "SELECT b FROM odd_voids"] + (
        ["SELECT b FROM odd_fees"] if fees else []
    )
    return (
        Step("digest_net", fill(_DIGEST, key="rrn", mask=how.mask, side="net", where="moves AND rrn <> ''",
                                values=f"amount, currency, day, live{columns}")),
        Step("digest_books_n", fill(_DIGEST, key="rrn", mask=how.mask, side="books",
                                    where="position = 'effect' AND klass <> 'hold' AND rrn <> ''",
                                    values=f"effect, currency, day, 1{columns}")),
        Step("unequal_n", fill(_UNEQUAL, left="digest_net", right="digest_books_n")),
        Step("odd_voids", fill(_ODD_VOIDS, mask=how.mask)),
        *([Step("odd_fees", fill(_ODD_FEES, mask=how.mask, due=FEE_DUE))] if fees else []),
        Step("bad_n", " UNION ".join(unequal)),
        Step("net_open", f"SELECT * FROM net WHERE moves AND (rrn = '' OR {bad})"),  # noqa: S608 - our own text
        Step("books_open_n", fill(_BOOKS_OPEN, also=f"(rrn = '' OR {bad})")),
    )  # fmt: skip


_BOOKS_OPEN = f"""
SELECT * FROM books WHERE klass <> 'hold' AND (
    (position = 'effect' AND $also) OR position = 'suspense' OR (position = 'none' AND state IN {_SPECIAL})
    OR (position = 'none' AND rrn <> '' AND rrn IN (SELECT rrn FROM net_open WHERE rrn <> ''))
)
"""  # noqa: S608 - our own text


def terminal_filter(how: Filter) -> tuple[Step, ...]:
    """Give the steps that choose the rows of our books and of the terminals' journals that go on."""
    if not how.buckets_log2:
        return (
            Step("term_open", "SELECT * FROM term WHERE moves", keep=False),
            Step("books_open_t", "SELECT * FROM books WHERE klass <> 'hold'", keep=False),
        )
    key = "tid, stan, day"
    columns = "".join(f", {one}" for one in how.terminal_columns) + (", batch" if how.terminal_batch else "")
    bad = fill(_IN_BAD, key=key, mask=how.mask, bad="bad_t")
    return (
        Step("digest_term", fill(_DIGEST, key=key, mask=how.mask, side="term", where="moves AND live = 1",
                                 values=f"amount, currency{columns}")),
        Step("digest_books_t", fill(_DIGEST, key=key, mask=how.mask, side="books",
                                    where="position = 'effect' AND klass <> 'hold' AND told = 'approved'",
                                    values=f"effect, currency{columns}")),
        Step("bad_t", fill(_UNEQUAL, left="digest_term", right="digest_books_t")),
        Step("term_open", f"SELECT * FROM term WHERE moves AND {bad}"),  # noqa: S608 - our own text
        Step("books_open_t", f"SELECT * FROM books WHERE klass <> 'hold' AND {bad}"),  # noqa: S608
    )  # fmt: skip


_VOTES = """
SELECT mid, (abs(fee) * 20000 + abs(amount)) // (2 * abs(amount)) AS basis_points, count(*) AS votes
FROM net WHERE kind = 'payment' AND moves AND live = 1 AND abs(amount) >= 5000 AND $sample GROUP BY 1, 2
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
        FROM net AS n JOIN rate_shortlist AS r ON n.mid = r.mid
        WHERE n.kind = 'payment' AND n.moves AND n.live = 1 AND $sample GROUP BY 1, 2
    ) AS k
) AS p WHERE place = 1 AND all_ >= 5 AND kept * 5 >= all_ * 4
    AND mid NOT IN (SELECT mid FROM rates_given)
UNION ALL SELECT mid, basis_points FROM rates_given
"""


def rates(how: Filter) -> tuple[Step, ...]:
    """Give the steps that find each merchant's agreed rate: the given one, else that of four fifths of its lines."""
    sample = "right(rrn, 1) = '7'" if how.sampled else "TRUE"
    return (
        Step("rate_votes", fill(_VOTES, sample=sample)),
        Step("rate_shortlist", _SHORTLIST),
        Step("rates", fill(_RATES, due=FEE_DUE, sample=sample)),
    )
