"""Peers that know nothing of Storno: a terminal and a host packed by hand from the published POS field table.

Nothing of the package is imported here: bytes, MACs and wrapped keys are this file's own, so a shared mistake shows.
Beside the host stand its own books; `one_sided` holds the gateway's journal against them, from outside.
"""

import itertools
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

ROOT = Path(__file__).parents[1]
WAIT_S = 15.0
TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
MAK = bytes.fromhex("C24A8FB57AA20123")
MAK16 = bytes.fromhex("73FE29329283FDF12540B6F80437C107")
PIK = bytes.fromhex("807A23AD32B36D457AE91FDF927570EA")
TPDU, HEADER, MID = "6000030000", "603100311003", "898440153110001"
PAN = "6225760000000012"
DOUBT = ("reversing", "authorizing", "advising")

QUICK = (
    "answer_timeout_ms = 400", "reversal_timeout_ms = 250", "backoff_first_ms = 100", "backoff_max_ms = 300",
)  # fmt: skip
Fields = dict[int, Any]


# ------------------------------------------------------------------ bytes, by hand
def bcd(digits: str, *, right: bool = False, pad: str = "0") -> bytes:
    if len(digits) % 2:
        digits = pad + digits if right else digits + pad
    return bytes.fromhex(digits)


DIGITS = {3: 6, 4: 12, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 22: 3, 23: 3, 25: 2, 26: 2, 53: 16}
CHARS = {37: 12, 38: 6, 39: 2, 40: 3, 41: 8, 42: 15, 49: 3}
LLDIGITS, LLTRACK, LLCHARS = (2, 32), (35,), (44,)
LLLDIGITS, LLLTRACK, LLLBYTES = (48, 60, 61), (36,), (54, 55, 57, 58, 59, 62, 63)
BYTES = {52: 8, 64: 8}


def pack_field(n: int, value: Any, pad: str) -> bytes:
    if n in DIGITS:
        return bcd(value, right=n == 23)
    if n in CHARS:
        return value.encode("latin-1")
    if n in BYTES:
        return value
    if n in LLDIGITS + LLTRACK:
        return bcd(f"{len(value):02d}") + bcd(value, pad=pad)
    if n in LLCHARS:
        return bcd(f"{len(value):02d}") + value
    if n in LLLDIGITS + LLLTRACK:
        return bcd(f"{len(value):04d}") + bcd(value, pad=pad)
    return bcd(f"{len(value):04d}") + value


def pack(mti: str, fields: Fields, *, tpdu: str = TPDU, header: str = HEADER, pad: str = "0") -> bytes:
    bitmap = 0
    for n in fields:
        bitmap |= 1 << (64 - n)
    body = b"".join(pack_field(n, fields[n], pad) for n in sorted(fields))
    return bytes.fromhex(tpdu + header + mti) + struct.pack(">Q", bitmap) + body


def frame(body: bytes) -> bytes:
    return struct.pack(">H", len(body)) + body


@dataclass
class Told:
    """A message taken apart."""

    mti: str
    fields: Fields
    tpdu: str
    header: str
    body: bytes

    def __getitem__(self, n: int) -> Any:
        return self.fields.get(n)


def unpack(body: bytes) -> Told:
    (bitmap,) = struct.unpack_from(">Q", body, 13)
    at, fields = 21, {}

    def take(size: int) -> bytes:
        nonlocal at
        assert at + size <= len(body), "cut off"
        at += size
        return body[at - size : at]

    for n in range(2, 65):
        if not bitmap >> (64 - n) & 1:
            continue
        if n in DIGITS:
            size = DIGITS[n]
            text = take((size + 1) // 2).hex()
            fields[n] = text[-size:] if n == 23 else text[:size]
        elif n in CHARS:
            fields[n] = take(CHARS[n]).decode("latin-1")
        elif n in BYTES:
            fields[n] = take(BYTES[n])
        elif n in LLDIGITS + LLTRACK:
            size = int(take(1).hex())
            fields[n] = take((size + 1) // 2).hex()[:size].upper()
        elif n in LLCHARS:
            fields[n] = take(int(take(1).hex()))
        elif n in LLLDIGITS + LLLTRACK:
            size = int(take(2).hex())
            fields[n] = take((size + 1) // 2).hex()[:size].upper()
        else:
            fields[n] = take(int(take(2).hex()))
    assert at == len(body), "bytes left over"
    return Told(body[11:13].hex(), fields, body[:5].hex(), body[5:11].hex(), body)


# ------------------------------------------------------------------ MAC and keys, by hand
def des(key: bytes, data: bytes) -> bytes:
    whole = key * 3 if len(key) == 8 else key + key[:8]
    work = Cipher(TripleDES(whole), modes.ECB()).encryptor()
    return work.update(data) + work.finalize()


def undes(key: bytes, data: bytes) -> bytes:
    work = Cipher(TripleDES(key * 3), modes.ECB()).decryptor()
    return work.update(data) + work.finalize()


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def blocks(data: bytes) -> Iterator[bytes]:
    data += bytes(-len(data) % 8)
    return (data[i : i + 8] for i in range(0, len(data), 8))


def mac_ecb(mab: bytes, key: bytes = MAK) -> bytes:
    total = bytes(8)
    for block in blocks(mab):
        total = xor(total, block)
    text = total.hex().upper().encode()
    return des(key, xor(des(key, text[:8]), text[8:])).hex().upper().encode()[:8]


def mac_x919(mab: bytes, key: bytes = MAK16) -> bytes:
    value = bytes(8)
    for block in blocks(mab):
        value = des(key[:8], xor(value, block))
    return des(key[:8], undes(key[8:], value))


MACS: dict[str, Callable[[bytes], bytes]] = {"cup_ecb": mac_ecb, "x919": mac_x919}


def seal(mti: str, fields: Fields, mac: str = "cup_ecb", **head: str) -> bytes:
    if mac == "none":
        return frame(pack(mti, {n: v for n, v in fields.items() if n != 64}, **head))
    body = pack(mti, {**fields, 64: bytes(8)}, **head)
    return frame(body[:-8] + MACS[mac](body[11:-8]))


def wrapped_keys(mac: str = "cup_ecb") -> bytes:
    mak = MAK16 if mac == "x919" else MAK
    return des(TMK, PIK) + des(PIK, bytes(8))[:4] + des(TMK, mak).ljust(16, b"\0") + des(mak, bytes(8))[:4]


def read_frame(sock: socket.socket) -> bytes | None:
    held = b""
    while len(held) < 2 or len(held) < 2 + struct.unpack_from(">H", held)[0]:
        want = 2 - len(held) if len(held) < 2 else 2 + struct.unpack_from(">H", held)[0] - len(held)
        try:
            data = sock.recv(want)
        except ConnectionError:
            return None
        if not data:
            return None
        held += data
    return held[2:]


# ------------------------------------------------------------------ the terminal
def sale(tid: str, stan: int, **changed: Any) -> Fields:
    fields: Fields = {
        2: PAN, 3: "000000", 4: "000000001000", 11: f"{stan:06d}", 14: "3012", 22: "021", 25: "00",
        35: PAN + "D30122010000012300", 41: tid, 42: MID, 49: "156", 60: "22000001000500",
    }  # fmt: skip
    return changed_by(fields, changed)


def changed_by(fields: Fields, changed: dict[str, Any]) -> Fields:
    both = fields | {int(name[1:]): value for name, value in changed.items()}
    return {n: both[n] for n in sorted(both) if both[n] is not None}


def undo(request: Fields, **changed: Any) -> Fields:
    kept = {n: v for n, v in request.items() if n not in (14, 26, 35, 36, 37, 52, 53, 55, 62, 63, 64)}
    return changed_by({**kept, 39: "98"}, changed)


class Till:
    """A blocking connection of one terminal."""

    def __init__(self, port: int, tid: str, mac: str = "cup_ecb") -> None:
        self.tid, self.mac, self.stan = tid, mac, 0
        self.port = port
        self.dial()

    def dial(self) -> None:
        with suppress(AttributeError):
            self.sock.close()
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def sale(self, **changed: Any) -> Fields:
        self.stan += 1
        return sale(self.tid, self.stan, **changed)

    def wire(self, fields: Fields, mti: str = "0200", **head: str) -> bytes:
        return seal(mti, fields, self.mac, **head)

    def send(self, fields: Fields, mti: str = "0200", **head: str) -> None:
        self.sock.sendall(self.wire(fields, mti, **head))

    def hear(self) -> Told | None:
        body = read_frame(self.sock)
        return None if body is None else unpack(body)

    def ask(self, fields: Fields, mti: str = "0200", **head: str) -> str | None:
        self.send(fields, mti, **head)
        told = self.hear()
        return None if told is None else told[39]

    def sign_in(self) -> str | None:
        fields = {11: "000000", 41: self.tid, 42: MID, 60: "00000001003", 63: b"01 "}
        self.sock.sendall(frame(pack("0800", fields)))
        told = self.hear()
        return None if told is None else told[39]

    def silent(self, seconds: float = 0.15) -> bool:
        self.sock.settimeout(seconds)
        try:
            return not self.sock.recv(1)
        except TimeoutError:
            return True
        finally:
            with suppress(OSError):
                self.sock.settimeout(WAIT_S)


# ------------------------------------------------------------------ the host
Answer = Callable[["Bank", socket.socket, Told], bool]
"""A script: True when it has dealt with the message itself."""


@dataclass
class Bank:
    """A host with its own books. `script` may take over; else every request is booked and answered."""

    script: Answer | None = None
    mac: str = "cup_ecb"
    tombstones: bool = True
    books: dict[tuple[str, str], int] = field(default_factory=dict)
    heard: list[Told] = field(default_factory=list)
    links: list[socket.socket] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        self.stones: set[tuple[str, str]] = set()
        self.lock = threading.Lock()
        self.door: socket.socket | None = None
        self.ours: list[socket.socket] = []
        self.open()
        return self

    def open(self) -> None:
        self.door = socket.create_server(("127.0.0.1", self.port))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.door,), daemon=True).start()

    def shut(self) -> None:
        for one in (self.door, *self.ours):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self.links.clear()

    def __exit__(self, *exc: object) -> None:
        self.shut()

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock, _ = door.accept()
                self.links.append(sock)
                self.ours.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while (body := read_frame(sock)) is not None:
                asked = unpack(body)
                with self.lock:
                    self.heard.append(asked)
                    if asked.mti[2] not in "02":
                        continue
                    if self.script is None or not self.script(self, sock, asked):
                        self.say(sock, asked, self.book(asked))

    def book(self, asked: Told) -> str:
        """Move the money; give F39."""
        key = (asked[41], asked[11])
        if asked.mti == "0400":
            self.stones.add(key)
            return "00" if self.books.pop(key, None) is not None else "25"
        if asked.mti in ("0200", "0220", "0100") and asked[3][:2] != "31":
            if key in self.stones and self.tombstones:
                return "22"
            self.books[key] = int(asked[4]) * (-1 if asked[3][:2] == "20" else 1)
        return "00"

    def reply(self, asked: Told, code: str, *, mti: str = "", mac: bool = True, **changed: Any) -> bytes:
        kept = {n: asked[n] for n in (3, 4, 11, 25, 41, 42, 49, 60) if n in asked.fields}
        kept |= {12: "101530", 13: "0105", 37: f"7{asked[11]}{asked[41][-5:]}", 39: code}
        if asked.mti == "0800" and code == "00":
            kept[62] = wrapped_keys(self.mac)
        fields = changed_by(kept, changed)
        mti = mti or f"{asked.mti[:2]}{int(asked.mti[2]) + 1}0"
        head = {"tpdu": asked.tpdu[:2] + asked.tpdu[6:] + asked.tpdu[2:6], "header": asked.header}
        sealed = mac and asked.mti[1] in "124" and 64 not in changed
        return seal(mti, fields, self.mac if sealed else "none", **head)

    def say(self, sock: socket.socket, asked: Told, code: str, **how: Any) -> None:
        with suppress(OSError):
            sock.sendall(self.reply(asked, code, **how))

    def got(self, mti: str, tid: str = "", stan: str = "") -> list[Told]:
        return [m for m in tuple(self.heard) if m.mti == mti and tid in ("", m[41]) and stan in ("", m[11])]


# ------------------------------------------------------------------ the gateway, from outside
def wait_for(what: Callable[[], object], seconds: float = WAIT_S) -> Any:
    end = time.monotonic() + seconds
    while not (got := what()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain")
        time.sleep(0.01)
    return got


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Box:
    """A `storno gateway` process with test terminals; `toml` is put behind its own lines."""

    home: Path
    hosts: tuple[int, ...]
    gateway: str = ""
    profile: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    runs: ClassVar[Iterator[int]] = itertools.count(1)

    def __enter__(self) -> Self:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.start()
        return self

    def start(self) -> None:
        hosts = ", ".join(f'"127.0.0.1:{port}"' for port in self.hosts)
        (self.home / "storno.toml").write_text(
            f'[gateway]\nlisten = "127.0.0.1:{self.port}"\nhosts = [{hosts}]\nreconnect_max_s = 0.25\n'
            f"{self.gateway}\n[profile]\n{self.profile}\n"
            + "".join(line + "\n" for line in QUICK if line.split()[0] not in self.profile),
            "utf-8",
        )
        self.log = self.home.parent / f"{self.home.name}-{next(self.runs)}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "storno", "gateway", "--home", str(self.home)],
                stdout=out, stderr=out, env=self.env(),
            )  # fmt: skip
        wait_for(lambda: self.process.poll() is not None or "listening on" in self.said())
        assert self.process.poll() is None, self.said()
        wait_for(lambda: self.said().count("link is up") >= len(self.hosts))

    def env(self) -> dict[str, str]:
        mine = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "STORNO_LANG": "en"}
        mine.pop("STORNO_MASTER_KEY", None)
        return {**mine, **self.environ}

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def till(self, tid: str, mac: str = "cup_ecb") -> Till:
        return Till(self.port, tid, mac)

    def run(self, *arguments: str) -> Any:
        """Give what a command prints as JSON, whatever its exit code."""
        command = [sys.executable, "-m", "storno", *arguments, "--home", str(self.home), "--json"]
        done = subprocess.run(command, capture_output=True, env=self.env(), check=False, timeout=60)
        return json.loads(done.stdout)

    def rows(self, tid: str = "", stan: str = "") -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.home / 'journal.db'}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            found = db.execute(
                "SELECT * FROM transactions WHERE ?1 IN ('', tid) AND ?2 IN ('', stan) ORDER BY opened_seq",
                (tid, stan),
            )
            return [dict(row) for row in found]

    def row(self, tid: str, stan: str) -> dict[str, Any]:
        found = self.rows(tid, stan)
        assert len(found) == 1, found
        return found[0]

    def settled(self, tid: str, stan: str, *states: str) -> dict[str, Any]:
        """Wait until a transaction stands in one of these states."""
        got: list[dict[str, Any]] = []

        def there() -> bool:
            got[:] = [row for row in self.rows(tid, stan) if row["state"] in states]
            return bool(got)

        try:
            wait_for(there, 10)
        except AssertionError:
            raise AssertionError((states, self.rows(tid, stan), self.said()[-2000:])) from None
        return got[0]

    def one_sided(self, bank: Bank) -> list[str]:
        """List where the bank's books and ours differ with no reversal under way and no open exception."""
        ours: dict[tuple[str, str], int] = {}
        doubt: set[tuple[str, str]] = set()
        for row in self.rows():
            key = (row["tid"], row["stan"])
            if row["case_kind"] or row["state"] in DOUBT:
                doubt.add(key)
            if row["position"] == "effect":
                sign = -1 if row["kind"] in ("void", "refund", "preauth_void", "completion_void") else 1
                amount = row["amount_minor"] if row["approved_minor"] is None else row["approved_minor"]
                ours[key] = ours.get(key, 0) + sign * amount
        return [
            f"{key}: bank {bank.books.get(key, 0)}, ours {ours.get(key, 0)}"
            for key in sorted({*ours, *bank.books})
            if bank.books.get(key, 0) != ours.get(key, 0) and key not in doubt
        ]
