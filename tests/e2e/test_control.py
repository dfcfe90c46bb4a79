"""The control socket of a running gateway: status, orders, and everything it refuses."""

import asyncio
import json
import socket
import stat

import pytest

from journal_kit import NOW_MS, change, opening, sale
from storno.app.orders import running
from storno.app.settings import from_tables
from storno.gateway import control_wire as wire
from storno.gateway.control import Control
from storno.gateway.node import Node
from storno.gateway.serve import Address, Gateway, JournalStopped, ServeOptions
from storno.journal.base import JournalFull
from storno.journal.port import InlineWriter
from storno.journal.sqlite import SqliteJournal
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import begin, step
from storno.reversal.record import Detail, Trigger
from storno.vault import MemoryCardVault, MemoryKeyStore

FAR_MS = NOW_MS * 2
TIMEOUT = Detail(trigger=Trigger.TIMEOUT, reason="98", due_ms=NOW_MS, deadline_ms=FAR_MS)


def exhausted(tx_id="1-1"):
    steps = [sale(tx_id)]
    steps.append(step(steps[-1].record, Input.RESPONSE_TIMEOUT, NOW_MS + 1, TIMEOUT))
    steps.append(step(steps[-1].record, Input.REVERSAL_EXHAUSTED, NOW_MS + 2))
    return [change(one) for one in steps]


def tombstone(tx_id="1-2"):
    content = opening(stan="000002", first_state=State.REVERSING, tombstone=True, trigger=Trigger.TERMINAL)
    return [change(begin(tx_id, NOW_MS, content, Detail(due_ms=NOW_MS, deadline_ms=FAR_MS)))]


class Rig:
    """A gateway with nowhere to send, on a journal with one case and one open reversal."""

    def __init__(self, home):
        home.mkdir(parents=True)
        self.path = home / wire.SOCKET
        self.journal = SqliteJournal(home / "journal.db")
        self.journal.commit([*exhausted(), *tombstone()])
        self.home = home

    async def __aenter__(self):
        settings = from_tables({}, "test")
        writer = InlineWriter(self.journal)
        node = Node(settings.node, settings.dialect, self.journal, MemoryKeyStore(), MemoryCardVault(), 1)
        nowhere = ServeOptions(listen=Address("127.0.0.1", 0), hosts=(Address("127.0.0.1", 1),), drain_s=0.1)
        self.gateway = Gateway(node, writer, nowhere, lambda _: None)
        await self.gateway.start()
        self.control = Control(self.gateway, self.path, 1)
        await self.control.start()
        return self

    async def __aexit__(self, *exc):
        await self.control.stop()
        if not self.gateway.node.halted:
            await self.gateway.stop()

    async def ask(self, what):
        return await asyncio.to_thread(wire.ask, self.path, what)

    async def say(self, data):
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(data)
        heard = await reader.readline()
        writer.close()
        return heard


def test_status_counts_what_is_open(storno_home):
    async def talk():
        async with Rig(storno_home) as rig:
            return await rig.ask(wire.AskStatus()), stat.S_IMODE(rig.path.stat().st_mode)

    status, mode = asyncio.run(talk())
    assert mode == 0o600
    assert status.reversals_open == 1
    assert status.in_flight == 0
    assert status.oldest_reversal_ms > 0
    assert (status.links_up, status.links_wanted) == ((), 1)
    assert not status.halted


def test_an_order_is_answered_when_it_is_durable(storno_home):
    async def talk():
        async with Rig(storno_home) as rig:
            asked = wire.AskOrder("1-1", Input.ADJUSTED_UNCHARGED, "li", "not in the clearing file")
            answer = await rig.ask(asked)
            last = rig.journal.facts("1-1")[-1]
            return answer, last, await rig.ask(asked)

    answer, last, again = asyncio.run(talk())
    assert answer == wire.OrderDone("1-1", "closed", "")
    assert (last.input, last.state, last.detail.operator) == (Input.ADJUSTED_UNCHARGED, State.CLOSED, "li")
    assert isinstance(again, wire.OrderDone), "settling the same way twice changes nothing"


def test_a_retry_starts_the_reversal_again(storno_home):
    async def talk():
        async with Rig(storno_home) as rig:
            answer = await rig.ask(wire.AskOrder("1-1", Input.RETRY_ORDERED, "li"))
            return answer, await rig.ask(wire.AskStatus())

    answer, status = asyncio.run(talk())
    assert answer == wire.OrderDone("1-1", "reversing", "exhausted")
    assert status.reversals_open == 2
    assert [one.amount_minor for one in status.in_doubt] == [12_345]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (wire.AskOrder("1-9", Input.RETRY_ORDERED, "li"), "unknown", "1-9"),
        (wire.AskOrder("1-2", Input.ADJUSTED_CHARGED, "li", "x"), "not_allowed", "What fits"),
        (wire.AskOrder("1-1", Input.REVERSAL_ACCEPTED, "li", "x"), "not_allowed", "What fits"),
        (wire.AskOrder("1-1", Input.ADJUSTED_CHARGED, "", "x"), "operator", "operator"),
        (wire.AskOrder("1-1", Input.ADJUSTED_CHARGED, "li", ""), "note", "note"),
        (wire.AskOrder("1-1", Input.ADJUSTED_CHARGED, "li", "x" * 501), "note", "500"),
        (wire.AskOrder("1-1", Input.ADJUSTED_CHARGED, "li", "6222021234567890128"), "card", "six"),
    ],
)
def test_a_bad_order_is_refused_and_nothing_is_written(storno_home, asked, code, said):
    async def talk():
        async with Rig(storno_home) as rig:
            before = rig.journal.head()
            answer = await rig.ask(asked)
            return answer, rig.journal.head() == before

    answer, unchanged = asyncio.run(talk())
    assert isinstance(answer, wire.Refused)
    assert answer.code == code
    assert said in answer.english
    assert answer.chinese
    assert unchanged


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"{}\n", b"nonsense\n", b"[1]\n", b'{"ask":"order"}\n', b'{"ask":"order","tx_id":1,"input":"x"}\n',
        b'{"ask":"order","tx_id":"1-1","input":"no such","operator":"li","note":"x"}\n', b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
    ],
    ids=lambda line: repr(line[:20]),
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_gateway_goes_on(storno_home, line):
    async def talk():
        async with Rig(storno_home) as rig:
            return await rig.say(line), await rig.ask(wire.AskStatus())

    heard, status = asyncio.run(talk())
    assert json.loads(heard)["code"] == "malformed"
    assert isinstance(status, wire.GatewayStatus)


def test_an_endless_line_is_cut_off(storno_home):
    async def talk():
        async with Rig(storno_home) as rig:
            try:
                heard = await rig.say(b"x" * (wire.LINE_MAX * 3))
            except ConnectionError:
                heard = b""
            return heard, await rig.ask(wire.AskStatus())

    heard, status = asyncio.run(talk())
    assert heard == b""
    assert isinstance(status, wire.GatewayStatus)


class Full:
    """A journal whose medium fills up."""

    def __init__(self, journal):
        self._journal = journal

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def commit(self, changes):
        raise JournalFull("full", "the disk is full", "磁盘已满")


def test_an_order_that_cannot_be_written_is_not_done(storno_home):
    async def talk():
        async with Rig(storno_home) as rig:
            rig.gateway._writer._journal = Full(rig.journal)
            answer = await rig.ask(wire.AskOrder("1-1", Input.ADJUSTED_CHARGED, "li", "x"))
            with pytest.raises(JournalStopped):
                await rig.gateway.finished()
            return answer

    answer = asyncio.run(talk())
    assert isinstance(answer, wire.Refused)
    assert (answer.code, "full" in answer.english) == ("journal", True)
    journal = SqliteJournal(storno_home / "journal.db")
    assert journal.facts("1-1")[-1].state is State.EXHAUSTED
    journal.close()


def test_a_dead_gateways_socket_is_replaced_and_removed_at_the_end(storno_home):
    async def talk():
        rig = Rig(storno_home)
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(rig.path))
        dead.close()
        assert running(storno_home) is None
        async with rig:
            there = await asyncio.to_thread(running, storno_home)
        return there, rig.path.exists()

    there, left = asyncio.run(talk())
    assert there is not None
    assert not left
    with pytest.raises(wire.ControlUnreachable):
        wire.ask(storno_home / wire.SOCKET, wire.AskStatus())


def test_a_home_with_a_long_name_works_too(tmp_path):
    home = tmp_path / ("h" * 90) / ("o" * 90)

    async def talk():
        async with Rig(home):
            return await asyncio.to_thread(running, home)

    assert asyncio.run(talk()) is not None
