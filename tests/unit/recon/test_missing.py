"""What is missing: the day, source, bank statement or journal is named; what it may explain is provisional, no more."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recon_kit import ROLES, compare, found, numbered, proved, table
from storno.recon.earlier import of_finding
from storno.recon.pair import BOOKS_NUMBERS, BOOKS_TEXTS, LINE_NUMBERS, LINE_TEXTS
from storno.recon.result import Verdict
from storno.recon.rules._example import deposit, line, sale, undone
from storno.recon.sides import BooksFile, EmptyFile, LineFile, Options, Sides

pytestmark = pytest.mark.unit

DAYS = ("20261102", "20261103", "20261104")
PAID = ("20261103", "20261104", "20261105")
AS_OF = Options(as_of="20261120")
SHOPS = range(1, 6)


def mid(shop):
    return f"{shop:015d}"


def own(shop, at):
    """Give number, merchant, terminal and day of the sale of a shop on the day at this place."""
    return shop * 10 + at, {"mid": mid(shop), "tid": f"{shop:08d}"}, DAYS[at]


def books():
    return [sale(number, 1_000 * shop, date=day, **who)
            for at in range(3) for shop in SHOPS for number, who, day in [own(shop, at)]]  # fmt: skip


def cleared(at, shops=SHOPS, **more):
    return [line(number, 1_000 * shop, settled_on=day, at=f"{day}100000", **who, **more)
            for shop in shops for number, who, day in [own(shop, at)]]  # fmt: skip


def paid(at, shops=SHOPS):
    return [deposit(1_000 * shop, PAID[at], mid=mid(shop), text=f"{mid(shop)}{DAYS[at]}") for shop in shops]


def journal(at, shops=SHOPS):
    return cleared(at, shops, batch="000001")


class World:
    """Files of all sides, each of one day unless it says otherwise."""

    def __init__(self, folder: Path, ours=None) -> None:
        self.folder, self.files, self.empty = folder, [], ()
        pq.write_table(
            table(books() if ours is None else ours, BOOKS_TEXTS, BOOKS_NUMBERS), folder / "books.parquet"
        )

    def add(self, role, rows, first, last="", source="one"):
        name = f"{role}-{source}-{first}"
        path = self.folder / f"{name}.parquet"
        pq.write_table(table(numbered(rows), LINE_TEXTS, LINE_NUMBERS), path)
        self.files.append(
            LineFile(name, ROLES[role], path, "0", len(rows), source=source, first=first, last=last or first)
        )
        return self

    def all(self, *without):
        for at in range(3):
            for role, rows, day in (("network", cleared(at), DAYS[at]), ("bank", paid(at), PAID[at]),
                                    ("terminal", journal(at), DAYS[at])):  # fmt: skip
                if (role, at) not in without:
                    self.add(role, rows, day)
        return self

    def run(self, options=AS_OF, known=()):
        return compare(
            Sides((BooksFile(self.folder / "books.parquet", "0"),), tuple(self.files), self.empty),
            options,
            known=known,
        )


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def said(result, code):
    assert result.verdict is Verdict.INCOMPLETE
    assert proved(result)
    return [one for one in result.reasons if one.code == code]


def test_with_everything_there_all_agrees(world):
    result = world.all().run()
    assert (result.verdict, result.reasons, result.notes) == (Verdict.OK, (), ())


# ------------------------------------------------------------------ the bank


def test_a_missing_bank_day_is_named_and_calls_nobody_short(world):
    result = world.all(("bank", 1)).run()
    (reason,) = said(result, "bank_day")
    assert "20261104" in reason.english
    assert "¥150.00" in reason.english
    assert "20261104" in reason.chinese
    assert found(result) == []
    assert found(result, "provisional") == [("deposit_short", -1_000 * shop) for shop in reversed(SHOPS)]


def test_a_bank_statement_that_covers_the_day_makes_the_bank_short(world):
    world.all(("bank", 0), ("bank", 1), ("bank", 2))
    result = world.add("bank", [*paid(0), *paid(2)], PAID[0], PAID[2]).run()
    assert result.verdict is Verdict.BREAKS
    assert found(result) == [("deposit_short", -1_000 * shop) for shop in reversed(SHOPS)]


def test_a_bank_statement_that_ends_before_the_day_does_not_cover_it(world):
    world.all(("bank", 0), ("bank", 1), ("bank", 2))
    result = world.add("bank", [*paid(0), *paid(1)], PAID[0], PAID[1]).run()
    assert "20261105" in said(result, "bank_day")[0].english
    assert found(result) == []


def test_one_bank_of_two_is_missing_a_day(world):
    world.all(("bank", 0), ("bank", 1), ("bank", 2))
    for at in range(3):
        world.add("bank", paid(at, (1, 2)), PAID[at], source="east")
        if at != 1:
            world.add("bank", paid(at, (3, 4, 5)), PAID[at], source="west")
    result = world.run()
    (reason,) = said(result, "bank_day")
    assert "west" in reason.english
    assert "3 merchants" in reason.english
    assert found(result, "provisional") == [("deposit_short", -1_000 * shop) for shop in (5, 4, 3)]


def test_days_that_somebody_says_are_all_in_are_judged(world):
    result = world.all(("bank", 1)).run(replace(AS_OF, all_in=frozenset({PAID[1]})))
    assert result.verdict is Verdict.BREAKS
    assert len(found(result)) == len(SHOPS)


def test_a_single_late_deposit_is_short_and_no_missing_day(world):
    world.all(("bank", 1))
    result = world.add("bank", paid(1, (1, 2, 3, 4)), PAID[1]).run()
    assert (result.verdict, found(result)) == (Verdict.BREAKS, [("deposit_short", -5_000)])


# ------------------------------------------------------------------ clearing


def test_a_missing_day_of_clearing_leaves_its_deposits_open_too(world):
    result = world.all(("network", 1)).run()
    (reason,) = said(result, "day")
    assert "20261103" in reason.english
    assert found(result) == []
    rules = [rule for rule, _ in found(result, "provisional")]
    assert rules == ["approved_not_settled"] * 5 + ["deposit_over"] * 5


def test_what_contradicts_itself_is_found_beside_a_missing_day(tmp_path):
    number, who, day = own(1, 0)
    world = World(tmp_path, [*books(), undone(number + 5, 700, date=day, **who)]).all(
        ("network", 0), ("network", 1)
    )
    more = line(number + 5, 700, settled_on=day, at=f"{day}100000", **who)
    result = world.add("network", [*cleared(0), more], DAYS[0]).run()
    assert said(result, "day")
    assert ("settled_but_reversed", 700) in found(result)


def wallets(world, *without):
    """Bring shops 1 and 2 by cards, the others by a wallet that bills each of them apart."""
    for at in range(3):
        world.add("network", cleared(at, (1, 2)), DAYS[at], source="cards")
        for shop in (3, 4, 5):
            if (shop, at) not in without:
                world.add("network", cleared(at, (shop,)), DAYS[at], source=f"wallet {shop}")
    return world


def test_one_network_of_two_is_missing_a_day(world):
    for at in range(3):
        world.add("network", cleared(at, (1, 2)), DAYS[at], source="cards")
        if at != 1:
            world.add("network", cleared(at, (3, 4, 5)), DAYS[at], source="wallet")
    result = world.run()
    (reason,) = said(result, "source")
    for text in ("wallet", "20261103", "3 bookings", "¥120.00"):
        assert text in reason.english
    assert [minor for _, minor in found(result, "provisional")] == [-5_000, -4_000, -3_000]


def test_the_missing_bill_of_one_merchant_is_named_and_hides_nothing_of_another(tmp_path):
    number, who, day = own(1, 1)
    more, other, _ = own(4, 1)
    ours = [sale(number + 5, 700, date=day, **who), sale(more + 5, 300, date=day, **other)]
    world = wallets(World(tmp_path, [*books(), *ours]), (4, 1))
    result = world.run()
    assert ["wallet 4" in one.english for one in said(result, "source")] == [True]
    assert found(result) == [("approved_not_settled", -700)]
    assert found(result, "provisional") == [("approved_not_settled", -4_000), ("approved_not_settled", -300)]


def test_a_day_of_which_half_is_missing_is_no_heap_of_differences(tmp_path):
    ours = [sale(number, date=DAYS[0]) for number in range(1, 121)]
    lines = [line(number) for number in range(1, 61)]
    result = World(tmp_path, ours).add("network", lines, DAYS[0]).run()
    assert "60 of 120" in said(result, "many")[0].english
    assert found(result) == []
    assert len(found(result, "provisional")) == 60


def corner_shop(tmp_path, *lost, bank=(), empty=()):
    """Give a shop of a few sales a day, with a file of each day on which any of them was cleared."""
    ours = [*(sale(n, date=DAYS[0]) for n in (1, 2, 3)), *(sale(n, date=DAYS[2]) for n in (8, 9)), *lost]
    world = World(tmp_path, ours)
    for day, numbers in ((DAYS[0], (1, 2, 3)), (DAYS[2], (8, 9))):
        world.add("network", [line(n, settled_on=day, at=f"{day}100000") for n in numbers], day)
    if bank:
        world.add("bank", bank, PAID[0], PAID[2])
    world.empty = empty
    return world


def test_one_lost_sale_on_a_quiet_day_is_a_difference_and_no_missing_file(tmp_path):
    world = corner_shop(tmp_path, sale(5, 4_200, date=DAYS[1]))
    result = world.run()
    assert (result.verdict, found(result)) == (Verdict.BREAKS, [("approved_not_settled", -4_200)])
    (note,) = result.notes
    for text in (DAYS[1], "¥42.00"):
        assert text in note.english
        assert text in note.chinese
    earlier = [of_finding(one) for one in result.findings()]
    world.add("network", [line(5, 4_200, settled_on=DAYS[1], at=f"{DAYS[1]}100000")], DAYS[1])
    late = world.run(known=earlier)
    assert (late.verdict, len(late.closed)) == (Verdict.OK, 1)


def test_two_lost_sales_of_a_day_without_a_file_are_a_missing_file(tmp_path):
    result = corner_shop(tmp_path, *(sale(n, 4_200, date=DAYS[1]) for n in (5, 6))).run()
    assert DAYS[1] in said(result, "day")[0].english
    assert (found(result), len(found(result, "provisional"))) == ([], 2)


@pytest.mark.parametrize(("came", "missing"), [(4_180, True), (4_200, True), (4_201, False), (3_000, False)])
def test_a_lone_sale_that_the_bank_paid_for_was_cleared_its_file_is_missing(tmp_path, came, missing):
    bank = [deposit(30_000, PAID[0]), deposit(came, PAID[1]), deposit(20_000, PAID[2])]
    result = corner_shop(tmp_path, sale(5, 4_200, date=DAYS[1]), bank=bank).run()
    both = [("approved_not_settled", -4_200), ("deposit_over", came)]
    if missing:
        assert said(result, "day")
        assert (found(result), found(result, "provisional")) == ([], both)
    else:
        assert (result.verdict, found(result)) == (Verdict.BREAKS, both)


def test_a_file_without_a_line_says_that_nothing_is_missing_on_its_day(tmp_path):
    lost = [sale(n, 4_200, date=DAYS[1]) for n in (5, 6)]
    empty = EmptyFile("e", ROLES["network"], "0", source="one", first=DAYS[1], last=DAYS[1])
    result = corner_shop(tmp_path, *lost, empty=(empty,)).run()
    assert (result.verdict, len(found(result)), result.notes) == (Verdict.BREAKS, 2, ())
    other = corner_shop(tmp_path, *lost, empty=(replace(empty, source="other"),)).run()
    assert said(other, "day")
    assert other.run_id != result.run_id


def test_a_file_of_which_every_line_was_rejected_is_named_and_covers_nothing(tmp_path):
    lost = [sale(n, 4_200, date=DAYS[1]) for n in (5, 6)]
    empty = EmptyFile("e", ROLES["network"], "0", 2, source="one", first=DAYS[1], last=DAYS[1])
    result = corner_shop(tmp_path, *lost, empty=(empty,)).run()
    assert said(result, "rejects")
    assert said(result, "day")


def test_a_sale_that_is_not_in_a_file_covering_its_day_is_a_difference(tmp_path):
    ours = [sale(1, date=DAYS[0]), sale(2, date=DAYS[1]), sale(3, date=DAYS[2])]
    lines = [line(1), line(3, settled_on=DAYS[2], at=f"{DAYS[2]}090000")]
    result = World(tmp_path, ours).add("network", lines, DAYS[0], DAYS[2]).run()
    assert (result.verdict, found(result)) == (Verdict.BREAKS, [("approved_not_settled", -10_000)])


def test_a_file_with_rejects_leaves_open_what_its_lines_may_explain(world):
    world.all(("network", 1), ("bank", 0), ("bank", 1), ("bank", 2))
    lines = [*cleared(1, (1, 2, 3)), *cleared(1, (4,), rrn="", card="", auth_code="")]
    lines[3]["amount_minor"] = 4_100
    world.add("network", lines, DAYS[1])
    world.files[-1] = replace(world.files[-1], rejects=1)
    result = world.run()
    assert said(result, "rejects")
    assert found(result) == [("amount_mismatch", 100)]
    assert found(result, "provisional") == [("approved_not_settled", -5_000)]


# ------------------------------------------------------------------ terminals


def test_a_journal_that_is_missing_is_owed_by_a_terminal_that_reports_otherwise(world):
    world.all(("terminal", 1))
    result = world.add("terminal", journal(1, (1, 2, 3, 4)), DAYS[1]).run()
    (reason,) = said(result, "journal")
    for text in ("20261103", "00000005", "1 transaction", "¥50.00"):
        assert text in reason.english
    assert "00000005" in reason.chinese
    assert found(result) == found(result, "provisional") == []


def test_a_terminal_that_never_reports_is_noted(world):
    for at in range(3):
        world.add("network", cleared(at), DAYS[at]).add("terminal", journal(at, (1, 2, 3, 4)), DAYS[at])
    result = world.run()
    assert result.verdict is Verdict.OK
    assert [one.code for one in result.notes] == ["journal"]
    for text in ("00000005", "3 transactions", "¥150.00"):
        assert text in result.notes[0].english


def test_a_journal_may_come_late(world):
    world.all(("terminal", 2))
    world.add("terminal", journal(2, (1, 2, 3, 4)), DAYS[2])
    early = world.run(Options(as_of=DAYS[2]))
    assert (early.verdict, [one.code for one in early.notes]) == (Verdict.OK, ["journal"])
    assert world.run().verdict is Verdict.INCOMPLETE


# ------------------------------------------------------------------ earlier differences


def test_a_run_closes_nothing_where_a_file_is_missing(world):
    number, who, day = own(1, 1)
    wrong = line(number + 5, 700, settled_on=day, at=f"{day}100000", **who)
    world.all(("network", 1)).add("network", [*cleared(1), wrong], DAYS[1])
    (earlier,) = [of_finding(one) for one in world.run().findings() if one.rule == "settled_not_booked"]
    without = [one for one in world.files if one.file_id != "network-one-20261103"]
    world.files = without
    assert world.run(known=[earlier]).closed == ()
    world.add("network", cleared(1), DAYS[1])
    assert [one.finding_id for one in world.run(known=[earlier]).closed] == [earlier.finding_id]


def test_a_run_without_clearing_closes_nothing(world):
    (earlier,) = [of_finding(one) for one in world.all(("network", 0)).add(
        "network", cleared(0, (1, 2, 3, 4)), DAYS[0]).run().findings() if one.leg.value == "network"]  # fmt: skip
    world.files = [one for one in world.files if one.role is not ROLES["network"]]
    result = world.run(known=[earlier])
    assert (result.verdict, result.closed) == (Verdict.INCOMPLETE, ())
