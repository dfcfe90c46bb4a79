"""Block ciphers of the POS world: DES and 3DES by key length, SM4, each as a kept context.

Single and double DES run as triple DES with repeated keys, which gives the same bytes. A kept context saves
about two microseconds a call; it belongs to one thread at a time. Errors name lengths, never key bytes.
The only module of the core that imports `cryptography`; nothing here acts: no clock, randomness or files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm

DES_LENGTHS = (8, 16, 24)
SM4_LENGTH = 16


class BilingualError(Exception):
    """An error a person may read, in English (`str`) and Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh)
        self.en = en
        self.zh = zh

    def __str__(self) -> str:
        return self.en

    def say(self, lang: str) -> str:
        """Say it in `zh` or, for anything else, in English."""
        return self.zh if lang == "zh" else self.en


class CryptoError(BilingualError, ValueError):
    """Something about a key, a MAC or a PIN block does not fit."""


class KeyLengthError(CryptoError):
    """A key has a length its use does not allow."""

    def __init__(self, use: str, allowed: tuple[int, ...], actual: int) -> None:
        lengths = "/".join(str(length) for length in allowed)
        super().__init__(
            f"{use}: the key must have {lengths} bytes, this one has {actual}",
            f"{use}: 密钥长度应为 {lengths} 字节, 实际为 {actual} 字节",
        )
        self.use = use
        self.allowed = allowed
        self.actual = actual

    def __reduce__(self) -> tuple[type[KeyLengthError], tuple[str, tuple[int, ...], int]]:
        return (KeyLengthError, (self.use, self.allowed, self.actual))


class KeyKind(StrEnum):
    """The cipher a key belongs to; between DES and 3DES the key's length decides."""

    DES = "des"
    TRIPLE_DES = "3des"
    SM4 = "sm4"

    @property
    def block_size(self) -> int:
        """Bytes of one block."""
        return 16 if self is KeyKind.SM4 else 8


def encryptor(key: bytes, kind: KeyKind, use: str = "ECB") -> Callable[[bytes], bytes]:
    """Keep an ECB encryptor; feed it whole blocks only.

    Raises:
        KeyLengthError: the key does not fit the cipher.

    """
    return Cipher(_algorithm(key, kind, use), modes.ECB()).encryptor().update  # noqa: S305 what POS keys and MACs are made with


def decryptor(key: bytes, kind: KeyKind, use: str = "ECB") -> Callable[[bytes], bytes]:
    """Keep an ECB decryptor; feed it whole blocks only.

    Raises:
        KeyLengthError: the key does not fit the cipher.

    """
    return Cipher(_algorithm(key, kind, use), modes.ECB()).decryptor().update  # noqa: S305 what POS keys and MACs are made with


class Chain:
    """CBC with a zero IV over whole messages, in one context kept across messages.

    The context ends a message holding its last block as the next IV; mixing that block into the first block
    of the next message cancels it, so the message sees a zero IV and no new context has to be built.
    """

    __slots__ = ("_algorithm", "_block_size", "_context", "_tail")

    def __init__(self, key: bytes, kind: KeyKind, use: str = "CBC") -> None:
        self._algorithm = _algorithm(key, kind, use)
        self._block_size = kind.block_size
        self._context: CipherContext
        self._tail = 0
        self._restart()

    def last_block(self, data: bytes) -> bytes:
        """Give the last cipher block of `data`, which is one or more whole blocks."""
        size = len(data)
        block_size = self._block_size
        if not size or size % block_size:
            raise AssertionError(f"CBC needs whole blocks of {block_size} bytes, got {size} bytes")
        mixed = int.from_bytes(data, "big") ^ (self._tail << 8 * (size - block_size))
        try:
            last = self._context.update(mixed.to_bytes(size, "big"))[-block_size:]
        except BaseException:
            # nobody knows how far the context got; a wrong IV would spoil every later MAC
            self._restart()
            raise
        self._tail = int.from_bytes(last, "big")
        return last

    def _restart(self) -> None:
        self._context = Cipher(self._algorithm, modes.CBC(bytes(self._block_size))).encryptor()
        self._tail = 0


def _algorithm(key: bytes, kind: KeyKind, use: str) -> BlockCipherAlgorithm:
    if kind is KeyKind.SM4:
        if len(key) != SM4_LENGTH:
            raise KeyLengthError(f"{use} (SM4)", (SM4_LENGTH,), len(key))
        return algorithms.SM4(key)
    if len(key) not in DES_LENGTHS:
        raise KeyLengthError(f"{use} (DES)", DES_LENGTHS, len(key))
    return TripleDES(key * 3 if len(key) == 8 else key + key[: 24 - len(key)])
