"""The same seed means the same intentions; what they refer to is read from the terminal's log."""

from hypothesis import given
from hypothesis import strategies as st

from storno.sim.cards import CARDS
from storno.sim.workload import MIDS, Intent, Workload, mid_of, mids_of, order_of
from storno.terminal.card import Card
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome
from storno.terminal.state import Entry, Reversal

SALE = Entry(
    "000001", "000007", Operation.SALE, Outcome.APPROVED, Cause.ANSWERED, 1000, 1000, Card(CARDS[0].pan).masked, 1,
    rrn="123456789012", auth_code="000123", date="0101",
)  # fmt: skip


def intent(operation, pick=0.0):
    return Intent(operation, 555, CARDS[1], 0.0, pick)


@given(st.integers(0, 10**6), st.sampled_from(["00000001", "00000002"]))
def test_the_same_seed_gives_the_same_intentions(seed, tid):
    one, other = Workload(seed, tid), Workload(seed, tid)
    assert [one.next() for _ in range(30)] == [other.next() for _ in range(30)]


def test_terminals_and_seeds_differ():
    days = [
        [Workload(seed, tid).next() for _ in range(5)] for seed in (1, 2) for tid in ("00000001", "00000002")
    ]
    assert len({tuple(day) for day in days}) == 4


def test_a_void_takes_amount_and_card_of_its_sale():
    order = order_of(intent(Operation.VOID), (SALE,))
    assert (order.operation, order.amount_minor, order.original) == (Operation.VOID, 1000, SALE)
    assert order.card.masked == SALE.card


def test_with_nothing_to_undo_a_sale_is_made():
    used = [
        SALE._replace(undone_by="000008"),
        SALE._replace(outcome=Outcome.DECLINED),
        SALE._replace(reversal=Reversal.ACCEPTED),
        SALE._replace(settled=True),
    ]
    for row in used:
        order = order_of(intent(Operation.VOID), (row,))
        assert (order.operation, order.amount_minor, order.original) == (Operation.SALE, 555, None)


def test_a_settled_sale_can_still_be_refunded_in_part():
    order = order_of(intent(Operation.REFUND), (SALE._replace(settled=True),))
    assert (order.operation, order.amount_minor) == (Operation.REFUND, 500)


def test_a_preauthorisation_is_completed_once():
    hold = SALE._replace(operation=Operation.PREAUTH)
    done = SALE._replace(stan="000009", operation=Operation.COMPLETION, original=hold.stan)
    assert order_of(intent(Operation.COMPLETION), (hold,)).original == hold
    assert order_of(intent(Operation.COMPLETION), (hold, done)).operation is Operation.SALE


def test_terminals_share_merchants():
    assert mids_of(4) == {f"{number:08d}": mid_of(number) for number in range(1, 5)}
    assert set(mids_of(6).values()) == set(MIDS)
