"""Money: integers of minor units, one currency at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.money import CURRENCIES, CurrencyError, Money, currency_digits, currency_of

amounts = st.integers(-(10**14), 10**14)


@given(amounts, amounts, st.sampled_from(sorted(CURRENCIES)))
def test_adding_and_taking_away_undo_each_other(a, b, currency):
    one, other = Money(a, currency), Money(b, currency)
    assert one + other - other == one
    assert one - other == -(other - one)
    assert (one < other) is (a < b)


@pytest.mark.parametrize("mix", [lambda a, b: a + b, lambda a, b: a - b])
def test_currencies_are_never_mixed(mix):
    with pytest.raises(AssertionError, match="mixed currencies: CNY and HKD"):
        mix(Money(1), Money(1, "HKD"))


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(0), "¥0.00"),
        (Money(5), "¥0.05"),
        (Money(123456789), "¥1,234,567.89"),
        (Money(-100), "-¥1.00"),
        (Money(-1), "-¥0.01"),
        (Money(1500, "JPY"), "JP¥1,500"),
        (Money(1500, "KWD"), "KD1.500"),
        (Money(700, "XTS"), "XTS 7.00"),
    ],
)
def test_an_amount_reads_as_people_write_it(money, text):
    assert str(money) == text


@given(amounts, st.sampled_from(sorted(CURRENCIES)))
def test_the_text_holds_every_digit(minor, currency):
    digits = "".join(c for c in str(Money(minor, currency)).removeprefix("-") if c.isdigit())
    assert int(digits) == abs(minor)


@pytest.mark.parametrize("letters", sorted(CURRENCIES))
def test_wire_digits_and_letters_name_the_same_currency(letters):
    assert currency_of(currency_digits(letters)) == letters


@pytest.mark.parametrize("digits", ["999", "", "CNY", "15"])
def test_an_unknown_currency_is_refused_with_the_known_ones(digits):
    with pytest.raises(CurrencyError, match=r"known: .*156"):
        currency_of(digits)
