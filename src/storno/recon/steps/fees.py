"""What fees should be: each merchant's agreed rate, given or learned from its own lines, and the lines that break it.

Rule: a learned rate is one that four fifths of a merchant's lines keep to, the fen rounded. What files have noted of
their lines (`statements.fee_notes`) is taken where it leaves no choice, and is the same as asking the lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.statements.digest import FEE_VOTE, MOVES, fee_due

if TYPE_CHECKING:
    from storno.recon.steps.sides import Shaping

FEE_DUE = fee_due("n.amount", "r.basis_points")
"""The fee of a line `n` at the rate `r`."""

_SAMPLE = "SELECT mid, amount, fee FROM ($lines) AS n WHERE live = 1"
_VOTES = f"""
SELECT mid, {FEE_VOTE} AS basis_points, count(*) AS votes
FROM fee_sample WHERE abs(amount) >= 5000 GROUP BY 1, 2
"""  # noqa: S608 - our own text
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
# One rate that enough lines keep to, and that no other could have as many lines of: of a big one there is only one.
_NOTED = """
SELECT mid, min(basis_points) AS basis_points, CAST(sum(lines_) AS BIGINT) AS learned_from FROM noted GROUP BY mid
HAVING min(basis_points) = max(basis_points) AND sum(lines_) >= 5 AND sum(kept) * 5 >= sum(lines_) * 4
    AND sum(kept) + sum(big) > sum(lines_)
"""
_UNSURE = """
SELECT mid FROM noted WHERE mid NOT IN (SELECT mid FROM noted_rates) GROUP BY mid HAVING sum(lines_) >= 5
"""
_OR_NOTED = """
UNION ALL SELECT mid, basis_points, learned_from FROM noted_rates WHERE mid NOT IN (SELECT mid FROM rates_given)
"""
_ODD = """
SELECT n.key_hash AS b FROM net AS n JOIN rates AS r ON n.mid = r.mid
WHERE n.kind = 'payment' AND n.fee <> $due AND n.row_hash IS NOT NULL
"""
# What files noted as odd is so by their guess; lines of a merchant whose rate is another one are asked.
_OR_ODD_NOTED = """
AND n.mid IN (SELECT g.mid FROM noted AS g JOIN rates AS r ON g.mid = r.mid WHERE g.basis_points <> r.basis_points)
UNION SELECT b FROM noted_odd
"""


def rates(shaping: Shaping, *, number: str = "", noted: bool = False) -> tuple[Step, ...]:
    """Give the steps that find each merchant's agreed rate: `rates`.

    `number`: rates are learned from one line in ten, by the last digit of this column: the data decide that, never
    the effort. `noted`: files say what they know, as the tables `noted` and `noted_odd`.
    """
    among = f"{number} LIKE '%7'" if number else "TRUE"
    first: tuple[Step, ...] = ()
    if noted:
        among = "mid IN (SELECT mid FROM unsure)"
        first = (Step("noted_rates", _NOTED), Step("unsure", _UNSURE))
    asked = f"kind = 'payment' AND {{}} AND {among}"
    return (
        *first,
        Step("fee_sample", fill(
            _SAMPLE, lines=shaping.lines("network", asked.format(MOVES), asked.format("moves")),
        )),
        Step("rate_votes", _VOTES),
        Step("rate_places", _PLACES),
        Step("rate_shortlist", _SHORTLIST),
        Step("rates", fill(_RATES, due=FEE_DUE) + (_OR_NOTED if noted else "")),
    )  # fmt: skip


def odd_fees(*, noted: bool) -> str:
    """Write which lines have another fee than they should, by their keys' stored hashes; some more do no harm."""
    return fill(_ODD, due=FEE_DUE) + (_OR_ODD_NOTED if noted else "")
