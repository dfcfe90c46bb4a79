"""A node with a journal in memory, driven by hand: no socket, no loop, no clock."""

from storno.gateway import events as ev
from storno.gateway.node import Node
from storno.gateway.options import NodeOptions
from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.keys import KeyKind, WorkingKeys, wrap_working_keys
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.journal.memory import MemoryJournal
from storno.vault.memory import MemoryCardVault, MemoryKeyStore
from storno.vault.testkeys import TEST_TMK

NOW = 1_767_225_600_000
TID, MID = "00000001", "898440153110001"
CUP = dialect("cup_pos")
CODEC = codec_for(CUP)
KEYS = WorkingKeys(bytes(range(16)), bytes(range(1, 9)), None, KeyKind.TRIPLE_DES)
MAC = mac_algorithm("cup_ecb", KEYS.mak)
SALE = {
    2: "6225000000000014", 3: "000000", 4: "000000010000", 11: "000001", 22: "051", 25: "00", 41: TID, 42: MID,
    49: "156", 55: "9505000000000082027C00", 60: "22000001000500",
}  # fmt: skip


class Desk:
    """A node with a journal in memory, driven by hand."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        keys = MemoryKeyStore()
        keys.add_master_key(TID, TEST_TMK)
        keys.keep(TID, keys.learn(TID, wrap_working_keys(TEST_TMK, KEYS, "003"), "003"))
        self.node = Node(NodeOptions(), CUP, self.journal, keys, MemoryCardVault(), 1)
        self.do(ev.LinkUp("host"))

    def do(self, event: ev.Event) -> list[ev.Command]:
        orders = list(self.node.step(NOW, event))
        while (batch := self.node.take_batch(NOW)) is not None:
            self.journal.commit(batch[1])
            orders += self.node.step(NOW, ev.Durable(batch[0]))
        return orders

    def ask(self, message: Message) -> list[ev.Command]:
        return self.do(ev.FromTerminal(7, CODEC.seal(message, MAC.compute)))

    def code(self, message: Message) -> str | None:
        """The response code the terminal is given, or None."""
        told = [one for one in self.ask(message) if isinstance(one, ev.SendTerminal)]
        return CODEC.decode(told[0].frame[2:]).fields[39] if told else None


def sale(mti: str = "0200", **changed: str | None) -> Message:
    fields = {**SALE, **{int(name[1:]): text for name, text in changed.items()}}
    return Message(
        mti, {n: t for n, t in sorted(fields.items()) if t is not None}, "6000030000", "603100000000"
    )
