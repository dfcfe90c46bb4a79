"""The doors of the vault: KeyStore, CardVault, the handle of freshly learned keys, and every way they refuse.

A hardware module (PKCS#11) may stand behind these protocols: no method gives or needs clear working keys, and a
handle's `secret` may as well be an object number in the device. Imports nothing that acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from storno.iso8583.cipher import BilingualError, KeyKind

if TYPE_CHECKING:
    from pathlib import Path

    from storno.iso8583.mac import Mac


class VaultError(BilingualError):
    """Base of everything the vault refuses; says what, where and what to do."""


class NoMasterKey(VaultError):  # noqa: N818 it names what is missing
    """A terminal has no master key (TMK) in this store."""

    def __init__(self, tid: str) -> None:
        super().__init__(
            f"terminal {tid!r} has no master key here; load its TMK first",
            f"终端 {tid!r} 没有主密钥 (TMK), 请先灌装",
        )
        self.tid = tid

    def __reduce__(self) -> tuple[type[NoMasterKey], tuple[str]]:
        return (NoMasterKey, (self.tid,))


class WrongMaster(VaultError):  # noqa: N818 it names what is wrong
    """The file is sealed under another master key."""


class DamagedVault(VaultError):  # noqa: N818 it names what is wrong
    """The file is not a vault, or part of it no longer proves itself."""


class VaultUnwritable(VaultError):  # noqa: N818 it names what is wrong
    """Nothing was changed: the disk is full, the file is read-only or another process holds it."""


class UnsafePermissions(VaultError):  # noqa: N818 it names what is wrong
    """Somebody else could read or replace the file."""

    def __init__(self, path: Path, mode: int, wanted: int) -> None:
        super().__init__(
            f"{path} has permissions {mode:04o}, others could reach it; run: chmod {wanted:o} {path}",
            f"{path} 的权限为 {mode:04o}, 其他用户可以访问; 请执行: chmod {wanted:o} {path}",
        )
        self.path = path
        self.mode = mode
        self.wanted = wanted

    def __reduce__(self) -> tuple[type[UnsafePermissions], tuple[Path, int, int]]:
        return (UnsafePermissions, (self.path, self.mode, self.wanted))


class CardNumberError(VaultError, ValueError):
    """Not a card number; the text never repeats it."""

    def __init__(self) -> None:
        super().__init__("a card number is 1 to 19 digits, unmasked", "卡号应为 1 至 19 位数字且未经屏蔽")

    def __reduce__(self) -> tuple[type[CardNumberError], tuple[()]]:
        return (CardNumberError, ())


class Shredded(VaultError):  # noqa: N818 it names what happened
    """The data key of that day was destroyed on purpose; the card number is gone for good."""

    def __init__(self, day: str) -> None:
        super().__init__(
            f"the card numbers of {day} were shredded; only their tokens and masked forms remain",
            f"{day} 的卡号密文已按期销毁, 只保留标识与屏蔽卡号",
        )
        self.day = day

    def __reduce__(self) -> tuple[type[Shredded], tuple[str]]:
        return (Shredded, (self.day,))


class Tampered(VaultError):  # noqa: N818 it names what happened
    """A sealed card number was changed, moved to another transaction, or belongs to another vault."""

    def __init__(self) -> None:
        super().__init__(
            "the sealed card number does not belong to this transaction and vault, or was changed",
            "卡号密文与该交易或该保险库不符, 或已被改动",
        )

    def __reduce__(self) -> tuple[type[Tampered], tuple[()]]:
        return (Tampered, ())


@dataclass(frozen=True, slots=True)
class WorkingKeysHandle:
    """Working keys that passed their check values; `check_values` holds (name, hex) for people to compare."""

    tid: str
    kind: KeyKind
    check_values: tuple[tuple[str, str], ...]
    secret: object = field(repr=False)


class KeyStore(Protocol):
    """Terminal master keys, current working keys and the MAC keys of links to hosts."""

    def terminal_mac(self, tid: str, profile: str) -> Mac | None:
        """Give the MAC under the terminal's current MAK; None when it has not signed in. Kept between calls.

        A terminal with SM4 keys gets the SM4 form of `cup_ecb`; see `profile_for`.

        Raises:
            UnknownMacProfile, KeyLengthError, KeyKindError: the profile does not fit the terminal's MAK.

        """
        ...

    def learn(self, tid: str, field62: bytes, sign_in_code: str, profile: str = "none") -> WorkingKeysHandle:
        """Unwrap the keys of a sign-in answer under the terminal's TMK; installs nothing.

        Args:
            tid: the terminal.
            field62: F62 of the 0810.
            sign_in_code: 60.3.
            profile: the MAC profile the keys will be used with; a MAK that does not fit is refused here.

        Raises:
            KeyCheckError: a check value does not match.
            KeyLengthError, KeyKindError: the MAK does not fit the profile.
            NoMasterKey: the terminal has no TMK.

        """
        ...

    def keep(self, tid: str, handle: WorkingKeysHandle) -> None:
        """Install learned keys, durably and at once; until this returns the old MAK stands."""
        ...

    def working(self, tid: str) -> WorkingKeysHandle | None:
        """Give the handle of the installed working keys, for their check values; None before a sign-in."""
        ...

    def has_terminal(self, tid: str) -> bool:
        """Tell whether the terminal has a TMK here."""
        ...

    def terminals(self) -> tuple[str, ...]:
        """List the terminals with a TMK, sorted."""
        ...

    def add_master_key(self, tid: str, tmk: bytes, kind: str = "3des") -> str:
        """Load or replace a TMK; give its check value as 8 hex digits. Working keys stay until the next sign-in."""
        ...

    def master_check_value(self, tid: str, kind: str = "3des") -> str:
        """Give the check value of a terminal's TMK as 8 hex digits, to compare with the paper.

        Raises:
            NoMasterKey: the terminal has no TMK.
            KeyLengthError: the TMK does not fit the kind.

        """
        ...

    def links(self) -> tuple[str, ...]:
        """List the links with a MAC key, sorted."""
        ...

    def remove_terminal(self, tid: str) -> bool:
        """Forget a terminal's TMK and working keys; tell whether it was there."""
        ...

    def link_mac(self, link: str, profile: str) -> Mac | None:
        """Give the MAC of a link to a host; None when it has no key."""
        ...

    def add_link_key(self, link: str, mak: bytes) -> None:
        """Load or replace the MAC key of a link, durably."""
        ...

    def pin_block(self, tid: str, pin: str, pan: str | None) -> bytes | None:
        """Give F52 under the terminal's PIK; None before a sign-in. For the terminal client only."""
        ...

    def close(self) -> None:
        """Let go of file and contexts."""
        ...


class CardVault(Protocol):
    """Card numbers as tokens for matching and as sealed copies that can be destroyed by the day."""

    def token(self, pan: str) -> str:
        """Give the keyed hash of a card number: 32 hex digits (128 bits), stable for the life of the vault."""
        ...

    def seal(self, pan: str, tx_id: str, day: str) -> bytes:
        """Encrypt a card number for one transaction under the key of `day` (YYYYMMDD or YYYY-MM-DD)."""
        ...

    def open(self, sealed: bytes, tx_id: str) -> str:
        """Give the card number back.

        Raises:
            Shredded: the day's key was destroyed.
            Tampered: changed, or sealed for another transaction or by another vault.

        """
        ...

    def prepare(self, day: str) -> None:
        """Create the key of a day beforehand, so that no `seal` has to wait for the disk."""
        ...

    def shred(self, before_day: str) -> int:
        """Destroy the keys of all days before this one; give their number. Done twice it does nothing more."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
