"""What just happened at the host, for people: one note per message, in words, without card data.

Rule: a note holds the masked card number at the most. Pure: the edge decides where it is shown.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from storno.money import Money
from storno.reversal.kinds import Kind
from storno.sim.faults import Fault
from storno.sim.heard import What


class Moved(Enum):
    """What a message did to the money."""

    MOVED = "moved"
    BACK = "back"
    STILL = "still"


_WHAT: dict[What, tuple[str, str]] = {
    What.FINANCIAL: ("transaction", "交易"),
    What.BALANCE: ("balance enquiry", "余额查询"),
    What.REVERSAL: ("reversal", "冲正"),
    What.SIGN_IN: ("sign-in", "签到"),
    What.SIGN_OFF: ("sign-off", "签退"),
    What.ECHO: ("echo test", "回响测试"),
    What.NETWORK: ("network management", "网络管理"),
    What.SETTLE: ("settlement", "结算"),
    What.UPLOAD: ("batch upload", "批上送"),
    What.NOTICE: ("notice", "通知"),
    What.ANSWER: ("answer to our own message", "对本机报文的应答"),
    What.UNKNOWN: ("message we do not serve", "不支持的报文"),
}
_EFFECT: dict[Moved, tuple[str, str]] = {
    Moved.MOVED: ("posted", "已入账"),
    Moved.BACK: ("undone", "已冲回"),
    Moved.STILL: ("", ""),
}


class Note(NamedTuple):
    """One message and what came of it."""

    what: What
    mti: str = ""
    kind: Kind | None = None
    tid: str = ""
    stan: str = ""
    amount_minor: int | None = None
    currency: str = "CNY"
    masked: str = ""
    code: str = ""
    effect: Moved = Moved.STILL
    repeat: bool = False
    fault: Fault | None = None
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give it as one JSON-able object."""
        return {
            "what": self.what.value,
            "mti": self.mti,
            "kind": self.kind.value if self.kind is not None else None,
            "tid": self.tid,
            "stan": self.stan,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "card": self.masked,
            "code": self.code,
            "effect": self.effect.value,
            "repeat": self.repeat,
            "fault": str(self.fault) if self.fault is not None else None,
            "problem": self.problem or None,
        }

    def line(self, lang: str) -> str:
        """Say it in one line."""
        at = 1 if lang == "zh" else 0
        name = _WHAT[self.what][at]
        if self.kind is not None:
            own = self.kind.title(lang)
            name = own if self.what is What.FINANCIAL else (f"{own}{name}" if at else f"{name} of a {own}")
        words = [self.mti, name]
        words += [f"{self.tid}/{self.stan}" if self.tid else self.stan]
        if self.amount_minor is not None and self.kind is not None:
            words.append(str(Money(self.amount_minor, self.currency or "CNY")))
        words += [self.masked, f"→ {self.code}" if self.code else "", _EFFECT[self.effect][at]]
        if self.repeat:
            words.append("重复，账不变" if at else "seen before, nothing moves")
        if self.fault is not None:
            words.append(("故障：" if at else "fault: ") + self.fault.kind.title(lang))
        if self.problem:
            words.append(self.problem)
        return "  ".join(word for word in words if word)
