"""The reversal record: made from the request before it leaves, turned into the 0400 when its time comes.

Rule: what a reversal never carries (PIN, tracks, most chip data) is not even kept; F11 and the batch stay the
original's; the MAC is made at sending time with the current MAK; repeats are unchanged. Pure.
Source: Q/CUP 009.1 as seen in terminal code (copy of the original, F39 reason, F55 cut to five tags).
"""

from __future__ import annotations

from storno.iso8583 import mti
from storno.iso8583.message import Message
from storno.iso8583.profile import OriginalData, Reason
from storno.iso8583.subfields import icc_keep
from storno.terminal.card import mask
from storno.terminal.operation import Operation
from storno.terminal.setup import Setup
from storno.terminal.state import Pending

_COPIES = (3, 4, 7, 11, 12, 13, 22, 23, 25, 32, 33, 38, 41, 42, 49, 60, 61)
_NEVER = frozenset({26, 35, 36, 37, 45, 52, 53})
_SWIPED = "02"
_ORIGINAL_TIME = 7


def record(setup: Setup, operation: Operation, request: Message, now_ms: int) -> Pending:
    """Make the record of a request that is about to leave; its reason is preliminary."""
    fields = request.fields
    copies = setup.profile.reversal_copies or _COPIES
    kept = {n: fields[n] for n in (*copies, _ORIGINAL_TIME) if n in fields and n not in _NEVER}
    if 2 in fields and (
        setup.profile.pan_on_magstripe_reversal or not fields.get(22, "").startswith(_SWIPED)
    ):
        kept[2] = fields[2]
    if 55 in fields and setup.profile.reversal_icc_tags:
        chip = icc_keep(fields[55], setup.profile.reversal_icc_tags)
        if chip:
            kept[55] = chip
    return Pending(
        operation=operation,
        mti=request.mti,
        fields=tuple(sorted(kept.items())),
        reason=Reason.OTHER,
        batch=fields[60][2:8],
        stan=fields[11],
        amount_minor=int(fields.get(4, "0")),
        card=mask(fields[2]) if 2 in fields else "",
        at_ms=now_ms,
    )


def message(setup: Setup, pending: Pending) -> Message:
    """Build the reversal; `pending.attempts` counts this sending, so a marked repeat begins at 2."""
    profile = setup.profile
    fields = dict(pending.fields)
    if profile.reason_field is not None:
        fields[profile.reason_field] = profile.reason_code(pending.reason)
    if profile.original_data is OriginalData.OWN:
        fields[61] = f"{pending.batch}{pending.stan}{setup.local(pending.at_ms):%m%d}"
    elif profile.original_data is OriginalData.F90:
        moment = fields.get(_ORIGINAL_TIME, "0" * 10)
        institutions = "".join(fields.get(n, "").rjust(11, "0") for n in (32, 33))
        fields[90] = f"{pending.mti}{pending.stan}{moment}{institutions}"
    kind = profile.reversal_mti
    if profile.repeat_marked and pending.attempts > 1:
        kind = mti.repeat(kind)
    framing = setup.dialect.framing
    return Message(
        kind,
        dict(sorted(fields.items())),
        tpdu=setup.tpdu if framing.tpdu_bytes else "",
        header=setup.header if framing.header_bytes and framing.header_mark is None else "",
    )


def same_day(setup: Setup, pending: Pending, now_ms: int) -> bool:
    """Say whether the original belongs to the terminal's current day."""
    return setup.local(pending.at_ms).date() == setup.local(now_ms).date()
