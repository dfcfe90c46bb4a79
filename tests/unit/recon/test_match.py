"""How lines find their transaction: exact keys, damaged ones, reversals and voids, deposits, the holding pool."""

import pytest

from recon_kit import AS_OF, found, proved, run
from storno.recon.earlier import of_finding
from storno.recon.finding import Sureness
from storno.recon.result import Verdict
from storno.recon.rules._example import DAY, deposit, line, sale, undone
from storno.recon.sides import FeeRate, Options

pytestmark = pytest.mark.unit


def passes(result):
    return {name: count for _, name, count in result.passes}


def agrees(**rows):
    """Run it together with a sale that cannot be mistaken, and say how many differences there are."""
    result = run(**rows)
    assert proved(result)
    return found(result)


# ------------------------------------------------------------------ keys


def test_an_exact_key_matches_and_says_nothing():
    assert agrees(books=[sale(), sale(2)], network=[line(2), line()]) == []


@pytest.mark.parametrize(
    ("damage", "by"),
    [
        ({"rrn": ""}, "terminal_key"),
        ({"rrn": "600000099999"}, "terminal_key"),
        ({"stan": ""}, "exact"),
        ({"rrn": "", "stan": ""}, "auth_code"),
        ({"rrn": "", "stan": "", "auth_code": ""}, "card"),
        ({"rrn": "", "stan": "", "auth_code": "", "tid": ""}, "card_at_merchant"),
        ({"rrn": "", "stan": "", "auth_code": "", "card": "", "at": f"{DAY}084500"}, "time"),
        ({"rrn": "", "at": "20261103000100", "settled_on": "20261103"}, "stan_near_day"),
        ({"tid": "00000002", "rrn": "", "mid": ""}, "auth_code_and_card"),
        ({"rrn": "", "stan": "", "reference": "600000000001"}, "reference"),
        ({"rrn": "", "stan": "", "order": "1-000001"}, "order_id"),
    ],
)
def test_a_damaged_key_is_made_up_for_by_what_is_left(damage, by):
    result = run(books=[sale(), sale(2, 7_000)], network=[line(**damage), line(2, 7_000)])
    assert {one for one in found(result) if one[0] != "wrong_terminal"} == set()
    assert passes(result)[by] >= 1
    assert proved(result)


def test_a_tolerant_pass_takes_nothing_where_two_would_do():
    twins = [sale(1, card="x"), sale(2)]
    for one in twins:
        one.update(auth_code="SAME01", pan_masked="622588******0001")
    lost = line(rrn="", stan="", auth_code="SAME01", card="622588******0001", at=f"{DAY}200000")
    result = run(books=twins, network=[lost])
    assert found(result) == [
        ("approved_not_settled", -10_000),
        ("approved_not_settled", -10_000),
        ("settled_not_booked", 10_000),
    ]


def test_a_finding_of_a_tolerant_pass_is_likely_and_names_the_pass():
    result = run(
        books=[sale(approved_minor=9_000)], network=[line(rrn="", stan="", amount_minor=9_000, mid="x")]
    )
    (one,) = result.findings()
    assert (one.rule, one.sure, one.matched_by) == ("wrong_merchant", Sureness.LIKELY, "card")


def test_another_transactions_rrn_does_not_take_its_line():
    books = [sale(), sale(2, 5_000, tid="00000009")]
    network = [line(rrn=books[1]["rrn"]), line(2, 5_000, tid="00000009")]
    assert agrees(books=books, network=network) == []


def test_a_line_in_another_currency_is_another_line():
    assert agrees(books=[sale()], network=[line(currency="USD")]) == [
        ("approved_not_settled", -10_000),
        ("settled_not_booked", 10_000),
    ]


# ------------------------------------------------------------------ what undoes


def test_a_reversal_finds_its_sale_by_the_terminals_key_when_no_answer_gave_an_rrn():
    network = [line(), line(kind="reversal", amount_minor=-10_000)]
    assert agrees(books=[undone(), sale(2)], network=[*network, line(2)]) == []


def test_a_file_may_leave_a_sale_and_its_void_out():
    books = [sale(state="voided"), sale(2, kind="void", original="1-000001"), sale(3)]
    result = run(books=books, network=[line(3)])
    assert found(result) == []
    assert ("cancelled", 2) in next(one for one in result.accounts if one.side == "books").parts


def test_a_void_line_may_carry_the_sales_rrn():
    books = [sale(state="voided"), sale(2, kind="void", original="1-000001", rrn="600000000777")]
    shared = line(2, kind="void", amount_minor=-10_000, rrn="600000000001", stan="", original="000001")
    assert agrees(books=books, network=[line(), shared]) == []


def test_a_sale_marked_as_voided_counts_when_the_void_is_a_line_of_its_own():
    books = [sale(state="voided"), sale(2, kind="void", original="1-000001")]
    marked = line(mark="voided")
    void = line(2, kind="void", amount_minor=-10_000, original="000001")
    assert agrees(books=books, network=[marked, void]) == []


def test_a_sale_marked_as_reversed_without_a_reversal_line_does_not_count():
    assert agrees(books=[undone(), sale(2)], network=[line(mark="reversed"), line(2)]) == []
    assert agrees(books=[sale(), sale(2)], network=[line(mark="reversed"), line(2)]) == [
        ("approved_not_settled", -10_000)
    ]


def test_a_void_that_never_reached_the_network():
    books = [sale(state="voided"), sale(2, kind="void", original="1-000001")]
    assert agrees(books=books, network=[line()]) == [("approved_not_settled", 10_000)]


@pytest.mark.parametrize("rrn", ["", "600000077777"])
def test_a_second_settlement_is_known_even_with_a_damaged_rrn(rrn):
    result = run(books=[sale(), sale(2)], network=[line(), line(rrn=rrn), line(2)])
    (one,) = result.findings()
    assert (one.rule, one.amount_minor) == ("duplicate_settlement", 10_000)
    assert one.key == f"00000001/000000000000001/000001/000001/{DAY}"
    assert proved(result)


# ------------------------------------------------------------------ fees


def test_agreed_fees_win_over_what_is_usual():
    rows = {"books": [sale(n) for n in range(1, 7)], "network": [line(n, fee_minor=-60) for n in range(1, 7)]}
    result = run(Options(as_of=AS_OF, fees=(FeeRate("000000000000001", 50),)), **rows)
    assert found(result) == [("fee_mismatch", -10)] * 6


@pytest.mark.parametrize("fee", [-90, -30])
def test_a_fee_is_at_most_likely_to_differ_from_a_rate_that_nobody_gave(fee):
    books = [sale(n) for n in range(1, 8)]
    network = [*(line(n, fee_minor=-60) for n in range(1, 7)), line(7, fee_minor=fee)]
    learned = run(books=books, network=network)
    given = run(Options(as_of=AS_OF, fees=(FeeRate("000000000000001", 60),)), books=books, network=network)
    for result, sure, matched_by in (
        (learned, Sureness.LIKELY, "rrn (rate_learned)"), (given, Sureness.CERTAIN, "rrn"),
    ):  # fmt: skip
        [one] = result.findings()
        assert (one.rule, one.sure, one.matched_by) == ("fee_mismatch", sure, matched_by)
        assert one.amount_minor == fee + 60
        assert proved(result)
    [note] = learned.notes
    assert note.code == "rates"
    assert "of 1 merchant was not given but learned from 7 lines" in note.english
    assert "1 个商户的费率未给出，由各自 7 笔交易推断" in note.chinese
    for words in (note.english, note.chinese):
        assert "--fees" in words
    assert given.notes == ()


def test_a_learned_rate_that_all_keep_to_is_no_matter():
    result = run(books=[sale(n) for n in range(1, 7)], network=[line(n, fee_minor=-60) for n in range(1, 7)])
    assert (found(result), result.notes) == ([], ())


def test_a_rate_that_rounding_hides_is_learned_from_all_lines():
    """Both large amounts vote for 39; only 38 is what all five have."""
    amounts = ((4_999, 19), (5_150, 20), (2_134, 8), (3_732, 14), (5_150, 20))
    books = [sale(n, minor) for n, (minor, _) in enumerate(amounts, 1)]
    network = [line(n, minor, fee_minor=-fee) for n, (minor, fee) in enumerate(amounts, 1)]
    assert agrees(books=books, network=network) == []


def test_too_few_lines_agree_on_no_fee():
    assert agrees(books=[sale(), sale(2)], network=[line(fee_minor=-60), line(2, fee_minor=-90)]) == []


# ------------------------------------------------------------------ a merchant's file: no RRN, no authorisation code


def bare(number=1, amount_minor=10_000, **more):
    """Give a line that has a STAN and a card, and nothing else to go by."""
    return line(number, amount_minor, rrn="", auth_code="", **more)


@pytest.mark.parametrize("paid_by", ["622588******0001", ""], ids=["card", "wallet"])
def test_a_strayed_line_is_no_second_settlement_of_another_terminals_sale_with_its_stan(paid_by):
    other = {"tid": "00000002", "pan_masked": "622588******9999", "opened_ms": 1_793_590_000_000}
    books = [
        sale(pan_masked=paid_by),
        sale(**other, tx_id="2-1", rrn="600000099999", amount_minor=7_700, approved_minor=7_700),
    ]
    lines = [
        bare(card=paid_by),
        bare(amount_minor=7_700, tid="00000001", card="622588******9999", at=f"{DAY}114640"),
    ]
    assert agrees(books=books, network=lines) == [("wrong_terminal", 0)]


def test_a_voids_line_without_its_number_is_known_by_the_number_of_the_sale():
    books = [sale(1, state="voided"), sale(2, kind="void", original="1-000001")]
    lines = [bare(), bare(2, -10_000, kind="void", stan="", original="000001")]
    assert agrees(books=books, network=lines) == []


def test_a_number_of_noughts_is_none():
    strays = [
        bare(n, 100 * n, stan="000000", reference=f"R{n}", card="", at=f"{DAY}0{n}0000") for n in (3, 4)
    ]
    result = run(books=[sale()], network=[line(), *strays])
    assert [(one.key, one.amount_minor) for one in result.findings()] == [("R3", 300), ("R4", 400)]


def test_a_card_used_again_a_minute_after_its_reversed_sale_is_another_payment():
    reversed_, again = undone(opened_ms=1_793_581_200_000), line(2, 9_000, card="622588******0001")
    assert agrees(books=[reversed_, sale(3)], network=[again, line(3)]) == [("settled_not_booked", 9_000)]


def test_a_line_without_a_number_and_with_another_amount_is_known_by_card_and_time():
    lines = [bare(amount_minor=9_000, stan="", at=f"{DAY}082400")]
    (one,) = run(books=[sale(opened_ms=1_793_579_000_000)], network=lines).findings()
    assert (one.rule, one.amount_minor, one.matched_by, one.sure.value) == (
        "amount_mismatch", -1_000, "card_and_time", "likely",
    )  # fmt: skip


# ------------------------------------------------------------------ deposits

DAYS = ("20261106", "20261107", "20261108")


def week_end(*amounts):
    """Give sales and lines of Friday, Saturday and Sunday."""
    books = [sale(n, minor, date=day) for n, (day, minor) in enumerate(zip(DAYS, amounts, strict=True), 1)]
    network = [
        line(n, minor, settled_on=day, at=f"{day}100000")
        for n, (day, minor) in enumerate(zip(DAYS, amounts, strict=True), 1)
    ]
    return {"books": books, "network": network}


def test_one_deposit_for_a_week_end():
    assert agrees(**week_end(1_000, 2_000, 4_000), bank=[deposit(7_000, "20261109")]) == []


def test_three_deposits_on_a_monday():
    bank = [deposit(4_000, "20261109"), deposit(1_000, "20261109"), deposit(2_000, "20261109")]
    assert agrees(**week_end(1_000, 2_000, 4_000), bank=bank) == []


def test_a_deposit_in_two_parts_that_name_their_day():
    bank = [
        deposit(600, "20261103", text=f"000000000000001 {DAY}"),
        deposit(400, "20261104", text=f"POS000000000000001{DAY}"),
    ]
    assert agrees(books=[sale(amount_minor=1_000)], network=[line(amount_minor=1_000)], bank=bank) == []


def test_transactions_of_one_entry_of_the_bank_are_lines_of_their_own():
    """An entry that was split has one number for all of its parts."""
    mids = [f"{one:015d}" for one in (1, 2, 3)]
    books = [sale(n, 1_000 * n, mid=mid) for n, mid in enumerate(mids, 1)]
    network = [line(n, 1_000 * n, mid=mid) for n, mid in enumerate(mids, 1)]
    bank = [deposit(1_000 * n - (n == 2), mid=mid, line_no=4) for n, mid in enumerate(mids, 1)]
    result = run(books=books, network=network, bank=bank)
    assert proved(result)
    assert [(one.rule, one.amount_minor, one.lines) for one in result.findings("finding")] == [
        ("deposit_short", -1, ("bank:4/2",))
    ]


def test_refunds_and_fees_go_off_a_deposit():
    books = [sale(), sale(2, 3_000, kind="refund")]
    network = [line(fee_minor=-60), line(2, -3_000, kind="refund"), line(3, -25, kind="fee", rrn="", stan="")]
    assert agrees(books=books, network=network, bank=[deposit(6_915)]) == []


def test_a_merchant_without_any_deposit_in_the_statements_is_not_short():
    books = [sale(), sale(2, mid="000000000000002")]
    network = [line(), line(2, mid="000000000000002")]
    assert agrees(books=books, network=network, bank=[deposit(10_000)]) == []


def test_a_payout_that_the_bank_takes_back_was_not_paid():
    back = deposit(-10_000, kind="reversal", reference="R1")
    result = run(books=[sale()], network=[line()], bank=[deposit(10_000), back])
    assert proved(result)
    assert found(result) == [("deposit_short", -10_000)]


@pytest.mark.parametrize("kind", ["chargeback", "fee"])
def test_what_the_bank_takes_without_anybody_having_cleared_it_is_short(kind):
    taken = deposit(-500, "20261104", kind=kind, reference="C1")
    assert agrees(books=[sale()], network=[line()], bank=[deposit(10_000), taken]) == [
        ("deposit_short", -500)
    ]


@pytest.mark.parametrize("kind", ["chargeback", "fee"])
def test_what_was_cleared_may_be_booked_by_itself_beside_the_payout(kind):
    network = [line(), line(2, -500, kind=kind, rrn="", stan="", reference="C1")]
    taken = deposit(-500, kind=kind, reference="C1")
    assert agrees(books=[sale()], network=network, bank=[deposit(10_000), taken]) == []


def test_rent_is_no_card_money():
    rent = {"kind": "other", "amount_minor": -500_000, "currency": "CNY", "settled_on": DAY, "text": "房租"}
    assert agrees(books=[sale()], network=[line()], bank=[deposit(10_000), rent]) == []


def test_a_merchants_number_that_was_masked_as_a_card_is_recognised():
    bank = [deposit(10_000, mid="", text="POS清算 000000*****0001 20261102")]
    assert agrees(books=[sale()], network=[line()], bank=bank) == []


def two_days():
    """Give a day of 6,000.00 and one of 3,000.00, to be paid on the third and the fourth."""
    return {
        "books": [sale(1, 600_000), sale(2, 300_000, date="20261103")],
        "network": [line(1, 600_000), line(2, 300_000, settled_on="20261103", at="20261103100000")],
    }


def test_a_part_payment_is_short_today_and_closed_when_the_rest_comes(tmp_path):
    part, next_day = deposit(500_000, "20261103"), deposit(300_000, "20261104")
    today = run(Options(as_of="20261104"), **two_days(), bank=[part, next_day])
    assert found(today) == [("deposit_short", -100_000)]
    (short,) = today.findings()
    assert (short.expected_minor, short.found_minor, short.sure.value) == (600_000, 500_000, "likely")
    later = run(**two_days(), bank=[part, next_day, deposit(100_000, "20261105")], known=[of_finding(short)])
    assert (found(later), later.verdict) == ([], Verdict.OK)
    assert proved(later)
    (closed,) = later.closed
    assert closed.finding_id == short.finding_id
    assert set(closed.lines) == {"bank:1", "bank:3"}


def test_the_rest_of_a_part_payment_may_come_with_the_next_payout():
    (short,) = run(Options(as_of="20261103"), **two_days(), bank=[deposit(500_000, "20261103")]).findings()
    bank = [deposit(500_000, "20261103"), deposit(400_000, "20261104")]
    later = run(**two_days(), bank=bank, known=[of_finding(short)])
    assert (found(later), later.verdict) == ([], Verdict.OK)
    assert [set(one.lines) for one in later.closed] == [{"bank:1", "bank:2"}]


def test_a_rest_that_is_not_the_rest_is_no_rest():
    bank = [deposit(500_000, "20261103"), deposit(300_000, "20261104"), deposit(99_999, "20261105")]
    assert agrees(**two_days(), bank=bank) == [("deposit_over", 99_999), ("deposit_short", -100_000)]


def two_shops():
    other = {"mid": "000000000000002", "tid": "00000002"}
    return {"books": [sale(1, 600_000), sale(2, 300_000, **other)],
            "network": [line(1, 600_000), line(2, 300_000, **other)]}  # fmt: skip


def test_one_deposit_for_two_merchants():
    assert agrees(**two_shops(), bank=[deposit(900_000, mid="")]) == []


def test_one_deposit_for_two_merchants_that_is_short_is_one_difference():
    result = run(**two_shops(), bank=[deposit(890_000, mid="")])
    (one,) = result.findings()
    assert (one.rule, one.amount_minor, one.key) == ("deposit_short", -10_000, f"deposit//{DAY}")
    assert proved(result)


def test_where_merchants_are_named_a_deposit_without_a_name_is_not_shared_out():
    rows = two_shops()
    bank = [deposit(600_000), deposit(290_000, mid="")]
    assert agrees(**rows, bank=bank) == [("deposit_over", 290_000), ("deposit_short", -300_000)]


def test_a_day_of_booking_in_a_text_is_not_taken_for_the_cleared_day():
    bank = [
        deposit(590_000, "20261103", text="B20261103-77"),
        deposit(300_000, "20261104", text="B20261104-78"),
    ]
    assert agrees(**two_days(), bank=bank) == [("deposit_short", -10_000)]


def test_money_paid_the_same_day_may_name_it():
    bank = [deposit(590_000, DAY, text=f"T0 {DAY}"), deposit(300_000, "20261104")]
    assert agrees(**two_days(), bank=bank) == [("deposit_short", -10_000)]


# ------------------------------------------------------------------ the holding pool


def test_a_one_sided_line_waits_three_working_days():
    friday = "20261106"
    seen = line(3, settled_on=friday, at=f"{friday}100000")
    rows = {"books": [sale(date=friday), sale(2), sale(3, date=friday)], "network": [line(2), seen]}
    early = run(Options(as_of="20261110"), **rows)
    assert (found(early), found(early, "held")) == ([], [("approved_not_settled", -10_000)])
    due = run(Options(as_of="20261111"), **rows)
    assert (found(due), found(due, "held")) == ([("approved_not_settled", -10_000)], [])
    assert proved(early)
    assert proved(due)


def test_holding_may_be_shorter_or_off():
    rows = {"books": [sale(), sale(2)], "network": [line(2)]}
    assert found(run(Options(as_of=DAY, hold_days=0), **rows)) == [("approved_not_settled", -10_000)]
    assert found(run(Options(as_of=DAY, hold_days=1), **rows)) == []


def test_what_contradicts_does_not_wait():
    assert found(run(Options(as_of=DAY), books=[undone()], network=[line()])) == [
        ("settled_but_reversed", 10_000)
    ]


def test_a_cut_off_at_eleven_is_no_difference():
    late = line(settled_on="20261103", at=f"{DAY}233000")
    assert agrees(books=[sale()], network=[late]) == []


def test_a_difference_outside_the_period_is_set_aside_and_still_counted():
    rows = {"books": [sale(), sale(2, date="20261109")], "network": [line(3)]}
    result = run(Options(first=DAY, last="20261103", as_of="20261120"), **rows)
    assert found(result) == [("approved_not_settled", -10_000), ("settled_not_booked", 10_000)]
    assert ("outside", 1) in next(one for one in result.accounts if one.side == "books").parts
    assert proved(result)
