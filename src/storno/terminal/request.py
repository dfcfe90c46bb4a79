"""Building what the terminal sends: fields from the operation table, the card and the original.

Rule: a builder gives a Message and `Wire` turns it into bytes with the current keys; nothing here decides when.
Pure: no socket, clock or randomness.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from storno.iso8583.cipher import KeyKind
from storno.iso8583.codec import Codec, codec_for
from storno.iso8583.keys import WorkingKeys
from storno.iso8583.mac import Mac, mac_algorithm, profile_for
from storno.iso8583.message import Message
from storno.iso8583.pin import encrypt_pin
from storno.iso8583.spec import Head
from storno.terminal.card import Card
from storno.terminal.operation import RULES, Operation, Rule
from storno.terminal.setup import Setup
from storno.terminal.state import Entry

_NO_MAC = "none"
_PIN_CONTROL = {KeyKind.DES: "20", KeyKind.TRIPLE_DES: "26", KeyKind.SM4: "23"}


class Order(NamedTuple):
    """One financial order: what, how much, with which card, and the fields that name its original.

    `undone` is the row of the original when this terminal has it; `pan` stands in for a card that is not presented.
    """

    operation: Operation
    amount_minor: int
    card: Card | None = None
    extra: tuple[tuple[int, str], ...] = ()
    undone: Entry | None = None
    pan: str = ""

    def __repr__(self) -> str:
        return f"Order({self.operation}, {self.amount_minor}, {self.card!r})"


class Wire:
    """The terminal's codec and keys: turns messages into frames and checks the MAC of answers."""

    def __init__(self, setup: Setup, codec: Codec | None = None) -> None:
        self.codec = codec or codec_for(setup.dialect)
        self._setup = setup
        self._macs = setup.profile.mac != _NO_MAC
        self._mac: Mac | None = None
        self.keys: WorkingKeys | None = None

    @property
    def ready(self) -> bool:
        """Say whether financial messages can be sealed: the terminal has signed in, or the acquirer uses no MAC."""
        return not self._macs or self._mac is not None

    def use(self, keys: WorkingKeys) -> None:
        """Take new working keys into use; the next message is sealed with them.

        Raises:
            CryptoError: the MAK does not fit the acquirer's MAC profile; the old keys stay.

        """
        profile = self._setup.profile.mac
        self._mac = mac_algorithm(profile_for(profile, keys.kind), keys.mak) if self._macs else None
        self.keys = keys

    def frame(self, message: Message, *, mac: bool) -> bytes:
        """Encode with length prefix, and with a MAC under the current MAK when the message carries one."""
        if mac and self._macs:
            assert self._mac is not None, "a message with a MAC before the sign-in"
            return self.codec.frame(self.codec.seal(message, self._mac.compute))
        return self.codec.frame(self.codec.encode(message))

    def mac_holds(self, frame: bytes, message: Message) -> bool:
        """Check the MAC of an answer; an answer without one fails when the profile has a MAC."""
        if not self._macs:
            return True
        number = self._setup.dialect.mac_field
        text = None if number is None else message.get(number)
        if text is None or self._mac is None:
            return False
        return self._mac.verify(self.codec.mab(frame), bytes.fromhex(text))

    def carries_mac(self, message: Message) -> bool:
        """Say whether a message has its MAC field."""
        number = self._setup.dialect.mac_field
        return number is not None and message.get(number) is not None


def financial(
    setup: Setup, keys: WorkingKeys | None, order: Order, batch: int, stan: int, now_ms: int
) -> Message:
    """Build a request with money in it (or a balance enquiry)."""
    rule = RULES[order.operation]
    assert rule.processing is not None, f"{order.operation} is no financial operation"
    assert rule.condition is not None, f"{order.operation} is no financial operation"
    fields = {3: rule.processing, 25: rule.condition, 49: setup.currency}
    if order.operation is not Operation.BALANCE:
        fields[4] = f"{order.amount_minor:012d}"
    if order.card is not None:
        fields |= _card_fields(order.card, keys, with_pin=rule.pin)
    else:
        fields[22] = "012"
        if order.pan:
            fields[2] = order.pan
    if order.extra:
        fields |= dict(order.extra)
    fields[60] = _f60(rule, batch, "60" + ("1" if setup.takes_partial else "0"))
    return _message(setup, rule.mti, stan, fields, now_ms)


def management(setup: Setup, operation: Operation, batch: int, stan: int, now_ms: int) -> Message:
    """Build a sign-in, sign-off or echo."""
    rule = RULES[operation]
    code = setup.sign_in_code if operation is Operation.SIGN_IN else rule.management
    fields = {60: f"{rule.kind_digits}{batch:06d}{code}"}
    if operation is Operation.SIGN_IN:
        fields[63] = setup.operator
    return _message(setup, rule.mti, stan, fields, now_ms)


def settlement(setup: Setup, batch: int, stan: int, totals48: str, now_ms: int) -> Message:
    """Build the 0500; `totals48` are the 62 digits of F48."""
    rule = RULES[Operation.SETTLE]
    fields = {48: totals48, 49: setup.currency, 60: _f60(rule, batch), 63: setup.operator}
    return _message(setup, rule.mti, stan, fields, now_ms)


def upload(setup: Setup, batch: int, stan: int, details48: str, management_code: str, now_ms: int) -> Message:
    """Build one 0320: a packet of details (60.3 = 201) or the end of the upload (202, 207)."""
    rule = RULES[Operation.BATCH_UPLOAD]
    fields = {48: details48, 60: f"{rule.kind_digits}{batch:06d}{management_code}"}
    return _message(setup, rule.mti, stan, fields, now_ms)


def original_fields(
    batch: str, stan: str, date: str, rrn: str, auth_code: str
) -> tuple[tuple[int, str], ...]:
    """Give F37, F38 and F61 that name an original; the parts that are not known stay away or zero."""
    fields: list[tuple[int, str]] = []
    if rrn:
        fields.append((37, rrn))
    if auth_code:
        fields.append((38, auth_code))
    fields.append((61, f"{batch or '0':0>6}{stan or '0':0>6}{date}"))
    return tuple(fields)


def _card_fields(card: Card, keys: WorkingKeys | None, *, with_pin: bool) -> dict[int, str]:
    pin = with_pin and card.pin is not None and keys is not None
    fields = {2: card.pan, 14: card.expiry, 22: card.entry.value + ("1" if pin else "2")}
    if card.track2 is not None:
        fields[35] = card.track2
    if card.chip_data is not None:
        fields[23] = card.sequence
        fields[55] = card.chip_data
    if pin and card.pin is not None and keys is not None:
        kind = KeyKind(keys.kind)
        fields[26] = "12"
        fields[52] = encrypt_pin(keys.pik, card.pin, card.pan, kind).hex().upper()
        fields[53] = _PIN_CONTROL[kind] + "0" * 14
    return fields


def _f60(rule: Rule, batch: int, capability: str = "") -> str:
    return f"{rule.kind_digits}{batch:06d}{rule.management}{capability}"


def _message(setup: Setup, mti: str, stan: int, fields: dict[int, str], now_ms: int) -> Message:
    """Add what every message has to `fields`, which its builder made for it."""
    fields[11], fields[41], fields[42] = f"{stan:06d}", setup.tid, setup.mid
    if setup.dialect.head is not Head.BCD:
        # Network forms want the moment from the sender; a UnionPay terminal leaves date and time to the host.
        fields[7] = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%m%d%H%M%S")
        fields[12] = setup.local(now_ms).strftime("%H%M%S")
        fields[13] = setup.local(now_ms).strftime("%m%d")
    framing = setup.dialect.framing
    tpdu = setup.tpdu if framing.tpdu_bytes else ""
    header = setup.header if framing.header_bytes and framing.header_mark is None else ""
    return Message(mti, {number: fields[number] for number in sorted(fields)}, tpdu, header)
