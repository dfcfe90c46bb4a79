"""The life cycle as a table: `TABLE[(State, Input)] -> Step(state, effects, case)`.

Rule 1: everything that decides what happens to a transaction is a row here; time-outs and response codes are
classified before the look-up, so there is no condition in the table. Rule 2: a cell that is not here is a broken
contract and stops the step. Rule 3: money moves only as an effect of a row. The grid in docs/lifecycle.md is generated
from this file.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """Where a transaction stands. "Not sent", "sent, unknown", "declined" and "approved" are four different things."""

    __hash__ = object.__hash__  # identity: a table look-up hashes twice

    AUTHORIZING = "authorizing"
    ADVISING = "advising"
    NOT_SENT = "not_sent"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    VOIDED = "voided"
    COMPLETED = "completed"
    REVERSING = "reversing"
    REVERSED = "reversed"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"


class Input(Enum):
    """What can happen to a transaction; crash recovery and the operator's orders are inputs like any other."""

    __hash__ = object.__hash__  # identity: a table look-up hashes twice

    SEND_FAILED = "send_failed"
    RESPONSE_APPROVED = "response_approved"
    RESPONSE_DECLINED = "response_declined"
    RESPONSE_DOUBTFUL = "response_doubtful"
    RESPONSE_INVALID = "response_invalid"
    RESPONSE_TIMEOUT = "response_timeout"
    DELIVERY_FAILED = "delivery_failed"
    CANCEL_REQUESTED = "cancel_requested"
    HOST_REVERSED = "host_reversed"
    UNDONE = "undone"
    CONSUMED = "consumed"
    RESTORED = "restored"
    REVERSAL_DUE = "reversal_due"
    REVERSAL_ACCEPTED = "reversal_accepted"
    REVERSAL_REFUSED = "reversal_refused"
    REVERSAL_EXHAUSTED = "reversal_exhausted"
    RECOVERED = "recovered"
    RETRY_ORDERED = "retry_ordered"
    ADJUSTED_CHARGED = "adjusted_charged"
    ADJUSTED_UNCHARGED = "adjusted_uncharged"
    CASE_CLOSED = "case_closed"
    LATE_REQUEST = "late_request"
    RESENT = "resent"
    CONTRADICTED = "contradicted"


class Effect(Enum):
    """What a step makes the shell do, after its fact is durable. POST_* move money, in the same commit as the fact."""

    __hash__ = object.__hash__  # identity: a table look-up hashes twice

    POST_EFFECT = "post_effect"
    POST_SUSPENSE = "post_suspense"
    POST_RELEASE = "post_release"
    REPLY_ANSWER = "reply_answer"
    REPLY_UNKNOWN = "reply_unknown"
    REPLY_NOT_SENT = "reply_not_sent"
    REPLY_TOMBSTONE = "reply_tombstone"
    ACK_CANCEL = "ack_cancel"
    QUEUE_REVERSAL = "queue_reversal"
    SEND_REVERSAL = "send_reversal"
    UNCOUNT = "uncount"
    NOTE_LATE = "note_late"
    MARK_ORIGINAL = "mark_original"
    RESTORE_ORIGINAL = "restore_original"
    FORGET_CARD = "forget_card"
    CLOSE_CASE = "close_case"


class Case(Enum):
    """Named exceptions: what stays visible until a person or the clearing file has closed it."""

    EXHAUSTED = "exhausted"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    CONTRADICTION = "contradiction"
    HOST_REVERSED = "host_reversed"
    PAID_AFTER_CLOSE = "paid_after_close"


class Step(NamedTuple):
    """One row: the next state, what to do, and the exception to open, if any."""

    state: State
    effects: tuple[Effect, ...] = ()
    case: Case | None = None


S, I, E = State, Input, Effect  # noqa: E741 one letter keeps the table's columns
_REVERSE = (E.POST_SUSPENSE, E.QUEUE_REVERSAL)
_DONE = (E.POST_RELEASE, E.RESTORE_ORIGINAL, E.FORGET_CARD, E.CLOSE_CASE)

# fmt: off
TABLE: dict[tuple[State, Input], Step] = {
    # a request that may be undone, journalled and on its way
    (S.AUTHORIZING, I.SEND_FAILED):        Step(S.NOT_SENT, (E.REPLY_NOT_SENT, E.FORGET_CARD)),
    (S.AUTHORIZING, I.RESPONSE_APPROVED):  Step(S.APPROVED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.REPLY_ANSWER)),
    (S.AUTHORIZING, I.RESPONSE_DECLINED):  Step(S.DECLINED, (E.REPLY_ANSWER, E.FORGET_CARD)),
    (S.AUTHORIZING, I.RESPONSE_DOUBTFUL):  Step(S.UNKNOWN, (E.POST_SUSPENSE, E.REPLY_ANSWER), Case.DOUBTFUL),
    (S.AUTHORIZING, I.RESPONSE_INVALID):   Step(S.REVERSING, (*_REVERSE, E.REPLY_UNKNOWN)),
    (S.AUTHORIZING, I.RESPONSE_TIMEOUT):   Step(S.REVERSING, (*_REVERSE, E.REPLY_UNKNOWN)),
    (S.AUTHORIZING, I.RECOVERED):          Step(S.REVERSING, (*_REVERSE, E.REPLY_UNKNOWN)),
    (S.AUTHORIZING, I.CANCEL_REQUESTED):   Step(S.REVERSING, (*_REVERSE, E.ACK_CANCEL)),
    (S.AUTHORIZING, I.HOST_REVERSED):      Step(S.REVERSED, (E.REPLY_UNKNOWN, E.FORGET_CARD)),

    # a refund or an advice on its way: never reversed, so silence is a doubt that only evidence ends
    (S.ADVISING, I.SEND_FAILED):           Step(S.NOT_SENT, (E.REPLY_NOT_SENT, E.FORGET_CARD)),
    (S.ADVISING, I.RESPONSE_APPROVED):     Step(S.APPROVED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.REPLY_ANSWER, E.FORGET_CARD, E.CLOSE_CASE)),
    (S.ADVISING, I.RESPONSE_DECLINED):     Step(S.DECLINED, (E.POST_RELEASE, E.REPLY_ANSWER, E.FORGET_CARD, E.CLOSE_CASE)),
    (S.ADVISING, I.RESPONSE_DOUBTFUL):     Step(S.UNKNOWN, (E.POST_SUSPENSE, E.REPLY_ANSWER, E.FORGET_CARD), Case.DOUBTFUL),
    (S.ADVISING, I.RESPONSE_INVALID):      Step(S.UNKNOWN, (E.POST_SUSPENSE, E.REPLY_UNKNOWN, E.FORGET_CARD), Case.DOUBTFUL),
    (S.ADVISING, I.RESPONSE_TIMEOUT):      Step(S.UNKNOWN, (E.POST_SUSPENSE, E.REPLY_UNKNOWN, E.FORGET_CARD), Case.DOUBTFUL),
    (S.ADVISING, I.RECOVERED):             Step(S.UNKNOWN, (E.POST_SUSPENSE, E.REPLY_UNKNOWN, E.FORGET_CARD), Case.DOUBTFUL),

    # nothing left the gateway: an answer is impossible unless somebody else used our identity
    (S.NOT_SENT, I.RESPONSE_APPROVED):     Step(S.REVERSING, (*_REVERSE, E.NOTE_LATE), Case.CONTRADICTION),
    (S.NOT_SENT, I.CONTRADICTED):          Step(S.UNKNOWN, (E.POST_SUSPENSE, E.NOTE_LATE), Case.CONTRADICTION),
    (S.NOT_SENT, I.RESPONSE_DECLINED):     Step(S.NOT_SENT, (E.NOTE_LATE,)),
    (S.NOT_SENT, I.RESPONSE_DOUBTFUL):     Step(S.NOT_SENT, (E.NOTE_LATE,)),
    (S.NOT_SENT, I.RESPONSE_INVALID):      Step(S.NOT_SENT, (E.NOTE_LATE,)),
    (S.NOT_SENT, I.CANCEL_REQUESTED):      Step(S.NOT_SENT, (E.ACK_CANCEL,)),
    (S.NOT_SENT, I.HOST_REVERSED):         Step(S.NOT_SENT),
    (S.NOT_SENT, I.ADJUSTED_CHARGED):      Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.CLOSE_CASE)),

    (S.APPROVED, I.RESPONSE_APPROVED):     Step(S.APPROVED, (E.NOTE_LATE,)),
    (S.APPROVED, I.CONTRADICTED):          Step(S.APPROVED, (E.NOTE_LATE,), Case.CONTRADICTION),
    (S.APPROVED, I.RESPONSE_DECLINED):     Step(S.APPROVED, (E.NOTE_LATE,), Case.CONTRADICTION),
    (S.APPROVED, I.RESPONSE_DOUBTFUL):     Step(S.APPROVED, (E.NOTE_LATE,)),
    (S.APPROVED, I.RESPONSE_INVALID):      Step(S.APPROVED, (E.NOTE_LATE,)),
    (S.APPROVED, I.DELIVERY_FAILED):       Step(S.REVERSING, _REVERSE),
    (S.APPROVED, I.CANCEL_REQUESTED):      Step(S.REVERSING, (*_REVERSE, E.ACK_CANCEL)),
    (S.APPROVED, I.HOST_REVERSED):         Step(S.REVERSED, (E.POST_RELEASE, E.RESTORE_ORIGINAL, E.FORGET_CARD), Case.HOST_REVERSED),
    (S.APPROVED, I.UNDONE):                Step(S.VOIDED, (E.RESTORE_ORIGINAL,)),
    (S.APPROVED, I.CONSUMED):              Step(S.COMPLETED),

    (S.DECLINED, I.RESPONSE_APPROVED):     Step(S.REVERSING, (*_REVERSE, E.NOTE_LATE), Case.CONTRADICTION),
    (S.DECLINED, I.CONTRADICTED):          Step(S.UNKNOWN, (E.POST_SUSPENSE, E.NOTE_LATE), Case.CONTRADICTION),
    (S.DECLINED, I.RESPONSE_DECLINED):     Step(S.DECLINED, (E.NOTE_LATE,)),
    (S.DECLINED, I.RESPONSE_DOUBTFUL):     Step(S.DECLINED, (E.NOTE_LATE,)),
    (S.DECLINED, I.RESPONSE_INVALID):      Step(S.DECLINED, (E.NOTE_LATE,)),
    (S.DECLINED, I.CANCEL_REQUESTED):      Step(S.DECLINED, (E.ACK_CANCEL,)),
    (S.DECLINED, I.HOST_REVERSED):         Step(S.DECLINED),
    (S.DECLINED, I.ADJUSTED_CHARGED):      Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.CLOSE_CASE)),

    # doubt that no message of ours can end: reconciliation or a person does
    (S.UNKNOWN, I.RESPONSE_APPROVED):      Step(S.UNKNOWN, (E.NOTE_LATE,)),
    (S.UNKNOWN, I.RESENT):                 Step(S.ADVISING),
    (S.UNKNOWN, I.RESPONSE_DECLINED):      Step(S.UNKNOWN, (E.NOTE_LATE,)),
    (S.UNKNOWN, I.RESPONSE_DOUBTFUL):      Step(S.UNKNOWN, (E.NOTE_LATE,)),
    (S.UNKNOWN, I.RESPONSE_INVALID):       Step(S.UNKNOWN, (E.NOTE_LATE,)),
    (S.UNKNOWN, I.CANCEL_REQUESTED):       Step(S.REVERSING, (E.QUEUE_REVERSAL, E.ACK_CANCEL)),
    (S.UNKNOWN, I.HOST_REVERSED):          Step(S.REVERSED, _DONE),
    (S.UNKNOWN, I.ADJUSTED_CHARGED):       Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.FORGET_CARD, E.CLOSE_CASE)),
    (S.UNKNOWN, I.ADJUSTED_UNCHARGED):     Step(S.CLOSED, (E.POST_RELEASE, E.FORGET_CARD, E.CLOSE_CASE)),

    # undone by an approved void; the void's own reversal brings it back. A completion that is undone gives its
    # pre-authorisation back, and takes it again when it is brought back itself
    (S.VOIDED, I.RESTORED):                Step(S.APPROVED, (E.MARK_ORIGINAL,)),
    (S.VOIDED, I.RESPONSE_APPROVED):       Step(S.VOIDED, (E.NOTE_LATE,)),
    (S.VOIDED, I.RESPONSE_DECLINED):       Step(S.VOIDED, (E.NOTE_LATE,)),
    (S.VOIDED, I.RESPONSE_DOUBTFUL):       Step(S.VOIDED, (E.NOTE_LATE,)),
    (S.VOIDED, I.RESPONSE_INVALID):        Step(S.VOIDED, (E.NOTE_LATE,)),
    (S.VOIDED, I.DELIVERY_FAILED):         Step(S.VOIDED),
    (S.VOIDED, I.CANCEL_REQUESTED):        Step(S.VOIDED, (E.ACK_CANCEL,), Case.CONTRADICTION),
    (S.VOIDED, I.HOST_REVERSED):           Step(S.VOIDED, (), Case.HOST_REVERSED),
    (S.VOIDED, I.UNDONE):                  Step(S.VOIDED, (), Case.CONTRADICTION),
    (S.VOIDED, I.CONSUMED):                Step(S.VOIDED, (), Case.CONTRADICTION),

    # a pre-authorisation whose completion took the money
    (S.COMPLETED, I.RESTORED):             Step(S.APPROVED),
    (S.COMPLETED, I.RESPONSE_APPROVED):    Step(S.COMPLETED, (E.NOTE_LATE,)),
    (S.COMPLETED, I.RESPONSE_DECLINED):    Step(S.COMPLETED, (E.NOTE_LATE,)),
    (S.COMPLETED, I.RESPONSE_DOUBTFUL):    Step(S.COMPLETED, (E.NOTE_LATE,)),
    (S.COMPLETED, I.RESPONSE_INVALID):     Step(S.COMPLETED, (E.NOTE_LATE,)),
    (S.COMPLETED, I.DELIVERY_FAILED):      Step(S.COMPLETED),
    (S.COMPLETED, I.CANCEL_REQUESTED):     Step(S.COMPLETED, (E.ACK_CANCEL,), Case.CONTRADICTION),
    (S.COMPLETED, I.HOST_REVERSED):        Step(S.COMPLETED, (), Case.HOST_REVERSED),
    (S.COMPLETED, I.UNDONE):               Step(S.COMPLETED, (), Case.CONTRADICTION),
    (S.COMPLETED, I.CONSUMED):             Step(S.COMPLETED, (), Case.CONTRADICTION),

    # the reversal is ours until the host acknowledges it: no late answer wins over it
    (S.REVERSING, I.REVERSAL_DUE):         Step(S.REVERSING, (E.SEND_REVERSAL,)),
    (S.REVERSING, I.SEND_FAILED):          Step(S.REVERSING, (E.UNCOUNT,)),
    (S.REVERSING, I.RESPONSE_APPROVED):    Step(S.REVERSING, (E.NOTE_LATE,)),
    (S.REVERSING, I.RESPONSE_DECLINED):    Step(S.REVERSING, (E.NOTE_LATE,)),
    (S.REVERSING, I.RESPONSE_DOUBTFUL):    Step(S.REVERSING, (E.NOTE_LATE,)),
    (S.REVERSING, I.RESPONSE_INVALID):     Step(S.REVERSING, (E.NOTE_LATE,)),
    (S.REVERSING, I.DELIVERY_FAILED):      Step(S.REVERSING),
    (S.REVERSING, I.CANCEL_REQUESTED):     Step(S.REVERSING, (E.ACK_CANCEL,)),
    (S.REVERSING, I.HOST_REVERSED):        Step(S.REVERSED, _DONE),
    (S.REVERSING, I.REVERSAL_ACCEPTED):    Step(S.REVERSED, _DONE),
    (S.REVERSING, I.REVERSAL_REFUSED):     Step(S.REFUSED, (), Case.REFUSED),
    (S.REVERSING, I.REVERSAL_EXHAUSTED):   Step(S.EXHAUSTED, (), Case.EXHAUSTED),
    (S.REVERSING, I.UNDONE):               Step(S.REVERSING, (), Case.CONTRADICTION),
    (S.REVERSING, I.CONSUMED):             Step(S.REVERSING, (), Case.CONTRADICTION),

    # an approval after the host acknowledged the reversal: it saw the reversal first, so it is asked once more;
    # a host that approves again after every reversal is not asked for ever: a person finds out
    (S.REVERSED, I.RESPONSE_APPROVED):     Step(S.REVERSING, (*_REVERSE, E.NOTE_LATE)),
    (S.REVERSED, I.CONTRADICTED):          Step(S.UNKNOWN, (E.POST_SUSPENSE, E.NOTE_LATE), Case.CONTRADICTION),
    (S.REVERSED, I.RESPONSE_DECLINED):     Step(S.REVERSED, (E.NOTE_LATE,)),
    (S.REVERSED, I.RESPONSE_DOUBTFUL):     Step(S.REVERSED, (E.NOTE_LATE,)),
    (S.REVERSED, I.RESPONSE_INVALID):      Step(S.REVERSED, (E.NOTE_LATE,)),
    (S.REVERSED, I.DELIVERY_FAILED):       Step(S.REVERSED),
    (S.REVERSED, I.CANCEL_REQUESTED):      Step(S.REVERSED, (E.ACK_CANCEL,)),
    (S.REVERSED, I.HOST_REVERSED):         Step(S.REVERSED),
    (S.REVERSED, I.REVERSAL_ACCEPTED):     Step(S.REVERSED),
    (S.REVERSED, I.REVERSAL_REFUSED):      Step(S.REVERSED, (E.NOTE_LATE,), Case.CONTRADICTION),
    (S.REVERSED, I.UNDONE):                Step(S.REVERSED, (), Case.CONTRADICTION),
    (S.REVERSED, I.CONSUMED):              Step(S.REVERSED, (), Case.CONTRADICTION),
    (S.REVERSED, I.ADJUSTED_CHARGED):      Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.CLOSE_CASE)),
    (S.REVERSED, I.ADJUSTED_UNCHARGED):    Step(S.CLOSED, (E.CLOSE_CASE,)),

    # gave up: the money stays in suspense and the exception stays visible until somebody closes it
    (S.REFUSED, I.RESPONSE_APPROVED):      Step(S.REFUSED, (E.NOTE_LATE,)),
    (S.REFUSED, I.RESPONSE_DECLINED):      Step(S.REFUSED, (E.NOTE_LATE,)),
    (S.REFUSED, I.RESPONSE_DOUBTFUL):      Step(S.REFUSED, (E.NOTE_LATE,)),
    (S.REFUSED, I.RESPONSE_INVALID):       Step(S.REFUSED, (E.NOTE_LATE,)),
    (S.REFUSED, I.DELIVERY_FAILED):        Step(S.REFUSED),
    (S.REFUSED, I.CANCEL_REQUESTED):       Step(S.REFUSED, (E.ACK_CANCEL,)),
    (S.REFUSED, I.HOST_REVERSED):          Step(S.REVERSED, _DONE),
    (S.REFUSED, I.REVERSAL_ACCEPTED):      Step(S.REVERSED, _DONE),
    (S.REFUSED, I.REVERSAL_REFUSED):       Step(S.REFUSED),
    (S.REFUSED, I.UNDONE):                 Step(S.REFUSED, (), Case.CONTRADICTION),
    (S.REFUSED, I.CONSUMED):               Step(S.REFUSED, (), Case.CONTRADICTION),
    (S.REFUSED, I.RETRY_ORDERED):          Step(S.REVERSING, (E.QUEUE_REVERSAL,)),
    (S.REFUSED, I.ADJUSTED_CHARGED):       Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.FORGET_CARD, E.CLOSE_CASE)),
    (S.REFUSED, I.ADJUSTED_UNCHARGED):     Step(S.CLOSED, _DONE),

    (S.EXHAUSTED, I.RESPONSE_APPROVED):    Step(S.EXHAUSTED, (E.NOTE_LATE,)),
    (S.EXHAUSTED, I.RESPONSE_DECLINED):    Step(S.EXHAUSTED, (E.NOTE_LATE,)),
    (S.EXHAUSTED, I.RESPONSE_DOUBTFUL):    Step(S.EXHAUSTED, (E.NOTE_LATE,)),
    (S.EXHAUSTED, I.RESPONSE_INVALID):     Step(S.EXHAUSTED, (E.NOTE_LATE,)),
    (S.EXHAUSTED, I.DELIVERY_FAILED):      Step(S.EXHAUSTED),
    (S.EXHAUSTED, I.CANCEL_REQUESTED):     Step(S.EXHAUSTED, (E.ACK_CANCEL,)),
    (S.EXHAUSTED, I.HOST_REVERSED):        Step(S.REVERSED, _DONE),
    (S.EXHAUSTED, I.REVERSAL_ACCEPTED):    Step(S.REVERSED, _DONE),
    (S.EXHAUSTED, I.REVERSAL_REFUSED):     Step(S.EXHAUSTED),
    (S.EXHAUSTED, I.UNDONE):               Step(S.EXHAUSTED, (), Case.CONTRADICTION),
    (S.EXHAUSTED, I.CONSUMED):             Step(S.EXHAUSTED, (), Case.CONTRADICTION),
    (S.EXHAUSTED, I.RETRY_ORDERED):        Step(S.REVERSING, (E.QUEUE_REVERSAL,)),
    (S.EXHAUSTED, I.ADJUSTED_CHARGED):     Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.FORGET_CARD, E.CLOSE_CASE)),
    (S.EXHAUSTED, I.ADJUSTED_UNCHARGED):   Step(S.CLOSED, _DONE),

    # closed by a person or by the clearing file; whatever still comes is kept and shown
    (S.CLOSED, I.RESPONSE_APPROVED):       Step(S.CLOSED, (E.NOTE_LATE,)),
    (S.CLOSED, I.RESPONSE_DECLINED):       Step(S.CLOSED, (E.NOTE_LATE,)),
    (S.CLOSED, I.RESPONSE_DOUBTFUL):       Step(S.CLOSED, (E.NOTE_LATE,)),
    (S.CLOSED, I.RESPONSE_INVALID):        Step(S.CLOSED, (E.NOTE_LATE,)),
    (S.CLOSED, I.DELIVERY_FAILED):         Step(S.CLOSED),
    (S.CLOSED, I.CANCEL_REQUESTED):        Step(S.CLOSED, (E.ACK_CANCEL,)),
    (S.CLOSED, I.HOST_REVERSED):           Step(S.CLOSED, (), Case.PAID_AFTER_CLOSE),
    (S.CLOSED, I.REVERSAL_ACCEPTED):       Step(S.CLOSED, (E.NOTE_LATE,), Case.PAID_AFTER_CLOSE),
    (S.CLOSED, I.REVERSAL_REFUSED):        Step(S.CLOSED, (E.NOTE_LATE,)),
    (S.CLOSED, I.UNDONE):                  Step(S.CLOSED, (), Case.CONTRADICTION),
    (S.CLOSED, I.CONSUMED):                Step(S.CLOSED, (), Case.CONTRADICTION),
    (S.CLOSED, I.RESTORED):                Step(S.CLOSED, (), Case.CONTRADICTION),
    (S.CLOSED, I.ADJUSTED_CHARGED):        Step(S.CLOSED, (E.POST_EFFECT, E.MARK_ORIGINAL, E.CLOSE_CASE)),
    (S.CLOSED, I.ADJUSTED_UNCHARGED):      Step(S.CLOSED, (E.POST_RELEASE, E.RESTORE_ORIGINAL, E.CLOSE_CASE)),

    # a request that arrives after the reversal of it: the tombstone declines it
    (S.REVERSING, I.LATE_REQUEST):         Step(S.REVERSING, (E.REPLY_TOMBSTONE,)),
    (S.REVERSED, I.LATE_REQUEST):          Step(S.REVERSED, (E.REPLY_TOMBSTONE,)),
    (S.REFUSED, I.LATE_REQUEST):           Step(S.REFUSED, (E.REPLY_TOMBSTONE,)),
    (S.EXHAUSTED, I.LATE_REQUEST):         Step(S.EXHAUSTED, (E.REPLY_TOMBSTONE,)),
    (S.CLOSED, I.LATE_REQUEST):            Step(S.CLOSED, (E.REPLY_TOMBSTONE,)),

    # an exception looked at and closed without moving money
    (S.NOT_SENT, I.CASE_CLOSED):           Step(S.NOT_SENT, (E.CLOSE_CASE,)),
    (S.APPROVED, I.CASE_CLOSED):           Step(S.APPROVED, (E.CLOSE_CASE,)),
    (S.DECLINED, I.CASE_CLOSED):           Step(S.DECLINED, (E.CLOSE_CASE,)),
    (S.VOIDED, I.CASE_CLOSED):             Step(S.VOIDED, (E.CLOSE_CASE,)),
    (S.COMPLETED, I.CASE_CLOSED):          Step(S.COMPLETED, (E.CLOSE_CASE,)),
    (S.REVERSING, I.CASE_CLOSED):          Step(S.REVERSING, (E.CLOSE_CASE,)),
    (S.REVERSED, I.CASE_CLOSED):           Step(S.REVERSED, (E.CLOSE_CASE,)),
    (S.CLOSED, I.CASE_CLOSED):             Step(S.CLOSED, (E.CLOSE_CASE,)),
    (S.APPROVED, I.ADJUSTED_UNCHARGED):    Step(S.CLOSED, _DONE),
}
# fmt: on

FIRST_STATES = frozenset({State.AUTHORIZING, State.ADVISING, State.REVERSING})
"""How a record may begin: a request, an advice, or a reversal whose original was never seen (a tombstone)."""

IN_FLIGHT = frozenset({State.AUTHORIZING, State.ADVISING})
UNRESOLVED = frozenset(
    {State.AUTHORIZING, State.ADVISING, State.UNKNOWN, State.REVERSING, State.REFUSED, State.EXHAUSTED}
)
"""States in which the money's place is not settled."""
