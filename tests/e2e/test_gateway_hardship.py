"""A gateway process on a bad machine and beside a bad host: clear refusals, and nothing that was promised is lost."""

import datetime as dt
import ipaddress
import itertools
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hardness_rig import TID, Gateway, Host, make_home, sale, sealed, wait_for
from storno.gateway import clock
from storno.journal.sqlite_reader import SqliteReader
from storno.reversal.lifecycle import State

STANS = itertools.count(1)
BAD_INPUT, OUTSIDE = 2, 3
QUICK = "[profile]\nanswer_timeout_ms = 400\nreversal_timeout_ms = 400\nbackoff_first_ms = 50"


@pytest.fixture
def home(tmp_path):
    make_home(tmp_path / "home", TID)
    return tmp_path / "home"


@pytest.fixture
def host():
    with Host() as running:
        yield running


# ------------------------------------------------------------------ starting


def test_a_second_gateway_on_the_same_home_is_refused_by_name(home, host):
    with Gateway(home, host.port) as first:
        code, said = Gateway(home, host.port).refused()
        assert code == OUTSIDE
        assert "is being written by process" in said
        assert "Traceback" not in said
        with first.terminal() as terminal:
            first.wait_link()
            assert terminal.ask(sealed(sale(next(STANS)))) == "00"


def test_a_port_in_use_is_refused_by_its_number(home, host):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = Gateway(home, host.port, port=port).refused()
    assert code == OUTSIDE
    assert str(port) in said
    assert "another program has this port" in said
    assert "Traceback" not in said


def test_certificates_that_are_not_there_are_named(home, host):
    tables = '[tls]\ncertificate = "/nowhere.pem"\nkey = "/nowhere.key"'
    code, said = Gateway(home, host.port, tables=tables).refused()
    assert code == BAD_INPUT
    assert "[tls]" in said
    assert "Traceback" not in said


# ------------------------------------------------------------------ the host


def test_a_host_that_is_down_means_not_sent_until_it_comes(home):
    host = Host()
    with Gateway(home, host.port) as gateway, gateway.terminal() as terminal:
        assert terminal.ask(sealed(sale(next(STANS)))) == "92"
        with host:
            gateway.wait_link()
            assert terminal.ask(sealed(sale(next(STANS)))) == "00"
        assert gateway.stop() == 0


def test_a_host_that_never_answers_is_reversed(home, host):
    host.mode = "silent"
    with Gateway(home, host.port, tables=QUICK) as gateway, gateway.terminal() as terminal:
        gateway.wait_link()
        assert terminal.ask(sealed(sale(next(STANS)))) == "98"
        wait_for(lambda: host.count("0400") >= 2)  # asked again though nobody answers
        host.mode = "answer"
        with SqliteReader(home / "journal.db") as journal:
            wait_for(lambda: not list(journal.pending()))
        assert terminal.ask(sealed(sale(next(STANS)))) == "00"
        assert gateway.stop() == 0


def test_a_host_that_sends_garbage_is_connected_anew(home, host):
    host.mode = "garbage"
    with Gateway(home, host.port, tables=QUICK) as gateway, gateway.terminal() as terminal:
        gateway.wait_link()
        assert terminal.ask(sealed(sale(next(STANS)))) == "98"
        host.mode = "answer"
        wait_for(lambda: host.links >= 2)
        wait_for(lambda: host.count("0400") == 1)
        assert terminal.ask(sealed(sale(next(STANS)))) == "00"
        assert "the host's bytes are no frames" in gateway.said()
        assert gateway.stop() == 0


def test_an_answer_that_waited_while_the_gateway_stood_still_was_in_time(home, host):
    """A stopped process or a suspended machine: what lies in the sockets is read before any time is called out."""
    host.mode = "slow"
    with Gateway(home, host.port, tables=QUICK) as gateway, gateway.terminal() as terminal:
        gateway.wait_link()
        terminal.send(sealed(sale(next(STANS))))
        wait_for(lambda: host.count("0200") == 1)
        gateway.process.send_signal(signal.SIGSTOP)
        time.sleep(0.8)  # the answer comes after 0.3 s, the time-out is 0.4 s
        gateway.process.send_signal(signal.SIGCONT)
        assert terminal.answer().fields[39] == "00"
        assert gateway.stop() == 0
        assert host.count("0400") == 0


# ------------------------------------------------------------------ stopping


def test_a_stop_under_load_answers_what_is_in_flight(home, host):
    host.mode = "slow"
    with Gateway(home, host.port) as gateway:
        gateway.wait_link()
        terminals = [gateway.terminal() for _ in range(12)]
        for terminal in terminals:
            terminal.send(sealed(sale(next(STANS))))
        wait_for(lambda: host.count("0200") == len(terminals))
        gateway.process.send_signal(signal.SIGTERM)
        assert [terminal.answer().fields[39] for terminal in terminals] == ["00"] * len(terminals)
        assert gateway.exit_code() == 0, gateway.said()
        for terminal in terminals:
            terminal.sock.close()


def test_a_stop_beside_a_silent_host_leaves_it_to_the_next_start(home, host):
    host.mode = "silent"
    with Gateway(home, host.port, "drain_s = 0.3") as gateway, gateway.terminal() as terminal:
        gateway.wait_link()
        terminal.send(sealed(sale(next(STANS))))
        wait_for(lambda: host.count("0200") == 1)
        assert gateway.stop() == 0, gateway.said()
        assert terminal.answer() is None
    host.mode = "answer"
    with Gateway(home, host.port) as again:
        wait_for(lambda: host.count("0400") == 1)
        assert "recovered 1" in again.said()
        assert again.stop() == 0


# ------------------------------------------------------------------ the machine


def acknowledged_until_the_end(gateway: Gateway) -> set[str]:
    """Send sales until the gateway ends; give the STANs it acknowledged."""
    approved: set[str] = set()
    with suppress(OSError), gateway.terminal() as terminal:
        for _ in range(20_000):
            stan = f"{next(STANS):06d}"
            code = terminal.ask(sealed(sale(stan)))
            if code is None:
                break
            if code == "00":
                approved.add(stan)
    return approved


def check_that_nothing_promised_is_lost(home: Path, host: Host, approved: set[str]) -> None:
    with SqliteReader(home / "journal.db") as journal:
        wait_for(lambda: not list(journal.pending()))
        assert journal.verify().problems == ()
        states = {stan: journal.facts(journal.search(f"{TID}/{stan}")[0][0])[-1].state for stan in approved}
    assert set(states.values()) == {State.APPROVED}
    reversed_at_host = {one.fields[11] for one in host.heard if one.mti == "0400"}
    assert not reversed_at_host & approved
    asked = {one.fields[11] for one in host.heard if one.mti == "0200"}
    assert asked == approved | reversed_at_host  # each effect at the host is either promised or undone


@contextmanager
def small_disk(folder: Path, size: str):
    """Mount a small file system of its own, where that is allowed."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("no permission to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stops_the_gateway_and_loses_nothing(tmp_path, host):
    with small_disk(tmp_path / "disk", "1m") as disk:
        with Gateway(disk / "home", host.port) as gateway:
            gateway.wait_link()
            approved = acknowledged_until_the_end(gateway)
            assert approved
            assert gateway.exit_code() == OUTSIDE
            assert "make room or mend the disk" in gateway.said()
            assert "Traceback" not in gateway.said()
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        with Gateway(disk / "home", host.port) as again:
            check_that_nothing_promised_is_lost(disk / "home", host, approved)
            assert again.stop() == 0


def test_a_file_that_may_not_grow_stops_the_gateway_and_loses_nothing(home, host):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))

    with Gateway(home, host.port, limits=limit) as gateway:
        gateway.wait_link()
        approved = acknowledged_until_the_end(gateway)
        assert approved
        assert gateway.exit_code() == OUTSIDE
        assert "make room or mend the disk" in gateway.said()
    with Gateway(home, host.port) as again:
        check_that_nothing_promised_is_lost(home, host, approved)
        assert again.stop() == 0


def test_a_killed_writer_stops_the_gateway_and_loses_nothing(home, host):
    with Gateway(home, host.port) as gateway, gateway.terminal() as terminal:
        gateway.wait_link()
        stan = f"{next(STANS):06d}"
        assert terminal.ask(sealed(sale(stan))) == "00"
        children = (
            Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
        )
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        assert gateway.exit_code() == OUTSIDE
        assert "ended unexpectedly" in gateway.said()
    with Gateway(home, host.port) as again:
        check_that_nothing_promised_is_lost(home, host, {stan})
        assert again.stop() == 0


def test_a_disk_that_may_not_be_written_is_refused_at_the_start(tmp_path, host):
    with small_disk(tmp_path / "disk", "4m") as disk:
        with Gateway(disk / "home", host.port) as gateway:
            assert gateway.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (disk / "home" / "storno.toml").write_text("")
        refused = subprocess.run(
            gateway.process.args,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "STORNO_LANG": "en"},
        )
        assert refused.returncode == OUTSIDE, refused.stderr
        assert str(disk / "home") in refused.stderr
        assert "Traceback" not in refused.stderr


def test_setting_the_clock_moves_no_deadline(monkeypatch):
    wall = [1_767_225_600_000_000_000]
    monkeypatch.setattr(clock.time, "time_ns", lambda: wall[0])
    steady = clock.SteadyClock()
    before = steady.now_ms()
    wall[0] += 3_600_000_000_000
    assert 0 <= steady.now_ms() - before < 60_000
    assert abs(steady.jump_ms() - 3_600_000) < 60_000
    assert steady.jump_ms() == 0  # told once
    wall[0] -= 7_200_000_000_000
    assert abs(steady.jump_ms() + 3_600_000) < 60_000


# ------------------------------------------------------------------ TLS


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, secret


def test_tls_on_both_sides(home, tmp_path):
    pem, secret = certificate(tmp_path, "gateway")
    host_pem, host_secret = certificate(tmp_path, "host")
    listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    listening.load_cert_chain(host_pem, host_secret)
    tables = f'[tls]\ncertificate = "{pem}"\nkey = "{secret}"\n[host_tls]\nauthority = "{host_pem}"'
    with Host(tls=listening) as host, Gateway(home, host.port, tables=tables) as gateway:
        gateway.wait_link()
        with gateway.terminal(ssl.create_default_context(cafile=str(pem))) as terminal:
            assert terminal.ask(sealed(sale(next(STANS)))) == "00"
        with gateway.terminal() as plain:  # a terminal that does not speak TLS gets nothing
            plain.send(sealed(sale(next(STANS))))
            assert plain.closed() or plain.sock.recv(1) == b""
        assert host.count("0200") == 1
        assert gateway.stop() == 0


def test_a_host_with_a_strangers_certificate_is_not_trusted(home, tmp_path):
    theirs, secret = certificate(tmp_path, "stranger")
    expected, _ = certificate(tmp_path, "host")
    listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    listening.load_cert_chain(theirs, secret)
    tables = f'[host_tls]\nauthority = "{expected}"'
    with Host(tls=listening) as host, Gateway(home, host.port, tables=tables) as gateway:
        wait_for(lambda: "cannot connect to the host" in gateway.said())
        with gateway.terminal() as terminal:
            assert terminal.ask(sealed(sale(next(STANS)))) == "92"
        assert host.count("0200") == 0
