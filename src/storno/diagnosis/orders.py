"""What an operator may order about a transaction, and how to say no.

The life cycle's table decides; on top of it, nobody closes an exception that is not open. Whether there is anything
to settle at all is another question (`unsettled`). Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.diagnosis.words import title
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import takes

if TYPE_CHECKING:
    from storno.reversal.record import Record

ORDERS: dict[Input, str] = {
    Input.RETRY_ORDERED: "retry",
    Input.ADJUSTED_CHARGED: "settle --charged",
    Input.ADJUSTED_UNCHARGED: "settle --not-charged",
    Input.CASE_CLOSED: "close",
}
"""The operator's orders, and what follows `storno cases` to give them."""


OPEN = frozenset({State.UNKNOWN, State.REFUSED, State.EXHAUSTED})
"""States that wait for a person."""


def unsettled(record: Record) -> bool:
    """Say whether a person or Storno still has something to do with it."""
    return record.case is not None or record.state in OPEN or record.state is State.REVERSING


def allowed(record: Record) -> tuple[Input, ...]:
    """List the orders that fit a transaction as it stands."""
    return tuple(order for order in ORDERS if _fits(record, order))


def _fits(record: Record, order: Input) -> bool:
    if order not in ORDERS or not takes(record, order):
        return False
    return order is not Input.CASE_CLOSED or record.case is not None


def command(tx_id: str, order: Input) -> str:
    """Write the command that gives an order."""
    word, _, rest = ORDERS[order].partition(" ")
    note = "" if order is Input.RETRY_ORDERED else ' --note "…"'
    return f"storno cases {word} {tx_id}{' ' if rest else ''}{rest}{note}"


def refusal(record: Record, order: Input, lang: str) -> str:
    """Say why an order does not fit and which ones do; where nothing is open, none is recommended."""
    state = title(record.state, lang)
    asked = ORDERS.get(order, order.value)
    if not unsettled(record):
        if lang == "zh":
            return f"不能执行“{asked}”：交易当前为“{state}”，没有未了结事项"
        return f'"{asked}" does not fit: it is "{state}", and nothing is open on it'
    fitting = "; ".join(command(record.tx_id, one) for one in allowed(record))
    if lang == "zh":
        why = "没有未关闭的差错" if _only_case_missing(record, order) else f"交易当前为“{state}”"
        return f"不能执行“{asked}”：{why}。可执行：{fitting or '无'}"
    why = "no exception is open" if _only_case_missing(record, order) else f'it is "{state}"'
    return f'"{asked}" does not fit: {why}. What fits: {fitting or "nothing"}'


def _only_case_missing(record: Record, order: Input) -> bool:
    return order is Input.CASE_CLOSED and takes(record, order) and record.case is None
