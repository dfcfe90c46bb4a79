"""Read a terminal's or a host's message as what it means: its kind, its identity, its original.

Source of the kinds: transaction table of the UnionPay POS field document (MTI, F3, F25, F60.1), and Q/CUP 006.6 table B
for the network side. F60.1 decides where it is present, because acquirers use F25 for things of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from storno.money import CurrencyError, currency_of
from storno.reversal.key import TxKey, WireKey
from storno.reversal.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.iso8583.message import Message

AMOUNT_DIGITS = 12
PAN_DIGITS_MIN, PAN_DIGITS_MAX = 12, 19
PREAUTH_CONDITION = "06"


class Family(Enum):
    """What a gateway does with a message."""

    MONEY = "money"
    REVERSAL = "reversal"
    SIGN_IN = "sign_in"
    OTHER = "other"
    ANSWER = "answer"
    NOTICE = "notice"
    """A notification or an unknown function digit: nothing can be answered to it."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """Why a request cannot be taken: field, and words for the log (never card data)."""

    field: int
    text: str


_BY_TYPE = {
    "10": Kind.PREAUTH, "11": Kind.PREAUTH_VOID, "20": Kind.COMPLETION, "21": Kind.COMPLETION_VOID,
    "22": Kind.SALE, "23": Kind.VOID, "24": Kind.COMPLETION_ADVICE, "25": Kind.REFUND,
    "30": Kind.COMPLETION_ADVICE, "32": Kind.COMPLETION_ADVICE, "34": Kind.COMPLETION_ADVICE,
}  # fmt: skip
"""F60.1 of the terminal side; offline settlement, adjustment and tip (30, 32, 34) are advices of a charge."""

_BY_CODES = {
    ("1", "00", True): Kind.PREAUTH, ("1", "00", False): Kind.PREAUTH, ("1", "03", True): Kind.PREAUTH,
    ("1", "03", False): Kind.PREAUTH, ("1", "20", True): Kind.PREAUTH_VOID, ("1", "20", False): Kind.PREAUTH_VOID,
    ("2", "00", True): Kind.COMPLETION, ("2", "00", False): Kind.SALE, ("2", "20", True): Kind.COMPLETION_VOID,
    ("2", "20", False): Kind.VOID,
}  # fmt: skip
"""MTI class, first two digits of F3, and whether F25 is 06."""

_ADVICES = {"00": Kind.COMPLETION_ADVICE, "20": Kind.REFUND}


def family(msg: Message) -> Family:
    """Say which way a message goes."""
    klass, function = msg.mti[1], msg.mti[2]
    if function in "13":
        return Family.ANSWER
    if function not in "02":
        return Family.NOTICE
    if klass == "4":
        return Family.REVERSAL
    if klass in "12" and not _only_asks(msg):
        return Family.MONEY
    if klass == "8" and function == "0":
        return Family.SIGN_IN
    return Family.OTHER


def kind_of(msg: Message) -> Kind | None:
    """Give the kind of a money movement, or None for an enquiry and everything else.

    A reversal has the kind of its original, for it copies F3, F25 and F60.1. An unknown financial request counts as a
    sale: it may move money, so silence must be undone.
    """
    fields = msg.fields
    klass, advice = msg.mti[1], msg.mti[2] == "2" and msg.mti[1] != "4"
    if _only_asks(msg):
        return None
    processing = fields.get(3, "")[:2]
    typed = _BY_TYPE.get(fields.get(60, "")[:2])
    if typed is not None and _fits(typed, klass, processing, advice=advice):
        return typed
    if advice:
        return _ADVICES.get(processing, Kind.COMPLETION_ADVICE)
    preauth = fields.get(25) == PREAUTH_CONDITION
    if klass == "4":
        named = fields.get(90, "")[:2]
        klass = named[1] if named in ("01", "02") else "1" if processing == "03" else "2"
    return _BY_CODES.get((klass, processing, preauth), Kind.SALE if klass == "2" else Kind.PREAUTH)


def _only_asks(msg: Message) -> bool:
    """Say whether a message moves no money whatever its class: an enquiry."""
    return msg.fields.get(3, "")[:2] in ("30", "31")


def _fits(kind: Kind, klass: str, processing: str, *, advice: bool) -> bool:
    """Check F60.1 against MTI and F3, so that a network's own F60 is not mistaken for a terminal's."""
    if kind in (Kind.REFUND, Kind.COMPLETION_ADVICE):
        return advice or klass == "4"
    if advice:
        return False
    if kind.undoes:
        return processing == "20"
    return processing != "20" and (klass == "4" or (klass == "1") is (kind is Kind.PREAUTH))


def identity(msg: Message) -> TxKey:
    """Give the terminal's identity of a request: TID, MID, batch (F60.2) and STAN.

    A network's F60 holds other things; its messages are known by F7, which no terminal sends.
    """
    fields = msg.fields
    get = fields.get
    sixty = get(60, "")
    batch = sixty[2:8] if 7 not in fields and len(sixty) >= 8 and sixty.isdigit() else ""
    return TxKey(get(41, ""), get(42, ""), batch, get(11, ""))


def wire_key(msg: Message) -> WireKey:
    """Give what an answer must carry to belong to this request; the same for request and answer."""
    get = msg.fields.get
    return WireKey(msg.mti[1], get(41, ""), get(42, ""), get(11, ""))


def pan_of(msg: Message) -> str:
    """Give the PAN from F2 or the second track; empty when the message has neither.

    In an encrypted track a D may stand anywhere: what is before it is a PAN only if it is as long as one.
    """
    pan = msg.fields.get(2)
    if pan:
        return pan
    track = msg.fields.get(35, "").replace("=", "D")
    before, separator, _ = track.partition("D")
    sound = separator and before.isdigit() and PAN_DIGITS_MIN <= len(before) <= PAN_DIGITS_MAX
    return before if sound else ""


def amount_of(msg: Message) -> int | None:
    """Give F4 in minor units, or None when it is absent or not twelve digits."""
    text = msg.fields.get(4, "")
    return int(text) if len(text) == AMOUNT_DIGITS and text.isdigit() else None


def check_money(msg: Message) -> tuple[int, str] | BadRequest:
    """Give amount (minor units) and currency of a money movement, or what is wrong with it."""
    amount = amount_of(msg)
    if amount is None:
        return BadRequest(4, "a money movement needs F4 with twelve digits")
    get = msg.fields.get
    for number in (11, 41, 42):
        if not get(number, "").strip():
            return BadRequest(number, f"a money movement needs F{number}")
    pan = pan_of(msg)
    if pan and not (PAN_DIGITS_MIN <= len(pan) <= PAN_DIGITS_MAX and pan.isdigit()):
        return BadRequest(2, "a PAN has 12 to 19 digits")
    try:
        return amount, currency_of(get(49, "156"))
    except CurrencyError as error:
        return BadRequest(49, str(error))


def original_keys(msg: Message) -> tuple[TxKey | None, str, str]:
    """Give what a void, completion or refund says of its original: identity, RRN, authorisation code.

    F61 holds batch + STAN (+ date MMDD) on the terminal side; zeros mean "not given".
    """
    fields = msg.fields
    sixty_one = fields.get(61, "")
    key = None
    if len(sixty_one) >= 12 and sixty_one[:12].isdigit() and sixty_one[6:12].strip("0"):
        key = TxKey(fields.get(41, ""), fields.get(42, ""), sixty_one[:6], sixty_one[6:12])
    ninety = fields.get(90, "")
    if key is None and len(ninety) >= 10 and ninety[4:10].strip("0"):
        key = TxKey(fields.get(41, ""), fields.get(42, ""), "", ninety[4:10])
    return key, fields.get(37, "").strip(), fields.get(38, "").strip()


def original_of_reversal(msg: Message) -> TxKey:
    """Give the identity of what a reversal undoes: F90 where the network has it, else its own TID, MID, batch, STAN.

    F61 is no help: in the reversal of a void it names the sale.
    """
    own = identity(msg)
    named = msg.fields.get(90, "")[4:10]
    return own._replace(stan=named) if named.strip("0") else own


_PRINTED = (3, 4, 11, 25, 37, 38, 41, 42, 49, 60, 61)


def fingerprint(msg: Message, pan_token: str, digest: Callable[[bytes], str]) -> str:
    """Give a digest of what makes a request this one; a repeat has the same, a re-used STAN has not.

    The PAN enters only as its keyed token.
    """
    get = msg.fields.get
    parts = [get(number, "") for number in _PRINTED]
    return digest("|".join((msg.mti[:3], pan_token, *parts)).encode())


def settlement_day(now_ms: int, utc_offset_min: int) -> str:
    """Give the business date YYYYMMDD of a time in a zone that is so many minutes ahead of UTC."""
    return _date_of_day((now_ms // 60_000 + utc_offset_min) // 1440)


@lru_cache(maxsize=8)
def _date_of_day(days: int) -> str:
    return f"{_EPOCH + timedelta(days=days):%Y%m%d}"


def local_time(now_ms: int, utc_offset_min: int) -> datetime:
    """Give the civil time of an instant in a zone that is so many minutes ahead of UTC."""
    return _EPOCH + timedelta(milliseconds=now_ms, minutes=utc_offset_min)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
