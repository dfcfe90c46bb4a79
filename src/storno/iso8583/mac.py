"""Message authentication codes of POS messages: named profiles, each a parameter set of a few constructions.

`mac_algorithm("cup_ecb", mak)` gives a `Mac` whose `compute` returns exactly the bytes of F64 or F128. What
acquirers decide differently is part of the name: `sm4_ecb/bin`, `cbc_3des/hex/pad2`. A `Mac` keeps cipher
contexts: one thread at a time. Pure: no clock, randomness, files, sockets.
"""

from __future__ import annotations

from binascii import hexlify
from dataclasses import dataclass, replace
from enum import Enum
from hmac import compare_digest
from typing import TYPE_CHECKING

from storno.iso8583.cipher import (
    DES_LENGTHS,
    SM4_LENGTH,
    Chain,
    CryptoError,
    KeyKind,
    KeyLengthError,
    decryptor,
    encryptor,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Final = Callable[[bytes], bytes]

__all__ = [
    "MAC_PROFILES",
    "Cut",
    "KeyKindError",
    "KeyLengthError",
    "Mac",
    "MacProfile",
    "Method",
    "UnknownMacProfile",
    "mac_algorithm",
    "mac_profile",
    "profile_for",
]


class UnknownMacProfile(CryptoError):  # noqa: N818 it names what is wrong
    """A MAC profile name that is not in the registry."""

    def __init__(self, name: str) -> None:
        known = ", ".join(MAC_PROFILES)
        suffixes = "/hex /bin /bin4 /pad1 /pad2 /pad3"
        super().__init__(
            f"MAC profile {name!r} is not known; known: {known}; each may be followed by {suffixes}",
            f"未知的 MAC 算法 {name!r}; 可用: {known}; 名称后可加 {suffixes}",
        )
        self.name = name

    def __reduce__(self) -> tuple[type[UnknownMacProfile], tuple[str]]:
        return (UnknownMacProfile, (self.name,))


class KeyKindError(CryptoError):
    """A MAK of one cipher under a profile of another."""

    def __init__(self, profile: str, kind: KeyKind) -> None:
        super().__init__(
            f"MAC profile {profile!r} cannot use a {kind.value} key; set the profile the acquirer names for it",
            f"MAC 算法 {profile!r} 不能使用 {kind.value} 密钥; 请按收单机构要求设置算法",
        )
        self.profile = profile
        self.kind = kind

    def __reduce__(self) -> tuple[type[KeyKindError], tuple[str, KeyKind]]:
        return (KeyKindError, (self.profile, self.kind))


class Method(Enum):
    """How the last cipher block comes about."""

    NONE = "none"
    XOR_TEXT = "xor_text"
    """XOR of all blocks, written as hex text, two encryptions (UnionPay POS)."""
    CBC = "cbc"
    """ISO 9797-1 algorithm 1, zero IV."""
    RETAIL = "retail"
    """ISO 9797-1 algorithm 3: CBC under the left key, then decrypt right, encrypt left (X9.19)."""


class Cut(Enum):
    """What of the last cipher block goes into the field."""

    HEX = "hex"
    """The first 4 bytes as 8 upper-case hex characters."""
    BIN = "bin"
    """The first 8 bytes."""
    BIN4 = "bin4"
    """The first 4 bytes, then four zero bytes (a 32-bit MAC in a 64-bit field)."""


_CUTTERS: dict[Cut, Callable[[bytes], bytes]] = {
    Cut.HEX: lambda block: hexlify(block[:4]).upper(),
    Cut.BIN: lambda block: block[:8],
    Cut.BIN4: lambda block: block[:4] + bytes(4),
}


@dataclass(frozen=True, slots=True)
class MacProfile:
    """One way to make a MAC. `padding` is the ISO 9797-1 padding method; `key_lengths` in bytes."""

    name: str
    method: Method
    kind: KeyKind
    key_lengths: tuple[int, ...]
    cut: Cut
    en: str
    zh: str
    padding: int = 1


def _profiles() -> dict[str, MacProfile]:
    des, sm4, sm4_key = KeyKind.TRIPLE_DES, KeyKind.SM4, (SM4_LENGTH,)
    pos, pos_zh = "UnionPay POS ECB", "银联 POS ECB"
    every = (
        MacProfile("none", Method.NONE, des, (), Cut.BIN, "no MAC", "不使用 MAC"),
        MacProfile("cup_ecb", Method.XOR_TEXT, des, DES_LENGTHS, Cut.HEX, f"{pos}, DES or 3DES", pos_zh),
        MacProfile("x919", Method.RETAIL, des, (16, 32), Cut.BIN, "ANSI X9.19 retail MAC", "ANSI X9.19"),
        MacProfile("x99", Method.CBC, des, (8,), Cut.BIN, "ANSI X9.9, DES CBC-MAC", "ANSI X9.9 (单 DES)"),
        MacProfile("cbc_3des", Method.CBC, des, (16, 24), Cut.BIN, "3DES CBC-MAC", "3DES CBC-MAC"),
        MacProfile("sm4_ecb", Method.XOR_TEXT, sm4, sm4_key, Cut.HEX, f"{pos}, SM4", f"{pos_zh} (国密 SM4)"),
        MacProfile("sm4_cbc", Method.CBC, sm4, sm4_key, Cut.HEX, "SM4 CBC-MAC", "SM4 CBC-MAC (国密)"),
    )
    return {profile.name: profile for profile in every}


MAC_PROFILES: dict[str, MacProfile] = _profiles()
"""The base profiles by name. Sources: Q/CUP 009.1 (cup_ecb), ISO 9797-1 (the CBC family); the truncation of
both SM4 profiles is not settled in public sources, so ask the acquirer and say `/hex` or `/bin`."""

_CUTS = {cut.value: cut for cut in Cut}
_PADDINGS = {"pad1": 1, "pad2": 2, "pad3": 3}


def mac_profile(name: str) -> MacProfile:
    """Find a profile by name, with optional suffixes for truncation and padding.

    Raises:
        UnknownMacProfile: no such name or suffix.

    """
    base, *suffixes = name.split("/")
    profile = MAC_PROFILES.get(base)
    if profile is None or (suffixes and profile.method is Method.NONE):
        raise UnknownMacProfile(name)
    for suffix in suffixes:
        if suffix in _CUTS:
            profile = replace(profile, cut=_CUTS[suffix])
        elif suffix in _PADDINGS:
            profile = replace(profile, padding=_PADDINGS[suffix])
        else:
            raise UnknownMacProfile(name)
    return replace(profile, name=name)


def profile_for(name: str, kind: KeyKind) -> str:
    """Name the profile a MAK of this cipher is used with; suffixes stay.

    Terminals with SM4 keys sign in beside others at one acquirer (60.3 = 005): for them `cup_ecb` means the same
    construction with SM4. Nothing else is guessed.

    Raises:
        UnknownMacProfile: no such profile.
        KeyKindError: profile and key belong to different ciphers.

    """
    base, slash, suffixes = name.partition("/")
    profile = mac_profile(name)
    if profile.method is Method.NONE or (profile.kind is KeyKind.SM4) is (kind is KeyKind.SM4):
        return name
    if base == "cup_ecb":
        return f"sm4_ecb{slash}{suffixes}"
    raise KeyKindError(name, kind)


class Mac:
    """One MAC algorithm under one key.

    `final` turns a MAB into the last cipher block; a key store in hardware passes a call into its device
    here, and the key never enters the process.
    """

    __slots__ = ("_cut", "_final", "_in_hex", "_profile")

    def __init__(self, profile: MacProfile, final: Final) -> None:
        self._profile = profile
        self._final = final
        self._cut = _CUTTERS[profile.cut]
        self._in_hex = profile.cut is Cut.HEX

    @property
    def profile(self) -> str:
        """The profile's name, suffixes included."""
        return self._profile.name

    def compute(self, mab: bytes) -> bytes:
        """Give the wire bytes of F64 or F128: 8 bytes, or none at all for the profile `none`.

        Args:
            mab: MTI up to the last field before the MAC as sent; no length, TPDU or header.

        """
        return self._cut(self._final(mab))

    def verify(self, mab: bytes, mac: bytes) -> bool:
        """Tell whether `mac` belongs to `mab`, in constant time; hex text may be in either case."""
        if self._in_hex:
            mac = mac.upper()
        return compare_digest(self.compute(mab), mac)

    def __repr__(self) -> str:
        return f"Mac({self._profile.name!r})"


def mac_algorithm(profile: str, key: bytes) -> Mac:
    """Build a MAC algorithm with kept cipher contexts.

    Raises:
        UnknownMacProfile: no such profile.
        KeyLengthError: the key does not fit the profile; the text names lengths only.

    """
    found = mac_profile(profile)
    if found.method is Method.NONE:
        return Mac(found, lambda _mab: b"")
    if len(key) not in found.key_lengths:
        raise KeyLengthError(profile, found.key_lengths, len(key))
    if found.method is Method.XOR_TEXT:
        return Mac(found, _xor_text(found, key))
    if found.method is Method.CBC:
        return Mac(found, _cbc(found, key))
    return Mac(found, _retail(found, key))


def _xor_text(profile: MacProfile, key: bytes) -> Final:
    encrypt = encryptor(key, profile.kind, profile.name)
    size = profile.kind.block_size
    template = b"%%0%dX" % (2 * size)
    mask = (1 << 8 * size) - 1
    padding = profile.padding

    def final(mab: bytes) -> bytes:
        text = template % (_fold(mab if padding == 1 else _pad(mab, size, padding), size) & mask)
        second = int.from_bytes(encrypt(text[:size]), "big") ^ int.from_bytes(text[size:], "big")
        return encrypt(second.to_bytes(size, "big"))

    return final


def _fold(data: bytes, size: int) -> int:
    """XOR all blocks of `size` bytes, zero padded; the result stands in the lowest block, the rest is noise.

    Halving the number of blocks with one wide shift takes five steps for a usual message, a loop thirty.
    """
    blocks = -(-len(data) // size)
    value = int.from_bytes(data, "big") << 8 * (blocks * size - len(data))
    bits = 8 * size
    shift = (1 << (blocks - 1).bit_length() >> 1) * bits if blocks else 0
    while shift >= bits:
        value ^= value >> shift
        shift >>= 1
    return value


def _cbc(profile: MacProfile, key: bytes) -> Final:
    last_block = Chain(key, profile.kind, profile.name).last_block
    size = profile.kind.block_size
    padding = profile.padding
    return lambda mab: last_block(_pad(mab, size, padding))


def _retail(profile: MacProfile, key: bytes) -> Final:
    left, right = key[: len(key) // 2], key[len(key) // 2 :]
    last_block = Chain(left, profile.kind, profile.name).last_block
    encrypt = encryptor(left, profile.kind, profile.name)
    decrypt = decryptor(right, profile.kind, profile.name)
    size = profile.kind.block_size
    padding = profile.padding
    return lambda mab: encrypt(decrypt(last_block(_pad(mab, size, padding))))


def _pad(data: bytes, size: int, method: int) -> bytes:
    """Pad to whole blocks, at least one (ISO 9797-1 padding methods 1, 2, 3)."""
    if method == 3:
        data = (8 * len(data)).to_bytes(size, "big") + data
    elif method == 2:
        data += b"\x80"
    if not data:
        return bytes(size)
    return data + bytes(-len(data) % size)
