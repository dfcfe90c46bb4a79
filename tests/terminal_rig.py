"""A scripted host with books, and a driver that performs a terminal's conversations without sockets.

The host answers by a plan, one word for each financial message or reversal it receives; its books say what money moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storno.iso8583 import mti
from storno.iso8583.codec import codec_for
from storno.iso8583.keys import KeyKind, WorkingKeys, wrap_working_keys
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.terminal.card import Card
from storno.terminal.machine import TerminalCore
from storno.terminal.setup import Setup
from storno.terminal.steps import Await, Complete, Connect, HangUp, Happened, Reply, Save, Send
from storno.terminal.store import MemoryStore, StoreError

CARD = Card("6200000000000005")
NOW_MS = 1_745_000_000_000


class PowerCut(BaseException):
    """The terminal's process is gone."""


@dataclass
class FakeHost:
    """Keeps books by (TID, batch, STAN); `plan` words are used up in order, "ok" when it is empty."""

    setup: Setup
    plan: list[str] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)
    applied: dict[tuple[str, str, str], int] = field(default_factory=dict)
    undone: dict[tuple[str, str, str], int] = field(default_factory=dict)
    sign_ins: int = 0
    rrn: int = 0
    give_batch: str = ""
    balance_digit: str = "1"
    late: list[bytes] = field(default_factory=list)
    mak: bytes = b""
    kind: KeyKind = KeyKind.TRIPLE_DES

    def in_force(self) -> dict[tuple[str, str, str], int]:
        """Give what is booked and not undone."""
        return {key: minor for key, minor in self.applied.items() if not self.undone.get(key)}

    def receive(self, frame: bytes) -> list[bytes]:
        """Take a frame (without prefix) and give the frames (without prefix) that go back."""
        codec = codec_for(self.setup.dialect)
        request = codec.decode(frame)
        self.seen.append(request)
        answer = self._answer(request)
        match request.mti[:2]:
            case "08":
                return [self._management(codec, request, answer)]
            case "05":
                word = self.plan.pop(0) if self.plan else "ok"
                answer.fields[48] = request.fields[48][:30] + self.balance_digit + request.fields[48][31:]
                return [] if word == "never" else [codec.encode(answer)]
            case "03":
                word = self.plan.pop(0) if self.plan else "ok"
                return [] if word == "never" else [codec.encode(answer)]
        if not self._mac_holds(codec, frame, request):
            # As a real host: nothing is posted, sign in again.
            answer.fields[39] = "A0"
            return [codec.encode(answer)]
        word = self.plan.pop(0) if self.plan else "ok"
        return self._money(codec, request, answer, word)

    def _answer(self, request: Message) -> Message:
        kept = {n: request.fields[n] for n in (2, 3, 4, 11, 25, 41, 42, 49, 60) if n in request.fields}
        answer = Message(mti.response(request.mti), kept, request.tpdu, request.header)
        self.rrn += 1
        answer.fields |= {12: "101112", 13: "0428", 37: f"{self.rrn:012d}", 39: "00"}
        return answer

    def _management(self, codec, request, answer):
        code = request.fields[60][8:11]
        if code in ("001", "003", "004", "005"):
            self.sign_ins += 1
            self.mak = bytes([0x11 * self.sign_ins % 256]) * 8 + bytes(range(8))
            kind = {"001": KeyKind.DES, "005": KeyKind.SM4}.get(code, KeyKind.TRIPLE_DES)
            self.kind = kind
            size = 8 if kind is KeyKind.DES else 16
            tdk = bytes(range(16, 32)) if code == "004" else None
            keys = WorkingKeys(pik=bytes(range(size)), mak=self.mak[:size], tdk=tdk, kind=kind)
            answer.fields[62] = wrap_working_keys(self.setup.tmk, keys, code).hex().upper()
            self.mak = self._mak_of(answer.fields[62], code)
            if self.give_batch:
                answer.fields[60] = f"00{self.give_batch}{code}"
        return codec.encode(answer)

    def _mak_of(self, block: str, code: str) -> bytes:
        from storno.iso8583.keys import unwrap_working_keys

        return unwrap_working_keys(self.setup.tmk, bytes.fromhex(block), code).mak

    def _mac_holds(self, codec, frame, request):
        return self._mac().verify(codec.mab(frame), bytes.fromhex(request.fields[64]))

    def _mac(self):
        profile = "sm4_ecb" if self.kind is KeyKind.SM4 else self.setup.profile.mac
        return mac_algorithm(profile, self.mak)

    def _money(self, codec, request, answer, word):
        key = (request.fields[41], request.fields[60][2:8], request.fields[11])
        word, _, argument = word.partition(":")
        mac = self._mac()
        amount = int(request.fields.get(4, "0"))
        if word == "partial":
            amount = int(argument)
            answer.fields |= {4: f"{amount:012d}", 39: "10"}
        booked = word not in ("never", "decline", "bad_mac_decline")
        if request.mti.startswith("04"):
            if booked and word != "refuse" and key in self.applied:
                self.undone[key] = 1
            if key not in self.applied:
                answer.fields[39] = "25"
        elif booked and word != "refuse" and request.fields[3] != "310000":
            self.applied[key] = amount
            answer.fields[38] = "A12345"
        match word:
            case "never" | "lost":
                return []
            case "decline" | "refuse" | "bad_mac_decline":
                answer.fields[39] = argument or "51"
                if word == "bad_mac_decline":
                    answer.fields[64] = "00" * 8
                return [codec.encode(answer)]
            case "no39":
                del answer.fields[39]
            case "wrong_stan":
                answer.fields[11] = "999998"
            case "wrong_amount":
                answer.fields[4] = f"{amount + 1:012d}"
            case "garbage":
                return [b"\x60\x00"]
            case "late":
                self.late.append(codec.seal(answer, mac.compute))
                return []
            case "after_late":
                return [*self.late, codec.seal(answer, mac.compute)]
            case "code":
                answer.fields[39] = argument
        sealed = codec.seal(answer, mac.compute)
        if word == "bad_mac":
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        return [sealed]


class FailingStore(MemoryStore):
    """A memory store whose next commits can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_at: set[int] = set()
        self.commits = 0

    def commit(self, changes):
        self.commits += 1
        if self.commits in self.fail_at:
            raise StoreError("full", "满")
        super().commit(changes)


@dataclass
class Rig:
    """One terminal with its store and host; counts steps so that the power can be cut at any of them."""

    setup: Setup = field(default_factory=Setup)
    store: MemoryStore = field(default_factory=MemoryStore)
    connects: list[bool] = field(default_factory=list)
    sends: list[bool] = field(default_factory=list)
    completes: bool = True
    cut_before: int = -1
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.host = FakeHost(self.setup)
        self.steps: list[object] = []
        self.inbox: list[bytes] = []
        self.restart()

    def restart(self) -> None:
        """Start a new process over the same store."""
        self.inbox = []
        self.core = TerminalCore(self.setup, self.store.load())

    def run(self, talk):
        """Perform a conversation to its end."""
        self.steps = []
        reply = None
        while True:
            try:
                step = talk.send(reply)
            except StopIteration as done:
                return done.value
            if len(self.steps) == self.cut_before:
                talk.close()
                raise PowerCut
            self.steps.append(step)
            reply = Reply(*self._do(step))

    def _do(self, step):
        match step:
            case Connect():
                return (Happened.DONE if not self.connects or self.connects.pop(0) else Happened.FAILED,)
            case Save(changes):
                try:
                    self.store.commit(changes)
                except StoreError:
                    return (Happened.FAILED,)
                return (Happened.DONE,)
            case Send(data, _):
                if self.sends and not self.sends.pop(0):
                    return (Happened.FAILED,)
                self.inbox += self.host.receive(data[2:])
                return (Happened.DONE,)
            case Await():
                return (Happened.FRAME, self.inbox.pop(0)) if self.inbox else (Happened.SILENCE,)
            case HangUp():
                if not self.setup.keep_open:
                    self.inbox = []
                return (Happened.DONE,)
            case Complete():
                return (Happened.DONE if self.completes else Happened.FAILED,)
        raise AssertionError(step)

    def sign_in(self):
        """Sign in."""
        return self.run(self.core.sign_in(self.now_ms))

    def sale(self, amount_minor=1234, *plan, card=CARD):
        """Sell; the plan is what the host does with the messages that follow."""
        from storno.terminal.operation import Operation
        from storno.terminal.request import Order

        self.host.plan += plan
        self.now_ms += 1000
        return self.run(self.core.transact(Order(Operation.SALE, amount_minor, card), self.now_ms))

    def drain(self, *plan):
        """Clear the pending reversal."""
        self.host.plan += plan
        return self.run(self.core.drain(self.now_ms))
