"""The faults a host can have, each placed relative to the money effect, and how one is chosen.

Rule: a fault says two things, whether the money moves and what the peer sees. Chosen in this order: handed in by the
caller, the script, the magic amounts, the probabilities. No chance of its own: a `random.Random` is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from storno.iso8583.cipher import BilingualError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

LATE_MS = 3_000
DRIP_MS = 20
HOST_REVERSAL_MS = 500


class FaultKind(Enum):
    """What goes wrong. BEFORE the effect: no money moves. AFTER: the books have it."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    REQUEST_LOST = "request_lost"
    RESET_BEFORE_EFFECT = "reset_before_effect"
    RESTART_BEFORE_EFFECT = "restart_before_effect"
    DECLINE = "decline"
    DOUBTFUL = "doubtful"
    DOUBTFUL_POSTED = "doubtful_posted"
    PARTIAL_APPROVAL = "partial_approval"
    ANSWER_LOST = "answer_lost"
    LATE = "late"
    DUPLICATE_ANSWER = "duplicate_answer"
    WRONG_STAN = "wrong_stan"
    WRONG_AMOUNT = "wrong_amount"
    BAD_MAC = "bad_mac"
    PARTIAL_FRAME = "partial_frame"
    RESET_AFTER_APPROVAL = "reset_after_approval"
    RESTART_WITH_MEMORY = "restart_with_memory"
    RESTART_WITHOUT_MEMORY = "restart_without_memory"
    SLOW_DRIP = "slow_drip"
    HOST_REVERSAL = "host_reversal"
    REVERSAL_LOST = "reversal_lost"
    REVERSAL_REFUSED = "reversal_refused"
    REVERSAL_ANSWER_LOST = "reversal_answer_lost"

    @property
    def of_reversal(self) -> bool:
        """Say whether it only makes sense on a reversal."""
        return self in _OF_REVERSAL

    @property
    def takes_code(self) -> bool:
        """Say whether its parameter is a response code (otherwise milliseconds, fen or nothing)."""
        return self in _CODES

    def title(self, lang: str) -> str:
        """Describe the fault in words."""
        english, chinese = _TITLES[self]
        return chinese if lang == "zh" else english


_OF_REVERSAL = frozenset(
    {FaultKind.REVERSAL_LOST, FaultKind.REVERSAL_REFUSED, FaultKind.REVERSAL_ANSWER_LOST}
)
_CODES = {
    FaultKind.DECLINE: "05",
    FaultKind.DOUBTFUL: "96",
    FaultKind.DOUBTFUL_POSTED: "98",
    FaultKind.REVERSAL_REFUSED: "96",
}
_VALUES = {
    FaultKind.LATE: LATE_MS,
    FaultKind.SLOW_DRIP: DRIP_MS,
    FaultKind.HOST_REVERSAL: HOST_REVERSAL_MS,
    FaultKind.PARTIAL_APPROVAL: 0,
}
_TITLES: dict[FaultKind, tuple[str, str]] = {
    FaultKind.REQUEST_LOST: ("request lost: no effect, no answer", "请求丢失：未入账，无应答"),
    FaultKind.RESET_BEFORE_EFFECT: ("connection reset before the effect", "入账前连接被重置：未入账"),
    FaultKind.RESTART_BEFORE_EFFECT: ("host restarts before the effect", "入账前主机重启：未入账"),
    FaultKind.DECLINE: ("declined: no effect", "拒绝：未入账"),
    FaultKind.DOUBTFUL: ("doubtful code, no effect", "可疑应答码：未入账"),
    FaultKind.DOUBTFUL_POSTED: ("doubtful code over a posted effect", "可疑应答码：实际已入账"),
    FaultKind.PARTIAL_APPROVAL: ("only part of the amount approved (10)", "部分批准（10）：只入账较小金额"),
    FaultKind.ANSWER_LOST: ("posted, answer lost", "已入账，应答丢失"),
    FaultKind.LATE: ("posted, answer late", "已入账，应答迟到"),
    FaultKind.DUPLICATE_ANSWER: ("posted, answer sent twice", "已入账，应答发送两次"),
    FaultKind.WRONG_STAN: ("posted, answer carries another STAN", "已入账，应答流水号错误"),
    FaultKind.WRONG_AMOUNT: ("posted, answer carries another amount", "已入账，应答金额错误"),
    FaultKind.BAD_MAC: ("posted, answer has a bad MAC", "已入账，应答 MAC 错误"),
    FaultKind.PARTIAL_FRAME: ("posted, answer breaks off", "已入账，应答只发出一部分即断开"),
    FaultKind.RESET_AFTER_APPROVAL: ("posted, then connection reset", "已入账，随后连接被重置"),
    FaultKind.RESTART_WITH_MEMORY: (
        "posted, then host restarts with its books",
        "已入账，随后主机重启，账目保留",
    ),
    FaultKind.RESTART_WITHOUT_MEMORY: ("host restarts and loses its books", "主机重启且账目全部丢失"),
    FaultKind.SLOW_DRIP: ("posted, answer drips byte by byte", "已入账，应答逐字节缓慢发出"),
    FaultKind.HOST_REVERSAL: ("approved, later undone by the host", "已批准，随后主机主动冲正"),
    FaultKind.REVERSAL_LOST: ("reversal lost: nothing undone, no answer", "冲正请求丢失：未冲正，无应答"),
    FaultKind.REVERSAL_REFUSED: ("reversal refused: nothing undone", "冲正被拒：未冲正"),
    FaultKind.REVERSAL_ANSWER_LOST: ("reversed, answer lost", "已冲正，应答丢失"),
}


class Target(Enum):
    """Which messages a fault is drawn for."""

    REQUEST = "request"
    """0100, 0200, 0220 of any kind."""
    REVERSAL = "reversal"
    """0400, 0420 and their repeats."""
    NETWORK = "network"
    """Sign-in, echo, settlement, upload: everything without a money effect."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault with its parameter: `value` is milliseconds (late, drip, host_reversal) or fen (partial_approval)."""

    kind: FaultKind
    value: int = 0
    code: str = ""

    def __str__(self) -> str:
        parameter = self.code or (str(self.value) if self.value else "")
        return self.kind.value + (f":{parameter}" if parameter else "")


class FaultError(BilingualError, ValueError):
    """A fault description that cannot be understood: what, where, what is allowed."""


def fault_of(text: str) -> Fault:
    """Read `kind` or `kind:parameter`, for example `late:3000` or `decline:51`.

    Raises:
        FaultError: unknown kind or a parameter that does not fit it.

    """
    name, _, parameter = text.strip().partition(":")
    try:
        kind = FaultKind(name.strip().lower())
    except ValueError:
        known = ", ".join(one.value for one in FaultKind)
        raise FaultError(
            f"fault {name!r} is not known; known: {known}", f"没有故障 {name!r}；可用：{known}"
        ) from None
    if kind.takes_code:
        code = parameter.strip().upper() or _CODES[kind]
        if len(code) != 2 or not code.isalnum() or not code.isascii():
            raise FaultError(
                f"fault {name}: {parameter!r} is no response code (two letters or digits)",
                f"故障 {name}：{parameter!r} 不是应答码（应为两位字母或数字）",
            )
        return Fault(kind, code=code)
    if kind not in _VALUES:
        if parameter:
            raise FaultError(
                f"fault {name} takes no parameter, found {parameter!r}",
                f"故障 {name} 不带参数，实际为 {parameter!r}",
            )
        return Fault(kind)
    if parameter and not (parameter.isascii() and parameter.isdigit() and len(parameter) <= 9):
        raise FaultError(
            f"fault {name}: {parameter!r} is not a number", f"故障 {name}：{parameter!r} 不是数字"
        )
    return Fault(kind, value=int(parameter) if parameter else _VALUES[kind])


@dataclass(frozen=True, slots=True)
class Chance:
    """A fault and how often it comes, for one target."""

    probability: float
    fault: Fault
    target: Target


def chances_of(text: str) -> tuple[Chance, ...]:
    """Read a profile: `answer_lost=0.05,late=0.02:3000,reversal.late=0.1:500`.

    A prefix `reversal.` or `network.` chooses the target; without one it is requests, or reversals for the reversal_*
    faults. Probabilities for one target must not add up to more than 1.

    Raises:
        FaultError: an entry that cannot be read.

    """
    chances: list[Chance] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, rest = part.partition("=")
        share, _, parameter = rest.partition(":")
        try:
            probability = float(share)
        except ValueError:
            probability = -1.0
        if not equals or not 0.0 <= probability <= 1.0:
            raise FaultError(
                f"fault {part!r}: write NAME=PROBABILITY[:PARAMETER], the probability from 0 to 1",
                f"故障 {part!r}：请写成 名称=概率[:参数]，概率为 0 到 1",
            )
        head, dot, tail = name.strip().partition(".")
        fault = fault_of((tail if dot else head) + (f":{parameter}" if parameter else ""))
        chances.append(Chance(probability, fault, _target(head if dot else "", fault)))
    for target in Target:
        if sum(one.probability for one in chances if one.target is target) > 1.0 + 1e-9:
            raise FaultError(
                f"the probabilities for {target.value} add up to more than 1",
                f"{target.value} 的概率之和大于 1",
            )
    return tuple(chances)


def _target(name: str, fault: Fault) -> Target:
    if fault.kind.of_reversal:
        if name not in ("", Target.REVERSAL.value):
            raise FaultError(
                f"fault {fault.kind.value} is for reversals, not for {name}",
                f"故障 {fault.kind.value} 只用于冲正，不能用于 {name}",
            )
        return Target.REVERSAL
    if not name:
        return Target.REQUEST
    try:
        return Target(name)
    except ValueError:
        known = ", ".join(one.value for one in Target)
        raise FaultError(
            f"{name!r} is no target of faults; known: {known}", f"{name!r} 不是故障对象；可用：{known}"
        ) from None


class Incoming(NamedTuple):
    """What is known of a message when its fault is chosen."""

    target: Target
    tid: str = ""
    mid: str = ""
    stan: str = ""
    mti: str = ""
    kind: str = ""
    """Value of its Kind; empty for network messages."""
    amount_minor: int | None = None
    seen: int = 1
    """How many times a message of this MTI class and identity arrived, this one included."""


def draw(chances: Iterable[Chance], target: Target, rng: Random) -> Fault | None:
    """Draw at most one fault for a message; one number is drawn per message, whatever the profile."""
    point = rng.random()
    for chance in chances:
        if chance.target is target:
            share = chance.probability
            if point < share:
                return chance.fault
            point -= share
    return None
