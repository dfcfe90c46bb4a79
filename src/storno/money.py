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
_ODD_EXPONENTS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "KMF", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "LYD", "OMR", "TND"), 3)
# ISO 4217, list one, for statements: funds and metals left out, and what was given up since 2015 left in.
LETTERS = frozenset((
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BYR", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP",
    "CRC", "CUC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP",
    "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
    "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SLL", "SOS",
    "SRD", "SSP", "STD", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS",
    "UAH", "UGX", "USD", "UYI", "UYU", "UZS", "VED", "VEF", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF",
    "XPF", "YER", "ZAR", "ZMW", "ZWG", "ZWL",
))  # fmt: skip
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
        sign = CURRENCIES[self.currency][2] if self.currency in CURRENCIES else f"{self.currency} "
        exponent = exponent_of(self.currency)
        whole, rest = divmod(abs(self.minor), 10**exponent)
        text = f"{whole:,}" + (f".{rest:0{exponent}d}" if exponent else "")
        return f"{'-' if self.minor < 0 else ''}{sign}{text}"


def exponent_of(currency: str) -> int:
    """Give the number of decimals of a currency: 2 unless ISO 4217 says otherwise."""
    if currency in CURRENCIES:
        return CURRENCIES[currency][1]
    return _ODD_EXPONENTS.get(currency, 2)


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
