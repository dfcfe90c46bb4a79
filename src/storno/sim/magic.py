"""Magic amounts: the last four digits of the amount in fen choose a fault, as in acquirers' test systems.

Rule: one table, printed in the documentation and by `storno host --magic-table`. The amount of a reversal or a void is
that of its original, so the third and fourth last digits say which of them is meant. Pure data.
"""

from __future__ import annotations

from storno.sim.faults import Fault, FaultKind, Incoming, Target

NUMBERED: tuple[tuple[int, Fault], ...] = (
    (1, Fault(FaultKind.REQUEST_LOST)),
    (2, Fault(FaultKind.ANSWER_LOST)),
    (3, Fault(FaultKind.LATE, 3_000)),
    (4, Fault(FaultKind.LATE, 90_000)),
    (5, Fault(FaultKind.DUPLICATE_ANSWER)),
    (6, Fault(FaultKind.WRONG_STAN)),
    (7, Fault(FaultKind.BAD_MAC)),
    (8, Fault(FaultKind.PARTIAL_FRAME)),
    (9, Fault(FaultKind.RESET_AFTER_APPROVAL)),
    (10, Fault(FaultKind.RESET_BEFORE_EFFECT)),
    (11, Fault(FaultKind.RESTART_WITH_MEMORY)),
    (12, Fault(FaultKind.RESTART_WITHOUT_MEMORY)),
    (13, Fault(FaultKind.RESTART_BEFORE_EFFECT)),
    (14, Fault(FaultKind.SLOW_DRIP, 20)),
    (15, Fault(FaultKind.WRONG_AMOUNT)),
    (16, Fault(FaultKind.PARTIAL_APPROVAL)),
    (17, Fault(FaultKind.HOST_REVERSAL, 500)),
)
"""xx9100 + number on a request, xx9200 + number on a void, xx9300 + number on the first sending of a reversal."""

_BY_NUMBER = dict(NUMBERED)
_ONLY_REQUESTS = frozenset({FaultKind.PARTIAL_APPROVAL, FaultKind.HOST_REVERSAL})
_DOUBTFUL = frozenset({68, 91, 92, 94, 96, 98})
_DECLINES = frozenset(
    {
        1,
        3,
        4,
        5,
        12,
        13,
        14,
        15,
        22,
        25,
        30,
        34,
        38,
        40,
        41,
        43,
        45,
        51,
        54,
        55,
        57,
        58,
        59,
        61,
        62,
        64,
        65,
        75,
        77,
        90,
    }
)
_VOIDS = frozenset({"void", "preauth_void", "completion_void"})

GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        "91nn",
        "fault nn of the list below, on a sale or any request that is not a void",
        "消费等请求（撤销除外）的故障 nn",
    ),
    ("92nn", "fault nn, on a void", "撤销类请求的故障 nn"),
    (
        "93nn",
        "answer lost; then fault nn on the first sending of the reversal",
        "应答丢失，且冲正首次发送遇故障 nn（重发即恢复）",
    ),
    (
        "94cc",
        "answer lost; then every reversal is refused with code cc",
        "应答丢失，且冲正始终以应答码 cc 拒绝",
    ),
    ("95cc", "declined with code cc", "以应答码 cc 拒绝"),
    ("96cc", "doubtful code cc (68 91 92 94 96 98), nothing posted", "可疑应答码 cc，未入账"),
    ("97cc", "doubtful code cc, posted all the same", "可疑应答码 cc，实际已入账"),
)


def magic_fault(incoming: Incoming) -> Fault | None:
    """Give the fault the amount asks for, or None."""
    if incoming.amount_minor is None or incoming.target is Target.NETWORK:
        return None
    group, number = divmod(incoming.amount_minor % 10_000, 100)
    if incoming.target is Target.REVERSAL:
        return _on_reversal(group, number, incoming.seen)
    if group == (92 if incoming.kind in _VOIDS else 91):
        fault = _BY_NUMBER.get(number)
        return None if fault is None or (group == 92 and fault.kind in _ONLY_REQUESTS) else fault
    if incoming.kind in _VOIDS:
        return None
    if group in (93, 94) and number:
        return Fault(FaultKind.ANSWER_LOST)
    if group == 95 and number in _DECLINES:
        return Fault(FaultKind.DECLINE, code=f"{number:02d}")
    if group in (96, 97) and number in _DOUBTFUL:
        kind = FaultKind.DOUBTFUL if group == 96 else FaultKind.DOUBTFUL_POSTED
        return Fault(kind, code=f"{number:02d}")
    return None


def _on_reversal(group: int, number: int, seen: int) -> Fault | None:
    if group == 94 and number:
        return Fault(FaultKind.REVERSAL_REFUSED, code=f"{number:02d}")
    fault = _BY_NUMBER.get(number) if group == 93 and seen == 1 else None
    return None if fault is None or fault.kind in _ONLY_REQUESTS else fault
