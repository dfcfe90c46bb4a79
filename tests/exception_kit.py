"""Findings for tests: made by hand, recorded as a run does it."""

from storno.journal.exception_fact import About
from storno.journal.exception_order import Act, Gone, Seen
from storno.journal.exception_table import How, Move
from storno.recon.finding import Finding, Leg, Sureness, finding_id

DAY_MS = 86_400_000
NOW_MS = 1_795_420_800_000  # 2026-11-23 12:00 in Shanghai, a Monday
RUN = "run-1"


def finding(number=1, **members) -> Finding:
    key = members.pop("key", f"00000001/898440153110001/000001/{number:06d}/20261120")
    leg = members.pop("leg", Leg.NETWORK)
    given = {
        "rule": "settled_not_booked", "amount_minor": 12_345, "currency": "CNY", "sure": Sureness.CERTAIN,
        "settled_on": "20261121", "date": "20261120", "mid": "898440153110001", "tid": "00000001",
        "rrn": f"6000000{number:05d}", "lines": (f"00000000000000aa:{number}",), "matched_by": "exact",
    }  # fmt: skip
    given |= members
    return Finding(finding_id(leg, key, given["currency"]), leg=leg, key=key, **given)


def about(number=1, **members) -> About:
    given = {
        "rule": "settled_not_booked", "leg": "network", "key": f"k{number}", "amount_minor": 12_345,
        "currency": "CNY", "sure": "certain", "lines": (f"f:{number}",),
    }  # fmt: skip
    return About(**(given | members))


def an_id(number=1) -> str:
    return f"{number:016x}"


def seen(number=1, at_ms=NOW_MS, run=RUN, **members) -> Seen:
    return Seen(an_id(number), about(number, **members), run, at_ms)


def gone(number=1, at_ms=NOW_MS + 5, run="run-2", lines=("f:9",)) -> Gone:
    return Gone(an_id(number), lines, run, at_ms)


def act(move, number=1, operator="li", **members) -> Act:
    given = {
        "note": "looked at",
        "owner": "wang",
        "how": How.ACCEPTED,
        "limit_minor": 100_000,
        "at_ms": NOW_MS + 7,
    }
    return Act(an_id(number), move, operator, **(given | members))


def propose(number=1, **members) -> Act:
    return act(Move.RESOLVED, number, **({"limit_minor": 0} | members))
