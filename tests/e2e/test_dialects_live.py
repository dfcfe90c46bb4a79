"""Other dialects, other lines: a switch before the gateway, a host behind it, real sockets, and where the money is."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from host_rig import Pos, make_core
from storno.app.build import Parts, build_gateway, build_parts
from storno.app.settings import from_tables
from storno.cli.main import run
from storno.gateway.serve import Gateway
from storno.iso8583.mac import mac_algorithm
from storno.iso8583.message import Message
from storno.journal.fact import TX_COLUMNS
from storno.journal.sqlite_reader import SqliteReader
from storno.reversal.lifecycle import State
from storno.sim.host_home import read_books
from storno.sim.host_server import HostServer, ServerOptions
from storno.sim.supervisor import Child, _answers, _free_ports, environment, storno_command

PROFILE = {
    "answer_timeout_ms": 300, "reversal_timeout_ms": 200, "backoff_first_ms": 50, "backoff_max_ms": 200,
}  # fmt: skip


@dataclass
class World:
    """A gateway, one set of books behind one or two front ends, and what the host heard."""

    gateway: Gateway
    parts: Parts
    fronts: list[HostServer]
    heard: list[Message]
    logged: list = field(default_factory=list)

    @property
    def books(self):
        return self.fronts[0].core.books

    def net(self, pos: Pos, message: Message) -> int | None:
        effect = self.books.effects().get(pos.identity(message))
        return None if effect is None else effect.net_minor

    def reversals(self) -> list[Message]:
        return [one for one in self.heard if one.mti[1] == "4"]

    def in_state(self, state: State) -> list:
        at = TX_COLUMNS.index("state")
        return [row for row in self.parts.reader.rows() if row[at] == state.value]

    def links_up(self) -> tuple[str, ...]:
        return self.parts.node.links.names_up()

    async def kill(self, number: int) -> int:
        """End a front end as kill -9 does: no more listening, every connection reset. Gives its port."""
        front = self.fronts[number]
        for link in tuple(front.links):
            link.abort()
        await front.stop()
        return front.port

    async def revive(self, number: int, port: int) -> None:
        """Start a front end over the same books at the same address."""
        self.fronts[number] = HostServer(self.fronts[number].core, ServerOptions(port=port, drain_ms=0))
        await self.fronts[number].start()

    def proved(self) -> None:
        """The ledger sums to zero and nothing is in doubt."""
        proof = self.parts.reader.prove_ledger()
        assert proof.balanced
        assert not any(minor for _, minor in proof.in_doubt)


async def until(condition, within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - books and journal have no event to wait for
            await asyncio.sleep(0.01)


class Line:
    """A switch's connection: sends, and waits for one answer."""

    def __init__(self, reader, writer, pos: Pos) -> None:
        self.reader, self.writer, self.pos = reader, writer, pos
        self.frame = b""

    async def ask(self, message: Message) -> Message:
        self.writer.write(self.pos.wire(message))
        return await self.answer()

    async def answer(self) -> Message:
        async with asyncio.timeout(15):
            size = int.from_bytes(await self.reader.readexactly(2), "big")
            self.frame = await self.reader.readexactly(size)
        return self.pos.codec.decode(self.frame)

    def genuine(self) -> bool:
        return self.pos.mac is None or self.pos.genuine(self.pos.codec.frame(self.frame))


@asynccontextmanager
async def world(home: Path, name: str, *, fronts: int = 1, **gateway):
    core, codec, heard = make_core(name), Pos(name).codec, []
    take = core.receive

    def receive(frame, now_ms, fault=None):
        heard.append(codec.decode(frame))
        return take(frame, now_ms, fault)

    core.receive = receive
    servers = [HostServer(core, ServerOptions(port=0, drain_ms=0)) for _ in range(fronts)]
    for one in servers:
        await one.start()
    hosts = [f"127.0.0.1:{one.port}" for one in servers]
    addresses = {"listen": "127.0.0.1:0", "hosts": hosts, "dialect": name, "reconnect_first_s": 0.05}
    settings = from_tables({"gateway": addresses | gateway, "profile": PROFILE}, "test")
    home.mkdir(exist_ok=True)  # noqa: ASYNC240 - a test's own folder
    parts = build_parts(settings, home)
    logged: list = []
    running = build_gateway(settings, parts, logged.append)
    here = World(running, parts, servers, heard, logged)
    try:
        await running.start()
        await until(lambda: len(here.links_up()) == fronts * settings.serve.links_per_host)
        yield here
    finally:
        await running.stop()
        parts.close()
        for one in here.fronts:
            await one.stop()


@asynccontextmanager
async def switch(running: World, name: str):
    address = running.gateway.address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Line(reader, writer, Pos(name))
    finally:
        writer.close()


# ------------------------------------------------------------------ one dialect after the other


@dataclass(frozen=True)
class Case:
    """What a dialect's reversal looks like on the wire."""

    name: str
    mtis: tuple[str, str]
    answer_mti: str
    reason: tuple[int, str]


CASES = [
    Case("iso87_ascii", ("0400", "0401"), "0410", (39, "98")),
    Case("cups", ("0420", "0421"), "0430", (60, "4354")),
]
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
NETWORK_KEY = (7, 11, 32, 41, 42)


@each
def test_a_lost_answer_is_undone_once_though_the_reversals_answer_is_lost_too(case, storno_home):
    async def story():
        async with world(storno_home, case.name) as here, switch(here, case.name) as line:
            fine = line.pos.sale(1000, f60="00000500000000")
            answer = await line.ask(fine)
            assert (answer.mti, answer.fields[39]) == ("0210", "00")
            assert line.genuine()
            lost = line.pos.sale(9302, f60="00000500000000")
            answer = await line.ask(lost)
            assert answer.fields[39] == "98"
            assert {n: answer.fields[n] for n in NETWORK_KEY} == {n: lost.fields[n] for n in NETWORK_KEY}
            assert line.genuine()
            await until(lambda: here.in_state(State.REVERSED))
            assert (here.net(line.pos, fine), here.net(line.pos, lost)) == (1000, 0)
            here.proved()
            first, again = here.reversals()
            assert (first.mti, again.mti) == case.mtis
            number, reason = case.reason
            for one in (first, again):
                assert one.fields[90] == line.pos.f90(lost)
                assert one.fields[number] == reason
                assert (one.fields[2], one.fields[4]) == (line.pos.pan, "000000009302")
                assert one.fields[7] != lost.fields[7]
                assert {35, 36, 52, 55}.isdisjoint(one.fields)
            changed = {n for n in first.fields if first.fields[n] != again.fields[n]}
            assert changed <= {64, 128}

    asyncio.run(story())


@each
def test_a_switch_undoes_its_own_sale_by_f90_under_a_number_of_its_own(case, storno_home):
    async def story():
        async with world(storno_home, case.name) as here, switch(here, case.name) as line:
            sale = line.pos.sale(1000)
            assert (await line.ask(sale)).fields[39] == "00"
            undo = line.pos.reversal(sale)
            undo.fields[11] = line.pos.next_stan()
            for _ in range(2):
                answer = await line.ask(undo)
                assert (answer.mti, answer.fields[39]) == (case.answer_mti, "00")
                assert {n: answer.fields[n] for n in (*NETWORK_KEY, 90)} == {
                    n: undo.fields[n] for n in (*NETWORK_KEY, 90)
                }
            await until(lambda: here.in_state(State.REVERSED))
            assert here.net(line.pos, sale) == 0
            assert len(here.parts.reader.rows()) == 1
            here.proved()

    asyncio.run(story())


@each
def test_a_reversal_whose_sale_never_came_by_is_passed_on_and_the_late_sale_is_declined(case, storno_home):
    async def story():
        async with world(storno_home, case.name) as here, switch(here, case.name) as line:
            sale = line.pos.sale(1000)
            here.fronts[0].hear(line.pos.frame(sale))
            assert here.net(line.pos, sale) == 1000
            undo = line.pos.reversal(sale)
            undo.fields[11] = line.pos.next_stan()
            assert (await line.ask(undo)).fields[39] == "00"
            await until(lambda: here.net(line.pos, sale) == 0)
            assert here.reversals()[0].fields[90] == line.pos.f90(sale)
            asked = len(here.heard)
            assert (await line.ask(sale)).fields[39] == "22"
            assert len(here.heard) == asked
            here.proved()

    asyncio.run(story())


@each
def test_a_void_names_its_sale_by_f90_and_a_lost_answer_leaves_the_sale_standing(case, storno_home):
    async def story():
        async with world(storno_home, case.name) as here, switch(here, case.name) as line:
            sale = line.pos.sale(9202)
            assert (await line.ask(sale)).fields[39] == "00"
            void = line.pos.void(sale)
            assert (await line.ask(void)).fields[39] == "98"
            await until(lambda: here.in_state(State.REVERSED))
            assert here.reversals()[0].fields[90] == line.pos.f90(void)
            assert here.net(line.pos, sale) == 9202
            assert len(here.in_state(State.APPROVED)) == 1
            here.proved()

    asyncio.run(story())


def test_a_wrong_mac_goes_no_further_and_one_key_serves_the_line(storno_home):
    async def story():
        async with world(storno_home, "cups") as here, switch(here, "cups") as line:
            right, line.pos.mac = line.pos.mac, mac_algorithm("cbc_3des", bytes(range(1, 17)))
            answer = await line.ask(line.pos.sale(1000))
            line.pos.mac = right
            assert answer.fields[39] == "A0"
            assert line.genuine()
            assert not here.heard
            forged = line.pos.sale(9107)
            assert (await line.ask(forged)).fields[39] == "98"
            await until(lambda: here.in_state(State.REVERSED))
            assert here.reversals()[0].fields[60] == "4355"
            for tid in ("T0000001", "T0000002"):
                line.pos.tid = tid
                assert (await line.ask(line.pos.sale(1000))).fields[39] == "00"
            here.proved()

    asyncio.run(story())


def test_a_network_header_is_turned_round_and_its_length_is_right(storno_home):
    stations = ("3030303130303030202020", "3438303230303030202020")

    def header(first: str, second: str) -> str:
        return "2E01" + "30303030" + first + second + "000000" + "30" * 8 + "00" + "30" * 6

    async def story():
        one = {"host_header": header(*stations)}
        async with world(storno_home, "cups", **one) as here, switch(here, "cups") as line:
            for amount in (1000, 9102):
                sale = line.pos.sale(amount)
                sale.header = header(*stations)
                answer = await line.ask(sale)
                assert answer.header[12:56] == stations[1] + stations[0]
                assert int(bytes.fromhex(answer.header[4:12])) == len(line.frame)
                assert line.genuine()
            await until(lambda: here.in_state(State.REVERSED))
            undo = here.reversals()[0]
            assert undo.header[12:56] == "".join(stations)
            assert int(bytes.fromhex(undo.header[4:12])) == len(line.pos.codec.encode(undo))
            here.proved()

    asyncio.run(story())


# ------------------------------------------------------------------ several links, several hosts


def test_new_sales_go_over_the_other_host_while_one_is_dead(storno_home):
    tids = [f"T{number:07d}" for number in range(12)]

    async def story():
        async with (
            world(storno_home, "cups", fronts=2, links_per_host=2) as here,
            switch(here, "cups") as line,
        ):

            async def sell_round() -> list[int]:
                before = [one.counts.frames for one in here.fronts]
                for line.pos.tid in tids:
                    assert (await line.ask(line.pos.sale(1000))).fields[39] == "00"
                return [one.counts.frames - old for one, old in zip(here.fronts, before, strict=True)]

            links = here.links_up()
            assert len(links) == 4
            assert all(await sell_round())
            line.pos.tid = next(tid for tid in tids if "#0." in here.parts.node.links.choose(tid))
            flying = line.pos.sale(9104)
            line.writer.write(line.pos.wire(flying))
            await until(lambda: here.net(line.pos, flying) == 9104)
            port = await here.kill(0)
            assert (await line.answer()).fields[39] == "98"
            await until(lambda: here.in_state(State.REVERSED))
            assert here.net(line.pos, flying) == 0
            assert [name for name in links if "#1." in name] == list(here.links_up())
            assert await sell_round() == [0, len(tids)]
            await here.revive(0, port)
            await until(lambda: here.links_up() == links)
            assert all(await sell_round())
            assert sum(one.net_minor for one in here.books.effects().values()) == 3 * len(tids) * 1000
            here.proved()

    asyncio.run(story())


def test_without_any_host_nothing_is_sent_and_nothing_is_in_doubt(storno_home):
    async def story():
        async with world(storno_home, "cups") as here, switch(here, "cups") as line:
            port = await here.kill(0)
            await until(lambda: not here.links_up())
            refused = line.pos.sale(1000)
            assert (await line.ask(refused)).fields[39] == "92"
            await here.revive(0, port)
            await until(here.links_up)
            assert (await line.ask(line.pos.sale(1000))).fields[39] == "00"
            assert here.net(line.pos, refused) is None
            here.proved()

    asyncio.run(story())


# ------------------------------------------------------------------ processes, one file

FILE = """
[gateway]
listen = "127.0.0.1:{gateway}"
hosts = ["127.0.0.1:{host}"]
reconnect_first_s = 0.05
reconnect_max_s = 0.2

[profile]
answer_timeout_ms = 400
reversal_timeout_ms = 300
backoff_first_ms = 50
backoff_max_ms = 200

[host]
seed = 1

[terminal]
tid = "T0000009"
mid = "898440153110009"
answer_ms = 10000
"""


def test_one_file_runs_host_gateway_and_terminal_and_a_killed_host_comes_back(tmp_path, storno_home):
    storno_home.mkdir()
    gateway_port, host_port = _free_ports(2)
    file = tmp_path / "trial.toml"
    file.write_text(FILE.format(gateway=gateway_port, host=host_port))
    asked = ["--config", str(file), "--home", str(storno_home)]
    children = {
        name: Child(
            name,
            storno_command(name, *asked, "--json"),
            tmp_path / f"{name}.out",
            tmp_path / f"{name}.log",
            environment(storno_home),
        )
        for name in ("host", "gateway")
    }

    def sell(amount: str) -> int:
        return run(["terminal", "sale", "--amount", amount, *asked, "--json"])

    try:
        children["host"].start()
        wait_for(lambda: asyncio.run(_answers(host_port)))
        children["gateway"].start()
        wait_for(lambda: asyncio.run(_answers(gateway_port)))
        wait_for(lambda: sell("12.34") == 0)
        assert sell("91.02") == 3
        children["host"].kill()
        assert sell("1.00") != 0
        children["host"].start()
        wait_for(lambda: asyncio.run(_answers(host_port)))
        wait_for(lambda: sell("2.00") == 0)
        with SqliteReader(storno_home / "journal.db") as journal:
            wait_for(lambda: not any(minor for _, minor in journal.prove_ledger().in_doubt))
            assert journal.prove_ledger().balanced
        effects = read_books(storno_home).effects()
        assert sum(one.net_minor for one in effects.values()) == 1234 + 200
        assert {one.tid for one in effects} == {"T0000009"}
    finally:
        for child in children.values():
            child.kill(group=True)
    assert "Traceback" not in "".join(child.err.read_text() for child in children.values())


def wait_for(condition) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it never came about"
        time.sleep(0.05)
