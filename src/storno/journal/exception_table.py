"""The life of an exception as a table: `TABLE[(Standing, Move)] -> Standing`.

Evidence may always speak: what a run can report about a row has a cell in it. What people may do has one only where it
makes sense; to them a missing cell is a refusal with a reason. No condition stands in here: whether a difference
changed and whether a resolution needs a second person is decided before the look-up.
"""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """Where an exception stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    PROPOSED = "proposed"
    """Resolved by one person; the loss is large enough that a second one has to confirm."""
    RESOLVED = "resolved"
    """A person has answered for it; the files have not shown the money yet."""
    CLOSED = "closed"
    """The difference is no longer there: a file shows it."""


class Move(Enum):
    """What can happen to an exception."""

    FOUND = "found"
    SEEN_AGAIN = "seen_again"
    """The same difference on other evidence: a corrected file, another pass."""
    CHANGED = "changed"
    """Its kind or its amount is another one now: whatever was decided about the old one lapses."""
    CLOSED_BY_EVIDENCE = "closed_by_evidence"
    REOPENED = "reopened"
    """By a run that finds it again, or by a person."""
    ASSIGNED = "assigned"
    NOTED = "noted"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RESOLVED = "resolved"


EVIDENCE = frozenset({Move.SEEN_AGAIN, Move.CHANGED, Move.CLOSED_BY_EVIDENCE, Move.REOPENED})
"""What a reconciliation run may report about an exception that is known."""
PEOPLE = frozenset({Move.ASSIGNED, Move.NOTED, Move.RESOLVED, Move.CONFIRMED, Move.REJECTED, Move.REOPENED})
"""What people may order; PROPOSED is what RESOLVED becomes when a second person is needed."""

S, M = Standing, Move

# fmt: off
TABLE: dict[tuple[Standing, Move], Standing] = {
    (S.OPEN, M.SEEN_AGAIN):             S.OPEN,
    (S.OPEN, M.CHANGED):                S.OPEN,
    (S.OPEN, M.CLOSED_BY_EVIDENCE):     S.CLOSED,
    (S.OPEN, M.ASSIGNED):               S.ASSIGNED,
    (S.OPEN, M.NOTED):                  S.OPEN,
    (S.OPEN, M.PROPOSED):               S.PROPOSED,
    (S.OPEN, M.RESOLVED):               S.RESOLVED,

    (S.ASSIGNED, M.SEEN_AGAIN):         S.ASSIGNED,
    (S.ASSIGNED, M.CHANGED):            S.ASSIGNED,
    (S.ASSIGNED, M.CLOSED_BY_EVIDENCE): S.CLOSED,
    (S.ASSIGNED, M.ASSIGNED):           S.ASSIGNED,
    (S.ASSIGNED, M.NOTED):              S.ASSIGNED,
    (S.ASSIGNED, M.PROPOSED):           S.PROPOSED,
    (S.ASSIGNED, M.RESOLVED):           S.RESOLVED,

    # waits for the second person; a proposal about another amount is no proposal
    (S.PROPOSED, M.SEEN_AGAIN):         S.PROPOSED,
    (S.PROPOSED, M.CHANGED):            S.OPEN,
    (S.PROPOSED, M.CLOSED_BY_EVIDENCE): S.CLOSED,
    (S.PROPOSED, M.ASSIGNED):           S.PROPOSED,
    (S.PROPOSED, M.NOTED):              S.PROPOSED,
    (S.PROPOSED, M.CONFIRMED):          S.RESOLVED,
    (S.PROPOSED, M.REJECTED):           S.OPEN,

    # still in the files, and a person has answered for it
    (S.RESOLVED, M.SEEN_AGAIN):         S.RESOLVED,
    (S.RESOLVED, M.CHANGED):            S.OPEN,
    (S.RESOLVED, M.CLOSED_BY_EVIDENCE): S.CLOSED,
    (S.RESOLVED, M.REOPENED):           S.OPEN,
    (S.RESOLVED, M.NOTED):              S.RESOLVED,

    (S.CLOSED, M.CHANGED):              S.OPEN,
    (S.CLOSED, M.REOPENED):             S.OPEN,
    (S.CLOSED, M.NOTED):                S.CLOSED,
}
# fmt: on

UNSETTLED = frozenset({Standing.OPEN, Standing.ASSIGNED, Standing.PROPOSED})
"""Somebody still has to act."""


class How(Enum):
    """What a person says became of an exception."""

    REFUND = "refund"
    CREDIT_ADJUSTMENT = "credit_adjustment"
    """贷记调整: the acquirer gives back what it got too much."""
    DEBIT_CLAIM = "debit_claim"
    """请款: the acquirer claims what it got too little."""
    CHARGEBACK = "chargeback"
    ACCEPTED = "accepted"
    BOOKED = "booked"
    DUPLICATE = "duplicate"
    WRONG_FINDING = "wrong_finding"


REFERENCED = frozenset({How.REFUND, How.CREDIT_ADJUSTMENT, How.DEBIT_CLAIM, How.CHARGEBACK, How.BOOKED})
"""Somebody else has to know of it: without its reference nobody can look it up."""
UNCOVERED = frozenset({How.ACCEPTED, How.BOOKED, How.DUPLICATE, How.WRONG_FINDING})
"""No money moves and no third party answers: above a bound the word of one person is not enough."""


def needs_second(how: How, amount_minor: int, limit_minor: int) -> bool:
    """Say whether a second person has to confirm; amounts in minor units, signed or not."""
    return how in UNCOVERED and abs(amount_minor) > limit_minor


TITLES: dict[Enum, tuple[str, str]] = {
    S.OPEN: ("open", "待处理"),
    S.ASSIGNED: ("assigned", "处理中"),
    S.PROPOSED: ("waiting for a second person", "待复核"),
    S.RESOLVED: ("resolved", "已处理"),
    S.CLOSED: ("closed by evidence", "已核销"),
    M.FOUND: ("found", "发现"),
    M.SEEN_AGAIN: ("seen again on other evidence", "再次出现，依据有变"),
    M.CHANGED: ("changed: earlier decisions lapse", "内容变化，原处理失效"),
    M.CLOSED_BY_EVIDENCE: ("closed by evidence", "凭对账文件核销"),
    M.REOPENED: ("reopened", "重新打开"),
    M.ASSIGNED: ("assigned", "分派"),
    M.NOTED: ("noted", "备注"),
    M.PROPOSED: ("proposed, to be confirmed by another person", "提交复核"),
    M.CONFIRMED: ("confirmed", "复核通过"),
    M.REJECTED: ("rejected", "复核退回"),
    M.RESOLVED: ("resolved", "标记处理结果"),
    How.REFUND: ("refunded", "退款"),
    How.CREDIT_ADJUSTMENT: ("credit adjustment", "贷记调整"),
    How.DEBIT_CLAIM: ("claimed", "请款"),
    How.CHARGEBACK: ("chargeback", "退单"),
    How.ACCEPTED: ("accepted as a loss or gain", "认损益"),
    How.BOOKED: ("booked", "补记账"),
    How.DUPLICATE: ("the same as another one", "与其他差异重复"),
    How.WRONG_FINDING: ("not a difference", "误报"),
}
"""What standings, moves and resolutions are called: English, Chinese."""
