"""Write messages: reversals, and the answers a gateway gives on its own account.

A reversal is a copy of its original with the MTI, the reason and the original's data as the profile says; it never
carries a track, a PIN or its security field, and every repeat is the same but for the MTI where the network marks
repeats. Sources: Q/CUP 009.1 practice (unionpay notes, content of the 0400), Q/CUP 006 (F90, F60.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.iso8583 import mti
from storno.iso8583.message import Message
from storno.iso8583.profile import OriginalData
from storno.iso8583.subfields import icc_keep

if TYPE_CHECKING:
    from datetime import datetime

    from storno.iso8583.profile import Profile
    from storno.iso8583.spec import Framing
    from storno.reversal.record import FieldTexts, Record

NEVER_IN_REVERSAL = frozenset({2, 14, 26, 35, 36, 45, 48, 52, 53, 62, 63, 64, 128})
"""F2 is added apart from its sealed copy; the rest must not be kept or sent."""
_ECHOED = (3, 4, 7, 11, 25, 32, 33, 41, 42, 49, 60, 90)
_NETWORK_HEADER_DIGITS = 92
_ACQUIRER_DIGITS = 11
_F90_NEEDS = (7, 11, 32, 33)


def kept_fields(msg: Message, profile: Profile) -> FieldTexts:
    """Select what of a request is kept in clear for its reversal: the profile's list, chip data cut to its tags."""
    fields = msg.fields
    wanted = profile.reversal_copies
    if profile.original_data is OriginalData.F90:
        # Of an original that never came by here, F90 of its reversal is all there is.
        named = (90,) if msg.mti[1] == "4" else ()
        wanted = tuple(sorted({*wanted, *_F90_NEEDS, *named}))
    kept = [
        (number, fields[number]) for number in wanted if number in fields and number not in NEVER_IN_REVERSAL
    ]
    if 55 in fields:
        tags = icc_keep(fields[55], profile.reversal_icc_tags)
        if tags:
            kept.append((55, tags))
    return tuple(kept)


def reversal(record: Record, pan: str, profile: Profile, *, repeat: bool, now: datetime) -> Message:
    """Build the reversal of a record; `pan` is empty when no copy is kept. MAC and head are the sender's to add.

    `now` is when the undoing began: it is the same in every repeat. F38 is the request's own, else the answer's.
    """
    fields = dict(record.opening.fields)
    fields.pop(39, None)
    if pan and (profile.pan_on_magstripe_reversal or fields.get(22, "")[:2] != "02"):
        fields[2] = pan
    if record.auth_code and record.auth_code.strip("0"):
        fields.setdefault(38, record.auth_code)
    if profile.reason_field == 39:
        fields[39] = record.reason
    elif profile.reason_field == 60:
        fields[60] = record.reason + fields.get(60, "")[4:]
    if profile.original_data is OriginalData.OWN:
        fields[61] = record.key.batch + record.key.stan + record.opening.date[4:]
    elif profile.original_data is OriginalData.F90:
        if not (record.opening.tombstone and 90 in fields):
            fields[90] = original_f90(record)
        fields[7] = f"{now:%m%d%H%M%S}"
    kind = profile.reversal_mti
    return Message(mti.repeat(kind) if repeat and profile.repeat_marked else kind, fields)


def original_f90(record: Record) -> str:
    """Give the 42 digits that name the original on a network: MTI, STAN, F7, acquirer, forwarder."""
    fields = dict(record.opening.fields)
    first = "0100" if record.kind.value.startswith("preauth") else "0200"
    acquirer = fields.get(32, "").rjust(_ACQUIRER_DIGITS, "0")
    forwarder = fields.get(33, "").rjust(_ACQUIRER_DIGITS, "0")
    return first + record.key.stan.rjust(6, "0") + fields.get(7, "").rjust(10, "0") + acquirer + forwarder


def own_answer(request: Message, code: str, now: datetime, extra: FieldTexts = ()) -> Message:
    """Answer a request in the host's place: its identity, our time, and a response code."""
    fields = {number: request.fields[number] for number in _ECHOED if number in request.fields}
    fields[12] = f"{now.hour:02d}{now.minute:02d}{now.second:02d}"  # a fifth of what strftime takes
    fields[13] = f"{now.month:02d}{now.day:02d}"
    fields[39] = code
    fields.update(extra)
    return Message(mti.response(request.mti), fields, swap_tpdu(request.tpdu), swap_header(request.header))


def swap_tpdu(tpdu: str) -> str:
    """Turn a TPDU round for the way back: `60` + destination + source."""
    return tpdu[:2] + tpdu[6:10] + tpdu[2:6] if len(tpdu) == 10 else tpdu


def swap_header(header: str) -> str:
    """Turn a 46-byte network header round (bytes 6-16 and 17-27 are its stations); a terminal's header stays."""
    if len(header) != _NETWORK_HEADER_DIGITS:
        return header
    return header[:12] + header[34:56] + header[12:34] + header[56:]


def header_sized(frame: bytes, framing: Framing) -> bytes:
    """Set the total length that a network header carries in bytes 2-5 as ASCII digits; other frames stay."""
    if framing.header_mark is None or frame[0] != framing.header_mark:
        return frame
    return frame[:2] + f"{len(frame):04d}".encode("ascii") + frame[6:]
