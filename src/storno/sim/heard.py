"""What a message means to a host: one reading for every dialect.

Rule: terminals and networks differ in where the identity stands (F60 batch, or F7 + F32 and F90) and in how a void
names its original; after this module nothing else has to know. A message that lacks what it needs is refused with a
code, not guessed at. Pure: reads fields, imports nothing that acts.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from storno.iso8583 import mti
from storno.iso8583.errors import SubfieldError
from storno.iso8583.subfields import OriginalElements
from storno.money import CurrencyError, currency_of
from storno.reversal.kinds import Kind
from storno.sim.entry import NO_ORIGINAL, UNDONE_BY, Identity, OriginalRef

if TYPE_CHECKING:
    from storno.iso8583.message import Message
    from storno.iso8583.spec import Dialect

DEBITS = frozenset({"00", "01", "09", "18"})
BALANCES = frozenset({"30", "31"})
_ADVICE_TYPES = frozenset({"", "00", "22", "30"})


class What(Enum):
    """What a message asks for, with the words for it."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    FINANCIAL = "financial"
    BALANCE = "balance"
    REVERSAL = "reversal"
    SIGN_IN = "sign_in"
    SIGN_OFF = "sign_off"
    ECHO = "echo"
    NETWORK = "network"
    SETTLE = "settle"
    UPLOAD = "upload"
    NOTICE = "notice"
    ANSWER = "answer"
    UNKNOWN = "unknown"


class Heard(NamedTuple):
    """One message, read. `refusal` is the code that answers it when something it needs is missing."""

    what: What
    message: Message
    tid: str
    mid: str
    batch: str
    stan: str
    identity: Identity
    """For a reversal, its original's."""
    kind: Kind | None = None
    amount_minor: int | None = None
    currency: str = "CNY"
    pan: str = ""
    code60: str = ""
    """F60.3, or F70 on a network."""
    original: OriginalRef = NO_ORIGINAL
    partial_ok: bool = False
    refusal: str = ""

    def __repr__(self) -> str:
        return f"<Heard {self.what.value} {self.message.mti} {self.identity}>"


_SIGN_INS = dict.fromkeys(("001", "003", "004", "005"), What.SIGN_IN)
_POS_NETWORK = {**_SIGN_INS, "002": What.SIGN_OFF, "301": What.ECHO}
_NETWORK = {"001": What.NETWORK, "002": What.SIGN_OFF, "301": What.ECHO}
_POS_OTHER = {"0500": What.SETTLE, "0320": What.UPLOAD, "0620": What.NOTICE, "0920": What.NOTICE}


def speaks_pos(dialect: Dialect) -> bool:
    """Say whether a dialect is a terminal's (TPDU in front) rather than a network's."""
    return dialect.framing.tpdu_bytes > 0


def hear(message: Message, dialect: Dialect) -> Heard:
    """Read one decoded message."""
    pos = speaks_pos(dialect)
    get = message.fields.get
    f60 = get(60, "") if pos else ""
    tid, mid, stan = get(41, ""), get(42, ""), get(11, "")
    batch = f60[2:8]
    what = _what(message, f60, pos=pos)
    identity = Identity(tid, mid, batch, stan) if pos else _network_identity(stan, get(7, ""), get(32, ""))
    kind = _kind(message, f60[:2]) if what in (What.FINANCIAL, What.REVERSAL) else None
    if what is What.FINANCIAL and kind is None:
        what = What.UNKNOWN
    if what is What.REVERSAL and not pos:
        identity = _of_f90(get(90, "")) or identity
    amount = get(4)
    heard = Heard(
        what,
        message,
        tid,
        mid,
        batch,
        stan,
        identity,
        kind,
        int(amount) if amount is not None and amount.isdigit() else None,
        _currency(get(49)),
        get(2) or _pan_of_track(get(35, "")),
        f60[8:11] if pos else get(70, ""),
        _original(message, tid, mid, pos=pos) if kind is not None and what is What.FINANCIAL else NO_ORIGINAL,
        f60[13:14] == "1",
    )
    refusal = _refusal(heard, pos=pos)
    return _refused(heard, refusal) if refusal else heard


def _refused(heard: Heard, code: str) -> Heard:
    return heard._replace(refusal=code)


def _what(message: Message, f60: str, *, pos: bool) -> What:
    kind = _first(message.mti)
    if not kind or kind[2] not in "02":
        return What.ANSWER if kind and mti.is_response(kind) else What.UNKNOWN
    if kind in ("0100", "0200", "0220"):
        balance = kind == "0200" and message.fields.get(3, "")[:2] in BALANCES
        return What.BALANCE if balance else What.FINANCIAL
    if kind in ("0400", "0420"):
        return What.REVERSAL
    if kind in ("0800", "0820"):
        return _network_what(f60[8:11] if pos else message.fields.get(70, ""), pos=pos)
    if not pos:
        return What.NOTICE if kind in ("0620", "0920") else What.UNKNOWN
    return _POS_OTHER.get(kind, What.UNKNOWN)


@lru_cache(maxsize=256)
def _first(kind: str) -> str:
    """Give the type of the first sending; empty for what is no message type."""
    return mti.first(kind) if mti.well_formed(kind) else ""


def _network_what(code: str, *, pos: bool) -> What:
    if pos:
        return _POS_NETWORK.get(code, What.NETWORK)
    return _NETWORK.get(code, What.NETWORK)


def _kind(message: Message, type60: str) -> Kind | None:
    """Tell the kind from MTI, F3 and F25 (table of Q/CUP 009.1); a 0400 repeats its original's F3 and F25."""
    process = message.fields.get(3, "")[:2]
    preauth = message.fields.get(25) == "06"
    first = mti.first(message.mti)
    if first == "0100" or (first in ("0400", "0420") and (process == "03" or type60 in ("10", "11"))):
        return Kind.PREAUTH_VOID if process == "20" else Kind.PREAUTH
    if first == "0220":
        if process == "20":
            return Kind.REFUND
        if process in DEBITS and preauth:
            return Kind.COMPLETION_ADVICE
        return Kind.SALE if process in DEBITS and type60 in _ADVICE_TYPES else None
    if process == "20":
        return Kind.COMPLETION_VOID if preauth else Kind.VOID
    if process in DEBITS:
        return Kind.COMPLETION if preauth else Kind.SALE
    return None


def _original(message: Message, tid: str, mid: str, *, pos: bool) -> OriginalRef:
    get = message.fields.get
    if not pos:
        return OriginalRef(_of_f90(get(90, "")), get(37, "").strip(), get(38, "").strip())
    f61 = get(61, "")
    numbered = len(f61) >= 12 and f61[:12].isdigit() and f61[:12].strip("0")
    identity = Identity(tid, mid, f61[:6], f61[6:12]) if numbered else None
    return OriginalRef(identity, get(37, "").strip(), get(38, "").strip())


def _network_identity(stan: str, sent: str, acquirer: str) -> Identity:
    return Identity("", "", "", stan, f"{sent}/{acquirer.strip().zfill(11)}")


def _of_f90(value: str) -> Identity | None:
    """Read F90; None when it is absent, broken, or all zero because the sender does not know it."""
    try:
        original = OriginalElements.parse(value)
    except SubfieldError:
        return None
    if not original.stan.strip("0"):
        return None
    return _network_identity(original.stan, original.transmission, original.acquirer)


def _pan_of_track(track: str) -> str:
    pan = track.replace("=", "D").partition("D")[0]
    return pan if 12 <= len(pan) <= 19 and pan.isdigit() else ""


def _currency(digits: str | None) -> str:
    try:
        return "CNY" if digits is None else currency_of(digits)
    except CurrencyError:
        return ""


def _refusal(heard: Heard, *, pos: bool) -> str:
    """Give the code for what a message lacks: 97 no terminal, 30 a field missing, 14 no card, 13 no amount."""
    if heard.what in (What.ANSWER, What.UNKNOWN):
        return ""
    if pos and not heard.tid:
        return "97"
    if heard.what not in (What.FINANCIAL, What.BALANCE, What.REVERSAL):
        return ""
    if not heard.stan or (pos and (not heard.mid or len(heard.batch) != 6)):
        return "30"
    if heard.what is What.BALANCE:
        return "" if heard.pan else "14"
    if heard.amount_minor is None or not heard.currency:
        return "30"
    if heard.what is What.REVERSAL:
        return ""
    if not heard.pan:
        return "14"
    return "13" if heard.amount_minor == 0 and heard.kind not in UNDONE_BY else ""
