"""A short crash proof with real processes, then damage planted in its real books: each must be found."""

import asyncio
import json
import shutil

import apsw
import pytest

from storno.sim import three_books
from storno.sim.compare import Class, compare
from storno.sim.crash import CrashPlan, CrashRun
from storno.sim.workload import mids_of

KILLS, TERMINALS = 6, 4


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    home = tmp_path_factory.mktemp("crash")
    plan = CrashPlan(home, kills=KILLS, seed=8, workers=2, per_worker=TERMINALS // 2)
    return asyncio.run(CrashRun(plan).run())


@pytest.fixture
def home(crashed, tmp_path):
    """A copy of the crashed run's home, to be damaged."""
    return shutil.copytree(crashed.plan.home, tmp_path / "copy")


def compared(home):
    return compare(three_books.read(home, mids_of(TERMINALS)))


def agreed_sale(home):
    """Find a sale on which all three books agree that it stands, and that no void took back for a while."""
    books = three_books.read(home, mids_of(TERMINALS), verify=False)
    sales = [line for line in books.host if line.kind.value == "sale" and line.applied == 1]
    host = {line.key for line in sales if line.stands and line.in_force}
    told = {line.key for line in books.terminals if line.claim is three_books.Claim.STANDS}
    found = sorted(host & told - {finding.key for finding in compare(books).findings})
    assert found, "no agreed sale to damage: the run was too short"
    return found[0]


def edit_host(home, key, **changes):
    db = apsw.Connection(str(home / "host" / "books.db"))
    name = json.dumps([*key, ""])
    ((body,),) = db.execute("SELECT body FROM rows WHERE kind = 'entry' AND key = ?", (name,)).fetchall()
    values = json.loads(body)
    fields = three_books.Entry._fields
    for field, value in changes.items():
        values[fields.index(field)] = value
    db.execute("UPDATE rows SET body = ? WHERE kind = 'entry' AND key = ?", (json.dumps(values), name))
    db.close()


def edit_terminal(home, key, **changes):
    db = apsw.Connection(str(three_books.terminal_file(home, key.tid)))
    for name, value in changes.items():
        db.execute(
            "UPDATE entries SET body = json_set(body, ?, ?) WHERE stan = ?", (f"$.{name}", value, key.stan)
        )
    db.close()


def test_nothing_is_lost_doubled_or_silent_after_kills(crashed):
    bad = [finding for finding in crashed.comparison.findings if finding.kind is not Class.NAMED]
    assert (bad, crashed.comparison.broken, crashed.left) == ([], (), 0)
    assert sum(crashed.kills.values()) == KILLS
    assert crashed.comparison.originals > 50
    assert crashed.figures.reversals > 0
    assert crashed.faults


def test_an_approval_that_the_host_undid_on_the_quiet_is_lost(home):
    key = agreed_sale(home)
    edit_host(home, key, reversed=True, undone=1)
    finding = next(one for one in compared(home).findings if one.key == key)
    assert finding.kind is Class.LOST


def test_a_charge_that_the_shop_was_told_had_failed_is_silent(home):
    key = agreed_sale(home)
    edit_terminal(home, key, outcome="declined")
    three_books.slip_file(home, key.tid).unlink()
    finding = next(one for one in compared(home).findings if one.key == key)
    assert finding.kind is Class.SILENT


def test_an_approval_that_fell_out_of_the_terminals_log_is_lost(home):
    key = agreed_sale(home)
    edit_terminal(home, key, outcome="declined")
    finding = next(one for one in compared(home).findings if one.key == key)
    assert finding.kind is Class.LOST


def test_a_sale_that_the_host_counted_twice_is_doubled(home):
    key = agreed_sale(home)
    edit_host(home, key, applied=2)
    finding = next(one for one in compared(home).findings if one.key == key)
    assert finding.kind is Class.DOUBLED


def test_money_that_left_an_account_beside_the_entries_is_found(home):
    db = apsw.Connection(str(home / "host" / "books.db"))
    db.execute(
        "UPDATE rows SET body = json_set(body, '$[3]', json_extract(body, '$[3]') - 1) WHERE kind = 'account'"
    )
    db.close()
    assert any("account" in text for text in compared(home).broken)


def test_another_amount_in_the_ledger_is_found(home):
    key = agreed_sale(home)
    db = apsw.Connection(str(home / three_books.JOURNAL))
    db.execute(
        "UPDATE entries SET amount_minor = amount_minor * 2 WHERE tx_id = (SELECT tx_id FROM transactions "
        "WHERE tid = ? AND stan = ?)", (key.tid, key.stan),
    )  # fmt: skip
    db.close()
    result = compared(home)
    assert any(one.key == key and one.kind is Class.SILENT for one in result.findings)
    assert any(text.startswith("journal:") for text in result.broken)
