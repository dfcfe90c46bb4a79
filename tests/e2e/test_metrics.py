"""/metrics of a real gateway over real HTTP: what it counts, what it never shows, and clients that misbehave."""

import itertools
import json
import re
import socket
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hardness_rig import MID, TID, Gateway, Host, free_port, sale, sealed, wait_for
from storno.gateway.metric_table import METRICS, MetricKind
from storno.gateway.metrics_http import CONNECTIONS_MAX, HEAD_MAX
from storno.watch.prometheus_rules import names_in, rules

STANS = itertools.count(1)
PAN = "6225000000000014"
ROOT = Path(__file__).parents[2]


class Shown:
    """One reading of /metrics: values by name and labels."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            self.type = answer.headers["Content-Type"]
            self.text = answer.read().decode()
        self.values = {}
        self.names = set()
        for family in text_string_to_metric_families(self.text):
            for one in family.samples:
                self.values[one.name, *sorted(one.labels.values())] = one.value
                self.names.add(one.name)

    def __getitem__(self, name: str | tuple[str, ...]) -> float:
        words = (name,) if isinstance(name, str) else name
        return self.values[f"storno_{words[0]}", *sorted(words[1:])]


@pytest.fixture(scope="module")
def host():
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(host, tmp_path_factory):
    port = free_port()
    tables = (
        "[profile]\nanswer_timeout_ms = 400\nreversal_timeout_ms = 300\nbackoff_first_ms = 200\nbackoff_max_ms = 200\n"
        f'attempts_max = 2\n[metrics]\nlisten = "127.0.0.1:{port}"\n[log]\nformat = "json"\n'
    )
    made = Gateway(tmp_path_factory.mktemp("metrics") / "home", host.port, "sign_on = false", tables)
    made.wait_link = lambda: wait_for(lambda: '"link_up"' in made.said())
    made.wait_open = lambda: wait_for(lambda: '"listening"' in made.said())
    with made as running:
        running.metrics = port
        running.wait_link()
        yield running
        assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def shown(gateway, host):
    """What is shown after three sales, a repeat, a wrong MAC, bytes that are none, and a sale without an answer."""
    with gateway.terminal() as terminal:
        first = sealed(sale(next(STANS)))
        assert [terminal.ask(one) for one in (first, sealed(sale(next(STANS))), first)] == ["00", "00", "00"]
        assert terminal.ask(sealed(sale(next(STANS)))[:-8] + b"00000000") == "A0"
        host.mode = "silent"
        lost = terminal.ask(sealed(sale(next(STANS))))
        assert lost not in (None, "00")
        wait_for(lambda: Shown(gateway.metrics)["cases_opened_total"] == 1)
    host.mode = "answer"
    with gateway.terminal() as terminal:
        terminal.send(b"\x00\x10" + b"\xa5" * 16)
        assert terminal.closed()
    wait_for(lambda: Shown(gateway.metrics)["unreadable_total", "terminal"] == 1)
    return Shown(gateway.metrics)


def test_numerators_and_denominators_are_those_of_the_day(shown):
    assert shown["requests_total"] == 4
    assert shown["transactions_opened_total", "sale"] == 3
    assert shown["transactions_total", "sale", "approved"] == 2
    assert shown["transactions_total", "sale", "timeout"] == 1
    assert shown["repeats_total", "request"] == 1
    assert shown["mac_failures_total", "terminal"] == 1
    assert shown["mac_failures_total", "host"] == 0
    assert shown["timeouts_total"] == 1
    assert shown["reversals_begun_total", "timeout"] == 1
    assert shown["reversals_ended_total", "timeout", "exhausted"] == 1
    assert shown["reversals_sent_total", "first"] == 1
    assert shown["reversals_sent_total", "repeat"] == 1
    assert shown["host_response_seconds_count"] == 2
    assert shown["host_response_seconds_bucket", "+Inf"] == 2
    assert shown["journal_group_seconds_count"] > 0
    assert shown["links_up"] == shown["links_wanted"] == 1
    assert shown["halted"] == 0
    assert shown["reversals_open"] == shown["reversal_oldest_open_seconds"] == 0


def test_money_of_unknown_outcome_waits_for_a_person(gateway, shown):
    # the journal is read again after a while only; what is in doubt must get there, and not be counted twice
    wait_for(lambda: Shown(gateway.metrics)["cases_open", "exhausted"] == 1, 40)
    now = Shown(gateway.metrics)
    assert now["unknown_money_minor", "CNY", "case"] == 10_000
    assert now["unknown_money_minor", "CNY", "in_hand"] == 0


def test_every_metric_is_shown_and_no_other(shown):
    ends = ("_bucket", "_count", "_sum")
    table = {one.name for one in METRICS if one.kind is not MetricKind.HISTOGRAM}
    table |= {one.name + end for one in METRICS if one.kind is MetricKind.HISTOGRAM for end in ends}
    assert shown.names == table
    assert shown.type.startswith("text/plain; version=0.0.4")


def test_nothing_in_it_tells_a_card_a_terminal_or_a_transaction(gateway, shown):
    said = shown.text + gateway.said()
    assert PAN not in said
    assert not {"tid", "mid", "stan", "pan", "tx_id", "trace"} & {
        label for one in METRICS for label in one.labels
    }
    told = " ".join(re.findall(r"\{.*?\}", shown.text))
    assert 'kind="sale"' in told
    assert not [one for one in (TID, MID, PAN[:6], "000001") if one in told]


def test_every_metric_the_rules_and_the_dashboard_name_is_shown(shown):
    dashboard = (ROOT / "deploy/grafana/storno.json").read_text("utf-8")
    for text in (rules(), dashboard):
        named = names_in(text)
        assert len(named) > 8
        assert named <= shown.names


def test_each_line_of_the_log_is_one_object_with_its_time_in_utc(gateway, shown):
    lines = [json.loads(line) for line in gateway.said().splitlines()]
    assert {"listening", "link_up", "case", "terminal_bad_mac", "unreadable", "metrics"} <= {
        one["event"] for one in lines
    }
    for one in lines:
        assert list(one)[:3] == ["at", "level", "event"]
        at = datetime.fromisoformat(one["at"])
        assert at.utcoffset() == timedelta(0)
        assert abs(at - datetime.now(UTC)) < timedelta(hours=1)
    unreadable = next(one for one in lines if one["event"] == "unreadable")
    assert unreadable["offset"].isdigit()


# ------------------------------------------------------------------ clients that misbehave


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metricsx HTTP/1.1\r\n\r\n", 404),
        (b"\x00\x10\xa5\xa5\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * HEAD_MAX + b"\r\n\r\n", 431),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", 200),
        (b"GET /metrics?name=x HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_what_is_not_asked_properly_gets_a_status(gateway, request_, status):
    with socket.create_connection(("127.0.0.1", gateway.metrics), timeout=10) as sock:
        sock.sendall(request_)
        heard = sock.makefile("rb").readline().decode()
    assert heard.startswith(f"HTTP/1.1 {status} ")


def said_before_the_end(sock: socket.socket) -> bytes:
    try:
        return sock.recv(1)
    except ConnectionError:
        return b""


def test_who_takes_all_places_and_says_nothing_stops_neither_money_nor_metrics(gateway):
    idle = [
        socket.create_connection(("127.0.0.1", gateway.metrics), timeout=20) for _ in range(CONNECTIONS_MAX)
    ]
    try:
        with gateway.terminal() as terminal:
            assert terminal.ask(sealed(sale(next(STANS)))) == "00"
        with pytest.raises((ConnectionError, urllib.error.URLError)):
            Shown(gateway.metrics)
        assert not any(map(said_before_the_end, idle))  # each is cut off in its time
    finally:
        for sock in idle:
            sock.close()
    assert re.search("^storno_build_info", Shown(gateway.metrics).text, re.MULTILINE)
