"""What every journal engine promises: the same tests over every engine found in the folder."""

import marshal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal_kit import CARD, NOW_MS, Shop, approve, change, opening, sale
from storno.journal.base import Head, JournalError
from storno.journal.fact import GENESIS, TX_COLUMNS, fact_row, link, plain_row, tx_row
from storno.journal.registry import engines
from storno.reversal.key import TxKey
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, fold, step

MID = "302440380621100"
ENGINES = engines()
PENDING = {State.AUTHORIZING, State.ADVISING, State.REVERSING}


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def journal(request, tmp_path):
    opened = request.param.open(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_the_folder_has_a_memory_engine_and_a_durable_one():
    assert {("memory", False), ("sqlite", True)} <= {(engine.name, engine.durable) for engine in ENGINES}


def test_an_empty_journal_says_so(journal):
    assert journal.head() == Head(0, GENESIS)
    assert list(journal.pending()) == list(journal.read()) == list(journal.high_stans(0)) == []
    assert journal.rows() == journal.balances() == journal.search("1-1") == journal.facts("1-1") == ()
    assert journal.find(TxKey("t", "m", "b", "s")) is journal.sealed_card("1-1") is None
    assert journal.commit([]) == 0
    assert journal.verify().problems == ()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6))
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_what_was_committed_is_what_is_read(engine, tmp_path_factory, seed, sizes):
    journal = engine.open(tmp_path_factory.mktemp("journal") / "journal.db")
    shop, facts = Shop(seed), []
    for size in sizes:
        group = shop.changes(size)
        facts += [fact for fact, *_ in group]
        assert journal.commit(group) == len(facts)
        for tx_id, record in shop.records.items():
            assert (
                fold(journal.facts(tx_id)) == record
            )  # what was read before a commit does not hide what it added
    assert [stored.row for stored in journal.read()] == facts
    digest = GENESIS
    for number, stored in enumerate(journal.read(), 1):
        digest = link(digest, stored.row)
        assert (stored.seq, stored.digest) == (number, digest)
    assert journal.head() == Head(len(facts), digest)
    assert list(journal.rows(limit=10**6)) == [tx_row(record) for record in shop.records.values()]
    for tx_id, record in shop.records.items():
        assert fold(journal.facts(tx_id)) == record
    assert [fold(facts) for facts in journal.pending()] == [
        r for r in shop.records.values() if r.state in PENDING
    ]
    sums = {}
    for currency, account, amount in shop.postings:
        sums[currency, account] = sums.get((currency, account), 0) + amount
    assert {(b.currency, b.account): b.amount_minor for b in journal.balances()} == sums
    result = journal.verify()
    assert result.problems == ()
    assert (result.facts, result.transactions, result.head) == (len(facts), len(shop.records), journal.head())
    assert result.postings == sum(record.postings for record in shop.records.values())
    journal.close()


def test_a_body_handed_over_as_values_is_spelled_here_and_stored_the_same(journal):
    opened = sale(fields=((3, "000000"), (55, "9F10")), original="1-0", hold_minor=5, reason="98")
    answered = approve(opened.record)
    changes = [(plain_row(one.fact), *change(one)[1:]) for one in (opened, answered)]
    assert journal.commit(marshal.loads(marshal.dumps(changes))) == 2
    assert [stored.row for stored in journal.read()] == [fact_row(one.fact) for one in (opened, answered)]
    assert fold(journal.facts("1-1")) == answered.record
    assert journal.verify().problems == ()


def test_reading_from_a_sequence_number(journal):
    journal.commit(Shop(1).changes(5))
    assert [stored.seq for stored in journal.read(3)] == [4, 5]
    assert list(journal.read(5)) == []


def bad_groups():
    known = sale("1-1")
    other = sale("1-2", stan="000002")
    done = change(approve(known.record))
    fact, row, (_, *posting), card = change(approve(other.record))
    again = (fact, row, ("1-1/1", *posting), card)
    return {
        "posting used in this group": [change(other), done, again],
        "opened twice": [change(other), change(known)],
        "opened twice in this group": [change(other), change(other)],
        "moved but never opened": [change(sale("1-3")), change(approve(other.record))],
        "row of another": [(change(other)[0], change(known)[1], None, None)],
        "row too short": [change(other), (fact, row[:-1], None, None)],
    }


@pytest.mark.parametrize("name", bad_groups())
def test_a_group_is_stored_whole_or_not_at_all(journal, name):
    journal.commit([change(sale("1-1"), CARD)])
    before = (journal.head(), journal.rows(), journal.balances(), journal.sealed_card("1-1"))
    with pytest.raises(AssertionError):
        journal.commit(bad_groups()[name])
    assert (journal.head(), journal.rows(), journal.balances(), journal.sealed_card("1-1")) == before
    assert journal.commit([change(sale("1-9", stan="000009"))]) == 2
    assert journal.verify().problems == ()


def test_a_posting_key_is_used_once_for_ever(journal):
    first = sale("1-1")
    journal.commit([change(first), change(approve(first.record))])
    fact, row, posting, card = change(step(approve(first.record).record, Input.DELIVERY_FAILED, NOW_MS + 99))
    assert posting[0] == "1-1/2"
    with pytest.raises(AssertionError):
        journal.commit([(fact, row, ("1-1/1", "1-1", "CNY", (("other", 1), ("accounts", -1))), card)])
    assert journal.head().seq == 2


def test_an_identity_leads_to_its_latest_transaction(journal):
    journal.commit(
        [change(sale("1-2")), change(sale("1-1", at_ms=NOW_MS - 5)), change(sale("1-0", stan="000002"))]
    )
    key = opening().key
    assert journal.find(key) == "1-1"
    assert journal.find(key._replace(batch="000008")) is None
    assert journal.find(key._replace(mid="302440380621101")) is None
    assert journal.find(key._replace(tid="58402002")) is None


def test_an_answer_s_numbers_lead_to_transactions_newest_first(journal):
    for number in (1, 2, 3):
        opened = sale(f"1-{number}", stan=f"{number:06d}", mid=MID if number < 3 else "other")
        journal.commit([change(opened), change(approve(opened.record))])
    journal.commit([change(sale("1-4", stan="000004"))])
    assert journal.find_by_rrn("240601000001", MID) == ("1-2", "1-1")
    assert journal.find_by_rrn("240601000001", "other") == ("1-3",)
    assert journal.find_by_auth_code("123456", MID) == ("1-2", "1-1")
    assert journal.find_by_rrn("", MID) == journal.find_by_auth_code("", MID) == ()


def test_search_takes_what_stands_on_a_receipt(journal):
    old = sale("1-1", date="20251231")
    journal.commit([change(old), change(approve(old.record)), change(sale("1-2"))])

    def ids(text):
        return [row[0] for row in journal.search(text)]

    assert (
        ids("1-1")
        == ids(" 240601000001 ")
        == ids("58402001/000001/1231")
        == ids("58402001/1/20251231")
        == ["1-1"]
    )
    assert ids("58402001/1") == ["1-2", "1-1"]
    assert ids("58402001/000002") == ids("58402001/1/20250101") == ids("") == ids("/") == ids("'; --") == []


def test_cards_are_kept_replaced_and_forgotten_alone(journal):
    opened = change(sale("1-1"), b"first")
    journal.commit([opened])
    assert journal.sealed_card("1-1") == b"first"
    approved = approve(sale("1-1").record)
    journal.commit([change(approved)])
    assert journal.sealed_card("1-1") == b"first"
    cancelled = step(approved.record, Input.CANCEL_REQUESTED, NOW_MS + 60)
    journal.commit([change(cancelled, b"second")])
    assert journal.sealed_card("1-1") == b"second"
    journal.commit([change(step(cancelled.record, Input.REVERSAL_ACCEPTED, NOW_MS + 70))])
    assert journal.sealed_card("1-1") is None
    assert journal.verify().problems == ()


def test_a_card_that_comes_and_goes_in_one_group_leaves_nothing(journal):
    opened = sale("1-1")
    declined = step(opened.record, Input.RESPONSE_DECLINED, NOW_MS + 5)
    journal.commit([change(opened, CARD), change(declined)])
    assert journal.sealed_card("1-1") is None


def test_rows_by_what_is_open(journal):
    waiting, doubtful, done = (sale(f"1-{n}", stan=f"00000{n}") for n in (1, 2, 3))
    journal.commit([change(one) for one in (waiting, doubtful, done)])
    journal.commit(
        [change(step(doubtful.record, Input.RESPONSE_DOUBTFUL, NOW_MS + 9)), change(approve(done.record))]
    )
    assert [row[0] for row in journal.rows(pending_only=True)] == ["1-1"]
    assert [row[0] for row in journal.rows(cases_only=True)] == ["1-2"]
    assert journal.rows(cases_only=True, pending_only=True) == ()
    assert [row[0] for row in journal.rows(limit=2)] == ["1-1", "1-2"]
    assert len(journal.rows()[0]) == len(TX_COLUMNS)


def test_the_highest_stan_of_each_terminal_and_batch_since_a_time(journal):
    day_ms = 86_400_000
    marks = [
        ("a", "000005", "1", 0),
        ("a", "000003", "1", 1),
        ("a", "000001", "2", 1),
        ("b", "000007", "1", 2),
    ]
    for number, (tid, stan, batch, days) in enumerate(marks):
        journal.commit(
            [change(begin(f"1-{number}", NOW_MS + days * day_ms, opening(tid, stan, batch=batch)))]
        )
    everything = [("a", MID, "1", "000005"), ("a", MID, "2", "000001"), ("b", MID, "1", "000007")]
    assert list(journal.high_stans(0)) == everything
    assert list(journal.high_stans(NOW_MS + 1)) == [("a", MID, "1", "000003"), *everything[1:]]
    assert list(journal.high_stans(NOW_MS + 2 * day_ms)) == everything[2:]
    assert list(journal.high_stans(NOW_MS + 3 * day_ms)) == []


def test_incarnations_count_up(journal):
    assert [journal.next_incarnation() for _ in range(3)] == [1, 2, 3]


def test_verification_tells_how_far_it_is(journal):
    journal.commit(Shop(7).changes(3_000))
    seen = []
    journal.verify(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6_000, 6_000)
    assert seen == sorted(seen)
    assert len(seen) > 2


@pytest.fixture(params=[engine for engine in ENGINES if engine.durable], ids=lambda engine: engine.name)
def durable(request):
    return request.param


def test_a_journal_goes_on_where_it_was_closed(durable, tmp_path):
    path, shop = tmp_path / "new" / "journal.db", Shop(3)
    first = durable.open(path)
    first.next_incarnation()
    first.commit(shop.changes(50))
    head, rows = first.head(), first.rows()
    first.close()
    second = durable.open(path)
    assert (second.head(), second.rows(), second.next_incarnation()) == (head, rows, 2)
    assert second.commit(shop.changes(10)) == 60
    assert second.verify().problems == ()
    second.close()


def test_a_journal_has_one_writer(durable, tmp_path):
    first = durable.open(tmp_path / "journal.db")
    with pytest.raises(JournalError) as refused:
        durable.open(tmp_path / "journal.db")
    assert refused.value.code == "busy"
    first.close()
    durable.open(tmp_path / "journal.db").close()
