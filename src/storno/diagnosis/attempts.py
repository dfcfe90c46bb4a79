"""Attempts that belong together: the second try after a failure is linked to it, and a double charge ruled in or out.

Linked are attempts with the same card token at the same terminal (or shop), of nearly the same amount, within minutes.
What the shop is told to look for (an invalid status, an odd code, a small amount, a second try) is named. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from storno.diagnosis import codes
from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import Money
from storno.diagnosis.signals import mistyped

WITHIN_MS = 30 * 60_000
NEAR_PERCENT = 5
SMALL_MINOR = 100
"""One yuan: amounts up to it are tests as a rule, not purchases."""
_COMMON = frozenset({"", "00", "51", "55"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to pay, and where its money is."""

    tx_id: str
    at_ms: int
    tid: str
    mid: str
    card: str
    """Token of the card; empty where it is not known."""
    amount_minor: int
    money: Money
    proven: bool
    response: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Another attempt that belongs to this one."""

    other: Attempt
    after_ms: int
    """Negative: it came before."""
    same_terminal: bool
    same_amount: bool
    slip: bool
    """The amounts differ as by a slip of the finger."""


class Double(Enum):
    """Whether the cardholder paid twice."""

    NO_SECOND = "no_second"
    """There is no other attempt."""
    RULED_OUT = "ruled_out"
    POSSIBLE = "possible"
    """One counts, and of another it is not known."""
    CHARGED_TWICE = "charged_twice"


_DOUBLE = {
    Double.NO_SECOND: Text(
        "No other attempt with this card and amount is on record here.", "没有同卡同金额的其他交易记录。"
    ),
    Double.RULED_OUT: Text(
        "Not charged twice: of all attempts that belong together, at most one counts.",
        "未重复扣款：相关各笔中至多一笔有效。",
    ),
    Double.POSSIBLE: Text(
        "A double charge is possible: more than one attempt may count. It is decided when the open one is settled.",
        "可能重复扣款：有不止一笔可能有效，待未了结的一笔查清后确定。",
    ),
    Double.CHARGED_TWICE: Text(
        "Charged twice: more than one attempt counts. Void or refund all but one, if it was one purchase.",
        "已重复扣款：有不止一笔有效。如为同一笔消费，请只保留一笔，其余撤销或退货。",
    ),
}


@dataclass(frozen=True, slots=True)
class DoubleCharge:
    """The answer, with the attempts it rests on."""

    verdict: Double
    words: Text
    counted: tuple[str, ...]
    """Ids of attempts that count."""
    doubtful: tuple[str, ...]
    proven: bool
    """True: clearing proves every attempt it rests on."""


def links(me: Attempt, others: Sequence[Attempt]) -> tuple[Link, ...]:
    """Find the attempts that belong to this one, nearest in time first."""
    found = []
    for one in others:
        apart = one.at_ms - me.at_ms
        if one.tx_id == me.tx_id or not me.card or one.card != me.card or abs(apart) > WITHIN_MS:
            continue
        if one.tid != me.tid and one.mid != me.mid:
            continue
        same, slip = one.amount_minor == me.amount_minor, mistyped(me.amount_minor, one.amount_minor)
        near = abs(one.amount_minor - me.amount_minor) * 100 <= NEAR_PERCENT * max(
            one.amount_minor, me.amount_minor
        )
        if same or slip or near:
            found.append(Link(one, apart, one.tid == me.tid, same, slip))
    return tuple(sorted(found, key=lambda one: abs(one.after_ms)))


def double_charge(me: Attempt, linked: Sequence[Link]) -> DoubleCharge:
    """Rule a double charge in or out."""
    every = (me, *(one.other for one in linked))
    counted = tuple(one.tx_id for one in every if one.money in (Money.TAKEN, Money.TAKEN_TWICE))
    doubtful = tuple(one.tx_id for one in every if one.money is Money.UNKNOWN)
    twice = any(one.money is Money.TAKEN_TWICE for one in every)
    if twice or len(counted) > 1:
        verdict = Double.CHARGED_TWICE
    elif len(counted) + len(doubtful) > 1:
        verdict = Double.POSSIBLE
    else:
        verdict = Double.RULED_OUT if linked else Double.NO_SECOND
    return DoubleCharge(verdict, _DOUBLE[verdict], counted, doubtful, all(one.proven for one in every))


class Pattern(Enum):
    """What people are told to look for."""

    INVALID_STATUS = "invalid_status"
    ODD_CODE = "odd_code"
    SMALL_AMOUNT = "small_amount"
    SECOND_ATTEMPT = "second_attempt"
    SECOND_OF_A_FAILURE = "second_of_a_failure"

    def say(self, lang: str) -> str:
        """Explain it."""
        return _PATTERNS[self].say(lang)


_PATTERNS = {
    Pattern.INVALID_STATUS: Text(
        'the slip or list says "invalid" or "unsuccessful": that tells what the terminal knows, not where the money is',
        "签购单或清单显示“无效/未成功”：这只说明终端所知，不说明资金去向",
    ),
    Pattern.ODD_CODE: Text(
        "the code is an unusual one: it names the side that failed, see `storno codes`",
        "应答码少见：可用 `storno codes` 查出是哪一方的问题",
    ),
    Pattern.SMALL_AMOUNT: Text(
        "the amount is very small: usually a test of the terminal or the card, not a purchase",
        "金额很小：通常是试机或试卡，并非消费",
    ),
    Pattern.SECOND_ATTEMPT: Text(
        "a second attempt with the same card followed: it belongs to this one",
        "随后有同一张卡的再次交易：与本笔相关",
    ),
    Pattern.SECOND_OF_A_FAILURE: Text(
        "this is the second attempt after one that failed: read both together",
        "本笔是前一笔失败后的再次交易：请一并查看",
    ),
}


def patterns(me: Attempt, linked: Sequence[Link]) -> tuple[Pattern, ...]:
    """Name what stands out to a person who looks at the list of transactions."""
    found = []
    if me.failed:
        found.append(Pattern.INVALID_STATUS)
    answer = codes.response(me.response)
    good = answer is not None and answer.outcome is codes.Outcome.APPROVED
    if me.response not in _COMMON and not good:
        found.append(Pattern.ODD_CODE)
    if 0 < me.amount_minor <= SMALL_MINOR:
        found.append(Pattern.SMALL_AMOUNT)
    if me.failed and any(one.after_ms > 0 for one in linked):
        found.append(Pattern.SECOND_ATTEMPT)
    if any(one.after_ms < 0 and one.other.failed for one in linked):
        found.append(Pattern.SECOND_OF_A_FAILURE)
    return tuple(found)
