"""The relay of the crash proof: each fault does to a line what it says, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from storno.sim.proxy import LOOPBACK, FaultProxy, LineWeather, NetFault
from storno.sim.supervisor import _free_ports

SENT = bytes(range(200))


class Echo:
    """A target that answers each chunk with itself and remembers what it saw on each connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[bytes] = []
        self.ended = asyncio.Event()

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._accepted, LOOPBACK, self.port)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.seen)
        self.seen.append(b"")
        try:
            while data := await reader.read(4096):
                self.seen[number] += data
                writer.write(data)
        except OSError:
            pass
        finally:
            self.ended.set()
            writer.close()


async def through(weather: LineWeather, talk, *, seed: int = 1, listens: bool = True):
    """Talk over a relay in front of an echo; give what the talk gave, the echo and the relay."""
    front, back = _free_ports(2)
    echo, proxy = Echo(back), FaultProxy("line", front, back, seed, weather)
    server = await echo.start() if listens else None
    await proxy.start()
    try:
        async with asyncio.timeout(10):
            return await talk(front, proxy, echo), echo, proxy
    finally:
        await proxy.close()
        if server is not None:
            server.close()


async def ask(port: int, _proxy: FaultProxy, _echo: Echo) -> bytes | None:
    """Send once and read to the size of it, or to the end; None: the line was reset."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(SENT)
        return await reader.readexactly(len(SENT))
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionError:
        return None
    finally:
        writer.close()


async def ask_when_it_listens(port: int, proxy: FaultProxy, echo: Echo) -> bytes | None:
    while True:
        try:
            return await ask(port, proxy, echo)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


async def happens(condition) -> None:
    while not condition():  # noqa: ASYNC110 - a counter, not an event
        await asyncio.sleep(0.01)


def one(fault: NetFault) -> LineWeather:
    return LineWeather({fault: 1.0}, delay_s=(0.02, 0.05), stall_s=(0.05, 0.1))


def test_a_calm_line_changes_nothing():
    got, echo, proxy = asyncio.run(through(LineWeather(), ask))
    assert (got, echo.seen, proxy.faults) == (SENT, [SENT], {})


@pytest.mark.parametrize("fault", [NetFault.DELAY, NetFault.DRIBBLE])
def test_what_is_slow_arrives_whole(fault):
    got, echo, proxy = asyncio.run(through(one(fault), ask))
    assert (got, echo.seen) == (SENT, [SENT])
    assert proxy.faults[fault] >= 2  # there and back


def test_a_duplicate_arrives_on_a_connection_of_its_own():
    got, echo, _ = asyncio.run(through(one(NetFault.DUPLICATE), ask))
    assert got == SENT
    assert echo.seen == [SENT, SENT]


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (NetFault.CUT_BEFORE, 0, 0),
        (NetFault.CUT_WITHIN, 1, len(SENT) - 1),
        (NetFault.CUT_AFTER, len(SENT), len(SENT)),
        (NetFault.RESET, 0, len(SENT)),
        (NetFault.STALL, 0, 0),
        (NetFault.ONE_WAY, 0, 0),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_what_breaks_delivers_a_beginning(fault, least, most, seed):
    async def talk(port, proxy, echo):
        got = await ask(port, proxy, echo)
        await echo.ended.wait()
        return got

    got, echo, proxy = asyncio.run(through(one(fault), talk, seed=seed))
    assert got in (b"", None)
    assert SENT.startswith(echo.seen[0])
    assert least <= len(echo.seen[0]) <= most
    assert proxy.faults[fault] == 1


def test_the_same_seed_spoils_the_same_chunks():
    async def talk(port, proxy, _echo):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for _ in range(40):
            writer.write(SENT)
            await reader.readexactly(len(SENT))
        writer.close()
        return dict(proxy.faults)

    weather = LineWeather({NetFault.DELAY: 0.3}, delay_s=(0.0, 0.001))
    first, again = (asyncio.run(through(weather, talk, seed=5))[0] for _ in range(2))
    other = asyncio.run(through(weather, talk, seed=6))[0]
    assert first == again != other


def test_a_partition_holds_everything_back_and_then_lets_go():
    async def talk(port, proxy, echo):
        await happens(lambda: sum(proxy.faults.values()))
        held = asyncio.create_task(ask_when_it_listens(port, proxy, echo))
        await asyncio.sleep(0.05)
        nothing = not echo.seen
        proxy.calm()
        return nothing, await held

    weather = LineWeather(calm_s=(0.01, 0.02), partition_s=(60.0, 60.0))
    kinds = set()
    for seed in range(6):
        (nothing, _), _, proxy = asyncio.run(through(weather, talk, seed=seed))
        assert nothing
        kinds |= set(proxy.faults)
    assert kinds == {NetFault.PARTITION, NetFault.UNREACHABLE}


def test_calm_ends_what_is_quiet():
    async def talk(port, proxy, echo):
        quiet = asyncio.create_task(ask(port, proxy, echo))
        await happens(lambda: proxy.faults[NetFault.STALL])
        proxy.calm()
        return await quiet, await ask(port, proxy, echo)

    weather = LineWeather({NetFault.STALL: 1.0}, stall_s=(60.0, 60.0))
    (quiet, after), _, _ = asyncio.run(through(weather, talk))
    assert quiet in (b"", None)
    assert after == SENT


def test_nobody_behind_it_is_nobody_in_front_of_it():
    async def talk(port, proxy, echo):
        first = await ask(port, proxy, echo)
        with pytest.raises(ConnectionRefusedError):  # noqa: PT012 it takes the relay a moment
            while True:
                await ask(port, proxy, echo)
        server = await echo.start()
        got = await ask_when_it_listens(port, proxy, echo)
        server.close()
        return first, got

    (first, got), _, _ = asyncio.run(through(LineWeather(), talk, listens=False))
    assert first in (b"", None)
    assert got == SENT
