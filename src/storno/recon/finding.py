"""A finding: one difference between what our books, terminals and the outside say of the same money.

Rule: its id comes from what it is about (leg, key, currency), never from its kind or the order of rows: it keeps its
history when its kind changes, and the same files give the same ids. Pure data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum


class Leg(Enum):
    """Which two sides differ."""

    TERMINAL = "terminal"
    """Terminal journal against our books."""
    NETWORK = "network"
    """Our books against the clearing of a network or wallet."""
    BANK = "bank"
    """What was cleared against what the bank paid."""
    BOOKS = "books"
    """Our books by themselves: what is stuck or contradicts itself."""


LEGS = {
    Leg.TERMINAL: ("terminals", "终端"), Leg.NETWORK: ("clearing", "清算"), Leg.BANK: ("bank", "银行"),
    Leg.BOOKS: ("books", "账目"),
}  # fmt: skip
"""What a leg is called, in English and Chinese."""


class Sureness(Enum):
    """How sure a finding is."""

    CERTAIN = "certain"
    """Exact keys on both sides."""
    LIKELY = "likely"
    """Matched by a tolerant pass, unique on both sides; or judged by what was learned, not given."""
    POSSIBLE = "possible"
    """More than one explanation; a hint for a person."""


class Whose(Enum):
    """Who has to act first."""

    SHOP = "shop"
    ACQUIRER = "acquirer"
    NETWORK = "network"
    ISSUER = "issuer"
    BANK = "bank"
    OPERATIONS = "operations"


SURENESS = {
    Sureness.CERTAIN: ("certain: by exact keys, without tolerance", "确定：按关键字精确判定，未用容差"),
    Sureness.LIKELY: ("likely: matched with tolerance, unique on both sides", "很可能：容差匹配，两侧唯一"),
    Sureness.POSSIBLE: (
        "possible: there is more than one explanation, a person must judge",
        "可能：存在多种解释，须人工判断",
    ),
}
WHOSE = {
    Whose.SHOP: ("the shop", "商户"),
    Whose.ACQUIRER: ("the acquirer", "收单机构"),
    Whose.NETWORK: ("the network", "转接网络"),
    Whose.ISSUER: ("the issuer", "发卡行"),
    Whose.BANK: ("the bank", "银行"),
    Whose.OPERATIONS: ("operations", "运营人员"),
}
"""In words: English, Chinese."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `amount_minor` is signed from the books' holder: positive 长款 (too much came), negative 短款."""

    finding_id: str
    rule: str
    leg: Leg
    key: str
    """What it is about, for people and machines: `tid/mid/batch/stan/date`, an RRN, or `deposit/mid/day`."""
    amount_minor: int
    currency: str
    sure: Sureness
    settled_on: str = ""
    """Day of the outside line, or the day one was due; YYYYMMDD."""
    date: str = ""
    """Business day of the transaction in our books; YYYYMMDD."""
    mid: str = ""
    tid: str = ""
    rrn: str = ""
    tx_id: str = ""
    """Transaction in our journal, where we have one."""
    lines: tuple[str, ...] = ()
    """The outside lines it rests on: `file id:line number`."""
    matched_by: str = ""
    """Name of the pass that brought the sides together."""
    expected_minor: int | None = None
    found_minor: int | None = None


def finding_id(leg: Leg, key: str, currency: str) -> str:
    """Give the stable id of the difference about this key: 16 hex digits."""
    return hashlib.sha256(f"{leg.value}\n{key}\n{currency}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a finding, each in English and Chinese."""

    what: tuple[str, str]
    """What happened and how we know."""
    next_step: tuple[str, str]
    """What to do now, by whom."""
    not_do: tuple[str, str]
    """What must not be done."""


@dataclass(frozen=True, slots=True)
class Weak:
    """What makes a rule's finding likely at most, although its lines were matched by exact keys."""

    when: str
    """SQL predicate over the columns of a matched pair."""
    hint: str
    """Stands behind the pass in `Finding.matched_by`, in brackets."""
    how_sure: tuple[str, str]
    words: Words


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding in words; one module of `rules/` declares one as `RULE`, with example and counter-example."""

    name: str
    leg: Leg
    order: int
    """Rules are tried in this order on each pair; the first that holds names the finding."""
    when: str
    """SQL predicate over the columns of a matched pair (see `recon.pair`), in the dialect all engines share."""
    money: str
    """SQL expression: signed minor units at stake."""
    whose: Whose
    days: int
    """Working days within which somebody must have acted."""
    title: tuple[str, str]
    """What it is called: English, Chinese."""
    what: tuple[str, str]
    """What happened and how we know."""
    next_step: tuple[str, str]
    """What to do now, by whom."""
    not_do: tuple[str, str]
    """What must not be done."""
    over: Words | None = None
    """What is said instead where the money is over nought (长款); None: the same."""
    weak: Weak | None = None

    def weakened(self, matched_by: str) -> Weak | None:
        """Give what makes a finding likely at most, as the end of its `matched_by` says."""
        return self.weak if self.weak and matched_by.endswith(f" ({self.weak.hint})") else None

    def words(self, amount_minor: int, matched_by: str) -> Words:
        """Give what is said of a finding of so much money."""
        if weak := self.weakened(matched_by):
            return weak.words
        if self.over and amount_minor > 0:
            return self.over
        return Words(self.what, self.next_step, self.not_do)

    def how_sure(self, sure: Sureness, matched_by: str) -> tuple[str, str]:
        """Say how sure a finding is."""
        weak = self.weakened(matched_by)
        return weak.how_sure if weak else SURENESS[sure]


RULE_NAMES = (
    "approved_not_settled", "settled_but_reversed", "settled_not_booked", "booked_not_settled", "reversed_twice",
    "reversal_unanswered", "reversal_refused", "reversal_exhausted", "void_of_reversed", "amount_mismatch",
    "fee_mismatch", "partial_settled_in_full", "duplicate_settlement", "wrong_merchant", "wrong_terminal",
    "date_shift", "refund_without_sale", "deposit_short", "deposit_over", "terminal_not_booked",
    "booked_not_on_terminal", "terminal_says_otherwise",
)  # fmt: skip
"""Every rule there is; a test holds the folder to this list.

approved_not_settled: the terminal was told "approved" and no line came within the holding days.
booked_not_settled: our books hold the money but the terminal was not told so (in doubt, told otherwise, no record).
settled_not_booked: a line for which there is no transaction (长款). terminal_*: terminal journal against books.
"""
