"""A node in a world of scripted terminals and hosts: real bytes, real MACs, virtual time, durability on demand.

`World` performs what the node orders as the asyncio shell does, and nothing else; with `auto=False` batches become
durable only when a test says `flush()`. All that leaves is kept: `to_host`, `to_terminal`, `logs`, `closed`, `dropped`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from storno.gateway import events as ev
from storno.gateway.node import Node
from storno.gateway.options import NodeOptions
from storno.iso8583 import mti
from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.keys import WorkingKeys, wrap_working_keys
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.journal.fact import TX_COLUMNS
from storno.journal.memory import MemoryJournal
from storno.reversal.invariants import record_problems
from storno.reversal.key import TxKey
from storno.reversal.lifecycle import Input
from storno.reversal.machine import fold
from storno.vault.memory import MemoryCardVault, MemoryKeyStore

NOW_MS = 1_767_236_400_000  # 2026-01-01 11:00 in China
TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
MAK = bytes.fromhex("89ABCDEF01234567") * 2
PIK = bytes.fromhex("1122334455667788") * 2
MID = "898440153110001"
PAN = "6214830012345678"
LINK = "host#0.0"


def mak_field(mak: bytes = MAK) -> bytes:
    """Give F62 of a sign-in answer."""
    return wrap_working_keys(TMK, WorkingKeys(PIK, mak, None, "3des"), "003")


@dataclass
class Till:
    """One terminal: builds requests and answers with its MAC, counts its numbers."""

    world: World
    tid: str = "00000001"
    conn: int = 1
    batch: str = "000001"
    mak: bytes = MAK
    stan: int = 0
    pan: str = PAN

    def __post_init__(self):
        self.mac = mac_algorithm("cup_ecb", self.mak)

    def request(self, kind="sale", amount=1000, stan=None, **more) -> Message:
        if stan is None:
            self.stan += 1
            stan = f"{self.stan:06d}"
        type_mti, f3, f25, type60 = {
            "sale": ("0200", "000000", "00", "22"),
            "void": ("0200", "200000", "00", "23"),
            "preauth": ("0100", "030000", "06", "10"),
            "preauth_void": ("0100", "200000", "06", "11"),
            "completion": ("0200", "000000", "06", "20"),
            "completion_void": ("0200", "200000", "06", "21"),
            "refund": ("0220", "200000", "00", "25"),
            "advice": ("0220", "000000", "06", "24"),
            "enquiry": ("0200", "310000", "00", "01"),
        }[kind]
        fields = {
            2: self.pan, 3: f3, 4: f"{amount:012d}", 11: stan, 14: "2512", 22: "021", 25: f25,
            35: self.pan + "D25122010000",
            41: self.tid, 42: MID, 49: "156", 52: "AABBCCDDEEFF0011", 60: type60 + self.batch + "000500",
        }  # fmt: skip
        fields |= {int(key[1:]): text for key, text in more.items()}
        fields = {number: text for number, text in fields.items() if text is not None}
        return Message(type_mti, dict(sorted(fields.items())), "6000030007", "603100310100")

    def of(self, original: Message) -> dict[str, str]:
        """Give F61 that names an original."""
        return {"f61": original.fields[60][2:8] + original.fields[11] + "0101"}

    def reversal(self, original: Message, reason: str | None = "98", **more) -> Message:
        kept = {n: t for n, t in original.fields.items() if n in (2, 3, 4, 11, 22, 25, 41, 42, 49, 60, 61)}
        kept |= {int(key[1:]): text for key, text in more.items()}
        if reason is not None:
            kept[39] = reason
        return Message("0400", dict(sorted(kept.items())), original.tpdu, original.header)

    def frame(self, msg: Message, *, mac=True) -> bytes:
        codec = self.world.node.codec
        if not mac or self.world.node.profile.mac == "none":
            return codec.encode(msg)
        return codec.seal(msg, self.mac.compute)

    def send(self, msg: Message, *, conn: int | None = None, mac=True) -> Message:
        """Send a message; its answers appear in `world.to_terminal`."""
        self.world.feed(ev.FromTerminal(self.conn if conn is None else conn, self.frame(msg, mac=mac)))
        return msg

    def answer(
        self, request: Message, code: str = "00", *, link: str = LINK, mac=True, rrn=None, **more
    ) -> bytes:
        """Let the host answer; gives the frame, so that it can come again."""
        kept = {n: t for n, t in request.fields.items() if n in (2, 3, 4, 11, 25, 41, 42, 49, 60)}
        kept |= {
            12: "110001",
            13: "0101",
            37: rrn or f"2601{request.fields[41][4:]}{request.fields[11][2:]}",
            39: code,
        }
        if request.mti[1] != "4" and code == "00":
            kept[38] = f"A{request.fields[11][1:]}"
        kept |= {int(key[1:]): text for key, text in more.items()}
        kept = {number: text for number, text in kept.items() if text is not None}
        msg = Message(mti.response(request.mti), dict(sorted(kept.items())), "6000070003", "603100310100")
        frame = self.frame(msg, mac=mac)
        self.world.feed(ev.FromHost(link, frame))
        return frame

    def approved(self, kind="sale", amount=1000, **more) -> Message:
        """Have a transaction approved and told."""
        request = self.send(self.request(kind, amount, **more))
        self.answer(request)
        assert self.world.last_code() == "00"
        return request

    def timed_out(self, kind="sale", amount=1000, **more) -> Message:
        """Have a transaction whose answer never comes."""
        request = self.send(self.request(kind, amount, **more))
        self.world.advance(self.world.node.profile.answer_timeout_ms)
        return request


@dataclass
class World:
    """Everything around one node."""

    options: NodeOptions = field(default_factory=lambda: NodeOptions(echo_ms=0))
    profile: dict = field(default_factory=dict)
    auto: bool = True
    up: tuple[str, ...] = (LINK,)

    def __post_init__(self):
        base = dialect("cup_pos")
        self.dialect = replace(base, profile=replace(base.profile, **self.profile))
        self.journal = MemoryJournal()
        self.keys = MemoryKeyStore()
        self.vault = MemoryCardVault()
        self.now = NOW_MS
        self.logs: list[ev.Log] = []
        self.orders: list[ev.Command] = []
        self.begin()

    def begin(self):
        self.to_host: list[Message] = []
        self.to_terminal: list[tuple[int, Message]] = []
        self.links: set[str] = set()
        self.closed: list[int] = []
        self.dropped: list[str] = []
        self.gone: set[int] = set()
        self.jammed: set[str] = set()
        self.host_frames: list[tuple[str, bytes]] = []
        self.node = Node(
            self.options, self.dialect, self.journal, self.keys, self.vault, self.journal.next_incarnation()
        )
        for _ in self.node.recover(self.now):
            pass
        self.settle()
        for link in self.up:
            self.link_up(link)

    def restart(self):
        """Kill the process: what is not durable is gone; a new node recovers from the journal."""
        self.begin()

    # ---------------------------------------------------------------- driving

    def till(self, number: int = 1, **given) -> Till:
        tid = f"{number:08d}"
        if not self.keys.has_terminal(tid):
            self.keys.add_master_key(tid, TMK)
            self.sign_in(tid)
        return Till(self, tid, number, **given)

    def sign_in(self, tid: str, mak: bytes = MAK):
        self.keys.keep(tid, self.keys.learn(tid, mak_field(mak), "003"))

    def feed(self, event: ev.Event):
        self.perform(self.node.step(self.now, event))
        self.settle()

    def settle(self):
        if self.auto:
            self.flush()

    def flush(self):
        """Make everything durable and let follow what waited for it."""
        while (batch := self.node.take_batch(self.now)) is not None:
            token, changes = batch
            self.journal.commit(changes)
            self.perform(self.node.step(self.now, ev.Durable(token)))

    def perform(self, commands):
        for one in commands:
            self.orders.append(one)
            if isinstance(one, ev.SendHost):
                if one.link in self.links and one.link not in self.jammed:
                    self.host_frames.append((one.link, one.frame))
                    self.to_host.append(self.node.codec.decode(one.frame))
                elif one.tx_id:
                    self.feed(ev.Unsent(one.tx_id, one.reversal))
            elif isinstance(one, ev.SendTerminal):
                if one.conn not in self.gone:
                    self.to_terminal.append((one.conn, self.node.codec.decode(one.frame[2:])))
                elif one.tx_id:
                    self.feed(ev.Undelivered(one.tx_id))
            elif isinstance(one, ev.KeepKeys):
                self.keys.keep(one.tid, one.handle)
                self.perform(one.then)
                self.feed(ev.KeysKept(one.tid))
            elif isinstance(one, ev.CloseTerminal):
                self.closed.append(one.conn)
            elif isinstance(one, ev.DropLink):
                self.dropped.append(one.link)
            else:
                self.logs.append(one)

    def link_up(self, link: str = LINK):
        self.links.add(link)
        self.feed(ev.LinkUp(link))

    def link_down(self, link: str = LINK):
        self.links.discard(link)
        self.feed(ev.LinkDown(link))

    def hang_up(self, conn: int = 1):
        self.gone.add(conn)
        self.feed(ev.TerminalGone(conn))

    def advance(self, ms: int):
        """Let time pass, looking at every deadline on the way."""
        end = self.now + ms
        looks = 0
        while (due := self.node.next_deadline_ms()) is not None and due <= end:
            self.now = max(self.now, due)
            self.feed(ev.Tick())
            looks += 1
            assert looks < 100_000, "the node asks for the same look for ever"
        self.now = end

    def order(self, what: Input, stan: str, tid: str = "00000001"):
        self.feed(ev.Order(self.row(stan, tid)["tx_id"], what, "wang", "seen in the clearing file"))

    # ---------------------------------------------------------------- looking

    def last_code(self) -> str:
        """Give F39 of what a terminal was told last."""
        return self.to_terminal[-1][1].fields[39]

    def told(self, mark: int = 0) -> list[tuple[str, str, str]]:
        """Give (MTI, STAN, F39) of everything terminals were told."""
        return [(msg.mti, msg.fields[11], msg.fields[39]) for _, msg in self.to_terminal[mark:]]

    def heard(self) -> list[tuple[str, str]]:
        """Give (MTI, STAN) of everything the host was sent."""
        return [(msg.mti, msg.fields[11]) for msg in self.to_host]

    def reversals(self, stan: str | None = None, tid: str | None = None) -> list[Message]:
        return [
            msg
            for msg in self.to_host
            if msg.mti[1] == "4" and stan in (None, msg.fields[11]) and tid in (None, msg.fields[41])
        ]

    def rows(self) -> list[dict]:
        return [dict(zip(TX_COLUMNS, row, strict=True)) for row in self.journal.rows()]

    def row(self, stan: str, tid: str = "00000001") -> dict:
        """Give the newest row of a number."""
        return [row for row in self.rows() if (row["tid"], row["stan"]) == (tid, stan)][-1]

    def state(self, msg: Message) -> str:
        return self.row(msg.fields[11], msg.fields[41])["state"]

    def record(self, msg: Message):
        found = self.journal.find(TxKey(msg.fields[41], MID, msg.fields[60][2:8], msg.fields[11]))
        return fold(self.journal.facts(found))

    def balance(self, account: str) -> int:
        return {one.account: one.amount_minor for one in self.journal.balances()}.get(account, 0)

    def in_doubt(self) -> int:
        return self.balance("suspense:host") + self.balance("suspense:hold")

    def logged(self, event: str) -> list[ev.Log]:
        return [one for one in self.logs if one.event == event]

    def check(self):
        """Assert what must hold at any time, whatever was done."""
        self.flush()
        verified = self.journal.verify()
        assert verified.problems == ()
        for row in self.rows():
            assert record_problems(fold(self.journal.facts(row["tx_id"]))) == ()
        sums: dict[str, int] = {}
        for one in self.journal.balances():
            sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
        assert set(sums.values()) <= {0}


def codec():
    """Give the codec everybody speaks here."""
    return codec_for(dialect("cup_pos"))
