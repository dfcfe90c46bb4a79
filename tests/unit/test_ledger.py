"""Double entry: postings that sum to zero, once, and accounts with names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.ledger import chart
from storno.ledger.balance import Balances
from storno.ledger.entry import Posting, net, opposite

entries = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-(10**9), 10**9)), max_size=8)


def balanced(lines):
    return (*lines, ("rest", -sum(amount for _, amount in lines)))


@given(entries)
def test_a_posting_that_does_not_sum_to_zero_cannot_exist(lines):
    if sum(amount for _, amount in lines):
        with pytest.raises(AssertionError, match="k does not sum to zero"):
            Posting("k", "CNY", tuple(lines))
    else:
        assert Posting("k", "CNY", tuple(lines)).entries == tuple(lines)


@given(st.lists(entries, max_size=6))
def test_netting_keeps_every_account_s_sum_in_a_fixed_order(parts):
    netted = net(*parts)
    for account in "abcd":
        assert dict(netted).get(account, 0) == sum(a for part in parts for name, a in part if name == account)
    assert list(netted) == sorted(netted)
    assert all(amount for _, amount in netted)
    assert netted == net(*reversed(parts))


@given(entries)
def test_opposite_entries_undo(lines):
    assert net(lines, opposite(lines)) == ()
    assert opposite(opposite(lines)) == tuple(lines)


@given(st.lists(st.tuples(entries, st.sampled_from(["CNY", "HKD"])), max_size=6))
def test_balances_are_the_sum_of_postings_and_every_currency_is_zero(postings):
    books = Balances()
    for number, (lines, currency) in enumerate(postings):
        books.post(Posting(str(number), currency, balanced(lines)))
    for currency in ("CNY", "HKD"):
        assert books.total(currency) == 0
        for account in "abcd":
            given_sum = sum(
                a for lines, held in postings if held == currency for n, a in lines if n == account
            )
            assert books.of(account, currency) == given_sum


def test_a_posting_is_done_once():
    books, posting = Balances(), Posting("1-1/1", "CNY", (("a", 5), ("b", -5)))
    books.post(posting)
    with pytest.raises(AssertionError, match="1-1/1 done twice"):
        books.post(posting)
    assert books.of("a") == 5


def test_every_account_has_a_title_of_its_own():
    accounts = [
        chart.HOST, chart.HOST_HOLD, chart.SUSPENSE, chart.SUSPENSE_HOLD,
        chart.merchant("m"), chart.merchant_hold("m"), chart.merchant_suspense("m"),
    ]  # fmt: skip
    for lang in ("en", "zh"):
        titles = {chart.title(account, lang) for account in accounts}
        assert len(titles) == len(accounts)
        assert not titles & set(accounts)
    assert chart.title("cash box", "en") == "cash box"
