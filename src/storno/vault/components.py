"""Importing a key from two or three components that different people hold.

Each component shows its own check value, so every holder can compare with the paper before the key is put together;
the combined check value is compared with what the acquirer stated before anything is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.iso8583.keys import check_value, combine_components
from storno.vault.base import VaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.vault.base import KeyStore


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """What people compare after an import: check values as 8 hex digits, never the key."""

    tid: str
    component_check_values: tuple[str, ...]
    check_value: str


class CheckValueError(VaultError):
    """The combined key is not the one the acquirer stated; nothing was stored."""


def import_components(
    store: KeyStore,
    tid: str,
    components: Sequence[bytes],
    *,
    expected_check_value: str = "",
    kind: str = "3des",
) -> ImportedKey:
    """Combine components by XOR and load the result as the terminal's TMK.

    Args:
        store: where the TMK goes.
        tid: the terminal.
        components: two or three, of the same length.
        expected_check_value: hex as the acquirer wrote it, 4 to 8 digits; empty takes any key.
        kind: "3des" or "sm4"; decides the check values only.

    Raises:
        ComponentError: the components make no key.
        CheckValueError: the result has another check value than expected.

    """
    tmk = combine_components(components)
    actual = check_value(tmk, kind).hex().upper()
    wanted = "".join(expected_check_value.split()).upper()
    if wanted and not (4 <= len(wanted) <= len(actual) and actual.startswith(wanted)):
        raise CheckValueError(
            f"terminal {tid}: the combined key has check value {actual}, expected {wanted}; nothing was stored",
            f"终端 {tid}: 合成密钥的校验值为 {actual}, 应为 {wanted}; 未保存",
        )
    parts = tuple(check_value(part, kind).hex().upper() for part in components)
    return ImportedKey(tid, parts, store.add_master_key(tid, tmk, kind))
