"""SoftCardVault: card numbers as keyed hashes and as sealed copies under a key per day.

The token key is random and outlives rotations of the master key, so a card keeps its token. A day's key is durable
before anything is sealed under it. Destroying it (`shred`) makes every sealed copy of that day unreadable wherever
backups of the journal may lie. Clear card numbers appear in no error and no row.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storno.vault.base import CardNumberError, DamagedVault, Shredded, Tampered, VaultError

if TYPE_CHECKING:
    from storno.vault.rows import Rows

_DAY_KEY, _GONE, _TOKEN = "day", "shredded", "token"
_VERSION = b"\x01"
_ID_SIZE, _NONCE_SIZE, _KEY_SIZE, _TAG_SIZE, _DAY_SIZE = 8, 12, 32, 16, 8
_HEAD_SIZE = 1 + _ID_SIZE
_TOKEN_DIGITS = 32
_HASH_BLOCK = 64


class Chance(Protocol):
    """Where keys and nonces come from: the system's randomness, or a seed in the simulator."""

    def key(self, label: str, size: int) -> bytes:
        """Give fresh key bytes; the label keeps seeded ones apart."""
        ...

    def nonce(self, pan: str, tx_id: str) -> bytes:
        """Give 12 bytes that never repeat under one key with another text."""
        ...


class SoftCardVault:
    """CardVault over rows. Day keys stay in memory; one process seals and shreds."""

    def __init__(self, rows: Rows, chance: Chance) -> None:
        self._rows = rows
        self._chance = chance
        self._sealing: dict[str, tuple[bytes, AESGCM]] = {}
        self._opening: dict[bytes, AESGCM] = {}
        key = self._token_key()
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(_HASH_BLOCK, b"\0")))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(_HASH_BLOCK, b"\0")))

    def token(self, pan: str) -> str:
        """Give the keyed hash of a card number: HMAC-SHA256 cut to 128 bits, as hex."""
        _sound_pan(pan)
        # HMAC spelled out over two kept states: hmac.digest() keys itself anew each time, at three times the cost
        inner = self._inner.copy()
        inner.update(pan.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()[:_TOKEN_DIGITS]

    def seal(self, pan: str, tx_id: str, day: str) -> bytes:
        """Encrypt a card number for one transaction under the key of `day`."""
        _sound_pan(pan)
        found = self._sealing.get(day)
        head, cipher = found if found is not None else self._open_day(day)
        nonce = self._chance.nonce(pan, tx_id)
        return head + nonce + cipher.encrypt(nonce, pan.encode(), head + tx_id.encode())

    def open(self, sealed: bytes, tx_id: str) -> str:
        """Give the card number back, or raise Shredded or Tampered."""
        if len(sealed) <= _HEAD_SIZE + _NONCE_SIZE + _TAG_SIZE or sealed[:1] != _VERSION:
            raise Tampered
        head, nonce, text = (
            sealed[:_HEAD_SIZE],
            sealed[_HEAD_SIZE:][:_NONCE_SIZE],
            sealed[_HEAD_SIZE + _NONCE_SIZE :],
        )
        cipher = self._opening.get(head) or self._find(head)
        try:
            return cipher.decrypt(nonce, text, head + tx_id.encode()).decode("ascii")
        except InvalidTag:
            raise Tampered from None

    def prepare(self, day: str) -> None:
        """Create the key of a day beforehand."""
        if day not in self._sealing:
            self._open_day(day)

    def shred(self, before_day: str) -> int:
        """Destroy the keys of all days before this one; give their number."""
        limit = _plain_day(before_day)
        doomed: list[tuple[str, bytes]] = []
        for name in self._rows.names(_DAY_KEY):
            value = self._rows.get(_DAY_KEY, name)
            if value is not None and value[:_DAY_SIZE].decode() < limit:
                doomed.append((name, value[:_DAY_SIZE]))
        self._rows.apply(
            [(_GONE, name, day) for name, day in doomed],
            [(_DAY_KEY, name) for name, _ in doomed],
        )
        gone = {_VERSION + bytes.fromhex(name) for name, _ in doomed}
        self._opening = {head: cipher for head, cipher in self._opening.items() if head not in gone}
        self._sealing = {day: found for day, found in self._sealing.items() if found[0] not in gone}
        self._rows.scrub()
        return len(doomed)

    def close(self) -> None:
        """Let go of the file and the day keys."""
        self._sealing.clear()
        self._opening.clear()
        self._rows.close()

    def _token_key(self) -> bytes:
        key = self._rows.get(_TOKEN, "key")
        if key is not None:
            return key
        # two processes may open a new vault at once; both must end with the same key
        return self._rows.put_new(_TOKEN, "key", self._chance.key("token", _KEY_SIZE))

    def _open_day(self, day: str) -> tuple[bytes, AESGCM]:
        plain = _plain_day(day)
        for name in self._rows.names(_DAY_KEY):
            value = self._rows.get(_DAY_KEY, name)
            if value is not None and value[:_DAY_SIZE].decode() == plain:
                head = _VERSION + bytes.fromhex(name)
                break
        else:
            # a day shredded before gets another identity, so what was sealed under the old key stays Shredded
            label = f"{plain}/{len(self._rows.names(_GONE))}"
            name = self._chance.key(f"id/{label}", _ID_SIZE).hex()
            value = plain.encode() + self._chance.key(f"day/{label}", _KEY_SIZE)
            self._rows.apply([(_DAY_KEY, name, value)])
            head = _VERSION + bytes.fromhex(name)
        found = (head, self._find(head))
        self._sealing[day] = found
        return found

    def _find(self, head: bytes) -> AESGCM:
        name = head[1:].hex()
        value = self._rows.get(_DAY_KEY, name)
        if value is None:
            day = self._rows.get(_GONE, name)
            raise Tampered if day is None else Shredded(day.decode())
        if len(value) != _DAY_SIZE + _KEY_SIZE:
            raise DamagedVault(
                f"the data key {name} has {len(value)} bytes; restore the card vault from a backup",
                f"数据密钥 {name} 长度为 {len(value)} 字节, 请用备份恢复卡号保险库",
            )
        cipher = self._opening[head] = AESGCM(value[_DAY_SIZE:])
        return cipher


def _sound_pan(pan: str) -> None:
    if not (0 < len(pan) <= 19 and pan.isascii() and pan.isdigit()):
        raise CardNumberError


def _plain_day(day: str) -> str:
    """Bring both spellings of a day to YYYYMMDD, which sorts."""
    plain = day.replace("-", "") if len(day) == 10 and day[4] == day[7] == "-" else day
    if len(plain) != _DAY_SIZE or not (plain.isascii() and plain.isdigit()):
        raise VaultError(
            f"{day!r} is no day; write YYYYMMDD or YYYY-MM-DD",
            f"{day!r} 不是日期, 请写成 YYYYMMDD 或 YYYY-MM-DD",
        )
    return plain
