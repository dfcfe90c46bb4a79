"""A gateway process under bad input, bad peers and a bad machine: a clear refusal, and nothing promised is lost."""

import itertools
import os
import socket
import time
from contextlib import suppress

import pytest

from hardness_rig import (
    CODEC,
    OTHER_TMK,
    TID,
    Gateway,
    Host,
    sale,
    sealed,
    wait_for,
)
from storno.iso8583.message import Message

STANS = itertools.count(1)
ROOT = os.geteuid() == 0


# ------------------------------------------------------------------ bad terminals, one gateway


@pytest.fixture(scope="module")
def host():
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(host, tmp_path_factory):
    more = "half_frame_s = 0.3\nconnections_max = 260\nout_bytes_max = 65536"
    with Gateway(tmp_path_factory.mktemp("hard") / "home", host.port, more) as running:
        running.wait_link()
        yield running
        assert running.stop() == 0, running.said()


def still_works(gateway: Gateway) -> bool:
    with gateway.terminal() as terminal:
        return terminal.ask(sealed(sale(next(STANS)))) == "00"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff" + b"0" * 100, id="oversized"),
        pytest.param(b"\x00\x00", id="zero"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 900, id="http"),
        pytest.param(b"\x00\x10" + b"\xa5" * 16, id="no-message"),
        pytest.param(b"\x00\x01\x00", id="one-byte"),
        pytest.param(bytes(range(256)) * 8, id="all-bytes"),
        pytest.param(
            CODEC.frame(CODEC.encode(Message("0210", {39: "00"}, "6000030000", "603100000000"))), id="answer"
        ),
        pytest.param(
            CODEC.frame(CODEC.encode(Message("0240", {41: TID}, "6000030000", "603100000000"))), id="notice"
        ),
    ],
)
def test_what_is_no_request_closes_its_connection_and_no_other(gateway, data):
    with gateway.terminal() as bystander, gateway.terminal() as terminal:
        with suppress(ConnectionError):
            terminal.send(data)
        assert terminal.closed()
        assert bystander.ask(sealed(sale(next(STANS)))) == "00"


def test_a_frame_cut_off_by_a_close_is_forgotten(gateway):
    for cut in (1, 2, 3, 40):
        with gateway.terminal() as terminal:
            terminal.send(sealed(sale(next(STANS)))[:cut])
    assert still_works(gateway)


def test_a_half_frame_is_not_waited_for_without_end(gateway):
    frame = sealed(sale(next(STANS)))
    with gateway.terminal() as terminal:
        for byte in frame[:5]:
            terminal.send(bytes((byte,)))
            time.sleep(0.01)
        assert terminal.closed()
    assert still_works(gateway)


def test_a_frame_in_single_bytes_is_a_frame(gateway):
    with gateway.terminal() as terminal:
        terminal.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in sealed(sale(next(STANS))):
            terminal.send(bytes((byte,)))
        assert terminal.answer().fields[39] == "00"


def test_two_hundred_connections_left_open_disturb_nobody(gateway):
    left = [gateway.terminal() for _ in range(200)]
    assert still_works(gateway)
    for one in left:
        one.sock.close()
    assert still_works(gateway)


def test_more_connections_than_there_is_room_for_are_closed_at_once(gateway):
    with gateway.terminal() as first:
        assert first.ask(sealed(sale(next(STANS)))) == "00"
        many = [gateway.terminal() for _ in range(280)]
        many[-1].sock.settimeout(5)
        assert many[-1].closed()
        assert first.ask(sealed(sale(next(STANS)))) == "00"
        for one in many:
            one.sock.close()
    assert "no room" in gateway.said()
    wait_for(lambda: still_open_again(gateway))


def still_open_again(gateway: Gateway) -> bool:
    with suppress(OSError):
        return still_works(gateway)
    return False


def test_a_terminal_that_never_reads_is_cut_off(gateway):
    with gateway.terminal() as terminal:
        burst = sealed(sale(1, tid="87654321")) * 200  # refused at once, with an answer each
        with pytest.raises(ConnectionError):  # noqa: PT012 one of many sends meets the end
            for _ in range(200):
                terminal.send(burst)
                time.sleep(0.01)
    assert still_works(gateway)


def no_mac() -> bytes:
    return CODEC.frame(CODEC.encode(sale(next(STANS))))


def bad_mac() -> bytes:
    frame = bytearray(sealed(sale(next(STANS))))
    frame[-1] ^= 1
    return bytes(frame)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(lambda: sealed(sale(next(STANS), tid="87654321")), "97", id="unknown-terminal"),
        pytest.param(bad_mac, "A0", id="wrong-mac"),
        pytest.param(no_mac, "A0", id="no-mac"),
        pytest.param(lambda: sealed(sale(next(STANS), f49="ZZZ")), "30", id="currency-junk"),
        pytest.param(lambda: sealed(sale(next(STANS), f49="998")), "30", id="currency-unknown"),
        pytest.param(lambda: sealed(sale(next(STANS), f4=None)), "30", id="amount-missing"),
        pytest.param(lambda: sealed(sale(next(STANS), f2="1")), "30", id="pan-short"),
        pytest.param(lambda: sealed(sale(next(STANS), f55="9F2608")), "30", id="chip-data-cut"),
        pytest.param(lambda: sealed(sale(next(STANS), f42=" " * 15)), "30", id="merchant-blank"),
    ],
)
def test_a_request_that_may_not_pass_is_refused_with_a_code(gateway, host, frame, code):
    before = host.count("0200")
    with gateway.terminal() as terminal:
        assert terminal.ask(frame()) == code
    assert host.count("0200") == before


def test_digits_that_are_none_close_the_connection(gateway):
    frame = bytearray(sealed(sale(next(STANS), f2=None)))
    frame[frame.index(bytes.fromhex("000000010000"))] = 0xFA
    with gateway.terminal() as terminal:
        assert terminal.ask(bytes(frame)) is None
    assert still_works(gateway)


def test_keys_wrapped_under_another_master_key_are_not_installed(gateway, host):
    host.tmk = OTHER_TMK
    try:
        fields = {11: f"{next(STANS):06d}", 41: TID, 42: "898440153110001", 60: "00000001003", 63: "01 "}
        with gateway.terminal() as terminal:
            ask = Message("0800", fields, "6000030000", "603100000000")
            terminal.ask(CODEC.frame(CODEC.encode(ask)))
    finally:
        host.tmk = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    assert "do not prove themselves" in gateway.said()
    assert still_works(gateway)


def test_nothing_was_said_about_a_card(gateway):
    assert still_works(gateway)
    assert "6225000000000014" not in gateway.said()
    assert "Traceback" not in gateway.said()
