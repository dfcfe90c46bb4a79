"""Differences planted into a day end: some lines bent, one of each kind, so that reconciliation has something to find.

Rule: only transactions that all three books agree on are bent, each once; what was done is written down before anything
is compared. Which ones is drawn from the seed. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from storno.sim.clearing_files import Cleared, Payout

Key = tuple[str, str, str]
"""TID, STAN, clearing day."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted difference: its rule, what it is on, and by how much the outside differs."""

    rule: str
    tid: str
    mid: str
    stan: str
    rrn: str
    day: str
    delta_minor: int


def key_of(line: Cleared) -> Key:
    """Give what names a line's transaction."""
    return line.tid, line.stan, line.day


def bend(
    lines: Sequence[Cleared], sound: frozenset[Key], undone: frozenset[Key], seed: int
) -> tuple[list[Cleared], list[Planted]]:
    """Bend some lines: `sound` are sales everybody agrees stand, `undone` sales everybody agrees were reversed."""
    chance = Random(f"day end/{seed}")
    good = [
        line for line in lines if key_of(line) in sound and line.mti == "0200" and line.amount_minor > 1_000
    ]
    back = [line for line in lines if key_of(line) in undone and line.mti == "0420"]
    chance.shuffle(good)
    chance.shuffle(back)
    out, planted = list(lines), []
    tids = sorted({line.tid for line in lines})

    def note(rule: str, line: Cleared, delta: int) -> None:
        planted.append(Planted(rule, line.tid, line.mid, line.stan, line.rrn, line.day, delta))

    if back:
        out.remove(back[0])
        note("settled_but_reversed", back[0], -back[0].amount_minor)
    if good:
        lost = good.pop()
        out.remove(lost)
        note("approved_not_settled", lost, -lost.amount_minor)
    if good:
        twice = good.pop()
        out.insert(out.index(twice) + 1, twice)
        note("duplicate_settlement", twice, twice.amount_minor)
    if good:
        wrong = good.pop()
        more = wrong.amount_minor + chance.randint(1, 99)
        out[out.index(wrong)] = replace(wrong, amount_minor=more, requested_minor=more)
        note("amount_mismatch", wrong, more - wrong.amount_minor)
    if good:
        dear = good.pop()
        out[out.index(dear)] = replace(dear, fee_minor=dear.fee_minor - chance.randint(20, 90))
        note("fee_mismatch", dear, 0)
    if good and len(tids) > 1:
        moved = good.pop()
        other = chance.choice([tid for tid in tids if tid != moved.tid])
        out[out.index(moved)] = replace(moved, tid=other)
        note("wrong_terminal", moved, 0)
    if good:
        alien = replace(
            good.pop(), stan="990001", rrn="990001990001", auth_code="990001", card="620000******0000"
        )
        out.append(alien)
        note("settled_not_booked", alien, alien.amount_minor)
    chance.shuffle(out)
    return out, planted


def underpay(paid: Sequence[Payout], seed: int) -> tuple[list[Payout], list[Planted]]:
    """Let the bank pay one of the deposits too small."""
    chance = Random(f"bank/{seed}")
    out = list(paid)
    large = [at for at, one in enumerate(out) if one.amount_minor > 10_000]
    if not large:
        return out, []
    at = chance.choice(large)
    by = chance.randint(100, 5_000)
    one = out[at]
    out[at] = replace(one, amount_minor=one.amount_minor - by)
    return out, [Planted("deposit_short", "", one.mid, "", "", one.day, -by)]
