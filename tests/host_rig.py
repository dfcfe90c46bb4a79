"""A POS and an acquirer's switch in a few lines, to talk to the host simulator in tests.

It builds requests by hand from field texts; it knows nothing of the terminal package, so both can be wrong separately.
"""

from dataclasses import dataclass, field, replace
from random import Random

from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.frames import Frames
from storno.iso8583.keys import unwrap_working_keys
from storno.iso8583.mac import Mac, mac_algorithm
from storno.iso8583.message import Message
from storno.sim.actions import Action, Send
from storno.sim.books import Books, BooksOptions
from storno.sim.cards import CARDS
from storno.sim.entry import Identity
from storno.sim.host import HostCore, HostOptions
from storno.sim.host_keys import TEST_LINK_MAK, TEST_TMK, HostKeys
from storno.sim.script import FaultPlan
from storno.sim.shelf import MemoryShelf, Shelf

NOW = 1_767_225_600_000  # 2026-01-01 00:00 UTC
TID, MID, BATCH = "00000001", "898440153110001", "000001"
CARD = CARDS[0]
ACQUIRER = "48020000"


def make_core(
    name: str = "cup_pos",
    *,
    shelf: Shelf | None = None,
    rules: BooksOptions | None = None,
    plan: FaultPlan | None = None,
    options: HostOptions | None = None,
    seed: int = 7,
    **profile,
) -> HostCore:
    spoken = dialect(name)
    books = Books(MemoryShelf() if shelf is None else shelf, rules)
    return HostCore(
        spoken,
        replace(spoken.profile, **profile),
        books,
        HostKeys(),
        options or HostOptions(),
        Random(seed),
        plan or FaultPlan(),
    )


@dataclass
class Pos:
    """Builds and reads what a terminal (or, with a network dialect, a switch) sends."""

    name: str = "cup_pos"
    tid: str = TID
    mid: str = MID
    batch: str = BATCH
    pan: str = CARD.pan
    mac_profile: str = ""
    mac: Mac | None = None
    stan: int = 0
    sent: dict[str, Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codec = codec_for(dialect(self.name))
        profile = self.mac_profile or dialect(self.name).profile.mac
        self.mac_profile = profile
        if self.name == "cups":
            self.mac = mac_algorithm(profile, TEST_LINK_MAK)

    @property
    def pos(self) -> bool:
        return self.name == "cup_pos"

    def next_stan(self) -> str:
        self.stan += 1
        return f"{self.stan:06d}"

    def message(self, mti: str, fields: dict[int, str], kind60: str = "00", code60: str = "000") -> Message:
        stan = fields.get(11) or self.next_stan()
        own = {11: stan, 41: self.tid, 42: self.mid}
        if self.pos:
            own[60] = f"{kind60}{self.batch}{code60}"
            message = Message(mti, dict(sorted((own | fields).items())), "6000010000", "603100000000")
        else:
            own |= {7: "0101080000", 32: ACQUIRER, 33: ACQUIRER}
            message = Message(mti, dict(sorted((own | fields).items())))
        self.sent[stan] = message
        return message

    def money(self, mti: str, process: str, amount: int, condition: str, kind60: str, **more: str) -> Message:
        extra = {int(key[1:]): text for key, text in more.items()}
        fields = {2: self.pan, 3: process, 4: f"{amount:012d}", 22: "021", 25: condition, 49: "156"}
        return self.message(mti, fields | extra, kind60)

    def sale(self, amount: int = 1000, **more: str) -> Message:
        return self.money("0200", "000000", amount, "00", "22", **more)

    def preauth(self, amount: int = 1000, **more: str) -> Message:
        return self.money("0100", "030000", amount, "06", "10", **more)

    def refund(self, amount: int, rrn: str, **more: str) -> Message:
        return self.money("0220", "200000", amount, "00", "25", f37=rrn, **more)

    def void(self, original: Message, *, amount: int | None = None, **more: str) -> Message:
        amount = int(original.fields[4]) if amount is None else amount
        return self.money("0200", "200000", amount, "00", "23", **self._original(original), **more)

    def preauth_void(self, original: Message, auth_code: str) -> Message:
        amount = int(original.fields[4])
        return self.money("0100", "200000", amount, "06", "11", f38=auth_code)

    def completion(self, amount: int, auth_code: str, mti: str = "0200") -> Message:
        return self.money(mti, "000000", amount, "06", "20" if mti == "0200" else "24", f38=auth_code)

    def completion_void(self, original: Message) -> Message:
        amount = int(original.fields[4])
        return self.money("0200", "200000", amount, "06", "21", **self._original(original))

    def _original(self, original: Message) -> dict[str, str]:
        if self.pos:
            return {"f61": original.fields[60][2:8] + original.fields[11] + "0101"}
        return {"f90": self.f90(original)}

    def f90(self, original: Message) -> str:
        got = original.fields
        return f"{original.mti}{got[11]}{got[7]}{got[32].zfill(11)}{got[33].zfill(11)}"

    def reversal(self, original: Message, reason: str = "98", mti: str | None = None) -> Message:
        kept = {
            n: t
            for n, t in original.fields.items()
            if n in (2, 3, 4, 7, 11, 22, 25, 32, 33, 41, 42, 49, 60, 61)
        }
        if self.pos:
            return Message(
                mti or "0400", dict(sorted((kept | {39: reason}).items())), original.tpdu, original.header
            )
        kept[90] = self.f90(original)
        kept[7] = "0101090000"
        default = "0420" if self.name == "cups" else "0400"
        return Message(mti or default, dict(sorted(kept.items())))

    def sign_in(self, code: str = "003") -> Message:
        return self.message("0800", {63: "01 "}, "00", code)

    def learn(self, answer: Message, code: str = "003") -> None:
        keys = unwrap_working_keys(TEST_TMK, bytes.fromhex(answer.fields[62]), code)
        self.mac = mac_algorithm("sm4_ecb" if code == "005" else self.mac_profile, keys.mak)

    def frame(self, message: Message) -> bytes:
        signed = message.mti[1] in "1245" and self.mac is not None and self.mac_profile != "none"
        return self.codec.seal(message, self.mac.compute) if signed else self.codec.encode(message)

    def wire(self, message: Message) -> bytes:
        return self.codec.frame(self.frame(message))

    def read(self, data: bytes) -> list[Message]:
        frames = Frames(self.codec.dialect.framing)
        frames.receive_data(data)
        found = []
        while (frame := frames.next_frame()) is not None:
            found.append(self.codec.decode(frame))
        return found

    def genuine(self, data: bytes) -> bool:
        """Say whether the MAC of one answer (with its length prefix) is right."""
        frame = data[2:]
        fields = self.codec.decode(frame).fields
        return self.mac.verify(self.codec.mab(frame), bytes.fromhex(fields.get(128) or fields[64]))

    def identity(self, message: Message) -> Identity:
        got = message.fields
        if self.pos:
            return Identity(got[41], got[42], got[60][2:8], got[11])
        return Identity("", "", "", got[11], f"{got[7]}/{got[32].zfill(11)}")


@dataclass
class Talk:
    """A POS in front of a core: sends a message, gives the answer (None when nothing came)."""

    core: HostCore
    pos: Pos
    now: int = NOW
    actions: list[Action] = field(default_factory=list)

    def __call__(self, message: Message, fault=None) -> Message | None:
        self.now += 1000
        self.actions = self.core.receive(self.pos.frame(message), self.now, fault)
        self.core.flush()
        data = [one.data for one in self.actions if isinstance(one, Send)]
        return next(iter(self.pos.read(data[0])), None) if data else None

    def code(self, message: Message, fault=None) -> str | None:
        answer = self(message, fault)
        return None if answer is None else answer.fields[39]

    def effect(self, message: Message):
        return self.core.books.effects().get(self.pos.identity(message))


def talk(name: str = "cup_pos", sign_in: str = "003", **given) -> Talk:
    """Give a POS that has signed in at a fresh core."""
    mac = given.get("mac", "")
    line = Talk(make_core(name, **given), Pos(name, mac_profile=mac))
    if line.pos.pos and line.pos.mac_profile != "none":
        line.pos.learn(line(line.pos.sign_in(sign_in)), sign_in)
    return line
