"""The layouts inside fields: F48 totals, F54 balances, F60, F61, F62 keys, F63, F90.

Rule: text in, frozen value out, and back to the same text; a text that does not follow its layout raises SubfieldError
with the place and without the content. TLV (F55) is in `tlv`. Sources: Q/CUP 009.1 as quoted in public terminal code,
ISO 8583:1987 for F54 and F90.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from storno.iso8583.errors import SubfieldError
from storno.iso8583.tlv import Tlv, build_tlv, icc_keep, parse_tlv

__all__ = [
    "F60",
    "F61",
    "F63",
    "Balance",
    "NetworkF60",
    "OriginalElements",
    "SettlementTotals",
    "SideTotals",
    "Tlv",
    "WorkingKeyLayout",
    "build_f54",
    "build_tlv",
    "icc_keep",
    "key_layout",
    "parse_f54",
    "parse_tlv",
]


def _digits(where: str, text: str) -> str:
    bad = next((i for i, c in enumerate(text) if c not in "0123456789"), None)
    if bad is not None:
        raise SubfieldError(where, bad)
    return text


def _prefix_parts(where: str, text: str, widths: tuple[int, ...]) -> list[str]:
    """Cut a text that may end after any of its parts into those parts; missing ones are empty."""
    ends = list(accumulate(widths))
    if len(text) not in (0, *ends):
        raise SubfieldError(where, len(text))
    return [text[end - width : end] for end, width in zip(ends, widths, strict=True)]


def _joined(where: str, parts: tuple[str, ...], widths: tuple[int, ...]) -> str:
    """Join parts, which must be whole and without a gap."""
    text = "".join(parts)
    if _prefix_parts(where, _digits(where, text), widths) != list(parts):
        raise SubfieldError(where, len(text))
    return text


_F60 = (2, 6, 3, 1, 1, 1, 3)


@dataclass(frozen=True, slots=True)
class F60:
    """Terminal F60: 60.1 type, 60.2 batch, 60.3 network code, 60.4 capability, 60.5 IC condition, 60.6, 60.7."""

    kind: str
    batch: str = ""
    network_code: str = ""
    capability: str = ""
    ic_condition: str = ""
    partial_approval: str = ""
    account_type: str = ""

    @classmethod
    def parse(cls, text: str) -> F60:
        """Read 2, 8, 11, 12, 13, 14 or 17 digits."""
        return cls(*_prefix_parts("F60", _digits("F60", text), _F60))

    def build(self) -> str:
        """Write the digits; parts after the last filled one are left out."""
        parts = (self.kind, self.batch, self.network_code, self.capability, self.ic_condition)
        return _joined("F60", (*parts, self.partial_approval, self.account_type), _F60)


_F61 = (6, 6, 4, 2, 11)


@dataclass(frozen=True, slots=True)
class F61:
    """Terminal F61: the original's batch, STAN, date MMDD, then authorization mode and institution."""

    batch: str
    stan: str = ""
    date: str = ""
    auth_mode: str = ""
    auth_institution: str = ""

    @classmethod
    def parse(cls, text: str) -> F61:
        """Read 6, 12, 16, 18 or 29 digits."""
        return cls(*_prefix_parts("F61", _digits("F61", text), _F61))

    def build(self) -> str:
        """Write the digits; parts after the last filled one are left out."""
        return _joined("F61", (self.batch, self.stan, self.date, self.auth_mode, self.auth_institution), _F61)


@dataclass(frozen=True, slots=True)
class NetworkF60:
    """Network F60: 60.1 the reason (n4, `0000` when none), 60.2 and later the service point as sent."""

    reason: str
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> NetworkF60:
        """Read the four digits and what follows."""
        if len(text) < 4:
            raise SubfieldError("F60", len(text))
        return cls(_digits("F60", text[:4]), text[4:])

    def build(self) -> str:
        """Write it back."""
        if len(self.reason) != 4:
            raise SubfieldError("F60", 0)
        return _digits("F60", self.reason) + self.detail


@dataclass(frozen=True, slots=True)
class F63:
    """Terminal F63: card organisation or operator (3), then free text."""

    head: str
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> F63:
        """Read three characters and the rest."""
        if len(text) < 3:
            raise SubfieldError("F63", len(text))
        return cls(text[:3], text[3:])

    def build(self) -> str:
        """Write it back."""
        if len(self.head) != 3:
            raise SubfieldError("F63", len(self.head))
        return self.head + self.text


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance of F54: account type n2, amount type n2, currency n3, sign C or D, amount n12."""

    account_type: str
    amount_type: str
    currency: str
    sign: str
    amount_minor: int

    @property
    def signed_minor(self) -> int:
        """Give the amount, negative for a debit balance."""
        return -self.amount_minor if self.sign == "D" else self.amount_minor

    def build(self) -> str:
        """Write the 20 characters."""
        text = f"{self.account_type}{self.amount_type}{self.currency}{self.sign}{self.amount_minor:012d}"
        if parse_f54(text) != (self,):
            raise SubfieldError("F54", 0)
        return text


def parse_f54(text: str) -> tuple[Balance, ...]:
    """Read up to six balances of 20 characters."""
    if len(text) % 20:
        raise SubfieldError("F54", len(text))
    balances = []
    for at in range(0, len(text), 20):
        one = text[at : at + 20]
        if one[7] not in "CD":
            raise SubfieldError("F54", at + 7)
        _digits("F54", one[:4])
        amount = int(_digits("F54", one[8:]))
        balances.append(Balance(one[:2], one[2:4], one[4:7], one[7], amount))
    return tuple(balances)


def build_f54(balances: tuple[Balance, ...]) -> str:
    """Write balances one after the other."""
    return "".join(one.build() for one in balances)


@dataclass(frozen=True, slots=True)
class SideTotals:
    """One half of F48 in a settlement: sums and counts, and the host's verdict digit."""

    debit_minor: int
    debit_count: int
    credit_minor: int
    credit_count: int
    result: str = "0"

    @classmethod
    def parse(cls, text: str, at: int = 0) -> SideTotals:
        """Read 31 digits; `at` is where they stand in F48, for errors."""
        if len(text) != 31:
            raise SubfieldError("F48", at + len(text))
        _digits("F48", text)
        return cls(int(text[:12]), int(text[12:15]), int(text[15:27]), int(text[27:30]), text[30])

    def build(self) -> str:
        """Write the 31 digits; SubfieldError when a number does not fit."""
        debit = f"{self.debit_minor:012d}{self.debit_count:03d}"
        text = f"{debit}{self.credit_minor:012d}{self.credit_count:03d}{self.result}"
        if len(text) != 31:
            raise SubfieldError("F48", len(text))
        return _digits("F48", text)


@dataclass(frozen=True, slots=True)
class SettlementTotals:
    """F48 of 0500/0510: domestic and foreign cards. Result 1 balanced, 2 not balanced, 3 error."""

    domestic: SideTotals
    foreign: SideTotals

    @classmethod
    def parse(cls, text: str) -> SettlementTotals:
        """Read 62 digits."""
        if len(text) != 62:
            raise SubfieldError("F48", len(text))
        return cls(SideTotals.parse(text[:31]), SideTotals.parse(text[31:], 31))

    def build(self) -> str:
        """Write the 62 digits."""
        return self.domestic.build() + self.foreign.build()


@dataclass(frozen=True, slots=True)
class OriginalElements:
    """F90 n42: the original's MTI, STAN, transmission time MMDDhhmmss, acquirer and forwarder."""

    mti: str
    stan: str
    transmission: str
    acquirer: str
    forwarder: str

    @classmethod
    def parse(cls, text: str) -> OriginalElements:
        """Read 42 digits; institutions keep their leading zeros."""
        if len(text) != 42:
            raise SubfieldError("F90", len(text))
        _digits("F90", text)
        return cls(text[:4], text[4:10], text[10:20], text[20:31], text[31:])

    def build(self) -> str:
        """Write 42 digits; shorter institutions are filled with zeros on the left."""
        text = f"{self.mti}{self.stan}{self.transmission}{self.acquirer.zfill(11)}{self.forwarder.zfill(11)}"
        sizes = (len(self.mti), len(self.stan), len(self.transmission), len(text))
        if sizes != (4, 6, 10, 42):
            raise SubfieldError("F90", 0)
        return _digits("F90", text)


@dataclass(frozen=True, slots=True)
class WorkingKeyLayout:
    """Where each encrypted key and check value stands in F62 of a sign-in answer; holds no key."""

    parts: tuple[tuple[str, int], ...]


_KEYS = {
    24: (("PIK", 8), ("PIK check", 4), ("MAK", 8), ("MAK check", 4)),
    40: (("PIK", 16), ("PIK check", 4), ("MAK", 16), ("MAK check", 4)),
    60: (("PIK", 16), ("PIK check", 4), ("MAK", 16), ("MAK check", 4), ("TDK", 16), ("TDK check", 4)),
}


def key_layout(hex_text: str) -> WorkingKeyLayout | None:
    """Give the layout of F62 by its size (60.3 = 001, 003, 004); None for sizes nobody has published."""
    parts = _KEYS.get(len(hex_text) // 2)
    return None if parts is None else WorkingKeyLayout(parts)
