"""The filter: which rows may disagree at all, found without holding the sides.

Rule: both sides are cut into buckets by the hash of their key, and the re-mixed hashes of a bucket's rows are summed,
one side taken away from the other. Rows of a bucket that comes to 0 agree and are left alone; all others go on. The
filter decides nothing: without it the same findings come out. XOR would be no digest: two equal changes cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.plan import Step, fill
from storno.recon.steps import by_hashes, by_texts
from storno.recon.steps.buckets import (
    NEITHER,
    TERMINAL_KEY,
    Asked,
    Filter,
    is_bad,
    near_books_n,
    near_books_t,
)
from storno.statements.digest import MOVES, key_hash

if TYPE_CHECKING:
    from storno.recon.steps.sides import Shaping

_HOLDS = "kind <> 'preauth' AND kind <> 'preauth_void'"
# Refused and unsent ones take part only where a line has their key.
_BOOKS = f"SELECT * FROM books_near_$s WHERE position = 'effect' OR {NEITHER} OR $asked"  # noqa: S608 - our own text
_ASKED = {
    "n": "rrn IN (SELECT rrn FROM lines_n WHERE rrn <> '')",
    "t": "(tid, stan, day) IN (SELECT tid, stan, day FROM lines_t)",
}


def choose(shaping: Shaping, network: Filter, terminal: Filter | None, *, fees: bool) -> tuple[Step, ...]:
    """Give the steps that choose the rows that go on: `net_open`, `term_open` and `books_near_<s>`.

    `terminal` None: there is no terminal leg.
    """
    if not network.buckets_log2:
        steps, asked = [], Asked()
    elif network.hashed:
        steps = list(by_hashes.steps(shaping, network, terminal, fees=fees))
        asked = by_hashes.asked(terminal)
    else:
        steps = list(by_texts.steps(network, terminal, fees=fees))
        asked = by_texts.asked(network, terminal)
    lines = shaping.lines("network", f"{MOVES} AND {asked.network}", f"moves AND {asked.shaped_network}")
    steps.append(Step("net_open", lines, keep=False))
    if terminal:
        lines = shaping.lines(
            "terminal", f"{MOVES} AND {asked.terminal}", f"moves AND {asked.shaped_terminal}"
        )
        steps.append(Step("term_open", lines, keep=False))
    picked = shaping.books(f"{_HOLDS} AND {asked.books}")
    unhashed = f"SELECT * EXCLUDE (row_hash_n, row_hash_t) FROM ({picked}) AS b"  # noqa: S608 - our own text
    steps.append(Step("books_open", unhashed, keep=bool(network.buckets_log2)))
    steps += (
        Step(f"books_near_{s}", f"SELECT * FROM books_open WHERE {near}", keep=False)  # noqa: S608 - our own text
        for s, near in _near(network, terminal).items()
    )
    return tuple(steps)


def _near(network: Filter, terminal: Filter | None) -> dict[str, str]:
    """Write which of our chosen transactions belong to each leg."""
    legs = ("n", "t") if terminal else ("n",)
    if not network.buckets_log2:
        return dict.fromkeys(legs, "TRUE")
    if network.hashed:
        found = {"n": near_books_n("key_hash_n", "key_hash_n >= 0", is_bad("n")),
                 "t": near_books_t("key_hash_t", is_bad("t"))}  # fmt: skip
    else:
        found = {"n": near_books_n(key_hash("rrn"), "rrn <> ''", is_bad("n")),
                 "t": near_books_t(key_hash(TERMINAL_KEY), is_bad("t"))}  # fmt: skip
    return {s: found[s] for s in legs}


def books_open(s: str) -> Step:
    """Give the step that narrows the chosen books to a leg; it asks the leg's lines."""
    return Step(f"books_open_{s}", fill(_BOOKS, s=s, asked=_ASKED[s]), keep=False)
