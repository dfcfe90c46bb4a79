"""`storno host` over real sockets: delays, resets, restarts, a killed process, and the command line around it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from host_rig import MID, NOW, TID, Pos, make_core
from storno.cli.host import host
from storno.iso8583.message import Message
from storno.sim.books import Books
from storno.sim.faults import fault_of
from storno.sim.host_home import open_home, read_books
from storno.sim.host_server import HostServer, ServerOptions
from storno.sim.script import FaultPlan, Rule, rules_of
from storno.sim.shelf import ShelfError

SOURCE = Path(__file__).parents[2] / "src"


class Caller:
    """A terminal on a real connection; `run` closes what a story leaves open."""

    opened: ClassVar[list["Caller"]] = []

    def __init__(self, reader, writer, pos: Pos) -> None:
        self.reader, self.writer, self.pos = reader, writer, pos
        self.opened.append(self)

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    @classmethod
    async def to(cls, server: HostServer, pos: Pos | None = None) -> "Caller":
        one = cls(*await asyncio.open_connection("127.0.0.1", server.port), pos or Pos())
        if pos is None:
            one.pos.learn(await one.ask(one.pos.sign_in()))
        return one

    async def ask(self, message: Message) -> Message | None:
        """Give the answer, None when the connection ends first."""
        self.writer.write(self.pos.wire(message))
        return await self.answer()

    async def answer(self) -> Message | None:
        try:
            size = int.from_bytes(await asyncio.wait_for(self.reader.readexactly(2), 10), "big")
            return self.pos.codec.decode(await asyncio.wait_for(self.reader.readexactly(size), 10))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None

    def again(self, server: HostServer):
        """Connect anew with the same keys and counters."""
        return Caller.to(server, self.pos)


async def until(condition) -> None:
    """Let the loop turn until something has happened."""
    while not condition():  # noqa: ASYNC110 - the server counts, it has no event to wait for
        await asyncio.sleep(0)


def run(story, *rules: Rule, **options) -> HostServer:
    """Play a story against a fresh server."""

    async def play() -> HostServer:
        core = make_core(plan=FaultPlan(rules, magic=False))
        server = HostServer(core, ServerOptions(port=0, **options), clock=lambda: NOW)
        await server.start()
        try:
            await story(server)
        finally:
            await server.stop()
            while Caller.opened:
                await Caller.opened.pop().close()
        return server

    return asyncio.run(play())


def rule(do: str, **conditions) -> Rule:
    rows = [
        f'do = "{do}"',
        "nth = 1",
        *(f"{name} = {json.dumps(value)}" for name, value in conditions.items()),
    ]
    return rules_of("[[fault]]\n" + "\n".join(rows))[0]


def net(server: HostServer, sale: Message, pos: Pos) -> int | None:
    effect = server.core.books.effects().get(pos.identity(sale))
    return None if effect is None else effect.net_minor


def test_many_terminals_at_once():
    async def story(server):
        async def terminal(number):
            one = await Caller.to(server, Pos(tid=f"{number:08d}"))
            one.pos.learn(await one.ask(one.pos.sign_in()))
            for _ in range(5):
                sale = one.pos.sale()
                assert (await one.ask(sale)).fields[11] == sale.fields[11]
            one.writer.close()

        await asyncio.gather(*(terminal(number) for number in range(1, 21)))

    server = run(story)
    assert server.counts.frames == server.counts.answers == 120
    assert sum(one.net_minor for one in server.core.books.effects().values()) == 100 * 1000


@pytest.mark.parametrize("fault", ["reset_after_approval", "partial_frame", "restart_with_memory"])
def test_the_connection_ends_after_the_effect_and_a_reversal_undoes_it(fault):
    async def story(server):
        one = await Caller.to(server)
        sale = one.pos.sale()
        assert await one.ask(sale) is None
        assert net(server, sale, one.pos) == 1000
        two = await one.again(server)
        assert (await two.ask(one.pos.reversal(sale))).fields[39] == "00"
        assert net(server, sale, one.pos) == 0

    server = run(story, rule(fault))
    assert server.counts.restarts == (fault == "restart_with_memory")


def test_a_reset_is_a_reset_and_nothing_is_booked_before_the_effect():
    async def story(server):
        one = await Caller.to(server)
        sale = one.pos.sale()
        one.writer.write(one.pos.wire(sale))
        with pytest.raises(ConnectionResetError):
            await one.reader.readexactly(1)
        assert net(server, sale, one.pos) is None

    run(story, rule("reset_before_effect"))


def test_a_restart_without_memory_forgets_keys_and_money_and_every_connection():
    async def story(server):
        one = await Caller.to(server)
        bystander = await Caller.to(server, Pos(tid="00000002"))
        first = one.pos.sale()
        await one.ask(first)
        assert await one.ask(one.pos.sale(777)) is None
        assert await bystander.answer() is None
        two = await one.again(server)
        assert (await two.ask(one.pos.reversal(first))).fields[39] == "A0"
        one.pos.learn(await two.ask(one.pos.sign_in()))
        assert (await two.ask(one.pos.reversal(first))).fields[39] == "25"

    server = run(story, rule("restart_without_memory", amount_minor=777))
    assert server.counts.restarts == 1


def test_a_late_answer_comes_after_the_next_one():
    async def story(server):
        one = await Caller.to(server)
        slow, quick = one.pos.sale(), one.pos.sale(2000)
        one.writer.write(one.pos.wire(slow) + one.pos.wire(quick))
        assert (await one.answer()).fields[11] == quick.fields[11]
        assert (await one.answer()).fields[11] == slow.fields[11]

    run(story, rule("late:150", amount_minor=1000))


def test_a_late_answer_finds_nobody_and_is_counted():
    async def story(server):
        one = await Caller.to(server)
        one.writer.write(one.pos.wire(one.pos.sale()))
        await until(lambda: server.waiting)
        one.writer.close()
        await until(lambda: not server.waiting)

    assert run(story, rule("late:60000")).counts.lost == 1


def test_drip_duplicate_and_lost_answers():
    async def story(server):
        one = await Caller.to(server)
        dripped = await one.ask(one.pos.sale(1))
        assert dripped.fields[39] == "00"
        twice = await one.ask(one.pos.sale(2))
        assert (await one.answer()).fields == twice.fields
        one.writer.write(one.pos.wire(one.pos.sale(3)))
        after = one.pos.sale(4)
        assert (await one.ask(after)).fields[11] == after.fields[11]

    rules = (
        rule("slow_drip:1", amount_minor=1),
        rule("duplicate_answer", amount_minor=2),
        rule("answer_lost", amount_minor=3),
    )
    assert summary_net(run(story, *rules)) == 10


def summary_net(server: HostServer) -> int:
    return sum(one.net_minor for one in server.core.books.effects().values())


def test_the_host_reverses_on_its_own_account():
    async def story(server):
        one = await Caller.to(server)
        sale = one.pos.sale()
        assert (await one.ask(sale)).fields[39] == "00"
        advice = await one.answer()
        assert (advice.mti, advice.fields[11]) == ("0420", sale.fields[11])
        other = one.pos.sale(50)
        await one.ask(other)
        assert server.send_host_reversal(one.pos.identity(other))
        assert (await one.answer()).fields[11] == other.fields[11]
        assert not server.send_host_reversal(one.pos.identity(one.pos.sale()))

    assert summary_net(run(story, rule("host_reversal:20"))) == 0


def test_bounds_connections_and_broken_streams():
    async def story(server):
        one = await Caller.to(server)
        extra = await Caller.to(server, Pos())
        assert await extra.answer() is None
        one.writer.write(b"\xff\xff" + b"x" * 10)
        assert await one.answer() is None

    counts = run(story, connections_max=1).counts
    assert (counts.refused, counts.broken) == (1, 1)


def test_stop_lets_a_delayed_answer_leave():
    async def story(server):
        one = await Caller.to(server)
        sale = one.pos.sale()
        one.writer.write(one.pos.wire(sale))
        await until(lambda: server.waiting)
        await server.stop()
        assert (await one.answer()).fields[11] == sale.fields[11]

    run(story, rule("late:100"))


# -- the process


class Process:
    """`storno host` as a process of its own."""

    def __init__(self, home: Path, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "storno",
            "host",
            "--listen",
            "127.0.0.1:0",
            "--home",
            str(home),
            "--json",
        ]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "STORNO_LANG": "en"}
        self.child = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, text=True, env=environment
        )
        first = json.loads(self.child.stdout.readline())
        assert first["event"] == "listening"
        self.socket = socket.create_connection(("127.0.0.1", first["port"]), timeout=10)

    def ask(self, pos: Pos, message: Message) -> Message:
        self.socket.sendall(pos.wire(message))
        head = self._read(2)
        return pos.codec.decode(self._read(int.from_bytes(head, "big")))

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            assert part, "the host closed the connection"
            data += part
        return data

    def end(self, number: signal.Signals) -> tuple[int, list[dict]]:
        self.child.send_signal(number)
        out, _ = self.child.communicate(timeout=20)
        self.socket.close()
        return self.child.returncode, [json.loads(line) for line in out.splitlines() if line.endswith("}")]


def test_books_survive_kill_9_and_a_second_host_is_refused(storno_home):
    pos, sales = Pos(), []
    first = Process(storno_home)
    pos.learn(first.ask(pos, pos.sign_in()))
    for _ in range(20):
        sales.append(pos.sale())
        assert first.ask(pos, sales[-1]).fields[39] == "00"
    with pytest.raises(ShelfError, match="another host"):
        open_home(storno_home)
    live = read_books(storno_home)
    assert sum(one.net_minor for one in live.effects().values()) == 20_000
    first.end(signal.SIGKILL)

    second = Process(storno_home)
    assert second.ask(pos, pos.reversal(sales[0])).fields[39] == "00"
    assert second.ask(pos, sales[1]).fields[39] == "00"
    status, told = second.end(signal.SIGTERM)
    assert status == 0
    assert told[-1]["event"] == "stopped"
    assert told[-1]["summary"]["net_minor"] == {"CNY": 19_000}
    assert [one["effect"] for one in told if one["event"] == "message"] == ["back", "still"]
    books: Books = read_books(storno_home)
    assert books.totals(TID, MID, pos.batch).debit_count == 19


def test_the_books_command_prints_words_and_json(storno_home):
    nothing = CliRunner().invoke(host, ["--books"])
    assert nothing.exit_code != 0
    home = open_home(storno_home)
    core = make_core(shelf=home.shelf, mac="none")
    pos = Pos(mac_profile="none")
    core.receive(pos.frame(pos.sale(1234)), NOW, fault_of("answer_lost"))
    core.flush()
    home.close()
    words = CliRunner().invoke(host, ["--books"])
    assert "1 approved" in words.output
    assert "¥12.34" in words.output
    data = json.loads(CliRunner().invoke(host, ["--books", "--json"]).output)
    assert data["summary"]["net_minor"] == {"CNY": 1234}
    assert data["transactions"][0]["stan"] == "000001"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "boom=1"],
        ["--listen", "nowhere"],
        ["--dialect", "klingon"],
        ["--mac", "rot13"],
        ["--script", "/does/not/exist"],
        ["--keys", "/does/not/exist"],
    ],
)
def test_bad_arguments_stop_before_listening(arguments):
    assert CliRunner().invoke(host, [*arguments, "--memory-only"]).exit_code != 0
