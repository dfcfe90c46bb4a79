"""The kinds, marks and roles of lines in words, English and Chinese, for whoever shows them.

In mappings and in JSON they keep their English names; those are keys. Pure.
"""

from __future__ import annotations

from storno.statements.line import LineKind, Mark, Role

KINDS = {
    LineKind.PAYMENT: ("payment", "支付"),
    LineKind.REFUND: ("refund", "退款"),
    LineKind.VOID: ("void", "撤销"),
    LineKind.REVERSAL: ("reversal", "冲正"),
    LineKind.PREAUTH: ("pre-authorisation", "预授权"),
    LineKind.DEPOSIT: ("deposit", "入账"),
    LineKind.FEE: ("fee", "手续费"),
    LineKind.CHARGEBACK: ("chargeback", "退单"),
    LineKind.ADJUSTMENT: ("adjustment", "调整"),
    LineKind.OTHER: ("other", "其他"),
}
"""What a line is for."""
MARKS = {
    Mark.NONE: ("", ""),
    Mark.REVERSED: ("reversed", "已冲正"),
    Mark.VOIDED: ("voided", "已撤销"),
    Mark.DECLINED: ("declined", "已拒绝"),
    Mark.UNKNOWN: ("unknown", "结果未知"),
}
"""What became of its transaction."""
ROLES = {
    Role.TERMINAL: ("terminal", "终端流水"),
    Role.NETWORK: ("network", "网络清单"),
    Role.BANK: ("bank", "银行账户"),
}
"""Whose witness a file is."""
