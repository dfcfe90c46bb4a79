"""Working keys of a sign-in (F62), check values, key components.

The check values prove a layout; lengths and the sign-in code (60.3) only say which one to try first, because
hosts differ. No key appears in a repr or an error. Pure: fresh keys arrive as arguments. The PIN blocks of
`pin.py` are offered here too, for the terminal client and the host simulator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from hmac import compare_digest
from operator import xor
from typing import TYPE_CHECKING

from storno.iso8583.cipher import (
    DES_LENGTHS,
    SM4_LENGTH,
    CryptoError,
    KeyKind,
    KeyLengthError,
    decryptor,
    encryptor,
)
from storno.iso8583.pin import PinBlockError, decode_pin_block, decrypt_pin, encode_pin_block, encrypt_pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "CHECK_VALUE_SIZE",
    "ComponentError",
    "KeyCheckError",
    "KeyKind",
    "KeyLengthError",
    "PinBlockError",
]
__all__ += [
    "WorkingKeys",
    "check_value",
    "combine_components",
    "decode_pin_block",
    "decrypt_pin",
    "encode_pin_block",
]
__all__ += ["encrypt_pin", "key_from_hex", "unwrap_working_keys", "wrap_working_keys"]

CHECK_VALUE_SIZE = 4
# Check values as long as hosts send them; what follows 4 was seen in SM4 answers (57 = 3 x (16 + 3) bytes).
_CHECK_VALUE_SIZES = (4, 3, 8)
_DES_SIZE = 8
_NAMES = ("PIK", "MAK", "TDK")
_SIGN_IN_KIND = {"001": KeyKind.DES, "003": KeyKind.TRIPLE_DES, "004": KeyKind.TRIPLE_DES, "005": KeyKind.SM4}


class KeyCheckError(CryptoError):
    """A check value does not prove its key; `which` is PIK, MAK, TDK or F62 (the field as a whole)."""

    def __init__(self, which: str, en: str = "", zh: str = "") -> None:
        super().__init__(
            en or f"sign-in refused: the check value of {which} does not match; is this the terminal's TMK?",
            zh or f"签到失败: {which} 校验值不符, 请核对终端主密钥 (TMK)",
        )
        self.which = which

    def __reduce__(self) -> tuple[type[KeyCheckError], tuple[str, str, str]]:
        return (KeyCheckError, (self.which, self.en, self.zh))


class ComponentError(CryptoError):
    """Key components that cannot be put together."""


@dataclass(frozen=True, slots=True)
class WorkingKeys:
    """The keys a sign-in installs: PIN, MAC and, if any, track key; hidden from `repr`."""

    pik: bytes = field(repr=False)
    mak: bytes = field(repr=False)
    tdk: bytes | None = field(repr=False)
    kind: KeyKind

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", KeyKind(self.kind))
        lengths = (SM4_LENGTH,) if self.kind == KeyKind.SM4 else DES_LENGTHS
        for name, key in self.named():
            if len(key) not in lengths:
                raise KeyLengthError(name, lengths, len(key))

    def named(self) -> tuple[tuple[str, bytes], ...]:
        """Give the keys that are there with their names, in the order of F62."""
        every = zip(_NAMES, (self.pik, self.mak, self.tdk), strict=True)
        return tuple((name, key) for name, key in every if key is not None)


def check_value(key: bytes, kind: KeyKind | str) -> bytes:
    """Give the first 4 bytes of a zero block encrypted under `key`."""
    return _full_check_value(key, KeyKind(kind))[:CHECK_VALUE_SIZE]


def _full_check_value(key: bytes, kind: KeyKind) -> bytes:
    return encryptor(key, kind, "check value")(bytes(kind.block_size))


def unwrap_working_keys(tmk: bytes, field62: bytes, sign_in_code: str) -> WorkingKeys:
    """Decrypt the working keys of a sign-in answer and check each against its check value.

    Layouts: each key then its check value, PIK, MAK and perhaps TDK; a MAK of 8 bytes may stand in a slot of 16
    with eight zero bytes behind it, or fill all 16. The layout 60.3 names is tried first, then every other one
    its check values prove (Q/CUP 009.1; dumps show full MAKs, 3-byte check values and F62 as hex text).

    Args:
        tmk: terminal master key, 8/16/24 bytes for DES, 16 for SM4.
        field62: F62 of the 0810 as received.
        sign_in_code: 60.3, for example "003".

    Raises:
        KeyCheckError: no layout is proven; `which` names the first key that fails in the expected layout.
        KeyLengthError: the TMK itself has a wrong length.

    """
    if len(tmk) not in DES_LENGTHS:
        raise KeyLengthError("TMK", DES_LENGTHS, len(tmk))
    blame = ""
    for layout in _layouts(tmk, field62, sign_in_code):
        keys = _try(tmk, layout)
        if isinstance(keys, WorkingKeys):
            return keys
        blame = blame or (keys if layout.expected else "")
    if blame:
        raise KeyCheckError(blame)
    raise KeyCheckError(
        "F62",
        f"sign-in refused: F62 of {len(field62)} bytes is no key layout known for 60.3={sign_in_code!r}",
        f"签到失败: F62 长度 {len(field62)} 字节, 不符合 60.3={sign_in_code!r} 的密钥格式",
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    kind: KeyKind
    slots: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    expected: bool


def _layouts(tmk: bytes, field62: bytes, code: str) -> Iterator[_Layout]:
    """List the ways to cut F62, the expected ones first."""
    named = _SIGN_IN_KIND.get(code)
    shapes = [(KeyKind.DES, 8), (KeyKind.TRIPLE_DES, 16)]
    if len(tmk) == SM4_LENGTH:
        shapes.append((KeyKind.SM4, 16))
    shapes.sort(key=lambda shape: shape[0] is not named)
    for data in (field62, _from_hex_text(field62)):
        for kind, size in shapes:
            for cv_size in _CHECK_VALUE_SIZES:
                step = size + cv_size
                expected = kind is named and cv_size == CHECK_VALUE_SIZE and data is field62
                for count in _counts(code, len(data) // step):
                    cut = tuple(
                        (data[i * step : i * step + size], data[i * step + size : (i + 1) * step])
                        for i in range(count)
                    )
                    yield _Layout(kind, cut, expected)


def _counts(code: str, slots: int) -> tuple[int, ...]:
    """Say how many keys to try for: what stands behind PIK and MAK may be ignored only where no TDK is due."""
    if slots < 2 or (slots == 2 and code == "004"):
        return ()
    if slots == 2:
        return (2,)
    return (3, 2) if code in ("001", "003") else (3,)


def _from_hex_text(field62: bytes) -> bytes:
    try:
        return bytes.fromhex(field62.decode("ascii"))
    except ValueError:
        return b""


def _try(tmk: bytes, layout: _Layout) -> WorkingKeys | str:
    """Give the keys of a layout, or the name of the first one whose check value is wrong."""
    decrypt = decryptor(tmk, layout.kind, "TMK")
    keys: list[bytes] = []
    for name, (wrapped, cv) in zip(_NAMES, layout.slots, strict=False):
        key = next(
            (k for k in _readings(decrypt(wrapped), wrapped, layout.kind) if _proven(k, cv, layout.kind)),
            None,
        )
        if key is None:
            return name
        keys.append(key)
    return WorkingKeys(keys[0], keys[1], keys[2] if len(keys) > 2 else None, layout.kind)


def _readings(clear: bytes, wrapped: bytes, kind: KeyKind) -> Iterator[bytes]:
    if kind is KeyKind.TRIPLE_DES and not any(wrapped[_DES_SIZE:]):
        yield clear[:_DES_SIZE]
    yield clear
    if kind is KeyKind.TRIPLE_DES:
        yield clear[:_DES_SIZE]


def _proven(key: bytes, cv: bytes, kind: KeyKind) -> bool:
    return compare_digest(_full_check_value(key, kind)[: len(cv)], cv)


def wrap_working_keys(tmk: bytes, keys: WorkingKeys, sign_in_code: str) -> bytes:
    """Give F62 as a host sends it for this 60.3: 001 (24 bytes), 003 (40), 004 (60), 005 (40 or 60).

    Raises:
        CryptoError: 60.3 is no sign-in code, or 004 without a TDK.
        KeyLengthError: a key does not fit the layout.

    """
    kind = _SIGN_IN_KIND.get(sign_in_code)
    if kind is None or (sign_in_code == "004" and keys.tdk is None):
        raise CryptoError(
            f"60.3={sign_in_code!r}: sign-in codes are {', '.join(_SIGN_IN_KIND)}; 004 needs a TDK",
            f"60.3={sign_in_code!r}: 签到代码应为 {', '.join(_SIGN_IN_KIND)}; 004 必须有磁道密钥 (TDK)",
        )
    if (keys.kind is KeyKind.SM4) is not (kind is KeyKind.SM4):
        raise CryptoError(
            f"60.3={sign_in_code} carries {kind.value} keys, these are {keys.kind.value} keys",
            f"60.3={sign_in_code} 应为 {kind.value} 密钥, 实际为 {keys.kind.value} 密钥",
        )
    encrypt = encryptor(tmk, kind, "TMK")
    size = 8 if kind is KeyKind.DES else 16
    parts: list[bytes] = []
    for name, key in keys.named():
        if name == "TDK" and sign_in_code in ("001", "003"):
            continue
        short = name == "MAK" and kind is KeyKind.TRIPLE_DES
        allowed = (8, 16) if short else (size,)
        if len(key) not in allowed:
            raise KeyLengthError(f"{name} (60.3={sign_in_code})", allowed, len(key))
        parts += [encrypt(key).ljust(size, b"\0"), check_value(key, kind)]
    return b"".join(parts)


def combine_components(components: Sequence[bytes]) -> bytes:
    """Put a key together from two or three components by XOR.

    Raises:
        ComponentError: not two or three, different lengths, all zero, or components that cancel out.

    """
    if len(components) not in (2, 3):
        raise ComponentError(
            f"a key has two or three components, got {len(components)}",
            f"密钥分量应为两个或三个, 实际为 {len(components)} 个",
        )
    if len({len(part) for part in components}) != 1 or len(components[0]) not in DES_LENGTHS:
        lengths = ", ".join(str(len(part)) for part in components)
        raise ComponentError(
            f"components must all have 8, 16 or 24 bytes, these have {lengths}",
            f"各密钥分量长度应同为 8、16 或 24 字节, 实际为 {lengths}",
        )
    size = len(components[0])
    key = reduce(xor, (int.from_bytes(part, "big") for part in components)).to_bytes(size, "big")
    if not any(key) or not all(any(part) for part in components):
        raise ComponentError(
            "a component is all zero, or the components cancel out; enter each component once",
            "有分量全为零, 或分量相互抵消; 每个分量只输入一次",
        )
    return key


def key_from_hex(text: str) -> bytes:
    """Read a key or component typed as hex, blanks allowed; the error never repeats it.

    Raises:
        CryptoError: not hex, or not 8, 16 or 24 bytes.

    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) not in DES_LENGTHS:
        digits = len("".join(text.split()))
        raise CryptoError(
            f"a key is 16, 32 or 48 hex digits; what was entered has {digits} characters or is not hex",
            f"密钥应为 16、32 或 48 位十六进制数字; 输入为 {digits} 个字符或含非十六进制字符",
        )
    return key
