"""The demonstration's day end: the host's files are real, what was planted is found, and a cheat is seen."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from storno.journal.fact import fact_row, read_fact, tx_row
from storno.journal.sqlite import SqliteJournal
from storno.recon.result import Verdict
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, fold, step
from storno.reversal.record import Detail, Opening, Trigger
from storno.sim import day_end
from storno.sim.books import Books
from storno.sim.clearing_files import Payout, acom, bank_csv, cleared, fee_of, payouts
from storno.sim.day_end import close_day
from storno.sim.entry import CardRef, Identity, OriginalRef, Request
from storno.sim.host_home import open_home, read_books
from storno.sim.mislaid import bend, key_of, underpay
from storno.statements.base import ReadOptions
from storno.statements.formats import statement_format
from storno.statements.line import LineKind, StatementLine

pytestmark = pytest.mark.unit
MID = "000000000000001"
NOON_MS = int(datetime(2026, 11, 23, 4, tzinfo=UTC).timestamp() * 1000)
DAY = "20261123"
CARD = CardRef("token", "620000******0017", 10**9)
SALES, REVERSED, VOIDED = 14, 3, 2


@pytest.fixture
def home(tmp_path):
    """Host and journal of one morning that agree in everything: sales, some reversed, some voided."""
    shop = open_home(tmp_path)
    books = Books(shop.shelf)
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.next_incarnation()
    for number in range(1, SALES + 1):
        sell(books, journal, number, reverse=number <= REVERSED)
    for number in range(SALES, SALES - VOIDED, -1):
        void(books, journal, number)
    books.flush()
    shop.close()
    journal.close()
    return tmp_path


def keys(number):
    tid = f"{number % 3 + 1:08d}"
    return TxKey(tid, MID, "000001", f"{number:06d}"), Identity(tid, MID, "000001", f"{number:06d}")


def request(number, kind, amount, at_ms, original=None):
    key, identity = keys(number)
    ref = OriginalRef(identity=original) if original else OriginalRef()
    return Request(identity, kind, amount, CARD, at_ms, key.tid, MID, "000001", original=ref)


def keep(journal, outcomes):
    for one in outcomes:
        posting = one.posting
        row = posting and (posting.key, one.record.tx_id, posting.currency, posting.entries)
        journal.commit([(fact_row(one.fact), tx_row(one.record), row, None)])


def opened(number, kind, amount, at_ms, original=""):
    opening = Opening(keys(number)[0], kind, State.AUTHORIZING, amount, "CNY", "cup_pos", DAY, CARD.masked)
    return begin(f"tx-{number}", at_ms, opening._replace(original=original))


def approved(outcome, entry, at_ms):
    detail = Detail(code="00", rrn=entry.rrn, auth_code=entry.auth_code)
    return step(outcome.record, Input.RESPONSE_APPROVED, at_ms + 900, detail)


def sell(books, journal, number, *, reverse):
    at_ms, amount = NOON_MS + number * 60_000, 1_234 + 1_000 * number
    entry = books.rule(request(number, Kind.SALE, amount, at_ms)).entry
    first = opened(number, Kind.SALE, amount, at_ms)
    if not reverse:
        keep(journal, [first, approved(first, entry, at_ms)])
        return
    books.reverse(keys(number)[1], amount, at_ms + 61_000, Kind.SALE)
    lost = step(
        first.record, Input.RESPONSE_TIMEOUT, at_ms + 60_000, Detail(trigger=Trigger.TIMEOUT, reason="98")
    )
    sent = step(lost.record, Input.REVERSAL_DUE, at_ms + 60_010)
    keep(
        journal,
        [first, lost, sent, step(sent.record, Input.REVERSAL_ACCEPTED, at_ms + 61_000, Detail(code="00"))],
    )


def void(books, journal, number):
    at_ms, amount = NOON_MS + 3_600_000 + number, 1_234 + 1_000 * number
    other = 3 * 100 + number  # the same terminal: 3 divides the difference
    entry = books.rule(request(other, Kind.VOID, amount, at_ms, keys(number)[1])).entry
    first = opened(other, Kind.VOID, amount, at_ms, f"tx-{number}")
    keep(journal, [first, approved(first, entry, at_ms)])
    record = fold(read_fact(one.row) for one in journal.read() if one.row[0] == f"tx-{number}")
    keep(journal, [step(record, Input.UNDONE, at_ms + 1_000, Detail(note=f"tx-{other}"))])


# ------------------------------------------------------------------ the files


def test_acom_of_the_books_is_read_by_the_real_reader(home, tmp_path):
    lines = list(cleared(read_books(home)))
    assert len(lines) == SALES + REVERSED + VOIDED
    data = acom(lines)
    assert {len(one) for one in data.split(b"\r\n")[:-1]} == {299}
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(data)
    with path.open("rb") as stream:
        read = list(statement_format("unionpay-acom").read(stream, ReadOptions(name=path.name)))
    assert all(isinstance(one, StatementLine) for one in read)
    assert sum(one.amount_minor for one in read) == sum(one.amount_minor for one in lines)
    assert sum(one.fee_minor for one in read) == sum(one.fee_minor for one in lines)
    kinds = [one.kind for one in read]
    assert (kinds.count(LineKind.REVERSAL), kinds.count(LineKind.VOID)) == (REVERSED, VOIDED)
    assert {one.settled_on for one in read} == {DAY}


def test_a_payout_is_gross_less_refunds_less_fees(home):
    lines = list(cleared(read_books(home)))
    assert payouts(lines) == [Payout(MID, DAY, sum(one.amount_minor + one.fee_minor for one in lines))]
    row = bank_csv([Payout(MID, "20261127", -105)]).splitlines()[1]  # a Friday: paid on Monday
    assert row.split(",")[:5] == ["20261130", "20261130", MID, f"POS-{MID}-20261127", "-1.05"]


@pytest.mark.parametrize(("amount", "fee"), [(10_000, -38), (131, 0), (132, -1), (-10_000, 38), (0, 0)])
def test_a_fee_is_rounded_half_up(amount, fee):
    assert fee_of(amount) == fee


# ------------------------------------------------------------------ planting and finding


def test_each_transaction_is_bent_once_and_only_sound_ones(home):
    lines = list(cleared(read_books(home)))
    sound = frozenset(key_of(one) for one in lines if one.mti == "0200" and one.f3 == "000000")
    undone = frozenset(key_of(one) for one in lines if one.mti == "0420")
    _, planted = bend(lines, sound - undone, undone, 7)
    assert len(planted) == 7
    assert len({(one.tid, one.stan) for one in planted}) == 7
    assert bend(lines, frozenset(), frozenset(), 7)[1] == []
    assert bend(lines, sound, undone, 7)[0] != bend(lines, sound, undone, 8)[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_planted_is_found_and_nothing_else(home, seed):
    end = close_day(home, frozenset(), seed)
    assert end.agrees, end
    assert end.verdict is Verdict.BREAKS
    assert len(end.planted) == 8
    assert (len(end.found), end.missed, end.known, end.invented) == (8, (), (), ())


def test_a_day_without_planting_is_whole(home, monkeypatch):
    monkeypatch.setattr(day_end, "bend", lambda lines, *_: (list(lines), []))
    monkeypatch.setattr(day_end, "underpay", lambda paid, _: (list(paid), []))
    end = close_day(home, frozenset(), 1)
    assert (end.verdict, end.found, end.agrees) == (Verdict.OK, (), True)


def test_a_difference_nobody_planted_is_invented(home, monkeypatch):
    monkeypatch.setattr(day_end, "underpay", lambda paid, seed: (underpay(paid, seed)[0], []))
    end = close_day(home, frozenset(), 1)
    assert [one.rule for one in end.invented] == ["deposit_short"]
    assert not end.agrees


def test_a_planted_difference_that_is_not_there_is_missed(home, monkeypatch):
    def pretend(lines, sound, undone, seed):
        return list(lines), bend(lines, sound, undone, seed)[1]

    monkeypatch.setattr(day_end, "bend", pretend)
    end = close_day(home, frozenset(), 1)
    assert len(end.missed) == 7
    assert not end.agrees


def test_a_difference_on_an_open_exception_is_known(home, monkeypatch):
    real = day_end.cleared
    lost = keys(5)[0]
    monkeypatch.setattr(
        day_end, "cleared", lambda books: [one for one in real(books) if one.stan != lost.stan]
    )
    end = close_day(home, frozenset({lost}), 1)
    assert [one.rule for one in end.known] == ["approved_not_settled"]
    assert end.agrees


def test_a_host_that_cleared_nothing_has_no_day_end(tmp_path):
    shop = open_home(tmp_path)
    shop.shelf.commit()
    shop.close()
    SqliteJournal(tmp_path / "journal.db").close()
    assert close_day(tmp_path, frozenset(), 1) is None


def test_a_day_end_that_does_not_fit_makes_the_demonstration_disagree():
    from storno.sim.live import Report

    good = SimpleNamespace(verdict="agree")
    told = {
        "plan": None,
        "gauge": None,
        "faults": {},
        "told": {},
        "kills": 0,
        "power_cuts": 0,
        "example": "",
        "pending": 0,
    }
    assert Report(comparison=good, **told).verdict == "agree"
    assert Report(comparison=good, day_end=SimpleNamespace(agrees=False), **told).verdict == "disagree"
    assert Report(comparison=good, day_end=SimpleNamespace(agrees=True), **told).verdict == "agree"
