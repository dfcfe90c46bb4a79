"""ISO-0 (ANSI X9.8) PIN blocks, clear and encrypted, for 3DES (8 bytes) and SM4 (16 bytes).

For the terminal client and the host simulator only: the gateway passes F52 through untouched. No PIN or PAN
appears in an error. Pure.
"""

from __future__ import annotations

from storno.iso8583.cipher import CryptoError, KeyKind, decryptor, encryptor


class PinBlockError(CryptoError):
    """A PIN, PAN or PIN block that cannot be used; the text never shows it."""


def encode_pin_block(pin: str, pan: str | None, kind: KeyKind | str = KeyKind.TRIPLE_DES) -> bytes:
    """Give the clear ISO-0 (ANSI X9.8) PIN block: 8 bytes, or 16 with SM4.

    Args:
        pin: 4 to 12 digits.
        pan: the card number, or None for the form without PAN (F53 begins with 1).
        kind: the cipher the block is meant for; decides its size.

    Raises:
        PinBlockError: the PIN or PAN is not usable.

    """
    digits = 2 * KeyKind(kind).block_size
    if not (_is_digits(pin) and 4 <= len(pin) <= 12):
        raise PinBlockError("a PIN has 4 to 12 digits", "密码应为 4 至 12 位数字")
    block = f"0{len(pin):X}{pin}".ljust(digits, "F")
    return (int(block, 16) ^ _pan_part(pan)).to_bytes(digits // 2, "big")


def decode_pin_block(block: bytes, pan: str | None) -> str:
    """Give the PIN of a clear ISO-0 block of 8 or 16 bytes.

    Raises:
        PinBlockError: the block does not hold a PIN with this PAN (wrong key, wrong PAN or format).

    """
    text = f"{int.from_bytes(block, 'big') ^ _pan_part(pan):0{2 * len(block)}X}"
    size = int(text[1:2] or "0", 16)
    pin = text[2 : 2 + size]
    sound = text.startswith("0") and 4 <= size <= 12 and _is_digits(pin)
    if not sound or len(block) not in (8, 16) or text[2 + size :].strip("F"):
        raise PinBlockError(
            "PIN block refused: wrong key, wrong card number or another format",
            "密码数据有误: 密钥、卡号或格式不符",
        )
    return pin


def encrypt_pin(pik: bytes, pin: str, pan: str | None, kind: KeyKind | str) -> bytes:
    """Give F52: the ISO-0 PIN block encrypted under the PIK (8 bytes, 16 with SM4)."""
    return encryptor(pik, KeyKind(kind), "PIK")(encode_pin_block(pin, pan, kind))


def decrypt_pin(pik: bytes, field52: bytes, pan: str | None, kind: KeyKind | str) -> str:
    """Give the PIN of F52.

    Raises:
        PinBlockError: wrong length, key, PAN or format.

    """
    size = KeyKind(kind).block_size
    if len(field52) != size:
        raise PinBlockError(
            f"F52 has {len(field52)} bytes, expected {size}",
            f"F52 长度 {len(field52)} 字节, 应为 {size} 字节",
        )
    return decode_pin_block(decryptor(pik, KeyKind(kind), "PIK")(field52), pan)


def _pan_part(pan: str | None) -> int:
    """Give the rightmost 12 PAN digits without the check digit, as packed digits."""
    if pan is None:
        return 0
    if not (_is_digits(pan) and 2 <= len(pan) <= 19):
        raise PinBlockError("the card number must be 2 to 19 digits", "卡号应为 2 至 19 位数字")
    return int(pan[-13:-1], 16)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
