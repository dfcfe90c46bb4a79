"""The extra `otel`: nothing of it is loaded unasked, its absence is said, and with it spans reach a collector."""

import logging
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import pytest

from storno.app import otel
from storno.app.build import build_parts
from storno.app.settings import SettingsError, from_tables
from storno.app.watching import TraceSettings
from storno.gateway.tracing import Span

INSTALLED = find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None
SPAN = Span("storno.transaction", 1_000, 1_250, (("storno.tx_id", "20260101-0001-000001"),), failed=True)


def test_a_gateway_without_traces_json_and_metrics_loads_none_of_their_libraries():
    code = (
        "import sys, storno.cli.gateway, storno.app.build\n"
        "names = ('opentelemetry', 'structlog', 'prometheus_client')\n"
        "sys.exit(', '.join(name for name in names if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_extra_the_setting_is_refused_before_anything_is_opened(monkeypatch, tmp_path):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="opentelemetry")

    monkeypatch.setattr(otel, "import_module", missing)
    settings = from_tables({"trace": {"endpoint": "http://127.0.0.1:4318/v1/traces"}}, "storno.toml")
    with pytest.raises(SettingsError, match=r"storno\[otel\]"):
        build_parts(settings, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://x", "http://", "http://a b"])
def test_an_endpoint_is_an_http_address(endpoint):
    with pytest.raises(SettingsError, match="endpoint"):
        from_tables({"trace": {"endpoint": endpoint}}, "storno.toml")


def test_what_the_library_says_is_said_by_the_gateway():
    said = []
    told = otel._Told(lambda en, zh: said.append((en, zh)))
    told.emit(logging.LogRecord("opentelemetry", logging.WARNING, "", 0, "no\ncollector", (), None))
    assert said == [("traces: no", "链路追踪：no")]


class Collector(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    posted: list[bytes] = []  # noqa: RUF012 one collector for the test

    def do_POST(self):
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *said):
        pass


@pytest.mark.skipif(
    not INSTALLED, reason="the extra `otel` is not installed: it is optional and in no lock file"
)
def test_a_span_reaches_a_collector_with_its_own_times():
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        tracer = otel.otel_tracer(TraceSettings(f"http://127.0.0.1:{port}/v1/traces", "till-gateway"))
        tracer.span(SPAN)
        tracer.close()
        server.shutdown()
    [resource] = ExportTraceServiceRequest.FromString(b"".join(Collector.posted)).resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    [span] = resource.scope_spans[0].spans
    assert named["service.name"] == "till-gateway"
    assert (span.name, span.start_time_unix_nano, span.end_time_unix_nano) == (
        SPAN.name, 1_000_000_000, 1_250_000_000,
    )  # fmt: skip
    assert {one.key: one.value.string_value for one in span.attributes} == dict(SPAN.attributes)
    assert span.status.code == 2
