"""The host's books: once decided, decided; the money follows the facts, whatever order messages come in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_rig import MID, NOW, TID
from storno.reversal.kinds import Kind
from storno.sim.books import Books, BooksOptions
from storno.sim.entry import (
    UNDONE_BY,
    BatchTotals,
    CardRef,
    Identity,
    OriginalRef,
    Request,
    SignIn,
    Standing,
)
from storno.sim.shelf import MemoryShelf, ShelfError, SqliteShelf

OPENING = 100_000
CARD = CardRef("token-a", "620000******0013", OPENING)
OTHER = CardRef("token-b", "620000******0021", OPENING)


def ident(stan: int) -> Identity:
    return Identity(TID, MID, "000001", f"{stan:06d}")


def ask(
    stan: int, kind: Kind = Kind.SALE, amount: int = 1000, original: int | None = None, **more
) -> Request:
    about = OriginalRef(ident(original)) if original is not None else OriginalRef()
    given_ = {"card": CARD, "at_ms": NOW, "tid": TID, "mid": MID, "batch": "000001", "original": about} | more
    print_ = f"{kind.value}{amount}{original}"
    return Request(ident(stan), kind, amount, fingerprint=print_, **given_)


@pytest.fixture
def books() -> Books:
    return Books(MemoryShelf())


def taken(books: Books, card: CardRef = CARD) -> int:
    account = books.account(card)
    return account.opening_minor - account.balance_minor


def test_a_request_seen_before_gets_its_first_answer_and_moves_nothing(books):
    first = books.rule(ask(1))
    again = books.rule(ask(1))
    assert (first.code, again.code, again.repeat) == ("00", "00", True)
    assert again.entry.rrn == first.entry.rrn
    assert taken(books) == 1000


def test_duplicates_can_be_answered_94():
    books = Books(MemoryShelf(), BooksOptions(duplicate_code="94"))
    books.rule(ask(1))
    assert books.rule(ask(1)).code == "94"
    assert taken(books) == 1000


def test_a_stan_used_again_for_something_else_is_not_a_repeat(books):
    books.rule(ask(1))
    other = books.rule(ask(1, amount=2000))
    assert (other.code, other.entry) == ("94", None)
    assert taken(books) == 1000


def test_reversal_twice_is_accepted_twice_and_undoes_once(books):
    books.rule(ask(1))
    assert [books.reverse(ident(1), 1000, NOW, Kind.SALE).code for _ in range(3)] == ["00", "00", "00"]
    effect = books.effects()[ident(1)]
    assert (effect.applied, effect.undone, effect.net_minor, effect.reversals) == (1, 1, 0, 3)
    assert taken(books) == 0


@pytest.mark.parametrize("code", ["25", "00"])
def test_reversal_of_an_unknown_original_leaves_a_tombstone(code):
    books = Books(MemoryShelf(), BooksOptions(unknown_reversal=code))
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == code
    late = books.rule(ask(1))
    assert (late.code, taken(books)) == ("22", 0)
    assert books.effects()[ident(1)].standing is Standing.TOMBSTONE
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == code


def test_without_tombstones_the_late_original_is_approved():
    books = Books(MemoryShelf(), BooksOptions(tombstones=False))
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "25"
    assert books.rule(ask(1)).code == "00"
    assert taken(books) == 1000


def test_reversal_of_a_void_restores_the_sale(books):
    books.rule(ask(1))
    assert books.rule(ask(2, Kind.VOID, original=1)).code == "00"
    assert taken(books) == 0
    assert books.reverse(ident(2), 1000, NOW, Kind.VOID).code == "00"
    assert taken(books) == 1000
    sale = books.effects()[ident(1)]
    assert (sale.applied, sale.undone, sale.net_minor) == (2, 1, 1000)
    assert books.rule(ask(3, Kind.VOID, original=1)).code == "00"
    assert taken(books) == 0


def test_a_sale_reversed_while_voided_stays_undone_when_the_void_is_reversed(books):
    books.rule(ask(1))
    books.rule(ask(2, Kind.VOID, original=1))
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "00"
    assert books.reverse(ident(2), 1000, NOW, Kind.VOID).code == "00"
    assert taken(books) == 0
    assert sum(one.own_minor for one in books.effects().values()) == 0


def test_void_twice_is_refused(books):
    books.rule(ask(1))
    books.rule(ask(2, Kind.VOID, original=1))
    assert books.rule(ask(3, Kind.VOID, original=1)).code == "22"
    assert taken(books) == 0


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ask(9, Kind.VOID, original=8), "25"),
        (ask(9, Kind.VOID, amount=999, original=1), "64"),
        (ask(9, Kind.VOID, original=1, card=OTHER), "14"),
        (ask(9, Kind.PREAUTH_VOID, original=1), "12"),
        (ask(9, Kind.REFUND, amount=1001, original=1), "61"),
        (ask(9, Kind.REFUND, original=2), "12"),
        (ask(9, Kind.COMPLETION, original=1), "12"),
        (ask(9, Kind.COMPLETION, amount=1151, original=3), "61"),
        (ask(9, Kind.COMPLETION, amount=1150, original=3), "00"),
        (ask(9, amount=OPENING), "51"),
    ],
)
def test_what_a_host_refuses(books, request_, code):
    books.rule(ask(1))
    books.rule(ask(2, forced_code="05"))
    books.rule(ask(3, Kind.PREAUTH))
    assert books.rule(request_).code == code


def test_preauth_completion_and_their_voids(books):
    books.rule(ask(1, Kind.PREAUTH))
    account = books.account(CARD)
    assert (taken(books), account.held_minor, account.available_minor) == (0, 1000, OPENING - 1000)
    books.rule(ask(2, Kind.COMPLETION, amount=900, original=1))
    assert (taken(books), books.account(CARD).held_minor) == (900, 0)
    assert books.reverse(ident(1), 1000, NOW, Kind.PREAUTH).code == "22"
    books.rule(ask(3, Kind.COMPLETION_VOID, amount=900, original=2))
    assert (taken(books), books.account(CARD).held_minor) == (0, 1000)
    books.reverse(ident(3), 900, NOW, Kind.COMPLETION_VOID)
    assert (taken(books), books.account(CARD).held_minor) == (900, 0)
    books.reverse(ident(2), 900, NOW, Kind.COMPLETION)
    assert (taken(books), books.account(CARD).held_minor) == (0, 1000)
    assert books.rule(ask(4, Kind.PREAUTH_VOID, original=1)).code == "00"
    assert books.account(CARD).held_minor == 0


def test_a_completion_does_not_stand_again_over_a_hold_used_since(books):
    books.rule(ask(1, Kind.PREAUTH))
    books.rule(ask(2, Kind.COMPLETION, original=1))
    books.rule(ask(3, Kind.COMPLETION_VOID, original=2))
    assert books.rule(ask(4, Kind.COMPLETION, amount=1100, original=1)).code == "00"
    assert books.reverse(ident(3), 1000, NOW, Kind.COMPLETION_VOID).code == "22"
    assert taken(books) == 1100


def test_partial_approval_books_the_smaller_amount(books):
    ruling = books.rule(ask(1, partial_minor=400))
    assert (ruling.code, ruling.entry.amount_minor, taken(books)) == ("10", 400, 400)
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "00"
    assert taken(books) == 0


def test_a_low_balance_is_partly_approved_only_where_the_terminal_takes_it(books):
    poor = CardRef("poor", "620000******0518", 100)
    assert books.rule(ask(1, card=poor)).code == "51"
    assert books.rule(ask(2, card=poor, partial_ok=True)).entry.amount_minor == 100
    assert books.rule(ask(3, card=poor, partial_ok=True)).code == "51"


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.COMPLETION_ADVICE])
def test_refund_and_advice_are_never_reversed(books, kind):
    books.rule(ask(1, Kind.SALE if kind is Kind.REFUND else Kind.PREAUTH))
    books.rule(ask(2, kind, original=1))
    before = taken(books)
    assert books.reverse(ident(2), 1000, NOW, kind).code == "40"
    assert taken(books) == before


def test_refunds_in_parts_up_to_the_sale(books):
    books.rule(ask(1))
    assert [books.rule(ask(n, Kind.REFUND, 400, 1)).code for n in (2, 3, 4)] == ["00", "00", "61"]
    assert taken(books) == 200
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "22"
    assert books.rule(ask(5, Kind.VOID, original=1)).code == "22"


def test_reversal_of_a_decline_and_of_another_amount(books):
    books.rule(ask(1, forced_code="05"))
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "12"
    books.rule(ask(2))
    assert books.reverse(ident(2), 999, NOW, Kind.SALE).code == "64"
    assert taken(books) == 1000


def test_totals_and_settlement(books):
    books.rule(ask(1))
    books.rule(ask(2, amount=500))
    books.rule(ask(3, Kind.VOID, original=1))
    books.rule(ask(4, amount=70))
    books.reverse(ident(4), 70, NOW, Kind.SALE)
    books.rule(ask(5, Kind.REFUND, 200, 2))
    mine = BatchTotals(2, 1500, 2, 1200)
    assert books.totals(TID, MID, "000001") == mine
    assert books.settle(TID, MID, "000001", BatchTotals(3, 1500, 2, 1200)) is False
    assert books.settle(TID, MID, "000001", mine) is True
    assert books.rule(ask(6, Kind.VOID, 500, 2)).code == "22"
    books.rule(ask(7, batch="000002"))
    assert books.rule(ask(8, Kind.VOID, original=7)).code == "00"


def test_a_settled_batch_takes_no_voids(books):
    books.rule(ask(1))
    assert books.settle(TID, MID, "000001", BatchTotals(1, 1000, 0, 0))
    assert books.rule(ask(2, Kind.VOID, original=1)).code == "12"
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "00"


# -- shelves


@pytest.fixture(params=["memory", "sqlite"])
def shelves(request, tmp_path: Path) -> Callable[[], MemoryShelf | SqliteShelf]:
    if request.param == "memory":
        only = MemoryShelf()
        return lambda: only
    return lambda: SqliteShelf(tmp_path / "books.db")


def test_a_restart_with_memory_gives_the_same_books(shelves):
    books = Books(shelves())
    books.rule(ask(1))
    books.rule(ask(2, Kind.VOID, original=1))
    books.reverse(ident(9), 1000, NOW, Kind.PREAUTH)
    books.sign_in(TID, SignIn("003", b"\x01\x02", NOW))
    books.upload(TID, MID, "000001", 3)
    books.flush()
    again = Books(shelves())
    assert again.effects() == books.effects()
    assert list(again.effects()) == list(books.effects())
    assert list(again.accounts()) == list(books.accounts())
    assert again.signed_in(TID) == SignIn("003", b"\x01\x02", NOW)
    assert again.batch(TID, MID, "000001").uploaded == 3
    assert again.fresh_rrn(NOW) == books.fresh_rrn(NOW)
    assert again.reverse(ident(2), 1000, NOW, Kind.VOID).code == "00"
    assert taken(again) == 1000


def test_a_restart_without_memory_gives_empty_books(shelves):
    books = Books(shelves())
    books.rule(ask(1))
    books.flush()
    books.forget()
    books.flush()
    assert Books(shelves()).effects() == {}
    assert books.reverse(ident(1), 1000, NOW, Kind.SALE).code == "25"


def test_a_file_of_another_format_is_refused(tmp_path: Path):
    bad = tmp_path / "books.db"
    bad.write_bytes(b"not a database" * 100)
    with pytest.raises(ShelfError, match=r"books\.db"):
        SqliteShelf(bad)


# -- whatever order messages come in


@st.composite
def steps(draw):
    kind = draw(st.sampled_from([*Kind, "reverse", "reverse", "settle", "reload"]))
    return kind, draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([300, 1000, 1000]))


@given(st.lists(steps(), max_size=40))
def test_in_any_order_the_accounts_are_the_sum_of_the_effects(sequence):
    books = Books(MemoryShelf())
    for kind, stan, original, amount in sequence:
        if kind == "reverse":
            books.reverse(ident(stan), amount, NOW, Kind.SALE)
        elif kind == "settle":
            books.settle(TID, MID, "000001", books.totals(TID, MID, "000001"))
        elif kind == "reload":
            books.reload()
        else:
            about = original if kind in UNDONE_BY or kind.completes or kind is Kind.REFUND else None
            books.rule(ask(stan, kind, amount, about))
        effects = books.effects().values()
        assert all(one.applied - one.undone in (0, 1) for one in effects)
        assert taken(books) == sum(one.net_minor for one in effects)
        assert taken(books) == sum(one.own_minor for one in effects)
        assert books.account(CARD).held_minor == sum(one.held_minor for one in effects)
        assert 0 <= taken(books) <= OPENING
