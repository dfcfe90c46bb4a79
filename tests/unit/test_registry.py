"""Records in memory: a bounded cache that never hides a newer transaction and never loses what is not durable."""

import pytest

import journal_kit as kit
from storno.gateway.registry import Registry
from storno.journal.memory import MemoryJournal
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input
from storno.reversal.machine import begin, step

NOW = kit.NOW_MS
SALES = frozenset({Kind.SALE})


@pytest.fixture
def journal():
    return MemoryJournal()


def keep(journal, registry, *outcomes):
    for outcome in outcomes:
        journal.commit([kit.change(outcome)])
        registry.put(outcome.record, new=outcome.fact.input is None)


def approved(tx_id="1-1", at_ms=NOW, **members):
    opened = kit.sale(tx_id, at_ms, **members)
    return opened, step(opened.record, Input.RESPONSE_APPROVED, at_ms + 1)


def test_a_record_that_left_memory_is_the_fold_of_its_facts(journal):
    registry = Registry(journal, 0)
    outcomes = approved()
    keep(journal, registry, *outcomes)
    registry.trim(NOW + 1_000)
    assert len(registry) == 0
    assert registry.get("1-1") == outcomes[-1].record
    assert registry.find(outcomes[-1].record.key) == outcomes[-1].record
    assert registry.get("no such") is None


def test_what_is_not_durable_or_still_open_never_leaves_memory(journal):
    registry = Registry(journal, 0)
    keep(journal, registry, *approved("1-1"))
    keep(journal, registry, kit.sale("1-2", NOW, stan="000002"))
    registry.trim(NOW)
    assert len(registry) == 2
    registry.trim(NOW + 1_000)
    assert [record.tx_id for record in registry.held()] == ["1-2"]
    assert len(registry) == 1


def test_an_old_transaction_that_moves_does_not_take_its_number_back(journal):
    registry = Registry(journal, 100)
    old, new = approved("1-1"), approved("1-2", NOW + 72_000_000)
    keep(journal, registry, *old, *new)
    keep(journal, registry, step(old[-1].record, Input.CASE_CLOSED, NOW + 72_000_100))
    assert registry.find(old[0].record.key).tx_id == "1-2"
    registry = Registry(journal, 100)
    assert registry.get("1-1") is not None
    assert registry.find(old[0].record.key).tx_id == "1-2"


def test_a_higher_number_needs_no_look_into_the_journal(journal):
    registry = Registry(journal, 100)
    keep(journal, registry, *approved("1-1", stan="000005"))
    again = Registry(journal, 100)
    again.learn_high_stans(0)
    asked = []
    again._archive = type("Spy", (), {"find": lambda _, key: asked.append(key), "facts": journal.facts})()
    key = approved("1-1", stan="000006")[0].record.key
    assert again.find(key, new_number_skips=True) is None
    assert asked == []
    again.find(key._replace(stan="000005"), new_number_skips=True)
    assert len(asked) == 1


def test_an_original_is_found_by_number_rrn_or_authorisation_code_and_must_be_of_the_kind(journal):
    registry = Registry(journal, 100)
    opened = kit.sale()
    sale = kit.approve(opened.record)
    keep(journal, registry, opened, sale)
    key, mid = sale.record.key, sale.record.key.mid
    for asked in ((key, "", ""), (None, sale.record.rrn, ""), (None, "", sale.record.auth_code)):
        assert registry.find_original(*asked, mid, SALES).tx_id == "1-1"
        assert registry.find_original(*asked, mid, frozenset({Kind.PREAUTH})) is None
    assert registry.find_original(None, sale.record.rrn, "", "another merchant", SALES) is None
    assert registry.find_original(None, "", "", mid, SALES) is None


def test_an_authorisation_code_two_sales_share_names_neither(journal):
    registry = Registry(journal, 100)
    for number in (1, 2):
        opened = kit.sale(f"1-{number}", stan=f"{number:06d}")
        keep(journal, registry, opened, kit.approve(opened.record, rrn=f"24060100000{number}"))
    assert registry.find_original(None, "", "123456", opened.record.key.mid, SALES) is None


def test_a_void_under_way_is_known_until_it_is_decided(journal):
    registry = Registry(journal, 100)
    base = kit.sale("1-2", stan="000002").record.opening
    void = begin("1-2", NOW, base._replace(kind=Kind.VOID, original="1-1"))
    keep(journal, registry, void)
    assert registry.being_undone("1-1")
    timeout = step(void.record, Input.RESPONSE_TIMEOUT, NOW + 1)
    keep(journal, registry, timeout)
    assert registry.being_undone("1-1")
    keep(journal, registry, step(timeout.record, Input.REVERSAL_ACCEPTED, NOW + 2))
    assert not registry.being_undone("1-1")


def test_a_sealed_card_is_remembered_forgotten_and_read_back(journal):
    registry = Registry(journal, 100)
    opened = kit.sale()
    journal.commit([kit.change(opened, b"sealed")])
    assert registry.sealed_card("1-1") == b"sealed"
    registry.put(opened.record, b"newer", new=True)
    assert registry.sealed_card("1-1") == b"newer"
    registry.put(opened.record, b"")
    assert registry.sealed_card("1-1") == b"sealed"
