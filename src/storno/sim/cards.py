"""Test cards: UnionPay-format numbers nobody was ever issued, each with a role.

Rule: the number decides the answer, so a test or a demonstration can ask for a decline by choosing a card. Every number
begins with 620000 and passes the Luhn check. A card that is not listed behaves like a normal one. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

NORMAL_BALANCE_MINOR = 1_000_000_000_00
LOW_BALANCE_MINOR = 1_00
TEST_PIN = "123456"


class Role(Enum):
    """How a test card behaves."""

    NORMAL = "normal"
    LOW_BALANCE = "low_balance"
    EXPIRED = "expired"
    WRONG_PIN = "wrong_pin"
    LOST = "lost"

    @property
    def code(self) -> str:
        """Give the code it is declined with, or an empty text."""
        return _CODES.get(self, "")

    def title(self, lang: str) -> str:
        """Name the role in words."""
        english, chinese = _TITLES[self]
        return chinese if lang == "zh" else english


_CODES = {Role.EXPIRED: "54", Role.WRONG_PIN: "55", Role.LOST: "41"}
_TITLES = {
    Role.NORMAL: ("normal card", "正常卡"),
    Role.LOW_BALANCE: ("holds ¥1.00: declined with 51 above that", "余额仅 ¥1.00，超过即拒绝（51）"),
    Role.EXPIRED: ("expired: declined with 54", "过期卡：拒绝（54）"),
    Role.WRONG_PIN: ("wrong PIN: declined with 55", "密码错：拒绝（55）"),
    Role.LOST: ("reported lost: declined with 41", "挂失卡：拒绝（41）"),
}


@dataclass(frozen=True, slots=True)
class TestCard:
    """One test card. `expiry` is YYMM as in F14."""

    __test__ = False

    name: str
    pan: str
    role: Role
    expiry: str = "4912"

    @property
    def opening_minor(self) -> int:
        """Give the balance it starts with."""
        return LOW_BALANCE_MINOR if self.role is Role.LOW_BALANCE else NORMAL_BALANCE_MINOR

    @property
    def track2(self) -> str:
        """Give its track 2, separator D, service code 220."""
        return f"{self.pan}D{self.expiry}220000000000"[:37]

    def __repr__(self) -> str:
        return f"TestCard({self.name!r}, {self.role.value})"


def luhn_digit(digits: str) -> str:
    """Give the check digit that makes `digits` + it pass the Luhn check."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _card(name: str, number: int, role: Role, digits: int = 16) -> TestCard:
    body = f"620000{number:0{digits - 7}d}"
    return TestCard(name, body + luhn_digit(body), role, "2001" if role is Role.EXPIRED else "4912")


CARDS: tuple[TestCard, ...] = (
    *(_card(f"normal{n}", n, Role.NORMAL) for n in range(1, 6)),
    _card("normal19", 19, Role.NORMAL, digits=19),
    _card("normal18", 18, Role.NORMAL, digits=18),
    _card("low", 51, Role.LOW_BALANCE),
    _card("low19", 519, Role.LOW_BALANCE, digits=19),
    _card("expired", 54, Role.EXPIRED),
    _card("wrongpin", 55, Role.WRONG_PIN),
    _card("lost", 41, Role.LOST),
)
_BY_PAN = {card.pan: card for card in CARDS}
_BY_NAME = {card.name: card for card in CARDS}


def card_named(name: str) -> TestCard | None:
    """Find a test card by its short name."""
    return _BY_NAME.get(name)


def role_of(pan: str) -> Role:
    """Give the role of a number; unknown numbers are normal cards."""
    card = _BY_PAN.get(pan)
    return Role.NORMAL if card is None else card.role


def opening_minor(pan: str) -> int:
    """Give the balance a number's account starts with."""
    card = _BY_PAN.get(pan)
    return NORMAL_BALANCE_MINOR if card is None else card.opening_minor
