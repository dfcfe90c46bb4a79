"""A real `storno gateway` process between blocking sockets: terminals that misbehave, and a host that does as told.

Messages are built from field texts; nothing of the terminal package or the host simulator is used.
"""

import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.keys import KeyKind, WorkingKeys, wrap_working_keys
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.vault import FileKeyStore, load_master
from storno.vault.testkeys import TEST_TMK

ROOT = Path(__file__).parents[1]
CODEC = codec_for(dialect("cup_pos"))
KEYS = WorkingKeys(bytes(range(16)), bytes(range(1, 9)), None, KeyKind.TRIPLE_DES)
MAC = mac_algorithm("cup_ecb", KEYS.mak)
OTHER_TMK = bytes.fromhex("FEDCBA98765432100123456789ABCDEF")
TID, MID, BATCH = "00000001", "898440153110001", "000001"
WAIT_S = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: Callable[[], object], seconds: float = WAIT_S) -> None:
    """Wait until something is true; fails with its name when it never is."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)


def sale(stan: int | str, tid: str = TID, **changed: str | None) -> Message:
    fields: dict[int, str | None] = {
        2: "6225000000000014", 3: "000000", 4: "000000010000", 11: f"{int(stan):06d}", 22: "021", 25: "00", 41: tid,
        42: MID, 49: "156", 60: f"22{BATCH}000500",
    }  # fmt: skip
    fields |= {int(name[1:]): text for name, text in changed.items()}
    told = {n: text for n, text in sorted(fields.items()) if text is not None}
    return Message("0200", told, "6000030000", "603100000000")


def sealed(message: Message) -> bytes:
    return CODEC.frame(CODEC.seal(message, MAC.compute))


def read_frame(sock: socket.socket) -> bytes | None:
    """One frame without its length; None when the peer closed."""
    held = b""
    while len(held) < 2 or len(held) < 2 + int.from_bytes(held[:2], "big"):
        want = 2 - len(held) if len(held) < 2 else 2 + int.from_bytes(held[:2], "big") - len(held)
        try:
            data = sock.recv(want)
        except ConnectionError:
            return None
        if not data:
            return None
        held += data
    return held[2:]


class Terminal:
    """A blocking connection to the gateway."""

    numbers = itertools.count(1)

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="127.0.0.1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self) -> Message | None:
        frame = read_frame(self.sock)
        return None if frame is None else CODEC.decode(frame)

    def ask(self, frame: bytes) -> str | None:
        """Send a frame; give F39 of the answer, or None when the gateway closed."""
        self.send(frame)
        told = self.answer()
        return None if told is None else told.fields[39]

    def closed(self) -> bool:
        """Wait until the gateway closes."""
        return read_frame(self.sock) is None


@dataclass
class Host:
    """A host in a thread per connection. `mode`: answer, silent (takes and says nothing), garbage, slow (0.3 s)."""

    port: int = field(default_factory=free_port)
    mode: str = "answer"
    tmk: bytes = TEST_TMK
    tls: ssl.SSLContext | None = None
    heard: list[Message] = field(default_factory=list)
    links: int = 0

    def __post_init__(self) -> None:
        self._open: list[socket.socket] = []
        self._server: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def stop(self) -> None:
        for one in (self._server, *self._open):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._server = None
        self._open.clear()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock, _ = server.accept()
                if self.tls is not None:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
                self.links += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while (frame := read_frame(sock)) is not None:
                asked = CODEC.decode(frame)
                self.heard.append(asked)
                if self.mode == "garbage":
                    sock.sendall(b"\xff\xff GET / HTTP/1.1\r\n")
                elif self.mode == "slow":
                    threading.Timer(0.3, self._say, (sock, asked)).start()
                elif self.mode == "answer":
                    self._say(sock, asked)

    def _say(self, sock: socket.socket, asked: Message) -> None:
        fields = {n: asked.fields[n] for n in (3, 4, 11, 25, 41, 42, 49, 60) if n in asked.fields}
        fields |= {12: "101530", 13: "0105", 37: f"1{int(asked.fields[11]):011d}", 39: "00"}
        if asked.mti == "0200":
            fields[38] = "135790"
        if asked.mti == "0800":
            fields[62] = wrap_working_keys(self.tmk, KEYS, asked.fields[60][8:11]).hex().upper()
        mti = asked.mti[:2] + str(int(asked.mti[2]) + 1) + asked.mti[3]
        tpdu = asked.tpdu[:2] + asked.tpdu[6:] + asked.tpdu[2:6]
        answer = Message(mti, dict(sorted(fields.items())), tpdu, asked.header)
        body = CODEC.encode(answer) if asked.mti[1] == "8" else CODEC.seal(answer, MAC.compute)
        with suppress(OSError), self._lock:
            sock.sendall(CODEC.frame(body))

    def count(self, mti: str) -> int:
        return sum(one.mti == mti for one in self.heard)


def make_home(home: Path, *tids: str) -> None:
    """Make a folder in which these terminals have signed in."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = FileKeyStore(
        home / "keys.db", load_master({}, home / "master.key", create=True, warn=lambda *_: None)
    )
    for tid in tids:
        store.add_master_key(tid, TEST_TMK)
        store.keep(tid, store.learn(tid, wrap_working_keys(TEST_TMK, KEYS, "003"), "003"))
    store.close()


@dataclass
class Gateway:
    """A `storno gateway` process over a home folder; `more` are lines of [gateway], `tables` whole further tables."""

    home: Path
    host: int
    more: str = ""
    tables: str = ""
    limits: Callable[[], None] | None = None
    port: int = field(default_factory=free_port)
    runs: ClassVar[Iterator[int]] = itertools.count(1)

    def __enter__(self) -> Self:
        if not (self.home / "keys.db").exists():
            make_home(self.home, TID)
        self.start()
        self.wait_open()
        return self

    def start(self) -> None:
        (self.home / "storno.toml").write_text(
            f'[gateway]\nlisten = "127.0.0.1:{self.port}"\nhosts = ["127.0.0.1:{self.host}"]\n'
            f"test_terminals = false\nreconnect_max_s = 0.25\n{self.more}\n{self.tables}\n",
            "utf-8",
        )
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "STORNO_LANG": "en"}
        environ.pop("STORNO_MASTER_KEY", None)
        self.log = (self.home.parent / f"gateway-{self.port}-{next(self.runs)}.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "storno", "gateway", "--home", str(self.home)],
            stdout=self.log, stderr=self.log, env=environ, preexec_fn=self.limits,  # noqa: PLW1509 sets a limit, nothing else
        )  # fmt: skip

    def wait_open(self) -> None:
        wait_for(lambda: self.process.poll() is not None or "listening on" in self.said())
        assert self.process.poll() is None, self.said()

    def wait_link(self) -> None:
        wait_for(lambda: "host link is up" in self.said())

    def said(self) -> str:
        return Path(self.log.name).read_text("utf-8")

    def exit_code(self) -> int:
        return self.process.wait(WAIT_S)

    def refused(self) -> tuple[int, str]:
        """Start it where it cannot run; give its exit code and what it said."""
        self.start()
        try:
            return self.exit_code(), self.said()
        finally:
            self.__exit__()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.exit_code()

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def terminal(self, tls: ssl.SSLContext | None = None) -> Terminal:
        return Terminal(self.port, tls)
