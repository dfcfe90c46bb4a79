"""The terminal over real sockets and real files: lines that break, processes that are killed, and the command line."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storno.terminal.client import Options, OrderError, TerminalClient
from storno.terminal.file_store import FileStore
from storno.terminal.link import Address
from storno.terminal.outcome import Cause, Outcome
from storno.terminal.setup import Setup
from storno.terminal.store import MemoryStore
from terminal_rig import CARD, FakeHost

SETUP = Setup(answer_ms=300, reversal_ms=300)
GENEROUS = Setup(answer_ms=20_000, reversal_ms=20_000)
TESTS = Path(__file__).parent.parent


class Served:
    """The fake host behind a port. `cut` closes the connection instead of answering the next money message."""

    def __init__(self, setup: Setup = SETUP, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.fake = FakeHost(setup)
        self.cut = False
        self.dribble = False
        self.connections = 0

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                frame = await reader.readexactly(size)
                answers = self.fake.receive(frame)
                if self.cut:
                    self.cut = False
                    break
                for answer in answers:
                    data = len(answer).to_bytes(2, "big") + answer
                    for piece in (
                        [data[i : i + 3] for i in range(0, len(data), 3)] if self.dribble else [data]
                    ):
                        writer.write(piece)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()


def client(host: Served, store=None, setup: Setup = SETUP, **more) -> TerminalClient:
    return TerminalClient(
        Options(setup, Address(port=host.port, connect_ms=2000), **more), store or MemoryStore()
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_day_at_the_till():
    async def day():
        async with Served() as host:
            pos = client(host)
            assert (await pos.sign_in()).outcome is Outcome.APPROVED
            assert (await pos.echo()).outcome is Outcome.APPROVED
            assert (await pos.balance(CARD)).outcome is Outcome.APPROVED
            sale = await pos.sale(1234, CARD)
            void = await pos.void(sale.stan, CARD)
            assert void.outcome is Outcome.APPROVED
            undo = host.fake.seen[-1].fields
            assert (undo[3], undo[60][:2], undo[61][:12], undo[37]) == (
                "200000",
                "23",
                "000001" + sale.stan,
                sale.rrn,
            )
            with pytest.raises(OrderError, match="undone already"):
                await pos.void(sale.stan)
            hold = await pos.preauth(5000, CARD)
            charge = await pos.completion(hold.auth_code, hold.date, 4000, CARD)
            assert (await pos.completion_void(charge.stan)).outcome is Outcome.APPROVED
            assert host.fake.seen[-1].fields[2] == CARD.pan, "the sealed number stands in for the card"
            assert (await pos.preauth_void(hold.auth_code, hold.date, 5000, CARD)).outcome is Outcome.APPROVED
            assert (await pos.refund(sale.rrn, "0428", 100, CARD)).outcome is Outcome.APPROVED
            settled = await pos.settle()
            assert settled.outcome is Outcome.APPROVED
            assert (settled.totals.debit_count, settled.totals.credit_count) == (2, 3)
            assert (await pos.sign_off()).outcome is Outcome.APPROVED
            await pos.close()

    asyncio.run(day())


def test_void_refuses_what_it_cannot_undo():
    async def run():
        async with Served() as host:
            pos = client(host)
            await pos.sign_in()
            host.fake.plan = ["decline:51"]
            refused = await pos.sale(10, CARD)
            good = await pos.sale(10, CARD)
            seen = len(host.fake.seen)
            for stan, card, words in (
                (refused.stan, None, "not approved"),
                ("000777", None, "no sale"),
                (good.stan, replace(CARD, pan="6200000000000112"), "not the card"),
            ):
                with pytest.raises(OrderError, match=words):
                    await pos.void(stan, card)
            for amount in (0, -1, 10**12):
                with pytest.raises(OrderError):
                    await pos.sale(amount, CARD)
            assert len(host.fake.seen) == seen

    asyncio.run(run())


def test_not_connected_and_no_answer_are_different_things():
    async def run():
        async with Served() as host:
            store = MemoryStore()
            pos = client(host, store)
            await pos.sign_in()
            nobody = TerminalClient(Options(SETUP, Address(port=free_port())), store)
            result = await nobody.sale(100, CARD)
            assert (result.outcome, result.reversal_pending) == (Outcome.NOT_SENT, False)
            host.fake.plan = ["lost"]
            pos = client(host, store)
            result = await pos.sale(100, CARD)
            assert (result.outcome, result.cause) == (Outcome.UNKNOWN, Cause.SILENCE)
            host.cut = True
            again = await pos.drain()
            assert again.outcome is Outcome.APPROVED, "one attempt is cut off, the next one gets through"
            assert not host.fake.in_force()
            host.cut = True
            result = await pos.sale(100, CARD)
            assert (result.outcome, result.cause) == (Outcome.UNKNOWN, Cause.CONNECTION_LOST)

    asyncio.run(run())


def test_a_kept_connection_serves_many_and_a_late_answer_is_nobodys():
    async def run():
        setup = replace(SETUP, keep_open=True)
        async with Served(setup) as host:
            pos = client(host, setup=setup)
            await pos.sign_in()
            host.fake.plan = ["late"]
            assert (await pos.sale(100, CARD)).outcome is Outcome.UNKNOWN
            host.fake.plan = ["after_late"]
            assert (await pos.drain()).outcome is Outcome.APPROVED
            assert not host.fake.in_force()
            assert host.connections == 1
            await pos.close()

    asyncio.run(run())


def test_answers_in_pieces_are_put_together():
    async def run():
        async with Served(GENEROUS) as host:
            host.dribble = True
            pos = client(host, setup=GENEROUS)
            await pos.sign_in()
            assert (await pos.sale(100, CARD)).outcome is Outcome.APPROVED

    asyncio.run(run())


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a throw-away certificate for this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def test_tls_is_spoken_and_a_stranger_is_not_trusted(tmp_path):
    cert, key = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)

    async def run():
        async with Served(GENEROUS, serving) as host:
            trusting = ssl.create_default_context(cafile=str(cert))
            pos = TerminalClient(Options(GENEROUS, Address(port=host.port, tls=trusting)), MemoryStore())
            await pos.sign_in()
            assert (await pos.sale(100, CARD)).outcome is Outcome.APPROVED
            stranger = Address(port=host.port, tls=ssl.create_default_context())
            wary = TerminalClient(Options(GENEROUS, stranger), MemoryStore())
            assert (await wary.sign_in()).outcome is Outcome.NOT_SENT

    asyncio.run(run())


def test_a_printer_that_fails_takes_the_sale_back():
    async def run():
        async with Served() as host:
            store = MemoryStore()
            pos = client(host, store, fail_after_approval=lambda _: True)
            await pos.sign_in()
            assert (await pos.sale(100, CARD)).cause is Cause.OWN_FAULT
            assert (await client(host, store).drain()).outcome is Outcome.APPROVED
            assert host.fake.seen[-1].fields[39] == "96"

    asyncio.run(run())


def test_an_order_broken_off_leaves_the_record_and_a_client_that_works():
    async def run():
        setup = replace(SETUP, answer_ms=20_000)
        async with Served(setup) as host:
            pos = client(host, setup=setup)
            await pos.sign_in()
            host.fake.plan = ["lost"]
            task = asyncio.create_task(pos.sale(100, CARD))
            while not host.fake.applied:  # noqa: ASYNC110 - the fake has no event, and the loop is its own
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert pos.core.pending is not None
            assert (await pos.sale(50, CARD)).outcome is Outcome.APPROVED
            assert list(host.fake.in_force().values()) == [50]

    asyncio.run(run())


KILLED = textwrap.dedent("""
    import asyncio, os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from terminal_rig import CARD
    from storno.terminal.client import Options, TerminalClient
    from storno.terminal.file_store import FileStore
    from storno.terminal.link import Address
    from storno.terminal.setup import Setup

    class Mortal(TerminalClient):
        done = 0
        async def perform(self, step):
            if self.done == {at}:
                os.kill(os.getpid(), signal.SIGKILL)
            self.done += 1
            return await super().perform(step)

    async def sell():
        setup = Setup(answer_ms=3000, reversal_ms=3000)
        pos = Mortal(Options(setup, Address(port={port})), FileStore(Path({path!r})))
        await pos.{order}
    asyncio.run(sell())
""")


@pytest.mark.parametrize(
    ("order", "at"),
    # Connect, Save | Send | Await | Complete | Save | HangUp
    [("sale(1234, CARD)", at) for at in range(1, 7)] + [("drain()", at) for at in range(1, 5)],
)
def test_kill_9_between_any_two_steps_leaves_one_effect(tmp_path, order, at):
    path = tmp_path / "00000001.db"
    setup = replace(SETUP, answer_ms=3000, reversal_ms=3000)

    async def run():
        async with Served(setup) as host:
            store = FileStore(path)
            pos = client(host, store, setup)
            await pos.sign_in()
            if order == "drain()":
                host.fake.plan = ["garbage"]
                await pos.sale(1234, CARD)
            store.close()
            script = KILLED.format(tests=str(TESTS), at=at, port=host.port, path=str(path), order=order)
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
            killed = await child.wait() == -9
            store = FileStore(path)
            pos = client(host, store, setup)
            drained = await pos.drain()
            assert drained.outcome is Outcome.APPROVED
            rows = [row for row in store.entries() if row.outcome is Outcome.APPROVED]
            assert sorted(host.fake.in_force().values()) == [row.approved_minor for row in rows]
            assert sum(host.fake.undone.values()) <= 1
            assert pos.core.pending is None
            store.close()
            return killed

    assert asyncio.run(run()), "the process was not killed where it should have been"


class Cli:
    """`storno` as a person runs it, beside a host simulator of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.env = {
            **os.environ,
            "STORNO_HOME": str(home),
            "PYTHONPATH": str(TESTS.parent / "src"),
            "STORNO_LANG": "en",
        }
        self.host = subprocess.Popen(
            [sys.executable, "-m", "storno", "host", "--listen", f"127.0.0.1:{self.port}"],
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.host.stdout is not None
        assert "127.0.0.1" in self.host.stdout.readline()
        self._drain = threading.Thread(target=self.host.stdout.read, daemon=True)
        self._drain.start()

    def __call__(self, *words: str, timeout: str = "20") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "storno", "terminal", *words]
        if words[0] != "status":
            command += ["--host", f"127.0.0.1:{self.port}", "--timeout", timeout]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)

    def close(self) -> None:
        self.host.terminate()
        self.host.wait()
        self._drain.join()
        self.host.stdout.close()


@pytest.fixture
def cli(tmp_path):
    made = Cli(tmp_path / "home")
    yield made
    made.close()


def test_the_command_line_against_the_host_simulator(cli):
    approved = cli("sale", "--amount", "12.34")
    assert approved.returncode == 0, approved.stderr
    assert "approved" in approved.stdout
    # The host books it and loses its answer: unknown, then undone before the next sale.
    lost = cli("sale", "--amount", "91.02", "--json", timeout="1")
    told = json.loads(lost.stdout)
    assert (lost.returncode, told["outcome"], told["reversal_pending"]) == (3, "unknown", True)
    assert cli("status").returncode == 3
    following = json.loads(cli("sale", "--amount", "5", "--json").stdout)
    assert (following["outcome"], following["reversed_stans"]) == ("approved", [told["stan"]])
    settled = json.loads(cli("settle", "--json").stdout)
    assert (settled["outcome"], settled["cause"], settled["debit_minor"]) == ("approved", "answered", 1734)
    assert cli("void", following["stan"]).returncode == 2
    shown = json.loads(cli("status", "--json").stdout)
    assert [row["reversal"] for row in shown["log"]] == ["none", "accepted", "none"]
    everything = b"".join(file.read_bytes() for file in (cli.home / "terminal").iterdir())
    assert b"6200000000000013" not in everything


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "0.00", "12345678901.00", "1e3", "١", "", "1,00"])
def test_an_amount_that_is_none_is_refused_before_anything_is_sent(amount, capsys):
    from storno.cli.main import run

    assert run(["terminal", "sale", "--amount", amount]) == 2
    assert "amount" in capsys.readouterr().err


def test_a_wrong_card_is_refused_without_repeating_it(capsys):
    from storno.cli.main import run

    assert run(["terminal", "sale", "--amount", "1", "--card", "6200000000000014", "--lang", "zh"]) == 2
    said = capsys.readouterr()
    assert "校验位" in said.err
    assert "6200000000000014" not in said.err + said.out


def test_nobody_listening_is_not_sent(capsys):
    from storno.cli.main import run

    assert run(["terminal", "echo", "--host", f"127.0.0.1:{free_port()}", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["outcome"] == "not_sent"


def test_an_option_before_the_order_is_told_its_place(capsys):
    from storno.cli.main import run

    assert run(["terminal", "--config", "storno.toml", "sale", "--amount", "1"]) == 2
    assert "--config stands after the order: storno terminal sale --config" in capsys.readouterr().err
