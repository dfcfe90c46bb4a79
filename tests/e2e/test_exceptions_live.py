"""Exceptions beside a running gateway: orders go through it, sales go on, and its death leaves whole groups."""

import json
import threading

import pytest

from exception_kit import NOW_MS, RUN, act, an_id, finding, seen
from hardness_rig import Gateway, Host, sale, sealed, wait_for
from storno.app.exceptions import HomeDoor, record
from storno.cli.main import run
from storno.gateway import control_wire as wire
from storno.journal.base import JournalError
from storno.journal.exception_order import GROUP_MAX
from storno.journal.exception_table import Move
from storno.journal.sqlite_reader import SqliteReader
from storno.recon.exceptions import GROUP


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_people_and_terminals_work_on_one_journal_at_once(storno_home, capsys):
    days = [finding(n) for n in range(1, 401)]
    done, codes = [], []
    with Host() as host, Gateway(storno_home, host.port) as gateway:
        gateway.wait_link()
        stop = threading.Event()

        def sell():
            with gateway.terminal() as terminal:
                for number in range(1, 10_000):
                    codes.append(terminal.ask(sealed(sale(number))))
                    if stop.is_set():
                        return

        def reconcile(name):
            done.append(record(storno_home, days, [], NOW_MS, name))

        threads = [threading.Thread(target=sell)]
        threads += [threading.Thread(target=reconcile, args=(name,)) for name in ("run-1", "run-2", "run-3")]
        for one in threads:
            one.start()
        for one in threads[1:]:
            one.join()
        one = finding(1).finding_id
        assert told(capsys, "exceptions", "assign", one, "--to", "wang", "--operator", "li")[0] == 0
        code, out, _ = told(capsys, "exceptions", "note", one, "--note", "asked the shop", "--json")
        assert (code, json.loads(out)["counts"]) == (0, {"noted": 1})
        stop.set()
        threads[0].join()
        # a group with one bad order writes nothing and stops nobody
        refused = HomeDoor(storno_home).take([seen(900), act(Move.CONFIRMED, 901)])
        assert (refused.refused, refused.refusals[0].code) == (1, "unknown")
        with gateway.terminal() as terminal:
            assert terminal.ask(sealed(sale(20_000))) == "00"
        assert gateway.stop() == 0, gateway.said()
    # whoever came first found them; nobody found one twice
    assert (sum(one.found for one in done), sum(one.unchanged for one in done)) == (400, 800)
    assert codes
    assert set(codes) == {"00"}
    with SqliteReader(storno_home / "journal.db") as reader:
        result = reader.verify()
        assert (result.problems, result.exceptions) == ((), 400)
        assert reader.exception(an_id(900)) is None
        assert reader.exception(one).owner == "wang"
    assert told(capsys, "exceptions", "note", one, "--note", "without a gateway", "--operator", "li")[0] == 0


def test_a_gateway_killed_under_a_run_leaves_whole_groups_and_the_next_run_completes_it(storno_home):
    count = 6_000
    days = [finding(n) for n in range(count)]
    failed = []

    def reconcile():
        try:
            record(storno_home, days, [], NOW_MS, RUN)
        except JournalError as error:
            failed.append(error.code)

    with Host() as host, Gateway(storno_home, host.port) as gateway:
        thread = threading.Thread(target=reconcile)
        thread.start()
        with SqliteReader(storno_home / "journal.db") as reader:
            wait_for(lambda: reader.head().seq)
        gateway.process.kill()
        gateway.process.wait()
        thread.join()
    # the answer got lost, or the run found the journal free and went on by itself
    assert failed in ([], ["unanswered"])
    with SqliteReader(storno_home / "journal.db") as reader:
        left = sum(1 for _ in reader.exceptions())
        assert left % GROUP == 0
        assert reader.verify().problems == ()
    with Host() as host, Gateway(storno_home, host.port) as gateway:
        again = record(storno_home, days, [], NOW_MS, RUN)
        assert (again.found, again.unchanged) == (count - left, left)
        assert gateway.stop() == 0, gateway.said()
    with SqliteReader(storno_home / "journal.db") as reader:
        assert (reader.verify().problems, sum(1 for _ in reader.exceptions())) == ((), count)


@pytest.fixture
def gateway(storno_home):
    with Host() as host, Gateway(storno_home, host.port) as running:
        yield running
        assert running.stop() == 0, running.said()


def test_a_group_of_many_lines_is_taken_whole_and_too_many_are_refused(gateway, storno_home):
    orders = [seen(n, lines=tuple(f"f:{n}:{k}" for k in range(9))) for n in range(GROUP_MAX)]
    assert len(wire._parts(orders)) > 5
    assert HomeDoor(storno_home).take(orders).count("found") == GROUP_MAX
    with pytest.raises(JournalError) as refused:
        HomeDoor(storno_home).take([*orders, seen(GROUP_MAX)])
    assert refused.value.code == "too_many"
    with SqliteReader(storno_home / "journal.db") as reader:
        assert reader.exception(an_id(GROUP_MAX)) is None
        assert reader.verify().problems == ()


BAD_ORDERS = [
    [{}], [{"order": "seen"}], "x", None, [None], [{"order": "act", "id": "x"}],
    [{"order": "gone", "id": an_id(), "lines": "abc", "run": "r", "at_ms": 1 << 70}],
    [{"order": "gone", "id": an_id(), "lines": ["\ud800"], "run": "r", "at_ms": 1}],
]  # fmt: skip


def test_what_is_no_order_is_refused_and_the_gateway_goes_on(gateway, storno_home):
    for orders in BAD_ORDERS:
        line = json.dumps({"ask": "findings", "orders": orders, "more": False}).encode() + b"\n"
        answer = wire._talk(storno_home / wire.SOCKET, [line], 10)
        assert isinstance(answer, wire.Refused)
        assert answer.code == "malformed"
    assert HomeDoor(storno_home).take([seen(1)]).count("found") == 1


def test_half_a_group_is_forgotten_with_its_connection(gateway, storno_home):
    path = storno_home / wire.SOCKET
    staged = wire._talk(path, [wire.write_ask(wire.AskFindings((seen(7),), more=True))], 10)
    assert staged == wire.FindingsStaged(1)
    assert HomeDoor(storno_home).take([seen(8)]).counts == (("found", 1),)
    with SqliteReader(storno_home / "journal.db") as reader:
        assert [one.finding_id for one in reader.exceptions()] == [an_id(8)]
