"""The host's answers and its own reversals, field by field.

Rule: an answer repeats what identifies the request and adds what a host decides; it never carries track, PIN or the
request's MAC. The same ruling gives the same answer again, times included. Pure: time arrives as an argument.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from storno.iso8583 import mti
from storno.iso8583.errors import SubfieldError
from storno.iso8583.message import Message
from storno.iso8583.profile import Profile, Reason
from storno.iso8583.subfields import (
    Balance,
    OriginalElements,
    SettlementTotals,
    SideTotals,
    icc_keep,
)
from storno.money import currency_digits
from storno.reversal.kinds import Kind

if TYPE_CHECKING:
    from storno.sim.entry import Account, BatchTotals, Entry
    from storno.sim.heard import Heard

LOCAL = timedelta(hours=8)
ACQUIRER = "00010000"
INSTITUTIONS = "01020000   00010000   "
POS_COPIES = (2, 3, 4, 11, 14, 23, 25, 32, 41, 42, 49, 53, 60, 61)
NETWORK_COPIES = (2, 3, 4, 7, 11, 12, 13, 18, 19, 23, 25, 32, 33, 41, 42, 43, 49, 53, 60, 70, 90, 100, 121)
HOST_TPDU = "6000000000"
HOST_HEADER = "603100000000"
# F3, F25, 60.1 of each kind: transaction table of Q/CUP 009.1
_CODES: dict[Kind, tuple[str, str, str, str]] = {
    Kind.SALE: ("0200", "000000", "00", "22"),
    Kind.VOID: ("0200", "200000", "00", "23"),
    Kind.PREAUTH: ("0100", "030000", "06", "10"),
    Kind.PREAUTH_VOID: ("0100", "200000", "06", "11"),
    Kind.COMPLETION: ("0200", "000000", "06", "20"),
    Kind.COMPLETION_VOID: ("0200", "200000", "06", "21"),
    Kind.REFUND: ("0220", "200000", "00", "25"),
    Kind.COMPLETION_ADVICE: ("0220", "000000", "06", "24"),
}


@lru_cache(maxsize=1024)
def clock_texts(second: int) -> tuple[str, str]:
    """Give F12 hhmmss and F13 MMDD of a second since 1970, in the host's zone."""
    local = local_time(second * 1000)
    return f"{local.hour:02d}{local.minute:02d}{local.second:02d}", f"{local.month:02d}{local.day:02d}"


def local_time(at_ms: int) -> datetime:
    """Give the time in the host's zone (UTC+8, without summer time)."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC) + LOCAL


def swapped(tpdu: str) -> str:
    """Exchange destination and source of a TPDU."""
    return tpdu[:2] + tpdu[6:10] + tpdu[2:6] if len(tpdu) == 10 else tpdu


def answer(request: Message, code: str, at_ms: int, rrn: str, *, pos: bool) -> Message:
    """Make the bare answer: what is repeated, F12/F13/F15, F37, F39."""
    time, date = clock_texts(at_ms // 1000)
    copies = POS_COPIES if pos else NETWORK_COPIES
    asked = request.fields
    fields = {number: asked[number] for number in copies if number in asked}
    if pos or 12 not in fields:
        fields[12] = time
        fields[13] = date
    if pos:
        fields.setdefault(32, ACQUIRER)
    fields[15] = date
    fields[37] = rrn if pos else asked.get(37, rrn)
    fields[39] = code
    return Message(mti.response(request.mti), fields, swapped(request.tpdu), _header_back(request.header))


def _header_back(header: str) -> str:
    """Exchange the stations of a 46-byte network header (bytes 6-16 and 17-27); a terminal's header stays."""
    if len(header) != 92:
        return header
    return header[:12] + header[34:56] + header[12:34] + header[56:]


def header_sized(header: str, body_bytes: int) -> str:
    """Set the total length a 46-byte network header carries in bytes 2-5 as ASCII digits."""
    if len(header) != 92:
        return header
    return header[:4] + f"{body_bytes:04d}".encode("ascii").hex().upper() + header[12:]


def approved(message: Message, heard: Heard, entry: Entry, *, pos: bool) -> None:
    """Add what an approval carries: the amount that counts, F38, F44, the chip's part, F63."""
    message.fields[4] = f"{entry.amount_minor:012d}"
    message.fields[38] = entry.auth_code
    if pos:
        message.fields[2] = heard.pan
        message.fields[44] = INSTITUTIONS
        message.fields[63] = "CUP"
        icc = _icc_answer(heard.message.fields.get(55, ""), entry)
        if icc:
            message.fields[55] = icc


def _icc_answer(icc: str, entry: Entry) -> str:
    """Repeat the transaction counter and add issuer authentication data (a made-up ARPC, code 00)."""
    if not icc:
        return ""
    try:
        kept = icc_keep(icc, ("9F36",))
    except SubfieldError:
        return ""
    return f"{kept}910A{entry.rrn.encode('ascii')[-8:].hex().upper()}3030"


def balance(message: Message, account: Account, currency: str) -> None:
    """Add F54: the available balance."""
    amount = account.available_minor
    sign = "C" if amount >= 0 else "D"
    message.fields[54] = Balance("10", "02", currency_digits(currency), sign, abs(amount)).build()


def claimed(field48: str) -> tuple[SettlementTotals, SideTotals] | None:
    """Read F48 of a 0500: both halves, and their sum; None when it cannot be read."""
    try:
        both = SettlementTotals.parse(field48)
    except SubfieldError:
        return None
    home, abroad = both.domestic, both.foreign
    return both, SideTotals(
        home.debit_minor + abroad.debit_minor,
        home.debit_count + abroad.debit_count,
        home.credit_minor + abroad.credit_minor,
        home.credit_count + abroad.credit_count,
    )


def settled(both: SettlementTotals, ours: BatchTotals, *, balanced: bool) -> str:
    """Write F48 of a 0510: our totals (all cards are domestic) and the verdict, 1 balanced or 2 not."""
    result = "1" if balanced else "2"
    if balanced:
        home, abroad = both.domestic, both.foreign
        return SettlementTotals(_with(home, result), _with(abroad, result)).build()
    home = SideTotals(
        ours.debit_minor % 10**12,
        ours.debit_count % 1000,
        ours.credit_minor % 10**12,
        ours.credit_count % 1000,
        result,
    )
    return SettlementTotals(home, SideTotals(0, 0, 0, 0, result)).build()


def _with(side: SideTotals, result: str) -> SideTotals:
    return SideTotals(side.debit_minor, side.debit_count, side.credit_minor, side.credit_count, result)


def own_reversal(entry: Entry, profile: Profile, at_ms: int, rrn: str, *, pos: bool, repeat: bool) -> Message:
    """Make the 0420 (0421 when repeated) by which the host undoes `entry` on its own account."""
    original_mti, process, condition, kind60 = _CODES[entry.kind]
    reason = profile.reason_code(Reason.OTHER)
    fields = {
        3: process,
        4: f"{entry.amount_minor:012d}",
        11: entry.identity.stan,
        25: condition,
        37: entry.rrn,
        41: entry.tid,
        42: entry.mid,
        49: currency_digits(entry.currency),
    }
    kind = "0421" if repeat else "0420"
    if pos:
        fields |= {39: reason, 60: f"{kind60}{entry.batch}000"}
        return Message(kind, dict(sorted(fields.items())), HOST_TPDU, HOST_HEADER)
    sent, _, acquirer = entry.identity.extra.partition("/")
    fields[7] = local_time(at_ms).strftime("%m%d%H%M%S")
    fields[11] = rrn[-6:]
    fields[32] = acquirer.lstrip("0") or "0"
    fields[33] = fields[32]
    if profile.reason_field == 60:
        fields[60] = f"{reason:0>4}"
    else:
        fields[39] = reason
    fields[90] = OriginalElements(
        original_mti, entry.identity.stan, sent.zfill(10), acquirer, acquirer
    ).build()
    present = {number: text for number, text in fields.items() if text or number not in (41, 42)}
    return Message(kind, dict(sorted(present.items())))
