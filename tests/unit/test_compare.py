"""Each class of difference is planted and must be found; each sound pair of books must pass."""

import pytest

from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.sim.compare import (
    AccountLine,
    Books,
    Claim,
    Class,
    HostLine,
    JournalLine,
    Slip,
    TerminalLine,
    compare,
)

KEY = TxKey("00000001", "M1", "000001", "000007")
OTHER = TxKey("00000002", "M2", "000001", "000001")
AMOUNT = 1234

HOST = HostLine(KEY, Kind.SALE, stands=True, in_force=True, minor=AMOUNT, hold_minor=0, applied=1, undone=0)
UNDONE_AT_HOST = HOST._replace(stands=False, in_force=False, minor=0, undone=1)
JOURNAL = JournalLine(KEY, "t-1", Kind.SALE, Claim.STANDS, AMOUNT, 0)
UNDONE_IN_JOURNAL = JOURNAL._replace(claim=Claim.GONE, minor=0)
IN_SUSPENSE = JOURNAL._replace(claim=Claim.OPEN, minor=0, doubt_minor=AMOUNT)
TOLD = TerminalLine(KEY, Claim.STANDS, AMOUNT)
TOLD_NO = TerminalLine(KEY, Claim.GONE, 0)
TOLD_ASK = TerminalLine(KEY, Claim.OPEN, 0)


def named(line, name="refused"):
    return line._replace(names=(name,))


def books(*lines, **more):
    by_type = {HostLine: [], JournalLine: [], TerminalLine: []}
    for line in lines:
        by_type[type(line)].append(line)
    host, journal, terminals = (tuple(found) for found in by_type.values())
    return Books(host, journal, terminals, **more)


def only(result):
    assert len(result.findings) == 1, result.findings
    return result.findings[0]


@pytest.mark.parametrize(
    "lines",
    [
        (HOST, JOURNAL, TOLD),
        (UNDONE_AT_HOST, UNDONE_IN_JOURNAL, TOLD_NO),
        (UNDONE_IN_JOURNAL, TOLD_ASK),
        (UNDONE_AT_HOST, UNDONE_IN_JOURNAL, TOLD_ASK),
        (TOLD_NO,),
    ],
    ids=[
        "approved",
        "reversed",
        "never arrived, told doubtful",
        "reversed, told doubtful",
        "refused before the journal",
    ],
)
def test_sound_books_agree(lines):
    result = compare(books(*lines))
    assert (result.verdict, result.originals, result.agreed) == ("agree", 1, 1)


@pytest.mark.parametrize(
    "lines",
    [
        (HOST, UNDONE_IN_JOURNAL, TOLD_NO),
        (HOST, TOLD_NO),
        (HOST,),
        (HOST, JOURNAL, TOLD_NO),
        (HOST, JOURNAL, TOLD_ASK),
        (HOST, UNDONE_IN_JOURNAL, TOLD),
        (UNDONE_AT_HOST, JOURNAL, TOLD_NO),
        (HOST, IN_SUSPENSE, TOLD_ASK),
        (UNDONE_AT_HOST, IN_SUSPENSE, TOLD_NO),
        (HOST, JOURNAL._replace(minor=AMOUNT - 1), TOLD),
        (HOST._replace(minor=AMOUNT - 1), JOURNAL, TOLD),
        (HOST, JOURNAL, TOLD._replace(minor=AMOUNT + 1)),
    ],
)
def test_a_one_sided_entry_is_found(lines):
    result = compare(books(*lines))
    assert only(result).kind is Class.SILENT
    assert result.verdict == "disagree"


@pytest.mark.parametrize(
    "lines",
    [(UNDONE_AT_HOST, JOURNAL, TOLD), (JOURNAL, TOLD), (UNDONE_AT_HOST, UNDONE_IN_JOURNAL, TOLD), (TOLD,)],
)
def test_a_lost_effect_is_found(lines):
    result = compare(books(*lines))
    assert only(result).kind is Class.LOST
    assert result.verdict == "disagree"


def test_an_approval_that_only_the_cashier_remembers_is_lost():
    result = compare(books(UNDONE_AT_HOST, UNDONE_IN_JOURNAL, TOLD_NO, slips=(Slip(KEY, approved=True),)))
    assert only(result).kind is Class.LOST


def test_a_slip_that_the_log_knows_is_fine():
    slips = (Slip(KEY, approved=True),)
    assert compare(books(HOST, JOURNAL, TOLD, slips=slips)).verdict == "agree"
    assert (
        compare(books(UNDONE_AT_HOST, UNDONE_IN_JOURNAL, TOLD_NO, slips=(Slip(KEY, approved=False),))).verdict
        == "agree"
    )


@pytest.mark.parametrize(
    "host",
    [
        HOST._replace(applied=2),
        HOST._replace(applied=2, undone=1),
        UNDONE_AT_HOST._replace(undone=2),
        UNDONE_AT_HOST._replace(applied=0, undone=0, in_force=True),
    ],
    ids=[
        "applied twice",
        "applied again after its undoing",
        "undone twice",
        "in force without being applied",
    ],
)
def test_an_effect_counted_twice_is_found_even_when_a_case_is_open(host):
    journal, told = (JOURNAL, TOLD) if host.stands else (UNDONE_IN_JOURNAL, TOLD_NO)
    assert only(compare(books(host, journal, told))).kind is Class.DOUBLED
    result = compare(books(host, named(journal), told))
    assert only(result).kind is Class.DOUBLED
    assert result.verdict == "disagree"


def test_a_sale_that_stands_again_after_its_void_was_reversed_is_not_doubled():
    host = HOST._replace(applied=2, undone=1, restored=1)
    assert compare(books(host, JOURNAL, TOLD)).verdict == "agree"


def test_two_records_of_one_original_that_both_stand_are_doubled():
    twin = JOURNAL._replace(tx_id="t-2")
    assert only(compare(books(HOST, JOURNAL, twin, TOLD))).kind is Class.DOUBLED


@pytest.mark.parametrize(
    "lines",
    [
        (HOST, named(IN_SUSPENSE), TOLD_NO),
        (HOST, named(UNDONE_IN_JOURNAL, "contradiction"), TOLD_NO),
        (UNDONE_AT_HOST, named(UNDONE_IN_JOURNAL, "host_reversed"), TOLD),
        (HOST, named(IN_SUSPENSE, "reversing"), TOLD_NO),
        (HOST, JOURNAL, named(TOLD_ASK, "terminal_pending")),
        (HOST, JOURNAL, named(TOLD_ASK, "terminal_exception")),
        (HOST, JOURNAL, named(TOLD_ASK, "terminal_doubtful")),
        (UNDONE_AT_HOST, UNDONE_IN_JOURNAL, named(TOLD_ASK, "terminal_exception")),
    ],
)
def test_a_named_difference_is_explained_and_shown(lines):
    result = compare(books(*lines))
    finding = only(result)
    assert (finding.kind, result.verdict) == (Class.NAMED, "explained")
    assert finding.names


def test_a_name_must_cover_the_money():
    assert (
        only(compare(books(HOST, named(IN_SUSPENSE)._replace(doubt_minor=AMOUNT - 1), TOLD_NO))).kind
        is Class.SILENT
    )
    assert (
        only(compare(books(HOST, named(IN_SUSPENSE)._replace(doubt_minor=AMOUNT), TOLD_NO))).kind
        is Class.NAMED
    )
    partly = HOST._replace(minor=AMOUNT - 400)
    assert (
        only(compare(books(partly, named(IN_SUSPENSE)._replace(doubt_minor=AMOUNT), TOLD_NO))).kind
        is Class.NAMED
    )


def test_a_name_explains_its_own_transaction_only():
    elsewhere = JournalLine(OTHER, "t-9", Kind.SALE, Claim.GONE, 0, 0, ("refused",))
    result = compare(books(HOST, UNDONE_IN_JOURNAL, TOLD_NO, elsewhere))
    assert only(result).kind is Class.SILENT


def test_sums_are_by_merchant_and_signed():
    void = HostLine(
        KEY._replace(stan="000008"),
        Kind.VOID,
        stands=True,
        in_force=True,
        minor=-AMOUNT,
        hold_minor=0,
        applied=1,
        undone=0,
    )
    lines = (
        HOST, JOURNAL, TOLD, void,
        JOURNAL._replace(key=void.key, tx_id="t-2", kind=Kind.VOID, minor=-AMOUNT),
        TOLD._replace(key=void.key, minor=-AMOUNT),
        HOST._replace(key=OTHER, minor=500),
        JOURNAL._replace(key=OTHER, tx_id="t-3", minor=500),
        TOLD._replace(key=OTHER, minor=500),
    )  # fmt: skip
    result = compare(books(*lines, host_receivable_minor=500))
    assert result.verdict == "agree"
    assert [(one.mid, one.host_minor, one.journal_minor, one.terminals_minor) for one in result.totals] == [
        ("M1", 0, 0, 0),
        ("M2", 500, 500, 500),
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"host_receivable_minor": AMOUNT + 1},
        {"journal_problems": ("the chain breaks",)},
        {"accounts": (AccountLine("620000******0018", AMOUNT + 1, AMOUNT, 0, 0),)},
        {"accounts": (AccountLine("620000******0018", AMOUNT, AMOUNT, 5, 0),)},
        {"accounts": (AccountLine("620000******0018", AMOUNT - 1, AMOUNT - 1, 0, 0),)},
    ],
    ids=["ledger balance", "journal chain", "account balance", "account hold", "cards against transactions"],
)
def test_a_broken_book_is_a_disagreement_though_no_original_differs(more):
    result = compare(books(HOST, JOURNAL, TOLD, **more))
    assert (result.findings, result.verdict) == ((), "disagree")
    assert result.broken


def test_holds_are_compared_too():
    host = HOST._replace(kind=Kind.PREAUTH, minor=0, hold_minor=700)
    journal = JOURNAL._replace(kind=Kind.PREAUTH, minor=0, hold_minor=700)
    told = TOLD._replace(minor=0)
    assert compare(books(host, journal, told)).verdict == "agree"
    assert compare(books(host, journal._replace(hold_minor=600), told)).verdict == "disagree"
