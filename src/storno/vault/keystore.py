"""SoftKeyStore: the key store in software, over any rows.

Working keys are decrypted once and live in this process as cipher contexts; TMKs are read only while they are used.
`keep` writes first and changes memory after, so a failed write leaves the old MAK in place. Not for the PIN keys of
other institutions: PIN blocks are made here only for the terminal client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.iso8583.cipher import DES_LENGTHS, KeyKind, KeyLengthError
from storno.iso8583.keys import WorkingKeys, check_value, encrypt_pin, unwrap_working_keys
from storno.iso8583.mac import Mac, mac_algorithm, profile_for
from storno.vault.base import DamagedVault, NoMasterKey, VaultError, WorkingKeysHandle

if TYPE_CHECKING:
    from storno.vault.rows import Rows

_TMK, _WORKING, _LINK = "tmk", "working", "link"
_NAME_MAX = 64


class SoftKeyStore:
    """KeyStore over rows. One thread at a time uses a `Mac` it hands out."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._macs: dict[str, dict[str, Mac]] = {}
        self._link_macs: dict[str, dict[str, Mac]] = {}
        self._changes = 0
        self._no_mac = mac_algorithm("none", b"")

    def terminal_mac(self, tid: str, profile: str) -> Mac | None:
        """Give the MAC under the terminal's current MAK; None when it has not signed in."""
        try:
            return self._macs[tid][profile]
        except KeyError:
            return self._first_mac(tid, profile)

    def _first_mac(self, tid: str, profile: str) -> Mac | None:
        if profile == "none":
            return self._no_mac
        seen = self._changes
        keys = self._keys(tid)
        if keys is None:
            return None
        mac = _mac(profile, keys)
        self._macs.setdefault(tid, {})[profile] = mac
        if self._changes != seen:
            # a `keep` on another thread came between reading and caching: the next call reads again
            self._macs.pop(tid, None)
        return mac

    def learn(self, tid: str, field62: bytes, sign_in_code: str, profile: str = "none") -> WorkingKeysHandle:
        """Unwrap the keys of a sign-in answer under the terminal's TMK; installs nothing."""
        tmk = self._rows.get(_TMK, tid)
        if tmk is None:
            raise NoMasterKey(tid)
        keys = unwrap_working_keys(tmk, field62, sign_in_code)
        _mac(profile, keys)
        return _handle(tid, keys)

    def keep(self, tid: str, handle: WorkingKeysHandle) -> None:
        """Install learned keys, durably and at once; until this returns the old MAK stands."""
        keys = handle.secret
        if handle.tid != tid or not isinstance(keys, WorkingKeys):
            raise AssertionError(
                f"the handle was learned for terminal {handle.tid!r} of another store, not {tid!r}"
            )
        self._rows.apply([(_WORKING, tid, _pack(keys))])
        self._changes += 1
        self._macs.pop(tid, None)

    def working(self, tid: str) -> WorkingKeysHandle | None:
        """Give the handle of the installed working keys; None before a sign-in."""
        keys = self._keys(tid)
        return None if keys is None else _handle(tid, keys)

    def has_terminal(self, tid: str) -> bool:
        """Tell whether the terminal has a TMK here."""
        return self._rows.get(_TMK, tid) is not None

    def terminals(self) -> tuple[str, ...]:
        """List the terminals with a TMK, sorted."""
        return self._rows.names(_TMK)

    def add_master_key(self, tid: str, tmk: bytes, kind: str = "3des") -> str:
        """Load or replace a TMK; give its check value as 8 hex digits.

        Raises:
            KeyLengthError: not 8, 16 or 24 bytes (16 with SM4).
            VaultError: the TID is no name, or the key is all zero.

        """
        _sound_name(tid, "TID")
        if not any(tmk):
            raise VaultError(
                f"terminal {tid!r}: the key is empty or all zero; enter the real TMK",
                f"终端 {tid!r}: 密钥为空或全零, 请输入真实的主密钥",
            )
        value = check_value(tmk, KeyKind(kind)).hex().upper()
        self._rows.apply([(_TMK, tid, tmk)])
        return value

    def master_check_value(self, tid: str, kind: str = "3des") -> str:
        """Give the check value of a terminal's TMK as 8 hex digits, to compare with the paper."""
        tmk = self._rows.get(_TMK, tid)
        if tmk is None:
            raise NoMasterKey(tid)
        return check_value(tmk, KeyKind(kind)).hex().upper()

    def links(self) -> tuple[str, ...]:
        """List the links with a MAC key, sorted."""
        return self._rows.names(_LINK)

    def remove_terminal(self, tid: str) -> bool:
        """Forget a terminal's TMK and working keys; tell whether it was there."""
        known = self.has_terminal(tid)
        self._rows.apply([], [(_TMK, tid), (_WORKING, tid)])
        self._macs.pop(tid, None)
        self._rows.scrub()
        return known

    def link_mac(self, link: str, profile: str) -> Mac | None:
        """Give the MAC of a link to a host; None when it has no key."""
        try:
            return self._link_macs[link][profile]
        except KeyError:
            pass
        if profile == "none":
            return self._no_mac
        mak = self._rows.get(_LINK, link)
        if mak is None:
            return None
        mac = mac_algorithm(profile, mak)
        self._link_macs.setdefault(link, {})[profile] = mac
        return mac

    def add_link_key(self, link: str, mak: bytes) -> None:
        """Load or replace the MAC key of a link, durably."""
        _sound_name(link, "link")
        if len(mak) not in DES_LENGTHS:
            raise KeyLengthError(f"link {link}", DES_LENGTHS, len(mak))
        self._rows.apply([(_LINK, link, mak)])
        self._link_macs.pop(link, None)

    def pin_block(self, tid: str, pin: str, pan: str | None) -> bytes | None:
        """Give F52 under the terminal's PIK; None before a sign-in. For the terminal client only."""
        keys = self._keys(tid)
        return None if keys is None else encrypt_pin(keys.pik, pin, pan, keys.kind)

    def close(self) -> None:
        """Let go of file and contexts."""
        self._macs.clear()
        self._link_macs.clear()
        self._rows.close()

    def _keys(self, tid: str) -> WorkingKeys | None:
        packed = self._rows.get(_WORKING, tid)
        return None if packed is None else _unpack(packed, tid)


def _mac(profile: str, keys: WorkingKeys) -> Mac:
    return mac_algorithm(profile_for(profile, keys.kind), keys.mak)


def _handle(tid: str, keys: WorkingKeys) -> WorkingKeysHandle:
    values = tuple((name, check_value(key, keys.kind).hex().upper()) for name, key in keys.named())
    return WorkingKeysHandle(tid, keys.kind, values, keys)


def _sound_name(name: str, what: str) -> None:
    if not (0 < len(name) <= _NAME_MAX and name.isprintable()):
        raise VaultError(
            f"{what}: {len(name)} characters; use 1 to {_NAME_MAX} printable ones",
            f"{what}: 长度 {len(name)}; 应为 1 至 {_NAME_MAX} 个可见字符",
        )


def _pack(keys: WorkingKeys) -> bytes:
    parts = [keys.kind.value.encode(), keys.pik, keys.mak, keys.tdk or b""]
    return b"".join(bytes([len(part)]) + part for part in parts)


def _unpack(packed: bytes, tid: str) -> WorkingKeys:
    parts: list[bytes] = []
    at = 0
    while at < len(packed):
        size = packed[at]
        parts.append(packed[at + 1 : at + 1 + size])
        at += 1 + size
    try:
        kind, pik, mak, tdk = parts
        return WorkingKeys(pik, mak, tdk or None, KeyKind(kind.decode()))
    except ValueError:
        raise DamagedVault(
            f"the working keys of terminal {tid!r} cannot be read; let it sign in again",
            f"终端 {tid!r} 的工作密钥无法读取, 请重新签到",
        ) from None
