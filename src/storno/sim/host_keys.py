"""The host's keys: a master key per terminal, the working keys it hands out, the link key of a network.

Rule: working keys leave only wrapped under the master key, and the books keep only that form. The defaults are
published test keys, good for nothing but tests. Fresh keys come from the generator handed in.
Reads one file, when asked.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from storno.iso8583.cipher import BilingualError, CryptoError
from storno.iso8583.keys import KeyKind, WorkingKeys, key_from_hex, unwrap_working_keys, wrap_working_keys
from storno.iso8583.mac import Mac, mac_algorithm, mac_profile
from storno.sim.entry import SignIn
from storno.vault.testkeys import TEST_LINK_MAK, TEST_TMK

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

__all__ = ["SIGN_IN_CODES", "TEST_LINK_MAK", "TEST_TMK", "HostKeys", "KeyFileError", "load_keys"]

SIGN_IN_CODES = ("001", "003", "004", "005")
"""F60.3: single DES, double length, double length with track key, SM4."""


class KeyFileError(BilingualError):
    """A key file that cannot be used; the text never shows a key."""


class HostKeys:
    """Master keys, and the cached MACs of the working keys in use."""

    def __init__(
        self,
        default: bytes = TEST_TMK,
        terminals: dict[str, bytes] | None = None,
        link_mak: bytes = TEST_LINK_MAK,
    ) -> None:
        self._default = default
        self._terminals = dict(terminals or {})
        self._link_mak = link_mak
        self._macs: dict[tuple[str, str], tuple[bytes, Mac]] = {}
        self._unwrapped: dict[str, tuple[bytes, WorkingKeys]] = {}

    def tmk(self, tid: str) -> bytes:
        """Give a terminal's master key."""
        return self._terminals.get(tid, self._default)

    def issue(self, tid: str, code: str, profile: str, at_ms: int, rng: Random) -> SignIn:
        """Make new working keys for a sign-in and wrap them. `code` is one of SIGN_IN_CODES."""
        lengths = mac_profile(profile).key_lengths
        mak_bytes = 8 if not lengths or 8 in lengths else 16
        keys = _fresh(code, mak_bytes, rng)
        return SignIn(code, wrap_working_keys(self.tmk(tid), keys, code), at_ms)

    def working_keys(self, tid: str, signed: SignIn) -> WorkingKeys:
        """Unwrap what a terminal was given."""
        known = self._unwrapped.get(tid)
        if known is None or known[0] != signed.wrapped:
            keys = unwrap_working_keys(self.tmk(tid), signed.wrapped, signed.code)
            known = self._unwrapped[tid] = (signed.wrapped, keys)
        return known[1]

    def terminal_mac(self, tid: str, signed: SignIn, profile: str, sm4_profile: str) -> Mac:
        """Give the MAC under a terminal's current key; a terminal with SM4 keys uses `sm4_profile`."""
        known = self._macs.get((tid, profile))
        if known is not None and known[0] == signed.wrapped:
            return known[1]
        keys = self.working_keys(tid, signed)
        mac = mac_algorithm(sm4_profile if keys.kind is KeyKind.SM4 else profile, keys.mak)
        self._macs[tid, profile] = (signed.wrapped, mac)
        return mac

    def link_mac(self, profile: str) -> Mac:
        """Give the MAC of the network link."""
        known = self._macs.get(("", profile))
        if known is None:
            known = self._macs["", profile] = (b"", mac_algorithm(profile, self._link_mak))
        return known[1]


def _fresh(code: str, mak_bytes: int, rng: Random) -> WorkingKeys:
    if code == "005":
        return WorkingKeys(rng.randbytes(16), rng.randbytes(16), None, KeyKind.SM4)
    if code == "001":
        return WorkingKeys(_des(8, rng), _des(8, rng), None, KeyKind.DES)
    tdk = _des(16, rng) if code == "004" else None
    return WorkingKeys(_des(16, rng), _des(mak_bytes, rng), tdk, KeyKind.TRIPLE_DES)


def _des(size: int, rng: Random) -> bytes:
    """Make a DES key with odd parity in each byte, as terminals' key modules insist on."""
    return bytes(byte & 0xFE | (byte >> 1).bit_count() + 1 & 1 for byte in rng.randbytes(size))


def load_keys(path: Path) -> HostKeys:
    """Read a key file: TOML with `default`, `link_mak` and a table `[terminals]` of TID = "HEX".

    Raises:
        KeyFileError: not readable, or an entry is no key.

    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: {error}", f"{path}：{error}") from None
    unknown = set(document) - {"default", "link_mak", "terminals"}
    terminals = document.get("terminals", {})
    if unknown or not isinstance(terminals, dict):
        raise KeyFileError(
            f"{path}: a key file holds default, link_mak and [terminals] only",
            f"{path}：密钥文件只能含 default、link_mak 和 [terminals]",
        )
    default = _key(path, "default", document["default"]) if "default" in document else TEST_TMK
    link = _key(path, "link_mak", document["link_mak"]) if "link_mak" in document else TEST_LINK_MAK
    return HostKeys(default, {tid: _key(path, tid, value) for tid, value in terminals.items()}, link)


def _key(path: Path, name: str, value: Any) -> bytes:
    try:
        return key_from_hex(value if isinstance(value, str) else "")
    except CryptoError as error:
        raise KeyFileError(f"{path}, {name}: {error}", f"{path}，{name}：{error.zh}") from None
