"""Money: an integer of minor units and a currency.

No float and no bare Decimal ever holds an amount. Mixing currencies is a broken contract, not a conversion.
Currencies are named by their ISO 4217 letters inside and by their digits on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

# ISO 4217: letters -> (digits on the wire, minor unit exponent, sign used in front of amounts)
CURRENCIES: dict[str, tuple[str, int, str]] = {
    "CNY": ("156", 2, "¥"),
    "HKD": ("344", 2, "HK$"),
    "MOP": ("446", 2, "MOP$"),
    "TWD": ("901", 2, "NT$"),
    "USD": ("840", 2, "US$"),
    "EUR": ("978", 2, "€"),
    "GBP": ("826", 2, "£"),
    "JPY": ("392", 0, "JP¥"),
    "KRW": ("410", 0, "₩"),
    "SGD": ("702", 2, "S$"),
    "THB": ("764", 2, "฿"),
    "MYR": ("458", 2, "RM"),
    "IDR": ("360", 2, "Rp"),
    "AUD": ("036", 2, "A$"),
    "RUB": ("643", 2, "₽"),
    "KWD": ("414", 3, "KD"),
}
_BY_DIGITS = {digits: letters for letters, (digits, _, _) in CURRENCIES.items()}


class CurrencyError(ValueError):
    """A currency that is not in the table."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (fen for CNY) of one currency."""

    minor: int
    currency: str = "CNY"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise AssertionError(f"mixed currencies: {self.currency} and {other.currency}")
        return other.minor

    def __str__(self) -> str:
        _, exponent, sign = CURRENCIES.get(self.currency, ("", 2, self.currency + " "))
        whole, rest = divmod(abs(self.minor), 10**exponent)
        text = f"{whole:,}" + (f".{rest:0{exponent}d}" if exponent else "")
        return f"{'-' if self.minor < 0 else ''}{sign}{text}"


def currency_of(digits: str) -> str:
    """Give the letters of a currency from its wire digits (F49).

    Raises:
        CurrencyError: the digits are not in the table.

    """
    try:
        return _BY_DIGITS[digits]
    except KeyError:
        known = ", ".join(sorted(_BY_DIGITS))
        raise CurrencyError(f"currency {digits!r} is not known; known: {known}") from None


def currency_digits(letters: str) -> str:
    """Give the wire digits (F49) of a currency."""
    return CURRENCIES[letters][0]
