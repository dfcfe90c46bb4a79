"""What is counted is shown: every count has its metric, the sums are right, the files are what their script writes."""

import asyncio
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import storno.gateway
from journal_kit import NOW_MS, change, sale
from storno.app.settings import SettingsError, from_tables, load
from storno.cli.monitordoc import files, page
from storno.gateway.counts import HOST_MS, Buckets
from storno.gateway.metric_table import METRICS, PREFIX, MetricKind
from storno.gateway.metrics import COUNTED, ENDS, RESULTS, TOLD_ELSEWHERE, read_cases
from storno.gateway.metrics_http import MetricsServer
from storno.gateway.serve import Address
from storno.journal.sqlite import SqliteJournal
from storno.journal.sqlite_reader import SqliteReader
from storno.reversal.lifecycle import IN_FLIGHT, TABLE, Input, State
from storno.reversal.machine import step
from storno.reversal.record import Detail, Trigger
from storno.watch.prometheus_rules import ALERTS, OBJECTIVES, WINDOWS, burn_alerts, names_in, rules

ROOT = Path(__file__).resolve().parents[2]
UNDOING = Detail(trigger=Trigger.TIMEOUT, reason="98", due_ms=NOW_MS, deadline_ms=NOW_MS * 2)


def test_every_count_of_the_gateway_has_its_metric():
    told: set[str] = set()
    for file in Path(storno.gateway.__path__[0]).glob("*.py"):
        for call in re.findall(r"counts\.add\(([^\n]*)\)", file.read_text("utf-8")):
            told |= set(re.findall(r'"(\w+)"', call))
    told |= {Input.REVERSAL_ACCEPTED.value, Input.REVERSAL_REFUSED.value}
    assert len(told) > 25
    assert told == set(COUNTED) | TOLD_ELSEWHERE
    assert {PREFIX + metric for metric, _ in COUNTED.values()} <= {one.name for one in METRICS}


def test_every_way_out_of_waiting_for_the_host_is_a_result_and_every_end_of_a_reversal_a_state():
    ways = {what for (state, what), row in TABLE.items() if state in IN_FLIGHT and row.state not in IN_FLIGHT}
    assert ways == set(RESULTS)
    assert State.REVERSED in ENDS
    assert State.EXHAUSTED in ENDS
    assert State.REVERSING not in ENDS


def test_names_follow_the_rules_of_prometheus():
    names = [one.name for one in METRICS]
    assert len(set(names)) == len(names)
    for one in METRICS:
        assert re.fullmatch(r"storno_[a-z_]+", one.name)
        assert (one.kind is MetricKind.COUNTER) == one.name.endswith("_total")
        assert one.kind is not MetricKind.HISTOGRAM or one.name.endswith("_seconds")
        assert not re.search(r"_(ms|pct|percent|ratio)\b", one.name)
        assert re.search("[\u4e00-\u9fff]", one.zh)


@given(st.lists(st.integers(0, 100_000)))
def test_a_value_stands_in_the_first_bucket_whose_bound_it_does_not_exceed(values):
    buckets = Buckets(HOST_MS)
    for value in values:
        buckets.add(value)
    below = [sum(value <= bound for value in values) for bound in HOST_MS] + [len(values)]
    assert buckets.counts == [below[0], *(b - a for a, b in pairwise(below))]
    assert buckets.total == sum(values)


def test_what_waits_for_a_person_is_summed_from_the_journal(tmp_path):
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    given_up = [sale("1-1")]
    given_up.append(step(given_up[-1].record, Input.RESPONSE_TIMEOUT, NOW_MS + 1, UNDOING))
    given_up.append(step(given_up[-1].record, Input.REVERSAL_EXHAUSTED, NOW_MS + 2))
    again = [step(given_up[-1].record, Input.RETRY_ORDERED, NOW_MS + 3, UNDOING)]
    journal.commit([change(one) for one in given_up])
    read = read_cases(path, SqliteReader, 1.0)
    record = given_up[-1].record
    assert (read.count, read.money) == (
        (("exhausted", 1),),
        ((record.opening.currency, record.amount_minor),),
    )
    journal.commit([change(one) for one in again])
    assert read_cases(path, SqliteReader, 1.0).money == ()  # the gateway works on it: it is in hand
    journal.close()


# ------------------------------------------------------------------ files of the script


def test_rules_dashboard_and_pages_are_what_the_script_writes():
    written = files(ROOT)
    assert len(written) == 4
    for path, text in written.items():
        assert path.read_text("utf-8") == text, f"run `python -m storno.cli.monitordoc`: {path.name}"


def test_a_page_without_its_marks_is_not_overwritten():
    with pytest.raises(AssertionError, match="marks"):
        page("# Metrics\n", "en")


def test_rules_and_dashboard_name_metrics_of_the_table_only():
    ends = ("", "_bucket", "_count", "_sum")
    known = {one.name + end for one in METRICS for end in ends}
    for text in (rules(), (ROOT / "deploy/grafana/storno.json").read_text("utf-8")):
        assert len(names_in(text)) > 8
        assert names_in(text) <= known


def test_burn_rates_are_those_of_the_table_and_never_of_one_terminal():
    minutes = {"5m": 5, "30m": 30, "1h": 60, "6h": 360, "3d": 4320}
    assert [(one.long, one.factor) for one in WINDOWS] == [("1h", 14.4), ("6h", 6), ("3d", 1)]
    assert all(minutes[one.short] * 12 == minutes[one.long] for one in WINDOWS)
    month = 30 * 24 * 60
    for one in WINDOWS:
        assert one.share == f"{one.factor * minutes[one.long] / month:.0%}".replace("%", " %")
    alerts = list(burn_alerts())
    assert len(alerts) == len(WINDOWS) * len(OBJECTIVES)
    assert all("increase(storno_transactions_total" in one.expr for one in alerts)  # a least number
    for one in (*alerts, *ALERTS):
        assert one.en
        assert re.search("[\u4e00-\u9fff]", one.zh)
        assert re.search("[\u4e00-\u9fff]", one.todo_zh)


# ------------------------------------------------------------------ settings and listener


def test_metrics_and_log_are_off_and_text_unless_asked_for(tmp_path):
    plain = from_tables({}, "x")
    assert (plain.metrics.listen, plain.log.format.value, plain.trace.endpoint) == (None, "text", "")
    told = load(None, tmp_path, metrics="127.0.0.1:9464", log="json")
    assert (told.metrics.listen, told.log.format.value) == (Address("127.0.0.1", 9464), "json")
    assert from_tables({"metrics": {"listen": ""}}, "x").metrics.listen is None
    for tables in (
        {"metrics": {"listen": "9464"}},
        {"log": {"format": "xml"}},
        {"trace": {"service": "a b"}},
    ):
        with pytest.raises(SettingsError):
            from_tables(tables, "x")


def test_a_client_that_does_not_read_is_cut_off():
    async def talk():
        async def much():
            return b"x" * 30_000_000

        server = MetricsServer(Address("127.0.0.1", 0), much, limit_s=0.3)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        while server._talks or not reader._buffer:  # noqa: ASYNC110 the server knows no events
            await asyncio.sleep(0.01)
        heard = b""
        try:
            while data := await reader.read(1_000_000):
                heard += data
        except ConnectionError:
            pass
        writer.close()
        await server.stop()
        return len(heard)

    assert asyncio.run(asyncio.wait_for(talk(), 20)) < 30_000_000
