"""Hints: shown when they are the only ones, silent when chance could give them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon_kit import proved, run
from storno.recon.hints import Hint, explain
from storno.recon.rules._example import deposit, line, sale

pytestmark = pytest.mark.unit


def lines(*nets):
    return [(f"f:{at}", net) for at, net in enumerate(nets, 1)]


def test_one_line_that_was_left_out():
    assert explain(-700, lines(100, 700, 900)) == Hint("left_out", ("f:2",))


def test_one_line_that_was_paid_twice():
    assert explain(700, lines(100, 700, 900)) == Hint("paid_twice", ("f:2",))


def test_a_refund_that_was_not_taken_off():
    assert explain(300, lines(100, 700, -300)) == Hint("left_out", ("f:3",))


def test_two_that_fit_are_none():
    assert explain(-700, lines(700, 700, 900)) is None


def test_two_lines_and_a_small_set():
    assert explain(-1_000, lines(100, 900, 5_000)) == Hint("left_out", ("f:1", "f:2"))
    assert explain(-1_111, lines(1, 10, 100, 1_000, 7_000)) == Hint("left_out", ("f:1", "f:2", "f:3", "f:4"))


def test_nothing_is_guessed_from_many_lines():
    draw = random.Random(1)
    many = lines(*(draw.randrange(100, 500_000) for _ in range(300)))
    pair = many[3][1] + many[7][1]
    assert explain(-pair, many) is None
    assert explain(0, many) is None


@given(st.lists(st.integers(-10_000, 10_000), max_size=12), st.integers(-30_000, 30_000))
def test_a_hint_adds_up(nets, delta):
    hint = explain(delta, lines(*nets))
    if hint is not None:
        total = sum(net for name, net in lines(*nets) if name in hint.lines)
        assert total == (delta if hint.name == "paid_twice" else -delta)


def test_a_short_deposit_names_the_line_it_may_lack():
    books = [sale(n, minor) for n, minor in ((1, 1_000), (2, 2_500), (3, 4_200))]
    network = [line(n, minor) for n, minor in ((1, 1_000), (2, 2_500), (3, 4_200))]
    result = run(books=books, network=network, bank=[deposit(5_200)])
    (one,) = result.findings()
    assert (one.rule, one.amount_minor) == ("deposit_short", -2_500)
    assert one.lines == ("bank:1", "network:2")
    assert one.matched_by == "deposit_due (left_out?)"
    assert proved(result)
