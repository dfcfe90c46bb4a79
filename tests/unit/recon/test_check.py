"""An independent checker: plain dictionaries over small random days must name the same differences."""

import random

import pytest

from recon_kit import found, proved, run
from storno.recon.rules._example import line, sale, undone
from storno.recon.sides import Effort

pytestmark = pytest.mark.unit


def world(seed):
    """Give random sides with whole keys: what happens to each sale is drawn once."""
    draw = random.Random(seed)
    books, network, terminal = [], [], []
    for number in range(1, 161):
        amount = draw.choice((1_000, 2_500, 2_500, 9_999))
        spot = draw.choice(
            ("fine",) * 12
            + (
                "reversed",
                "unsettled",
                "unbooked",
                "twice",
                "amount",
                "stuck",
                "undone",
                "merchant",
                "unseen",
            )
        )
        on_terminal = {"batch": "000001", "mark": "none"}
        match spot:
            case "reversed":
                books.append(undone(number, amount))
                network += [line(number, amount), line(number, -amount, kind="reversal")]
                on_terminal["mark"] = "reversed"
            case "stuck":
                books.append(undone(number, amount, state="exhausted", position="suspense"))
                on_terminal["mark"] = "unknown"
            case "undone":
                books.append(undone(number, amount))
                network.append(line(number, amount))
                on_terminal["mark"] = "reversed"
            case "unbooked":
                network.append(line(number, amount))
                on_terminal = None
            case _:
                books.append(sale(number, amount))
                count = {"unsettled": 0, "twice": 2}.get(spot, 1)
                mid = "000000000000007" if spot == "merchant" else "000000000000001"
                network += [line(number, amount + 5 * (spot == "amount"), mid=mid)] * count
                on_terminal = None if spot == "unseen" else on_terminal
        if on_terminal is not None:
            terminal.append(line(number, amount, **on_terminal))
    return books, network, terminal


def checked(books, network, terminal):
    """Name the differences with dictionaries: no join, no hash bucket, no SQL."""
    by_rrn, by_stan, here = {}, {}, []
    for row in network:
        by_rrn.setdefault(row["rrn"], []).append(row)
        by_stan.setdefault((row["tid"], row["stan"]), []).append(row)
    shown = {(row["tid"], row["stan"]): row for row in terminal}
    used = set()
    for one in books:
        lines = by_rrn.get(one["rrn"]) if one["rrn"] else by_stan.get((one["tid"], one["stan"]))
        lines = lines or []
        used.update(row["rrn"] for row in lines)
        total = sum(row["amount_minor"] for row in lines)
        booked = one["amount_minor"] if one["position"] == "effect" else 0
        if one["state"] == "exhausted":
            here.append(("reversal_exhausted", total or one["amount_minor"]))
        elif one["state"] == "reversed":
            here += [("settled_but_reversed", total)] if total else []
        elif not lines:
            here.append(("approved_not_settled", -booked))
        elif len(lines) > 1:
            here.append(("duplicate_settlement", total - booked))
        elif lines[0]["mid"] != one["mid"]:
            here.append(("wrong_merchant", total))
        elif total != booked:
            here.append(("amount_mismatch", total - booked))
        if booked and (one["tid"], one["stan"]) not in shown:
            here.append(("booked_not_on_terminal", booked))
    here += [
        ("settled_not_booked", sum(row["amount_minor"] for row in rows))
        for rrn, rows in by_rrn.items()
        if rrn not in used
    ]
    return sorted(here)


@pytest.mark.parametrize("seed", range(2))
def test_dictionaries_find_the_same(seed):
    books, network, terminal = world(seed)
    expected = checked(books, network, terminal)
    for digest, stored in ((False, False), (True, False), (True, True)):
        effort = Effort(digest=digest, buckets_log2=12)
        result = run(effort=effort, stored=stored, books=books, network=network, terminal=terminal)
        assert found(result) == expected
        assert proved(result)
    assert len({rule for rule, _ in expected}) >= 6
