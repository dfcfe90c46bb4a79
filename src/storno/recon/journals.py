"""Terminals' days without any line of a journal: nothing can be compared there, so they are named with their money.

Rule: a terminal that reports on other days owes this one: a reason. One that may still report waits like any line, one
that reports in no file takes no part in this side: notes. Nothing of them is a difference.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from storno.money import Money
from storno.recon.finding import Leg
from storno.recon.result import Gap, Reason
from storno.statements.line import Role

if TYPE_CHECKING:
    from storno.recon.engines.base import Engine
    from storno.recon.missing import Span
    from storno.recon.sides import Options

_NAMED = 3
_Row = tuple[str, str, int, int]
"""Terminal, currency, transactions, minor units."""
_WORDS = {
    "owed": ("no journal of {n} terminals", "{n} 台终端无流水"),
    "late": ("no journal yet of {n} terminals", "{n} 台终端流水未到"),
    "all_in": ("no journal of {n} terminals, and none will come", "{n} 台终端无流水（已声明不再补送）"),
    "aside": ("{n} terminals report in no file", "{n} 台终端从未报送流水"),
}


def terminal_days(engine: Engine, options: Options, span: Span) -> tuple[list[Reason], list[Reason]]:
    """Give reasons and notes: one for each day without a journal, one for all terminals that never report."""
    rows = [one for one in engine.rows(
        "SELECT day, tid, currency, rows_, effect, waits FROM absent_t ORDER BY day, tid, currency"
    ) if span.first <= str(one[0]) <= span.last]  # fmt: skip
    if not rows:
        return [], []
    reporting = {str(one[0]) for one in engine.rows(
        "SELECT DISTINCT tid FROM terminal_src WHERE tid IN (SELECT tid FROM absent_t)"
    )}  # fmt: skip
    parted: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for day, tid, currency, count, minor, waits in rows:
        kind = "late" if waits else "owed"
        if tid not in reporting:
            kind = "aside"
        elif day in options.all_in:
            kind = "all_in"
        parted[kind, "" if kind == "aside" else str(day)].append((str(tid), currency, int(count), int(minor)))
    owed: list[Reason] = []
    notes: list[Reason] = []
    for (kind, day), those in sorted(parted.items()):
        (owed if kind == "owed" else notes).append(_said(kind, day, those))
    return owed, notes


def _said(kind: str, day: str, rows: list[_Row]) -> Reason:
    tids = sorted({one[0] for one in rows})
    sums: dict[str, int] = defaultdict(int)
    for _, currency, _, minor in rows:
        sums[currency] += minor
    money = ", ".join(str(Money(minor, currency)) for currency, minor in sorted(sums.items()))
    shown = ", ".join(tids[:_NAMED]) + (" …" if len(tids) > _NAMED else "")
    count = sum(one[2] for one in rows)
    english, chinese = (one.format(n=len(tids)) for one in _WORDS[kind])
    if len(tids) == 1:
        english = english.replace("1 terminals report", "1 terminal reports").replace("terminals", "terminal")
    said = "1 transaction" if count == 1 else f"{count} transactions"
    return Reason(
        "journal",
        f"{day + ': ' if day else ''}{english} ({shown}): {said} of {money} not compared with a terminal",
        f"{day + ' ' if day else ''}{chinese}（{shown}）：{count} 笔共 {money} 未与终端核对",
        (Gap(Leg.TERMINAL, Role.TERMINAL, day, day, tids=frozenset(tids)),),
    )  # fmt: skip
