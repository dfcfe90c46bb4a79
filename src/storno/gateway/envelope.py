"""What goes around a message: head and MAC, and the sealed card number a reversal needs.

Keys never leave the store and card numbers never leave this file but into a frame. A key or a card that is not there,
or does not fit, is trouble for one terminal, told and counted; it never stops the node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.exchange import compose
from storno.iso8583.cipher import BilingualError
from storno.iso8583.errors import DecodeError
from storno.iso8583.profile import MacScope

if TYPE_CHECKING:
    from storno.gateway.node import Node
    from storno.iso8583.mac import Mac
    from storno.iso8583.message import Message
    from storno.reversal.record import Record

MAC_FIELDS = (64, 128)
KNOWN_FOR_MS = 1_000
KNOWN_MAX = 20_000
LINK_KEY = "host"
"""Name of the key of the line to the network, where one key serves the whole line."""


class Envelope:
    """Heads, MACs and card copies of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known_ms: dict[str, int] = {}

    def dress(self, msg: Message) -> None:
        """Put the head on a message of our own for the host."""
        framing = self._node.dialect.framing
        if framing.tpdu_bytes and not msg.tpdu:
            msg.tpdu = self._node.options.host_tpdu or "6000030000"
        if framing.header_bytes and not msg.header:
            msg.header = self._node.options.host_header or (
                "603100310100" if framing.header_mark is None else ""
            )

    def knows(self, tid: str, now_ms: int) -> bool:
        """Say whether a terminal has keys here; the store is a file, so a yes holds for a second."""
        if now_ms - self._known_ms.get(tid, -KNOWN_FOR_MS) < KNOWN_FOR_MS:
            return True
        self._known_ms.pop(tid, None)
        try:
            known = self._node.keys.has_terminal(tid)
        except BilingualError as error:
            self._node.counts.add("key_trouble")
            self._node.log("error", "key_trouble", tid=tid, why=str(error))
            return False
        if known:
            if len(self._known_ms) >= KNOWN_MAX:
                self._known_ms.clear()
            self._known_ms[tid] = now_ms
        return known

    def mac_for(self, tid: str) -> Mac | None:
        """Give what makes and checks the MAC of a terminal's messages; None without a MAC or without a fitting key."""
        profile = self._node.profile
        if profile.mac == "none":
            return None
        try:
            if profile.mac_scope is MacScope.LINK:
                return self._node.keys.link_mac(LINK_KEY, profile.mac)
            return self._node.keys.terminal_mac(tid, profile.mac)
        except BilingualError as error:
            self._node.counts.add("key_trouble")
            self._node.log("error", "key_trouble", tid=tid, why=str(error))
            return None

    def mac_right(self, mac: Mac, msg: Message, frame: bytes) -> bool:
        """Check a frame's MAC; a message without one, or with fields behind it, is not right."""
        value = msg.fields.get(MAC_FIELDS[1]) or msg.fields.get(MAC_FIELDS[0])
        if value is None:
            return False
        try:
            return mac.verify(self._node.codec.mab(frame), bytes.fromhex(value))
        except DecodeError:
            return False

    def seal(self, msg: Message, tid: str) -> bytes:
        """Encode a message with its MAC under the terminal's current key, or without one where there is none."""
        mac = self.mac_for(tid)
        frame = self._node.codec.encode(msg) if mac is None else self._node.codec.seal(msg, mac.compute)
        return compose.header_sized(frame, self._node.dialect.framing)

    def card_of(self, record: Record) -> str:
        """Give the card number; empty when it was destroyed, for a reversal without F2 is better than none."""
        sealed = self._node.registry.sealed_card(record.tx_id)
        if not sealed:
            return ""
        try:
            return self._node.vault.open(sealed, record.tx_id)
        except BilingualError as error:
            self._node.log("error", "card_lost", record, why=str(error))
            return ""

    def seal_card(self, pan: str, tx_id: str, day: str) -> bytes | None:
        """Seal a card number for its reversal; None when there is none or its day was destroyed already."""
        if not pan:
            return None
        try:
            return self._node.vault.seal(pan, tx_id, day)
        except BilingualError as error:
            self._node.log("error", "card_not_kept", tx_id=tx_id, why=str(error))
            return None
