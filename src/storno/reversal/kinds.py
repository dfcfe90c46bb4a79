"""Kinds of transaction: what the money does, and whether it may be reversed.

Source of "does it cause a reversal": the transaction table of the UnionPay POS field document (2002 edition, column
是否引发冲正). A refund and every 0220 advice is never reversed.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What a transaction is for."""

    __hash__ = object.__hash__  # identity: hashed several times a step

    SALE = "sale"
    VOID = "void"
    PREAUTH = "preauth"
    PREAUTH_VOID = "preauth_void"
    COMPLETION = "completion"
    COMPLETION_VOID = "completion_void"
    REFUND = "refund"
    COMPLETION_ADVICE = "completion_advice"

    @property
    def reversible(self) -> bool:
        """Say whether an unknown outcome of this kind is undone by a reversal."""
        return self not in _NEVER_REVERSED

    @property
    def undoes(self) -> bool:
        """Say whether this kind undoes an earlier transaction in full when it is approved."""
        return self in _UNDOES

    @property
    def completes(self) -> bool:
        """Say whether this kind turns a pre-authorisation into a charge."""
        return self in (Kind.COMPLETION, Kind.COMPLETION_ADVICE)

    def title(self, lang: str) -> str:
        """Name the kind in words."""
        english, chinese = _TITLES[self]
        return chinese if lang == "zh" else english


_NEVER_REVERSED = frozenset({Kind.REFUND, Kind.COMPLETION_ADVICE})
_UNDOES = frozenset({Kind.VOID, Kind.PREAUTH_VOID, Kind.COMPLETION_VOID})
_TITLES: dict[Kind, tuple[str, str]] = {
    Kind.SALE: ("sale", "消费"),
    Kind.VOID: ("void", "消费撤销"),
    Kind.PREAUTH: ("pre-authorisation", "预授权"),
    Kind.PREAUTH_VOID: ("pre-authorisation void", "预授权撤销"),
    Kind.COMPLETION: ("pre-authorisation completion", "预授权完成"),
    Kind.COMPLETION_VOID: ("completion void", "预授权完成撤销"),
    Kind.REFUND: ("refund", "退货"),
    Kind.COMPLETION_ADVICE: ("completion advice", "预授权完成通知"),
}
