"""What a terminal can be asked to do, as a table: MTI, processing code, conditions, and whether silence is reversed.

Source: the transaction table of the UnionPay POS field document (2002 edition) with its column 是否引发冲正.
Pure data: imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Operation(Enum):
    """One order of the cashier or of the terminal itself."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    SIGN_IN = "sign-in"
    SIGN_OFF = "sign-off"
    ECHO = "echo"
    BALANCE = "balance"
    SALE = "sale"
    VOID = "void"
    REFUND = "refund"
    PREAUTH = "preauth"
    PREAUTH_VOID = "preauth-void"
    COMPLETION = "completion"
    COMPLETION_VOID = "completion-void"
    SETTLE = "settle"
    BATCH_UPLOAD = "batch-upload"
    DRAIN = "drain"

    def title(self, lang: str) -> str:
        """Name the operation in words."""
        english, chinese = _TITLES[self]
        return chinese if lang == "zh" else english

    @property
    def moves_money(self) -> bool:
        """Say whether an approval changes somebody's balance or hold."""
        return self in _MOVERS


class Side(Enum):
    """On which side of the settlement totals an approval counts."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    DEBIT = "debit"
    CREDIT = "credit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operation stands on the wire.

    `kind_digits` is 60.1, `management` is 60.3; `undoes` is the operation whose approval this one takes back.
    """

    mti: str
    processing: str | None
    condition: str | None
    kind_digits: str
    management: str = "000"
    reversible: bool = False
    mac: bool = True
    side: Side = Side.NONE
    undoes: Operation | None = None
    pin: bool = True


RULES: dict[Operation, Rule] = {
    Operation.BALANCE: Rule("0200", "310000", "00", "01"),
    Operation.PREAUTH: Rule("0100", "030000", "06", "10", reversible=True),
    Operation.PREAUTH_VOID: Rule("0100", "200000", "06", "11", reversible=True, undoes=Operation.PREAUTH),
    Operation.COMPLETION: Rule("0200", "000000", "06", "20", reversible=True, side=Side.DEBIT),
    Operation.COMPLETION_VOID: Rule(
        "0200", "200000", "06", "21", reversible=True, side=Side.CREDIT, undoes=Operation.COMPLETION
    ),
    Operation.SALE: Rule("0200", "000000", "00", "22", reversible=True, side=Side.DEBIT),
    Operation.VOID: Rule(
        "0200", "200000", "00", "23", reversible=True, side=Side.CREDIT, undoes=Operation.SALE
    ),
    Operation.REFUND: Rule("0220", "200000", "00", "25", side=Side.CREDIT, pin=False),
    Operation.SETTLE: Rule("0500", None, None, "00", "201", mac=False),
    Operation.BATCH_UPLOAD: Rule("0320", None, None, "00", "201", mac=False),
    Operation.SIGN_IN: Rule("0800", None, None, "00", "003", mac=False),
    Operation.SIGN_OFF: Rule("0820", None, None, "00", "002", mac=False),
    Operation.ECHO: Rule("0820", None, None, "00", "301", mac=False),
}

_MOVERS = frozenset(one for one, rule in RULES.items() if rule.kind_digits not in ("00", "01"))

_TITLES: dict[Operation, tuple[str, str]] = {
    Operation.SIGN_IN: ("sign-in", "签到"),
    Operation.SIGN_OFF: ("sign-off", "签退"),
    Operation.ECHO: ("echo test", "回响测试"),
    Operation.BALANCE: ("balance enquiry", "余额查询"),
    Operation.SALE: ("sale", "消费"),
    Operation.VOID: ("void", "消费撤销"),
    Operation.REFUND: ("refund", "退货"),
    Operation.PREAUTH: ("pre-authorisation", "预授权"),
    Operation.PREAUTH_VOID: ("pre-authorisation void", "预授权撤销"),
    Operation.COMPLETION: ("pre-authorisation completion", "预授权完成"),
    Operation.COMPLETION_VOID: ("completion void", "预授权完成撤销"),
    Operation.SETTLE: ("settlement", "结算"),
    Operation.BATCH_UPLOAD: ("batch upload", "批上送"),
    Operation.DRAIN: ("reversal of the pending transaction", "冲正待处理交易"),
}
